"""What administrators changed of mappings, by company."""

from collections.abc import Callable
from collections.abc import Mapping as ReadOnly
from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.couplings.coupling import Mapping
from gateway.couplings.store import storable, translated
from gateway.errors import ErrorCode, RefusalError
from gateway.noted import Change, note
from gateway.runs.changes import change_as_json, change_of_json
from gateway.runs.configured import Configured
from gateway.runs.policy import DEFAULT, DeletionConflict, Policy, UpdateConflict
from gateway.runs.table import mapping_settings, synchronization_places
from gateway.sync.mapping import TableMapping
from gateway.sync.mappings import TABLE_MAPPINGS, TableMappings

_LOOKS: Final = 5
"""How often a change is made anew because somebody else changed the same mapping meanwhile."""

Changing = Callable[[Configured], Configured]
"""What becomes of a mapping; it may be asked several times."""


class MappingSettings:
    """Over the mappings as they are shipped. Every method raises DatabaseError when the database cannot be used."""

    def __init__(
        self,
        engine: AsyncEngine,
        shipped: TableMappings = TABLE_MAPPINGS,
        policies: ReadOnly[Mapping, Policy] | None = None,
    ) -> None:
        self._engine, self.shipped, self._policies = engine, shipped, policies or {}

    async def of(self, mapping: Mapping, company_id: UUID) -> Configured:
        """A mapping as it is in this company; as shipped when nobody changed it.

        Raises:
            InvalidInputError: it is a place of the installation's own that is not filled.
        """
        shipped, table = self.shipped[mapping], mapping_settings
        wanted = select(table.c.settings).where(table.c.mapping == mapping, table.c.company_id == company_id)
        with translated():
            async with self._engine.connect() as connection:
                said = (await connection.execute(wanted)).scalar_one_or_none()
        return self._configured(shipped, said)

    async def all(self, company_id: UUID) -> dict[Mapping, Configured]:
        """All mappings, in the order in which they depend on each other."""
        table = mapping_settings
        with translated():
            async with self._engine.connect() as connection:
                rows = await connection.execute(select(table).where(table.c.company_id == company_id))
                changed = {row.mapping: row.settings for row in rows}
        return {name: self._configured(shipped, changed.get(name)) for name, shipped in self.shipped.items()}

    async def table_mapping(self, mapping: Mapping, company_id: UUID) -> TableMapping:
        """The mapping with what was changed of it, for whoever needs no more."""
        return (await self.of(mapping, company_id)).mapping

    async def change(
        self, mapping: Mapping, company_id: UUID, changing: Changing, *, by: str, at: datetime
    ) -> Configured:
        """Change a mapping from what it is at that moment: two who change it at once both have their way.

        What is as shipped leaves nothing behind. With another filter the next run looks at every record once: some enter it
        that did not change.

        Raises:
            RefusalError: somebody else is changing it all the time.
            InvalidInputError: whatever ``changing`` raises.
        """
        for _ in range(_LOOKS):
            with translated(), suppress(IntegrityError):  # somebody else was the first to change it
                async with self._engine.begin() as connection:
                    row = await _row(connection, mapping, company_id)
                    before = self._configured(self.shipped[mapping], row.settings if row is not None else None)
                    after = changing(before)
                    seen = row.changed_at if row is not None else None
                    saved = await _saved(connection, after, company_id, seen, by=by, at=at)
                    if saved and after.change.filters != before.change.filters:
                        await _forget_places(connection, mapping, company_id)
                if saved:
                    what = {"mapping": mapping, "company": company_id}
                    note(Change("TABLE_MAPPING", "CHANGED", what, _settings(before), _settings(after)))
                    return after
        raise RefusalError(
            ErrorCode.COUPLING_CHANGED,
            f"Somebody else is changing the mapping {self.shipped[mapping].name}.",
            hint="Look at tableMappings, then decide again.",
            argument="mapping",
        )

    def _configured(self, shipped: TableMapping, said: ReadOnly[str, Any] | None) -> Configured:
        usual = self._policies.get(shipped.mapping, DEFAULT)
        if said is None:
            return Configured.of(shipped, usual=usual)
        return Configured.of(shipped, _policy(said), change_of_json(said), usual)


async def _row(connection: AsyncConnection, mapping: Mapping, company_id: UUID) -> Any:
    table = mapping_settings
    wanted = select(table).where(table.c.mapping == mapping, table.c.company_id == company_id)
    return (await connection.execute(wanted)).one_or_none()


async def _saved(
    connection: AsyncConnection, after: Configured, company_id: UUID, seen: datetime | None, *, by: str, at: datetime
) -> bool:
    """Whether nobody saved anything since ``seen``, the moment of the last change. Raises: IntegrityError, as False."""
    table, mapping = mapping_settings, after.mapping.mapping
    same = (table.c.mapping == mapping, table.c.company_id == company_id, table.c.changed_at == seen)
    if after.is_as_shipped:
        return seen is None or (await connection.execute(delete(table).where(*same))).rowcount == 1
    values = {"settings": _settings(after), "changed_at": at, "changed_by": storable(by, 250)}
    if seen is not None:
        return (await connection.execute(update(table).where(*same).values(values))).rowcount == 1
    await connection.execute(insert(table).values({"mapping": mapping, "company_id": company_id, **values}))
    return True


async def _forget_places(connection: AsyncConnection, mapping: Mapping, company_id: UUID) -> None:
    table = synchronization_places
    await connection.execute(delete(table).where(table.c.mapping == mapping, table.c.company_id == company_id))


def _settings(configured: Configured) -> dict[str, Any]:
    policy = configured.policy
    said = {"update": policy.update, "deletion": policy.deletion, "fields": dict(policy.fields)}
    return said | change_as_json(configured.change)


def _policy(said: ReadOnly[str, Any]) -> Policy:
    fields = {name: UpdateConflict(each) for name, each in said["fields"].items()}
    return Policy(UpdateConflict(said["update"]), DeletionConflict(said["deletion"]), fields)
