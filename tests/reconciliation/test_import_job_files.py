"""Files of what jobs consumed, what came out of them and what they cost: through the verbs, once, or not at all."""

import csv
import io
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from lots.models import SerialMovement
from tests.factories import day, make_lot
from tests.lots.purchasing_stories import code_with, footprint
from tests.reconciliation.records import culprits, run_now
from tests.reconciliation.test_import_documents import FILES, counts, load
from tests.usage.jobs import add_cost, component, consume
from usage.models import InventoryUsage, Job, JobCost, JobOutput
from usage.production import job_close

__all__ = ["load"]

pytestmark = pytest.mark.usefixtures("db")
Load = Callable[..., str]

JOB_FILES = {
    "job_consumption": """job,date,component,quantity
JOB7001,2026-03-16 09:00,OAK,12
JOB7001,2026-03-16 09:00,GLUE,5
JOB7001,2026-03-16 12:00,OAK,-2
""",
    "job_output": """production,job,date,quantity,backflush
PROD-7001,JOB7001,2026-03-17 16:00,3,yes
PROD-7002,JOB7001,2026-03-18 16:00,2,
""",
    "job_costs": """job,date,kind,description,amount
JOB7001,2026-03-17,,Gluing,40.00
JOB7001,2026-03-17,service,Painting,12.50
""",
}


def stock() -> None:
    make_lot("OAK", received="100", value="250.00")
    make_lot("GLUE", received="10", value="40.00")


def everything() -> tuple[object, ...]:
    return counts(), footprint(), JobOutput.objects.count(), JobCost.objects.count()


def refused(load: Load, *flags: str, **files: str) -> str:
    before = everything()
    with pytest.raises(CommandError, match="nothing was imported") as refusal:
        load(*flags, **files)
    assert everything() == before
    return str(refusal.value)


def test_a_job_is_imported_with_all_that_happened_in_it(load: Load) -> None:
    stock()
    before = everything()
    assert "job output: 2 documents, 2 new" in load("--check", jobs=FILES["jobs"], **JOB_FILES)
    assert everything() == before
    said = load(jobs=FILES["jobs"], **JOB_FILES)
    assert "job consumption: 2 documents, 2 new, 0 already there" in said
    assert "job costs: 1 documents, 1 new" in said
    job = Job.objects.get()
    # Three of five take 12 of OAK; 10 were consumed, so two more were back-flushed.
    assert [(row.code.code, row.quantity_consumed) for row in job.components.all()] == [("OAK", 12), ("GLUE", 5)]
    assert list(job.outputs.values_list("number", "quantity")) == [("PROD-7001", 3), ("PROD-7002", 2)]
    assert [(cost.kind, cost.amount) for cost in job.costs.all()] == [
        ("LABOR", Decimal("40.00")),
        ("SERVICE", Decimal("12.50")),
    ]
    job_close(job=job, by=None, at=day(30))
    run_now()
    job.refresh_from_db()
    assert job.lot is not None
    assert job.lot.value == Decimal("102.50")
    assert culprits() == {}


def test_the_same_files_again_change_nothing(load: Load) -> None:
    stock()
    load(jobs=FILES["jobs"], **JOB_FILES)
    before = everything()
    said = load(jobs=FILES["jobs"], **JOB_FILES)
    assert said.count("0 new") == 4
    words = {
        "job_consumption": "job,date,component,quantity,serials\n"
        "JOB7001,2026-03-16T10:00:00+01:00,GLUE,5.0,\nJOB7001,2026-03-16 09:00,OAK,12,\n",
        "job_costs": JOB_FILES["job_costs"].replace("service", "SERVICE").replace("40.00", "4e1"),
        "job_output": JOB_FILES["job_output"].replace(",yes", ",YES"),
    }
    assert load(**words).count("0 new") == 3
    assert everything() == before


@pytest.mark.parametrize("flags", [(), ("--check",)])
@pytest.mark.parametrize(
    ("kind", "old", "new", "said"),
    [
        ("job_consumption", "OAK,12", "OAK,13", "with other lines: another quantity"),
        ("job_consumption", "JOB7001,2026-03-16 09:00,GLUE,5\n", "", "with other lines"),
        ("job_output", "16:00,3", "16:00,4", "with other lines: another quantity"),
        ("job_output", "2026-03-18", "2026-03-19", "with another date"),
        ("job_output", "yes", "no", "with other lines: another backflush"),
        ("job_costs", "12.50", "12.51", "with other lines: another amount"),
        ("job_costs", "Painting", "Planing", "with other lines: another description"),
    ],
)
def test_a_file_that_says_something_else_is_a_fault(
    load: Load, kind: str, old: str, new: str, said: str, flags: tuple[str, ...]
) -> None:
    assert old in JOB_FILES[kind]
    stock()
    load(jobs=FILES["jobs"], **JOB_FILES)
    assert f"is recorded already, {said}." in refused(load, *flags, **{kind: JOB_FILES[kind].replace(old, new)})


