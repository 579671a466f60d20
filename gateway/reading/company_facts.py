"""What is true of a whole company and changes rarely: currency and fiscal year of its books, its locations, CRM's base currency.

Source: Business Central, "companyInformation resource type", ``currencyCode`` and ``currentFiscalYearStartDate``;
"location resource type"; Dataverse, "Organization table", ``basecurrencyid``.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Generic, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

from gateway.errors import DeadlineError, GatewayError, NotFoundError, ProtocolError
from gateway.keys import fold
from gateway.odata.query import Compare, Either, Expand, Query
from gateway.reading.cache import ABSENCE, LIFETIMES, MARKED_TABLES
from gateway.reading.lookup import Asking, Paths
from gateway.reading.need import Source
from gateway.reading.sources import CRM_COMPANIES
from gateway.records import Backend, Record

T = TypeVar("T")

_MOST_ANSWERS: Final = 1_000
"""Of one kind. An environment has a few hundred companies at most, and one that does not exist gives no answer to keep."""

COMPANY_INFORMATION = Source(Backend.BUSINESS_CENTRAL, "companyInformation", "id")
LOCATIONS = Source(Backend.BUSINESS_CENTRAL, "locations", "id", natural_key="code")


def lookups_of(table: str) -> Source:
    """The lookups of a table of CRM. A navigation property goes by its schema name, whose case matters.

    Source: Dataverse, "Query table definitions using the Web API".
    """
    name = f"EntityDefinitions(LogicalName='{table}')/ManyToOneRelationships"
    return Source(Backend.DATAVERSE, name, "MetadataId", in_company=False)


COMPANIES = Source(Backend.BUSINESS_CENTRAL, "companies", "id", in_company=False)
ORGANIZATIONS = Source(Backend.DATAVERSE, "organizations", "organizationid", in_company=False)


_OURS = Query(
    select=("ReferencingAttribute", "ReferencingEntityNavigationPropertyName"),
    filter=Either(
        (
            Compare("ReferencingAttribute", "eq", "bcbi_companyid"),
            Compare("ReferencingAttribute", "eq", "nav_accountstatisticsid"),
        )
    ),
)


@dataclass(frozen=True, slots=True)
class Information:
    """Of ``companyInformation``. ``fiscal_year_start`` is the first day of some fiscal year; None when it does not say."""

    currency_code: str
    fiscal_year_start: date | None


_PRICE_PLACES: Final = 2
"""Source: Dataverse, "Organization table", ``pricingdecimalprecision``: what a new organization has."""


@dataclass(frozen=True, slots=True)
class Organization:
    """CRM's base currency, and how many decimals it keeps of prices."""

    base_currency: str
    price_places: int


@dataclass(frozen=True, slots=True)
class CrmCompany:
    """How CRM knows a company: the row that marks what belongs to it, and the team that owns what has no other owner."""

    id: UUID
    default_team: UUID | None


_Key = tuple[str, UUID | None]


@dataclass(frozen=True, slots=True)
class _Answer(Generic[T]):
    value: T
    since: float


class _Turn:
    """Who asks, and who waits for that; ``error`` is what became of asking while somebody waited."""

    __slots__ = ("__weakref__", "error", "lock")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.error: GatewayError | None = None


