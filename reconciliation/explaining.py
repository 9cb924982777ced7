"""Explain this cost: from a figure down to what it is made of, and from a lot up to where it went.

Pure: trees are built from records that explain_records.py has read. A node's amount is its part of what stands above
it; its children add up to its amount or, where more than that part is shown (the whole lot that something was taken
from), to its `whole`. Every tree says so line by line, and `adds_up` is what tests ask.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from inventory_site import money
from reconciliation.explain_records import Drawn, LotRecord, Records, UsageRecord
from usage.feeding import shared

ZERO: Final = Decimal(0)
# Lots below one another, and lines below one figure.
DEPTH: Final = 8
BREADTH: Final = 20


@dataclass
class Node:
    """A line of the explanation. `whole` is what its children add up to where that is not the amount."""

    label: str
    amount: Decimal
    url: str = ""
    text: str = ""
    day: date | None = None
    quantity: Decimal | None = None
    whole: Decimal | None = None
    whole_text: str = ""
    note: str = ""
    note_url: str = ""
    anchor: str = ""
    is_estimated: bool = False
    is_ring: bool = False
    children: list["Node"] = field(default_factory=list)

    @property
    def together(self) -> Decimal:
        return sum((child.amount for child in self.children), ZERO)

    @property
    def is_whole(self) -> bool:
        """Whether the lines below are all there is."""
        return not self.children or self.together == (self.amount if self.whole is None else self.whole)

    @property
    def adds_up(self) -> bool:
        """The same, here and further down."""
        return self.is_whole and all(child.adds_up for child in self.children)


@dataclass
class _Way:
    """Where we are in a tree: the lots above, and those that are explained already."""

    records: Records
    above: tuple[int, ...] = ()
    shown: set[int] = field(default_factory=set)
    anchors: str = "cost"

    def below(self, lot: int) -> "_Way":
        return _Way(self.records, (*self.above, lot), self.shown, self.anchors)


def cost_of_usage(records: Records, usage: int) -> Node:
    """What the cost of a usage is made of."""
    return _cost_of_usage(_Way(records), records.usages[usage])


def cost_of_lot(records: Records, lot: int) -> Node:
    """What the value of a lot is made of."""
    record = records.lots[lot]
    node = _lot_node(record, amount=record.value)
    _explain_cost(node, _Way(records), record)
    return node


def use_of_lot(records: Records, lot: int) -> Node:
    """Where the value of a lot went: who consumed it, what that went into, and what is left."""
    record = records.lots[lot]
    node = _lot_node(record, amount=record.value)
    _explain_use(node, _Way(records, anchors="use"), record)
    return node


# -- Down: what a cost is made of --------------------------------------------------------------------
def _cost_of_usage(way: _Way, usage: UsageRecord, *, part: Decimal | None = None) -> Node:
    node = _usage_node(usage, amount=usage.cost if part is None else part)
    if part is not None and part != usage.cost:
        node.whole, node.whole_text = usage.cost, "The whole usage"
    for drawn in usage.lots:
        node.children.append(_drawn_node(way, drawn))
    _say_more(node, usage.lots_left, "lot", usage.url)
    if usage.unallocated:
        node.children.append(
            Node(
                "Unallocated",
                usage.estimate,
                text=f"no lot has paid for it yet: the estimate of {_cost(usage.est_unit_cost)} a unit",
                quantity=usage.unallocated,
                is_estimated=True,
            )
        )
    return node


def _drawn_node(way: _Way, drawn: Drawn) -> Node:
    """What a lot gave to a usage; below it, the cost of the whole lot."""
    lot = way.records.lots.get(drawn.other)
    if lot is None:
        return Node("A lot further down", drawn.amount, quantity=drawn.quantity, note="Explained on a page of its own")
    node = _lot_node(lot, amount=drawn.amount, quantity=drawn.quantity)
    node.text = _entries(drawn) or lot.said
    _explain_cost(node, way, lot)
    return node


def _explain_cost(node: Node, way: _Way, lot: LotRecord) -> None:
    if not _may_go_on(node, way, lot):
        return
    inner = way.below(lot.pk)
    if node.amount != lot.value:
        node.whole, node.whole_text = lot.value, f"The whole lot: {_number(lot.quantity)} received"
    for feed in lot.feeds[:BREADTH]:
        part = shared(feed.cost, share_from=feed.share_from, share_to=feed.share_to)
        usage = way.records.usages.get(feed.usage)
        if usage is None:
            node.children.append(Node("What went in", part, quantity=feed.quantity, note="Not followed any further"))
        else:
            node.children.append(_cost_of_usage(inner, usage, part=part))
    rest = [shared(feed.cost, share_from=feed.share_from, share_to=feed.share_to) for feed in lot.feeds[BREADTH:]]
    if rest:
        node.children.append(Node(f"{len(rest):,} more that went in", sum(rest, ZERO), url=lot.url))
    lines = [
        Node(line.label, line.amount, url=line.url, text=line.text, day=line.day, quantity=line.quantity)
        for line in lot.lines
    ]
    node.children += lines[:BREADTH]
    if left := lines[BREADTH:]:
        node.children.append(Node(f"{len(left):,} more entries", _sum(left), url=lot.url))
    if difference := lot.value - node.together:
        node.children.append(Node(_rest_of(lot), difference, is_estimated=True))


def _rest_of(lot: LotRecord) -> str:
    if lot.is_job_open:
        return "Still in process with the open job" if lot.quantity else "Nothing is produced yet: all in process"
    return "Waiting to be costed anew by the next run" if lot.is_fed else "Not explained by any document"


# -- Up: where a cost went ---------------------------------------------------------------------------
def _explain_use(node: Node, way: _Way, lot: LotRecord) -> None:
    if not _may_go_on(node, way, lot):
        return
    inner = way.below(lot.pk)
    if node.amount != lot.value:
        node.whole, node.whole_text = lot.value, f"The whole lot: {_number(lot.quantity)} received"
    for drawn in lot.usages:
        usage = way.records.usages.get(drawn.other)
        if usage is None:
            node.children.append(Node("A usage further up", drawn.amount, quantity=drawn.quantity))
        else:
            node.children.append(_consumer(inner, usage, drawn))
    _say_more(node, lot.usages_left, "usage", lot.cogs_url)
    left = lot.value - lot.value_used
    if lot.quantity_current or left:
        node.children.append(
            Node("In stock", left, quantity=lot.quantity_current, text="not used yet", is_estimated=not lot.is_final)
        )


def _consumer(way: _Way, usage: UsageRecord, drawn: Drawn) -> Node:
    node = _usage_node(usage, amount=drawn.amount, quantity=drawn.quantity)
    # What it drew here is as final as the lot, whatever of it is unallocated elsewhere.
    node.is_estimated = not way.records.lots[way.above[-1]].is_final
    if not usage.goes_into:
        node.text = ", ".join(filter(None, [f"charged to {usage.account}" if usage.account else "", _entries(drawn)]))
        return node
    if drawn.amount != usage.cost:
        node.whole, node.whole_text = usage.cost, "All that this usage cost, of every lot"
    for feed in usage.goes_into:
        part = shared(usage.cost, share_from=feed.share_from, share_to=feed.share_to)
        lot = way.records.lots.get(feed.lot)
        if lot is None:
            node.children.append(Node("Into a lot further up", part, note="Followed on a page of its own"))
            continue
        into = _lot_node(lot, amount=part)
        into.label = f"Into {into.label[0].lower()}{into.label[1:]}"
        _explain_use(into, way, lot)
        node.children.append(into)
    return node


# -- Both --------------------------------------------------------------------------------------------
def _may_go_on(node: Node, way: _Way, lot: LotRecord) -> bool:
    """Whether what is below this lot is to be shown here; otherwise the node says where it is, or that it is a ring."""
    if lot.pk in way.above:
        node.is_ring = True
        node.note = "It goes into itself: this lot stands further up already"
        node.note_url = f"#{way.anchors}-{lot.pk}"
    elif lot.pk in way.shown:
        node.note, node.note_url = "Shown above", f"#{way.anchors}-{lot.pk}"
    elif len(way.above) >= DEPTH or not lot.is_read:
        node.note, node.note_url = "Goes on: explain this lot", lot.explain_url
    else:
        way.shown.add(lot.pk)
        node.anchor = f"{way.anchors}-{lot.pk}"
        return True
    return False


def _lot_node(lot: LotRecord, *, amount: Decimal, quantity: Decimal | None = None) -> Node:
    return Node(
        f"Lot {lot.number} of {lot.code}",
        amount,
        url=lot.url,
        text=lot.said,
        day=lot.day,
        quantity=lot.quantity if quantity is None else quantity,
        is_estimated=not lot.is_final,
    )


def _usage_node(usage: UsageRecord, *, amount: Decimal, quantity: Decimal | None = None) -> Node:
    return Node(
        f"Usage {usage.number} of {usage.code}",
        amount,
        url=usage.url,
        text=usage.said,
        day=usage.day,
        quantity=usage.quantity if quantity is None else quantity,
        is_estimated=bool(usage.unallocated),
    )


def _entries(drawn: Drawn) -> str:
    """How the amount came about, where it is more than one draw."""
    if not drawn.back and not drawn.corrected:
        return ""
    parts = [f"drawn {_money(drawn.drawn)}"] if drawn.drawn else []
    if drawn.back:
        parts.append(f"given back {_money(drawn.back)}")
    if drawn.corrected:
        parts.append(f"corrected later {_money(drawn.corrected)}")
    return ", ".join(parts)


def _say_more(node: Node, left: "tuple[int, Decimal, Decimal]", noun: str, url: str) -> None:
    count, quantity, amount = left
    if count:
        label = f"{count:,} more {noun}{'' if count == 1 else 's'}"
        node.children.append(Node(label, amount, url=url, quantity=quantity))


def _sum(nodes: Sequence[Node]) -> Decimal:
    return sum((node.amount for node in nodes), ZERO)


def _money(amount: Decimal) -> str:
    return money.money_text(amount)


def _number(quantity: Decimal) -> str:
    return money.quantity_text(quantity)


def _cost(unit_cost: Decimal) -> str:
    return money.unit_cost_text(unit_cost)


def every_node(node: Node) -> Iterable[Node]:
    """The node and all below it."""
    yield node
    for child in node.children:
        yield from every_node(child)
