"""Chainable names for questions about usage; `for_list()` adds the figures that pages show.

`allocations` is the relation by which the app above hangs its rows on a usage: named in lookups, never imported.
"""

from decimal import Decimal
from typing import Self

from django.db.models import Case, F, OuterRef, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce, Round

from inventory_site.fields import MONEY_PLACES, MoneyField, QuantityField
from lots.models import CostPool, LineItemCode
from usage.models import InventoryUsage

NOTHING = Value(Decimal(0))


class UsageQuerySet(QuerySet[InventoryUsage]):
    """Inventory usage. OPEN = it has a row of what is open."""

    def open(self) -> Self:
        return self.filter(open_usage__isnull=False)

    def closed(self) -> Self:
        return self.filter(open_usage__isnull=True)

    def returns(self) -> Self:
        """Returned or found: the natural sign is negative."""
        return self.filter(quantity__lt=0)

    def for_item(self, code: LineItemCode) -> Self:
        return self.filter(code=code)

    def of_form(self, form: str) -> Self:
        """Of codes whose unallocated usage is net POSITIVE, NEGATIVE or ZERO."""
        pools = CostPool.objects.order_by().values("code").annotate(net=Sum("open_unallocated"), rows=Sum("open_count"))
        sign = {"POSITIVE": "net__gt", "NEGATIVE": "net__lt", "ZERO": "net"}[form]
        return self.filter(code__in=pools.filter(rows__gt=0, **{sign: 0}).values("code"))

    def for_list(self) -> Self:
        """~ COGS = amounts allocated so far + unallocated x est unit cost, the estimate rounded per row.

        The allocations of a row are read only where nothing is open of it any more: an open row keeps their sum.
        """
        quantity, money = QuantityField(), MoneyField()
        allocations = self.model._meta.get_field("allocations").related_model._base_manager.order_by()
        of_this_row = allocations.filter(usage=OuterRef("pk")).values("usage")
        accrued = Round(F("open_usage__quantity_unallocated") * F("code__est_unit_cost"), MONEY_PLACES)
        return (
            self.select_related("code", "office")
            .alias(
                allocated=Coalesce(
                    "open_usage__amount_allocated",
                    Subquery(of_this_row.annotate(amount=Sum("amount")).values("amount")),
                    NOTHING,
                    output_field=money,
                )
            )
            .annotate(
                unallocated=Coalesce("open_usage__quantity_unallocated", NOTHING, output_field=quantity),
                accrued_cogs=Coalesce(accrued, NOTHING, output_field=money),
                cogs=F("allocated") + F("accrued_cogs"),
                status=Case(When(open_usage__isnull=False, then=Value("OPEN")), default=Value("CLOSED")),
            )
        )


def usages() -> UsageQuerySet:
    return UsageQuerySet(InventoryUsage)
