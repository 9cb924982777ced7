"""Inventory adjustments: list, detail, one form for each type, and the actions."""

from collections.abc import Mapping, Sequence
from operator import methodcaller
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import F
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone

from inventory_site.details import Action, Fact, Section
from inventory_site.document_forms import LineError
from inventory_site.documents import DocumentActionView, DocumentFormView
from inventory_site.listing import EmptyState, QuickSearch
from inventory_site.money import money_text
from inventory_site.views import RecordDetailView, RecordListView
from lots import addresses
from lots.history_table import history_section
from lots.models import LineItemCode, PostingStatus, Preference
from usage import adjusting
from usage.adjustment_costs import line_amounts, unit_costs
from usage.adjustment_filtersets import AdjustmentFilterSet
from usage.adjustment_forms import FORMSETS, AdjustmentForm, VoidForm
from usage.adjustment_lines import Role, Type, shares_of
from usage.adjustment_preview import planned_records
from usage.adjustment_querysets import adjustments
from usage.adjustment_tables import AdjustmentTable, LineTable, PlannedTable, RecordTable
from usage.models import AdjustmentRecord, InventoryAdjustment

ADD = "usage.add_inventoryadjustment"
CHANGE = "usage.change_inventoryadjustment"
APPROVE = "usage.approve_adjustment"

ABOUT: Mapping[str, str] = {
    Type.COUNT: "What was counted, against what the system says. Counting up is a return: it gives back to lots.",
    Type.LOSS: "Goods that are damaged or missing.",
    Type.TRANSFER: "Goods that go from one bin, or one office, to another. Their cost goes with them.",
    Type.ASSEMBLY: "Components that become one product, which then costs what they cost.",
    Type.DIVISION: "One item that is split into others, which share its cost.",
    Type.BEGINNING_BALANCE: "Goods that were never entered: each line makes a lot at a cost of its own.",
}
LINES_TITLES: Mapping[str, str] = {
    Type.ASSEMBLY: "Components and product",
    Type.DIVISION: "Item and products",
}


def user_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  (sign-in is required everywhere; this tells the type checker)
    return request.user


# -- List and detail ---------------------------------------------------------------------------------
class AdjustmentListView(RecordListView):
    queryset = adjustments().for_list()
    filterset_class = AdjustmentFilterSet
    table_class = AdjustmentTable
    title = "Inventory Adjustments"
    noun = "adjustments"
    default_sort = ("-number",)
    total_expressions: Mapping[str, Any] = {"amount": F("amount")}
    quick_searches = (
        QuickSearch("pending", "Find Pending", narrow=methodcaller("pending")),
        QuickSearch("approval", "Find Those That Need Approval", narrow=methodcaller("needing_approval")),
    )
    empty_first_use = EmptyState(
        "No inventory adjustments yet", "Count what is there, enter a beginning balance, or print a count sheet first."
    )

    def get_actions(self) -> Sequence[Action]:
        return (
            Action("Count sheet", reverse("usage:count_sheet")),
            Action("New adjustment", reverse("usage:adjustment_create"), permission=ADD, is_primary=True),
        )


