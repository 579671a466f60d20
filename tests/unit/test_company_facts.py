"""What is true of a whole company: asked for once for everybody with the same rights, and never guessed."""

import asyncio
import gc
from dataclasses import dataclass, field
from datetime import date
from typing import cast
from uuid import UUID

import pytest

from gateway.clients.call import Call, Deadline, Exchange
from gateway.clients.client import ODataClient
from gateway.errors import BackendError, DeadlineError, NotFoundError, ProtocolError, UnreachableError
from gateway.odata.query import Query
from gateway.reading.company_facts import CompanyFacts
from gateway.reading.lookup import Asking, Scope
from gateway.reading.need import Source
from gateway.reading.trace import Trace
from gateway.records import Backend, Record

pytestmark = pytest.mark.anyio

BC = Backend.BUSINESS_CENTRAL
COMPANY, OTHER = UUID(int=1), UUID(int=2)


@dataclass
class FakeBackend:
    """Paths and client in one: answers with ``records``, or raises; while ``gate`` is closed, nothing is answered."""

    records: tuple[Record, ...] = (Record({"currencyCode": "EUR"}),)
    error: BackendError | None = None
    asked: list[tuple[str, Query]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.gate.set()

    def client(self, source: Source) -> ODataClient:
        return cast(ODataClient, self)

    def path(self, source: Source, company: UUID | None) -> str:
        return f"{company}/{source.name}"

    async def everything(self, path: str, query: Query, *, call: Call) -> list[Record]:
        self.asked.append((path, query))
        await self.gate.wait()
        call.exchanges.append(Exchange(BC, "GET", path, 200, 1.0))
        if self.error is not None:
            raise self.error.again()
        return list(self.records)


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
def facts(backend: FakeBackend) -> CompanyFacts:
    return CompanyFacts(backend, known={OTHER: "SEK"}, clock=lambda: backend.now)


def somebody(identity: str = "gateway", seconds: float = 3_600) -> Asking:
    return Asking(Scope(identity, COMPANY), Deadline.after(seconds), Trace(), "correlation-1")


async def test_the_company_is_asked_for_its_currency_and_its_fiscal_year(
    backend: FakeBackend, facts: CompanyFacts
) -> None:
    asking = somebody()

    assert await facts.currency(COMPANY, asking, after=1) == "EUR"

    columns = ("currencyCode", "currentFiscalYearStartDate")
    assert backend.asked == [(f"{COMPANY}/companyInformation", Query(select=columns))]
    assert (len(asking.trace.steps), asking.trace.round_trips) == (1, 2)


async def test_a_known_company_is_not_asked(backend: FakeBackend, facts: CompanyFacts) -> None:
    assert await facts.currency(OTHER, somebody(), after=0) == "SEK"
    assert backend.asked == []


async def test_callers_at_the_same_time_share_one_request(backend: FakeBackend, facts: CompanyFacts) -> None:
    codes = await asyncio.gather(*(facts.currency(COMPANY, somebody(), after=0) for _ in range(10)))

    assert codes == ["EUR"] * 10
    assert len(backend.asked) == 1


async def test_it_is_asked_again_after_an_hour(backend: FakeBackend, facts: CompanyFacts) -> None:
    await facts.currency(COMPANY, somebody(), after=0)
    asking = somebody()
    backend.now = 3_599
    await facts.currency(COMPANY, asking, after=0)
    assert (len(backend.asked), asking.trace.cache_hits) == (1, 1)

    backend.now = 3_600
    await facts.currency(COMPANY, somebody(), after=0)
    assert len(backend.asked) == 2


async def test_another_identity_asks_for_itself(backend: FakeBackend, facts: CompanyFacts) -> None:
    await facts.currency(COMPANY, somebody("ann"), after=0)
    await facts.currency(COMPANY, somebody("bob"), after=0)

    assert len(backend.asked) == 2


@pytest.mark.parametrize(
    "records", [(), (Record({}),), (Record({"currencyCode": None}),)], ids=["no row", "no column", "no value"]
)
async def test_a_company_that_names_no_currency_is_a_protocol_error(
    backend: FakeBackend, facts: CompanyFacts, records: tuple[Record, ...]
) -> None:
    backend.records = records

    with pytest.raises(ProtocolError, match="no local currency"):
        await facts.currency(COMPANY, somebody(), after=0)


async def test_a_failure_is_not_kept_and_is_in_the_trace(backend: FakeBackend, facts: CompanyFacts) -> None:
    asking = somebody()
    backend.error = UnreachableError("Business Central is not available (503).", backend=BC)
    with pytest.raises(UnreachableError):
        await facts.currency(COMPANY, asking, after=0)
    backend.error = None

    assert await facts.currency(COMPANY, somebody(), after=0) == "EUR"
    assert len(asking.trace.steps) == 1


async def test_a_deadline_of_one_caller_does_not_disturb_the_next(backend: FakeBackend, facts: CompanyFacts) -> None:
    backend.gate.clear()
    with pytest.raises(DeadlineError):
        await facts.currency(COMPANY, somebody(seconds=0), after=0)
    backend.gate.set()

    assert await facts.currency(COMPANY, somebody(), after=0) == "EUR"


async def test_the_fiscal_year_comes_with_the_currency(backend: FakeBackend, facts: CompanyFacts) -> None:
    backend.records = (Record({"currencyCode": "EUR", "currentFiscalYearStartDate": "2026-07-01"}),)
    await facts.currency(COMPANY, somebody(), after=0)

    assert await facts.fiscal_year_start(COMPANY, somebody(), after=1) == (date(2026, 7, 1), 1)
    assert len(backend.asked) == 1


async def test_a_company_may_not_say_when_its_year_begins(backend: FakeBackend, facts: CompanyFacts) -> None:
    assert await facts.fiscal_year_start(COMPANY, somebody(), after=0) == (None, 1)


async def test_a_year_that_begins_on_no_date_is_a_protocol_error(backend: FakeBackend, facts: CompanyFacts) -> None:
    backend.records = (Record({"currencyCode": "EUR", "currentFiscalYearStartDate": "soon"}),)

    with pytest.raises(ProtocolError, match="begins on no date"):
        await facts.fiscal_year_start(COMPANY, somebody(), after=0)


async def test_locations_go_by_their_codes(backend: FakeBackend, facts: CompanyFacts) -> None:
    backend.records = (Record({"code": "MAIN", "displayName": "Main"}), Record({"code": "X", "displayName": None}))

    assert await facts.locations(COMPANY, somebody(), after=0) == {"MAIN": "Main", "X": None}


# -- a location that is not among those known --------------------------------------------------------------------------


async def location_codes(facts: CompanyFacts, *wanted: str) -> list[str]:
    return sorted(await facts.locations(COMPANY, somebody(), after=0, wanted=wanted))


async def test_a_new_location_is_found_once_its_absence_is_five_seconds_old(
    backend: FakeBackend, facts: CompanyFacts
) -> None:
    backend.records = (Record({"code": "MAIN"}),)
    await location_codes(facts)
    backend.records = (Record({"code": "MAIN"}), Record({"code": "NEW"}))

    backend.now = 4.9
    assert await location_codes(facts, "NEW") == ["MAIN"]
    backend.now = 5
    assert await location_codes(facts, "main") == ["MAIN"], "nothing is missing"
    assert len(backend.asked) == 1
    assert await location_codes(facts, "MAIN", "new") == ["MAIN", "NEW"]
    assert len(backend.asked) == 2


async def test_a_location_that_does_not_exist_is_asked_for_every_five_seconds_at_most(
    backend: FakeBackend, facts: CompanyFacts
) -> None:
    for now in range(10):
        backend.now = now
        await location_codes(facts, "NOWHERE")

    assert len(backend.asked) == 2


# -- how much is kept --------------------------------------------------------------------------------------------------


def locks() -> int:
    gc.collect()
    return sum(isinstance(each, asyncio.Lock) for each in gc.get_objects())


async def test_a_company_that_does_not_exist_leaves_nothing_behind(backend: FakeBackend, facts: CompanyFacts) -> None:
    backend.error = NotFoundError("No such company.", backend=BC)
    before = locks()
    for number in range(100, 150):
        with pytest.raises(NotFoundError):
            await facts.currency(UUID(int=number), somebody(), after=0)

    assert locks() == before


async def test_no_more_than_a_thousand_answers_are_kept(backend: FakeBackend, facts: CompanyFacts) -> None:
    for number in range(100, 1_101):
        await facts.currency(UUID(int=number), somebody(), after=0)
    backend.asked.clear()

    await facts.currency(UUID(int=101), somebody(), after=0)
    assert backend.asked == []
    await facts.currency(UUID(int=100), somebody(), after=0)
    assert len(backend.asked) == 1


async def test_who_waits_is_not_cancelled_with_the_one_who_asked_first(
    backend: FakeBackend, facts: CompanyFacts
) -> None:
    backend.gate.clear()
    first, *others = [asyncio.ensure_future(facts.currency(COMPANY, somebody(), after=0)) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    gc.collect()
    backend.gate.set()

    assert await asyncio.gather(*others) == ["EUR", "EUR"]
    assert len(backend.asked) == 2, "the one that was given up, and one for those who waited"


async def test_the_base_currency_is_that_of_the_organization(backend: FakeBackend, facts: CompanyFacts) -> None:
    backend.records = (Record({"basecurrencyid": {"isocurrencycode": "USD"}}),)

    assert await facts.base_currency(somebody(), after=0) == "USD"
    assert backend.asked[0][0] == "None/organizations"


async def test_an_organization_without_a_base_currency_is_a_protocol_error(
    backend: FakeBackend, facts: CompanyFacts
) -> None:
    with pytest.raises(ProtocolError, match="base currency"):
        await facts.base_currency(somebody(), after=0)


async def test_the_way_to_the_statistics_row_is_what_the_metadata_calls_it(
    backend: FakeBackend, facts: CompanyFacts
) -> None:
    names = {
        "ReferencingAttribute": "nav_accountstatisticsid",
        "ReferencingEntityNavigationPropertyName": "nav_AccountStatisticsId",
    }
    backend.records = (Record(names),)

    assert await facts.account_statistics_navigation(somebody(), after=0) == "nav_AccountStatisticsId"


async def test_without_the_sales_solution_there_is_no_such_way(backend: FakeBackend, facts: CompanyFacts) -> None:
    backend.records = ()

    with pytest.raises(NotFoundError, match="Sales solution"):
        await facts.account_statistics_navigation(somebody(), after=0)
