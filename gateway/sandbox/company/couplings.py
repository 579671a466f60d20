"""The couplings of the demo company: which record of one side belongs to which of the other, as last synchronized.

Source: Business Central, table CRM Integration Record.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from gateway.sandbox.company import bc_setup, crm_columns, story
from gateway.sandbox.company.accounts import account_of
from gateway.sandbox.company.bc_opportunities import bc_opportunities
from gateway.sandbox.company.codes import FOREIGN_CURRENCIES, FREIGHT_CHOICES, PAYMENT_TERMS, UNITS
from gateway.sandbox.company.contacts import Contact, contacts
from gateway.sandbox.company.crm_columns import currency_id, sent_at
from gateway.sandbox.company.crm_units import unit_group_name
from gateway.sandbox.company.customers import Customer, customers
from gateway.sandbox.company.identifiers import COMPANY_ID, bc_id, crm_id
from gateway.sandbox.company.items import items
from gateway.sandbox.company.staff import SALESPEOPLE
from gateway.sandbox.company.vendors import people, vendor_account, vendors

SUCCESS: Final = "SUCCESS"
FAILURE: Final = "FAILURE"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCoupling:
    """One pair. Natural keys are a number, code, name or e-mail address; all moments are aware and UTC.

    The modified moments are those of the two records when they were last synchronized: a record that is newer than that
    has changed since. A result is None where the mapping does not go that way. `option` is table, column and number where
    the CRM has an option of a choice instead of a row with an id.
    """

    mapping: str
    bc_id: str
    bc_natural_key: str
    crm_id: str
    crm_natural_key: str | None
    bc_modified_at: datetime
    crm_modified_at: datetime
    last_synchronized_at: datetime
    last_result_to_bc: str | None = None
    last_result_to_crm: str | None = None
    company_id: str = COMPANY_ID
    option: tuple[str, str, int] | None = None
    bc_etag: str | None = None
    skipped: bool = False
    error_code: str | None = None
    error_message: str | None = None


def couplings(*, part: range, item_count: int) -> Iterator[DemoCoupling]:
    """In the order in which mappings depend on each other; all but customers and their contacts with the first part."""
    if part.start == 0:
        yield from _salespeople()
        yield from _currencies()
        yield from _options()
        yield from _units()
    for customer in customers(part):
        if customer.coupled:
            yield _customer(customer)
    if part.start == 0:
        yield from _vendors()
    for customer in customers(part):
        if customer.coupled and customer.number != story.ORPHANED:
            yield from _contacts(contacts(customer))
    if part.start == 0:
        for vendor in vendors():
            yield from _contacts(people(vendor) if vendor.coupled else ())
        yield from _items(item_count)
        yield from _opportunities()


def _pair(
    mapping: str,
    *,
    bc: tuple[str, str],
    crm: tuple[str, str | None],
    changed: tuple[datetime, datetime],
    results: tuple[str | None, str | None],
) -> DemoCoupling:
    """Each argument is a pair: id and natural key, or what holds for Business Central and for the CRM."""
    return DemoCoupling(
        mapping=mapping,
        bc_id=bc[0],
        bc_natural_key=bc[1],
        crm_id=crm[0],
        crm_natural_key=crm[1],
        bc_modified_at=changed[0],
        crm_modified_at=changed[1],
        last_synchronized_at=max(changed) + timedelta(seconds=2),
        last_result_to_bc=results[0],
        last_result_to_crm=results[1],
    )


_SET_UP: Final = (bc_setup.SET_UP_AT, crm_columns.SET_UP_AT)


def _salespeople() -> Iterator[DemoCoupling]:
    for person in SALESPEOPLE:
        if (user := person.user) is not None:
            bc, crm = (person.id, person.code), (user.id, user.email)
            yield _pair("SALESPERSON", bc=bc, crm=crm, changed=_SET_UP, results=(SUCCESS, None))


def _currencies() -> Iterator[DemoCoupling]:
    for one in FOREIGN_CURRENCIES:
        if one.coupled:
            bc, crm = (bc_id("currency", one.code), one.code), (currency_id(one), one.code)
            yield _pair("CURRENCY", bc=bc, crm=crm, changed=_SET_UP, results=(None, SUCCESS))


def _options() -> Iterator[DemoCoupling]:
    terms = {one.code: one.choice for one in PAYMENT_TERMS}
    for mapping, table, column, choices in (
        ("PAYMENT_TERMS", "payment-terms", "paymenttermscode", terms),
        ("SHIPMENT_METHOD", "shipment-method", "address1_freighttermscode", FREIGHT_CHOICES),
    ):
        for code, choice in choices.items():
            if choice is not None:
                bc, crm = (bc_id(table, code), code), ("", str(choice))
                pair = _pair(mapping, bc=bc, crm=crm, changed=_SET_UP, results=(None, SUCCESS))
                yield replace(pair, option=("account", column, choice))


def _units() -> Iterator[DemoCoupling]:
    for unit in UNITS:
        bc = bc_id("unit", unit.code), unit.code
        crm = crm_id("uomschedule", unit.code), unit_group_name(unit.code)
        yield _pair("UNIT_OF_MEASURE", bc=bc, crm=crm, changed=_SET_UP, results=(None, SUCCESS))


def _customer(customer: Customer) -> DemoCoupling:
    account = account_of(customer)
    ordinary = _pair(
        "CUSTOMER",
        bc=(customer.id, customer.number),
        crm=(customer.account_id, customer.number if account is None else account.number or None),
        changed=(customer.synchronized_at, sent_at(customer.synchronized_at)),
        results=(SUCCESS, SUCCESS),
    )
    failure = _FAILURES.get(customer.number)
    return ordinary if failure is None else failure.recorded_in(ordinary)


def _vendors() -> Iterator[DemoCoupling]:
    for vendor in vendors():
        if vendor.coupled:
            bc, crm = (vendor.id, vendor.number), (vendor_account(vendor).id, vendor.number)
            changed = vendor.modified_at, sent_at(vendor.modified_at)
            yield _pair("VENDOR", bc=bc, crm=crm, changed=changed, results=(SUCCESS, SUCCESS))


def _contacts(persons: Iterable[Contact]) -> Iterator[DemoCoupling]:
    for contact in persons:
        bc, crm = (contact.id, contact.number), (contact.crm_id, contact.email)
        changed = contact.modified_at, sent_at(contact.modified_at)
        yield _pair("CONTACT", bc=bc, crm=crm, changed=changed, results=(SUCCESS, SUCCESS))


def _items(item_count: int) -> Iterator[DemoCoupling]:
    for item in items(item_count):
        if item.coupled:
            bc, crm = (item.id, item.number), (item.product_id, item.number)
            changed = item.synchronized_at, sent_at(item.synchronized_at)
            yield _pair("ITEM", bc=bc, crm=crm, changed=changed, results=(SUCCESS, SUCCESS))


def _opportunities() -> Iterator[DemoCoupling]:
    for one in bc_opportunities():
        if one.coupled and one.partner is not None:
            bc, crm = (one.id, one.number), (one.partner.id, one.partner.name)
            changed = one.modified_at, one.partner.modified_at
            yield _pair("OPPORTUNITY", bc=bc, crm=crm, changed=changed, results=(SUCCESS, SUCCESS))


@dataclass(frozen=True, slots=True)
class _Failure:
    """What went wrong the last time, and in which direction."""

    code: str
    message: str
    to_crm: bool
    skipped: bool = False

    def recorded_in(self, coupling: DemoCoupling) -> DemoCoupling:
        return replace(
            coupling,
            last_result_to_crm=FAILURE if self.to_crm else coupling.last_result_to_crm,
            last_result_to_bc=coupling.last_result_to_bc if self.to_crm else FAILURE,
            skipped=self.skipped,
            error_code=self.code,
            error_message=self.message,
        )


_FAILURES: Final[Mapping[str, _Failure]] = {
    story.SALESPERSON_GAP: _Failure(
        "SALESPERSON_NOT_COUPLED", "Salesperson KT must be coupled to a user in the CRM.", to_crm=True
    ),
    story.OWNER_GAP: _Failure(
        "OWNER_NOT_COUPLED", "User Ruben Castell must be coupled to a salesperson in Business Central.", to_crm=False
    ),
    story.SKIPPED: _Failure(
        "LOOKUP_NOT_COUPLED", "Currency PLN must be coupled to a currency in the CRM.", to_crm=True, skipped=True
    ),
}
