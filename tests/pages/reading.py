"""Reads pages as people do: the words, the totals, and the numbers that lead somewhere."""

import csv
import html
import re
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.test import Client


class Drill(NamedTuple):
    """A number that is a link: List Totals of `column` at `url` must be the number."""

    url: str
    column: str
    text: str


def words(markup: str) -> str:
    """The text of a piece of page, with single blanks."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", markup))).strip()


def said(client: Client, url: str) -> str:
    """What the page says, without menu and frame."""
    return words(page(client, url).partition("<main")[2].partition("</main>")[0])


def page(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, f"{url}: {response.status_code}"
    return response.content.decode()


def drills(markup: str) -> list[Drill]:
    """Every number of the page that leads to records."""
    found = re.findall(r'<a href="([^"]+)" data-drill="([^"]+)"[^>]*>(.*?)</a>', markup, re.DOTALL)
    return [Drill(html.unescape(url), column, words(text)) for url, column, text in found]


def list_total(client: Client, url: str, column: str) -> str:
    """What List Totals of a list say about a column, or how many records it found."""
    context: Any = client.get(url).context
    assert context is not None, url
    if column == "count":
        return f"{context['page'].count:,}"
    markup = page(client, url)
    foot = re.search(r'class="list-totals">.*?</tr>', markup, re.DOTALL)
    cell = re.search(rf'data-total="{column}">(.*?)</td>', foot[0] if foot else "", re.DOTALL)
    return words(cell[1]) if cell else "0"


def assert_numbers_lead_to_their_records(client: Client, url: str) -> int:
    """Follow every number of a page; the list it leads to must add up to it. Returns how many there were."""
    found = drills(page(client, url))
    wrong = [(drill, total) for drill in found if (total := list_total(client, drill.url, drill.column)) != drill.text]
    assert wrong == []
    return len(found)


def exported(response: HttpResponse) -> list[list[str]]:
    """The rows of a CSV export, heading first."""
    body = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]  # a streaming response
    return list(csv.reader(body.splitlines()))


def cells_of(table: Any) -> dict[str, str]:
    """Column -> markup of a table's only row."""
    (row,) = table.rows
    return {bound.name: str(cell) for bound, cell in row.items()}
