"""The promises of the engine, checked on a finished plan before it is applied.

This is the second opinion. It shares no code with the passes but the cost function, and looks at nothing but what
went in and what came out: a mistake in the passes shows here, on the pool that it hit, rather than months later in a
ledger that does not tie. It runs after every plan in production, so it reads every record and every move a few times
and no more.

What it cannot see is everything that needs the passes replayed, such as which of two sales got the last unit, or
where a return went in a run of several passes. For that the tests compare whole plans with a naive reference.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from . import ordering
from .costing import amount_used
from .records import CostMethod, Lot, Plan, PlanBroken, Usage


def check_plan(
    *,
    lots: Iterable[Lot],
    usages: Iterable[Usage],
    held: Mapping[tuple[int, int], int],
    method: CostMethod,
    plan: Plan,
) -> None:
    """Raise PlanBroken, naming the culprit, if the plan breaks a promise. The other arguments are those of
    `reconcile`.
    """
    lots, usages = ordering.oldest_first(lots), ordering.queue(usages)
    _check_rows(lots, usages, method, plan)
    _check_usages(usages, plan)
    _check_lots(lots, plan)
    _check_nothing_left_to_do(lots, usages, plan)
    _check_originals_first(lots, usages, held, plan)
    _check_story(plan)


def _check_rows(lots: Sequence[Lot], usages: Sequence[Usage], method: CostMethod, plan: Plan) -> None:
    """Rows name known records, go the usage's way, stay inside its restriction, and stand in order, each once."""
    usage_of = {usage.key: (rank, usage) for rank, usage in enumerate(usages)}
    position_of = {lot.key: position for position, lot in enumerate(lots)}
    drawing = ordering.drawing(method)
    place_before = (False, -1, 0)
    for move in plan.moves:
        usage_key, lot, quantity, _ = move
        if usage_key not in usage_of or lot not in position_of:
            raise PlanBroken(f"{move} names a record that was not put in.")
        rank, (_, _, unallocated, _, only_lots) = usage_of[usage_key]
        if quantity * unallocated <= 0:
            raise PlanBroken(f"{move} goes against its usage.")
        if only_lots is not None and lot not in only_lots:
            raise PlanBroken(f"{move} leaves its usage's lots.")
        gives_back = quantity < 0
        place = (gives_back, rank, (ordering.GIVING_BACK if gives_back else drawing) * position_of[lot])
        if place <= place_before:
            raise PlanBroken(f"{move} is out of order, or there twice.")
        place_before = place


def _check_usages(usages: Sequence[Usage], plan: Plan) -> None:
    """Moves and rest add up to what was open, and the rest keeps its sign and does not grow."""
    rests = plan.quantity_unallocated_after
    if list(rests) != [usage.key for usage in usages]:
        raise PlanBroken("The plan does not answer for each usage, in queue order.")
    unexplained = {usage.key: usage.quantity_unallocated - rests[usage.key] for usage in usages}
    for usage_key, _, quantity, _ in plan.moves:
        unexplained[usage_key] -= quantity
    for usage in usages:
        if unexplained[usage.key]:
            raise PlanBroken(f"Usage {usage.key} does not add up.")
        if not 0 <= rests[usage.key] * usage.quantity_unallocated <= usage.quantity_unallocated**2:
            raise PlanBroken(f"Usage {usage.key} turned or grew.")
    if [remark.usage for remark in plan.remarks] != [key for key, rest in rests.items() if rest]:
        raise PlanBroken("Remarks and open usages differ.")


def _check_lots(lots: Sequence[Lot], plan: Plan) -> None:
    """Used stays between nothing and received, changes by the moves, and the amounts are the cost of that change."""
    quantities: defaultdict[int, int] = defaultdict(int)
    amounts: defaultdict[int, int] = defaultdict(int)
    for _, lot_key, quantity, amount in plan.moves:
        quantities[lot_key] += quantity
        amounts[lot_key] += amount
    if list(plan.quantity_used_after) != [lot.key for lot in lots if quantities[lot.key]]:
        raise PlanBroken("The plan does not name just the lots that changed, oldest first.")
    for lot in lots:
        used = _used_after(lot, plan)
        if not 0 <= used <= lot.quantity_received:
            raise PlanBroken(f"Lot {lot.key} has more used than was received, or less than nothing.")
        if used - lot.quantity_used != quantities[lot.key]:
            raise PlanBroken(f"Lot {lot.key} does not add up.")
        if _cost(lot, used) - _cost(lot, lot.quantity_used) != amounts[lot.key]:
            raise PlanBroken(f"The amounts of lot {lot.key} are not what its used units cost.")


