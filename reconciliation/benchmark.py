"""Measures the whole way of the goods in a scratch database of its own, as ratios against yardsticks of the same run.

Absolute times drift from machine to machine and with what else runs there; only the ratios are meant to be read.
Yardstick Y is the COPY of a run's allocation rows into a bare table without index or key.
"""

import contextlib
import csv
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import ProgrammingError, connection, connections
from django.test import Client
from django.test.utils import override_settings
from django.utils import timezone

from lots.models import LineItemCode
from reconciliation import requests, runner
from reconciliation.engine import CostMethod, Lot, Usage, reconcile
from reconciliation.importing.files import Source
from reconciliation.importing.importer import import_records
from reconciliation.models import ReconciliationRun
from reconciliation.verify import verify_ledger
from usage.services import usage_record

FIRST_MOMENT = datetime(2024, 1, 1, 8, tzinfo=UTC)
POSTINGS = 40
PAGE_VIEWS = 20
USAGE_COLUMNS = [
    "usage", "code", "office", "used_at", "quantity", "transaction_id", "order", "reference", "returns",
]  # fmt: skip

Figures = dict[str, Any]


@contextlib.contextmanager
def scratch_database() -> Iterator[str]:
    """Make a database for this benchmark alone, lead Django's connection to it, and drop it afterwards."""
    kept, name = str(connection.settings_dict["NAME"]), f"lotwise_bench_{os.getpid()}"
    with _maintenance(kept) as execute:
        execute(f"CREATE DATABASE {name}")
    try:
        _lead_to(name)
        call_command("migrate", verbosity=0, interactive=False)
        yield name
    finally:
        with _maintenance(kept) as execute:
            for left in (name, f"{name}_copy"):
                execute(f"DROP DATABASE IF EXISTS {left} WITH (FORCE)")


@contextlib.contextmanager
def _maintenance(kept: str) -> Iterator[Callable[[str], object]]:
    """Give a way to run statements that no transaction may surround, from a database that stays."""
    _lead_to(kept)
    with connection.cursor() as cursor:
        yield cursor.execute
    connections.close_all()


def _lead_to(name: str) -> None:
    connections.close_all()
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name


def _copy_database(name: str) -> None:
    """Set the state before the first run aside for the two workers."""
    with _maintenance("postgres") as execute:
        execute(f"CREATE DATABASE {name}_copy TEMPLATE {name}")
    _lead_to(name)


def _write_out() -> None:
    """Let the database write out what the import (and the copy) left: no part of the run that is measured next."""
    with connection.cursor() as cursor, contextlib.suppress(ProgrammingError):  # not everybody may
        cursor.execute("CHECKPOINT")


def measure(*, folder: Path, name: str, tell: Callable[[str], object]) -> Figures:
    """Import the three files in `folder`, reconcile, and measure what the goals speak of."""
    figures: Figures = {"machine": _machine()}
    tell("Importing ...")
    figures["import"] = _import(folder)
    _copy_database(name)
    _write_out()
    tell("First reconciliation ...")
    figures["first_run"] = _first_run()
    yardstick = figures["yardstick_seconds"] = _yardstick()
    figures["first_run"]["times_yardstick"] = round(figures["first_run"]["seconds"] / yardstick, 1)
    tell("An increment of one per cent ...")
    figures["increment"] = _increment(first_run=figures["first_run"])
    tell("Single postings ...")
    figures["posting"] = _postings()
    tell("The grouped list page ...")
    figures["page"] = _page()
    tell("A billion passes ...")
    figures["give_back_loop"] = _billion_passes()
    figures["ledger_ok"] = all(result.is_ok for result in verify_ledger())
    tell("The same first run with two workers, each a program of its own ...")
    figures["two_workers"] = _two_workers(f"{name}_copy", one_worker=figures["first_run"]["seconds"])
    return figures


def _machine() -> Figures:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        server = cursor.fetchone()[0]
    return {"cores": os.cpu_count(), "python": sys.version.split()[0], "postgresql": server}


