"""Lines of open documents become movements: in base quantities, by the date and at the place Business Central counts them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import pytest

from gateway.figures.documents import DOCUMENT_SETS, Module, in_use
from gateway.figures.movement import EFFECTS, TRANSFERS, Effect, Kind, Movement
from tests.figures.ledgers import together

SETS = {each.name: each for each in DOCUMENT_SETS}
D10, D12, D15 = date(2026, 3, 10), date(2026, 3, 12), date(2026, 3, 15)


def moved(name: str, **row: object) -> list[Movement]:
    return list(SETS[name].movements(row))


def sales(**row: object) -> list[Movement]:
    line: dict[str, object] = {
        "documentType": "Order",
        "documentNo": "1001",
        "locationCode": "BLUE",
        "shipmentDate": "2026-03-10",
        "outstandingQtyBase": Decimal(5),
    }
    return moved("outstandingSalesLines", **(line | row))


def purchases(**row: object) -> list[Movement]:
    line: dict[str, object] = {
        "documentType": "Order",
        "documentNo": "2001",
        "locationCode": "BLUE",
        "expectedReceiptDate": "2026-03-12",
        "outstandingQtyBase": Decimal(8),
    }
    return moved("outstandingPurchaseLines", **(line | row))


def transfers(outstanding: int, in_transit: int) -> list[Movement]:
    return moved(
        "transferLines",
        documentNo="3001",
        transferFromLocationCode="BLUE",
        transferToLocationCode="RED",
        inTransitLocationCode="OWN LOG",
        shipmentDate="2026-03-10",
        receiptDate="2026-03-12",
        outstandingQtyBase=Decimal(outstanding),
        qtyInTransitBase=Decimal(in_transit),
    )


def test_a_sales_order_takes_what_is_outstanding_on_its_shipment_date() -> None:
    assert sales() == [Movement(Kind.SALES_ORDER, D10, Decimal(5), "BLUE", "1001")]


def test_a_sales_return_brings_it_back_on_that_date() -> None:
    assert sales(documentType="Return_x0020_Order") == [Movement(Kind.SALES_RETURN, D10, Decimal(5), "BLUE", "1001")]


def test_a_purchase_order_brings_what_is_outstanding_on_its_expected_receipt_date() -> None:
    assert purchases() == [Movement(Kind.PURCHASE_ORDER, D12, Decimal(8), "BLUE", "2001")]


def test_a_purchase_return_takes_it_away_on_that_date() -> None:
    assert purchases(documentType="Return_x0020_Order") == [
        Movement(Kind.PURCHASE_RETURN, D12, Decimal(8), "BLUE", "2001")
    ]


def test_a_line_in_boxes_of_which_some_have_left_counts_its_outstanding_base_quantity() -> None:
    """Ordered 3 boxes of 12 pieces, 1 box shipped: 24 pieces are still to leave."""
    row = {"quantity": Decimal(3), "outstandingQuantity": Decimal(2), "outstandingQtyBase": Decimal(24)}

    [movement] = sales(**row, unitOfMeasureCode="BOX", qtyPerUnitOfMeasure=Decimal(12))

    assert together(movement.quantity, movement.change) == (24, -24)


@pytest.mark.parametrize("missing", [None, "0001-01-01"])
def test_a_line_without_a_date_counts_from_the_beginning_of_time(missing: str | None) -> None:
    assert [each.on for each in (*sales(shipmentDate=missing), *purchases(expectedReceiptDate=missing))] == [
        date.min,
        date.min,
    ]


def test_a_line_without_a_location_is_at_the_blank_one_and_without_a_number_of_no_document() -> None:
    assert sales(locationCode=None, documentNo="") == [Movement(Kind.SALES_ORDER, D10, Decimal(5), "", None)]


TRANSFERRED: dict[str, tuple[int, int, list[Movement]]] = {
    "nothing has left": (
        6,
        0,
        [
            Movement(Kind.TRANSFER_SHIPMENT, D10, Decimal(6), "BLUE", "3001"),
            Movement(Kind.TRANSFER_RECEIPT, D12, Decimal(6), "RED", "3001"),
        ],
    ),
    "some are on their way": (
        4,
        2,
        [
            Movement(Kind.TRANSFER_SHIPMENT, D10, Decimal(4), "BLUE", "3001"),
            Movement(Kind.TRANSFER_RECEIPT, D12, Decimal(4), "RED", "3001"),
            Movement(Kind.IN_TRANSIT, D12, Decimal(2), "RED", "3001"),
        ],
    ),
    "all are on their way": (0, 6, [Movement(Kind.IN_TRANSIT, D12, Decimal(6), "RED", "3001")]),
    "all have arrived": (0, 0, []),
}


@pytest.mark.parametrize("name", TRANSFERRED)
def test_a_transfer_leaves_on_its_shipment_date_and_arrives_on_its_receipt_date(name: str) -> None:
    outstanding, in_transit, expected = TRANSFERRED[name]

    assert transfers(outstanding, in_transit) == expected


LINES = {
    "assemblyHeaders": ("dueDate", "remainingQtyBase", Kind.ASSEMBLY_ORDER),
    "assemblyLines": ("dueDate", "remainingQuantity", Kind.ASSEMBLY_COMPONENT),
    "inventoryProdOrderComponentLines": ("dueDate", "remainingQtyBase", Kind.PRODUCTION_COMPONENT),
    "itemJobPlanningLines": ("planningDate", "remainingQtyBase", Kind.PROJECT),
    "orderServiceLines": ("neededByDate", "outstandingQtyBase", Kind.SERVICE_ORDER),
    "planningComponentLines": ("dueDate", "expectedQuantityBase", Kind.PLANNING_COMPONENT),
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_of_another_department_counts_its_remaining_quantity_by_its_date(name: str) -> None:
    on, quantity, kind = LINES[name]

    assert moved(name, **{on: "2026-03-15", quantity: Decimal(7), "locationCode": "BLUE", "documentNo": "A1"}) == [
        Movement(kind, D15, Decimal(7), "BLUE", "A1")
    ]


@pytest.mark.parametrize("status", ["Firm_x0020_Planned", "Released"])
def test_firm_and_released_production_is_a_scheduled_receipt_by_its_due_date(status: str) -> None:
    [movement] = moved(
        "inventoryProdOrderLines",
        status=status,
        documentNo="P1",
        dueDate="2026-03-15",
        startingDate="2026-03-10",
        remainingQtyBase=Decimal(4),
    )

    assert movement == Movement(Kind.PRODUCTION_ORDER, D15, Decimal(4), "", "P1")
    assert movement.effect is Effect.RECEIPT


def test_planned_production_is_a_planned_receipt_by_its_due_date_and_a_release_by_its_starting_date() -> None:
    [movement] = moved(
        "inventoryProdOrderLines",
        status="Planned",
        dueDate="2026-03-15",
        startingDate="2026-03-10",
        remainingQtyBase=Decimal(4),
    )

    assert (movement.effect, movement.on, movement.released) == (Effect.PLANNED_RECEIPT, D15, D10)


def suggestion(**row: object) -> list[Movement]:
    line: dict[str, object] = {
        "planningLineOrigin": None,
        "replenishmentSystem": "Purchase",
        "journalBatchName": "PLAN",
        "locationCode": "RED",
        "transferFromCode": "",
        "dueDate": "2026-03-15",
        "orderDate": "2026-03-10",
        "quantityBase": Decimal(9),
    }
    return moved("requisitionLines", **(line | row))


def test_a_suggested_purchase_is_a_planned_receipt_by_its_due_date_and_a_release_by_its_order_date() -> None:
    assert suggestion() == [Movement(Kind.PLANNED_PURCHASE, D15, Decimal(9), "RED", "PLAN", released=D10)]


def test_a_suggested_transfer_is_that_where_it_goes_and_a_planned_transfer_where_it_comes_from() -> None:
    found = suggestion(replenishmentSystem="Transfer", transferFromCode="BLUE", transferShipmentDate="2026-03-12")

    assert found == [
        Movement(Kind.PLANNED_PURCHASE, D15, Decimal(9), "RED", "PLAN", released=D10),
        Movement(Kind.PLANNED_TRANSFER, D12, Decimal(9), "BLUE", "PLAN"),
    ]


def test_a_line_that_planning_holds_itself_is_no_suggestion() -> None:
    assert suggestion(planningLineOrigin="Planning") == []


# -- what is read ------------------------------------------------------------------------------------------------------


@dataclass
class Reading(Mapping[str, object]):
    """A row that has everything and remembers what of it was read."""

    columns: Mapping[str, object]
    read: set[str] = field(default_factory=set)

    def __getitem__(self, name: str) -> object:
        self.read.add(name)
        return self.columns.get(name, 1 if "quantity" in name.lower() or "qty" in name.lower() else None)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)


VARIETIES: list[dict[str, object]] = [
    {},
    {"documentType": "Return_x0020_Order"},
    {"status": "Planned"},
    {"replenishmentSystem": "Transfer"},
]


@pytest.mark.parametrize("name", SETS)
def test_a_set_asks_for_every_column_that_its_rows_are_read_by_and_names_every_kind_they_come_to(name: str) -> None:
    rows = [Reading(each) for each in VARIETIES]

    kinds = {each.kind for row in rows for each in SETS[name].movements(row)}

    assert kinds == SETS[name].kinds
    read = set().union(*(row.read for row in rows))
    assert read - SETS[name].columns <= {"documentNo"}  # which a planning component does not have
    assert "itemNo" in SETS[name].columns


@pytest.mark.parametrize("name", ["outstandingSalesLines", "outstandingPurchaseLines"])
def test_lines_that_know_their_unit_are_read_with_it(name: str) -> None:
    assert {"unitOfMeasureCode", "qtyPerUnitOfMeasure"} <= SETS[name].columns


def test_every_kind_comes_from_exactly_one_set_and_has_an_effect() -> None:
    assert sorted(kind for each in DOCUMENT_SETS for kind in each.kinds) == sorted(Kind)
    assert set(EFFECTS) == set(Kind)


def test_trade_is_always_asked_for_and_the_departments_only_when_they_are_used() -> None:
    trade = ["outstandingSalesLines", "outstandingPurchaseLines", "transferLines"]

    assert [each.name for each in in_use(frozenset())] == trade
    assert [each.name for each in in_use(frozenset({Module.ASSEMBLY}))] == [*trade, "assemblyHeaders", "assemblyLines"]
    assert in_use(frozenset(Module)) == list(DOCUMENT_SETS)


@pytest.mark.parametrize("value", [0.5, "5", True, [5]])
def test_a_quantity_that_is_no_exact_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="no number"):
        sales(outstandingQtyBase=value)


def test_a_date_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="soon"):
        sales(shipmentDate="soon")


@pytest.mark.parametrize("kind", Kind)
def test_a_movement_changes_the_balance_by_what_its_kind_counts_as(kind: Kind) -> None:
    signs = {
        Effect.RECEIPT: 1,
        Effect.PLANNED_RECEIPT: 1,
        Effect.REQUIREMENT: -1,
        Effect.PLANNED_REQUIREMENT: 0,
    }
    movement = Movement(kind, D10, Decimal(3))

    assert movement.change == 3 * signs[movement.effect]
    assert (kind in TRANSFERS) is ("TRANSFER" in kind or kind is Kind.IN_TRANSIT)
