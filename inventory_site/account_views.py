"""What people do with their own account."""

from django.contrib import messages
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpResponse
from django.urls import reverse_lazy


class OwnPasswordView(PasswordChangeView):
    """Anybody who is signed in may change their own password; other sessions of theirs end with it."""

    template_name = "generic/record_form.html"
    success_url = reverse_lazy("home")
    extra_context = {"title": "Change password", "submit_label": "Change password", "cancel_url": success_url}

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        response = super().form_valid(form)
        messages.success(self.request, "Your password is changed.")
        return response
