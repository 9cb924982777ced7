"""The embedded servers: shared by whoever needs them, found again after a crash."""

import os
import signal
import stat
from pathlib import Path

import psycopg
import pytest

from inventory_site.embedded import SHARED_BINARIES, Embedded, EmbeddedError, others_can_enter
from tests.harness.worker import wait_until


def count(servers: Embedded) -> int:
    with psycopg.connect(servers.database_url) as link:
        return link.execute("SELECT count(*) FROM fact").fetchall()[0][0]  # type: ignore[no-any-return]  # it counts


def test_the_last_holder_stops_the_servers(tmp_path: Path) -> None:
    first, second = Embedded(tmp_path / "servers"), Embedded(tmp_path / "servers")
    with first.hold():
        with second.hold():
            assert second.ask_valkey(b"PING").startswith(b"+PONG")
        assert first.postgres_answers()
    assert not first.postgres_answers()
    assert not first.ask_valkey(b"PING")


def test_what_was_committed_survives_the_death_of_the_servers(tmp_path: Path) -> None:
    servers = Embedded(tmp_path / "servers")
    with servers.hold():
        with psycopg.connect(servers.database_url) as link:
            link.execute("CREATE TABLE fact AS SELECT generate_series(1, 1000)")
        servers.ask_valkey(b"SET message wake-up")
        pid = int((servers.postgres_dir / "postmaster.pid").read_text().split("\n")[0])
        assert servers._valkey_process
        servers._valkey_process.kill()
        os.kill(pid, signal.SIGKILL)
        servers._valkey_process.wait()
        wait_until(lambda: not servers.postgres_answers(), what="PostgreSQL to be gone")
        assert sorted(servers.revive()) == ["PostgreSQL", "Valkey"]
        assert count(servers) == 1000
        assert b"wake-up" in servers.ask_valkey(b"GET message")
        assert servers.revive() == []


def test_sockets_move_where_the_folder_name_is_too_long(tmp_path: Path) -> None:
    servers = Embedded(tmp_path / ("x" * 100))
    assert servers.socket_dir.parent != servers.root
    assert len(str(servers.socket_dir)) < 80
    assert servers.socket_dir != Embedded(tmp_path / ("y" * 100)).socket_dir


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands its servers to another account")
def test_as_root_a_private_folder_stays_private_and_the_servers_run_all_the_same(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    servers = Embedded(private / "data" / "servers")
    assert not others_can_enter(private)
    with servers.hold(), psycopg.connect(servers.database_url) as link:
        assert link.execute("SELECT 1").fetchall() == [(1,)]
        assert servers.postgres_dir.stat().st_uid != 0
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has programs that another account cannot reach")
def test_programs_in_a_private_folder_are_copied_for_the_servers_account(tmp_path: Path) -> None:
    package = tmp_path / "sample_package"
    (package / "bin").mkdir(parents=True)
    (package / "bin" / "server").write_text("program")
    tmp_path.chmod(0o700)
    copied = Embedded(tmp_path / "servers")._reachable(package, [package / "bin"], str(os.getpid()))
    try:
        assert copied.is_relative_to(SHARED_BINARIES)
        assert others_can_enter(copied / "bin")
        assert (copied / "bin" / "server").read_text() == "program"
    finally:
        (copied / "bin" / "server").unlink()
        (copied / "bin").rmdir()
        copied.rmdir()
        copied.parent.rmdir()


def test_a_folder_of_another_account_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "servers" / "postgresql").mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 12345)
    with pytest.raises(EmbeddedError, match=r"belongs to another account.*Nothing was changed"):
        Embedded(tmp_path / "servers")
