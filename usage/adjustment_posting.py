"""What posting each kind of line makes, and how it is undone. The verbs in `adjusting` hold the locks and looked."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import NamedTuple

from django.core.exceptions import ValidationError

from inventory_site.document_forms import LineError
from inventory_site.money import to_cents
from inventory_site.numbering import next_numbers
from lots.accounts import default_account
from lots.ledger import post_movement
from lots.models import (
    Account,
    InventoryLot,
    InventoryTransaction,
    LotCostEvent,
    LotType,
    Office,
)
from lots.services import lot_change, lot_open, lot_record, source_kind_of
from usage.adjustment_costs import unit_costs
from usage.adjustment_lines import ZERO, Role, Type, posting_order, serial_numbers, shares_of
from usage.adjustment_stock import lots_of_manufacturer_lot
from usage.feeding import lot_feed
from usage.models import AdjustmentLine, AdjustmentRecord, InventoryAdjustment, InventoryUsage
from usage.services import usage_record
from usage.transfer_stock import TransferStock
from usage.unit_names import Part
from usage.units import parts_by_lot

Kind = LotCostEvent.Kind


class Made(NamedTuple):
    """What was made, for people."""

    usages: int
    lots: int

    def __str__(self) -> str:
        counts = ((self.usages, "usage"), (self.lots, "lot"))
        parts = [f"{count} {noun}{'s' if count != 1 else ''}" for count, noun in counts if count]
        return f"Made {' and '.join(parts)}" if parts else "Made no usage and no lots"


def quantity_used(adjustment: InventoryAdjustment, line: AdjustmentLine) -> Decimal:
    """The usage that the line makes: positive is consumed, negative a return, 0 none at all."""
    kind = adjustment.adjustment_type
    if kind == Type.TRANSFER:
        return line.quantity if adjustment.to_office_id is not None else ZERO
    if kind == Type.LOSS or line.role == Role.COMPONENT:
        return line.quantity
    if line.role == Role.PRODUCT or (kind == Type.BEGINNING_BALANCE and line.quantity > 0):
        return ZERO
    return -line.quantity


def makes_lot(adjustment: InventoryAdjustment, line: AdjustmentLine) -> bool:
    kind = adjustment.adjustment_type
    if kind == Type.TRANSFER:
        return adjustment.to_office_id is not None
    if kind == Type.BEGINNING_BALANCE:
        return line.quantity > 0 and line.into_lot is None
    return line.role == Role.PRODUCT


def account_charged(adjustment: InventoryAdjustment) -> Account:
    """The other side of the value: the adjustment's own account, or the default of its type."""
    kind = adjustment.adjustment_type
    if kind in {Type.COUNT, Type.LOSS}:
        return adjustment.account or default_account("adjustment")
    if kind == Type.BEGINNING_BALANCE:
        return adjustment.account or default_account("opening")
    return default_account("in_process")


def post_lines(adjustment: InventoryAdjustment, lines: Sequence[AdjustmentLine], *, is_split: bool) -> Made:
    """Post every line; the caller holds the locks of all pools. `is_split`: each office has pools of its own."""
    posting = _Posting(adjustment, lines, is_split=is_split)
    for line in lines:
        line.posted_unit_cost = posting.unit_costs[line.position]
    AdjustmentLine.objects.bulk_update(lines, ["posted_unit_cost"], batch_size=500)
    if adjustment.adjustment_type in {Type.ASSEMBLY, Type.DIVISION}:
        posting.build()
    else:
        for index, line in posting_order(adjustment.adjustment_type, lines):
            with about_line(index):
                posting.post(line)
    return posting.made


@contextmanager
def about_line(index: int) -> Iterator[None]:
    """Whatever is refused inside concerns this line."""
    try:
        yield
    except LineError:
        raise
    except ValidationError as refusal:
        raise LineError(index, " ".join(refusal.messages)) from refusal


