"""Look-ups of coupled records, translated: which record of the other system the partner's look-up has to hold.

All look-ups of a page are resolved together: a field costs a request for each set it leads to, whatever the number of records.
What a natural key stands for is asked of Business Central each time: the one stored with a coupling is a guess, and a code that
was renamed minutes ago may be another's by now.

Source: Business Central, codeunits CRM Int. Table. Subscriber and Integration Record Synch., translation of related fields;
"Customer Salesperson Code and account owner".
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from gateway.couplings.coupling import Mapping as Tables
from gateway.couplings.store import Side
from gateway.errors import NamedRecord, NotFoundError, ProtocolError
from gateway.odata.choice import Choice
from gateway.odata.query import Value, unique
from gateway.reading.lookup import match_key
from gateway.reading.sources import CURRENCIES
from gateway.records import Backend, Record, Values
from gateway.sync.desk import Desk, side_by_side
from gateway.sync.mapping import FieldMapping, Table
from gateway.sync.mappings import TABLE_MAPPINGS
from gateway.sync.records import Found

_NOBODY = UUID(int=0)
"""For a code that leads to no record."""


@dataclass(frozen=True, slots=True)
class Referred:
    """What a look-up holds.

    ``text`` is what people call the record by, in Business Central's words where both systems know it. ``bc`` and ``crm`` are the
    record and its partner as far as there is one, ``code`` is how Business Central's API names it. ``complete`` says that the
    look-up of the other side is known, be it blank. ``record`` is None for a blank.
    """

    text: str = ""
    bc: UUID | None = None
    crm: UUID | None = None
    code: str | None = None
    complete: bool = True
    record: NamedRecord | None = None


BLANK = Referred()


@dataclass(frozen=True, slots=True)
class References:
    """The look-ups of a page of records, by field and side."""

    found: Mapping[tuple[str, Backend], Mapping[str, Referred]]
    blank: Mapping[tuple[str, Backend], Referred]

    def of(self, field: FieldMapping, backend: Backend, values: Values) -> Referred:
        """What the field of a record leads to; the records have been read for these references.

        Raises:
            ProtocolError: what the record holds is no look-up.
        """
        value = values.get(column_of(field, backend))
        place = field.name, backend
        if value in (None, ""):
            return self.blank.get(place, BLANK)
        key = value if _is_code(field, backend) else _id(field, backend, value)
        return self.found[place].get(match_key(key), Referred(str(value), complete=False))


def _is_code(field: FieldMapping, backend: Backend) -> bool:
    return field.by_code and backend is Backend.BUSINESS_CENTRAL


def choice_of(field: FieldMapping) -> Choice | None:
    """The choice whose options a look-up of CRM holds the numbers of; None when it holds ids of rows."""
    shipped = (
        TABLE_MAPPINGS.get(field.lookup) if field.lookup is not None else None
    )  # no tables of one's own are a choice
    return shipped.crm.source.choice if shipped is not None else None


def _id(field: FieldMapping, backend: Backend, value: object) -> UUID:
    """Raises: ProtocolError, for a look-up that is none."""
    choice = choice_of(field) if backend is Backend.DATAVERSE else None
    if choice is None:
        return guid(value, backend)
    try:
        return choice.option_id(int(str(value)))
    except ValueError as error:
        raise ProtocolError(f"Dataverse sent {field.crm} with a number that no option has.", backend=backend) from error


def column_of(field: FieldMapping, backend: Backend) -> str:
    return field.bc if backend is Backend.BUSINESS_CENTRAL else field.crm


async def read_references(desk: Desk, fields: Iterable[FieldMapping], records: Sequence[Found]) -> References:
    """What the look-ups among these fields hold in these records, of either side.

    Raises:
        BackendError: a look-up could not be made.
    """
    lookups, after = [each for each in fields if each.lookup is not None], desk.asking.trace.round_trips
    asked = (_of_field(desk, each, records, after=after) for each in lookups)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    found: dict[tuple[str, Backend], Mapping[str, Referred]] = {}
    blank: dict[tuple[str, Backend], Referred] = {}
    for field, answer in zip(lookups, answers, strict=True):
        if isinstance(answer, BaseException):
            raise answer
        found[field.name, Backend.BUSINESS_CENTRAL], found[field.name, Backend.DATAVERSE], local = answer
        if local is not None:
            blank[field.name, Backend.BUSINESS_CENTRAL] = local
    return References(found, blank)


Answer = tuple[Mapping[str, Referred], Mapping[str, Referred], Referred | None]


async def _of_field(desk: Desk, field: FieldMapping, records: Sequence[Found], *, after: int) -> Answer:
    assert field.lookup is not None  # noqa: S101 - the caller chose those
    lookup = _Lookup(desk, field.lookup)
    raw = {backend: _values(field, backend, records) for backend in Backend}
    local, read, depth = None, dict[str, Record](), after
    if field.lookup is Tables.CURRENCY:
        currency, depth = await lookup.local_currency(after=after)
        local = currency.referred
    if field.by_code:
        read, depth = await lookup.by_code(raw[Backend.BUSINESS_CENTRAL], after=after)
    bc = {str(each): _id_of(each, read, by_code=field.by_code) for each in raw[Backend.BUSINESS_CENTRAL]}
    crm_ids = [_id(field, Backend.DATAVERSE, each) for each in raw[Backend.DATAVERSE]]
    partners, owners = await lookup.pairs(list(bc.values()), crm_ids)
    lonely = [each for each in crm_ids if each not in owners and (local is None or each != local.crm)]
    by_id = {_id_of(code, read, by_code=True): row for code, row in read.items()}
    unread = [each for each in (*bc.values(), *owners.values()) if each not in by_id]
    others, in_crm = await side_by_side(
        lookup.named(Backend.BUSINESS_CENTRAL, unread, after=depth),
        lookup.named(Backend.DATAVERSE, lonely, after=depth),
    )
    in_bc = by_id | others
    return (
        {match_key(key): lookup.of_bc(key, id, partners, in_bc) for key, id in bc.items()},
        {match_key(id): _local_or(local, id, lookup.of_crm(id, owners, in_bc, in_crm)) for id in crm_ids},
        local,
    )


def _local_or(local: Referred | None, id: UUID, otherwise: Referred) -> Referred:
    """A row of CRM that is the local currency is blank in Business Central, whatever it is coupled with."""
    return local if local is not None and id == local.crm else otherwise


def _values(field: FieldMapping, backend: Backend, records: Sequence[Found]) -> tuple[Value, ...]:
    """What the records hold; what is no look-up is left to the record that holds it, see :meth:`References.of`."""
    found = (each.values.get(column_of(field, backend)) for each in records if each.table.source.backend is backend)
    held = (str(value) for value in found if value not in (None, ""))
    return unique(each for each in held if _is_code(field, backend) or _is_id(field, backend, each))


def _is_id(field: FieldMapping, backend: Backend, value: str) -> bool:
    try:
        _id(field, backend, value)
    except ProtocolError:
        return False
    return True


def _id_of(raw: Value, read: Mapping[str, Record], *, by_code: bool) -> UUID:
    """The record of Business Central that a look-up holds; the nil id for a code that nothing has."""
    if not by_code:
        return guid(raw, Backend.BUSINESS_CENTRAL)
    row = read.get(match_key(raw))
    return guid(row.values.get("id"), Backend.BUSINESS_CENTRAL) if row is not None else _NOBODY


@dataclass(frozen=True, slots=True)
class LocalCurrency:
    """The company's local currency: a blank code in Business Central, and CRM's currency of the same ISO code.

    ``places`` is how many decimals CRM keeps of amounts in it.
    """

    referred: Referred
    places: int


_PLACES = 2
"""Of a currency that does not say. Source: Dataverse, "Currency table", ``currencyprecision``."""


async def local_currency(desk: Desk) -> LocalCurrency:
    """
    Raises:
        BackendError: one of the systems did not say, or CRM has no such currency.
    """
    local, _ = await _Lookup(desk, Tables.CURRENCY).local_currency(after=desk.asking.trace.round_trips)
    return local


@dataclass(frozen=True, slots=True)
class _Lookup:
    """One mapping that look-ups lead through."""

    desk: Desk
    mapping: Tables

    def _table(self, backend: Backend) -> Table:
        return self.desk.tables[self.mapping].table(backend)

    async def local_currency(self, *, after: int) -> tuple[LocalCurrency, int]:
        """With the round trips passed by then, as all that is read here. Raises: BackendError."""
        desk = self.desk
        code = await desk.reading.facts.currency(desk.company, desk.asking, after=after)
        rows, depth = await self._read(
            Backend.DATAVERSE, "isocurrencycode", [code], besides=("currencyprecision",), after=after
        )
        row = rows.get(match_key(code))
        if row is None:
            message = f"CRM has no currency {code}, in which the books are kept."
            raise NotFoundError(message, backend=Backend.DATAVERSE)
        places = row.values.get("currencyprecision")
        referred = Referred(code, crm=guid(row.values.get(CURRENCIES.key), Backend.DATAVERSE))
        return LocalCurrency(referred, places if isinstance(places, int) else _PLACES), depth

    async def by_code(self, codes: Sequence[Value], *, after: int) -> tuple[dict[str, Record], int]:
        """Business Central's records with these codes, by :func:`match_key`."""
        source = self._table(Backend.BUSINESS_CENTRAL).source
        assert source.natural_key is not None  # noqa: S101 - what is referred to by code has one
        return await self._read(Backend.BUSINESS_CENTRAL, source.natural_key, codes, after=after)

    async def pairs(self, bc: Sequence[UUID], crm: Sequence[UUID]) -> tuple[Mapping[UUID, UUID], Mapping[UUID, UUID]]:
        """CRM's partner of each record, and Business Central's of each row. Raises: DatabaseError."""
        store, company = self.desk.books.couplings, self.desk.company
        of_bc = await store.find(self.mapping, company, Side.BUSINESS_CENTRAL, bc)
        of_crm = await store.find(self.mapping, company, Side.DATAVERSE, crm)
        return {id: each.crm_id for id, each in of_bc.items()}, {id: each.bc_id for id, each in of_crm.items()}

    async def named(self, backend: Backend, ids: Sequence[UUID], *, after: int) -> dict[UUID, Record]:
        """The records with these ids, for what people call them by."""
        wanted = [each for each in dict.fromkeys(ids) if each != _NOBODY]
        rows, _ = await self._read(backend, self._table(backend).source.key, wanted, after=after)
        return {id: rows[match_key(id)] for id in wanted if match_key(id) in rows}

    async def _read(
        self, backend: Backend, column: str, keys: Sequence[Value], *, besides: Sequence[str] = (), after: int
    ) -> tuple[dict[str, Record], int]:
        """Of Business Central anew, also of sets that are kept elsewhere: what its codes stand for decides what is written.

        Not so what options are coupled with: there ids decide, and a code is only what people read.
        """
        table, desk = self._table(backend), self.desk
        anew = backend is Backend.BUSINESS_CENTRAL and self._table(Backend.DATAVERSE).source.choice is None
        source = replace(table.source, reference=False) if anew else table.source
        names = {table.source.key, table.title, *((table.number,) if table.number else ()), *besides}
        return await desk.reading.lookups.by_key(
            desk.asking, source, column, keys, select=frozenset(names), expand=(), after=after
        )

    def of_bc(self, said: str, id: UUID, partners: Mapping[UUID, UUID], rows: Mapping[UUID, Record]) -> Referred:
        """What a look-up of Business Central holds; ``said`` is how its API says it. A code of nothing is a blank."""
        if id == _NOBODY:
            return Referred(said)
        record = self._record(Backend.BUSINESS_CENTRAL, id, rows.get(id), otherwise=said)
        partner = partners.get(id)
        return Referred(record.number or said, id, partner, record.number, partner is not None, record)

    def of_crm(
        self, id: UUID, owners: Mapping[UUID, UUID], bc: Mapping[UUID, Record], crm: Mapping[UUID, Record]
    ) -> Referred:
        """What a look-up of CRM holds."""
        partner = owners.get(id)
        if partner is None:
            record = self._record(Backend.DATAVERSE, id, crm.get(id))
            text = record.number if self.mapping in _BY_NUMBER else record.name
            return Referred(text or record.number or str(id), crm=id, complete=False, record=record)
        record = self._record(Backend.BUSINESS_CENTRAL, partner, bc.get(partner))
        there = partner in bc or self.desk.books.couplings.is_coming(partner)  # a coupling outlives its record
        return Referred(record.number or str(partner), partner, id, record.number, there, record)

    def _record(self, backend: Backend, id: UUID, row: Record | None, *, otherwise: str | None = None) -> NamedRecord:
        table, values = self._table(backend), row.values if row is not None else {}
        number = values.get(table.number) if table.number else None
        name = values.get(table.title)
        return NamedRecord(
            backend,
            table.noun,
            id,
            number if isinstance(number, str) else otherwise,
            name if isinstance(name, str) else None,
        )


