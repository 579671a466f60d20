"""What the places of an installation's own were used for: couplings of two tables are never taken for those of two others.

Beside the changes of mappings a line says for each place which two sets it joins; it is of no company. Where the file says
something else, and couplings are left, the gateway does not start.
"""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.couplings.coupling import Mapping
from gateway.couplings.store import translated
from gateway.couplings.table import couplings
from gateway.errors import ConfigError
from gateway.runs.table import mapping_settings, synchronization_places
from gateway.sync.mapping import TableMapping
from gateway.sync.mappings import TableMappings

_NO_COMPANY: Final = UUID(int=0)
_BY: Final = "configuration"


async def keep_meanings(engine: AsyncEngine, tables: TableMappings) -> None:
    """Remember what each place is used for.

    Raises:
        ConfigError: a place joins other sets than its couplings do; one sentence for each.
        DatabaseError: our own database cannot be used.
    """
    problems = [each for mapping in tables.values() if mapping.mapping.is_own for each in await _kept(engine, mapping)]
    if problems:
        raise ConfigError(*problems)


def meaning_of(mapping: TableMapping) -> str:
    """Which two sets: ``contoso/sales/projects and new_projects``. Another version of an API is the same set."""
    source = mapping.bc.source
    route = source.api.rpartition("/")[0] + "/" if source.api is not None else ""
    return f"{route}{source.name} and {mapping.crm.source.name}"


async def _kept(engine: AsyncEngine, mapping: TableMapping) -> list[str]:
    """What is wrong with it."""
    for _ in range(2):
        try:
            with translated():
                async with engine.begin() as connection:
                    return await _keep(connection, mapping.mapping, meaning_of(mapping))
        except IntegrityError:  # another process began at the same moment, and was the first
            continue
    return []


async def _keep(connection: AsyncConnection, place: Mapping, meaning: str) -> list[str]:
    """Raises: IntegrityError."""
    table, key = mapping_settings, _key(place)
    same = (table.c.mapping == key, table.c.company_id == _NO_COMPANY)
    said = (await connection.execute(select(table.c.settings).where(*same))).scalar_one_or_none()
    values = {"settings": {"joins": meaning}, "changed_at": datetime.now(UTC), "changed_by": _BY}
    if said is None:
        await connection.execute(insert(table).values(mapping=key, company_id=_NO_COMPANY, **values))
        return []
    before = said["joins"]
    if before == meaning:
        return []
    left = select(func.count()).select_from(couplings).where(couplings.c.mapping == place)
    if count := (await connection.execute(left)).scalar_one():
        return [
            f"GATEWAY_MAPPINGS_FILE: {place} has {count} couplings of {before}, and the file fills it with {meaning}. "
            "Use another place, or fill it as before and end its couplings with uncoupleMapping first"
        ]
    await _forget(connection, place)
    await connection.execute(update(table).where(*same).values(values))
    return []


async def _forget(connection: AsyncConnection, place: Mapping) -> None:
    """What was changed of the tables before, and how far they were read, is nothing to the new ones."""
    for table in (mapping_settings, synchronization_places):
        await connection.execute(delete(table).where(table.c.mapping == place))


def _key(place: Mapping) -> str:
    """No mapping is called so: what is asked about a mapping never meets it."""
    return f"{place} joins"
