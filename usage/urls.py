"""Addresses of this app."""

from django.urls import include, path

from usage import views

app_name = "usage"
urlpatterns = [
    path("inventory/usage/", views.UsageListView.as_view(), name="usages"),
    path("inventory/codes/<int:pk>/edit/", views.CodeEditView.as_view(), name="code_edit"),
    path("inventory/usage/<int:pk>/", views.UsageDetailView.as_view(), name="usage"),
    # Transaction IDs are anybody's text, so they stand in the query.
    path("inventory/usage/transaction-id/", views.SourceView.as_view(), name="source"),
    path("orders/", views.OrderListView.as_view(), name="orders"),
    path("orders/new/", views.OrderFormView.as_view(), name="order_create"),
    path("orders/by-number/", views.OrderByNumberView.as_view(), name="order_by_number"),
    path("orders/<int:pk>/", views.OrderDetailView.as_view(), name="order"),
    path("orders/<int:pk>/edit/", views.OrderFormView.as_view(), name="order_edit"),
    path("orders/<int:pk>/open/", views.OrderOpenView.as_view(), name="order_open"),
    path("orders/<int:pk>/ship/", views.OrderShipView.as_view(), name="order_ship"),
    path("orders/<int:pk>/close/", views.OrderCloseView.as_view(), name="order_close"),
    path("orders/<int:pk>/reopen/", views.OrderReopenView.as_view(), name="order_reopen"),
    path("orders/<int:pk>/void/", views.OrderVoidView.as_view(), name="order_void"),
    path("orders/items/<int:pk>/procure/", views.OrderProcureView.as_view(), name="order_procure"),
    path("shipments/", views.ShipmentListView.as_view(), name="shipments"),
    path("shipments/new/", views.ShipmentFormView.as_view(), name="shipment_create"),
    path("shipments/new-return/", views.ReturnFormView.as_view(), name="return_create"),
    path("shipments/<int:pk>/", views.ShipmentDetailView.as_view(), name="shipment"),
    path("shipments/<int:pk>/edit/", views.ShipmentFormView.as_view(), name="shipment_edit"),
    path("shipments/<int:pk>/ship/", views.ShipmentShipView.as_view(), name="shipment_ship"),
    path("shipments/<int:pk>/void/", views.ShipmentVoidView.as_view(), name="shipment_void"),
    path("inventory/adjustments/", views.AdjustmentListView.as_view(), name="adjustments"),
    path("inventory/adjustments/new/", views.CountCreateView.as_view(), name="adjustment_create"),
    path("inventory/adjustments/count-sheet/", views.CountSheetView.as_view(), name="count_sheet"),
    path("inventory/adjustments/count-sheet/upload/", views.CountUploadView.as_view(), name="count_upload"),
    path("inventory/adjustments/balances/", views.CountBalancesView.as_view(), name="count_balances"),
    path("inventory/adjustments/<int:pk>/", views.AdjustmentDetailView.as_view(), name="adjustment"),
    path("inventory/adjustments/<int:pk>/edit/", views.AdjustmentEditView.as_view(), name="adjustment_edit"),
    path("inventory/adjustments/<int:pk>/post/", views.AdjustmentPostView.as_view(), name="adjustment_post"),
    path("inventory/adjustments/<int:pk>/approve/", views.AdjustmentApproveView.as_view(), name="adjustment_approve"),
    path("inventory/adjustments/<int:pk>/void/", views.AdjustmentVoidView.as_view(), name="adjustment_void"),
    path("", include("usage.job_urls")),
    path("inventory/", include("usage.vendor_return_urls")),
]
