"""`run.py manage`: any command, on an empty folder or beside a running copy."""

from pathlib import Path

import pytest

from tests.platform.copies import Copy


def servers_answer(copy: Copy) -> bool:
    sockets = copy.data_dir / "embedded" / "run"
    return any(sockets.iterdir()) if sockets.exists() else False


def test_a_command_on_an_empty_folder_sets_everything_up_and_leaves_nothing_running(copy: Copy, tmp_path: Path) -> None:
    done = copy.manage("dumpdata", "auth.group", "--output", "groups.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "", "standard output belongs to the command"
    assert "Setting up the database" in done.stderr
    assert (tmp_path / "groups.json").exists(), "a file is where the caller stands"
    assert not (tmp_path / "var").exists()
    assert not servers_answer(copy)
    assert (copy.data_dir / "secret-key").stat().st_mode & 0o777 == 0o600

    made = copy.manage("users_ensure")
    assert made.stdout.count("\n") == 1
    assert "Made viewer, clerk, accountant, administrator" in made.stdout
    assert made.stderr == "", "the second time there is nothing to set up"
    again = copy.manage("users_ensure")
    assert "nothing was changed" in again.stdout, "the data of the command before is there"


def test_the_exit_code_is_the_commands_own(copy: Copy) -> None:
    assert copy.manage("users_ensure", "--no-such-option").returncode == 2
    assert copy.manage("no_such_command").returncode == 1
    assert copy.manage("shell", "-v0", "-c", "raise SystemExit(7)").returncode == 7
    assert not servers_answer(copy)


@pytest.mark.full
def test_a_long_folder_name_with_spaces_works(tmp_path: Path) -> None:
    copy = Copy(tmp_path / "a folder, 100% long " / ("x" * 90) / "data")
    copy.data_dir.parent.mkdir(parents=True)
    done = copy.manage("users_ensure", "--only-administrator")
    assert done.stdout.startswith("Made administrator;"), done.stderr
