"""Typed readers of environment variables: a bad value is refused by name, at start, in plain words."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


def env_text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def env_bool(name: str, *, default: bool) -> bool:
    raw = os.environ.get(name)
    if raw is None:
        return default
    if raw.strip().lower() in _TRUE:
        return True
    if raw.strip().lower() in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be one of 1/0, true/false, yes/no, on/off; it is {raw!r}.")


def env_int(name: str, default: int, *, minimum: int, maximum: int) -> int:
    raw = os.environ.get(name, "").strip()
    if not raw:
        return default
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number; it is {raw!r}.") from None
    if not minimum <= value <= maximum:
        raise ImproperlyConfigured(f"{name} must lie between {minimum} and {maximum}; it is {value}.")
    return value


def env_list(name: str, default: list[str]) -> list[str]:
    raw = os.environ.get(name)
    return default if raw is None else [part.strip() for part in raw.split(",") if part.strip()]


def env_secret(name: str, *, data_dir: Path) -> str:
    """Read a secret from NAME, else from the file named by NAME_FILE, else from DATA_DIR.

    Raises ImproperlyConfigured when there is none: a made-up secret would end every session at each restart.
    """
    if value := os.environ.get(name, "").strip():
        return value
    path = Path(os.environ.get(f"{name}_FILE") or data_dir / name.lower().replace("_", "-"))
    if path.is_file() and (value := path.read_text().strip()):
        return value
    raise ImproperlyConfigured(f"Set {name}, or {name}_FILE to a file that holds it ('python3 run.py' makes one).")


def celery_broker_url(redis_url: str) -> str:
    """Turn REDIS_URL into Celery's spelling: unix:///path?db=1 becomes redis+socket:///path?virtual_host=1."""
    if not redis_url.startswith("unix://"):
        return redis_url
    path, _, query = redis_url.removeprefix("unix://").partition("?")
    return f"redis+socket://{path}?virtual_host={query.removeprefix('db=') or '0'}"
