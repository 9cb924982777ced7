"""What an import writes: exactly what the services would have, in the order of the file, and nothing twice."""

import csv
import io
import lzma
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Model, QuerySet
from django.utils.dateparse import parse_datetime

from lots.models import CostPool, InventoryLot, InventoryTransaction, LineItemCode, Office, Preference
from lots.services import lot_record
from reconciliation import requests, runner
from reconciliation.importing.files import Source
from reconciliation.importing.importer import import_records
from reconciliation.models import ReconciliationRun
from reconciliation.verify import verify_ledger
from tests.reconciliation.import_files import HEADERS, ITEMS, LOTS, ROWS, USAGE, Row, all_three, imported, write
from tests.usage.adjustments import posted
from usage.models import InventoryUsage, OpenUsage, UsageLotRestriction
from usage.services import usage_record

pytestmark = pytest.mark.django_db


def assert_the_ledger_ties_out() -> None:
    assert [result for result in verify_ledger() if not result.is_ok] == []


def only_lots(*rows: Row) -> dict[str, Any]:
    return {"header": [*HEADERS["usage"], "only_lots"], "rows": rows}


# -- What is written ---------------------------------------------------------------------------------
def figures(records: "QuerySet[Any]", *without: str) -> list[dict[str, Any]]:
    left_out = {"id", "pool_id", "usage_id", "lot_id", "code_id", "office_id", "work_noted_at", *without}
    return [{name: value for name, value in row.items() if name not in left_out} for row in records.values()]


def everything() -> dict[str, Any]:
    """All records as values, without their keys."""
    tables: dict[str, QuerySet[Any]] = {
        "lots": InventoryLot.objects.order_by("pk"),
        "transactions": InventoryTransaction.objects.order_by("pk"),
        "usages": InventoryUsage.objects.order_by("pk"),
        "open": OpenUsage.objects.order_by("usage_id"),
        "pools": CostPool.objects.order_by("code__code", "office__code"),
    }
    found: dict[str, Any] = {name: figures(rows, "original_id") for name, rows in tables.items()}
    found["links"] = list(InventoryUsage.objects.order_by("pk").values_list("number", "original__number"))
    found["open links"] = list(OpenUsage.objects.order_by("usage_id").values_list("usage__number", "original__number"))
    found["allowed"] = list(UsageLotRestriction.objects.order_by("pk").values_list("usage__number", "lot__number"))
    found["homes"] = list(
        InventoryTransaction.objects.order_by("pk").values_list("code__code", "office__code", "lot__number")
    )
    found["of pools"] = list(
        OpenUsage.objects.order_by("usage_id").values_list("pool__code__code", "pool__office__code")
    )
    return found


@contextmanager
def undone() -> Iterator[None]:
    """Take back whatever is written inside."""
    point = transaction.savepoint()
    yield
    transaction.savepoint_rollback(point)


def by_the_services() -> None:
    """Record the three files one by one, as a person would."""
    codes = {
        code: LineItemCode.objects.create(code=code, description=description, est_unit_cost=Decimal(cost))
        for code, description, cost in ITEMS
    }
    offices = {"": None, "AI": Office.objects.create(code="AI")}
    lots = {}
    for number, code, office, at, quantity, value, source in LOTS:
        lots[number] = lot_record(
            number=number, code=codes[code], office=offices[office], quantity=Decimal(quantity), value=Decimal(value),
            received_at=datetime.fromisoformat(at).replace(tzinfo=UTC), source_number=source,
        )  # fmt: skip
    usages: dict[str, InventoryUsage] = {}
    for number, code, office, at, quantity, source, order, reference, returns in USAGE:
        usages[number] = usage_record(
            number=number, code=codes[code], office=offices[office], quantity=Decimal(quantity), source_number=source,
            used_at=datetime.fromisoformat(at).replace(tzinfo=UTC), order=order, reference=reference,
            original=usages.get(returns), only_lots=[lots["L-1"]] if number == "U-1" else [],
        )  # fmt: skip


