"""What can happen to the company of `company_model`, and how often: an event works the real verbs and returns how the
model moves. An event that moves nothing of the model returns `nothing`, one for which there is no occasion no moves.
"""

from collections.abc import Callable

from tests.reconciliation.company_buying import (
    bill,
    bill_all,
    bill_freight,
    buy,
    change_purchase_order,
    close_purchase_order,
    credit,
    receive,
    receive_all,
    reopen_purchase_order,
    send_back,
    void_bill,
    void_purchase_order,
    void_receipt,
)
from tests.reconciliation.company_keeping import (
    accrue,
    adjust,
    change_estimate,
    change_preference,
    close_month,
    release,
    reopen_month,
    run,
    void_adjustment,
)
from tests.reconciliation.company_making import (
    change_job,
    consume,
    end_job,
    job,
    produce,
    spend,
    sub_assembly_job,
    void_production,
)
from tests.reconciliation.company_model import Company, Moves
from tests.reconciliation.company_selling import (
    buy_for_order,
    change_order,
    end_order,
    make_for_order,
    order,
    ship,
    ship_all,
    take_back,
    void_shipment,
)

EVENTS: list[tuple[Callable[[Company], Moves], int]] = [
    (buy, 6), (receive, 10), (receive_all, 3), (void_receipt, 3), (send_back, 5), (bill, 6), (bill_all, 3),
    (bill_freight, 3), (credit, 3), (void_bill, 2), (close_purchase_order, 4), (reopen_purchase_order, 2),
    (void_purchase_order, 1), (change_purchase_order, 4),
    (order, 6), (change_order, 4), (buy_for_order, 3), (make_for_order, 2), (ship, 12), (ship_all, 3), (take_back, 5),
    (void_shipment, 3), (end_order, 3),
    (job, 4), (sub_assembly_job, 2), (change_job, 3), (produce, 6), (consume, 5), (spend, 3), (void_production, 2),
    (end_job, 3),
    (adjust, 12), (void_adjustment, 3), (release, 1), (run, 8), (accrue, 3), (close_month, 3), (reopen_month, 1),
    (change_estimate, 2), (change_preference, 3),
]  # fmt: skip

# Documents that stand on one another and little else: more of what comes of changes, voids and returns in odd orders.
SELLING: list[tuple[Callable[[Company], Moves], int]] = [
    (order, 2), (change_order, 8), (ship, 10), (take_back, 6), (void_shipment, 8), (end_order, 2), (adjust, 2),
    (change_preference, 1),
]  # fmt: skip
BUYING: list[tuple[Callable[[Company], Moves], int]] = [
    (buy, 3), (change_purchase_order, 8), (receive, 10), (receive_all, 1), (void_receipt, 8), (send_back, 8), (bill, 5),
    (credit, 3), (void_bill, 4), (close_purchase_order, 3), (reopen_purchase_order, 4), (adjust, 2), (ship, 3),
    (order, 1), (run, 2),
]  # fmt: skip
