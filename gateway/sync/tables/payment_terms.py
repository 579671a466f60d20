"""Payment terms, and the options of an account's choice Payment Terms.

Source: Business Central, codeunit CDS Setup Defaults, ResetPaymentTermsMapping; table 5334 "CRM Option
Mapping", in which it keeps such couplings; "Handle Missing Option Values".
"""

from gateway.couplings.coupling import Mapping
from gateway.odata.choice import LABEL, VALUE
from gateway.reading.sources import PAYMENT_TERMS as PAYMENT_TERMS_SET
from gateway.reading.sources import PAYMENT_TERMS_CHOICE
from gateway.sync.mapping import Direction, FieldMapping, Kind, Table, TableMapping

_TO = Direction.TO_INTEGRATION_TABLE

PAYMENT_TERMS = TableMapping(
    mapping=Mapping.PAYMENT_TERMS,
    name="PAYMENT TERMS",
    table_no=3,
    direction=_TO,
    adopts=(LABEL, "{}"),
    bc=Table(
        source=PAYMENT_TERMS_SET,
        noun="payment terms",
        title="displayName",
        number="code",
        modified="lastModifiedDateTime",
        page="4",
        key_field="Code",
    ),
    crm=Table(
        source=PAYMENT_TERMS_CHOICE,
        noun="option of Payment Terms",
        title=LABEL,
        number=VALUE,
        modified="modifiedon",
        page="account",
    ),
    fields=(FieldMapping("code", "Code", "code", LABEL, _TO, Kind.CODE, longest=(10, None)),),
    match=(("code",),),
)
