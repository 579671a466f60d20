"""Currencies. Source: Business Central, codeunit CDS Setup Defaults, ResetCurrencyTransactionCurrencyMapping."""

from gateway.couplings.coupling import Mapping
from gateway.reading.sources import BC_CURRENCIES, CURRENCIES
from gateway.sync.mapping import Direction, FieldMapping, Kind, Table, TableMapping

_TO = Direction.TO_INTEGRATION_TABLE

CURRENCY = TableMapping(
    mapping=Mapping.CURRENCY,
    name="CURRENCY",
    table_no=4,
    direction=_TO,
    adopts=("isocurrencycode", "{}"),
    bc=Table(
        source=BC_CURRENCIES,
        noun="currency",
        title="displayName",
        number="code",
        modified="lastModifiedDateTime",
        page="5",
        key_field="Code",
        besides=frozenset({"amountDecimalPlaces"}),
    ),
    crm=Table(
        source=CURRENCIES,
        noun="currency in CRM",
        title="currencyname",
        number="isocurrencycode",
        modified="modifiedon",
        page="transactioncurrency",
        besides=frozenset({"exchangerate"}),
    ),
    fields=(
        FieldMapping("code", "Code", "code", "isocurrencycode", _TO, Kind.CODE, once=True, longest=(10, 5)),
        FieldMapping("displayName", "Description", "displayName", "currencyname", _TO, longest=(30, 100)),
        FieldMapping("symbol", "Symbol", "symbol", "currencysymbol", _TO, longest=(10, 10), otherwise="code"),
    ),
    match=(("code",),),
)
"""The exchange rate is worked out from Business Central's, see ``gateway.sync.computed``."""
