"""Which document of ours a transaction ID names."""

from typing import Any

from django.db.models import Model, QuerySet
from django.urls import NoReverseMatch

from lots.models import Purchase, PurchaseOrder, Receipt
from usage.models import InventoryAdjustment, Job, JobOutput, Order, Shipment

# By how their numbers begin; incoming and outgoing shipments share one sequence.
_BEGINNINGS: tuple[tuple[str, tuple[type[Model], ...]], ...] = (
    ("PO-", (PurchaseOrder,)),
    ("SHIP-", (Shipment, Receipt)),
    ("PUR-", (Purchase,)),
    ("PROD-", (JobOutput,)),
    ("JOB", (Job,)),
    ("INVTRYADJ-", (InventoryAdjustment,)),
)


def document_of(number: str) -> Any:
    """The document of this number, or None: imported records name documents that are kept elsewhere."""
    models = next((models for beginning, models in _BEGINNINGS if number.startswith(beginning)), (Order,))
    for model in models if number else ():
        found: QuerySet[Any] = model._default_manager.filter(number=number)
        if (document := found.first()) is not None:
            return document
    return None


def page_of(number: str) -> str:
    """The address of the page of the document of this number, or ""."""
    document = document_of(number)
    try:
        return str(document.get_absolute_url()) if document is not None else ""
    except NoReverseMatch:
        return ""
