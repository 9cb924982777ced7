"""What is vendored is what the list says, without pointers to files that are not there."""

import json

import pytest

from tests.site.vendoring import LIST, VENDOR, digest

PACKAGES = json.loads(LIST.read_text())
FILES = [(path, entry["sha512"]) for package in PACKAGES for path, entry in package["files"].items()]


@pytest.mark.parametrize(("path", "expected"), FILES)
def test_a_vendored_file_is_the_recorded_one(path: str, expected: str) -> None:
    content = (VENDOR / path).read_bytes()
    assert digest(content) == expected
    assert b"sourceMappingURL" not in content


def test_nothing_else_lies_among_the_vendored_files() -> None:
    lying = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert lying == {path for path, _ in FILES} | {LIST.name}


def test_every_package_comes_with_its_licence() -> None:
    for package in PACKAGES:
        assert any(path.endswith("LICENSE") for path in package["files"])
