"""What other systems' test suites expect of the same events, where their rules are ours.

The cases and the figures are theirs, named in each file; `tests/golden/peers/README.md` says which cases do not fit,
and why.
"""

from pathlib import Path

import pytest

from . import scenarios

FILES = sorted((scenarios.GOLDEN / "peers").glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_engine_agrees_with_what_the_peer_expects(path: Path) -> None:
    scenarios.play(path)


def test_the_cases_are_there() -> None:
    assert len(FILES) >= 50