_BY_NUMBER = frozenset({Tables.CURRENCY, Tables.UNIT_OF_MEASURE})
"""Rows of CRM whose number says the same as Business Central's: the ISO code, the name of the base unit."""


def same_reference(field: FieldMapping, bc: Referred, crm: Referred) -> bool:
    """Whether two look-ups lead to the same thing.

    Two blanks are the same, but a row without a currency is not in the local one. A product may be counted in a unit group of
    its own, which no unit of measure is coupled with: then the base units count.

    Source: Business Central, "Integrating with Dynamics 365 Sales", unit groups.
    """
    if bc.record is None and crm.crm is None:
        return bool(field.bc)
    if bc.crm is not None and bc.crm == crm.crm:
        return True
    return field.lookup is Tables.UNIT_OF_MEASURE and not crm.complete and match_key(bc.text) == match_key(crm.text)


def says_something(source: Referred, target: Referred | None) -> bool:
    """Whether an optional look-up of one side tells the other anything.

    An option without a partner says nothing there. Neither does a blank where the other side holds such an option: it cannot
    be written here, so that it is missing does not mean that somebody removed it.
    """
    if source.record is None and source.crm is None:
        return target is None or target.complete
    return source.complete


def guid(value: object, backend: Backend) -> UUID:
    """Raises: ProtocolError, for a look-up that is none."""
    try:
        return UUID(str(value))
    except ValueError as error:
        raise ProtocolError(f"{backend.label} sent a look-up that is no GUID.", backend=backend) from error
