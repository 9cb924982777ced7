"""A real Celery worker (prefork) and beat as programs of their own, on a test's own database and broker database."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from inventory_site.embedded import die_with_parent

BASE_DIR = Path(__file__).resolve().parent.parent.parent


def wait_until(condition: Callable[[], object], *, seconds: float = 90, what: str = "it") -> None:
    """Ask again and again until the condition holds; fails with `what` when the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.05)


class Worker:
    """A worker that can be stopped, killed and started again; `environment` adds to what it is started with."""

    def __init__(self, *, database_url: str, folder: Path, environment: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "inventory_site.settings",  # as in production, not as under test
            "DATABASE_URL": database_url,
            "REDIS_URL": settings.REDIS_URL,
            "SWEEP_SECONDS": "1",
            "LOG_LEVEL": "INFO",
            **(environment or {}),
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *, concurrency: int = 2, beat: bool = False) -> None:
        """Start, and return when it takes messages."""
        already = self.log.count(" ready.")
        self._spawn("worker", "worker", f"--concurrency={concurrency}", "--without-gossip", "--without-mingle")
        if beat:
            self._spawn("beat", "beat", f"--schedule={self.folder / 'beat'}", "--pidfile=")
        wait_until(lambda: self.log.count(" ready.") > already or not self.is_alive, what="the worker to be ready")
        assert self.is_alive, f"the worker ended:\n{self.log}"

    def _spawn(self, name: str, *arguments: str) -> None:
        argv = [sys.executable, "-m", "celery", "-q", "-A", "inventory_site", *arguments, "--loglevel=INFO"]
        with self._log_path(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(
                argv, cwd=BASE_DIR, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=die_with_parent(signal.SIGTERM),
            )  # fmt: skip

    def _log_path(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    @property
    def log(self) -> str:
        path = self._log_path("worker")
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def is_alive(self) -> bool:
        process = self._processes.get("worker")
        return process is not None and process.poll() is None

    @property
    def pid(self) -> int:
        return self._processes["worker"].pid

    def kill9(self) -> None:
        """Kill the worker and its pool outright, as a power cut would."""
        self._end("worker", signal.SIGKILL)

    def kill9_pool_process(self) -> None:
        """Kill one process of the pool, as the kernel does when memory runs out."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)

    def restart(self, *, concurrency: int = 2) -> None:
        self.stop()
        self.start(concurrency=concurrency)

    def stop(self) -> None:
        """Ask to finish what is being worked on and end."""
        for name in list(self._processes):
            self._end(name, signal.SIGTERM)

    def _end(self, name: str, number: signal.Signals) -> None:
        process = self._processes.pop(name, None)
        if process is None:
            return
        if number == signal.SIGTERM:
            process.send_signal(number)  # it tells its pool itself
            try:
                process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                number = signal.SIGKILL
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # whatever is left
        process.wait()


def forget_messages() -> None:
    """Empty this process's broker database of what earlier tests announced."""
    import redis  # noqa: PLC0415  (only where a broker is in use)

    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        keys = [settings.CELERY_TASK_DEFAULT_QUEUE, "unacked", "unacked_index", "unacked_mutex"]
        broker.delete(*keys, *broker.keys("_kombu.binding.*"))
