"""States that are passed on: a blocked item retires its product, an inactive account blocks its customer.

Records in such a state are outside the filter of their mapping, so no field of theirs is synchronized; only the state is.

| What changed | What is written |
|---|---|
| an item was blocked, its product is active | the product is retired |
| such an item was unblocked, and the product is as it was left | the product is active again; its fields follow at once |
| a product is no longer active, its item is not blocked | the item is blocked; never unblocked |
| an account was deactivated, its customer or vendor is not blocked | it is blocked for everything; never unblocked |

Source: Business Central, codeunit CRM Int. Table. Subscriber: product state and Item.Blocked both ways, account state to
Customer.Blocked. That a product is activated only when it was retired from here is ours: there, any later change of the item
activates a product that somebody retired.

That a state is about to be written is saved first. Where nobody learns what came of the write, the next look finds the state as
it was to be, and takes it for what we wrote. A person who sets the same state in just that time cannot be told from us.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from gateway.clients.writing import Outcome
from gateway.couplings.coupling import Coupling, Result
from gateway.couplings.coupling import Mapping as Tables
from gateway.errors import BackendError, GatewayError, PreconditionFailedError
from gateway.odata.filters import meets
from gateway.odata.write import Update
from gateway.records import Backend, Record, Values
from gateway.runs.planning import BC, CRM
from gateway.runs.reading import Both, has_moved
from gateway.sync.desk import Desk
from gateway.sync.mapping import Rule, TableMapping, properties
from gateway.sync.records import Found, Records

MARK: Final = "$retired"
"""Among what both sides agree on: that the product was retired because its item was blocked."""

BEGUN: Final = "$begun"
"""Beside it: the side whose state is being written; afterwards, that nobody knows whether it was."""

_STATES: Final = frozenset({"blocked", "statecode"})
_ACTIVE, _RETIRED = 0, 1
_INACTIVE = 1


@dataclass(frozen=True, slots=True)
class StateChange:
    """A state that one side gets; ``mark`` is whether the product is retired because of its item afterwards.

    Without ``values`` that side has it already, from a write of ours whose end nobody knew.
    """

    to: Backend
    values: Values
    mark: bool = False

    @property
    def activates(self) -> bool:
        """Whether the pair is within the filter afterwards, so that its fields are still to be synchronized."""
        return self.to is CRM and not self.mark


@dataclass(frozen=True, slots=True)
class Passed:
    """What became of a pair: ``change`` is what was written, None: nothing. ``problem`` is what kept it from being written.

    ``coupling`` is as it is afterwards, but for the problem, and ``record`` the one that was written.
    """

    both: Both
    coupling: Coupling
    change: StateChange | None = None
    problem: GatewayError | None = None
    record: Found | None = None


def passes_states(mapping: Tables) -> bool:
    """Whether a mapping has states that can be passed on."""
    return mapping in (Tables.ITEM, Tables.CUSTOMER, Tables.VENDOR)


def state_change(mapping: TableMapping, both: Both) -> StateChange | None:
    """What is to be written of a pair of which both records are there; None: nothing."""
    if both.records.keys() != {BC, CRM}:
        return None
    change = _of_item(both) if mapping.mapping is Tables.ITEM else _of_account(both)
    return change if change is not None and mapping.direction.goes_to(change.to) else None


def _of_item(both: Both) -> StateChange | None:
    blocked, state = both.records[BC].values.get("blocked"), both.records[CRM].values.get("statecode")
    begun = _begun(both.coupling)
    if blocked is True and state == _RETIRED and begun is CRM:
        return StateChange(CRM, {}, mark=True)
    if blocked is True and state != _ACTIVE and begun is BC:
        return StateChange(BC, {})
    if BC in both.seen.moved and blocked is True and state == _ACTIVE:
        return StateChange(CRM, {"statecode": _RETIRED, "statuscode": 2}, mark=True)
    if blocked is False and state == _RETIRED and (_is_marked(both.coupling) or begun is CRM):
        return StateChange(CRM, {"statecode": _ACTIVE, "statuscode": 1}) if BC in both.seen.moved else None
    if CRM in both.seen.moved and blocked is False and state != _ACTIVE:
        return StateChange(BC, {"blocked": True})
    return None


def _of_account(both: Both) -> StateChange | None:
    blocked, state = both.records[BC].values.get("blocked"), both.records[CRM].values.get("statecode")
    if state != _INACTIVE:
        return None
    if blocked == "All" and _begun(both.coupling) is BC:
        return StateChange(BC, {})
    return StateChange(BC, {"blocked": "All"}) if CRM in both.seen.moved and blocked is None else None


def _begun(coupling: Coupling) -> Backend | None:
    side = (coupling.base or {}).get(BEGUN)
    return Backend(side) if side is not None else None


def _is_marked(coupling: Coupling) -> bool:
    return (coupling.base or {}).get(MARK) is not None


async def pass_states(desk: Desk, mapping: TableMapping, pairs: Sequence[Both], run: UUID) -> list[Passed]:
    """Each pair with what was written, or what kept it from being written. Guarded by the version that was decided on.

    Raises:
        BackendError: the filter could not be read; nothing was written.
    """
    rules = {side: await Records(desk, mapping, side).rules() for side in Backend}
    wanted = [(each, state_change(mapping, each) if _is_only_state(each, rules) else None) for each in pairs]
    works = [(each, change) for each, change in wanted if change is not None]
    kept = await _begin(desk, works) if works else {}
    works = [(each, change) for each, change in works if each.coupling.id in kept]
    outcomes = await _write(desk, mapping, works)
    passed = {
        id: _passed(each, change, outcomes.get(id), kept[id], run)
        for id, each, change in ((each.coupling.id, each, change) for each, change in works)
    }
    await desk.books.changes.update_each(
        each.coupling if each.problem is None else replace(kept[id], base=each.coupling.base)
        for id, each in passed.items()
    )
    return [passed.get(each.coupling.id, Passed(each, each.coupling)) for each in pairs]


async def _begin(desk: Desk, works: Sequence[tuple[Both, StateChange]]) -> dict[UUID, Coupling]:
    """The couplings as they are kept, after it was noted what is begun; without those that ended or moved meanwhile.

    Nothing else of them is changed: their error and their place on the skip list are by what they are found again.
    """
    found = await desk.books.couplings.get_many(each.coupling.id for each, _ in works)
    kept = {
        each.coupling.id: found[each.coupling.id]
        for each, _ in works
        if each.coupling.id in found and _pair(found[each.coupling.id]) == _pair(each.coupling)
    }
    begun = [
        _noted(kept[each.coupling.id], BEGUN, str(change.to))
        for each, change in works
        if each.coupling.id in kept and change.values and not change.activates
    ]
    ended = {each.id for each in begun} - await desk.books.changes.update_each(begun)
    return {id: each for id, each in kept.items() if id not in ended}


async def _write(desk: Desk, mapping: TableMapping, works: Sequence[tuple[Both, StateChange]]) -> dict[UUID, Outcome]:
    """What came of each write, by its coupling."""
    outcomes: dict[UUID, Outcome] = {}
    for to in (CRM, BC):
        source = mapping.table(to).source
        mine = [(each, change) for each, change in works if change.to is to and change.values]
        if not mine:
            continue
        path = desk.path(source)
        updates = [Update(path, each.records[to].id, one.values, each.records[to].etag or "") for each, one in mine]
        with desk.calling() as call:
            told = await desk.client(source).write_each(updates, call=call)
        outcomes |= {each.coupling.id: outcome for (each, _), outcome in zip(mine, told, strict=True)}
    return outcomes


def _passed(both: Both, change: StateChange, outcome: Outcome, kept: Coupling, run: UUID) -> Passed:
    """A pair that is within the filter now is found again by what failed before, until its fields are synchronized.

    But the skip list is not to keep the next look from it.
    """
    if not isinstance(outcome, GatewayError):
        is_over = not change.activates
        now = _remembered(both, change, run) if is_over else replace(unmarked(kept), skipped=False)
        before = both.records[change.to]
        record = _as_written(before, change, outcome)
        return Passed(both, _with_own_version(now, before, outcome), change, record=record)
    coupling = both.coupling
    if not change.activates:
        unknown = _may_have_happened(outcome)
        coupling = _noted(coupling, BEGUN, str(change.to)) if unknown else _without(coupling, BEGUN)
    return Passed(both, coupling, change, outcome)


def _with_own_version(coupling: Coupling, before: Found, written: Record | None) -> Coupling:
    """What we wrote is no change of that side, unless somebody changed it before."""
    if written is None or written.etag is None or has_moved(coupling, before):
        return coupling
    if before.table.source.backend is CRM:
        return replace(coupling, crm_etag=written.etag)
    return replace(coupling, bc_etag=written.etag)


def _as_written(before: Found, change: StateChange, written: Record | None) -> Found:
    """The record with its new state. Where its new version is not known, a write of its fields will find it changed."""
    told = written.values if written is not None else {}
    values = {name: told.get(name, change.values.get(name, value)) for name, value in before.values.items()}
    return replace(before, values=values, etag=(written.etag if written is not None else None) or before.etag)


def _may_have_happened(error: GatewayError) -> bool:
    """Whether nobody knows what came of the write. Of a row that changed it is known that it is not as we would have made it."""
    return isinstance(error, BackendError) and error.unsettled and not isinstance(error, PreconditionFailedError)


def _is_only_state(both: Both, rules: dict[Backend, tuple[Rule, ...]]) -> bool:
    """Whether nothing but its state keeps a record outside the filter: another company's rows are nobody's business here."""
    return all(
        meets(rule.condition, record.values)
        for side, record in both.records.items()
        for rule in rules[side]
        if not _STATES & set(properties(rule.condition))
    )


def unmarked(coupling: Coupling) -> Coupling:
    """The coupling of a pair within the filter: whoever activated the product, that it was retired is over."""
    return _without(coupling, MARK, BEGUN)


def _without(coupling: Coupling, *names: str) -> Coupling:
    if coupling.base is None or coupling.base.keys().isdisjoint(names):
        return coupling
    return replace(coupling, base={name: value for name, value in coupling.base.items() if name not in names})


def _noted(coupling: Coupling, name: str, value: str) -> Coupling:
    """With a note among what both agree on; of a pair that agrees on nothing it is not known later."""
    return replace(coupling, base={**coupling.base, name: value}) if coupling.base is not None else coupling


def _pair(coupling: Coupling) -> tuple[UUID, UUID]:
    return coupling.bc_id, coupling.crm_id


def _remembered(both: Both, change: StateChange, run: UUID) -> Coupling:
    """The coupling after its state was passed on: what failed before is over, and the version of the other side is known."""
    coupling = unmarked(both.coupling)
    if change.mark:
        coupling = _noted(coupling, MARK, "true")
    now = replace(coupling, last_synchronized_at=datetime.now(UTC), error_code=None, error_message=None)
    if change.to is CRM:
        bc = both.records[BC]
        versions = replace(now, bc_etag=bc.etag, bc_modified_at=bc.modified_at)
        return replace(versions, last_result_to_crm=Result.SUCCESS, last_job_to_crm=str(run))
    crm = both.records[CRM]
    versions = replace(now, crm_etag=crm.etag, crm_modified_at=crm.modified_at)
    return replace(versions, last_result_to_bc=Result.SUCCESS, last_job_to_bc=str(run))
