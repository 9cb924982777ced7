"""Every address that the site answers, from the resolver itself, and records to fill their places in with."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from inventory_site.models import NumberSequence, SentForm
from lots.models import (
    Account,
    CostPool,
    FiscalPeriod,
    InventoryTransaction,
    LineItemCode,
    LotCostEvent,
    LotCostToPost,
    Office,
    PeriodChange,
    Preference,
    PreferenceChange,
)
from reconciliation.models import (
    CogsAllocation,
    ImportFile,
    ImportJob,
    JournalEntry,
    JournalLine,
    LedgerCheck,
    ReconciliationRun,
    RunLogLine,
    RunPool,
)
from tests.factories import day, make_give_back_loop, make_lot, make_usage
from tests.lots.purchasing_records import purchasing_records
from tests.usage.adjustments import line, pending, posted
from tests.usage.jobs import add_cost, consume, make_job, produce
from tests.usage.order_records import line_of, make_order, make_shipment, ship
from usage.models import (
    AdjustmentLine,
    AdjustmentRecord,
    InventoryUsage,
    LotFeed,
    LotRecost,
    OpenUsage,
    RestrictionRelease,
    ShipmentUsage,
    UsageLotRestriction,
)
from usage.ordering import procure

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Address:
    """A named address, or an unnamed one called by its route."""

    name: str
    route: str
    parameters: tuple[str, ...]


def all_addresses() -> list[Address]:
    return sorted(set(_walk(get_resolver(), "", "")), key=lambda address: address.name)


def _walk(resolver: URLResolver, prefix: str, namespace: str) -> Iterator[Address]:
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from _walk(entry, route, inner)
        elif isinstance(entry, URLPattern):
            name = f"{namespace}{entry.name}" if entry.name else f"/{route}"
            yield Address(name, route, tuple(entry.pattern.regex.groupindex) or tuple(entry.pattern.converters))


class World:
    """One record of each kind, made once per test, and the address of every page about them."""

    def __init__(self) -> None:
        lot = make_give_back_loop()
        # Left as it is posted, so that there is open usage and work for a run.
        restricted = make_usage("Tech-003a", "1", on_day=5, only_lots=[lot])
        make_lot("WIRE", office="AI", source="PO-1")
        self.person = User.objects.get_or_create(username="somebody")[0]
        period = FiscalPeriod.objects.create(starts_on=date(2025, 1, 1), is_closed=True)
        job = ImportJob.objects.create(uploaded_by=self.person, uploaded_at=NOW, state="READY")
        posted("BEGINNING_BALANCE", line("WIRE", "1"))
        made = make_job()
        taken = consume(made, LEG="1")
        output = produce(made, "1")
        cost = add_cost(made, "5.00")
        self.records = {
            "inventoryadjustment": pending("LOSS", line("WIRE", "1")),
            "adjustmentline": AdjustmentLine.objects.order_by("pk")[0],
            "adjustmentrecord": AdjustmentRecord.objects.get(),
            "office": Office.objects.get(),
            "lineitemcode": LineItemCode.objects.get(code="Tech-003a"),
            "costpool": CostPool.objects.get(code__code="Tech-003a"),
            "inventorylot": lot,
            "inventorytransaction": InventoryTransaction.objects.order_by("pk")[0],
            "preference": Preference.current(),
            "preferencechange": PreferenceChange.objects.create(
                at=NOW, name="cogs_method", value_before="LIFO", value_after="FIFO"
            ),
            "inventoryusage": InventoryUsage.objects.order_by("pk")[0],
            **order_records(),
            **purchasing_records(),
            "openusage": OpenUsage.objects.get(usage=restricted),
            "usagelotrestriction": UsageLotRestriction.objects.get(),
            "reconciliationrun": ReconciliationRun.objects.order_by("-pk")[0],
            "runpool": RunPool.objects.order_by("-pk")[0],
            "runlogline": RunLogLine.objects.order_by("-pk")[0],
            "cogsallocation": CogsAllocation.objects.order_by("pk")[0],
            "journalentry": JournalEntry.objects.order_by("pk")[0],
            "journalline": JournalLine.objects.order_by("pk")[0],
            "lotcostevent": LotCostEvent.objects.order_by("pk")[0],
            "lotcosttopost": LotCostToPost.objects.order_by("pk")[0],
            "ledgercheck": LedgerCheck.objects.create(at=NOW, is_ok=True, seconds=Decimal("0.1"), results=[]),
            "importjob": job,
            "importfile": ImportFile.objects.create(job=job, kind="items", original_name="items.csv", size=10),
            "account": Account.objects.get(number="1200"),
            "fiscalperiod": period,
            "periodchange": PeriodChange.objects.create(period=period, at=NOW, is_closed=True),
            "numbersequence": NumberSequence.objects.get(kind="usage"),
            "sentform": SentForm.objects.create(token=UUID(int=1), made="SHIP-60000", url="/"),
            "job": made,
            "jobcomponent": made.components.order_by("pk")[0],
            "jobusage": taken[0].job_usage,
            "jobcost": cost,
            "joboutput": output,
            "lotfeed": LotFeed.objects.order_by("pk")[0],
            "lotrecost": LotRecost.objects.get_or_create(lot=lot)[0],
            "restrictionrelease": RestrictionRelease.objects.create(usage=restricted, at=NOW, reason="found"),
            "user": self.person,
            "group": Group.objects.get(name="viewer"),
        }

    def url(self, address: Address, record: str = "") -> str:
        """The address with its places filled in: `record` names the record of a page about one."""
        values: dict[str, object] = {
            "row": self.records["runpool"].pk,
            "kind": "items",
            "content_type_id": ContentType.objects.get_for_model(User).pk,
            "app_label": "lots",
            "url": "lots/nothing",
        }
        subject = self.records[record].pk if record else 1
        values |= {"pk": subject, "object_id": subject, "id": subject}
        if address.name.startswith("/"):
            route = address.route
            for name in address.parameters:
                route = _filled(route, name, str(values[name]))
            return f"/{route}".replace("^", "").replace("$", "")
        return reverse(address.name, kwargs={name: values[name] for name in address.parameters})


def order_records() -> dict[str, Any]:
    """An open order of which something is shipped, and a shipment that waits."""
    order = make_order(("WIRE", "10"))
    shipped = ship((line_of(order), "4"))
    special = make_order(("CLOCK", "1", "SPECIAL_ORDER"))
    procure(order_line=line_of(special, "CLOCK"), vendor="Acme", unit_cost=Decimal(5), by=None, at=day(1))
    bought = line_of(special, "CLOCK").purchases.get()
    return {
        "order": order,
        "orderline": line_of(order),
        "orderlinepurchase": bought,
        "shipment": make_shipment((line_of(order), "2")),
        "shipmentline": shipped.lines.get(),
        "shipmentusage": ShipmentUsage.objects.get(),
    }


def _filled(route: str, name: str, value: str) -> str:
    for shape in (f"<path:{name}>", f"<int:{name}>", f"<str:{name}>", f"<{name}>", f"(?P<{name}>.*)"):
        route = route.replace(shape, value)
    return route
