"""Random cost pools, and a ledger that lets several runs follow one another in them.

The pools are small and nasty: few lots, so that usages meet; several records at one moment, so that ties have to be
broken; quantities that go round a lot many times; held sums far above and far below what the lots can hold, because a
mistake in those shows only then.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from reconciliation.engine import CostMethod, Lot, Plan, Usage

LOT_KEYS = range(1, 7)
USAGE_KEYS = range(11, 31)

methods = st.sampled_from(CostMethod)
moments = st.integers(0, 3)
sizes = st.one_of(st.integers(1, 9), st.sampled_from([20, 60, 300]))
held_quantities = st.one_of(st.integers(-6, 6), st.sampled_from([-(10**6), -200, -30, 30, 200, 10**6]))
restrictions = st.one_of(st.none(), st.none(), st.frozensets(st.sampled_from(LOT_KEYS), max_size=3))


@st.composite
def lots(draw: st.DrawFn, *, at_most: int = 5) -> list[Lot]:
    """Draw the lots of a pool, some with nothing received, some used up."""
    keys = draw(st.lists(st.sampled_from(LOT_KEYS), unique=True, max_size=at_most))
    return [draw(lot(key)) for key in keys]


@st.composite
def lot(draw: st.DrawFn, key: int) -> Lot:
    """Draw one lot. Its entry number is its key."""
    received = draw(st.integers(0, 12))
    value = draw(st.integers(0, 500)) if received else 0
    return Lot(key, (draw(moments), key), received, draw(st.integers(0, received)), value)


@st.composite
def usages(draw: st.DrawFn, *, keys: Iterable[int] = USAGE_KEYS, at_most: int = 8) -> list[Usage]:
    """Draw usages of both signs, some restricted, some linked to usages that may be here, elsewhere, or nowhere."""
    chosen = draw(st.lists(st.sampled_from(list(keys)), unique=True, max_size=at_most))
    return [draw(usage(key)) for key in chosen]


@st.composite
def usage(draw: st.DrawFn, key: int) -> Usage:
    """Draw one usage."""
    original = draw(st.one_of(st.none(), st.sampled_from(USAGE_KEYS).filter(lambda other: other != key)))
    quantity = draw(sizes) * draw(st.sampled_from([1, -1]))
    return Usage(key, (draw(moments), key), quantity, original, draw(restrictions))


helds = st.dictionaries(st.tuples(st.sampled_from(USAGE_KEYS), st.sampled_from(LOT_KEYS)), held_quantities, max_size=30)


@st.composite
def pools(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the arguments of `reconcile`."""
    return {"lots": draw(lots()), "usages": draw(usages()), "held": draw(helds), "method": draw(methods)}


@dataclass
class Ledger:
    """What stays between the runs of a pool."""

    lots: dict[int, Lot] = field(default_factory=dict)
    open: dict[int, Usage] = field(default_factory=dict)
    held: defaultdict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    amounts: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    original_of: dict[int, int | None] = field(default_factory=dict)

    def enter(self, new_lots: Iterable[Lot], new_usages: Iterable[Usage]) -> None:
        """Add records; a lot that is there already stays as it is."""
        for new_lot in new_lots:
            self.lots.setdefault(new_lot.key, new_lot._replace(quantity_used=0))
        for new_usage in new_usages:
            self.open[new_usage.key] = new_usage
            self.original_of[new_usage.key] = new_usage.original

    def inputs(self, method: CostMethod) -> dict[str, Any]:
        """Give the arguments of `reconcile` as things stand."""
        return {
            "lots": list(self.lots.values()),
            "usages": list(self.open.values()),
            "held": dict(self.held),
            "method": method,
        }

    def apply(self, plan: Plan) -> None:
        """Book a plan."""
        for move in plan.moves:
            self.amounts[move.lot] += move.amount
            self.held[move.usage, move.lot] += move.quantity
            original = self.original_of[move.usage]
            if original is not None:
                self.held[original, move.lot] += move.quantity
        for key, used in plan.quantity_used_after.items():
            self.lots[key] = self.lots[key]._replace(quantity_used=used)
        rests = plan.quantity_unallocated_after
        self.open = {
            key: entry._replace(quantity_unallocated=rests[key]) for key, entry in self.open.items() if rests[key]
        }
