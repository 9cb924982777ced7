"""Form fields that name records of this app, and the suggestions behind them."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Case, Q, QuerySet, Value, When
from django.urls import reverse_lazy

from inventory_site.document_forms import CodeField
from lots.models import LineItemCode

CODES_SUGGESTED = 20


def active_code(text: str) -> LineItemCode | None:
    """The active code of this name; written in other capitals it is found as well, if it is the only one."""
    active = LineItemCode.objects.filter(status=LineItemCode.Status.ACTIVE)
    if exact := active.filter(code=text).first():
        return exact
    found = list(active.filter(code__iexact=text).order_by("pk")[:2])
    if len(found) > 1:
        raise ValidationError(
            f"There are several codes \u201c{text}\u201d that differ in capitals only: write it exactly.",
            code="several",
        )
    return found[0] if found else None


def codes_like(text: str, *, limit: int = CODES_SUGGESTED) -> QuerySet[LineItemCode]:
    """Active codes to suggest: the very one first, then those that begin so, then those described so."""
    found = LineItemCode.objects.filter(status=LineItemCode.Status.ACTIVE)
    if text:
        found = found.filter(Q(code__icontains=text) | Q(description__icontains=text))
    nearness = Case(
        When(code=text, then=Value(0)),
        When(code__iexact=text, then=Value(1)),
        When(code__istartswith=text, then=Value(2)),
        default=Value(3),
    )
    return found.order_by(nearness, "code", "pk")[:limit]


class LineItemCodeField(CodeField):
    """An active line item code. `fills` as in CodeField, of code, description and est_unit_cost."""

    def __init__(self, *, fills: Mapping[str, str] | None = None, **options: Any) -> None:
        super().__init__(
            **{
                "resolve": active_code,
                "url": reverse_lazy("lots:codes_find"),
                "fills": fills,
                "label": "Code",
                **options,
            }
        )
