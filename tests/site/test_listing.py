"""The query string of a list page is its whole state, and nothing anybody writes into it breaks the page."""

import pytest
from django.http import QueryDict

from inventory_site.listing import PER_PAGE_DEFAULT, Grouping, ListState, QuickSearch, read_state

BY_CODE = Grouping("code", "code_id", label=str)
OPEN = QuickSearch("open", "Find Open")


def state_of(query: str) -> ListState:
    return read_state(
        QueryDict(query),
        sortable={"code", "quantity", "used_at"},
        groupings=(BY_CODE,),
        quick_searches=(OPEN,),
        filter_names={"q", "status", "quantity_min"},
    )


def test_an_empty_address_is_the_plain_list() -> None:
    state = state_of("")
    assert (state.sort, state.group, state.page, state.per_page, state.remarks) == ((), None, 1, PER_PAGE_DEFAULT, ())


def test_a_full_address_is_read_and_written_again_unchanged() -> None:
    query = "q=wire&status=OPEN&sort=-quantity&group=code&quick=open&omit=3,4&page=2&per_page=100"
    state = state_of(query)
    assert state.sort == ("-quantity",)
    assert state.group is BY_CODE
    assert state.quick is OPEN
    assert state.omit == (3, 4)
    assert state.remarks == ()
    assert sorted(QueryDict(state.url(page=2).removeprefix("?")).lists()) == sorted(QueryDict(query).lists())


@pytest.mark.parametrize(
    ("query", "remark"),
    [
        ("sort=colour", "cannot be sorted by “colour”"),
        ("sort=--code", "cannot be sorted by “--code”"),
        ("group=quantity", "cannot be grouped by “quantity”"),
        ("quick=nothing", "no quick search “nothing”"),
        ("page=-1", "no page “-1”"),
        ("page=0", "no page “0”"),
        ("page=abc", "no page “abc”"),
        ("per_page=abc", "cannot have “abc” rows"),
        ("per_page=1000000", "cannot have “1000000” rows"),
        ("omit=x", "omitted as “x”"),
        ("omit=99999999999999999999", "omitted as “99999999999999999999”"),
        ("colour=red", "“colour” is not a filter"),
        ("sort=a%00b", "cannot be sorted by “a?b”"),
    ],
)
def test_what_makes_no_sense_is_left_out_and_remarked_on(query: str, remark: str) -> None:
    state = state_of(query)
    assert any(remark in said for said in state.remarks)
    assert (state.sort, state.group, state.page, state.per_page, state.omit) == ((), None, 1, PER_PAGE_DEFAULT, ())


def test_a_control_given_twice_counts_once() -> None:
    assert state_of("page=2&page=3&sort=code&sort=-quantity").page == 3
    assert state_of("sort=code&sort=-quantity").sort == ("-quantity",)


def test_a_column_is_sorted_by_only_once() -> None:
    assert state_of("sort=code,-code,quantity").sort == ("code", "quantity")


def test_too_many_omitted_rows_are_refused_in_words() -> None:
    state = state_of("omit=" + ",".join(str(number) for number in range(1, 300)))
    assert len(state.omit) == 200
    assert "use a filter instead" in state.remarks[0]


def test_a_long_piece_of_an_address_is_not_repeated_at_length() -> None:
    remark = state_of("sort=" + "x" * 10_000).remarks[0]
    assert len(remark) < 100


def test_changing_anything_but_the_page_leads_back_to_page_one() -> None:
    state = state_of("q=wire&page=5")
    assert state.url(sort="code") == "?q=wire&sort=code"
    assert state.url(page=6) == "?q=wire&page=6"


def test_an_address_never_carries_on_an_export() -> None:
    assert state_of("q=wire&export=csv&bom=1").url(sort="code") == "?q=wire&sort=code"


def test_a_plain_heading_sorts_up_then_down_then_not() -> None:
    assert state_of("").heading_url("quantity", is_groupable=False) == "?sort=quantity"
    assert state_of("sort=quantity").heading_url("quantity", is_groupable=False) == "?sort=-quantity"
    assert state_of("sort=-quantity").heading_url("quantity", is_groupable=False) == "?"


def test_a_groupable_heading_groups_then_turns_round_then_ungroups() -> None:
    assert state_of("q=x").heading_url("code", is_groupable=True) == "?q=x&group=code"
    assert state_of("group=code").heading_url("code", is_groupable=True) == "?group=code&sort=-code"
    assert state_of("group=code&sort=-code").heading_url("code", is_groupable=True) == "?"


def test_inside_groups_another_heading_sorts_the_rows_of_each_group() -> None:
    assert state_of("group=code").heading_url("quantity", is_groupable=False) == "?group=code&sort=quantity"
    turned = state_of("group=code&sort=-code,quantity")
    assert turned.heading_url("quantity", is_groupable=False) == "?group=code&sort=-code,-quantity"


def test_omitting_another_row_keeps_those_omitted_before() -> None:
    assert state_of("omit=3").omit_url(7) == "?omit=3,7"