@pytest.mark.parametrize(
    ("kind", "old", "new", "said"),
    [
        ("job_consumption", "JOB7001,2026-03-16 12:00", "JOB9,2026-03-16 12:00", 'row 4: There is no job "JOB9"'),
        ("job_consumption", "GLUE,5", "IRON,5", "row 3: JOB7001 has no component IRON"),
        ("job_consumption", "OAK,-2", "OAK,-13", "row 4: 13 of OAK cannot be put back"),
        ("job_consumption", "GLUE,5", "GLUE,0", "row 3, column quantity"),
        ("job_consumption", "GLUE,5", "GLUE,many", '"many" is not a number'),
        ("job_consumption", "2026-03-16 12:00", "2099-03-16", "row 4"),
        ("job_output", "PROD-7002,JOB7001", "PROD-7002,JOB9", 'row 3: There is no job "JOB9"'),
        ("job_output", "PROD-7002,JOB7001", "JOB7001,JOB7001", 'The number "JOB7001" is taken'),
        ("job_output", "yes", "may", '"may" is none of YES, NO'),
        ("job_output", "16:00,3", "16:00,-3", "row 2, column quantity"),
        ("job_output", "PROD-7002,JOB7001,2026-03-18", "PROD-7001,JOB7001,2026-03-17", "a production is one"),
        ("job_costs", "service", "fun", 'row 3: "fun" is none of LABOR, SERVICE, EXPENSE'),
        ("job_costs", "12.50", "-52.50", "row 3: JOB7001 carries job costs of 40.00"),
        ("job_costs", "12.50", "12.505", "row 3, column amount"),
        ("job_costs", "job,date", "who,date", 'There is no column "who"'),
    ],
)  # fmt: skip
def test_what_cannot_be_is_found_on_its_row_and_nothing_is_recorded(
    load: Load, kind: str, old: str, new: str, said: str
) -> None:
    assert old in JOB_FILES[kind]
    stock()
    files = JOB_FILES | {kind: JOB_FILES[kind].replace(old, new)}
    assert said in refused(load, jobs=FILES["jobs"], **files)


def test_a_cost_names_the_account_that_is_credited(load: Load) -> None:
    load(jobs=FILES["jobs"])
    costs = "job,date,amount,account\nJOB7001,2026-03-17,40,{}\n"
    assert 'row 2: There is no account "9"' in refused(load, job_costs=costs.format("9"))
    load(job_costs=costs.format(""))
    cost = JobCost.objects.get()
    number = cost.account.number
    assert "1 already there" in load(job_costs=costs.format(number))
    assert "another account" in refused(load, job_costs=costs.format("1000" if number != "1000" else "2000"))


def test_units_come_and_go_by_their_names(load: Load) -> None:
    code_with("OAK", is_tracked_by_manufacturer_lot=True)
    code_with("TABLE", is_serialized=True)
    opening = (
        "adjustment,type,date,code,quantity,unit_cost,manufacturer_lot\n"
        "INVTRYADJ-7001,BEGINNING_BALANCE,2026-03-01,OAK,30,2.5,A-1\n"
        'INVTRYADJ-7001,BEGINNING_BALANCE,2026-03-01,OAK,30,3,"A=2, B"\n'
    )
    load(adjustments=opening)
    made = {
        "job_consumption": "job,date,component,quantity,manufacturer_lot\n"
        "JOB7001,2026-03-16 09:00,OAK,12,A-1\n"
        'JOB7001,2026-03-16 09:00,OAK,8,"A=2, B"\n',
        "job_output": "production,job,date,quantity,serials\nPROD-7001,JOB7001,2026-03-17,2,T1;T2\n",
    }
    unnamed = made | {"job_consumption": JOB_FILES["job_consumption"]}
    assert "row 2: OAK is tracked by manufacturer lot" in refused(load, jobs=FILES["jobs"], **unnamed)
    unnamed = made | {"job_output": made["job_output"].replace("T1;T2", "T1")}
    assert "row 2: TABLE is serialized" in refused(load, jobs=FILES["jobs"], **unnamed)
    load(jobs=FILES["jobs"], **made)
    assert set(SerialMovement.objects.values_list("serial", "direction")) == {("T1", 1), ("T2", 1)}
    usages = InventoryUsage.objects.filter(source_number="JOB7001").order_by("pk")
    assert [(usage.quantity, usage.restrictions.count()) for usage in usages] == [(12, 1), (8, 1)]
    assert load(**made).count("0 new") == 2
    assert "another serials" in refused(load, job_output=made["job_output"].replace("T2", "T3"))


def test_what_was_consumed_on_its_page_is_not_taken_for_a_file(load: Load) -> None:
    stock()
    load(jobs=FILES["jobs"])
    job = Job.objects.get()
    consume(job, on_day=3, OAK="4")
    add_cost(job, "5.00", on_day=3)
    load(**JOB_FILES)
    assert component(job, "OAK").quantity_consumed == 14
    assert job.costs.count() == 3


def test_what_the_export_says_of_a_job_is_what_the_files_said(load: Load) -> None:
    stock()
    load(jobs=FILES["jobs"], **JOB_FILES)
    out = io.StringIO()
    call_command("export_records", "jobs", output="-", stdout=out)
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert [(row["component"], row["quantity_consumed"], row["produced"], row["job_costs"]) for row in rows] == [
        ("OAK", "12.0000", "5.0000", "52.50"),
        ("GLUE", "5.0000", "5.0000", "52.50"),
    ]
    kept = ("job", "product", "quantity", "office", "date", "parent", "order", "component")
    again = io.StringIO()
    writer = csv.writer(again)
    writer.writerow([*kept, "component_quantity"])
    writer.writerows([*(row[name] for name in kept), row["quantity_planned"]] for row in rows)
    assert "1 documents, 0 new, 1 already there" in load(jobs=again.getvalue())
