"""The Preferences page: what holds for the whole company, who changed it, and the button that accrues COGS."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.generic import View

from inventory_site.document_versions import VERSION
from inventory_site.listing import EmptyState
from lots.models import Account, CogsMethod, PostingDate, Preference, PreferenceChange
from reconciliation.accruals import BATCH_USAGES, accruals_due, accrue_cogs, request_accruals, why_not_accrue
from reconciliation.forms import PreferenceForm
from reconciliation.preferences import (
    ACCOUNTS,
    ACCRUE_COGS,
    APPROVE_ABOVE,
    COGS_METHOD,
    NONE,
    POSTING_DATE,
    PREVENT_INTER_OFFICE,
    RETURNS_REDUCE_ORDERS,
    preference_set,
    preferences_version,
    refuse_stale_preference,
    value_of,
    why_offices_cannot_change,
)
from reconciliation.run_views import RUN, signed_in
from reconciliation.selectors import active_run, stock
from reconciliation.tables import PreferenceChangeTable

CHANGE_PREFERENCE: Final = "lots.change_preference"
CHANGES_SHOWN: Final = 50
# Moving more usage than this into other pools takes longer than anybody waits for a page.
USAGES_MOVED_AT_ONCE: Final = 50_000
# Sent in the place of one preference's name by the form with all default accounts.
DEFAULT_ACCOUNTS: Final = "accounts"


@dataclass(frozen=True)
class Option:
    value: str
    label: str
    hint: str = ""


@dataclass(frozen=True)
class Choice:
    """A preference that is one of a few values, as its card shows it."""

    name: str
    title: str
    text: str
    options: Sequence[Option]
    value: str
    error: str
    note: str = ""


@dataclass(frozen=True)
class DefaultAccount:
    """A line of the card with the default accounts."""

    name: str
    label: str
    hint: str
    account: Account | None
    error: str
    wanted: str


class PreferencesView(PermissionRequiredMixin, View):
    """A GET shows all; a POST changes one preference, or default accounts together."""

    permission_required = "lots.view_preference"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm(CHANGE_PREFERENCE):
            return self.handle_no_permission()
        form = PreferenceForm(request.POST)
        name = form.data.get("name", "")
        if name == DEFAULT_ACCOUNTS:
            return self._set_accounts(request)
        if not form.is_valid() or (name != APPROVE_ABOVE and not form.cleaned_data["value"]):
            return self._page(request, errors={name: "Choose a value. Nothing was changed."}, status=422)
        if name == PREVENT_INTER_OFFICE and (reason := _too_much_to_move()):
            return self._page(request, errors={name: reason}, status=422)
        try:
            with transaction.atomic():
                refuse_stale_preference(names=[name], version=request.POST.get(VERSION, ""), by=signed_in(request))
                change = preference_set(
                    name=name, value=form.cleaned_data["value"], by=signed_in(request), now=timezone.now()
                )
        except ValidationError as error:
            return self._page(request, errors={name: " ".join(error.messages)}, status=422)
        if change is None:
            messages.info(request, "It had that value already; nothing was changed.")
        else:
            messages.success(request, f"Changed from {change.value_before} to {change.value_after}.")
        return redirect("reconciliation:preferences")

    def _set_accounts(self, request: HttpRequest) -> HttpResponse:
        """All of them or none: they depend on one another."""
        errors: dict[str, str] = {}
        changes: list[PreferenceChange] = []
        now = timezone.now()
        wanted = {name: number for name in ACCOUNTS if (number := request.POST.get(name, ""))}
        with transaction.atomic():
            try:
                version = request.POST.get(VERSION, "")
                refuse_stale_preference(names=list(wanted), version=version, by=signed_in(request))
            except ValidationError as error:
                return self._page(request, errors={DEFAULT_ACCOUNTS: " ".join(error.messages)}, status=422)
            for name, number in wanted.items():
                try:
                    change = preference_set(name=name, value=number, by=signed_in(request), now=now)
                except ValidationError as error:
                    errors[name] = " ".join(error.messages)
                else:
                    changes += [change] if change else []
            if errors:
                transaction.set_rollback(True)
        if errors:
            return self._page(request, errors=errors, status=422)
        if changes:
            named = ", ".join(f"{ACCOUNTS[change.name][0]} is {change.value_after} now" for change in changes)
            messages.success(request, f"{named}.")
        else:
            messages.info(request, "All accounts are as they were; nothing was changed.")
        return redirect("reconciliation:preferences")

    def _page(
        self, request: HttpRequest, *, errors: Mapping[str, str] | None = None, status: int = 200
    ) -> HttpResponse:
        version = preferences_version()
        preference = Preference.objects.select_related(*ACCOUNTS).get(pk=1)
        said = dict(errors or {})
        choices = _choices(preference, said)
        accounts = _default_accounts(preference, said, request.POST if errors else {})
        shown = {
            COGS_METHOD,
            PREVENT_INTER_OFFICE,
            APPROVE_ABOVE,
            *(choice.name for choice in choices),
            *ACCOUNTS,
        }
        changes = PreferenceChange.objects.select_related("by")[:CHANGES_SHOWN]
        approve_above = value_of(preference, APPROVE_ABOVE)
        context = {
            "title": "Preferences",
            # Read before the values: what is changed later must count as later.
            "version": version,
            "preference": preference,
            "methods": CogsMethod.choices,
            "office_value": value_of(preference, PREVENT_INTER_OFFICE),
            "office_reason": why_offices_cannot_change() or _too_much_to_move(),
            "active": active_run(),
            "may_change": request.user.has_perm(CHANGE_PREFERENCE),
            "method_error": said.get(COGS_METHOD, ""),
            "office_error": said.get(PREVENT_INTER_OFFICE, ""),
            "other_errors": [text for name, text in said.items() if name not in shown],
            "choices": choices,
            "approve_above": "" if approve_above == NONE else approve_above,
            "approve_above_error": said.get(APPROVE_ABOVE, ""),
            "accounts": accounts,
            "account_choices": Account.objects.filter(is_active=True),
            "accruals_due": accruals_due(),
            "accrue_reason": why_not_accrue(),
            "may_run": request.user.has_perm(RUN),
            "changes": PreferenceChangeTable(
                changes, empty=EmptyState("No preference was ever changed", "All have the values they began with.")
            ),
        }
        return render(request, "reconciliation/preferences.html", context, status=status)


class AccrueCogsView(PermissionRequiredMixin, View):
    """A POST books accrued COGS: here and now, or by a worker where it is much."""

    permission_required = RUN
    http_method_names = ("post",)

    def post(self, request: HttpRequest) -> HttpResponse:
        by = signed_in(request)
        if reason := why_not_accrue():
            messages.error(request, reason)
        elif accruals_due() <= BATCH_USAGES:
            messages.success(request, accrue_cogs(now=timezone.now(), by=by).words())
        elif request_accruals(by=by):
            messages.success(request, "A worker books it now; the journal shows it in a minute.")
        else:
            messages.error(request, "The workers cannot be reached; nothing was posted. The night's schedule books it.")
        return redirect("reconciliation:preferences")


def _choices(preference: Preference, errors: Mapping[str, str]) -> list[Choice]:
    def choice(name: str, title: str, text: str, options: Sequence[Option], note: str = "") -> Choice:
        return Choice(name, title, text, options, value_of(preference, name), errors.get(name, ""), note)

    return [
        choice(
            POSTING_DATE,
            "Posting date of COGS",
            "Which day the cost of usage counts in the books. It binds postings to come; a closed period is never"
            " posted to, whatever is chosen here.",
            [Option(value, str(label)) for value, label in PostingDate.choices],
        ),
        choice(
            RETURNS_REDUCE_ORDERS,
            "Returns from customers",
            "Whether what a customer returns lowers the quantity of the order line that it returns.",
            [Option("on", "Lower the order"), Option("off", "Leave the order as it is")],
        ),
        choice(
            ACCRUE_COGS,
            "Accrued COGS",
            "Whether the estimated cost of unallocated usage is booked every night, in the month of the usage. The run"
            " that finds the true cost takes the estimate back.",
            [Option("off", "Off"), Option("on", "On")],
            note="Switched off, all that is booked is taken back the next time.",
        ),
    ]


def _default_accounts(
    preference: Preference, errors: Mapping[str, str], typed: Mapping[str, Any]
) -> list[DefaultAccount]:
    rows = []
    for name, (label, hint) in ACCOUNTS.items():
        account: Account | None = getattr(preference, name)
        wanted = str(typed.get(name) or (account.number if account else ""))
        rows.append(DefaultAccount(name, label, hint, account, errors.get(name, ""), wanted))
    return rows


def _too_much_to_move() -> str:
    usages = stock().usages
    if usages <= USAGES_MOVED_AT_ONCE:
        return ""
    return (
        f"{usages:,} usages would move, which takes longer than a page can wait. From a shell:"
        " python3 run.py manage set_preference prevent_inter_office on (or off)."
    )
