"""What a production lot is worth."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from usage.production_cost import ComponentCost, production_cost

WHEELS = ComponentCost(Decimal(40), Decimal(40), Decimal("100.00"))
FRAMES = ComponentCost(Decimal(10), Decimal(10), Decimal("300.00"))


def worth(
    produced: str, *components: ComponentCost, ordered: str = "10", closed: bool = False, besides: str = "0"
) -> str:
    return str(
        production_cost(
            quantity_ordered=Decimal(ordered),
            quantity_produced=Decimal(produced),
            is_closed=closed,
            components=components,
            job_costs=Decimal(besides),
        )
    )


def test_nothing_produced_is_worth_nothing_even_when_the_job_is_closed() -> None:
    assert worth("0", WHEELS, besides="50") == worth("0", WHEELS, closed=True, besides="50") == "0"


def test_half_of_the_units_took_half_of_what_was_consumed_for_all_of_them() -> None:
    assert worth("5", WHEELS, FRAMES, besides="25.00") == "212.50"


def test_what_was_consumed_for_these_units_alone_is_theirs_alone() -> None:
    half_of_the_wheels = ComponentCost(Decimal(40), Decimal(20), Decimal("50.00"))
    assert worth("5", half_of_the_wheels) == "50.00"


def test_a_component_of_which_too_little_was_consumed_costs_what_there_is() -> None:
    too_few = ComponentCost(Decimal(40), Decimal(8), Decimal("20.00"))
    assert worth("5", too_few) == "20.00"


def test_a_component_not_consumed_yet_adds_nothing() -> None:
    assert worth("5", ComponentCost(Decimal(40), Decimal(0), Decimal("0.00")), FRAMES) == "150.00"


def test_waste_stays_in_process_until_the_job_closes() -> None:
    twice_as_many = ComponentCost(Decimal(40), Decimal(80), Decimal("200.00"))
    assert worth("10", twice_as_many) == "100.00"
    assert worth("10", twice_as_many, closed=True) == "200.00"


def test_more_units_than_ordered_do_not_cost_more_than_went_in() -> None:
    assert worth("12", WHEELS, FRAMES, besides="25.00") == "425.00"


def test_more_units_than_ordered_took_more_than_was_planned() -> None:
    for_twelve = ComponentCost(Decimal(40), Decimal(48), Decimal("120.00"))
    assert worth("12", for_twelve) == "120.00"
    assert worth("10", for_twelve) == "100.00"


def test_each_part_is_rounded_half_up_from_exact_fractions() -> None:
    third = ComponentCost(Decimal(3), Decimal(3), Decimal("10.00"))
    assert worth("1", third, ordered="3") == "3.33"
    assert worth("2", third, ordered="3") == "6.67"
    odd_cent = ComponentCost(Decimal(2), Decimal(2), Decimal("0.01"))
    assert worth("1", odd_cent, odd_cent, ordered="2", besides="0.01") == "0.03"


def test_a_component_that_gave_back_more_than_it_cost_does_not_make_the_lot_negative() -> None:
    assert worth("10", ComponentCost(Decimal(4), Decimal(1), Decimal("-3.00")), closed=True) == "0.00"


quantities = st.decimals(min_value="0.0001", max_value="100000", places=4)
amounts = st.decimals(min_value="0", max_value="1000000", places=2)
component_costs = st.builds(ComponentCost, quantities, st.just(Decimal(0)) | quantities, amounts)
jobs = st.tuples(quantities, st.lists(component_costs, max_size=5), amounts)


@given(jobs, quantities, st.booleans())
def test_it_is_never_negative_nor_more_than_what_went_in(
    job: tuple[Decimal, list[ComponentCost], Decimal], produced: Decimal, closed: bool
) -> None:
    ordered, components, besides = job
    value = production_cost(
        quantity_ordered=ordered,
        quantity_produced=produced,
        is_closed=closed,
        components=components,
        job_costs=besides,
    )
    assert 0 <= value <= besides + sum(component.amount for component in components)


@given(jobs, quantities)
def test_once_closed_it_is_everything_that_went_in(
    job: tuple[Decimal, list[ComponentCost], Decimal], produced: Decimal
) -> None:
    ordered, components, besides = job
    value = production_cost(
        quantity_ordered=ordered, quantity_produced=produced, is_closed=True, components=components, job_costs=besides
    )
    assert value == besides + sum(component.amount for component in components)


@given(jobs, quantities, quantities)
def test_more_units_are_never_worth_less(
    job: tuple[Decimal, list[ComponentCost], Decimal], some: Decimal, more: Decimal
) -> None:
    ordered, components, besides = job
    few, many = (
        production_cost(
            quantity_ordered=ordered,
            quantity_produced=produced,
            is_closed=False,
            components=components,
            job_costs=besides,
        )
        for produced in sorted((some, more))
    )
    assert few <= many