class AdjustmentDetailView(RecordDetailView):
    queryset = adjustments().for_list().select_related("approved_by")
    template_name = "usage/adjustment_detail.html"
    list_url_name = "usage:adjustments"
    list_label = "Inventory Adjustments"

    def get_title(self) -> str:
        return f"{self.object.get_adjustment_type_display()} {self.object}"

    def get_status(self) -> tuple[str, str]:
        return self.object.status, self.object.get_status_display()

    def get_actions(self) -> Sequence[Action]:
        adjustment: InventoryAdjustment = self.object
        by = user_of(self.request)
        pk = [adjustment.pk]
        actions = [
            Action(
                "Edit",
                reverse("usage:adjustment_edit", args=pk),
                permission=CHANGE,
                reason=adjusting.why_not_edit(adjustment),
            ),
            Action(
                "Void",
                reverse("usage:adjustment_void", args=pk),
                permission=CHANGE,
                reason=adjusting.why_not_void(adjustment),
            ),
        ]
        if adjustment.status == PostingStatus.PENDING and adjusting.needs_approval(adjustment):
            why = adjusting.why_not_approve(adjustment, by)
            approve = _page_of_cure(adjustment) or reverse("usage:adjustment_approve", args=pk)
            actions.append(Action("Approve", approve, permission=APPROVE, reason=why, is_primary=True))
        if adjustment.status == PostingStatus.PENDING:
            why = adjusting.why_not_post(adjustment, by)
            post = _page_of_cure(adjustment) or reverse("usage:adjustment_post", args=pk)
            actions.append(Action("Post", post, permission=CHANGE, reason=why, is_primary=True))
        return actions

    def get_sections(self) -> Sequence[Section]:
        adjustment: InventoryAdjustment = self.object
        lines = list(adjustment.lines.select_related("code", "into_lot").order_by("position", "pk"))
        products = [line for line in lines if line.role == Role.PRODUCT]
        if adjustment.adjustment_type == Type.DIVISION and adjustment.status == PostingStatus.PENDING:
            for line, share in zip(products, shares_of(products), strict=True):
                line.share = share
        for line, unit, amount in zip(lines, unit_costs(lines), line_amounts(lines), strict=True):
            line.amount = amount  # type: ignore[attr-defined]  # for the table
            line.taken_at = unit  # type: ignore[attr-defined]
        sections = [
            Section("General Info", facts=_facts(adjustment), is_wide=True),
            Section("Lines", table=LineTable(lines, adjustment_type=adjustment.adjustment_type)),
        ]
        if adjustment.status != PostingStatus.PENDING:
            sections.append(Section("What it made", table=_records_table(adjustment), note=_made_note(adjustment)))
        sections.append(history_section(adjustment.number))
        return sections

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        is_pending = self.object.status == PostingStatus.PENDING
        return super().get_context_data(warnings=adjusting.warnings(self.object) if is_pending else [], **kwargs)


def _page_of_cure(adjustment: InventoryAdjustment) -> str:
    """What was made from a preview is approved and posted where it is previewed again."""
    return addresses.page_of("reconciliation:pending_cure", adjustment.pk) if adjustment.preview_fingerprint else ""


def default_account_text(adjustment_type: str) -> str:
    """Which default of the preferences stands on the other side of the value."""
    if adjustment_type in {Type.COUNT, Type.LOSS}:
        return "Adjustment account of the preferences"
    if adjustment_type == Type.BEGINNING_BALANCE:
        return "Opening account of the preferences"
    return "Inventory in process: cost only moves"


def _facts(adjustment: InventoryAdjustment) -> Sequence[Fact]:
    office, to_office = adjustment.office, adjustment.to_office
    facts = [
        Fact("Type", adjustment.get_adjustment_type_display(), hint=ABOUT[adjustment.adjustment_type]),
        Fact("Date", adjustment.adjusted_at, "moment"),
        Fact(
            "From office" if adjustment.adjustment_type == Type.TRANSFER else "Office",
            office or "",
            url=office.get_absolute_url() if office else "",
            url_kind="office",
        ),
    ]
    if adjustment.adjustment_type == Type.TRANSFER:
        facts.append(
            Fact(
                "To office",
                to_office or "The same: bins only",
                url=to_office.get_absolute_url() if to_office else "",
                url_kind="office",
            )
        )
    amount = adjustment.amount  # type: ignore[attr-defined]  # annotated by for_list()
    facts += [
        Fact("Account", adjustment.account or default_account_text(adjustment.adjustment_type)),
        Fact("Amount", amount, "money", is_estimated=True, hint="The larger of what is added and what is taken away"),
        Fact("By", adjustment.created_by or ""),
        Fact("Description", adjustment.description),
    ]
    if adjustment.approved_by is not None:
        facts.append(Fact("Approved by", adjustment.approved_by))
    return facts


def _records_table(adjustment: InventoryAdjustment) -> RecordTable:
    records = list(
        AdjustmentRecord.objects.filter(line__adjustment=adjustment)
        .select_related("line", "usage__code", "usage__office", "lot__code", "lot__office")
        .order_by("pk")
    )
    for record in records:
        record.made = record.usage or record.lot  # type: ignore[attr-defined]  # for the table
        record.kind = "Usage" if record.usage is not None else "Lot"  # type: ignore[attr-defined]
        # A fed lot is worth what went into it, as far as that is known by now; usage has its cost on its own page.
        is_fed = record.lot is not None and record.lot.is_fed and not record.is_void
        worth = None if record.lot is None else record.lot.value if is_fed else record.value
        record.worth = worth  # type: ignore[attr-defined]
        record.number = str(record.made)  # type: ignore[attr-defined]
    return RecordTable(records, empty=EmptyState("Only quantities moved: no usage and no lot was made"))


