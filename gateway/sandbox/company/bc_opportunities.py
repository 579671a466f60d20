"""Opportunities of Business Central: the other side of some that the CRM has, and one of its own.

Salespeople work on them in the CRM, whose changes came here a few minutes later. Only those of the story are here.

Source: Business Central, table Opportunity; "opportunity resource type".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Final

from gateway.sandbox.company import story
from gateway.sandbox.company.chance import Draw
from gateway.sandbox.company.codes import in_euro
from gateway.sandbox.company.contacts import Contact, company_contact_number, contacts
from gateway.sandbox.company.customers import STORY_CUSTOMERS, Customer, customer, customer_index, customers
from gateway.sandbox.company.identifiers import bc_id, bc_instant
from gateway.sandbox.company.opportunities import Opportunity, Stage, story_opportunities
from gateway.sandbox.company.rows import Row, Sets, given

_WRITTEN: Final = (
    story.OFFER,
    "Workshop service contract",
    "Coast to coast rental fleet",
    "50% more e-bikes",
    story.WON_OPPORTUNITY_NAME,
)
_DRAWN: Final = (
    "Children's range: Pebblestone Camp BV",
    "Camping corner: Kornblume Fietsen Srl",
    "Clearance lot: Quellwasser Alpin SARL",
    "E-bike test fleet: Graureiher Bergsport Srl",
    "Camping corner: Rowanmoor Pedal ApS",
)
_STATUS: Final = {Stage.WON: "Won", Stage.LOST: "Lost"}
_SENT: Final = timedelta(minutes=4, milliseconds=370)


@dataclass(frozen=True, slots=True)
class BcOpportunity:
    """`partner` is the opportunity of the CRM with the same name; `coupled` says whether the two know each other."""

    number: str
    description: str
    customer: Customer
    created_at: datetime
    modified_at: datetime
    partner: Opportunity | None = None
    coupled: bool = False

    @property
    def id(self) -> str:
        return bc_id("opportunity", self.number)

    @property
    def contact(self) -> Contact:
        return contacts(self.customer)[0]


def opportunity_sets() -> Sets:
    yield "opportunities", map(_row, bc_opportunities())


@cache
def bc_opportunities() -> Sequence[BcOpportunity]:
    coupled = tuple(_partnered(f"OP{number:06d}", name) for number, name in enumerate((*_WRITTEN, *_DRAWN), start=1))
    match = _partnered(story.MATCHING_OPPORTUNITY, story.MATCHING_OPPORTUNITY_NAME, coupled=False)
    made_at = story.STORY_TIME - timedelta(days=6, hours=16, milliseconds=-540)
    buyer = customer(customer_index(story.NO_ENTRIES))
    return (
        *coupled,
        match,
        BcOpportunity(story.BC_ONLY_OPPORTUNITY, story.BC_ONLY_OPPORTUNITY_NAME, buyer, made_at, made_at),
    )


def _partnered(number: str, name: str, *, coupled: bool = True) -> BcOpportunity:
    (partner,) = (one for one in story_opportunities() if one.name == name)
    buyer = next(
        one for one in customers(range(STORY_CUSTOMERS)) if one.coupled and one.account_id == partner.account.id
    )
    return BcOpportunity(
        number,
        name,
        buyer,
        created_at=partner.created_at + _SENT,
        modified_at=partner.modified_at + _SENT,
        partner=partner,
        coupled=coupled,
    )


def _row(one: BcOpportunity) -> Row:
    return {
        "id": one.id,
        "number": one.number,
        "contactNumber": one.contact.number,
        "contactName": one.contact.name,
        "contactCompanyNumber": company_contact_number(one.customer),
        "contactCompanyName": one.customer.name,
        "description": one.description,
        "creationDate": one.created_at.date().isoformat(),
        "systemCreatedAt": bc_instant(one.created_at),
        "lastModifiedDateTime": bc_instant(one.modified_at),
        **given({"salespersonCode": one.customer.salesperson}),
        **(_begun(one.partner) if one.partner is not None else {"status": "Not_x0020_Started"}),
    }


def _begun(partner: Opportunity) -> Row:
    """What its stages in a sales cycle say. Business Central knows no opportunity on hold."""
    value = in_euro(partner.value, partner.account.currency)
    done = Draw("completed", partner.id).between(1, 4) * 20 if partner.is_open else 100
    return {
        "status": _STATUS.get(partner.stage, "In_x0020_Progress"),
        "estimatedValue": value,
        "estimatedClosingDate": partner.closes.isoformat(),
        "calculatedCurrentValue": (value * partner.probability * done / 10_000).quantize(Decimal("0.01")),
        "chancesOfSuccessPrc": Decimal(partner.probability),
        "completedPrc": Decimal(done),
        **({} if partner.is_open else {"closed": True, "dateClosed": partner.closes.isoformat()}),
    }
