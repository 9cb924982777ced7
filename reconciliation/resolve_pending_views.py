"""A cure that waits for a second person: what it would do now; agreeing to it, posting it, bringing it up to date."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.generic import View

from lots.models import PostingStatus
from reconciliation.resolution_preview import ResolutionPreview
from reconciliation.resolve_tables import resolve_url
from reconciliation.resolve_views import CONFLICT, LOOK, POST, UNPROCESSABLE, preview_context
from reconciliation.resolving import (
    RecordsChanged,
    ShownOtherwise,
    cure_approve,
    cure_post,
    cure_renew,
    preview_cure,
)
from reconciliation.run_views import signed_in
from usage.adjusting import needs_approval, why_not_approve, why_not_post
from usage.models import InventoryAdjustment

APPROVE = "usage.approve_adjustment"
CHANGED = (
    "The records changed after this was previewed, so it can be neither approved nor posted as it is. This is what it"
    " would do now: take it over, which asks for approval anew, or void the adjustment and resolve what is still open."
)


class PendingCureView(PermissionRequiredMixin, View):
    """One pending adjustment that the workbench made. Others, and what is posted or void, have their own page."""

    permission_required = LOOK

    def get(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        adjustment = get_object_or_404(InventoryAdjustment, pk=pk)
        return self._page(adjustment) if _is_pending_cure(adjustment) else redirect(adjustment)

    def post(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        action = request.POST.get("action", "")
        if not request.user.has_perm(APPROVE if action == "approve" else POST):
            return self.handle_no_permission()
        adjustment = get_object_or_404(InventoryAdjustment, pk=pk)
        if not _is_pending_cure(adjustment):
            messages.info(request, f"Adjustment {adjustment} does not wait any more. Nothing was changed.")
            return redirect(adjustment)
        try:
            return self._perform(action, adjustment)
        except ShownOtherwise as other:
            return self._page(adjustment, other.preview, shown_otherwise=other.messages[0], status=CONFLICT)
        except RecordsChanged as changed:
            return self._page(adjustment, changed.preview, status=CONFLICT)
        except ValidationError as refusal:
            return self._page(adjustment, refused=" ".join(refusal.messages), status=UNPROCESSABLE)

    def _perform(self, action: str, adjustment: InventoryAdjustment) -> HttpResponseBase:
        by, now = signed_in(self.request), timezone.now()
        fingerprint = self.request.POST.get("fingerprint", "")
        if action == "approve":
            cure_approve(adjustment=adjustment, fingerprint=fingerprint, by=by, at=now)
            messages.success(self.request, f"Adjustment {adjustment} is approved: somebody other than you may post it.")
        elif action == "renew":
            cure_renew(adjustment=adjustment, fingerprint=fingerprint, by=by, at=now)
            messages.success(self.request, f"Adjustment {adjustment} stands for what it would do now.")
        elif action == "post":
            run = cure_post(adjustment=adjustment, fingerprint=fingerprint, by=by, at=now).run
            messages.success(self.request, f"Adjustment {adjustment} is posted. This run reconciles it.")
            return redirect(run or adjustment)
        return redirect("reconciliation:pending_cure", adjustment.pk)

    def _page(
        self,
        adjustment: InventoryAdjustment,
        preview: ResolutionPreview | None = None,
        *,
        refused: str = "",
        shown_otherwise: str = "",
        status: int = 200,
    ) -> HttpResponse:
        # What a refused verb set on it was never written.
        adjustment = InventoryAdjustment.objects.select_related("created_by", "approved_by").get(pk=adjustment.pk)
        try:
            preview = preview or preview_cure(adjustment, now=timezone.now())
        except ValidationError as refusal:
            refused = refused or " ".join(refusal.messages)
        by = signed_in(self.request)
        has_changed = preview is not None and preview.fingerprint != adjustment.preview_fingerprint
        context: dict[str, Any] = {
            "title": f"Adjustment {adjustment}, which resolves {preview.pool.code if preview else 'a code'}",
            "adjustment": adjustment,
            "bench_url": resolve_url(preview.pool) if preview else "",
            "changed": CHANGED if has_changed else "",
            "shown_otherwise": shown_otherwise,
            "refused": refused,
            "needs_approval": needs_approval(adjustment),
            # Who cannot is told so once, as the reason why it is not posted.
            "can_approve": by.has_perm(APPROVE) and not why_not_approve(adjustment, by),
            "why_not_post": why_not_post(adjustment, by),
            "may_post": by.has_perm(POST),
            **preview_context(preview),
        }
        return render(self.request, "reconciliation/resolve_pending.html", context, status=status)


def _is_pending_cure(adjustment: InventoryAdjustment) -> bool:
    return adjustment.status == PostingStatus.PENDING and adjustment.preview_fingerprint != ""
