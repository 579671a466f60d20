"""What becomes of a page of records: how many, and what kept the others from it. Pure.

Source: Business Central, table Integration Synch. Job; codeunit Integration Record Synch., "skipped after the same error".
"""

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from dataclasses import dataclass, replace
from dataclasses import field as attribute
from uuid import UUID

from gateway.couplings.coupling import Coupling, Result
from gateway.errors import (
    DeadlineError,
    GatewayError,
    PreconditionFailedError,
    ThrottledError,
    TokenError,
    UnreachableError,
)
from gateway.pairing.recovery import Finished
from gateway.records import Backend
from gateway.runs.planning import BC, CRM, Action, Reason
from gateway.runs.reading import Both
from gateway.runs.run import Counters, Tally
from gateway.sync.differences import Difference
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Found

AWAY = (DeadlineError, ThrottledError, TokenError, UnreachableError)
"""A system does not answer, or not now."""

_PASSING = (*AWAY, PreconditionFailedError)
"""What passes by itself puts no record on the skip list."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A record that could not be synchronized.

    ``coupling`` is as it was before, ``now`` as it was saved since, if it was. ``to`` is the side that should have been written,
    None: either. ``field`` is the one that is to blame, if there is one. ``conflicts`` are fields that both sides changed,
    ``moved`` the sides that changed since they were synchronized.
    """

    error: GatewayError
    coupling: Coupling | None = None
    records: ReadOnly[Backend, Found] = attribute(default_factory=dict)
    to: Backend | None = None
    field: str | None = None
    now: Coupling | None = None
    unsettled: bool = False
    conflicts: Sequence[Difference] = ()
    moved: frozenset[Backend] = frozenset()

    def ways(self, mapping: TableMapping) -> list[Backend]:
        """The sides that should have been written."""
        return [self.to] if self.to is not None else [to for to in Backend if mapping.direction.goes_to(to)]


@dataclass(frozen=True, slots=True)
class Step:
    """What was done with a pair or a record, and why; what kept one from being synchronized is a :class:`Problem` instead.

    ``write`` names the fields that each side got. ``made`` is the coupling of a new partner. ``error`` is what keeps a record on
    the skip list.
    """

    action: Action
    reason: Reason
    coupling: Coupling | None = None
    records: ReadOnly[Backend, Found] = attribute(default_factory=dict)
    write: ReadOnly[Backend, frozenset[str]] = attribute(default_factory=dict)
    differences: Sequence[Difference] = ()
    moved: frozenset[Backend] = frozenset()
    error: GatewayError | None = None
    made: Coupling | None = None


@dataclass(slots=True)
class Applied:
    """What became of a page.

    ``activated`` are products that were made active again, as they are then, by their coupling: their fields follow.
    """

    tally: Tally = attribute(default_factory=Tally)
    problems: list[Problem] = attribute(default_factory=list)
    steps: list[Step] = attribute(default_factory=list)
    activated: dict[UUID, Found] = attribute(default_factory=dict)

    def count(self, *, to: Sequence[Backend] = (), **counters: int) -> None:
        one, none = Counters(**counters), Counters()
        self.tally += Tally(one, one if BC in to else none, one if CRM in to else none)

    def add(self, more: "Applied") -> None:
        self.tally += more.tally
        self.problems += more.problems
        self.steps += more.steps

    def take_away(self, mapping: TableMapping, run: UUID) -> list[UUID]:
        """The couplings that a system which is away kept from being synchronized: no longer counted, nor told.

        One that failed in the same way before this run is none of them: it may be the record and not the system, and a run is
        not to wait for it again and again.
        """
        away: list[UUID] = []
        for each in list(self.problems):
            ways, coupling = each.ways(mapping), each.coupling
            if coupling is None or each.unsettled or not isinstance(each.error, AWAY):
                continue
            if coupling.error_code == str(each.error.code) and failed_before(coupling, ways, run):
                continue
            self.problems.remove(each)
            self.count(to=ways, failed=-1)
            away.append(coupling.id)
        return away


def forgiven(coupling: Coupling) -> Coupling:
    """As somebody asks for it by name: what is on the skip list is tried, too, and what failed before does not count."""
    return replace(coupling, skipped=False, error_code=None, error_message=None)


def failed_again(before: Coupling, now: Coupling, ways: Sequence[Backend], error: GatewayError, run: UUID) -> Coupling:
    """The coupling after a failure; ``before`` is as it was when the run came to it."""
    same = before.error_message == error.message and failed_before(before, ways, run)
    again = same and not isinstance(error, _PASSING)
    state: dict[str, object] = {"error_code": str(error.code), "error_message": error.message}
    for to in ways:
        side = "crm" if to is CRM else "bc"
        state |= {f"last_result_to_{side}": Result.FAILURE, f"last_job_to_{side}": str(run)}
    return replace(now, **state, skipped=now.skipped or again)  # type: ignore[arg-type]  # names of its fields


def failed_before(coupling: Coupling, ways: Sequence[Backend], run: UUID) -> bool:
    """Whether one of these sides could not be written before this run."""
    earlier = {
        CRM: (coupling.last_result_to_crm, coupling.last_job_to_crm),
        BC: (coupling.last_result_to_bc, coupling.last_job_to_bc),
    }
    return any(earlier[to][0] is Result.FAILURE and earlier[to][1] != str(run) for to in ways)


def as_finished(finished: Finished) -> Step:
    """A creation that had broken off, or is under way."""
    coupling = finished.coupling
    if finished.under_way:
        return Step(Action.SKIP, Reason.BEING_CREATED, coupling)
    return Step(Action.UNCOUPLE if finished.ended else Action.INSERT, Reason.BROKEN_OFF, coupling)


def step_of(both: Both, action: Action, reason: Reason, write: ReadOnly[Backend, frozenset[str]] | None = None) -> Step:
    return Step(action, reason, both.coupling, both.records, write or {}, both.seen.differences, both.seen.moved)


def held(coupling: Coupling) -> frozenset[str]:
    """The fields that both sides of a new pair hold."""
    return frozenset(name for name, text in (coupling.base or {}).items() if text and not name.startswith("$"))
