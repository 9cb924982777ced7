"""Pages of runs: the list, the run page that stays true, its log, what it did per code, and the entries it made."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from django.contrib import messages
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import (
    BigIntegerField,
    Case,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Extract
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.generic import View

from inventory_site.details import Action, Fact, Section
from inventory_site.fields import MoneyField, QuantityField
from inventory_site.listing import EmptyState, Grouping, ListState, QuickSearch
from inventory_site.tables import BaseTable
from inventory_site.views import RecordDetailView, RecordListView, RecordPermissionMixin
from lots.models import Preference
from reconciliation.filtersets import AllocationFilterSet, RunFilterSet, RunLogFilterSet, RunPoolFilterSet
from reconciliation.forms import RunForm
from reconciliation.models import CogsAllocation, ReconciliationRun, RunLogLine, RunPool
from reconciliation.pass_story import story
from reconciliation.requests import cancel_run, retry_failed
from reconciliation.run_button import run_pressed
from reconciliation.run_progress import run_progress
from reconciliation.selectors import active_run, work_waiting
from reconciliation.tables import AllocationTable, RunLogTable, RunPoolTable, RunTable, entries_made, why_open
from usage.models import InventoryUsage

RUN: Final = "reconciliation.run_reconciliation"
LOG_TAIL: Final = 12
ERRORS_SHOWN: Final = 5

State = ReconciliationRun.State


def signed_in(request: HttpRequest) -> User:
    """Who is asking: sign-in is required everywhere, so there is somebody."""
    return cast("User", request.user)


# -- The list ----------------------------------------------------------------------------------------
def _now(name: str, field: Any) -> Case:
    """A total as it is now: kept on the run when it has ended, summed from its work rows while it is under way."""
    done = RunPool.objects.filter(run=OuterRef("pk"), state=RunPool.State.DONE).order_by().values("run")
    value = Value(1) if name == "pools" else F(name)
    live = Coalesce(Subquery(done.annotate(total=Sum(value)).values("total")), 0, output_field=field)
    return Case(When(state__in=ReconciliationRun.ACTIVE, then=live), default=F(name), output_field=field)


_TOTALS: Final[Mapping[str, Any]] = {
    "pools": BigIntegerField(),
    "usages": BigIntegerField(),
    "allocations": BigIntegerField(),
    "passes": BigIntegerField(),
    "drawn": QuantityField(max_digits=24),
    "given_back": QuantityField(max_digits=24),
    "amount": MoneyField(),
}


def runs_with_totals() -> QuerySet[ReconciliationRun]:
    lasted = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())
    return ReconciliationRun.objects.select_related("requested_by").annotate(
        seconds=Extract(lasted, "epoch"), **{f"{name}_now": _now(name, field) for name, field in _TOTALS.items()}
    )


class RunListView(RecordListView):
    title = "Runs"
    noun = "runs"
    filterset_class = RunFilterSet
    table_class = RunTable
    default_sort = ("-run",)
    queryset = ReconciliationRun.objects.all()
    total_expressions = {name: f"{name}_now" for name in _TOTALS}
    empty_first_use = EmptyState(
        "No run yet",
        "A run allocates usage to the lots that pay for it. It starts by itself after an import and every night, or"
        " when you start one.",
    )
    quick_searches = (
        QuickSearch("errors", "Find Runs with Errors", narrow=lambda found: found.filter(pools_failed__gt=0)),
    )

    def get_queryset(self) -> QuerySet[ReconciliationRun]:
        return runs_with_totals()

    def get_actions(self) -> Sequence[Action]:
        return (run_action(self.request.user), Action("Dry run", reverse("reconciliation:preview"), permission=RUN))


def run_action(user: Any) -> Action:
    """The button Run COGS reconciliation: greyed, with its reason, where it cannot be used now."""
    reason = ""
    if not user.has_perm(RUN):
        reason = "Your role does not include starting runs; an accountant can."
    elif (active := active_run()) is not None and active.is_everything:
        reason = f"Run {active.pk} is under way. What is posted meanwhile gets a run of its own when it ends."
    url = reverse("reconciliation:run_start")
    return Action("Run COGS reconciliation", url, reason=reason, is_primary=True, icon="run", name="run")


# -- The run page ------------------------------------------------------------------------------------
# Problems first: set aside, left open, still waiting, and then what went through.
_RANK: Final = Case(
    When(state=RunPool.State.FAILED, then=Value(0)),
    When(state=RunPool.State.CANCELLED, then=Value(1)),
    When(open_usages__gt=0, then=Value(2)),
    When(state=RunPool.State.PENDING, then=Value(3)),
    default=Value(4),
    output_field=IntegerField(),
)


class OfRunMixin:
    """A page below a run: `self.run` is the run of the address."""

    kwargs: dict[str, Any]

    @cached_property
    def run(self) -> ReconciliationRun:
        return get_object_or_404(ReconciliationRun.objects.select_related("requested_by"), pk=self.kwargs["pk"])


class RunView(OfRunMixin, RecordListView):
    """A run: how far it is, what it did, and its results per code as a list with filters, sorting and export."""

    template_name = "reconciliation/run.html"
    queryset = RunPool.objects.select_related("pool__code", "pool__office")
    permission_required = "reconciliation.view_reconciliationrun"
    filterset_class = RunPoolFilterSet
    table_class = RunPoolTable
    noun = "results"
    total_expressions = {
        name: name
        for name in ("passes", "usages", "allocations", "drawn", "given_back", "amount", "open_usages", "unallocated")
    }
    quick_searches = (
        QuickSearch(
            "problems",
            "Find Problems",
            narrow=lambda found: found.filter(Q(state=RunPool.State.FAILED) | Q(open_usages__gt=0)),
            all_done=EmptyState(
                "No problems",
                "This run allocated everything that it was given; nothing was set aside.",
                kind="all-done",
            ),
        ),
    )

    def get_title(self) -> str:
        return f"Run {self.run.pk}"

    def get_queryset(self) -> QuerySet[RunPool]:
        return self.queryset.filter(run=self.run).annotate(rank=_RANK)

    def get_order(self, state: ListState) -> tuple[str, ...]:
        if state.sort:
            return super().get_order(state)
        return ("rank", "pool__code__code", "pk")

    def get_table(self, *arguments: Any, **options: Any) -> BaseTable:
        table = super().get_table(*arguments, **options)
        if not self.run.prevent_inter_office:
            table.columns.hide("office")
        return table

    def get_empty_state(self, state: ListState, *, is_narrowed: bool, is_valid: bool) -> EmptyState:
        if is_valid and not is_narrowed:
            return EmptyState(
                "There was nothing to do",
                "No code had work when this run was requested: everything was reconciled already.",
                kind="all-done",
            )
        return super().get_empty_state(state, is_narrowed=is_narrowed, is_valid=is_valid)

    def get_actions(self) -> Sequence[Action]:
        run = self.run
        actions = [Action("Entries it made", f"{reverse('reconciliation:allocations')}?run={run.pk}", icon="ledger")]
        if run.is_active:
            reason = "Cancelling was asked for already." if run.cancel_requested_at else ""
            url = reverse("reconciliation:run_cancel", args=[run.pk])
            actions.append(Action("Cancel run", url, permission=RUN, icon="stop", reason=reason))
        return actions

    def get_extra_context(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "is_fragment": False,
            **progress_context(self.run),
            **self._errors(),
        }

    def _errors(self) -> dict[str, Any]:
        failed = RunPool.objects.filter(run=self.run, state=RunPool.State.FAILED).select_related("pool__code")
        return {
            "failed": failed.order_by("pool__code__code", "pk")[:ERRORS_SHOWN],
            "failed_count": failed.count(),
            "may_run": self.request.user.has_perm(RUN),
        }


def progress_context(run: ReconciliationRun) -> dict[str, Any]:
    """Everything on the run page that changes while it is under way."""
    lines = RunLogLine.objects.filter(run=run).select_related("pool__code").order_by("-pk")
    return {
        "run": run,
        "facts": _run_facts(run),
        "progress": run_progress(run, now=timezone.now()),
        "log_tail": list(lines[:LOG_TAIL])[::-1],
        "log_count": lines.count(),
    }


def _run_facts(run: ReconciliationRun) -> Sequence[Fact]:
    lasted = (run.finished_at or timezone.now()) - run.started_at if run.started_at else None
    cancelled = (Fact("Cancel asked for", run.cancel_requested_at, "moment"),) if run.cancel_requested_at else ()
    return (
        Fact("Started by", run.requested_by or "the system", hint=run.get_trigger_display()),
        Fact("Scope", "Everything with open work" if run.is_everything else "Chosen codes"),
        Fact("COGS method", run.get_cogs_method_display(), hint="in force when it was requested"),
        Fact("Prevent inter-office COGS", run.prevent_inter_office, "flag"),
        Fact("Requested", run.requested_at, "moment"),
        Fact("Started", run.started_at, "moment"),
        Fact("Finished", run.finished_at, "moment"),
        Fact("Duration", lasted.total_seconds() if lasted else None, "duration"),
        *cancelled,
    )


class RunProgressView(OfRunMixin, RecordPermissionMixin, View):
    """The moving part of the run page, asked for every two seconds; when the run has ended, the page is loaded anew."""

    permission_required = "reconciliation.view_reconciliationrun"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.headers.get("HX-Request"):
            return redirect(self.run)
        response = render(
            request, "reconciliation/_run_progress.html", {"is_fragment": True, **progress_context(self.run)}
        )
        if not self.run.is_active:
            response["HX-Refresh"] = "true"
        return response


class RunLogView(OfRunMixin, RecordListView):
    """The whole log of a run."""

    template_name = "reconciliation/run_log.html"
    queryset = RunLogLine.objects.select_related("pool__code")
    permission_required = "reconciliation.view_reconciliationrun"
    filterset_class = RunLogFilterSet
    table_class = RunLogTable
    noun = "lines"

    def get_title(self) -> str:
        return f"Log of run {self.run.pk}"

    def get_queryset(self) -> QuerySet[RunLogLine]:
        return self.queryset.filter(run=self.run)

    def get_extra_context(self) -> dict[str, Any]:
        return {"run": self.run}


class RunCodeView(RecordDetailView):
    """What a run did to one code: figures, how its passes went, and why something stayed open."""

    queryset = RunPool.objects.select_related("pool__code", "pool__office", "run")
    permission_required = "reconciliation.view_reconciliationrun"
    template_name = "reconciliation/run_code.html"
    pk_url_kwarg = "row"

    def get_queryset(self) -> QuerySet[RunPool]:
        return super().get_queryset().filter(run=self.kwargs["pk"])

    def get_title(self) -> str:
        return f"{self.object.pool} in run {self.object.run_id}"

    def get_status(self) -> tuple[str, str]:
        return (self.object.state, self.object.get_state_display())

    def get_actions(self) -> Sequence[Action]:
        row: RunPool = self.object
        code = row.pool.code
        start = reverse("reconciliation:run_start")
        return (
            Action("Entries made", entries_made(row), icon="ledger"),
            Action("Run this code again", start, method="post", permission=RUN, icon="run", fields={"code": code.code}),
        )

    def get_sections(self) -> Sequence[Section]:
        row: RunPool = self.object
        code = row.pool.code
        return (
            Section(
                "Result",
                facts=(
                    Fact("Code", code.code, url=code.get_absolute_url(), url_kind="code", hint=code.description),
                    Fact("Usages taken up", row.usages, "count"),
                    Fact("Passes", row.passes, "count"),
                    Fact("Allocations", row.allocations, "count"),
                    Fact("Drawn", row.drawn, "quantity"),
                    Fact("Given back", row.given_back, "quantity"),
                    Fact("Amount", row.amount, "money"),
                    Fact("Usages left open", row.open_usages, "count"),
                    Fact("Unallocated", row.unallocated, "quantity"),
                    Fact("Attempts", row.attempts, "count"),
                    Fact("Finished", row.finished_at, "moment"),
                ),
            ),
        )

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        row: RunPool = self.object
        named = [pk for remark in row.remarks for pk in remark["usages"]]
        usages = InventoryUsage.objects.in_bulk(named)
        reasons = [
            (line, [usages[pk] for pk in remark["usages"] if pk in usages], remark["count"] - len(remark["usages"]))
            for line, remark in zip(why_open(row.remarks), row.remarks, strict=True)
        ]
        return super().get_context_data(story=story(row.trace), reasons=reasons, run=row.run, **kwargs)


# -- Starting, cancelling, trying again --------------------------------------------------------------
class RunStartView(PermissionRequiredMixin, View):
    """Asks before it starts (GET), then starts (POST). A POST with `code` comes from the page of a code."""

    permission_required = RUN

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(request, RunForm(initial={"codes": ", ".join(request.GET.getlist("code"))}))

    def post(self, request: HttpRequest) -> HttpResponseBase:
        data = request.POST.copy()
        if codes := data.getlist("code"):
            data["codes"] = "\n".join(codes)
        form = RunForm(data)
        if not form.is_valid():
            return self._page(request, form, status=422)
        try:
            run, is_new = run_pressed(
                requested_by=signed_in(request), now=timezone.now(), codes=form.cleaned_data["codes"] or None
            )
        except ValidationError as error:
            form.add_error("codes", error)
            return self._page(request, form, status=422)
        if is_new:
            messages.success(request, f"Run {run.pk} was requested. You can leave this page; it goes on by itself.")
        else:
            messages.info(request, f"Run {run.pk} was under way already, so nothing was started twice.")
        return redirect(run)

    def _page(self, request: HttpRequest, form: RunForm, *, status: int = 200) -> HttpResponse:
        active = active_run()
        context = {
            "title": "Run COGS reconciliation",
            "form": form,
            "waiting": work_waiting(),
            "preference": Preference.current(),
            "active": active if active is not None and active.is_everything else None,
        }
        return render(request, "reconciliation/run_start.html", context, status=status)


class RunCancelView(OfRunMixin, PermissionRequiredMixin, View):
    permission_required = RUN

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return render(
            request,
            "reconciliation/run_cancel.html",
            {
                "title": f"Cancel run {self.run.pk}?",
                "run": self.run,
                "confirm_label": "Cancel the run",
                "action_url": reverse("reconciliation:run_cancel", args=[self.run.pk]),
                "cancel_url": self.run.get_absolute_url(),
            },
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.run.is_active:
            cancel_run(run=self.run, requested_by=signed_in(request), now=timezone.now())
            messages.info(request, "The run stops after what is being worked on now. What it has done so far stays.")
        else:
            messages.info(request, f"Run {self.run.pk} had ended already; nothing was changed.")
        return redirect(self.run)


class RunRetryView(OfRunMixin, PermissionRequiredMixin, View):
    """Try the codes again that a run set aside."""

    permission_required = RUN
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        failed = RunPool.objects.filter(run=self.run, state=RunPool.State.FAILED)
        if not failed.exists():
            messages.info(request, f"Run {self.run.pk} has set nothing aside; nothing was started.")
            return redirect(self.run)
        again = _retry_under_way(self.run)
        if again is None:
            again = retry_failed(run=self.run, requested_by=signed_in(request), now=timezone.now())
            messages.success(request, f"Run {again.pk} tries the codes again that run {self.run.pk} set aside.")
        else:
            messages.info(request, f"Run {again.pk} is trying them already, so nothing was started twice.")
        return redirect(again)


def _retry_under_way(run: ReconciliationRun) -> ReconciliationRun | None:
    same = RunPool.objects.filter(
        run=run,
        state=RunPool.State.FAILED,
        pool__in=RunPool.objects.filter(run=OuterRef(OuterRef("pk"))).values("pool"),
    )
    return (
        ReconciliationRun.objects.filter(
            Exists(same), trigger=ReconciliationRun.Trigger.RETRY, state__in=ReconciliationRun.ACTIVE, pk__gt=run.pk
        )
        .order_by("-pk")
        .first()
    )


# -- Entries -----------------------------------------------------------------------------------------
class AllocationListView(RecordListView):
    """The COGS entries: what a run made, with draws, give-backs and true-ups as they were written."""

    title = "COGS Entries"
    noun = "entries"
    queryset = CogsAllocation.objects.select_related("usage__code", "lot", "run")
    filterset_class = AllocationFilterSet
    table_class = AllocationTable
    default_sort = ("-entry",)
    total_expressions = {"quantity": "quantity", "amount": "amount"}
    totals_apart = True
    groupings = (
        Grouping(
            "run",
            "run_id",
            label=lambda row: f"Run {row.run_id}",
            url=lambda row: row.run.get_absolute_url(),
        ),
    )
    empty_first_use = EmptyState("No entries yet", "Entries are made by a COGS reconciliation run.")

    def get_rows(self, found: QuerySet[Any], state: ListState, start: int, stop: int) -> Sequence[Any]:
        """Keys first: to skip a quarter of a million rows, none of what they name has to be looked up."""
        keys = list(found.order_by(*self.get_order(state)).values_list("pk", flat=True)[start:stop])
        rows = self.get_queryset().in_bulk(keys)
        return [rows[key] for key in keys]
