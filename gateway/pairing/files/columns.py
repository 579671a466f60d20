"""The columns a file with couplings may have: ours, and those of Business Central's table 5331. Pure.

Source: Business Central, table 5331 "CRM Integration Record". Its first result, *Last Synch. Result*, is that of the
synchronization into Business Central, the second, *Last Synch. CRM Result*, of that into CRM.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from gateway.couplings.coupling import Mapping
from gateway.pairing.files import values as csv_values
from gateway.pairing.files.values import Region, UnreadableError
from gateway.sync.mappings import TABLE_MAPPINGS

Read = Callable[[str, Region], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """What a column of a file is.

    ``field`` is that of a coupling; ``name`` is ours, ``caption`` that of table 5331, ``also`` what else it is called. The cells
    of ``exact`` text are taken as they stand.
    """

    field: str
    name: str | None
    read: Read
    caption: str | None = None
    also: tuple[str, ...] = ()
    exact: bool = False


def _mapping(text: str, region: Region) -> Mapping:
    wanted = folded(text)
    called = {folded(of.name): each for each, of in TABLE_MAPPINGS.items()} | {folded(each): each for each in Mapping}
    found = called.get(wanted)
    if found is None:
        raise UnreadableError("is no mapping", f"Mappings are {', '.join(Mapping)}.")
    return found


COLUMNS: Final = (
    Column("id", "couplingId", csv_values.guid),
    Column("mapping", "mapping", _mapping),
    Column("table_no", None, csv_values.whole_number, "Table ID"),
    Column("company_id", "company", csv_values.guid, also=("companyId",)),
    Column("bc_id", "businessCentralId", csv_values.guid, "Integration ID"),
    Column("bc_key", "businessCentralNumber", csv_values.text_of(250), also=("businessCentralKey",)),
    Column("crm_id", "dataverseId", csv_values.guid, "CRM ID"),
    Column("crm_key", "dataverseNumber", csv_values.text_of(250), also=("dataverseKey",)),
    Column("last_synchronized_at", "lastSynchronizedAt", csv_values.instant),
    Column("bc_modified_at", "businessCentralModifiedAt", csv_values.instant, "Last Synch. Modified On"),
    Column("crm_modified_at", "dataverseModifiedAt", csv_values.instant, "Last Synch. CRM Modified On"),
    Column("last_result_to_bc", "lastResultToBusinessCentral", csv_values.result, "Last Synch. Result"),
    Column("last_result_to_crm", "lastResultToDataverse", csv_values.result, "Last Synch. CRM Result"),
    Column("last_job_to_bc", "lastJobToBusinessCentral", csv_values.job, "Last Synch. Job ID"),
    Column("last_job_to_crm", "lastJobToDataverse", csv_values.job, "Last Synch. CRM Job ID"),
    Column("skipped", "skipped", csv_values.boolean, "Skipped"),
    Column("error_code", "errorCode", csv_values.text_of(80), exact=True),
    Column("error_message", "errorMessage", csv_values.text_of(), exact=True),
    Column("bc_etag", "businessCentralEtag", csv_values.text_of(200)),
    Column("crm_etag", "dataverseEtag", csv_values.text_of(200)),
    Column("base", "agreedValues", csv_values.agreed_values, exact=True),
    Column("created_at", "createdAt", csv_values.instant, also=("SystemCreatedAt",)),
    Column("created_by", "createdBy", csv_values.text_of(250), exact=True),
)
"""In the order of our own shape."""

KEYS: Final = frozenset({"id", "mapping", "table_no", "company_id", "bc_id", "bc_key", "crm_id", "crm_key"})
"""What says which coupling a row is; all else is its state."""

KNOWN_UNUSED: Final = frozenset(
    {"statisticsuploaded", "archivedsalesorder", "archivedsalesorderupdated", "systemid", "systemcreatedby"}
    | {"systemmodifiedat", "systemmodifiedby", "lastmodifieddatetime", "odataetag", "id"}
)
"""Columns of table 5331, or of a page over it, that a coupling has no use for."""


@lru_cache(maxsize=1_000)
def folded(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


BY_NAME: Final = {
    folded(name): column for column in COLUMNS for name in (column.name, column.caption, *column.also) if name
}