def _made_note(adjustment: InventoryAdjustment) -> str:
    if adjustment.adjustment_type in {Type.TRANSFER, Type.ASSEMBLY, Type.DIVISION}:
        return "The lots cost what was used for them; that is known when the usage is allocated."
    return ""


# -- Forms -------------------------------------------------------------------------------------------
class AdjustmentFormView(DocumentFormView):
    """What creating and editing share; the type comes from the address or from the record."""

    model = InventoryAdjustment
    form_class = AdjustmentForm
    template_name = "usage/adjustment_form.html"
    list_url_name = "usage:adjustments"
    list_label = "Inventory Adjustments"
    noun = "adjustment"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.formset_class = FORMSETS[self.adjustment_type()]

    def adjustment_type(self) -> str:
        if "pk" in self.kwargs:
            return str(self.get_record().adjustment_type)
        kind = self.request.GET.get("type", Type.COUNT.value)
        if kind not in Type.values:
            raise Http404("There is no such type of inventory adjustment.")
        return kind

    def get_title(self, record: InventoryAdjustment | None) -> str:
        label = Type(self.adjustment_type()).label
        return f"New {label}" if record is None else f"Edit {label} {record}"

    def form_kwargs(self, record: InventoryAdjustment | None) -> dict[str, Any]:
        is_split = Preference.current().prevent_inter_office
        return {"adjustment_type": self.adjustment_type(), "is_split": is_split}

    def line_form_kwargs(self, record: InventoryAdjustment | None) -> dict[str, Any]:
        tracked = LineItemCode.objects.filter(is_serialized=True) | LineItemCode.objects.filter(
            is_tracked_by_manufacturer_lot=True
        )
        return {"shows_tracking": tracked.exists()}

    def why_not(self, record: InventoryAdjustment | None) -> str:
        return "" if record is None else adjusting.why_not_edit(record)

    def initial(self, record: InventoryAdjustment | None) -> dict[str, Any]:
        if record is None:
            return {"office": self.request.GET.get("office") or None}
        names = ("adjusted_at", "office", "to_office", "account", "description")
        return {name: getattr(record, name) for name in names}

    def initial_lines(self, record: InventoryAdjustment | None) -> list[dict[str, Any]]:
        if record is None:
            return []
        lines = record.lines.select_related("code", "into_lot").order_by("position", "pk")
        names = ("role", "code", "count", "system_balance", "unit_cost", "bin", "to_bin", "manufacturer_lot", "serials")
        rows = []
        for line in lines:
            row = {name: getattr(line, name) for name in (*names, "quantity", "into_lot")}
            is_computed = line.count is not None and line.quantity == line.count - (line.system_balance or 0)
            if record.adjustment_type == Type.COUNT and is_computed:
                row["quantity"] = None
            row["share"] = None if line.share is None else line.share / _MILLIONTHS_IN_A_PERCENT
            rows.append(row)
        return rows

    def save(
        self, record: InventoryAdjustment | None, header: dict[str, Any], lines: list[dict[str, Any]]
    ) -> InventoryAdjustment:
        kind = self.adjustment_type()
        saved = adjusting.adjustment_save(
            adjustment=record,
            adjustment_type=kind,
            lines=[_line_given(kind, line) for line in lines],
            by=user_of(self.request),
            at=timezone.now(),
            **header,
        )
        if left_out := self._uncounted():
            plural = "s" if left_out > 1 else ""
            messages.info(self.request, f"{left_out} line{plural} without a count left out.")
        return saved

    def _uncounted(self) -> int:
        if self.adjustment_type() != Type.COUNT:
            return 0
        posted, prefix = self.request.POST, "lines"
        total = posted.get(f"{prefix}-TOTAL_FORMS", "0")
        lines = range(min(int(total), 5000)) if total.isdecimal() else range(0)
        return sum(
            bool(posted.get(f"{prefix}-{index}-code", "").strip())
            and not posted.get(f"{prefix}-{index}-DELETE")
            and not any(posted.get(f"{prefix}-{index}-{name}", "").strip() for name in ("count", "quantity"))
            for index in lines
        )

    def get_extra_context(self, record: InventoryAdjustment | None) -> dict[str, Any]:
        kind = self.adjustment_type()
        return {
            "about": ABOUT[kind],
            "balances_url": reverse("usage:count_balances") if kind == Type.COUNT else "",
            "types": [] if record is not None else [(value, label, value == kind) for value, label in Type.choices],
            "lines_title": LINES_TITLES.get(kind, "Lines"),
        }


_MILLIONTHS_IN_A_PERCENT = 10_000


