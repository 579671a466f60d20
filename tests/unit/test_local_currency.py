"""The local currency of a company: asked for once for everybody with the same rights, and never guessed."""

import asyncio
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

import pytest

from gateway.clients.call import Call, Deadline, Exchange
from gateway.clients.client import ODataClient
from gateway.errors import DeadlineError, ProtocolError, UnreachableError
from gateway.odata.query import Query
from gateway.odata.response import Page
from gateway.reading.local_currency import LocalCurrencies
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
    error: UnreachableError | None = None
    asked: list[tuple[str, Query]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.gate.set()

    def client(self, backend: Backend) -> ODataClient:
        return cast(ODataClient, self)

    def path(self, source: Source, company: UUID | None) -> str:
        return f"{company}/{source.name}"

    async def page(self, path: str, query: Query, *, call: Call) -> Page:
        self.asked.append((path, query))
        await self.gate.wait()
        call.exchanges.append(Exchange(BC, "GET", path, 200, 1.0))
        if self.error is not None:
            raise self.error
        return Page(self.records)


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
def currencies(backend: FakeBackend) -> LocalCurrencies:
    return LocalCurrencies(backend, known={OTHER: "SEK"}, clock=lambda: backend.now)


def somebody(identity: str = "gateway", seconds: float = 3_600) -> Asking:
    return Asking(Scope(identity, COMPANY), Deadline.after(seconds), Trace(), "correlation-1")


async def test_the_company_is_asked_for_its_currency_alone(backend: FakeBackend, currencies: LocalCurrencies) -> None:
    asking = somebody()

    assert await currencies.of(COMPANY, asking, after=1) == "EUR"

    assert backend.asked == [(f"{COMPANY}/companyInformation", Query(select=("currencyCode",)))]
    assert (len(asking.trace.steps), asking.trace.round_trips) == (1, 2)


async def test_a_known_company_is_not_asked(backend: FakeBackend, currencies: LocalCurrencies) -> None:
    assert await currencies.of(OTHER, somebody(), after=0) == "SEK"
    assert backend.asked == []


async def test_callers_at_the_same_time_share_one_request(backend: FakeBackend, currencies: LocalCurrencies) -> None:
    codes = await asyncio.gather(*(currencies.of(COMPANY, somebody(), after=0) for _ in range(10)))

    assert codes == ["EUR"] * 10
    assert len(backend.asked) == 1


async def test_it_is_asked_again_after_an_hour(backend: FakeBackend, currencies: LocalCurrencies) -> None:
    await currencies.of(COMPANY, somebody(), after=0)
    asking = somebody()
    backend.now = 3_599
    await currencies.of(COMPANY, asking, after=0)
    assert (len(backend.asked), asking.trace.cache_hits) == (1, 1)

    backend.now = 3_600
    await currencies.of(COMPANY, somebody(), after=0)
    assert len(backend.asked) == 2


async def test_another_identity_asks_for_itself(backend: FakeBackend, currencies: LocalCurrencies) -> None:
    await currencies.of(COMPANY, somebody("ann"), after=0)
    await currencies.of(COMPANY, somebody("bob"), after=0)

    assert len(backend.asked) == 2


@pytest.mark.parametrize(
    "records", [(), (Record({}),), (Record({"currencyCode": None}),)], ids=["no row", "no column", "no value"]
)
async def test_a_company_that_names_no_currency_is_a_protocol_error(
    backend: FakeBackend, currencies: LocalCurrencies, records: tuple[Record, ...]
) -> None:
    backend.records = records

    with pytest.raises(ProtocolError, match="no local currency"):
        await currencies.of(COMPANY, somebody(), after=0)


async def test_a_failure_is_not_kept_and_is_in_the_trace(backend: FakeBackend, currencies: LocalCurrencies) -> None:
    asking = somebody()
    backend.error = UnreachableError("Business Central is not available (503).", backend=BC)
    with pytest.raises(UnreachableError):
        await currencies.of(COMPANY, asking, after=0)
    backend.error = None

    assert await currencies.of(COMPANY, somebody(), after=0) == "EUR"
    assert len(asking.trace.steps) == 1


async def test_a_deadline_of_one_caller_does_not_disturb_the_next(
    backend: FakeBackend, currencies: LocalCurrencies
) -> None:
    backend.gate.clear()
    with pytest.raises(DeadlineError):
        await currencies.of(COMPANY, somebody(seconds=0), after=0)
    backend.gate.set()

    assert await currencies.of(COMPANY, somebody(), after=0) == "EUR"
