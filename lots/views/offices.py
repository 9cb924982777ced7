"""Offices."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils import timezone

from inventory_site.details import Action, Fact, Section
from inventory_site.documents import DocumentFormView
from inventory_site.listing import EmptyState
from inventory_site.views import RecordDetailView, RecordListView
from lots import addresses
from lots.filtersets import OfficeFilterSet
from lots.history_table import history_section
from lots.models import Office
from lots.office_forms import OfficeEditForm, OfficeForm
from lots.offices import office_change, office_create
from lots.shipment_pages import signed_in
from lots.tables import OfficeTable

ADD, CHANGE = "lots.add_office", "lots.change_office"


class OfficeListView(RecordListView):
    """The worked example of a list page: four names, and what an empty list says."""

    queryset = Office.objects.all()
    filterset_class = OfficeFilterSet
    table_class = OfficeTable
    default_sort = ("code",)
    empty_first_use = EmptyState(
        "No offices yet", "An office is made by itself when an imported record names it; a blank office is fine, too."
    )

    def get_actions(self) -> Sequence[Action]:
        return (Action("New office", reverse("lots:office_create"), permission=ADD, is_primary=True),)


class OfficeDetailView(RecordDetailView):
    """The worked example of a detail page: sections of facts."""

    queryset = Office.objects.all()
    list_url_name = "lots:offices"
    list_label = "Offices"

    def get_actions(self) -> Sequence[Action]:
        return (Action("Edit", reverse("lots:office_edit", args=[self.object.pk]), permission=CHANGE),)

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
            history_section(office.history_name),
        )


class OfficeCreateView(DocumentFormView):
    """A new office."""

    model = Office
    form_class = OfficeForm
    permission_required = ADD
    noun = "office"
    list_url_name = "lots:offices"
    list_label = "Offices"

    def save(self, record: None, header: dict[str, Any], lines: list[dict[str, Any]]) -> Model:
        return office_create(**header, by=signed_in(self.request), at=timezone.now())


class OfficeEditView(DocumentFormView):
    """What an office is called; its code stays for ever."""

    model = Office
    form_class = OfficeEditForm
    permission_required = CHANGE
    noun = "office"
    history_of = "history_name"

    def initial(self, record: Office) -> dict[str, Any]:
        return {"name": record.name}

    def save(self, record: Office, header: dict[str, Any], lines: list[dict[str, Any]]) -> Model:
        return office_change(office=record, **header, by=signed_in(self.request), at=timezone.now())
