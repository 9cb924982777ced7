"""Addresses of this app."""

from django.urls import URLPattern

app_name = "lots"
urlpatterns: list[URLPattern] = []
