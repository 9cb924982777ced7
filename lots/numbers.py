"""Numbers of documents: plain sequences per kind, which pass over what is taken already, and numbers that are given.

A number means one thing: no document bears the number of another one, of whatever kind, nor one that imported records
name as the document they came by.
"""

from collections.abc import Collection, Sequence

from django.core.exceptions import ValidationError
from django.db.models import Model

from inventory_site.numbering import continue_after, next_numbers
from lots.models import InventoryTransaction, RecordHistory

# Where a number is found once it means something: every document has a history, every record a movement.
_MEANING: Sequence[tuple[type[Model], str]] = ((RecordHistory, "number"), (InventoryTransaction, "source_number"))
_BLOCK_MOST = 10_000


def document_number(
    model: type[Model],
    kind: str,
    prefix: str = "",
    *,
    given: str = "",
    passing: Sequence[tuple[type[Model], str]] = (),
) -> str:
    """Give the next free number of a kind (purchase_order, shipment, purchase ...) with its prefix; or the one given.

    `model` is the document's own, in which a number is unique; `passing` names more fields whose values are passed
    over. The counter goes on behind what is given out. Raises ValidationError for a given number that is taken.
    """
    if given:
        return given_number(given)
    start = next_numbers(kind)[0]
    free = _first_free(start, prefix, [(model, "number"), *passing])
    if free != start:
        continue_after(kind, free)
    return f"{prefix}{free}"


def child_number(model: type[Model], parent: str, start: int) -> str:
    """Give the number of a document's next part: JOB60000.2. The caller has locked the document."""
    prefix = f"{parent}."
    return f"{prefix}{_first_free(start, prefix, [(model, 'number')])}"


def given_number(number: str) -> str:
    """Give the number back, unless it means something already: then raise ValidationError."""
    for model, field in _MEANING:
        if _taken(model, field, [number]):
            raise ValidationError(
                f'The number "{number}" is taken: by a document, or by records that name it as where they came from.'
                " Nothing was saved: give this document a number of its own."
            )
    return number


def _first_free(start: int, prefix: str, places: Sequence[tuple[type[Model], str]]) -> int:
    """Ask for blocks of numbers that grow: records that came from elsewhere may have brought a hundred thousand."""
    size = 1
    while True:
        block = {f"{prefix}{number}": number for number in range(start, start + size)}
        for model, field in (*_MEANING, *places):
            for number in _taken(model, field, block):
                block.pop(number, None)
        if block:
            return min(block.values())
        start, size = start + size, min(size * 4, _BLOCK_MOST)


def _taken(model: type[Model], field: str, numbers: Collection[str]) -> set[str]:
    rows = model._base_manager.filter(**{f"{field}__in": list(numbers)})
    return set(rows.order_by().values_list(field, flat=True).distinct())
