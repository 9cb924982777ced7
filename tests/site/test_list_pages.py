"""A list page: filter, group, total, page. Figures come from the database and cover the whole found set."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from inventory_site.tables import BaseTable
from lots.models import Office
from tests.site.sample import SampleTable
from usage.models import InventoryUsage

pytestmark = [pytest.mark.urls("tests.site.sample"), pytest.mark.django_db]

Maker = Callable[..., InventoryUsage]


def shown(client: Client, address: str = "") -> Any:
    response = client.get(f"/sample/{address}")
    assert response.status_code == 200
    return response.context


def numbers(context: Any) -> list[str]:
    """The usages of the page in their order."""
    return [record.number for record in context["table"].data]


@pytest.fixture
def seven(used: Maker) -> list[InventoryUsage]:
    """Three of WIRE, two of BOOK, two of PEN."""
    return [
        used("WIRE", "10", office="AI", reference="Order #1"),
        used("BOOK", "5", office="AI"),
        used("WIRE", "-4", day=2),
        used("PEN", "1.5", day=3, closed=True),
        used("WIRE", "3", day=4),
        used("BOOK", "-5", day=5),
        used("PEN", "2", day=6),
    ]


# -- Rows ------------------------------------------------------------------------------------------
def test_a_list_shows_every_record_once_over_its_pages(reader: Client, used: Maker) -> None:
    made = [used("WIRE", str(quantity), day=1).number for quantity in range(1, 61)]
    assert (
        numbers(shown(reader, "?sort=used_at&per_page=25"))
        + numbers(shown(reader, "?sort=used_at&per_page=25&page=2"))
        + numbers(shown(reader, "?sort=used_at&per_page=25&page=3"))
        == made
    )


def test_every_order_ends_in_the_primary_key() -> None:
    assert SampleTable.order_for(["used_at"]) == ("used_at", "pk")
    assert SampleTable.order_for(["-used_at"]) == ("-used_at", "-pk")
    assert SampleTable.order_for(["number"]) == ("pk",)
    assert SampleTable.order_for(["-quantity"], first=["code__code", "code_id"]) == (
        "code__code",
        "code_id",
        "-quantity",
        "-pk",
    )
    assert BaseTable.order_for([]) == ("pk",)


def test_sorting_goes_both_ways_and_is_told_to_screen_readers(reader: Client, seven: list[InventoryUsage]) -> None:
    down = reader.get("/sample/?sort=-quantity")
    assert [record.quantity for record in down.context["table"].data][:2] == [10, 5]
    assert 'aria-sort="descending"' in down.content.decode()
    up = reader.get("/sample/?sort=quantity")
    assert [record.quantity for record in up.context["table"].data][:2] == [-5, -4]
    assert 'aria-sort="ascending"' in up.content.decode()


def test_the_number_of_queries_does_not_grow_with_the_rows(
    reader: Client, used: Maker, django_assert_num_queries: Any
) -> None:
    used("WIRE", "1", office="AI")
    used("BOOK", "1", office="AI")
    reader.get("/sample/?group=code")
    with django_assert_num_queries(9):  # session, user, 2 permissions, role, offices of the filter, count, rows, sums
        few = reader.get("/sample/")
    for index in range(40):
        used(f"C{index}", "2", office=f"O{index}")
    with django_assert_num_queries(9):
        many = reader.get("/sample/")
    with django_assert_num_queries(10):  # and the sub-totals
        reader.get("/sample/?group=code")
    assert len(few.context["table"].data) == 2
    assert len(many.context["table"].data) == 42


# -- Totals and groups -----------------------------------------------------------------------------
def test_list_totals_cover_the_found_set_and_not_the_page(reader: Client, used: Maker) -> None:
    for _ in range(30):
        used("WIRE", "2.5")
    context = shown(reader, "?per_page=25")
    assert len(numbers(context)) == 25
    assert context["table"].totals == {"quantity": Decimal(75), "cogs": Decimal(150), "unallocated": Decimal(75)}


def test_totals_follow_the_filters(reader: Client, seven: list[InventoryUsage]) -> None:
    assert shown(reader, "?code=WIRE")["table"].totals["quantity"] == 9
    assert shown(reader, "?quick=open")["table"].totals["quantity"] == 11


def test_grouping_puts_a_header_and_a_sub_total_round_each_code(reader: Client, seven: list[InventoryUsage]) -> None:
    response = reader.get("/sample/?group=code")
    groups = response.context["table"].groups
    assert [(group.label, group.description, len(group.records)) for group in groups] == [
        ("BOOK", "About BOOK", 2),
        ("PEN", "About PEN", 2),
        ("WIRE", "About WIRE", 3),
    ]
    assert [group.totals["quantity"] for group in groups] == [0, Decimal("3.5"), 9]
    page = response.content.decode()
    assert "Sub-total WIRE" in page
    assert "List Totals" in page


def test_the_second_click_turns_the_groups_round(reader: Client, seven: list[InventoryUsage]) -> None:
    groups = shown(reader, "?group=code&sort=-code")["table"].groups
    assert [group.label for group in groups] == ["WIRE", "PEN", "BOOK"]


def test_rows_are_sorted_within_their_group(reader: Client, seven: list[InventoryUsage]) -> None:
    groups = shown(reader, "?group=code&sort=-quantity")["table"].groups
    assert [[record.quantity for record in group.records] for group in groups] == [
        [5, -5],
        [2, Decimal("1.5")],
        [10, 3, -4],
    ]


def test_a_blank_office_is_a_group_like_any_other(reader: Client, seven: list[InventoryUsage]) -> None:
    groups = {group.label: group for group in shown(reader, "?group=office")["table"].groups}
    assert groups["No office"].totals["quantity"] == Decimal("-2.5")
    assert groups["AI"].totals["quantity"] == 15


def test_a_group_that_a_page_cuts_keeps_the_sub_total_of_the_whole(reader: Client, used: Maker) -> None:
    for _ in range(3):
        used("AAA", "1")
    for _ in range(40):
        used("BBB", "2")
    for _ in range(3):
        used("CCC", "1")
    first = reader.get("/sample/?group=code&per_page=25")
    last_group = first.context["table"].groups[-1]
    assert (last_group.label, len(last_group.records), last_group.totals["quantity"]) == ("BBB", 22, 80)
    assert (last_group.starts_before, last_group.goes_on) == (False, True)
    assert "goes on on the next page" in first.content.decode()

    second = reader.get("/sample/?group=code&per_page=25&page=2")
    cut, whole = second.context["table"].groups
    assert (cut.label, cut.starts_before, cut.goes_on, cut.totals["quantity"]) == ("BBB", True, False, 80)
    assert (whole.label, whole.starts_before, whole.goes_on) == ("CCC", False, False)
    assert "(continued)" in second.content.decode()


def test_a_group_that_ends_with_the_page_is_not_called_continued(reader: Client, used: Maker) -> None:
    for code in ("AAA", "BBB"):
        for _ in range(25):
            used(code, "1")
    (first,) = shown(reader, "?group=code&per_page=25")["table"].groups
    (second,) = shown(reader, "?group=code&per_page=25&page=2")["table"].groups
    assert (first.goes_on, second.starts_before) == (False, False)


# -- Found set -------------------------------------------------------------------------------------
def test_an_omitted_row_leaves_the_found_set_and_its_totals(reader: Client, seven: list[InventoryUsage]) -> None:
    response = reader.get(f"/sample/?omit={seven[0].pk},{seven[2].pk}")
    context = response.context
    assert seven[0].number not in numbers(context)
    assert context["page"].count == 5
    assert context["table"].totals["quantity"] == Decimal("6.5")
    assert "2 rows omitted" in response.content.decode()
    assert context["state"].omit_off_url == "?"


def test_every_row_has_a_way_to_omit_it(reader: Client, seven: list[InventoryUsage]) -> None:
    page = reader.get("/sample/?code=WIRE").content.decode()
    assert f'href="?code=WIRE&amp;omit={seven[0].pk}"' in page
    assert f"Omit usage {seven[0].number} from the found set" in page


def test_the_quick_search_starts_afresh_and_groups(reader: Client, seven: list[InventoryUsage]) -> None:
    context = shown(reader, "?code=PEN")
    ((search, url, is_current),) = context["quick_links"]
    assert (search.label, url, is_current) == ("Find Open Inventory Usage", "?quick=open&group=code", False)
    found = shown(reader, url)
    assert found["page"].count == 6
    assert seven[3].number not in numbers(found)


def test_active_filters_are_chips_that_can_be_taken_away(reader: Client, seven: list[InventoryUsage]) -> None:
    office = Office.objects.get(code="AI")
    address = f"?q=wire&used_at_after=2025-03-01&used_at_before=2025-03-03&office={office.pk}&status=OPEN"
    chips = shown(reader, address)["chips"]
    assert [(chip.label, chip.text) for chip in chips] == [
        ("Search", "wire"),
        ("Date", "03/01/25 to 03/03/25"),
        ("Office", "AI"),
        ("Status", "Open"),
    ]
    assert chips[1].remove_url == f"?q=wire&office={office.pk}&status=OPEN"


def test_a_found_set_says_how_large_it_is(reader: Client, seven: list[InventoryUsage]) -> None:
    everything = re.sub(r"<[^>]+>", "", reader.get("/sample/").content.decode())
    narrowed = re.sub(r"<[^>]+>", "", reader.get("/sample/?code=WIRE").content.decode())
    assert "7 usages" in everything
    assert "3 usages found" in narrowed


def test_totals_of_a_large_found_set_come_by_a_second_request(reader: Client, seven: list[InventoryUsage]) -> None:
    page = reader.get("/sample/apart/?code=WIRE").content.decode()
    assert 'hx-get="?code=WIRE&amp;part=totals"' in page
    assert "Show totals" in page
    fragment = reader.get("/sample/apart/?code=WIRE&part=totals", headers={"HX-Request": "true"}).content.decode()
    assert fragment.strip().startswith("{%") is False
    assert "<html" not in fragment
    assert re.search(r'data-total="quantity">9<', fragment)
    without_scripts = reader.get("/sample/apart/?code=WIRE&part=totals").content.decode()
    assert "<html" in without_scripts
    assert re.search(r'data-total="quantity">9<', without_scripts)


# -- Emptiness and errors --------------------------------------------------------------------------
def test_an_empty_list_says_what_to_do_first(reader: Client) -> None:
    page = reader.get("/sample/").content.decode()
    assert "No usage yet" in page
    assert 'href="/administration/import/"' in page


def test_nothing_found_offers_to_clear_the_filters(reader: Client, seven: list[InventoryUsage]) -> None:
    context = shown(reader, "?code=NONE&group=code")
    assert (context["table"].empty.kind, context["table"].empty.action_url) == ("filtered", "?group=code")


def test_nothing_open_is_good_news(reader: Client, used: Maker) -> None:
    used("WIRE", "1", closed=True)
    assert shown(reader, "?quick=open")["table"].empty.kind == "all-done"
    assert shown(reader, "?quick=open&code=X")["table"].empty.kind == "filtered"


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("?quantity_min=abc", "quantity"),
        ("?quantity_min=NaN", "quantity"),
        ("?quantity_max=1e400", "quantity"),
        ("?quantity_min=5&quantity_max=2", "quantity"),
        ("?used_at_after=2025-13-45", "used_at"),
        ("?used_at_after=0001-01-01", "used_at"),
        ("?used_at_before=9999-12-31", "used_at"),
        ("?status=RED", "status"),
        ("?office=99999", "office"),
        ("?office=x", "office"),
        ("?q=%00", "q"),
        ("?code=a%00b", "code"),
        ("?q=" + "x" * 10_000, "q"),
    ],
)
def test_a_wrong_filter_is_shown_at_its_field_and_never_becomes_the_whole_list(
    reader: Client, seven: list[InventoryUsage], address: str, field: str
) -> None:
    response = reader.get(f"/sample/{address}")
    assert response.status_code == 200
    assert field in response.context["filterset"].form.errors
    assert numbers(response.context) == []
    assert "Nothing was searched" in response.content.decode()


@pytest.mark.parametrize(
    "address",
    [
        "?sort=colour",
        "?sort=-,,-",
        "?sort=pk;drop table lots",
        "?page=-1",
        "?page=999999",
        "?page=" + "9" * 4000,
        "?page=" + "9" * 5000,
        "?page=%00",
        "?per_page=abc",
        "?per_page=-25",
        "?group=colour",
        "?group=__class__",
        "?quick=%00",
        "?omit=a,b,,%00",
        "?omit=" + ",".join(["7"] * 3000),
        "?page=1&page=2&q=a&q=b&sort=code&sort=x",
        "?export=pdf",
        "?part=everything",
        "?nonsense=1&%00=2&=3",
        "?%F0%9F%92%A9=%ED%A0%80",
        "?q=" + "a " * 90,
    ],
)
def test_no_address_breaks_the_page(reader: Client, seven: list[InventoryUsage], address: str) -> None:
    assert reader.get(f"/sample/{address}").status_code == 200


def test_a_page_beyond_the_end_is_the_last_one_and_says_so(reader: Client, seven: list[InventoryUsage]) -> None:
    context = shown(reader, "?page=999999")
    assert context["page"].number == 1
    assert len(numbers(context)) == 7
    assert "There is no page 999,999" in context["state"].remarks[0]


# -- Search ----------------------------------------------------------------------------------------
def test_every_word_must_be_found_somewhere(reader: Client, seven: list[InventoryUsage]) -> None:
    assert shown(reader, "?q=wir")["page"].count == 3
    assert shown(reader, "?q=wir+%231")["page"].count == 1
    assert shown(reader, "?q=wir+pen")["page"].count == 0


def test_a_text_field_finds_beginnings_and_an_equals_sign_finds_exactly(reader: Client, used: Maker) -> None:
    used("16G", "1")
    used("16G-W", "1")
    assert shown(reader, "?code=16g")["page"].count == 2
    assert shown(reader, "?code==16G")["page"].count == 1


def test_percent_signs_and_underscores_mean_themselves(reader: Client, used: Maker) -> None:
    used("100%", "1")
    used("1000", "1")
    assert shown(reader, "?code=100%25")["page"].count == 1
    assert shown(reader, "?code=1__")["page"].count == 0


def test_a_date_range_includes_both_of_its_days(reader: Client, seven: list[InventoryUsage]) -> None:
    assert shown(reader, "?used_at_after=2025-03-02&used_at_before=2025-03-04")["page"].count == 3
    assert shown(reader, "?used_at_after=03/02/25&used_at_before=03/04/2025")["page"].count == 3


def test_a_number_range_takes_one_end_or_both(reader: Client, seven: list[InventoryUsage]) -> None:
    assert shown(reader, "?quantity_max=-4")["page"].count == 2
    assert shown(reader, "?quantity_min=1.5&quantity_max=3")["page"].count == 3


# -- Rights ----------------------------------------------------------------------------------------
def test_a_list_needs_the_right_to_view_its_records(client: Client) -> None:
    assert client.get("/sample/").status_code == 302
    client.force_login(User.objects.create_user("nobody"))
    refused = client.get("/sample/")
    assert refused.status_code == 403
    assert "Nothing was changed" in refused.content.decode()
    assert client.get("/sample/?export=csv").status_code == 403


def test_the_menu_shows_only_what_a_person_may_open(reader: Client) -> None:
    page = reader.get("/menu/").content.decode()
    assert "/inventory/offices/" in page
    assert "/admin/" not in page


def test_a_button_without_the_permission_is_not_there(reader: Client, seven: list[InventoryUsage]) -> None:
    assert "/run/" not in reader.get("/sample/").content.decode()
    reader.force_login(User.objects.create_superuser("boss"))
    assert 'action="/run/"' in reader.get("/sample/").content.decode()


def test_what_records_say_is_text_and_never_markup(reader: Client, used: Maker) -> None:
    used("<b>", "1", reference="<script>alert(1)</script>", office="<i>")
    page = reader.get("/sample/?group=code&q=%3Cb%3E").content.decode()
    assert "<script>alert" not in page
    assert "<b></" not in page
    assert "&lt;script&gt;" in page
