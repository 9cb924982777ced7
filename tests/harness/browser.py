"""Debian's Chromium through Playwright; a guard on every page; axe; pictures on request."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

# No sandbox, because containers offer none; and nothing that calls out by itself.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip

# How long a page may take before it is taken for dead, in milliseconds. Patience, not speed: machines are shared.
PATIENCE = 120_000


def chromium_path() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def launched() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        expect.set_options(timeout=PATIENCE)
        yield browser
        browser.close()


class PageGuard:
    """Notes what a page must never do: an error in its console, or a request that leaves this machine."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self._allowed: list[re.Pattern[str]] = []

    def allow(self, pattern: str) -> None:
        """Let complaints pass that match (a refused page logs its 403 in the console, for one)."""
        self._allowed.append(re.compile(pattern))

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"script error: {error}"))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob", "about") and address.hostname != "127.0.0.1":
            self.complaints.append(f"request to another machine: {request.url}")

    def check(self) -> None:
        left = [text for text in self.complaints if not any(pattern.search(text) for pattern in self._allowed)]
        assert not left, "the page misbehaved:\n" + "\n".join(left)


def assert_accessible(page: Page) -> None:
    """Assert that axe finds no violation on the page as it stands."""
    page.wait_for_load_state()
    violations = Axe().run(page).response["violations"]
    lines = [
        f"{found['id']} ({found['impact']}): {found['help']}\n"
        + "\n".join(f"    {node['html'][:300]}\n      {node['failureSummary']}" for node in found["nodes"][:5])
        for found in violations
    ]
    assert not lines, f"{page.url} has {len(lines)} accessibility violations:\n" + "\n".join(lines)


def take_screenshot(page: Page, name: str) -> None:
    """Write a picture of the whole page into the folder that SCREENSHOTS names; do nothing where it is not set."""
    if folder := os.environ.get("SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.wait_for_load_state()
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
