"""The arithmetic of the sales price engine: what a line costs, and what the lines of a document come to.

    base amount      quantity x price per unit
    extended amount  base amount - discounts + tax
    detail total     extended amounts without tax; less discounts of the document, plus freight and tax: the total amount

What is missing or makes no sense becomes a pricing error code on the line, never a refusal.

Source: Dynamics 365 Sales, Order, Order Product and Price List Item table reference: pricing method, pricing error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from enum import IntEnum

Values = Mapping[str, object]
_HUNDRED = Decimal(100)


class PricingError(IntEnum):
    """`pricingerrorcode`."""

    NONE = 0
    DETAIL_ERROR = 1
    MISSING_PRICE_LEVEL = 2
    INACTIVE_PRICE_LEVEL = 3
    MISSING_QUANTITY = 4
    MISSING_UNIT_PRICE = 5
    MISSING_PRODUCT = 6
    MISSING_PRICING_CODE = 8
    MISSING_UNIT = 10
    NOT_IN_PRICE_LEVEL = 11
    MISSING_PRICE_LEVEL_AMOUNT = 12
    MISSING_PRICE_LEVEL_PERCENTAGE = 13
    MISSING_PRICE = 14
    MISSING_CURRENT_COST = 15
    MISSING_STANDARD_COST = 16
    INVALID_PRICE_LEVEL_PERCENTAGE = 18
    INVALID_ROUNDING_AMOUNT = 24


class UnpricedError(Exception):
    """A line has no price, for the reason in `code`."""

    def __init__(self, code: PricingError) -> None:
        super().__init__(code.name)
        self.code = code


_METHODS = {
    2: ("price", PricingError.MISSING_PRICE),
    3: ("currentcost", PricingError.MISSING_CURRENT_COST),
    4: ("currentcost", PricingError.MISSING_CURRENT_COST),
    5: ("standardcost", PricingError.MISSING_STANDARD_COST),
    6: ("standardcost", PricingError.MISSING_STANDARD_COST),
}
_MARGINS = frozenset({4, 6})
_ROUNDING = {2: ROUND_CEILING, 3: ROUND_FLOOR, 4: ROUND_HALF_UP}


def list_price(item: Values, product: Values, *, rate: Decimal) -> Decimal:
    """The price of a product by an item of a price list, in the currency of the list.

    `rate` is the exchange rate of that currency: what a product costs is known in the base currency.

    Raises:
        UnpricedError: the item or the product lacks what the pricing method needs.
    """
    method = item.get("pricingmethodcode")
    if not isinstance(method, int):
        raise UnpricedError(PricingError.MISSING_PRICING_CODE)
    if method == 1:
        return _rounded(_needed(item.get("amount"), PricingError.MISSING_PRICE_LEVEL_AMOUNT), item)
    column, error = _METHODS[method]
    cost = _needed(_first(product.get(f"{column}_base"), product.get(column)), error) * rate
    percentage = _needed(item.get("percentage"), PricingError.MISSING_PRICE_LEVEL_PERCENTAGE) / _HUNDRED
    if method == 2:
        return _rounded(cost * percentage, item)
    if method not in _MARGINS:
        return _rounded(cost * (1 + percentage), item)
    if percentage >= 1:
        raise UnpricedError(PricingError.INVALID_PRICE_LEVEL_PERCENTAGE)
    return _rounded(cost / (1 - percentage), item)


def _rounded(price: Decimal, item: Values) -> Decimal:
    """A price made to end in an amount (0.99), or to be a multiple of it, as the item of the price list says."""
    mode = _ROUNDING.get(_whole(item.get("roundingpolicycode")))
    if mode is None:
        return price
    amount = item.get("roundingoptionamount")
    if not isinstance(amount, Decimal) or amount <= 0:
        raise UnpricedError(PricingError.INVALID_ROUNDING_AMOUNT)
    multiple = _whole(item.get("roundingoptioncode")) == 2
    step, end = (amount, Decimal(0)) if multiple else (Decimal(10) ** (amount.adjusted() + 1), amount)
    return ((price - end) / step).to_integral_value(rounding=mode) * step + end


def _needed(value: object, error: PricingError) -> Decimal:
    if not isinstance(value, Decimal):
        raise UnpricedError(error)
    return value


def _first(*values: object) -> object:
    return next((value for value in values if value is not None), None)


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


@dataclass(frozen=True, slots=True)
class Money:
    """Rounds to the precision of a currency."""

    digits: int

    def rounded(self, amount: Decimal) -> Decimal:
        return amount.quantize(Decimal(1).scaleb(-self.digits), ROUND_HALF_UP)


def line_amounts(line: Values, *, price: Decimal | None, error: PricingError, money: Money) -> dict[str, object]:
    """The computed columns of a line; without a price it costs nothing but its tax."""
    quantity = amount_of(line, "quantity")
    base = money.rounded(quantity * (price or Decimal(0)))
    discount = amount_of(line, "manualdiscountamount") + amount_of(line, "volumediscountamount") * quantity
    return {
        "priceperunit": price,
        "baseamount": base,
        "extendedamount": money.rounded(base - discount) + amount_of(line, "tax"),
        "pricingerrorcode": int(error),
    }


def document_totals(document: Values, lines: Iterable[Values], *, money: Money) -> dict[str, object]:
    """The computed columns of an order, an invoice or an opportunity."""
    lines = list(lines)
    detail = sum((amount_of(line, "extendedamount") - amount_of(line, "tax") for line in lines), Decimal(0))
    tax = sum((amount_of(line, "tax") for line in lines), Decimal(0))
    share = detail * amount_of(document, "discountpercentage") / _HUNDRED
    discount = amount_of(document, "discountamount") + money.rounded(share)
    discounts = (
        amount_of(line, "manualdiscountamount") + amount_of(line, "volumediscountamount") * amount_of(line, "quantity")
        for line in lines
    )
    failed = any(line.get("pricingerrorcode") for line in lines)
    return {
        "totallineitemamount": detail,
        "totallineitemdiscountamount": sum(discounts, Decimal(0)),
        "totaldiscountamount": discount,
        "totalamountlessfreight": detail - discount,
        "totaltax": tax,
        "totalamount": detail - discount + amount_of(document, "freightamount") + tax,
        "pricingerrorcode": int(PricingError.DETAIL_ERROR if failed else PricingError.NONE),
    }


def amount_of(values: Values, column: str) -> Decimal:
    """A number that counts as nothing where there is none."""
    value = values.get(column)
    return value if isinstance(value, Decimal) else Decimal(0)
