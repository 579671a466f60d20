"""The gateway's own closed sets, as the schema shows them. Import them from here, so that they are shown only once."""

from collections.abc import Mapping as Descriptions
from enum import Enum
from typing import Any

import strawberry

from gateway.auth.caller import Role
from gateway.connection import CheckCode
from gateway.couplings.coupling import Mapping, Result
from gateway.errors import ErrorCode
from gateway.figures.calendar import Bucket
from gateway.figures.movement import Kind
from gateway.figures.picture import Status
from gateway.figures.unavailable import Reason
from gateway.reading.capabilities import Found
from gateway.sync.push import PushOutcome


def _show(kind: type[Enum], description: str, members: Descriptions[Any, str], *, name: str | None = None) -> None:
    """Describe an enum of the gateway, which knows nothing of GraphQL, and each of its members."""
    shown: Any = strawberry.enum(kind, name=name, description=description)
    for value in shown.__strawberry_definition__.values:
        value.description = members[kind[value.name]]


_show(
    Mapping,
    "Which tables a coupling joins: a table of Business Central and its partner in CRM.",
    {
        Mapping.CUSTOMER: "Customer and account.",
        Mapping.CONTACT: "Contact and contact.",
        Mapping.ITEM: "Item and product.",
        Mapping.SALESPERSON: "Salesperson or purchaser, and user.",
        Mapping.CURRENCY: "Currency and transaction currency.",
        Mapping.UNIT_OF_MEASURE: "Unit of measure and unit group.",
        Mapping.OPPORTUNITY: "Opportunity and opportunity.",
    },
)
_show(
    Result,
    "How the last synchronization in one direction ended.",
    {Result.SUCCESS: "The record was written or was up to date.", Result.FAILURE: "It was not; see the error."},
    name="SynchronizationResult",
)
_show(
    Role,
    "What a caller may be.",
    {
        Role.INTEGRATION_ADMINISTRATOR: "Sets up and looks after the integration, and reads everything.",
        Role.INTEGRATION_USER: "Reads synchronized data, couples and synchronizes records.",
        Role.PRODUCT_AVAILABILITY_USER: "Asks what is in stock, nothing else.",
    },
)
_show(
    CheckCode,
    "What was checked.",
    {
        CheckCode.BUSINESS_CENTRAL_REACHABLE: "Business Central answers and accepts our token.",
        CheckCode.COMPANY_EXISTS: "The company is in the environment.",
        CheckCode.DATAVERSE_REACHABLE: "Dataverse answers and knows our application user.",
        CheckCode.USERS_READABLE: "We may read system users.",
        CheckCode.INTEGRATION_USER_ENABLED: "Our application user is enabled.",
    },
)

_show(
    Reason,
    "Why a figure is missing.",
    {
        Reason.NO_SOURCE: "Neither system has it where it could be read.",
        Reason.SOURCE_NOT_INSTALLED: "It comes from an app or a page that is not installed.",
        Reason.BACKEND_UNREACHABLE: "The system it comes from did not answer as it should; the errors say how.",
        Reason.NOT_PERMITTED: "The gateway's own rights do not reach that far.",
    },
    name="MissingReason",
)
_show(
    Status,
    "What stands in the way of selling an item from stock.",
    {
        Status.NORMAL: "Nothing.",
        Status.BLOCKED: "It is blocked for transactions: there may be stock, and none of it can be sold.",
        Status.SERVICE: "It is a service and has no stock.",
        Status.NON_INVENTORY: "Its stock is not kept.",
    },
    name="AvailabilityStatus",
)
_show(
    Bucket,
    "How long a period is.",
    {
        Bucket.DAY: "A day.",
        Bucket.WEEK: "A week, from Monday.",
        Bucket.MONTH: "A month of the calendar.",
        Bucket.QUARTER: "A quarter of the calendar.",
        Bucket.YEAR: "A year of the calendar.",
    },
    name="PeriodBucket",
)
_show(
    Kind,
    "Which document moves the stock.",
    {
        Kind.SALES_ORDER: "Demand: a sales order, by its shipment date.",
        Kind.SALES_RETURN: "Supply: a sales return order, by its shipment date.",
        Kind.PURCHASE_ORDER: "Supply: a purchase order, by its expected receipt date.",
        Kind.PURCHASE_RETURN: "Demand: a purchase return order, by its expected receipt date.",
        Kind.TRANSFER_SHIPMENT: "Demand at a location: a transfer order that has not left it yet.",
        Kind.TRANSFER_RECEIPT: "Supply at a location: a transfer order that has not left the other one yet.",
        Kind.IN_TRANSIT: "Supply at a location: what is on its way there.",
        Kind.ASSEMBLY_ORDER: "Supply: an assembly order, by its due date.",
        Kind.ASSEMBLY_COMPONENT: "Demand: a component of an assembly order.",
        Kind.PRODUCTION_ORDER: "Supply: a firm planned or released production order, by its due date.",
        Kind.PRODUCTION_COMPONENT: "Demand: a component of a production order.",
        Kind.PROJECT: "Demand: a planning line of a project, by its planning date.",
        Kind.SERVICE_ORDER: "Demand: a service order, by the date it is needed.",
        Kind.PLANNED_PRODUCTION: "Planned supply: a planned production order.",
        Kind.PLANNED_PURCHASE: "Planned supply: a suggestion of planning.",
        Kind.PLANNED_TRANSFER: "Planned demand at a location: a suggested transfer from it.",
        Kind.PLANNING_COMPONENT: "Demand: a component of a suggestion of planning.",
    },
    name="AvailabilityEventKind",
)

