"""Rows of CRM that share a natural key: with a coupled pair, looked up page by page; or among themselves, in the key's order.

Business Central's numbers are unique, CRM's are not. CRM can group and count rows itself, but no more than 50,000 of them and
without pages; reading the keys in their order finds the same however many there are, and can be taken up again where it ended.

Source: Dataverse, "Aggregate data using OData", limit of aggregate queries; "Order rows using OData".
"""

from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from uuid import UUID

from gateway.couplings.coupling import Mapping as Tables
from gateway.couplings.store import Side
from gateway.errors import NamedRecord
from gateway.keys import fold, loosely
from gateway.odata.query import AnyOf, Compare, Filter, Order, Query, both, chunks
from gateway.records import Backend
from gateway.sync.desk import Desk
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Found, Records

KEYED = frozenset({Tables.CUSTOMER, Tables.VENDOR, Tables.CONTACT, Tables.ITEM, Tables.SALESPERSON, Tables.CURRENCY})
"""Mappings whose rows of CRM have a key. Unit groups with the same base unit are ordinary, opportunities have no key."""

MOST_SHOWN = 10
_MOST_OF_ONE_KEY = 1_000
_PAGE = 5_000
_ROOM_BESIDE = 600
"""Characters of the query string that the rules of a filter and the order take."""


@dataclass(frozen=True, slots=True)
class Same:
    """Rows with the same key: how many, and the first of them."""

    keys: tuple[str, ...]
    first: tuple[NamedRecord, ...]
    count: int


def bc_key_column(mapping: TableMapping) -> str | None:
    """What of Business Central's record CRM keeps as its key: the number, or the e-mail address of a person."""
    return next((each.bc for each in mapping.fields if each.crm == mapping.crm.number), None)


async def beside(
    desk: Desk, mapping: TableMapping, pairs: Iterable[tuple[UUID, Found | None, Found | None]]
) -> dict[UUID, Same]:
    """By the given id, the rows within the mapping's filter, other than the pair's own, that have a key of the pair.

    Raises:
        BackendError: CRM did not answer.
    """
    wanted = {id: (_keys(mapping, record, row), row) for id, record, row in pairs}
    keys = {fold(key): key for found, _ in wanted.values() for key in found}
    rows = await _by_key(desk, mapping, list(keys.values()))
    same: dict[UUID, Same] = {}
    for id, (own, row) in wanted.items():
        found = [each for key in dict.fromkeys(map(fold, own)) for each in rows.get(key, ())]
        others = {each.id: each for each in found if row is None or each.id != row.id}
        if others:
            shown = tuple(each.named for each in list(others.values())[:MOST_SHOWN])
            same[id] = Same(own, shown, len(others))
    return same


def _keys(mapping: TableMapping, record: Found | None, row: Found | None) -> tuple[str, ...]:
    """The keys of a pair, each once whatever its case."""
    column = bc_key_column(mapping)
    values = (
        row.number if row is not None else None,
        record.values.get(column) if record is not None and column is not None else None,
    )
    return tuple({fold(each): each for each in values if isinstance(each, str) and each.strip()}.values())


async def _by_key(desk: Desk, mapping: TableMapping, keys: Sequence[str]) -> Mapping[str, Sequence[Found]]:
    """Rows by folded key; of one key no more than tell that there are many: a key that all rows have fills no memory."""
    if not keys:
        return {}
    rows = Records(desk, mapping, Backend.DATAVERSE)
    number = _number(mapping)
    vendor = desk.client(mapping.crm.source).vendor
    found: dict[str, dict[UUID, Found]] = {}
    for part in chunks(AnyOf(number, tuple(keys)), vendor.dialect, room=vendor.query_room - _ROOM_BESIDE):
        async for page in _pages(rows, part):
            for each in page:
                same = found.setdefault(fold(each.number or ""), {})
                if len(same) < _MOST_OF_ONE_KEY:
                    same[each.id] = each
    return {key: list(same.values()) for key, same in found.items()}


def _number(mapping: TableMapping) -> str:
    assert mapping.crm.number is not None  # noqa: S101 - the caller chose a mapping with keys
    return mapping.crm.number


