"""Count sheets: print one, count from one, and bring a counted one back as a file."""

import re
from collections.abc import Sequence
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.db.models.functions import Lower
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    QueryDict,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.generic import View

from inventory_site.details import Action
from inventory_site.exporting import csv_lines
from inventory_site.listing import EmptyState
from inventory_site.templatetags import display
from inventory_site.views import CSV_TYPE, RecordPermissionMixin
from lots.models import LineItemCode, Preference
from usage.adjustment_forms import AdjustmentForm, CountUploadForm, SheetForm
from usage.adjustment_lines import Type
from usage.adjustment_stock import system_balances
from usage.adjustment_tables import SheetTable
from usage.count_sheets import LINES_AT_MOST, SheetLine, bins_in_use, sheet_export, sheet_lines
from usage.models import AdjustmentLine, InventoryAdjustment
from usage.views.adjustments import ADD, AdjustmentCreateView

UNPROCESSABLE = 422
_CODE_NAME: Final = re.compile(r"lines-(\d{1,4})-code")


def asked_for(request: HttpRequest) -> tuple[SheetForm, list[SheetLine]]:
    """The sheet that an address means; what makes no sense in it is left out."""
    now = timezone.now()
    form = SheetForm(request.GET, bins=bins_in_use(office=None, at=now))
    form.is_valid()
    chosen = form.cleaned_data
    lines = sheet_lines(
        office=chosen.get("office"), bin=chosen.get("bin", ""), category=chosen.get("category", ""), at=now
    )
    return form, lines


class CountSheetView(RecordPermissionMixin, View):
    """A sheet to print and write on, for an office, a bin or a category."""

    def record_model(self) -> type[Model]:
        return InventoryAdjustment

    def get(self, request: HttpRequest) -> HttpResponseBase:
        form, lines = asked_for(request)
        if request.GET.get("export") == "csv":
            export = sheet_export(lines, with_balance=bool(form.cleaned_data.get("balance")))
            response = StreamingHttpResponse(csv_lines(export, with_bom=True), content_type=CSV_TYPE)
            response["Content-Disposition"] = 'attachment; filename="count-sheet.csv"'
            return response
        hidden = [] if form.cleaned_data.get("balance") else ["balance"]
        hidden += [name for name in ("bin", "manufacturer_lot") if not any(getattr(line, name) for line in lines)]
        query = request.GET.urlencode()
        count = f"{reverse('usage:adjustment_create')}?type=COUNT&sheet=1&{query}"
        reason = ""
        if not lines:
            reason = "There is nothing on this sheet."
        elif len(lines) > LINES_AT_MOST:
            reason = f"A count has at most {LINES_AT_MOST:,} lines: choose a bin or a category."
        actions = [
            Action("Download as CSV", f"?{query}&export=csv" if query else "?export=csv"),
            Action("Upload a counted sheet", reverse("usage:count_upload"), permission=ADD),
            Action("Count these", count, permission=ADD, reason=reason, is_primary=True),
        ]
        context = {
            "title": "Count Sheet",
            "form": form,
            "count": len(lines),
            "table": SheetTable(
                lines,
                exclude=hidden,
                empty=EmptyState("Nothing to count here", "Goods show up once a receipt or an adjustment moved them."),
            ),
            "actions": [action for action in actions if action.is_allowed(request.user)],
            "printed_at": timezone.localtime(),
        }
        return render(request, "usage/count_sheet.html", context)


class CountCreateView(AdjustmentCreateView):
    """New adjustments, of any type; a Count can begin with the lines of a sheet."""

    def initial_lines(self, record: InventoryAdjustment | None) -> list[dict[str, Any]]:
        if "sheet" not in self.request.GET or self.adjustment_type() != Type.COUNT:
            return super().initial_lines(record)
        _, lines = asked_for(self.request)
        return [
            {
                "code": line.code,
                "bin": line.bin,
                "manufacturer_lot": line.manufacturer_lot,
                "system_balance": line.balance,
            }
            for line in lines[:LINES_AT_MOST]
        ]


