"""The figures of one question about one item: what is there, what will be, where, and why a figure is missing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.figures.availability import Availability
from gateway.figures.movement import Kind, Movement
from gateway.figures.outlook import Event, Outlook, Reservation
from gateway.figures.picture import Picture, Place, Question, Status, place, reservation, stock_by_location
from gateway.figures.splits import LocationFigures, VariantFigures
from gateway.figures.unavailable import Reason, Unavailable
from tests.figures.ledgers import NO_DATE, QUANTITIES, TODAY, TRANSFERS, in_days, line, movements, reserved, together

SALES, PURCHASES, TRANSFER_LINES = "outstandingSalesLines", "outstandingPurchaseLines", "transferLines"
GONE = Unavailable(Reason.BACKEND_UNREACHABLE, "Business Central is not available (503).")


def picture(
    inventory: int | str | Unavailable = 0,
    *,
    stock: Mapping[str, int | str] | Unavailable | None = None,
    documents: Mapping[str, Sequence[Movement] | Unavailable] | None = None,
    reservations: Sequence[Reservation] | Unavailable = (),
    places: Sequence[Place] | Unavailable = (),
    type: str = "Inventory",
    blocked: bool = False,
    transit: Iterable[str] = (),
) -> Picture:
    """What was read of item 1000; stock lies at no location unless told."""
    total = inventory if isinstance(inventory, Unavailable) else Decimal(inventory)
    if stock is None:
        stock = {} if isinstance(inventory, Unavailable) else {"": inventory}
    return Picture(
        number="1000",
        status=Status.of(type, blocked=blocked),
        inventory=total,
        stock=stock
        if isinstance(stock, Unavailable)
        else {code: Decimal(quantity) for code, quantity in stock.items()},
        documents={SALES: [], PURCHASES: [], TRANSFER_LINES: []} | dict(documents or {}),
        reservations=reservations,
        places=places,
        transit_codes=frozenset(transit),
    )


def asked(
    of: Picture,
    *,
    day: int = 0,
    ahead: int = 7,
    location: str | None = None,
    variant: str | None = None,
    quantity: int | str | None = None,
) -> Availability:
    wanted = None if quantity is None else Decimal(quantity)
    return Availability(of, Question(TODAY, in_days(day), timedelta(days=ahead), location, variant, wanted))


def sold(quantity: int | str, day: int | None, location: str = "") -> Movement:
    return line(Kind.SALES_ORDER, quantity, day, location)


def bought(quantity: int | str, day: int | None, location: str = "") -> Movement:
    return line(Kind.PURCHASE_ORDER, quantity, day, location)


def at(answer: Availability, code: str) -> LocationFigures:
    locations = answer.by_location
    assert not isinstance(locations, Unavailable)
    return next(each for each in locations if each.code == code)


def codes(locations: Sequence[LocationFigures] | Unavailable) -> list[str]:
    assert not isinstance(locations, Unavailable)
    return [each.code for each in locations]


# -- what there is -----------------------------------------------------------------------------------------------------


def test_inventory_is_that_of_all_locations_or_the_rest_of_the_entries_at_the_location_asked_for() -> None:
    of = picture(15, stock={"BLUE": 10, "RED": 4, "": 1})

    inventories = {location: asked(of, location=location).inventory for location in (None, "BLUE", "RED", "GREEN")}

    assert inventories == {None: 15, "BLUE": 10, "RED": 4, "GREEN": 0}


def test_stock_by_location_adds_up_what_is_left_of_entries_and_a_blank_code_is_no_location() -> None:
    entries: list[dict[str, object]] = [
        {"locationCode": "BLUE", "remainingQuantity": Decimal(8)},
        {"locationCode": "BLUE", "remainingQuantity": Decimal("-0.5")},
        {"locationCode": "", "remainingQuantity": Decimal(2)},
        {"locationCode": None, "remainingQuantity": 1},
    ]

    assert stock_by_location(entries) == {"BLUE": Decimal("7.5"), "": Decimal(3)}


def test_available_inventory_is_inventory_less_what_of_it_is_reserved() -> None:
    of = picture(
        10,
        stock={"BLUE": 7, "RED": 3},
        reservations=[
            reserved(4, needed=3, location="BLUE"),
            reserved(1, needed=3, location="RED"),
            reserved(100, needed=9, expected=5, location="BLUE"),  # of a purchase order: not of the inventory
        ],
    )

    assert together(asked(of).reserved, asked(of).available_inventory) == (5, 10 - 5)
    assert together(asked(of, location="BLUE").reserved, asked(of, location="BLUE").available_inventory) == (4, 7 - 4)
    assert together(at(asked(of), "BLUE").reserved, at(asked(of), "RED").reserved) == (4, 1)


def test_the_native_quantity_is_the_inventory_of_everything_whatever_is_asked_for() -> None:
    of = picture(15, stock={"BLUE": 10, "RED": 5}, documents={SALES: [sold(4, 1, "BLUE")]})

    assert asked(of, location="BLUE", day=5).native_quantity == 15


def test_an_item_with_only_negative_stock_shows_it_and_natively_nothing() -> None:
    answer = asked(picture(-3, stock={"BLUE": -3}, documents={PURCHASES: [bought(5, 4, "BLUE")]}), quantity=2)

    assert together(answer.inventory, answer.native_quantity) == (-3, 0)
    assert answer.by_day(Outlook.projected) == -3
    assert (answer.is_sufficient, answer.earliest) == (False, in_days(4))
    assert together(at(answer, "BLUE").projected, at(answer, "BLUE").earliest) == (-3, in_days(4))


# -- what will be ------------------------------------------------------------------------------------------------------


def test_figures_by_day_are_those_of_the_outlook_on_the_day_asked_for() -> None:
    of = picture(10, documents={SALES: [sold(4, 2)], PURCHASES: [bought(6, 3)]})

    figures = {
        day: [
            asked(of, day=day).by_day(figure)
            for figure in (Outlook.gross_requirement, Outlook.scheduled_receipt, Outlook.projected)
        ]
        for day in (1, 2, 3)
    }

    assert figures == {1: [0, 0, 10], 2: [4, 0, 6], 3: [4, 6, 12]}


def test_overdue_receipts_are_scheduled_receipts_that_were_due_before_today() -> None:
    of = picture(documents={PURCHASES: [bought(1, None), bought(2, -30), bought(4, -1), bought(8, 0), bought(16, 1)]})

    assert asked(of, day=10).overdue_receipt == 1 + 2 + 4
    assert asked(of).by_day(Outlook.scheduled_receipt) == 1 + 2 + 4 + 8  # they are expected still


def test_next_receipt_is_the_first_supply_from_today_on() -> None:
    of = picture(10, documents={SALES: [sold(3, 1)], PURCHASES: [bought(5, -2), bought(7, 4), bought(9, 6)]})

    assert asked(of).next_receipt == Event(in_days(4), Kind.PURCHASE_ORDER, None, "", Decimal(7), Decimal(19))
    assert asked(picture(10, documents={PURCHASES: [bought(5, -2)]})).next_receipt is None


def test_available_to_promise_is_that_of_the_outlook_with_the_reservations_of_the_place() -> None:
    of = picture(
        15,
        stock={"BLUE": 10, "RED": 5},
        documents={SALES: [sold(4, 1, "BLUE"), sold(2, 1, "RED")], PURCHASES: [bought(9, 2, "RED")]},
        reservations=[reserved(4, needed=1, location="BLUE")],
    )

    # in all: 15 - 4 reserved, less the 2 without a reservation; BLUE: 10 - 4; RED: 5 - 2
    assert asked(of).available_to_promise == 9
    assert asked(of, location="BLUE").available_to_promise == at(asked(of), "BLUE").available_to_promise == 6
    assert asked(of, location="RED").available_to_promise == at(asked(of), "RED").available_to_promise == 3


def test_the_total_to_promise_keeps_demand_that_is_to_be_served_from_another_location() -> None:
    """4 of the 10 go from BLUE to RED for a customer there; a total that leaves the transfer out still owes them."""
    of = picture(
        10,
        stock={"BLUE": 10},
        documents={
            SALES: [sold(4, 5, "RED")],
            TRANSFER_LINES: [
                line(Kind.TRANSFER_SHIPMENT, 4, 1, "BLUE"),
                line(Kind.TRANSFER_RECEIPT, 4, 3, "RED"),
            ],
        },
        reservations=[reserved(4, needed=5, expected=3, location="RED", by_transfer=True)],
    )

    assert asked(of, day=5).available_to_promise == 10 - 4
    assert asked(of, day=0).available_to_promise == 10 - 4


def test_what_is_reserved_for_a_transfer_is_still_there_over_all_locations() -> None:
    """4 of the 10 are kept at BLUE to be sent to RED: BLUE may promise 6, the company 10."""
    of = picture(
        10,
        stock={"BLUE": 10},
        documents={
            TRANSFER_LINES: [line(Kind.TRANSFER_SHIPMENT, 4, 1, "BLUE"), line(Kind.TRANSFER_RECEIPT, 4, 3, "RED")]
        },
        reservations=[reserved(4, needed=1, location="BLUE", for_transfer=True)],
    )

    assert asked(of, day=0).available_to_promise == 10
    assert at(asked(of, day=0), "BLUE").available_to_promise == 6


def test_without_a_quantity_nothing_is_decided() -> None:
    answer = asked(picture(10, stock={"BLUE": 10}))

    assert (answer.is_sufficient, answer.earliest) == (None, None)
    assert (at(answer, "BLUE").is_sufficient, at(answer, "BLUE").earliest) == (None, None)


def test_the_quantity_is_decided_by_the_look_ahead_of_the_question() -> None:
    of = picture(10, documents={SALES: [sold(6, 5)], PURCHASES: [bought(20, 9)]})

    assert (asked(of, quantity=5, ahead=4).is_sufficient, asked(of, quantity=5, ahead=4).earliest) == (True, TODAY)
    assert (asked(of, quantity=5, ahead=5).is_sufficient, asked(of, quantity=5, ahead=5).earliest) == (
        False,
        in_days(9),
    )
    assert asked(of, quantity=31).earliest is None


# -- transfers ---------------------------------------------------------------------------------------------------------

# Of 6 from BLUE to RED, 2 are on the lorry (booked to OWN LOG) and 4 have to leave tomorrow; all arrive in three days.
ON_THE_WAY = picture(
    10,
    stock={"BLUE": 8, "OWN LOG": 2},
    documents={
        TRANSFER_LINES: [
            line(Kind.TRANSFER_SHIPMENT, 4, 1, "BLUE"),
            line(Kind.TRANSFER_RECEIPT, 4, 3, "RED"),
            line(Kind.IN_TRANSIT, 2, 3, "RED"),
        ]
    },
    transit=["OWN LOG"],
)


def test_a_total_ignores_transfers() -> None:
    for day in (0, 1, 3):
        assert asked(ON_THE_WAY, day=day).by_day(Outlook.projected) == 10
    assert (asked(ON_THE_WAY).events, asked(ON_THE_WAY).next_receipt) == ([], None)


def test_at_a_location_transfers_count_when_they_leave_and_when_they_arrive() -> None:
    balances = {code: [at(asked(ON_THE_WAY, day=day), code).projected for day in range(4)] for code in ("BLUE", "RED")}

    assert balances == {"BLUE": [8, 4, 4, 4], "RED": [0, 0, 0, 6]}
    red = asked(ON_THE_WAY, location="RED", quantity=6)
    assert together(red.is_sufficient, red.earliest, red.by_day(Outlook.scheduled_receipt)) == (False, in_days(3), 0)
    blue = at(asked(ON_THE_WAY, day=3), "BLUE")
    assert together(blue.gross_requirement, blue.scheduled_receipt) == (4, 0)


def test_the_list_by_location_leaves_out_where_goods_are_only_booked_to_on_their_way() -> None:
    assert codes(asked(ON_THE_WAY).by_location) == ["BLUE", "RED"]
    assert codes(asked(ON_THE_WAY, location="OWN LOG").by_location) == []


def test_what_is_in_transit_can_be_asked_for_with_and_without_a_location() -> None:
    kinds = (Kind.IN_TRANSIT, Kind.TRANSFER_RECEIPT, Kind.TRANSFER_SHIPMENT)

    quantities = {
        location: [asked(ON_THE_WAY, location=location).on_documents(kind) for kind in kinds]
        for location in (None, "BLUE", "RED")
    }

    assert quantities == {None: [2, 4, 4], "BLUE": [0, 0, 4], "RED": [2, 4, 0]}


@dataclass(frozen=True)
class Transfer:
    """One line of a transfer order, complete: what is on its way lies as stock at the in-transit location."""

    source: str
    target: str
    outstanding: Decimal
    in_transit: Decimal
    leaves: int
    arrives: int

    @property
    def movements(self) -> list[Movement]:
        return [
            Movement(Kind.TRANSFER_SHIPMENT, in_days(self.leaves), self.outstanding, self.source),
            Movement(Kind.TRANSFER_RECEIPT, in_days(self.arrives), self.outstanding, self.target),
            Movement(Kind.IN_TRANSIT, in_days(self.arrives), self.in_transit, self.target),
        ]


ENDS = st.sampled_from(["BLUE", "GREEN", "RED"])
COMPLETE = st.builds(Transfer, ENDS, ENDS, QUANTITIES, QUANTITIES, st.integers(-5, 20), st.integers(-5, 20))
OTHER_KINDS = [kind for kind in Kind if kind not in TRANSFERS]


@given(
    st.dictionaries(ENDS, st.decimals(min_value=-20, max_value=100, places=1)),
    movements(OTHER_KINDS),
    st.lists(COMPLETE, max_size=4),
)
@settings(deadline=None, max_examples=60)
def test_the_locations_add_up_to_the_total_once_every_transfer_is_complete(
    stock: dict[str, Decimal], lines: list[Movement], transfers: list[Transfer]
) -> None:
    on_the_way = sum((each.in_transit for each in transfers), Decimal(0))
    whole = Picture(
        number="1000",
        status=Status.NORMAL,
        inventory=sum(stock.values(), on_the_way),
        stock=stock | {"OWN LOG": on_the_way},
        documents={SALES: lines, TRANSFER_LINES: [each for one in transfers for each in one.movements]},
        reservations=[],
        places=[],
        transit_codes=frozenset({"OWN LOG"}),
    )
    answer = asked(whole, day=30)  # everything has arrived

    locations = answer.by_location

    assert not isinstance(locations, Unavailable)
    assert sum(each.projected for each in locations) == answer.by_day(Outlook.projected)


# -- locations and alternatives ----------------------------------------------------------------------------------------

THREE_PLACES = picture(
    42,
    stock={"BLUE": 2, "GREEN": 30, "RED": 10},
    documents={
        SALES: [sold(25, 3, "GREEN")],  # 30 now, 5 within the look-ahead
        PURCHASES: [bought(16, 0, "WEST"), bought(50, 5, "BLUE")],
    },
)


def test_by_location_has_every_location_with_stock_or_movements_in_the_order_of_codes() -> None:
    assert codes(asked(THREE_PLACES).by_location) == ["BLUE", "GREEN", "RED", "WEST"]
    assert codes(asked(THREE_PLACES, location="RED").by_location) == ["RED"]


def test_a_location_decides_by_its_own_balance() -> None:
    answer = asked(THREE_PLACES, quantity=6)

    assert {code: at(answer, code).is_sufficient for code in codes(answer.by_location)} == {
        "BLUE": False,
        "GREEN": False,
        "RED": True,
        "WEST": True,
    }
    assert {code: at(answer, code).earliest for code in codes(answer.by_location)} == {
        "BLUE": in_days(5),
        "GREEN": None,
        "RED": TODAY,
        "WEST": TODAY,
    }


def test_alternatives_are_other_locations_where_the_quantity_can_leave_the_fullest_first() -> None:
    assert codes(asked(THREE_PLACES, location="BLUE", quantity=6).alternatives) == ["WEST", "RED"]
    assert codes(asked(THREE_PLACES, location="RED", quantity=6).alternatives) == ["WEST"]
    assert codes(asked(THREE_PLACES, location="RED", quantity=6, day=5).alternatives) == ["BLUE", "WEST"]
    assert codes(asked(THREE_PLACES, location="RED", quantity=60, day=5).alternatives) == []


@pytest.mark.parametrize(
    "question", [{}, {"location": "BLUE"}, {"quantity": 1}], ids=["neither", "no quantity", "no location"]
)
def test_there_are_no_alternatives_unless_both_a_location_and_a_quantity_are_asked_for(question: Any) -> None:
    assert asked(THREE_PLACES, **question).alternatives == []


# -- items that cannot be sold from stock ------------------------------------------------------------------------------

FIGURES: dict[str, Callable[[Availability], object]] = {
    "inventory": lambda it: it.inventory,
    "reserved": lambda it: it.reserved,
    "availableInventory": lambda it: it.available_inventory,
    "onSalesOrders": lambda it: it.on_documents(Kind.SALES_ORDER),
    "onPurchaseOrders": lambda it: it.on_documents(Kind.PURCHASE_ORDER),
    "inTransit": lambda it: it.on_documents(Kind.IN_TRANSIT),
    "grossRequirement": lambda it: it.by_day(Outlook.gross_requirement),
    "scheduledReceipt": lambda it: it.by_day(Outlook.scheduled_receipt),
    "plannedReceipt": lambda it: it.by_day(Outlook.planned_receipt),
    "plannedReleases": lambda it: it.by_day(Outlook.planned_releases),
    "projected": lambda it: it.by_day(Outlook.projected),
    "expectedInventory": lambda it: it.by_day(Outlook.expected_inventory),
    "overdueReceipt": lambda it: it.overdue_receipt,
    "availableToPromise": lambda it: it.available_to_promise,
    "sufficient": lambda it: it.is_sufficient,
    "earliest": lambda it: it.earliest,
    "nextReceipt": lambda it: it.next_receipt,
    "events": lambda it: it.events,
    "byLocation": lambda it: it.by_location,
    "byVariant": lambda it: it.by_variant,
    "alternatives": lambda it: it.alternatives,
    "native": lambda it: it.native_quantity,
}
OVER_TIME = {
    "grossRequirement",
    "scheduledReceipt",
    "plannedReceipt",
    "plannedReleases",
    "projected",
    "expectedInventory",
    "overdueReceipt",
    "availableToPromise",
    "sufficient",
    "earliest",
    "nextReceipt",
    "events",
}


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("type", ["Service", "Non_x002D_Inventory"])
def test_a_service_and_a_non_inventory_item_have_no_stock_rather_than_none_of_it(type: str, figure: str) -> None:
    answer = asked(picture(0, type=type), location="BLUE", quantity=1)

    found = FIGURES[figure](answer)

    assert isinstance(found, Unavailable)
    assert found.reason is Reason.NO_SOURCE
    assert "1000" in found.message


@pytest.mark.parametrize(
    ("type", "blocked", "status"),
    [
        ("Inventory", False, Status.NORMAL),
        ("Inventory", True, Status.BLOCKED),
        ("Service", False, Status.SERVICE),
        ("Service", True, Status.SERVICE),
        ("Non_x002D_Inventory", False, Status.NON_INVENTORY),
    ],
)
def test_the_status_says_what_stands_in_the_way(type: str, blocked: bool, status: Status) -> None:
    assert Status.of(type, blocked=blocked) is status


BLOCKED = replace(THREE_PLACES, status=Status.BLOCKED)


def test_a_blocked_item_shows_its_stock_and_none_of_it_can_leave() -> None:
    answer = asked(BLOCKED, location="RED", quantity=1)

    assert together(answer.inventory, answer.by_day(Outlook.projected), answer.native_quantity) == (10, 10, 42)
    assert (answer.is_sufficient, answer.earliest, answer.alternatives) == (False, None, [])


def test_a_blocked_item_can_leave_from_no_location_either() -> None:
    answer = asked(BLOCKED, quantity=1)

    assert {at(answer, code).is_sufficient for code in codes(answer.by_location)} == {False}
    assert {at(answer, code).earliest for code in codes(answer.by_location)} == {None}


def test_of_a_blocked_item_nothing_is_decided_without_a_quantity() -> None:
    assert (asked(BLOCKED).is_sufficient, at(asked(BLOCKED), "RED").is_sufficient) == (None, None)


# -- variants ----------------------------------------------------------------------------------------------------------


def a_place(variant: str, location: str, inventory: int, **figures: int) -> Place:
    nothing = dict.fromkeys((each.name for each in fields(Place) if each.type is Decimal), 0)
    quantities: dict[str, Any] = {name: Decimal(value) for name, value in (nothing | figures).items()}
    return Place(variant, location, **(quantities | {"inventory": Decimal(inventory)}))


CHAIRS = picture(
    30,
    stock={"BLUE": 22, "RED": 8},
    reservations=[reserved(2, needed=3, location="BLUE", variant="OAK"), reserved(1, needed=3, location="BLUE")],
    places=[
        a_place("OAK", "BLUE", 12, on_sales_orders=5, on_transfer_shipments=4, reserved=2),
        a_place("OAK", "RED", 8, on_purchase_orders=20, on_transfer_receipts=4, in_transit=1),
        a_place("", "BLUE", 10, on_sales_orders=1, reserved=1),
    ],
)


def test_a_variant_has_the_figures_that_need_no_date() -> None:
    oak = asked(CHAIRS, variant="OAK")

    assert together(oak.inventory, oak.reserved, oak.available_inventory) == (12 + 8, 2, 20 - 2)
    assert together(oak.on_documents(Kind.SALES_ORDER), oak.on_documents(Kind.PURCHASE_ORDER)) == (5, 20)
    assert together(oak.on_documents(Kind.IN_TRANSIT), oak.on_documents(Kind.TRANSFER_RECEIPT)) == (1, 4)
    assert oak.on_documents(Kind.TRANSFER_SHIPMENT) == 4


def test_a_variant_at_a_location_has_its_row_alone() -> None:
    oak = asked(CHAIRS, variant="OAK", location="BLUE")

    assert together(oak.inventory, oak.on_documents(Kind.SALES_ORDER), oak.on_documents(Kind.PURCHASE_ORDER)) == (
        12,
        5,
        0,
    )
    assert asked(CHAIRS, variant="ELM", location="BLUE").inventory == 0


@pytest.mark.parametrize("figure", sorted((OVER_TIME | {"byLocation", "alternatives"}) - {"sufficient"}))
def test_a_variant_has_no_figure_that_needs_a_date(figure: str) -> None:
    found = FIGURES[figure](asked(CHAIRS, variant="OAK", location="RED", quantity=1))

    assert isinstance(found, Unavailable)
    assert found.reason is Reason.NO_SOURCE


@pytest.mark.parametrize("kind", [Kind.SALES_RETURN, Kind.PURCHASE_RETURN])
def test_what_the_page_of_variants_does_not_have_is_missing_and_not_0(kind: Kind) -> None:
    of = replace(CHAIRS, documents={**CHAIRS.documents, SALES: [line(Kind.SALES_RETURN, 3, 1)]})

    assert isinstance(asked(of, variant="OAK").on_documents(kind), Unavailable)


@pytest.mark.parametrize(
    ("location", "quantity", "sufficient"),
    [
        (None, 15, True),  # 20 in stock, 5 on sales orders; within the item the transfer changes nothing
        (None, 16, False),
        ("BLUE", 3, True),  # 12 - 5 - 4 to be sent to RED
        ("BLUE", 4, False),
        ("RED", 8, True),
        ("RED", 9, False),
    ],
)
def test_a_variant_is_sufficient_when_stock_covers_it_beside_every_open_order_and_otherwise_nobody_knows(
    location: str | None, quantity: int, sufficient: bool
) -> None:
    found = asked(CHAIRS, variant="OAK", location=location, quantity=quantity).is_sufficient

    if sufficient:
        assert found is True
    else:
        assert isinstance(found, Unavailable)


@pytest.mark.parametrize(
    ("documents", "kind"),
    [
        ("assemblyLines", Kind.ASSEMBLY_COMPONENT),
        ("inventoryProdOrderComponentLines", Kind.PRODUCTION_COMPONENT),
        ("itemJobPlanningLines", Kind.PROJECT),
        (PURCHASES, Kind.PURCHASE_RETURN),
    ],
)
def test_a_variant_is_not_called_sufficient_while_other_demand_of_the_item_may_be_for_it(
    documents: str, kind: Kind
) -> None:
    """20 of OAK, 5 sold: 15 would do, but another 8 of some variant are wanted, and no page says of which."""
    of = replace(CHAIRS, documents={**CHAIRS.documents, documents: [line(kind, 8, 1)]})

    assert isinstance(asked(of, variant="OAK", quantity=15).is_sufficient, Unavailable)


def test_a_variant_of_a_blocked_item_is_not_sufficient() -> None:
    answer = asked(replace(CHAIRS, status=Status.BLOCKED), variant="OAK", quantity=1)

    assert (answer.is_sufficient, answer.earliest) == (False, None)


def test_the_projected_balance_of_a_variant_is_inventory_plus_purchases_less_sales_and_at_a_location_transfers() -> (
    None
):
    zero = Decimal(0)

    assert asked(CHAIRS).by_variant == [
        VariantFigures("", Decimal(10), Decimal(1), zero, Decimal(1), Decimal(10 - 1)),
        VariantFigures("OAK", Decimal(20), Decimal(5), Decimal(20), Decimal(2), Decimal(20 + 20 - 5)),
    ]
    assert asked(CHAIRS, location="BLUE", variant="OAK").by_variant == [
        VariantFigures("OAK", Decimal(12), Decimal(5), zero, Decimal(2), Decimal(12 - 5 - 4))
    ]
    assert asked(CHAIRS, location="RED").by_variant == [
        VariantFigures("OAK", Decimal(8), zero, Decimal(20), zero, Decimal(8 + 20 + 1 + 4))
    ]


# -- missing sources ---------------------------------------------------------------------------------------------------

WHOLE = picture(
    10,
    stock={"BLUE": 6, "RED": 4},
    documents={SALES: [sold(1, 1, "BLUE")], PURCHASES: [bought(2, 2, "RED")]},
    reservations=[reserved(1, needed=1, location="BLUE")],
    places=[a_place("", "BLUE", 6), a_place("", "RED", 4)],
)


def without(part: str) -> Picture:
    if part in WHOLE.documents:
        return replace(WHOLE, documents={**WHOLE.documents, part: GONE})
    changes: dict[str, Any] = {part: GONE}
    return replace(WHOLE, **changes)


PLACES_OVER_TIME = OVER_TIME | {"byLocation", "alternatives"}
MISSING_AT_A_LOCATION = {
    "inventory": {"native"},
    "stock": {"inventory", "availableInventory"} | PLACES_OVER_TIME,
    SALES: {"onSalesOrders"} | PLACES_OVER_TIME,
    PURCHASES: {"onPurchaseOrders"} | PLACES_OVER_TIME,
    TRANSFER_LINES: {"inTransit"} | PLACES_OVER_TIME,
    "reservations": {"reserved", "availableInventory", "availableToPromise"},
    "places": {"byVariant"},
}
MISSING_IN_TOTAL = {
    "inventory": {"inventory", "availableInventory", "native"} | OVER_TIME,
    "stock": {"byLocation"},
    SALES: {"onSalesOrders", "byLocation"} | OVER_TIME,
    PURCHASES: {"onPurchaseOrders", "byLocation"} | OVER_TIME,
    TRANSFER_LINES: {"inTransit", "byLocation"} | OVER_TIME,
    "reservations": {"reserved", "availableInventory", "availableToPromise"},
    "places": {"byVariant"},
}


def missing_of(answer: Availability) -> set[str]:
    found = {name: figure(answer) for name, figure in FIGURES.items()}
    assert {value for value in found.values() if isinstance(value, Unavailable)} <= {GONE}  # the reason as it came
    return {name for name, value in found.items() if isinstance(value, Unavailable)}


@pytest.mark.parametrize("part", MISSING_AT_A_LOCATION)
def test_what_is_made_of_a_missing_source_is_missing_at_a_location_and_nothing_else_is(part: str) -> None:
    assert missing_of(asked(without(part), location="BLUE", quantity=1)) == MISSING_AT_A_LOCATION[part]


@pytest.mark.parametrize("part", MISSING_IN_TOTAL)
def test_what_is_made_of_a_missing_source_is_missing_in_total_and_nothing_else_is(part: str) -> None:
    assert missing_of(asked(without(part), quantity=1)) == MISSING_IN_TOTAL[part]


def test_with_every_source_there_no_figure_is_missing() -> None:
    assert missing_of(asked(WHOLE, quantity=1)) == set()
    assert missing_of(asked(WHOLE, location="BLUE", quantity=1)) == set()


@pytest.mark.parametrize("figure", ["inventory", "availableInventory", "onSalesOrders", "byVariant", "sufficient"])
def test_without_the_page_of_variants_a_variant_has_no_figures(figure: str) -> None:
    assert FIGURES[figure](asked(without("places"), variant="OAK", quantity=1)) == GONE


def test_a_location_whose_reservations_are_missing_keeps_its_other_figures() -> None:
    blue = at(asked(without("reservations"), quantity=1), "BLUE")

    assert (blue.reserved, blue.available_to_promise) == (GONE, GONE)
    assert together(blue.projected, blue.is_sufficient) == (6, True)


def test_of_a_department_that_is_not_used_there_is_nothing_on_documents() -> None:
    assert asked(WHOLE).on_documents(Kind.SERVICE_ORDER) == 0


# -- rows --------------------------------------------------------------------------------------------------------------

PLACE_ROW: dict[str, object] = {
    "variantCode": "OAK",
    "locationCode": "BLUE",
    "inventory": Decimal(1),
    "quantityOnSalesOrder": Decimal(2),
    "quantityOnPurchaseOrder": Decimal(3),
    "quantityInTransit": Decimal(4),
    "quantityOnTransferReceipt": Decimal(5),
    "quantityOnTransferShipment": Decimal(6),
    "reservedQuantity": Decimal(7),
}


def test_a_row_of_the_page_of_variants_is_read_column_by_column() -> None:
    assert place(PLACE_ROW) == Place("OAK", "BLUE", *map(Decimal, range(1, 8)))


@pytest.mark.parametrize("column", [name for name in PLACE_ROW if not name.endswith("Code")])
def test_a_row_without_one_of_its_quantities_is_refused_rather_than_read_as_0(column: str) -> None:
    row = {name: value for name, value in PLACE_ROW.items() if name != column}

    with pytest.raises((ValueError, KeyError), match=column):
        place(row)


def test_a_reservation_is_from_stock_or_from_supply_on_a_day() -> None:
    row: dict[str, object] = {
        "quantityBase": Decimal(4),
        "supplyType": "Purchase",
        "expectedReceiptDate": in_days(2).isoformat(),
        "shipmentDate": in_days(5).isoformat(),
        "locationCode": "BLUE",
        "variantCode": "OAK",
    }

    assert reservation(row) == reserved(4, needed=5, expected=2, location="BLUE", variant="OAK")
    assert reservation(row | {"supplyType": "Inventory", "expectedReceiptDate": None}) == Reservation(
        Decimal(4), True, NO_DATE, in_days(5), "BLUE", "OAK"
    )


@pytest.mark.parametrize("day", [-400, -1, 0])
def test_a_quantity_leaves_on_no_day_before_today(day: int) -> None:
    promised = picture(20, stock={"BLUE": 20}, documents={SALES: [sold(15, 2, "BLUE")]})
    for location in (None, "BLUE"):
        assert asked(promised, day=day, location=location, quantity=10).is_sufficient is False
        assert asked(promised, day=day, location=location, quantity=5).is_sufficient is True
    here = asked(promised, day=day, quantity=10).by_location
    assert not isinstance(here, Unavailable)
    assert [each.is_sufficient for each in here] == [False]


def test_of_an_item_that_could_not_be_read_nothing_is_told() -> None:
    answer = asked(replace(THREE_PLACES, status=GONE), quantity=1)
    assert (answer.inventory, answer.outlook, answer.by_location, answer.is_sufficient) == (GONE,) * 4
    assert (answer.native_quantity, answer.alternatives, answer.by_variant) == (GONE,) * 3


def test_of_a_place_that_could_not_be_checked_nothing_is_told() -> None:
    answer = asked(replace(THREE_PLACES, unread=GONE), location="NOPE", quantity=1)
    assert (answer.inventory, answer.outlook, answer.by_location, answer.is_sufficient) == (GONE,) * 4
    assert answer.picture.status is Status.NORMAL
