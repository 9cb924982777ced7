"""Chainable questions about purchasing documents; `for_list()` adds the figures that pages show.

Every figure of an order is a sum over its lines and their lots, so each is said once, in `LINE_FIGURES`, and summed for
the row, the sub-total and List Totals alike.
"""

from collections.abc import Mapping
from typing import Any, Final, Self

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, TextField, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Greatest, Least, NullIf, Round

from inventory_site.fields import MONEY_PLACES, MoneyField, QuantityField
from lots.models import (
    DocumentStatus,
    PostingStatus,
    Purchase,
    PurchaseLine,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    ReceiptLine,
)
from lots.purchase_figures import line_figures, or_nothing
from lots.querysets import NOTHING

Status = DocumentStatus


def _money(expression: Combinable) -> Round:
    return Round(expression, MONEY_PLACES, output_field=MoneyField())


# -- Lines of orders ---------------------------------------------------------------------------------
class OrderLineQuerySet(QuerySet[PurchaseOrderLine]):
    """Lines of purchase orders, with what came of them and what was billed."""

    # Any: the stubs do not see annotations through a method.
    def with_figures(self) -> Any:
        """As the verbs count them (`lots.purchase_figures`), and what that is worth."""
        return self.annotate(
            **line_figures(line="pk", lot="lot__"),
            due=Case(
                When(
                    purchase_order__status=Status.OPEN,
                    then=Greatest(F("quantity") - F("received"), NOTHING, output_field=QuantityField()),
                ),
                default=NOTHING,
                output_field=QuantityField(),
            ),
            value_ordered=_money(F("quantity") * F("unit_cost")),
            value_received=_money(Least(F("quantity"), F("received"), output_field=QuantityField()) * F("unit_cost")),
            value_purchased=or_nothing(F("lot__value_purchased") - F("lot__value_credited"), MoneyField),
            value_freight=or_nothing(F("lot__value_freight"), MoneyField),
            value_accrued=or_nothing(
                F("lot__value") - F("lot__value_payable") - F("lot__value_other"),
                MoneyField,
            ),
        )

    def billable(self) -> Self:
        """Lines that an invoice can name."""
        return self.filter(purchase_order__status__in=[Status.OPEN, Status.CLOSED], lot__isnull=False)

    def for_page(self) -> Any:
        return (
            self.with_figures()
            .select_related("code", "lot__code", "purchase_order__office")
            .order_by("purchase_order", "position", "pk")
        )


# Column of the orders' list -> the figure of a line that it sums.
LINE_FIGURES: Final[Mapping[str, Combinable]] = {
    "value_ordered": F("value_ordered"),
    "value_received": F("value_received"),
    "value_purchased": F("value_purchased") + F("value_freight"),
    "value_accrued": F("value_accrued"),
}


def line_sums() -> dict[str, Coalesce]:
    """Aggregates over lines with figures, one per column."""
    return {f"sum_{name}": or_nothing(Sum(figure), MoneyField) for name, figure in LINE_FIGURES.items()}


def _of_order(name: str) -> Coalesce:
    lines: Any = order_lines().with_figures().filter(purchase_order=OuterRef("pk")).order_by()
    summed = lines.values("purchase_order").annotate(sum=Sum(LINE_FIGURES[name])).values("sum")
    return or_nothing(Subquery(summed), MoneyField)


