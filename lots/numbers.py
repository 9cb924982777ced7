"""Numbers of documents: plain sequences per kind, which pass over what imported records bear already."""

from inventory_site.numbering import next_numbers
from lots.models import InventoryTransaction


def document_number(kind: str, prefix: str = "") -> str:
    """Give the next number of a kind (purchase_order, shipment, purchase, job, adjustment ...), with its prefix.

    Records that were imported name documents as their transaction IDs; a number of ours never means one of those too.
    """
    while True:
        number = f"{prefix}{next_numbers(kind)[0]}"
        if not InventoryTransaction.objects.filter(source_number=number).exists():
            return number
