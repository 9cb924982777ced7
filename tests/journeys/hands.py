"""Uses pages as people do, without a browser: by what the menu, links, fields and buttons are called.

    hands.go("Purchasing", "Purchase Orders")       an entry of the menu
    hands.press("New purchase order")               a link or button of the page as it stands
    hands.fill("Vendor", "Oak Hill Press")          a field, by its label
    hands.fill_line(["TB-OAK1", "16", "35.00"])     the next line of the document, cell by cell
    hands.press("Save")

Nothing here knows an address or the name of a field: what is renamed on a page is not found any more.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urldefrag, urljoin

from django.test import Client
from django.urls import reverse

# They have no end tag.
VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
# They need none where the next of their kind begins.
ITEMS = frozenset({"option", "li"})


class Element:
    """An element of a page, with its place in the tree."""

    def __init__(self, tag: str, attributes: Mapping[str, str], parent: Self | None = None) -> None:
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children: list[Element | str] = []

    def get(self, name: str) -> str:
        return self.attributes.get(name, "")

    def __contains__(self, name: str) -> bool:
        return name in self.attributes

    def walk(self) -> "Iterator[Element]":
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.walk()

    def all(self, *tags: str) -> "list[Element]":
        return [element for element in self.walk() if element.tag in tags]

    def within(self, tag: str) -> "Element | None":
        above = self.parent
        while above is not None and above.tag != tag:
            above = above.parent
        return above

    @property
    def text(self) -> str:
        """What can be read of it; not what only screen readers say."""
        if "visually-hidden" in self.get("class").split():
            return ""
        pieces = [child if isinstance(child, str) else child.text for child in self.children]
        return re.sub(r"\s+", " ", " ".join(pieces)).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.here = self.root = Element("", {})

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag in ITEMS and self.here.tag == tag:
            self.here = self.here.parent or self.root
        element = Element(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.children.append(element)
        if tag not in VOID:
            self.here = element

    def handle_endtag(self, tag: str) -> None:
        element: Element | None = self.here
        while element is not None and element.tag != tag:
            element = element.parent
        if element is not None:
            self.here = element.parent or self.root

    def handle_data(self, data: str) -> None:
        self.here.children.append(data)


def read(markup: str) -> Element:
    reader = _Reader()
    # A template's lines are not there until a script puts them in.
    reader.feed(re.sub(r"<template\b.*?</template>", "", markup, flags=re.DOTALL))
    return reader.root


class Hands:
    """A person at a page."""

    def __init__(self, client: Client) -> None:
        self.client, self.url, self.page = client, "", Element("", {})

    def go(self, module: str, entry: str) -> None:
        """Open an entry of the menu."""
        self._open(reverse("menu"))
        sections = [section for section in self.main.all("section") if section.all("h2")[0].text == module]
        assert sections, f"the menu has no module {module}"
        self._follow(sections[0], entry)

    def open(self, label: str) -> None:
        """Follow a link of the page: a record in a list, mostly."""
        self._follow(self.main, label)

    def press(self, label: str) -> None:
        """Press a button, or a link that looks like one; one that is greyed fails with its reason."""
        for element in self.main.all("a", "button"):
            if element.text != label:
                continue
            assert element.get("aria-disabled") != "true", f"{label} is greyed: {(element.parent or element).text}"
            if element.tag == "a":
                self._open(element.get("href"))
            else:
                self._send(element)
            return
        raise AssertionError(f"{self.url} has no button or link {label}: {self.labels()}")

    def fill(self, label: str, value: str) -> None:
        """Fill in a field of the header by its label."""
        for element in self.main.all("label"):
            if element.text.removesuffix("(optional)").strip() == label:
                (field,) = (one for one in self._fields() if one.get("id") == element.get("for"))
                self._enter(field, value)
                return
        raise AssertionError(f"{self.url} has no field {label}: {[one.text for one in self.main.all('label')]}")

    def fill_line(self, values: Sequence[str]) -> None:
        """Fill in the next line: its cells from the left, those that can be typed in; a blank leaves what is there."""
        lines = [body for body in self.main.all("tbody") if "data-line" in body]
        assert len(lines) > self.lines_filled, f"{self.url} has {len(lines)} lines"
        line = lines[self.lines_filled]
        cells = [field for field in self._fields(line) if field.get("type") not in {"hidden", "checkbox"}]
        assert len(values) <= len(cells), f"{self.url} has only {len(cells)} cells in a line"
        for cell, value in zip(cells, values, strict=False):
            if value:
                self._enter(cell, value)
        self.lines_filled += 1

    @property
    def main(self) -> Element:
        return self.page.all("main")[0]

    @property
    def said(self) -> str:
        return self.main.text

    def labels(self) -> list[str]:
        return [text for element in self.main.all("a", "button") if (text := element.text)]

    # -- How -----------------------------------------------------------------------------------------
    def _follow(self, part: Element, label: str) -> None:
        links = [link for link in part.all("a") if link.text == label]
        assert links, f"{self.url} has no link {label}: {[link.text for link in part.all('a')]}"
        self._open(links[0].get("href"))

    def _open(self, address: str) -> None:
        self._arrive(self.client.get(urldefrag(urljoin(self.url, address)).url, follow=True))

    def _send(self, button: Element) -> None:
        form = button.within("form")
        assert form is not None, f"{button.text} is in no form"
        data: dict[str, list[str]] = {}
        for field in self._fields(form):
            for value in _values(field, self.typed):
                data.setdefault(field.get("name"), []).append(value)
        if button.get("name"):
            data[button.get("name")] = [button.get("value")]
        address = urldefrag(urljoin(self.url, html.unescape(form.get("action")) or self.url)).url
        assert form.get("method") == "post", f"{button.text} does not post"
        self._arrive(self.client.post(address, data, follow=True))

    def _arrive(self, response: object) -> None:
        status, chain = response.status_code, response.redirect_chain  # type: ignore[attr-defined]  # the test client's
        self.page = read(response.content.decode())  # type: ignore[attr-defined]  # as above
        self.url = urljoin(self.url, chain[-1][0]) if chain else response.request["PATH_INFO"]  # type: ignore[attr-defined]
        if not chain and (query := response.request["QUERY_STRING"]):  # type: ignore[attr-defined]  # as above
            self.url += f"?{query}"
        self.typed: dict[int, str] = {}
        self.lines_filled = 0
        assert status == 200, f"{self.url} answered {status}: {self.said if self.page.all('main') else ''}"

    def _fields(self, part: Element | None = None) -> list[Element]:
        return [field for field in (part or self.main).all("input", "select", "textarea") if field.get("name")]

    def _enter(self, field: Element, value: str) -> None:
        if field.tag == "select":
            options = {option.text: option.get("value") for option in field.all("option")}
            assert value in options, f"{value} cannot be chosen: {list(options)}"
            value = options[value]
        elif field.get("type") == "datetime-local":
            value = value.replace(" ", "T")
        self.typed[id(field)] = value


def _values(field: Element, typed: Mapping[int, str]) -> list[str]:
    """What a browser would send of a field."""
    if id(field) in typed:
        return [typed[id(field)]]
    if field.get("type") in {"checkbox", "radio"}:
        return [field.get("value") or "on"] if "checked" in field else []
    if field.tag == "select":
        options = field.all("option")
        chosen = [option for option in options if "selected" in option] or options[:1]
        return [option.get("value") for option in chosen]
    if field.tag == "textarea":
        return [field.text]
    return [field.get("value")]
