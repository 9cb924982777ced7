"""Fields of documents (codes, amounts, moments) and the lines below a document's header.

An amount may be typed as a sum ("12*8"): it is worked out exactly, and refused rather than rounded where the field has
too few decimals; only what was divided is rounded, half up.
A line that says nothing is ignored, whether it was never filled in or was emptied.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.forms.utils import ErrorDict
from django.utils import timezone
from django.utils.safestring import SafeString

from inventory_site.arithmetic import NotAnAmount, Sum, rounded, work_out
from inventory_site.fields import MONEY_PLACES, QUANTITY_PLACES, UNIT_COST_PLACES
from inventory_site.money import to_cents, trimmed
from inventory_site.templatetags import display

if TYPE_CHECKING:
    AnyFormSet = forms.BaseFormSet["LineForm"]
else:
    AnyFormSet = forms.BaseFormSet

YEARS: Final = range(1900, 2200)


class LineError(ValidationError):
    """A service's refusal of one line: `index` counts the lines it was given from 0; `field` names the cell."""

    def __init__(self, index: int, message: Any, *, field: str | None = None, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.index = index
        self.field = field


# -- Fields ------------------------------------------------------------------------------------------
class AmountField(forms.Field):
    """A Decimal of at most `places` decimals, typed as a number or a sum. `above_zero` asks for more than nothing."""

    places_least = 0

    def __init__(
        self,
        places: int,
        *,
        digits: int = 18,
        min_value: Decimal | int | None = None,
        max_value: Decimal | int | None = None,
        above_zero: bool = False,
        **options: Any,
    ) -> None:
        self.places, self.digits = places, digits
        self.min_value, self.max_value, self.above_zero = min_value, max_value, above_zero
        super().__init__(**options)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {"class": "amount", "data-amount": str(self.places), "autocomplete": "off"}

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, Decimal | int) and not isinstance(value, bool) and Decimal(value).is_finite():
            return f"{trimmed(Decimal(value), places_least=self.places_least):f}"
        return value

    def shown(self, number: Decimal | int | None) -> str:
        """As a figure to read: a total, or the value of a disabled field."""
        return "" if number is None else f"{trimmed(Decimal(number), places_least=self.places_least):,f}"

    def to_python(self, value: Any) -> Decimal | None:
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        try:
            worked = work_out(value) if isinstance(value, str) else Sum(Fraction(value), is_divided=False)
        except NotAnAmount as refusal:
            raise ValidationError(str(refusal), code="invalid") from None
        whole = self.digits - self.places
        if abs(worked.number) >= 10**whole:
            raise ValidationError(f"This is too large: at most {whole} digits before the point.", code="too_large")
        amount = rounded(worked.number, self.places)
        if not worked.is_divided and Fraction(amount) != worked.number:
            decimals = f"{self.places} decimal{'s' if self.places != 1 else ''}" if self.places else "no decimals"
            raise ValidationError(f"Give at most {decimals} here; nothing is rounded by itself.", code="places")
        if abs(amount) >= 10**whole:
            raise ValidationError(f"This is too large: at most {whole} digits before the point.", code="too_large")
        return amount

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value is None:
            return
        if self.above_zero and value <= 0:
            raise ValidationError("Enter more than zero.", code="above_zero")
        if self.min_value is not None and value < self.min_value:
            raise ValidationError(f"Enter {self.min_value} or more.", code="min_value")
        if self.max_value is not None and value > self.max_value:
            raise ValidationError(f"Enter {self.max_value} or less.", code="max_value")


