"""Addresses of this app."""

from django.urls import path

from reconciliation import import_views

app_name = "reconciliation"
urlpatterns = [
    path("administration/import/", import_views.ImportView.as_view(), name="import"),
    path("administration/import/<int:pk>/", import_views.ImportJobView.as_view(), name="import_job"),
    path("administration/import/<int:pk>/start/", import_views.ImportStartView.as_view(), name="import_start"),
    path("administration/import/<int:pk>/discard/", import_views.ImportDiscardView.as_view(), name="import_discard"),
    path("administration/import/<int:pk>/progress/", import_views.ImportProgressView.as_view(), name="import_progress"),
    path("administration/import/<int:pk>/errors/", import_views.ImportErrorsView.as_view(), name="import_errors"),
    path(
        "administration/import/template/<str:kind>/", import_views.ImportTemplateView.as_view(), name="import_template"
    ),
]
