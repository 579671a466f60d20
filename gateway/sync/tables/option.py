"""Payment terms and shipment methods, which are options of an account's choices in CRM.

Source: Business Central, codeunit CDS Setup Defaults, ResetPaymentTermsMapping and ResetShipmentMethodMapping; table 5334 "CRM
Option Mapping", in which it keeps such couplings; "Handle Missing Option Values".
"""

from gateway.couplings.coupling import Mapping
from gateway.odata.choice import LABEL, VALUE
from gateway.reading.need import Source
from gateway.reading.sources import FREIGHT_TERMS_CHOICE, PAYMENT_TERMS_CHOICE, SHIPMENT_METHODS
from gateway.reading.sources import PAYMENT_TERMS as PAYMENT_TERMS_SET
from gateway.sync.mapping import Direction, FieldMapping, Kind, Table, TableMapping

_TO = Direction.TO_INTEGRATION_TABLE


def _mapping(
    mapping: Mapping, table_no: int, codes: Source, noun: str, page: str, choice: Source, choice_noun: str
) -> TableMapping:
    """A code table; an option is called like the code."""
    return TableMapping(
        mapping=mapping,
        name=mapping.replace("_", " "),
        table_no=table_no,
        direction=_TO,
        adopts=(LABEL, "{}"),
        bc=Table(
            source=codes,
            noun=noun,
            title="displayName",
            number="code",
            modified="lastModifiedDateTime",
            page=page,
            key_field="Code",
        ),
        crm=Table(source=choice, noun=choice_noun, title=LABEL, number=VALUE, modified="modifiedon", page="account"),
        fields=(FieldMapping("code", "Code", "code", LABEL, _TO, Kind.CODE, longest=(10, None)),),
        match=(("code",),),
    )


PAYMENT_TERMS = _mapping(
    Mapping.PAYMENT_TERMS, 3, PAYMENT_TERMS_SET, "payment terms", "4", PAYMENT_TERMS_CHOICE, "option of Payment Terms"
)
SHIPMENT_METHOD = _mapping(
    Mapping.SHIPMENT_METHOD,
    10,
    SHIPMENT_METHODS,
    "shipment method",
    "11",
    FREIGHT_TERMS_CHOICE,
    "option of Freight Terms",
)