class QuantityFormField(AmountField):
    """A quantity of goods: four decimals, as `QuantityField` keeps it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"places": QUANTITY_PLACES, "digits": 16, **options})

    def shown(self, number: Decimal | int | None) -> str:
        return display.quantity(number)


class MoneyFormField(AmountField):
    """An amount of money: two decimals."""

    places_least = MONEY_PLACES

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"places": MONEY_PLACES, "digits": 18, **options})

    def shown(self, number: Decimal | int | None) -> str:
        return display.money_figure(number)


class UnitCostFormField(AmountField):
    """The cost of one unit: two to six decimals."""

    places_least = MONEY_PLACES

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"places": UNIT_COST_PLACES, "digits": 18, **options})


class CodeField(forms.Field):
    """A line item code, typed or picked from suggestions.

    `resolve` is asked for the record of a text and answers None where there is none (it may raise a ValidationError of
    its own). `url` gives suggestions as JSON: [{"code", "description", ...}]. `fills` names cells that a choice fills
    in while they are empty: {"unit_cost": "est_unit_cost"} for the line's field and the suggestion's key.
    """

    default_error_messages = {"unknown": "There is no active line item code \u201c%(code)s\u201d."}

    def __init__(
        self,
        *,
        resolve: Callable[[str], Any],
        url: Any = None,
        fills: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        self.resolve, self.url, self.fills = resolve, url, fills or {}
        super().__init__(**options)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        attrs = {"class": "code-picker", "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        if self.url is not None:  # a lazy address must not be looked up yet
            attrs["data-url"] = self.url
        if self.fills:
            attrs["data-fills"] = " ".join(f"{field}:{key}" for field, key in self.fills.items())
        return attrs

    def prepare_value(self, value: Any) -> Any:
        return value if value is None else str(value)

    def to_python(self, value: Any) -> Any:
        if value is None or not isinstance(value, str):
            return value
        text = value.replace("\x00", "").strip()
        if not text:
            return None
        record = self.resolve(text)
        if record is None:
            raise ValidationError(self.error_messages["unknown"], code="unknown", params={"code": text})
        return record

    def has_changed(self, initial: Any, data: Any) -> bool:
        # By its text: whether a line was touched must not cost a query.
        return not self.disabled and str(initial or "").strip() != str(data or "").strip()


def this_minute() -> datetime:
    return timezone.localtime().replace(second=0, microsecond=0)


def _refuse_odd_year(value: date | None) -> None:
    if value is not None and value.year not in YEARS:
        raise ValidationError(f"Enter a year from {YEARS.start} to {YEARS.stop - 1}.", code="year")


class MomentInput(forms.DateTimeInput):
    """The browser's date and time input; seconds are shown where there are some."""

    input_type = "datetime-local"

    def format_value(self, value: Any) -> str | None:
        if isinstance(value, datetime):
            return value.strftime("%Y-%m-%dT%H:%M:%S" if value.second else "%Y-%m-%dT%H:%M")
        return super().format_value(value)


class MomentField(forms.DateTimeField):
    """Date and time in the current time zone; now, to the minute, unless told otherwise."""

    widget = MomentInput

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"initial": this_minute, **options})

    def to_python(self, value: Any) -> datetime | None:
        moment: datetime | None = super().to_python(value)
        _refuse_odd_year(moment)
        return moment


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"format": "%Y-%m-%d", **options})


class DayField(forms.DateField):
    """A date, by the browser's date input."""

    widget = DayInput

    def to_python(self, value: Any) -> date | None:
        day: date | None = super().to_python(value)
        _refuse_odd_year(day)
        return day


# -- Lines -------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Column:
    """The heading of a column of the lines."""

    name: str
    label: str
    cell_class: str
    id: str
    help: str = ""
    is_totalled: bool = False
    total: str = ""
    places_least: int = 0


@dataclass(frozen=True)
class LineCell:
    """A cell: its input, or the plain value of a field that is disabled."""

    name: str
    html: SafeString | str
    cell_class: str
    hint: str
    errors: Any
    is_plain: bool


