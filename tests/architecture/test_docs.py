"""The documents do not part from the project: what they link to, call, or list is there."""

import re
import tomllib
from pathlib import Path

import pytest
from django.core.management import get_commands

from reconciliation.verify import CHECKS

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = {
    str(path.relative_to(BASE_DIR)): path.read_text()
    for path in sorted([*BASE_DIR.glob("*.md"), *BASE_DIR.glob("docs/**/*.md"), *BASE_DIR.glob("tests/**/*.md")])
}
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
COMMAND = re.compile(r"(?:run|manage)\.py (?:manage )?([a-z_]+)\b")
# Files that the prose names in full, such as `lots/services.py`.
NAMED = re.compile(r"`((?:inventory_site|lots|usage|reconciliation|templates|tests|docs|static)/[\w./-]*\w)`")
RUN_PY = {"up", "test", "manage"}
OPERATIONS = DOCUMENTS["docs/operations.md"]


def anchors(text: str) -> set[str]:
    """The names under which the headings of a document can be linked to."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    missing = []
    for target, anchor in LINK.findall(FENCED.sub("", DOCUMENTS[name])):
        path = (BASE_DIR / name).parent / target if target else BASE_DIR / name
        if not path.exists() or (anchor and anchor not in anchors(path.read_text())):
            missing.append(f"{target}#{anchor}")
    assert missing == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_and_files_that_are_named_exist(name: str) -> None:
    text = DOCUMENTS[name]
    unknown = set(COMMAND.findall(text)) - RUN_PY - {"help"} - set(get_commands())
    assert unknown == set()
    # A name with a gap in it, such as <name>, stands for several.
    assert [file for file in NAMED.findall(text) if not (BASE_DIR / file).exists()] == []


def test_every_variable_and_every_check_is_explained() -> None:
    variables = re.findall(r"^#?([A-Z_]+)=", (BASE_DIR / ".env.example").read_text(), re.MULTILINE)
    assert [name for name in variables if f"`{name}`" not in OPERATIONS] == []
    assert [check.name for check in CHECKS if f"`{check.name}`" not in OPERATIONS] == []


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    names = sorted(path.name for path in (BASE_DIR / "docs" / "adr").glob("0*.md"))
    assert [name[:4] for name in names] == [f"{number:04}" for number in range(1, len(names) + 1)]
    assert [name for name in names if f"({name})" not in DOCUMENTS["docs/adr/README.md"]] == []


def test_the_version_is_that_of_the_newest_changes() -> None:
    with (BASE_DIR / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    assert re.search(r"^## (\S+)", (BASE_DIR / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == version  # type: ignore[index]
