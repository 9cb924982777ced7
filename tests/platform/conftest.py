"""Copies of the product; whatever a test leaves running is ended."""

import contextlib
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.platform.copies import Copy


@pytest.fixture
def make_copy(tmp_path: Path) -> Iterator[Callable[..., Copy]]:
    made: list[Copy] = []

    def make_copy(name: str = "data", **options: object) -> Copy:
        made.append(Copy(tmp_path / name, **options))  # type: ignore[arg-type]  # passed on as given
        return made[-1]

    yield make_copy
    for copy in made:
        if copy.process and copy.process.poll() is None:
            copy.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                copy.process.wait(timeout=120)
        # Servers that outlived a killed `up` are stopped by the next command that leaves.
        sockets = copy.data_dir / "embedded" / "run"
        if sockets.exists() and any(sockets.iterdir()):
            copy.manage("check", "--database", "default")


@pytest.fixture
def copy(make_copy: Callable[..., Copy]) -> Copy:
    return make_copy()
