"""Further units an item is counted in, besides its base unit: how many base units one of them holds.

Source: Business Central, table Item Unit of Measure, "Qty. per Unit of Measure".
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from gateway.sandbox.company import story

ITEM_UNITS: Final[Mapping[str, Mapping[str, Decimal]]] = {
    story.IN_STOCK: {"BOX": Decimal(12), "PALLET": Decimal(144)},
    story.BY_THE_METRE: {"ROLL": Decimal(50)},
}
"""By item number. An item that is not here has its base unit only."""
