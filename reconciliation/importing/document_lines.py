"""Which lines of a purchase order or an order the rows of a file are about.

A row that names a `line` means that one. Otherwise the lines of its code are filled in their order, each by what it has
room for, and a row that is more than the first can take goes on in the next.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from inventory_site.document_forms import LineError
from lots.models import PurchaseOrderLine
from usage.models import OrderLine

Values = Mapping[str, Any]
Line = TypeVar("Line", PurchaseOrderLine, OrderLine)
ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Share(Generic[Line]):
    """Of the row at `place` so much is about this line, and these of its serial numbers."""

    place: int
    line: Line
    quantity: Decimal
    serials: str


@dataclass(frozen=True, slots=True)
class Shares(Generic[Line]):
    """All shares of a document, in the order of its rows."""

    all: Sequence[Share[Line]]

    @contextmanager
    def placed(self) -> Iterator[None]:
        """What a verb refuses of a line of the document inside concerns the row that the line came from."""
        try:
            yield
        except ValidationError as refusal:
            if not hasattr(refusal, "error_list"):
                raise
            raise ValidationError([self._placed(error) for error in refusal.error_list]) from refusal

    def _placed(self, error: ValidationError) -> ValidationError:
        if isinstance(error, LineError):
            return LineError(self.all[error.index].place, error.message)
        return error


def purchase_order_lines(row: Values, place: int) -> Sequence[PurchaseOrderLine]:
    """The lines of the row's purchase order that it may be about; LineError when there is none."""
    lines = PurchaseOrderLine.objects.filter(purchase_order__number=row["purchase_order"])
    document = f'purchase order "{row["purchase_order"]}"'
    return _of_code(lines.select_related("code", "lot", "purchase_order"), row, place, document)


def order_lines(row: Values, place: int, *, code: str = "code") -> Sequence[OrderLine]:
    """The lines of the row's order that it may be about; LineError when there is none."""
    lines = OrderLine.objects.filter(order__number=row["order"]).select_related("code", "lot", "order")
    return _of_code(lines, row, place, f'order "{row["order"]}"', code=code)


def _of_code(lines: QuerySet[Line], row: Values, place: int, document: str, *, code: str = "code") -> list[Line]:
    found = list(lines.filter(code__code=row[code]).order_by("position", "pk"))
    if not found:
        raise LineError(place, f"There is no {document} with a line of {row[code]}. Nothing was recorded.")
    if not row.get("line"):
        return found
    named = [line for line in found if line.position == Decimal(row["line"])]
    if not named:
        there = ", ".join(str(line.position) for line in found)
        raise LineError(
            place, f"Line {row['line']} of {document} is not of {row[code]}: {there} is. Nothing was recorded."
        )
    return named


def shared_out(
    rows: Sequence[Values],
    lines_of: Callable[[Values, int], Sequence[Line]],
    room_of: Callable[[Line, Values], Decimal],
) -> Shares[Line]:
    """Share out the rows of a document over lines. What no line has room for goes to the last that took any, where the
    verb finds it too much.
    """
    shares: list[Share[Line]] = []
    claimed: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for place, row in enumerate(rows):
        quantity = Decimal(row["quantity"])
        lines = lines_of(row, place)
        parts = _parts(abs(quantity), [max(room_of(line, row) - claimed[line.pk], ZERO) for line in lines])
        serials = [part.strip() for part in (row.get("serials") or "").split(";") if part.strip()]
        last = max(index for index, part in enumerate(parts) if part or not quantity)
        for index, (line, part) in enumerate(zip(lines, parts, strict=True)):
            if not part and index != last:
                continue
            claimed[line.pk] += part
            those = serials if index == last else serials[: int(part)]
            serials = serials[len(those) :]
            shares.append(Share(place, line, part.copy_sign(quantity), "\n".join(those)))
    return Shares(shares)


def _parts(quantity: Decimal, rooms: Sequence[Decimal]) -> list[Decimal]:
    """How much of it each line takes."""
    parts, left = [], quantity
    for room in rooms:
        parts.append(min(room, left))
        left -= parts[-1]
    parts[max((index for index, part in enumerate(parts) if part), default=0)] += left
    return parts
