"""Addresses of this app."""

from django.urls import include, path

from lots import views

app_name = "lots"
urlpatterns = [
    path("codes/", views.CodeListView.as_view(), name="codes"),
    path("codes/new/", views.CodeCreateView.as_view(), name="code_create"),
    path("codes/find/", views.CodesFindView.as_view(), name="codes_find"),
    path("codes/<int:pk>/", views.CodeDetailView.as_view(), name="code"),
    path("lots/", views.LotListView.as_view(), name="lots"),
    path("lots/<int:pk>/", views.LotDetailView.as_view(), name="lot"),
    path("transactions/", views.TransactionListView.as_view(), name="transactions"),
    path("transactions/<int:pk>/", views.TransactionDetailView.as_view(), name="transaction"),
    path("offices/", views.OfficeListView.as_view(), name="offices"),
    path("offices/new/", views.OfficeCreateView.as_view(), name="office_create"),
    path("offices/<int:pk>/edit/", views.OfficeEditView.as_view(), name="office_edit"),
    path("offices/<int:pk>/", views.OfficeDetailView.as_view(), name="office"),
    path("history/", views.HistoryView.as_view(), name="history"),
    path("", include("lots.purchasing_urls")),
]
