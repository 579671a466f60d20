"""In which currency a company keeps its books: the currency of every amount on its master data.

Source: Business Central, "companyInformation resource type", ``currencyCode``.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from uuid import UUID

from gateway.clients.call import Call
from gateway.errors import DeadlineError, ProtocolError
from gateway.odata.query import Query
from gateway.reading.cache import LIFETIMES
from gateway.reading.lookup import Asking, Paths
from gateway.reading.need import Source
from gateway.records import Backend

COMPANY_INFORMATION = Source(Backend.BUSINESS_CENTRAL, "companyInformation", "id")


class LocalCurrencies:
    """Asks once for each company and acting identity, then knows. Callers that ask at the same time share the request."""

    def __init__(
        self, paths: Paths, *, known: Mapping[UUID, str] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._paths = paths
        self._settled = dict(known or {})
        self._kept: dict[tuple[str, UUID], tuple[str, float]] = {}
        self._locks: dict[tuple[str, UUID], asyncio.Lock] = {}
        self._clock = clock

    async def of(self, company: UUID, asking: Asking, *, after: int) -> str:
        """The ISO code of the company's local currency.

        Raises:
            BackendError: Business Central did not say.
        """
        if company in self._settled:
            return self._settled[company]
        key = (asking.scope.identity, company)
        try:
            async with asyncio.timeout(max(0.0, asking.deadline.remaining)):
                async with self._locks.setdefault(key, asyncio.Lock()):
                    code, until = self._kept.get(key, ("", 0.0))
                    if self._clock() < until:
                        asking.trace.cache_hits += 1
                        return code
                    code = await self._ask(company, asking, after)
                    self._kept[key] = (code, self._clock() + LIFETIMES["companyInformation"].total_seconds())
                    return code
        except TimeoutError as error:
            raise DeadlineError(
                "Business Central did not answer within the time this request may take.",
                backend=Backend.BUSINESS_CENTRAL,
            ) from error

    async def _ask(self, company: UUID, asking: Asking, after: int) -> str:
        call = Call(asking.deadline, asking.correlation_id)
        client = self._paths.client(Backend.BUSINESS_CENTRAL)
        path = self._paths.path(COMPANY_INFORMATION, company)
        try:
            page = await client.page(path, Query(select=("currencyCode",)), call=call)
        finally:
            asking.trace.add(call.exchanges, after=after)
        code = page.records[0].values.get("currencyCode") if page.records else None
        if not isinstance(code, str):
            raise ProtocolError(
                "Business Central's company information names no local currency.", backend=Backend.BUSINESS_CENTRAL
            )
        return code
