"""The vendors of the demo company: those its purchase orders name, their people, and their accounts in the CRM.

They are the same twelve, however large the company is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Final

from gateway.sandbox.company import story
from gateway.sandbox.company.accounts import VENDOR_TYPE, Account
from gateway.sandbox.company.chance import Draw
from gateway.sandbox.company.codes import payment_terms
from gateway.sandbox.company.contacts import Contact
from gateway.sandbox.company.crm_columns import sent_at
from gateway.sandbox.company.identifiers import bc_id, crm_id
from gateway.sandbox.company.places import FIRST_NAMES, LAST_NAMES, PLACES, Place, slug

_WRITTEN: Final = (
    ("V00010", "Speichenwerk Köln e.K.", "Köln", 2),
    ("V00011", "Fyn Frames ApS", "Odense", 1),
    ("V00012", "Cicli Bora Srl", "Trieste", 1),
    ("V00013", "Zelthandwerk Tirol GmbH", "Innsbruck", 1),
    ("V00014", "Gothia Lights AB", "Göteborg", 0),
    ("V00015", "Rubber & Tread BV", "Utrecht", 1),
    ("V00016", "Selles du Rhône SARL", "Lyon", 0),
    ("V00017", "Baltic Textile sp. z o.o.", "Gdańsk", 0),
    ("V00018", "Vlaamse Kettingen NV", "Gent", 0),
    ("V00019", "Clew Bay Components Ltd", "Galway", 0),
    ("V00020", "Mochilas Cantábrico SL", "Bilbao", 0),
    ("V00021", "Leipziger Pumpenbau GmbH", "Leipzig", 0),
)
"""Number, name, where they are, and how many people there are known."""
_TERMS: Final = ("14 DAYS", "30 DAYS", "30 DAYS", "45 DAYS")
_JOBS: Final = ("Key account manager", "Export sales", "Order desk")


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor as Business Central has it now; `currency` is blank for the euro. See `customers.Customer`."""

    number: str
    name: str
    place: Place
    street: str
    postal_code: str
    phone: str
    email: str
    website: str
    tax_number: str
    terms: str
    balance: Decimal
    people: int
    modified_at: datetime
    currency: str = ""
    blocked: str = "_x0020_"

    @property
    def id(self) -> str:
        return bc_id("vendor", self.number)

    @property
    def coupled(self) -> bool:
        return self.number not in (story.UNCOUPLED_VENDOR, story.VENDOR_MATCH)

    @property
    def company_contact_number(self) -> str:
        """The number of the contact that is the vendor itself."""
        return self.number.replace("V", "VT", 1)


@cache
def vendors() -> Sequence[Vendor]:
    """By number."""
    return tuple(_made_up(*written) for written in _WRITTEN)


def _made_up(number: str, name: str, city: str, people: int) -> Vendor:
    draw = Draw("vendor", number or name)
    place = next(place for place in PLACES if place.city == city)
    host = f"{slug(name.removesuffix(place.legal_form))}.example"
    return Vendor(
        number=number,
        name=name,
        place=place,
        street=place.street.format(draw.between(1, 140)),
        postal_code=draw.digits(place.postal_code),
        phone=f"{place.phone_prefix} 555 {draw.below(10_000):04d}",
        email=f"sales@{host}",
        website=f"https://www.{host}",
        tax_number=f"{place.country}{draw.below(10**9):09d}",
        terms=draw.pick(_TERMS),
        balance=draw.cents(0, 40_000),
        people=people,
        modified_at=draw.before(story.STORY_TIME, days=(21, 400)),
        currency="USD" if number == story.VENDOR_IN_USD else "",
        blocked="All" if number == story.BLOCKED_VENDOR else "_x0020_",
    )


def vendor(number: str) -> Vendor:
    return next(one for one in vendors() if one.number == number)


def people(vendor: Vendor) -> Iterator[Contact]:
    draw = Draw("vendor-contacts", vendor.number)
    for position in range(1, vendor.people + 1):
        first_name, last_name = draw.pick(FIRST_NAMES), draw.pick(LAST_NAMES)
        yield Contact(
            number=f"{vendor.company_contact_number}-{position}",
            first_name=first_name,
            last_name=last_name,
            job_title=draw.pick(_JOBS),
            phone=f"{vendor.place.phone_prefix} 555 {draw.below(10_000):04d}",
            email=f"{slug(first_name)}.{slug(last_name)}@{vendor.email.split('@')[1]}",
            modified_at=vendor.modified_at,
        )


def vendor_accounts() -> Iterator[Account]:
    """Those of coupled vendors, one that is to be matched, and one that only the CRM has."""
    for one in vendors():
        if one.coupled:
            yield vendor_account(one)
    lone = vendor(story.VENDOR_MATCH), _made_up("", story.CRM_ONLY_VENDOR, "Freiburg", 0)
    for place, one in enumerate(lone, start=1):
        key = crm_id("account", f"{one.name}:vendor")
        yield replace(vendor_account(one), id=key, number=f"SUPPLIER-{place:02d}", email="", website="")


def vendor_account(vendor: Vendor) -> Account:
    """The partner of a coupled vendor as last synchronized. The default team owns it: no API shows a purchaser."""
    primary = next(people(vendor), None)
    account = Account(
        id=crm_id("account", vendor.number),
        name=vendor.name,
        number=vendor.number,
        phone=vendor.phone,
        place=vendor.place,
        owner=None,
        created_at=vendor.modified_at.replace(microsecond=0) - timedelta(days=200),
        modified_at=sent_at(vendor.modified_at),
        street=vendor.street,
        postal_code=vendor.postal_code,
        email=vendor.email,
        website=vendor.website,
        currency=vendor.currency,
        credit_limit=None,
        terms_choice=payment_terms(vendor.terms).choice,
        primary_contact_id=primary.crm_id if primary is not None else None,
        primary_contact_name=primary.name if primary is not None else "",
        type_code=VENDOR_TYPE,
    )
    if vendor.number != story.INACTIVE_VENDOR_ACCOUNT:
        return account
    return replace(account, active=False, modified_at=story.STORY_TIME - timedelta(days=6, hours=15, seconds=12))
