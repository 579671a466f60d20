"""Records whose partner was deleted get a new one, and creations that broke off are finished: a page at a time, in batches."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from gateway.couplings.coupling import Cause, Coupling
from gateway.errors import GatewayError
from gateway.pairing.creating import Making, Unsettled, create_each, made_id
from gateway.pairing.matches.duplicates import possible_duplicates
from gateway.pairing.recovery import Finished, finish_each
from gateway.records import Backend
from gateway.runs.planning import BC, CRM
from gateway.runs.reading import Both
from gateway.sync.desk import Desk
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Found


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of one: a new coupling in place of the old one, or what was in the way."""

    both: Both
    to: Backend
    outcome: Coupling | Unsettled | GatewayError


async def restore_each(desk: Desk, mapping: TableMapping, pairs: Sequence[Both], run: UUID) -> list[Restored]:
    """A new record is made of each one that is left, and coupled with it in place of the one that was deleted.

    Raises:
        BackendError: a system could not be read; nothing was written.
    """
    restored: list[Restored] = []
    for to in (CRM, BC):
        left = {each.coupling.id: each.records[_other(to)] for each in pairs if to not in each.records}
        same = [each for each in pairs if each.coupling.id in left]
        restored += await _one_way(desk, mapping, to, same, left, run) if same else []
    return restored


async def _one_way(
    desk: Desk,
    mapping: TableMapping,
    to: Backend,
    pairs: Sequence[Both],
    left: dict[UUID, Found],
    run: UUID,
) -> list[Restored]:
    stale = {left[each.coupling.id].id: each.coupling for each in pairs}
    doubles = await possible_duplicates(desk, mapping, to, list(left.values()))
    wanted = [each for each in left.values() if each.id not in doubles]
    made = await create_each(desk, mapping, to, wanted, job=run, stale=stale)
    await _keep(desk, [stale[id] for id, outcome in made.items() if isinstance(outcome, GatewayError)], run)
    outcomes = {**made, **doubles}
    return [Restored(each, to, outcomes[left[each.coupling.id].id]) for each in pairs]


async def _keep(desk: Desk, failed: Sequence[Coupling], run: UUID) -> None:
    """What could not be made anew keeps its coupling, so that it is tried again."""
    there = await desk.books.couplings.get_many(each.id for each in failed)
    gone = [each for each in failed if each.id not in there]
    if gone:
        await desk.books.changes.add_free(gone, desk.doing(Cause.UNDONE, run))


async def finish_broken_off(desk: Desk, mapping: TableMapping, couplings: Sequence[Coupling]) -> list[Finished]:
    """Of couplings whose one side is still to be created: those whose maker is gone are finished.

    Returns:
        one for each such coupling, also of those that are under way.
    """
    fresh = {each.id: each for each in couplings if each.base is None}
    intents = await desk.books.intents.of(fresh)
    left = [Making(fresh[id], each) for id, each in intents.items() if desk.is_broken_off(each)]
    finished = await finish_each(desk, mapping, left)
    under_way = [Finished(fresh[id], under_way=True) for id, each in intents.items() if not desk.is_broken_off(each)]
    return [*finished, *under_way]


@dataclass(frozen=True, slots=True)
class Begun:
    """A creation that an earlier page, or an earlier attempt at this one, began and did not finish."""

    making: Making

    @property
    def to(self) -> Backend:
        return CRM if self.making.intent.to_crm else BC


async def begun_by(desk: Desk, seeds: Collection[UUID]) -> list[Begun]:
    """Creations whose ids follow from one of these seeds (see :func:`create_each`) and that nobody finished."""
    intents = {each.id: each for each in await desk.books.intents.left(before=datetime.now(UTC))}
    found = await desk.books.couplings.get_many(intents) if intents else {}
    makings = [Making(each, intents[each.id]) for each in found.values()]
    return [Begun(each) for each in makings if any(made_id(seed, _source(each)) == each.coupling.id for seed in seeds)]


def _source(making: Making) -> UUID:
    return making.coupling.bc_id if making.intent.to_crm else making.coupling.crm_id


def _other(backend: Backend) -> Backend:
    return BC if backend is CRM else CRM
