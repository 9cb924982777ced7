"""The same commands as root in a private folder, and as an ordinary user in a clone of one's own."""

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platform.copies import CHECKOUT, Copy, plain_environment

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(400),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can try both"),
]
DEBIANS_PYTHON = "/usr/bin/python3"
NOT_PART_OF_A_CLONE = shutil.ignore_patterns(".venv", "var", ".git", "__pycache__", ".*_cache", ".hypothesis")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other accounts could reach; pytest's own is private."""
    path = Path(tempfile.mkdtemp(prefix="lotwise-clone-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def test_a_clone_in_a_private_folder_works_as_root_and_stays_private(folder: Path) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)
    shutil.copytree(CHECKOUT, private / "clone", ignore=NOT_PART_OF_A_CLONE)
    (private / "clone" / ".venv").symlink_to(Path(sys.prefix))
    copy = Copy(
        private / "clone" / "var",
        checkout=private / "clone",
        python=str(private / "clone" / ".venv" / "bin" / "python"),
    )
    done = copy.manage("users_ensure", "--only-administrator")
    assert done.stdout.startswith("Made administrator;"), done.stderr
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert (copy.data_dir / "embedded" / "postgresql").stat().st_uid != 0
    copy.start("--no-demo")
    assert copy.status("/readyz") == 200
    assert copy.stop() == 0


def can_make_environments(python: str) -> bool:
    code = "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))"
    return Path(python).exists() and subprocess.run([python, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(not can_make_environments(DEBIANS_PYTHON), reason="needs a Python that every account may use")
def test_an_ordinary_user_needs_nothing_but_python(folder: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    clone = folder / "clone"
    shutil.copytree(CHECKOUT, clone, ignore=NOT_PART_OF_A_CLONE)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    environment = {key: value for key, value in os.environ.items() if key.startswith(("PIP_", "SSL_", "REQUESTS_"))}
    environment |= plain_environment(clone / "var") | {"HOME": str(folder), "PATH": "/usr/bin:/bin"}  # without uv
    environment.pop("DATA_DIR")
    done = subprocess.run(
        [DEBIANS_PYTHON, str(clone / "run.py"), "manage", "users_ensure"],
        user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], cwd=folder, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Made viewer, clerk, accountant, administrator;")
    assert (clone / "var" / "embedded" / "postgresql").stat().st_uid == nobody.pw_uid