def parts_of_line(
    line: AdjustmentLine,
    quantity: Decimal,
    *,
    office: Office | None,
    is_split: bool,
) -> list[Part]:
    """The usages that `quantity` of a line becomes, and the lots that they may touch where units are tracked."""
    if quantity == 0:
        return []
    lots: Sequence[InventoryLot] = ()
    if line.manufacturer_lot:
        lots = lots_of_manufacturer_lot(code=line.code, name=line.manufacturer_lot, office=office, is_split=is_split)
    return parts_by_lot(
        line.code,
        quantity,
        serials=serial_numbers(line.serials),
        office=office,
        is_split=is_split,
        otherwise=lots,
    )


class _Posting:
    def __init__(self, adjustment: InventoryAdjustment, lines: Sequence[AdjustmentLine], *, is_split: bool) -> None:
        self.adjustment, self.lines, self.is_split = adjustment, lines, is_split
        self.account = account_charged(adjustment)
        self.stock = TransferStock(office=adjustment.office, is_split=is_split)
        # Before anything is posted: what one line brings in must not price the next.
        self.unit_costs = {line.position: unit.cost for line, unit in zip(lines, unit_costs(lines), strict=True)}
        self.parts: dict[int, list[Part]] = {}
        for index, line in enumerate(lines):
            with about_line(index):
                self.parts[line.position] = self.parts_of(line)
        usages = sum(len(parts) for parts in self.parts.values())
        self.made = Made(usages=usages, lots=sum(makes_lot(adjustment, line) for line in lines))
        # Numbers are counted under locks. Every document takes those of lots first and those of usage then: one that
        # did the reverse could wait for another that waits for it.
        self.lot_numbers = iter(next_numbers("lot", self.made.lots) if self.made.lots else ())
        self.usage_numbers = iter(next_numbers("usage", usages) if usages else ())

    def parts_of(self, line: AdjustmentLine) -> list[Part]:
        """One usage, or one for each lot that brought the serial numbers in: named units are drawn from their own.

        A transfer's are restricted to lots that are there, and raise ValidationError where those do not hold enough.
        """
        quantity = quantity_used(self.adjustment, line)
        parts = parts_of_line(line, quantity, office=self.adjustment.office, is_split=self.is_split)
        if self.adjustment.adjustment_type != Type.TRANSFER:
            return parts
        return [part._replace(only_lots=self.stocked(line, part)) for part in parts]

    def stocked(self, line: AdjustmentLine, part: Part) -> Sequence[InventoryLot]:
        named = part.only_lots if part.only_lots or line.manufacturer_lot else None
        return self.stock.take(code=line.code, quantity=part.quantity, named=named)

    def post(self, line: AdjustmentLine) -> None:
        kind = self.adjustment.adjustment_type
        if kind == Type.TRANSFER and self.adjustment.to_office_id is None:
            # Within an office only quantities move: bins have no costs.
            self.move(line, on_hand=-line.quantity)
            self.move(line, on_hand=line.quantity, bin=line.to_bin)
        elif kind == Type.TRANSFER:
            usages = self.use(line)
            lot = self.add_fed_lot(line, office=self.adjustment.to_office, lot_type=LotType.PURCHASE, bin=line.to_bin)
            for usage in usages:
                lot_feed(usage=usage, lot=lot)
        elif kind == Type.BEGINNING_BALANCE and line.quantity > 0:
            self.add_lot(line)
        else:
            self.use(line)

    # -- One line ------------------------------------------------------------------------------------
    def use(self, line: AdjustmentLine) -> list[InventoryUsage]:
        adjustment = self.adjustment
        usages = []
        for part in self.parts[line.position]:
            usage = usage_record(
                code=line.code,
                quantity=part.quantity,
                used_at=adjustment.adjusted_at,
                office=adjustment.office,
                number=str(next(self.usage_numbers)),
                source_number=adjustment.number,
                account=self.account,
                only_lots=part.only_lots,
                bin=line.bin,
                manufacturer_lot=line.manufacturer_lot,
                serials=part.serials,
            )
            AdjustmentRecord.objects.create(line=line, usage=usage, quantity=-part.quantity)
            usages.append(usage)
        return usages

    def add_lot(self, line: AdjustmentLine) -> None:
        adjustment = self.adjustment
        value = to_cents(line.quantity * self.unit_costs[line.position])
        if line.into_lot is None:
            lot = lot_record(
                code=line.code,
                quantity=line.quantity,
                value=value,
                received_at=adjustment.adjusted_at,
                office=adjustment.office,
                number=str(next(self.lot_numbers)),
                source_number=adjustment.number,
                kind=Kind.ADJUSTMENT,
                account=self.account,
                bin=line.bin,
                manufacturer_lot=line.manufacturer_lot,
                serials=tuple(serial_numbers(line.serials)),
            )
        else:
            lot = line.into_lot
            lot_change(
                lot=lot,
                at=adjustment.adjusted_at,
                kind=Kind.ADJUSTMENT,
                source_number=adjustment.number,
                quantity=line.quantity,
                value=value,
                value_other=value,
                account=self.account,
            )
            self.move(line, on_hand=line.quantity, lot=lot)
        AdjustmentRecord.objects.create(line=line, lot=lot, quantity=line.quantity, value=value)

    def add_fed_lot(self, line: AdjustmentLine, *, office: Office | None, lot_type: str, bin: str) -> InventoryLot:
        """A lot of `line.quantity` whose value comes from the usage that feeds it."""
        adjustment = self.adjustment
        lot = lot_open(
            code=line.code,
            quantity_ordered=line.quantity,
            office=office,
            number=str(next(self.lot_numbers)),
            source_number=adjustment.number,
            lot_type=lot_type,
            is_complete=True,
            is_fed=True,
        )
        lot_change(
            lot=lot,
            at=adjustment.adjusted_at,
            kind=Kind.ADJUSTMENT,
            source_number=adjustment.number,
            quantity=line.quantity,
        )
        self.move(line, on_hand=line.quantity, lot=lot, office=office, bin=bin)
        AdjustmentRecord.objects.create(line=line, lot=lot, quantity=line.quantity)
        return lot

    def move(
        self,
        line: AdjustmentLine,
        *,
        on_hand: Decimal,
        lot: InventoryLot | None = None,
        office: Office | None = None,
        bin: str | None = None,
    ) -> InventoryTransaction:
        adjustment = self.adjustment
        return post_movement(
            code=line.code,
            office=office or adjustment.office,
            at=adjustment.adjusted_at,
            source_kind=source_kind_of(adjustment.number),
            source_number=adjustment.number,
            lot=lot,
            on_hand=on_hand,
            bin=line.bin if bin is None else bin,
            manufacturer_lot=line.manufacturer_lot,
            serials=serial_numbers(line.serials),
        )

    # -- Types ---------------------------------------------------------------------------------------
    def build(self) -> None:
        """Assembly and division: components are used up, in process, and feed the products in shares of the whole."""
        components = [(index, line) for index, line in enumerate(self.lines) if line.role == Role.COMPONENT]
        products = [(index, line) for index, line in enumerate(self.lines) if line.role == Role.PRODUCT]
        usages: list[InventoryUsage] = []
        lots: list[InventoryLot] = []
        for index, line in components:
            with about_line(index):
                usages += self.use(line)
        for index, line in products:
            with about_line(index):
                lots.append(
                    self.add_fed_lot(line, office=self.adjustment.office, lot_type=LotType.PRODUCTION, bin=line.bin)
                )
        if self.adjustment.adjustment_type == Type.ASSEMBLY:
            for usage in usages:
                lot_feed(usage=usage, lot=lots[0])
            return
        share_from = 0
        shares = shares_of([line for _, line in products])
        for (_, line), lot, share in zip(products, lots, shares, strict=True):
            line.share = share
            line.save(update_fields=["share"])
            for usage in usages:
                lot_feed(usage=usage, lot=lot, share_from=share_from, share_to=share_from + share)
            share_from += share
