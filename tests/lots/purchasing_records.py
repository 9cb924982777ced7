"""One purchasing document of each kind, for tests that open every page."""

from django.db.models import Model

from lots.models import Receipt
from tests.lots.purchasing_stories import line_of, order_of, receive, write_bill, write_receipt


def purchasing_records() -> dict[str, Model]:
    """An open order, of which nothing came and nothing is billed yet; its shipment, return and purchase are pending."""
    order = order_of(("BOOK", "10", "2.50"))
    receipt = write_receipt(order, "4")
    purchase = write_bill((line_of(order), "4", "10.00"))
    came = order_of(("BOOK", "10", "2.50"))
    receive(came, "3")
    back = write_receipt(came, "1", kind=Receipt.Kind.OUTGOING_RETURN)
    return {
        "purchaseorder": order,
        "purchaseorderline": line_of(order),
        "receipt": receipt,
        "receiptline": receipt.lines.get(),
        "purchase": purchase,
        "purchaseline": purchase.lines.get(),
        "vendorreturn": back,
    }


def buy(code: str, *, office: str) -> None:
    """An open order, half of it received, and its purchase pending: a row for each list of purchasing."""
    order = order_of((code, "10", "1.50"), office=office)
    receive(order, "5")
    write_bill((line_of(order), "5", "7.50"), freight="1")
