"""What is to be done with a coupled pair: a decision with its reason. Pure.

A pair is looked at field by field, against what both sides held when they were last synchronized. So a record that was touched
without a mapped field being changed is no conflict, and neither are changes of different fields on both sides. Business Central
compares moments only, and calls both a conflict when any field that goes both ways differs.

Source: Business Central, codeunits CRM Integration Table Synch. and Integration Rec. Synch. Invoke.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.couplings.coupling import Coupling
from gateway.records import Backend
from gateway.runs.choices import Choice, Use
from gateway.runs.policy import DeletionConflict, Policy
from gateway.sync.differences import CouplingSide, Difference
from gateway.sync.mapping import Direction


class Action(StrEnum):
    """What becomes of a pair, or of a record without a partner.

    Source: Business Central, codeunit CRM Integration Table Synch., ``SynchActionType``.
    """

    UNCHANGED = "UNCHANGED"
    MODIFY = "MODIFY"
    SKIP = "SKIP"
    FAIL = "FAIL"
    RESTORE = "RESTORE"
    UNCOUPLE = "UNCOUPLE"
    CLOSE = "CLOSE"
    INSERT = "INSERT"
    COUPLE = "COUPLE"
    CHANGE_STATE = "CHANGE_STATE"


class Reason(StrEnum):
    """Why."""

    NOTHING_CHANGED = "NOTHING_CHANGED"
    NO_MAPPED_FIELD_CHANGED = "NO_MAPPED_FIELD_CHANGED"
    BUSINESS_CENTRAL_CHANGED = "BUSINESS_CENTRAL_CHANGED"
    DATAVERSE_CHANGED = "DATAVERSE_CHANGED"
    BOTH_CHANGED = "BOTH_CHANGED"
    CONFLICT = "CONFLICT"
    CONFLICT_RESOLVED = "CONFLICT_RESOLVED"
    ON_THE_SKIP_LIST = "ON_THE_SKIP_LIST"
    OUTSIDE_FILTER = "OUTSIDE_FILTER"
    PARTNER_DELETED = "PARTNER_DELETED"
    BOTH_DELETED = "BOTH_DELETED"
    INVOICED = "INVOICED"
    ASKED_FOR = "ASKED_FOR"
    NOT_COUPLED = "NOT_COUPLED"
    SAME_KEY = "SAME_KEY"
    STATE_CHANGED = "STATE_CHANGED"
    BROKEN_OFF = "BROKEN_OFF"
    BEING_CREATED = "BEING_CREATED"
    ACCOUNT_UNCOUPLED = "ACCOUNT_UNCOUPLED"
    NOT_POSSIBLE = "NOT_POSSIBLE"


class Wanted(StrEnum):
    """How the records of a run are synchronized.

    Source: Business Central, "Synchronize Now": Send data, Get data, Merge data.
    """

    MERGE = "MERGE"
    SEND = "SEND"
    GET = "GET"

    @property
    def to(self) -> Backend | None:
        """The side that is overwritten, whatever changed; None: what changed goes to the other side."""
        return {Wanted.MERGE: None, Wanted.SEND: Backend.DATAVERSE, Wanted.GET: Backend.BUSINESS_CENTRAL}[self]


@dataclass(frozen=True, slots=True)
class Seen:
    """A coupled pair as it was just read.

    ``there`` says which sides exist, ``inside`` which meet the mapping's filter, ``moved`` which changed since the last
    synchronization. ``invoiced``: the record is an order that is gone because it was invoiced.
    """

    coupling: Coupling
    there: frozenset[Backend]
    inside: frozenset[Backend]
    moved: frozenset[Backend]
    differences: Sequence[Difference] = ()
    invoiced: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """``write`` names the fields that each side gets; ``values`` of some what both get, which neither side may hold yet."""

    action: Action
    reason: Reason
    write: dict[Backend, frozenset[str]] = field(default_factory=dict)
    conflicts: tuple[Difference, ...] = ()
    values: dict[str, str | None] = field(default_factory=dict)


BOTH = frozenset(Backend)
BC, CRM = Backend.BUSINESS_CENTRAL, Backend.DATAVERSE


NO_CHOICES: Mapping[str, Choice] = {}


def decide(
    seen: Seen,
    policy: Policy,
    direction: Direction,
    *,
    wanted: Wanted = Wanted.MERGE,
    choices: Mapping[str, Choice] = NO_CHOICES,
) -> Decision:
    """What is to be done with a pair of a mapping that goes in this direction; ``choices`` are a person's, by field."""
    if seen.coupling.skipped and wanted is Wanted.MERGE:
        return Decision(Action.SKIP, Reason.ON_THE_SKIP_LIST)
    if seen.invoiced and direction.goes_to(CRM):
        return Decision(Action.CLOSE, Reason.INVOICED)
    if seen.there != BOTH:
        return _deleted(seen, policy, direction)
    if seen.inside != BOTH:
        return Decision(Action.SKIP, Reason.OUTSIDE_FILTER)
    if wanted.to is not None:
        names = frozenset(
            each.field.name for each in seen.differences if _counts(each) and each.direction.goes_to(wanted.to)
        )
        return Decision(Action.MODIFY, Reason.ASKED_FOR, {wanted.to: names})
    if not seen.moved:
        return Decision(Action.UNCHANGED, Reason.NOTHING_CHANGED)
    return _merged(seen, policy, direction, choices)


