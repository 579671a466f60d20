"""The gateway's own closed sets, as the schema shows them. Import them from here, so that they are shown only once."""

from collections.abc import Mapping as Descriptions
from enum import Enum
from typing import Any

import strawberry

from gateway.auth.caller import Role
from gateway.connection import CheckCode
from gateway.couplings.coupling import Cause, Event, Mapping, Result
from gateway.couplings.plan import PlanState, ProposalState
from gateway.errors import ErrorCode
from gateway.figures.calendar import Bucket
from gateway.figures.movement import Kind
from gateway.figures.picture import Status
from gateway.figures.unavailable import Reason
from gateway.jobs.job import JobState
from gateway.matching.criteria import Comparison, Grouping
from gateway.matching.proposal import Outcome, Verdict
from gateway.pairing.couple import Synchronize
from gateway.pairing.drift.kinds import DriftKind, Repair
from gateway.pairing.drift.repair import DriftOutcome
from gateway.pairing.files.records import Check
from gateway.pairing.files.rows import RowOutcome
from gateway.pairing.files.shapes import Shape
from gateway.pairing.files.values import DateOrder
from gateway.pairing.salespersons.owners import OwnerGapReason
from gateway.pairing.salespersons.plan import SalespersonAction
from gateway.reading.capabilities import Found
from gateway.records import Backend
from gateway.sync.differences import CouplingSide
from gateway.sync.mapping import Direction
from gateway.sync.push import PushOutcome


class MatchDirection(Enum):
    """Which side's records look for partners."""

    BUSINESS_CENTRAL_TO_DATAVERSE = "BUSINESS_CENTRAL_TO_DATAVERSE"
    DATAVERSE_TO_BUSINESS_CENTRAL = "DATAVERSE_TO_BUSINESS_CENTRAL"

    @property
    def to_crm(self) -> bool:
        return self is MatchDirection.BUSINESS_CENTRAL_TO_DATAVERSE

    @classmethod
    def of(cls, *, to_crm: bool) -> "MatchDirection":
        return cls.BUSINESS_CENTRAL_TO_DATAVERSE if to_crm else cls.DATAVERSE_TO_BUSINESS_CENTRAL


def show_enum(kind: type[Enum], description: str, members: Descriptions[Any, str], *, name: str | None = None) -> None:
    """Describe an enum of the gateway, which knows nothing of GraphQL, and each of its members."""
    shown: Any = strawberry.enum(kind, name=name, description=description)
    for value in shown.__strawberry_definition__.values:
        value.description = members[kind[value.name]]


