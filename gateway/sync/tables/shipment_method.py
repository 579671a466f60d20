"""Shipment methods, and the options of an account's choice Freight Terms.

Source: Business Central, codeunit CDS Setup Defaults, ResetShipmentMethodMapping; table 5334 "CRM Option
Mapping", in which it keeps such couplings; "Handle Missing Option Values".
"""

from gateway.couplings.coupling import Mapping
from gateway.odata.choice import LABEL, VALUE
from gateway.reading.sources import FREIGHT_TERMS_CHOICE, SHIPMENT_METHODS
from gateway.sync.mapping import Direction, FieldMapping, Kind, Table, TableMapping

_TO = Direction.TO_INTEGRATION_TABLE

SHIPMENT_METHOD = TableMapping(
    mapping=Mapping.SHIPMENT_METHOD,
    name="SHIPMENT METHOD",
    table_no=10,
    direction=_TO,
    adopts=(LABEL, "{}"),
    bc=Table(
        source=SHIPMENT_METHODS,
        noun="shipment method",
        title="displayName",
        number="code",
        modified="lastModifiedDateTime",
        page="11",
        key_field="Code",
    ),
    crm=Table(
        source=FREIGHT_TERMS_CHOICE,
        noun="option of Freight Terms",
        title=LABEL,
        number=VALUE,
        modified="modifiedon",
        page="account",
    ),
    fields=(FieldMapping("code", "Code", "code", LABEL, _TO, Kind.CODE, longest=(10, None)),),
    match=(("code",),),
)