class Kept(Generic[T]):
    """One answer for each company and acting identity, asked for once and then known for a while.

    Callers that ask at the same time share the request, and its failure; a failure is not kept. A company is whatever a
    caller says it is: of one that gives no answer nothing stays.
    """

    def __init__(
        self,
        paths: Paths,
        source: Source,
        query: Query,
        read: Callable[[Sequence[Record]], T],
        clock: Callable[[], float],
    ) -> None:
        self._paths = paths
        self._source = source
        self._query = query
        self._read = read
        self._clock = clock
        self._answers: dict[_Key, _Answer[T]] = {}
        # a turn lives as long as somebody has it or waits for it
        self._turns: WeakValueDictionary[_Key, _Turn] = WeakValueDictionary()

    async def of(
        self, company: UUID | None, asking: Asking, *, after: int, enough: Callable[[T], bool] = lambda value: True
    ) -> tuple[T, int]:
        """The answer, and how many round trips have passed by then; ``company`` is None where there are none.

        One that is not ``enough`` is asked for anew, unless it is as fresh as an absence may be.

        Raises:
            BackendError: the backend did not say.
        """
        key = (asking.scope.at(self._source).identity, company)
        turn = self._turns.setdefault(key, _Turn())
        waiting = turn.lock.locked()
        try:
            async with asyncio.timeout(max(0.0, asking.deadline.remaining)), turn.lock:
                kept = self._answers.get(key)
                if kept is not None and self._lasts(kept, enough):
                    asking.trace.cache_hits += 1
                    return kept.value, after
                if waiting and turn.error is not None:
                    raise turn.error.again()
                try:
                    value, depth = await self._ask(company, asking, after)
                except DeadlineError:  # the asker's own; others may have more time
                    raise
                except GatewayError as error:
                    turn.error = error
                    raise
                self._keep(key, value)
                return value, depth
        except TimeoutError as error:
            backend = self._source.backend
            raise DeadlineError(
                f"{backend.label} did not answer within the time this request may take.", backend=backend
            ) from error

    def _lasts(self, kept: _Answer[T], enough: Callable[[T], bool]) -> bool:
        lifetime = LIFETIMES[self._source.name] if enough(kept.value) else ABSENCE
        return self._clock() < kept.since + lifetime.total_seconds()

    def _keep(self, key: _Key, value: T) -> None:
        self._answers.pop(key, None)  # the dict's order is that of asking
        self._answers[key] = _Answer(value, self._clock())
        if len(self._answers) > _MOST_ANSWERS:
            del self._answers[next(iter(self._answers))]

    async def _ask(self, company: UUID | None, asking: Asking, after: int) -> tuple[T, int]:
        call = asking.call()
        client = self._paths.client(self._source)
        depth = after
        try:
            records = await client.everything(self._paths.path(self._source, company), self._query, call=call)
        finally:
            depth = asking.trace.add(call.exchanges, after=after)
        return self._read(records), depth


