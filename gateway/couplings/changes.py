"""How couplings change: each change with its line of history, in one transaction.

Who decides on a change has looked at couplings before; whether they are still so is settled here, by the database: a record
that got a partner meanwhile is refused by the one-to-one constraint, and a coupling that moved or ended is no longer found.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.couplings.coupling import Cause, Coupling, Doing, Event, HistoryEntry, Intent
from gateway.couplings.coupling import Mapping as Tables
from gateway.couplings.intents import intent_row
from gateway.couplings.store import row_of, storable, translated
from gateway.couplings.table import coupling_history, coupling_intents, couplings
from gateway.noted import Change, if_kept, note

_PAGE = 500
"""Couplings in one statement: both databases take more parameters than that needs."""


_FAMILIES = 100
"""Couplings that are removed with what hangs on them in one transaction."""

_ATTEMPTS = 4

_IN_THE_WAY = frozenset({"40001", "40P01"})
"""Two transactions that wait for each other, or met. Source: PostgreSQL, "Error Codes", class 40."""

_STATE = (
    *("last_synchronized_at", "bc_modified_at", "crm_modified_at", "bc_etag", "crm_etag", "last_result_to_bc"),
    *("last_result_to_crm", "last_job_to_bc", "last_job_to_crm", "skipped", "error_code", "error_message"),
)
"""By what is seen that a coupling was written; the agreed values never change alone, and PostgreSQL does not compare JSON."""

T = TypeVar("T")


class CouplingTakenError(Exception):
    """A record has a partner, or a coupling is not as it was: look again, then decide again. Never leaves the gateway."""


@dataclass(frozen=True, slots=True)
class Move:
    """A coupling that gets another pair."""

    was: Coupling
    now: Coupling


class CouplingChanges:
    """Writes couplings. Every method raises DatabaseError when the database cannot be used."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[AsyncConnection]:
        """A transaction; what changed is noted when it is committed."""
        with if_kept():
            async with self.engine.begin() as connection:
                yield connection

    @property
    def dialect(self) -> str:
        """Which database this is: ``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    async def apply(
        self,
        doing: Doing,
        *,
        removed: Iterable[Coupling] = (),
        moved: Iterable[Move] = (),
        added: Iterable[Coupling] = (),
        stale: Iterable[Coupling] = (),
        begun: Intent | None = None,
        done: Intent | None = None,
    ) -> None:
        """All of it or nothing. ``stale`` couplings are removed because a side is gone.

        ``begun`` says that a side of the added coupling is still to be created, ``done`` that there is nothing left to do.

        Raises:
            CouplingTakenError: a coupling is not as given any more, or a record has a partner by now.
        """
        with translated():
            try:
                async with self._begin() as connection:
                    await _remove(connection, removed, doing, doing.cause)
                    await _remove(connection, stale, doing, Cause.STALE)
                    for move in moved:
                        await _move(connection, move, doing)
                    await _add(connection, list(added), doing)
                    if begun is not None:
                        await connection.execute(insert(coupling_intents), [intent_row(begun)])
                    if done is not None:
                        await connection.execute(delete(coupling_intents).where(coupling_intents.c.id == done.id))
            except IntegrityError as error:
                raise CouplingTakenError from error

    async def update(self, coupling: Coupling, *, done: Intent | None = None) -> None:
        """As :meth:`update_each` for one.

        Raises:
            CouplingTakenError: the coupling ended, or has another pair by now.
        """
        if not await self.update_each([coupling], done=[done] if done is not None else []):
            raise CouplingTakenError

    async def update_each(self, wanted: Iterable[Coupling], *, done: Iterable[Intent] = ()) -> set[UUID]:
        """What is known of couplings besides their pairs: keys, versions, results; ``done`` are intents that end. No history.

        Returns:
            the ids of those that are still of the same pair; the others are left alone.
        """
        same: set[UUID] = set()
        ended = [each.id for each in done]
        with translated():
            async with self._begin() as connection:
                for each in sorted(wanted, key=lambda each: each.id):  # two callers at once wait for each other
                    changed = await connection.execute(update(couplings).where(_is(each)).values(row_of(each)))
                    if changed.rowcount:
                        same.add(each.id)
                if ended:
                    await connection.execute(delete(coupling_intents).where(coupling_intents.c.id.in_(ended)))
        return same

    async def update_seen(self, wanted: Iterable[tuple[Coupling, Coupling]]) -> set[UUID]:
        """Each as it was seen, and as it shall be: what differs between the two is written, and nothing else. No history.

        Returns:
            the ids of those whose state was still as seen; the others are left alone.
        """
        updated: set[UUID] = set()
        with translated():
            async with self._begin() as connection:
                for seen, now in sorted(wanted, key=lambda each: each[0].id):  # as in update_each
                    row = {name: value for name, value in row_of(now).items() if value != getattr(seen, name, value)}
                    same = (couplings.c[name].is_not_distinct_from(getattr(seen, name)) for name in _STATE)
                    changed = await connection.execute(
                        update(couplings).where(_is(seen), *same).values(row | {"id": seen.id})
                    )
                    if changed.rowcount:
                        updated.add(seen.id)
        return updated

    async def unskip_each(self, ids: Iterable[UUID]) -> set[UUID]:
        """Take the mark and the error from couplings, and leave all else as it is; returns those that are still there."""
        free, wanted = {"skipped": False, "error_code": None, "error_message": None}, sorted(set(ids))
        done: set[UUID] = set()
        with translated():
            for start in range(0, len(wanted), _PAGE):
                part = couplings.c.id.in_(wanted[start : start + _PAGE])
                async with self._begin() as connection:
                    statement = update(couplings).where(part).values(free).returning(couplings.c.id)
                    freed = {row[0] for row in await connection.execute(statement)}
                    note(*(Change("COUPLING", "UNSKIPPED", {"id": each}, records=(each,)) for each in freed))
                done |= freed
        return done

    async def let_go(self, ids: Iterable[UUID]) -> None:
        """Nobody is at the creations of these couplings any more: who finds them need not wait until their time is over."""
        with translated():
            async with self._begin() as connection:
                of_these = coupling_intents.c.id.in_(list(ids))
                await connection.execute(update(coupling_intents).where(of_these).values(until=datetime.now(UTC)))

    async def add_free(
        self,
        wanted: Sequence[Coupling],
        doing: Doing,
        *,
        begun: Mapping[UUID, Intent] | None = None,
        stale: Sequence[Coupling] = (),
    ) -> set[UUID]:
        """Add those whose records both have no partner; returns the ids of the couplings that were added.

        ``stale`` are couplings of some of these records, of which a side is gone: each ends in the same transaction.

        ``begun`` are intents to create one of the sides, by coupling. In the order of the records' ids, so that two callers at
        once wait for each other instead of blocking each other.
        """
        added: set[UUID] = set()
        ordered = sorted(wanted, key=lambda each: (each.bc_id, each.crm_id))
        in_the_way = {id: each for each in stale for id in (each.bc_id, each.crm_id)}
        with translated():
            for start in range(0, len(ordered), _PAGE):
                part = ordered[start : start + _PAGE]

                async def work(connection: AsyncConnection, part: Sequence[Coupling] = part) -> set[UUID]:
                    ids = [id for each in part for id in (each.bc_id, each.crm_id)]
                    ended = {in_the_way[id].id: in_the_way[id] for id in ids if id in in_the_way}
                    await _remove_those(connection, list(ended.values()), doing, Cause.STALE)
                    inserted = await connection.execute(self._free_insert(), list(map(row_of, part)))
                    found = {row[0] for row in inserted}
                    new = [each for each in part if each.id in found]
                    await _note(connection, [_line(each, Event.COUPLED, doing, doing.cause) for each in new])
                    if begun and found:
                        await connection.execute(insert(coupling_intents), [intent_row(begun[each]) for each in found])
                    return found

                added |= await self._repeating(work)
        return added

    def _free_insert(self) -> Any:
        """The same whatever the number of rows, so that it is compiled once."""
        dialect: Any = sqlite if self.dialect == "sqlite" else postgresql
        return dialect.insert(couplings).on_conflict_do_nothing().returning(couplings.c.id)

    async def remove_families(
        self, wanted: Sequence[tuple[Coupling, Sequence[Coupling]]], doing: Doing, *, below: Cause
    ) -> set[UUID]:
        """Remove couplings, each with those that hang on it, in one transaction: these only where that one is as given.

        Returns:
            the ids of all that were removed.
        """
        removed: set[UUID] = set()
        for start in range(0, len(wanted), _FAMILIES):
            part = wanted[start : start + _FAMILIES]

            async def work(connection: AsyncConnection, part: Sequence[Any] = part) -> set[UUID]:
                gone = await _remove_those(connection, [each for each, _ in part], doing, doing.cause)
                hanging = [child for each, children in part if each.id in gone for child in children]
                return gone | await _remove_those(connection, hanging, doing, below)

            removed |= await self._repeating(work)
        return removed

    async def _repeating(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """One transaction, carried out again when the database ended it because another one was in the way."""
        with translated():
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    async with self._begin() as connection:
                        return await work(connection)
                except DBAPIError as error:
                    if attempt == _ATTEMPTS or getattr(error.orig, "sqlstate", None) not in _IN_THE_WAY:
                        raise
        raise AssertionError("unreachable")  # pragma: no cover

    async def remove_each(
        self, wanted: Sequence[Coupling], doing: Doing, *, causes: Mapping[UUID, Cause] | None = None
    ) -> set[UUID]:
        """Remove those that are still as given; returns the ids of those that were.

        ``causes`` are those of couplings that have one of their own. What comes first is removed first, or together.
        """
        own = causes or {}
        removed: set[UUID] = set()
        with translated():
            for start in range(0, len(wanted), _PAGE):
                part = wanted[start : start + _PAGE]
                async with self._begin() as connection:
                    pairs = or_(*(_is(each) for each in part))
                    found = {
                        row[0]
                        for row in await connection.execute(delete(couplings).where(pairs).returning(couplings.c.id))
                    }
                    gone = [each for each in part if each.id in found]
                    lines = [_line(each, Event.UNCOUPLED, doing, own.get(each.id, doing.cause)) for each in gone]
                    await _note(connection, lines)
                    await _end_intents(connection, found)
                removed |= found
        return removed

    async def history(self, coupling_ids: Iterable[UUID], limit: int = 100) -> dict[UUID, list[HistoryEntry]]:
        """What happened to these couplings, newest first: of each no more lines than ``limit``."""
        wanted, table = list(set(coupling_ids)), coupling_history.c
        newest = func.row_number().over(partition_by=table.coupling_id, order_by=table.number.desc())
        ranked = select(table.number, newest.label("rank")).where(table.coupling_id.in_(wanted)).subquery()
        shown = select(ranked.c.number).where(ranked.c.rank <= limit)
        statement = select(coupling_history).where(table.number.in_(shown))
        found: dict[UUID, list[HistoryEntry]] = {each: [] for each in wanted}
        for entry in await self._entries(statement.order_by(table.number.desc())):
            found[entry.coupling_id].append(entry)
        return found

    async def history_of_record(
        self, mapping: Tables, company_id: UUID, record: UUID, limit: int
    ) -> list[HistoryEntry]:
        """What happened to the couplings a record of either side ever had, newest first, ended ones too."""
        table = coupling_history.c
        sides = (table.bc_id, table.crm_id, table.was_bc_id, table.was_crm_id)
        statement = (
            select(coupling_history)
            .where(table.mapping == mapping, table.company_id == company_id, or_(*(side == record for side in sides)))
            .order_by(table.number.desc())
            .limit(limit)
        )
        return await self._entries(statement)

    async def last_line(self) -> int:
        """The number of the newest line of history; 0: there is none."""
        with translated():
            async with self.engine.connect() as connection:
                return int(await connection.scalar(select(func.max(coupling_history.c.number))) or 0)

    async def lines_after(self, number: int) -> list[HistoryEntry]:
        """The next lines of history behind a number, oldest first, at most 500."""
        table = coupling_history.c
        statement = select(coupling_history).where(table.number > number).order_by(table.number).limit(_PAGE)
        return await self._entries(statement)

    async def lines(self, numbers: Sequence[int]) -> list[HistoryEntry]:
        """Those lines of these that are there, oldest first."""
        table = coupling_history.c
        if not numbers:
            return []
        return await self._entries(select(coupling_history).where(table.number.in_(numbers)).order_by(table.number))

    async def _entries(self, statement: Select[Any]) -> list[HistoryEntry]:
        with translated():
            async with self.engine.connect() as connection:
                rows = await connection.execute(statement)
                return [_entry(dict(row._mapping)) for row in rows]


async def _remove_those(
    connection: AsyncConnection, wanted: Sequence[Coupling], doing: Doing, cause: Cause
) -> set[UUID]:
    """Remove those that are still as given."""
    gone: set[UUID] = set()
    for start in range(0, len(wanted), _PAGE):
        part = wanted[start : start + _PAGE]
        pairs = or_(*(_is(each) for each in part))
        found = {row[0] for row in await connection.execute(delete(couplings).where(pairs).returning(couplings.c.id))}
        await _note(connection, [_line(each, Event.UNCOUPLED, doing, cause) for each in part if each.id in found])
        await _end_intents(connection, found)
        gone |= found
    return gone


async def _remove(connection: AsyncConnection, wanted: Iterable[Coupling], doing: Doing, cause: Cause) -> None:
    for each in wanted:
        ended = await connection.execute(delete(couplings).where(_is(each)))
        if ended.rowcount != 1:
            raise CouplingTakenError
        await _note(connection, [_line(each, Event.UNCOUPLED, doing, cause)])
        await _end_intents(connection, [each.id])


async def _end_intents(connection: AsyncConnection, ids: Iterable[UUID]) -> None:
    """Nothing is to be created any more for couplings that ended."""
    await connection.execute(delete(coupling_intents).where(coupling_intents.c.id.in_(list(ids))))


async def _move(connection: AsyncConnection, move: Move, doing: Doing) -> None:
    changed = await connection.execute(update(couplings).where(_is(move.was)).values(row_of(move.now)))
    if changed.rowcount != 1:
        raise CouplingTakenError
    await _end_intents(connection, [move.was.id])
    line = _line(move.now, Event.MOVED, doing, doing.cause)
    await _note(connection, [line | {"was_bc_id": move.was.bc_id, "was_crm_id": move.was.crm_id}])


async def _add(connection: AsyncConnection, added: Sequence[Coupling], doing: Doing) -> None:
    if added:
        await connection.execute(insert(couplings), [row_of(each) for each in added])
        await _note(connection, [_line(each, Event.COUPLED, doing, doing.cause) for each in added])


async def _note(connection: AsyncConnection, lines: Sequence[Mapping[str, object]]) -> None:
    if lines:
        await connection.execute(insert(coupling_history), list(lines))
        note(*map(_noted, lines))


def _noted(line: Mapping[str, object]) -> Change:
    """A line of history as a change: the pair before, and the pair after."""
    now = {"businessCentralId": line["bc_id"], "dataverseId": line["crm_id"]}
    was = {"businessCentralId": line["was_bc_id"], "dataverseId": line["was_crm_id"]}
    ids = [line["coupling_id"], *now.values(), *was.values()]
    before = {Event.COUPLED: None, Event.MOVED: was, Event.UNCOUPLED: now}[Event(str(line["event"]))]
    return Change(
        "COUPLING",
        str(line["event"]),
        {"id": line["coupling_id"], "mapping": line["mapping"], "company": line["company_id"], "cause": line["cause"]},
        before,
        None if line["event"] == Event.UNCOUPLED else now,
        tuple(dict.fromkeys(each for each in ids if isinstance(each, UUID))),
    )


def _is(coupling: Coupling) -> ColumnElement[bool]:
    """The coupling, as long as it is of this pair."""
    table = couplings.c
    return and_(table.id == coupling.id, table.bc_id == coupling.bc_id, table.crm_id == coupling.crm_id)


def _line(coupling: Coupling, event: Event, doing: Doing, cause: Cause) -> dict[str, object]:
    return {
        "coupling_id": coupling.id,
        "mapping": coupling.mapping,
        "company_id": coupling.company_id,
        "bc_id": coupling.bc_id,
        "crm_id": coupling.crm_id,
        "bc_key": storable(coupling.bc_key, 250) if coupling.bc_key is not None else None,
        "crm_key": storable(coupling.crm_key, 250) if coupling.crm_key is not None else None,
        "event": event,
        "cause": cause,
        "at": doing.at,
        "by": storable(doing.by, 250),
        "job": doing.job,
        "was_bc_id": None,
        "was_crm_id": None,
    }


def _entry(values: dict[str, Any]) -> HistoryEntry:
    known = values | {
        "mapping": Tables(values["mapping"]),
        "event": Event(values["event"]),
        "cause": Cause(values["cause"]),
    }
    return HistoryEntry(**known)  # the columns are its fields
