"""Addresses of this app."""

from django.urls import path

from lots import views

app_name = "lots"
urlpatterns = [
    path("offices/", views.OfficeListView.as_view(), name="offices"),
    path("offices/<int:pk>/", views.OfficeDetailView.as_view(), name="office"),
]