def _line_given(kind: str, line: dict[str, Any]) -> dict[str, Any]:
    """A line of the form as the verb takes it."""
    given = {name: value for name, value in line.items() if name not in {"position", "system_balance"}}
    if given.get("share") is not None:
        given["share"] = int(given["share"] * _MILLIONTHS_IN_A_PERCENT)
    if given.get("role") == Role.COMPONENT:
        given.pop("share", None)
    if "serials" in given:
        given["serials"] = given["serials"].replace("\r\n", "\n")
    return given


class AdjustmentCreateView(AdjustmentFormView):
    permission_required = ADD


class AdjustmentEditView(AdjustmentFormView):
    permission_required = CHANGE


# -- Actions -----------------------------------------------------------------------------------------
class AdjustmentPostView(DocumentActionView):
    """Shows exactly what will be made, and makes it; or what keeps it from being made, line by line."""

    model = InventoryAdjustment
    permission_required = CHANGE
    template_name = "usage/adjustment_post.html"
    noun = "adjustment"
    action_label = "Post"
    yes_label = "Post Inventory Adjustment"

    def why_not(self, record: InventoryAdjustment) -> str:
        return adjusting.why_not_post(record, user_of(self.request)) or adjusting.why_not_here(record)

    def perform(self, record: InventoryAdjustment, cleaned: dict[str, Any]) -> None:
        try:
            adjusting.adjustment_post(adjustment=record, by=user_of(self.request), at=timezone.now())
        except ValidationError as refusal:
            raise ValidationError(_refusals(refusal)) from refusal

    def get_success_message(self, record: Any) -> str:
        return f"Adjustment {record} is posted. Its costs are reconciled in a moment."

    def get_extra_context(self, record: InventoryAdjustment) -> dict[str, Any]:
        context: dict[str, Any] = {"planned": None, "refusals": [], "warnings": []}
        if record.status != PostingStatus.PENDING:
            return context
        found = adjusting.warnings(record)
        try:
            empty = EmptyState("Nothing: every count agrees with the system")
            context["planned"] = PlannedTable(planned_records(record, at=timezone.now()), empty=empty)
        except ValidationError as refusal:
            context["refusals"] = _refusals(refusal)
            found = [warning for warning in found if warning.text not in refusal.messages]
        context["warnings"] = found
        return context


def _refusals(refusal: ValidationError) -> list[str]:
    """What was refused, each with the line that it concerns."""
    if hasattr(refusal, "error_dict"):
        return refusal.messages
    errors = [refusal] if isinstance(refusal, LineError) else refusal.error_list
    return [
        f"Line {error.index + 1}: {text}" if isinstance(error, LineError) else text
        for error in errors
        for text in error.messages
    ]


class AdjustmentApproveView(DocumentActionView):
    model = InventoryAdjustment
    permission_required = APPROVE
    noun = "adjustment"
    action_label = "Approve"

    def why_not(self, record: InventoryAdjustment) -> str:
        return adjusting.why_not_approve(record, user_of(self.request)) or adjusting.why_not_here(record)

    def get_text(self, record: InventoryAdjustment) -> str:
        amount = money_text(adjusting.adjustment_amount(record.lines.select_related("code")))
        maker = record.created_by or "a command"
        return f"An amount of {amount}, entered by {maker}. Once you approve it, somebody other than you may post it."

    def perform(self, record: InventoryAdjustment, cleaned: dict[str, Any]) -> None:
        adjusting.adjustment_approve(adjustment=record, by=user_of(self.request), at=timezone.now())


class AdjustmentVoidView(DocumentActionView):
    model = InventoryAdjustment
    permission_required = CHANGE
    form_class: type[forms.BaseForm] | None = VoidForm
    noun = "adjustment"
    action_label = "Void"

    def why_not(self, record: InventoryAdjustment) -> str:
        return adjusting.why_not_void(record)

    def get_text(self, record: InventoryAdjustment) -> str:
        if record.status == PostingStatus.PENDING:
            return "Nothing of it was posted. It stays in the list, void for good."
        return (
            "Everything it made is mirrored, dated now: usage goes back to the lots it came from, its own lots are"
            " emptied, On Hand is as before. It stays in the list, void for good."
        )

    def perform(self, record: InventoryAdjustment, cleaned: dict[str, Any]) -> None:
        adjusting.adjustment_void(
            adjustment=record, by=user_of(self.request), at=timezone.now(), reason=cleaned["reason"]
        )
