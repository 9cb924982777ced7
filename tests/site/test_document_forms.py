"""Documents: amounts that are sums, codes, lines, and pages that keep what was typed when something is refused."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django import forms
from django.contrib.messages import get_messages
from django.core.exceptions import ValidationError
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from inventory_site.document_forms import (
    AmountField,
    CodeField,
    DayField,
    LineError,
    LineForm,
    LineFormSet,
    MomentField,
    MoneyFormField,
    QuantityFormField,
    UnitCostFormField,
)
from lots.models import LineItemCode, Office
from usage.models import InventoryUsage


def refusal(field: forms.Field, text: str) -> str:
    with pytest.raises(ValidationError) as refused:
        field.clean(text)
    return " ".join(refused.value.messages)


def rendered(field: forms.Field, value: Any) -> str:
    widget: Any = field.widget
    return str(widget.render("at", value))


# -- Amounts -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("12", "12"),
        (" 1,200.50 ", "1200.5"),
        ("1,234,567", "1234567"),
        (".5", "0.5"),
        ("12.", "12"),
        ("12*8", "96"),
        ("=3+4/2", "5"),
        ("(3+4)*2", "14"),
        ("2-3-4", "-5"),
        ("12/4/3", "1"),
        ("-(2+3)", "-5"),
        ("2*-3", "-6"),
        ("+7", "7"),
        ("1/3", "0.3333"),
        ("2/3", "0.6667"),
        ("-2/3", "-0.6667"),
        ("10/3*3", "10"),
        ("0.00005/1", "0.0001"),
        ("1 200", None),
        ("12 \u00d7 8 \u2212 6 \u00f7 2", "93"),
        ("0.1+0.2", "0.3"),
        ("", "empty"),
        ("   ", "empty"),
    ],
)
def test_an_amount_may_be_typed_as_a_sum_and_is_exact(typed: str, amount: str | None) -> None:
    field = QuantityFormField(required=False)
    if amount is None:
        assert "is not an amount" in refusal(field, typed)
    else:
        assert field.clean(typed) == (None if amount == "empty" else Decimal(amount))


@pytest.mark.parametrize(
    "typed",
    [
        "abc", "1e5", "NaN", "Infinity", "-inf", "1,5", "1,2345", "12,34.5", "1.2.3", "..", "1..2", "2**8", "2//3",
        "3 4", "(1", "1)", "()", "1+", "*3", "=", "==3", "__import__('os')", "1_000", "\u0661\u0662", "\u00bd", "$5",
        "5%", "0x10", "9\x00", "1;2", "(1)(2)", "3(4)",
    ],
)  # fmt: skip
def test_nonsense_is_refused_in_words(typed: str) -> None:
    assert "is not an amount" in refusal(QuantityFormField(), typed)


def test_each_refusal_says_what_to_do() -> None:
    assert refusal(QuantityFormField(), "1/0") == "This divides by zero."
    assert refusal(QuantityFormField(), "1/(2-2)") == "This divides by zero."
    assert "at most 4 decimals" in refusal(QuantityFormField(), "0.00001")
    assert "at most 4 decimals" in refusal(QuantityFormField(), "0.01*0.001")
    assert "at most 2 decimals" in refusal(MoneyFormField(), "1.999")
    assert "no decimals" in refusal(AmountField(0), "1.5")
    assert "at most 12 digits" in refusal(QuantityFormField(), "1,000,000,000,000")
    assert "at most 12 digits" in refusal(QuantityFormField(), "9999999999999/10*10")
    assert "at most 12 digits" in refusal(QuantityFormField(), "999999999999.99996/1")
    assert "at most 12 digits" in refusal(QuantityFormField(), "99999999*99999999*" * 5 + "1")
    assert "too long" in refusal(QuantityFormField(), "1" * 101)
    assert "minus sign" in refusal(QuantityFormField(), "(500)")
    assert refusal(QuantityFormField(above_zero=True), "0") == "Enter more than zero."
    assert refusal(MoneyFormField(min_value=0), "-1") == "Enter 0 or more."
    assert refusal(MoneyFormField(max_value=10), "10.01") == "Enter 10 or less."
    assert "required" in refusal(QuantityFormField(), " ")


def test_deep_brackets_are_no_way_to_exhaust_the_server() -> None:
    assert QuantityFormField().clean("(" * 40 + "7+0" + ")" * 40) == 7
    assert "is not an amount" in refusal(QuantityFormField(), "(" * 100)
    assert QuantityFormField().clean("-" * 98 + "7") == 7


@given(st.decimals(min_value=-(10**11), max_value=10**11, places=4), st.integers(1, 9999))
def test_what_is_shown_of_an_amount_is_read_as_that_amount(amount: Decimal, factor: int) -> None:
    field = QuantityFormField()
    assert field.clean(field.prepare_value(amount)) == amount
    assert field.clean(f"{amount:f} / {factor} * {factor}") == amount


def test_an_amount_is_shown_without_zeros_that_say_nothing() -> None:
    assert QuantityFormField().prepare_value(Decimal("1200.5000")) == "1200.5"
    assert QuantityFormField().prepare_value(Decimal("1E+3")) == "1000"
    assert UnitCostFormField().prepare_value(Decimal("2.000000")) == "2.00"
    assert MoneyFormField().prepare_value("12*8") == "12*8"
    assert not QuantityFormField().has_changed(Decimal("2.0000"), "2")


# -- Codes, moments, days ----------------------------------------------------------------------------
def test_a_code_is_resolved_and_an_unknown_one_named() -> None:
    field = CodeField(resolve={"WIRE": "the wire"}.get, url="/find/", fills={"unit_cost": "est_unit_cost"})
    assert field.clean(" WIRE ") == "the wire"
    assert refusal(field, "WIER") == "There is no active line item code \u201cWIER\u201d."
    assert field.widget.attrs["data-fills"] == "unit_cost:est_unit_cost"
    assert field.widget.attrs["data-url"] == "/find/"
    assert not field.has_changed("WIRE", "WIRE ")


def test_a_moment_is_read_in_the_current_time_zone_and_is_now_by_default(settings: Any) -> None:
    settings.TIME_ZONE = "America/Denver"
    field = MomentField()
    moment = field.clean("2026-03-02T09:30")
    assert moment.astimezone(UTC) == datetime(2026, 3, 2, 16, 30, tzinfo=UTC)
    shown = rendered(field, field.prepare_value(moment))
    assert 'type="datetime-local"' in shown
    assert 'value="2026-03-02T09:30"' in shown
    late = datetime(2026, 3, 2, 16, 30, 7, tzinfo=UTC)
    assert 'value="2026-03-02T09:30:07"' in rendered(field, field.prepare_value(late))
    assert callable(field.initial)
    assert field.initial().second == 0
    assert "couldn\u2019t be interpreted" in refusal(field, "2026-03-08T02:30")  # the clocks go forward over it
    assert "a year from 1900" in refusal(field, "0202-03-02T09:30")


def test_a_day_is_a_date_and_odd_years_are_typing_errors() -> None:
    field = DayField()
    assert field.clean("2026-03-02") == date(2026, 3, 2)
    assert 'type="date"' in rendered(field, date(2026, 3, 2))
    assert 'value="2026-03-02"' in rendered(field, date(2026, 3, 2))
    assert "a year from 1900" in refusal(field, "0026-03-02")


# -- Lines -------------------------------------------------------------------------------------------
class PlainLineForm(LineForm):
    code = CodeField(resolve=lambda text: text if text.isupper() else None, label="Code")
    quantity = QuantityFormField(label="Quantity", initial=1)
    unit_cost = UnitCostFormField(label="Unit cost", required=False)
    is_rush = forms.BooleanField(label="Rush", required=False)
    origin = forms.CharField(required=False, widget=forms.HiddenInput)


class FewLines(LineFormSet):
    max_lines = 3
    min_lines = 2


class NoLines(LineFormSet):
    min_lines = 0


def formset(*rows: dict[str, str], kind: type[LineFormSet] = LineFormSet, initial: int = 0, **options: Any) -> Any:
    data = {"lines-TOTAL_FORMS": str(len(rows)), "lines-INITIAL_FORMS": str(initial)}
    for index, row in enumerate(rows):
        data |= {f"lines-{index}-{name}": value for name, value in row.items()}
    made = forms.formset_factory(PlainLineForm, formset=kind)
    return made(data, **options)


WIRE = {"code": "WIRE", "quantity": "2*3", "unit_cost": "1.5"}
BLANK = {"code": " ", "quantity": "1"}


def test_blank_and_removed_lines_are_left_out_and_positions_count_the_rest() -> None:
    lines = formset(BLANK, WIRE, {**WIRE, "DELETE": "on"}, {"code": "PEN", "quantity": "1"}, {"origin": "7"})
    assert lines.is_valid()
    found = [(line["code"], line["quantity"], line["position"]) for line in lines.lines()]
    assert found == [("WIRE", 6, 1), ("PEN", 1, 2)]
    assert "DELETE" not in lines.lines()[0]


def test_a_line_to_be_removed_may_be_as_wrong_as_it_likes() -> None:
    assert formset(WIRE, {"code": "nothing", "quantity": "x", "DELETE": "on"}).is_valid()


def test_a_line_filled_in_beforehand_counts_although_nobody_touched_it() -> None:
    lines = formset(WIRE, initial=1)
    assert lines.is_valid()
    assert [line["code"] for line in lines.lines()] == ["WIRE"]


def test_a_line_that_was_emptied_is_gone() -> None:
    lines = formset(WIRE, {"code": "", "quantity": "", "unit_cost": ""}, initial=2)
    assert lines.is_valid()
    assert len(lines.lines()) == 1


def test_a_half_filled_line_is_an_error_in_its_cell() -> None:
    lines = formset({"code": "WIRE", "quantity": ""})
    assert not lines.is_valid()
    assert list(lines.forms[0].errors) == ["quantity"]


def test_a_document_has_enough_lines_and_not_too_many() -> None:
    assert formset(BLANK).non_form_errors() == ["Enter at least one line."]
    assert formset({**WIRE, "DELETE": "on"}).non_form_errors() == ["Enter at least one line."]
    assert formset(WIRE, kind=FewLines).non_form_errors() == ["Enter at least 2 lines."]
    assert formset(BLANK, kind=NoLines).is_valid()
    [many] = formset(*[WIRE] * 4, kind=FewLines).non_form_errors()
    assert "at most 3 lines, and these are 4" in many


def test_lines_that_never_arrived_are_an_error_and_no_fault() -> None:
    lines = forms.formset_factory(PlainLineForm, formset=LineFormSet)({"csrf": "x"})
    assert not lines.is_valid()
    assert "did not arrive completely" in lines.non_form_errors()[0]


def test_totals_count_the_lines_that_stay_as_far_as_they_make_sense() -> None:
    lines = formset(WIRE, {**WIRE, "DELETE": "on"}, {"code": "PEN", "quantity": "abc", "unit_cost": "1"}, BLANK)
    assert lines.totals() == {"quantity": Decimal(7)}
    assert lines.total_amount() == Decimal("9.00")
    assert [form.amount() for form in lines.forms] == [Decimal(9), Decimal(9), None, None]


def test_a_line_error_knows_its_line() -> None:
    error = LineError(2, "Too many.", field="quantity")
    assert (error.index, error.field, error.messages) == (2, "quantity", ["Too many."])
    both = ValidationError([error, "And more."])
    assert [getattr(one, "index", None) for one in both.error_list] == [2, None]


# -- Pages -------------------------------------------------------------------------------------------
pages = pytest.mark.urls("tests.site.document_sample")
HEADER = {"code": "AI", "name": "Austin", "used_at": "2026-03-02T09:30"}


def sent(*rows: dict[str, str], **header: str) -> dict[str, str]:
    data = HEADER | header | {"lines-TOTAL_FORMS": str(len(rows)), "lines-INITIAL_FORMS": "0"}
    for index, row in enumerate(rows):
        data |= {f"lines-{index}-{name}": value for name, value in row.items()}
    return data


@pytest.fixture
def wire(_some_database: None) -> LineItemCode:
    return LineItemCode.objects.create(code="WIRE", description="About WIRE", est_unit_cost=Decimal("2.5"))


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


@pages
def test_a_new_document_is_an_empty_form_that_the_address_can_prefill(clerk: Client) -> None:
    page = clerk.get("/document/?office=BO").content.decode()
    assert "<h1>New sample order</h1>" in page
    assert 'value="BO"' in page
    assert 'name="lines-2-quantity"' in page
    assert 'name="lines-3-quantity"' not in page
    assert 'name="lines-__prefix__-quantity"' in page
    assert "What is used up in this office." in page


@pages
def test_a_document_is_saved_with_its_lines(clerk: Client, wire: LineItemCode) -> None:
    answer = clerk.post("/document/", sent({"code": "wire", "quantity": "12*8"}, {}, {"code": "WIRE", "quantity": "1"}))
    office = Office.objects.get(code="AI")
    assert answer.status_code == 302
    assert answer["Location"] == office.get_absolute_url()
    assert said(answer) == ["Sample order AI was saved."]
    usages = InventoryUsage.objects.order_by("pk").values_list("quantity", "reference")
    assert list(usages) == [(Decimal(96), "line 1"), (Decimal(1), "line 2")]


@pages
def test_everything_wrong_is_shown_at_once_and_everything_typed_is_kept(clerk: Client, wire: LineItemCode) -> None:
    answer = clerk.post("/document/", sent({"code": "WIER", "quantity": "12*"}, code="", name="Kept <b>"))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Nothing was saved" in page
    assert '<a href="#id_code">Office</a>: This field is required.' in page
    assert '<a href="#id_lines-0-quantity">Line 1, Quantity</a>' in page
    assert "There is no active line item code \u201cWIER\u201d." in page
    assert 'value="Kept &lt;b&gt;"' in page
    assert 'value="12*"' in page
    assert not Office.objects.exists()


@pages
@pytest.mark.parametrize(
    ("quantity", "where"),
    [
        ("13", '<a href="#id_lines-1-quantity">Line 2, Quantity</a>: Thirteen cannot be used.'),
        ("14", '<a href="#id_lines-1-code">Line 2</a>: This line cannot be used.'),
        ("15", "<li>Fifteen is too many for this office.</li>"),
    ],
)
def test_what_the_service_refuses_stands_where_it_belongs_and_nothing_is_saved(
    clerk: Client, wire: LineItemCode, quantity: str, where: str
) -> None:
    answer = clerk.post("/document/", sent({"code": "WIRE", "quantity": "1"}, {"code": "WIRE", "quantity": quantity}))
    assert answer.status_code == 422
    assert where in answer.content.decode()
    assert not Office.objects.exists()
    assert not InventoryUsage.objects.exists()


@pages
def test_an_error_counts_lines_as_the_service_saw_them(clerk: Client, wire: LineItemCode) -> None:
    """Blank and removed lines stand before it."""
    removed = {"code": "WIRE", "quantity": "1", "DELETE": "on"}
    answer = clerk.post("/document/", sent({}, removed, {"code": "WIRE", "quantity": "13"}))
    assert '<a href="#id_lines-2-quantity">Line 2, Quantity</a>: Thirteen' in answer.content.decode()


@pages
def test_a_record_that_does_not_fit_is_shown_at_its_field(clerk: Client, wire: LineItemCode) -> None:
    Office.objects.create(code="AI")
    answer = clerk.post("/document/", sent({"code": "WIRE", "quantity": "1"}))
    assert answer.status_code == 422
    assert '<a href="#id_code">Office</a>: Office with this Code already exists.' in answer.content.decode()


@pages
def test_lines_are_added_without_scripts_and_nothing_is_checked(clerk: Client, wire: LineItemCode) -> None:
    answer = clerk.post("/document/", sent({"code": "WIER", "quantity": "12*"}, code="") | {"add_line": "1"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'value="WIER"' in page
    assert 'value="12*"' in page
    assert 'name="lines-TOTAL_FORMS" value="4"' in page
    assert 'name="lines-3-quantity"' in page
    assert "Nothing was saved" not in page
    assert "errorlist" not in page
    assert not Office.objects.exists()


@pages
def test_an_existing_document_opens_with_its_lines(clerk: Client, used: Callable[..., InventoryUsage]) -> None:
    office = used("BOOK", "3", office="AI").office
    assert office is not None
    page = clerk.get(f"/document/{office.pk}/").content.decode()
    assert "<h1>Edit sample order AI</h1>" in page
    assert 'value="BOOK"' in page
    assert '<small class="cell-hint">About BOOK</small>' in page


@pages
def test_what_cannot_be_edited_now_leads_back_with_the_reason(clerk: Client) -> None:
    office = Office.objects.create(code="CLOSED", name="Before")
    for answer in (clerk.get(f"/document/{office.pk}/"), clerk.post(f"/document/{office.pk}/", sent())):
        assert answer["Location"] == office.get_absolute_url()
        assert said(answer)[-1] == "This one is closed."
    office.refresh_from_db()
    assert office.name == "Before"


@pages
def test_given_lines_are_neither_added_nor_removed(clerk: Client, used: Callable[..., InventoryUsage]) -> None:
    usages = [used("BOOK", "3", office="AI"), used("PEN", "5", office="AI")]
    office = usages[0].office
    assert office is not None
    page = clerk.get(f"/document/{office.pk}/fixed/").content.decode()
    assert "add_line" not in page
    assert "DELETE" not in page
    assert 'name="lines-0-ordered"' not in page
    rows = sent({"usage": str(usages[0].pk), "quantity": "2"}, {"usage": str(usages[1].pk), "quantity": ""})
    clerk.post(f"/document/{office.pk}/fixed/", rows | {"lines-INITIAL_FORMS": "2"})
    office.refresh_from_db()
    assert office.name == "BOOK 2.0000 of 3.0000"


@pages
def test_documents_need_their_permission(viewer: Client) -> None:
    office = Office.objects.create(code="AI")
    for address in ("", f"{office.pk}/", f"{office.pk}/rename/", f"{office.pk}/count/"):
        assert viewer.get(f"/document/{address}").status_code == 403
        assert viewer.post(f"/document/{address}", sent()).status_code == 403


@pages
def test_a_document_that_is_not_there_is_a_404(clerk: Client) -> None:
    assert clerk.get("/document/999/").status_code == 404
    assert clerk.post("/document/999/rename/").status_code == 404


# -- Actions -----------------------------------------------------------------------------------------
@pages
def test_an_action_asks_in_words_and_its_button_says_what_it_does(clerk: Client) -> None:
    office = Office.objects.create(code="AI", name="Austin")
    page = clerk.get(f"/document/{office.pk}/rename/").content.decode()
    assert "<h1>Rename office AI</h1>" in page
    assert "Office AI gets another name." in page
    assert 'value="Austin"' in page
    assert "Rename office</button>" in page
    assert "Cancel</a>" in page
    answer = clerk.post(f"/document/{office.pk}/rename/", {"name": "Boston"})
    assert answer["Location"] == office.get_absolute_url()
    assert said(answer) == ["Rename: office AI. Done."]
    office.refresh_from_db()
    assert office.name == "Boston"


@pages
@pytest.mark.parametrize(("name", "why"), [("", "This field is required."), ("Nowhere", "No office is nowhere.")])
def test_an_action_that_is_refused_keeps_its_form_and_changes_nothing(clerk: Client, name: str, why: str) -> None:
    office = Office.objects.create(code="AI", name="Austin")
    answer = clerk.post(f"/document/{office.pk}/rename/", {"name": name})
    assert answer.status_code == 422
    assert why in answer.content.decode()
    office.refresh_from_db()
    assert office.name == "Austin"


@pages
def test_an_action_that_is_not_possible_now_says_why_instead_of_a_button(clerk: Client) -> None:
    office = Office.objects.create(code="CLOSED", name="Before")
    page = clerk.get(f"/document/{office.pk}/rename/").content.decode()
    assert "This one is closed." in page
    assert "New name" not in page
    answer = clerk.post(f"/document/{office.pk}/rename/", {"name": "After"})
    assert said(answer) == ["This one is closed."]
    office.refresh_from_db()
    assert office.name == "Before"


@pages
def test_an_action_without_a_form_leads_on_to_what_it_made(clerk: Client, used: Callable[..., InventoryUsage]) -> None:
    usage = used("BOOK", "3", office="AI")
    assert usage.office is not None
    answer = clerk.post(f"/document/{usage.office.pk}/count/")
    assert answer["Location"] == usage.get_absolute_url()
    empty = Office.objects.create(code="EMPTY")
    refused = clerk.post(f"/document/{empty.pk}/count/")
    assert refused["Location"] == empty.get_absolute_url()
    assert said(refused)[-1] == "There is nothing to count."


# -- Line item codes ---------------------------------------------------------------------------------
def found(client: Client, text: str) -> list[str]:
    return [row["code"] for row in client.get("/inventory/codes/find/", {"q": text}).json()]


@pytest.mark.django_db
def test_codes_are_suggested_the_nearest_first_and_only_active_ones(viewer: Client, wire: LineItemCode) -> None:
    LineItemCode.objects.create(code="A-WIRE")
    LineItemCode.objects.create(code="WIRE-2")
    LineItemCode.objects.create(code="PEN", description="to write on wire")
    LineItemCode.objects.create(code="WIRE-OLD", status=LineItemCode.Status.INACTIVE)
    assert found(viewer, "wire") == ["WIRE", "WIRE-2", "A-WIRE", "PEN"]
    assert found(viewer, "\x00") == ["A-WIRE", "PEN", "WIRE", "WIRE-2"]
    assert found(viewer, "%") == []
    first = viewer.get("/inventory/codes/find/?q=WIRE").json()[0]
    assert first == {"code": "WIRE", "description": "About WIRE", "est_unit_cost": "2.50"}


@pytest.mark.django_db
def test_at_most_twenty_codes_are_suggested(viewer: Client) -> None:
    LineItemCode.objects.bulk_create(LineItemCode(code=f"C{index:03}") for index in range(30))
    assert len(found(viewer, "")) == 20


@pages
@pytest.mark.parametrize(("typed", "why"), [("OLD", "no active line item code"), ("pen", "several codes")])
def test_an_inactive_or_ambiguous_code_is_refused(clerk: Client, typed: str, why: str) -> None:
    LineItemCode.objects.create(code="OLD", status=LineItemCode.Status.INACTIVE)
    LineItemCode.objects.create(code="PEN")
    LineItemCode.objects.create(code="Pen")
    answer = clerk.post("/document/", sent({"code": typed, "quantity": "1"}))
    assert why in answer.content.decode()
    assert answer.status_code == 422
    exact = clerk.post("/document/", sent({"code": "Pen", "quantity": "1"}))
    assert exact.status_code == 302
