"""Quantities in another unit: exact towards the base unit, to five decimals back."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.figures.units import Unit, find_unit, units_of_group, units_seen

BOX = Unit("BOX", Decimal(12))
THIRD = Unit("THIRD", Decimal("0.33333"))


@pytest.mark.parametrize(
    ("unit", "quantity", "base"),
    [
        (BOX, "3", "36"),
        (BOX, "0.5", "6"),
        (BOX, "-2", "-24"),
        (THIRD, "3", "0.99999"),
        (Unit("PALLET", Decimal("1440.12345")), "0.00001", "0.0144012345"),
        (BOX, "99999999999999999999.99999", "1199999999999999999999.99988"),
    ],
)
def test_a_quantity_in_a_unit_is_so_many_times_its_factor_of_base_units_exactly(
    unit: Unit, quantity: str, base: str
) -> None:
    assert unit.to_base(Decimal(quantity)) == Decimal(base)


@pytest.mark.parametrize(
    ("unit", "base", "quantity"),
    [
        (BOX, "36", "3.00000"),
        (BOX, "10", "0.83333"),  # 0.833333…
        (BOX, "20", "1.66667"),  # 1.666666…
        (BOX, "-20", "-1.66667"),
        (Unit("M", Decimal(2)), "0.00001", "0.00001"),  # 0.000005: half goes up
        (Unit("M", Decimal(2)), "-0.00001", "-0.00001"),
        (BOX, "0", "0.00000"),
    ],
)
def test_base_units_in_a_unit_are_rounded_to_five_decimals(unit: Unit, base: str, quantity: str) -> None:
    found = unit.from_base(Decimal(base))

    assert found == Decimal(quantity)
    assert found.as_tuple().exponent == -5


@pytest.mark.parametrize("quantity", ["0.1", "7", "0.123456789", "123456789012.12"])
def test_the_base_unit_changes_nothing_not_even_the_decimals(quantity: str) -> None:
    piece = Unit("PCS", Decimal(1))

    assert str(piece.from_base(Decimal(quantity))) == quantity
    assert piece.to_base(Decimal(quantity)) == Decimal(quantity)


FIVE_DECIMALS = st.decimals(min_value=-(10**9), max_value=10**9, places=5)
FACTORS = st.decimals(min_value=Decimal("0.00001"), max_value=10**6, places=5)


@given(FIVE_DECIMALS, FACTORS)
@settings(deadline=None, max_examples=100)
def test_a_quantity_comes_back_from_the_base_unit_as_it_went(quantity: Decimal, factor: Decimal) -> None:
    unit = Unit("ANY", factor)

    assert unit.from_base(unit.to_base(quantity)) == quantity


@given(FIVE_DECIMALS, FACTORS)
@settings(deadline=None, max_examples=100)
def test_what_is_shown_in_a_unit_is_never_further_off_than_half_of_its_last_decimal(
    base: Decimal, factor: Decimal
) -> None:
    unit = Unit("ANY", factor)

    off = abs(unit.to_base(unit.from_base(base)) - base)

    assert off <= factor * Decimal("0.000005")


# -- where factors come from -------------------------------------------------------------------------------------------


def seen(code: object, factor: object) -> dict[str, object]:
    return {"unitOfMeasureCode": code, "qtyPerUnitOfMeasure": factor}


def test_the_lines_of_an_item_tell_the_factors_of_the_units_they_are_in() -> None:
    rows = [seen("BOX", Decimal(12)), seen("PCS", 1), seen("box", Decimal(12)), seen("Pallet", Decimal("1440.5"))]

    assert units_seen(rows) == {"box": 12, "pcs": 1, "pallet": Decimal("1440.5")}


@pytest.mark.parametrize("row", [seen("", 12), seen(None, 12), seen("BOX", 0), seen("BOX", None), seen("BOX", -1), {}])
def test_a_line_without_a_unit_or_with_a_factor_that_cannot_be_tells_nothing(row: dict[str, object]) -> None:
    assert units_seen([row]) == {}


def test_a_unit_group_in_crm_tells_its_units_and_their_factors() -> None:
    rows: list[dict[str, object]] = [
        {"name": "PCS", "quantity": Decimal(1)},
        {"name": "Box", "quantity": Decimal(12)},
        {"name": "", "quantity": Decimal(3)},
        {"name": "NONE", "quantity": Decimal(0)},
    ]

    assert units_of_group(rows) == {"pcs": 1, "box": 12}


LINES, GROUP = {"box": Decimal(12)}, {"box": Decimal(10), "pallet": Decimal(480)}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("PCS", Unit("PCS", Decimal(1))),
        ("pcs", Unit("PCS", Decimal(1))),  # the base unit, as the item writes it
        ("BOX", Unit("BOX", Decimal(12))),  # what lines of the item say comes before CRM's copy
        ("box", Unit("box", Decimal(12))),
        ("PALLET", Unit("PALLET", Decimal(480))),
        ("CRATE", None),
    ],
)
def test_a_unit_is_the_base_unit_or_one_whose_factor_is_known_whatever_the_case(
    wanted: str, found: Unit | None
) -> None:
    assert find_unit(wanted, "PCS", LINES, GROUP) == found


def test_the_base_unit_holds_one_of_itself_whatever_a_line_says() -> None:
    assert find_unit("PCS", "PCS", {"pcs": Decimal(7)}) == Unit("PCS", Decimal(1))
