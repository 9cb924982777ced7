"""Several codes at once: what each would post, and after posting what became of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.generic import View

from lots.models import CostPool
from reconciliation.diagnosis import Diagnosis, diagnose
from reconciliation.models import ReconciliationRun
from reconciliation.requests import request_run
from reconciliation.resolution_preview import ResolutionPreview, preview_resolution
from reconciliation.resolve_tables import resolve_url
from reconciliation.resolve_views import LOOK, POST
from reconciliation.resolving import Resolved, Suggestion, resolve_post, suggest
from reconciliation.run_views import signed_in

SELECTED_LIMIT: Final = 50


@dataclass
class SelectedCode:
    """One of several: its proposal, and after posting what became of it."""

    pool: CostPool
    url: str
    diagnosis: Diagnosis | None = None
    suggestion: Suggestion | None = None
    preview: ResolutionPreview | None = None
    resolved: Resolved | None = None
    error: str = ""

    @property
    def left_out(self) -> str:
        """Why only people can resolve it, on its own page."""
        return self.suggestion.only_people_can if self.suggestion else ""


class ResolveSelectedView(PermissionRequiredMixin, View):
    """What resolves the chosen codes, and posting it: each by itself, then one run over those that were posted."""

    permission_required = LOOK

    def get(self, request: HttpRequest) -> HttpResponseBase:
        pools = self._pools(request.GET)
        if not pools:
            messages.info(request, "Select some codes first.")
            return redirect("reconciliation:resolve")
        moment = timezone.localtime().replace(microsecond=0)
        found = diagnose([pool.pk for pool in pools])
        rows = [SelectedCode(pool, resolve_url(pool), found.get(pool.pk)) for pool in pools]
        for row in rows:
            try:
                row.suggestion = proposal = suggest(row.pool.code, row.pool)
                if row.left_out:
                    continue
                row.preview = preview_resolution(
                    code=row.pool.code,
                    lines=proposal.lines,
                    adjusted_at=moment,
                    pool=row.pool,
                    releases=proposal.releases,
                    office=proposal.office,
                    now=moment,
                )
                row.error = row.preview.error
            except ValidationError as refusal:
                row.error = " ".join(refusal.messages)
        return self._page(rows, moment=moment.isoformat())

    def post(self, request: HttpRequest) -> HttpResponseBase:
        if not request.user.has_perm(POST):
            return self.handle_no_permission()
        moment = _moment_of(request.POST.get("moment", ""))
        pools = self._pools(request.POST)
        if not pools or moment is None:
            messages.info(request, "Select some codes first. Nothing was posted.")
            return redirect("reconciliation:resolve")
        rows = [SelectedCode(pool, resolve_url(pool)) for pool in pools]
        for row in rows:
            try:
                row.suggestion = proposal = suggest(row.pool.code, row.pool)
                if row.left_out:
                    continue
                row.resolved = resolve_post(
                    code=row.pool.code,
                    lines=proposal.lines,
                    adjusted_at=moment,
                    fingerprint=request.POST.get(f"fingerprint-{row.pool.pk}", ""),
                    by=signed_in(request),
                    at=timezone.now(),
                    pool=row.pool,
                    releases=proposal.releases,
                    office=proposal.office,
                    with_run=False,
                )
            except ValidationError as refusal:
                row.error = " ".join(refusal.messages)
        run = request_run_over(rows, request)
        return self._page(rows, is_done=True, run=run)

    def _pools(self, data: QueryDict) -> list[CostPool]:
        chosen = [int(text) for text in data.getlist("pool") if text.isascii() and text.isdigit() and len(text) < 16]
        if len(chosen) > SELECTED_LIMIT:
            messages.warning(
                self.request,
                f"The first {SELECTED_LIMIT} of {len(chosen):,}. For more at once: python3 run.py manage resolve.",
            )
        return list(
            CostPool.objects.filter(pk__in=chosen[:SELECTED_LIMIT], open_count__gt=0)
            .select_related("code", "office")
            .order_by("code__code", "pk")
        )

    def _page(
        self, rows: Sequence[SelectedCode], *, moment: str = "", is_done: bool = False, run: Any = None
    ) -> HttpResponse:
        context = {
            "title": "Resolved" if is_done else "Resolve selected",
            "rows": rows,
            "moment": moment,
            "is_done": is_done,
            "run": run,
            "posted": sum(1 for row in rows if row.resolved and not row.resolved.awaits_approval),
            "can_be_posted": any(row.preview and not row.error for row in rows),
            "may_post": self.request.user.has_perm(POST),
        }
        return render(self.request, "reconciliation/resolve_selected.html", context)


def request_run_over(rows: Sequence[SelectedCode], request: HttpRequest) -> Any:
    """One run over the codes that were posted, or None."""
    codes = {row.pool.code.code for row in rows if row.resolved is not None and not row.resolved.awaits_approval}
    if not codes:
        return None
    return request_run(
        trigger=ReconciliationRun.Trigger.BUTTON, now=timezone.now(), requested_by=signed_in(request), codes=codes
    )


def _moment_of(text: str) -> Any:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment is not None and timezone.is_aware(moment) else None
