"""A copy of the product in a folder of its own, driven through run.py as a person drives it."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.harness.worker import wait_until

MARKS = {"web": "granian", "worker": " worker ", "beat": " beat ", "postgres": "bin/postgres", "valkey": "valkey"}
CHECKOUT = Path(__file__).resolve().parent.parent.parent


def free_port() -> int:
    with socket.socket() as link:
        link.bind(("127.0.0.1", 0))
        port: int = link.getsockname()[1]
        return port


def plain_environment(data_dir: Path) -> dict[str, str]:
    """What a person has: none of the suite's own settings, and no servers named."""
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "TMPDIR")}
    return kept | {"DATA_DIR": str(data_dir)}


class Copy:
    """One DATA_DIR, and the `up` that runs on it."""

    def __init__(self, data_dir: Path, *, checkout: Path = CHECKOUT, python: str = sys.executable) -> None:
        self.data_dir, self.checkout = data_dir, checkout
        self.port = free_port()
        self.argv = [python, str(checkout / "run.py")]
        self.log = data_dir.with_name(f"{data_dir.name}.log")
        self.process: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        argv = [*self.argv, "manage", *arguments]
        environment = plain_environment(self.data_dir)
        return subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=200)

    def start(self, *options: str) -> None:
        """Start `up` and return when it has said that it is ready."""
        said = self.said.count("is ready")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.argv, "up", "--port", str(self.port), *options],
                env=plain_environment(self.data_dir), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        wait_until(lambda: self.said.count("is ready") > said or self.ended_with is not None, seconds=180, what="up")
        assert self.ended_with is None, self.said

    @property
    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    @property
    def ended_with(self) -> int | None:
        return self.process.poll() if self.process else None

    def status(self, path: str) -> int:
        """Ask the web server; 0 where nobody answers."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            link.request("GET", path)
            return link.getresponse().status
        except OSError:
            return 0
        finally:
            link.close()

    def children(self) -> dict[str, int]:
        """Return the processes of `up` by what they are: web, worker, beat, postgres, valkey."""
        assert self.process is not None
        found = {}
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for pid in map(int, path.read_text().split()):
            try:
                line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # it ended since it was listed
                continue
            for name, mark in MARKS.items():
                if mark in line:
                    found[name] = pid
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=120)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def seconds_until_all_gone(pids: list[int], *, at_most: float) -> float:
    start = time.monotonic()
    wait_until(lambda: not any(map(is_alive, pids)), seconds=at_most, what="all processes to be gone")
    return time.monotonic() - start
