"""Addresses of purchasing documents."""

from django.urls import path

from lots.views import purchase_orders, purchases, receipts

urlpatterns = [
    path("purchase-orders/", purchase_orders.PurchaseOrderListView.as_view(), name="purchase_orders"),
    path("purchase-orders/new/", purchase_orders.PurchaseOrderCreateView.as_view(), name="purchase_order_create"),
    path("purchase-orders/lines/find/", purchase_orders.LinesFindView.as_view(), name="purchase_order_lines_find"),
    path("purchase-orders/<int:pk>/", purchase_orders.PurchaseOrderDetailView.as_view(), name="purchase_order"),
    path("purchase-orders/<int:pk>/edit/", purchase_orders.PurchaseOrderFormView.as_view(), name="purchase_order_edit"),
    path("purchase-orders/<int:pk>/open/", purchase_orders.PurchaseOrderOpenView.as_view(), name="purchase_order_open"),
    path(
        "purchase-orders/<int:pk>/receive-all/",
        purchase_orders.ReceiveAllView.as_view(),
        name="purchase_order_receive_all",
    ),
    path(
        "purchase-orders/<int:pk>/close/", purchase_orders.PurchaseOrderCloseView.as_view(), name="purchase_order_close"
    ),
    path(
        "purchase-orders/<int:pk>/reopen/",
        purchase_orders.PurchaseOrderReopenView.as_view(),
        name="purchase_order_reopen",
    ),
    path("purchase-orders/<int:pk>/void/", purchase_orders.PurchaseOrderVoidView.as_view(), name="purchase_order_void"),
    path("incoming-shipments/", receipts.ReceiptListView.as_view(), name="receipts"),
    path("incoming-shipments/new/", receipts.ReceiptCreateView.as_view(), name="receipt_create"),
    path("incoming-shipments/<int:pk>/", receipts.ReceiptDetailView.as_view(), name="receipt"),
    path("incoming-shipments/<int:pk>/edit/", receipts.ReceiptFormView.as_view(), name="receipt_edit"),
    path("incoming-shipments/<int:pk>/post/", receipts.ReceiptPostView.as_view(), name="receipt_post"),
    path("incoming-shipments/<int:pk>/void/", receipts.ReceiptVoidView.as_view(), name="receipt_void"),
    path("purchases/", purchases.PurchaseListView.as_view(), name="purchases"),
    path("purchases/new/", purchases.PurchaseCreateView.as_view(), name="purchase_create"),
    path("purchases/<int:pk>/", purchases.PurchaseDetailView.as_view(), name="purchase"),
    path("purchases/<int:pk>/edit/", purchases.PurchaseFormView.as_view(), name="purchase_edit"),
    path("purchases/<int:pk>/post/", purchases.PurchasePostView.as_view(), name="purchase_post"),
    path("purchases/<int:pk>/void/", purchases.PurchaseVoidView.as_view(), name="purchase_void"),
]
