"""The closed sets of synchronization runs, as the schema shows them. Import them from here, so that they are shown only once."""

from gateway.runs.choices import Use
from gateway.runs.planning import Action, Reason, Wanted
from gateway.runs.policy import DeletionConflict, UpdateConflict
from gateway.runs.remedies import Remedy
from gateway.runs.review import Recommendation
from gateway.runs.run import RunKind, RunState
from schema.enums import show_enum

show_enum(
    RunKind,
    "What a run of synchronization is about.",
    {
        RunKind.MODIFIED: "What changed since the last time.",
        RunKind.RECORDS: "Chosen couplings.",
        RunKind.RECONCILE: "Whether both records of all couplings are still there.",
        RunKind.STATISTICS: "The statistics of all coupled customers, copied to CRM.",
        RunKind.STOCK: "The stock of all coupled items, copied to CRM.",
        RunKind.FULL: "Every record, whatever changed.",
        RunKind.RETRY: "What failed or is on the skip list.",
        RunKind.DRY_RUN: "What a run of another kind would do: see `plan`. Nothing is done.",
    },
    name="SynchronizationKind",
)
show_enum(
    RunState,
    "How far a run is.",
    {
        RunState.WAITING: "It waits for its turn.",
        RunState.RUNNING: "It is under way.",
        RunState.SUCCEEDED: "It came to its end. Single records may have failed: see `counters` and `errors`.",
        RunState.FAILED: "It ended early: see `code` and `message`.",
        RunState.CANCELLED: "Somebody ended it.",
    },
    name="SynchronizationStatus",
)
show_enum(
    Wanted,
    "Whose data counts when records are synchronized.",
    {
        Wanted.MERGE: "Each field goes the way it changed; fields that both sides changed are a conflict.",
        Wanted.SEND: "Business Central's: CRM is overwritten.",
        Wanted.GET: "CRM's: Business Central is overwritten.",
    },
    name="SynchronizeWay",
)
show_enum(
    UpdateConflict,
    "What happens when both sides changed a field that goes both ways.",
    {
        UpdateConflict.NONE: "Nothing is written: the record fails, and somebody decides.",
        UpdateConflict.BUSINESS_CENTRAL_WINS: "CRM is overwritten.",
        UpdateConflict.DATAVERSE_WINS: "Business Central is overwritten.",
    },
    name="UpdateConflictPolicy",
)
show_enum(
    DeletionConflict,
    "What happens when one side of a coupling was deleted.",
    {
        DeletionConflict.NONE: "Nothing: the record fails, and somebody decides.",
        DeletionConflict.RESTORE_RECORDS: "A new record is made of the one that is left.",
        DeletionConflict.REMOVE_COUPLING: "The coupling ends.",
    },
    name="DeletionConflictPolicy",
)
show_enum(
    Action,
    "What is done with a coupled pair, or with a record that nobody coupled.",
    {
        Action.UNCHANGED: "Nothing.",
        Action.MODIFY: "One side or both are written.",
        Action.SKIP: "It is left out.",
        Action.FAIL: "Nothing: somebody has to decide.",
        Action.RESTORE: "The side that was deleted is made anew.",
        Action.UNCOUPLE: "The coupling ends.",
        Action.CLOSE: "The order in CRM becomes Invoiced, and the coupling ends.",
        Action.INSERT: "A partner is created on the other side, and the two are coupled.",
        Action.COUPLE: "It is coupled with a row that is there already.",
        Action.CHANGE_STATE: "That it is blocked, inactive or retired, or is that no more, is passed on to its partner.",
    },
    name="SynchronizationAction",
)
show_enum(
    Reason,
    "Why that is done.",
    {
        Reason.NOTHING_CHANGED: "Neither record changed since they were synchronized.",
        Reason.NO_MAPPED_FIELD_CHANGED: "A record changed, but in no field that is to be written.",
        Reason.BUSINESS_CENTRAL_CHANGED: "The record of Business Central changed.",
        Reason.DATAVERSE_CHANGED: "The row of CRM changed.",
        Reason.BOTH_CHANGED: "Both changed, in different fields.",
        Reason.CONFLICT: "Both changed the same field, and nobody says whose value counts.",
        Reason.CONFLICT_RESOLVED: "Both changed the same field, and a policy says whose value counts.",
        Reason.ON_THE_SKIP_LIST: "It failed twice with the same error.",
        Reason.OUTSIDE_FILTER: "One of the records does not meet the filter of the mapping.",
        Reason.PARTNER_DELETED: "One of the records was deleted.",
        Reason.BOTH_DELETED: "Both records were deleted.",
        Reason.INVOICED: "The order is gone from Business Central because it was invoiced.",
        Reason.ASKED_FOR: "Somebody said whose data counts.",
        Reason.NOT_COUPLED: "Nobody coupled the record.",
        Reason.SAME_KEY: "CRM has a row under the natural key of the record: a currency, a unit, an option.",
        Reason.STATE_CHANGED: "A record was blocked, deactivated or retired, or is that no more.",
        Reason.BROKEN_OFF: "A creation that broke off is finished; or its coupling ends, because its record is gone.",
        Reason.BEING_CREATED: "Somebody is just creating one of the records.",
        Reason.ACCOUNT_UNCOUPLED: "The coupling of the account that the contact belongs to ends.",
        Reason.NOT_POSSIBLE: "A rule is in the way: see `code`, `message` and `hint`.",
    },
    name="SynchronizationReason",
)
show_enum(
    Recommendation,
    "What is best done with a mapping before, or by, a full run.",
    {
        Recommendation.FULL_SYNCHRONIZATION: "Run it: only one side has records that nobody coupled.",
        Recommendation.COUPLE_RECORDS: "Couple records first, by match or by hand: both sides have some that nobody coupled.",
        Recommendation.NO_RECORDS: "Nothing: there are no records to make partners for.",
        Recommendation.DEPENDENCY_NOT_SATISFIED: "First the mappings whose records it refers to.",
    },
    name="FullSynchronizationRecommendation",
)

