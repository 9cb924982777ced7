"""The admin of this app, and what every admin page of a ledger has in common: it can be looked at and nothing else."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from inventory_site.document_versions import last_change, lock_record, stale_text, version_of
from lots.history import history_note, note_edit, told
from lots.models import (
    Account,
    CostPool,
    FiscalPeriod,
    InventoryLot,
    InventoryTransaction,
    LotCostEvent,
    LotCostToPost,
    Office,
    PeriodChange,
    Preference,
    PreferenceChange,
    Purchase,
    PurchaseLine,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    ReceiptLine,
    RecordHistory,
    SerialMovement,
)

if TYPE_CHECKING:
    AnyModelAdmin = admin.ModelAdmin[Any]
    AnyModelForm = forms.ModelForm[Any]
else:
    AnyModelAdmin = admin.ModelAdmin
    AnyModelForm = forms.ModelForm

HISTORY_OF = "history_name"


class QuickAdmin(AnyModelAdmin):
    """Lists that stay quick with half a million rows: one count, newest first by primary key, names fetched along."""

    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 200
    ordering = ("-pk",)
    actions = None

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing is deleted: what was recorded once is named by something else for ever. Make it inactive instead."""
        return False


class ReadOnlyAdmin(QuickAdmin):
    """Ledgers, runs, sums: written by services, which keep them in step. Here they can only be read."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class MasterForm(AnyModelForm):
    """Carries what it was made from, as the pages do: who changes a record after somebody else is told."""

    version = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.initial["version"] = version_of(last_change(type(self.instance), self.instance.pk, HISTORY_OF))

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        sent, kept = self.cleaned_data.get("version"), self.instance
        if sent and kept.pk:
            # Until the admin's transaction ends.
            lock_record(type(kept), kept.pk, HISTORY_OF)
            change = last_change(type(kept), kept.pk, HISTORY_OF)
            if version_of(change) != sent:
                again = "Nothing was saved. Open this page again."
                raise ValidationError(stale_text(change, by=None, consequence=again), code="stale")
        return cleaned


class MasterAdmin(QuickAdmin):
    """Master data: what is changed here stands in the record's history, as what is changed on the pages."""

    form = MasterForm

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        by = request.user if isinstance(request.user, User) else None
        if not change:
            super().save_model(request, obj, form, change)
            history_note(number=obj.history_name, action="Created", by=by, at=timezone.now())
            return
        kept = type(obj)._default_manager.get(pk=obj.pk)
        before = told(kept, [name for name in form.changed_data if name != "version"])
        super().save_model(request, obj, form, change)
        note_edit(record=obj, before=before, by=by, at=timezone.now())


@admin.register(Office)
class OfficeAdmin(MasterAdmin):
    list_display = ("code", "name")
    search_fields = ("code", "name")
    ordering = ("code",)

    def get_readonly_fields(self, request: HttpRequest, obj: Office | None = None) -> tuple[str, ...]:
        """Imports find an office by its code, so the code stays; its name may change."""
        return ("code",) if obj is not None else ()


@admin.register(CostPool)
class CostPoolAdmin(ReadOnlyAdmin):
    list_display = ("code", "office", "has_work", "is_set_aside", "open_count", "open_unallocated", "open_accrued_cogs")
    list_filter = ("has_work", "is_set_aside")
    list_select_related = ("code", "office")
    search_fields = ("code__code",)


@admin.register(InventoryLot)
class InventoryLotAdmin(ReadOnlyAdmin):
    list_display = ("number", "code", "office", "first_received_at", "quantity_received", "quantity_used", "value")
    list_select_related = ("code", "office")
    search_fields = ("=number", "=source_number", "=code__code")
    sortable_by = ("first_received_at",)


@admin.register(InventoryTransaction)
class InventoryTransactionAdmin(ReadOnlyAdmin):
    list_display = ("id", "code", "office", "at", "source_number", "on_order", "demand", "on_hand")
    list_select_related = ("code", "office")
    search_fields = ("=source_number", "=code__code")
    sortable_by = ("id",)


