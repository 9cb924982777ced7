"""Files about jobs that are there: what they consumed, what came out of them, and what they cost besides.

A production has a number. Consumption and costs have none: all that a file says of one job at one moment is a document,
which is compared with what the job consumed, or cost, at that moment.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from inventory_site.document_forms import LineError
from lots.models import Account
from reconciliation.importing.document_lines import Values
from usage.job_units import Named
from usage.models import InventoryUsage, Job, JobCost, JobOutput
from usage.production import job_consume, job_cost_add, job_produce
from usage.unit_names import units_made
from usage.units import movements_by_usage

NOTHING = "Nothing was recorded."


def of_one_moment(values: Values) -> str:
    """What identifies the consumption or the costs of a job."""
    moment = _moment(values).astimezone(UTC).replace(tzinfo=None)
    return f"{values['job']} of {moment.isoformat(sep=' ', timespec='auto')}"


def _moment(values: Values) -> datetime:
    return datetime.fromisoformat(values["date"])


def _job(values: Values) -> Job:
    job = Job.objects.filter(number=values["job"]).first()
    if job is None:
        raise LineError(0, f'There is no job "{values["job"]}". {NOTHING}')
    return job


def _serials(values: Values) -> list[str]:
    return [part.strip() for part in (values["serials"] or "").split(";") if part.strip()]


def _named(values: Values) -> list[Named]:
    serials, lot = _serials(values), values["manufacturer_lot"] or ""
    return [Named(serials, lot)] if serials or lot else []


# -- Consumption -------------------------------------------------------------------------------------
def record_consumption(_: str, lines: Sequence[Values], by: User | None, now: datetime) -> None:
    job = _job(lines[0])
    components = {row.code.code: row for row in job.components.select_related("code")}
    for place, line in enumerate(lines):
        if line["component"] not in components:
            raise LineError(place, f"{job} has no component {line['component']}. {NOTHING}")
    job_consume(
        job=job,
        lines=[
            {
                "component": components[line["component"]],
                "quantity": Decimal(line["quantity"]),
                "units": _named(line),
            }
            for line in lines
        ],
        consumed_at=_moment(lines[0]),
        by=by,
        at=now,
    )


def consumption_rows(values: Values) -> list[dict[str, Any]] | None:
    """What the job consumed and put back at that moment by itself: what was back-flushed belongs to its production."""
    usages = list(
        InventoryUsage.objects.filter(
            job_usage__component__job__number=values["job"], source_number=values["job"], used_at=_moment(values)
        )
        .select_related("code")
        .order_by("pk")
    )
    moved = movements_by_usage(usages)
    return [
        {
            "job": values["job"],
            "date": usage.used_at,
            "component": usage.code.code,
            "quantity": usage.quantity,
            "manufacturer_lot": moved[usage.pk].manufacturer_lot,
            "serials": ";".join(moved[usage.pk].serials.values_list("serial", flat=True)),
        }
        for usage in usages
    ] or None


# -- Output ------------------------------------------------------------------------------------------
def record_output(number: str, lines: Sequence[Values], by: User | None, now: datetime) -> None:
    first = lines[0]
    if len(lines) > 1:
        raise LineError(1, f'"{number}" stands on two rows; a production is one. {NOTHING}')
    backflush = (first["backflush"] or "NO").upper()
    if backflush not in {"YES", "NO"}:
        raise LineError(0, f'"{first["backflush"]}" is none of YES, NO. {NOTHING}')
    job_produce(
        job=_job(first),
        quantity=Decimal(first["quantity"]),
        produced_at=_moment(first),
        by=by,
        at=now,
        backflush=backflush == "YES",
        serials=_serials(first),
        manufacturer_lot=(first["manufacturer_lot"] or "").strip(),
        number=number,
    )


def output_rows(number: str) -> list[dict[str, Any]] | None:
    output = JobOutput.objects.filter(number=number).select_related("job__code", "job__lot").first()
    if output is None:
        return None
    units = units_made([output], output.job).get(number)
    row = {
        "job": output.job.number,
        "date": output.produced_at,
        "quantity": output.quantity,
        "manufacturer_lot": units.manufacturer_lot if units else "",
        "serials": ";".join(units.serials) if units else "",
    }
    # Where nothing was back-flushed, nothing may have been needed.
    is_flushed = InventoryUsage.objects.filter(source_number=number, job_usage__component__job=output.job).exists()
    return [row | {"backflush": "YES"} if is_flushed else row]


# -- Costs -------------------------------------------------------------------------------------------
def record_costs(_: str, lines: Sequence[Values], by: User | None, now: datetime) -> None:
    job = _job(lines[0])
    for place, line in enumerate(lines):
        kind = (line["kind"] or JobCost.Kind.LABOR).upper()
        if kind not in JobCost.Kind.values:
            raise LineError(place, f'"{line["kind"]}" is none of {", ".join(JobCost.Kind.values)}. {NOTHING}')
        account = Account.objects.filter(number=line["account"]).first() if line["account"] else None
        if line["account"] and account is None:
            raise LineError(place, f'There is no account "{line["account"]}". {NOTHING}')
        try:
            job_cost_add(
                job=job,
                kind=kind,
                description=line["description"] or "",
                incurred_at=_moment(line),
                amount=Decimal(line["amount"]),
                by=by,
                at=now,
                account=account,
            )
        except ValidationError as refusal:
            raise LineError(place, " ".join(refusal.messages)) from refusal


def cost_rows(values: Values) -> list[dict[str, Any]] | None:
    costs = JobCost.objects.filter(job__number=values["job"], incurred_at=_moment(values), reverses=None)
    return [
        {
            "job": values["job"],
            "date": cost.incurred_at,
            "kind": cost.kind,
            "description": cost.description,
            "amount": cost.amount,
            "account": cost.account.number,
        }
        for cost in costs.select_related("account").order_by("pk")
    ] or None


def cost_as_recorded(values: Values) -> Values:
    """No account means the default one, which may have been another then: it is not compared."""
    return {**values, "kind": values["kind"] or JobCost.Kind.LABOR, "account": values["account"] or None}
