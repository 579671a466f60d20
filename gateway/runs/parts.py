"""The parts that runs consist of, each carried out a page at a time."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, replace
from dataclasses import field as attribute
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from gateway.couplings.coupling import Coupling
from gateway.couplings.store import CouplingFilter, Position, Side, position
from gateway.pairing.creating import made_id
from gateway.pairing.recovery import finish_each
from gateway.records import Backend
from gateway.runs.applied import Applied, Problem, Step, as_finished, forgiven
from gateway.runs.applying import synchronize_page
from gateway.runs.inserting import made_here, make_partners, seed_of
from gateway.runs.planning import BC, CRM, Action, Reason, Wanted
from gateway.runs.pulling import PAGE, is_new, pull
from gateway.runs.reading import has_moved, meets_all
from gateway.runs.restoring import begun_by, finish_broken_off
from gateway.runs.run import Run
from gateway.runs.setting import Setting
from gateway.runs.told import Notice, Told
from gateway.sync.desk import Desk
from gateway.sync.records import Found, Records

LEFT = "left"
"""The part of a run that takes up what had to wait for a system."""

_SIDES = {Backend.BUSINESS_CENTRAL: Side.BUSINESS_CENTRAL, Backend.DATAVERSE: Side.DATAVERSE}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a run while it is carried out.

    ``what`` names it: a backend for what changed there, or one of the others. ``mark`` is up to where an earlier run has been.
    ``noted`` tells which of some couplings failed in the run already, ``tried`` which of some records of a side did that have no
    coupling. ``unmade`` are records of a side, from behind a place on, for which earlier runs could not make partners. ``told``
    is what backends told us. In a dry run ``noted`` and ``tried`` tell which were planned already. ``lists`` are those of
    what failed before that earlier parts went through, ``followed`` sides whose changes they looked at, from these places on.
    """

    what: str
    mark: str | None
    noted: Callable[[Iterable[UUID]], Awaitable[set[UUID]]]
    tried: Callable[[Backend, Iterable[UUID]], Awaitable[set[UUID]]]
    unmade: Callable[[Backend, UUID | None], Awaitable[list[UUID]]]
    told: Told
    lists: frozenset[str] = frozenset()
    followed: ReadOnly[Backend, str | None] = attribute(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """A page that was carried out."""

    applied: Applied
    place: Any
    is_last: bool


async def _changes(setting: Setting, run: Run, part: Part, place: str | None) -> Done:
    """What changed on one side. Records that nobody coupled are counted and left alone, or get partners."""
    backend, desk, mark = Backend(part.what), setting.desk, part.mark
    pulled = await pull(desk, setting.mapping, backend, place)
    known = {each.id: each for each in pulled.records}
    ids = [*known, *pulled.deleted]
    couplings = await desk.books.couplings.find(run.mapping, run.company_id, _SIDES[backend], ids)
    seed = seed_of(run.id, part.what)
    made = [known[id] for id, each in couplings.items() if id in known and made_here(seed, known[id], each)]
    # not what we wrote ourselves, nor what was looked at a moment ago
    wanted = [
        each for id, each in couplings.items() if id not in known or each.base is None or has_moved(each, known[id])
    ]
    told = await part.noted(each.id for each in wanted)  # by an earlier part of the run
    again = {couplings[each.id].id for each in made}
    wanted = [each for each in wanted if each.id not in told | again and _list_of(each) not in part.lists]
    applied = await synchronize_page(setting, wanted, {backend: known})
    _count_once(applied, part)
    rules = await Records(desk, setting.mapping, backend).rules()
    lonely = [each for id, each in known.items() if id not in couplings and meets_all(rules, each)]
    if _makes_partners(setting, backend):
        applied.add(await _made(setting, part, backend, lonely, made, couplings))
    else:
        new = [each for each in lonely if is_new(each, mark)]
        applied.count(skipped=len(new))
        applied.steps += [Step(Action.SKIP, Reason.NOT_COUPLED, records={backend: each}) for each in new]
    return Done(applied, pulled.place, pulled.is_last)


def _list_of(coupling: Coupling) -> str | None:
    """The list of what failed before that a coupling is on."""
    if coupling.skipped:
        return "skipped"
    return "failed" if coupling.error_code is not None else None


def _count_once(applied: Applied, part: Part) -> None:
    """Pairs outside the filter that the part about the other side's changes has left out already: nothing was noted of them."""
    for each in list(applied.steps):
        if (each.action, each.reason) == (Action.SKIP, Reason.OUTSIDE_FILTER) and _was_looked_at(each, part):
            applied.steps.remove(each)
            applied.count(skipped=-1)


def _was_looked_at(step: Step, part: Part) -> bool:
    """Whether another side's record changed since the place that an earlier part began at, and since it was synchronized."""
    is_unknown = step.coupling is not None and step.coupling.base is None
    return any(
        (is_unknown or side in step.moved) and is_new(step.records[side], place)
        for side, place in part.followed.items()
        if side in step.records
    )


def _left_out(applied: Applied) -> set[UUID]:
    """Couplings that nothing was tried with, so that what is known of them stays."""
    return {each.coupling.id for each in applied.steps if each.action is Action.SKIP and each.coupling is not None}


def _makes_partners(setting: Setting, of: Backend) -> bool:
    return setting.configured.makes_partners and setting.mapping.direction.goes_to(BC if of is CRM else CRM)


async def _made(
    setting: Setting,
    part: Part,
    backend: Backend,
    lonely: Sequence[Found],
    made: Sequence[Found],
    couplings: ReadOnly[UUID, Coupling],
) -> Applied:
    """Partners for records that nobody coupled, and those that an earlier attempt at this page made: they count, too."""
    seed = seed_of(setting.run, part.what)
    tried = await part.tried(backend, (each.id for each in lonely))
    begun = [each for each in made if couplings[each.id].base is None]
    applied = await make_partners(setting, backend, [each for each in lonely if each.id not in tried], begun, seed=seed)
    done = len(made) - len(begun)
    applied.count(to=[BC if backend is CRM else CRM], inserted=done, coupled=done)
    return applied


async def _new(backend: Backend, setting: Setting, run: Run, part: Part, place: str | None) -> Done:
    """All records of one side, from the beginning: those that nobody coupled get partners."""
    pulled = await pull(setting.desk, setting.mapping, backend, place)
    known = {each.id: each for each in pulled.records}
    applied = await _lonely(setting, run, part, backend, known)
    return Done(applied, pulled.place, pulled.is_last)


async def _unmade(backend: Backend, setting: Setting, run: Run, part: Part, place: str | None) -> Done:
    """Records for which an earlier run could not make partners: what they wait for may be there by now."""
    ids = await part.unmade(backend, UUID(place) if place is not None else None)
    known = await Records(setting.desk, setting.mapping, backend).by_id(ids)
    applied = await _lonely(setting, run, part, backend, known)
    return Done(applied, str(ids[-1]) if ids else place, is_last=len(ids) < PAGE)


async def _lonely(setting: Setting, run: Run, part: Part, backend: Backend, known: ReadOnly[UUID, Found]) -> Applied:
    couplings = await setting.desk.books.couplings.find(run.mapping, run.company_id, _SIDES[backend], known)
    rules = await Records(setting.desk, setting.mapping, backend).rules()
    lonely = [each for id, each in known.items() if id not in couplings and meets_all(rules, each)]
    seed = seed_of(run.id, part.what)
    made = [known[id] for id, each in couplings.items() if made_here(seed, known[id], each)]
    return await _made(setting, part, backend, lonely, made, couplings)


async def _couplings(setting: Setting, run: Run, _: Part, place: list[str] | None) -> Done:
    """Every coupling, whatever changed. The skip list is left to its own part, unless somebody says whose data counts."""
    only = False if setting.wanted is Wanted.MERGE else None
    wanted = CouplingFilter(mapping=run.mapping, company_id=run.company_id, skipped=only)
    after: Position | None = (place[0], UUID(place[1])) if place is not None else None
    couplings = await setting.desk.books.couplings.page(wanted, after=after, limit=PAGE)
    applied = await synchronize_page(setting, [each for each in couplings if not _is_restored(run, each)])
    failed = {each.coupling.id for each in applied.problems if each.coupling is not None} | _left_out(applied)
    await setting.desk.books.changes.unskip_each(
        each.id for each in couplings if each.skipped and each.id not in failed
    )
    key, id = position(couplings[-1]) if couplings else ("", run.id)
    return Done(applied, [key, str(id)], is_last=len(couplings) < PAGE)


def _is_restored(run: Run, coupling: Coupling) -> bool:
    """Whether an earlier page made one of its records anew: it stands where the old coupling stood, or behind."""
    return coupling.id in (made_id(run.id, coupling.bc_id), made_id(run.id, coupling.crm_id))


async def _failed(setting: Setting, run: Run, part: Part, place: list[str] | None) -> Done:
    """What failed before and is not on the skip list: it is tried again in every run."""
    wanted = CouplingFilter(mapping=run.mapping, company_id=run.company_id, failed=True, skipped=False)
    after: Position | None = (place[0], UUID(place[1])) if place is not None else None
    couplings = await setting.desk.books.couplings.page(wanted, after=after, limit=PAGE)
    told = await part.noted(
        each.id for each in couplings
    )  # it left the skip list in this run, because it fails otherwise
    applied = await synchronize_page(setting, [each for each in couplings if each.id not in told])
    if place is None:
        applied.add(await _broken_off(setting, run))
    key, id = position(couplings[-1]) if couplings else ("", run.id)
    return Done(applied, [key, str(id)], is_last=len(couplings) < PAGE)


async def _broken_off(setting: Setting, run: Run) -> Applied:
    """Creations of which nobody knows the end, and whose maker is gone."""
    books, applied = setting.desk.books, Applied()
    left = [each.id for each in await books.intents.left(before=datetime.now(UTC)) if setting.desk.is_broken_off(each)]
    found = (await books.couplings.get_many(left)).values()
    mine = [each for each in found if (each.mapping, each.company_id) == (run.mapping, run.company_id)]
    for each in await finish_broken_off(setting.desk, setting.mapping, mine):
        applied.count(failed=int(each.problem is not None), inserted=int(each.problem is None and not each.ended))
        applied.problems += [Problem(each.problem, each.coupling)] if each.problem is not None else []
        applied.steps += [as_finished(each)] if each.problem is None else []
    return applied


async def _skipped(setting: Setting, run: Run, part: Part, place: list[str] | None) -> Done:
    """The skip list: where the cause is gone, a record is synchronized and taken off. What fails as before stays, untold.

    Ours: Business Central waits for a person.
    """
    changes, mapping = setting.desk.books.changes, setting.mapping
    wanted = CouplingFilter(mapping=run.mapping, company_id=run.company_id, skipped=True)
    after: Position | None = (place[0], UUID(place[1])) if place is not None else None
    couplings = await setting.desk.books.couplings.page(wanted, after=after, limit=PAGE)
    told = await part.noted(each.id for each in couplings)  # of a full run, which comes to the list last
    listed = couplings
    couplings = [each for each in couplings if each.id not in told]
    applied = await synchronize_page(setting, [replace(each, skipped=False) for each in couplings])
    failed = {each.coupling.id for each in applied.problems if each.coupling is not None} | _left_out(applied)
    await changes.unskip_each(each.id for each in couplings if each.id not in failed)
    before = {each.id: each.error_message for each in couplings}
    for each in list(applied.problems):
        if each.coupling is not None and before.get(each.coupling.id) == each.error.message:
            applied.problems.remove(each)
            applied.count(to=each.ways(mapping), failed=-1, skipped=1)
            step = Step(Action.SKIP, Reason.ON_THE_SKIP_LIST, each.coupling, each.records, error=each.error)
            applied.steps.append(step)
    key, id = position(listed[-1]) if listed else ("", run.id)
    return Done(applied, [key, str(id)], is_last=len(listed) < PAGE)


async def _records(setting: Setting, run: Run, _: Part, place: int) -> Done:
    """The couplings that were asked for; those that ended meanwhile are left out."""
    ids = [UUID(each) for each in run.asked["couplings"]]
    couplings = list((await setting.desk.books.couplings.get_many(ids[place : place + PAGE])).values())
    return Done(await _anew(setting, couplings), place + PAGE, is_last=place + PAGE >= len(ids))


async def _retry(setting: Setting, run: Run, _: Part, place: list[str] | None) -> Done:
    """All that failed or is skipped, or of these one kind of error."""
    wanted = CouplingFilter(
        mapping=run.mapping, company_id=run.company_id, troubled=True, error_code=run.asked.get("code")
    )
    after: Position | None = (place[0], UUID(place[1])) if place is not None else None
    couplings = await setting.desk.books.couplings.page(wanted, after=after, limit=PAGE)
    key, id = position(couplings[-1]) if couplings else ("", run.id)
    return Done(await _anew(setting, couplings), [key, str(id)], is_last=len(couplings) < PAGE)


async def _left(setting: Setting, run: Run, _: Part, place: list[str]) -> Done:
    """Couplings of an earlier page that a system which did not answer kept from being synchronized."""
    couplings = list((await setting.desk.books.couplings.get_many(map(UUID, place))).values())
    return Done(await synchronize_page(setting, couplings), place, is_last=True)


async def _anew(setting: Setting, couplings: Sequence[Coupling]) -> Applied:
    """The mark and the error are taken off afterwards: if this breaks off, the coupling is found by them again."""
    applied = await synchronize_page(setting, list(map(forgiven, couplings)))
    failed = {each.coupling.id for each in applied.problems if each.coupling is not None} | _left_out(applied)
    marked = [each.id for each in couplings if each.skipped or each.error_code is not None]
    await setting.desk.books.changes.unskip_each(each for each in marked if each not in failed)
    return applied


async def _told(setting: Setting, run: Run, part: Part, place: list[list[str]] | None) -> Done:
    """Couplings whose record was told deleted. Whether it is gone, and what follows, is decided as always.

    The place is what the page before was about: that is forgotten only now, when the page is known to be done.
    """
    before = [_notice(run, *each) for each in place or ()]
    behind = before[-1] if setting.dry_run and before else None
    if not setting.dry_run:
        await part.told.forget(before)
    notices = await part.told.deletions(run.mapping, run.company_id, limit=PAGE, behind=behind)
    couplings: dict[UUID, Coupling] = {}
    for backend, side in _SIDES.items():
        ids = [each.record_id for each in notices if each.backend is backend]
        found = await setting.desk.books.couplings.find(run.mapping, run.company_id, side, ids) if ids else {}
        couplings |= {each.id: each for each in found.values()}
    failed = await part.noted(couplings)  # by an earlier part of the run
    applied = await synchronize_page(setting, [each for id, each in couplings.items() if id not in failed])
    taken = [[str(each.backend), str(each.record_id), each.at.isoformat()] for each in notices]
    return Done(applied, taken, is_last=not taken)


def _notice(run: Run, backend: str, record_id: str, at: str) -> Notice:
    return Notice(run.mapping, run.company_id, Backend(backend), UUID(record_id), datetime.fromisoformat(at))


_PARTS: ReadOnly[str, Callable[[Setting, Run, Part, Any], Awaitable[Done]]] = {
    "skipped": _skipped,
    "failed": _failed,
    "records": _records,
    "told": _told,
    "couplings": _couplings,
    **{f"new {each}": partial(_new, each) for each in Backend},
    **{f"unmade {each}": partial(_unmade, each) for each in Backend},
    "retry": _retry,
    LEFT: _left,
}


_MAKERS = [f"{part}{each}" for part in ("", "new ", "unmade ") for each in Backend]
"""Parts that make partners, under ids of their own."""


async def carry_out(setting: Setting, run: Run, part: Part, place: Any) -> Done:
    """A page of a part of the run, from this place on.

    Raises:
        BackendError: a system could not be read; nothing was written.
        RefusalError: a whole side is empty; nothing was written.
    """
    applied = await _begun(setting, run, part)
    done = await _PARTS.get(part.what, _changes)(setting, run, part, place)
    applied.add(done.applied)
    return replace(done, applied=applied)


async def let_go(desk: Desk, run: Run) -> None:
    """The run is over: creations of which it does not know the end are taken up by whoever comes next."""
    if left := await begun_by(desk, [run.id, *(seed_of(run.id, each) for each in _MAKERS)]):
        await desk.books.changes.let_go(each.making.coupling.id for each in left)


async def _begun(setting: Setting, run: Run, part: Part) -> Applied:
    """Creations that this run began and that nobody finished, because its process was killed or a system did not answer.

    When a page begins, nobody is at them; another run would have to wait until that is known. Those that this very part makes it
    finds by their records.
    """
    applied = Applied()
    seeds = [run.id, *(seed_of(run.id, each) for each in _MAKERS if each != part.what)]
    found = {each.making.coupling.id: each for each in await begun_by(setting.desk, seeds)}
    told = await part.noted(found) if found else set()
    left = [each for id, each in found.items() if id not in told]
    for each in await finish_each(setting.desk, setting.mapping, [one.making for one in left]):
        to = found[each.coupling.id].to
        made = int(each.problem is None and not each.ended)
        applied.count(to=[to], failed=int(each.problem is not None), inserted=made)
        applied.problems += [Problem(each.problem, each.coupling, to=to)] if each.problem is not None else []
    return applied


def is_of_changes(what: str) -> bool:
    """Whether this part of a run follows what changed on one side, and has a place to be kept."""
    return what not in _PARTS