@admin.register(LotCostEvent)
class LotCostEventAdmin(ReadOnlyAdmin):
    list_display = ("id", "lot", "at", "dated", "kind", "source_number", "quantity", "value", "value_payable")
    list_filter = ("kind",)
    list_select_related = ("lot",)
    search_fields = ("=lot__number", "=source_number")
    sortable_by = ("id",)


@admin.register(LotCostToPost)
class LotCostToPostAdmin(ReadOnlyAdmin):
    list_display = ("event", "pool")
    list_select_related = ("event__lot", "pool__code", "pool__office")


@admin.register(Preference)
class PreferenceAdmin(ReadOnlyAdmin):
    """They change on the Preferences page, which logs who did it and moves what has to move."""

    list_display = ("__str__", "cogs_method", "prevent_inter_office")


@admin.register(PreferenceChange)
class PreferenceChangeAdmin(ReadOnlyAdmin):
    list_display = ("at", "by", "name", "value_before", "value_after")
    list_select_related = ("by",)


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """Changed on the pages of the chart of accounts, which know what relies on an account."""

    list_display = ("number", "name", "kind", "is_active")
    list_filter = ("kind", "is_active")
    search_fields = ("number", "name")
    ordering = ("number",)


@admin.register(FiscalPeriod)
class FiscalPeriodAdmin(ReadOnlyAdmin):
    """Closed and reopened on the Periods page, which waits for what is being posted."""

    list_display = ("starts_on", "is_closed")
    ordering = ("-starts_on",)


@admin.register(PeriodChange)
class PeriodChangeAdmin(ReadOnlyAdmin):
    list_display = ("at", "by", "period", "is_closed", "reason")
    list_select_related = ("by", "period")


@admin.register(PurchaseOrder)
class PurchaseOrderAdmin(ReadOnlyAdmin):
    list_display = ("number", "vendor", "ordered_on", "office", "status")
    list_filter = ("status",)
    list_select_related = ("office",)
    search_fields = ("=number", "vendor")


@admin.register(PurchaseOrderLine)
class PurchaseOrderLineAdmin(ReadOnlyAdmin):
    list_display = ("purchase_order", "position", "code", "quantity", "unit_cost", "lot")
    list_select_related = ("purchase_order", "code", "lot")
    search_fields = ("=purchase_order__number", "=code__code")


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin):
    list_display = ("number", "kind", "purchase_order", "received_at", "status")
    list_filter = ("kind", "status")
    list_select_related = ("purchase_order",)
    search_fields = ("=number", "=purchase_order__number")


@admin.register(ReceiptLine)
class ReceiptLineAdmin(ReadOnlyAdmin):
    list_display = ("receipt", "position", "purchase_order_line", "quantity", "manufacturer_lot")
    list_select_related = ("receipt", "purchase_order_line")
    search_fields = ("=receipt__number",)


@admin.register(Purchase)
class PurchaseAdmin(ReadOnlyAdmin):
    list_display = ("number", "vendor", "invoice_number", "invoiced_at", "freight", "status")
    list_filter = ("status",)
    search_fields = ("=number", "vendor", "=invoice_number")


@admin.register(PurchaseLine)
class PurchaseLineAdmin(ReadOnlyAdmin):
    list_display = ("purchase", "position", "purchase_order_line", "quantity", "value", "freight")
    list_select_related = ("purchase", "purchase_order_line")
    search_fields = ("=purchase__number",)


@admin.register(RecordHistory)
class RecordHistoryAdmin(ReadOnlyAdmin):
    list_display = ("at", "by", "number", "action", "note")
    list_select_related = ("by",)
    search_fields = ("=number",)


@admin.register(SerialMovement)
class SerialMovementAdmin(ReadOnlyAdmin):
    list_display = ("serial", "code", "transaction")
    list_select_related = ("code", "transaction")
    search_fields = ("=serial", "=code__code")
