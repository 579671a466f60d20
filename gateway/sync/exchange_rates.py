"""Exchange rates as CRM wants them: how much of a currency one unit of CRM's base currency buys.

Source: Business Central, "currencyExchangeRate resource type"; Dataverse, "Currency table", ``exchangerate``; Business Central,
codeunit CRM Synch. Helper, "GetFCYtoFCYExchangeRate".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from gateway.errors import BackendError, ProtocolError
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


@dataclass(frozen=True, slots=True)
class NoRate:
    """Which currency keeps a rate from being worked out: it has none, or its newest is in ``relation`` to a third currency.

    ``is_base`` says that it is not the one that was asked for, but CRM's base currency, which all rates are told by.
    """

    code: str
    relation: str | None = None
    is_base: bool = False


Rate = Decimal | NoRate | ProtocolError


async def exchange_rates(desk: Desk, codes: Sequence[str]) -> dict[str, Rate]:
    """One for each code, or why there is none. One exchange for all of them.

    Raises:
        BackendError: a system did not say.
    """
    trace, facts = desk.asking.trace, desk.reading.facts
    local = await facts.currency(desk.company, desk.asking, after=trace.round_trips)
    base = await facts.base_currency(desk.asking, after=trace.round_trips)
    factors = await _factors(desk, [each for each in dict.fromkeys((*codes, base)) if each != local], local=local)
    factors[local] = Decimal(1)
    return {code: rate_of(factors[code], factors[base]) for code in codes}


def rate_of(factor: Rate, base: Rate) -> Rate:
    """How much of a currency one unit of CRM's base currency buys; both are told by the local currency."""
    if not isinstance(factor, Decimal):
        return factor
    if not isinstance(base, Decimal):
        return replace(base, is_base=True) if isinstance(base, NoRate) else base
    try:
        return rounded(factor / base)
    except ArithmeticError:
        return _nonsense()


def rounded(rate: Decimal) -> Decimal:
    """As CRM keeps it. Raises: ArithmeticError."""
    return rate.quantize(_PLACES)


def _nonsense() -> ProtocolError:
    return ProtocolError("Business Central sent an exchange rate that cannot be one.", backend=Backend.BUSINESS_CENTRAL)


async def _factors(desk: Desk, codes: Sequence[str], *, local: str) -> dict[str, Rate]:
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
    factors: dict[str, Rate] = {code: NoRate(code) for code in codes}
    for code, answer in zip(codes, answers, strict=True):
        if isinstance(answer, BackendError):
            raise answer
        for record in answer.records:
            factors[code] = factor_of(code, record.values, local=local)
    return factors


def factor_of(code: str, row: Values, *, local: str) -> Rate:
    """Of one rate, such as 108 dollars for 100 euros."""
    amount, relational = row.get("exchangeRateAmount"), row.get("relationalExchangeRateAmount")
    relation = row.get("relationalCurrencyCode")
    if not amount or not relational:
        return NoRate(code)
    if relation and str(relation) != local:
        return NoRate(code, str(relation))
    try:
        return values.decimal(amount) / values.decimal(relational)
    except (TypeError, ArithmeticError):
        return _nonsense()
