"""Lock files: hashed throughout, the same on every machine, and silent about where things were fetched from."""

import re
from pathlib import Path

import pytest

BASE_DIR = Path(__file__).resolve().parent.parent.parent
REQUIREMENT = re.compile(r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+?)(?: ;[^\\]*)? \\$", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    return dict(REQUIREMENT.findall((BASE_DIR / name).read_text()))


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_pin_has_hashes(name: str) -> None:
    text = (BASE_DIR / name).read_text()
    blocks = [block for block in re.split(r"\n(?=\S)", text) if block.strip() and not block.startswith("#")]
    assert len(blocks) == len(pins(name)) > 10
    assert all("--hash=sha256:" in block for block in blocks)


def test_an_environment_for_tests_serves_the_product_too() -> None:
    runtime, dev = pins("requirements.lock"), pins("requirements-dev.lock")
    assert runtime.items() <= dev.items()


def test_no_lock_or_package_file_names_a_host() -> None:
    """An address would be that of whoever made the file, and would be asked on every other machine."""
    names = ["*.lock", "package*.json", "**/vendor.json", "pylock*.toml", "pyproject.toml"]
    files = [path for name in names for path in BASE_DIR.glob(name)]
    files = [path for path in files if not {".venv", "node_modules", "var"} & set(path.parts)]
    assert len(files) >= 3
    for path in files:
        text = path.read_text()
        assert not re.search(r"https?://|git\+|--index-url|--extra-index|--find-links|\bfile:", text), path
    assert not (BASE_DIR / "uv.lock").exists()
