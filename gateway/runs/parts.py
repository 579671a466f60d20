"""The parts that runs consist of, each carried out a page at a time."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from gateway.couplings.coupling import Coupling
from gateway.couplings.store import CouplingFilter, Position, Side, position
from gateway.records import Backend
from gateway.runs.applying import Applied, Setting, synchronize_page
from gateway.runs.pulling import PAGE, is_new, pull
from gateway.runs.reading import has_moved, meets_all
from gateway.runs.run import Run
from gateway.sync.records import Records

LEFT = "left"
"""The part of a run that takes up what had to wait for a system."""

_SIDES = {Backend.BUSINESS_CENTRAL: Side.BUSINESS_CENTRAL, Backend.DATAVERSE: Side.DATAVERSE}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a run while it is carried out.

    ``what`` names it: a backend for what changed there, or one of the others. ``mark`` is up to where an earlier run has been.
    ``noted`` tells which of some couplings failed in the run already.
    """

    what: str
    mark: str | None
    noted: Callable[[Iterable[UUID]], Awaitable[set[UUID]]]


@dataclass(frozen=True, slots=True)
class Done:
    """A page that was carried out."""

    applied: Applied
    place: Any
    is_last: bool


async def _changes(setting: Setting, run: Run, part: Part, place: str | None) -> Done:
    """What changed on one side. Records that nobody coupled are counted and left alone."""
    backend, desk, mark = Backend(part.what), setting.desk, part.mark
    pulled = await pull(desk, setting.mapping, backend, place)
    known = {each.id: each for each in pulled.records}
    ids = [*known, *pulled.deleted]
    couplings = await desk.books.couplings.find(run.mapping, run.company_id, _SIDES[backend], ids)
    # not what we wrote ourselves, nor what was looked at a moment ago
    wanted = [
        each for id, each in couplings.items() if id not in known or each.base is None or has_moved(each, known[id])
    ]
    told = await part.noted(each.id for each in wanted)  # by an earlier part of the run
    wanted = [each for each in wanted if each.id not in told]
    applied = await synchronize_page(setting, wanted, {backend: known})
    rules = await Records(desk, setting.mapping, backend).rules()
    lonely = [each for id, each in known.items() if id not in couplings and is_new(each, mark)]
    applied.count(skipped=sum(meets_all(rules, each) for each in lonely))
    return Done(applied, pulled.place, pulled.is_last)


async def _failed(setting: Setting, run: Run, _: Part, place: list[str] | None) -> Done:
    """What failed before and is not on the skip list: it is tried again in every run."""
    wanted = CouplingFilter(mapping=run.mapping, company_id=run.company_id, failed=True, skipped=False)
    after: Position | None = (place[0], UUID(place[1])) if place is not None else None
    couplings = await setting.desk.books.couplings.page(wanted, after=after, limit=PAGE)
    applied = await synchronize_page(setting, couplings)
    key, id = position(couplings[-1]) if couplings else ("", run.id)
    return Done(applied, [key, str(id)], is_last=len(couplings) < PAGE)


async def _skipped(setting: Setting, run: Run, _: Part, place: list[str] | None) -> Done:
    """The skip list: where the cause is gone, a record is synchronized and taken off. What fails as before stays, untold.

    Ours: Business Central waits for a person.
    """
    changes, mapping = setting.desk.books.changes, setting.mapping
    wanted = CouplingFilter(mapping=run.mapping, company_id=run.company_id, skipped=True)
    after: Position | None = (place[0], UUID(place[1])) if place is not None else None
    couplings = await setting.desk.books.couplings.page(wanted, after=after, limit=PAGE)
    applied = await synchronize_page(setting, [replace(each, skipped=False) for each in couplings])
    failed = {each.coupling.id for each in applied.problems if each.coupling is not None}
    await changes.unskip_each(each.id for each in couplings if each.id not in failed)
    before = {each.id: each.error_message for each in couplings}
    for each in list(applied.problems):
        if each.coupling is not None and before.get(each.coupling.id) == each.error.message:
            applied.problems.remove(each)
            applied.count(to=each.ways(mapping), failed=-1, skipped=1)
    key, id = position(couplings[-1]) if couplings else ("", run.id)
    return Done(applied, [key, str(id)], is_last=len(couplings) < PAGE)


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
    """As somebody asks for it: what is on the skip list is tried, too, and what failed before does not count.

    The mark and the error are taken off afterwards: if this breaks off, the coupling is found by them again.
    """
    fresh = [replace(each, skipped=False, error_code=None, error_message=None) for each in couplings]
    applied = await synchronize_page(setting, fresh)
    failed = {each.coupling.id for each in applied.problems if each.coupling is not None}
    marked = [each.id for each in couplings if each.skipped or each.error_code is not None]
    await setting.desk.books.changes.unskip_each(each for each in marked if each not in failed)
    return applied


_PARTS: ReadOnly[str, Callable[[Setting, Run, Part, Any], Awaitable[Done]]] = {
    "skipped": _skipped,
    "failed": _failed,
    "records": _records,
    "retry": _retry,
    LEFT: _left,
}


async def carry_out(setting: Setting, run: Run, part: Part, place: Any) -> Done:
    """A page of a part of the run, from this place on.

    Raises:
        BackendError: a system could not be read; nothing was written.
        RefusalError: a whole side is empty; nothing was written.
    """
    return await _PARTS.get(part.what, _changes)(setting, run, part, place)


def is_of_changes(what: str) -> bool:
    """Whether this part of a run follows what changed on one side, and has a place to be kept."""
    return what not in _PARTS
