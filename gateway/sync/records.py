"""Records of one side of a mapping, as pairing and synchronization look at them: by id, by number, by name, or page by page."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.errors import BackendError, NamedRecord, ProtocolError, RefusalError
from gateway.odata.filters import meets
from gateway.odata.query import AnyOf, Compare, Either, Expand, Filter, Order, Query, both, chunks
from gateway.reading import values as convert
from gateway.records import Backend, Record, Values
from gateway.sync.desk import Desk, all_of
from gateway.sync.mapping import Rule, Table, TableMapping

COMPANY = "_bcbi_companyid_value"
"""Which company a row of CRM belongs to. Source: Business Central, "The Company concept of the Dataverse integration"."""


@dataclass(frozen=True, slots=True)
class Found:
    """A record as it was read."""

    table: Table
    id: UUID
    values: Values
    etag: str | None

    @property
    def number(self) -> str | None:
        """What people call it by: number, code, e-mail address."""
        return _text(self.values.get(self.table.number)) if self.table.number else None

    @property
    def name(self) -> str | None:
        return _text(self.values.get(self.table.title))

    @property
    def modified_at(self) -> datetime | None:
        """Raises: ProtocolError."""
        value, backend = self.values.get(self.table.modified), self.table.source.backend
        try:
            return convert.instant(value) if value is not None else None
        except (ValueError, TypeError) as error:
            message = f"{backend.label} sent a value of an unknown kind for {self.table.modified}."
            raise ProtocolError(message, backend=backend) from error

    @property
    def named(self) -> NamedRecord:
        return NamedRecord(str(self.table.source.backend), self.table.noun, self.id, self.number, self.name)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


@dataclass(frozen=True, slots=True)
class Records:
    """One side of a mapping in one company. All methods raise BackendError when the backend did not answer as it should."""

    desk: Desk
    mapping: TableMapping
    backend: Backend

    @property
    def table(self) -> Table:
        return self.mapping.table(self.backend)

    async def rules(self) -> tuple[Rule, ...]:
        """The mapping's filter, with the condition that a row of CRM belongs to this company or to none."""
        if self.backend is Backend.BUSINESS_CENTRAL or not self.mapping.in_company:
            return self.table.rules
        if not await self.desk.marks_companies():
            return self.table.rules
        mark, free = await self.desk.crm_company(), Compare(COMPANY, "eq", None)
        own = Either((Compare(COMPANY, "eq", mark.id), free)) if mark is not None else Either((free,))
        broken, remedy = (
            "belongs to another company",
            "Couple it in the company it belongs to, or uncouple it there first.",
        )
        return (*self.table.rules, Rule(own, broken, remedy))

    async def by_id(
        self, ids: Iterable[UUID], *, columns: Iterable[str] | None = None, expand: tuple[Expand, ...] = ()
    ) -> dict[UUID, Found]:
        """Those that exist, whether or not they meet the filter; ``columns`` besides what is always read."""
        wanted = tuple(dict.fromkeys(ids))
        if not wanted:
            return {}
        found = {each.id: each for each in await self._where(AnyOf(self.table.source.key, wanted), columns, expand)}
        if not found.keys() <= set(wanted):
            label, noun = self.backend.label, self.table.noun
            raise ProtocolError(f"{label} sent a {noun} that was not asked for.", backend=self.backend)
        return found

    async def any(self) -> bool:
        """Whether there is any row that can be seen, whatever it is."""
        client, path = self.desk.client(self.table.source), self.desk.path(self.table.source)
        with self.desk.calling() as call:
            page = await client.page(path, Query(select=(self.table.source.key,), top=1), call=call)
        return bool(page.records)

    async def deleted(self, ids: Iterable[UUID]) -> set[UUID]:
        """Those of which the system itself says that there is no such record; any other answer leaves it open."""
        wanted = tuple(dict.fromkeys(ids))
        most = self.desk.client(self.table.source).vendor.batches.most_parts
        parts = [wanted[start : start + most] for start in range(0, len(wanted), most)]
        return set[UUID]().union(*await all_of(*map(self._deleted, parts)))

    async def _deleted(self, ids: Sequence[UUID]) -> set[UUID]:
        client, path = self.desk.client(self.table.source), self.desk.path(self.table.source)
        with self.desk.calling() as call:
            return await client.gone(path, self.table.source.key, ids, call=call)

    async def by_numbers(self, numbers: Iterable[str]) -> list[Found]:
        """Those with one of these numbers, codes or addresses; a number may have several rows in CRM."""
        wanted = tuple(dict.fromkeys(numbers))
        return await self._where(AnyOf(self._number, wanted), None) if wanted else []

    async def by_name(self, name: str) -> list[Found]:
        """Those that are called so."""
        return await self.by_column(self.table.title, name)

    async def by_column(self, column: str, value: str) -> list[Found]:
        """Those whose column has this value."""
        return await self.by_values(column, [value])

    async def by_values(self, column: str, values: Iterable[str]) -> list[Found]:
        """Those whose column has one of these values."""
        wanted = tuple(dict.fromkeys(values))
        return await self._where(AnyOf(column, wanted), None) if wanted else []

    async def by_parents(self, column: str, ids: Iterable[UUID], *, columns: Iterable[str] = ()) -> list[Found]:
        """All rows whose ``column`` is one of these ids: any number of them for each."""
        wanted = tuple(dict.fromkeys(ids))
        if not wanted:
            return []
        client, path, select = (
            self.desk.client(self.table.source),
            self.desk.path(self.table.source),
            await self.select(columns),
        )
        found: list[Found] = []
        with self.desk.calling() as call:
            for part in self._parts(AnyOf(column, wanted), select):
                found += map(self.found, await client.everything(path, Query(select=select, filter=part), call=call))
        return found

    @property
    def _number(self) -> str:
        return self.table.number or self.table.title

    async def _where(
        self, condition: AnyOf, columns: Iterable[str] | None, expand: tuple[Expand, ...] = ()
    ) -> list[Found]:
        client, select = self.desk.client(self.table.source), await self.select(columns)
        path = self.desk.path(self.table.source)
        queries = [
            (path, Query(select=select, expand=expand, filter=part)) for part in self._parts(condition, select, expand)
        ]
        with self.desk.calling() as call:
            answers = await client.page_each(queries, call=call)
        found: list[Found] = []
        for (_, query), answer in zip(queries, answers, strict=True):
            if isinstance(answer, BackendError):
                raise answer
            records: Sequence[Record] = answer.records
            if answer.next_link is not None:  # it does not all come at once: read whole
                with self.desk.calling() as call:
                    records = await client.everything(path, query, call=call)
            found += map(self.found, records)
        return found

    def _parts(self, condition: AnyOf, select: tuple[str, ...], expand: tuple[Expand, ...] = ()) -> Iterator[AnyOf]:
        """The condition in parts that each fit into a URL."""
        vendor = self.desk.client(self.table.source).vendor
        fixed = Query(select=select, expand=expand).encode(vendor.dialect)
        room = vendor.query_room - len(fixed) - len("&$filter=")
        return chunks(condition, vendor.dialect, room=room)

    async def pages(
        self, *, where: Filter | None = None, columns: Iterable[str] | None = None, page_size: int | None = None
    ) -> AsyncIterator[list[Found]]:
        """All that meet the mapping's filter and ``where``, page by page, ordered by key."""
        table = self.table
        rules = [rule.condition for rule in await self.rules()]
        query = Query(select=await self.select(columns), filter=both(*rules, where), order=(Order(table.source.key),))
        with self.desk.calling() as call:
            path = self.desk.path(table.source)
            async for page in self.desk.client(table.source).pages(path, query, call=call, page_size=page_size):
                yield list(map(self.found, page.records))

    async def select(self, columns: Iterable[str] | None) -> tuple[str, ...]:
        """What is read of each row: what is always read, and ``columns`` or all that the mapping's fields are made of."""
        select = self.table.columns.union(self.mapping.columns(self.backend) if columns is None else columns)
        if self.backend is Backend.DATAVERSE and self.mapping.in_company and await self.desk.marks_companies():
            select |= {COMPANY}
        return tuple(sorted(select))

    def found(self, record: Record) -> Found:
        """Raises: ProtocolError, when the key is no GUID."""
        try:
            id = UUID(str(record.values.get(self.table.source.key)))
        except ValueError as error:
            raise ProtocolError(
                f"{self.backend.label} sent a {self.table.noun} whose key is no GUID.", backend=self.backend
            ) from error
        return Found(self.table, id, record.values, record.etag)


def check(record: Found, rules: Sequence[Rule], *, argument: str) -> None:
    """
    Raises:
        RefusalError: the record does not meet its mapping's filter; every condition it misses is named.
    """
    missed = [rule for rule in rules if not meets(rule.condition, record.values)]
    if missed:
        broken = " and ".join(rule.broken for rule in missed)
        hint = " ".join(rule.remedy for rule in missed)
        message = f"{capital(record.named)} {broken}, so it is outside the filter of its mapping."
        raise RefusalError(missed[0].code, message, hint=hint, records=[record.named], argument=argument)


def capital(record: NamedRecord) -> str:
    """A record at the beginning of a sentence."""
    text = str(record)
    return text[:1].upper() + text[1:]


async def both_sides(mapping: TableMapping, desk: Desk) -> tuple[Records, Records]:
    """Business Central's side and CRM's."""
    if mapping.in_company:
        await desk.crm_company()  # once, before both sides are asked at the same moment
    return Records(desk, mapping, Backend.BUSINESS_CENTRAL), Records(desk, mapping, Backend.DATAVERSE)
