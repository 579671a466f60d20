"""Candidates for a few records, at once: the other side is asked for what could be alike, not read to its end.

A row that shares nothing with the record that can be asked for (a key, an address, a word of the name) is not found here; a plan
over the whole table finds it.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from gateway.errors import BackendError, InvalidInputError
from gateway.matching.criteria import Criteria, ValueKind
from gateway.matching.mail_providers import is_public
from gateway.matching.matcher import Matcher
from gateway.matching.normalise import normalise
from gateway.matching.proposal import Proposal
from gateway.matching.record import MatchRow
from gateway.odata.query import Compare, Dialect, Either, Filter, Query, Text, both, encoded_length, render
from gateway.pairing.matches.criteria import Asked, columns_of, criteria_of, kind_of, rows_of
from gateway.pairing.matches.matching import side_of
from gateway.records import Backend
from gateway.sync.desk import Desk
from gateway.sync.mapping import FieldMapping, Kind, TableMapping
from gateway.sync.records import Found, Records

MOST_RECORDS = 20

_MOST_ROWS = 500
"""Of one query: where so many share a word, it is none to find somebody by."""

_TAIL = 4
"""Digits of a phone number that are asked for; how the others are grouped is nobody's rule."""


@dataclass(frozen=True, slots=True)
class Search:
    """Which records look for whom, and by what."""

    mapping: TableMapping
    to_crm: bool
    asked: Asked
    ids: tuple[UUID, ...]

    @property
    def origin(self) -> Backend:
        return Backend.BUSINESS_CENTRAL if self.to_crm else Backend.DATAVERSE

    @property
    def other(self) -> Backend:
        return Backend.DATAVERSE if self.to_crm else Backend.BUSINESS_CENTRAL


@dataclass(frozen=True, slots=True)
class Answer:
    """``complete``: nothing that is alike was left out because there was too much of it."""

    proposals: Sequence[Proposal]
    complete: bool


async def candidates(desk: Desk, search: Search) -> Answer:
    """A proposal for each of the records that exists, by number: two round trips, whatever the size of the tables.

    Coupled records are answered too: whoever looks at a wrong coupling wants to know whom it should have.

    Raises:
        InvalidInputError: none or too many records are named, or a field is none to match by.
        BackendError: a side did not answer.
    """
    if not 1 <= len(search.ids) <= MOST_RECORDS:
        raise InvalidInputError(f"Name between 1 and {MOST_RECORDS} records.", argument="records")
    criteria = criteria_of(search.mapping, search.asked)
    columns = columns_of(search.mapping, search.origin, criteria)
    sources = await Records(desk, search.mapping, search.origin).by_id(search.ids, columns=columns)
    targets, complete = await alike(desk, search, criteria, list(sources.values()))
    partners = await partners_of(desk, search, targets)
    rows = rows_of(search.mapping, search.origin, criteria, list(sources.values()), {})
    others = rows_of(search.mapping, search.other, criteria, targets, partners)
    return Answer(await asyncio.to_thread(proposals_of, criteria, rows, others), complete)


def proposals_of(criteria: Criteria, sources: Sequence[MatchRow], targets: Sequence[MatchRow]) -> list[Proposal]:
    """One for each source, by number. It takes a while: not on the loop."""
    with Matcher(criteria) as matcher:
        matcher.add_sources(sources)
        matcher.add_targets(targets)
        return [each for page in matcher.proposals() for each in page]


async def partners_of(desk: Desk, search: Search, targets: Sequence[Found]) -> dict[UUID, str]:
    """The keys of the records that these are coupled with, by the id of the row."""
    coupled = await desk.books.couplings.find(
        search.mapping.mapping, desk.company, side_of(search.other), [each.id for each in targets]
    )
    keys = {
        id: (each.bc_key or each.bc_id) if search.to_crm else (each.crm_key or each.crm_id)
        for id, each in ((id, desk.told(found)) for id, found in coupled.items())
    }
    return {id: str(key) for id, key in keys.items()}