show_enum(
    Mapping,
    "Which tables a coupling joins: a table of Business Central and its partner in CRM.",
    {
        Mapping.CUSTOMER: "Customer and account.",
        Mapping.VENDOR: "Vendor, and account of the relationship type Vendor.",
        Mapping.CONTACT: "Contact and contact.",
        Mapping.ITEM: "Item and product.",
        Mapping.SALESPERSON: "Salesperson or purchaser, and user.",
        Mapping.CURRENCY: "Currency and transaction currency.",
        Mapping.PAYMENT_TERMS: "Payment terms, and an option of the account's choice Payment Terms.",
        Mapping.SHIPMENT_METHOD: "Shipment method, and an option of the account's choice Freight Terms.",
        Mapping.UNIT_OF_MEASURE: "Unit of measure and unit group.",
        Mapping.OPPORTUNITY: "Opportunity and opportunity.",
        Mapping.SALES_INVOICE: "Posted sales invoice and invoice, with their lines.",
        **{
            each: f"Tables of the installation's own, place {each[-1]} of 9: `tableMappings` tells which, if any."
            for each in Mapping
            if each.is_own
        },
    },
)
show_enum(
    Result,
    "How the last synchronization in one direction ended.",
    {Result.SUCCESS: "The record was written or was up to date.", Result.FAILURE: "It was not; see the error."},
    name="SynchronizationResult",
)
show_enum(
    Backend,
    "One of the two systems.",
    {
        Backend.BUSINESS_CENTRAL: "Business Central, the ERP.",
        Backend.DATAVERSE: "Dynamics 365 Sales, the CRM, which is stored in Dataverse.",
    },
    name="System",
)
show_enum(
    Synchronize,
    "What happens to the data of two records once they are coupled.",
    {
        Synchronize.NONE: "Nothing: both stay as they are.",
        Synchronize.USE_BUSINESS_CENTRAL_DATA: "The record of Business Central is written to CRM.",
        Synchronize.USE_DATAVERSE_DATA: "The row of CRM is written to Business Central.",
    },
    name="SynchronizeAfterCoupling",
)
show_enum(
    CouplingSide,
    "Which of the two records of a coupling.",
    {
        CouplingSide.BUSINESS_CENTRAL: "The record of Business Central.",
        CouplingSide.DATAVERSE: "The row of CRM.",
        CouplingSide.BOTH: "Both.",
    },
)
show_enum(
    Direction,
    "Which way data goes. The integration table is CRM's.",
    {
        Direction.BIDIRECTIONAL: "Both ways.",
        Direction.TO_INTEGRATION_TABLE: "From Business Central to CRM.",
        Direction.FROM_INTEGRATION_TABLE: "From CRM to Business Central.",
    },
    name="MappingDirection",
)
show_enum(
    Event,
    "What happened to a coupling.",
    {
        Event.COUPLED: "The two records were coupled.",
        Event.MOVED: "It was given another pair.",
        Event.UNCOUPLED: "It ended.",
    },
    name="CouplingEventKind",
)
show_enum(
    Cause,
    "Why something happened to a coupling.",
    {
        Cause.MANUAL: "Somebody asked for it.",
        Cause.CREATED: "A record was created on the other side.",
        Cause.MATCHED: "The records were found to be the same thing.",
        Cause.IMPORTED: "It was imported.",
        Cause.UNDONE: "What had been done was taken back.",
        Cause.STALE: "One of its records no longer existed.",
        Cause.PARENT_UNCOUPLED: "The customer or vendor a contact belongs to was uncoupled.",
        Cause.REPAIRED: "What had broken off was put right.",
    },
    name="CouplingCause",
)
show_enum(
    Shape,
    "How a file with couplings looks.",
    {
        Shape.OWN: "All that a coupling is, by our own names; an import of it loses nothing.",
        Shape.TABLE_5331: "As an export of Business Central's table 5331, CRM Integration Record: what that has fields for.",
    },
    name="CouplingFileShape",
)
show_enum(
    Check,
    "What is looked up of the records of new couplings before they are imported.",
    {
        Check.EXISTENCE: "That both exist.",
        Check.FILTER: "That both exist and meet the filter of their mapping, as with `coupleRecords`.",
        Check.NONE: "Nothing; rows that name a record by its number are looked up all the same.",
    },
    name="CouplingFileCheck",
)
show_enum(
    RowOutcome,
    "What came of a row of an imported file.",
    {
        RowOutcome.ADDED: "The two are coupled now.",
        RowOutcome.UNCHANGED: "They were coupled already.",
        RowOutcome.UPDATED: "They were coupled already, and the coupling's state is now that of the file.",
        RowOutcome.REFUSED: "Nothing was done: see the message.",
        RowOutcome.IGNORED: "It is of a table, mapping or company that is not imported, or says what an earlier row says.",
    },
    name="CouplingFileRowOutcome",
)
show_enum(
    DateOrder,
    "In which order day, month and year stand in a date.",
    {
        DateOrder.DMY: "Day, month, year.",
        DateOrder.MDY: "Month, day, year.",
        DateOrder.YMD: "Year, month, day.",
    },
)
show_enum(
    Verdict,
    "What was found for a record that looks for a partner.",
    {
        Verdict.MATCHED: "Exactly one candidate by the criteria; it is free, and no other record's.",
        Verdict.LIKELY: "None by the criteria, but one is clearly the best by score.",
        Verdict.AMBIGUOUS: "Several candidates that cannot be told apart: somebody has to choose.",
        Verdict.CONTESTED: "Its only candidate is another record's too: somebody has to choose.",
        Verdict.TAKEN: "Its only candidate is coupled already.",
        Verdict.NONE: "Nothing that is alike enough.",
    },
    name="MatchVerdict",
)
show_enum(
    Outcome,
    "How two values of one field compare.",
    {
        Outcome.EQUAL: "They are equal.",
        Outcome.EQUAL_WHEN_NORMALISED: "Only their spelling differs: spaces, case, accents, legal form, phone digits.",
        Outcome.SIMILAR: "They are similar.",
        Outcome.DIFFERENT: "They are different.",
        Outcome.BLANK: "One side says nothing.",
    },
    name="MatchOutcome",
)
show_enum(
    Comparison,
    "When two values are alike.",
    {
        Comparison.EXACT: "When they are equal, without regard to case unless that is asked: Microsoft's rule.",
        Comparison.NORMALISED: "When no more than their spelling differs.",
    },
    name="MatchComparison",
)
show_enum(
    Grouping,
    "What a later priority does with the conditions of earlier ones.",
    {
        Grouping.FALL_BACK: "Forgets them: each group looks anew, as Microsoft documents it.",
        Grouping.NARROW: "Keeps them: each group looks among fewer, as Microsoft's code reads.",
    },
    name="MatchGrouping",
)
show_enum(
    MatchDirection,
    "Which side's records look for partners on the other.",
    {
        MatchDirection.BUSINESS_CENTRAL_TO_DATAVERSE: "Records of Business Central look for rows of CRM.",
        MatchDirection.DATAVERSE_TO_BUSINESS_CENTRAL: "Rows of CRM look for records of Business Central.",
    },
)
show_enum(
    JobState,
    "How far a job is.",
    {
        JobState.WAITING: "It waits for its turn: jobs of one mapping and company run one after another.",
        JobState.RUNNING: "It is under way.",
        JobState.SUCCEEDED: "It is over.",
        JobState.FAILED: "It could not go on; see code and message.",
        JobState.CANCELLED: "Somebody ended it.",
    },
)
show_enum(
    PlanState,
    "How far a plan of match-based coupling is.",
    {
        PlanState.MATCHING: "Both sides are being read and compared.",
        PlanState.READY: "It can be looked at, accepted and undone.",
        PlanState.ACCEPTING: "What was accepted is being coupled.",
        PlanState.UNDOING: "What came of it is being uncoupled.",
        PlanState.FAILED: "It could not be made; see code and message.",
    },
    name="MatchPlanState",
)
show_enum(
    ProposalState,
    "What became of a proposal.",
    {
        ProposalState.OPEN: "Nothing yet.",
        ProposalState.ACCEPTED: "It was coupled.",
        ProposalState.REFUSED: "It was accepted, but could not be coupled any more; see code and message.",
        ProposalState.UNDONE: "It was coupled, and uncoupled again.",
    },
    name="MatchProposalState",
)
show_enum(
    Role,
    "What a caller may be.",
    {
        Role.INTEGRATION_ADMINISTRATOR: "Sets up and looks after the integration, and reads everything.",
        Role.INTEGRATION_USER: "Reads synchronized data, couples and synchronizes records.",
        Role.PRODUCT_AVAILABILITY_USER: "Asks what is in stock, nothing else.",
    },
)
show_enum(
    CheckCode,
    "What was checked.",
    {
        CheckCode.BUSINESS_CENTRAL_REACHABLE: "Business Central answers and accepts our token.",
        CheckCode.COMPANY_EXISTS: "The company is in the environment.",
        CheckCode.DATAVERSE_REACHABLE: "Dataverse answers and knows our application user.",
        CheckCode.USERS_READABLE: "We may read system users.",
        CheckCode.INTEGRATION_USER_ENABLED: "Our application user is enabled.",
        CheckCode.WEBHOOKS_BUSINESS_CENTRAL: "Business Central tells us of changes, as far as it was asked to.",
        CheckCode.WEBHOOKS_DATAVERSE: "Dataverse tells us of changes, as far as it was asked to.",
    },
)

