"""The home page, the ledger check, and the dry run. Pages of runs stand in run_views.py."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.generic import View

from inventory_site.fields import MONEY_STEP, QUANTITY_STEP
from inventory_site.listing import EmptyState
from lots.addresses import found_set
from lots.models import CostPool, LineItemCode
from reconciliation.checking import request_check
from reconciliation.comparing import ComparedTable, compare_methods, usages_to_compare
from reconciliation.engine import CostMethod
from reconciliation.forms import COMPARE, PreviewForm
from reconciliation.ledger_pages import invariants_of
from reconciliation.models import LedgerCheck
from reconciliation.preview import Preview, preview_run
from reconciliation.run_progress import run_progress
from reconciliation.run_views import RUN, run_action, signed_in
from reconciliation.selectors import (
    OpenForm,
    active_run,
    last_ended_run,
    open_usage_by_form,
    pools_set_aside,
    stock,
    work_waiting,
)
from reconciliation.tables import LedgerCheckTable, PreviewTable, why_open

VERIFY: Final = "reconciliation.verify_ledger"
CHECKS_SHOWN: Final = 10
SET_ASIDE_SHOWN: Final = 5
PREVIEW_LINES: Final = 250
# A check of half a million usages takes half a minute; after this, nobody is at work on it.
CHECK_SECONDS: Final = 150


# -- Home --------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class OpenFormLine:
    """A line of the home page: open usage of one form, and where each of its figures leads."""

    figures: OpenForm
    label: str
    hint: str
    codes_url: str
    usages_url: str


_FORMS: Final = {
    "NET_POSITIVE": ("Net positive", "more was used than received: enter the missing receipt"),
    "NET_NEGATIVE": ("Net negative", "more came back than was ever used of a lot: look at returns and counts"),
    "NET_ZERO": ("Net zero", "use and return cancel out, but no lot could carry them"),
}


def open_form_lines() -> list[OpenFormLine]:
    lines = []
    for figures in open_usage_by_form():
        label, hint = _FORMS[figures.form.name]
        form = figures.form.name.removeprefix("NET_")
        codes = found_set("lots:codes", form=form)
        usages = found_set("usage:usages", quick="open", group="code", form=form)
        lines.append(OpenFormLine(figures, label, hint, codes, usages))
    return lines


class HomeView(View):
    """What needs attention; everybody who is signed in sees it, each figure as far as their role reaches."""

    def get(self, request: HttpRequest) -> HttpResponse:
        now = timezone.now()
        user = request.user
        active = active_run()
        lines = open_form_lines()
        aside = pools_set_aside()
        context = {
            "title": "Home",
            "stock": stock(),
            "open_lines": lines,
            "open_totals": {
                "codes": sum(line.figures.codes for line in lines),
                "usages": sum(line.figures.usages for line in lines),
                "unallocated": sum((line.figures.unallocated for line in lines), Decimal(0)),
                "accrued_cogs": sum((line.figures.accrued_cogs for line in lines), Decimal(0)),
                "url": found_set("usage:usages", quick="open", group="code"),
            },
            "waiting": work_waiting(),
            "active": active,
            "progress": run_progress(active, now=now) if active else None,
            "last_run": last_ended_run(),
            "check": LedgerCheck.objects.select_related("by").first(),
            "set_aside": aside[:SET_ASIDE_SHOWN],
            "set_aside_count": aside.count(),
            "run_action": run_action(user),
        }
        return render(request, "reconciliation/home.html", context)


# -- Ledger check ------------------------------------------------------------------------------------
class LedgerCheckView(PermissionRequiredMixin, View):
    """The last check, or an earlier one (?check=); a POST asks a worker for a new one."""

    permission_required = "reconciliation.view_ledgercheck"

    def get(self, request: HttpRequest) -> HttpResponse:
        checks = LedgerCheck.objects.select_related("by")
        chosen = _number(request.GET.get("check"))
        latest = checks.first()
        shown = checks.filter(pk=chosen).first() if chosen is not None else latest
        waiting = check_awaited(request, now=timezone.now())
        if waiting is not None and waiting.is_done:
            return redirect("reconciliation:ledger_check")
        context = {
            "title": "Ledger Check",
            "check": shown,
            "is_latest": shown == latest,
            "invariants": invariants_of(shown) if shown else (),
            "awaited": waiting,
            "history": LedgerCheckTable(checks[:CHECKS_SHOWN]),
            "may_verify": request.user.has_perm(VERIFY),
        }
        return render(request, "reconciliation/ledger_check.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm(VERIFY):
            return self.handle_no_permission()
        since = LedgerCheck.objects.values_list("pk", flat=True).first() or 0
        if not request_check(by=signed_in(request)):
            messages.error(
                request,
                "Nothing was checked: the broker that hands work to the workers does not answer. Try again later, or"
                " run “python3 run.py manage verify_ledger”.",
            )
            return redirect("reconciliation:ledger_check")
        asked = int(timezone.now().timestamp())
        return redirect(f"{reverse('reconciliation:ledger_check')}?since={since}&asked={asked}")


@dataclass(frozen=True)
class AwaitedCheck:
    """A check that was asked for: the address says since when, so the page is the same after a reload."""

    since: int
    asked: int
    seconds: int
    is_done: bool

    @property
    def is_late(self) -> bool:
        return self.seconds > CHECK_SECONDS


def check_awaited(request: HttpRequest, *, now: datetime) -> AwaitedCheck | None:
    since, asked = _number(request.GET.get("since")), _number(request.GET.get("asked"))
    if since is None or asked is None:
        return None
    seconds = max(0, int(now.timestamp()) - asked)
    return AwaitedCheck(since, asked, seconds, LedgerCheck.objects.filter(pk__gt=since).exists())


class LedgerCheckProgressView(PermissionRequiredMixin, View):
    """Asked for every two seconds until the check is there."""

    permission_required = "reconciliation.view_ledgercheck"

    def get(self, request: HttpRequest) -> HttpResponse:
        waiting = check_awaited(request, now=timezone.now())
        if waiting is None or not request.headers.get("HX-Request"):
            return redirect("reconciliation:ledger_check")
        response = render(request, "reconciliation/_ledger_check_awaited.html", {"awaited": waiting})
        if waiting.is_done:
            response["HX-Redirect"] = reverse("reconciliation:ledger_check")
        return response


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


# -- Dry run -----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class PreviewRow:
    code: str
    code_url: str
    office: str
    passes: int
    drawn: Decimal
    given_back: Decimal
    amount: Decimal
    open_usages: int
    unallocated: Decimal
    why: str


class PreviewView(PermissionRequiredMixin, View):
    """What a run would do now, without writing a row; too large ones are for the shell."""

    permission_required = RUN

    def get(self, request: HttpRequest) -> HttpResponse:
        form = PreviewForm(request.GET or None)
        context: dict[str, Any] = {"title": "What would a run do now?", "form": form, "limit": settings.BATCH_USAGES}
        codes: list[str] | None = None
        is_valid = not form.is_bound or form.is_valid()
        if form.is_bound and is_valid:
            codes = form.cleaned_data["codes"] or None
            context["unknown"] = _unknown(codes)
        if not is_valid or context.get("unknown"):
            return render(request, "reconciliation/preview.html", context, status=422)
        if form.is_bound and form.cleaned_data["method"] == COMPARE:
            context |= _comparison_context(codes)
            return render(request, "reconciliation/preview.html", context)
        waiting = work_waiting(codes=codes)
        context["waiting"] = waiting
        if waiting.usages > settings.BATCH_USAGES:
            context["command"] = "python3 run.py manage reconcile --dry-run" + "".join(
                f" --code {shlex.quote(code)}" for code in codes or ()
            )
        else:
            method = form.cleaned_data["method"] if form.is_bound else ""
            preview = preview_run(now=timezone.now(), codes=codes, method=CostMethod(method) if method else None)
            context |= _preview_context(preview)
        return render(request, "reconciliation/preview.html", context)


def _unknown(codes: Sequence[str] | None) -> list[str]:
    known = set(LineItemCode.objects.filter(code__in=codes or ()).values_list("code", flat=True))
    return [code for code in codes or () if code not in known]


def _comparison_context(codes: Sequence[str] | None) -> dict[str, Any]:
    if (count := usages_to_compare(codes=codes)) > settings.BATCH_USAGES:
        return {"too_many_to_compare": count}
    comparison = compare_methods(codes=codes)
    return {
        "comparison": comparison,
        "line_count": len(comparison.rows),
        "table": ComparedTable(
            comparison.rows[:PREVIEW_LINES],
            totals=comparison.totals,
            empty=EmptyState("Nothing to compare", "None of these codes was ever used.", kind="all-done"),
        ),
    }


def _preview_context(preview: Preview) -> dict[str, Any]:
    pools = CostPool.objects.select_related("code", "office").in_bulk([line["pool"] for line in preview.lines])
    rows = [_preview_row(pools[line["pool"]], line) for line in preview.lines if line["pool"] in pools]
    # What would stay open first, then by the money that would move.
    rows.sort(key=lambda row: (not row.why, -abs(row.amount), row.code))
    totals = {
        "passes": Decimal(preview.passes),
        "drawn": preview.drawn * QUANTITY_STEP,
        "given_back": preview.given_back * QUANTITY_STEP,
        "amount": preview.amount * MONEY_STEP,
        "open_usages": Decimal(preview.open_usages),
        "unallocated": preview.unallocated * QUANTITY_STEP,
    }
    return {
        "preview": preview,
        "line_count": len(rows),
        "table": PreviewTable(
            rows[:PREVIEW_LINES],
            totals=totals,
            empty=EmptyState("Nothing to do", "Everything in this scope is reconciled already.", kind="all-done"),
        ),
    }


def _preview_row(pool: CostPool, line: dict[str, Any]) -> PreviewRow:
    return PreviewRow(
        code=pool.code.code,
        code_url=pool.code.get_absolute_url(),
        office=pool.office.code if pool.office else "",
        passes=line["passes"],
        drawn=line["drawn"] * QUANTITY_STEP,
        given_back=line["given_back"] * QUANTITY_STEP,
        amount=line["amount"] * MONEY_STEP,
        open_usages=line["open_usages"],
        unallocated=line["unallocated"] * QUANTITY_STEP,
        why=" ".join([line["error"]] if line["error"] else why_open(line["remarks"])),
    )
