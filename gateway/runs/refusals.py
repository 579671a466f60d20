"""Why a pair was not synchronized: the sentences, each with both records and what to do about it. Pure."""

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence

from gateway.couplings.coupling import Coupling
from gateway.errors import ErrorCode, GatewayError, RefusalError
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
        hint="Choose whose data counts: synchronizeRecords with SEND keeps Business Central's, with GET CRM's; resolveConflict "
        "decides field by field. Or let one side win from now on with updateTableMapping.",
        records=[bc, crm],
    )


def _told(conflict: Difference) -> str:
    values = f"{_value(conflict.business_central)} in Business Central, {_value(conflict.dataverse)} in CRM"
    before = f", before that {_value(conflict.synchronized)}" if conflict.synchronized is not None else ""
    return f"{conflict.field.label}: {values}{before}"


def _value(text: str | None) -> str:
    return f"'{text}'" if text else "blank"


def of_record(error: GatewayError, records: ReadOnly[Backend, Found], to: Backend) -> GatewayError:
    """The same error of a system, in a sentence that begins with the record it is about."""
    if isinstance(error, RefusalError) or to not in records:
        return error
    told = error.again()
    told.message = f"{capital(records[to].named)} could not be written. {error.message}"
    return told


def partner_deleted(mapping: TableMapping, coupling: Coupling, survivor: Found) -> RefusalError:
    """One side of the pair is gone."""
    gone = Backend.DATAVERSE if survivor.table.source.backend is Backend.BUSINESS_CENTRAL else Backend.BUSINESS_CENTRAL
    record = side_of(mapping, coupling, gone)
    return RefusalError(
        ErrorCode.DELETION_CONFLICT,
        f"{capital(survivor.named)} cannot be synchronized, because it is coupled with {record}, which was deleted.",
        hint=f"Make the {record.noun} anew with restoreRecord, or end the coupling with uncoupleRecords."
        if mapping.direction.goes_to(gone)
        else f"End the coupling with uncoupleRecords. The mapping does not write to {gone.label}, so nothing is made anew there.",
        records=[survivor.named, record],
    )


def not_all_chosen(records: ReadOnly[Backend, Found], left: Sequence[Difference]) -> RefusalError:
    """Some fields of a conflict were decided on, and these were not."""
    bc, crm = records[Backend.BUSINESS_CENTRAL].named, records[Backend.DATAVERSE].named
    names = ", ".join(f"{each.field.label} ({each.field.name})" for each in left)
    return RefusalError(
        ErrorCode.UPDATE_CONFLICT,
        f"{bc} and {crm} are in conflict in fields that nobody chose for: {names}. Nothing was written.",
        hint="Say for each of them whose value counts, or give one of your own.",
        records=[bc, crm],
        argument="fields",
    )


def nothing_deleted(records: ReadOnly[Backend, Found]) -> RefusalError:
    """Both sides of a coupling are there, so none is made anew."""
    bc, crm = records[Backend.BUSINESS_CENTRAL].named, records[Backend.DATAVERSE].named
    return RefusalError(
        ErrorCode.ALREADY_COUPLED,
        f"Neither {bc} nor {crm} is deleted, so nothing is made anew.",
        hint="Synchronize the two with synchronizeRecords.",
        records=[bc, crm],
        argument="couplingId",
    )


def both_deleted(mapping: TableMapping, coupling: Coupling) -> RefusalError:
    """There is nothing left to make a record of."""
    records = [side_of(mapping, coupling, each) for each in Backend]
    return RefusalError(
        ErrorCode.RECORD_NOT_FOUND,
        f"Both {records[0]} and {records[1]} were deleted, so there is nothing to make one of.",
        hint="End the coupling with uncoupleRecords.",
        records=records,
        argument="couplingId",
    )


def cannot_be_restored(mapping: TableMapping, coupling: Coupling, gone: Backend) -> RefusalError:
    """The deleted side is one that the mapping does not write to."""
    record = side_of(mapping, coupling, gone)
    return RefusalError(
        ErrorCode.DIRECTION_NOT_ALLOWED,
        f"{capital(record)} was deleted, and the mapping {mapping.name} does not write to {gone.label}: it is not made anew.",
        hint=f"Create the {record.noun} in {gone.label} and couple the two, or end the coupling with uncoupleRecords.",
        records=[record],
        argument="couplingId",
    )
