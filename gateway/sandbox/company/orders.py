"""Open sales orders: some written for the story, the rest drawn. The first 120 are the same in every company."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from typing import Final

from gateway.sandbox.company import story
from gateway.sandbox.company.chance import Draw
from gateway.sandbox.company.codes import MAIN, currency
from gateway.sandbox.company.customers import PART, STORY_CUSTOMERS, Customer, customer, customer_index
from gateway.sandbox.company.identifiers import bc_id, crm_id
from gateway.sandbox.company.items import INVENTORY, STORY_ITEMS, Item, is_in_story, item, item_index
from gateway.sandbox.company.stock import SALE, Movement, StockEntry, stock_ledger

STORY_ORDERS: Final = 120
_FIRST_NUMBER: Final = 101_001
_CENT: Final = Decimal("0.01")
_NEVER_ORDER: Final = frozenset({story.NO_ENTRIES, story.BLOCKED})


@dataclass(frozen=True, slots=True)
class OrderLine:
    """Amounts are in the currency of the order. `tax_percent` is VAT: none on sales to another country."""

    sequence: int
    item: Item
    variant: str
    quantity: Decimal
    unit_price: Decimal
    discount_percent: Decimal
    tax_percent: Decimal
    shipment_date: date
    shipped: Decimal

    @property
    def discount(self) -> Decimal:
        return (self.quantity * self.unit_price * self.discount_percent / 100).quantize(_CENT)

    @property
    def amount(self) -> Decimal:
        return (self.quantity * self.unit_price).quantize(_CENT) - self.discount

    @property
    def tax(self) -> Decimal:
        return (self.amount * self.tax_percent / 100).quantize(_CENT)


@dataclass(frozen=True, slots=True)
class Order:
    """`released` orders may be shipped; the others are drafts."""

    index: int
    customer: Customer
    ordered: date
    requested: date
    released: bool
    lines: tuple[OrderLine, ...]

    @property
    def number(self) -> str:
        return f"S-ORD{_FIRST_NUMBER + self.index}"

    @property
    def id(self) -> str:
        return bc_id("order", self.number)

    @property
    def crm_id(self) -> str:
        return crm_id("salesorder", self.number)

    @property
    def amount(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal(0))

    @property
    def tax(self) -> Decimal:
        return sum((line.tax for line in self.lines), Decimal(0))

    def line_id(self, line: OrderLine) -> str:
        return bc_id("order-line", f"{self.number}:{line.sequence}")


def orders(part: range) -> Iterator[Order]:
    """Those of the story with the first part of the customers, then one for every second customer beyond it."""
    if part.start == 0:
        yield from story_orders()
    for index in range(max(part.start, STORY_CUSTOMERS), part.stop):
        if index % 2 == 0:
            yield _drawn_of(index)


@lru_cache(maxsize=PART)
def _drawn_of(index: int) -> Order:
    return _drawn(STORY_ORDERS + (index - STORY_CUSTOMERS) // 2, customer(index))


@cache
def story_orders() -> Sequence[Order]:
    written = [_written(index, *wish) for index, wish in enumerate(_WISHES)]
    return (*written, *(_drawn(index, _buyer(index)) for index in range(len(written), STORY_ORDERS)))


@cache
def _shipments() -> Mapping[str, Sequence[Movement]]:
    """What orders of the story have shipped already, by item number."""
    moved: dict[str, list[Movement]] = {}
    for order in story_orders():
        for line in order.lines:
            if line.shipped and line.item.type == INVENTORY:
                document = f"SH{_FIRST_NUMBER + order.index}"
                movement = Movement(1, SALE, MAIN.code, -line.shipped, line.variant, document, order.customer.number)
                moved.setdefault(line.item.number, []).append(movement)
    return moved


def posted(item: Item) -> list[StockEntry]:
    """The whole item ledger of an item, with what orders have shipped of it."""
    return stock_ledger(item, _shipments().get(item.number, ()))


@cache
def _choice() -> Sequence[Item]:
    """What drawn orders choose from: items whose stock the story does not fix."""
    candidates = map(item, range(STORY_ITEMS))
    return tuple(one for one in candidates if not is_in_story(one) and not one.blocked)


def _buyer(index: int) -> Customer:
    """Some customer that may buy."""
    draw = Draw("buyer", index)
    while True:
        buyer = customer(draw.below(STORY_CUSTOMERS))
        if buyer.number not in _NEVER_ORDER:
            return buyer


def _drawn(index: int, buyer: Customer) -> Order:
    draw = Draw("order", index)
    ordered = story.STORY_DATE - timedelta(days=draw.between(1, 40))
    requested = story.STORY_DATE + timedelta(days=draw.between(1, 40))
    released = draw.in_hundred(75)
    shipping = released and index < STORY_ORDERS and draw.in_hundred(30)
    chosen = {one.index: one for one in (draw.pick(_choice()) for _ in range(draw.between(1, 4)))}
    lines = tuple(
        _line(
            buyer,
            ware,
            position=position,
            quantity=(quantity := draw.between(2, 12)),
            shipped=draw.between(1, quantity - 1) if shipping else 0,
            discount=draw.pick((0, 0, 0, 5, 10)),
            on=requested,
        )
        for position, ware in enumerate(chosen.values(), start=1)
    )
    return Order(index, buyer, ordered, requested, released, lines)


def _line(
    buyer: Customer, ware: Item, *, position: int, quantity: int, shipped: int = 0, discount: int = 0, on: date
) -> OrderLine:
    return OrderLine(
        sequence=10_000 * position,
        item=ware,
        variant=ware.variants[0].code if ware.variants else "",
        quantity=Decimal(quantity),
        unit_price=(ware.price * currency(buyer.currency).rate).quantize(_CENT),
        discount_percent=Decimal(discount),
        tax_percent=Decimal(21 if buyer.place.country == "NL" else 0),
        shipment_date=on - timedelta(days=1),
        shipped=Decimal(shipped),
    )


_Wish = tuple[str, date, Mapping[str, int]]
_WISHES: Final[Sequence[_Wish]] = (
    (story.HARBOUR, date(2026, 11, 24), {story.IN_STOCK: 2, story.WITH_VARIANTS: 1, story.SERVICE: 3}),
    (story.HARBOUR, date(2026, 12, 10), {story.IN_STOCK: 3}),
    (story.UNCOUPLED, story.SHORT_DEMAND_DATE + timedelta(days=1), {story.SHORT: 15}),
    (story.CHANGED_IN_BC, story.SHORT_DEMAND_DATE + timedelta(days=1), {story.SHORT: 20}),
    (story.BILLS_IN_USD, date(2026, 11, 30), {story.IN_STOCK: 2, story.BY_THE_METRE: 250}),
    (story.QUOTED_NAME, date(2026, 12, 1), {story.OUT_OF_STOCK: 8, story.TRAP_ITEM: 1}),
    (story.QUOTED_NUMBER, date(2026, 11, 27), {story.IN_TRANSIT: 12}),
)
"""Who wants how much of what, and when."""


def _written(index: int, buyer_number: str, requested: date, wanted: Mapping[str, int]) -> Order:
    buyer = customer(customer_index(buyer_number))
    lines = tuple(
        _line(buyer, item(item_index(number)), position=position, quantity=quantity, on=requested)
        for position, (number, quantity) in enumerate(wanted.items(), start=1)
    )
    return Order(index, buyer, story.STORY_DATE - timedelta(days=9 - index), requested, True, lines)