def _timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _import(folder: Path) -> Figures:
    sources = {kind: Source.of_path(next(folder.glob(f"{kind}.csv*"))) for kind in ("items", "lots", "usage")}
    started = time.perf_counter()
    outcome = import_records(sources=sources)
    seconds = time.perf_counter() - started
    if outcome.problem_count:
        raise ValueError(f"The benchmark's own files were refused: {outcome.problems[0]}")
    usages = outcome.files["usage"].new
    return {"seconds": round(seconds, 2), "usages": usages, "usages_per_second": round(usages / seconds)}


def _run() -> tuple[ReconciliationRun, float]:
    run = requests.request_run(trigger=ReconciliationRun.Trigger.COMMAND, now=timezone.now())
    seconds = _timed(lambda: runner.work(run_id=run.pk))
    run.refresh_from_db()
    return run, seconds


def _first_run() -> Figures:
    run, seconds = _run()
    return {
        "run": run.pk,
        "seconds": round(seconds, 2),
        "usages": run.usages,
        "allocations": run.allocations,
        "passes": run.passes,
        "microseconds_per_usage": round(seconds * 1_000_000 / max(1, run.usages), 1),
    }


_ALLOCATIONS = "SELECT run_id, usage_id, lot_id, kind, quantity, amount FROM reconciliation_cogsallocation"


def _yardstick() -> float:
    """COPY the allocation rows, as text made beforehand, into a bare table; the median of three."""
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY ({_ALLOCATIONS}) TO STDOUT") as copy:
            blocks = [bytes(block) for block in copy]
        text = [b"".join(blocks[start : start + 2_000]) for start in range(0, len(blocks), 2_000)]
        cursor.execute(f"CREATE TABLE bench_yardstick AS {_ALLOCATIONS} WITH NO DATA")
        seconds = [_timed(lambda: _copy_in(text)) for _ in range(3)]
        cursor.execute("DROP TABLE bench_yardstick")
    return round(statistics.median(seconds), 3)


def _copy_in(text: list[bytes]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE bench_yardstick")
        with cursor.copy("COPY bench_yardstick FROM STDIN") as copy:
            for part in text:
                copy.write(part)


def _increment(*, first_run: Figures) -> Figures:
    """One per cent new usage in the history that is there; only the run is timed."""
    count = max(1, first_run["usages"] // 100)
    codes = list(LineItemCode.objects.order_by("pk").values_list("code", flat=True)[:count])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "usage.csv"
        rows = (
            [
                f"increment-{n}",
                codes[n % len(codes)],
                "",
                FIRST_MOMENT + timedelta(days=900, minutes=n),
                1,
                "",
                "",
                "",
                "",
            ]
            for n in range(count)
        )
        _write(path, USAGE_COLUMNS, rows)
        import_records(sources={"usage": Source.of_path(path)})
    run, seconds = _run()
    return {
        "usages": count,
        "seconds": round(seconds, 2),
        "percent_of_first_run": round(100 * seconds / first_run["seconds"], 1),
        "allocations": run.allocations,
    }


def _postings() -> Figures:
    """One usage posted and its pool reconciled, on the busiest code, against a bare one-row commit."""
    code = LineItemCode.objects.order_by("-pools__usage_count").first()
    assert code is not None  # noqa: S101  (the import made some)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_commit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n integer)")
        bare = [_timed(lambda: cursor.execute("INSERT INTO bench_commit (n) VALUES (1)")) for _ in range(POSTINGS)]

    def post() -> None:
        usage_record(code=code, quantity=Decimal(1), used_at=FIRST_MOMENT + timedelta(days=1_000))
        run = requests.request_run(trigger=ReconciliationRun.Trigger.POSTING, now=timezone.now(), codes=[code.code])
        runner.work(run_id=run.pk)

    posted = [_timed(post) for _ in range(POSTINGS)]
    return {
        "milliseconds": round(statistics.median(posted) * 1_000, 1),
        "bare_commit_milliseconds": round(statistics.median(bare) * 1_000, 2),
        "times_bare_commit": round(statistics.median(posted) / statistics.median(bare), 1),
    }


def _page() -> Figures:
    """Find Open Inventory Usage, grouped by Code, at the server, against one primary-key read in the database."""
    user = User.objects.create_user("bench")
    user.groups.add(*Group.objects.filter(name="administrator"))
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)

    def view() -> None:
        response = client.get("/inventory/usage/", {"quick": "open", "group": "code"})
        if response.status_code != 200:
            raise ValueError(f"The list page answered {response.status_code}.")

    # The page names its style sheets; that they were collected is no matter of this measurement.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}):
        view()
        views = sorted(_timed(view) for _ in range(PAGE_VIEWS))
    with connection.cursor() as cursor:
        reads = sorted(
            _timed(lambda: cursor.execute("SELECT number FROM usage_inventoryusage WHERE id = 1")) for _ in range(100)
        )
        cursor.execute("SELECT sum(open_count) FROM lots_costpool")
        open_rows = cursor.fetchone()[0]
    return {
        "open_usages": open_rows,
        "p95_milliseconds": round(views[int(PAGE_VIEWS * 0.95) - 1] * 1_000, 1),
        "primary_key_read_milliseconds": round(statistics.median(reads) * 1_000, 2),
    }


def _billion_passes() -> Figures:
    lot = Lot(1, (0, 1), 10_000, 10_000, 100)
    usages = [Usage(1, (0, 1), 10**13), Usage(2, (0, 2), -(10**13))]
    seconds = _timed(lambda: reconcile(lots=[lot], usages=usages, held={}, method=CostMethod.FIFO))
    plan = reconcile(lots=[lot], usages=usages, held={}, method=CostMethod.FIFO)
    return {"passes": plan.pass_count, "milliseconds": round(seconds * 1_000, 2)}


def _two_workers(name: str, *, one_worker: float) -> Figures:
    """Two programs share one run over the copy that was made before the first reconciliation."""
    _lead_to(name)
    _write_out()
    run = requests.request_run(trigger=ReconciliationRun.Trigger.COMMAND, now=timezone.now())
    connections.close_all()
    code = f"from reconciliation import runner; runner.work(run_id={run.pk})"
    program = f"import django; django.setup(); from django.conf import settings; {_CHOOSE.format(name=name)}; {code}"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "inventory_site.settings"}
    workers = [
        subprocess.Popen([sys.executable, "-c", program], cwd=settings.BASE_DIR, env=environment)  # noqa: S603  (our own program)
        for _ in range(2)
    ]
    for worker in workers:
        worker.wait()
    run.refresh_from_db()
    if run.started_at is None or run.finished_at is None:
        raise ValueError("The two workers did not finish their run.")
    seconds = (run.finished_at - run.started_at).total_seconds()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {
        "seconds": round(seconds, 2),
        "times_faster": round(one_worker / seconds, 2),
        "worker_megabytes": peak // 1024,
    }


