"""Every setting once, in headed sections. Refuses to start on a bad value; defaults are the safe ones."""

from pathlib import Path

import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF

from inventory_site.env import celery_broker_url, env_bool, env_int, env_list, env_secret, env_text

BASE_DIR = Path(__file__).resolve().parent.parent

# -- What is kept ----------------------------------------------------------------------------------
# One folder holds all that a copy keeps (database, broker, uploads, secrets), so that two copies can run side by side.
DATA_DIR = Path(env_text("DATA_DIR") or BASE_DIR / "var").resolve()

# -- Who we are ------------------------------------------------------------------------------------
SECRET_KEY = env_secret("SECRET_KEY", data_dir=DATA_DIR)
DEBUG = env_bool("DEBUG", default=False)
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS", [])
SITE_NAME = "Lotwise"

INSTALLED_APPS = [
    "inventory_site",
    "reconciliation",
    "usage",
    "lots",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django_filters",
    "django_htmx",
    "django_tables2",
    "csp",
    "pgtrigger",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Sign-in is required everywhere; a public page must say so itself (@login_not_required).
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "inventory_site.middleware.headers",
]

ROOT_URLCONF = "inventory_site.urls"
WSGI_APPLICATION = "inventory_site.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["inventory_site.templatetags.display"],
        },
    }
]

# -- Database: PostgreSQL only ---------------------------------------------------------------------
# Without DATABASE_URL, `run.py` starts the embedded PostgreSQL and sets it.
DATABASES = {
    "default": {
        **environ.Env.db_url_config(env_text("DATABASE_URL") or "postgres://lotwise@127.0.0.1/lotwise"),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
}
# A Unix socket's folder comes as an option; Django's own tools (dbshell) look for it where hosts stand.
DATABASES["default"]["HOST"] = DATABASES["default"].get("OPTIONS", {}).pop("host", DATABASES["default"]["HOST"])
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- Broker and background work --------------------------------------------------------------------
# Celery messages are wake-ups only; the work list is rows in PostgreSQL (docs/adr/).
REDIS_URL = env_text("REDIS_URL") or "redis://127.0.0.1:6379/0"
NIGHTLY_RUN_HOUR = env_int("NIGHTLY_RUN_HOUR", 2, minimum=0, maximum=23)
NIGHTLY_RUN_MINUTE = env_int("NIGHTLY_RUN_MINUTE", 30, minimum=0, maximum=59)
SWEEP_SECONDS = env_int("SWEEP_SECONDS", 5, minimum=1, maximum=600)
# Usages per batch: one transaction, at most about ten seconds (docs/performance.md).
BATCH_USAGES = env_int("BATCH_USAGES", 40_000, minimum=1, maximum=1_000_000)

CELERY_BROKER_URL = celery_broker_url(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Above the hard time limit: a visibility timeout is no lease, a task that outlives it runs twice.
    "visibility_timeout": 600,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # A broker that is down must not hold up a web request: the sweeper finds what was not announced.
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
}
CELERY_TASK_DEFAULT_QUEUE = "reconciliation"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 120
CELERY_TASK_SOFT_TIME_LIMIT = 90
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BEAT_SCHEDULE = {
    # Short, because it is what heals: lost messages, dead workers, and pools that a posting left with work.
    "sweep": {"task": "reconciliation.tasks.sweep", "schedule": SWEEP_SECONDS},
    # At night, when nobody waits for the machine; the hour is a setting.
    "nightly-run": {
        "task": "reconciliation.tasks.nightly_run",
        "schedule": crontab(hour=str(NIGHTLY_RUN_HOUR), minute=str(NIGHTLY_RUN_MINUTE)),
    },
    # After the run, because it is about what stayed unallocated. Does nothing where accruing is off.
    "nightly-accrued-cogs": {
        "task": "reconciliation.tasks.accrue_cogs",
        "schedule": crontab(
            hour=str((NIGHTLY_RUN_HOUR + (NIGHTLY_RUN_MINUTE + 30) // 60) % 24),
            minute=str((NIGHTLY_RUN_MINUTE + 30) % 60),
        ),
    },
    # After the run, so that the morning's home page says whether every invariant holds.
    "nightly-ledger-check": {
        "task": "reconciliation.tasks.check_ledger",
        "schedule": crontab(hour=str((NIGHTLY_RUN_HOUR + 1) % 24), minute=str(NIGHTLY_RUN_MINUTE)),
    },
}

# -- Sign-in and safety ----------------------------------------------------------------------------
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# HTTPS is ended by the proxy in front; a copy on one's own machine runs without (HTTPS=0).
HTTPS = env_bool("HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
# Whoever watches a copy asks from inside, without the proxy.
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
if HTTPS:
    # The prefix makes browsers refuse these cookies from any other host, or without encryption.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 8 * 60 * 60
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

# -- Files -----------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(DATA_DIR / "uploads"), "file_permissions_mode": 0o600},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
UPLOAD_LIMIT_BYTES = env_int("UPLOAD_LIMIT_MEGABYTES", 50, minimum=1, maximum=2_000) * 1_000_000
UNPACKED_LIMIT_BYTES = env_int("UNPACKED_LIMIT_MEGABYTES", 500, minimum=1, maximum=20_000) * 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
# As many as the import form has. Files are parsed before sign-in is asked for, so a hundred would fill anybody's disk.
DATA_UPLOAD_MAX_NUMBER_FILES = 3
FILE_UPLOAD_HANDLERS = [
    # First of all: what is too large is not even written to disk.
    "reconciliation.importing.uploads.LimitedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# -- Language, time, numbers -----------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
TIME_ZONE = CELERY_TIMEZONE = env_text("TIME_ZONE") or "UTC"
USE_TZ = True
USE_I18N = False
DJANGO_TABLES2_TEMPLATE = "components/table.html"

# -- Log -------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env_text("LOG_LEVEL") or "WARNING"},
    "loggers": {"reconciliation": {"level": "INFO"}},
}