# -- Documents ---------------------------------------------------------------------------------------
class PurchaseOrderQuerySet(QuerySet[PurchaseOrder]):
    """Purchase orders."""

    def pending(self) -> Self:
        return self.filter(status=Status.PENDING)

    def open(self) -> Self:
        return self.filter(status=Status.OPEN)

    def waiting_for_goods(self) -> Self:
        return self.open().filter(Exists(order_lines().with_figures().filter(purchase_order=OuterRef("pk"), due__gt=0)))

    def with_everything_received(self) -> Self:
        """Open, with nothing due of any line: only invoices keep them from closing, or people do."""
        lines = order_lines().with_figures().filter(purchase_order=OuterRef("pk"))
        return self.open().filter(Exists(lines), ~Exists(lines.filter(received__lt=F("quantity"))))

    def waiting_for_the_invoice(self) -> Self:
        """Goods are there that no purchase bills yet; closed orders count as well, for their bill may come late."""
        lines = order_lines().with_figures().filter(purchase_order=OuterRef("pk"), unbilled__gt=0)
        return self.filter(status__in=[Status.OPEN, Status.CLOSED]).filter(Exists(lines))

    def at_estimated_cost(self) -> Self:
        lines = PurchaseOrderLine.objects.filter(
            purchase_order=OuterRef("pk"), lot__is_cost_final=False, lot__quantity_received__gt=0
        )
        return self.filter(Exists(lines))

    def for_list(self) -> Self:
        return self.select_related("office").annotate(
            **{name: _of_order(name) for name in LINE_FIGURES},
            # By value, since pieces and yards do not add up.
            percent_received=Round(
                F("value_received") * Value(100) / NullIf("value_ordered", NOTHING), 0, output_field=QuantityField()
            ),
        )


class ReceiptQuerySet(QuerySet[Receipt]):
    """Incoming shipments and returns to vendors."""

    def pending(self) -> Self:
        return self.filter(status=PostingStatus.PENDING)

    def incoming(self) -> Self:
        return self.filter(kind=Receipt.Kind.INCOMING)

    def returns(self) -> Self:
        return self.filter(kind=Receipt.Kind.OUTGOING_RETURN)

    def waiting_for_the_credit(self) -> Self:
        """Posted returns of lines of which the vendor has credited less than went back."""
        lines = (
            order_lines()
            .with_figures()
            .filter(receipt_lines__receipt=OuterRef("pk"), returned__gt=F("lot__quantity_credited") + F("replaced"))
        )
        return self.returns().filter(status=PostingStatus.POSTED).filter(Exists(lines))

    def for_list(self) -> Self:
        lines: Any = (
            ReceiptLine.objects.filter(receipt=OuterRef("pk"))
            .order_by()
            .values("receipt")
            .annotate(
                sum_quantity=Sum("quantity"), sum_value=Sum(_money(F("quantity") * F("purchase_order_line__unit_cost")))
            )
        )
        return self.select_related("purchase_order__office").annotate(
            quantity=or_nothing(Subquery(lines.values("sum_quantity"))),
            value=or_nothing(Subquery(lines.values("sum_value")), MoneyField),
        )


class PurchaseQuerySet(QuerySet[Purchase]):
    """Vendor invoices, freight bills and credits."""

    def pending(self) -> Self:
        return self.filter(status=PostingStatus.PENDING)

    def with_freight(self) -> Self:
        return self.filter(freight__gt=0)

    def credits(self) -> Self:
        return self.filter(
            Exists(PurchaseLine.objects.filter(Q(quantity__lt=0) | Q(value__lt=0), purchase=OuterRef("pk")))
        )

    def for_list(self) -> Self:
        lines: Any = PurchaseLine.objects.filter(purchase=OuterRef("pk")).order_by().values("purchase")
        numbers = StringAgg(
            "purchase_order_line__purchase_order__number",
            delimiter=Value(", "),
            distinct=True,
            order_by="purchase_order_line__purchase_order__number",
        )
        return self.annotate(
            value_goods=or_nothing(Subquery(lines.annotate(sum=Sum("value")).values("sum")), MoneyField),
            value_total=F("value_goods") + F("freight"),
            orders=Coalesce(
                Subquery(lines.annotate(numbers=numbers).values("numbers")), Value(""), output_field=TextField()
            ),
        )


def order_lines() -> OrderLineQuerySet:
    return OrderLineQuerySet(PurchaseOrderLine)


def purchase_orders() -> PurchaseOrderQuerySet:
    return PurchaseOrderQuerySet(PurchaseOrder)


def receipts() -> ReceiptQuerySet:
    return ReceiptQuerySet(Receipt)


def purchases() -> PurchaseQuerySet:
    return PurchaseQuerySet(Purchase)
