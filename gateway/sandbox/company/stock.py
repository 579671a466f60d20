"""What is in stock: movements of an item, posted as item ledger entries, and the quantities that follow from them.

A movement out of a location is applied to the oldest movements into it, so what remains open adds up to the inventory.

Source: Business Central, design details: item application.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from gateway.sandbox.company import story
from gateway.sandbox.company.chance import Draw
from gateway.sandbox.company.codes import EAST, MAIN, TRANSIT, WEST
from gateway.sandbox.company.items import INVENTORY, Item

_ENTRIES_PER_ITEM: Final = 64
PURCHASE: Final = "Purchase"
SALE: Final = "Sale"
TRANSFER: Final = "Transfer"


@dataclass(frozen=True, slots=True)
class Movement:
    """So much into a location, or out of it when negative, so many days before the day of the story."""

    age: int
    type: str
    location: str
    quantity: Decimal
    variant: str = ""
    document: str = ""
    source: str = ""


@dataclass(slots=True)
class StockEntry:
    """One item ledger entry. `remaining` is what other entries have not been applied to yet."""

    number: int
    item_number: str
    posting_date: date
    movement: Movement
    remaining: Decimal

    @property
    def open(self) -> bool:
        return self.remaining != 0


def stock_ledger(item: Item, shipments: Iterable[Movement] = ()) -> list[StockEntry]:
    """All entries of one item, oldest first. `shipments` are movements of sales orders that were shipped in part."""
    if item.type != INVENTORY:
        return []
    movements = sorted([*_movements(item), *shipments], key=lambda movement: -movement.age)
    entries: list[StockEntry] = []
    for offset, movement in enumerate(movements):
        entry = StockEntry(
            number=(item.index + 1) * _ENTRIES_PER_ITEM + offset,
            item_number=item.number,
            posting_date=story.STORY_DATE - timedelta(days=movement.age),
            movement=movement,
            remaining=movement.quantity,
        )
        _apply(entry, entries)
        entries.append(entry)
    return entries


def inventory(entries: Iterable[StockEntry]) -> Decimal:
    return sum((entry.movement.quantity for entry in entries), Decimal(0))


def _apply(entry: StockEntry, earlier: Iterable[StockEntry]) -> None:
    """Use up the open entries of the other sign at the same place."""
    place = entry.movement.location, entry.movement.variant
    for other in earlier:
        if not entry.remaining:
            return
        if (other.movement.location, other.movement.variant) != place or entry.remaining * other.remaining >= 0:
            continue
        used = min(abs(entry.remaining), abs(other.remaining))
        entry.remaining -= used.copy_sign(entry.remaining)
        other.remaining -= used.copy_sign(other.remaining)


def _movements(item: Item) -> Sequence[Movement]:
    written = _STORY.get(item.number)
    if written is not None:
        return written
    variants = [variant.code for variant in item.variants] or [""]
    return [movement for variant in variants for movement in _ordinary(item, variant)]


def _ordinary(item: Item, variant: str) -> Iterator[Movement]:
    """Bought for up to three locations, partly sold, sometimes some moved east."""
    draw = Draw("stock", f"{item.number}:{variant}")
    number = f"{item.index:06d}"
    for location, low, high in ((MAIN, 60, 240), (EAST, -40, 80), (WEST, -60, 70)):
        bought = draw.between(low, high)
        if bought <= 0:
            continue
        yield Movement(draw.between(120, 240), PURCHASE, location.code, Decimal(bought), variant, f"PR{number}")
        if sold := draw.below(bought // 2 + 1):
            customer = f"C{100 + draw.below(100):05d}"
            yield Movement(draw.between(20, 110), SALE, location.code, Decimal(-sold), variant, f"SH{number}", customer)
    if draw.in_hundred(25):
        yield from _transfer(18, draw.between(5, 15), to=EAST.code, document=f"TS{number}", variant=variant)


def _transfer(age: int, quantity: int, *, to: str, document: str, variant: str = "") -> list[Movement]:
    """From the main warehouse to some other location."""
    return [
        Movement(age, TRANSFER, MAIN.code, Decimal(-quantity), variant, document),
        Movement(age, TRANSFER, to, Decimal(quantity), variant, document),
    ]


def _bought(age: int, quantity: str, *, at: str = MAIN.code, variant: str = "") -> Movement:
    return Movement(age, PURCHASE, at, Decimal(quantity), variant, f"PR90{age:04d}")


def _sold(age: int, quantity: str, *, at: str = MAIN.code, variant: str = "") -> Movement:
    return Movement(age, SALE, at, -Decimal(quantity), variant, f"SH90{age:04d}", story.HARBOUR)


_STORY: Final = {
    story.IN_STOCK: (
        _bought(90, "120"),
        _bought(80, "35", at=EAST.code),
        _bought(70, "12", at=WEST.code),
        _sold(30, "18"),
        _sold(12, "4", at=WEST.code),
    ),
    story.OUT_OF_STOCK: (_bought(100, "40"), _sold(60, "25"), _sold(9, "15")),
    story.NEGATIVE_STOCK: (_bought(50, "10"), _sold(8, "14")),
    story.IN_TRANSIT: (_bought(85, "150"), *_transfer(2, 40, to=TRANSIT.code, document="TS900001")),
    story.WITH_VARIANTS: (
        _bought(75, "30", variant="S"),
        _bought(75, "45", variant="M"),
        _bought(75, "20", variant="L"),
        _sold(15, "20", variant="L"),
        _bought(40, "6", at=EAST.code, variant="XL"),
    ),
    story.BY_THE_METRE: (_bought(110, "1500"), _sold(33, "212.5")),
    story.SHORT: (_bought(95, "52"), _sold(25, "32")),
}
