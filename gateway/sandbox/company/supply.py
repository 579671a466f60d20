"""What is on its way: lines of open purchase orders and of transfer orders.

The same items have them in every company, however large; later items follow a simple pattern.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from gateway.sandbox.company import story
from gateway.sandbox.company.chance import Draw
from gateway.sandbox.company.codes import EAST, MAIN, TRANSIT, WEST
from gateway.sandbox.company.items import INVENTORY, Item, is_in_story


@dataclass(frozen=True, slots=True)
class PurchaseLine:
    document: str
    item_number: str
    quantity: Decimal
    expected: date
    variant: str = ""
    location: str = MAIN.code

    @property
    def vendor(self) -> str:
        """The number of the vendor, see `vendors`."""
        return f"V{int(self.document.removeprefix('PO')) % 12 + 10:05d}"


@dataclass(frozen=True, slots=True)
class TransferLine:
    """`outstanding` is still at the source, `in_transit` has left it and has not arrived.

    Source: Business Central, table Transfer Line.
    """

    document: str
    item_number: str
    source: str
    target: str
    outstanding: Decimal
    in_transit: Decimal
    shipped: date
    received: date
    through: str = TRANSIT.code


def _in_days(days: int) -> date:
    return story.STORY_DATE + timedelta(days=days)


_PURCHASES: Final = {
    story.OUT_OF_STOCK: (PurchaseLine("PO900001", story.OUT_OF_STOCK, Decimal(60), _in_days(9)),),
    story.SHORT: (PurchaseLine("PO900002", story.SHORT, Decimal(60), story.SHORT_RECEIPT_DATE),),
    story.IN_STOCK: (
        PurchaseLine("PO900003", story.IN_STOCK, Decimal(50), _in_days(21)),
        PurchaseLine("PO900004", story.IN_STOCK, Decimal(20), _in_days(35), location=EAST.code),
    ),
}
_TRANSFERS: Final = {
    story.IN_TRANSIT: TransferLine(
        "TO900001", story.IN_TRANSIT, MAIN.code, EAST.code, Decimal(20), Decimal(40), _in_days(1), _in_days(4)
    ),
}


def purchase_lines(item: Item) -> tuple[PurchaseLine, ...]:
    """Every sixth ordinary item is on order; those with variants in the first of them."""
    if is_in_story(item) or item.type != INVENTORY or item.blocked or item.index % 6 != 4:
        return _PURCHASES.get(item.number, ())
    draw = Draw("purchase", item.number)
    variant = item.variants[0].code if item.variants else ""
    document = f"PO{item.index:06d}"
    quantity, expected = Decimal(draw.between(10, 80)), _in_days(draw.between(-4, 45))
    return (PurchaseLine(document, item.number, quantity, expected, variant),)


def transfer_lines(item: Item) -> Iterator[TransferLine]:
    """Every twenty-seventh ordinary item is about to go from MAIN to WEST; nothing of it has left yet."""
    if item.number in _TRANSFERS:
        yield _TRANSFERS[item.number]
    elif not is_in_story(item) and item.type == INVENTORY and not item.blocked and item.index % 27 == 20:
        draw = Draw("transfer", item.number)
        leaves = draw.between(1, 12)
        yield TransferLine(
            document=f"TO{item.index:06d}",
            item_number=item.number,
            source=MAIN.code,
            target=WEST.code,
            outstanding=Decimal(draw.between(3, 20)),
            in_transit=Decimal(0),
            shipped=_in_days(leaves),
            received=_in_days(leaves + 3),
        )
