"""Rows of Dataverse that come with the organization and the connection: units, team, users, currencies, price lists.

Source: Business Central, Synchronizing data with Dataverse: company concept, business unit and team.
"""

from collections.abc import Iterator

from gateway.sandbox.company.codes import CRM_CURRENCIES, EURO, currency
from gateway.sandbox.company.crm_columns import currency_id, in_currency, set_up
from gateway.sandbox.company.crm_units import unit_sets
from gateway.sandbox.company.identifiers import (
    COMPANY_ID,
    COMPANY_NAME,
    COMPANY_UNIT_ID,
    CRM_COMPANY_ID,
    DEFAULT_TEAM_ID,
    KEY_ACCOUNTS_UNIT_ID,
    ORGANIZATION_ID,
    ROOT_UNIT_ID,
    crm_id,
)
from gateway.sandbox.company.rows import Row, Sets
from gateway.sandbox.company.staff import APPLICATION_USER_ID, SALESPEOPLE, USERS, User
from gateway.sandbox.identity.people import GATEWAY_CLIENT_ID
from gateway.sandbox.identity.registrations import GATEWAY

_ACTIVE: Row = {"statecode": 0, "statuscode": 1}
_PHONES = {person.user.email: person.phone for person in SALESPEOPLE if person.user is not None}


def setup_sets() -> Sets:
    yield "businessunits", _business_units()
    yield "teams", _teams()
    yield "systemusers", _users()
    yield "bcbi_companies", iter([_company()])
    yield "transactioncurrencies", _currencies()
    yield "organizations", iter([_organization()])
    yield from unit_sets()
    yield "pricelevels", _price_lists()


def company_lookup() -> Row:
    """The column by which the connector marks rows of a company."""
    return {"_bcbi_companyid_value": CRM_COMPANY_ID}


def unit_team_id(unit_id: str) -> str:
    """The default team of a business unit, in which all its users are."""
    return crm_id("team", "unit" if unit_id == COMPANY_UNIT_ID else unit_id)


def price_list_id(code: str) -> str:
    return crm_id("pricelevel", code or EURO.code)


def _company() -> Row:
    return {
        "bcbi_companyid": CRM_COMPANY_ID,
        "bcbi_externalid": COMPANY_ID,
        "bcbi_name": COMPANY_NAME,
        "_bcbi_defaultowningteam_value": DEFAULT_TEAM_ID,
        "_organizationid_value": ORGANIZATION_ID,
        **_ACTIVE,
        **set_up(),
    }


def _organization() -> Row:
    return {
        "organizationid": ORGANIZATION_ID,
        "name": COMPANY_NAME,
        "basecurrencyprecision": 2,
        "basecurrencysymbol": EURO.symbol,
        "currencydecimalprecision": 2,
        "currencydisplayoption": 0,
        "pricingdecimalprecision": 2,
        "fiscalcalendarstart": "2026-01-01T00:00:00Z",
        "languagecode": 1033,
        "localeid": 1033,
        "isdisabled": False,
        "_basecurrencyid_value": currency_id(EURO),
        **set_up(),
    }


def _business_units() -> Iterator[Row]:
    common = {"isdisabled": False, "_organizationid_value": ORGANIZATION_ID, **set_up()}
    yield {"businessunitid": ROOT_UNIT_ID, "name": "Wheelhouse", **common}
    name = f"{COMPANY_NAME} ({COMPANY_ID})"
    for key, unit in ((COMPANY_UNIT_ID, name), (KEY_ACCOUNTS_UNIT_ID, "Wheelhouse Key Accounts")):
        yield {"businessunitid": key, "name": unit, "_parentbusinessunitid_value": ROOT_UNIT_ID, **common}


def _teams() -> Iterator[Row]:
    yield _team(crm_id("team", "root"), "Wheelhouse", unit_id=ROOT_UNIT_ID, default=True)
    yield _team(unit_team_id(COMPANY_UNIT_ID), f"{COMPANY_NAME} ({COMPANY_ID})", unit_id=COMPANY_UNIT_ID, default=True)
    key_accounts = unit_team_id(KEY_ACCOUNTS_UNIT_ID)
    yield _team(key_accounts, "Wheelhouse Key Accounts", unit_id=KEY_ACCOUNTS_UNIT_ID, default=True)
    yield _team(DEFAULT_TEAM_ID, f"BCI - {COMPANY_NAME} ({COMPANY_ID})", unit_id=COMPANY_UNIT_ID, default=False)


def _team(key: str, name: str, *, unit_id: str, default: bool) -> Row:
    return {
        "teamid": key,
        "ownerid": key,
        "name": name,
        "teamtype": 0,
        "isdefault": default,
        "organizationid": ORGANIZATION_ID,
        "_businessunitid_value": unit_id,
        "_administratorid_value": APPLICATION_USER_ID,
        **set_up(),
    }


def _users() -> Iterator[Row]:
    yield {
        **_principal(APPLICATION_USER_ID, unit_id=COMPANY_UNIT_ID),
        "firstname": "#",
        "lastname": "Dynamics gateway",
        "fullname": "# Dynamics gateway",
        "internalemailaddress": f"{GATEWAY_CLIENT_ID}@wheelhouse.example",
        "domainname": f"{GATEWAY_CLIENT_ID}@wheelhouse.example",
        "applicationid": GATEWAY_CLIENT_ID,
        "azureactivedirectoryobjectid": GATEWAY.object_id,
        "accessmode": 4,
        "isdisabled": False,
        "islicensed": False,
        "isintegrationuser": True,
    }
    for user in USERS:
        yield _user(user)


def _principal(key: str, *, unit_id: str) -> Row:
    return {
        "systemuserid": key,
        "ownerid": key,
        "organizationid": ORGANIZATION_ID,
        "_businessunitid_value": unit_id,
        **set_up(),
    }


def _user(user: User) -> Row:
    return {
        **_principal(user.id, unit_id=user.unit_id),
        "firstname": user.first_name,
        "lastname": user.last_name,
        "fullname": user.full_name,
        "jobtitle": user.job_title,
        "internalemailaddress": user.email,
        "mobilephone": _PHONES.get(user.email),
        "domainname": user.user_name,
        "azureactivedirectoryobjectid": user.object_id,
        "accessmode": 0,
        "isdisabled": user.disabled,
        "islicensed": True,
        "isintegrationuser": False,
    }


def _currencies() -> Iterator[Row]:
    for one in CRM_CURRENCIES:
        yield {
            "transactioncurrencyid": currency_id(one),
            "isocurrencycode": one.code,
            "currencyname": one.name,
            "currencysymbol": one.symbol,
            "currencyprecision": 2,
            "exchangerate": one.rate,
            "_organizationid_value": ORGANIZATION_ID,
            **_ACTIVE,
            **set_up(),
        }


def _price_lists() -> Iterator[Row]:
    names = {"": "Business Central Default Price List", "USD": "Price List in USD"}
    for code, name in names.items():
        yield {
            "pricelevelid": price_list_id(code),
            "name": name,
            "_organizationid_value": ORGANIZATION_ID,
            "statecode": 0,
            "statuscode": 100_001,
            **in_currency(currency(code)),
            **company_lookup(),
            **set_up(),
        }