_CHOOSE = "settings.DATABASES['default']['NAME'] = '{name}'"


def write_files(folder: Path, *, usages: int) -> None:
    """Make items, lots and usage: fifty usages a code on the average (some codes far busier), one in fifteen a return.

    Five usages a lot; about as much is received as is used, so that some stay open.
    """
    codes = max(1, usages // 50)
    items = ([f"B{n}", f"Benchmark item {n}", "2.50"] for n in range(codes))
    _write(folder / "items.csv", ["code", "description", "est_unit_cost"], items)
    lots = (_lot_row(n, codes) for n in range(max(1, usages // 5)))
    _write(folder / "lots.csv", ["lot", "code", "office", "received_at", "quantity", "value", "source"], lots)
    rows = (_usage_row(n, codes) for n in range(usages))
    _write(folder / "usage.csv", USAGE_COLUMNS, rows)


def _lot_row(n: int, codes: int) -> list[Any]:
    received_at = FIRST_MOMENT + timedelta(minutes=5 * n)
    return [f"L{n}", f"B{_code_of(n, codes)}", "", received_at, 20, f"{40 + n % 17}.0{n % 7}", f"PO-{n // 10}"]


def _usage_row(n: int, codes: int) -> list[Any]:
    quantity = -2 if n % 15 == 14 else 1 + n % 8
    used_at = FIRST_MOMENT + timedelta(minutes=n)
    return [f"U{n}", f"B{_code_of(n, codes)}", "", used_at, quantity, f"SHIP-{n // 3}", str(n // 3), "", ""]


def _code_of(n: int, codes: int) -> int:
    """Spread records over codes unevenly: a third go to a hundredth of the codes. The same for lots and usage."""
    return (n * 7919) % max(1, codes // 100) if n % 3 == 0 else (n * 104_729) % codes


def _write(path: Path, header: list[str], rows: Iterator[list[Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