class LineForm(forms.Form):
    """A line. Declare fields; the table is made of them.

    totals      fields whose sum stands below the lines
    amount_of   the two fields whose product is the line's amount, shown and totalled where both are there
    wide        fields whose column takes the room that is left
    minor       fields whose column narrow pages leave out
    """

    totals: Sequence[str] = ("quantity",)
    amount_of: tuple[str, str] = ("quantity", "unit_cost")
    amount_label = "Amount"
    wide: Sequence[str] = ("description",)
    minor: Sequence[str] = ()

    _errors: ErrorDict | None

    def is_blank(self) -> bool:
        """Nothing was typed: every cell is empty or as the field's own default. Hidden fields do not count."""
        return all(
            _says_nothing(bound)
            for bound in self.visible_fields()
            if bound.name not in {"DELETE", "ORDER"} and not bound.field.disabled
        )

    def is_marked_for_deletion(self) -> bool:
        return "DELETE" in self.fields and bool(self["DELETE"].value())

    def full_clean(self) -> None:
        if self.is_bound and self.is_blank():
            self._errors, self.cleaned_data = ErrorDict(renderer=self.renderer), {}
            return
        # A line that was there already or was filled in beforehand counts although nobody touched it.
        self.empty_permitted = False
        super().full_clean()

    def leave_unchecked(self) -> None:
        """Show what was typed without a word about it."""
        self._errors, self.cleaned_data = ErrorDict(renderer=self.renderer), {}

    # What the template shows
    def shown_fields(self) -> list[BoundField]:
        return [bound for bound in self.visible_fields() if bound.name != "DELETE"]

    def cell_class(self, bound: BoundField) -> str:
        kind = {AmountField: "number", CodeField: "code", forms.BooleanField: "flag", forms.DateField: "date"}
        found = next((name for field, name in kind.items() if isinstance(bound.field, field)), "text")
        found += " is-wide" if bound.name in self.wide else ""
        return f"{found} is-minor" if bound.name in self.minor else found

    def column_id(self, bound: BoundField) -> str:
        return f"{(self.prefix or '').rpartition('-')[0]}-column-{bound.name}"

    def cells(self) -> list[LineCell]:
        is_quiet = self.is_marked_for_deletion()
        cells = []
        for bound in self.shown_fields():
            labels: dict[str, str | bool] = {"aria-labelledby": f"{self.column_id(bound)} {self.prefix}-number"}
            described = [f"{self.column_id(bound)}-help"] if bound.help_text else []
            errors = None if is_quiet or not bound.errors else bound.errors
            described += [f"{bound.auto_id}_error"] if errors else []
            if described:
                labels["aria-describedby"] = " ".join(described)
            is_plain = bound.field.disabled
            html: SafeString | str = _as_text(bound) if is_plain else bound.as_widget(attrs=labels)
            cells.append(LineCell(bound.name, html, self.cell_class(bound), self.hint_of(bound), errors, is_plain))
        return cells

    def hint_of(self, bound: BoundField) -> str:
        """What stands below a cell: the description of a code that is known already."""
        if not isinstance(bound.field, CodeField):
            return ""
        record = getattr(self, "cleaned_data", {}).get(bound.name) if self.is_bound else bound.initial
        return str(getattr(record, "description", ""))

    def has_amount(self) -> bool:
        return all(isinstance(self.fields.get(name), AmountField) for name in self.amount_of)

    def number_in(self, name: str) -> Decimal | None:
        """What a cell comes to, whether the line was checked or not; None while it makes no sense."""
        field = self.fields[name]
        try:
            return field.to_python(self[name].value()) if isinstance(field, AmountField) else None
        except ValidationError:
            return None

    def amount(self) -> Decimal | None:
        if not self.has_amount():
            return None
        quantity, cost = (self.number_in(name) for name in self.amount_of)
        return None if quantity is None or cost is None else to_cents(quantity * cost)


def _says_nothing(bound: BoundField) -> bool:
    typed = bound.data if bound.form.is_bound else bound.value()
    if typed in (None, "", [], False) or (isinstance(typed, str) and not typed.strip()):
        return True
    default = bound.field.initial() if callable(bound.field.initial) else bound.field.initial
    return default is not None and not bound.field.has_changed(default, typed)


def _as_text(bound: BoundField) -> str:
    if isinstance(bound.field, AmountField):
        return bound.field.shown(bound.initial)
    value = bound.value()
    if isinstance(bound.field, forms.ChoiceField):
        return str(dict(bound.field.choices).get(value, value or ""))  # type: ignore[arg-type]  # no groups in a line
    return "" if value is None else str(value)


