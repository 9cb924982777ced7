"""Bad input: a message that names file, row and column, exit code 2, and nothing written."""

import gzip
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from lots.models import CostPool, InventoryLot, InventoryTransaction, LineItemCode, Office
from tests.reconciliation.import_files import HEADERS, ITEMS, LOTS, USAGE, Row, all_three, csv_text, imported, write
from usage.models import InventoryUsage, OpenUsage, UsageLotRestriction

pytestmark = pytest.mark.django_db

RECORDS = (
    Office, LineItemCode, CostPool, InventoryLot, InventoryTransaction, InventoryUsage, OpenUsage, UsageLotRestriction,
)  # fmt: skip


def counts() -> dict[str, int]:
    return {model.__name__: model.objects.count() for model in RECORDS}


def refused(**files: Path) -> str:
    """Run the command; it must end with exit code 2 and leave nothing behind. Return its message."""
    before = counts()
    with pytest.raises(CommandError) as refusal:
        call_command("import_inventory", **{kind: str(path) for kind, path in files.items()})
    assert refusal.value.returncode == 2
    assert counts() == before
    return str(refusal.value)


def item(**changed: str) -> Row:
    return _changed(HEADERS["items"], ITEMS[0], changed)


def lot(**changed: str) -> Row:
    return _changed(HEADERS["lots"], LOTS[0], changed)


def usage(**changed: str) -> Row:
    return _changed(HEADERS["usage"], USAGE[0], changed)


def _changed(header: Row, row: Row, changed: dict[str, str]) -> Row:
    return [changed.get(name, value) for name, value in zip(header, row, strict=True)]


class Bad(NamedTuple):
    """A file of one kind with one bad row, which stands on `row`."""

    kind: str
    rows: list[Row]
    row: int
    column: str
    message: str


def bad(kind: str, made: Callable[..., Row], column: str, value: str, message: str) -> Bad:
    return Bad(kind, [made(**{column: value})], 2, column, message)


