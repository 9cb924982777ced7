"""Which units of a code are on hand: so that who must name them can read them off the page."""

from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Min, Sum
from django.utils.html import format_html, format_html_join

from inventory_site.money import quantity_text
from lots.locks import preference_in_force
from lots.models import InventoryTransaction, LineItemCode, Office, SerialMovement

# More would bury the line.
SHOWN = 4


@dataclass
class UnitsThere:
    """Serial numbers in stock, and manufacturer lots with what is on hand of each, the oldest first."""

    serials: list[str] = field(default_factory=list)
    manufacturer_lots: list[tuple[str, Decimal]] = field(default_factory=list)

    def hint(self, name: str) -> str:
        """What stands below the field of this name."""
        return _listed("On hand", self._names(name)) or "None is on hand."

    def taken_hint(self, name: str) -> str:
        """The same where these units are not on hand, but what a job holds; "" where there are none."""
        return _listed("Taken", self._names(name))

    def _names(self, name: str) -> list[str]:
        if name == "serials":
            return self.serials
        return [f"{lot} ({quantity_text(quantity)})" for lot, quantity in self.manufacturer_lots]


def _listed(label: str, names: list[str]) -> str:
    if not names:
        return ""
    shown = names[:SHOWN]
    after = [*[","] * (len(shown) - 1), f" and {len(names) - SHOWN:,} more." if len(names) > SHOWN else "."]
    listed = format_html_join(" ", '<span class="unit-name">{}{}</span>', zip(shown, after, strict=True))
    return format_html("{}: {}", label, listed)


def units_there(codes: Collection[LineItemCode], *, office: Office | None) -> dict[int, UnitsThere]:
    """Per code (primary key). Where offices are kept apart, those of the office. Two queries at most."""
    found = {code.pk: UnitsThere() for code in codes}
    here = {"office": office} if preference_in_force().prevent_inter_office else {}
    serialized = [code.pk for code in codes if code.is_serialized]
    if serialized:
        moved = SerialMovement.objects.filter(
            code__in=serialized, **{f"transaction__{name}": place for name, place in here.items()}
        )
        rows = moved.order_by().values("code", "serial").annotate(there=Sum("direction"), first=Min("pk"))
        for code, serial in rows.filter(there__gt=0).order_by("first").values_list("code", "serial"):
            found[code].serials.append(serial)
    tracked = [code.pk for code in codes if code.is_tracked_by_manufacturer_lot]
    if tracked:
        named = InventoryTransaction.objects.filter(code__in=tracked, **here).exclude(manufacturer_lot="")
        lots = named.order_by().values("code", "manufacturer_lot").annotate(there=Sum("on_hand"), first=Min("pk"))
        for code, lot, there in (
            lots.filter(there__gt=0).order_by("first").values_list("code", "manufacturer_lot", "there")
        ):
            found[code].manufacturer_lots.append((lot, there))
    return found
