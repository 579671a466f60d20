"""Rows of Dataverse about customers and vendors: accounts, contacts, opportunities, and the statistics of accounts."""

from collections.abc import Iterator
from itertools import chain

from gateway.sandbox.company.accounts import Account, account_of, accounts, lone_accounts
from gateway.sandbox.company.chance import Draw
from gateway.sandbox.company.contacts import Contact, contacts
from gateway.sandbox.company.crm_columns import audited, in_currency, money, owned, sent_at
from gateway.sandbox.company.crm_prices import offer_totals
from gateway.sandbox.company.crm_setup import company_lookup, price_list_id
from gateway.sandbox.company.crm_statistics import statistics_sets
from gateway.sandbox.company.customers import customers
from gateway.sandbox.company.identifiers import crm_id
from gateway.sandbox.company.opportunities import Opportunity, Stage, opportunities
from gateway.sandbox.company.places import FIRST_NAMES, LAST_NAMES
from gateway.sandbox.company.rows import Row, Sets
from gateway.sandbox.company.vendors import people, vendor_account, vendor_accounts, vendors


def customer_sets(part: range) -> Sets:
    of_vendors = vendor_accounts() if part.start == 0 else ()
    yield "accounts", map(_account, chain(accounts(part), of_vendors))
    yield "contacts", _contacts(part)
    yield "opportunities", map(_opportunity, opportunities(part))
    yield from statistics_sets(part)


def _address(account: Account) -> Row:
    return {
        "address1_line1": account.street or None,
        "address1_city": account.place.city,
        "address1_postalcode": account.postal_code or None,
        "address1_country": account.place.country,
    }


def _account(account: Account) -> Row:
    return {
        "accountid": account.id,
        "name": account.name,
        "accountnumber": account.number or None,
        "telephone1": account.phone,
        "emailaddress1": account.email or None,
        "websiteurl": account.website or None,
        **_address(account),
        "address1_primarycontactname": account.primary_contact_name or None,
        "address1_freighttermscode": account.freight_choice,
        "paymenttermscode": account.terms_choice,
        "customertypecode": account.type_code,
        "creditonhold": False,
        "_primarycontactid_value": account.primary_contact_id,
        "_nav_accountstatisticsid_value": account.statistics_id,
        "statecode": 0 if account.active else 1,
        "statuscode": 1 if account.active else 2,
        **money(account.currency, {} if account.credit_limit is None else {"creditlimit": account.credit_limit}),
        **company_lookup(),
        **owned(account.owner),
        **audited(account.created_at, account.modified_at, by=account.modified_by),
    }


def _contacts(part: range) -> Iterator[Row]:
    if part.start == 0:
        yield from map(_lone_contact, lone_accounts())
    for customer in customers(part):
        if (account := account_of(customer)) is not None:
            for contact in contacts(customer):
                yield _contact(contact, account)
    for vendor in vendors() if part.start == 0 else ():
        for contact in people(vendor) if vendor.coupled else ():
            yield _contact(contact, vendor_account(vendor))


def _contact(contact: Contact, account: Account) -> Row:
    return {
        **_person(contact.crm_id, account, name=(contact.first_name, contact.last_name)),
        "jobtitle": contact.job_title,
        "telephone1": contact.phone,
        "emailaddress1": contact.email,
        **_address(account),
        **audited(account.created_at, sent_at(contact.modified_at)),
    }


def _lone_contact(account: Account) -> Row:
    draw = Draw("lone-contact", account.id)
    return {
        **_person(crm_id("contact", account.id), account, name=(draw.pick(FIRST_NAMES), draw.pick(LAST_NAMES))),
        **audited(account.created_at, account.modified_at),
    }


def _person(key: str, account: Account, *, name: tuple[str, str]) -> Row:
    first_name, last_name = name
    return {
        "contactid": key,
        "firstname": first_name,
        "lastname": last_name,
        "fullname": f"{first_name} {last_name}",
        "_parentcustomerid_value": account.id,
        "_accountid_value": account.id,
        "statecode": 0,
        "statuscode": 1,
        **in_currency(),
        **company_lookup(),
        **owned(account.owner),
    }


def _opportunity(opportunity: Opportunity) -> Row:
    account = opportunity.account
    state, reason = opportunity.stage.value
    won = {"actualvalue": opportunity.value} if opportunity.stage is Stage.WON else {}
    return {
        "opportunityid": opportunity.id,
        "name": opportunity.name,
        "_customerid_value": account.id,
        "_accountid_value": account.id,
        "_parentaccountid_value": account.id,
        "_parentcontactid_value": account.primary_contact_id,
        "_pricelevelid_value": price_list_id("USD" if account.currency == "USD" else ""),
        "estimatedclosedate": opportunity.closes.isoformat(),
        "actualclosedate": None if opportunity.is_open else opportunity.closes.isoformat(),
        "closeprobability": opportunity.probability,
        "isrevenuesystemcalculated": False,
        "opportunityratingcode": 1 if opportunity.probability >= 60 else 2 if opportunity.probability >= 30 else 3,
        "salesstagecode": 1,
        "statecode": state,
        "statuscode": reason,
        **money(account.currency, {"estimatedvalue": opportunity.value, **won, **offer_totals(opportunity)}),
        **company_lookup(),
        **owned(opportunity.owner),
        **audited(opportunity.created_at, opportunity.modified_at, by=opportunity.owner),
    }
