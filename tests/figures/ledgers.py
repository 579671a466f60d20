"""How the tests write down a ledger: lines on days counted from today, and any ledger at all for what always holds."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from hypothesis import strategies as st

from gateway.figures.movement import Kind, Movement
from gateway.figures.outlook import Reservation

TODAY: Final = date(2026, 3, 2)
NO_DATE: Final = date.min


def in_days(days: int) -> date:
    return TODAY + timedelta(days=days)


def line(
    kind: Kind,
    quantity: int | str,
    day: int | None,
    location: str = "",
    *,
    document: str | None = None,
    released: int | None = None,
) -> Movement:
    """A line of an open document; ``day`` and ``released`` are days from today, None for a line without a date."""
    return Movement(
        kind,
        NO_DATE if day is None else in_days(day),
        Decimal(quantity),
        location,
        document,
        None if released is None else in_days(released),
    )


def reserved(
    quantity: int | str,
    *,
    needed: int,
    expected: int | None = None,
    location: str = "",
    variant: str = "",
    by_transfer: bool = False,
    for_transfer: bool = False,
) -> Reservation:
    """Kept for a demand in so many days: from stock, or from supply that is expected then."""
    arrives = NO_DATE if expected is None else in_days(expected)
    return Reservation(
        Decimal(quantity), expected is None, arrives, in_days(needed), location, variant, by_transfer, for_transfer
    )


RECEIPTS: Final = frozenset(
    {
        Kind.SALES_RETURN,
        Kind.PURCHASE_ORDER,
        Kind.TRANSFER_RECEIPT,
        Kind.IN_TRANSIT,
        Kind.ASSEMBLY_ORDER,
        Kind.PRODUCTION_ORDER,
    }
)
REQUIREMENTS: Final = frozenset(
    {
        Kind.SALES_ORDER,
        Kind.PURCHASE_RETURN,
        Kind.TRANSFER_SHIPMENT,
        Kind.ASSEMBLY_COMPONENT,
        Kind.PRODUCTION_COMPONENT,
        Kind.PROJECT,
        Kind.SERVICE_ORDER,
        Kind.PLANNING_COMPONENT,
    }
)
PLANNED: Final = frozenset({Kind.PLANNED_PRODUCTION, Kind.PLANNED_PURCHASE})
"""As the pages of Business Central put them together; a planned transfer is in none of them."""


def naive_balance(inventory: Decimal, movements: Iterable[Movement], until: date) -> Decimal:
    """The projected balance, line by line."""
    for each in movements:
        if each.on <= until:
            inventory += each.quantity if each.kind in RECEIPTS | PLANNED else 0
            inventory -= each.quantity if each.kind in REQUIREMENTS else 0
    return inventory


QUANTITIES = st.decimals(min_value=0, max_value=100, places=1)
STOCKS = st.decimals(min_value=-50, max_value=200, places=1)
DAYS = st.one_of(st.just(NO_DATE), st.integers(-10, 25).map(in_days))
LOCATIONS = ("", "BLUE", "RED")
TRANSFERS: Final = (Kind.TRANSFER_SHIPMENT, Kind.TRANSFER_RECEIPT, Kind.IN_TRANSIT, Kind.PLANNED_TRANSFER)


def movements(kinds: Sequence[Kind] = tuple(Kind)) -> st.SearchStrategy[list[Movement]]:
    """Lines of open documents of these kinds."""
    one = st.builds(
        Movement,
        kind=st.sampled_from(kinds),
        on=DAYS,
        quantity=QUANTITIES,
        location=st.sampled_from(LOCATIONS),
        document=st.sampled_from([None, "1001", "1002"]),
        released=st.one_of(st.none(), DAYS),
    )
    return st.lists(one, max_size=12)


def together(*figures: object) -> tuple[object, ...]:
    """Several figures in one claim; as objects, because mypy does not know that a Decimal in a tuple can equal an int."""
    return figures
