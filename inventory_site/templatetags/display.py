"""How figures look on screen: quantities, money, estimates, status dots and Go-To links. A template builtin.

The functions are called by the columns of `inventory_site.tables` as well, so that a figure looks the same everywhere.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from django import template
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from inventory_site import menu, money

register = template.Library()

NOTHING = mark_safe('<span class="nothing">&ndash;</span>')

# What the guides colour: green open, white closed, yellow pending, red in trouble, grey void.
STATUS_TONES = {
    "OPEN": "open",
    "ACTIVE": "open",
    "RUNNING": "busy",
    "REQUESTED": "pending",
    "PENDING": "pending",
    "CLOSED": "closed",
    "POSTED": "closed",
    "FINISHED": "closed",
    "DONE": "closed",
    "FINISHED_WITH_ERRORS": "trouble",
    "FAILED": "trouble",
    "INACTIVE": "void",
    "CANCELLED": "void",
    "VOID": "void",
    # Imports
    "UPLOADED": "pending",
    "CHECKING": "busy",
    "READY": "pending",
    "IMPORTING": "busy",
    "IMPORTED": "open",
    "REJECTED": "trouble",
    "DISCARDED": "void",
}


# -- Figures -----------------------------------------------------------------------------------------
def _figure(text: str, number: Decimal | int) -> str:
    return format_html('<span class="negative">{}</span>', text) if number < 0 else text


@register.filter
def quantity(value: Decimal | int | None) -> str:
    """1,000 / -125 / 0.5, negatives in red with their minus sign."""
    return NOTHING if value is None else _figure(money.quantity_text(value), value)


@register.filter(name="money")
def money_figure(value: Decimal | int | None) -> str:
    """1,990.00 / -9,373.75."""
    return NOTHING if value is None else _figure(money.money_text(value), value)


@register.filter
def unit_cost(value: Decimal | int | None) -> str:
    """1.99 / 0.333333."""
    return NOTHING if value is None else _figure(money.unit_cost_text(value), value)


@register.filter
def count(value: int | None) -> str:
    """1,234."""
    return NOTHING if value is None else f"{value:,}"


@register.filter
def noun_for(plural: str, number: int | None) -> str:
    """The noun of a list for so many: 1 code, 2 codes; 1 entry, 2 entries."""
    if number != 1 or not plural.endswith("s"):
        return plural
    return f"{plural[:-3]}y" if plural.endswith("ies") else plural[:-1]


@register.filter
def estimated(text: str) -> SafeString:
    """`~ COGS`: the guides' mark for a figure that is not final, said in words to screen readers."""
    mark = '<span><span aria-hidden="true">~ </span><span class="visually-hidden">Estimated </span>{}</span>'
    return format_html(mark, text)  # in one span: a heading's parts are laid out one by one


# -- Moments -----------------------------------------------------------------------------------------
def _shown(value: date | datetime | None, pattern: str) -> str:
    if value is None:
        return NOTHING
    if not isinstance(value, datetime):
        return format_html('<time datetime="{}">{}</time>', value.isoformat(), value.strftime("%m/%d/%y"))
    exact = value.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(),
        exact.strftime("%Y-%m-%d %H:%M:%S UTC"),
        timezone.localtime(value).strftime(pattern),
    )


@register.filter
def day(value: date | datetime | None) -> str:
    """07/18/22 as in the guides; the full moment in UTC as its title."""
    return _shown(value, "%m/%d/%y")


@register.filter
def moment(value: datetime | None) -> str:
    """07/18/22 14:05."""
    return _shown(value, "%m/%d/%y %H:%M")


@register.filter
def duration(seconds: Decimal | float | None) -> str:
    """0.4 s / 42 s / 3 min 20 s / 2 h 5 min."""
    if seconds is None:
        return NOTHING
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_left} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


# -- Marks and links ---------------------------------------------------------------------------------
@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """An icon of the sprite; always decoration, the words stand beside it."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        asset("vendor/bootstrap-icons/sprite.svg"),
        name,
    )


def status_words(status: str) -> str:
    """A status as people write it: FINISHED_WITH_ERRORS is "Finished with errors"; what is in words already stays."""
    return status.replace("_", " ").capitalize() if status.isupper() else status


@register.simple_tag
def status_dot(status: str, label: str = "") -> SafeString:
    """A coloured dot with its meaning in words for those who do not see the colour."""
    words = label or status_words(str(status))
    return format_html(
        '<span class="status-dot tone-{}" title="{}"></span><span class="visually-hidden">Status: {}</span>',
        STATUS_TONES.get(str(status), "void"),
        words,
        words,
    )


@register.simple_tag
def status_text(status: str, label: str = "") -> SafeString:
    """Dot and text side by side."""
    words = label or status_words(str(status))
    return format_html(
        '<span class="status"><span class="status-dot tone-{}" aria-hidden="true"></span>{}</span>',
        STATUS_TONES.get(str(status), "void"),
        words,
    )


@register.simple_tag
def go_to(text: Any, url: str, kind: str = "") -> SafeString:
    """The guides' `>`: the text of a record and the way to it, named "Go to usage 60000"."""
    return format_html(
        '<a class="go-to" href="{}"><span class="visually-hidden">Go to {} </span>{}{}</a>',
        url,
        kind,
        text,
        icon("go-to"),
    )


@register.simple_tag
def asset(path: str) -> str:
    """The address of a static file; the plain one when there is no manifest, so that an error page never fails too."""
    try:
        return static(path)
    except ValueError:
        return f"/static/{path}"


# -- The frame ---------------------------------------------------------------------------------------
@register.simple_tag(takes_context=True)
def main_menu(context: template.Context) -> tuple[menu.Module, ...]:
    """The modules and entries that the signed-in person may open."""
    request = context.get("request")
    user = getattr(request, "user", None)
    if request is None or user is None or not user.is_authenticated:
        return ()
    return menu.for_user(user, path=request.path)


@register.filter
def role(user: AbstractBaseUser | AnonymousUser) -> str:
    """The person's roles in words, for the user menu."""
    groups = getattr(user, "groups", None)
    names = sorted(groups.values_list("name", flat=True)) if groups is not None and user.pk else []
    if getattr(user, "is_superuser", False):
        names.append("superuser")
    return ", ".join(names).capitalize() or "No role yet"
