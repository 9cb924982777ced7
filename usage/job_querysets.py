"""Chainable names for questions about jobs; `for_list()` adds the figures that pages show."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any, Self

from django.db.models import Case, F, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest

from inventory_site.fields import MoneyField, QuantityField
from lots.models import DocumentStatus
from lots.querysets import codes
from usage.models import Job

NOTHING = Value(Decimal(0))


class JobQuerySet(QuerySet[Job]):
    """Jobs, sub-assemblies included."""

    def open(self) -> Self:
        return self.filter(status=DocumentStatus.OPEN)

    def pending(self) -> Self:
        return self.filter(status=DocumentStatus.PENDING)

    def closed(self) -> Self:
        return self.filter(status=DocumentStatus.CLOSED)

    def for_list(self) -> Self:
        """What is still due of an open job, its order, and the value that its lot received."""
        order = Job.objects.filter(pk=OuterRef("pk")).values("order_line__order__number")
        return self.select_related("code", "office", "lot", "parent").annotate(
            quantity_due=Case(
                When(
                    status=DocumentStatus.OPEN,
                    then=Greatest(F("quantity") - F("quantity_produced"), NOTHING, output_field=QuantityField()),
                ),
                default=NOTHING,
                output_field=QuantityField(),
            ),
            order=Coalesce(Subquery(order), Value("")),
            value=Coalesce(F("lot__value"), NOTHING, output_field=MoneyField()),
        )


def jobs() -> JobQuerySet:
    return JobQuerySet(Job)


def on_hand_of(code_ids: Collection[int]) -> dict[int, Decimal]:
    """What is there of each of these codes, by primary key."""
    rows: QuerySet[Any] = codes().for_list().filter(pk__in=code_ids)
    return {row.pk: row.on_hand for row in rows}