show_enum(
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
show_enum(
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
show_enum(
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
show_enum(
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

show_enum(
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
show_enum(
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
show_enum(
    ErrorCode,
    "What went wrong: the codes that errors carry, each explained in docs/errors.md.",
    {
        ErrorCode.CONFIGURATION: "The settings do not make a gateway.",
        ErrorCode.UNAUTHENTICATED: "No token, or one that is not accepted.",
        ErrorCode.FORBIDDEN: "The caller may not do this.",
        ErrorCode.IDENTITY_UNAVAILABLE: "Who asks, or what they may do, cannot be found out now.",
        ErrorCode.INVALID_INPUT: "An argument that cannot be used.",
        ErrorCode.BACKEND_UNREACHABLE: "A system did not answer.",
        ErrorCode.BACKEND_THROTTLED: "A system asks to be asked less.",
        ErrorCode.BACKEND_TOO_SLOW: "A system gave up on this much work.",
        ErrorCode.DEADLINE_EXCEEDED: "The time this request may take was over.",
        ErrorCode.BACKEND_TOKEN_UNAVAILABLE: "Entra ID gave no token for a system.",
        ErrorCode.ON_BEHALF_OF_REFUSED: "A system is asked on behalf of the caller, and Entra ID gives no token for that.",
        ErrorCode.BACKEND_NOT_FOUND: "A system has no such thing.",
        ErrorCode.BACKEND_REFUSED: "A system knows the gateway and says no.",
        ErrorCode.BACKEND_REJECTED: "A system's own validation refused it.",
        ErrorCode.RECORD_CHANGED: "The record changed since it was read.",
        ErrorCode.RECORD_EXISTS: "Another record has this key already.",
        ErrorCode.LINK_EXPIRED: "A link to further rows no longer works.",
        ErrorCode.BACKEND_FAILED: "A system broke while working on it.",
        ErrorCode.BACKEND_LIMIT: "A system's answer stops at a limit of its own.",
        ErrorCode.BACKEND_PROTOCOL_ERROR: "An answer that is not what was promised.",
        ErrorCode.ALREADY_COUPLED: "These two records are coupled with each other already.",
        ErrorCode.BUSINESS_CENTRAL_RECORD_TAKEN: "The record of Business Central is coupled with another row.",
        ErrorCode.DATAVERSE_ROW_TAKEN: "The row of CRM is coupled with another record.",
        ErrorCode.NOT_COUPLED: "There is no such coupling.",
        ErrorCode.RECORD_NOT_FOUND: "A system has no such record.",
        ErrorCode.RECORD_NOT_VISIBLE: "A record cannot be seen, and its system does not say that it was deleted.",
        ErrorCode.RECORD_BLOCKED: "The record is blocked in Business Central.",
        ErrorCode.RECORD_OUTSIDE_FILTER: "The record does not meet the filter of its mapping.",
        ErrorCode.DIRECTION_NOT_ALLOWED: "The mapping does not go that way.",
        ErrorCode.SALESPERSON_NOT_COUPLED: "The record's salesperson is not coupled to a user.",
        ErrorCode.OWNER_NOT_COUPLED: "The row's owner is not coupled to a salesperson.",
        ErrorCode.LOOKUP_NOT_COUPLED: "A record that this one refers to is not coupled.",
        ErrorCode.MAPPING_DISABLED: "The mapping is switched off.",
        ErrorCode.MATCH_CRITERIA_MISSING: "No field was chosen to match by.",
        ErrorCode.COUPLING_CHANGED: "Somebody else changed the coupling meanwhile.",
        ErrorCode.UPDATE_CONFLICT: "Both sides changed the same field since they were synchronized.",
        ErrorCode.DELETION_CONFLICT: "One side of a coupling was deleted.",
        ErrorCode.POSSIBLE_DUPLICATE: "The other system seems to have the record already, coupled with nobody.",
        ErrorCode.DEPENDENCY_NOT_SATISFIED: "The full run of a mapping that this one refers to did not succeed.",
        ErrorCode.FULL_SYNCHRONIZATION_UNDER_WAY: "A full run of the mapping is under way already.",
        ErrorCode.DATABASE_UNAVAILABLE: "The gateway's own database does not answer.",
        ErrorCode.GRAPHQL_INVALID: "The request is no valid GraphQL.",
        ErrorCode.METHOD_NOT_ALLOWED: "The address does not take this with this HTTP method.",
        ErrorCode.NOT_ACCEPTABLE: "The caller takes none of the media types of the answer.",
        ErrorCode.UNSUPPORTED_MEDIA_TYPE: "The body is not said to be JSON.",
        ErrorCode.BATCH_TOO_LARGE: "The request holds more operations than it may.",
        ErrorCode.REQUEST_TOO_LARGE: "The request is longer than is read.",
        ErrorCode.REQUEST_TOO_SLOW: "The request did not arrive in time.",
        ErrorCode.TOO_MANY_CONNECTIONS: "Too many sockets and event streams are open.",
        ErrorCode.QUERY_TOO_LARGE: "The document passes a limit.",
        ErrorCode.QUERY_TOO_EXPENSIVE: "Answering would take too many requests at the two systems.",
        ErrorCode.RATE_LIMITED: "The caller asks too often, or for too much.",
        ErrorCode.QUERY_NOT_TRUSTED: "Only documents of the gateway's manifest are carried out.",
        ErrorCode.PERSISTED_QUERY_NOT_FOUND: "The hash stands for no document that is known.",
        ErrorCode.PERSISTED_QUERY_NOT_SUPPORTED: "Documents are not remembered by their hash here.",
        ErrorCode.PERSISTED_QUERY_MISMATCH: "The hash is that of another document.",
        ErrorCode.INTERNAL_ERROR: "The gateway broke; its log says how.",
    },
)
show_enum(
    DriftKind,
    "What may be wrong with a coupling.",
    {
        DriftKind.BROKEN_BUSINESS_CENTRAL: "Its record was deleted in Business Central.",
        DriftKind.BROKEN_DATAVERSE: "Its row was deleted in CRM.",
        DriftKind.OUT_OF_FILTER: "A side does not meet the filter of the mapping any more, so it is not synchronized.",
        DriftKind.DUPLICATE: "Several rows of CRM have the same key.",
        DriftKind.UNOWNED: "A salesperson or an owner without a partner makes its synchronization fail.",
        DriftKind.SKIPPED: "It is left out of synchronization until somebody retries it.",
        DriftKind.UNFINISHED: "One side was being created, and that broke off.",
    },
)
show_enum(
    Repair,
    "What can be done about drift without asking anybody.",
    {
        Repair.DELETE_COUPLING: "End the coupling, with what uncoupling changes on a row of CRM that is still there.",
        Repair.UNSKIP: "Take the mark and the error away, so that the next synchronization tries again.",
        Repair.FINISH: "Create the record after all; where its source is gone, end the coupling.",
    },
    name="DriftRepair",
)
show_enum(
    DriftOutcome,
    "What came of an entry of drift.",
    {
        DriftOutcome.REPAIRED: "It was repaired.",
        DriftOutcome.WOULD_REPAIR: "It would be repaired; this was a dry run.",
        DriftOutcome.NO_REPAIR: "Somebody has to decide: see the hint.",
        DriftOutcome.NOT_ASKED: "It is of a kind that was not asked for, and was left alone.",
        DriftOutcome.GONE: "It is no longer so.",
        DriftOutcome.FAILED: "It could not be repaired: see code and message.",
    },
)
show_enum(
    OwnerGapReason,
    "Why records of a person fail to synchronize.",
    {
        OwnerGapReason.SALESPERSON_NOT_COUPLED: "The salesperson is not coupled with a user.",
        OwnerGapReason.OWNER_DISABLED: "The salesperson is coupled with a user who is disabled.",
        OwnerGapReason.OWNER_NOT_COUPLED: "The user who owns the rows is not coupled with a salesperson.",
    },
)
show_enum(
    SalespersonAction,
    "What is done about a salesperson or a user.",
    {
        SalespersonAction.UNCOUPLE: "The coupling of the salesperson ends.",
        SalespersonAction.COUPLE: "The two are coupled.",
        SalespersonAction.CREATE: "A salesperson is created for the user, and both are coupled.",
        SalespersonAction.ADD_TO_TEAM: "The user becomes a member of the company's default team.",
    },
)

System = Backend
MatchVerdict = Verdict
MatchOutcome = Outcome
MatchComparison = Comparison
MatchGrouping = Grouping
PlanStateKind = PlanState
JobStateKind = JobState
ProposalStateKind = ProposalState
CouplingCause = Cause
CouplingEventKind = Event
MappingDirection = Direction
MissingReason = Reason
SourceState = Found
AvailabilityStatus = Status
PeriodBucket = Bucket
FileShape = Shape
FileCheck = Check
EventKind = Kind

__all__ = [
    "AvailabilityStatus",
    "CheckCode",
    "CouplingCause",
    "CouplingEventKind",
    "CouplingSide",
    "DateOrder",
    "DriftKind",
    "DriftOutcome",
    "ErrorCode",
    "EventKind",
    "FileCheck",
    "FileShape",
    "JobStateKind",
    "Mapping",
    "MappingDirection",
    "MatchComparison",
    "MatchDirection",
    "MatchGrouping",
    "MatchOutcome",
    "MatchVerdict",
    "MissingReason",
    "OwnerGapReason",
    "PeriodBucket",
    "PlanStateKind",
    "ProposalStateKind",
    "PushOutcome",
    "Repair",
    "Result",
    "Role",
    "RowOutcome",
    "SalespersonAction",
    "SourceState",
    "Synchronize",
    "System",
]
