"""What administrators changed of mappings, by company."""

from collections.abc import Mapping as ReadOnly
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.couplings.coupling import Mapping
from gateway.couplings.store import storable, translated
from gateway.runs.configured import Configured
from gateway.runs.policy import DeletionConflict, Policy, UpdateConflict
from gateway.runs.table import mapping_settings
from gateway.sync.mapping import TableMapping
from gateway.sync.mappings import TABLE_MAPPINGS


class MappingSettings:
    """Every method raises DatabaseError when the database cannot be used."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def of(self, mapping: Mapping, company_id: UUID) -> Configured:
        """A mapping as it is in this company; as shipped when nobody changed it."""
        return (await self.all(company_id))[mapping]

    async def all(self, company_id: UUID) -> dict[Mapping, Configured]:
        """All mappings, in the order in which they depend on each other."""
        table = mapping_settings
        with translated():
            async with self._engine.connect() as connection:
                rows = await connection.execute(select(table).where(table.c.company_id == company_id))
                changed = {Mapping(row.mapping): row.settings for row in rows}
        return {name: _configured(shipped, changed.get(name)) for name, shipped in TABLE_MAPPINGS.items()}

    async def change(self, changed: Configured, company_id: UUID, *, by: str, at: datetime) -> None:
        """What is as shipped leaves nothing behind."""
        table, mapping = mapping_settings, changed.mapping.mapping
        row = {"mapping": mapping, "company_id": company_id, "settings": _settings(changed)}
        with translated():
            async with self._engine.begin() as connection:
                await connection.execute(
                    delete(table).where(table.c.mapping == mapping, table.c.company_id == company_id)
                )
                if not changed.is_as_shipped:
                    author = {"changed_at": at, "changed_by": storable(by, 250)}
                    await connection.execute(insert(table).values(row | author))


def _settings(changed: Configured) -> dict[str, Any]:
    policy = changed.policy
    said = {"update": policy.update, "deletion": policy.deletion, "fields": dict(policy.fields)}
    partners = {} if changed.only_coupled is None else {"onlyCoupled": changed.only_coupled}
    return {**said, **partners, **({"passStates": True} if changed.passes_states else {})}


def _configured(shipped: TableMapping, said: ReadOnly[str, Any] | None) -> Configured:
    if said is None:
        return Configured(shipped)
    return Configured(shipped, _policy(said), said.get("onlyCoupled"), said.get("passStates", False))


def _policy(said: ReadOnly[str, Any]) -> Policy:
    fields = {name: UpdateConflict(each) for name, each in said["fields"].items()}
    return Policy(UpdateConflict(said["update"]), DeletionConflict(said["deletion"]), fields)