class CountBalancesView(RecordPermissionMixin, View):
    """What the system says for each line of a count that is being typed, by the number in the names of its fields:
    {"balances": {"0": "17"}}. Sent as the form of the count; nothing is written, and what makes no sense is left out.
    """

    def record_model(self) -> type[Model]:
        return InventoryAdjustment

    def post(self, request: HttpRequest) -> JsonResponse:
        form = AdjustmentForm(
            request.POST, adjustment_type=Type.COUNT, is_split=Preference.current().prevent_inter_office
        )
        form.is_valid()
        header = form.cleaned_data
        if "adjusted_at" not in header or "office" not in header:
            return JsonResponse({"balances": {}})
        lines = typed_lines(request.POST)
        balances = system_balances(list(lines.values()), office=header["office"], at=header["adjusted_at"])
        return JsonResponse(
            {"balances": {number: display.quantity(balance) for number, balance in zip(lines, balances, strict=True)}}
        )


def typed_lines(sent: QueryDict) -> dict[str, AdjustmentLine]:
    """The lines that name a code and are to stay, by their number; all codes are looked up at once."""
    names = {}
    for name, text in sent.items():
        if (match := _CODE_NAME.fullmatch(name)) and isinstance(text, str) and "\x00" not in text:
            names[match[1]] = text.strip()
    codes = codes_by_name([text for number, text in names.items() if text and f"lines-{number}-DELETE" not in sent])
    return {
        number: AdjustmentLine(
            code=codes[text.lower()],
            bin=sent.get(f"lines-{number}-bin", "").replace("\x00", "").strip(),
            manufacturer_lot=sent.get(f"lines-{number}-manufacturer_lot", "").replace("\x00", "").strip(),
        )
        for number, text in names.items()
        if text.lower() in codes and f"lines-{number}-DELETE" not in sent
    }


def codes_by_name(texts: Sequence[str]) -> dict[str, LineItemCode]:
    """Codes by their name in small letters; of several the active one."""
    wanted = {text.lower() for text in texts}
    found = LineItemCode.objects.annotate(small=Lower("code")).filter(small__in=wanted).order_by("pk")
    in_turn = sorted(found, key=lambda code: code.status == LineItemCode.Status.ACTIVE)
    return {code.code.lower(): code for code in in_turn}


class CountUploadView(AdjustmentCreateView):
    """A counted sheet as a file: read into the form of a Count, where what is wrong stands on its line. Nothing is
    saved before that form is sent.
    """

    def adjustment_type(self) -> str:
        return Type.COUNT.value

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return self._upload_page(CountUploadForm())

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if "lines-TOTAL_FORMS" in request.POST:
            return super().post(request, *args, **kwargs)
        form = CountUploadForm(request.POST, request.FILES)
        if getattr(request, "too_large_uploads", ()):
            form.add_error("file", ValidationError("The file is too large."))
        if not form.is_valid():
            return self._upload_page(form, status=UNPROCESSABLE)
        data = QueryDict(mutable=True)
        rows: list[dict[str, str]] = form.cleaned_data["file"]
        data.update({name: request.POST.get(name, "") for name in ("office", "adjusted_at")})
        data.update({"lines-TOTAL_FORMS": str(len(rows)), "lines-INITIAL_FORMS": "0"})
        for index, row in enumerate(rows):
            data.update({f"lines-{index}-{name}": text for name, text in row.items()})
        header = self.form_class(data, **self.form_kwargs(None))
        lines = self._formset(None, data)
        header.is_valid()
        if lines is not None:
            lines.is_valid()
        return self._page(None, header, lines)

    def _upload_page(self, form: CountUploadForm, *, status: int = 200) -> HttpResponse:
        context = {"title": "Upload a Counted Sheet", "form": form}
        return render(self.request, "usage/count_upload.html", context, status=status)