@pytest.mark.parametrize("apart", [False, True], ids=["one pool a code", "a pool for each office"])
def test_an_import_writes_what_the_services_write(tmp_path: Path, apart: bool) -> None:
    Preference.objects.update(prevent_inter_office=apart)
    with undone():
        by_the_services()
        expected = everything()
    rows = [[*row, "L-1" if row[0] == "U-1" else ""] for row in USAGE]
    restricted = write(tmp_path, "usage", **only_lots(*rows))
    sources = {"items": write(tmp_path, "items"), "lots": write(tmp_path, "lots"), "usage": restricted}
    assert import_records(sources={kind: Source.of_path(path) for kind, path in sources.items()}).is_written
    found = everything()
    assert found["allowed"] == [("U-1", "L-1")]
    assert found == expected
    assert_the_ledger_ties_out()


def test_where_offices_are_kept_apart_a_blank_office_is_a_pool_of_its_own(tmp_path: Path) -> None:
    Preference.objects.update(prevent_inter_office=True)
    lots = [["L-1", "16G-W", office, "2026-01-05", "1", "1", ""] for office in ("",)]
    lots += [["L-2", "16G-W", "B", "2026-01-05", "1", "1", ""], ["L-3", "16G-W", "A", "2026-01-05", "1", "1", ""]]
    imported(tmp_path, items=None, lots=lots)
    assert list(InventoryLot.objects.order_by("pk").values_list("pool__office__code", flat=True)) == [None, "B", "A"]
    assert CostPool.objects.count() == 3
    assert list(Office.objects.order_by("pk").values_list("code", flat=True)) == ["B", "A"]


def test_an_import_leaves_work_where_it_recorded_something(tmp_path: Path) -> None:
    imported(tmp_path, items=None, usage=USAGE[:1])
    assert list(CostPool.objects.filter(has_work=True).values_list("code__code", flat=True)) == ["16G-W"]


def test_a_lot_that_arrives_later_wakes_a_pool_that_was_set_aside(tmp_path: Path) -> None:
    imported(tmp_path, items=None, usage=USAGE[2:])
    CostPool.objects.update(has_work=False, is_set_aside=True, work_noted_at=None)
    imported(tmp_path, lots=LOTS[1:])
    pool = CostPool.objects.get(code__code="TB-1")
    assert pool.has_work
    assert not pool.is_set_aside
    assert pool.work_noted_at is not None


def test_what_is_imported_reconciles_and_ties_out(tmp_path: Path, now: datetime) -> None:
    all_three(tmp_path)
    run = requests.request_run(trigger=ReconciliationRun.Trigger.COMMAND, now=now)
    assert runner.work(run_id=run.pk)
    assert not OpenUsage.objects.exists()
    assert InventoryLot.objects.get(number="L-1").quantity_used == 3
    assert_the_ledger_ties_out()


# -- Order, moments, numbers, texts --------------------------------------------------------------------
def test_the_order_of_the_file_is_the_entry_order(tmp_path: Path) -> None:
    names = [f"U-{(n * 7919) % 1000:03}" for n in range(1000)]
    rows = [[name, "TB-1", "", "2026-01-09", "1", "", "", "", ""] for name in names]
    imported(tmp_path, items=None, usage=rows, lots=list(reversed(LOTS)))
    in_order = InventoryUsage.objects.order_by("pk").values_list("number", flat=True)
    assert list(in_order) == names
    assert list(InventoryLot.objects.order_by("pk").values_list("number", flat=True)) == ["L-2", "L-1"]
    moved = InventoryTransaction.objects.order_by("pk").values_list("on_hand", flat=True)
    assert list(moved[:3]) == [Decimal("5.5"), Decimal(10), Decimal(-1)]


def test_a_usage_may_return_one_further_down_and_a_return_may_be_reversed(tmp_path: Path) -> None:
    rows = [
        ["R-2", "TB-1", "", "2026-01-11", "1", "", "", "", "R-1"],
        ["R-1", "TB-1", "", "2026-01-10", "-1", "", "", "", "U-3"],
        USAGE[2],
    ]
    imported(tmp_path, items=None, usage=rows)
    links = dict(InventoryUsage.objects.values_list("number", "original__number"))
    assert links == {"R-2": "R-1", "R-1": "U-3", "U-3": None}
    assert dict(OpenUsage.objects.values_list("usage__number", "original__number")) == links


