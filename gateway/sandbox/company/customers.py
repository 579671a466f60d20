"""The customers of the demo company: an ordinary one for every index, and what the story changes about some of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final, TypeVar

from gateway.sandbox.company import story
from gateway.sandbox.company.chance import Draw
from gateway.sandbox.company.codes import PAYMENT_METHODS, SHIPMENT_METHODS
from gateway.sandbox.company.identifiers import bc_id, crm_id
from gateway.sandbox.company.places import (
    GALWAY,
    HAMBURG,
    PLACES,
    ROTTERDAM,
    Place,
    pair_of_words,
    slug,
)
from gateway.sandbox.company.staff import ACTIVE_SALESPEOPLE

STORY_CUSTOMERS: Final = 200
PART: Final = 1000
"""So many customers are made at a time, with all their rows, set by set."""

_Made = TypeVar("_Made")
_FIRST_NUMBER: Final = 11
_TERMS: Final = ("14 DAYS", "30 DAYS", "30 DAYS", "30 DAYS", "45 DAYS", "60 DAYS")
_METHODS: Final = tuple(PAYMENT_METHODS)
_SHIPMENTS: Final = tuple(SHIPMENT_METHODS)


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as Business Central has it now.

    `currency` is blank for the euro. `synchronized_at` is when Business Central last changed it before the last
    synchronization; `modified_at` is later only where the story says so.
    """

    index: int
    number: str
    name: str
    place: Place
    street: str
    postal_code: str
    phone: str
    email: str
    website: str
    tax_number: str
    salesperson: str
    credit_limit: Decimal
    terms: str
    method: str
    shipment: str
    coupled: bool
    synchronized_at: datetime
    modified_at: datetime
    currency: str = ""
    blocked: str = "_x0020_"

    @property
    def id(self) -> str:
        return bc_id("customer", self.number)

    @property
    def account_id(self) -> str:
        """The account it is coupled to. Only for coupled customers; the account of ORPHANED is gone."""
        return crm_id("account", self.number)


def customers(part: range) -> Iterator[Customer]:
    """Those with the indexes of a part; a whole company is `range(count)`."""
    return map(customer, part)


@lru_cache(maxsize=2 * PART)
def customer(index: int) -> Customer:
    """The customer of an index: the same one, however many there are."""
    ordinary = _ordinary(index)
    twist = _TWISTS.get(ordinary.number)
    return ordinary if twist is None else twist(ordinary)


def remembered(make: Callable[[Customer], _Made]) -> Callable[[Customer], _Made]:
    """What is made of a customer for one set, kept while rows of other sets are made of the same part."""

    @lru_cache(maxsize=2 * PART)
    def made(index: int) -> _Made:
        return make(customer(index))

    return lambda one: made(one.index)


def customer_index(number: str) -> int:
    """Where a customer of the story is found."""
    return int(number[-4:]) - _FIRST_NUMBER


def _ordinary(index: int) -> Customer:
    draw = Draw("customer", index)
    place = PLACES[(index * 7) % len(PLACES)]
    words = pair_of_words(index)
    host = f"{slug(words)}.example"
    modified_at = draw.before(story.STORY_TIME, days=(21, 400))
    number = f"C{_FIRST_NUMBER + index:05d}"
    return Customer(
        index=index,
        number=story.QUOTED_NUMBER if number == "C00099" else number,
        name=f"{words} {place.legal_form}",
        place=place,
        street=place.street.format(draw.between(1, 140)),
        postal_code=draw.digits(place.postal_code),
        phone=f"{place.phone_prefix} 555 {draw.below(10_000):04d}",
        email=f"orders@{host}",
        website=f"https://www.{host}",
        tax_number=f"{place.country}{draw.below(10**9):09d}",
        salesperson="" if draw.in_hundred(5) else draw.pick(ACTIVE_SALESPEOPLE).code,
        credit_limit=Decimal(draw.between(10, 60) * 1000),
        terms=draw.pick(_TERMS),
        method=draw.pick(_METHODS),
        shipment=draw.pick(_SHIPMENTS),
        coupled=index % 5 != 0,
        synchronized_at=modified_at,
        modified_at=modified_at,
    )


