"""What we registered at the two systems to be told of changes, and who looks after it.

Of a secret only its hash is kept: it is random and long, so a hash tells nobody what it was, and to recognise it the hash is
enough. The backend keeps the secret itself.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Integer, String, Table, Text, UniqueConstraint, Uuid, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.couplings.store import storable, translated
from gateway.database import UTCDateTime, metadata
from gateway.records import Backend
from gateway.runs.table import synchronization_places

hook_registrations = Table(
    "hook_registrations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("backend", String(20), nullable=False),
    Column("resource", String(250), nullable=False),
    Column("url", Text, nullable=False),
    Column("secret_hash", String(64), nullable=False),
    Column("remote_id", String(100)),
    Column("actor_id", Uuid),
    Column("expires_at", UTCDateTime),
    UniqueConstraint("backend", "resource"),
)

hook_upkeeps = Table(
    "hook_upkeeps",
    metadata,
    Column("backend", String(20), primary_key=True),
    Column("held_until", UTCDateTime, nullable=False),
    Column("due_at", UTCDateTime, nullable=False),
    Column("wanted", String(64), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error_code", String(80)),
    Column("message", Text),
)
"""One row for each backend: the process that looks after its registrations holds it, so that nothing is registered twice."""

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def hash_of(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Registration:
    """We are told of changes of ``resource`` at ``url``, which holds the id.

    ``remote_id`` is what the backend calls it, None as long as nobody knows whether the backend has it. ``actor_id`` is the user
    of CRM we registered it as.
    """

    id: UUID
    backend: Backend
    resource: str
    url: str = field(repr=False)
    secret_hash: str = field(repr=False)
    remote_id: str | None = None
    actor_id: UUID | None = None
    expires_at: datetime | None = None

    def knows(self, secret: str) -> bool:
        """Whether this is its secret; how long it takes to find out says nothing about it."""
        return hmac.compare_digest(self.secret_hash, hash_of(secret))


@dataclass(frozen=True, slots=True)
class Upkeep:
    """How it stands with the registrations at a backend.

    ``due_at`` is when they are looked at again, ``wanted`` the fingerprint of what they should be, ``attempts`` how often that
    failed in a row, and the error that of the last time.
    """

    backend: Backend
    due_at: datetime = _NEVER
    wanted: str = ""
    attempts: int = 0
    error_code: str | None = None
    message: str | None = None


class HookStore:
    """Every method raises DatabaseError when the database cannot be used."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def get(self, id: UUID) -> Registration | None:
        found = await self._rows(select(hook_registrations).where(hook_registrations.c.id == id))
        return _registration(found[0]) if found else None

    async def of(self, backend: Backend) -> list[Registration]:
        table = hook_registrations.c
        statement = select(hook_registrations).where(table.backend == backend).order_by(table.resource)
        return list(map(_registration, await self._rows(statement)))

    async def save(self, registration: Registration) -> None:
        """In place of an earlier one of this resource."""
        table = hook_registrations.c
        same = (table.backend == registration.backend, table.resource == registration.resource)
        values = {name: getattr(registration, name) for name in Registration.__dataclass_fields__}
        with translated():
            async with self._engine.begin() as connection:
                await connection.execute(delete(hook_registrations).where(*same))
                await connection.execute(insert(hook_registrations).values(values))

    async def remove(self, id: UUID) -> None:
        await self._write(delete(hook_registrations).where(hook_registrations.c.id == id))

    async def upkeep(self, backend: Backend) -> Upkeep:
        rows = await self._rows(select(hook_upkeeps).where(hook_upkeeps.c.backend == backend))
        if not rows:
            return Upkeep(backend)
        said = {name: rows[0][name] for name in Upkeep.__dataclass_fields__}
        return Upkeep(**{**said, "backend": backend})

    async def hold(self, backend: Backend, *, now: datetime, until: datetime) -> bool:
        """Whether this process looks after the backend until then; False while another one does."""
        dialect: Any = sqlite if self._engine.dialect.name == "sqlite" else postgresql
        unheld = {"backend": backend, "held_until": _NEVER, "due_at": _NEVER, "wanted": "", "attempts": 0}
        table = hook_upkeeps.c
        with translated():
            async with self._engine.begin() as connection:
                await connection.execute(dialect.insert(hook_upkeeps).values(unheld).on_conflict_do_nothing())
                held = await connection.execute(
                    update(hook_upkeeps)
                    .where(table.backend == backend, table.held_until <= now)
                    .values(held_until=until)
                )
        return bool(held.rowcount)

    async def let_go(self, upkeep: Upkeep, *, held_until: datetime) -> None:
        """How it stands now; nobody holds it any more. One that was held too long belongs to another process already."""
        values = {name: getattr(upkeep, name) for name in Upkeep.__dataclass_fields__}
        values["message"] = storable(upkeep.message) if upkeep.message is not None else None
        table = hook_upkeeps.c
        await self._write(
            update(hook_upkeeps)
            .where(table.backend == upkeep.backend, table.held_until == held_until)
            .values(values | {"held_until": _NEVER})
        )

    async def companies(self) -> list[UUID]:
        """The companies in which something was synchronized."""
        rows = await self._rows(select(synchronization_places.c.company_id).distinct())
        return sorted(row["company_id"] for row in rows)

    async def _write(self, statement: Any) -> None:
        with translated():
            async with self._engine.begin() as connection:
                await connection.execute(statement)

    async def _rows(self, statement: Any) -> Sequence[dict[str, Any]]:
        with translated():
            async with self._engine.connect() as connection:
                return [dict(row._mapping) for row in await connection.execute(statement)]


def _registration(row: dict[str, Any]) -> Registration:
    return Registration(**{**row, "backend": Backend(row["backend"])})