def test_a_later_file_may_name_what_an_earlier_one_recorded(tmp_path: Path) -> None:
    all_three(tmp_path)
    late = [["U-9", "16G-W", "", "2026-02-01", "-1", "", "", "", "U-1", "L-1;L-1"]]
    path = write(tmp_path, "usage", late, header=[*HEADERS["usage"], "only_lots"])
    assert import_records(sources={"usage": Source.of_path(path)}).is_written
    usage = InventoryUsage.objects.get(number="U-9")
    assert usage.original is not None
    assert usage.original.number == "U-1"
    assert [restriction.lot.number for restriction in usage.restrictions.all()] == ["L-1"]
    assert usage.open_usage.is_restricted


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-01-09", datetime(2026, 1, 9, tzinfo=UTC)),
        ("2026-01-09 10:15", datetime(2026, 1, 9, 10, 15, tzinfo=UTC)),
        ("2026-01-09T10:15:30.25", datetime(2026, 1, 9, 10, 15, 30, 250_000, tzinfo=UTC)),
        (" 2026-01-09 10:15:00Z ", datetime(2026, 1, 9, 10, 15, tzinfo=UTC)),
        ("2026-01-09 10:15 +02:00", datetime(2026, 1, 9, 8, 15, tzinfo=UTC)),
        ("2026-01-09T23:15:00-0500", datetime(2026, 1, 10, 4, 15, tzinfo=UTC)),
    ],
)
def test_a_moment_without_a_zone_is_utc(tmp_path: Path, written: str, moment: datetime) -> None:
    imported(tmp_path, items=None, usage=[["U-3", "TB-1", "", written, "1", "", "", "", ""]])
    assert InventoryUsage.objects.get().used_at == moment


@pytest.mark.parametrize(
    ("written", "quantity"),
    [
        (" 1 ", "1"),
        ("+2.5", "2.5"),
        ("-.5", "-0.5"),
        ("3.", "3"),
        ("1.00000000", "1"),
        ("1E+3", "1000"),
        ("999999999999.9999", "999999999999.9999"),
        ("0.0001", "0.0001"),
        ("5e-4", "0.0005"),
    ],
)
def test_numbers_are_taken_as_they_are_written(tmp_path: Path, written: str, quantity: str) -> None:
    imported(tmp_path, items=[("TB-1", "", "0")], usage=[["U-3", "TB-1", "", "2026-01-09", written, "", "", "", ""]])
    assert InventoryUsage.objects.get().quantity == Decimal(quantity)


