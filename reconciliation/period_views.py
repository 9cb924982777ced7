"""The Periods page: which months are open, what to see to before one is closed, and who closed which."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.generic import View

from inventory_site.documents import UNPROCESSABLE
from inventory_site.listing import EmptyState
from lots.models import PeriodChange
from reconciliation.account_forms import ReasonForm
from reconciliation.account_tables import PeriodChangeTable, PeriodTable, periods_url
from reconciliation.periods import (
    EARLIER_OPEN,
    ChecklistItem,
    Month,
    close_checklist,
    months,
    not_begun,
    open_months_until,
    period_close,
    period_name,
    period_named,
    period_reopen,
    periods_close,
    why_not_close,
    why_not_close_all,
)
from reconciliation.run_views import signed_in

CHANGE: Final = "lots.change_fiscalperiod"
CHANGES_SHOWN: Final = 50


class PeriodsView(PermissionRequiredMixin, View):
    """All months, and one of them (?period=) with its checklist: the oldest that is open and has entries."""

    permission_required = "lots.view_fiscalperiod"

    def get(self, request: HttpRequest) -> HttpResponse:
        found = months(today=timezone.localdate())
        chosen = _chosen(request, found)
        checklist = [] if chosen.is_closed else close_checklist(chosen.starts_on)
        changes = PeriodChange.objects.select_related("by", "period")[:CHANGES_SHOWN]
        context = {
            "title": "Periods",
            "chosen": chosen,
            "checklist": checklist,
            "why_not": "" if chosen.is_closed else why_not_close(chosen.starts_on),
            "may_change": request.user.has_perm(CHANGE),
            # One alone is closed above. Without those since the last posting, which nobody closes yet.
            "closable": _closable(found),
            "periods": PeriodTable(_worth_showing(found)),
            "changes": PeriodChangeTable(
                changes, empty=EmptyState("No period was ever closed", "Every month takes postings.")
            ),
        }
        return render(request, "reconciliation/periods.html", context)


def _worth_showing(found: Sequence[Month]) -> list[Month]:
    """Leave out empty months since the last posting but the newest: a year at rest would push the others down."""
    last = next((place for place, month in enumerate(found) if month.entries or month.is_closed or month.change), 0)
    return [*found[:1], *found[max(last, 1) :]]


def _closable(found: Sequence[Month]) -> list[Month]:
    """The open months that several can be closed up to, oldest first; none where there are not several."""
    shown = [month for month in reversed(_worth_showing(found)) if not month.is_closed]
    return shown if len(shown) > 1 else []


def _chosen(request: HttpRequest, found: Sequence[Month]) -> Month:
    asked = request.GET.get("period", "")
    named = next((month for month in found if month.name == asked), None)
    if asked and named is None:
        messages.info(request, "There is no such period yet; this is the one to close next.")
    open_months = [month for month in reversed(found) if not month.is_closed]
    return named or next((month for month in open_months if month.entries), (open_months or [found[0]])[0])


class _PeriodChangeView(PermissionRequiredMixin, View):
    """GET asks for the reason, POST does it; ?period=2026-03 says which."""

    permission_required = CHANGE

    def get(self, request: HttpRequest) -> HttpResponse:
        starts_on = self._period()
        return self._nowhere() if starts_on is None else self._page(starts_on, ReasonForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        starts_on = self._period()
        if starts_on is None:
            return self._nowhere()
        form = ReasonForm(request.POST)
        if not form.is_valid():
            return self._page(starts_on, form, status=UNPROCESSABLE)
        try:
            done = self.perform(starts_on, form.cleaned_data["reason"])
        except ValidationError as refusal:
            form.add_error(None, refusal)
            return self._page(starts_on, form, status=UNPROCESSABLE)
        messages.success(request, done)
        return redirect(periods_url(period_name(starts_on)))

    def _period(self) -> date | None:
        try:
            return period_named(self.request.GET.get("period", ""))
        except ValidationError as error:
            messages.error(self.request, " ".join(error.messages))
            return None

    def _nowhere(self) -> HttpResponse:
        return redirect("reconciliation:periods")

    def _page(self, starts_on: date, form: ReasonForm, *, status: int = 200) -> HttpResponse:
        label = self.label(starts_on)
        context: dict[str, Any] = {
            "title": label,
            "form": form,
            "submit_label": label,
            "cancel_url": periods_url(period_name(starts_on)),
            "is_close": False,
            "reason_not": "",
            "left": [],
            "several": [],
            "is_nothing_open": False,
            **self.more(starts_on),
        }
        return render(self.request, "reconciliation/period_change.html", context, status=status)

    def label(self, starts_on: date) -> str:
        """What the page and its button are called."""
        raise NotImplementedError

    def more(self, starts_on: date) -> dict[str, Any]:
        return {}

    def perform(self, starts_on: date, reason: str) -> str:
        """Do it, and give the sentence that says so."""
        raise NotImplementedError


def _left(starts_on: date) -> list[ChecklistItem]:
    return [item for item in close_checklist(starts_on) if item.count and not item.is_blocking]


class PeriodCloseView(_PeriodChangeView):
    def label(self, starts_on: date) -> str:
        return f"Close {period_name(starts_on)}"

    def more(self, starts_on: date) -> dict[str, Any]:
        if _is_ahead(starts_on):
            return {"is_close": True, "reason_not": not_begun(starts_on)}
        return {"is_close": True, "reason_not": why_not_close(starts_on), "left": _left(starts_on)}

    def perform(self, starts_on: date, reason: str) -> str:
        change = period_close(starts_on=starts_on, by=signed_in(self.request), now=timezone.now(), reason=reason)
        return f"{change.period} is closed now."


class PeriodsCloseView(_PeriodChangeView):
    """All open months up to one: a year is closed in one step."""

    def label(self, starts_on: date) -> str:
        several = [] if _is_ahead(starts_on) else open_months_until(starts_on)
        return f"Close {_span(several) or period_name(starts_on)}"

    def more(self, starts_on: date) -> dict[str, Any]:
        if _is_ahead(starts_on):
            return {"is_close": True, "reason_not": not_begun(starts_on)}
        several = open_months_until(starts_on)
        reasons = why_not_close_all(several)
        if not several:
            reasons = [f"No month up to {period_name(starts_on)} is open."]
        return {
            "is_close": True,
            "reason_not": " ".join(reasons),
            # Each month before counts as closed by then.
            "left": [item for item in _left(starts_on) if item.label != EARLIER_OPEN],
            "several": [period_name(month) for month in several],
            "is_nothing_open": not several,
        }

    def perform(self, starts_on: date, reason: str) -> str:
        by = signed_in(self.request)
        changes = periods_close(until=starts_on, by=by, now=timezone.now(), reason=reason)
        months_closed = [change.period.starts_on for change in changes]
        return f"{_span(months_closed)} {'is' if len(changes) == 1 else 'are'} closed now."


def _is_ahead(starts_on: date) -> bool:
    return starts_on > timezone.localdate()


def _span(found: Sequence[date]) -> str:
    """2026-03; 2025-07 to 2026-06 (12 months)."""
    if len(found) < 2:
        return "".join(map(period_name, found))
    return f"{period_name(found[0])} to {period_name(found[-1])} ({len(found)} months)"


class PeriodReopenView(_PeriodChangeView):
    def label(self, starts_on: date) -> str:
        return f"Reopen {period_name(starts_on)}"

    def perform(self, starts_on: date, reason: str) -> str:
        change = period_reopen(starts_on=starts_on, by=signed_in(self.request), now=timezone.now(), reason=reason)
        return f"{change.period} is open now."
