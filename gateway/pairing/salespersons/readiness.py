"""Which customers, contacts and opportunities would fail to synchronize because of a person who is not coupled.

The persons are found first, from two small sets; then the records that name one of them, with one filtered request for each
mapping and direction, whatever the number of persons and records. Records that name nobody of them are not read; where a user
is disabled, the rows of a page are, because who owns a row already keeps it.

A record fails when it is coupled and within the filter of its mapping; one that is not coupled would, once it is.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from gateway.couplings.coupling import Coupling
from gateway.couplings.coupling import Mapping as Tables
from gateway.couplings.store import Side
from gateway.errors import DeadlineError, InvalidInputError, ProtocolError
from gateway.keys import fold
from gateway.odata.query import AnyOf, Compare, Order, Query, Value, both
from gateway.pairing.drift.pages import is_running_out
from gateway.pairing.salespersons.owners import (
    Gap,
    OwnerGapReason,
    fails,
    gaps,
    may_fail,
    owned,
    owner_of,
    seller_column,
)
from gateway.pairing.salespersons.people import read_people
from gateway.records import Backend
from gateway.sync.creation import OWNER
from gateway.sync.desk import Desk
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Found, Records, both_sides

_PERSONS: Final = {Backend.BUSINESS_CENTRAL: 60, Backend.DATAVERSE: 400}
"""In one filter, by the side that is asked; a URL of Business Central has room for so many codes of any characters."""
_PAGE: Final = 1_000
_TOO_MUCH: Final = (
    "There are more such records than can be counted in the time this request may take. Leave out `counts` and `gaps` and page "
    "through the records, or ask for one mapping at a time."
)


@dataclass(frozen=True, slots=True)
class Affected:
    """A record that fails, because of whom, and whether it is coupled: if not, it fails once it is."""

    mapping: Tables
    record: Found
    gap: Gap
    coupled: bool


@dataclass(frozen=True, slots=True)
class AffectedPlace:
    """Behind which record to go on: of a mapping, towards a side, of persons in this range, with a key above this one."""

    mapping: Tables
    to: Backend
    persons: tuple[str, str] = ("", "")
    key: UUID | None = None


@dataclass(slots=True)
class Tally:
    """How many records fail: of each mapping and direction, and because of each person; coupled ones and all."""

    coupled: Counter[tuple[Tables, Backend]] = field(default_factory=Counter)
    every: Counter[tuple[Tables, Backend]] = field(default_factory=Counter)
    coupled_of: Counter[UUID] = field(default_factory=Counter)
    every_of: Counter[UUID] = field(default_factory=Counter)

    def add(self, affected: Affected) -> None:
        place, person = (affected.mapping, affected.gap.to), affected.gap.person.id
        self.every[place] += 1
        self.every_of[person] += 1
        if affected.coupled:
            self.coupled[place] += 1
            self.coupled_of[person] += 1


@dataclass(frozen=True, slots=True)
class Readiness:
    """A page of records; ``end`` is where to go on. ``gaps`` and ``tally`` when everything was read."""

    told: list[tuple[Affected, AffectedPlace]]
    end: AffectedPlace | None
    gaps: Sequence[Gap] = ()
    tally: Tally | None = None


@dataclass(frozen=True, slots=True)
class _Stage:
    """The records of a mapping that cannot be sent to a side."""

    mapping: TableMapping
    to: Backend
    column: str

    @property
    def origin(self) -> Backend:
        return Backend.BUSINESS_CENTRAL if self.to is Backend.DATAVERSE else Backend.DATAVERSE


async def _stages(desk: Desk, mappings: Sequence[Tables]) -> list[_Stage]:
    """The same as the company has them. Raises: DatabaseError."""
    return [stage for name in mappings for stage in stages_of(await desk.mapping(name))]


def stages_of(mapping: TableMapping) -> Iterator[_Stage]:
    """Those of one mapping; contacts only towards Business Central, whose API does not show their salesperson."""
    column = seller_column(mapping)
    if column is not None and may_fail(mapping, Backend.DATAVERSE):
        yield _Stage(mapping, Backend.DATAVERSE, column)
    if may_fail(mapping, Backend.BUSINESS_CENTRAL):
        yield _Stage(mapping, Backend.BUSINESS_CENTRAL, OWNER)


async def readiness(
    desk: Desk, mappings: Sequence[Tables], *, first: int, after: AffectedPlace | None, count: bool
) -> Readiness:
    """
    Raises:
        InvalidInputError: the place is none of these mappings.
        BackendError: a side could not be read.
        DatabaseError: our own database cannot be used.
    """
    wanted = [each for each in owned(desk.tables) if each in mappings]
    if after is not None and not any(_is_at(each, after) for each in await _stages(desk, wanted)):
        raise InvalidInputError("The cursor is of another question: ask without it.", argument="after")
    known = gaps(await read_people(desk))
    if not count:
        return await _page(desk, wanted, known, first=first, after=after)
    tally, told = Tally(), list[tuple[Affected, AffectedPlace]]()
    try:
        async with aclosing(_walk(desk, wanted, known, None, page_size=_PAGE)) as pages:
            async for found, _ in pages:
                for affected, place in found:
                    tally.add(affected)
                    if len(told) <= first:
                        told.append((affected, place))
    except DeadlineError as error:
        raise DeadlineError(_TOO_MUCH, backend=error.backend) from error
    if after is None:
        end = told[first - 1][1] if len(told) > first else None
        return Readiness(told[:first], end, known, tally)
    page = await _page(desk, wanted, known, first=first, after=after)
    return Readiness(page.told, page.end, known, tally)


async def _page(
    desk: Desk, mappings: Sequence[Tables], known: Sequence[Gap], *, first: int, after: AffectedPlace | None
) -> Readiness:
    told: list[tuple[Affected, AffectedPlace]] = []
    reached: AffectedPlace | None = after
    async with aclosing(_walk(desk, mappings, known, after, page_size=first + 1)) as pages:
        async for found, reached in pages:
            told += found
            if len(told) > first:
                return Readiness(told[:first], told[first - 1][1])
            if reached is not None and is_running_out(desk):
                break
    return Readiness(told, reached)


Pages = AsyncGenerator[tuple[list[tuple[Affected, AffectedPlace]], AffectedPlace | None]]


async def _walk(
    desk: Desk, mappings: Sequence[Tables], known: Sequence[Gap], after: AffectedPlace | None, *, page_size: int
) -> Pages:
    """Pages of affected records, each with where to go on behind it; None when nothing is left."""
    todo = await _stages(desk, mappings)
    if after is not None:
        todo = todo[next((at for at, each in enumerate(todo) if _is_at(each, after)), len(todo)) :]
    for at, stage in enumerate(todo):
        persons = _persons(stage, known)
        start = after if after is not None and _is_at(stage, after) else None
        for chunk, key in _chunks(stage, persons, start):
            bounds = chunk[0], chunk[-1]
            async with aclosing(_read(desk, stage, _values(stage, chunk, persons), key, page_size=page_size)) as pages:
                async for page in pages:
                    affected = await _affected(desk, stage, page, persons)
                    told = [(each, _place(stage, bounds, each.record.id)) for each in affected]
                    yield told, _place(stage, bounds, page[-1].id) if page else None
        following = todo[at + 1] if at + 1 < len(todo) else None
        yield [], AffectedPlace(following.mapping.mapping, following.to) if following is not None else None


def _place(stage: _Stage, bounds: tuple[str, str], key: UUID) -> AffectedPlace:
    return AffectedPlace(stage.mapping.mapping, stage.to, bounds, key)


def _is_at(stage: _Stage, place: AffectedPlace) -> bool:
    return (stage.mapping.mapping, stage.to) == (place.mapping, place.to)


def _persons(stage: _Stage, known: Sequence[Gap]) -> Mapping[str, Gap]:
    """Those towards this side, by what a record names them: folded code, or id."""
    of_side = [each for each in known if each.to is stage.to]
    if stage.to is Backend.DATAVERSE:
        return {fold(each.person.number): each for each in of_side if each.person.number}
    return {str(each.person.id): each for each in of_side}


def _chunks(
    stage: _Stage, persons: Mapping[str, Gap], start: AffectedPlace | None
) -> Iterator[tuple[list[str], UUID | None]]:
    """Persons that fit into one filter, in their order; with a place, first those of its range, behind its key.

    A range is kept by its ends: somebody who is coupled meanwhile moves no other person into another range.
    """
    names = sorted(persons)
    if start is not None and start.key is not None:
        low, high = start.persons
        if same := [each for each in names if low <= each <= high]:
            yield same, start.key
        names = [each for each in names if each > high]
    size = _PERSONS[stage.origin]
    for at in range(0, len(names), size):
        yield names[at : at + size], None


def _values(stage: _Stage, names: Sequence[str], persons: Mapping[str, Gap]) -> list[Value]:
    """What the records hold of these persons."""
    found = [persons[each].person for each in names]
    return [each.number if stage.to is Backend.DATAVERSE else each.id for each in found]


async def _read(
    desk: Desk, stage: _Stage, persons: Sequence[Value], behind: UUID | None, *, page_size: int
) -> AsyncGenerator[list[Found]]:
    """Records within the filter of the mapping that name one of these persons, in the order of their keys."""
    records = _side(await both_sides(stage.mapping, desk), stage.origin)
    source = records.table.source
    select = tuple(sorted(records.table.columns | {stage.column}))
    beyond = Compare(source.key, "gt", behind) if behind is not None else None
    rules = [rule.condition for rule in await records.rules()]
    where = both(AnyOf(stage.column, tuple(persons)), beyond, *rules)
    query = Query(select=select, filter=where, order=(Order(source.key),))
    with desk.calling() as call:
        pages = desk.client(source).pages(desk.path(source), query, call=call, page_size=page_size)
        async for page in pages:
            yield list(map(records.found, page.records))


def _side(both_of: tuple[Records, Records], backend: Backend) -> Records:
    return both_of[0] if backend is Backend.BUSINESS_CENTRAL else both_of[1]


async def _affected(desk: Desk, stage: _Stage, page: Sequence[Found], persons: Mapping[str, Gap]) -> list[Affected]:
    """Without those that keep the owner they have."""
    side = Side.BUSINESS_CENTRAL if stage.origin is Backend.BUSINESS_CENTRAL else Side.DATAVERSE
    mapping = stage.mapping.mapping
    coupled = await desk.books.couplings.find(mapping, desk.company, side, [each.id for each in page])
    found = [Affected(mapping, each, _gap(stage, each, persons), each.id in coupled) for each in page]
    disabled = {each.record.id for each in found if each.coupled and each.gap.reason is OwnerGapReason.OWNER_DISABLED}
    rows = await _rows(desk, stage.mapping, [coupled[each] for each in disabled])
    return [each for each in found if each.record.id not in disabled or fails(each.gap, rows[each.record.id])]


async def _rows(desk: Desk, mapping: TableMapping, couplings: Sequence[Coupling]) -> Mapping[UUID, Found | None]:
    """With their owners, by the record of Business Central. Raises: BackendError."""
    rows = await Records(desk, mapping, Backend.DATAVERSE).by_id((each.crm_id for each in couplings), columns={OWNER})
    return {each.bc_id: rows.get(each.crm_id) for each in couplings}


def _gap(stage: _Stage, record: Found, persons: Mapping[str, Gap]) -> Gap:
    """Raises: ProtocolError, when the backend sent a record that names nobody of those asked for."""
    name = fold(str(record.values.get(stage.column))) if stage.to is Backend.DATAVERSE else str(owner_of(record))
    found = persons.get(name)
    if found is None:
        backend = stage.origin
        raise ProtocolError(f"{backend.label} sent rows that were not asked for.", backend=backend)
    return found