def _changed(days_ago: int) -> datetime:
    return story.STORY_TIME - timedelta(days=days_ago, hours=17, milliseconds=-250)


def _moved(customer: Customer, place: Place) -> Customer:
    """The same customer somewhere else, with all that follows from the place."""
    draw = Draw("move", customer.number)
    return replace(
        customer,
        name=f"{pair_of_words(customer.index)} {place.legal_form}",
        place=place,
        street=place.street.format(draw.between(1, 140)),
        postal_code=draw.digits(place.postal_code),
        phone=f"{place.phone_prefix} 555 {draw.below(10_000):04d}",
        tax_number=f"{place.country}{draw.below(10**9):09d}",
    )


def _renamed(customer: Customer, name: str, *, host: str = "") -> Customer:
    host = f"{host or slug(name)}.example"
    return replace(customer, name=name, email=f"orders@{host}", website=f"https://www.{host}")


def _harbour(customer: Customer) -> Customer:
    return replace(
        _renamed(_moved(customer, ROTTERDAM), "Harbour Bikes BV", host="harbourbikes"),
        street="Kade 14",
        postal_code="3011 AA",
        phone="+31 10 555 0210",
        tax_number="NL001122334B01",
        salesperson=story.STORY_SALESPERSON,
        credit_limit=Decimal(20_000),
        terms="30 DAYS",
        shipment="DAP",
    )


def _phone(change: story.Change) -> Callable[[Customer], Customer]:
    """In Hamburg; later than the last synchronization only if this side changed."""

    def twist(customer: Customer) -> Customer:
        here = replace(_moved(customer, HAMBURG), phone=change.business_central)
        return here if change.business_central == change.synchronized else replace(here, modified_at=_changed(2))

    return twist


_TWISTS: Final[Mapping[str, Callable[[Customer], Customer]]] = {
    story.HARBOUR: _harbour,
    story.SALESPERSON_GAP: lambda one: replace(one, salesperson=story.UNCOUPLED_SALESPERSON, modified_at=_changed(3)),
    story.OWNER_GAP: lambda one: replace(one, salesperson="AB"),
    story.CONFLICT: _phone(story.CONFLICT_PHONE),
    story.CHANGED_IN_BC: _phone(story.BC_PHONE),
    story.CHANGED_IN_CRM: _phone(story.CRM_PHONE),
    story.SKIPPED: lambda one: replace(one, currency="PLN", modified_at=_changed(5)),
    story.DISABLED_OWNER: lambda one: replace(one, salesperson=story.DISABLED_SALESPERSON),
    story.TEAM_OWNED: lambda one: replace(one, salesperson=""),
    story.BLOCKED: lambda one: replace(one, blocked="All"),
    story.ALL_OVERDUE: lambda one: replace(one, terms="14 DAYS", credit_limit=Decimal(15_000)),
    story.LIMIT_EXCEEDED: lambda one: replace(one, terms="30 DAYS", credit_limit=Decimal(5_000)),
    story.BILLS_IN_USD: lambda one: replace(_moved(one, GALWAY), currency="USD", terms="30 DAYS"),
    story.QUOTED_NAME: lambda one: _renamed(_moved(one, HAMBURG), "O'Neill & Söhne 100%", host="oneill-soehne"),
    story.PATTERN_NAME: lambda one: _renamed(one, "Rad_Lager [Nord]", host="rad-lager-nord"),
    story.CASE_MATCH: lambda one: _renamed(_moved(one, HAMBURG), "Ölberg Räder GmbH"),
    story.NUMBER_MATCH: lambda one: _renamed(one, "Sattelfest Handel KG"),
    story.AMBIGUOUS_MATCH: lambda one: _renamed(one, "Twin Peaks Cycles"),
}
