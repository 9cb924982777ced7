"""Addresses of returns to vendors; they are listed and looked at with the incoming shipments."""

from django.urls import path

from usage.views import vendor_returns

urlpatterns = [
    path("vendor-returns/new/", vendor_returns.VendorReturnCreateView.as_view(), name="vendor_return_create"),
    path("vendor-returns/<int:pk>/edit/", vendor_returns.VendorReturnFormView.as_view(), name="vendor_return_edit"),
    path("vendor-returns/<int:pk>/post/", vendor_returns.VendorReturnPostView.as_view(), name="vendor_return_post"),
    path("vendor-returns/<int:pk>/void/", vendor_returns.VendorReturnVoidView.as_view(), name="vendor_return_void"),
]
