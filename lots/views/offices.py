"""Offices."""

from collections.abc import Sequence

from inventory_site.details import Fact, Section
from inventory_site.listing import EmptyState
from inventory_site.views import RecordDetailView, RecordListView
from lots import addresses
from lots.filtersets import OfficeFilterSet
from lots.models import Office
from lots.tables import OfficeTable


class OfficeListView(RecordListView):
    """The worked example of a list page: four names, and what an empty list says."""

    queryset = Office.objects.all()
    filterset_class = OfficeFilterSet
    table_class = OfficeTable
    default_sort = ("code",)
    empty_first_use = EmptyState(
        "No offices yet", "An office is made by itself when an imported record names it; a blank office is fine, too."
    )


class OfficeDetailView(RecordDetailView):
    """The worked example of a detail page: sections of facts."""

    queryset = Office.objects.all()
    list_url_name = "lots:offices"
    list_label = "Offices"

    def get_sections(self) -> Sequence[Section]:
        office: Office = self.object
        pk = str(office.pk)
        return (
            Section("General Info", facts=(Fact("Office", office.code), Fact("Name", office.name))),
            Section(
                "Records",
                facts=(
                    Fact("Lots", "Inventory lots", url=addresses.found_set("lots:lots", office=pk)),
                    Fact("Usage", "Inventory usage", url=addresses.found_set("usage:usages", office=pk)),
                    Fact("Transactions", "Transactions", url=addresses.found_set("lots:transactions", office=pk)),
                ),
            ),
        )
