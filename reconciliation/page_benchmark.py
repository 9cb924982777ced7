"""Measures the pages over the records that are there, at the server, by GET requests alone: nothing of them is changed.

The user who asks, and all that signing in writes, are undone at the end. Each page is asked for once to warm up, then
so many times; the yardstick is one read by primary key in the database.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.db.models import Sum
from django.http import HttpResponse, HttpResponseBase
from django.test import Client
from django.test.utils import override_settings
from django.utils import timezone

from lots.models import CostPool, InventoryLot, InventoryTransaction, LineItemCode
from reconciliation.journal_querysets import within_period
from reconciliation.models import CogsAllocation, JournalEntry, JournalLine, JournalMonth, ReconciliationRun
from usage.models import InventoryUsage

VIEWS = 10
# Beyond this many milliseconds people notice that they wait.
SLOW = 300


class PageFigures(NamedTuple):
    """How long a page took at the server, in milliseconds, over so many requests."""

    name: str
    address: str
    statements: int
    median: float
    p95: float

    @property
    def is_slow(self) -> bool:
        return self.p95 > SLOW


def measure_pages(*, views: int = VIEWS, only: str = "", tell: Callable[[PageFigures], object]) -> float:
    """Ask for every page with `only` in its name, tell its figures, and return the yardstick in milliseconds."""
    # The pages name their style sheets; that they were collected is no matter of this measurement.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    storages = {**settings.STORAGES, "staticfiles": plain}
    with override_settings(STORAGES=storages), transaction.atomic():
        user = User.objects.create_user("bench-pages")
        user.groups.add(*Group.objects.filter(name="administrator"))
        client = Client(SERVER_NAME="localhost")
        client.force_login(user)
        for name, address, is_part in pages():
            if only in name:
                tell(_page(client, name, address, views=views, is_part=is_part))
        yardstick = _primary_key_read()
        transaction.set_rollback(True)
    return yardstick


def _page(client: Client, name: str, address: str, *, views: int, is_part: bool) -> PageFigures:
    headers = {"HX-Request": "true"} if is_part else {}
    statements = 0

    def count(execute: Any, *arguments: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(*arguments)

    def view() -> None:
        _read(client.get(address, headers=headers), address)

    with connection.execute_wrapper(count):
        view()
    seconds = sorted(_timed(view) for _ in range(views))
    p95 = seconds[min(views - 1, round(views * 0.95))]
    return PageFigures(name, address, statements, statistics.median(seconds) * 1_000, p95 * 1_000)


def _read(response: HttpResponseBase, address: str) -> None:
    if response.status_code != 200:
        raise ValueError(f"{address} answered {response.status_code}.")
    if not isinstance(response, HttpResponse):
        for _ in response:
            pass


def _timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _primary_key_read() -> float:
    key = InventoryUsage.objects.order_by("pk").values_list("pk", flat=True).first()
    with connection.cursor() as cursor:
        statement = "SELECT number FROM usage_inventoryusage WHERE id = %s"
        reads = [_timed(lambda: cursor.execute(statement, [key])) for _ in range(100)]
    return statistics.median(reads) * 1_000


def pages() -> Iterator[tuple[str, str, bool]]:
    """Name, address, and whether it is asked for as a part of a page. What is not there has no page."""
    yield from _reports()
    yield from _journal()
    yield from _lists()
    yield from _records()
    yield "export usage csv", "/inventory/usage/?export=csv", False
    yield "export journal csv", "/accounting/journal/?export=csv", False
    yield "export journal for other ledgers", "/accounting/journal/csv/", False
    yield "export lots csv", "/inventory/lots/?export=csv", False
    yield "export transactions csv", "/inventory/transactions/?export=csv", False


def _reports() -> Iterator[tuple[str, str, bool]]:
    yield "home", "/", False
    yield "home, books tile", "/accounting/books/", True
    line = _in_the_thick()
    month = f"{line.entry.date:%Y-%m}" if line else ""
    cogs = f"/accounting/cogs-by-month/?until={month}&months="
    yield "cogs by month", f"{cogs}12", False
    yield "cogs by month, 24 months", f"{cogs}24", False
    yield "cogs by month, last page", f"{cogs}24&page=9999", False
    yield "cogs by month, true-ups", f"{cogs}24&kind=TRUE_UP", False
    yield "cogs by month and order", f"{cogs}24&by=order", False
    yield "cogs by month and office", f"{cogs}24&by=office", False
    value = "/accounting/inventory-value/"
    yield "inventory value", value, False
    yield "inventory value, last page", f"{value}?page=9999", False
    if line is not None:
        yield "inventory value, past day", f"{value}?as_of={line.entry.date}", False
        known = timezone.localtime(line.entry.posted_at)
        yield "inventory value, two clocks", f"{value}?as_of={line.entry.date}&known_at={known:%Y-%m-%dT%H:%M}", False
    yield "accrued inventory", "/accounting/accrued-inventory/", False
    yield "lots at estimated cost", "/accounting/estimated-lots/", False
    yield "accounts", "/accounting/accounts/", False
    if line is not None:
        yield "account, of inventory", f"/accounting/accounts/{line.credit_account_id}/", False
        yield "account, of cost", f"/accounting/accounts/{line.debit_account_id}/", False
    yield "periods", "/accounting/periods/", False


def _journal() -> Iterator[tuple[str, str, bool]]:
    address = "/accounting/journal/"
    yield "journal", address, False
    yield "journal, last page", f"{address}?page=99999999", False
    yield "journal, middle page", f"{address}?page={JournalLine.objects.count() // 100 + 1}", False
    yield "journal by account", f"{address}?group=account", False
    yield "journal by entry", f"{address}?group=entry", False
    line = _in_the_thick()
    if line is None:
        return
    entry = line.entry
    month = f"{entry.date:%Y-%m}"
    filters = {
        "a month": f"period={month}",
        "a month, cost": f"period={month}&kind=COST&account_kind=COST_OF_SALES",
        "an account": f"account={line.credit_account.number}",
        "a code": f"code={line.code.code}",
        "a month and code": f"period={month}&code=%3D{line.code.code}",
        "a document": f"source_number=%3D{line.source_number}",
        "an order": f"order=%3D{line.order}",
        "a kind": "kind=TRUE_UP",
        "a run": f"run={entry.run_id}",
        "words": f"q={line.code.code}",
    }
    for name, query in filters.items():
        yield f"journal of {name}", f"{address}?{query}", False
        yield f"journal of {name}, totals", f"{address}?{query}&part=totals", True
    yield "journal of a month, last page", f"{address}?period={month}&page=9999999", False
    largest = JournalEntry.objects.order_by("pk").first()
    for kept in filter(None, (entry, largest)):
        yield f"journal entry {kept.pk}", f"/accounting/journal/{kept.pk}/", False


def _in_the_thick() -> JournalLine | None:
    """A line from the month that has the most of them."""
    months = JournalMonth.objects.order_by().values("period").annotate(all_lines=Sum("lines"))
    busiest = months.order_by("-all_lines").first()
    if busiest is None:
        return None
    lines = JournalLine.objects.filter(within_period(busiest["period"]), kind=JournalLine.Kind.COGS)
    return lines.select_related("code", "entry").order_by("-entry_id", "pk").first()


def _lists() -> Iterator[tuple[str, str, bool]]:
    usages = InventoryUsage.objects.select_related("code").order_by("pk")
    usage = next(iter(usages[usages.count() // 2 :][:1]), None)
    if usage is None:
        return
    month = f"{usage.used_at:%Y-%m}"
    code = f"code=%3D{usage.code.code}"
    days = f"{month}-01", f"{month}-28"
    common = {
        "": "",
        ", last page": "page=99999999",
        " by code": "group=code",
        " by code, last page": "group=code&page=99999999",
        " of a code": code,
        " of a document": f"source_number=%3D{usage.source_number}",
        " of documents": f"source_number={usage.source_number[:2]}",
        " of words": f"q={usage.code.code}",
        " of a common word": "q=a",
    }
    lists = {
        "usage": (
            "/inventory/usage/",
            {
                " of a month": f"used_at_after={days[0]}&used_at_before={days[1]}",
                " of a month, last page": f"used_at_after={days[0]}&used_at_before={days[1]}&page=99999",
                " open": "quick=open&group=code",
                " open, last page": "quick=open&group=code&page=99999",
                " closed": "quick=closed",
                " closed, last page": "quick=closed&page=99999999",
                " closed by code": "quick=closed&group=code",
                " returns": "quick=returns",
                " returns, last page": "quick=returns&page=99999999",
                " large": "quantity_min=100",
                " of an order": f"order=%3D{usage.order}",
                " by quantity": "sort=-quantity",
                " by cogs": "sort=-cogs",
                " of cogs": "cogs_min=1000",
                " net positive": "form=POSITIVE",
            },
        ),
        "lots": (
            "/inventory/lots/",
            {" open": "quick=open", " estimated": "quick=estimated", " of value": "value_current_min=100"},
        ),
        "transactions": (
            "/inventory/transactions/",
            {
                " of a month": f"at_after={days[0]}&at_before={days[1]}",
                " of a month, last page": f"at_after={days[0]}&at_before={days[1]}&page=99999",
                " large": "on_hand_min=100",
            },
        ),
    }
    for name, (address, more) in lists.items():
        for words, query in (common | more).items():
            yield f"{name}{words}", f"{address}?{query}", False
            if "page" not in words and "group" not in query:
                yield f"{name}{words}, totals", f"{address}?{query}&part=totals", True
    for name, address in {
        "codes": "/inventory/codes/",
        "entries": "/reconciliation/entries/",
        "runs": "/reconciliation/runs/",
        "resolve": "/reconciliation/resolve/",
        "adjustments": "/inventory/adjustments/",
        "purchase orders": "/inventory/purchase-orders/",
    }.items():
        yield name, address, False
        yield f"{name}, last page", f"{address}?page=99999999", False


def _records() -> Iterator[tuple[str, str, bool]]:
    busiest = CostPool.objects.order_by("-usage_count").first()
    usage = InventoryUsage.objects.order_by("-pk").first()
    if busiest is not None:
        yield "code, the busiest", f"/inventory/codes/{busiest.code_id}/", False
        lot = InventoryLot.objects.filter(pool=busiest).order_by("-quantity_used").first()
        if lot is not None:
            yield "lot, the largest of the busiest code", f"/inventory/lots/{lot.pk}/", False
            yield "explain that lot", f"/accounting/explain/lots/{lot.pk}/", False
        used = CogsAllocation.objects.filter(lot__pool=busiest).order_by("-quantity").first()
        if used is not None:
            yield "usage, the largest of the busiest code", f"/inventory/usage/{used.usage_id}/", False
            yield "explain that usage", f"/accounting/explain/usage/{used.usage_id}/", False
    if usage is not None:
        yield "usage, the newest", f"/inventory/usage/{usage.pk}/", False
        if usage.source_number:
            address = f"/inventory/usage/transaction-id/?id={usage.source_number}&records=all"
            yield "records of a document", address, False
    movement = InventoryTransaction.objects.order_by("-pk").first()
    if movement is not None:
        yield "transaction, the newest", f"/inventory/transactions/{movement.pk}/", False
    for run in ReconciliationRun.objects.order_by("-pools")[:1]:
        yield "run, the largest", f"/reconciliation/runs/{run.pk}/", False
        yield "run, its log", f"/reconciliation/runs/{run.pk}/log/", True
    open_pool = CostPool.objects.filter(open_count__gt=0).order_by("-open_count").first()
    code = open_pool.code_id if open_pool else LineItemCode.objects.values_list("pk", flat=True).first()
    if code is not None:
        yield "resolve a code", f"/reconciliation/resolve/{code}/", False
    yield "dry run", "/reconciliation/dry-run/", False
