"""`run.py up`: starts, answers, heals, stops; keeps what it was given."""

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from inventory_site.first_users import kept_password
from tests.harness.worker import wait_until
from tests.platform.copies import Copy, is_alive, seconds_until_all_gone


def _same(before: dict[str, int], after: dict[str, int]) -> set[str]:
    return {name for name in before if before[name] == after.get(name)}


@pytest.mark.timeout(600)
def test_a_day_in_the_life_of_a_copy(make_copy: Callable[..., Copy]) -> None:
    copy = make_copy()
    copy.start("--no-demo")
    assert copy.status("/livez") == 200
    assert copy.status("/readyz") == 200
    password = kept_password(copy.data_dir)
    assert password
    assert f"Sign in as administrator, password {password}" in copy.said
    assert (copy.data_dir / "sign-in.txt").stat().st_mode & 0o777 == 0o600

    # A second one on the same data, and another one on the same port, are refused before they start anything.
    second = make_copy()
    with pytest.raises(AssertionError, match="already runs on"):
        second.start()
    assert second.ended_with == 1
    neighbour = make_copy("neighbour")
    neighbour.port = copy.port
    with pytest.raises(AssertionError, match="Nothing was started"):
        neighbour.start()
    assert not (neighbour.data_dir / "embedded").exists()

    # A command beside it works on the same data and leaves its servers alone.
    done = copy.manage("shell", "-v0", "-c", "from django.contrib.auth.models import User; print(User.objects.count())")
    assert done.stdout == "1\n", done.stderr
    assert copy.status("/readyz") == 200

    # What is killed is started again, by its own name.
    before = copy.children()
    assert set(before) == {"web", "worker", "beat", "postgres", "valkey"}
    os.kill(before["web"], signal.SIGKILL)
    os.kill(before["worker"], signal.SIGKILL)
    wait_until(lambda: {"web", "worker"} <= set(copy.children()) - _same(before, copy.children()), what="both")
    wait_until(lambda: copy.status("/livez") == 200, what="the web server")
    assert "The web process was killed (SIGKILL)" in copy.said

    assert "The worker process was killed (SIGKILL)" in copy.said

    running = [*copy.children().values(), *before.values()]
    assert copy.stop(signal.SIGINT) == 0
    assert not any(map(is_alive, running))
    assert copy.status("/livez") == 0

    copy.start()
    assert kept_password(copy.data_dir) == password
    assert "Setting up" not in copy.said.rpartition("Stopping")[2], "the second start finds all as it was"
    assert "Gathering" not in copy.said.rpartition("Stopping")[2]
    assert copy.stop() == 0


@pytest.mark.full
@pytest.mark.timeout(600)
def test_a_killed_copy_takes_its_children_along_and_the_next_start_recovers(copy: Copy) -> None:
    copy.start("--no-demo")
    children = copy.children()
    copy.stop(signal.SIGKILL)
    seconds_until_all_gone([children[name] for name in ("web", "worker", "beat")], at_most=15)
    copy.start()
    assert copy.status("/readyz") == 200
    assert copy.stop() == 0
    seconds_until_all_gone(list(children.values()), at_most=5)


@pytest.mark.full
@pytest.mark.timeout(600)
def test_servers_that_are_killed_under_a_copy_come_back(copy: Copy) -> None:
    copy.start("--no-demo")
    children = copy.children()
    os.kill(children["postgres"], signal.SIGKILL)
    os.kill(children["valkey"], signal.SIGKILL)
    wait_until(lambda: "was started again" in copy.said, what="the servers")
    wait_until(lambda: copy.status("/readyz") == 200, what="the site")
    assert copy.stop() == 0


@pytest.mark.full
@pytest.mark.timeout(600)
def test_two_copies_run_side_by_side(make_copy: Callable[..., Copy]) -> None:
    one, other = make_copy("one"), make_copy("other")
    one.start("--no-demo")
    other.start("--no-demo")
    assert kept_password(one.data_dir) != kept_password(other.data_dir)
    assert one.stop() == 0
    assert other.status("/readyz") == 200
    assert other.stop() == 0


@pytest.mark.full
@pytest.mark.timeout(600)
def test_a_second_ctrl_c_stops_at_once(copy: Copy) -> None:
    copy.start("--no-demo")
    assert copy.process
    copy.process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    start = time.monotonic()
    assert copy.stop(signal.SIGINT) == 0
    assert time.monotonic() - start < 5


def test_a_port_that_is_no_port_is_refused(copy: Copy, tmp_path: Path) -> None:
    copy.port = 70_000
    with pytest.raises(AssertionError, match="between 1 and 65535"):
        copy.start()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        copy.port = taken.getsockname()[1]
        with pytest.raises(AssertionError, match=f"run.py up --port {copy.port + 1}"):
            copy.start()
    assert not (copy.data_dir / "embedded").exists()
