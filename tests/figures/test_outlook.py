"""The balance of an item over time: which documents count, from which day, and what can leave without breaking a promise."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.figures.calendar import Bucket, Period
from gateway.figures.movement import Kind, Movement
from gateway.figures.outlook import Event, Outlook, PeriodFigures, Reservation, later
from tests.figures.ledgers import (
    NO_DATE,
    QUANTITIES,
    STOCKS,
    TODAY,
    TRANSFERS,
    in_days,
    line,
    movements,
    naive_balance,
    reserved,
    together,
)

NOT_AHEAD = timedelta(0)
A_WEEK = timedelta(days=7)

# One line of each kind, tomorrow in EAST. No two sums of these are the same, so that a sum shows what is in it.
EACH_KIND = {kind: 2**place for place, kind in enumerate(Kind)}
ONE_OF_EACH = [line(kind, quantity, 1, "EAST") for kind, quantity in EACH_KIND.items()]


def quantities(*kinds: Kind) -> int:
    return sum(EACH_KIND[kind] for kind in kinds)


def of_all(movements: list[Movement], inventory: int | str = 0) -> Outlook:
    return Outlook.at(Decimal(inventory), movements, location=None)


def in_east(movements: list[Movement], inventory: int | str = 0) -> Outlook:
    return Outlook.at(Decimal(inventory), movements, location="EAST")


# -- the formulas ------------------------------------------------------------------------------------------------------


def test_gross_requirement_is_sales_projects_components_transfer_shipments_planning_issues_and_purchase_returns() -> (
    None
):
    assert in_east(ONE_OF_EACH).gross_requirement(in_days(1)) == quantities(
        Kind.SALES_ORDER,
        Kind.PROJECT,
        Kind.PRODUCTION_COMPONENT,
        Kind.TRANSFER_SHIPMENT,
        Kind.PLANNING_COMPONENT,
        Kind.ASSEMBLY_COMPONENT,
        Kind.PURCHASE_RETURN,
        Kind.SERVICE_ORDER,
    )


def test_scheduled_receipt_is_production_purchases_in_transit_transfer_receipts_assembly_and_sales_returns() -> None:
    assert in_east(ONE_OF_EACH).scheduled_receipt(in_days(1)) == quantities(
        Kind.PRODUCTION_ORDER,
        Kind.PURCHASE_ORDER,
        Kind.IN_TRANSIT,
        Kind.TRANSFER_RECEIPT,
        Kind.ASSEMBLY_ORDER,
        Kind.SALES_RETURN,
    )


def test_planned_receipt_is_planned_production_and_purchases_that_planning_suggests() -> None:
    assert in_east(ONE_OF_EACH).planned_receipt(in_days(1)) == quantities(
        Kind.PLANNED_PRODUCTION, Kind.PLANNED_PURCHASE
    )


def test_planned_releases_are_planned_production_by_its_start_and_suggested_purchases_by_their_order_date() -> None:
    outlook = of_all(
        [
            line(Kind.PLANNED_PRODUCTION, 10, 9, released=2),
            line(Kind.PLANNED_PURCHASE, 3, 8, released=4),
            line(Kind.PRODUCTION_ORDER, 100, 1),  # is released already
        ]
    )

    releases = [outlook.planned_releases(in_days(day)) for day in (1, 2, 3, 4, 9)]

    assert releases == [0, 10, 10, 13, 13]
    assert [outlook.planned_receipt(in_days(day)) for day in (4, 8, 9)] == [0, 3, 13]


def test_projected_available_balance_is_inventory_plus_planned_and_scheduled_receipt_less_gross_requirement() -> None:
    outlook = of_all(
        [
            line(Kind.SALES_ORDER, 30, 2),  # 100 - 30       = 70
            line(Kind.PURCHASE_ORDER, 25, 4),  # 70 + 25     = 95
            line(Kind.PLANNED_PURCHASE, 5, 4),  # 95 + 5     = 100
            line(Kind.PROJECT, 110, 5),  # 100 - 110         = -10
        ],
        inventory=100,
    )

    assert [outlook.projected(in_days(day)) for day in range(7)] == [100, 100, 70, 70, 100, -10, -10]


def test_projected_available_balance_takes_every_kind_but_planned_transfers() -> None:
    outlook = in_east(ONE_OF_EACH, inventory=1_000_000)
    day = in_days(1)

    expected = (
        1_000_000 + outlook.planned_receipt(day) + outlook.scheduled_receipt(day) - outlook.gross_requirement(day)
    )

    assert outlook.projected(day) == expected
    assert in_east([line(Kind.PLANNED_TRANSFER, 8, 1, "EAST")], inventory=5).projected(day) == 5


def test_expected_inventory_is_inventory_and_orders_production_transfers_assembly_returns_and_projects() -> None:
    assert in_east(ONE_OF_EACH, inventory=1_000_000).expected_inventory(in_days(1)) == (
        1_000_000
        + quantities(Kind.PURCHASE_ORDER)
        - quantities(Kind.SALES_ORDER)
        - quantities(Kind.PRODUCTION_COMPONENT)
        + quantities(Kind.PLANNED_PRODUCTION, Kind.PRODUCTION_ORDER)
        + quantities(Kind.TRANSFER_RECEIPT)
        - quantities(Kind.TRANSFER_SHIPMENT)
        + quantities(Kind.IN_TRANSIT)
        - quantities(Kind.PROJECT)
        - quantities(Kind.PURCHASE_RETURN)
        + quantities(Kind.SALES_RETURN)
        + quantities(Kind.ASSEMBLY_ORDER)
        - quantities(Kind.ASSEMBLY_COMPONENT)
    )


def test_expected_inventory_is_up_to_a_day() -> None:
    outlook = of_all([line(Kind.SALES_ORDER, 4, 2), line(Kind.PURCHASE_ORDER, 9, 5)], inventory=10)

    assert [outlook.expected_inventory(in_days(day)) for day in (1, 2, 4, 5)] == [10, 6, 6, 15]


@pytest.mark.parametrize("kind", TRANSFERS)
def test_a_transfer_counts_at_a_location_and_in_no_total(kind: Kind) -> None:
    transfer = line(kind, 7, 1, "EAST")

    assert in_east([transfer]).movements == (transfer,)
    assert of_all([transfer]).movements == ()


def test_a_location_has_only_its_own_lines_and_the_total_has_those_of_all() -> None:
    lines = [
        line(Kind.SALES_ORDER, 1, 1, "EAST"),
        line(Kind.SALES_ORDER, 10, 1, "WEST"),
        line(Kind.SALES_ORDER, 100, 1),
    ]

    assert in_east(lines).gross_requirement(in_days(1)) == 1
    assert of_all(lines).gross_requirement(in_days(1)) == 111


@pytest.mark.parametrize(
    ("day", "counts_from"),
    [(None, date.min), (-400, in_days(-400)), (-1, in_days(-1)), (0, TODAY), (3, in_days(3))],
    ids=["without a date", "long overdue", "overdue", "today", "later"],
)
def test_a_line_counts_from_its_day_on_and_without_one_from_the_beginning_of_time(
    day: int | None, counts_from: date
) -> None:
    outlook = of_all([line(Kind.PURCHASE_ORDER, 5, day)], inventory=1)

    assert outlook.scheduled_receipt(counts_from) == 5
    assert outlook.projected(counts_from) == 6
    assert outlook.projected(date.max) == 6
    if counts_from > date.min:
        before = counts_from - timedelta(days=1)
        assert together(outlook.scheduled_receipt(before), outlook.projected(before)) == (0, 1)


def test_without_documents_the_balance_is_the_inventory_on_every_day() -> None:
    outlook = of_all([], inventory=-3)

    assert {outlook.projected(day) for day in (date.min, TODAY, date.max)} == {-3}
    assert together(list(outlook.events()), outlook.lowest(date.min, date.max)) == ([], -3)


# -- available to promise ----------------------------------------------------------------------------------------------


def promised(
    inventory: int, lines: list[Movement], reservations: list[Reservation], *, day: int = 0, ahead: int = 0
) -> Decimal:
    return in_east(lines, inventory).available_to_promise(
        in_days(day), look_ahead=timedelta(days=ahead), reserved=reservations
    )


def sold(quantity: int, day: int | None) -> Movement:
    return line(Kind.SALES_ORDER, quantity, day, "EAST")


def bought(quantity: int, day: int | None) -> Movement:
    return line(Kind.PURCHASE_ORDER, quantity, day, "EAST")


RESERVED_LINES = [sold(30, 2), bought(50, 5), sold(20, 6), sold(10, 6)]
RESERVATIONS = [reserved(30, needed=2), reserved(20, needed=6, expected=5)]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (1, (100 - 30) + (0 - 0) - (0 - 0)),  # 30 of the stock are spoken for
        (2, (100 - 30) + (0 - 0) - (30 - 30)),
        (5, (100 - 30) + (50 - 20) - (30 - 30)),  # 20 of the 50 that arrive are spoken for
        (6, (100 - 30) + (50 - 20) - (60 - 50)),  # 10 of the demand have no reservation
    ],
)
def test_available_to_promise_is_available_inventory_plus_unreserved_receipts_less_unreserved_requirement(
    day: int, expected: int
) -> None:
    assert promised(100, RESERVED_LINES, RESERVATIONS, day=day) == expected


def test_available_to_promise_without_a_reservation_is_inventory_plus_scheduled_receipt_less_gross_requirement() -> (
    None
):
    assert promised(10, [bought(5, 1), sold(8, 2), sold(3, 3)], [], day=2) == 10 + 5 - 8


def test_available_to_promise_takes_planned_production_as_a_receipt_and_no_suggested_purchase() -> None:
    planned = [line(Kind.PLANNED_PRODUCTION, 8, 1, "EAST"), line(Kind.PLANNED_PURCHASE, 100, 1, "EAST")]

    assert promised(10, planned, [], day=1) == 10 + 8


def test_available_to_promise_takes_planned_transfers_as_a_requirement() -> None:
    suggested = [line(Kind.PLANNED_TRANSFER, 4, 1, "EAST")]

    assert together(promised(10, suggested, [], day=0), promised(10, suggested, [], day=1)) == (10, 6)


LOOKING_AHEAD: dict[str, tuple[list[Movement], int, int]] = {
    "demand within the look-ahead is kept": ([sold(4, 3)], 7, 10 - 4),
    "demand on its last day is kept": ([sold(4, 7)], 7, 10 - 4),
    "demand after it is not": ([sold(4, 8)], 7, 10),
    "no look-ahead keeps nothing": ([sold(4, 1)], 0, 10),
    "the next supply serves what comes after it": ([sold(4, 2), bought(20, 4), sold(15, 6)], 7, 10 - 4),
    "of a day with more demand than supply, what is above": ([sold(8, 2), bought(5, 2), sold(1, 3)], 7, 10 - 3 - 1),
    "a day that brings as much as it takes is passed over": ([sold(5, 2), bought(5, 2), sold(3, 3)], 7, 10 - 3),
    "supply first": ([bought(1, 1), sold(9, 2)], 7, 10),
    "planned production is supply": ([line(Kind.PLANNED_PRODUCTION, 1, 1, "EAST"), sold(9, 2)], 7, 10),
    "overdue demand counts once": ([sold(2, -5), sold(3, None), sold(4, 3)], 7, 10 - 2 - 3 - 4),
}


@pytest.mark.parametrize("name", LOOKING_AHEAD)
def test_available_to_promise_keeps_the_demand_of_the_look_ahead_until_the_next_supply(name: str) -> None:
    lines, ahead, expected = LOOKING_AHEAD[name]

    assert promised(10, lines, [], ahead=ahead) == expected


def test_available_to_promise_takes_demand_of_the_look_ahead_that_has_its_stock_reserved_only_once() -> None:
    """10 in stock, all kept for the order of 10 in three days: nothing is left, and nothing is lacking."""
    assert promised(10, [sold(10, 3)], [reserved(10, needed=3)], ahead=7) == 0


def test_available_to_promise_takes_demand_of_the_look_ahead_without_what_is_reserved_for_it() -> None:
    """10 in stock, 6 of them kept for an order of 8: what can be promised is 10 - 8."""
    assert promised(10, [sold(8, 3)], [reserved(6, needed=3)], ahead=7) == 10 - 6 - (8 - 6)


def test_supply_that_is_reserved_does_not_end_the_demand_of_the_look_ahead() -> None:
    """What arrives in two days is kept for an order in nine, so that the order in three days needs the stock."""
    lines = [bought(5, 2), sold(3, 3), sold(5, 9)]

    assert promised(10, lines, [reserved(5, needed=9, expected=2)], ahead=7) == 10 - 3


def test_a_purchase_that_planning_suggests_ends_the_demand_of_the_look_ahead() -> None:
    """Codeunit Available to Promise, CalculateAvailability, counts requisition lines when it looks ahead."""
    assert promised(10, [line(Kind.PLANNED_PURCHASE, 5, 1, "EAST"), sold(4, 2)], [], ahead=7) == 10


@given(STOCKS, movements(), st.integers(-5, 20), st.integers(0, 20))
@settings(deadline=None, max_examples=60)
def test_looking_further_ahead_never_promises_more(
    inventory: Decimal, lines: list[Movement], day: int, ahead: int
) -> None:
    outlook = Outlook.at(inventory, lines, location=None)

    near, far = (
        outlook.available_to_promise(in_days(day), look_ahead=timedelta(days=each), reserved=[])
        for each in (ahead, ahead + 5)
    )

    assert far <= near


# -- what can leave, and when ------------------------------------------------------------------------------------------

#                          today  +1  +2  +3  +4  +5  +6  +7
BALANCES = [10, 10, 4, 4, 24, 24, 9, 9]
LINES = [sold(6, 2), bought(20, 4), sold(15, 6)]

CAN_LEAVE = {
    "what stock covers on all days": (4, 0, 7, True),
    "more than is left after the order in two days": (5, 0, 7, False),
    "the same when nobody looks so far": (5, 0, 1, True),
    "the last day of the look-ahead counts": (5, 0, 2, False),
    "once the purchase is there": (9, 4, 7, True),
    "more than the order in six days leaves": (10, 4, 7, False),
    "the day before the purchase": (9, 3, 7, False),
    "exactly all": (24, 4, 1, True),
    "one too many": (25, 4, 0, False),
}


@pytest.mark.parametrize("name", CAN_LEAVE)
def test_a_quantity_is_sufficient_when_the_balance_covers_it_on_every_day_of_the_look_ahead(name: str) -> None:
    quantity, day, ahead, expected = CAN_LEAVE[name]
    outlook = in_east(LINES, inventory=10)

    assert [outlook.projected(in_days(each)) for each in range(8)] == BALANCES
    assert outlook.is_sufficient(Decimal(quantity), on=in_days(day), look_ahead=timedelta(days=ahead)) is expected


EARLIEST = {
    "now, when it never gets lower": (4, 7, 0),
    "now, when nobody looks as far as the order": (10, 1, 0),
    "when the purchase comes": (9, 7, 4),
    "when the purchase comes, if the next order is too far to see": (24, 1, 4),
    "never": (25, 1, None),
    "never without breaking a promise": (10, 7, None),
}


@pytest.mark.parametrize("name", EARLIEST)
def test_earliest_is_the_first_day_from_today_on_which_the_quantity_is_sufficient(name: str) -> None:
    quantity, ahead, day = EARLIEST[name]

    found = in_east(LINES, inventory=10).earliest(Decimal(quantity), today=TODAY, look_ahead=timedelta(days=ahead))

    assert found == (None if day is None else in_days(day))


def test_earliest_is_not_before_today_though_the_supply_was_due_before() -> None:
    outlook = in_east([bought(5, -3), bought(5, None)])

    assert outlook.earliest(Decimal(10), today=TODAY, look_ahead=A_WEEK) == TODAY


def test_stock_below_zero_is_sufficient_for_nothing_until_supply_covers_what_is_lacking_too() -> None:
    outlook = in_east([bought(5, 1), bought(5, 2)], inventory=-4)

    assert not outlook.is_sufficient(Decimal("0.00001"), on=TODAY, look_ahead=NOT_AHEAD)
    assert outlook.earliest(Decimal(2), today=TODAY, look_ahead=A_WEEK) == in_days(2)


def test_the_look_ahead_ends_where_the_calendar_does() -> None:
    last = Movement(Kind.SALES_ORDER, date.max, Decimal(3))
    outlook = Outlook.at(Decimal(5), [last], location=None)

    assert later(date.max, A_WEEK) == date.max
    assert later(date.max - A_WEEK, A_WEEK) == date.max
    assert not outlook.is_sufficient(Decimal(3), on=date.max - timedelta(days=1), look_ahead=A_WEEK)
    assert outlook.earliest(Decimal(2), today=date.max, look_ahead=A_WEEK) == date.max


ANY_QUANTITY = st.decimals(min_value=Decimal("0.1"), max_value=150, places=1)


def naively_sufficient(inventory: Decimal, lines: list[Movement], quantity: Decimal, *, on: date, ahead: int) -> bool:
    days = (on + timedelta(days=each) for each in range(ahead + 1))
    return all(naive_balance(inventory, lines, day) >= quantity for day in days)


@given(STOCKS, movements(), ANY_QUANTITY, st.integers(0, 12))
@settings(deadline=None, max_examples=80)
def test_earliest_is_what_trying_one_day_after_the_other_finds(
    inventory: Decimal, lines: list[Movement], quantity: Decimal, ahead: int
) -> None:
    outlook = Outlook(inventory, tuple(sorted(lines, key=lambda each: each.on)))
    tried = (in_days(day) for day in range(30))  # nothing moves after the twenty-fifth

    expected = next((day for day in tried if naively_sufficient(inventory, lines, quantity, on=day, ahead=ahead)), None)

    assert outlook.earliest(quantity, today=TODAY, look_ahead=timedelta(days=ahead)) == expected


@given(STOCKS, movements(), ANY_QUANTITY, st.integers(0, 28), st.integers(0, 12))
@settings(deadline=None, max_examples=80)
def test_sufficient_is_what_trying_every_day_of_the_look_ahead_finds_and_then_earliest_is_no_later(
    inventory: Decimal, lines: list[Movement], quantity: Decimal, day: int, ahead: int
) -> None:
    outlook = Outlook(inventory, tuple(sorted(lines, key=lambda each: each.on)))
    on, look_ahead = in_days(day), timedelta(days=ahead)

    sufficient = outlook.is_sufficient(quantity, on=on, look_ahead=look_ahead)

    assert sufficient is naively_sufficient(inventory, lines, quantity, on=on, ahead=ahead)
    if sufficient:
        earliest = outlook.earliest(quantity, today=TODAY, look_ahead=look_ahead)
        assert earliest is not None
        assert earliest <= on


@given(STOCKS, movements(), st.integers(-12, 28), st.integers(0, 30))
@settings(deadline=None, max_examples=80)
def test_lowest_is_the_least_of_the_balances_of_all_days(
    inventory: Decimal, lines: list[Movement], first: int, days: int
) -> None:
    outlook = Outlook(inventory, tuple(sorted(lines, key=lambda each: each.on)))
    balances = [naive_balance(inventory, lines, in_days(first + each)) for each in range(days + 1)]

    assert outlook.lowest(in_days(first), in_days(first + days)) == min(balances)
    assert outlook.projected(in_days(first)) == balances[0]


# -- events ------------------------------------------------------------------------------------------------------------


def test_events_are_in_the_order_of_days_supply_first_and_the_balance_runs_on() -> None:
    outlook = of_all(
        [
            line(Kind.SALES_ORDER, 8, 2, "EAST", document="S1"),
            line(Kind.PURCHASE_ORDER, 5, 2, "EAST", document="P1"),
            line(Kind.SALES_ORDER, 1, None, "EAST", document="S0"),
        ],
        inventory=10,
    )

    assert list(outlook.events()) == [
        Event(NO_DATE, Kind.SALES_ORDER, "S0", "EAST", Decimal(-1), Decimal(9)),
        Event(in_days(2), Kind.PURCHASE_ORDER, "P1", "EAST", Decimal(5), Decimal(14)),
        Event(in_days(2), Kind.SALES_ORDER, "S1", "EAST", Decimal(-8), Decimal(6)),
    ]


def test_lines_of_one_document_on_one_day_at_one_place_are_one_event() -> None:
    outlook = of_all(
        [
            line(Kind.SALES_ORDER, 1, 2, "EAST", document="S1"),
            line(Kind.SALES_ORDER, 2, 3, "EAST", document="S1"),  # another day
            line(Kind.SALES_ORDER, 4, 2, "WEST", document="S1"),  # another place
            line(Kind.SALES_ORDER, 8, 2, "EAST", document="S1"),
            line(Kind.SALES_ORDER, 16, 2, "EAST", document="S2"),  # another document
        ]
    )

    assert [each.quantity for each in outlook.events()] == [-9, -4, -16, -2]


def test_a_line_that_gives_back_what_its_document_takes_is_an_event_of_its_own() -> None:
    outlook = of_all(
        [line(Kind.SALES_ORDER, 5, 2, document="S1"), line(Kind.SALES_ORDER, -2, 2, document="S1")], inventory=4
    )

    assert [together(each.quantity, each.projected) for each in outlook.events()] == [(2, 6), (-5, 1)]


def test_a_planned_transfer_is_no_event_because_it_does_not_change_the_balance() -> None:
    assert list(in_east([line(Kind.PLANNED_TRANSFER, 4, 1, "EAST")]).events()) == []


# -- periods -----------------------------------------------------------------------------------------------------------


def test_a_period_has_its_own_movements_and_a_balance_from_the_beginning_of_time() -> None:
    outlook = of_all(
        [
            line(Kind.SALES_ORDER, 1, None),  # before all periods
            line(Kind.PURCHASE_ORDER, 20, 0),  # 2 March
            line(Kind.SALES_ORDER, 6, 29),  # 31 March
            line(Kind.PLANNED_PURCHASE, 4, 30),  # 1 April
            line(Kind.SALES_ORDER, 2, 60),  # 1 May: after all periods
        ],
        inventory=10,
    )
    march, april = Period(date(2026, 3, 1), date(2026, 3, 31)), Period(date(2026, 4, 1), date(2026, 4, 30))

    assert list(outlook.by_period(Bucket.MONTH, TODAY, 2)) == [
        PeriodFigures(march, Decimal(6), Decimal(20), Decimal(0), Decimal(10 - 1 + 20 - 6)),
        PeriodFigures(april, Decimal(0), Decimal(0), Decimal(4), Decimal(23 + 4)),
    ]


BUCKETS = st.sampled_from([Bucket.DAY, Bucket.WEEK, Bucket.MONTH])


@given(STOCKS, movements(), BUCKETS, st.integers(-15, 15), st.integers(1, 12))
@settings(deadline=None, max_examples=60)
def test_periods_chain_each_balance_is_the_one_before_plus_receipts_less_requirement(
    inventory: Decimal, lines: list[Movement], bucket: Bucket, first: int, count: int
) -> None:
    outlook = Outlook(inventory, tuple(sorted(lines, key=lambda each: each.on)))

    found = list(outlook.by_period(bucket, in_days(first), count))

    balance = naive_balance(inventory, lines, found[0].period.start - timedelta(days=1))
    for each in found:
        balance += each.scheduled_receipt + each.planned_receipt - each.gross_requirement
        assert each.projected == balance


@given(STOCKS, movements())
@settings(deadline=None, max_examples=60)
def test_the_balance_after_the_last_event_is_that_of_the_last_period_when_the_periods_cover_all_days(
    inventory: Decimal, lines: list[Movement]
) -> None:
    outlook = Outlook(inventory, tuple(sorted(lines, key=lambda each: each.on)))
    after_all = [inventory, *(each.projected for each in outlook.events())][-1]

    *_, last = outlook.by_period(Bucket.QUARTER, TODAY, 2)

    assert last.projected == after_all == naive_balance(inventory, lines, date.max)


@given(st.lists(QUANTITIES, max_size=8))
@settings(deadline=None, max_examples=40)
def test_the_order_in_which_lines_were_read_changes_nothing(amounts: list[Decimal]) -> None:
    lines = [Movement(kind, in_days(day), each) for day, each in enumerate(amounts) for kind in (Kind.PROJECT,)]

    assert list(of_all(lines).events()) == list(of_all(lines[::-1]).events())


@pytest.mark.parametrize(
    ("quantities", "total"),
    [
        (["0.1", "0.2"], "0.3"),
        (["0.00001"] * 3, "0.00003"),
        (["999999999999.99999", "0.00001"], "1000000000000"),
        (["1e12", "-1e12", "0.00001"], "0.00001"),
    ],
)
def test_sums_of_quantities_are_exact(quantities: list[str], total: str) -> None:
    outlook = of_all([line(Kind.PURCHASE_ORDER, each, 1, document=each) for each in quantities])

    assert outlook.scheduled_receipt(in_days(1)) == Decimal(total)
    assert outlook.projected(in_days(1)) == Decimal(total)
