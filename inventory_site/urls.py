"""The three apps by dotted name, sign-in, and health."""

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path

from inventory_site import health
from inventory_site.account_views import OwnPasswordView
from inventory_site.views import MenuView

urlpatterns = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("sign-in/", auth_views.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("sign-out/", auth_views.LogoutView.as_view(), name="logout"),
    path("password/", OwnPasswordView.as_view(), name="password"),
    path("menu/", MenuView.as_view(), name="menu"),
    path("inventory/", include("lots.urls")),
    path("", include("usage.urls")),
    path("", include("reconciliation.urls")),
    path("", include("reconciliation.home_urls")),
]
