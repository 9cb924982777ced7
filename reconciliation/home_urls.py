"""The home page: named without a namespace, because sign-in and the frame lead to it by plain name."""

from django.urls import path

from reconciliation.views import HomeView

urlpatterns = [path("", HomeView.as_view(), name="home")]
