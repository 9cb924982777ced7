"""What was bought and made for a line of an order, and what of it is still to be procured. Nothing is written here."""

from decimal import Decimal

from django.db.models import QuerySet, Sum

from lots.ledger import ZERO
from lots.lot_costs import quantity_due as purchase_quantity_due
from lots.models import DocumentStatus, InventoryLot, PurchaseOrderLine
from usage.demand import due, is_stocked, net_shipped
from usage.job_rules import quantity_due as job_quantity_due
from usage.models import Job, OrderLine

Status = DocumentStatus
UNFINISHED = (Status.PENDING, Status.OPEN)


def bought_for(line: OrderLine) -> QuerySet[PurchaseOrderLine]:
    """The lines of purchase orders that were made for it and are not void, the first first."""
    bought = PurchaseOrderLine.objects.filter(made_for__order_line=line).exclude(purchase_order__status=Status.VOID)
    return bought.select_related("purchase_order", "lot__office").order_by("pk")


def made_for(line: OrderLine) -> QuerySet[Job]:
    """The jobs that make its code for it and are not void, the first first."""
    return line.jobs.filter(code=line.code).exclude(status=Status.VOID).select_related("lot__office").order_by("pk")


def lot_bound(line: OrderLine) -> InventoryLot | None:
    """The latest lot that was made for it, unless the purchase order that made it is void: that lot stays empty."""
    is_void = PurchaseOrderLine.objects.filter(lot=line.lot_id, purchase_order__status=Status.VOID)
    return None if line.lot_id is None or is_void.exists() else line.lot


def own_lots(line: OrderLine) -> list[InventoryLot]:
    """The lots that were made for a line, by its purchase orders and its jobs: all that a special order ships from."""
    lots = {row.lot for row in bought_for(line)} | {row.lot for row in made_for(line)} | {lot_bound(line)}
    return sorted((lot for lot in lots if lot is not None), key=lambda lot: lot.pk)


def to_procure(line: OrderLine) -> Decimal:
    """What is due of it and neither on the way to it nor here for it: what no vendor brings and no job makes."""
    on_the_way = sum((purchase_quantity_due(row) for row in bought_for(line)), ZERO)
    for job in made_for(line):
        on_the_way += job.quantity if job.status == Status.PENDING else job_quantity_due(job)
    lots = [lot.pk for lot in own_lots(line)]
    came = InventoryLot.objects.filter(pk__in=lots).aggregate(sum=Sum("quantity_received", default=ZERO))["sum"]
    here: Decimal = max(came - net_shipped(line), ZERO)
    return max(due(line) - on_the_way - here, ZERO)


def why_not_procure(line: OrderLine) -> str:
    """Why nothing is to be bought or made for it now."""
    order = line.order
    if order.status != Status.OPEN:
        return f"Order {order} is not open."
    if not is_stocked(line):
        return f"{line.code} of order {order} moves no inventory."
    if not due(line):
        return f"Nothing of {line.code} is due on order {order}."
    if to_procure(line):
        return ""
    numbers = ", ".join(
        [*(row.purchase_order.number for row in bought_for(line)), *(job.number for job in made_for(line))]
    )
    return f"{numbers} was made for {line.code} of order {order} already: nothing more is needed."
