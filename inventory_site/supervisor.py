"""`up`: web server, Celery worker and beat, until Ctrl-C; who dies is started again.

Each child leads a session of its own: Ctrl-C reaches this process alone, so the order of stopping is ours. Should this
process be killed outright, the kernel tells the children to end.
"""

import argparse
import contextlib
import fcntl
import hashlib
import http.client
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from inventory_site.embedded import Embedded, EmbeddedError, die_with_parent, for_data_dir, set_addresses
from inventory_site.launcher import BASE_DIR, StartError, migrate, say

LONGEST_PAUSE = 30.0  # seconds between two attempts to start what keeps dying
STABLE_AFTER = 60.0  # a child that lived this long starts again without a pause
LOOK_AT_SERVERS_EVERY = 5.0
ASK_EVERY = 0.3
# In this order, each with its patience in seconds: no new work is announced, none is asked for, the rest is finished.
STOP_ORDER = {"demo data": 5.0, "beat": 5.0, "web": 10.0, "worker": 45.0}


class Child:
    """A program that runs for as long as `up` does."""

    def __init__(self, name: str, argv: list[str]) -> None:
        self.name, self.argv = name, argv
        self.failures = 0
        self.not_before = 0.0
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0

    def start(self) -> None:
        self.started = time.monotonic()
        environment = os.environ | {
            "PYTHONUNBUFFERED": "1",
            # Celery warns at every start as root; our messages are JSON, which is what the warning is about.
            "PYTHONWARNINGS": "ignore::UserWarning:celery.platforms",
        }
        self.process = subprocess.Popen(  # noqa: S603  (our own argument lists)
            self.argv, cwd=BASE_DIR, env=environment, stdin=subprocess.DEVNULL, start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )  # fmt: skip

    @property
    def ended_with(self) -> int | None:
        return self.process.poll() if self.process else None

    def kill_rest(self) -> None:
        """End what a dead child leaves behind: its own children would hold the port, or work on unwatched."""
        if self.process:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def revive(self) -> None:
        """Start again what has ended, after a pause that doubles with every quick death."""
        now = time.monotonic()
        if (code := self.ended_with) is not None:
            self.failures = 1 if now - self.started > STABLE_AFTER else self.failures + 1
            pause = min(LONGEST_PAUSE, 2.0 ** (self.failures - 1)) if self.failures > 1 else 0.5
            how = f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended with {code}"
            say(f"The {self.name} process {how}; it starts again in {pause:g} s.")
            self.kill_rest()
            self.not_before = now + pause
        if self.process is None and now >= self.not_before:
            self.start()


class Supervisor:
    """The children of one copy."""

    def __init__(self, children: list[Child], *, servers: Embedded, on_answer: Callable[[], Child | None]) -> None:
        self.children, self.servers, self.on_answer = children, servers, on_answer
        self.once: Child | None = None
        self.on_once_end: Callable[[int], None] = lambda code: None
        self.signals: list[int] = []

    def run(self, address: tuple[str, int]) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._noted)
        answered, asked, looked = False, 0.0, time.monotonic()
        try:
            for child in self.children:
                child.start()
            while not self.signals:
                if not answered and time.monotonic() - asked > ASK_EVERY:
                    asked = time.monotonic()
                    if answers(address):
                        answered, self.once = True, self.on_answer()
                        if self.once:
                            self.once.start()
                for child in self.children:
                    child.revive()
                if self.once and (code := self.once.ended_with) is not None:
                    self.once = None
                    self.on_once_end(code)
                if time.monotonic() - looked > LOOK_AT_SERVERS_EVERY:
                    self._look_at_servers()
                    looked = time.monotonic()
                time.sleep(0.1)
        finally:
            self.stop()

    def _noted(self, number: int, frame: FrameType | None) -> None:
        self.signals.append(number)

    def _look_at_servers(self) -> None:
        try:
            for name in self.servers.revive():
                say(f"{name} had ended; it was started again.")
        except EmbeddedError as error:
            say(f"{error}\nIt is tried again.")

    def stop(self) -> None:
        """Stop in order, patiently; a second Ctrl-C ends the patience."""
        say("Stopping ... (Ctrl-C again: at once)")
        running = {child.name: child for child in [*self.children, *filter(None, [self.once])]}
        for name, patience in STOP_ORDER.items():
            child = running.get(name)
            if child is None or child.process is None:
                continue
            if child.process.poll() is None:
                child.process.terminate()
            deadline = time.monotonic() + patience
            while child.process.poll() is None and time.monotonic() < deadline and len(self.signals) < 2:
                time.sleep(0.05)
            child.kill_rest()


