"""Quantities in another unit of measure than an item's base unit. Pure.

Source: Business Central, table Item Unit of Measure; quantities are kept to five decimals.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gateway.figures.values import ROOMY, Values, text
from gateway.keys import fold

_PLACES: Final = Decimal("0.00001")


@dataclass(frozen=True, slots=True)
class Unit:
    """``factor`` base units make one of these."""

    code: str
    factor: Decimal

    def to_base(self, quantity: Decimal) -> Decimal:
        return ROOMY.multiply(quantity, self.factor)

    def from_base(self, quantity: Decimal) -> Decimal:
        """Rounded to five decimals; exactly the quantity itself in the base unit."""
        if self.factor == 1:
            return quantity
        return ROOMY.quantize(ROOMY.divide(quantity, self.factor), _PLACES)


def units_seen(rows: Iterable[Values]) -> dict[str, Decimal]:
    """Factors by unit code (folded), as lines and entries of the item carry them.

    Business Central refuses to change the factor of a unit that entries use, so what a line says still holds.
    """
    return _factors((row.get("unitOfMeasureCode"), row.get("qtyPerUnitOfMeasure")) for row in rows)


def units_of_group(rows: Iterable[Values]) -> dict[str, Decimal]:
    """Factors by unit code (folded), from the units of a product's unit group in CRM.

    Source: Business Central, table mapping ITEM UOM: Code to ``name``, Qty. per Unit of Measure to ``quantity``.
    """
    return _factors((row.get("name"), row.get("quantity")) for row in rows)


def _factors(named: Iterable[tuple[object, object]]) -> dict[str, Decimal]:
    """The first that is said of each unit; a line without a unit, or with a factor that cannot be, says nothing."""
    factors: dict[str, Decimal] = {}
    for code, factor in named:
        if code and isinstance(factor, int | Decimal) and not isinstance(factor, bool) and factor > 0:
            factors.setdefault(fold(text(code)), Decimal(factor))
    return factors


def find_unit(wanted: str, base: str, *known: Mapping[str, Decimal]) -> Unit | None:
    """The unit of this code; ``known`` are factors by folded code, the first that has it counts."""
    code = fold(wanted)
    if code == fold(base):
        return Unit(base, Decimal(1))
    for factors in known:
        if code in factors:
            return Unit(wanted, factors[code])
    return None
