"""Addresses of this app."""

from django.urls import URLPattern

app_name = "usage"
urlpatterns: list[URLPattern] = []
