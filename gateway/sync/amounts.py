"""How CRM keeps amounts: how many decimals of them, and in which currency.

Amounts of Business Central's master data are in local currency. Where CRM's row is to be in another one, they are not written:
the same number would be another amount.
"""

from collections.abc import Iterable, Sequence

from gateway.couplings.coupling import Mapping as Tables
from gateway.records import Backend, Values
from gateway.sync.comparison import AT_MOST, Places
from gateway.sync.desk import Desk
from gateway.sync.mapping import FieldMapping, Money
from gateway.sync.references import References, local_currency


async def read_places(desk: Desk, fields: Iterable[FieldMapping]) -> Places:
    """How many decimals CRM keeps of these fields. Known for an hour. Raises: BackendError."""
    kinds = {each.money for each in fields}
    if kinds == {None} or not kinds:
        return AT_MOST
    after = desk.asking.trace.round_trips
    prices = await desk.reading.facts.price_places(desk.asking, after=after) if Money.PRICE in kinds else AT_MOST.prices
    amounts = (await local_currency(desk)).places if Money.AMOUNT in kinds else AT_MOST.amounts
    return Places(amounts=amounts, prices=prices)


def currency_of(fields: Sequence[FieldMapping]) -> FieldMapping | None:
    """The field in which a record says which currency it is in; None where all are in the local one."""
    return next((each for each in fields if each.lookup is Tables.CURRENCY and each.bc), None)


def is_foreign(currency: FieldMapping | None, references: References, values: Values) -> bool:
    """Whether a record of Business Central is in another currency than the local one. Raises: ProtocolError."""
    if currency is None:
        return False
    local = references.of(currency, Backend.BUSINESS_CENTRAL, {})
    return references.of(currency, Backend.BUSINESS_CENTRAL, values).crm != local.crm


def is_local(currency: FieldMapping, references: References, row: Values) -> bool:
    """Whether a row of CRM is in the local currency. Raises: ProtocolError."""
    local = references.of(currency, Backend.BUSINESS_CENTRAL, {})
    return references.of(currency, Backend.DATAVERSE, row).crm == local.crm
