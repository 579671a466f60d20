"""Which tables are the same thing in the two systems, and which of their fields: the types. The tables themselves are data.

Source: Business Central, tables Integration Table Mapping and Integration Field Mapping; "Mapping the Tables and Fields to
Synchronize".
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from gateway.couplings.coupling import Mapping
from gateway.errors import ErrorCode
from gateway.odata.query import Filter
from gateway.reading.need import Source
from gateway.records import Backend
from gateway.sync.transforms import Transformation, transformed


class Direction(StrEnum):
    """Which way data goes. The integration table is CRM's."""

    BIDIRECTIONAL = "BIDIRECTIONAL"
    TO_INTEGRATION_TABLE = "TO_INTEGRATION_TABLE"
    FROM_INTEGRATION_TABLE = "FROM_INTEGRATION_TABLE"

    def goes_to(self, backend: Backend) -> bool:
        """Whether data may be written there."""
        other = Direction.FROM_INTEGRATION_TABLE if backend is Backend.DATAVERSE else Direction.TO_INTEGRATION_TABLE
        return self is not other


class Kind(StrEnum):
    """What a value is: how it is compared, and how it is brought into one form for matching."""

    NAME = "NAME"
    TEXT = "TEXT"
    CODE = "CODE"
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    WEB = "WEB"
    DECIMAL = "DECIMAL"
    DATE = "DATE"
    BOOLEAN = "BOOLEAN"
    LOOKUP = "LOOKUP"


