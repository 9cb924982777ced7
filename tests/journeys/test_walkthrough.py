"""docs/walkthrough.md is performed as it is written: its files imported, its commands run, its tables compared.

A block of kind `page` is what somebody does on pages, line by line:

    On 2026-08-03 at 09:00              the clock, from here on
    Purchasing > Purchase Orders > New  an entry of the menu; what follows is pressed or opened there, by its label
      Vendor: Oak Hill Press            a field
      line: TB-OAK1 | 16 | 35.00        the next line of the document, by its cells
    Save                                a button
    Wait a moment                       the worker does what is waiting

A table follows a caption, which says where its rows come from: the page of that name (its export, which has the
columns of the screen), the last run, or the passes of the last run. The document chooses the columns by their headings.
"""

import csv
import io
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from inventory_site.fields import QUANTITY_STEP
from inventory_site.menu import MENU
from reconciliation import runner
from reconciliation.models import ReconciliationRun, RunPool
from reconciliation.sweeper import sweep
from reconciliation.verify import verify_ledger
from tests.journeys.hands import Hands

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "walkthrough.md"
# Each with the filter that the caption's name is for.
LISTS = {
    "Inventory Lots": ("lots:lots", "code"),
    "Inventory Transactions": ("lots:transactions", "code"),
    "Line Item Codes": ("lots:codes", "code"),
    "Inventory Usage": ("usage:usages", "code"),
    "COGS Entries": ("reconciliation:allocations", "code"),
    "Purchase Orders": ("lots:purchase_orders", "number"),
    "Purchases": ("lots:purchases", "number"),
    "Orders": ("usage:orders", "number"),
    "Accrued Inventory": ("reconciliation:accrued_inventory", "code"),
    "Journal": ("reconciliation:journal", "source_number"),
}
# Not searched; the rows of the code are picked here.
REPORTS = {
    "Inventory Value": "reconciliation:inventory_value",
    "COGS by Month": "reconciliation:cogs_by_month",
}
MODULES = {module.label for module in MENU}
COMMAND = "python3 run.py manage "
CLOCK = re.compile(r"^On (?P<day>\d{4}-\d\d-\d\d) at (?P<time>\d\d:\d\d)$")
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

    def __init__(self, client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.client, self.folder, self.monkeypatch = client, folder, monkeypatch
        self.hands = Hands(client)
        self.names: list[str] = []
        self.performed: dict[str, int] = dict.fromkeys(("csv", "sh", "page", "table"), 0)

    def perform(self, block: Block) -> None:
        {"csv": self.save, "sh": self.type, "page": self.use, "table": self.compare}[block.kind](block)
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

    def use(self, block: Block) -> None:
        for line in block.lines:
            if moment := CLOCK.match(line):
                now = datetime.fromisoformat(f"{moment['day']}T{moment['time']}").replace(tzinfo=UTC)
                self.monkeypatch.setattr(timezone, "now", lambda now=now: now)
            elif line == "Wait a moment":
                work_as_the_worker_does()
            elif line.startswith("  line: "):
                self.hands.fill_line([cell.strip() for cell in line.removeprefix("  line: ").split("|")])
            elif line.startswith("  "):
                label, _, value = line.strip().partition(": ")
                self.hands.fill(label, value)
            else:
                labels = line.split(" > ")
                if labels[0] in MODULES:
                    self.hands.go(*labels[:2])
                    labels = labels[2:]
                for label in labels:
                    self.hands.press(label)

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
        if what in REPORTS:
            return [row for row in self.list_page(REPORTS[what]) if row["Code"] == code]
        url_name, name = LISTS[what]
        return self.list_page(url_name, **{name: f"={code}"})

    def list_page(self, url_name: str, **filters: str) -> list[dict[str, str]]:
        response = self.client.get(reverse(url_name), {**filters, "export": "csv"})
        assert response.status_code == 200, url_name
        rows = list(csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"))))
        return [row for row in rows if "List Totals" not in row.values()]


def work_as_the_worker_does() -> None:
    """Sweep, as beat does every few seconds, and work until nothing is left."""
    sweep(now=timezone.now())
    for run in ReconciliationRun.objects.filter(state__in=ReconciliationRun.ACTIVE).order_by("pk"):
        assert runner.work(run_id=run.pk)


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
def test_every_figure_of_the_walkthrough_is_what_the_program_shows(
    accountant: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = DOCUMENT.read_text()
    journey = Journey(accountant, tmp_path, monkeypatch)
    for block in blocks(text):
        journey.perform(block)
    # Were the document read wrongly, something in it would not be compared.
    fences = {kind: text.count(f"\n```{kind}\n") for kind in ("csv", "sh", "page")}
    in_the_text = fences | {"table": text.count("\n|---")}
    assert journey.performed == in_the_text
    assert in_the_text["table"] > 20
    assert [result for result in verify_ledger() if not result.is_ok] == []
