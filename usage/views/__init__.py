"""Pages of this app, a file a record: which rows, which columns, which figures. Nothing is decided here."""

from usage.views.adjustments import (
    AdjustmentApproveView,
    AdjustmentDetailView,
    AdjustmentEditView,
    AdjustmentListView,
    AdjustmentPostView,
    AdjustmentVoidView,
)
from usage.views.codes import CodeEditView
from usage.views.count_sheets import CountBalancesView, CountCreateView, CountSheetView, CountUploadView
from usage.views.orders import (
    OrderCloseView,
    OrderDetailView,
    OrderFormView,
    OrderListView,
    OrderOpenView,
    OrderProcureView,
    OrderReopenView,
    OrderShipView,
    OrderVoidView,
)
from usage.views.shipments import (
    ReturnFormView,
    ShipmentDetailView,
    ShipmentFormView,
    ShipmentListView,
    ShipmentShipView,
    ShipmentVoidView,
)
from usage.views.usages import OrderByNumberView, SourceView, UsageDetailView, UsageListView

__all__ = [
    "AdjustmentApproveView",
    "AdjustmentDetailView",
    "AdjustmentEditView",
    "AdjustmentListView",
    "AdjustmentPostView",
    "AdjustmentVoidView",
    "CodeEditView",
    "CountBalancesView",
    "CountCreateView",
    "CountSheetView",
    "CountUploadView",
    "OrderByNumberView",
    "OrderCloseView",
    "OrderDetailView",
    "OrderFormView",
    "OrderListView",
    "OrderOpenView",
    "OrderProcureView",
    "OrderReopenView",
    "OrderShipView",
    "OrderVoidView",
    "ReturnFormView",
    "ShipmentDetailView",
    "ShipmentFormView",
    "ShipmentListView",
    "ShipmentShipView",
    "ShipmentVoidView",
    "SourceView",
    "UsageDetailView",
    "UsageListView",
]
