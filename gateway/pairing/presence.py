"""What is told when a record cannot be seen and nobody says that it was deleted: nothing ends for that. Pure.

Rights may be gone, or hide just this record: a coupling that was ended for that could not be had back.
"""

from uuid import UUID

from gateway.couplings.coupling import Coupling
from gateway.errors import ErrorCode, NamedRecord, RefusalError
from gateway.records import Backend
from gateway.sync.mapping import Table, TableMapping
from gateway.sync.records import capital


def id_of(coupling: Coupling, backend: Backend) -> UUID:
    """A side's id."""
    return coupling.bc_id if backend is Backend.BUSINESS_CENTRAL else coupling.crm_id


def side_of(mapping: TableMapping, coupling: Coupling, backend: Backend) -> NamedRecord:
    """A side by what was last seen of it."""
    of_bc = backend is Backend.BUSINESS_CENTRAL
    id, key = (coupling.bc_id, coupling.bc_key) if of_bc else (coupling.crm_id, coupling.crm_key)
    return NamedRecord(str(backend), mapping.table(backend).noun, id, key)


def unseen(mapping: TableMapping, coupling: Coupling, backend: Backend) -> RefusalError:
    """A side is not among what can be read, and its system does not say that it was deleted."""
    record = side_of(mapping, coupling, backend)
    return RefusalError(
        ErrorCode.RECORD_NOT_VISIBLE,
        f"{capital(record)} cannot be seen in {backend.label}, which does not say that it was deleted. Nothing was ended.",
        hint=_HINT,
        records=[record],
    )


def veiled(mapping: TableMapping, coupling: Coupling, backend: Backend) -> RefusalError:
    """The same where the caller's own rights decide: the side is spoken of by its partner, as far as that may be told."""
    other = Backend.DATAVERSE if backend is Backend.BUSINESS_CENTRAL else Backend.BUSINESS_CENTRAL
    partner, noun = side_of(mapping, coupling, other), mapping.table(backend).noun
    name = str(partner) if partner.number else f"this {partner.noun}"
    return RefusalError(
        ErrorCode.RECORD_NOT_VISIBLE,
        f"You may not see the {noun} in {backend.label} that {name} is coupled with, or it does not exist. Nothing was done.",
        hint=f"Ask somebody who may see the {noun} there.",
        records=[partner] if partner.number else [],
    )


def none_seen(table: Table) -> RefusalError:
    """Not one record of a set can be read, although couplings lead there."""
    backend = table.source.backend
    return RefusalError(
        ErrorCode.RECORD_NOT_VISIBLE,
        f"Not one {table.noun} can be seen in {backend.label}, although some are coupled. Nothing was done.",
        hint=_HINT,
    )


_HINT = (
    "Check the gateway's rights there, and whether it is the right company. A coupling that is to end all the same is ended "
    "with uncoupleRecords."
)
