"""Where couplings are kept: SQLite or PostgreSQL, the same statements.

Reads take many keys at once; a statement per key would be the mistake we forbid ourselves with the backends.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Row, Select, bindparam, func, insert, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.couplings.coupling import Coupling, Result
from gateway.couplings.coupling import Mapping as Tables
from gateway.couplings.table import couplings
from gateway.errors import DatabaseError
from gateway.keys import fold
from gateway.telemetry import log

_MOST_VALUES = 10_000
"""SQLite takes 32,766 values in a statement, PostgreSQL 65,535."""

_COLUMNS = tuple(couplings.c[name] for name in Coupling.__dataclass_fields__)


class Side(StrEnum):
    """The two records of a coupling."""

    BUSINESS_CENTRAL = "bc"
    DATAVERSE = "crm"


@dataclass(frozen=True, slots=True)
class CouplingFilter:
    """Which couplings to list; None does not filter. ``troubled`` are those that failed or are skipped."""

    mapping: Tables | None = None
    company_id: UUID | None = None
    skipped: bool | None = None
    failed: bool | None = None
    key_prefix: str | None = None
    troubled: bool = False
    error_code: str | None = None


Position = tuple[str, UUID]
"""Where a page ended: the folded Business Central key and the coupling's id."""


class CouplingStore:
    """Reads and writes couplings. Every method raises DatabaseError when the database cannot be used."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    def is_coming(self, record: UUID) -> bool:
        """Whether a coupling led to a record that is not there yet: only in a dry run, which knows what others would make."""
        return False

    async def get(self, coupling_id: UUID) -> Coupling | None:
        found = await self._all(select(*_COLUMNS).where(couplings.c.id == coupling_id))
        return found[0] if found else None

    async def get_many(self, ids: Iterable[UUID]) -> dict[UUID, Coupling]:
        """The couplings with these ids."""
        return {found.id: found for found in await self._in(select(*_COLUMNS), couplings.c.id, ids)}

    async def find(self, mapping: Tables, company_id: UUID, side: Side, ids: Iterable[UUID]) -> dict[UUID, Coupling]:
        """The couplings of these records, by the record's id on that side."""
        found = await self._in(_of(mapping, company_id), couplings.c[f"{side}_id"], ids)
        return {getattr(coupling, f"{side}_id"): coupling for coupling in found}

    async def find_everywhere(self, mapping: Tables, crm_ids: Iterable[UUID]) -> dict[UUID, list[Coupling]]:
        """The couplings of these rows of CRM in all companies, in the order of the companies' ids."""
        statement = select(*_COLUMNS).where(couplings.c.mapping == mapping).order_by(couplings.c.company_id)
        found: dict[UUID, list[Coupling]] = {}
        for coupling in await self._in(statement, couplings.c.crm_id, crm_ids):
            found.setdefault(coupling.crm_id, []).append(coupling)
        return found

    async def find_by_key(
        self, mapping: Tables, company_id: UUID, side: Side, keys: Iterable[str]
    ) -> dict[str, Coupling]:
        """The couplings whose record was last seen under these natural keys, by folded key.

        A key that more than one coupling carries is left out: it would be a guess between two.
        """
        column = couplings.c[f"{side}_key_folded"]
        found = await self._in(_of(mapping, company_id), column, {fold(key) for key in keys})
        by_key: dict[str, list[Coupling]] = {}
        for coupling in found:
            by_key.setdefault(fold(getattr(coupling, f"{side}_key")), []).append(coupling)
        return {key: same[0] for key, same in by_key.items() if len(same) == 1}

    async def page(self, wanted: CouplingFilter, *, after: Position | None, limit: int) -> list[Coupling]:
        """Couplings in the order of their Business Central key, from behind ``after``."""
        key = func.coalesce(couplings.c.bc_key_folded, "")
        statement = _matching(wanted, select(*_COLUMNS)).order_by(key, couplings.c.id).limit(limit)
        if after is not None:
            statement = statement.where(tuple_(key, couplings.c.id) > tuple_(*after))
        return await self._all(statement)

    async def count(self, wanted: CouplingFilter) -> int:
        with translated():
            async with self.engine.connect() as connection:
                result = await connection.execute(_matching(wanted, select(func.count()).select_from(couplings)))
                (counted,) = result.one()
        return int(str(counted))

    async def add(self, added: Iterable[Coupling]) -> None:
        """Add couplings, all or none.

        Raises:
            sqlalchemy.exc.IntegrityError: a record would have two partners.
        """
        rows = [row_of(coupling) for coupling in added]
        if rows:
            async with self.engine.begin() as connection:
                await connection.execute(insert(couplings), rows)

    async def correct_keys(self, side: Side, keys: Mapping[UUID, str]) -> None:
        """Remember the natural keys records were just seen with, by coupling."""
        rows = [{"_id": coupling_id, "_key": key, "_folded": fold(key)} for coupling_id, key in keys.items()]
        columns: dict[str, object] = {f"{side}_key": bindparam("_key"), f"{side}_key_folded": bindparam("_folded")}
        with translated():
            async with self.engine.begin() as connection:
                await connection.execute(
                    update(couplings).where(couplings.c.id == bindparam("_id")).values(columns), rows
                )

    async def _in(
        self, statement: Select[*tuple[object, ...]], column: Column[Any], values: Iterable[object]
    ) -> list[Coupling]:
        """The rows with these values, as many at a time as either database takes."""
        wanted = list(dict.fromkeys(values))
        found: list[Coupling] = []
        for start in range(0, len(wanted), _MOST_VALUES):
            found += await self._all(statement.where(column.in_(wanted[start : start + _MOST_VALUES])))
        return found

    async def _all(self, statement: Select[*tuple[object, ...]]) -> list[Coupling]:
        with translated():
            async with self.engine.connect() as connection:
                return [_coupling(row) for row in await connection.execute(statement)]