async def alike(
    desk: Desk, search: Search, criteria: Criteria, sources: Sequence[Found], *, similar: bool = True
) -> tuple[list[Found], bool]:
    """Rows of the other side that share something with one of the records, and whether those are all.

    Without ``similar`` only rows that have an equal value.

    Equal values are asked for apart from similar ones, and without a limit: a common word does not crowd out an equal name.
    """
    records = Records(desk, search.mapping, search.other)
    vendor, path = desk.client(records.table.source).vendor, desk.path(records.table.source)
    rules = [rule.condition for rule in await records.rules()]
    select = await records.select(columns_of(search.mapping, search.other, criteria))
    queries: list[tuple[str, Query]] = []
    for limit, conditions in ((None, _equal), (_MOST_ROWS, _similar))[: 2 if similar else 1]:
        by_column = _by_column(search, criteria, sources, conditions)
        for condition in _groups(search.other, by_column, room=vendor.query_room // 2, dialect=vendor.dialect):
            queries.append((path, Query(select=select, filter=both(*rules, condition), top=limit)))
    found: dict[UUID, Found] = {}
    complete = True
    with desk.calling() as call:
        answers = await desk.client(records.table.source).page_each(queries, call=call) if queries else []
    for (_, query), answer in zip(queries, answers, strict=True):
        if isinstance(answer, BackendError):
            raise answer
        found |= {each.id: each for each in map(records.found, answer.records)}
        complete &= answer.next_link is None and (query.top is None or len(answer.records) < query.top)
    return list(found.values()), complete


Conditions = Callable[[FieldMapping, object, str], Iterator[Filter]]


def _by_column(
    search: Search, criteria: Criteria, sources: Sequence[Found], conditions: Conditions
) -> dict[str, dict[Filter, None]]:
    """What is asked of each column of the other side."""
    found: dict[str, dict[Filter, None]] = {}
    asked = _decisive(search.mapping, criteria)
    for field in (each for each in search.mapping.fields if each.name in asked):
        column = _column(field, search.other)
        for source in sources:
            for condition in conditions(field, source.values.get(_column(field, search.origin)), column):
                found.setdefault(column, {})[condition] = None
    return found


_TELLING = frozenset({ValueKind.NAME, ValueKind.CODE, ValueKind.EMAIL, ValueKind.PHONE, ValueKind.WEB})
"""Kinds of which few records have the same value. Thousands are in one city."""


def _decisive(mapping: TableMapping, criteria: Criteria) -> set[str]:
    """The fields that are asked for: those that tell records apart, and of a group without any such field all."""
    telling = {each.name for each in mapping.fields if kind_of(each) in _TELLING}
    names = {each.name for each in criteria.fields} & telling
    groups: dict[int, set[str]] = {}
    for each in criteria.criteria:
        groups.setdefault(each.priority, set()).add(each.field)
    return names.union(*(group for group in groups.values() if not group & telling))


def _groups(
    backend: Backend, by_column: dict[str, dict[Filter, None]], *, room: int, dialect: Dialect
) -> Iterator[Filter]:
    """Business Central joins alternatives over one property only, CRM over any."""
    groups = [list(each) for each in by_column.values()]
    if backend is Backend.DATAVERSE and groups:
        groups = [[condition for group in groups for condition in group]]
    for group in groups:
        yield from _joined(group, room, dialect)


def _joined(conditions: Sequence[Filter], room: int, dialect: Dialect) -> Iterator[Filter]:
    part: list[Filter] = []
    used = 0
    for condition in conditions:
        cost = encoded_length(render(condition, dialect)) + len("%20or%20") + 2
        if part and used + cost > room:
            yield Either(tuple(part))
            part, used = [], 0
        part.append(condition)
        used += cost
    if part:
        yield Either(tuple(part))


def _column(field: FieldMapping, backend: Backend) -> str:
    return field.bc if backend is Backend.BUSINESS_CENTRAL else field.crm


def _equal(field: FieldMapping, value: object, column: str) -> Iterator[Filter]:
    """The value itself."""
    if isinstance(value, str) and value.strip():
        if field.kind is not Kind.DATE:
            yield Compare(column, "eq", value)
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        yield Compare(column, "eq", value)


def _similar(field: FieldMapping, value: object, column: str) -> Iterator[Filter]:
    """What of the value survives another spelling."""
    if not isinstance(value, str) or not value.strip():
        return
    kind = kind_of(field)
    match kind:
        case ValueKind.NAME:
            longest = max(normalise(value, kind).split() or [""], key=len)
            word = next((each for each in value.split() if normalise(each, ValueKind.TEXT) == longest), longest)
            if len(word) > 2:
                yield Text("contains", column, word)
        case ValueKind.EMAIL:
            domain = value.rpartition("@")[2].lower()
            if domain and not is_public(domain):
                yield Text("endswith", column, f"@{domain}")
        case ValueKind.PHONE:
            digits = normalise(value, kind)
            if len(digits) > _TAIL:
                yield Text("endswith", column, digits[-_TAIL:])
        case _:
            return
