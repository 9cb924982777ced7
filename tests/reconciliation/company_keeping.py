"""How the company of `company_model` keeps stock and books: adjustments, runs, accruals, months, preferences."""

from datetime import date
from decimal import Decimal

from lots.models import InventoryLot
from reconciliation.accruals import accrue_cogs
from reconciliation.periods import period_close, period_reopen
from reconciliation.preferences import preference_set
from tests.reconciliation.company_checks import books_of
from tests.reconciliation.company_model import (
    GOODS,
    PRODUCTS,
    SERIALIZED,
    ZERO,
    Company,
    Moves,
    Units,
    code_of,
    nothing,
)
from tests.reconciliation.records import run_now
from usage.adjusting import adjustment_post, adjustment_save, adjustment_void
from usage.models import InventoryAdjustment, InventoryUsage
from usage.services import est_unit_cost_set, restriction_release

KINDS = (
    "COUNT", "COUNT", "LOSS", "BEGINNING_BALANCE", "BEGINNING_BALANCE", "TRANSFER", "TRANSFER", "ASSEMBLY", "DIVISION",
)  # fmt: skip
PREFERENCES = {
    "cogs_method": ("FIFO", "LIFO"),
    "posting_date": ("EVENT", "RUN"),
    "accrue_cogs": ("on", "off"),
    "returns_reduce_orders": ("on", "off"),
    "prevent_inter_office": ("on", "off"),
}


# -- Adjusting -----------------------------------------------------------------------------------------
def adjust(company: Company) -> Moves:
    kind = company.random.choice(KINDS)
    offices = company.random.sample(company.offices, 2)
    office, to_office = offices if kind == "TRANSFER" else (offices[0], None)
    if kind == "TRANSFER" and company.perhaps(0.3):
        to_office = None  # from one bin to another
    adjusted_at = company.when()
    counts_now = kind == "COUNT" and office is None and adjusted_at == company.now and company.perhaps(0.5)
    lines, moves = _count_now(company) if counts_now else _lines(company, kind)
    adjustment = adjustment_save(
        adjustment=None, adjustment_type=kind, adjusted_at=adjusted_at, office=office, to_office=to_office,
        lines=lines, by=None, at=company.now,
    )  # fmt: skip
    adjustment_post(adjustment=adjustment, by=None, at=company.now)
    return [*moves, nothing]


Lines = list[dict[str, object]]


def _line(company: Company, name: str, change: Decimal, **more: object) -> "tuple[dict[str, object], Units]":
    """A line for a code, with the units that come in (above zero) or go out."""
    units = company.coming(name, change) if change > 0 else company.going(name, -change)
    return {"code": code_of(name), **units.fields(), **more}, units


def _count_now(company: Company) -> "tuple[Lines, Moves]":
    """Say how many there are: the difference from what there should be follows."""
    name, count = company.random.choice((*PRODUCTS, "OAK")), company.some(20)
    return [{"code": code_of(name), "count": count}], [company.add(name, count - company.on_hand[name])]


def _lines(company: Company, kind: str) -> "tuple[Lines, Moves]":
    first, second = company.random.sample((*GOODS, "TABLE"), 2)
    quantity = company.much(SERIALIZED if SERIALIZED in (first, second) else first, 8)
    if kind in {"ASSEMBLY", "DIVISION"}:
        # What is taken apart makes two things; their shares follow from estimates.
        names = (first, "TABLE" if first != "TABLE" else "SET", second)
        lines: Lines = []
        moves: Moves = []
        for name, role in zip(
            names, ("COMPONENT", "PRODUCT", "PRODUCT")[: 2 if kind == "ASSEMBLY" else 3], strict=False
        ):
            change = -quantity if role == "COMPONENT" else quantity
            line, units = _line(company, name, change, role=role, quantity=quantity)
            lines.append(line)
            moves.append(company.add(name, change, units))
        return lines, moves
    if kind == "COUNT":
        change = quantity * company.random.choice((-1, 1))
        line, units = _line(company, first, change, quantity=change)
        return [line], [company.add(first, change, units)]
    line, units = _line(company, first, -quantity, quantity=quantity)
    if kind == "LOSS":
        return [line], [company.add(first, -quantity, units)]
    if kind == "TRANSFER":
        return [{**line, "bin": "", "to_bin": "B2"}], []
    line, units = _line(company, first, quantity, quantity=quantity, unit_cost=company.some(900) / 100)
    if company.perhaps(0.3):
        # Into a lot that is there.
        line["into_lot"] = company.pick(
            InventoryLot.objects.filter(code__code=first, is_source_complete=True, is_fed=False).order_by("pk")
        )
    moves = [company.add(first, quantity, units)]
    if company.perhaps(0.5):
        return [line], moves
    off, gone = _line(company, first, -quantity, quantity=-quantity)
    return [line, off], [*moves, company.add(first, -quantity, gone)]


def void_adjustment(company: Company) -> Moves:
    adjustment = company.pick(InventoryAdjustment.objects.filter(status="POSTED").order_by("pk"))
    if adjustment is None:
        return []
    moves = company.undo(adjustment.number)
    adjustment_void(adjustment=adjustment, by=None, at=company.now)
    return [nothing, *moves]


def release(company: Company) -> Moves:
    """Let usage that may touch certain lots only touch any."""
    usage = company.pick(InventoryUsage.objects.filter(restrictions__isnull=False).order_by("pk").distinct())
    if usage is None:
        return []
    restriction_release(usage=usage, by=None, at=company.now)
    return [nothing]


# -- Keeping books -------------------------------------------------------------------------------------
def run(_company: Company) -> Moves:
    run_now()
    return [nothing]


def accrue(company: Company) -> Moves:
    accrue_cogs(now=company.now)
    return [nothing]


def close_month(company: Company) -> Moves:
    """From then on the month stays as it is."""
    month = _month(company)
    run_now()
    period_close(starts_on=month, by=None, now=company.now)
    said = books_of([month])[month]

    def move() -> None:
        company.closed[month] = said

    return [move]


def reopen_month(company: Company) -> Moves:
    month = _month(company)
    period_reopen(starts_on=month, by=None, now=company.now)
    return [lambda: company.closed.__delitem__(month)]


def _month(company: Company) -> date:
    return date(company.now.year, company.random.randrange(1, company.now.month + 1), 1)


def change_estimate(company: Company) -> Moves:
    name = company.random.choice((*GOODS, *PRODUCTS))
    est_unit_cost = company.some(900) / 100 if company.perhaps(0.8) else ZERO
    est_unit_cost_set(code=code_of(name), est_unit_cost=est_unit_cost, by=None, at=company.now)
    return [nothing]


def change_preference(company: Company) -> Moves:
    name = company.random.choice(list(PREFERENCES))
    value = company.random.choice(PREFERENCES[name])
    preference_set(name=name, value=value, by=None, now=company.now)

    def move() -> None:
        if name == "returns_reduce_orders":
            company.returns_reduce = value == "on"

    return [move]
