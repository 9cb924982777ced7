"""An export is exactly the found set on screen; text that would start a formula is harmless, numbers stay numbers."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.contrib.messages import get_messages
from django.test import Client

from inventory_site import exporting
from inventory_site.exporting import Export, ExportColumn, ExportLine, harmless
from usage.models import InventoryUsage

Maker = Callable[..., InventoryUsage]

FORMULAS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "-",
    "@SUM(A1)",
    "|calc",
    "%0A=1",
    "\t=1",
    "\r=1",
    "\n=1",
    "\tplain",
    "  =1",
    "\u00a0=1",
    "\u3000=1",
    "\u200b=1",
    "\ufeff=1",
    "\x00=1",
    "\x07@x",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(A1)",
    "\uff5ccalc",
    '=HYPERLINK("http://x.example","x")',
    "-5",
    "+49 30 123",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_would_start_a_formula_gets_an_apostrophe(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "16G-W", "Order #60007", "a=b", "1-1", "'=1", "J'Apprends: I Learn", "\u2212not"])
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert harmless(text) == text


def export_of(rows: Sequence[Sequence[Any]], *kinds: str) -> Export:
    columns = [ExportColumn(f"c{place}", f"Column {place}", kind) for place, kind in enumerate(kinds)]
    return Export("A / list: [1]", columns, [ExportLine("row", row) for row in rows], (("What", "=A list"),))


def csv_rows(export: Export) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(exporting.csv_lines(export)).decode())))


def written(export: Export) -> Any:
    """The workbook's first sheet."""
    with exporting.xlsx_file(export) as file:
        return sheets(file.read()).worksheets[0]


def sheets(content: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content))


@pytest.mark.parametrize("text", FORMULAS)
def test_no_formula_survives_into_either_kind_of_file(text: str) -> None:
    export = export_of([[text]], "text")
    (_, [cell]) = csv_rows(export)
    assert cell.startswith("'")
    sheet = written(export_of([[text]], "text"))
    assert sheet["A2"].data_type == "s"
    assert sheet["A2"].value.startswith("'")


def test_numbers_stay_numbers_negatives_too() -> None:
    row = [Decimal("-9373.75"), Decimal("-125.0000"), Decimal("0.3333330"), 12, Decimal("1E+3")]
    kinds = ("money", "quantity", "unit_cost", "count", "quantity")
    assert csv_rows(export_of([row], *kinds))[1] == ["-9373.75", "-125", "0.333333", "12", "1000"]
    sheet = written(export_of([row], *kinds))
    assert [cell.value for cell in sheet[2]] == [-9373.75, -125, 0.333333, 12, 1000]
    assert all(cell.data_type == "n" for cell in sheet[2])


def test_a_number_too_long_for_a_spreadsheet_is_written_as_text_and_not_rounded() -> None:
    number = Decimal("999999999999.9999")
    sheet = written(export_of([[number]], "quantity"))
    assert sheet["A2"].value == "999999999999.9999"


def test_identifiers_are_text_and_keep_their_zeros() -> None:
    sheet = written(export_of([["00123"]], "text"))
    assert (sheet["A2"].value, sheet["A2"].data_type) == ("00123", "s")


def test_a_moment_is_a_date_in_a_spreadsheet_and_complete_in_csv() -> None:
    moment = datetime(2022, 7, 18, 14, 5, 9, tzinfo=UTC)
    assert csv_rows(export_of([[moment]], "moment"))[1] == ["2022-07-18 14:05:09"]
    cell = written(export_of([[moment]], "moment"))["A2"]
    assert cell.is_date
    assert cell.value == datetime(2022, 7, 18, 14, 5, 9)  # noqa: DTZ001  (spreadsheets know no zones)


def test_a_bom_comes_only_when_asked_for() -> None:
    plain = b"".join(exporting.csv_lines(export_of([], "text")))
    marked = b"".join(exporting.csv_lines(export_of([], "text"), with_bom=True))
    assert plain.startswith(b"Column 0")
    assert marked == b"\xef\xbb\xbf" + plain


def test_commas_quotes_and_line_breaks_stay_within_their_cell() -> None:
    text = 'a,"b"\nc;d'
    assert csv_rows(export_of([[text, "x"]], "text", "text"))[1] == [text, "x"]


def test_a_large_file_is_written_piece_by_piece() -> None:
    lines = (ExportLine("row", [str(number)]) for number in range(5000))
    pieces = exporting.csv_lines(Export("x", [ExportColumn("c", "C")], lines))
    assert next(pieces) == b"C\r\n"
    assert next(pieces).count(b"\n") == 500
    assert next(lines).values == ["500"], "only what was sent has been read"


# -- From the list ---------------------------------------------------------------------------------
pages = pytest.mark.urls("tests.site.sample")


@pytest.fixture
def some(used: Maker) -> list[InventoryUsage]:
    return [
        used("WIRE", "1000", office="AI", reference="=1+1"),
        used("BOOK", "20", reference="Order #1"),
        used("WIRE", "-125.5", office="AI"),
        used("PEN", "7", closed=True),
    ]


def downloaded(client: Client, address: str) -> bytes:
    response = client.get(f"/sample/{address}")
    assert response.status_code == 200
    assert "attachment" in response["Content-Disposition"]
    return b"".join(response.streaming_content)  # type: ignore[attr-defined]  # a streaming response


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode())))


