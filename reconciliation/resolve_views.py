"""The resolve workbench: the codes with open usage, one code with its proposal and preview, and several at once."""

from collections.abc import Sequence
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.generic import View

from inventory_site.details import Action
from inventory_site.listing import EmptyState, QuickSearch
from inventory_site.tables import BaseTable
from inventory_site.views import RecordListView
from lots import addresses
from lots.models import CostPool, LineItemCode, Preference
from reconciliation.diagnosis import Cause, diagnose_pool, open_pools
from reconciliation.pass_story import story
from reconciliation.resolution_preview import ResolutionPreview, preview_resolution
from reconciliation.resolve_filtersets import ResolveFilterSet
from reconciliation.resolve_forms import ResolveForm
from reconciliation.resolve_sections import evidence_sections
from reconciliation.resolve_tables import BY_CAUSE, BY_FORM, ResolveTable, resolve_url
from reconciliation.resolving import RecordsChanged, Resolved, Suggestion, resolve_post, suggest
from reconciliation.run_views import RUN, run_action, signed_in
from usage.shapes import Form

LOOK: Final = "usage.view_openusage"
POST: Final = "usage.add_inventoryadjustment"
UNPROCESSABLE: Final = 422
CONFLICT: Final = 409
USAGES_SHOWN: Final = 12
SELECTED_LIMIT: Final = 50

NOTHING_OPEN = EmptyState(
    "Nothing is unallocated", "Every usage is allocated to the lots that paid for it.", kind="all-done"
)


# -- The list ----------------------------------------------------------------------------------------
class ResolveListView(RecordListView):
    """What is open after the last run, the most money first."""

    template_name = "reconciliation/resolve.html"
    permission_required = LOOK
    queryset = CostPool.objects.all()
    filterset_class = ResolveFilterSet
    table_class = ResolveTable
    title = "Resolve"
    noun = "codes"
    default_sort = ("-stake",)
    groupings = (BY_FORM, BY_CAUSE)
    total_expressions = {
        "net": "open_unallocated",
        "positive": "open_unallocated_positive",
        "negative": "open_unallocated_negative",
        "usages": "open_count",
        "stake": "stake",
    }
    empty_first_use = NOTHING_OPEN
    quick_searches = (
        QuickSearch("positive", "Net Positive", narrow=lambda found: found.filter(form=Form.NET_POSITIVE.name)),
        QuickSearch("negative", "Net Negative", narrow=lambda found: found.filter(form=Form.NET_NEGATIVE.name)),
        QuickSearch("zero", "Net Zero", narrow=lambda found: found.filter(form=Form.NET_ZERO.name)),
        QuickSearch(
            "waiting",
            "Waiting for a Run",
            narrow=lambda found: found.filter(cause__in=[Cause.WAITING, Cause.LATE_RECEIPT, Cause.SET_ASIDE]),
        ),
    )

    def get_queryset(self) -> QuerySet[CostPool]:
        return open_pools().for_list()

    def count_all(self) -> int:
        return CostPool.objects.filter(open_count__gt=0).count()

    def get_table(self, *arguments: Any, **options: Any) -> BaseTable:
        table = super().get_table(*arguments, **options)
        if not Preference.current().prevent_inter_office:
            table.columns.hide("office")
        return table

    def get_actions(self) -> Sequence[Action]:
        return (run_action(self.request.user),) if self.request.user.has_perm(RUN) else ()

    def get_extra_context(self) -> dict[str, Any]:
        waiting = CostPool.objects.filter(open_count__gt=0, has_work=True).aggregate(
            usages=Sum("open_count", default=0)
        )
        return {"usages_waiting": waiting["usages"]}


# -- One code ----------------------------------------------------------------------------------------
class OfCodeMixin(PermissionRequiredMixin):
    """A page about one code's open usage; ?pool= chooses the office where offices are apart."""

    permission_required = LOOK
    kwargs: dict[str, Any]
    request: HttpRequest

    @cached_property
    def code(self) -> LineItemCode:
        return get_object_or_404(LineItemCode, pk=self.kwargs["pk"])

    @cached_property
    def pools(self) -> list[CostPool]:
        """Those with open usage; or else the code's first, which says that nothing is open."""
        pools = CostPool.objects.filter(code=self.code).select_related("code", "office").order_by("pk")
        return list(pools.filter(open_count__gt=0)) or list(pools[:1])

    @cached_property
    def pool(self) -> CostPool | None:
        asked = self.request.POST.get("pool") or self.request.GET.get("pool", "")
        chosen = next((pool for pool in self.pools if str(pool.pk) == asked), None)
        return chosen or (self.pools[0] if self.pools else None)

    def suggestion(self) -> Suggestion | None:
        if self.pool is None or not self.pool.open_count:
            return None
        return suggest(self.code, self.pool)

    def form(self, suggestion: Suggestion, data: QueryDict | None) -> ResolveForm:
        return ResolveForm(data, suggestion=suggestion, now=timezone.localtime())

    def preview(self, form: ResolveForm) -> ResolutionPreview | None:
        """What the form's adjustment would do; what is refused becomes an error of the form."""
        if not form.is_valid() if form.is_bound else form.lacks_cost:
            return None
        try:
            return preview_resolution(
                code=self.code,
                lines=form.lines(),
                adjusted_at=form.values["adjusted_at"],
                account=form.values["account"],
                pool=self.pool,
                releases=form.releases,
                office=form.chosen_office,
                now=timezone.now(),
            )
        except ValidationError as refusal:
            form.add_error(None, refusal)
            return None


