"""docs/walkthrough.md is performed as it is written: its files imported, its commands run, its tables compared.

A table follows a caption, which says where its rows come from: the list page of that name (its export, which has the
columns of the screen), the last run, or the passes of the last run. The document chooses the columns by their headings.
"""

import csv
import io
import re
import shlex
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from inventory_site.fields import QUANTITY_STEP
from reconciliation.models import RunPool
from reconciliation.verify import verify_ledger

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "walkthrough.md"
LISTS = {
    "Inventory Lots": "lots:lots",
    "Inventory Transactions": "lots:transactions",
    "Line Item Codes": "lots:codes",
    "Inventory Usage": "usage:usages",
    "COGS Entries": "reconciliation:allocations",
}
COMMAND = "python3 run.py manage "
CAPTION = re.compile(r"^\*\*(?P<what>[^*]+)\*\*(?: of `(?P<code>[^`]+)`)?$")

Row = tuple[str, ...]


class Block(NamedTuple):
    """A fenced block (csv, sh) or a table, with the line or paragraphs before it."""

    kind: str
    before: str
    lines: list[str]


def blocks(text: str) -> Iterator[Block]:
    before: list[str] = []
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("```"):
            inside: list[str] = []
            while (inner := next(lines)) != "```":
                inside.append(inner)
            yield Block(line.removeprefix("```"), "\n".join(before), inside)
        elif line.startswith("|"):
            table = [line]
            while (row := next(lines, "")).startswith("|"):
                table.append(row)
            yield Block("table", next(said for said in reversed(before) if said), table)
            before = []
        else:
            before.append(line)


class Journey:
    """What the reader does, and sees."""

    def __init__(self, client: Client, folder: Path) -> None:
        self.client, self.folder = client, folder
        self.names: list[str] = []
        self.performed: dict[str, int] = dict.fromkeys(("csv", "sh", "table"), 0)

    def perform(self, block: Block) -> None:
        {"csv": self.save, "sh": self.type, "table": self.compare}[block.kind](block)
        self.performed[block.kind] += 1

    def save(self, block: Block) -> None:
        """Save a file under the first of the names that the text gave and that is not saved yet."""
        told = re.findall(r"`([a-z-]+\.csv)`", block.before)
        name = next(name for name in told if name not in self.names)
        self.names.append(name)
        (self.folder / name).write_text("\n".join(block.lines) + "\n")

    def type(self, block: Block) -> None:
        for line in block.lines:
            if line.startswith(COMMAND):
                name, *arguments = shlex.split(line.removeprefix(COMMAND))
                here = [str(self.folder / part) if part.endswith(".csv") else part for part in arguments]
                call_command(name, *here, stdout=io.StringIO())
            else:
                assert line.startswith(("export DATA_DIR=", "python3 run.py up ")), f"cannot perform: {line}"

    def compare(self, block: Block) -> None:
        heading, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in block.lines)
        caption = CAPTION.match(block.before)
        assert caption, f"a table without a caption, after: {block.before}"
        found = self.look(caption["what"], caption["code"])
        seen = [tuple(plain(row[name]) for name in heading) for row in found]
        written = [tuple(plain(cell) for cell in row) for row in rows]
        assert sorted(seen) == sorted(written), f"{block.before}\n{block.lines}"

    def look(self, what: str, code: str | None) -> list[dict[str, str]]:
        if what == "The last run":
            return self.list_page("reconciliation:runs")[:1]
        if what == "The passes of the last run":
            return passes_of_last_run()
        assert code, f"{what} of which code?"
        return self.list_page(LISTS[what], code=f"={code}")

    def list_page(self, url_name: str, **filters: str) -> list[dict[str, str]]:
        response = self.client.get(reverse(url_name), {**filters, "export": "csv"})
        assert response.status_code == 200, url_name
        rows = list(csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"))))
        return [row for row in rows if "List Totals" not in row.values()]


def plain(cell: str) -> str:
    """Numbers without regard to the zeros that end them, and words as people read them: exports say GIVE_BACK."""
    try:
        return f"{Decimal(cell.replace(',', '')).normalize() + 0:f}"
    except InvalidOperation:
        return cell.replace("_", " ").casefold()


def passes_of_last_run() -> list[dict[str, str]]:
    """One row a pass; a line of the trace may tell of many passes that are alike."""
    rows = []
    positive = negative = Decimal(0)
    for line in RunPool.objects.latest("pk").trace:
        count = line["pass_count"]
        drawn, given_back = (line[name] * QUANTITY_STEP / count for name in ("quantity_drawn", "quantity_given_back"))
        positive = line["unallocated_positive"] * QUANTITY_STEP + drawn * count
        negative = line["unallocated_negative"] * QUANTITY_STEP - given_back * count
        for number in range(line["first"], line["first"] + count):
            positive, negative = positive - drawn, negative + given_back
            figures = (number, drawn, given_back, positive, negative)
            names = ("Pass", "Drawn", "Given back", "Sale still open", "Return still open")
            rows.append({name: str(figure) for name, figure in zip(names, figures, strict=True)})
    return rows


@pytest.mark.django_db
def test_every_figure_of_the_walkthrough_is_what_the_program_shows(accountant: Client, tmp_path: Path) -> None:
    text = DOCUMENT.read_text()
    journey = Journey(accountant, tmp_path)
    for block in blocks(text):
        journey.perform(block)
    # Were the document read wrongly, something in it would not be compared.
    in_the_text = {"csv": text.count("\n```csv\n"), "sh": text.count("\n```sh\n"), "table": text.count("\n|---")}
    assert journey.performed == in_the_text
    assert in_the_text["table"] > 20
    assert [result for result in verify_ledger() if not result.is_ok] == []
