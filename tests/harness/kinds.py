"""Kinds of tests: told apart by folder and fixtures, counted, and missed when they did not run."""

from collections import Counter
from typing import Final

import pytest

# In this order: the first that fits is the test's kind.
KINDS: Final = {
    "engine": "the allocation engine: no database, no Django",
    "architecture": "rules about the code itself",
    "platform": "run.py, the embedded servers and the supervisor, run as programs",
    "browser": "pages in a real Chromium",
    "worker": "a real Celery worker on a real broker",
    "database": "real PostgreSQL",
    "pure": "plain functions",
}
FOLDERS: Final = ("engine", "architecture", "platform")
FIXTURES: Final = {
    "browser": {"browser", "page", "live_site"},
    "worker": {"worker"},
    "database": {"db", "transactional_db", "committed_db", "django_db_setup"},
}
NO_BROWSER: Final = "no browser is installed (Debian: apt-get install chromium)"
LONG: Final = "long: run with --full"


def kind_of(item: pytest.Item) -> str:
    folders = set(item.path.parts)
    for kind in FOLDERS:
        if kind in folders:
            return kind
    names = set(getattr(item, "fixturenames", ()))
    for kind, fixtures in FIXTURES.items():
        if names & fixtures:
            return kind
    return "database" if item.get_closest_marker("django_db") else "pure"


class KindCounter:
    """A plugin: counts what ran, says so, and fails a run in which an expected kind is missing."""

    def __init__(self, expected: list[str]) -> None:
        self.expected = expected
        self.ran: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        kind = str(dict(report.user_properties).get("kind", ""))
        if report.when == "call" and not report.skipped:
            self.ran[kind] += 1
        elif report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            self.skipped[reason.removeprefix("Skipped: ")] += 1

    @property
    def missing(self) -> list[str]:
        return [kind for kind in self.expected if not self.ran[kind]]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.missing and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        ran = ", ".join(f"{self.ran[kind]} {kind}" for kind in KINDS if self.ran[kind])
        terminalreporter.section("kinds of tests")
        terminalreporter.write_line(f"Ran: {ran or 'nothing'}.")
        if count := self.skipped[NO_BROWSER]:
            terminalreporter.write_line(f"{count} browser tests did not run: {NO_BROWSER}.")
        if count := self.skipped[LONG]:
            terminalreporter.write_line(f"{count} long tests were left out; --full runs them, too.")
        if self.missing:
            terminalreporter.write_line(f"FAILED: no test of these kinds ran: {', '.join(self.missing)}.", red=True)
