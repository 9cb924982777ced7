"""Invariants of documents: what they say was moved is what was moved, recomputed from the rows they made."""

from reconciliation.feed_order import ROUNDS_MOST
from reconciliation.verify_check import Check

DOCUMENT_CHECKS = (
    Check(
        "demand_is_of_open_documents",
        "Demand per code is what order lines and job components stand at",
        """WITH stands AS (
            SELECT code_id, demand, 0 AS moved FROM usage_orderline WHERE demand <> 0
            UNION ALL SELECT code_id, demand, 0 FROM usage_jobcomponent WHERE demand <> 0
            UNION ALL SELECT code_id, 0, demand FROM lots_inventorytransaction WHERE demand <> 0)
        SELECT 'code ' || code.code, 'documents ' || sum(demand) || ', movements ' || sum(moved)
        FROM stands JOIN lots_lineitemcode AS code ON code.id = stands.code_id
        GROUP BY code.code HAVING sum(demand) <> sum(moved)""",
    ),
    Check(
        "on_order_is_of_open_documents",
        "Nothing is on order of a code without an open purchase order or job, and never less than nothing",
        """SELECT 'code ' || code.code, 'on order ' || sums.on_order
        FROM (SELECT code_id, sum(on_order) AS on_order FROM lots_inventorytransaction WHERE on_order <> 0
            GROUP BY code_id) AS sums
        JOIN lots_lineitemcode AS code ON code.id = sums.code_id
        WHERE sums.on_order < 0 OR (sums.on_order > 0
            AND NOT EXISTS (SELECT FROM lots_purchaseorderline AS line
                JOIN lots_purchaseorder AS document ON document.id = line.purchase_order_id
                WHERE line.code_id = sums.code_id AND document.status = 'OPEN')
            AND NOT EXISTS (SELECT FROM usage_job AS job WHERE job.code_id = sums.code_id AND job.status = 'OPEN'))""",
    ),
    Check(
        "order_lines_were_shipped",
        "Shipped and returned of every order line are the sums of its posted shipments",
        """SELECT 'order ' || document.number || ', line ' || line.position, 'shipped ' || line.quantity_shipped
            || ', shipments ' || sums.shipped || '; returned ' || line.quantity_returned || ', returns '
            || sums.returned
        FROM usage_orderline AS line JOIN usage_order AS document ON document.id = line.order_id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(part.quantity) FILTER (WHERE shipment.kind = 'OUTGOING'), 0) AS shipped,
                coalesce(sum(part.quantity) FILTER (WHERE shipment.kind = 'INCOMING_RETURN'), 0) AS returned
            FROM usage_shipmentline AS part JOIN usage_shipment AS shipment ON shipment.id = part.shipment_id
            WHERE part.order_line_id = line.id AND shipment.status = 'POSTED') AS sums
        WHERE (line.quantity_shipped, line.quantity_returned) <> (sums.shipped, sums.returned)""",
    ),
    Check(
        "purchased_lots_follow_their_documents",
        "What every purchased lot received, was billed and was credited is in its posted documents",
        """WITH moved AS (
            SELECT line.lot_id, sum(part.quantity) FILTER (WHERE receipt.kind = 'INCOMING') AS came,
                sum(part.quantity - part.quantity_short) FILTER (WHERE receipt.kind = 'OUTGOING_RETURN') AS went
            FROM lots_receiptline AS part JOIN lots_receipt AS receipt ON receipt.id = part.receipt_id
            JOIN lots_purchaseorderline AS line ON line.id = part.purchase_order_line_id
            WHERE receipt.status = 'POSTED' GROUP BY line.lot_id),
        billed AS (
            SELECT line.lot_id, sum(greatest(part.quantity, 0)) AS quantity, sum(greatest(part.value, 0)) AS value,
                sum(part.freight) AS freight, -sum(least(part.quantity, 0)) AS credited_quantity,
                -sum(least(part.value, 0)) AS credited
            FROM lots_purchaseline AS part JOIN lots_purchase AS purchase ON purchase.id = part.purchase_id
            JOIN lots_purchaseorderline AS line ON line.id = part.purchase_order_line_id
            WHERE purchase.status = 'POSTED' GROUP BY line.lot_id)
        SELECT 'lot ' || lot.number, 'received ' || lot.quantity_received - grown.quantity || ' of '
            || coalesce(moved.came, 0) || ' less ' || coalesce(moved.went, 0) || '; purchased '
            || lot.value_purchased || ' of ' || coalesce(billed.value, 0)
        FROM lots_inventorylot AS lot JOIN lots_purchaseorderline AS line ON line.lot_id = lot.id
        LEFT JOIN moved ON moved.lot_id = lot.id LEFT JOIN billed ON billed.lot_id = lot.id
        CROSS JOIN LATERAL (SELECT coalesce(sum(event.quantity), 0) AS quantity FROM lots_lotcostevent AS event
            WHERE event.lot_id = lot.id AND event.source_kind = 'INVTRYADJ') AS grown
        WHERE (lot.quantity_received - grown.quantity, lot.quantity_returned, lot.quantity_purchased,
                lot.value_purchased, lot.value_freight, lot.quantity_credited, lot.value_credited)
            <> (coalesce(moved.came, 0) - coalesce(moved.went, 0), coalesce(moved.went, 0),
                coalesce(billed.quantity, 0), coalesce(billed.value, 0), coalesce(billed.freight, 0),
                coalesce(billed.credited_quantity, 0), coalesce(billed.credited, 0))""",
    ),
    Check(
        "jobs_follow_their_records",
        "What every job consumed and produced is the sum of its usage and of its production",
        """SELECT 'job ' || job.number || ', component ' || code.code, 'consumed ' || component.quantity_consumed
            || ', usage ' || coalesce(sum(usage.quantity), 0)
        FROM usage_jobcomponent AS component JOIN usage_job AS job ON job.id = component.job_id
        JOIN lots_lineitemcode AS code ON code.id = component.code_id
        LEFT JOIN usage_jobusage AS part ON part.component_id = component.id
        LEFT JOIN usage_inventoryusage AS usage ON usage.id = part.usage_id
        GROUP BY job.number, code.code, component.id, component.quantity_consumed
        HAVING component.quantity_consumed <> coalesce(sum(usage.quantity), 0)
        UNION ALL
        SELECT 'job ' || job.number, 'produced ' || job.quantity_produced || ', its lot received '
            || coalesce(lot.quantity_received, 0)
        FROM usage_job AS job LEFT JOIN lots_inventorylot AS lot ON lot.id = job.lot_id
        CROSS JOIN LATERAL (SELECT coalesce(sum(output.quantity), 0) AS produced FROM usage_joboutput AS output
            WHERE output.job_id = job.id AND output.status = 'POSTED') AS sums
        WHERE job.quantity_produced <> sums.produced OR coalesce(lot.quantity_received, 0) <> sums.produced""",
    ),
    Check(
        "fed_lots_cost_what_went_in",
        # A ring that was given up keeps its last cost, also when a run has looked at its code since.
        "Every lot that is fed by usage, and waits for nothing, is worth its parts of what went in",
        f"""WITH cost AS (
            SELECT feed.lot_id, feed.share_from, feed.share_to,
                coalesce((SELECT sum(amount) FROM reconciliation_cogsallocation AS allocation
                    WHERE allocation.usage_id = feed.usage_id), 0)
                + coalesce((SELECT round(open.quantity_unallocated * code.est_unit_cost, 2)
                    FROM usage_openusage AS open JOIN usage_inventoryusage AS usage ON usage.id = open.usage_id
                    JOIN lots_lineitemcode AS code ON code.id = usage.code_id
                    WHERE open.usage_id = feed.usage_id), 0) AS amount
            FROM usage_lotfeed AS feed),
        fed AS (SELECT lot_id, sum(round(amount * share_to / 1000000, 2) - round(amount * share_from / 1000000, 2))
            AS value FROM cost GROUP BY lot_id)
        SELECT 'lot ' || lot.number, 'worth ' || lot.value || ', fed with ' || fed.value
        FROM fed JOIN lots_inventorylot AS lot ON lot.id = fed.lot_id
        JOIN lots_costpool AS pool ON pool.id = lot.pool_id
        LEFT JOIN usage_job AS job ON job.lot_id = lot.id
        WHERE job.id IS NULL AND lot.quantity_received > 0 AND lot.value <> fed.value AND NOT pool.is_set_aside
            AND pool.recost_rounds < {ROUNDS_MOST}
            AND NOT EXISTS (SELECT FROM usage_lotrecost AS waiting WHERE waiting.lot_id = lot.id)""",  # noqa: S608  (our own constant text)
    ),
)
