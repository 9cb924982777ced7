"""Addresses of this app."""

from django.urls import include, path

from usage import views

app_name = "usage"
urlpatterns = [
    path("inventory/usage/", views.UsageListView.as_view(), name="usages"),
    path("inventory/usage/<int:pk>/", views.UsageDetailView.as_view(), name="usage"),
    # Transaction IDs are anybody's text, so they stand in the query.
    path("inventory/usage/transaction-id/", views.SourceView.as_view(), name="source"),
    path("", include("usage.job_urls")),
]