NUMBERS = [
    ("abc", "is not a number"),
    ("", "a number is needed"),
    ("NaN", "is not a number"),
    ("nan", "is not a number"),
    ("Infinity", "is not a number"),
    ("-inf", "is not a number"),
    ("1,000", "is not a number"),
    ("1_000", "is not a number"),
    ("٣", "is not a number"),
    ("0x10", "is not a number"),
    ("--1", "is not a number"),
    ("1e9999", "is too large"),
    ("1e-9999", "is finer than"),
    ("1" * 5000, "is not a number"),
]
MOMENTS = [
    ("", "a date is needed"),
    ("yesterday", "is not a date"),
    ("05.01.2026", "is not a date"),
    ("2026-02-30", "does not exist"),
    ("2026-01-05 25:00", "does not exist"),
    ("2026-13-01", "does not exist"),
    ("1899-12-31", "outside the years"),
    ("2201-01-01", "outside the years"),
    ("2190-01-01", "lies in the future"),
    ("0001-01-01", "outside the years"),
    ("9999-12-31T23:59:59-10:00", "does not exist"),
    ("20260105", "is not a date"),
    ("1767600000", "is not a date"),
]
CASES = [
    *(bad("items", item, "est_unit_cost", value, message) for value, message in NUMBERS),
    bad("items", item, "est_unit_cost", "-0.01", "is negative"),
    bad("items", item, "est_unit_cost", "0.0000001", "is finer than 6 decimals"),
    bad("items", item, "est_unit_cost", "1000000000000", "is too large"),
    bad("items", item, "code", "", "must not be empty"),
    bad("items", item, "code", "   ", "must not be empty"),
    bad("items", item, "code", "x" * 61, "is too long"),
    bad("items", item, "description", "x" * 301, "is too long"),
    bad("items", item, "description", "a\0b", "contains a NUL character"),
    *(bad("lots", lot, "quantity", value, message) for value, message in NUMBERS),
    *(bad("lots", lot, "value", value, message) for value, message in NUMBERS),
    *(bad("lots", lot, "received_at", value, message) for value, message in MOMENTS),
    bad("lots", lot, "quantity", "-5", "is negative"),
    bad("lots", lot, "quantity", "0", "is 0; a lot must receive something"),
    bad("lots", lot, "quantity", "0.00001", "is finer than 4 decimals"),
    bad("lots", lot, "quantity", "1000000000000", "is too large"),
    bad("lots", lot, "value", "-0.01", "is negative"),
    bad("lots", lot, "value", "1.001", "is finer than 2 decimals"),
    bad("lots", lot, "value", "10000000000000000", "is too large"),
    bad("lots", lot, "lot", "", "must not be empty"),
    bad("lots", lot, "lot", "x" * 61, "is too long"),
    bad("lots", lot, "office", "x" * 21, "is too long"),
    bad("lots", lot, "source", "PO-\0", "contains a NUL character"),
    bad("lots", lot, "code", "nobody", "is not a known code"),
    *(bad("usage", usage, "quantity", value, message) for value, message in NUMBERS),
    *(bad("usage", usage, "used_at", value, message) for value, message in MOMENTS),
    bad("usage", usage, "quantity", "0", "is 0; a usage of nothing"),
    bad("usage", usage, "quantity", "-0.00", "is 0; a usage of nothing"),
    bad("usage", usage, "quantity", "-0.00001", "is finer than 4 decimals"),
    bad("usage", usage, "quantity", "-1000000000000", "is too large"),
    bad("usage", usage, "usage", "", "must not be empty"),
    bad("usage", usage, "code", "nobody", "is not a known code"),
    bad("usage", usage, "reference", "x" * 201, "is too long"),
    bad("usage", usage, "transaction_id", "\0", "contains a NUL character"),
    bad("usage", usage, "returns", "U-404", "is no known usage"),
    bad("usage", usage, "returns", "U-1", "is the usage itself"),
    Bad("items", [item(), item(description="other")], 3, "code", "stands on row 2 too, with other content"),
    Bad("lots", [lot(), lot(quantity="11")], 3, "lot", "stands on row 2 too, with other content"),
    Bad("usage", [usage(), usage(), usage(order="1")], 4, "usage", "stands on row 2 too, with other content"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}-{case.column}-{case.message}"[:60])
def test_a_bad_cell_is_named_by_file_row_and_column(tmp_path: Path, case: Bad) -> None:
    files = {case.kind: write(tmp_path, case.kind, case.rows)}
    if case.kind != "items":
        files["items"] = write(tmp_path, "items")
    message = refused(**files)
    assert f"{files[case.kind]}, row {case.row}, column {case.column}: " in message
    assert case.message in message
    assert message.startswith("1 error; nothing was imported.")


def test_a_usage_may_only_return_one_of_its_own_code(tmp_path: Path) -> None:
    rows = [usage(), usage(usage="U-9", code="TB-1", quantity="-1", returns="U-1")]
    message = refused(items=write(tmp_path, "items"), usage=write(tmp_path, "usage", rows))
    assert 'usage.csv, row 3, column returns: "U-1" is a usage of another code (16G-W).' in message


@pytest.mark.parametrize(
    ("lots", "expected"),
    [
        ("L-404", '"L-404" is no known lot'),
        ("L-1;L-404", '"L-404" is no known lot'),
        ("L-1;L-2", '"L-2" is a lot of another code (TB-1)'),
        ("L-1;;L-1", "has an empty name between its semicolons"),
        ("L-1; L-2", "has a name that begins or ends with white space"),
        ("x" * 61, "names a lot of 61 characters"),
        ("L-1;\0", "contains a NUL"),
    ],
)
def test_only_lots_must_name_lots_of_the_same_code(tmp_path: Path, lots: str, expected: str) -> None:
    restricted = write(tmp_path, "usage", [[*usage(), lots]], header=[*HEADERS["usage"], "only_lots"])
    message = refused(items=write(tmp_path, "items"), lots=write(tmp_path, "lots"), usage=restricted)
    assert f"{restricted}, row 2, column only_lots: " in message
    assert expected in message


@pytest.mark.parametrize(
    ("kind", "changed", "differs"),
    [
        ("items", item(description="other"), "description"),
        ("items", item(est_unit_cost="10.51"), "est_unit_cost"),
        ("lots", lot(code="TB-1"), "code"),
        ("lots", lot(office=""), "office"),
        ("lots", lot(received_at="2026-01-05 08:01"), "received_at"),
        ("lots", lot(quantity="9", value="1"), "quantity, value"),
        ("lots", lot(source=""), "source"),
        ("usage", usage(office="XX"), "office"),
        ("usage", usage(used_at="2026-01-07"), "used_at"),
        ("usage", usage(quantity="-4"), "quantity"),
        ("usage", usage(transaction_id="SHIP-1"), "transaction_id"),
        ("usage", usage(order="", reference=""), "order, reference"),
        ("usage", usage(returns="U-2"), "returns"),
    ],
)
def test_what_is_recorded_cannot_be_imported_with_other_content(
    tmp_path: Path, kind: str, changed: Row, differs: str
) -> None:
    all_three(tmp_path)
    message = refused(**{kind: write(tmp_path, kind, [changed])})
    assert f"row 2, column {'code' if kind == 'items' else kind.removesuffix('s')}: " in message
    assert f"is recorded already, with another {differs}." in message


def test_a_restriction_that_differs_is_other_content(tmp_path: Path) -> None:
    all_three(tmp_path)
    path = write(tmp_path, "usage", [[*usage(), "L-1"]], header=[*HEADERS["usage"], "only_lots"])
    assert "is recorded already, with another only_lots." in refused(usage=path)


# -- Files as a whole --------------------------------------------------------------------------------
def packed(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


GOOD = csv_text(HEADERS["items"], ITEMS).encode()
FILES: list[tuple[str, bytes, str]] = [
    ("items.csv", b"", "The file is empty."),
    ("items.csv.xz", b"", "The file is empty."),
    ("items.csv.xz", lzma.compress(b""), "The file is empty."),
    ("items.csv", b"\n\n", "The file is empty."),
    ("items.csv", b"code,description\n16G-W,x\n", "row 1, column est_unit_cost: A column is missing: est_unit_cost."),
    ("items.csv", b"16G-W,memory,10.50\n", 'row 1, column 16g-w: There is no column "16g-w".'),
    ("items.csv", b"code,description,est_unit_cost,colour\n", 'row 1, column colour: There is no column "colour".'),
    ("items.csv", b"code,code,description,est_unit_cost\n", "row 1, column code: The column stands there twice."),
    ("items.csv", b"code,,description,est_unit_cost\n", "row 1: A column has no name."),
    ("items.csv", b"code;description;est_unit_cost\n", "The columns are not separated by commas"),
    ("items.csv", GOOD + b"x,y\n", "row 4: The row has 2 cells, but the header names 3 columns."),
    ("items.csv", GOOD + b"x,y,1,2\n", "row 4: The row has 4 cells, but the header names 3 columns."),
    ("items.csv", GOOD + b'"x,y,1\n', "row 4: The row is not CSV: a quote is opened and never closed."),
    ("items.csv", GOOD + b'"x"y,z,1\n', "row 4: The row is not CSV"),
    ("items.csv", GOOD + b"caf\xe9,y,1\n", "row 4, column code: "),
    ("items.csv", GOOD.decode().encode("utf-16"), "The file is UTF-16 text"),
    ("items.csv.xz", lzma.compress(GOOD)[:-9], "The file is damaged or cut off"),
    ("items.csv.gz", gzip.compress(GOOD, mtime=0)[:-9], "The file is damaged or cut off"),
    ("items.csv.xz", GOOD, "The name promises an .xz file, but the file is something else."),
    ("items.csv", lzma.compress(GOOD), "The name promises a CSV file, but the file is an .xz file."),
    ("items.xlsx", GOOD, "The name promises an Excel workbook, but the file is something else."),
    ("items.xlsx", b"PK\x03\x04 not really", "The workbook is damaged or is none"),
    ("items.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save it as .xlsx or CSV"),
]


@pytest.mark.parametrize(("name", "content", "expected"), FILES, ids=lambda value: str(value)[:40])
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    path = packed(tmp_path, name, content)
    message = refused(items=path)
    assert str(path) in message
    assert expected in message


def test_a_missing_file_a_folder_and_no_file_at_all_are_refused(tmp_path: Path) -> None:
    assert "nowhere.csv: There is no such file." in refused(items=tmp_path / "nowhere.csv")
    assert "The file cannot be read" in refused(items=tmp_path)
    assert "Name at least one file" in refused()


@pytest.mark.parametrize(
    ("made", "column"),
    [
        (item, "code"), (lot, "lot"), (lot, "code"), (lot, "office"), (usage, "usage"), (usage, "code"),
        (usage, "office"), (usage, "returns"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", [" A", "A ", "\tA", "A\n", "\u00a0A"])
def test_white_space_around_what_identifies_a_record_is_refused(
    tmp_path: Path, made: Callable[..., Row], column: str, name: str
) -> None:
    kind = {item: "items", lot: "lots", usage: "usage"}[made]
    message = refused(**{kind: write(tmp_path, kind, [made(**{column: name})])})
    assert f"{kind}.csv, row 2, column {column}: " in message
    assert "begins or ends with white space; take it away." in message


@pytest.mark.parametrize("kind", ["items", "lots", "usage"])
@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_header_without_rows_is_refused(tmp_path: Path, kind: str, suffix: str) -> None:
    files = {name: write(tmp_path, name) for name in HEADERS if name != kind}
    message = refused(**files, **{kind: write(tmp_path, kind, [], suffix=suffix)})
    assert message.splitlines() == [
        "1 error; nothing was imported.",
        f"{tmp_path}/{kind}{suffix}: The file has no rows below its header.",
    ]


def test_an_empty_name_is_a_missing_file() -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("import_inventory", items="")
    assert refusal.value.returncode == 2


def test_all_errors_are_reported_in_file_and_row_order(tmp_path: Path) -> None:
    items = write(tmp_path, "items", [item(), item(code="B", est_unit_cost="x"), item(code="", est_unit_cost="-1")])
    lots = write(tmp_path, "lots", [lot(), lot(lot="L-3", code="nobody"), lot(lot="L-4", quantity="-1", value="no")])
    lines = refused(lots=lots, items=items).splitlines()
    assert lines[0] == "6 errors; nothing was imported."
    places = [line.removeprefix(f"{tmp_path}/").split(":")[0] for line in lines[1:]]
    assert places == [
        "items.csv, row 3, column est_unit_cost",
        "items.csv, row 4, column code",
        "items.csv, row 4, column est_unit_cost",
        "lots.csv, row 3, column code",
        "lots.csv, row 4, column quantity",
        "lots.csv, row 4, column value",
    ]


def test_a_row_that_names_a_row_with_a_bad_cell_is_not_blamed(tmp_path: Path) -> None:
    bad_item = write(tmp_path, "items", [item(est_unit_cost="x"), ITEMS[1]])
    message = refused(items=bad_item, lots=write(tmp_path, "lots"), usage=write(tmp_path, "usage"))
    assert message.startswith("1 error;")


def test_the_first_thousand_errors_are_kept_and_all_are_counted(tmp_path: Path) -> None:
    outcome = imported(tmp_path, items=[item(code=f"C{n}", est_unit_cost="x") for n in range(1_500)])
    assert outcome.problem_count == 1_500
    assert [problem.row for problem in outcome.problems] == list(range(2, 1_002))
    message = refused(items=tmp_path / "items.csv")
    assert message.endswith("... 1,500 errors in all")
    assert len(message.splitlines()) == 22


def test_one_bad_row_in_the_last_file_keeps_everything_out(tmp_path: Path) -> None:
    files = {kind: write(tmp_path, kind) for kind in ("items", "lots")}
    refused(**files, usage=write(tmp_path, "usage", [*USAGE, usage(usage="U-9", quantity="0")]))


@pytest.mark.parametrize("made", [lot, usage])
def test_sums_that_no_pool_can_hold_are_refused_with_their_row(tmp_path: Path, made: Callable[..., Row]) -> None:
    kind, key = ("lots", "lot") if made is lot else ("usage", "usage")
    most = "999999999999.9999"
    rows = [made(), made(**{key: "big-1", "quantity": most}), made(**{key: "big-2", "quantity": most})]
    message = refused(items=write(tmp_path, "items"), **{kind: write(tmp_path, kind, rows)})
    assert f"{kind}.csv, row 3, column quantity: " in message
    assert "together" in message


def test_an_estimate_that_no_pool_can_hold_is_refused_with_its_row(tmp_path: Path) -> None:
    dear = write(tmp_path, "items", [item(est_unit_cost="999999999999")])
    message = refused(items=dear, usage=write(tmp_path, "usage", [usage(quantity="100000")]))
    assert "usage.csv, row 2, column quantity: " in message
    assert "estimated cost" in message


def test_a_message_shows_hostile_text_on_one_line(tmp_path: Path) -> None:
    message = refused(items=write(tmp_path, "items", [item(est_unit_cost="1\n\x1b[2J" + "9" * 500)]))
    assert "\x1b" not in message
    assert len(message.splitlines()) == 2
    assert max(map(len, message.splitlines())) < 400


# -- Bombs -------------------------------------------------------------------------------------------
@pytest.fixture
def small_limit(settings: Settings) -> None:
    settings.UNPACKED_LIMIT_BYTES = 1_000_000


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("pack", [lzma.compress, gzip.compress], ids=["xz", "gz"])
def test_what_unpacks_to_too_much_is_stopped(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    suffix = "xz" if pack is lzma.compress else "gz"
    bomb = packed(tmp_path, f"items.csv.{suffix}", pack(GOOD + b"A,a,1\n" * 3_000_000))
    assert bomb.stat().st_size < 100_000
    assert "holds more than 1 MB when unpacked" in refused(items=bomb)


def test_an_xz_file_that_asks_for_much_memory_is_refused(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 512_000_000}]
    hungry = packed(tmp_path, "items.csv.xz", lzma.compress(GOOD, filters=filters))
    assert "needs too much memory to unpack" in refused(items=hungry)


@pytest.mark.usefixtures("small_limit")
def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = write(tmp_path, "items", suffix=".xlsx")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/zeros.bin", b"\0" * 2_000_000)
    assert "holds more than 1 MB when unpacked" in refused(items=path)


def workbook_with(folder: Path, **parts: bytes) -> Path:
    """A good workbook with some parts replaced: sheet, content types."""
    good, path = write(folder, "lots", suffix=".xlsx"), folder / "items.xlsx"
    names = {"sheet": "xl/worksheets/sheet1.xml", "types": "[Content_Types].xml"}
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        replaced = {names[part]: content for part, content in parts.items()}
        for entry in source.namelist():
            archive.writestr(entry, replaced.get(entry, source.read(entry)))
    return path


def test_entities_in_a_workbook_are_refused(tmp_path: Path) -> None:
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    sheet = laughs + b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>&b;'
    assert "The workbook is damaged or is none" in refused(
        items=workbook_with(tmp_path, sheet=sheet + b"</sheetData></worksheet>")
    )


def test_a_workbook_that_claims_a_row_far_below_is_refused(tmp_path: Path) -> None:
    sheet = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="99999999999"><c t="inlineStr"><is><t>code</t></is></c></row></sheetData></worksheet>'
    )
    assert "A worksheet has at most 1,048,576 rows." in refused(items=workbook_with(tmp_path, sheet=sheet))


@pytest.mark.parametrize("name", ["../../escape.csv", "..\\x.csv"])
def test_a_name_is_only_ever_shown(tmp_path: Path, name: str) -> None:
    assert "There is no such file." in refused(items=tmp_path / "nowhere" / name)


def test_a_wrong_header_is_refused_however_many_columns_it_has(tmp_path: Path) -> None:
    wide = packed(tmp_path, "items.csv", b",".join(b"c%d" % n for n in range(20_000)) + b"\n")
    message = refused(items=wide)
    assert 'There is no column "c0".' in message
    assert len(message) < 1_000


def test_the_check_writes_nothing(tmp_path: Path) -> None:
    before = counts()
    outcome: Any = imported(tmp_path, is_check_only=True, items=None, lots=None, usage=None)
    assert not outcome.is_written
    assert [figures.new for figures in outcome.files.values()] == [2, 2, 3]
    assert counts() == before
