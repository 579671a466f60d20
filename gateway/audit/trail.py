"""Where the audit trail is kept: it is written and read here, and nothing here changes or deletes a line."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.audit.entry import AuditEntry, AuditFilter, AuditOutcome, Beginning, Ending, Whereabouts
from gateway.audit.table import audit_endings, audit_entries, audit_records
from gateway.couplings.store import storable, translated

_WHERE = ("address", "user_agent", "origin", "transport")


class AuditTrail:
    """Every method raises DatabaseError when the database cannot be used."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def begin(self, beginning: Beginning) -> int:
        """Write that a mutation begins; returns the number of the entry."""
        values = {
            "mutation": storable(beginning.mutation, 100),
            "at": beginning.at,
            "object_id": storable(beginning.object_id, 100),
            "tenant_id": storable(beginning.tenant_id, 40),
            "name": storable(beginning.name, 250),
            "roles": list(beginning.roles),
            "is_application": beginning.is_application,
            "correlation_id": beginning.correlation_id,
            "input": beginning.input,
            **{name: getattr(beginning.where, name) for name in _WHERE},
        }
        statement = insert(audit_entries).values(values).returning(audit_entries.c.number)
        with translated():
            async with self._engine.begin() as connection:
                number = int((await connection.execute(statement)).scalar_one())
                await _add_records(connection, number, beginning.records, ended=False)
        return number

    async def end(self, number: int, ending: Ending) -> None:
        """Write how it ended."""
        values = {
            "number": number,
            "at": ending.at,
            "outcome": ending.outcome,
            "payload": ending.payload,
            "codes": list(ending.codes),
            "changes": ending.changes,
            "more": ending.more,
        }
        with translated():
            async with self._engine.begin() as connection:
                await connection.execute(insert(audit_endings).values(values))
                await _add_records(connection, number, ending.records, ended=True)

    async def page(self, wanted: AuditFilter, *, before: int | None, limit: int) -> list[AuditEntry]:
        """Entries, the newest first, from behind one of them; one statement however many there are."""
        endings = [each.label(f"ending_{each.name}") for each in audit_endings.c]
        both = audit_entries.outerjoin(audit_endings, audit_endings.c.number == audit_entries.c.number)
        statement = _matching(wanted, select(*audit_entries.c, *endings).select_from(both))
        if before is not None:
            statement = statement.where(audit_entries.c.number < before)
        with translated():
            async with self._engine.connect() as connection:
                rows = await connection.execute(statement.order_by(audit_entries.c.number.desc()).limit(limit))
                return [_entry(row._mapping) for row in rows]


async def _add_records(connection: AsyncConnection, number: int, records: Sequence[UUID], *, ended: bool) -> None:
    rows = [{"record": each, "number": number, "ended": ended} for each in dict.fromkeys(records)]
    if rows:
        await connection.execute(insert(audit_records), rows)


def _matching(wanted: AuditFilter, statement: Select[Any]) -> Select[Any]:
    entries = audit_entries.c
    equal = {name: getattr(wanted, name) for name in ("object_id", "tenant_id", "mutation", "correlation_id")}
    conditions: list[ColumnElement[bool]] = [
        entries[name] == value for name, value in equal.items() if value is not None
    ]
    if wanted.since is not None:
        conditions.append(entries.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(entries.at < wanted.until)
    if wanted.outcome is not None:
        is_open = wanted.outcome is AuditOutcome.NOT_ENDED
        outcome = audit_endings.c.outcome
        conditions.append(outcome.is_(None) if is_open else outcome == wanted.outcome)
    if wanted.record is not None:
        found = (audit_records.c.record == wanted.record, audit_records.c.number == entries.number)
        conditions.append(exists().where(*found))
    return statement.where(*conditions)


def _entry(row: Mapping[Any, Any]) -> AuditEntry:
    where = Whereabouts(**{name: row[name] for name in _WHERE})
    names = ("mutation", "at", "object_id", "tenant_id", "name", "roles", "is_application", "correlation_id", "input")
    beginning = Beginning(where=where, **{name: row[name] for name in names})
    if row["ending_outcome"] is None:
        return AuditEntry(row["number"], beginning, None)
    told = {name: row[f"ending_{name}"] for name in ("at", "payload", "codes", "changes", "more")}
    return AuditEntry(row["number"], beginning, Ending(outcome=AuditOutcome(row["ending_outcome"]), **told))
