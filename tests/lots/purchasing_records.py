"""One purchasing document of each kind, for tests that open every page."""

from django.db.models import Model

from lots.models import Receipt, RecordHistory, SerialMovement
from lots.receiving import receipt_post
from tests.factories import day
from tests.lots.purchasing_stories import code_with, line_of, order_of, receive, write_bill, write_receipt


def purchasing_records() -> dict[str, Model]:
    """An open order, of which nothing came and nothing is billed yet; its shipment, return and purchase are pending."""
    order = order_of(("BOOK", "10", "2.50"))
    receipt = write_receipt(order, "4")
    purchase = write_bill((line_of(order), "4", "10.00"))
    came = order_of(("BOOK", "10", "2.50"))
    receive(came, "3")
    code_with("RADIO", is_serialized=True)
    serial = write_receipt(order_of(("RADIO", "1", "80")), "1", serials=["SN-1"])
    receipt_post(receipt=serial, by=None, at=day(2))
    back = write_receipt(came, "1", kind=Receipt.Kind.OUTGOING_RETURN)
    return {
        "purchaseorder": order,
        "purchaseorderline": line_of(order),
        "receipt": receipt,
        "receiptline": receipt.lines.get(),
        "purchase": purchase,
        "purchaseline": purchase.lines.get(),
        "vendorreturn": back,
        "recordhistory": RecordHistory.objects.order_by("pk")[0],
        "serialmovement": SerialMovement.objects.get(),
    }


def buy(code: str, *, office: str) -> None:
    """An open order, half of it received, and its purchase pending: a row for each list of purchasing."""
    order = order_of((code, "10", "1.50"), office=office)
    receive(order, "5")
    write_bill((line_of(order), "5", "7.50"), freight="1")
