"""The table of usage: its columns, what its links lead to, its row menu."""

import pytest

from tests.factories import make_usage
from tests.pages.reading import cells_of, words
from usage.querysets import usages
from usage.tables import UsageTable

pytestmark = pytest.mark.django_db


def cells(number: str) -> dict[str, str]:
    return cells_of(UsageTable([usages().for_list().get(number=number)]))


def test_every_record_named_is_a_way_to_it() -> None:
    usage = make_usage("A&B <1>", "5", number="60000", source="SHIP-1/2 é", order="7", office="AI", reference="<b>")
    row = cells("60000")
    assert f'href="{usage.get_absolute_url()}"' in row["number"]
    assert f'href="{usage.code.get_absolute_url()}"' in row["code"]
    assert 'href="/inventory/usage/transaction-id/?id=SHIP-1/2+%C3%A9"' in row["source_number"]
    assert 'href="/orders/by-number/?id=7"' in row["order"]
    assert usage.office is not None
    assert f'href="{usage.office.get_absolute_url()}"' in row["office"]
    assert words(row["code"]) == "Go to code A&B <1>"
    assert "<1>" not in row["code"]


def test_an_adjustment_has_no_office_and_no_order() -> None:
    make_usage("WIRE", "-125", number="60031", source="INVTRYADJ-60002")
    row = cells("60031")
    assert (row["office"], row["order"], row["reference"]) == ("", "", "")
    assert "negative" in row["quantity"]


def test_the_row_menu_leads_to_what_belongs_to_the_row() -> None:
    usage = make_usage("WIRE", "1", number="60000", source="SHIP-1", order="7")
    assert [(action.label, action.url) for action in UsageTable([]).row_actions(usage)] == [
        ("Open", usage.get_absolute_url()),
        ("Inventory COGS", f"{usage.get_absolute_url()}#inventory-cogs"),
        ("Code WIRE", usage.code.get_absolute_url()),
        ("All usage of WIRE", "/inventory/usage/?code==WIRE"),
        ("All lots of WIRE", "/inventory/lots/?code==WIRE"),
        ("All transactions of WIRE", "/inventory/transactions/?code==WIRE"),
        ("Everything from SHIP-1", "/inventory/usage/transaction-id/?id=SHIP-1&records=all"),
        ("All usage of order 7", "/inventory/usage/?order==7"),
    ]
