"""The products of the CRM: the partner of every coupled item as last synchronized, and some that only the CRM has."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Final

from gateway.sandbox.company import story
from gateway.sandbox.company.crm_columns import SET_UP_AT, sent_at
from gateway.sandbox.company.identifiers import crm_id
from gateway.sandbox.company.items import SERVICE, Item, items
from gateway.sandbox.company.orders import posted
from gateway.sandbox.company.staff import SALES, User
from gateway.sandbox.company.stock import inventory


class State(Enum):
    """State and status reason.

    Source: Dynamics 365 Sales, product table reference: statecode, statuscode.
    """

    ACTIVE = (0, 1)
    RETIRED = (1, 2)
    DRAFT = (2, 0)


@dataclass(frozen=True, slots=True)
class Product:
    """A product as the CRM has it now."""

    id: str
    number: str
    name: str
    unit: str
    is_service: bool
    price: Decimal
    cost: Decimal
    on_hand: Decimal
    created_at: datetime
    modified_at: datetime
    state: State = State.ACTIVE
    modified_by: User | None = None


def products(item_count: int) -> Iterator[Product]:
    yield from lone_products()
    for one in items(item_count):
        if one.coupled:
            yield product_of(one)


def product_of(item: Item) -> Product:
    """The partner of a coupled item. A negative inventory is sent as nothing.

    Source: Business Central, Integrating with Dynamics 365 Sales: item and product.
    """
    ordinary = Product(
        id=item.product_id,
        number=item.number,
        name=item.name,
        unit=item.unit,
        is_service=item.type == SERVICE,
        price=item.price,
        cost=item.cost,
        on_hand=max(inventory(posted(item)), Decimal(0)),
        created_at=item.synchronized_at.replace(microsecond=0) - timedelta(days=150),
        modified_at=sent_at(item.synchronized_at),
        state=State.RETIRED if item.blocked and item.number != story.BLOCKED_ITEM else State.ACTIVE,
    )
    twist = _TWISTS.get(item.number)
    return ordinary if twist is None else twist(ordinary)


def _later(product: Product) -> Product:
    return replace(product, modified_at=story.STORY_TIME - timedelta(days=3, hours=16, seconds=41), modified_by=SALES)


_TWISTS: Final[Mapping[str, Callable[[Product], Product]]] = {
    story.RETIRED_PRODUCT: lambda one: _later(replace(one, state=State.RETIRED)),
    story.ITEM_CONFLICT: lambda one: _later(replace(one, name=story.ITEM_NAME.dataverse)),
}


def lone_products() -> Sequence[Product]:
    """What only the CRM offers; the last one is a draft."""
    offers = (
        *("Fleet consulting", "Trade fair display", "Season catalogue", "Dealer training", "Demo day"),
        *("Window decoration", "Test ride package", "Loyalty programme", "Repair voucher", "Bike rental starter set"),
    )
    return tuple(
        Product(
            id=crm_id("product", f"CRM-{place:03d}"),
            number=f"CRM-{place:03d}",
            name=name,
            unit="PCS",
            is_service=place < len(offers),
            price=Decimal(95 * place),
            cost=Decimal(60 * place),
            on_hand=Decimal(0),
            created_at=SET_UP_AT + timedelta(days=40 + place),
            modified_at=SET_UP_AT + timedelta(days=90 + place),
            state=State.ACTIVE if place < len(offers) else State.DRAFT,
        )
        for place, name in enumerate(offers, start=1)
    )
