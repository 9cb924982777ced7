"""From an environment to a running copy: secret, servers, migrations; then the supervisor, or one management command.

Set-up talks on standard error: standard output belongs to the command. Django is imported only once the servers run,
because the settings read their addresses.
"""

import contextlib
import os
import secrets
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from inventory_site.embedded import Embedded, EmbeddedError, for_data_dir, programs_dir, set_addresses

BASE_DIR = Path(__file__).resolve().parent.parent
# Commands that look at code only.
NEED_NO_SERVERS = {"help", "version", "--help", "--version", "-h", "collectstatic", "diffsettings", "startapp"}
# Commands that are about migrations: they must find the database as it is.
LEAVE_MIGRATIONS = {"migrate", "showmigrations", "sqlmigrate", "makemigrations", "squashmigrations"}
MIGRATION_LOCK = 7_052_601


class StartError(Exception):
    """The copy cannot be started; the message says why and what to do."""


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(what: str, arguments: list[str]) -> int:
    signal.signal(signal.SIGTERM, _end)
    os.environ["DJANGO_SETTINGS_MODULE"] = "inventory_site.settings"
    try:
        data_dir = prepare_data_dir()
        if what == "up":
            from inventory_site.supervisor import up  # noqa: PLC0415  (not needed by the other command)

            return up(arguments, data_dir=data_dir)
        return manage(arguments, data_dir=data_dir)
    except (StartError, EmbeddedError) as error:
        say(str(error))
    except PermissionError as error:
        say(
            f"{error.filename}: this account may not read or write it. Nothing was changed."
            " Start as the account that made it, or set DATA_DIR to a folder of your own."
        )
    except KeyboardInterrupt:
        say("Stopped.")
        return 130
    return 1


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)  # so that the servers are let go of


def prepare_data_dir() -> Path:
    """Make DATA_DIR and its secret, and name it in full, so that programs started elsewhere mean the same place."""
    data_dir = Path(os.environ.get("DATA_DIR", "").strip() or BASE_DIR / "var").resolve()
    os.environ["DATA_DIR"] = str(data_dir)
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (os.environ.get("SECRET_KEY") or os.environ.get("SECRET_KEY_FILE")):
        _make_secret(data_dir / "secret-key")
    return data_dir


def _make_secret(path: Path) -> None:
    if path.exists():
        return
    # Written whole, then given its name: of two that start at once, both use the same one.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".secret-")  # readable by its owner alone
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(64) + "\n")
    with contextlib.suppress(FileExistsError):
        os.link(name, path)
    Path(name).unlink()


def manage(arguments: list[str], *, data_dir: Path) -> int:
    """Run one management command on the data of `up`, whether that is running or not."""
    command = arguments[0] if arguments else "help"
    servers = for_data_dir(data_dir)
    if command in NEED_NO_SERVERS:
        return _run_command(arguments)
    with servers.hold():
        set_addresses(servers)
        if servers.wants_postgres:  # for dbshell
            os.environ["PATH"] = f"{os.environ.get('PATH', '')}:{programs_dir()}"
        if command not in LEAVE_MIGRATIONS:
            migrate(servers, first_only=not servers.wants_postgres)
        return _run_command(arguments)


def _run_command(arguments: list[str]) -> int:
    from django.core.management import execute_from_command_line  # noqa: PLC0415  (needs the servers' addresses)

    sys.argv = [str(BASE_DIR / "manage.py"), *arguments]  # as Django's own reloader expects it
    execute_from_command_line(sys.argv)
    return 0


def migrate(servers: Embedded, *, first_only: bool = False) -> None:
    """Bring the database up to date. `first_only`: an outside one that is in use is left to whoever looks after it."""
    import django  # noqa: PLC0415  (needs the servers' addresses)

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import OperationalError, connection  # noqa: PLC0415
    from django.db.migrations.executor import MigrationExecutor  # noqa: PLC0415

    def is_behind() -> bool:
        executor = MigrationExecutor(connection)
        if first_only and executor.loader.applied_migrations:
            return False
        return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))

    try:
        if not is_behind():
            return
        with connection.cursor() as cursor, contextlib.redirect_stdout(sys.stderr):
            # Of two that start at once, the second waits and finds nothing left to do.
            cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
            try:
                if is_behind():
                    say("Setting up the database ...")
                    call_command("migrate", interactive=False, verbosity=0)
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])
    except OperationalError as error:
        raise StartError(f"The database does not answer as it should. Nothing was changed.\n{error}") from error
    finally:
        connection.close()
