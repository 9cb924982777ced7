"""Changing a line item code. It stands here because its estimate changes what is accrued for open usage."""

from typing import Any

from django.db.models import Model
from django.utils import timezone

from inventory_site.documents import DocumentFormView
from lots.code_forms import CodeEditForm
from lots.item_master import CHANGEABLE, code_change, is_referenced
from lots.models import LineItemCode
from lots.shipment_pages import signed_in
from usage.services import est_unit_cost_set


class CodeEditView(DocumentFormView):
    """What can change of a code: its name and record type cannot."""

    model = LineItemCode
    form_class = CodeEditForm
    noun = "line item code"
    history_of = "history_name"

    def initial(self, record: LineItemCode) -> dict[str, Any]:
        return {name: getattr(record, name) for name in (*CHANGEABLE, "est_unit_cost")}

    def form_kwargs(self, record: LineItemCode) -> dict[str, Any]:
        return {"is_referenced": is_referenced(record)}

    def save(self, record: LineItemCode, header: dict[str, Any], lines: list[dict[str, Any]]) -> Model:
        by, at = signed_in(self.request), timezone.now()
        est_unit_cost = header.pop("est_unit_cost")
        if est_unit_cost != record.est_unit_cost:
            # First, because it locks postings out before it takes any other lock.
            est_unit_cost_set(code=record, est_unit_cost=est_unit_cost, by=by, at=at)
        return code_change(code=record, **header, by=by, at=at)
