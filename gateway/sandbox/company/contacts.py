"""The people at a customer: one or two contacts in Business Central, and in the CRM too if the customer is coupled."""

from dataclasses import dataclass
from datetime import datetime

from gateway.sandbox.company.chance import Draw
from gateway.sandbox.company.customers import Customer, remembered
from gateway.sandbox.company.identifiers import bc_id, crm_id
from gateway.sandbox.company.places import FIRST_NAMES, JOB_TITLES, LAST_NAMES, slug


@dataclass(frozen=True, slots=True)
class Contact:
    """A person. The first one of a customer is its primary contact."""

    number: str
    first_name: str
    last_name: str
    job_title: str
    phone: str
    email: str
    modified_at: datetime

    @property
    def id(self) -> str:
        return bc_id("contact", self.number)

    @property
    def crm_id(self) -> str:
        return crm_id("contact", self.number)

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


def company_contact_number(customer: Customer) -> str:
    """The number of the contact that is the customer itself."""
    return customer.number.replace("C", "CT", 1)


@remembered
def contacts(customer: Customer) -> tuple[Contact, ...]:
    draw = Draw("contacts", customer.number)
    how_many = 2 if draw.in_hundred(35) else 1
    return tuple(_contact(draw, customer, position=position) for position in range(1, how_many + 1))


def _contact(draw: Draw, customer: Customer, *, position: int) -> Contact:
    first_name, last_name = draw.pick(FIRST_NAMES), draw.pick(LAST_NAMES)
    return Contact(
        number=f"{company_contact_number(customer)}-{position}",
        first_name=first_name,
        last_name=last_name,
        job_title=draw.pick(JOB_TITLES),
        phone=f"{customer.place.phone_prefix} 555 {draw.below(10_000):04d}",
        email=f"{slug(first_name)}.{slug(last_name)}@{customer.email.split('@')[1]}",
        modified_at=customer.synchronized_at,
    )
