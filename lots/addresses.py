"""Addresses of found sets: where a number on one page leads to the records it sums up.

A filter that begins with "=" finds exactly what follows. Pages of higher apps are named by dotted URL name, as in the
menu, so nothing here points at an app.
"""

from functools import cache
from typing import Final
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse


def found_set(url_name: str, **filters: str) -> str:
    """The list page narrowed by these filters; "" where the page does not exist."""
    try:
        address = _address_of(url_name)
    except NoReverseMatch:
        return ""
    # Commas, slashes and equals signs stay readable: people look at these addresses.
    query = urlencode([(name, value) for name, value in filters.items() if value], safe=",/:=")
    return f"{address}?{query}" if query else address


@cache
def _address_of(url_name: str) -> str:
    """Asked hundreds of times for one page of a list."""
    return reverse(url_name)


def page_of(url_name: str, pk: int) -> str:
    """The page of one record in a higher app; "" where the page does not exist."""
    try:
        return reverse(url_name, args=[pk])
    except NoReverseMatch:
        return ""


def exactly(text: str) -> str:
    """The value of a text filter that finds this and nothing that merely starts with it."""
    return f"={text}"


def everything_from(source_number: str) -> str:
    """What one transaction ID stands for: the document's page, or its usage, lots and transactions where it has none.

    Which of both is decided when somebody goes there: a list must not ask it for every row.
    """
    return found_set("usage:source", id=source_number) if source_number else ""


def records_from(source_number: str) -> str:
    """The usage, lots and transactions of a transaction ID, whether its document has a page or not."""
    return found_set("usage:source", id=source_number, records="all") if source_number else ""


# The lists that find what has a history of its own, by how the name begins that it is kept under.
_MASTERS: Final = {
    "Code": ("lots:codes", "code"),
    "Office": ("lots:offices", "code"),
    "Account": ("reconciliation:accounts", "number"),
    "Usage": ("usage:usages", "number"),
}

MASTER_PATTERN: Final = "^(Code|Office|Account) "


def record_of_history(name: str) -> str:
    """Where the record is that a line of history is about: a document's page, or the list that finds the record."""
    kind, _, rest = name.partition(" ")
    if rest and kind in _MASTERS:
        url_name, field = _MASTERS[kind]
        return found_set(url_name, **{field: exactly(rest)})
    return everything_from(name)


def history_of(name: str) -> str:
    """Everything that was done to a record, as a list."""
    return found_set("lots:history", number=exactly(name))


def order_page(order: str) -> str:
    """The page of an order, or the usage that names it where the order itself is not kept here."""
    return found_set("usage:order_by_number", id=order) if order else ""


def usage_of_order(order: str) -> str:
    return found_set("usage:usages", order=exactly(order)) if order else ""


def explain_lot(lot: int) -> str:
    """What a lot's value is made of, and where it went."""
    return page_of("reconciliation:explain_lot", lot)


def explain_usage(usage: int) -> str:
    """What a usage's cost is made of."""
    return page_of("reconciliation:explain_usage", usage)


def usage_of_code(code: str, *, quick: str = "") -> str:
    return found_set("usage:usages", quick=quick, code=exactly(code))


def lots_of_code(code: str, *, quick: str = "") -> str:
    return found_set("lots:lots", quick=quick, code=exactly(code))


def transactions_of_code(code: str) -> str:
    return found_set("lots:transactions", code=exactly(code))
