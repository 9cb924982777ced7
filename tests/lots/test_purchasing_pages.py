"""Pages of purchasing: what they show, what they ask, and what they leave alone when they refuse."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from lots.models import DocumentStatus, PostingStatus, Purchase, PurchaseOrder, Receipt
from lots.purchasing import purchase_order_close
from tests.factories import day, make_code
from tests.lots.purchasing_stories import (
    balances,
    bill,
    code_with,
    footprint,
    line_of,
    lot_of,
    order_of,
    receive,
    write_bill,
    write_receipt,
)

pytestmark = pytest.mark.django_db


def text(response: Any) -> str:
    return str(response.content.decode())


def lines(*rows: dict[str, Any]) -> dict[str, Any]:
    """A formset's data."""
    data: dict[str, Any] = {"lines-TOTAL_FORMS": len(rows), "lines-INITIAL_FORMS": 0}
    for index, row in enumerate(rows):
        data |= {f"lines-{index}-{name}": value for name, value in row.items()}
    return data


def order_data(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"vendor": "Acme", "ordered_on": "2026-01-05", **lines(*rows)}


def shipment_data(order: PurchaseOrder, *quantities: str, **more: Any) -> dict[str, Any]:
    rows = [
        {"purchase_order_line": line_of(order, position).pk, "quantity": quantity}
        for position, quantity in enumerate(quantities, start=1)
    ]
    return {"received_at": "2026-01-06T09:00", **lines(*rows), **more}


