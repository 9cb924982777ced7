"""A template opens with its signature: a comment that names its blocks and its context."""

import re
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent.parent
TEMPLATES = {
    str(path.relative_to(BASE_DIR)): path.read_text()
    for folder in (
        "templates",
        "inventory_site/templates",
        "lots/templates",
        "usage/templates",
        "reconciliation/templates",
    )
    for path in sorted((BASE_DIR / folder).rglob("*.html"))
}
OPENING = re.compile(r"\A(\{% extends [^%]+%\}\s*)?(\{#.+?#\}|\{% comment [^%]*%\}.+?\{% endcomment %\})", re.DOTALL)
COMMENT = re.compile(r"\{#.*?#\}|\{% comment.*?endcomment %\}", re.DOTALL)
FORBIDDEN = {
    "inline script": re.compile(r"<script(?![^>]*\b(src=|type=\"application/json\"))"),
    "inline style": re.compile(r"<style|\sstyle="),
    "inline handler": re.compile(r"<[^>]*\son[a-z]+="),
    "something from another machine": re.compile(r"(src|href|action)=[\"']?(https?:)?//"),
}


def test_every_template_opens_with_a_comment() -> None:
    assert TEMPLATES
    assert [name for name, text in TEMPLATES.items() if not OPENING.match(text)] == []


def test_the_comment_names_every_block_that_a_template_offers() -> None:
    silent = []
    for name, text in TEMPLATES.items():
        opening = OPENING.match(text)
        if opening and "{% extends" not in text:  # one that extends another fills that one's blocks
            silent += [f"{name}: {block}" for block in re.findall(r"\{% block (\w+)", text) if block not in opening[2]]
    assert silent == []


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    """The content security policy would refuse it in the browser; here it is refused with the file's name."""
    found = [
        f"{name}: {what}"
        for name, text in TEMPLATES.items()
        for what, pattern in FORBIDDEN.items()
        if pattern.search(COMMENT.sub("", text))
    ]
    assert found == []