@pages
def test_a_csv_has_the_columns_of_the_screen_and_list_totals(reader: Client, some: list[InventoryUsage]) -> None:
    rows = rows_of(downloaded(reader, "?export=csv"))
    assert rows[0] == ["Usage", "Code", "Date", "Office", "Ref #(s)", "Quantity", "~ COGS", "Unallocated", "Status"]
    assert rows[1] == [
        some[0].number,
        "WIRE",
        "2025-03-01 23:30:00",
        "AI",
        "'=1+1",
        "1000",
        "2000.00",
        "1000",
        "Open",
    ]
    assert rows[-1] == ["List Totals", "", "", "", "", "901.5", "1789.00", "894.5", ""]
    assert len(rows) == 6


@pages
def test_an_export_follows_filters_sort_and_omitted_rows(reader: Client, some: list[InventoryUsage]) -> None:
    rows = rows_of(downloaded(reader, f"?quick=open&sort=-quantity&omit={some[1].pk}&export=csv&page=3"))
    assert [row[0] for row in rows[1:]] == [some[0].number, some[2].number, "List Totals"]


@pages
def test_a_grouped_export_has_headers_sub_totals_and_list_totals(reader: Client, some: list[InventoryUsage]) -> None:
    rows = rows_of(downloaded(reader, "?group=code&export=csv"))
    assert [(row[0], row[5]) for row in rows[1:]] == [
        ("BOOK About BOOK", ""),
        (some[1].number, "20"),
        ("Sub-total BOOK", "20"),
        ("PEN About PEN", ""),
        (some[3].number, "7"),
        ("Sub-total PEN", "7"),
        ("WIRE About WIRE", ""),
        (some[0].number, "1000"),
        (some[2].number, "-125.5"),
        ("Sub-total WIRE", "874.5"),
        ("List Totals", "901.5"),
    ]


@pages
def test_a_workbook_has_the_same_rows_and_says_what_it_is(reader: Client, some: list[InventoryUsage]) -> None:
    book = sheets(downloaded(reader, "?code=WIRE&export=xlsx"))
    sheet, about = book.worksheets
    values = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert [row[0] for row in values[1:]] == [some[0].number, some[2].number, "List Totals"]
    assert [row[5] for row in values[1:]] == [1000, -125.5, 874.5]
    said = {row[0].value: row[1].value for row in about.iter_rows()}
    assert said["Found set"] == "Code: WIRE"
    assert said["Exported by"] == "reader"
    assert said["Time zone"] == "UTC"


@pages
@pytest.mark.parametrize(
    "address", ["?", "?group=code", "?group=office&sort=-office,-quantity", "?quick=open", "?q=wire&sort=cogs"]
)
def test_the_file_holds_what_the_screen_shows_cell_for_cell(
    reader: Client, some: list[InventoryUsage], address: str
) -> None:
    page = reader.get(f"/sample/{address}").content.decode()
    on_screen = []
    for row in re.findall(r'<tr id="row-.*?</tr>', page, re.S):
        cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)[:9]
        texts = [re.sub(r'<span class="visually-hidden">.*?</span>|<[^>]+>', "", cell) for cell in cells]
        on_screen.append([text.replace(",", "") for text in texts])
    in_file = [
        [row[0], row[1], "03/01/25", row[3], row[4].removeprefix("'"), *row[5:]]
        for row in rows_of(downloaded(reader, f"{address}&export=csv"))[1:]
        if row[1]
    ]
    assert on_screen == in_file


@pages
def test_nothing_is_exported_when_a_filter_is_wrong(reader: Client, some: list[InventoryUsage]) -> None:
    response = reader.get("/sample/?quantity_min=abc&export=csv")
    assert "Content-Disposition" not in response
    assert "Nothing was exported" in response.content.decode()


@pages
def test_a_long_list_is_exported_whole(reader: Client, used: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory_site.views.EXPORT_CHUNK", 7)
    for _ in range(40):
        used("WIRE", "1")
    rows = rows_of(downloaded(reader, "?group=code&export=csv"))
    assert len(rows) == 1 + 1 + 40 + 1 + 1
    assert rows[-1][5] == "40"


@pages
@pytest.mark.parametrize(("address", "lines"), [("?", 5), ("?group=code", 11), ("?group=office", 9)])
def test_a_workbook_is_refused_only_when_its_lines_do_not_fit(
    reader: Client, some: list[InventoryUsage], monkeypatch: pytest.MonkeyPatch, address: str, lines: int
) -> None:
    monkeypatch.setattr("inventory_site.views.XLSX_ROW_LIMIT", lines)
    fitting = sheets(downloaded(reader, f"{address}&export=xlsx")).worksheets[0]
    assert fitting.max_row == 1 + lines
    monkeypatch.setattr("inventory_site.views.XLSX_ROW_LIMIT", lines - 1)
    refused = reader.get(f"/sample/{address}&export=xlsx")
    assert refused.status_code == 302
    told = " ".join(str(message) for message in get_messages(refused.wsgi_request))
    assert f"{lines} lines, totals included, do not fit into one worksheet, which has room for {lines - 1};" in told
