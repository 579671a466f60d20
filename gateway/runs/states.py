"""States that are passed on: a blocked item retires its product, an inactive account blocks its customer.

Records in such a state are outside the filter of their mapping, so no field of theirs is synchronized; only the state is.

| What changed | What is written |
|---|---|
| an item was blocked, its product is active | the product is retired |
| such an item was unblocked, and the product is as it was left | the product is active again |
| a product is no longer active, its item is not blocked | the item is blocked; never unblocked |
| an account was deactivated, its customer or vendor is not blocked | it is blocked for everything; never unblocked |

Source: Business Central, codeunit CRM Int. Table. Subscriber: product state and Item.Blocked both ways, account state to
Customer.Blocked. That a product is activated only when it was retired from here is ours: there, any later change of the item
activates a product that somebody retired.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.clients.writing import Outcome
from gateway.couplings.coupling import Coupling
from gateway.couplings.coupling import Mapping as Tables
from gateway.errors import GatewayError
from gateway.odata.filters import meets
from gateway.odata.write import Update
from gateway.records import Backend, Values
from gateway.runs.planning import BC, CRM
from gateway.runs.reading import Both
from gateway.sync.desk import Desk
from gateway.sync.mapping import Rule, TableMapping, properties
from gateway.sync.records import Records

MARK: Final = "$retired"
"""Among what both sides agree on: that the product was retired because its item was blocked."""

_STATES: Final = frozenset({"blocked", "statecode"})
_ACTIVE, _RETIRED = 0, 1
_INACTIVE = 1


@dataclass(frozen=True, slots=True)
class StateChange:
    """A state that one side gets; ``mark`` is whether the product is retired because of its item afterwards."""

    to: Backend
    values: Values
    mark: bool = False


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
    marked = (both.coupling.base or {}).get(MARK) is not None
    if BC in both.seen.moved and blocked is True and state == _ACTIVE:
        return StateChange(CRM, {"statecode": _RETIRED, "statuscode": 2}, mark=True)
    if blocked is False and marked and state == _RETIRED:
        return StateChange(CRM, {"statecode": _ACTIVE, "statuscode": 1}) if BC in both.seen.moved else None
    if CRM in both.seen.moved and blocked is False and state != _ACTIVE:
        return StateChange(BC, {"blocked": True})
    return None


def _of_account(both: Both) -> StateChange | None:
    blocked, state = both.records[BC].values.get("blocked"), both.records[CRM].values.get("statecode")
    if CRM in both.seen.moved and state == _INACTIVE and blocked is None:
        return StateChange(BC, {"blocked": "All"})
    return None


async def pass_states(
    desk: Desk, mapping: TableMapping, pairs: Sequence[Both]
) -> list[tuple[Both, StateChange | None, GatewayError | None]]:
    """For each pair what was written, or what kept it from being written. Guarded by the version that was decided on.

    Raises:
        BackendError: the filter could not be read; nothing was written.
    """
    rules = {side: await Records(desk, mapping, side).rules() for side in Backend}
    wanted = [(each, state_change(mapping, each) if _is_only_state(each, rules) else None) for each in pairs]
    problems: dict[int, GatewayError] = {}
    now: list[Coupling] = []
    for to in (CRM, BC):
        source, mine = (
            mapping.table(to).source,
            [(each, one) for each, one in wanted if one is not None and one.to is to],
        )
        if not mine:
            continue
        path = desk.path(source)
        updates = [Update(path, each.records[to].id, one.values, each.records[to].etag or "") for each, one in mine]
        with desk.calling() as call:
            outcomes: Sequence[Outcome] = await desk.client(source).write_each(updates, call=call)
        for (each, one), outcome in zip(mine, outcomes, strict=True):
            if isinstance(outcome, GatewayError):
                problems[id(each)] = outcome
            else:
                now.append(_remembered(each, one))
    await desk.books.changes.update_each(now)
    return [(each, one, problems.get(id(each))) for each, one in wanted]


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
    if coupling.base is None or MARK not in coupling.base:
        return coupling
    return replace(coupling, base={name: value for name, value in coupling.base.items() if name != MARK})


def _remembered(both: Both, change: StateChange) -> Coupling:
    """The version of the side whose state was passed on is known now, unless its fields are still to be synchronized.

    The mark stays with what both agree on; of a pair that agrees on nothing it is not known later.
    """
    coupling = unmarked(both.coupling)
    if coupling.base is not None and change.mark:
        coupling = replace(coupling, base={**coupling.base, MARK: "true"})
    if change.to is CRM and not change.mark:
        return coupling
    source = both.records[BC if change.to is CRM else CRM]
    if change.to is CRM:
        return replace(coupling, bc_etag=source.etag, bc_modified_at=source.modified_at)
    return replace(coupling, crm_etag=source.etag, crm_modified_at=source.modified_at)
