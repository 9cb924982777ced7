"""Why usage of a code is open, as far as the records tell: the strongest cause first, each with its evidence.

One row per cost pool with open usage: a code, or a code in one office where offices are apart. The list reads what the
pools keep and asks a few questions of their open rows along an index; the evidence for a page of codes costs a constant
number of queries. A cause is a condition of the database, said once, so that what a list is filtered by and what a page
says can never differ.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Self

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    TextChoices,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Greatest, Round

from inventory_site.fields import MONEY_PLACES, MoneyField, QuantityField
from inventory_site.money import quantity_text
from lots.models import CostPool, InventoryLot, LotCostEvent, PostingStatus, Preference
from lots.services import source_kind_of
from reconciliation.diagnosis_samples import Sample, samples_of
from usage.adjustment_costs import EXACT, held_cost, newest_lot_cost
from usage.adjustment_querysets import adjustments
from usage.models import AdjustmentLine, InventoryUsage, OpenUsage
from usage.shapes import Form, form_of


class Cause(TextChoices):
    """What a person would say, in the order in which it is believed."""

    SET_ASIDE = "SET_ASIDE", "A run gave up on it"
    LATE_RECEIPT = "LATE_RECEIPT", "Receipt entered after the use"
    WAITING = "WAITING", "Waiting for a run"
    VOIDED = "VOIDED", "Void, cancels out"
    RESTRICTED = "RESTRICTED", "Tied to lots that cannot serve it"
    NEVER_RECEIVED = "NEVER_RECEIVED", "Used before anything was received"
    COUNTED_UP = "COUNTED_UP", "Counted up, but never received"
    RETURNED = "RETURNED", "Came back, but never received"
    NO_LOT = "NO_LOT", "Cancels out, but no lot to pass through"
    BEYOND_ORDER = "BEYOND_ORDER", "Shipped beyond its purchase order"
    USED_UP = "USED_UP", "More used than received"
    NOTHING_USED = "NOTHING_USED", "More came back than was used"
    UNKNOWN = "UNKNOWN", "Not told by the records"


COUNT_KIND: Final = "INVTRYADJ"
_CURED_BY_WHAT_IS_DUE: Final = (Cause.NEVER_RECEIVED, Cause.USED_UP)

_open = OpenUsage.objects.filter(pool=OuterRef("pk"))
# A receipt with an earlier date than the use, entered later: the run that comes next will find it.
_late_receipt = LotCostEvent.objects.filter(
    lot__pool=OuterRef("pk"), quantity__gt=0, at__lte=OuterRef("newest"), recorded_at__gt=OuterRef("oldest")
).exclude(kind__in=[LotCostEvent.Kind.OPENING, LotCostEvent.Kind.ADJUSTMENT])
_of_order = InventoryUsage.objects.alias(place=Coalesce("office", Value(0))).filter(
    code=OuterRef("usage__code"),
    order=OuterRef("usage__order"),
    # A pool without an office is the code's, whatever office used it.
    place=Coalesce(OuterRef("pool__office"), F("place")),
)
_for_order = InventoryLot.objects.filter(pool=OuterRef("pool"), parent_order=OuterRef("usage__order"))
_beyond = (
    _open.filter(quantity_unallocated__gt=0)
    .exclude(usage__order="")
    .filter(Exists(_for_order))
    .alias(
        order_used=Subquery(_of_order.order_by().values("order").annotate(sum=Sum("quantity")).values("sum")),
        order_received=Subquery(
            _for_order.order_by().values("parent_order").annotate(sum=Sum("quantity_received")).values("sum")
        ),
    )
    .filter(order_used__gt=F("order_received"))
)
# A count up is a return that returns no usage; what a void takes back names the usage.
_counted = _open.filter(quantity_unallocated__lt=0, original__isnull=True, usage__source_kind=COUNT_KIND)
# What a void took back of usage that is as open as it: the document's own number tells it from a customer's return.
_void_pairs = _open.filter(
    Exists(
        OpenUsage.objects.alias(opposite=Value(0) - F("quantity_unallocated")).filter(
            usage=OuterRef("original"),
            opposite=OuterRef("quantity_unallocated"),
            usage__source_number=OuterRef("usage__source_number"),
        )
    ),
    original__isnull=False,
)
_void_usages = Value(2) * Subquery(_void_pairs.order_by().values("pool").annotate(n=Count("pk")).values("n"))
_no_lot = Q(quantity_received=0)
# As `suggesting.cost_of`: the estimate, or else what a unit of the newest lot cost.
_newest = Coalesce(newest_lot_cost("code"), Value(0), output_field=EXACT)
_unit_cost = Case(When(code__est_unit_cost__gt=0, then=F("code__est_unit_cost")), default=_newest, output_field=EXACT)
# The adjustment that `suggesting` proposes for what is open, as `adjustment_amount` counts it: one line of the net, or
# two of the larger side, of which the write-off is taken to cost what lots hold.
_proposed = Case(
    When(open_unallocated__gt=0, then=F("open_unallocated") * F("unit_cost")),
    When(code__est_unit_cost__gt=0, then=F("larger_side") * F("unit_cost")),
    default=F("larger_side") * Greatest(F("unit_cost"), Coalesce(held_cost("code"), Value(0), output_field=EXACT)),
    output_field=EXACT,
)
# What resolves it once it is posted: `suggesting.pending_cure`.
_pending_cures = (
    AdjustmentLine.objects.annotate(place=Coalesce("adjustment__office", Value(0)))
    .filter(
        code=OuterRef("code"),
        adjustment__status=PostingStatus.PENDING,
        # A pool without an office is the code's, whatever the adjustment's office is.
        place=Coalesce(OuterRef("office"), F("place")),
    )
    .exclude(adjustment__preview_fingerprint="")
    .order_by("adjustment", "pk")
)

# Not asked before it is needed: a CASE stops at the first condition that holds.
_RULES: Final[tuple[tuple[Cause, Any], ...]] = (
    (Cause.SET_ASIDE, Q(is_set_aside=True)),
    (Cause.LATE_RECEIPT, Q(has_work=True, quantity_received__gt=F("quantity_used")) & Q(Exists(_late_receipt))),
    (Cause.WAITING, Q(has_work=True)),
    (Cause.VOIDED, Q(open_unallocated=0) & Q(open_count=_void_usages)),
    (Cause.RESTRICTED, Q(Exists(_open.filter(is_restricted=True)))),
    (Cause.NEVER_RECEIVED, _no_lot & Q(open_unallocated__gt=0)),
    (Cause.COUNTED_UP, _no_lot & Q(Exists(_counted))),
    (Cause.RETURNED, _no_lot & Q(open_unallocated__lt=0)),
    (Cause.NO_LOT, _no_lot & Q(open_unallocated=0)),
    (Cause.BEYOND_ORDER, Q(open_unallocated_positive__gt=0) & Q(Exists(_beyond))),
    (
        Cause.USED_UP,
        Q(open_unallocated_positive__gt=0, quantity_received__gt=0, quantity_used__gte=F("quantity_received")),
    ),
    (Cause.NOTHING_USED, Q(open_unallocated_negative__lt=0, quantity_received__gt=0, quantity_used__lte=0)),
)


class OpenPoolQuerySet(QuerySet[CostPool]):
    """Cost pools with open usage."""

    def for_list(self) -> Self:
        """Figures, form and strongest cause; the stake is what the larger side of it is worth.

        `proposed` is the amount of the adjustment that is proposed for what is open, as `adjustment_amount` says it.
        """
        quantity = QuantityField()
        moments = _open.order_by("used_at", "usage")
        return (
            self.select_related("code", "office")
            .annotate(
                oldest=Subquery(moments.values("used_at")[:1]),
                newest=Subquery(moments.reverse().values("used_at")[:1]),
                on_hand=ExpressionWrapper(
                    F("quantity_received") - F("quantity_used") - F("open_unallocated"), output_field=quantity
                ),
                larger_side=Greatest(
                    F("open_unallocated_positive"), Value(0) - F("open_unallocated_negative"), output_field=quantity
                ),
                unit_cost=_unit_cost,
                stake=ExpressionWrapper(F("larger_side") * F("unit_cost"), output_field=MoneyField()),
                proposed=Round(_proposed, MONEY_PLACES, output_field=MoneyField()),
                form=Case(
                    When(open_unallocated__gt=0, then=Value(Form.NET_POSITIVE.name)),
                    When(open_unallocated__lt=0, then=Value(Form.NET_NEGATIVE.name)),
                    default=Value(Form.NET_ZERO.name),
                    output_field=CharField(),
                ),
                approve_above=Subquery(Preference.objects.filter(pk=1).values("approve_above")),
                pending_cure=Subquery(_pending_cures.values("adjustment")[:1]),
                pending_number=Subquery(_pending_cures.values("adjustment__number")[:1]),
            )
            .annotate(
                pending_awaits_approval=Exists(
                    adjustments().for_list().needing_approval().filter(pk=OuterRef("pending_cure"))
                )
            )
            .annotate(
                cause=Case(
                    *(When(condition, then=Value(cause.value)) for cause, condition in _RULES),
                    default=Value(Cause.UNKNOWN.value),
                    output_field=CharField(),
                )
            )
        )

    def with_all_causes(self) -> Self:
        """Each cause as a flag of its own, `is_used_up` and so on: for a page of them, not for the whole list."""
        flags = {
            f"is_{cause.value.lower()}_so": Case(
                When(condition, then=Value(True)), default=Value(False), output_field=BooleanField()
            )
            for cause, condition in _RULES
        }
        return self.annotate(**flags)


def open_pools() -> OpenPoolQuerySet:
    return OpenPoolQuerySet(CostPool).filter(open_count__gt=0)


@dataclass(frozen=True)
class Evidence:
    """A record that shows it; the address is empty where there is no page."""

    text: str
    url: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Finding:
    """One cause, in a sentence with figures."""

    cause: Cause
    sentence: str
    evidence: tuple[Evidence, ...] = ()

    @property
    def label(self) -> str:
        return str(self.cause.label)


@dataclass(frozen=True)
class Diagnosis:
    """What is open of one pool and why, the strongest cause first."""

    pool: CostPool
    form: Form
    net: Decimal
    positive: Decimal
    negative: Decimal
    on_hand: Decimal
    oldest: datetime | None
    stake: Decimal
    findings: tuple[Finding, ...]
    # The document whose goods cure it when they come, where the first finding says so.
    due_from: str = ""

    @property
    def due_action(self) -> str:
        """What to do before any adjustment, or ""."""
        if not self.due_from:
            return ""
        return f"{'Produce in' if source_kind_of(self.due_from) == 'JOB' else 'Receive'} {self.due_from}"

    @property
    def cause(self) -> Cause:
        return self.findings[0].cause

    @property
    def sentence(self) -> str:
        return self.findings[0].sentence


def diagnose(pool_ids: Collection[int]) -> dict[int, Diagnosis]:
    """Say what is wrong with these pools; those without open usage are left out. Five queries, however many."""
    rows: list[Any] = list(open_pools().filter(pk__in=pool_ids).for_list().with_all_causes())
    samples = samples_of([row.pk for row in rows])
    return {row.pk: _diagnosis(row, samples.get(row.pk, {})) for row in rows}


def diagnose_pool(pool: CostPool) -> Diagnosis | None:
    """The same of one pool."""
    return diagnose([pool.pk]).get(pool.pk)


def _diagnosis(row: Any, samples: Mapping[str, Any]) -> Diagnosis:
    causes = [cause for cause, _ in _RULES if getattr(row, f"is_{cause.value.lower()}_so")] or [Cause.UNKNOWN]
    if Cause.LATE_RECEIPT in causes:
        causes.remove(Cause.WAITING)  # which it says better
    return Diagnosis(
        pool=row,
        form=form_of(row.open_unallocated),
        net=row.open_unallocated,
        positive=row.open_unallocated_positive,
        negative=row.open_unallocated_negative,
        on_hand=row.on_hand,
        oldest=row.oldest,
        stake=row.stake,
        findings=tuple(_finding(cause, row, samples) for cause in causes),
        due_from=samples["due"].source if "due" in samples and causes[0] in _CURED_BY_WHAT_IS_DUE else "",
    )


# -- Evidence ----------------------------------------------------------------------------------------
def _finding(cause: Cause, row: Any, samples: Mapping[str, Sample]) -> Finding:
    sentence, named = _SENTENCES[cause](row, samples)
    evidence = tuple(_evidence(what, samples[what]) for what in named if what in samples)
    return Finding(cause, sentence, evidence)


def _evidence(what: str, sample: Sample) -> Evidence:
    if what == "late":
        return Evidence(sample.number, InventoryLot(pk=sample.pk).get_absolute_url(), "lot")
    return Evidence(sample.number, InventoryUsage(pk=sample.pk).get_absolute_url(), "usage")


def _q(quantity: Decimal) -> str:
    return quantity_text(quantity)


def _first(samples: Mapping[str, Sample], what: str, words: str) -> str:
    sample = samples.get(what)
    return f" {words} on {sample.day} ({sample.where})." if sample else ""


def _still_due(samples: Mapping[str, Sample]) -> str:
    """What is on order cures usage when it comes; an adjustment would count it twice."""
    due = samples.get("due")
    if due is None:
        return ""
    more = int(due.number) - 1
    of = f"{due.source} and {more} more" if more else due.source
    return f" {_q(due.quantity)} are still due ({of}): what comes of them serves it without an adjustment."


_Said = tuple[str, Sequence[str]]


def _set_aside(row: Any, samples: Mapping[str, Sample]) -> _Said:
    return "A run could not reconcile this code and set it aside; its last run says why. Nothing was lost.", ("used",)


def _late(row: Any, samples: Mapping[str, Sample]) -> _Said:
    late = samples.get("late")
    lot = f"Lot {late.number} of {late.day} was only entered on {late.other}" if late else "A receipt was entered"
    return f"{lot}, after goods had been used: the next run finds it.", ("late", "used")


def _waiting(row: Any, samples: Mapping[str, Sample]) -> _Said:
    said = "Something was posted since the last run, so what is open may close by itself: reconcile first."
    return said, ("used", "back")


def _restricted(row: Any, samples: Mapping[str, Sample]) -> _Said:
    tied = samples.get("tied")
    if tied is None:
        return "Usage is tied to lots that cannot serve it.", ()
    what = "there is nothing left on it" if tied.quantity > 0 else "nothing of it is used, so nothing can go back"
    return (
        f"Usage {tied.number} ({_q(tied.quantity)}) may touch only lot {tied.other}, and {what}. A new lot cannot help:"
        " let it use any lot, or give its own lot what it lacks.",
        ("tied",),
    )


def _never_received(row: Any, samples: Mapping[str, Sample]) -> _Said:
    first = _first(samples, "used", "The first use was")
    said = f"{_q(row.open_unallocated_positive)} were used, but no lot of this code ever received anything.{first}"
    return said + _still_due(samples), ("used",)


def _counted_up(row: Any, samples: Mapping[str, Sample]) -> _Said:
    counted = samples.get("counted")
    more = int(counted.other) - 1 if counted else 0
    by = f" by {counted.where} on {counted.day}{f' and {more} more' if more else ''}" if counted else ""
    quantity = -counted.quantity if counted else -row.open_unallocated_negative
    was = "was" if quantity == 1 else "were"
    return (
        f"{_q(quantity)} {was} counted up{by}, but no lot of this code ever received anything: a"
        " count-up goes back to lots, it does not make any. A Beginning Balance was meant.",
        ("counted", "used"),
    )


def _voided(row: Any, samples: Mapping[str, Sample]) -> _Said:
    void = samples.get("void")
    more = int(void.other) - 1 if void else 0
    what = f" of {void.where} on {void.day}{f' and {more} more' if more else ''}" if void else ""
    quantity = _q(row.open_unallocated_positive)
    return (
        f"{quantity} used and {quantity} taken back by the void{what} cancel out, and no lot could serve either."
        " Nothing is missing: both close with the first lot they can pass through.",
        ("used", "back"),
    )


def _returned(row: Any, samples: Mapping[str, Sample]) -> _Said:
    first = _first(samples, "back", "It came back first")
    said = f"{_q(-row.open_unallocated_negative)} came back, but no lot of this code ever received anything.{first}"
    return said, ("back",)


def _no_lot_to_pass(row: Any, samples: Mapping[str, Sample]) -> _Said:
    return (
        f"{_q(row.open_unallocated_positive)} used and {_q(-row.open_unallocated_negative)} returned cancel out, but"
        " there is no lot that they could pass through.",
        ("used", "back"),
    )


def _beyond_order(row: Any, samples: Mapping[str, Sample]) -> _Said:
    beyond = samples.get("beyond")
    order = (
        f"Order {beyond.other} shipped more than the {_q(beyond.quantity)} received for it" if beyond else "An order"
    )
    return f"{order}: the rest of its purchase order is missing, or was shipped twice.", ("beyond",)


def _used_up(row: Any, samples: Mapping[str, Sample]) -> _Said:
    return (
        f"All {_q(row.quantity_received)} that were ever received are used up, and {_q(row.open_unallocated_positive)}"
        f" more were used.{_first(samples, 'used', 'That began')}{_still_due(samples)}",
        ("used",),
    )


def _nothing_used(row: Any, samples: Mapping[str, Sample]) -> _Said:
    return (
        f"{_q(-row.open_unallocated_negative)} more came back than lots have out: nothing of the"
        f" {_q(row.quantity_received)} received is used any more.{_first(samples, 'back', 'The first came back')}",
        ("back",),
    )


def _unknown(row: Any, samples: Mapping[str, Sample]) -> _Said:
    return "The records do not tell why this is open.", ("used", "back")


_SENTENCES: Final[Mapping[Cause, Any]] = {
    Cause.SET_ASIDE: _set_aside,
    Cause.LATE_RECEIPT: _late,
    Cause.WAITING: _waiting,
    Cause.VOIDED: _voided,
    Cause.RESTRICTED: _restricted,
    Cause.NEVER_RECEIVED: _never_received,
    Cause.COUNTED_UP: _counted_up,
    Cause.RETURNED: _returned,
    Cause.NO_LOT: _no_lot_to_pass,
    Cause.BEYOND_ORDER: _beyond_order,
    Cause.USED_UP: _used_up,
    Cause.NOTHING_USED: _nothing_used,
    Cause.UNKNOWN: _unknown,
}
