"""Creations that broke off are finished: what a crash left behind ends as one record and one coupling.

| What is found | What is done |
|---|---|
| the record it was to be made from is deleted | the coupling ends |
| it cannot be seen, and nobody says that it was deleted | nothing |
| the new record is there already | the coupling is completed |
| it is not | it is created under the id that was chosen for it |
| a rule or a backend is in the way | nothing: drift shows it as unfinished, with the reason when it is repaired |

All of it can be done twice, and by two at once: a create finds the row that another attempt made, and a coupling that was
completed or ended meanwhile is left alone.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from uuid import UUID

from gateway.couplings.changes import CouplingTakenError
from gateway.couplings.coupling import Cause, Coupling, Doing
from gateway.couplings.coupling import Mapping as Tables
from gateway.errors import BackendError, CallerError, ErrorCode, GatewayError, RefusalError
from gateway.pairing.creating import Making, finish
from gateway.pairing.hidden import unseen_by
from gateway.records import Backend
from gateway.sync.desk import Books, Desk
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Found, Records
from gateway.sync.transfer import Pair, Prepared, prepare_each
from gateway.telemetry import log

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of one. ``ended``: the coupling ended; ``problem`` kept it from being finished; ``under_way``: not ours."""

    coupling: Coupling
    ended: bool = False
    problem: GatewayError | None = None
    under_way: bool = False


async def recover(desk_of: Callable[[UUID], Desk], books: Books, *, before: datetime, alone: bool = False) -> int:
    """Finish what is left of callers who are gone; returns how many creations that was.

    An intent that was begun since ``before`` is left to whoever is at it, and so is one whose maker may still be at it, unless we
    are ``alone``. A backend that does not answer, or a rule
    in the way, leaves its own unfinished.

    Raises:
        DatabaseError: our own database cannot be used.
    """
    left = {each.id: each for each in await books.intents.left(before=before)}
    couplings = await books.couplings.get_many(left)
    finished = 0
    for (company, name), same in groupby(sorted(couplings.values(), key=_place), key=_place):
        if name not in desk_of(company).tables:
            continue  # a place of the installation's own that is filled no more: nobody knows where to create
        old = [Making(each, left[each.id]) for each in same if alone or desk_of(company).is_broken_off(left[each.id])]
        for start in range(0, len(old), _PAGE):
            desk = desk_of(company)
            outcomes = await finish_each(desk, await desk.mapping(name), old[start : start + _PAGE])
            finished += sum(each.problem is None for each in outcomes)
            _tell(outcomes)
    for intent in left.values():
        if intent.id not in couplings:  # somebody uncoupled it: nothing is to be created any more
            await books.changes.apply(Doing("recovery", datetime.now(UTC), Cause.UNDONE), done=intent)
    return finished


def _place(coupling: Coupling) -> tuple[UUID, Tables]:
    return coupling.company_id, coupling.mapping


def _tell(outcomes: Iterable[Finished]) -> None:
    for each in outcomes:
        if each.problem is not None:
            log.warning(
                "a creation that broke off cannot be finished",
                coupling=str(each.coupling.id),
                mapping=str(each.coupling.mapping),
                code=str(each.problem.code),
            )


async def finish_each(desk: Desk, mapping: TableMapping, makings: Sequence[Making]) -> list[Finished]:
    """Finish creations of one mapping in the desk's company, in their order; their sources are read and prepared together.

    Raises:
        DatabaseError: our own database cannot be used.
    """
    outcomes: dict[UUID, Finished] = {}
    for to_crm in (True, False):
        same = [replace(each, taken_over=True) for each in makings if each.intent.to_crm is to_crm]
        if same:
            outcomes |= await _one_way(desk, mapping, same, Backend.DATAVERSE if to_crm else Backend.BUSINESS_CENTRAL)
    return [outcomes[each.coupling.id] for each in makings]


async def _one_way(desk: Desk, mapping: TableMapping, makings: Sequence[Making], to: Backend) -> dict[UUID, Finished]:
    origin = Backend.BUSINESS_CENTRAL if to is Backend.DATAVERSE else Backend.DATAVERSE
    try:
        records = Records(desk, mapping, origin)
        sources = await records.by_id(_source(each) for each in makings)
        there = [each for each in makings if _source(each) in sources]
        gone = await records.deleted(_source(each) for each in makings if _source(each) not in sources)
        pairs = [Pair(sources[_source(each)], None) for each in there]
        prepared = await prepare_each(desk, mapping, to=to, pairs=pairs)
    except BackendError as error:
        return {each.coupling.id: Finished(each.coupling, problem=error.again()) for each in makings}
    ready = {each.coupling.id: outcome for each, outcome in zip(there, prepared, strict=True)}
    done: dict[UUID, Finished] = {}
    for each in makings:
        source, outcome = sources.get(_source(each)), ready.get(each.coupling.id)
        if source is None and _source(each) not in gone:
            done[each.coupling.id] = Finished(each.coupling, problem=unseen_by(desk, mapping, each.coupling, origin))
        else:
            done[each.coupling.id] = await _one(desk, mapping, each, source, outcome)
    return done


def _source(making: Making) -> UUID:
    return making.coupling.bc_id if making.intent.to_crm else making.coupling.crm_id


async def _one(
    desk: Desk, mapping: TableMapping, making: Making, source: Found | None, prepared: Prepared | RefusalError | None
) -> Finished:
    try:
        if source is None or prepared is None:
            await desk.books.changes.apply(desk.doing(Cause.UNDONE), removed=[making.coupling], done=making.intent)
            return Finished(making.coupling, ended=True)
        if isinstance(prepared, RefusalError):
            return Finished(making.coupling, problem=prepared)
        finished = await finish(desk, mapping, making, source, prepared)
        return Finished(finished.coupling, problem=finished.problem)
    except CouplingTakenError:
        return await _meanwhile(desk, making)
    except (BackendError, CallerError) as error:
        now = await desk.books.couplings.get(making.coupling.id)
        return Finished(making.coupling, ended=now is None, problem=error)


async def _meanwhile(desk: Desk, making: Making) -> Finished:
    """Somebody else ended the coupling, moved it, or finished the creation: nothing is left to do, or it is not ours."""
    now = await desk.books.couplings.get(making.coupling.id)
    if now is None or not await desk.books.intents.of([making.coupling.id]):
        return Finished(now or making.coupling, ended=now is None)
    problem = RefusalError(
        ErrorCode.COUPLING_CHANGED,
        "Somebody else changed the coupling meanwhile.",
        hint="Look at it, then decide again.",
    )
    return Finished(now, problem=problem)