def answers(address: tuple[str, int]) -> bool:
    link = http.client.HTTPConnection(*address, timeout=2)
    try:
        link.request("GET", "/livez", headers={"Host": "localhost"})
        return link.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.py up", description="Start the product; Ctrl-C stops it.")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 lets other machines in")
    parser.add_argument("--no-demo", action="store_true", help="start empty: no demo data, and administrator only")
    given = parser.parse_args(arguments)
    if not 1 <= given.port <= 65535:
        parser.error(f"--port must lie between 1 and 65535; it is {given.port}.")
    return given


def up(arguments: list[str], *, data_dir: Path) -> int:
    """Run the product until it is told to stop. Refuses, before anything is started, where it cannot."""
    given = _arguments(arguments)
    with _only_one(data_dir, f"http://{given.host}:{given.port}/"):
        _check_port(given.host, given.port)
        _allow_hosts(given.host)
        servers = for_data_dir(data_dir)
        with servers.hold():
            set_addresses(servers)
            _serve(given, data_dir=data_dir, servers=servers)
    say("Stopped. Everything is kept in " + str(data_dir))
    return 0


def _serve(given: argparse.Namespace, *, data_dir: Path, servers: Embedded) -> None:
    migrate(servers)  # sets Django up
    check_code()
    from inventory_site.first_users import ROLES, sign_in_text, users_ensure  # noqa: PLC0415  (needs Django)

    users_ensure(roles=("administrator",) if given.no_demo else ROLES, data_dir=data_dir)
    collect_static(data_dir)
    wants_demo = _wants_demo(data_dir, refused=given.no_demo)
    _close_connection()
    shown = f"[{given.host}]" if ":" in given.host else given.host

    def announce() -> Child | None:
        sys.stdout.write(f"\nLotwise is ready:  http://{shown}:{given.port}/\n{sign_in_text(data_dir=data_dir)}\n")
        sys.stdout.write("Ctrl-C stops it.\n\n")
        sys.stdout.flush()
        _close_connection()
        return _demo_child() if wants_demo else None

    def demo_ended(code: int) -> None:
        if code == 0:
            _demo_marker(data_dir).write_text("loaded\n")
            say("The demo data is there.")
        else:
            say("The demo data could not be loaded; the reason stands above. The next start tries again.")

    supervisor = Supervisor(_children(given.host, given.port, data_dir), servers=servers, on_answer=announce)
    supervisor.on_once_end = demo_ended
    wildcard = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (only compared with)
    supervisor.run((wildcard.get(given.host, given.host), given.port))


def _children(host: str, port: int, data_dir: Path) -> list[Child]:
    python = [sys.executable, "-m"]
    celery = [*python, "celery", "-q", "-A", "inventory_site"]
    level = f"--loglevel={os.environ.get('LOG_LEVEL') or 'WARNING'}"
    web = ["granian", "--interface", "wsgi", "--host", host, "--port", str(port), "--workers", "1", "--no-ws"]
    web += ["--blocking-threads", "4", "--log-level", "warning", "inventory_site.wsgi:application"]
    (data_dir / "beat").mkdir(mode=0o700, exist_ok=True)
    return [
        Child("web", [*python, *web]),
        Child("worker", [*celery, "worker", level, "--concurrency=2", "--without-gossip", "--without-mingle"]),
        Child("beat", [*celery, "beat", level, f"--schedule={data_dir / 'beat' / 'schedule'}", "--pidfile="]),
    ]


