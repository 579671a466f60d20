"""Can we work with both systems? The checks of the connection, each with what to do when it fails.

Source: Business Central, "Test Connection" of the Dataverse and the Dynamics 365 Sales connection setup.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from gateway.clients.business_central import BusinessCentralClient
from gateway.clients.call import Call, Deadline
from gateway.clients.dataverse import DataverseClient, WhoAmI
from gateway.errors import BackendError, NotFoundError, RefusedError, TokenError
from gateway.odata.query import Compare, Query
from gateway.reading.trace import Trace
from gateway.records import Backend, Record

T = TypeVar("T")


class CheckCode(StrEnum):
    """The checks, in the order they are made."""

    BUSINESS_CENTRAL_REACHABLE = "BUSINESS_CENTRAL_REACHABLE"
    COMPANY_EXISTS = "COMPANY_EXISTS"
    DATAVERSE_REACHABLE = "DATAVERSE_REACHABLE"
    USERS_READABLE = "USERS_READABLE"
    INTEGRATION_USER_ENABLED = "INTEGRATION_USER_ENABLED"
    WEBHOOKS_BUSINESS_CENTRAL = "WEBHOOKS_BUSINESS_CENTRAL"
    WEBHOOKS_DATAVERSE = "WEBHOOKS_DATAVERSE"


@dataclass(frozen=True, slots=True)
class Check:
    """One check. ``hint`` says what to do and is None when it passed."""

    code: CheckCode
    passed: bool
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """Who is asking and what it costs."""

    deadline: Deadline
    correlation_id: str
    trace: Trace

    def call(self) -> Call:
        return Call(self.deadline, self.correlation_id)


async def examine(
    examination: Examination, *, business_central: BusinessCentralClient, dataverse: DataverseClient, company: UUID
) -> list[Check]:
    """All checks, both systems side by side: three requests, the last behind the second. Never raises for a backend."""
    sides = await asyncio.gather(
        _business_central(examination, business_central, company), _dataverse(examination, dataverse)
    )
    return [check for side in sides for check in side]


async def _business_central(examination: Examination, client: BusinessCentralClient, company: UUID) -> Sequence[Check]:
    call = examination.call()
    companies = await _tried(client.everything("companies", Query(select=("id", "name")), call=call))
    examination.trace.add(call.exchanges, after=0)
    if isinstance(companies, BackendError):
        return (
            _failed(CheckCode.BUSINESS_CENTRAL_REACHABLE, companies),
            Check(
                CheckCode.COMPANY_EXISTS,
                False,
                "Not checked: Business Central did not answer.",
                "See the check before.",
            ),
        )
    return (
        Check(CheckCode.BUSINESS_CENTRAL_REACHABLE, True, "Business Central answers and accepts our token."),
        _company(companies, company),
    )


def _company(companies: Sequence[Record], company: UUID) -> Check:
    names = {str(record.values.get("id")).lower(): record.values.get("name") for record in companies}
    name = names.get(str(company))
    if name is not None:
        return Check(CheckCode.COMPANY_EXISTS, True, f"The company is {name}.")
    known = ", ".join(f"{each} ({key})" for key, each in names.items()) or "none"
    return Check(
        CheckCode.COMPANY_EXISTS,
        False,
        f"The environment has no company {company}.",
        f"Set GATEWAY_COMPANY_ID to one of: {known}.",
    )


async def _dataverse(examination: Examination, client: DataverseClient) -> Sequence[Check]:
    call = examination.call()
    who = await _tried(client.who_am_i(call=call))
    depth = examination.trace.add(call.exchanges, after=0)
    if isinstance(who, BackendError):
        unasked = "Not checked: Dataverse did not answer."
        return (
            _failed(CheckCode.DATAVERSE_REACHABLE, who),
            Check(CheckCode.USERS_READABLE, False, unasked, "See the check before."),
            Check(CheckCode.INTEGRATION_USER_ENABLED, False, unasked, "See the check before."),
        )
    reachable = Check(CheckCode.DATAVERSE_REACHABLE, True, "Dataverse answers and knows our application user.")
    return (reachable, *await _integration_user(examination, client, who, after=depth))


async def _integration_user(
    examination: Examination, client: DataverseClient, who: WhoAmI, *, after: int
) -> Sequence[Check]:
    call = examination.call()
    query = Query(select=("fullname", "isdisabled", "applicationid"), filter=Compare("systemuserid", "eq", who.user_id))
    users = await _tried(client.everything("systemusers", query, call=call))
    examination.trace.add(call.exchanges, after=after)
    if isinstance(users, BackendError):
        return (
            _failed(CheckCode.USERS_READABLE, users),
            Check(
                CheckCode.INTEGRATION_USER_ENABLED, False, "Not checked: users cannot be read.", "See the check before."
            ),
        )
    return (_readable(users), _enabled(users))


def _readable(users: Sequence[Record]) -> Check:
    if users:
        return Check(CheckCode.USERS_READABLE, True, "System users can be read.")
    return Check(
        CheckCode.USERS_READABLE,
        False,
        "Dataverse shows us no system users.",
        'Give our application user the security role "Business Central Dataverse Integration".',
    )


def _enabled(users: Sequence[Record]) -> Check:
    if users and users[0].values.get("isdisabled") is False:
        return Check(CheckCode.INTEGRATION_USER_ENABLED, True, f"We act as {users[0].values.get('fullname')}.")
    return Check(
        CheckCode.INTEGRATION_USER_ENABLED,
        False,
        "Our application user is disabled, or hidden from us.",
        "Enable the application user in the Power Platform admin center.",
    )


async def _tried(reading: Awaitable[T]) -> T | BackendError:
    try:
        return await reading
    except BackendError as error:
        return error


def _failed(code: CheckCode, error: BackendError) -> Check:
    return Check(code, False, error.message, _hint(error))


def _hint(error: BackendError) -> str:
    business_central = error.backend == Backend.BUSINESS_CENTRAL
    url = "GATEWAY_BUSINESS_CENTRAL_URL" if business_central else "GATEWAY_DATAVERSE_URL"
    match error:
        case TokenError():
            return "Check GATEWAY_TENANT_ID, GATEWAY_CLIENT_ID and GATEWAY_CLIENT_SECRET, and that the secret has not expired."
        case RefusedError() if business_central:
            return "Add the application on the page Microsoft Entra Applications in Business Central, and enable it."
        case RefusedError():
            return "Create an application user for our client id in the Power Platform admin center."
        case NotFoundError():
            return f"Check the tenant and environment in {url}."
        case _:
            return f"Check {url}, and whether this machine can reach it; then try again."