def _deleted(seen: Seen, policy: Policy, direction: Direction) -> Decision:
    if not seen.there:
        return Decision(Action.UNCOUPLE, Reason.BOTH_DELETED)
    (gone,) = BOTH - seen.there
    action = {
        DeletionConflict.NONE: Action.FAIL,
        DeletionConflict.REMOVE_COUPLING: Action.UNCOUPLE,
        DeletionConflict.RESTORE_RECORDS: Action.RESTORE,
    }[policy.deletion]
    if action is Action.RESTORE and not (direction.goes_to(gone) and seen.inside == seen.there):
        action = Action.FAIL
    return Decision(action, Reason.PARTNER_DELETED)


def _merged(seen: Seen, policy: Policy, direction: Direction, choices: Mapping[str, Choice]) -> Decision:
    """Each field goes where it is to go; one conflict that nobody resolves holds the whole record."""
    names: dict[Backend, set[str]] = {BC: set(), CRM: set()}
    values: dict[str, str | None] = {}
    open_conflicts: list[Difference] = []
    resolved = False
    for each in seen.differences:
        if not _counts(each):
            continue
        choice = choices.get(each.field.name)
        if choice is not None and choice.holds(each):
            for side in choice.to:
                names[side].add(each.field.name)
            if choice.use is Use.VALUE:
                values[each.field.name] = choice.value
            resolved = True
            continue
        to, is_conflict = _way(each, seen)
        if is_conflict:
            to = policy.of(each.field.name).to
            resolved = resolved or to is not None
            if to is None:
                open_conflicts.append(each)
        if to is not None:
            names[to].add(each.field.name)
    if open_conflicts:
        return Decision(Action.FAIL, Reason.CONFLICT, conflicts=tuple(open_conflicts))
    write = {to: frozenset(names[to]) for to in Backend if names[to] and direction.goes_to(to)}
    if not write:
        return Decision(Action.UNCHANGED, Reason.NO_MAPPED_FIELD_CHANGED)
    return Decision(Action.MODIFY, Reason.CONFLICT_RESOLVED if resolved else _because(seen), write, values=values)


def _counts(difference: Difference) -> bool:
    """Whether the field is synchronized where both records are there."""
    return difference.field.enabled and not difference.field.new_only


def _way(difference: Difference, seen: Seen) -> tuple[Backend | None, bool]:
    """The side that gets the field, and whether both sides want to give it.

    A field that goes one way is given again whenever its own side changed; a change of the other side stays until then.
    """
    match difference.direction:
        case Direction.TO_INTEGRATION_TABLE:
            return (CRM if BC in seen.moved else None), False
        case Direction.FROM_INTEGRATION_TABLE:
            return (BC if CRM in seen.moved else None), False
    match difference.changed_side:
        case CouplingSide.BUSINESS_CENTRAL:
            return CRM, False
        case CouplingSide.DATAVERSE:
            return BC, False
        case CouplingSide.BOTH:
            return None, True
    if seen.moved == BOTH:
        return None, True
    return (CRM if BC in seen.moved else BC), False


def _because(seen: Seen) -> Reason:
    if seen.moved == BOTH:
        return Reason.BOTH_CHANGED
    return Reason.BUSINESS_CENTRAL_CHANGED if BC in seen.moved else Reason.DATAVERSE_CHANGED