def _check_nothing_left_to_do(lots: Sequence[Lot], usages: Sequence[Usage], plan: Plan) -> None:
    """No usage is open beside a lot that could serve it, so that running again changes nothing."""
    with_stock = {lot.key for lot in lots if _used_after(lot, plan) < lot.quantity_received}
    with_used = {lot.key for lot in lots if _used_after(lot, plan) > 0}
    for usage in usages:
        if plan.quantity_unallocated_after[usage.key]:
            able = with_stock if usage.quantity_unallocated > 0 else with_used
            within_reach = able if usage.only_lots is None else able & usage.only_lots
            if within_reach:
                raise PlanBroken(f"Usage {usage.key} is open beside a lot that could serve it.")


def _check_originals_first(
    lots: Sequence[Lot], usages: Sequence[Usage], held: Mapping[tuple[int, int], int], plan: Plan
) -> None:
    """In a run of one pass, no return went elsewhere while its original held used units.

    With more passes it may have: the units may have come to be used only later. Families with a restricted member, or
    an original that gives back itself in this run, are passed over, because their sums alone do not tell who went
    where.
    """
    returns = {u.key: u.original for u in usages if u.original is not None and u.quantity_unallocated < 0}
    if plan.pass_count != 1 or not returns:
        return
    obscure = {u.original for u in usages if u.only_lots is not None or u.quantity_unallocated > 0}
    obscure |= {u.key for u in usages if u.quantity_unallocated < 0}
    sums = _sums_after(usages, held, plan)
    able = {lot.key for lot in lots if _used_after(lot, plan) > 0}
    holding = {original for (original, lot), quantity in sums.items() if quantity > 0 and lot in able} - obscure
    for move in plan.moves:
        original = returns.get(move.usage)
        if original is not None and original in holding and sums[original, move.lot] < 0:
            raise PlanBroken(f"{move} went past what usage {original} still held elsewhere.")


def _sums_after(
    usages: Sequence[Usage], held: Mapping[tuple[int, int], int], plan: Plan
) -> Mapping[tuple[int, int], int]:
    """Give, by (original, lot), what the original and its direct links moved there, this plan included."""
    original_of = {usage.key: usage.original for usage in usages}
    sums = defaultdict(int, held)
    for move in plan.moves:
        sums[move.usage, move.lot] += move.quantity
        original = original_of[move.usage]
        if original is not None:
            sums[original, move.lot] += move.quantity
    return sums


def _check_story(plan: Plan) -> None:
    """The trace tells of every pass, adds up to the moves, and ends where the plan ends."""
    quantities = [move[2] for move in plan.moves]
    drawn = _positive(quantities)
    told = sum(line.quantity_drawn for line in plan.trace), sum(line.quantity_given_back for line in plan.trace)
    if told != (drawn, drawn - sum(quantities)):
        raise PlanBroken("The trace does not add up to the moves.")
    first = 1
    for line in plan.trace:
        if line.first != first or line.pass_count < 1:
            raise PlanBroken(f"{line} does not follow the line before it.")
        first += line.pass_count
    if plan.pass_count != first - 1:
        raise PlanBroken("The trace does not tell of every pass.")
    rests = plan.quantity_unallocated_after.values()
    ending = _positive(rests), sum(rests) - _positive(rests)
    if plan.trace and ending != (plan.trace[-1].unallocated_positive, plan.trace[-1].unallocated_negative):
        raise PlanBroken("The trace ends elsewhere than the plan.")


def _positive(quantities: Iterable[int]) -> int:
    return sum([quantity for quantity in quantities if quantity > 0])


def _used_after(lot: Lot, plan: Plan) -> int:
    return plan.quantity_used_after.get(lot.key, lot.quantity_used)


def _cost(lot: Lot, quantity_used: int) -> int:
    return amount_used(value=lot.value, quantity_received=lot.quantity_received, quantity_used=quantity_used)
