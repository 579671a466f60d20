"""Units of measure and unit groups, as long as unit group mapping is off.

Source: Business Central, codeunit CRM Setup Defaults, ResetUnitOfMeasureUoMScheduleMapping.
"""

from gateway.couplings.coupling import Mapping
from gateway.reading.sources import UNIT_GROUPS, UNITS_OF_MEASURE
from gateway.sync.mapping import Direction, FieldMapping, Kind, Table, TableMapping

_TO = Direction.TO_INTEGRATION_TABLE

UNIT_OF_MEASURE = TableMapping(
    mapping=Mapping.UNIT_OF_MEASURE,
    name="UNIT OF MEASURE",
    table_no=204,
    direction=_TO,
    adopts=("name", "NAV {}"),
    bc=Table(
        source=UNITS_OF_MEASURE,
        noun="unit of measure",
        title="displayName",
        number="code",
        modified="lastModifiedDateTime",
        page="209",
        key_field="Code",
    ),
    crm=Table(
        source=UNIT_GROUPS,
        noun="unit group",
        title="name",
        number="baseuomname",
        modified="modifiedon",
        page="uomschedule",
    ),
    fields=(FieldMapping("code", "Code", "code", "baseuomname", _TO, Kind.CODE, once=True, longest=(10, 100)),),
    match=(("code",),),
)
