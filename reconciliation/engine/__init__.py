"""Which inventory lots answer for which usage, and what that costs.

The engine promises three things. It is **exact**: quantities and amounts are whole numbers, and the amounts on a lot
add up to what is used of it at every moment. It is **repeatable**: the same records, in whatever order they come,
give the same plan, and running again after a plan was applied gives an empty one. And it is **apart**: it imports
only the standard library, knows no database, no clock and no settings, and changes nothing that it was given, so that
a preview and a run are the same call.

    plan = reconcile(lots=lots, usages=usages, held=held, method=CostMethod.FIFO)
    check_plan(lots=lots, usages=usages, held=held, method=CostMethod.FIFO, plan=plan)

One call takes one cost pool: one item, or one item in one office. Before it, `true_up` brings lots whose cost has
changed to their present basis. `docs/architecture.md` says who calls all this; the modules say why the rules are as
they are, and `allocate` is the one to begin with.
"""

from .allocate import reconcile
from .costing import CostBasis, amount_used, reduce_by_vendor_return
from .invariants import check_plan
from .records import (
    CostMethod,
    Lot,
    Move,
    PassSummary,
    Plan,
    PlanBroken,
    RecordRefused,
    Remark,
    RemarkCode,
    Usage,
)
from .true_up import TrueUp, true_up

__all__ = [
    "CostBasis",
    "CostMethod",
    "Lot",
    "Move",
    "PassSummary",
    "Plan",
    "PlanBroken",
    "RecordRefused",
    "Remark",
    "RemarkCode",
    "TrueUp",
    "Usage",
    "amount_used",
    "check_plan",
    "reconcile",
    "reduce_by_vendor_return",
    "true_up",
]
