"""Stock now, and how it will go on: the balance of one item at one place over time. Pure.

Source: Business Central, "Overview of Availability"; table Item, its flow fields; codeunit Available to Promise.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import groupby

from gateway.figures.calendar import Bucket, Period, periods
from gateway.figures.movement import TRANSFERS, Effect, Kind, Movement

NOTHING = Decimal(0)

_EXPECTED = frozenset(Kind) - {
    Kind.PLANNED_PURCHASE,
    Kind.PLANNED_TRANSFER,
    Kind.PLANNING_COMPONENT,
    Kind.SERVICE_ORDER,
}
"""What expected inventory counts: orders and production, no suggestions of planning."""


@dataclass(frozen=True, slots=True)
class Event:
    """One document that moves stock on a day; ``quantity`` is negative for demand. ``projected`` is the balance after it."""

    on: date
    kind: Kind
    document: str | None
    location: str
    quantity: Decimal
    projected: Decimal


@dataclass(frozen=True, slots=True)
class PeriodFigures:
    """What moves within a period, and the balance at its end, counted from the beginning of time."""

    period: Period
    gross_requirement: Decimal
    scheduled_receipt: Decimal
    planned_receipt: Decimal
    projected: Decimal


@dataclass(frozen=True, slots=True)
class Reservation:
    """Supply that is kept for a demand. ``from_stock``: it lies in the warehouse already; otherwise it is ``expected`` then.

    ``by_transfer``: the supply is a transfer order, ``for_transfer``: the demand is one.
    """

    quantity: Decimal
    from_stock: bool
    expected: date
    needed: date
    location: str = ""
    variant: str = ""
    by_transfer: bool = False
    for_transfer: bool = False


@dataclass(frozen=True)
class Outlook:
    """``inventory`` is what is there now, ``movements`` what counts at this place, in the order of their dates."""

    inventory: Decimal
    movements: tuple[Movement, ...]

    @classmethod
    def at(cls, inventory: Decimal, movements: Iterable[Movement], *, location: str | None) -> "Outlook":
        """Of one location, or (None) of all together, where transfers do not count."""
        counting = (
            movement
            for movement in movements
            if (movement.kind not in TRANSFERS if location is None else movement.location == location)
        )
        return cls(inventory, tuple(sorted(counting, key=lambda movement: movement.on)))

    # -- sums ---------------------------------------------------------------------------------------------------------

    def quantity(self, *kinds: Kind, until: date = date.max) -> Decimal:
        """What documents of these kinds move by a day."""
        return sum((each.quantity for each in self.movements if each.kind in kinds and each.on <= until), NOTHING)

    def gross_requirement(self, until: date) -> Decimal:
        """Sales orders, projects, components, transfer shipments, planning issues, purchase returns, service orders."""
        return self._sum(Effect.REQUIREMENT, until)

    def scheduled_receipt(self, until: date) -> Decimal:
        """Firm and released production, purchase orders, transfers to here, assembly orders, sales returns."""
        return self._sum(Effect.RECEIPT, until)

    def planned_receipt(self, until: date) -> Decimal:
        """Planned production, and purchases that planning suggests."""
        return self._sum(Effect.PLANNED_RECEIPT, until)

    def planned_releases(self, until: date) -> Decimal:
        """The same, by the day on which it has to be started or ordered."""
        return sum(
            (
                each.quantity
                for each in self.movements
                if each.effect is Effect.PLANNED_RECEIPT and (each.released or each.on) <= until
            ),
            NOTHING,
        )

    def _sum(self, effect: Effect, until: date) -> Decimal:
        return sum((each.quantity for each in self.movements if each.effect is effect and each.on <= until), NOTHING)

    def expected_inventory(self, until: date) -> Decimal:
        """Inventory after every order, without what planning suggests."""
        changes = (each.change for each in self.movements if each.kind in _EXPECTED and each.on <= until)
        return self.inventory + sum(changes, NOTHING)

    # -- the balance over time ------------------------------------------------------------------------------------------

    @cached_property
    def _steps(self) -> tuple[list[date], list[Decimal]]:
        """The days on which something moves, and the balance at the end of each."""
        days: list[date] = []
        balances: list[Decimal] = []
        balance = self.inventory
        for day, moved in groupby(self.movements, key=lambda movement: movement.on):
            balance += sum((each.change for each in moved), NOTHING)
            days.append(day)
            balances.append(balance)
        return days, balances

    def projected(self, until: date) -> Decimal:
        """Projected available balance: inventory + planned receipts + scheduled receipts - gross requirement, by a day."""
        days, balances = self._steps
        place = bisect_right(days, until)
        return balances[place - 1] if place else self.inventory

    def lowest(self, first: date, last: date) -> Decimal:
        """The lowest projected balance on any day from one to another."""
        days, balances = self._steps
        return min([self.projected(first), *balances[bisect_right(days, first) : bisect_right(days, last)]])

    def is_sufficient(self, quantity: Decimal, *, on: date, look_ahead: timedelta) -> bool:
        """Whether so much may leave on a day without taking what is promised for any day within the look-ahead."""
        return self.lowest(on, later(on, look_ahead)) >= quantity

    def earliest(self, quantity: Decimal, *, today: date, look_ahead: timedelta) -> date | None:
        """The first day from today on which so much is sufficient; None when known supply never makes it so.

        It can become so only on a day on which something moves. One pass, whatever the number of days.
        """
        days, balances = self._steps
        place = bisect_right(days, today)
        days, balances = [today, *days[place:]], [self.projected(today), *balances[place:]]
        lows: deque[int] = deque()  # of the window: each lower than all behind it
        end = 0
        for begin, day in enumerate(days):
            limit = later(day, look_ahead)
            while end < len(days) and days[end] <= limit:
                while lows and balances[lows[-1]] >= balances[end]:
                    lows.pop()
                lows.append(end)
                end += 1
            while lows[0] < begin:
                lows.popleft()
            if balances[lows[0]] >= quantity:
                return day
        return None

    def available_to_promise(self, until: date, *, look_ahead: timedelta, reserved: Sequence[Reservation]) -> Decimal:
        """What may be promised by a day beyond what is reserved, and beyond demand before the next supply.

        Available inventory + (scheduled receipts - reserved ones) - (gross requirement - reserved one), where receipts take
        planned production, and the requirement planned transfers and the unreserved demand that follows within the look-ahead
        before the next day that brings more than it takes.

        Source: Business Central, codeunit Available to Promise, CalcQtyAvailableToPromise.
        """
        available = self.inventory - sum((each.quantity for each in reserved if each.from_stock), NOTHING)
        receipts = self.scheduled_receipt(until) + self.quantity(Kind.PLANNED_PRODUCTION, until=until)
        reserved_receipts = sum(
            (each.quantity for each in reserved if not each.from_stock and each.expected <= until), NOTHING
        )
        requirement = self.gross_requirement(until) + self._sum(Effect.PLANNED_REQUIREMENT, until)
        reserved_requirement = sum((each.quantity for each in reserved if each.needed <= until), NOTHING)
        forward = self._forward_demand(until, later(until, look_ahead), reserved)
        return available + (receipts - reserved_receipts) - (requirement + forward - reserved_requirement)

    def _forward_demand(self, after: date, last: date, reserved: Sequence[Reservation]) -> Decimal:
        """Demand above supply, both without what is reserved, day by day until the first that brings more than it takes."""
        kept: dict[date, Decimal] = defaultdict(Decimal)
        for each in reserved:
            kept[each.needed] += each.quantity
            if not each.from_stock:
                kept[each.expected] -= each.quantity
        total = NOTHING
        ahead = (each for each in self.movements if after < each.on <= last)
        for day, moved in groupby(ahead, key=lambda movement: movement.on):
            change = sum((each.change for each in moved), kept[day])
            if change > 0:
                break
            total -= change
        return total

    # -- one row each -----------------------------------------------------------------------------------------------------

    def events(self) -> Iterator[Event]:
        """One for each document, place and day, supply before demand within a day; the balance goes on from event to event."""
        balance = self.inventory
        moving = [each for each in self.movements if each.effect is not Effect.PLANNED_REQUIREMENT]
        for _, group in groupby(sorted(moving, key=_event_order), key=_event_order):
            lines = list(group)
            change = sum((each.change for each in lines), NOTHING)
            balance += change
            first = lines[0]
            yield Event(first.on, first.kind, first.document, first.location, change, balance)

    def by_period(self, bucket: Bucket, first: date, count: int) -> Iterator[PeriodFigures]:
        """Periods of the calendar. Raises: OverflowError, when they lead beyond it."""
        dates = [each.on for each in self.movements]
        for period in periods(bucket, first, count):
            inside = self.movements[bisect_left(dates, period.start) : bisect_right(dates, period.end)]
            sums = {
                effect: sum((each.quantity for each in inside if each.effect is effect), NOTHING) for effect in Effect
            }
            yield PeriodFigures(
                period,
                sums[Effect.REQUIREMENT],
                sums[Effect.RECEIPT],
                sums[Effect.PLANNED_RECEIPT],
                self.projected(period.end),
            )


def _event_order(movement: Movement) -> tuple[date, bool, str, str, str]:
    return movement.on, movement.change < 0, movement.kind, movement.document or "", movement.location


def later(day: date, by: timedelta) -> date:
    """A later day, or the last there is."""
    return day + by if date.max - day > by else date.max
