#!/usr/bin/env python3
"""Everything from a fresh clone, with nothing but Python 3.11 or newer:

    python3 run.py up [--port N] [--host H] [--no-demo]    the product: web server, worker, scheduler and their servers
    python3 run.py test [--full] [pytest's arguments]      the tests
    python3 run.py manage COMMAND ...                      any management command, on the same data as `up`

The first call makes .venv from a hash-locked list. What is kept lies in DATA_DIR (default: ./var).
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = VENV / "bin" / "python"
RUNTIME_LOCK, DEV_LOCK = HERE / "requirements.lock", HERE / "requirements-dev.lock"
# Written by us alone: what is installed, as hashes of the lists, or that an installation is under way.
STAMP = VENV / "installed-by-run.py"
UNFINISHED = "unfinished"


def say(text: str) -> None:
    # Standard output belongs to the command that is run.
    print(text, file=sys.stderr, flush=True)


def digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def stamp() -> str:
    try:
        return STAMP.read_text()
    except OSError:
        return ""


def is_installed(lock: Path) -> bool:
    return digest(lock) in stamp() and PYTHON.exists()


def ensure_environment(lock: Path) -> None:
    """Have .venv hold what the lock file lists. An installation that was interrupted is begun again."""
    if is_installed(lock):
        return
    folder = os.open(HERE, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("Waiting for another run.py, which is installing the packages ...")
        fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        if not is_installed(lock):
            install(lock, folder)
    except PermissionError as error:
        sys.exit(f"{error.filename} cannot be written by this account. Nothing was changed. Use a clone of your own.")
    finally:
        os.close(folder)


def install(lock: Path, held: int) -> None:
    say(f"Installing the locked packages into {VENV} (once; about half a minute) ...")
    # In place where it was whole: a copy that is running goes on undisturbed. Afresh where it was not.
    if stamp() == UNFINISHED or not PYTHON.exists():
        shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir(exist_ok=True)
    STAMP.write_text(UNFINISHED)
    # The installers hold the lock, too: should this process be killed, the next one waits until they have ended.
    if not (install_with_uv(lock, held) or install_with_pip(lock, held)):
        sys.exit(
            "The packages could not be installed; the reason stands above. Nothing else was changed."
            " Try again when the network is there: it begins where it has to."
        )
    # The longer list holds the shorter one, pin for pin (tests/architecture/test_lock_files.py).
    locks = [RUNTIME_LOCK, DEV_LOCK] if lock == DEV_LOCK else [lock]
    STAMP.write_text("\n".join(digest(each) for each in locks) + "\n")


def works(*argv: object, held: int | None = None) -> bool:
    output = subprocess.DEVNULL if held is None else sys.stderr
    inherited = () if held is None else (held,)
    command = [str(part) for part in argv]
    return subprocess.run(command, stdout=output, stderr=output, pass_fds=inherited, check=False).returncode == 0


def install_with_uv(lock: Path, held: int) -> bool:
    uv = shutil.which("uv")
    if not uv or not works(uv, "--version"):
        return False
    make = (uv, "venv", "-q", "--allow-existing", "--python", sys.executable, VENV)
    if not PYTHON.exists() and not works(*make, held=held):
        return False
    options = ("-q", "--python", PYTHON, "--only-binary", ":all:", "--require-hashes")
    return works(uv, "pip", "install", *options, "-r", lock, held=held)


def install_with_pip(lock: Path, held: int) -> bool:
    if not (PYTHON.exists() and works(PYTHON, "-m", "pip", "--version")):
        if importlib.util.find_spec("ensurepip") is None:
            sys.exit(
                "This Python cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv"
            )
        if not works(sys.executable, "-m", "venv", VENV, held=held):
            return False
    # Not compiled in advance: that takes longer than the rest, for files of which most are never read.
    options = ["-qq", "--disable-pip-version-check", "--root-user-action=ignore", "--no-compile"]
    options += ["--only-binary", ":all:", "--require-hashes"]
    return works(PYTHON, "-m", "pip", "install", *options, "-r", lock, held=held)


def test_arguments(arguments: list[str]) -> list[str]:
    """Use two processes, unless the call says how many, or names what it wants to see."""
    chosen = any(part.startswith(("-n", "--numprocesses", "-p", "--pdb", "--co")) for part in arguments)
    named = any(not part.startswith("-") and (HERE / part.split("::")[0]).exists() for part in arguments)
    return arguments if chosen or named else ["-n", "2", "--dist", "worksteal", *arguments]


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036  (whoever runs this may have an older one)
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    what, rest = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("help", [])
    if what not in ("up", "test", "manage"):
        asked = what in ("help", "-h", "--help")
        print(__doc__, file=sys.stdout if asked else sys.stderr)
        sys.exit(0 if asked else 2)
    if Path(sys.prefix) == VENV and what != "test":
        from inventory_site import launcher  # noqa: PLC0415  (exists in the environment only)

        sys.exit(launcher.main(what, rest))
    try:
        ensure_environment(DEV_LOCK if what == "test" else RUNTIME_LOCK)
    except KeyboardInterrupt:
        sys.exit("\nStopped. The next start begins the installation again.")
    argv = [str(PYTHON), str(HERE / "run.py"), what, *rest]
    if what == "test":
        os.chdir(HERE)
        argv = [str(PYTHON), "-m", "pytest", *test_arguments(rest)]
    os.execv(argv[0], argv)  # noqa: S606  (our own interpreter)


if __name__ == "__main__":
    main()
