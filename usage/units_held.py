"""Which units a job holds: taken as its components and not put back."""

from collections.abc import Sequence
from decimal import Decimal

from inventory_site.money import quantity_text
from usage.models import InventoryUsage, Job
from usage.unit_names import Units, names_units
from usage.units import units_out
from usage.units_there import UnitsThere


def units_held(usages: Sequence[InventoryUsage]) -> dict[int, Units]:
    """What each usage of goods with named units still holds, by its primary key. Four queries at most."""
    named = [usage for usage in usages if usage.quantity > 0 and names_units(usage.code)]
    return {pk: units for pk, units in units_out(named).items() if units.quantity > 0} if named else {}


def held_text(units: Units | None) -> str:
    """S1, S2; Manufacturer lot A-1 (2.5); "" where there are none."""
    if units is None:
        return ""
    return str(units) if units.serials else f"{units} ({quantity_text(units.quantity)})"


def units_taken(job: Job) -> dict[int, UnitsThere]:
    """What of each component (primary key) can be put back, what was taken first before the others."""
    usages = InventoryUsage.objects.filter(job_usage__component__job=job, quantity__gt=0)
    rows = list(usages.select_related("code", "job_usage").order_by("pk"))
    held = units_held(rows)
    found: dict[int, UnitsThere] = {}
    lots: dict[int, dict[str, Decimal]] = {}
    for usage in rows:
        if (units := held.get(usage.pk)) is None:
            continue
        component = usage.job_usage.component_id
        found.setdefault(component, UnitsThere()).serials.extend(units.serials)
        if name := units.manufacturer_lot:
            of_component = lots.setdefault(component, {})
            of_component[name] = of_component.get(name, Decimal(0)) + units.quantity
    for component, of_component in lots.items():
        found[component].manufacturer_lots.extend(of_component.items())
    return found
