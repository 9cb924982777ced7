"""Documents and the journal as CSV for machines: one row a line, with its document's own figures repeated on it."""

from collections.abc import Mapping
from typing import Final

from reconciliation.exporting_moments import MOMENT

_ORDERS: Final = f"""
SELECT document.number AS "order", document.customer, office.code AS office, nullif(document.department, '')
    AS department, {MOMENT.format("document.ordered_at")} AS date, nullif(document.reference, '') AS reference,
    document.status, line.position AS line, code.code, line.quantity, line.supply, line.quantity_shipped AS shipped,
    line.quantity_returned AS returned, line.demand
FROM usage_orderline AS line JOIN usage_order AS document ON document.id = line.order_id
JOIN lots_lineitemcode AS code ON code.id = line.code_id
LEFT JOIN lots_office AS office ON office.id = document.office_id
ORDER BY document.id, line.position, line.id
"""  # noqa: S608  (our own constant text)
# All four kinds, named by the way the goods go: incoming and outgoing, and the returns of both.
_SHIPMENTS: Final = f"""
SELECT shipment, kind, date, office, reference, status, line, document, code, quantity, manufacturer_lot, serials
FROM (
    SELECT shipment.number AS shipment, shipment.kind, {MOMENT.format("shipment.shipped_at")} AS date,
        office.code AS office, nullif(shipment.reference, '') AS reference, shipment.status, line.position AS line,
        document.number AS document, code.code, line.quantity, nullif(line.manufacturer_lot, '') AS manufacturer_lot,
        nullif(replace(line.serials, chr(10), ';'), '') AS serials
    FROM usage_shipmentline AS line JOIN usage_shipment AS shipment ON shipment.id = line.shipment_id
    JOIN usage_orderline AS ordered ON ordered.id = line.order_line_id
    JOIN usage_order AS document ON document.id = ordered.order_id
    JOIN lots_lineitemcode AS code ON code.id = ordered.code_id
    LEFT JOIN lots_office AS office ON office.id = shipment.office_id
    UNION ALL
    SELECT receipt.number, receipt.kind, {MOMENT.format("receipt.received_at")}, office.code,
        nullif(receipt.reference, ''), receipt.status, line.position, document.number, code.code, line.quantity,
        nullif(line.manufacturer_lot, ''), nullif(replace(line.serials, chr(10), ';'), '')
    FROM lots_receiptline AS line JOIN lots_receipt AS receipt ON receipt.id = line.receipt_id
    JOIN lots_purchaseorder AS document ON document.id = receipt.purchase_order_id
    JOIN lots_purchaseorderline AS ordered ON ordered.id = line.purchase_order_line_id
    JOIN lots_lineitemcode AS code ON code.id = ordered.code_id
    LEFT JOIN lots_office AS office ON office.id = document.office_id
) AS moved ORDER BY shipment, line, document, code
"""  # noqa: S608  (our own constant text)
# As the order's page counts: net of what went back and was credited, without what adjustments added to its lots.
_PURCHASE_ORDERS: Final = """
SELECT document.number AS purchase_order, document.vendor, office.code AS office, document.ordered_on AS date,
    nullif(document.reference, '') AS reference, nullif(document.parent_order, '') AS "order", document.status,
    line.position AS line, code.code, line.quantity, line.unit_cost, lot.number AS lot,
    coalesce(lot.quantity_received - grown.quantity - back.short, 0.0000) AS received,
    coalesce(lot.quantity_purchased - lot.quantity_credited, 0.0000) AS purchased,
    coalesce(lot.value - grown.value, 0.00) AS value,
    coalesce(lot.value_purchased + lot.value_freight - lot.value_credited, 0.00) AS value_purchased,
    coalesce(lot.value - lot.value_payable - lot.value_other, 0.00) AS accrued
FROM lots_purchaseorderline AS line JOIN lots_purchaseorder AS document ON document.id = line.purchase_order_id
JOIN lots_lineitemcode AS code ON code.id = line.code_id
LEFT JOIN lots_office AS office ON office.id = document.office_id
LEFT JOIN lots_inventorylot AS lot ON lot.id = line.lot_id
CROSS JOIN LATERAL (SELECT coalesce(sum(event.quantity), 0) AS quantity, coalesce(sum(event.value), 0) AS value
    FROM lots_lotcostevent AS event WHERE event.lot_id = lot.id AND event.source_kind = 'INVTRYADJ') AS grown
CROSS JOIN LATERAL (SELECT coalesce(sum(returned.quantity_short), 0) AS short
    FROM lots_receiptline AS returned JOIN lots_receipt AS receipt ON receipt.id = returned.receipt_id
    WHERE returned.purchase_order_line_id = line.id AND receipt.kind = 'OUTGOING_RETURN'
        AND receipt.status = 'POSTED') AS back
ORDER BY document.id, line.position, line.id
"""
_PURCHASES: Final = f"""
SELECT document.number AS purchase, document.vendor, nullif(document.invoice_number, '') AS invoice,
    {MOMENT.format("document.invoiced_at")} AS date, document.status, line.position AS line,
    ordered.number AS purchase_order, code.code, line.quantity, line.value, line.freight
FROM lots_purchaseline AS line JOIN lots_purchase AS document ON document.id = line.purchase_id
JOIN lots_purchaseorderline AS ordered_line ON ordered_line.id = line.purchase_order_line_id
JOIN lots_purchaseorder AS ordered ON ordered.id = ordered_line.purchase_order_id
JOIN lots_lineitemcode AS code ON code.id = ordered_line.code_id
ORDER BY document.id, line.position, line.id
"""  # noqa: S608  (our own constant text)
# A job without components is one row with an empty component.
_JOBS: Final = f"""
SELECT job.number AS job, product.code AS product, job.quantity, office.code AS office,
    {MOMENT.format("job.started_at")} AS date, parent.number AS parent, document.number AS "order", job.status,
    job.quantity_produced AS produced, lot.number AS lot, coalesce(lot.value, 0.00) AS value,
    coalesce((SELECT sum(amount) FROM usage_jobcost AS cost WHERE cost.job_id = job.id), 0.00) AS job_costs,
    code.code AS component, line.quantity AS quantity_planned, line.quantity_consumed
FROM usage_job AS job JOIN lots_lineitemcode AS product ON product.id = job.code_id
LEFT JOIN lots_office AS office ON office.id = job.office_id LEFT JOIN usage_job AS parent ON parent.id = job.parent_id
LEFT JOIN usage_orderline AS ordered ON ordered.id = job.order_line_id
LEFT JOIN usage_order AS document ON document.id = ordered.order_id
LEFT JOIN lots_inventorylot AS lot ON lot.id = job.lot_id
LEFT JOIN usage_jobcomponent AS line ON line.job_id = job.id
LEFT JOIN lots_lineitemcode AS code ON code.id = line.code_id
ORDER BY job.id, line.position, line.id
"""  # noqa: S608  (our own constant text)
_ADJUSTMENTS: Final = f"""
SELECT document.number AS adjustment, document.adjustment_type AS type, {MOMENT.format("document.adjusted_at")} AS date,
    office.code AS office, other.code AS to_office, account.number AS account,
    nullif(document.description, '') AS description, document.status, line.position AS line, line.role, code.code,
    line.quantity, line.system_balance, line.count, line.unit_cost, line.share * 0.0001 AS share_percent,
    nullif(line.bin, '') AS bin, nullif(line.to_bin, '') AS to_bin,
    nullif(line.manufacturer_lot, '') AS manufacturer_lot, nullif(replace(line.serials, chr(10), ';'), '') AS serials
FROM usage_adjustmentline AS line JOIN usage_inventoryadjustment AS document ON document.id = line.adjustment_id
JOIN lots_lineitemcode AS code ON code.id = line.code_id
LEFT JOIN lots_office AS office ON office.id = document.office_id
LEFT JOIN lots_office AS other ON other.id = document.to_office_id
LEFT JOIN lots_account AS account ON account.id = document.account_id
ORDER BY document.id, line.position, line.id
"""  # noqa: S608  (our own constant text)
# Each line as its debit and then its credit.
_JOURNAL: Final = """
SELECT entry.id AS entry, entry.date, to_char(entry.date, 'YYYY-MM') AS period, account.number AS account,
    side.debit, side.credit, code.code, office.code AS office, nullif(line.source_number, '') AS source,
    entry.run_id AS run, nullif(entry.text, '') AS text
FROM reconciliation_journalline AS line
JOIN reconciliation_journalentry AS entry ON entry.id = line.entry_id
CROSS JOIN LATERAL (VALUES
    (1, line.debit_account_id, line.amount, 0.00), (2, line.credit_account_id, 0.00, line.amount)
) AS side(place, account, debit, credit)
JOIN lots_account AS account ON account.id = side.account
JOIN lots_lineitemcode AS code ON code.id = line.code_id LEFT JOIN lots_office AS office ON office.id = line.office_id
ORDER BY line.id, side.place
"""

DOCUMENT_STATEMENTS: Final[Mapping[str, str]] = {
    "orders": _ORDERS,
    "shipments": _SHIPMENTS,
    "purchase_orders": _PURCHASE_ORDERS,
    "purchases": _PURCHASES,
    "jobs": _JOBS,
    "adjustments": _ADJUSTMENTS,
    "journal": _JOURNAL,
}
