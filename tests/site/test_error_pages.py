"""Error pages stand even when the database, the request or the static manifest is away."""

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.views.csrf import csrf_failure

from inventory_site.templatetags import display


@pytest.mark.parametrize("name", ["500.html", "400.html"])
def test_the_page_for_faults_needs_nothing_at_all(name: str) -> None:
    page = render_to_string(name)
    assert "What happened:" in page
    assert "What to do:" in page


def test_an_asset_that_is_in_no_manifest_still_has_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(path: str) -> str:
        raise ValueError(path)

    monkeypatch.setattr(display, "static", missing)
    assert display.asset("css/base.css") == "/static/css/base.css"


def test_an_expired_form_says_that_nothing_was_posted() -> None:
    response = csrf_failure(RequestFactory().post("/"))
    assert response.status_code == 403
    assert b"Nothing was posted" in response.content
