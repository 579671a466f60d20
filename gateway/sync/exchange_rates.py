"""Exchange rates as CRM wants them: how much of a currency one unit of CRM's base currency buys.

Source: Business Central, "currencyExchangeRate resource type"; Dataverse, "Currency table", ``exchangerate``; Business Central,
codeunit CRM Synch. Helper, "GetFCYtoFCYExchangeRate".
"""

from collections.abc import Sequence
from decimal import Decimal

from gateway.errors import BackendError
from gateway.odata.query import Compare, Order, Query
from gateway.reading import values
from gateway.reading.need import Source
from gateway.records import Backend, Values
from gateway.sync.desk import Desk

RATES = Source(Backend.BUSINESS_CENTRAL, "currencyExchangeRates", "id")

_COLUMNS = (
    "currencyCode",
    "exchangeRateAmount",
    "relationalCurrencyCode",
    "relationalExchangeRateAmount",
    "startingDate",
)
_PLACES = Decimal("0.0000000001")
"""What the column keeps."""


async def exchange_rates(desk: Desk, codes: Sequence[str]) -> dict[str, Decimal]:
    """By code; a currency without a rate is left out. One exchange for all of them.

    Raises:
        BackendError: a system did not say.
    """
    trace, facts = desk.asking.trace, desk.reading.facts
    local = await facts.currency(desk.company, desk.asking, after=trace.round_trips)
    base = await facts.base_currency(desk.asking, after=trace.round_trips)
    factors = await _factors(desk, [each for each in dict.fromkeys((*codes, base)) if each != local])
    factors[local] = Decimal(1)
    if base not in factors:
        return {}
    return {code: (factors[code] / factors[base]).quantize(_PLACES) for code in codes if code in factors}


async def _factors(desk: Desk, codes: Sequence[str]) -> dict[str, Decimal]:
    """How much of each currency one unit of the local currency buys, by the newest rate there is."""
    queries = [
        Query(_COLUMNS, filter=Compare("currencyCode", "eq", code), order=(Order("startingDate", True),), top=1)
        for code in codes
    ]
    if not queries:
        return {}
    path = desk.path(RATES)
    with desk.calling() as call:
        answers = await desk.client(RATES).page_each([(path, query) for query in queries], call=call)
    factors: dict[str, Decimal] = {}
    for code, answer in zip(codes, answers, strict=True):
        if isinstance(answer, BackendError):
            raise answer
        for record in answer.records:
            factor = _factor(record.values)
            if factor is not None:
                factors[code] = factor
    return factors


def _factor(row: Values) -> Decimal | None:
    """Of one rate, such as 108 dollars for 100 euros; None when it is in relation to a third currency, or to nothing."""
    amount, relational = row.get("exchangeRateAmount"), row.get("relationalExchangeRateAmount")
    if row.get("relationalCurrencyCode") or not amount or not relational:
        return None
    return values.decimal(amount) / values.decimal(relational)
