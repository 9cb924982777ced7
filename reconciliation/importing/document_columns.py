"""The files of documents and their columns. One row a line; what belongs to the document is repeated on each."""

from collections.abc import Mapping
from typing import Final

from reconciliation.importing.columns import (
    COLUMNS,
    Column,
    identifier,
    moment_column,
    optional,
    quantity_column,
    text_column,
)


def _which_line(document: str) -> Column:
    about = f"which line of the {document}, counted from 1; empty: the lines of the code are filled in their order"
    return quantity_column("line", about, "1", places=0, empty=True)


# In the order in which they are recorded: what others refer to comes first.
DOCUMENT_COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    "purchase_orders": (
        identifier("purchase_order", 30, "identifies the purchase order", "PO-7001"),
        text_column("vendor", 120, "who delivers", "North Mill", is_required=True),
        optional("office", 20, "office; unknown ones are made", "AI"),
        moment_column("date", "when it was ordered", "2026-03-02"),
        optional("reference", 200, "reference numbers", ""),
        identifier("code", 60, "line item code", "16G-W"),
        quantity_column("quantity", "units ordered", "100"),
        quantity_column("unit_cost", "cost of one unit, up to 6 decimals", "2.50", places=6, zero=True),
    ),
    "receipts": (
        identifier("shipment", 30, "identifies the incoming shipment, or the return", "SHIP-7001"),
        optional("kind", 15, "INCOMING, or OUTGOING_RETURN to the vendor; empty is INCOMING", "INCOMING"),
        identifier("purchase_order", 30, "the purchase order it belongs to", "PO-7001"),
        moment_column("date", "when it came in or went back", "2026-03-09 10:00"),
        optional("replacement", 3, "of a return: YES where the vendor sends other goods instead", ""),
        _which_line("purchase order"),
        identifier("code", 60, "a code of the purchase order", "16G-W"),
        quantity_column("quantity", "units received or returned", "40"),
        optional("manufacturer_lot", 60, "the maker's lot, where the code is tracked by it", ""),
        optional("serials", 20_000, "serial numbers joined by ;", ""),
    ),
    "purchases": (
        identifier("purchase", 30, "identifies the vendor's invoice or credit", "PUR-7001"),
        text_column("vendor", 120, "who is owed", "North Mill", is_required=True),
        optional("invoice", 60, "the vendor's own number", "INV-88"),
        moment_column("date", "when it was invoiced", "2026-03-12"),
        quantity_column("freight", "freight of the whole invoice", "25.00", places=2, zero=True, empty=True),
        optional("freight_by", 8, "VALUE, QUANTITY or WEIGHT: how it is spread", "VALUE"),
        identifier("purchase_order", 30, "the purchase order that is billed", "PO-7001"),
        _which_line("purchase order"),
        identifier("code", 60, "a code of the purchase order", "16G-W"),
        quantity_column("quantity", "units billed; negative for a credit", "40", negative=True, zero=True),
        quantity_column("value", "their value; negative for a credit", "100.00", places=2, negative=True, zero=True),
    ),
    "orders": (
        identifier("order", 30, "identifies the order", "7001"),
        text_column("customer", 120, "who wants it", "Lincoln Elementary", is_required=True),
        optional("office", 20, "office; unknown ones are made", "AI"),
        optional("department", 60, "department", ""),
        moment_column("date", "when it was ordered", "2026-03-10"),
        optional("reference", 200, "reference numbers", ""),
        identifier("code", 60, "line item code", "16G-W"),
        quantity_column("quantity", "units wanted", "8"),
        optional("supply", 13, "STOCK, SPECIAL_ORDER or DROP_SHIP; empty is STOCK", "STOCK"),
    ),
    "shipments": (
        identifier("shipment", 30, "identifies the shipment or return", "SHIP-7002"),
        optional("kind", 15, "OUTGOING, or INCOMING_RETURN from a customer; empty is OUTGOING", "OUTGOING"),
        optional("office", 20, "office; unknown ones are made", "AI"),
        moment_column("date", "when it left or came back", "2026-03-11 15:00"),
        identifier("order", 30, "the order it serves", "7001"),
        _which_line("order"),
        identifier("code", 60, "a code of the order", "16G-W"),
        quantity_column("quantity", "units", "8"),
        optional("manufacturer_lot", 60, "the maker's lot, where the code is tracked by it", ""),
        optional("serials", 20_000, "serial numbers joined by ;", ""),
    ),
    "jobs": (
        identifier("job", 30, "identifies the job", "JOB7001"),
        identifier("product", 60, "the code that it makes", "TABLE"),
        quantity_column("quantity", "units to make", "5"),
        optional("office", 20, "office; unknown ones are made", ""),
        moment_column("date", "when it starts", "2026-03-15"),
        optional("reference", 200, "reference numbers", ""),
        optional("order", 30, "the order that it is made for", "7001"),
        optional("parent", 30, "of a sub-assembly: the job that it is a part of", ""),
        identifier("component", 60, "a code that goes in", "OAK"),
        quantity_column("component_quantity", "units of it for the whole job", "20"),
    ),
    "job_consumption": (
        identifier("job", 30, "the job, which is open; what it consumed at one moment is one document", "JOB7001"),
        moment_column("date", "when it was consumed or put back", "2026-03-16 09:00"),
        identifier("component", 60, "a component of the job", "OAK"),
        quantity_column("quantity", "units consumed; negative for what is put back", "20", negative=True),
        optional("manufacturer_lot", 60, "the maker's lot, where the code is tracked by it", ""),
        optional("serials", 20_000, "serial numbers joined by ;", ""),
    ),
    "job_output": (
        identifier("production", 30, "identifies what came out at one time", "PROD-7001"),
        identifier("job", 30, "the job, which is open", "JOB7001"),
        moment_column("date", "when it came out", "2026-03-17 16:00"),
        quantity_column("quantity", "units produced", "5"),
        optional("backflush", 3, "YES: what they need of each component and was not consumed is consumed", ""),
        optional("manufacturer_lot", 60, "the maker's lot, where the product is tracked by it", ""),
        optional("serials", 20_000, "serial numbers joined by ;", ""),
    ),
    "job_costs": (
        identifier("job", 30, "the job, which is open; its costs of one moment are one document", "JOB7001"),
        moment_column("date", "when it was incurred", "2026-03-17"),
        optional("kind", 7, "LABOR, SERVICE or EXPENSE; empty is LABOR", "LABOR"),
        optional("description", 200, "what for", "Gluing"),
        quantity_column("amount", "the cost; negative takes off what was added", "40.00", places=2, negative=True),
        optional("account", 20, "what is credited, if not the default", ""),
    ),
    "adjustments": (
        identifier("adjustment", 30, "identifies the adjustment", "INVTRYADJ-7001"),
        identifier("type", 17, "COUNT, LOSS, TRANSFER, ASSEMBLY, DIVISION or BEGINNING_BALANCE", "COUNT"),
        moment_column("date", "when it counts", "2026-03-31 18:00"),
        optional("office", 20, "office; unknown ones are made", "AI"),
        optional("to_office", 20, "of a transfer: where it goes", ""),
        optional("account", 20, "the other side of the value, if not the default", ""),
        optional("description", 200, "what for", ""),
        optional("role", 9, "COMPONENT or PRODUCT, of an assembly or division", ""),
        identifier("code", 60, "line item code", "16G-W"),
        quantity_column(
            "quantity", "units; signed for counts and balances", "-3", negative=True, zero=True, empty=True
        ),
        quantity_column("count", "of a count: what was counted", "", zero=True, empty=True),
        quantity_column("unit_cost", "of a balance: cost of one unit", "", places=6, zero=True, empty=True),
        optional("bin", 40, "bin", ""),
        optional("to_bin", 40, "of a transfer within an office: where it goes", ""),
        optional("manufacturer_lot", 60, "the maker's lot, where the code is tracked by it", ""),
        optional("serials", 20_000, "serial numbers joined by ;", ""),
    ),
}

# Of every kind of file that there is, of records and of documents.
ALL_COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {**COLUMNS, **DOCUMENT_COLUMNS}
