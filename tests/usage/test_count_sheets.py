"""Count sheets: what is on them, counting from one, and reading a counted one back."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from lots.models import LineItemCode, Office
from lots.services import lot_record
from tests.factories import day, make_code, make_lot, make_office, make_usage
from usage.count_sheets import FILE_BYTES_AT_MOST, LINES_AT_MOST, read_counts, sheet_lines
from usage.models import InventoryAdjustment

NOW = day(60)


def stock(code: str, quantity: str, *, bin: str = "", office: str = "AI", category: str = "") -> None:
    made = make_code(code)
    LineItemCode.objects.filter(pk=made.pk).update(category=category)
    lot_record(
        code=made, quantity=Decimal(quantity), value=Decimal(1), received_at=day(1), office=make_office(office), bin=bin
    )


def on_sheet(office: str = "AI", **narrowed: str) -> list[tuple[str, str, Decimal]]:
    lines = sheet_lines(office=make_office(office), at=NOW, **narrowed)
    return [(line.bin, line.code.code, line.balance) for line in lines]


@pytest.mark.django_db
def test_a_sheet_lists_what_is_there_by_bin_and_code_what_is_owed_and_what_is_at_nothing() -> None:
    stock("WIRE", "10", bin="B")
    stock("WIRE", "4", bin="A")
    stock("BOOK", "5", bin="A")
    stock("FAR", "5", office="BO")
    make_usage("OWED", "2", office="AI")
    stock("GONE", "3")
    make_usage("GONE", "3", office="AI")
    assert on_sheet() == [("", "GONE", 0), ("", "OWED", -2), ("A", "BOOK", 5), ("A", "WIRE", 4), ("B", "WIRE", 10)]
    assert on_sheet(bin="A") == [("A", "BOOK", 5), ("A", "WIRE", 4)]
    assert on_sheet("BO") == [("", "FAR", 5)]


@pytest.mark.django_db
def test_a_sheet_can_be_of_one_category() -> None:
    stock("WIRE", "10", category="Cable")
    stock("BOOK", "5", category="Print")
    assert on_sheet(category="Cable") == [("", "WIRE", 10)]


@pytest.mark.django_db
def test_what_is_inactive_is_on_the_sheet_and_counted_as_long_as_there_is_any(clerk: Client) -> None:
    stock("OLD", "5")
    stock("GONE", "3")
    make_usage("GONE", "3", office="AI")
    LineItemCode.objects.update(status="INACTIVE")
    assert on_sheet() == [("", "OLD", 5)]
    page = upload(clerk, "code,count\nOLD,4\n", office=str(Office.objects.get().pk))
    assert page.context["problems"] == []  # type: ignore[attr-defined]  # a test response
    data = {"adjusted_at": "2026-03-01T09:00", "office": str(Office.objects.get().pk), "description": "", "account": ""}
    data |= {"lines-TOTAL_FORMS": "1", "lines-INITIAL_FORMS": "0", "lines-0-code": "OLD", "lines-0-count": "4"}
    said = clerk.post(reverse("usage:count_balances"), data).json()
    assert said == {"balances": {"0": "5"}}
    clerk.post(reverse("usage:count_upload"), data)
    assert [line.quantity for line in InventoryAdjustment.objects.get().lines.all()] == [-1]
    # Of what is not there any more nothing else is entered.
    lost = clerk.post(f"{reverse('usage:adjustment_create')}?type=LOSS", data | {"lines-0-quantity": "1"})
    assert "no active line item code" in lost.content.decode()


@pytest.mark.django_db
def test_a_printed_sheet_does_not_tell_what_the_system_thinks_unless_asked(viewer: Client) -> None:
    stock("WIRE", "1234")
    blind = viewer.get(reverse("usage:count_sheet")).content.decode()
    assert "WIRE" in blind
    assert "1,234" not in blind
    assert "1,234" in viewer.get(f"{reverse('usage:count_sheet')}?balance=on").content.decode()
    assert "Count these" not in blind


@pytest.mark.django_db
def test_count_these_makes_a_count_with_the_lines_of_the_sheet(clerk: Client) -> None:
    stock("WIRE", "10", bin="A")
    stock("BOOK", "5", bin="B")
    office = Office.objects.get()
    sheet = clerk.get(f"{reverse('usage:count_sheet')}?office={office.pk}&bin=A")
    [count] = [action.url for action in sheet.context["actions"] if action.label == "Count these"]
    page = clerk.get(count)
    rows = [form.initial for form in page.context["formset"].forms if form.initial]
    assert [(str(row["code"]), row["bin"], row["system_balance"]) for row in rows] == [("WIRE", "A", 10)]
    assert str(page.context["form"]["office"].value()) == str(office.pk)
    data = {"adjusted_at": "2026-03-01T09:00", "office": str(office.pk), "description": "", "account": ""}
    data |= {"lines-TOTAL_FORMS": "1", "lines-INITIAL_FORMS": "1", "lines-0-code": "WIRE", "lines-0-bin": "A"}
    clerk.post(count, data | {"lines-0-count": "9"})
    [line] = InventoryAdjustment.objects.get().lines.all()
    assert (line.bin, line.system_balance, line.quantity) == ("A", 10, -1)


@pytest.mark.django_db
def test_a_sheet_without_anything_cannot_be_counted(clerk: Client) -> None:
    page = clerk.get(reverse("usage:count_sheet"))
    assert {action.label: action.reason for action in page.context["actions"]}["Count these"]


# -- Files -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("code,count\nWIRE,5\n", [{"bin": "", "code": "WIRE", "count": "5"}]),
        ("\ufeffCount;Code;Bin\r\n5;WIRE;A-1\r\n\r\n", [{"bin": "A-1", "code": "WIRE", "count": "5"}]),
        ("code\tdescription\tcount\nWIRE\tx\t=1+1\n", [{"bin": "", "code": "WIRE", "count": "=1+1"}]),
        ("Item Code,Qty\nWIRE,5\n", [{"bin": "", "code": "WIRE", "count": "5"}]),
        (
            "code,serial_numbers,System balance,count,Adjustment\nSAW,S1; S2,3,2,-1\n",
            [{"bin": "", "code": "SAW", "serials": "S1\nS2", "count": "2", "quantity": "-1"}],
        ),
        ('code,count\n"A ""B"", C",1\n', [{"bin": "", "code": 'A "B", C', "count": "1"}]),
        ("code,count\nWIRE\n", [{"bin": "", "code": "WIRE", "count": ""}]),
        # The apostrophe that the download puts before what a spreadsheet would work out, and no other.
        (
            "code,bin,count\n'-10G,'@A,1\n'Q,'007,2\n",
            [
                {"bin": "@A", "code": "-10G", "count": "1"},
                {"bin": "'007", "code": "'Q", "count": "2"},
            ],
        ),
        # Figures that mean the same everywhere.
        (
            "code;count\nWIRE;1,234.5\nBOOK;1,234,567\n",
            [
                {"bin": "", "code": "WIRE", "count": "1,234.5"},
                {"bin": "", "code": "BOOK", "count": "1,234,567"},
            ],
        ),
        ('code,count\nWIRE,"1,234"\n', [{"bin": "", "code": "WIRE", "count": "1,234"}]),
        ("code;bin;count\nWIRE;1,234;5\n", [{"bin": "1,234", "code": "WIRE", "count": "5"}]),
    ],
)
def test_columns_are_found_by_name_however_a_spreadsheet_parts_them(text: str, rows: list[dict[str, str]]) -> None:
    assert read_counts(text.encode()) == rows


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"code,count\n", "Below its first row"),
        (b"WIRE,5\n", "must name the columns"),
        (b"code,code,count\nA,B,1\n", "Two columns are named code"),
        (b"code,remark,count,By\nA,B,1,C\n", "The columns remark, By would not be read: take them out"),
        (b"PK\x03\x04rest", "is a workbook of a spreadsheet program .* Save the sheet in it as CSV"),
        (b"code,count\n\xff\xfe\xfd,1\n", "not text in UTF-8"),
        (b"code,count\nA\x00B,1\n", "no text"),
        (b'code,count\n"unclosed,1\n', "no CSV"),
        (b"code;count\nA;5\nB;1,234\n", r"Row 3 says 1,234: that may be 1234 or 1\.234"),
        (b"code;count;adjustment\nA;;2*0,500\nB;1,234;\n", r"Row 2 says 2\*0,500 \(and 1 more like it\)"),
        (b"code\tcount\nA\t1,234\n", r"may be 1234 or 1\.234"),
        (b"code,count\n" + b"A" * 301 + b",1\n", "more than 300 characters"),
        (b"code,count\n" + b"A,1\n" * (LINES_AT_MOST + 1), "at most 1,000"),
        (b"x" * (FILE_BYTES_AT_MOST + 1), "larger than 1 MB"),
    ],
)
def test_a_file_that_is_no_counted_sheet_is_told_so(data: bytes, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        read_counts(data)


@pytest.mark.django_db
def test_a_sheet_is_downloaded_filled_in_and_read_back(clerk: Client) -> None:
    stock("WIRE", "10", bin="A")
    stock("BOOK", "5", bin="B")
    office = Office.objects.get()
    sheet = clerk.get(f"{reverse('usage:count_sheet')}?office={office.pk}&balance=on")
    [download] = [action.url for action in sheet.context["actions"] if action.label == "Download as CSV"]
    answer = clerk.get(f"{reverse('usage:count_sheet')}{download}")
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]  # a streaming response
    heading, *rows = text.lstrip("\ufeff").splitlines()
    assert heading == "Code,Description,Bin,Manufacturer lot,Serial numbers,System balance,Count"
    filled = "\n".join([heading, *(f"{row}{counted}" for row, counted in zip(rows, (9, 5), strict=True))])
    page = upload(clerk, filled, office=str(office.pk))
    forms = page.context["formset"].forms  # type: ignore[attr-defined]  # a test response
    assert [(form["code"].value(), form["bin"].value(), form["count"].value()) for form in forms] == [
        ("WIRE", "A", "9"),
        ("BOOK", "B", "5"),
    ]
    blind = clerk.get(f"{reverse('usage:count_sheet')}?export=csv")
    assert b"System balance" not in b"".join(blind.streaming_content)  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_codes_that_spreadsheets_take_for_formulas_come_back_from_the_download(clerk: Client) -> None:
    names = ["'Q", "+X", "-10G", "007", "=A1", "@B"]
    for name in names:
        stock(name, "3", bin="-1")
    text = b"".join(clerk.get(f"{reverse('usage:count_sheet')}?export=csv").streaming_content).decode()  # type: ignore[attr-defined]
    heading, *rows = text.lstrip("\ufeff").splitlines()
    page = upload(clerk, "\n".join([heading, *(f"{row}4" for row in rows)]), office=str(Office.objects.get().pk))
    assert page.context["problems"] == []  # type: ignore[attr-defined]  # a test response
    forms = page.context["formset"].forms  # type: ignore[attr-defined]
    assert sorted((form["code"].value(), form["bin"].value()) for form in forms) == [(name, "-1") for name in names]


@pytest.mark.django_db
def test_a_count_that_is_typed_is_told_what_the_system_says_as_of_its_moment(viewer: Client) -> None:
    stock("WIRE", "10", bin="A")
    stock("WIRE", "4", bin="B")
    stock("BOOK", "1234", bin="A")
    office = Office.objects.get()
    make_usage("BOOK", "4", on_day=30, office="AI")
    before = InventoryAdjustment.objects.count()

    def said(**sent: str) -> object:
        lines = {"lines-0-code": "wire", "lines-1-code": "BOOK", "lines-2-code": "NONE", "lines-3-code": ""}
        data = {"office": str(office.pk), "adjusted_at": f"{day(40):%Y-%m-%dT%H:%M}", **lines, **sent}
        return viewer.post(reverse("usage:count_balances"), data).json()["balances"]

    assert said() == {"0": "14", "1": "1,230"}
    # One bin named: the others of the code are counted apart. An earlier moment: what was used later is still there.
    assert said(**{"lines-0-bin": "A"}) == {"0": "10", "1": "1,230"}
    assert said(adjusted_at=f"{day(20):%Y-%m-%dT%H:%M}") == {"0": "14", "1": "1,234"}
    assert said(**{"lines-1-DELETE": "on"}) == {"0": "14"}
    assert said(office="") == {"0": "14", "1": "1,230"}
    assert (said(adjusted_at="soon"), said(office="x")) == ({}, {})
    assert InventoryAdjustment.objects.count() == before


def upload(client: Client, text: str | bytes, **fields: str) -> "object":
    data = text.encode() if isinstance(text, str) else text
    file = SimpleUploadedFile("counted.csv", data, content_type="text/csv")
    return client.post(
        reverse("usage:count_upload"), {"adjusted_at": "2026-03-01T09:00", "office": "", "file": file} | fields
    )


@pytest.mark.django_db
def test_a_counted_sheet_fills_in_a_count_which_is_saved_from_there(clerk: Client) -> None:
    stock("WIRE", "10", bin="A")
    page = upload(clerk, "code,count,bin\nWIRE,2*4,A\n", office=str(Office.objects.get().pk))
    assert page.status_code == 200  # type: ignore[attr-defined]  # a test response
    assert not InventoryAdjustment.objects.exists()
    forms = page.context["formset"].forms  # type: ignore[attr-defined]
    assert [form["count"].value() for form in forms] == ["2*4"]
    data = {"adjusted_at": "2026-03-01T09:00", "office": str(Office.objects.get().pk), "description": "", "account": ""}
    data |= {"lines-TOTAL_FORMS": "1", "lines-INITIAL_FORMS": "0", "lines-0-code": "WIRE", "lines-0-bin": "A"}
    answer = clerk.post(reverse("usage:count_upload"), data | {"lines-0-count": "2*4"})
    saved = InventoryAdjustment.objects.get()
    assert answer.headers["Location"] == saved.get_absolute_url()
    assert [line.quantity for line in saved.lines.all()] == [-2]


@pytest.mark.django_db
def test_what_is_wrong_with_a_row_stands_on_its_line(clerk: Client) -> None:
    make_lot("WIRE")
    page = upload(clerk, "code,count\nWIRE,5\nNOPE,3\nWIRE,lots\n<script>,1\n")
    problems = page.context["problems"]  # type: ignore[attr-defined]  # a test response
    assert [problem.label for problem in problems] == ["Line 2, Code", "Line 3, Count", "Line 4, Code"]
    assert b"<script>,1" not in page.content  # type: ignore[attr-defined]
    assert not InventoryAdjustment.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("data", [b"", b"\x00\x01", b"PK\x03\x04", b"nothing"])
def test_a_hostile_file_is_refused_on_the_page(clerk: Client, data: bytes) -> None:
    page = upload(clerk, data)
    assert page.status_code == 422  # type: ignore[attr-defined]  # a test response
    assert not InventoryAdjustment.objects.exists()
