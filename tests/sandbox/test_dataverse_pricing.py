"""The arithmetic of the price engine: pricing methods, rounding, and totals that hang together."""

from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sandbox.dataverse.pricing import Money, PricingError, UnpricedError, document_totals, list_price

PRODUCT = {"price": Decimal(900), "currentcost": Decimal(600), "standardcost": Decimal(500)}


@pytest.mark.parametrize(
    ("method", "percentage", "price"),
    [(2, 90, 810), (3, 50, 900), (4, 25, 800), (5, 20, 600), (6, 50, 1000)],
)
def test_each_pricing_method_has_its_own_base(method: int, percentage: int, price: int) -> None:
    entry = {"pricingmethodcode": method, "percentage": Decimal(percentage)}
    assert list_price(entry, PRODUCT, rate=Decimal(1)) == price
    assert list_price(entry, PRODUCT, rate=Decimal(2)) == 2 * price


@pytest.mark.parametrize(
    ("entry", "product", "error"),
    [
        ({}, PRODUCT, PricingError.MISSING_PRICING_CODE),
        ({"pricingmethodcode": 1}, PRODUCT, PricingError.MISSING_PRICE_LEVEL_AMOUNT),
        ({"pricingmethodcode": 2}, PRODUCT, PricingError.MISSING_PRICE_LEVEL_PERCENTAGE),
        ({"pricingmethodcode": 2}, {}, PricingError.MISSING_PRICE),
        ({"pricingmethodcode": 3}, {}, PricingError.MISSING_CURRENT_COST),
        ({"pricingmethodcode": 6}, {}, PricingError.MISSING_STANDARD_COST),
        ({"pricingmethodcode": 4, "percentage": Decimal(100)}, PRODUCT, PricingError.INVALID_PRICE_LEVEL_PERCENTAGE),
        (
            {"pricingmethodcode": 1, "amount": Decimal(1), "roundingpolicycode": 2},
            PRODUCT,
            PricingError.INVALID_ROUNDING_AMOUNT,
        ),
    ],
)
def test_a_price_list_that_says_too_little_has_a_code_of_its_own(
    entry: Mapping[str, object], product: Mapping[str, object], error: PricingError
) -> None:
    with pytest.raises(UnpricedError) as raised:
        list_price(entry, product, rate=Decimal(1))
    assert raised.value.code is error


@pytest.mark.parametrize(
    ("policy", "option", "amount", "price"),
    [
        (1, 2, 5, "812.34"),
        (2, 2, 5, "815"),
        (3, 2, 5, "810"),
        (4, 2, 5, "810"),
        (2, 1, "0.99", "812.99"),
        (3, 1, 5, "805"),
    ],
)
def test_prices_are_rounded_as_the_price_list_says(policy: int, option: int, amount: object, price: str) -> None:
    rounding = {
        "roundingpolicycode": policy,
        "roundingoptioncode": option,
        "roundingoptionamount": Decimal(str(amount)),
    }
    entry = {"pricingmethodcode": 1, "amount": Decimal("812.34"), **rounding}
    assert list_price(entry, {}, rate=Decimal(1)) == Decimal(price)


_amounts = st.decimals(min_value=0, max_value=10_000, places=2)
_lines = st.lists(st.fixed_dictionaries({"extendedamount": _amounts, "tax": _amounts}), max_size=5)


@given(lines=_lines, discount=_amounts, percentage=st.integers(0, 100), freight=_amounts)
def test_totals_hang_together(
    lines: list[dict[str, object]], discount: Decimal, percentage: int, freight: Decimal
) -> None:
    document = {"discountamount": discount, "discountpercentage": Decimal(percentage), "freightamount": freight}
    totals = document_totals(document, lines, money=Money(2))
    amounts = {name: Decimal(str(value)) for name, value in totals.items()}
    extended = sum((Decimal(str(line["extendedamount"])) for line in lines), Decimal(0))
    assert amounts["totallineitemamount"] + amounts["totaltax"] == extended
    assert amounts["totalamount"] == extended - amounts["totaldiscountamount"] + freight
    assert amounts["totalamountlessfreight"] == amounts["totallineitemamount"] - amounts["totaldiscountamount"]