FullSynchronizationRecommendation = Recommendation
show_enum(
    Use,
    "What both sides of a field in conflict are to hold.",
    {
        Use.BUSINESS_CENTRAL: "What Business Central holds.",
        Use.DATAVERSE: "What CRM holds.",
        Use.VALUE: "A value of your own.",
    },
    name="ConflictUse",
)
show_enum(
    Remedy,
    "Something that can be done about a record that cannot be synchronized.",
    {
        Remedy.COUPLE_SALESPERSONS: "Couple the salesperson or the owner: `coupleSalespersons`.",
        Remedy.COUPLE_RECORDS: "Couple what it refers to, or the record itself: `coupleRecords`.",
        Remedy.CHANGE_RECORD: "Correct the record in its own system.",
        Remedy.CHECK_RIGHTS: "Check what the gateway may see and write: `connection`.",
        Remedy.RESOLVE_FIELDS: "Decide field by field: `resolveConflict`.",
        Remedy.USE_BUSINESS_CENTRAL: "Keep Business Central's data: `synchronizeRecords` with SEND.",
        Remedy.USE_DATAVERSE: "Keep CRM's data: `synchronizeRecords` with GET.",
        Remedy.RESTORE: "Make the deleted record anew: `restoreRecord`.",
        Remedy.RETRY: "Try again once the cause is gone: `retrySynchronization`. Runs do so by themselves.",
        Remedy.UNCOUPLE: "End the coupling: `uncoupleRecords`.",
    },
    name="SynchronizationRemedy",
)

ConflictUse = Use
SynchronizationRemedy = Remedy
SynchronizeWay = Wanted
SynchronizationAction = Action
SynchronizationReason = Reason

__all__ = [
    "ConflictUse",
    "DeletionConflict",
    "FullSynchronizationRecommendation",
    "RunKind",
    "RunState",
    "SynchronizationAction",
    "SynchronizationReason",
    "SynchronizationRemedy",
    "SynchronizeWay",
    "UpdateConflict",
]
