"""A browser is asked by what waits: a page answers when it has arrived, not when the test happens to look."""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
# What reads the page as it stands this moment, which on a busy machine is half of it, or the one before.
READS_AT_ONCE = re.compile(
    r"\.(input_value|inner_text|text_content|inner_html|all_inner_texts|all_text_contents|get_attribute)\("
    r"|\.is_(visible|hidden|checked|enabled|disabled|editable)\(\)"
    r"|(locator|get_by_\w+)\(.*\)\.count\(\)"
    r"|page\.content\(\)"
)


def test_what_a_page_shows_is_read_by_expectations_that_wait() -> None:
    files = sorted(TESTS.rglob("*.py"))
    readers = [path for path in files if "playwright" in path.read_text() and path != Path(__file__).resolve()]
    assert len(readers) > 5
    found = [
        f"{path.relative_to(TESTS)}:{number}: {line.strip()}"
        for path in readers
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if READS_AT_ONCE.search(line)
    ]
    assert found == [], "use expect(...), which asks again until it is so:\n" + "\n".join(found)