HOSTILE = [
    "=1+1", "+1", "-1", "@SUM(A1)", "==2", "\t=1", "\r=1", "=cmd|' /C calc'!A0", "\n=1", "'=1", '"quoted, text"', "\\.",
    "\\N", "a\\tb", "%s", "{0}", "'; DROP TABLE lots_office; --", "<script>alert(1)</script>", "  two  blanks  ",
    "naïve — Ω 漢字 🙂", "\u202eabc", "=HYPERLINK(\"x\")", "\uff1d1", "NULL",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_kept_exactly_as_it_is(tmp_path: Path, text: str) -> None:
    """Making a formula harmless is the business of whatever writes a spreadsheet."""
    name = text.strip()  # (what identifies a record has no white space around it)
    office = name[:20].strip()
    imported(
        tmp_path,
        items=[(name, text, "1")],
        lots=[(name, name, office, "2026-01-01", "1", "1", text)],
        usage=[[name, name, office, "2026-01-01", "1", text, text, text, ""]],
    )
    usage, lot = InventoryUsage.objects.select_related("office").get(), InventoryLot.objects.get()
    assert usage.office is not None
    assert (usage.number, usage.source_number, usage.order, usage.reference) == (name, text, text, text)
    assert (lot.number, lot.source_number, usage.office.code) == (name, text, office)
    assert LineItemCode.objects.values_list("code", "description").get() == (name, text)


# -- Again -------------------------------------------------------------------------------------------
def snapshot() -> list[list[Any]]:
    models: list[type[Model]] = [
        Office, LineItemCode, CostPool, InventoryLot, InventoryTransaction, InventoryUsage, OpenUsage,
        UsageLotRestriction,
    ]  # fmt: skip
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def test_the_same_files_again_change_nothing(tmp_path: Path, now: datetime) -> None:
    all_three(tmp_path)
    before = snapshot()
    outcome = imported(tmp_path, items=None, lots=None, usage=None)
    assert not outcome.problem_count
    assert not outcome.is_written
    assert [(figures.new, figures.present) for figures in outcome.files.values()] == [(0, 2), (0, 2), (0, 3)]
    assert snapshot() == before


def test_after_a_run_the_same_files_still_change_nothing(tmp_path: Path, now: datetime) -> None:
    all_three(tmp_path)
    run = requests.request_run(trigger=ReconciliationRun.Trigger.COMMAND, now=now)
    runner.work(run_id=run.pk)
    before = snapshot()
    assert not imported(tmp_path, items=None, lots=None, usage=None).problem_count
    assert snapshot() == before


def test_the_same_lots_file_changes_nothing_where_an_adjustment_added_to_a_lot(tmp_path: Path) -> None:
    all_three(tmp_path)
    lot = InventoryLot.objects.order_by("pk").first()
    assert lot is not None
    posted(
        "BEGINNING_BALANCE",
        {"code": lot.code, "quantity": Decimal(5), "unit_cost": Decimal(3), "into_lot": lot},
        office=lot.office, on=datetime(2026, 1, 2, tzinfo=UTC),
    )  # fmt: skip
    before = everything()
    imported(tmp_path, lots=LOTS)
    assert everything() == before
    # What else the file says of the lot is still an error: with what was added, too.
    outcome = imported(tmp_path, lots=[(*LOTS[0][:4], "15", *LOTS[0][5:])])
    assert [problem.message for problem in outcome.problems] == ['"L-1" is recorded already, with another quantity.']
    assert everything() == before


def test_the_same_row_twice_in_a_file_is_recorded_once(tmp_path: Path) -> None:
    outcome = imported(tmp_path, items=[*ITEMS, ITEMS[0]], lots=[*LOTS, LOTS[0]], usage=[*USAGE, USAGE[0], USAGE[0]])
    assert [(figures.new, figures.present) for figures in outcome.files.values()] == [(2, 1), (2, 1), (3, 2)]
    assert InventoryUsage.objects.count() == 3
    assert_the_ledger_ties_out()


def test_the_same_content_may_be_written_differently(tmp_path: Path) -> None:
    all_three(tmp_path)
    again = [["U-3", "TB-1", "", "2026-01-09T12:00:00+02:00", "+2.2500", "SHIP-60102", "60201", "", ""]]
    outcome = imported(tmp_path, usage=again)
    assert outcome.files["usage"].present == 1


def test_only_what_is_new_is_added_to_a_file_that_has_grown(tmp_path: Path) -> None:
    all_three(tmp_path)
    last = InventoryUsage.objects.latest("pk").pk
    imported(tmp_path, usage=[["U-0", "TB-1", "", "2026-01-01", "1", "", "", "", ""], *USAGE])
    assert InventoryUsage.objects.get(number="U-0").pk > last
    assert InventoryUsage.objects.count() == 4
    assert_the_ledger_ties_out()


# -- Kinds of files ----------------------------------------------------------------------------------
@pytest.mark.parametrize("suffix", [".csv", ".csv.xz", ".csv.gz", ".xlsx", ".CSV", ""])
def test_every_kind_of_file_brings_the_same(tmp_path: Path, suffix: str) -> None:
    with undone():
        all_three(tmp_path)
        expected = everything()
    paths = {kind: str(write(tmp_path, kind, suffix=suffix)) for kind in ROWS}
    said = io.StringIO()
    call_command("import_inventory", **paths, stdout=said)
    assert said.getvalue().splitlines()[:3] == [
        "items: 2 rows, 2 new, 0 already there",
        "lots: 2 rows, 2 new, 0 already there",
        "usage: 3 rows, 3 new, 0 already there",
    ]
    assert everything() == expected


def test_a_workbook_with_numbers_and_dates_as_such(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append([*HEADERS["usage"], None])
    sheet.append([60000, 10002, None, parse_datetime("2026-01-09 10:15"), 0.1 + 0.2, "SHIP-1", 60201, 7.0, None])
    sheet.append([None] * 12)
    sheet.append(["60001", "10002", "AI", parse_datetime("2026-01-09 00:00"), -1])
    book.create_sheet("Notes").append(["nothing to see"])
    path = tmp_path / "usage.xlsx"
    book.save(path)
    items = write(tmp_path, "items", [("10002", "", "1")])
    outcome = import_records(sources={"items": Source.of_path(items), "usage": Source.of_path(path)})
    assert outcome.problems == ()
    first, second = InventoryUsage.objects.order_by("pk")
    assert (first.number, first.quantity, first.order, first.reference) == ("60000", Decimal("0.3"), "60201", "7")
    assert first.used_at == datetime(2026, 1, 9, 10, 15, tzinfo=UTC)
    assert (second.number, second.quantity) == ("60001", Decimal(-1))


def test_errors_in_a_workbook_name_the_row_that_the_person_sees(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append([*HEADERS["items"]])
    sheet["A7"], sheet["C7"] = "X", "n/a"
    book.save(tmp_path / "items.xlsx")
    outcome = import_records(sources={"items": Source.of_path(tmp_path / "items.xlsx")})
    assert [(problem.row, problem.column) for problem in outcome.problems] == [(7, "est_unit_cost")]


def test_a_mark_at_the_start_other_orders_of_columns_and_blank_rows_are_fine(tmp_path: Path) -> None:
    text = '\ufeff Est_Unit_Cost ,code,description,,\r\n\r\n1,A,\r\n,,\r\n2,B,"two\nlines",,\r\nx,C,\r\n'
    path = tmp_path / "items.csv"
    path.write_text(text, encoding="utf-8", newline="")
    outcome = import_records(sources={"items": Source.of_path(path)})
    assert [(problem.row, problem.column) for problem in outcome.problems] == [(6, "est_unit_cost")]
    path.write_text(text.replace("x,C", "3,C"), encoding="utf-8", newline="")
    assert import_records(sources={"items": Source.of_path(path)}).is_written
    assert LineItemCode.objects.get(code="B").description == "two\nlines"


def test_an_xz_file_may_have_several_streams(tmp_path: Path) -> None:
    text = write(tmp_path, "items").read_bytes()
    path = tmp_path / "items.csv.xz"
    path.write_bytes(lzma.compress(text[:20]) + lzma.compress(text[20:]) + b"\0" * 8)
    assert import_records(sources={"items": Source.of_path(path)}).files["items"].new == 2


# -- Larger ------------------------------------------------------------------------------------------
def test_progress_is_told_and_chunks_join(tmp_path: Path) -> None:
    """More rows than one statement writes, each returning one of another chunk."""
    count = 25_000
    rows = [[f"U-{n}", "TB-1", "", "2026-01-09", "1", "", "", "", f"U-{count - 1 - n}"] for n in range(count)]
    told: list[tuple[str, int, int | None]] = []
    sources = {"items": write(tmp_path, "items"), "usage": write(tmp_path, "usage", rows)}
    outcome = import_records(
        sources={kind: Source.of_path(path) for kind, path in sources.items()},
        progress=lambda phase, done, total: told.append((phase, done, total)),
    )
    assert outcome.is_written
    assert InventoryUsage.objects.filter(original__isnull=False).count() == count
    assert ("Reading usage", 20_002, None) in told
    assert [done for phase, done, _ in told if phase == "Writing usage"] == [10_000, 20_000, 25_000]
    assert {total for phase, _, total in told if phase == "Writing usage"} == {count}
    assert_the_ledger_ties_out()


def test_pools_are_locked_in_order_before_anything_is_written(
    tmp_path: Path, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    with django_assert_max_num_queries(200) as queries:
        all_three(tmp_path)
    statements = [query["sql"] for query in queries.captured_queries]
    lock = next(n for n, sql in enumerate(statements) if "FOR NO KEY UPDATE" in sql and "lots_costpool" in sql)
    first = next(n for n, sql in enumerate(statements) if "INSERT INTO lots_inventorylot" in sql)
    assert lock < first
    assert 'ORDER BY "lots_costpool"."id" ASC' in statements[lock]
    assert connection.in_atomic_block


def test_the_docs_name_every_column() -> None:
    """A column that nobody can look up does not exist."""
    text = (Path(__file__).parents[2] / "docs" / "import.md").read_text()
    rows = [row for row in csv.reader(text.splitlines(), delimiter="|") if len(row) > 4]
    named = {row[1].strip().strip("`") for row in rows}
    assert named >= {column for header in HEADERS.values() for column in header} | {"only_lots"}
