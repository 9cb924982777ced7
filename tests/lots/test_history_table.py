"""The History section that every document's page shows."""

import pytest

from lots.history import history_note
from lots.history_table import ROWS_SHOWN, history_section
from tests.factories import day
from tests.harness.people import make_person

pytestmark = pytest.mark.django_db


def test_the_history_tells_who_did_what_newest_first_and_of_this_document_alone() -> None:
    clerk = make_person("clerk")
    history_note(number="PO-60000", action="Created", by=clerk, at=day(1))
    history_note(number="PO-60000", action="Void", by=None, at=day(2), note="Entered twice")
    history_note(number="PO-60001", action="Created", by=clerk, at=day(3))
    table = history_section("PO-60000").table
    assert table is not None
    rows = [[str(cell) for cell in row] for row in table.export_rows(table.data)]
    assert [row[1:] for row in rows] == [["None", "Void", "Entered twice"], [clerk.username, "Created", "None"]]


def test_a_long_history_is_cut_and_says_so() -> None:
    for number in range(ROWS_SHOWN + 1):
        history_note(number="60000", action=f"Edited {number}", by=None, at=day(1))
    section = history_section("60000")
    assert section.table is not None
    assert len(section.table.data) == ROWS_SHOWN
    assert section.note
