"""Chainable names for questions about inventory adjustments; `for_list()` adds the figures that pages show."""

from typing import Self

from django.db.models import Case, Count, DecimalField, F, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Abs, Coalesce, Greatest, Round

from inventory_site.fields import MONEY_PLACES, MoneyField
from lots.models import PostingStatus, Preference
from usage.adjustment_costs import unit_cost_in_sql
from usage.adjustment_lines import ZERO
from usage.models import AdjustmentLine, InventoryAdjustment


class AdjustmentQuerySet(QuerySet[InventoryAdjustment]):
    """Inventory adjustments."""

    def pending(self) -> Self:
        return self.filter(status=PostingStatus.PENDING)

    def needing_approval(self) -> Self:
        """Pending, worth more than the preferences let one person post, and not approved yet. After `for_list()`."""
        limit = Preference.objects.filter(pk=1).values("approve_above")
        is_agreed = Q(approved_by__isnull=False, approved_amount__gte=F("amount"))
        return self.pending().filter(~is_agreed, amount__gt=Subquery(limit))

    def for_list(self) -> Self:
        """`amount` is what `adjustment_amount` says: the larger of what is added and what is taken away."""
        lines = AdjustmentLine.objects.filter(adjustment=OuterRef("pk")).order_by().values("adjustment")
        exact = DecimalField(max_digits=40, decimal_places=10)
        worth = Round(
            Abs(F("quantity"), output_field=exact) * unit_cost_in_sql(), MONEY_PLACES, output_field=MoneyField()
        )
        is_down = Q(role="COMPONENT") | Q(quantity__lt=0)
        up = Sum(Case(When(~is_down & ~Q(role="PRODUCT"), then=worth), default=Value(ZERO), output_field=MoneyField()))
        down = Sum(Case(When(is_down & ~Q(role="PRODUCT"), then=worth), default=Value(ZERO), output_field=MoneyField()))
        return self.select_related("office", "to_office", "account", "created_by").annotate(
            line_count=Coalesce(Subquery(lines.annotate(rows=Count("pk")).values("rows")), 0),
            amount=Coalesce(
                Subquery(lines.annotate(most=Greatest(up, down)).values("most")), Value(ZERO), output_field=MoneyField()
            ),
        )


def adjustments() -> AdjustmentQuerySet:
    return AdjustmentQuerySet(InventoryAdjustment)
