"""Filters of the chart of accounts, one per column."""

from typing import Final

from django.db.models import QuerySet

from inventory_site.filtersets import BaseFilterSet, ChoiceFilter, TextFilter
from lots.models import Account, AccountKind

STATUSES: Final = (("ACTIVE", "Active"), ("INACTIVE", "Inactive"))


class AccountFilterSet(BaseFilterSet):
    search_lookups = ("number__istartswith", "name__icontains")
    search_label = "Search number or name"

    number = TextFilter(label="Account")
    name = TextFilter(label="Name", lookup="icontains")
    kind = ChoiceFilter(choices=AccountKind.choices, label="Kind")
    status = ChoiceFilter(choices=STATUSES, label="Status", method="with_status")

    class Meta:
        model = Account
        fields: tuple[str, ...] = ()

    def with_status(self, queryset: QuerySet[Account], name: str, value: str) -> QuerySet[Account]:
        return queryset.filter(is_active=value == "ACTIVE")