def bill_data(*rows: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    data = lines(
        *({"purchase_order_line": name, "quantity": quantity, "value": value} for name, quantity, value in rows)
    )
    return {"vendor": "Acme", "invoiced_at": "2026-01-07T09:00", "freight_by": "VALUE", **data, **more}


def against(url_name: str, order: PurchaseOrder, **more: str) -> str:
    return reverse(url_name, query={"purchase_order": order.pk, **more})


def of(url_name: str, record: Any) -> str:
    return reverse(url_name, args=[record.pk])


# -- Purchase orders ---------------------------------------------------------------------------------
def test_a_clerk_writes_an_order_and_opens_it(clerk: Client) -> None:
    make_code("WIRE")
    response = clerk.post(
        reverse("lots:purchase_order_create"), order_data({"code": "WIRE", "quantity": "15", "unit_cost": "35"})
    )
    order = PurchaseOrder.objects.get()
    assert response.url == order.get_absolute_url()  # type: ignore[attr-defined]  # a redirect
    assert order.status == DocumentStatus.PENDING
    clerk.post(of("lots:purchase_order_open", order))
    assert balances() == (15, 0)
    page = text(clerk.get(order.get_absolute_url()))
    assert "15 of 15 still due" in page
    assert str(lot_of(order)) in page


def test_an_order_without_lines_or_vendor_says_both_at_once(clerk: Client) -> None:
    response = clerk.post(reverse("lots:purchase_order_create"), {**order_data(), "vendor": ""})
    assert response.status_code == 422
    assert "Enter at least one line." in text(response)
    assert "This field is required." in text(response)
    assert not PurchaseOrder.objects.exists()


def test_a_code_that_has_no_lots_is_refused_on_its_line(clerk: Client) -> None:
    code_with("SERVICE", record_type="NON_INVENTORIED_ITEM")
    response = clerk.post(
        reverse("lots:purchase_order_create"), order_data({"code": "SERVICE", "quantity": "1", "unit_cost": "1"})
    )
    assert response.status_code == 422
    assert "is not inventoried" in text(response)
    assert not PurchaseOrder.objects.exists()


def test_more_of_an_open_order_puts_more_on_order(clerk: Client) -> None:
    order = order_of(("WIRE", "10", "2.50"))
    row = {"id": line_of(order).pk, "code": "WIRE", "quantity": "12", "unit_cost": "2.50"}
    clerk.post(of("lots:purchase_order_edit", order), order_data(row))
    assert balances() == (12, 0)


def test_a_closed_order_is_not_edited(clerk: Client) -> None:
    order = order_of(("WIRE", "10", "2.50"))
    purchase_order_close(purchase_order=order, by=None, at=day(4))
    response = clerk.get(of("lots:purchase_order_edit", order), follow=True)
    assert "is closed: reopen it to change it." in text(response)


def test_closing_shows_what_becomes_of_the_cost_first(clerk: Client) -> None:
    order = order_of(("WIRE", "16", "35.00"))
    receive(order, "15")
    bill((line_of(order), "15", "533.85"))
    page = text(clerk.get(of("lots:purchase_order_close", order)))
    assert "stands at 525.00; closing makes it 533.85." in page
    assert "1 of 16 ordered were not received." in page
    assert lot_of(order).value == Decimal("525.00")
    clerk.post(of("lots:purchase_order_close", order))
    assert lot_of(order).value == Decimal("533.85")
    assert balances() == (0, 15)


def test_closing_asks_about_goods_that_nobody_billed(clerk: Client) -> None:
    order = order_of(("WIRE", "10", "2.00"))
    receive(order, "10")
    url = of("lots:purchase_order_close", order)
    page = clerk.get(url)
    assert "no purchase says what it cost. Its cost becomes 0.00." in text(page)
    assert b'type="checkbox" name="is_unbilled_accepted"' in page.content
    refused = clerk.post(url)
    assert refused.status_code == 422
    assert "confirm that no bill will come" in text(refused)
    assert lot_of(order).value == 20
    clerk.post(url, {"is_unbilled_accepted": "on"})
    assert lot_of(order).value == 0


def test_a_void_says_beforehand_that_it_opens_the_order_again(clerk: Client) -> None:
    order = order_of(("WIRE", "10", "10"))
    receive(order, "10")
    purchase = bill((line_of(order), "10", "100"))
    page = text(clerk.get(of("lots:purchase_void", purchase)))
    assert f"{order}: closed, and goods of it would have no bill any more, so it is opened again." in page
    done = clerk.post(of("lots:purchase_void", purchase), {"reason": "Not ours"}, follow=True)
    assert f"{order}: open again, cost is estimated." in text(done)


def test_an_order_is_reopened_and_its_cost_is_an_estimate_again(clerk: Client) -> None:
    order = order_of(("WIRE", "16", "35.00"))
    receive(order, "15")
    bill((line_of(order), "15", "533.85"))
    purchase_order_close(purchase_order=order, by=None, at=day(4))
    clerk.post(of("lots:purchase_order_reopen", order))
    assert lot_of(order).value == Decimal("525.00")
    assert "Costs are estimated as long as the purchase order is open." in text(clerk.get(order.get_absolute_url()))


def test_void_asks_for_a_reason_and_names_what_stands_in_the_way(clerk: Client) -> None:
    order = order_of(("WIRE", "10", "2.50"))
    assert clerk.post(of("lots:purchase_order_void", order), {"reason": ""}).status_code == 422
    receipt = receive(order, "4")
    page = text(clerk.get(order.get_absolute_url()))
    assert f"These are posted, void them first: {receipt}." in page
    before = footprint()
    clerk.post(of("lots:purchase_order_void", order), {"reason": "Wrong vendor"})
    assert footprint() == before
    clerk.post(of("lots:receipt_void", receipt), {"reason": "Wrong vendor"})
    clerk.post(of("lots:purchase_order_void", order), {"reason": "Wrong vendor"})
    order.refresh_from_db()
    assert order.status == DocumentStatus.VOID
    assert balances() == (0, 0)
    assert "Wrong vendor" in text(clerk.get(order.get_absolute_url()))


def test_a_pending_order_says_why_it_cannot_be_received(clerk: Client) -> None:
    order = order_of(("WIRE", "10", "2.50"), is_open=False)
    assert "Not open yet." in text(clerk.get(order.get_absolute_url()))
    response = clerk.get(against("lots:receipt_create", order), follow=True)
    assert f"{order} is not open yet." in text(response)


@pytest.mark.parametrize(
    ("quick", "expected"),
    [("pending", "Beta"), ("goods", "Acme"), ("invoice", "Delta"), ("estimated", "Delta")],
)
def test_quick_searches_find_what_an_order_waits_for(viewer: Client, quick: str, expected: str) -> None:
    pending, waiting, received, done = (
        order_of(("WIRE", "10", "2.50"), is_open=is_open) for is_open in (False, True, True, True)
    )
    receive(received, "10")
    receive(done, "10")
    bill((line_of(done), "10", "25.00"))
    for order, vendor in ((pending, "Beta"), (waiting, "Acme"), (received, "Delta"), (done, "Omega")):
        PurchaseOrder.objects.filter(pk=order.pk).update(vendor=vendor)
    page = text(viewer.get(reverse("lots:purchase_orders"), {"quick": quick}))
    assert [vendor for vendor in ("Acme", "Beta", "Delta", "Omega") if f">{vendor}<" in page] == [expected]


def test_the_list_totals_its_orders_by_vendor(viewer: Client) -> None:
    for code in ("WIRE", "PEN"):
        receive(order_of((code, "10", "2.50"), ("BOOK", "2", "5.00")), "10", "1")
    csv = viewer.get(reverse("lots:purchase_orders"), {"group": "vendor", "export": "csv"})
    body = b"".join(csv).decode()
    assert "86" in body
    page = text(viewer.get(reverse("lots:purchase_orders"), {"group": "vendor"}))
    assert "Sub-total Acme" in page
    assert page.count("70.00") == 2, "the sub-total and List Totals"
    assert page.count("60.00") == 2, "accrued, likewise"


# -- Incoming shipments ------------------------------------------------------------------------------
def test_the_form_offers_what_is_due_and_receives_it(clerk: Client) -> None:
    order = order_of(("WIRE", "15", "35"), ("PEN", "3", "1"))
    receive(order, "5", "3")
    page = clerk.get(against("lots:receipt_create", order))
    assert [form["quantity"].value() for form in page.context["formset"]] == ["10", None]
    clerk.post(against("lots:receipt_create", order), shipment_data(order, "7", ""))
    receipt = Receipt.objects.order_by("-pk")[0]
    assert (receipt.status, receipt.lines.count()) == (PostingStatus.POSTED, 1)
    assert balances() == (3, 12)


def test_a_shipment_can_wait_as_pending_and_be_received_later(clerk: Client) -> None:
    order = order_of(("WIRE", "15", "35"))
    clerk.post(against("lots:receipt_create", order), shipment_data(order, "7", save_only="1"))
    receipt = Receipt.objects.get()
    assert (receipt.status, balances()) == (PostingStatus.PENDING, (15, 0))
    clerk.post(of("lots:receipt_edit", receipt), shipment_data(order, "8", save_only="1"))
    clerk.post(of("lots:receipt_post", receipt))
    assert balances() == (7, 8)


def test_more_than_ordered_is_asked_about(clerk: Client) -> None:
    order = order_of(("WIRE", "10", "2.50"))
    before = footprint()
    asked = clerk.post(against("lots:receipt_create", order), shipment_data(order, "11"))
    assert asked.status_code == 422
    assert "WIRE: 11 received of 10 ordered." in text(asked)
    assert 'type="checkbox" name="is_over_receipt_accepted"' in text(asked)
    assert footprint() == before
    assert not Receipt.objects.exists()
    clerk.post(against("lots:receipt_create", order), shipment_data(order, "11", is_over_receipt_accepted="on"))
    assert balances() == (0, 11)


def test_posting_a_pending_one_asks_about_more_than_ordered_too(clerk: Client) -> None:
    order = order_of(("WIRE", "10", "2.50"))
    receipt = write_receipt(order, "11")
    asked = clerk.post(of("lots:receipt_post", receipt))
    assert asked.status_code == 422
    assert "WIRE: 11 received of 10 ordered." in text(asked)
    assert balances() == (10, 0)
    clerk.post(of("lots:receipt_post", receipt), {"is_over_receipt_accepted": "on"})
    assert balances() == (0, 11)


def test_serials_and_manufacturer_lots_are_asked_for_where_a_code_has_them(clerk: Client) -> None:
    code_with("DRUG", is_tracked_by_manufacturer_lot=True)
    plain, tracked = order_of(("WIRE", "1", "1")), order_of(("DRUG", "10", "2"))
    assert "Manufacturer lot" not in text(clerk.get(against("lots:receipt_create", plain)))
    page = clerk.get(against("lots:receipt_create", tracked))
    assert "Manufacturer lot" in text(page)
    assert "Serial numbers" not in text(page)
    key = line_of(tracked).pk
    rows = lines(
        {"purchase_order_line": key, "quantity": "6", "manufacturer_lot": "M1"},
        {"purchase_order_line": key, "quantity": "4", "manufacturer_lot": "M2"},
        {"purchase_order_line": key, "quantity": "", "manufacturer_lot": ""},
    )
    clerk.post(against("lots:receipt_create", tracked), {"received_at": "2026-01-06T09:00", **rows})
    assert list(Receipt.objects.get().lines.values_list("quantity", "manufacturer_lot")) == [(6, "M1"), (4, "M2")]
    assert balances("DRUG") == (0, 10)


def test_a_line_of_another_order_is_refused(clerk: Client) -> None:
    order, other = order_of(("WIRE", "10", "2.50")), order_of(("PEN", "10", "2.50"))
    before = footprint()
    response = clerk.post(against("lots:receipt_create", order), shipment_data(other, "1"))
    assert response.status_code == 422
    assert "is not on the order any more" in text(response)
    assert footprint() == before


def test_everything_due_is_received_in_one_step(clerk: Client) -> None:
    order = order_of(("WIRE", "15", "35"), ("PEN", "3", "1"))
    receive(order, "5", "3")
    page = text(clerk.get(of("lots:purchase_order_receive_all", order)))
    assert "<strong>10</strong>" in page
    clerk.post(of("lots:purchase_order_receive_all", order), {"received_at": "2026-01-08T09:00"})
    assert balances() == (0, 15)
    assert "Nothing is due." in text(clerk.get(order.get_absolute_url()))


def test_without_an_order_the_page_leads_to_those_that_wait(clerk: Client) -> None:
    response = clerk.get(reverse("lots:receipt_create"))
    assert response.url == f"{reverse('lots:purchase_orders')}?quick=goods"  # type: ignore[attr-defined]  # a redirect
    assert clerk.get(reverse("lots:receipt_create"), {"purchase_order": "x"}).status_code == 404
    assert clerk.get(reverse("lots:receipt_create"), {"purchase_order": "9" * 30}).status_code == 404


def test_goods_go_back_to_the_vendor_and_the_credit_is_offered(clerk: Client) -> None:
    order = order_of(("WIRE", "10", "2.50"))
    receive(order, "10")
    bill((line_of(order), "10", "25.00"))
    clerk.post(against("usage:vendor_return_create", order), shipment_data(order, "4"))
    receipt = Receipt.objects.get(kind=Receipt.Kind.OUTGOING_RETURN)
    assert (receipt.status, balances()) == (PostingStatus.POSTED, (0, 6))
    page = clerk.get(reverse("lots:purchase_create"), {"receipt": receipt.pk})
    form = page.context["formset"].forms[0]
    assert (form["quantity"].value(), form["value"].value()) == ("-4", "-10.00")
    assert str(receipt) in text(clerk.get(reverse("lots:receipts"), {"quick": "credit"}))
    clerk.post(of("usage:vendor_return_void", receipt), {"reason": "It was kept"})
    assert balances() == (0, 10)


# -- Purchases ---------------------------------------------------------------------------------------
def test_an_invoice_is_filled_in_with_what_is_not_billed_yet_and_completes_the_order(clerk: Client) -> None:
    order = order_of(("WIRE", "15", "35.00"))
    receive(order, "15")
    page = clerk.get(against("lots:purchase_create", order))
    form = page.context["formset"].forms[0]
    assert str(form["purchase_order_line"].value()) == f"{order}/1 WIRE"
    assert (form["quantity"].value(), form["value"].value()) == ("15", "525.00")
    posted = clerk.post(
        against("lots:purchase_create", order), bill_data((f"{order}/1 WIRE", "15", "533.85")), follow=True
    )
    assert f"{order}: closed, cost is final." in text(posted)
    assert lot_of(order).value == Decimal("533.85")


def test_an_invoice_may_bill_lines_of_several_orders_by_number(clerk: Client) -> None:
    first, second = order_of(("WIRE", "10", "2")), order_of(("PEN", "10", "1"), ("BOOK", "1", "9"))
    clerk.post(reverse("lots:purchase_create"), bill_data((str(first), "1", "2"), (f"{second}/2", "1", "9")))
    billed = Purchase.objects.get().lines.order_by("position").values_list("purchase_order_line", flat=True)
    assert list(billed) == [line_of(first).pk, line_of(second, 2).pk]


def test_a_line_that_several_could_be_is_refused(clerk: Client) -> None:
    order = order_of(("PEN", "10", "1"), ("BOOK", "1", "9"))
    several = clerk.post(reverse("lots:purchase_create"), bill_data((str(order), "1", "1")))
    unknown = clerk.post(reverse("lots:purchase_create"), bill_data((f"{order}/1 BOOK", "1", "1")))
    assert (several.status_code, unknown.status_code) == (422, 422)
    assert "There are several lines" in text(several)
    assert "There is no open or closed purchase order line" in text(unknown)
    assert not Purchase.objects.exists()


def test_lines_are_suggested_with_what_is_still_to_bill(viewer: Client) -> None:
    order = order_of(("WIRE", "15", "35.00"))
    order_of(("PEN", "1", "1"), is_open=False)
    receive(order, "4")
    found = viewer.get(reverse("lots:purchase_order_lines_find"), {"q": "wire"}).json()
    assert [(row["code"], row["quantity"], row["value"]) for row in found] == [(f"{order}/1 WIRE", "4", "140.00")]
    assert viewer.get(reverse("lots:purchase_order_lines_find"), {"q": "pen"}).json() == []


def test_the_spread_of_the_freight_is_shown_before_anything_is_saved(clerk: Client) -> None:
    order = order_of(("WIRE", "10", "3"), ("PEN", "10", "1"))
    receive(order, "10", "10")
    data = bill_data((f"{order}/1", "10", "30"), (f"{order}/2", "10", "10"), freight="10.01", spread="1")
    response = clerk.post(against("lots:purchase_create", order), data)
    assert response.status_code == 200
    spread = response.context["spread"].data.data
    assert [row.freight for row in spread] == [Decimal("7.51"), Decimal("2.50")]
    assert "How the Freight is Spread" in text(response)
    assert not Purchase.objects.exists()
    response = clerk.post(against("lots:purchase_create", order), {**data, "freight_by": "WEIGHT"})
    assert response.status_code == 422
    assert "None of these codes has a weight" in text(response)


def test_a_courier_bills_freight_alone_against_goods_received(clerk: Client) -> None:
    order = order_of(("WIRE", "10", "3"), ("PEN", "10", "1"))
    receive(order, "10", "10")
    page = clerk.get(against("lots:purchase_create", order, freight="1"))
    assert [form["quantity"].value() for form in page.context["formset"].forms[:2]] == [None, None]
    rows = ((f"{order}/1", "", ""), (f"{order}/2", "", ""))
    assert clerk.post(reverse("lots:purchase_create"), bill_data(*rows)).status_code == 422
    clerk.post(reverse("lots:purchase_create"), bill_data(*rows, vendor="Courier", freight="8"))
    assert list(Purchase.objects.get().lines.order_by("position").values_list("freight", flat=True)) == [6, 2]


def test_a_pending_purchase_is_edited_posted_and_void(clerk: Client) -> None:
    order = order_of(("WIRE", "10", "3"))
    receive(order, "4")
    purchase = write_bill((line_of(order), "4", "12"))
    clerk.post(of("lots:purchase_edit", purchase), bill_data((f"{order}/1", "4", "14"), save_only="1"))
    purchase.refresh_from_db()
    assert (purchase.status, purchase.lines.get().value) == (PostingStatus.PENDING, 14)
    clerk.post(of("lots:purchase_post", purchase))
    assert lot_of(order).value_purchased == 14
    assert "Only a pending one can be edited." in text(clerk.get(purchase.get_absolute_url()))
    clerk.post(of("lots:purchase_void", purchase), {"reason": "Entered twice"})
    assert lot_of(order).value_purchased == 0


def test_pages_of_an_order_cost_no_more_queries_with_more_lines(
    clerk: Client, django_assert_max_num_queries: Any
) -> None:
    order = order_of(*((f"CODE{number}", "10", "1.00") for number in range(30)))
    receive(order, *(["4"] * 30))
    with django_assert_max_num_queries(30):
        assert clerk.get(order.get_absolute_url()).status_code == 200
    with django_assert_max_num_queries(30):
        assert clerk.get(against("lots:receipt_create", order)).status_code == 200


def test_a_viewer_sees_documents_and_no_buttons(viewer: Client) -> None:
    order = order_of(("WIRE", "10", "3"))
    page = text(viewer.get(order.get_absolute_url()))
    assert "Receive everything due" not in page
    assert viewer.post(of("lots:purchase_order_close", order)).status_code == 403
    order.refresh_from_db()
    assert order.status == DocumentStatus.OPEN


def test_a_credit_for_more_than_went_back_is_asked_about(clerk: Client) -> None:
    order = order_of(("WIRE", "10", "10"), ("BOOK", "1", "1"))
    receive(order, "10")
    bill((line_of(order), "10", "100"))
    before = lot_of(order).value_credited
    asked = clerk.post(reverse("lots:purchase_create"), bill_data((f"{order}/1", "-2", "-20")))
    assert asked.status_code == 422
    page = text(asked)
    assert "2 of WIRE are credited, but 0 went back to the vendor." in page
    assert "confirm that the vendor credits more than went back" in page
    assert b'type="checkbox" name="is_over_credit_accepted"' in asked.content
    assert lot_of(order).value_credited == before == 0
    clerk.post(reverse("lots:purchase_create"), bill_data((f"{order}/1", "-2", "-20"), is_over_credit_accepted="on"))
    assert lot_of(order).value_credited == 20


def test_a_pending_credit_for_more_than_went_back_is_asked_about_when_it_is_posted(clerk: Client) -> None:
    order = order_of(("WIRE", "10", "10"), ("BOOK", "1", "1"))
    receive(order, "10")
    purchase = write_bill((line_of(order), "-2", "-20"))
    url = of("lots:purchase_post", purchase)
    asked = clerk.post(url)
    assert asked.status_code == 422
    assert "2 of WIRE are credited, but 0 went back to the vendor." in text(asked)
    assert lot_of(order).value_credited == 0
    clerk.post(url, {"is_over_credit_accepted": "on"})
    assert lot_of(order).value_credited == 20
