"""DocumentFormView and DocumentActionView: a document with its header and lines is written, changed and acted upon.

A view collects and shows; what happens is the service's, called by `save()` and `perform()` inside one transaction. A
service that refuses raises ValidationError (or LineError, for one line), and everything typed is kept.

    class OrderEditView(DocumentFormView):
        model = Order
        form_class = OrderForm                                       # a plain Form
        formset_class = forms.formset_factory(OrderLineForm, formset=LineFormSet, extra=3)
        permission_required = "usage.change_order"

        def save(self, record, header, lines):
            return order_save(order=record, lines=lines, **header)
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms.utils import ErrorDict
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import capfirst
from django.views.generic import View

from inventory_site.document_forms import LineError, LineForm, LineFormSet
from inventory_site.document_versions import (
    VERSION,
    StaleRecordError,
    has_history,
    last_change,
    lock_record,
    stale_text,
    version_of,
)
from inventory_site.models import SentForm
from inventory_site.sent_forms import TOKEN, SentBefore, claim, new_token, note_made, sent_before, token_of
from inventory_site.views import RecordPermissionMixin

if TYPE_CHECKING:
    AnyFormSet = forms.BaseFormSet[Any]
else:
    AnyFormSet = forms.BaseFormSet

__all__ = ["DocumentActionView", "DocumentFormView", "LineError"]

UNPROCESSABLE = 422
MORE_LINES = 3
AGAIN = "Open this page again."
# More would bury the form; the rest is marked where it stands.
PROBLEMS_SHOWN = 20


class Problem(NamedTuple):
    """An error in the summary above the form, and the field it leads to."""

    text: str
    label: str = ""
    target: str = ""


class DocumentView(RecordPermissionMixin, View):
    """What both kinds of page share: the record, its name and the way back."""

    model: type[Model]
    noun = ""
    list_url_name = ""
    list_label = ""
    # The field or property with what the record's history is kept under: `history_name` for master data; "" for none.
    history_of = "number"
    # Whether what was refused, because somebody changed the record meanwhile, may be sent once more to replace it.
    may_replace = False
    version = ""

    # -- Somebody else may change the record meanwhile -------------------------------------------------
    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.version = request.POST.get(VERSION, "")

    def note_version(self) -> None:
        """Remember what the page is made from. Before the record is read: what comes later must count as later."""
        if "pk" in self.kwargs and has_history(self.model, self.history_of):
            self.version = version_of(last_change(self.model, self.kwargs["pk"], self.history_of))

    def lock(self) -> None:
        """Lock the document, before anything else. A service that locks another one first says so here."""
        lock_record(self.model, self.kwargs["pk"], self.history_of)

    def refuse_stale(self) -> None:
        """Raise StaleRecordError if the record was changed since the page was made; lock it until the transaction ends.

        What carries no version is not compared: a button on another page, or a command.
        """
        if not self.version or "pk" not in self.kwargs or not has_history(self.model, self.history_of):
            return
        self.lock()
        change = last_change(self.model, self.kwargs["pk"], self.history_of)
        if version_of(change) != self.version:
            ask = "Look at it as it is now; sending this once more replaces that." if self.may_replace else AGAIN
            text = stale_text(change, by=self.request.user, consequence=f"Nothing was saved. {ask}")
            raise StaleRecordError(text, version=version_of(change))

    def took_refusal(self, refusal: ValidationError) -> bool:
        """Whether it was refused because somebody else changed the record; the page goes on from there if it may."""
        if isinstance(refusal, StaleRecordError) and self.may_replace:
            self.version = refusal.version
        return isinstance(refusal, StaleRecordError)

    # -- Hooks -----------------------------------------------------------------------------------------
    def record_model(self) -> type[Model]:
        return self.model

    def get_permission_required(self) -> Sequence[str]:
        if self.permission_required is None:
            options = self.model._meta
            return (f"{options.app_label}.change_{options.model_name}",)
        return super().get_permission_required()

    def get_queryset(self) -> QuerySet[Any]:
        return self.model._default_manager.all()

    def get_noun(self) -> str:
        return self.noun or str(self.model._meta.verbose_name)

    def get_extra_context(self, record: Any) -> dict[str, Any]:
        return {}

    def get_cancel_url(self, record: Any) -> str:
        if record is not None:
            return str(record.get_absolute_url())
        return reverse(self.list_url_name) if self.list_url_name else "/"


class DocumentFormView(DocumentView):
    """Create a document (no `pk` in the address) or edit one, with its lines.

    form_class      a plain Form for the header; its cleaned data goes to save()
    formset_class   forms.formset_factory(MyLineForm, formset=LineFormSet, extra=3), or None without lines
    """

    form_class: type[forms.BaseForm]
    formset_class: type[AnyFormSet] | None = None
    template_name = "generic/document_form.html"
    title_new = ""
    title_edit = ""
    submit_label = "Save"
    lines_title = "Lines"
    lines_note = ""
    may_replace = True
    is_stale = False

    # -- Hooks -----------------------------------------------------------------------------------------
    def get_record(self) -> Any:
        """The document to edit, or None when one is created."""
        return get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"]) if "pk" in self.kwargs else None

    def why_not(self, record: Any) -> str:
        """Why it cannot be edited (or created) now, or ""."""
        return ""

    def initial(self, record: Any) -> dict[str, Any]:
        return {}

    def initial_lines(self, record: Any) -> list[dict[str, Any]]:
        return []

    def form_kwargs(self, record: Any) -> dict[str, Any]:
        return {}

    def line_form_kwargs(self, record: Any) -> dict[str, Any]:
        return {}

    def save(self, record: Any, header: dict[str, Any], lines: list[dict[str, Any]]) -> Model:
        """Call the service; return the document. It runs in a transaction, so a refusal leaves nothing behind."""
        raise NotImplementedError

    def get_title(self, record: Any) -> str:
        if record is None:
            return self.title_new or f"New {self.get_noun()}"
        return self.title_edit or f"Edit {self.get_noun()} {record}"

    def get_success_message(self, record: Any) -> str:
        return f"{capfirst(self.get_noun())} {record} was saved."

    # -- Requests --------------------------------------------------------------------------------------
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.note_version()
        record = self.get_record()
        if reason := self.why_not(record):
            return self._sent_back(record, reason)
        form = self.form_class(initial=self.initial(record), **self.form_kwargs(record))
        return self._page(record, form, self._formset(record))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if sent := sent_before(self._token()):
            return self._made_before(sent)
        record = self.get_record()
        if reason := self.why_not(record):
            return self._sent_back(record, reason)
        form = self.form_class(request.POST, request.FILES, initial=self.initial(record), **self.form_kwargs(record))
        if "add_line" in request.POST:
            formset = self._formset(record, request.POST, more=MORE_LINES)
            form._errors = ErrorDict(renderer=form.renderer)  # type: ignore[attr-defined]  # not in the stubs
            if formset is not None:
                formset.leave_unchecked()
            return self._page(record, form, formset)
        formset = self._formset(record, request.POST)
        # Both, so that everything that is wrong is shown at once.
        is_valid = form.is_valid()
        if formset is not None:
            is_valid = formset.is_valid() and is_valid
        try:
            saved = self._saved(record, form, formset) if is_valid else None
        except SentBefore as before:
            return self._made_before(before.form)
        if saved is None:
            return self._page(record, form, formset, status=UNPROCESSABLE)
        messages.success(request, self.get_success_message(saved))
        return redirect(saved)

    def _token(self) -> UUID | None:
        """What a form that makes a record is told by when it is sent twice; changes are told by their version."""
        return None if "pk" in self.kwargs else token_of(self.request.POST.get(TOKEN, ""))

    def _made_before(self, sent: SentForm) -> HttpResponseBase:
        messages.info(self.request, f"This form was sent before and made {sent.made}. Nothing was made again.")
        return redirect(sent.url)

    def _sent_back(self, record: Any, reason: str) -> HttpResponseBase:
        messages.error(self.request, reason)
        return redirect(self.get_cancel_url(record))

    def _saved(self, record: Any, form: forms.BaseForm, formset: LineFormSet | None) -> Any:
        try:
            with transaction.atomic():
                claim(self._token())
                self.refuse_stale()
                saved = self.save(record, form.cleaned_data, [] if formset is None else formset.lines())
                note_made(self._token(), saved)
                return saved
        except ValidationError as refusal:
            self.is_stale = self.took_refusal(refusal)
            put_errors(refusal, form, [] if formset is None else formset.kept_forms())
            return None

    def _formset(self, record: Any, data: Any = None, *, more: int = 0) -> LineFormSet | None:
        if self.formset_class is None:
            return None
        if not issubclass(self.formset_class, LineFormSet):
            raise TypeError(f"{type(self).__name__}.formset_class must be made with formset=LineFormSet")
        return self.formset_class(
            data, initial=self.initial_lines(record), form_kwargs=self.line_form_kwargs(record), more=more
        )

    def _page(
        self, record: Any, form: forms.BaseForm, formset: LineFormSet | None, *, status: int = 200
    ) -> HttpResponse:
        problems = list(problems_of(form, formset)) if form.is_bound else []
        context = {
            "title": self.get_title(record),
            "noun": self.get_noun(),
            "record": record,
            "form": form,
            "formset": formset,
            "problems": problems[:PROBLEMS_SHOWN],
            "problems_left": len(problems) - PROBLEMS_SHOWN,
            "submit_label": self.submit_label,
            "cancel_url": self.get_cancel_url(record),
            "list_url_name": self.list_url_name,
            "list_label": self.list_label,
            "lines_title": self.lines_title,
            "lines_note": self.lines_note,
            "version": self.version,
            "token": "" if "pk" in self.kwargs else self._token() or new_token(),
            "is_stale": self.is_stale,
            **self.get_extra_context(record),
        }
        return render(self.request, self.template_name, context, status=status)


class DocumentActionView(DocumentView):
    """One action of a document: GET asks, POST does it."""

    form_class: type[forms.BaseForm] | None = None
    template_name = "generic/document_action.html"
    action_label = "Open"
    # What the button says, where verb and noun ("Void purchase order") would not do.
    yes_label = ""

    # -- Hooks -----------------------------------------------------------------------------------------
    def get_record(self) -> Any:
        return get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])

    def get_title(self, record: Any) -> str:
        return f"{self.action_label} {self.get_noun()} {record}"

    def get_yes_label(self, record: Any) -> str:
        """The button says what it does, as the title does."""
        return self.yes_label or f"{self.action_label} {self.get_noun()}"

    def get_text(self, record: Any) -> str:
        """What will happen, in words."""
        return ""

    def why_not(self, record: Any) -> str:
        """Why it cannot be done now, or ""."""
        return ""

    def initial(self, record: Any) -> dict[str, Any]:
        return {}

    def form_kwargs(self, record: Any) -> dict[str, Any]:
        return {}

    def perform(self, record: Any, cleaned: dict[str, Any]) -> Model | None:
        """Call the service, in a transaction; return the record to go on to, or None for this one."""
        raise NotImplementedError

    def get_success_message(self, record: Any) -> str:
        """Said on the page that follows; `record` is the one acted upon, as it is now."""
        return f"{self.action_label}: {self.get_noun()} {record}. Done."

    # -- Requests --------------------------------------------------------------------------------------
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.note_version()
        record = self.get_record()
        form = None
        if self.form_class is not None:
            form = self.form_class(initial=self.initial(record), **self.form_kwargs(record))
        return self._page(record, form, reason=self.why_not(record))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        record = self.get_record()
        if reason := self.why_not(record):
            messages.error(request, reason)
            return redirect(record)
        form = None
        cleaned: dict[str, Any] = {}
        if self.form_class is not None:
            form = self.form_class(
                request.POST, request.FILES, initial=self.initial(record), **self.form_kwargs(record)
            )
            if not form.is_valid():
                return self._page(record, form, status=UNPROCESSABLE)
            cleaned = form.cleaned_data
        try:
            with transaction.atomic():
                self.refuse_stale()
                follows: Any = self.perform(record, cleaned)
        except ValidationError as refusal:
            if form is not None:
                put_errors(refusal, form, [])
                return self._page(record, form, status=UNPROCESSABLE)
            messages.error(request, " ".join(refusal.messages))
            return redirect(record)
        messages.success(request, self.get_success_message(record))
        return redirect(record if follows is None else follows)

    def _page(self, record: Any, form: forms.BaseForm | None, *, reason: str = "", status: int = 200) -> HttpResponse:
        context = {
            "title": self.get_title(record),
            "noun": self.get_noun(),
            "record": record,
            "text": self.get_text(record),
            "reason": reason,
            "form": form,
            "yes_label": self.get_yes_label(record),
            "version": self.version,
            "cancel_url": self.get_cancel_url(record),
            "list_url_name": self.list_url_name,
            "list_label": self.list_label,
            **self.get_extra_context(record),
        }
        return render(self.request, self.template_name, context, status=status)


# -- Errors ------------------------------------------------------------------------------------------
def put_errors(refusal: ValidationError, form: forms.BaseForm, kept: Sequence[LineForm]) -> None:
    """Put what a service refused where it belongs: onto a line, a field of the header, or above the form."""
    if hasattr(refusal, "error_dict") or isinstance(refusal, LineError):
        _put(refusal, form, kept)
    else:
        # Several refusals may come in one; each knows its line.
        for error in refusal.error_list:
            _put(error, form, kept)


def _put(error: ValidationError, form: forms.BaseForm, kept: Sequence[LineForm]) -> None:
    name = None
    if isinstance(error, LineError) and 0 <= error.index < len(kept):
        form, name = kept[error.index], error.field
    by_field = error.error_dict if hasattr(error, "error_dict") else {name: error.error_list}
    for field, errors in by_field.items():
        form.add_error(field if field in form.fields else None, errors)


def problems_of(form: forms.BaseForm, formset: LineFormSet | None) -> Iterator[Problem]:
    """Everything that is wrong, in the order of the page."""
    yield from (Problem(str(error)) for error in form.non_field_errors())
    for bound in form:
        yield from (Problem(str(error), str(bound.label), bound.id_for_label) for error in bound.errors)
    if formset is None:
        return
    yield from (Problem(str(error)) for error in formset.non_form_errors())
    for number, line in formset.numbered():
        if line.is_marked_for_deletion():
            continue
        first = next((bound.id_for_label for bound in line.shown_fields()), "")
        yield from (Problem(str(error), f"Line {number}", first) for error in line.non_field_errors())
        for bound in line:
            target = first if bound.is_hidden else bound.id_for_label
            yield from (Problem(str(error), f"Line {number}, {bound.label}", target) for error in bound.errors)