async def _pages(rows: Records, where: Filter, order: tuple[Order, ...] = ()) -> AsyncGenerator[list[Found]]:
    """Keys and names of rows within the filter of the mapping."""
    table, desk = rows.table, rows.desk
    rules = [rule.condition for rule in await rows.rules()]
    select = tuple(sorted({table.source.key, table.title, _number(rows.mapping)}))
    query = Query(select=select, filter=both(where, *rules), order=order)
    with desk.calling() as call:
        async for page in desk.client(table.source).pages(desk.path(table.source), query, call=call, page_size=_PAGE):
            yield list(map(rows.found, page.records))


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Behind which key to go on: ``start`` is a spelling that CRM orders it by, ``key`` the folded one; blank at first."""

    start: str
    key: str


@dataclass(slots=True)
class _Run:
    """Rows that follow each other and whose keys CRM may take for the same; ``start`` is the first one's.

    Of one key the first rows and how many there are: a key that all rows have fills no memory.
    """

    start: str
    shown: dict[str, list[Found]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    coupled: set[str] = field(default_factory=set)

    def add(self, row: Found, *, is_coupled: bool) -> None:
        key = fold(row.number or "")
        shown = self.shown.setdefault(key, [])
        if len(shown) < MOST_SHOWN:
            shown.append(row)
        self.counts[key] += 1
        if is_coupled:
            self.coupled.add(key)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of CRM with the same key, and where they stand in the order."""

    same: Same
    place: KeyPlace


async def among_themselves(
    desk: Desk, mapping: TableMapping, after: KeyPlace | None
) -> AsyncGenerator[tuple[list[Group], KeyPlace | None]]:
    """Rows that share a key and of which none is coupled in this company, page by page, in the order of their keys.

    With each page comes where to go on behind it; None when nothing is left.

    Raises:
        BackendError: CRM did not answer.
    """
    number = _number(mapping)
    behind = Compare(number, "ge", after.start) if after is not None and after.start else Compare(number, "ne", None)
    order = (Order(number), Order(mapping.crm.source.key))
    run: _Run | None = None
    async with aclosing(_pages(Records(desk, mapping, Backend.DATAVERSE), behind, order)) as pages:
        async for page in pages:
            done: list[Group] = []
            coupled = await _coupled(desk, mapping, page)
            for row in page:
                if not (row.number or "").strip():
                    continue
                if run is None or loosely(run.start) != loosely(row.number or ""):
                    done += _closed(run, after)
                    run = _Run(row.number or "")
                run.add(row, is_coupled=row.id in coupled)
            if run is not None:
                yield done, KeyPlace(run.start, "")
    yield _closed(run, after), None


async def _coupled(desk: Desk, mapping: TableMapping, rows: Sequence[Found]) -> set[UUID]:
    ids = [each.id for each in rows]
    return set(await desk.books.couplings.find(mapping.mapping, desk.company, Side.DATAVERSE, ids))


async def still_alike(desk: Desk, mapping: TableMapping, ids: Iterable[UUID]) -> dict[UUID, Same]:
    """Of these rows, those that still share their key with others, none of them coupled; each is the first of its own.

    Raises:
        BackendError: CRM did not answer.
    """
    rows = await Records(desk, mapping, Backend.DATAVERSE).by_id(ids, columns=())
    keys = {id: fold(key) for id, row in rows.items() if (key := (row.number or "")).strip()}
    by_key = await _by_key(desk, mapping, list({keys[id]: rows[id].number or "" for id in keys}.values()))
    coupled = await _coupled(desk, mapping, [each for same in by_key.values() for each in same])
    found: dict[UUID, Same] = {}
    for id, key in keys.items():
        others = [each for each in by_key.get(key, ()) if each.id != id]
        if others and coupled.isdisjoint({id, *(each.id for each in others)}):
            shown = [rows[id], *others][:MOST_SHOWN]
            found[id] = Same((rows[id].number or "",), tuple(each.named for each in shown), len(others) + 1)
    return found


def _closed(run: _Run | None, after: KeyPlace | None) -> list[Group]:
    """The groups of a run, without those that were told before."""
    if run is None:
        return []
    told = after.key if after is not None and loosely(after.start) == loosely(run.start) else ""
    groups = []
    for key, count in sorted(run.counts.items()):
        if count > 1 and key > told and key not in run.coupled:
            first = run.shown[key]
            same = Same((first[0].number or key,), tuple(each.named for each in first), count)
            groups.append(Group(same, KeyPlace(run.start, key)))
    return groups