class LineFormSet(AnyFormSet):
    """The lines of a document.

    min_lines, max_lines    how many a document must and may have
    is_fixed                lines are given (those of the order that is received): none can be added or removed
    `more` blank lines are added to those that were sent, for people without scripts.
    """

    min_lines = 1
    max_lines = 500
    is_fixed = False

    default_error_messages = {
        "missing_management_form": "The lines did not arrive completely. Nothing was saved: send the page again.",
        "too_many_forms": "These are more lines than one document can have.",
    }

    def __init__(self, data: Any = None, *args: Any, more: int = 0, **options: Any) -> None:
        # formset_factory() sets these on the class it makes; what a line can do is decided here.
        self.can_delete = not self.is_fixed
        self.max_num = self.max_lines
        self.absolute_max = self.max_lines + 500
        if self.is_fixed:
            self.extra = 0
        super().__init__(data, *args, **options)
        self.typed_count: int | None = None
        if more and self.is_bound and not self.is_fixed and self.management_form.is_valid():
            self.typed_count = self.total_form_count()
            changed = data.copy()
            changed[f"{self.prefix}-TOTAL_FORMS"] = str(
                max(self.typed_count, min(self.typed_count + more, self.max_lines))
            )
            self.data = changed
            del self.management_form

    @classmethod
    def get_default_prefix(cls) -> str:
        return "lines"

    def _construct_form(self, i: int, **options: Any) -> LineForm:
        if self.typed_count is not None and i >= self.typed_count:
            options |= {"data": None, "files": None}  # a new line shows its fields' defaults
        made: LineForm = super()._construct_form(i, **options)  # type: ignore[misc]  # not in the stubs
        return made

    def add_fields(self, form: LineForm, index: int | None) -> None:
        super().add_fields(form, index)
        if "DELETE" in form.fields:
            form.fields["DELETE"].label = "Remove this line"

    def leave_unchecked(self) -> None:
        """Show what was typed without a word about it."""
        for form in self.forms:
            form.leave_unchecked()
        self._errors = [form.errors for form in self.forms]
        self._non_form_errors = self.error_class(error_class="nonform")

    def kept_forms(self) -> list[LineForm]:
        """Those that say something and are to stay, in their order."""
        return [form for form in self.forms if not form.is_blank() and not form.is_marked_for_deletion()]

    def lines(self) -> list[dict[str, Any]]:
        """Cleaned data of the kept lines, with their position from 1 on."""
        return [
            {**{name: value for name, value in form.cleaned_data.items() if name != "DELETE"}, "position": position}
            for position, form in enumerate(self.kept_forms(), start=1)
        ]

    def clean(self) -> None:
        if not self.management_form.is_valid():
            return  # said already
        count = len(self.kept_forms())
        if count < self.min_lines:
            few = "Enter at least one line." if self.min_lines == 1 else f"Enter at least {self.min_lines} lines."
            raise ValidationError(few, code="too_few_lines")
        if count > self.max_lines:
            raise ValidationError(
                f"A document has at most {self.max_lines} lines, and these are {count}. Split it into several.",
                code="too_many_lines",
            )

    # What the template shows
    def numbered(self) -> list[tuple[str, LineForm]]:
        """The lines with the number they have on the page; those to be removed have none."""
        number = 0
        shown = []
        for form in self.forms:
            number += 0 if form.is_marked_for_deletion() else 1
            shown.append(("\u2013" if form.is_marked_for_deletion() else str(number), form))
        return shown

    def columns(self) -> list[Column]:
        form = self.forms[0] if self.forms else self.empty_form
        totals = self.totals()
        return [
            Column(
                name=bound.name,
                label=str(bound.label),
                cell_class=form.cell_class(bound),
                id=form.column_id(bound),
                help=str(bound.help_text),
                is_totalled=bound.name in totals,
                total=_total(bound.field, totals.get(bound.name)),
                places_least=getattr(bound.field, "places_least", 0),
            )
            for bound in form.shown_fields()
        ]

    def totals(self) -> dict[str, Decimal]:
        """Sums by field of the lines that stay, as far as they make sense."""
        form = self.forms[0] if self.forms else self.empty_form
        return {
            name: sum((line.number_in(name) or Decimal(0) for line in self._counted()), Decimal(0))
            for name in form.totals
            if isinstance(form.fields.get(name), AmountField)
        }

    def total_amount(self) -> Decimal:
        return sum((line.amount() or Decimal(0) for line in self._counted()), Decimal(0))

    def has_totals(self) -> bool:
        return bool(self.totals()) or self.empty_form.has_amount()

    def _counted(self) -> list[LineForm]:
        return [line for line in self.forms if not line.is_marked_for_deletion()]


def _total(field: forms.Field, number: Decimal | None) -> str:
    return field.shown(number) if isinstance(field, AmountField) and number is not None else ""
