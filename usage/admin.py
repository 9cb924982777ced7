"""The admin of this app; also that of line item codes, whose estimated cost decides what open usage accrues."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone

from lots.admin import MasterAdmin, MasterForm, ReadOnlyAdmin
from lots.models import CostPool, LineItemCode
from usage.models import (
    AdjustmentLine,
    AdjustmentRecord,
    InventoryAdjustment,
    InventoryUsage,
    Job,
    JobComponent,
    JobCost,
    JobOutput,
    JobUsage,
    LotFeed,
    LotRecost,
    OpenUsage,
    Order,
    OrderLine,
    OrderLinePurchase,
    RestrictionRelease,
    Shipment,
    ShipmentLine,
    ShipmentUsage,
    UsageLotRestriction,
)
from usage.services import est_unit_cost_set


class LineItemCodeForm(MasterForm):
    """Rules of master data that depend on what was recorded on a code."""

    class Meta:
        model = LineItemCode
        fields = "__all__"

    def clean_status(self) -> str:
        status: str = self.cleaned_data["status"]
        if status == LineItemCode.Status.INACTIVE and self.instance.pk and self._quantity_in_stock():
            raise ValidationError("There is stock on hand: a code can be made inactive when its lots are used up.")
        return status

    def _quantity_in_stock(self) -> bool:
        pools = CostPool.objects.filter(code=self.instance)
        return any(pool.quantity_received != pool.quantity_used for pool in pools)


@admin.register(LineItemCode)
class LineItemCodeAdmin(MasterAdmin):
    form = LineItemCodeForm
    list_display = ("code", "description", "record_type", "status", "est_unit_cost")
    list_filter = ("status", "record_type")
    search_fields = ("code", "description")
    ordering = ("code",)
    fields = (
        "code", "description", "record_type", "status", "est_unit_cost", "is_serialized",
        "is_tracked_by_manufacturer_lot", "account_revenue", "account_cost", "account_inventory", "version",
    )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: LineItemCode | None = None) -> tuple[str, ...]:
        """Imports find a code by its name, and its type is for good; how units are tracked, once there are records."""
        if obj is None:
            return ()
        is_referenced = CostPool.objects.filter(code=obj).exists()
        tracking = ("is_serialized", "is_tracked_by_manufacturer_lot") if is_referenced else ()
        return ("code", "record_type", *tracking)

    def save_model(self, request: HttpRequest, obj: LineItemCode, form: Any, change: bool) -> None:
        """Save; an estimate that changes goes through its service, so that accrued COGS follows at once."""
        if change and "est_unit_cost" in form.changed_data:
            by = request.user if isinstance(request.user, User) else None
            est_unit_cost_set(code=obj, est_unit_cost=obj.est_unit_cost, by=by, at=timezone.now())
        super().save_model(request, obj, form, change)


@admin.register(InventoryUsage)
class InventoryUsageAdmin(ReadOnlyAdmin):
    list_display = ("number", "code", "office", "used_at", "quantity", "source_number", "order", "reference")
    list_select_related = ("code", "office")
    search_fields = ("=number", "=source_number", "=order", "=code__code")
    sortable_by = ("used_at",)


@admin.register(OpenUsage)
class OpenUsageAdmin(ReadOnlyAdmin):
    list_display = ("usage", "pool", "used_at", "quantity", "quantity_unallocated", "amount_allocated")
    list_select_related = ("usage", "pool__code", "pool__office")
    search_fields = ("=usage__number", "=pool__code__code")
    sortable_by = ()


@admin.register(UsageLotRestriction)
class UsageLotRestrictionAdmin(ReadOnlyAdmin):
    list_display = ("usage", "lot")
    list_select_related = ("usage", "lot")
    search_fields = ("=usage__number", "=lot__number")
    sortable_by = ()


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = ("number", "customer", "office", "ordered_at", "reference", "status")
    list_filter = ("status",)
    list_select_related = ("office",)
    search_fields = ("=number", "customer")
    sortable_by = ()


@admin.register(OrderLine)
class OrderLineAdmin(ReadOnlyAdmin):
    list_display = (
        "order",
        "position",
        "code",
        "quantity",
        "supply",
        "quantity_shipped",
        "quantity_returned",
        "demand",
    )
    list_select_related = ("order", "code")
    search_fields = ("=order__number", "=code__code")
    sortable_by = ()


@admin.register(Shipment)
class ShipmentAdmin(ReadOnlyAdmin):
    list_display = ("number", "kind", "office", "shipped_at", "reference", "status")
    list_filter = ("kind", "status")
    list_select_related = ("office",)
    search_fields = ("=number",)
    sortable_by = ()


@admin.register(ShipmentLine)
class ShipmentLineAdmin(ReadOnlyAdmin):
    list_display = ("shipment", "position", "order_line", "quantity", "manufacturer_lot")
    list_select_related = ("shipment", "order_line")
    search_fields = ("=shipment__number", "=order_line__order__number")
    sortable_by = ()


@admin.register(OrderLinePurchase)
class OrderLinePurchaseAdmin(ReadOnlyAdmin):
    list_display = ("order_line", "purchase_order_line")
    search_fields = ("=order_line__order__number", "=purchase_order_line__purchase_order__number")
    sortable_by = ()


@admin.register(ShipmentUsage)
class ShipmentUsageAdmin(ReadOnlyAdmin):
    list_display = ("line", "usage", "is_void")
    list_select_related = ("line", "usage")
    search_fields = ("=usage__number", "=line__shipment__number")
    sortable_by = ()


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ("number", "code", "quantity", "quantity_produced", "office", "started_at", "status", "lot")
    list_select_related = ("code", "office", "lot")
    search_fields = ("=number", "=code__code")
    sortable_by = ("started_at",)


@admin.register(JobComponent)
class JobComponentAdmin(ReadOnlyAdmin):
    list_display = ("job", "position", "code", "quantity", "quantity_consumed", "demand")
    list_select_related = ("job", "code")
    search_fields = ("=job__number", "=code__code")
    sortable_by = ()


@admin.register(JobUsage)
class JobUsageAdmin(ReadOnlyAdmin):
    list_display = ("component", "usage")
    list_select_related = ("component", "usage")
    search_fields = ("=component__job__number", "=usage__number")
    sortable_by = ()


@admin.register(JobCost)
class JobCostAdmin(ReadOnlyAdmin):
    list_display = ("job", "kind", "description", "incurred_at", "amount", "account")
    list_select_related = ("job", "account")
    search_fields = ("=job__number", "description")
    sortable_by = ("incurred_at",)


@admin.register(JobOutput)
class JobOutputAdmin(ReadOnlyAdmin):
    list_display = ("number", "job", "quantity", "produced_at", "status")
    list_select_related = ("job",)
    search_fields = ("=number", "=job__number")
    sortable_by = ("produced_at",)


@admin.register(InventoryAdjustment)
class InventoryAdjustmentAdmin(ReadOnlyAdmin):
    list_display = (
        "number",
        "adjustment_type",
        "status",
        "adjusted_at",
        "office",
        "account",
        "created_by",
        "approved_by",
    )
    list_select_related = ("office", "account", "created_by", "approved_by")
    list_filter = ("status", "adjustment_type")
    search_fields = ("=number", "description")
    sortable_by = ("adjusted_at",)


@admin.register(AdjustmentLine)
class AdjustmentLineAdmin(ReadOnlyAdmin):
    list_display = ("adjustment", "position", "role", "code", "quantity", "count", "system_balance", "unit_cost")
    list_select_related = ("adjustment", "code")
    search_fields = ("=adjustment__number", "=code__code")
    sortable_by = ()


@admin.register(AdjustmentRecord)
class AdjustmentRecordAdmin(ReadOnlyAdmin):
    list_display = ("line", "usage", "lot", "quantity", "value", "is_void")
    list_select_related = ("line", "usage", "lot")
    search_fields = ("=line__adjustment__number", "=usage__number", "=lot__number")
    sortable_by = ()


@admin.register(LotFeed)
class LotFeedAdmin(ReadOnlyAdmin):
    list_display = ("usage", "lot", "share_from", "share_to")
    list_select_related = ("usage", "lot")
    search_fields = ("=usage__number", "=lot__number")
    sortable_by = ()


@admin.register(LotRecost)
class LotRecostAdmin(ReadOnlyAdmin):
    list_display = ("lot", "noted_at")
    list_select_related = ("lot",)
    search_fields = ("=lot__number",)
    sortable_by = ("noted_at",)


@admin.register(RestrictionRelease)
class RestrictionReleaseAdmin(ReadOnlyAdmin):
    list_display = ("usage", "at", "by", "reason")
    list_select_related = ("usage", "by")
    search_fields = ("=usage__number",)
    sortable_by = ("at",)
