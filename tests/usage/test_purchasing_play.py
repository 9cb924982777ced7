"""Random sequences of every purchasing event, with usage and runs in between: what holds after each step holds."""

import random
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db.models import Sum

from lots.invoicing import purchase_post, purchase_void
from lots.lot_costs import quantity_due, quantity_on_order, recost
from lots.models import (
    InventoryLot,
    InventoryTransaction,
    LotCostEvent,
    Purchase,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
)
from lots.purchasing import (
    purchase_order_close,
    purchase_order_reopen,
    purchase_order_save,
    purchase_order_void,
)
from lots.receiving import receipt_post, receipt_void, receive_everything
from tests.factories import day, make_code, make_usage, reconcile
from tests.lots.purchasing_stories import line_of, order_of, settle_books, write_bill, write_receipt
from usage.vendor_returns import vendor_return_post, vendor_return_void

pytestmark = pytest.mark.django_db

STEPS = 40
CODES = ("WIRE", "BOOK")


class Player:
    """Somebody who presses anything at any time. What is refused must leave no trace; the rest must add up."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311  (a test, not a secret)
        self.today = 2
        self.done: dict[str, int] = {}

    def quantity(self) -> str:
        return str(self.dice.choice(["1", "2", "3.5", "6", "10"]))

    def order(self) -> PurchaseOrder:
        """Mostly one that is open: most events are refused elsewhere."""
        orders = PurchaseOrder.objects.order_by("pk")
        is_open = list(orders.filter(status="OPEN")) if self.dice.random() < 0.8 else []
        return self.dice.choice(is_open or list(orders))

    def receipt(self, kind: str) -> Receipt:
        return self.dice.choice(list(Receipt.objects.filter(kind=kind).order_by("pk")))

    # -- Events
    def buy(self) -> None:
        order_of(
            *((code, self.quantity(), self.dice.choice(["1", "2.345", "10"])) for code in CODES), on_day=self.today
        )

    def change(self) -> None:
        order = self.order()
        purchase_order_save(
            purchase_order=order,
            vendor="Acme",
            office=None,
            ordered_on=order.ordered_on,
            reference="",
            lines=[
                {
                    "id": line.pk,
                    "code": line.code,
                    "quantity": Decimal(self.quantity()),
                    "unit_cost": line.unit_cost + 1,
                }
                for line in order.lines.select_related("code")
                if self.dice.random() < 0.9
            ]
            + [{"code": make_code("WIRE"), "quantity": Decimal(1), "unit_cost": Decimal(3)}] * self.dice.choice([0, 1]),
            by=None,
            at=day(self.today),
        )

    def receive(self) -> None:
        order = self.order()
        receipt = write_receipt(order, *(self.quantity() for _ in order.lines.all()), on_day=self.today)
        receipt_post(receipt=receipt, by=None, at=day(self.today), is_over_receipt_accepted=self.dice.random() < 0.8)

    def receive_rest(self) -> None:
        receive_everything(purchase_order=self.order(), received_at=day(self.today), by=None, at=day(self.today))

    def send_back(self) -> None:
        receipt = write_receipt(
            self.order(),
            self.quantity(),
            kind=Receipt.Kind.OUTGOING_RETURN,
            is_replacement_expected=self.dice.random() < 0.5,
            on_day=self.today,
        )
        vendor_return_post(receipt=receipt, by=None, at=day(self.today))

    def bill(self) -> None:
        order = self.order()
        sign = self.dice.choice(["", "", "-"])
        quantity = self.dice.choice(["0", "2", "6", "10"])
        value = "0" if quantity == "0" and sign == "" else f"{sign}{self.dice.choice(['7', '20.01', '99.99'])}"
        freight = "0" if sign else self.dice.choice(["0", "1.01"])
        purchase = write_bill(
            (line_of(order), f"{sign}{quantity}", value), (line_of(order, 2), "1", "2"), freight=freight,
            on_day=self.today,
        ) if not sign else write_bill((line_of(order), f"{sign}{quantity}", value), on_day=self.today)  # fmt: skip
        accepted = self.today % 4 > 0
        purchase_post(purchase=purchase, by=None, at=day(self.today), is_over_credit_accepted=accepted)

    def close(self) -> None:
        accepted = self.today % 2 == 0
        purchase_order_close(purchase_order=self.order(), by=None, at=day(self.today), is_unbilled_accepted=accepted)

    def reopen(self) -> None:
        purchase_order_reopen(purchase_order=self.order(), by=None, at=day(self.today))

    def void_order(self) -> None:
        purchase_order_void(purchase_order=self.order(), by=None, at=day(self.today))

    def void_receipt(self) -> None:
        receipt_void(receipt=self.receipt(Receipt.Kind.INCOMING), by=None, at=day(self.today))

    def void_return(self) -> None:
        vendor_return_void(receipt=self.receipt(Receipt.Kind.OUTGOING_RETURN), by=None, at=day(self.today))

    def void_bill(self) -> None:
        purchase = self.dice.choice(list(Purchase.objects.order_by("pk")))
        purchase_void(purchase=purchase, by=None, at=day(self.today))

    def use(self) -> None:
        make_usage(self.dice.choice(CODES), self.quantity(), on_day=self.today)

    def run(self) -> None:
        reconcile(now=day(self.today))

    def step(self) -> None:
        events: list[tuple[Callable[[], None], int]] = [
            (self.buy, 2), (self.change, 2), (self.receive, 7), (self.receive_rest, 2), (self.send_back, 4),
            (self.bill, 7), (self.close, 2), (self.reopen, 2), (self.void_order, 1), (self.void_receipt, 2),
            (self.void_return, 2), (self.void_bill, 2), (self.use, 3), (self.run, 3),
        ]  # fmt: skip
        event = self.dice.choices([event for event, _ in events], [weight for _, weight in events])[0]
        self.today += 1
        try:
            event()
        except (ValidationError, IndexError, PurchaseOrderLine.DoesNotExist):
            return  # refused, or there is no such document yet
        self.done[event.__name__] = self.done.get(event.__name__, 0) + 1


def what_does_not_add_up() -> list[str]:
    """On Order against what is due, lots against their events and against their documents, On Hand per lot."""
    wrong = []
    due = {
        line.lot_id: quantity_due(line) for line in PurchaseOrderLine.objects.select_related("lot", "purchase_order")
    }
    for lot in InventoryLot.objects.order_by("pk"):
        if quantity_on_order(lot) != due.get(lot.pk, 0):
            wrong.append(f"{lot}: on order {quantity_on_order(lot)}, due {due.get(lot.pk, 0)}")
        sums = lot.cost_events.aggregate(
            quantity=Sum("quantity", default=Decimal(0)), value=Sum("value", default=Decimal(0)),
            payable=Sum("value_payable", default=Decimal(0)), other=Sum("value_other", default=Decimal(0)),
        )  # fmt: skip
        stands = (lot.quantity_received, lot.value, lot.value_payable, lot.value_other)
        if tuple(sums.values()) != stands:
            wrong.append(f"{lot}: {stands}, events {sums}")
        order = PurchaseOrder.objects.get(number=lot.source_number)
        again = recost(
            lot, is_open=order.status == "OPEN", at=day(1), kind=LotCostEvent.Kind.PRICE, source_number="again"
        )
        if again is not None:
            wrong.append(
                f"{lot}: its documents say otherwise, by {again.value} {again.value_payable} {again.value_other}"
            )
        brought = InventoryTransaction.objects.filter(lot=lot).aggregate(sum=Sum("on_hand", default=Decimal(0)))["sum"]
        if brought != lot.quantity_received:
            wrong.append(f"{lot}: received {lot.quantity_received}, movements {brought}")
    return wrong


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.full) for seed in range(1, 20))])
def test_whatever_happens_in_whatever_order_it_adds_up(seed: int) -> None:
    player = Player(seed)
    player.buy()
    for _ in range(STEPS):
        player.step()
        assert what_does_not_add_up() == []
    settle_books()
    # It was a story, not a row of refusals.
    assert sum(player.done.get(event, 0) for event in ("receive", "receive_rest")) >= 2
    assert player.done.get("bill", 0) >= 2
    # Nothing can stay on order once everything is closed or void.
    for order in PurchaseOrder.objects.filter(status="OPEN").order_by("pk"):
        purchase_order_close(purchase_order=order, by=None, at=day(90), is_unbilled_accepted=True)
    for code in CODES:
        on_order = InventoryTransaction.objects.filter(code__code=code).aggregate(sum=Sum("on_order"))["sum"]
        assert on_order == 0
    # Closed lots owe nothing but credits that the vendor still has to give.
    for lot in InventoryLot.objects.filter(is_cost_final=True):
        assert lot.value_clearing <= 0
    settle_books()
