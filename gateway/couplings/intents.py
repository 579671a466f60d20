"""Records that are still to be created for a coupling: what a crash between two writes leaves behind, to be finished."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.couplings.coupling import Intent
from gateway.couplings.store import translated
from gateway.couplings.table import coupling_intents


class Intents:
    """Every method raises DatabaseError when the database cannot be used."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def of(self, coupling_ids: Iterable[UUID]) -> dict[UUID, Intent]:
        """By coupling, those of these couplings that are not finished."""
        wanted = list(coupling_ids)
        if not wanted:
            return {}
        found = await self._all(select(coupling_intents).where(coupling_intents.c.id.in_(wanted)))
        return {each.id: each for each in found}

    async def left(self, *, before: datetime) -> list[Intent]:
        """Those begun before this moment, whose caller is gone by now; oldest first."""
        statement = select(coupling_intents).where(coupling_intents.c.created_at < before)
        return await self._all(statement.order_by(coupling_intents.c.created_at))

    async def _all(self, statement: Select[Any]) -> list[Intent]:
        with translated():
            async with self._engine.connect() as connection:
                return [Intent(**dict(row._mapping)) for row in await connection.execute(statement)]


def intent_row(intent: Intent) -> dict[str, object]:
    """An intent as the table's row."""
    return {name: getattr(intent, name) for name in Intent.__dataclass_fields__}
