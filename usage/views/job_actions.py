"""What people do with jobs: enter and change them, and every step of one. The verbs are in usage/production.py."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone

from inventory_site.document_forms import LineError
from inventory_site.documents import DocumentActionView, DocumentFormView
from inventory_site.money import money_text, quantity_text
from lots.accounts import default_account
from lots.forms import active_code
from lots.models import DocumentStatus, LineItemCode
from usage import job_rules
from usage.job_forms import (
    ConsumeForm,
    ConsumeFormSet,
    CostForm,
    JobComponentFormSet,
    JobForm,
    ProduceForm,
    ReasonForm,
)
from usage.job_querysets import on_hand_of
from usage.job_units import LOTS, SERIALS, Named, UnitsError, component_field, named_of
from usage.models import Job, JobCost, JobOutput, Order, OrderLine
from usage.production import (
    copy_components,
    job_close,
    job_consume,
    job_cost_add,
    job_cost_void,
    job_open,
    job_output_void,
    job_produce,
    job_reopen,
    job_save,
    job_void,
)
from usage.supplying import to_procure, why_not_procure
from usage.unit_names import names_units, serials_of
from usage.units_held import units_taken
from usage.units_there import UnitsThere, units_there

CHANGE = "usage.change_job"


# -- Entering ----------------------------------------------------------------------------------------
class JobCreateView(DocumentFormView):
    """A new job: for a line of an order (?order_line=ID), as a part of another (?parent=ID), or by itself.

    ?code=CODE fills in the product; its components are those of the latest job for it.
    """

    model = Job
    form_class = JobForm
    formset_class = JobComponentFormSet
    permission_required = "usage.add_job"
    list_url_name = "usage:jobs"
    list_label = "Jobs"
    noun = "job"
    lines_title = "Components"
    lines_note = "What the whole job takes. Labor and other costs are added to the job once it is open."

    def get_record(self) -> None:
        self.order_line = self._named("order_line", OrderLine.objects.select_related("order__office", "code"))
        self.parent = self._named("parent", Job.objects.select_related("office"))
        self.code = self.order_line.code if self.order_line else self._code()

    def _named(self, parameter: str, rows: "QuerySet[Any]") -> Any:
        """The record that the address names, or None. Text that is no key names nothing that there is."""
        key = self.request.GET.get(parameter, "")
        if not key:
            return None
        if not (key.isascii() and key.isdigit() and len(key) < 19):
            raise Http404
        return get_object_or_404(rows, pk=int(key))

    def _code(self) -> LineItemCode | None:
        text = self.request.GET.get("code", "").replace("\x00", "")
        try:
            return active_code(text) if text else None
        except ValidationError:
            return None

    def why_not(self, record: None) -> str:
        if self.parent is not None:
            return job_rules.why_not_add_child(self.parent)
        return why_not_procure(self.order_line) if self.order_line is not None else ""

    def get_cancel_url(self, record: None) -> str:
        return str(self.parent.get_absolute_url()) if self.parent else super().get_cancel_url(record)

    def get_title(self, record: None) -> str:
        if self.parent is not None:
            return f"New sub-assembly job of {self.parent}"
        return f"New job for order {self.order_line.order}" if self.order_line else "New job"

    def initial(self, record: None) -> dict[str, Any]:
        if self.order_line is not None:
            order = self.order_line.order
            return {
                "code": self.code,
                "quantity": to_procure(self.order_line),
                "office": order.office,
                "reference": f"Order #{order}",
            }
        office = {"office": self.parent.office} if self.parent else {}
        return {"code": self.code, "quantity": Decimal(1), **office} if self.code else office

    def initial_lines(self, record: None) -> list[dict[str, Any]]:
        if self.code is None:
            return []
        return copy_components(self.code, to_procure(self.order_line) if self.order_line else Decimal(1))

    def save(self, record: None, header: dict[str, Any], lines: list[dict[str, Any]]) -> Job:
        if self.order_line is not None:
            # Two may make one for the same line at this moment.
            list(Order.objects.select_for_update(no_key=True).filter(pk=self.order_line.order_id))
            self.order_line.refresh_from_db()
            if reason := why_not_procure(self.order_line):
                raise ValidationError(f"{reason} Nothing was saved.")
        return job_save(
            job=None,
            components=lines,
            by=_by(self),
            at=timezone.now(),
            order_line=self.order_line,
            parent=self.parent,
            **header,
        )


class JobEditView(DocumentFormView):
    """A pending job in everything, an open one in its quantities."""

    model = Job
    form_class = JobForm
    formset_class = JobComponentFormSet
    permission_required = CHANGE
    noun = "job"
    lines_title = "Components"

    def get_queryset(self) -> "QuerySet[Job]":
        return Job.objects.select_related("code", "office")

    def why_not(self, record: Job) -> str:
        return job_rules.why_not_edit(record)

    def form_kwargs(self, record: Job) -> dict[str, Any]:
        return {"is_open": record.status == DocumentStatus.OPEN}

    line_form_kwargs = form_kwargs

    def initial(self, record: Job) -> dict[str, Any]:
        return {name: getattr(record, name) for name in ("code", "quantity", "office", "started_at", "reference")}

    def initial_lines(self, record: Job) -> list[dict[str, Any]]:
        return [
            {"id": row.pk, "code": row.code, "quantity": row.quantity, "consumed": row.quantity_consumed}
            for row in record.components.select_related("code").order_by("position", "pk")
        ]

    def save(self, record: Job, header: dict[str, Any], lines: list[dict[str, Any]]) -> Job:
        return job_save(job=record, components=lines, by=_by(self), at=timezone.now(), **header)


# -- Steps -------------------------------------------------------------------------------------------
class JobActionView(DocumentActionView):
    """What all steps of a job share."""

    model = Job
    permission_required = CHANGE
    list_url_name = "usage:jobs"
    list_label = "Jobs"
    noun = "job"

    def get_queryset(self) -> "QuerySet[Any]":
        return Job.objects.select_related("code", "office", "lot", "parent", "order_line__order")

    def lock(self) -> None:
        # The order that a job is made for comes before the job (usage/production.py).
        line = OrderLine.objects.filter(jobs=self.kwargs["pk"]).values("order")
        list(Order.objects.select_for_update(no_key=True).filter(pk__in=line))
        super().lock()


class JobOpenView(JobActionView):
    action_label = "Open"

    def why_not(self, record: Job) -> str:
        return job_rules.why_not_open(record)

    def get_text(self, record: Job) -> str:
        return (
            f"{quantity_text(record.quantity)} of {record.code} will be on order, its components in demand, and its lot"
            " is made."
        )

    def perform(self, record: Job, cleaned: dict[str, Any]) -> None:
        job_open(job=record, by=_by(self), at=timezone.now())

    def get_success_message(self, record: Job) -> str:
        return f"Job {record} is open."


class JobCloseView(JobActionView):
    action_label = "Close"

    def why_not(self, record: Job) -> str:
        return job_rules.why_not_close(record)

    def get_text(self, record: Job) -> str:
        made = f"{quantity_text(record.quantity_produced)} of {quantity_text(record.quantity)} are produced."
        if not record.quantity_produced:
            return f"{made} What it consumed and cost will be expensed, because nothing came out."
        return f"{made} Nothing more will be due, and everything that went in becomes the cost of what came out."

    def perform(self, record: Job, cleaned: dict[str, Any]) -> None:
        job_close(job=record, by=_by(self), at=timezone.now())

    def get_success_message(self, record: Job) -> str:
        return f"Job {record} is closed."


class JobReopenView(JobActionView):
    action_label = "Reopen"

    def why_not(self, record: Job) -> str:
        return job_rules.why_not_reopen(record)

    def get_text(self, record: Job) -> str:
        return "What is not produced will be due again, what is not consumed in demand, and its cost estimated."

    def perform(self, record: Job, cleaned: dict[str, Any]) -> None:
        job_reopen(job=record, by=_by(self), at=timezone.now())

    def get_success_message(self, record: Job) -> str:
        return f"Job {record} is open again."


class JobVoidView(JobActionView):
    action_label = "Void"
    form_class = ReasonForm

    def why_not(self, record: Job) -> str:
        return job_rules.why_not_void(record)

    def get_text(self, record: Job) -> str:
        return "Everything it moved is reversed, dated today, and what it consumed goes back. A void is for ever."

    def perform(self, record: Job, cleaned: dict[str, Any]) -> None:
        job_void(job=record, by=_by(self), at=timezone.now(), reason=cleaned["reason"])

    def get_success_message(self, record: Job) -> str:
        return f"Job {record} is void."


class JobConsumeView(DocumentFormView):
    """All components of a job on one page; what is taken now is typed beside each."""

    model = Job
    form_class = ConsumeForm
    formset_class = ConsumeFormSet
    permission_required = CHANGE
    noun = "job"
    submit_label = "Consume"
    # What was consumed meanwhile, perhaps by this very page, is not replaced but consumed once more.
    may_replace = False
    lines_title = "Components"

    def get_queryset(self) -> "QuerySet[Job]":
        return Job.objects.select_related("code", "office")

    def why_not(self, record: Job) -> str:
        return job_rules.why_not_consume(record)

    def get_title(self, record: Job) -> str:
        return f"Consume components of {record}"

    def line_form_kwargs(self, record: Job) -> dict[str, Any]:
        codes = [row.code for row in record.components.select_related("code")]
        asked = {SERIALS: any(code.is_serialized for code in codes)}
        asked[LOTS] = any(code.is_tracked_by_manufacturer_lot for code in codes)
        return {"tracking": [name for name, is_asked in asked.items() if is_asked]}

    def initial_lines(self, record: Job) -> list[dict[str, Any]]:
        rows = list(record.components.select_related("code").order_by("position", "pk"))
        there = on_hand_of([row.code_id for row in rows])
        units = units_there([row.code for row in rows if names_units(row.code)], office=record.office)
        taken = units_taken(record)
        return [
            {
                "component": row.pk,
                "code": row.code,
                "planned": row.quantity,
                "consumed": row.quantity_consumed,
                "on_hand": there.get(row.code_id, Decimal(0)),
                # Nobody takes units before they are named.
                "quantity": None if names_units(row.code) else -job_rules.demand_due(record, row),
                "there": units.get(row.code_id),
                "taken": taken.get(row.pk, UnitsThere()),
            }
            for row in rows
        ]

    def save(self, record: Job, header: dict[str, Any], lines: list[dict[str, Any]]) -> Job:
        components = {row.pk: row for row in record.components.select_related("code")}
        if any(line["component"] not in components for line in lines):
            raise ValidationError("The components of this job were changed. Nothing was posted: open the page again.")
        wanted = [
            {
                "component": components[line["component"]],
                "quantity": line["quantity"],
                "units": _named(index, components[line["component"]].code, line),
            }
            for index, line in enumerate(lines)
        ]
        job_consume(job=record, lines=wanted, by=_by(self), at=timezone.now(), **header)
        return record

    def get_success_message(self, record: Job) -> str:
        return f"Components of {record} were consumed."


def _named(index: int, code: LineItemCode, line: dict[str, Any]) -> list[Named]:
    try:
        return named_of(code, serials=line.get(SERIALS, ""), lots=line.get(LOTS, ""))
    except UnitsError as refusal:
        raise LineError(index, refusal.message, field=refusal.field) from refusal


class JobProduceView(JobActionView):
    action_label = "Produce"
    yes_label = "Produce"
    form_class = ProduceForm

    def why_not(self, record: Job) -> str:
        return job_rules.why_not_produce(record)

    def get_title(self, record: Job) -> str:
        return f"Produce {record.code} in {record}"

    def get_text(self, record: Job) -> str:
        due = quantity_text(job_rules.quantity_due(record))
        return f"{due} are still due. What is produced goes into lot {record.lot} and can be used at once."

    def initial(self, record: Job) -> dict[str, Any]:
        return {"quantity": job_rules.quantity_due(record) or None}

    def form_kwargs(self, record: Job) -> dict[str, Any]:
        return {"product": record.code, "components": self._components(record)}

    def _components(self, record: Job) -> list[Any]:
        """Those whose units must be named, with what back-flushing takes when all that is due is produced."""
        rows: list[Any] = [row for row in record.components.select_related("code") if names_units(row.code)]
        there = units_there([row.code for row in rows], office=record.office)
        for row in rows:
            row.short = -job_rules.demand_due(record, row)
            row.there = there[row.code_id]
        return rows

    def perform(self, record: Job, cleaned: dict[str, Any]) -> None:
        self.output = job_produce(
            job=record,
            quantity=cleaned["quantity"],
            produced_at=cleaned["produced_at"],
            by=_by(self),
            at=timezone.now(),
            backflush=cleaned["backflush"],
            serials=serials_of(cleaned.get(SERIALS, "")),
            manufacturer_lot=cleaned.get("manufacturer_lot", "").strip(),
            units=self._units(record, cleaned),
        )

    def _units(self, record: Job, cleaned: dict[str, Any]) -> dict[int, list[Named]]:
        units, wrong = {}, {}
        for component in record.components.select_related("code"):
            cells = {name: cleaned.get(component_field(component.pk, name), "") for name in (SERIALS, LOTS)}
            try:
                units[component.pk] = named_of(component.code, serials=cells[SERIALS], lots=cells[LOTS])
            except UnitsError as refusal:
                wrong[component_field(component.pk, refusal.field)] = refusal.message
        if wrong:
            raise ValidationError(wrong)
        return units

    def get_success_message(self, record: Job) -> str:
        return f"{quantity_text(self.output.quantity)} of {record.code} were produced ({self.output})."


class JobCostAddView(JobActionView):
    action_label = "Add cost"
    yes_label = "Add cost"
    form_class = CostForm

    def why_not(self, record: Job) -> str:
        return job_rules.why_not_add_cost(record)

    def get_title(self, record: Job) -> str:
        return f"Add a cost to {record}"

    def get_text(self, record: Job) -> str:
        total = money_text(job_rules.job_cost_total(record))
        return f"Labor, services and expenses become a part of the lot's cost. So far: {total}."

    def initial(self, record: Job) -> dict[str, Any]:
        return {"account": default_account("job_cost")}

    def perform(self, record: Job, cleaned: dict[str, Any]) -> None:
        self.cost = job_cost_add(job=record, by=_by(self), at=timezone.now(), **cleaned)

    def get_success_message(self, record: Job) -> str:
        return f"{money_text(self.cost.amount)} were added to the cost of {record}."


class JobCostVoidView(DocumentActionView):
    """Undo one cost."""

    model = JobCost
    history_of = "job__number"
    permission_required = CHANGE
    form_class = ReasonForm
    action_label = "Void"
    noun = "job cost"

    def get_queryset(self) -> "QuerySet[Any]":
        return JobCost.objects.select_related("job")

    def why_not(self, record: JobCost) -> str:
        return job_rules.why_not_void_cost(record)

    def get_text(self, record: JobCost) -> str:
        return (
            f"{money_text(record.amount)} are taken off the lot of {record.job} again, dated today. A void is for ever."
        )

    def get_cancel_url(self, record: JobCost) -> str:
        return record.job.get_absolute_url()

    def perform(self, record: JobCost, cleaned: dict[str, Any]) -> Job:
        job_cost_void(cost=record, by=_by(self), at=timezone.now(), reason=cleaned["reason"])
        return record.job

    def get_success_message(self, record: JobCost) -> str:
        return f"{record} of {record.job} is void."


class JobOutputVoidView(DocumentActionView):
    """Undo one production."""

    model = JobOutput
    history_of = "job__number"
    permission_required = CHANGE
    form_class = ReasonForm
    action_label = "Void"
    noun = "production"

    def get_queryset(self) -> "QuerySet[Any]":
        return JobOutput.objects.select_related("job__lot", "job__code")

    def why_not(self, record: JobOutput) -> str:
        return job_rules.why_not_void_output(record)

    def get_text(self, record: JobOutput) -> str:
        return (
            f"{quantity_text(record.quantity)} of {record.job.code} go out of the lot again, and what was back-flushed"
            " with them goes back. A void is for ever."
        )

    def perform(self, record: JobOutput, cleaned: dict[str, Any]) -> None:
        job_output_void(output=record, by=_by(self), at=timezone.now(), reason=cleaned["reason"])

    def get_success_message(self, record: JobOutput) -> str:
        return f"{record} is void."


def _by(view: DocumentFormView | DocumentActionView) -> Any:
    """Who asks: somebody, because every page here needs a permission."""
    return view.request.user
