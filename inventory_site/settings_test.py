"""The few differences under test, each with its reason.

Real PostgreSQL and a real broker: throw-away ones, unless DATABASE_URL and REDIS_URL name some.
"""

import atexit
import os
import re
import shutil
import tempfile
from pathlib import Path

from inventory_site import embedded

# Whoever imports this first (pytest, or its controller under xdist) starts the servers; the others inherit them.
if "LOTWISE_TEST_DIR" not in os.environ:
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        os.environ["LOTWISE_TEST_DIR"] = tempfile.mkdtemp(prefix="lotwise-files-")
        atexit.register(shutil.rmtree, os.environ["LOTWISE_TEST_DIR"], ignore_errors=True)
    else:
        os.environ["LOTWISE_TEST_DIR"] = str(embedded.throw_away())
    os.environ["LOTWISE_TEST_RUN"] = str(os.getpid())

PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "main")  # gw0, gw1, ...

# What tests write never lies among what a person keeps, and no process meets another's files.
_data_dir = Path(os.environ["LOTWISE_TEST_DIR"]) / PROCESS
(_data_dir / "static").mkdir(parents=True, exist_ok=True)
os.environ["DATA_DIR"] = str(_data_dir)
os.environ["SECRET_KEY"] = "only-for-tests-and-the-same-in-every-process-of-a-run"  # noqa: S105  (guards nothing)
# A developer's own settings must not change what the tests see.
for _name in ("DEBUG", "HTTPS", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "TIME_ZONE", "LOG_LEVEL"):
    os.environ.pop(_name, None)

# Each process has its own broker database, or two processes' workers would take each other's messages.
if PROCESS != "main":
    _offset = int(PROCESS.removeprefix("gw")) + 1
    os.environ["REDIS_URL"] = re.sub(
        r"(?<=[=/])\d+$", lambda found: str(int(found[0]) + _offset), os.environ["REDIS_URL"]
    )

from inventory_site.settings import *  # noqa: E402, F403
from inventory_site.settings import DATABASES, STORAGES  # noqa: E402

# The name carries the run: two test runs on one server must not meet in one database.
DATABASES["default"]["TEST"] = {"NAME": f"test_{DATABASES['default']['NAME']}_{os.environ['LOTWISE_TEST_RUN']}"}
# A kept connection would hold on to a database that its test has dropped.
DATABASES["default"]["CONN_MAX_AGE"] = 0

# Hashing is slow on purpose; nobody attacks a test.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Served from where they lie: no test should need `collectstatic` first.
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