@contextmanager
def translated() -> Iterator[None]:
    """A refused row is the caller's to know; everything else means that the database cannot be used now."""
    try:
        yield
    except IntegrityError:
        raise
    except (SQLAlchemyError, OSError) as error:
        log.error("the database cannot be used", reason=type(error).__name__)
        raise DatabaseError("The gateway's own database cannot be used now.") from error


def position(coupling: Coupling) -> Position:
    """Where a page that ends with this coupling is taken up again."""
    return fold(coupling.bc_key or ""), coupling.id


def _of(mapping: Tables, company_id: UUID) -> Select[*tuple[object, ...]]:
    return select(*_COLUMNS).where(couplings.c.mapping == mapping, couplings.c.company_id == company_id)


def _matching(wanted: CouplingFilter, statement: Select[*tuple[object, ...]]) -> Select[*tuple[object, ...]]:
    table = couplings.c
    if wanted.mapping is not None:
        statement = statement.where(table.mapping == wanted.mapping)
    if wanted.company_id is not None:
        statement = statement.where(table.company_id == wanted.company_id)
    if wanted.skipped is not None:
        statement = statement.where(table.skipped.is_(wanted.skipped))
    if wanted.failed is not None:
        has_error = table.error_code.is_not(None)
        statement = statement.where(has_error if wanted.failed else ~has_error)
    if wanted.troubled:
        statement = statement.where(or_(table.error_code.is_not(None), table.skipped))
    if wanted.error_code is not None:
        statement = statement.where(table.error_code == wanted.error_code)
    if wanted.key_prefix is not None:
        statement = statement.where(table.bc_key_folded.startswith(fold(wanted.key_prefix), autoescape=True))
    return statement


def _coupling(row: Row[*tuple[object, ...]]) -> Coupling:
    values = dict(row._mapping)
    values["mapping"] = Tables(values["mapping"])
    for name in ("last_result_to_bc", "last_result_to_crm"):
        values[name] = Result(values[name]) if values[name] else None
    return Coupling(**values)


def storable(text: str, most: int | None = None) -> str:
    """Text as both databases take it: without NUL and half characters, and no longer than its column."""
    kept = (
        "".join(each for each in text if each != "\0" and not "\ud800" <= each <= "\udfff") if _is_odd(text) else text
    )
    return kept if most is None else kept[:most]


def _is_odd(text: str) -> bool:
    return not text.isascii() or "\0" in text


def row_of(coupling: Coupling) -> dict[str, object]:
    """A coupling as the table's row."""
    values: dict[str, object] = {name: getattr(coupling, name) for name in Coupling.__dataclass_fields__}
    for name, most in _TEXTS:
        text = values[name]
        values[name] = storable(text, most) if isinstance(text, str) else None
    base = coupling.base
    values["base"] = base and {storable(name): text and storable(text) for name, text in base.items()}
    for name in ("bc_key", "crm_key"):
        key = values[name]
        values[f"{name}_folded"] = fold(key) if isinstance(key, str) else None
    return values


_TEXTS = (("bc_key", 250), ("crm_key", 250), ("created_by", 250), ("error_message", None))
"""Texts of others, with the room there is for them."""
