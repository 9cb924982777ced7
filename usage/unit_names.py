"""What is said about units that have names (serial numbers, manufacturer lots), and what came out of a job by name."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import NamedTuple

from lots.ledger import why_not_leave, why_not_move
from lots.models import InventoryLot, InventoryTransaction, LineItemCode
from usage.models import InventoryUsage, Job, JobOutput


class Units(NamedTuple):
    """What a line names of its goods: which serial numbers, or of which manufacturer lot so many are."""

    quantity: Decimal
    serials: Sequence[str] = ()
    manufacturer_lot: str = ""

    def __str__(self) -> str:
        lot = f"Manufacturer lot {self.manufacturer_lot}" if self.manufacturer_lot else ""
        return ": ".join(part for part in (lot, ", ".join(self.serials)) if part)


class Part(NamedTuple):
    """Units of one line that become one usage. The lots that it may touch; none is any."""

    quantity: Decimal
    only_lots: Sequence[InventoryLot] = ()
    serials: Sequence[str] = ()
    original: InventoryUsage | None = None
    manufacturer_lot: str = ""


def serials_of(text: str) -> list[str]:
    """Serial numbers as people type them: one per line, or with commas between."""
    return [serial for piece in text.replace(",", "\n").splitlines() if (serial := piece.strip())]


def names_units(code: LineItemCode) -> bool:
    return code.is_serialized or code.is_tracked_by_manufacturer_lot


def units_made(outputs: Collection[JobOutput], job: Job) -> dict[str, Units]:
    """The units of each of a job's outputs, by its number; nothing is asked where the product names none."""
    if not outputs or not names_units(job.code):
        return {}
    moved = InventoryTransaction.objects.filter(
        source_number__in=[output.number for output in outputs], lot=job.lot, on_hand__gt=0, reverses=None
    )
    return {
        row.source_number: Units(row.on_hand, [one.serial for one in row.serials.all()], row.manufacturer_lot)
        for row in moved.prefetch_related("serials").order_by("pk")
    }


def why_not_unmade(job: Job, units: Units) -> str:
    """Why what was produced cannot go out again: a unit, or some of its manufacturer lot, is somewhere else by now."""
    if why := why_not_move(code=job.code, office=job.office, serials=units.serials, direction=-1):
        return why
    lot = units.manufacturer_lot
    over = why_not_leave(code=job.code, manufacturer_lot=lot, quantity=units.quantity, office=job.office)
    return f"It made {over}." if over else ""
