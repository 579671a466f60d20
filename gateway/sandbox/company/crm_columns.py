"""Columns that most Dataverse tables share: who made and changed a row, who owns it, and money in two currencies.

Source: Dataverse developer guide, table and column definitions: ownership, transaction currency and base currency.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from gateway.sandbox.company.codes import EURO, Currency, currency
from gateway.sandbox.company.identifiers import COMPANY_UNIT_ID, DEFAULT_TEAM_ID, crm_id, crm_instant
from gateway.sandbox.company.rows import Row
from gateway.sandbox.company.staff import APPLICATION_USER_ID, User

SET_UP_AT: Final = datetime(2025, 1, 7, 10, 0, tzinfo=UTC)
"""When the CRM was set up for the company."""

_MONEY: Final = Decimal("0.0001")


def sent_at(moment: datetime) -> datetime:
    """When the CRM got what Business Central had changed at some moment."""
    return moment.replace(microsecond=0) + timedelta(minutes=3)


def audited(created_at: datetime, modified_at: datetime, *, by: User | None = None) -> Row:
    """Rows come from the synchronization, whose application user made them; a user may have changed them since."""
    return {
        "createdon": crm_instant(created_at),
        "modifiedon": crm_instant(modified_at),
        "_createdby_value": APPLICATION_USER_ID,
        "_modifiedby_value": APPLICATION_USER_ID if by is None else by.id,
    }


def set_up() -> Row:
    return audited(SET_UP_AT, SET_UP_AT)


def owned(owner: User | None) -> Row:
    """By a user, or by the default team of the company."""
    holder = {"_owningteam_value": DEFAULT_TEAM_ID} if owner is None else {"_owninguser_value": owner.id}
    return {
        "_ownerid_value": DEFAULT_TEAM_ID if owner is None else owner.id,
        "_owningbusinessunit_value": COMPANY_UNIT_ID if owner is None else owner.unit_id,
        **holder,
    }


def currency_id(one: Currency) -> str:
    return crm_id("transactioncurrency", one.code)


def money(code: str, amounts: Mapping[str, Decimal]) -> Row:
    """Amounts in the currency of a code, their twins in euro, and the currency itself."""
    one = currency(code)
    base = {f"{name}_base": (amount / one.rate).quantize(_MONEY) for name, amount in amounts.items()}
    return {**amounts, **base, **in_currency(one)}


def in_currency(one: Currency = EURO) -> Row:
    return {"_transactioncurrencyid_value": currency_id(one), "exchangerate": one.rate}