class ResolveCodeView(OfCodeMixin, View):
    """What is wrong with a code and why, the adjustment that cures it, and what posting it would do."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            suggestion = self.suggestion()
        except ValidationError as refusal:
            return self._page(None, None, refused=" ".join(refusal.messages))
        if suggestion is None:
            return self._page(None, None)
        form = self.form(suggestion, request.GET if "quantity" in request.GET else None)
        return self._page(suggestion, form, preview=self.preview(form))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.has_perm(POST):
            return self.handle_no_permission()
        try:
            suggestion = self.suggestion()
        except ValidationError as refusal:
            return self._page(None, None, refused=" ".join(refusal.messages), status=UNPROCESSABLE)
        if suggestion is None:
            messages.info(request, f"Nothing of {self.code} is unallocated any more; nothing was posted.")
            return redirect("reconciliation:resolve")
        form = self.form(suggestion, request.POST)
        if not form.is_valid():
            return self._page(suggestion, form, status=UNPROCESSABLE)
        try:
            resolved = resolve_post(
                code=self.code,
                lines=form.lines(),
                adjusted_at=form.values["adjusted_at"],
                fingerprint=request.POST.get("fingerprint", ""),
                by=signed_in(request),
                at=timezone.now(),
                account=form.values["account"],
                pool=self.pool,
                releases=form.releases,
                office=form.chosen_office,
            )
        except RecordsChanged as changed:
            return self._page(suggestion, form, preview=changed.preview, changed=changed.messages[0], status=CONFLICT)
        except ValidationError as refusal:
            form.add_error(None, " ".join(refusal.messages))
            return self._page(suggestion, form, preview=self.preview(form), status=UNPROCESSABLE)
        return self._done(resolved)

    def _done(self, resolved: Resolved) -> HttpResponseBase:
        adjustment = resolved.adjustment
        if adjustment is not None and resolved.awaits_approval:
            messages.warning(
                self.request,
                f"Adjustment {adjustment.number} is saved, but its amount needs the approval of a second person."
                " Nothing is posted or let go until then.",
            )
            return redirect("reconciliation:pending_cure", adjustment.pk)
        what = f"Adjustment {adjustment.number} is posted. " if adjustment is not None else ""
        messages.success(self.request, f"{what}This run reconciles {self.code}.")
        return redirect(resolved.run or "reconciliation:resolve")

    def _page(
        self,
        suggestion: Suggestion | None,
        form: ResolveForm | None,
        *,
        preview: ResolutionPreview | None = None,
        changed: str = "",
        refused: str = "",
        status: int = 200,
    ) -> HttpResponse:
        pool = self.pool
        diagnosis = diagnose_pool(pool) if pool is not None else None
        context = {
            "title": f"Resolve {self.code.code}",
            "code": self.code,
            "pool": pool,
            "pools": [(other, resolve_url(other), other == pool) for other in self.pools]
            if len(self.pools) > 1
            else [],
            "diagnosis": diagnosis,
            "due_url": addresses.everything_from(diagnosis.due_from) if diagnosis else "",
            "suggestion": suggestion,
            "form": form,
            "changed": changed,
            "refused": refused,
            "sections": evidence_sections(self.code, pool) if pool is not None else (),
            "may_post": self.request.user.has_perm(POST),
            "empty": NOTHING_OPEN,
            **preview_context(preview),
        }
        return render(self.request, "reconciliation/resolve_code.html", context, status=status)


def preview_context(preview: ResolutionPreview | None) -> dict[str, Any]:
    """The preview, and what its template needs beside it."""
    if preview is None:
        return {"preview": None, "story": (), "shown_open": (), "shown_closed": ()}
    return {
        "preview": preview,
        "story": story([line._asdict() for line in preview.trace]),
        "shown_open": preview.still_open[:USAGES_SHOWN],
        "shown_closed": preview.closed[:USAGES_SHOWN],
    }


class ResolvePreviewView(OfCodeMixin, View):
    """The preview alone, asked for while the form is filled in. Writes nothing."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        address = reverse("reconciliation:resolve_code", args=[self.code.pk])
        if not request.headers.get("HX-Request"):
            return redirect(f"{address}?{request.GET.urlencode()}")
        try:
            suggestion = self.suggestion()
        except ValidationError:
            suggestion = None
        if suggestion is None:
            response = HttpResponse()
            response["HX-Redirect"] = address
            return response
        form = self.form(suggestion, request.GET)
        context = {"form": form, "is_fragment": True, **preview_context(self.preview(form))}
        return render(request, "reconciliation/_resolve_preview.html", context)