class CompanyFacts:
    """Lives as long as the process; ``known`` are currencies that the settings tell."""

    def __init__(
        self, paths: Paths, *, known: Mapping[UUID, str] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._known = dict(known or {})
        information = Query(select=("currencyCode", "currentFiscalYearStartDate"))
        self._information = Kept(paths, COMPANY_INFORMATION, information, _information, clock)
        self._locations = Kept(paths, LOCATIONS, Query(select=("code", "displayName")), _names, clock)
        organization = Query(
            select=("organizationid", "pricingdecimalprecision"),
            expand=(Expand("basecurrencyid", ("isocurrencycode",)),),
        )
        self._navigations = {
            table: Kept(paths, lookups_of(table), _OURS, _navigations, clock) for table in MARKED_TABLES
        }
        self._organization = Kept(paths, ORGANIZATIONS, organization, _organization, clock)
        marks = Query(select=("bcbi_companyid", "bcbi_externalid", "_bcbi_defaultowningteam_value"))
        self._crm_companies = Kept(paths, CRM_COMPANIES, marks, _crm_companies, clock)
        names = Query(select=("id", "name"))
        self._companies = Kept(paths, COMPANIES, names, _company_names, clock)

    async def currency(self, company: UUID, asking: Asking, *, after: int) -> str:
        """The ISO code of the company's local currency.

        Raises:
            BackendError: Business Central did not say.
        """
        if company in self._known:
            return self._known[company]
        information, _ = await self._information.of(company, asking, after=after)
        return information.currency_code

    async def base_currency(self, asking: Asking, *, after: int) -> str:
        """The ISO code of CRM's base currency. Raises: BackendError."""
        organization, _ = await self._organization.of(None, asking, after=after)
        return organization.base_currency

    async def price_places(self, asking: Asking, *, after: int) -> int:
        """How many decimals CRM keeps of prices. Raises: BackendError."""
        organization, _ = await self._organization.of(None, asking, after=after)
        return organization.price_places

    async def crm_company(self, company: UUID, asking: Asking, *, after: int) -> CrmCompany | None:
        """How CRM knows this company; None when it does not, or has no such table: the integration solution is not installed.

        Raises:
            BackendError: Dataverse did not say.
        """
        try:
            known, _ = await self._crm_companies.of(None, asking, after=after, enough=lambda known: company in known)
        except NotFoundError:
            return None
        return known.get(company)

    async def marks_companies(self, asking: Asking, *, after: int) -> bool:
        """Whether CRM has the table of companies at all. Raises: BackendError."""
        try:
            await self._crm_companies.of(None, asking, after=after)
        except NotFoundError:
            return False
        return True

    async def company_name(self, company: UUID, asking: Asking, *, after: int) -> str | None:
        """What the company is called; None when the environment has no such company. Raises: BackendError."""
        names, _ = await self._companies.of(None, asking, after=after, enough=lambda names: company in names)
        return names.get(company)

    async def account_statistics_navigation(self, asking: Asking, *, after: int) -> str:
        """The navigation property that leads from an account to its statistics row.

        Raises:
            NotFoundError: CRM lacks the columns of the Business Central Sales solution.
            BackendError: Dataverse did not say.
        """
        name = await self.navigation("account", "nav_accountstatisticsid", asking, after=after)
        if name is None:
            raise NotFoundError(
                "CRM's accounts have no lookup nav_accountstatisticsid: the Business Central Sales solution is not installed.",
                backend=Backend.DATAVERSE,
            )
        return name

    async def navigation(self, table: str, column: str, asking: Asking, *, after: int) -> str | None:
        """The navigation property behind a lookup of Business Central's solutions; None when the table has no such lookup.

        Raises:
            BackendError: Dataverse did not say.
        """
        names, _ = await self._navigations[table].of(None, asking, after=after, enough=lambda names: column in names)
        return names.get(column)

    async def fiscal_year_start(self, company: UUID, asking: Asking, *, after: int) -> tuple[date | None, int]:
        """The first day of some fiscal year, and the round trips passed by then. Raises: BackendError."""
        information, depth = await self._information.of(company, asking, after=after)
        return information.fiscal_year_start, depth

    async def locations(
        self, company: UUID, asking: Asking, *, after: int, wanted: Iterable[str] = ()
    ) -> Mapping[str, str | None]:
        """The names of all locations by code. Raises: BackendError.

        A ``wanted`` code that is not among them may be new in Business Central: its absence lasts only seconds.
        """
        codes = set(map(fold, wanted))
        names, _ = await self._locations.of(
            company, asking, after=after, enough=lambda names: codes.issubset(map(fold, names))
        )
        return names


def _information(records: Sequence[Record]) -> Information:
    values = records[0].values if records else {}
    code, start = values.get("currencyCode"), values.get("currentFiscalYearStartDate")
    if not isinstance(code, str):
        raise ProtocolError(
            "Business Central's company information names no local currency.", backend=Backend.BUSINESS_CENTRAL
        )
    try:
        return Information(code, date.fromisoformat(str(start)) if start is not None else None)
    except ValueError as error:
        raise ProtocolError(
            "Business Central's company information names a fiscal year that begins on no date.",
            backend=Backend.BUSINESS_CENTRAL,
        ) from error


def _organization(records: Sequence[Record]) -> Organization:
    values = records[0].values if records else {}
    currency, places = values.get("basecurrencyid"), values.get("pricingdecimalprecision")
    code = currency.get("isocurrencycode") if isinstance(currency, Mapping) else None
    if not isinstance(code, str):
        raise ProtocolError("Dataverse's organization names no base currency.", backend=Backend.DATAVERSE)
    return Organization(code, places if isinstance(places, int) else _PRICE_PLACES)


def _crm_companies(records: Sequence[Record]) -> Mapping[UUID, CrmCompany]:
    known: dict[UUID, CrmCompany] = {}
    for record in records:
        external, team = record.values.get("bcbi_externalid"), record.values.get("_bcbi_defaultowningteam_value")
        if external is not None:
            mark = CrmCompany(_guid(record.values.get("bcbi_companyid")), _guid(team) if team is not None else None)
            known[_guid(external)] = mark
    return known


def _company_names(records: Sequence[Record]) -> Mapping[UUID, str]:
    return {_guid(record.values.get("id")): str(record.values.get("name") or "") for record in records}


def _guid(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError as error:
        raise ProtocolError("Dataverse sent a company whose id is no GUID.", backend=Backend.DATAVERSE) from error


def _navigations(records: Sequence[Record]) -> Mapping[str, str]:
    """By the lookup's column."""
    pairs = (
        (record.values.get("ReferencingAttribute"), record.values.get("ReferencingEntityNavigationPropertyName"))
        for record in records
    )
    return {str(column): str(name) for column, name in pairs if column is not None and name is not None}


def _names(records: Sequence[Record]) -> Mapping[str, str | None]:
    names: dict[str, str | None] = {}
    for record in records:
        code, name = record.values.get("code"), record.values.get("displayName")
        if isinstance(code, str):
            names[code] = name if isinstance(name, str) else None
    return names
