"""The accounts of the CRM: partners of coupled customers as last synchronized, and some that only the CRM has."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from gateway.sandbox.company import story
from gateway.sandbox.company.chance import Draw
from gateway.sandbox.company.codes import FREIGHT_CHOICES, payment_terms
from gateway.sandbox.company.contacts import contacts
from gateway.sandbox.company.crm_columns import SET_UP_AT, sent_at
from gateway.sandbox.company.customers import (
    STORY_CUSTOMERS,
    Customer,
    customer,
    customer_index,
    customers,
    remembered,
)
from gateway.sandbox.company.identifiers import crm_id
from gateway.sandbox.company.places import FIRST_WORDS, PLACES, Place
from gateway.sandbox.company.staff import ACTIVE_SALESPEOPLE, RUBEN, User, salesperson

CUSTOMER_TYPE: Final = 3
VENDOR_TYPE: Final = 11
"""Relationship types, `customertypecode`."""

_PROSPECTS: Final = 16


@dataclass(frozen=True, slots=True)
class Account:
    """An account as the CRM has it now. No owner means the default team, a blank number that nobody filled it.

    `statistics_id` is the row that Business Central keeps its figures in; None where it never sent any.
    """

    id: str
    name: str
    number: str
    phone: str
    place: Place
    owner: User | None
    created_at: datetime
    modified_at: datetime
    street: str = ""
    postal_code: str = ""
    email: str = ""
    website: str = ""
    currency: str = ""
    credit_limit: Decimal | None = Decimal(0)
    terms_choice: int | None = None
    freight_choice: int | None = None
    primary_contact_id: str | None = None
    primary_contact_name: str = ""
    statistics_id: str | None = None
    modified_by: User | None = None
    active: bool = True
    type_code: int = CUSTOMER_TYPE


def accounts(part: range) -> Iterator[Account]:
    """Those of a part of the customers; the first part has those that belong to none."""
    if part.start == 0:
        yield from lone_accounts()
    for one in customers(part):
        if (account := account_of(one)) is not None:
            yield account


@remembered
def account_of(customer: Customer) -> Account | None:
    """None if there is none: not coupled, or deleted since."""
    if not customer.coupled or customer.number == story.ORPHANED:
        return None
    ordinary = _synchronized(customer)
    twist = _TWISTS.get(customer.number)
    return ordinary if twist is None else twist(ordinary)


def _synchronized(customer: Customer) -> Account:
    seller = salesperson(customer.salesperson)
    primary = contacts(customer)[0]
    return Account(
        id=customer.account_id,
        name=customer.name,
        number=customer.number if _is_number_filled(customer) else "",
        phone=customer.phone,
        place=customer.place,
        owner=None if seller is None else seller.user,
        created_at=customer.synchronized_at.replace(microsecond=0) - timedelta(days=200),
        modified_at=sent_at(customer.synchronized_at),
        street=customer.street,
        postal_code=customer.postal_code,
        email=customer.email,
        website=customer.website,
        currency=customer.currency,
        credit_limit=customer.credit_limit,
        terms_choice=payment_terms(customer.terms).choice,
        freight_choice=FREIGHT_CHOICES.get(customer.shipment),
        primary_contact_id=primary.crm_id,
        primary_contact_name=primary.name,
        statistics_id=_statistics_id(customer),
    )


def _is_number_filled(customer: Customer) -> bool:
    """The account number is not part of the default mapping, so a few accounts lack it; those of the story have it."""
    return customer.index >= STORY_CUSTOMERS or customer.number in _STORY_NUMBERS or customer.index % 13 != 7


def _statistics_id(customer: Customer) -> str | None:
    return None if customer.number in _NEVER_UPLOADED else crm_id("nav_accountstatistics", customer.number)


_NEVER_UPLOADED: Final = frozenset({story.SKIPPED, story.CHANGED_IN_CRM})
"""Nothing at all is sent about a skipped customer; the figures of the other one were never sent yet."""

_STORY_NUMBERS: Final = frozenset(value for value in vars(story).values() if isinstance(value, str))


def _later(account: Account, *, days_ago: int, by: User | None) -> Account:
    """Changed in the CRM since the last synchronization."""
    return replace(
        account, modified_at=story.STORY_TIME - timedelta(days=days_ago, hours=15, seconds=12), modified_by=by
    )


def _dialled(change: story.Change) -> Callable[[Account], Account]:
    def twist(account: Account) -> Account:
        here = replace(account, phone=change.dataverse)
        return here if change.dataverse == change.synchronized else _later(here, days_ago=1, by=account.owner)

    return twist


_EARLIER_SELLER: Final = ACTIVE_SALESPEOPLE[3].user
_TWISTS: Final[Mapping[str, Callable[[Account], Account]]] = {
    story.SALESPERSON_GAP: lambda one: replace(one, owner=_EARLIER_SELLER),
    story.OWNER_GAP: lambda one: _later(replace(one, owner=RUBEN), days_ago=4, by=RUBEN),
    story.CONFLICT: _dialled(story.CONFLICT_PHONE),
    story.CHANGED_IN_BC: _dialled(story.BC_PHONE),
    story.CHANGED_IN_CRM: _dialled(story.CRM_PHONE),
    story.SKIPPED: lambda one: replace(one, currency=""),
    story.INACTIVE_ACCOUNT: lambda one: _later(replace(one, active=False), days_ago=6, by=one.owner),
}


def lone_accounts() -> Sequence[Account]:
    """Those that only the CRM has: the story's, and some prospects."""
    by_case, by_number, ambiguous = (
        customer(customer_index(number)) for number in (story.CASE_MATCH, story.NUMBER_MATCH, story.AMBIGUOUS_MATCH)
    )
    return (
        _lone(story.CRM_ONLY_ACCOUNT, story.CRM_ONLY_ACCOUNT_NUMBER),
        _lone(by_case.name.upper(), ""),
        _lone("Sattelfest & Co", by_number.number),
        _lone(ambiguous.name, "LEAD-101"),
        _lone(ambiguous.name, "LEAD-102"),
        *(_lone(f"{FIRST_WORDS[index]} Kollektiv", f"LEAD-{index + 2:03d}") for index in range(_PROSPECTS)),
    )


def _lone(name: str, number: str) -> Account:
    draw = Draw("lone-account", f"{name}:{number}")
    place = draw.pick(PLACES)
    created_at = SET_UP_AT + timedelta(days=draw.between(100, 600), seconds=draw.below(30_000))
    return Account(
        id=crm_id("account", f"{name}:{number}"),
        name=name,
        number=number,
        phone=f"{place.phone_prefix} 555 {draw.below(10_000):04d}",
        place=place,
        owner=draw.pick(ACTIVE_SALESPEOPLE).user,
        created_at=created_at,
        modified_at=created_at + timedelta(days=draw.below(30)),
        street=place.street.format(draw.between(1, 140)),
    )