# -- Before anything is started ----------------------------------------------------------------------
@contextlib.contextmanager
def _only_one(data_dir: Path, address: str) -> Iterator[None]:
    """Hold the copy: two schedulers on one DATA_DIR would ask for everything twice."""
    with (data_dir / "up.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise StartError(
                f"Lotwise already runs on {data_dir} ({file.read().strip() or 'just starting'}). Nothing was changed."
                " Stop that one first, or set DATA_DIR to another folder for a second copy."
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()}, {address}\n")
        file.flush()
        yield


def _check_port(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise StartError(f"--host {host}: no such address ({error}). Nothing was started.") from error
    deadline = time.monotonic() + 3  # the web server of a copy that was just killed may still be leaving
    while True:
        with socket.socket(family, kind, protocol) as link:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                link.bind(address)
            except OSError as error:
                if time.monotonic() > deadline or not isinstance(error.errno, int):
                    raise StartError(
                        f"{host}:{port} cannot be used ({error.strerror}). Nothing was started."
                        f" Choose another port: python3 run.py up --port {port + 1 if port < 65535 else 8000}"
                    ) from error
            else:
                return
        time.sleep(0.2)


def _allow_hosts(host: str) -> None:
    """Let a copy that listens to other machines answer to this machine's own names; ALLOWED_HOSTS says others."""
    if "ALLOWED_HOSTS" in os.environ or host in ("127.0.0.1", "localhost", "::1"):
        return
    names = {"localhost", "127.0.0.1", "[::1]", socket.gethostname(), socket.getfqdn()}
    if host not in ("0.0.0.0", "::"):  # noqa: S104  (only compared with)
        names.add(f"[{host}]" if ":" in host else host)
    with contextlib.suppress(OSError):
        names |= {str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    os.environ["ALLOWED_HOSTS"] = ",".join(sorted(names))


def check_code() -> None:
    """Load every page's code and check the settings: what is broken is said once, here, and not by each child."""
    from django.core.management import CommandError, call_command  # noqa: PLC0415  (needs Django)

    try:
        call_command("check", stdout=io.StringIO())
    except CommandError as error:
        raise StartError(f"{error}\nNothing was started, nothing was lost.") from error


# -- Once per copy, or when the files changed ----------------------------------------------------------
def collect_static(data_dir: Path) -> None:
    """Gather the static files, if they are not those that were gathered last."""
    from django.contrib.staticfiles.finders import get_finders  # noqa: PLC0415  (needs Django)
    from django.core.management import call_command  # noqa: PLC0415

    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            found = os.stat(storage.path(name))
            digest.update(f"{name} {found.st_size} {found.st_mtime_ns}\n".encode())
    marker = data_dir / "static.gathered"
    if marker.exists() and marker.read_text() == digest.hexdigest():
        return
    say("Gathering the static files ...")
    marker.unlink(missing_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    marker.write_text(digest.hexdigest())


def _demo_marker(data_dir: Path) -> Path:
    return data_dir / "demo-data"


def _wants_demo(data_dir: Path, *, refused: bool) -> bool:
    """Decide at the first start, and keep to it; records of one's own are never mixed with made-up ones."""
    from django.apps import apps  # noqa: PLC0415  (needs Django)

    marker = _demo_marker(data_dir)
    if not marker.exists():
        has_records = apps.get_model("lots", "LineItemCode").objects.exists()
        marker.write_text("refused\n" if refused or has_records else "wanted\n")
    return not refused and marker.read_text().strip() == "wanted"


def _demo_child() -> Child | None:
    from django.core.management import get_commands  # noqa: PLC0415  (needs Django)

    if "seed_demo" not in get_commands():
        return None
    say("Loading the demo data; the pages fill while you look around ...")
    return Child("demo data", [sys.executable, str(BASE_DIR / "manage.py"), "seed_demo"])


def _close_connection() -> None:
    from django.db import connection  # noqa: PLC0415  (needs Django)

    connection.close()