_show(
    Found,
    "What is known of an optional source.",
    {
        Found.UNKNOWN: "Nothing: the system did not answer as it should.",
        Found.INSTALLED: "It is there and is used.",
        Found.NOT_INSTALLED: "The tenant does not have it.",
        Found.NOT_PERMITTED: "The gateway may not read it.",
    },
    name="SourceState",
)
_show(
    PushOutcome,
    "What came of one record that was to be copied to CRM.",
    {
        PushOutcome.CREATED: "CRM had no row for it; now it has.",
        PushOutcome.UPDATED: "CRM held something else; now it is right.",
        PushOutcome.UNCHANGED: "CRM held this already; nothing was written.",
        PushOutcome.NOT_FOUND: "Business Central has no such record.",
        PushOutcome.NOT_COUPLED: "It has no partner in CRM.",
        PushOutcome.INCOMPLETE: "A figure is missing, so nothing was written.",
        PushOutcome.FAILED: "It could not be read or written; see code and message.",
    },
)
_show(
    ErrorCode,
    "What went wrong: the codes that errors carry, each explained in docs/errors.md.",
    {
        ErrorCode.CONFIGURATION: "The settings do not make a gateway.",
        ErrorCode.UNAUTHENTICATED: "No token, or one that is not accepted.",
        ErrorCode.FORBIDDEN: "The caller may not do this.",
        ErrorCode.INVALID_INPUT: "An argument that cannot be used.",
        ErrorCode.BACKEND_UNREACHABLE: "A system did not answer.",
        ErrorCode.BACKEND_THROTTLED: "A system asks to be asked less.",
        ErrorCode.BACKEND_TOO_SLOW: "A system gave up on this much work.",
        ErrorCode.DEADLINE_EXCEEDED: "The time this request may take was over.",
        ErrorCode.BACKEND_TOKEN_UNAVAILABLE: "Entra ID gave no token for a system.",
        ErrorCode.BACKEND_NOT_FOUND: "A system has no such thing.",
        ErrorCode.BACKEND_REFUSED: "A system knows the gateway and says no.",
        ErrorCode.BACKEND_REJECTED: "A system's own validation refused it.",
        ErrorCode.RECORD_CHANGED: "The record changed since it was read.",
        ErrorCode.RECORD_EXISTS: "Another record has this key already.",
        ErrorCode.LINK_EXPIRED: "A link to further rows no longer works.",
        ErrorCode.BACKEND_FAILED: "A system broke while working on it.",
        ErrorCode.BACKEND_LIMIT: "A system's answer stops at a limit of its own.",
        ErrorCode.BACKEND_PROTOCOL_ERROR: "An answer that is not what was promised.",
        ErrorCode.DATABASE_UNAVAILABLE: "The gateway's own database does not answer.",
        ErrorCode.GRAPHQL_INVALID: "The request is no valid GraphQL.",
        ErrorCode.INTERNAL_ERROR: "The gateway broke; its log says how.",
    },
)

MissingReason = Reason
SourceState = Found
AvailabilityStatus = Status
PeriodBucket = Bucket
EventKind = Kind

__all__ = [
    "AvailabilityStatus",
    "CheckCode",
    "ErrorCode",
    "EventKind",
    "Mapping",
    "MissingReason",
    "PeriodBucket",
    "PushOutcome",
    "Result",
    "Role",
    "SourceState",
]