class Money(StrEnum):
    """Whose decimals CRM keeps of an amount.

    Source: Dataverse, "MoneyAttributeMetadata.PrecisionSource".
    """

    AMOUNT = "AMOUNT"
    """The currency's."""
    PRICE = "PRICE"
    """The organization's, for prices."""


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """One field of both sides.

    ``name`` is what callers call it: the property of Business Central's API. ``label`` is Business Central's caption. ``crm``
    is the column as it is read; a lookup's (``_x_value``) leads through the couplings of ``lookup``, from the id that ``bc``
    holds or, with ``by_code``, from the code of the record; with no ``bc`` it is always blank there, which for a currency is the
    local one. ``not_null``: an empty value is not written. ``clear_on_failed``: a
    lookup whose partner is not coupled is emptied instead of failing the record; ``optional``: the other side keeps what it has
    there, as with options of a choice (Business Central, "Handle Missing Option Values"). A field that is not ``enabled`` is
    compared and can be matched by, but not synchronized unless somebody enables it.

    What each system's own ways demand: ``longest`` is how many characters Business Central's property and CRM's column take.
    ``parts`` are the columns in which CRM keeps what ``crm`` shows as one. ``money`` is an amount in local currency, of which CRM
    keeps so many decimals.
    ``not_negative``: CRM gets 0 for less. ``given_by_bc``: Business Central's API shows the property and takes no value for
    it. ``once``: CRM takes a value when the row is created, and none later. ``otherwise`` is the property whose value stands
    for a blank one of Business Central. ``along``: a row that is there gets it only with a value of that field. ``fixed_by``: CRM
    does not let it be changed while the row has a value in that column.

    What somebody wants of it: ``constant`` stands for the value of the side that a field of one direction comes from. ``to_crm``
    and ``to_bc`` are rules that its text goes through on the way there. ``own`` fields are the configuration's, see
    ``gateway.runs.own_fields``; ``navigation`` is what a write calls such a look-up.
    """

    name: str
    label: str
    bc: str
    crm: str
    direction: Direction = Direction.BIDIRECTIONAL
    kind: Kind = Kind.TEXT
    lookup: Mapping | None = None
    by_code: bool = False
    not_null: bool = False
    clear_on_failed: bool = False
    optional: bool = False
    enabled: bool = True
    longest: tuple[int | None, int | None] = (None, None)
    parts: tuple[str, ...] = ()
    money: Money | None = None
    not_negative: bool = False
    given_by_bc: bool = False
    once: bool = False
    otherwise: str | None = None
    along: str | None = None
    fixed_by: str | None = None
    constant: str | None = None
    to_crm: tuple[Transformation, ...] = ()
    to_bc: tuple[Transformation, ...] = ()
    own: bool = False
    navigation: str | None = None

    def columns(self, backend: Backend) -> frozenset[str]:
        """What is read for it."""
        if backend is Backend.DATAVERSE:
            return frozenset(each for each in (self.crm, *self.parts, self.fixed_by) if each)
        return frozenset({each for each in (self.bc, self.otherwise) if each})

    def room(self, backend: Backend) -> int | None:
        """How many characters a value may have there; None when it is no text."""
        return self.longest[0 if backend is Backend.BUSINESS_CENTRAL else 1]

    def is_written_to(self, backend: Backend) -> bool:
        """Whether synchronization writes it there."""
        return self.enabled and self.direction.goes_to(backend)

    def rules(self, to: Backend) -> tuple[Transformation, ...]:
        """What its text goes through on the way there."""
        return self.to_crm if to is Backend.DATAVERSE else self.to_bc

    def arriving(self, to: Backend, text: str) -> str:
        """What comes there of a text of the other side."""
        return transformed(self.rules(to), text)

    @property
    def meaning(self) -> str | None:
        """A mark that is another one as soon as the two sides are compared otherwise; None as shipped."""
        parts = (self.constant, self.to_crm, self.to_bc, (self.bc, self.crm) if self.own else None)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16] if any(parts) else None


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition of a mapping's filter.

    ``broken`` says in words what a record is that does not meet it, ``remedy`` what to do about it.
    """

    condition: Filter
    broken: str
    remedy: str
    code: ErrorCode = ErrorCode.RECORD_OUTSIDE_FILTER


@dataclass(frozen=True, slots=True)
class Table:
    """One side of a mapping.

    ``noun`` is what people call a row, ``title`` the column they read its name in, ``number`` the one of its number, code or
    e-mail address if it has one. ``page`` is what its deep link opens: a page number of Business Central, a logical name in CRM;
    ``key_field`` is the field of Business Central's table that the page is filtered by. ``besides`` are columns that no field
    mapping names: a new row on the other side is made of them, or they are worked out.
    """

    source: Source
    noun: str
    title: str
    number: str | None
    modified: str
    page: str
    rules: tuple[Rule, ...] = ()
    key_field: str = "No."
    besides: frozenset[str] = frozenset()

    @property
    def columns(self) -> frozenset[str]:
        """What is read of a row whenever it is looked at: its keys, its name, when it changed, and what its rules compare."""
        named = {self.source.key, self.title, self.modified} | ({self.number} if self.number else set())
        return frozenset(named.union(self.besides, *(properties(rule.condition) for rule in self.rules)))


@dataclass(frozen=True, slots=True)
class Lines:
    """The rows below a document, which travel with it.

    ``navigation`` leads from Business Central's document to them, ``columns`` are read of each. ``crm`` is CRM's table of them:
    ``crm_navigation`` leads there from the row, and ``parent`` back.
    """

    navigation: str
    columns: tuple[str, ...]
    crm: Source
    crm_navigation: str
    parent: str


@dataclass(frozen=True, slots=True)
class TableMapping:
    """Two tables that are the same thing.

    ``name`` is Microsoft's name of the mapping, ``table_no`` the number of Business Central's table. ``in_company`` says that
    CRM's row is marked with the company it belongs to (``bcbi_companyid``). ``adopts``: a row of CRM whose column (the first)
    is the record's number in this form (the second) is taken when a new one is to be created. ``match`` are the names of the
    fields records are matched by unless a caller says otherwise, in groups of ascending priority. ``only_coupled``: records that
    nobody coupled are left alone, unless somebody says otherwise; where it is not so, partners are made for them. ``lines`` are
    those of a document. Of tables of an installation's own: ``team_owns``, a new row of CRM belongs to the company's default
    team; ``tells``, Business Central has webhooks for the set.
    """

    mapping: Mapping
    name: str
    table_no: int
    bc: Table
    crm: Table
    direction: Direction
    fields: tuple[FieldMapping, ...]
    match: tuple[tuple[str, ...], ...]
    in_company: bool = False
    adopts: tuple[str, str] | None = None
    depends_on: tuple[Mapping, ...] = ()
    only_coupled: bool = True
    team_owns: bool = False
    tells: bool = True
    lines: Lines | None = None

    def table(self, backend: Backend) -> Table:
        return self.bc if backend is Backend.BUSINESS_CENTRAL else self.crm

    def columns(self, backend: Backend) -> frozenset[str]:
        """All that a synchronization, a comparison or a match reads of a row."""
        return self.table(backend).columns.union(*(each.columns(backend) for each in self.fields))

    def field(self, name: str) -> FieldMapping | None:
        return next((each for each in self.fields if each.name == name), None)


def properties(condition: Filter) -> Iterator[str]:
    """The properties a condition compares."""
    parts = getattr(condition, "parts", None)
    if parts is None:
        yield condition.property  # type: ignore[union-attr]  # what has no parts compares one property
        return
    for part in parts:
        yield from properties(part)
