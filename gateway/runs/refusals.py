"""Why a pair was not synchronized: the sentences, each with both records and what to do about it. Pure."""

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence

from gateway.couplings.coupling import Coupling
from gateway.errors import ErrorCode, RefusalError
from gateway.pairing.presence import side_of
from gateway.records import Backend
from gateway.sync.differences import Difference
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Found, capital


def both_changed(records: ReadOnly[Backend, Found], conflicts: Sequence[Difference]) -> RefusalError:
    """Fields that both sides changed, and nobody says whose value counts."""
    bc, crm = records[Backend.BUSINESS_CENTRAL].named, records[Backend.DATAVERSE].named
    told = "; ".join(map(_told, conflicts))
    return RefusalError(
        ErrorCode.UPDATE_CONFLICT,
        f"Both {bc} and {crm} were changed since they were synchronized. {told}. Nothing was written.",
        hint="Choose whose data counts: synchronizeRecords with SEND keeps Business Central's, with GET CRM's. Or let one side "
        "win from now on with updateTableMapping.",
        records=[bc, crm],
    )


def _told(conflict: Difference) -> str:
    values = f"{_value(conflict.business_central)} in Business Central, {_value(conflict.dataverse)} in CRM"
    before = f", before that {_value(conflict.synchronized)}" if conflict.synchronized is not None else ""
    return f"{conflict.field.label}: {values}{before}"


def _value(text: str | None) -> str:
    return f"'{text}'" if text else "blank"


def partner_deleted(mapping: TableMapping, coupling: Coupling, survivor: Found) -> RefusalError:
    """One side of the pair is gone."""
    gone = Backend.DATAVERSE if survivor.table.source.backend is Backend.BUSINESS_CENTRAL else Backend.BUSINESS_CENTRAL
    record = side_of(mapping, coupling, gone)
    return RefusalError(
        ErrorCode.DELETION_CONFLICT,
        f"{capital(survivor.named)} cannot be synchronized, because it is coupled with {record}, which was deleted.",
        hint="End the coupling with uncoupleRecords, or make the record anew: couple what is left with `create: true`.",
        records=[survivor.named, record],
    )
