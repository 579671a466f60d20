"""A coupling: one row of truth about a pair, a Business Central record and a Dataverse row that are the same thing.

Source: Business Central, table 5331 "CRM Integration Record"; the one-to-one rule is the database's here.
"""

from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class Mapping(StrEnum):
    """Which tables a coupling joins. Named after the Business Central side.

    What the ``OWN_`` places join is the installation's to say, see ``gateway.runs.own_tables``.
    """

    CUSTOMER = "CUSTOMER"
    VENDOR = "VENDOR"
    CONTACT = "CONTACT"
    ITEM = "ITEM"
    SALESPERSON = "SALESPERSON"
    CURRENCY = "CURRENCY"
    PAYMENT_TERMS = "PAYMENT_TERMS"
    SHIPMENT_METHOD = "SHIPMENT_METHOD"
    UNIT_OF_MEASURE = "UNIT_OF_MEASURE"
    OPPORTUNITY = "OPPORTUNITY"
    SALES_INVOICE = "SALES_INVOICE"
    OWN_1 = "OWN_1"
    OWN_2 = "OWN_2"
    OWN_3 = "OWN_3"
    OWN_4 = "OWN_4"
    OWN_5 = "OWN_5"
    OWN_6 = "OWN_6"
    OWN_7 = "OWN_7"
    OWN_8 = "OWN_8"
    OWN_9 = "OWN_9"

    @property
    def is_own(self) -> bool:
        """Whether it is a place for tables of an installation's own."""
        return self.startswith("OWN_")


class Result(StrEnum):
    """How the last synchronization in one direction ended."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


@dataclass(frozen=True, slots=True)
class Coupling:
    """Both keys, and both records as of the last synchronization. All date-times are aware and UTC.

    ``bc_key`` and ``crm_key`` are the natural keys (customer number, account number, …) as last seen: they let a query
    start at both backends at once. They may be out of date and are never trusted without comparing ids.
    ``written_to_bc`` and ``written_to_crm`` are the last write each way: ``at``, ``by`` and its ``columns``.
    ``base`` are the values of the mapped fields, by field, as both sides agreed on them at the last synchronization; None of a
    field that was never synchronized.
    """

    id: UUID
    mapping: Mapping
    company_id: UUID
    bc_id: UUID
    crm_id: UUID
    bc_key: str | None = None
    crm_key: str | None = None
    last_synchronized_at: datetime | None = None
    bc_modified_at: datetime | None = None
    crm_modified_at: datetime | None = None
    bc_etag: str | None = None
    crm_etag: str | None = None
    last_result_to_bc: Result | None = None
    last_result_to_crm: Result | None = None
    last_job_to_bc: str | None = None
    last_job_to_crm: str | None = None
    written_to_bc: ReadOnly[str, Any] | None = None
    written_to_crm: ReadOnly[str, Any] | None = None
    base: ReadOnly[str, str | None] | None = None
    skipped: bool = False
    error_code: str | None = None
    error_message: str | None = None
    created_at: datetime | None = None
    created_by: str | None = None

    def moved(self, bc_id: UUID, crm_id: UUID, *, bc_key: str | None, crm_key: str | None) -> "Coupling":
        """The same coupling of another pair: what was known of the synchronization no longer holds.

        Timestamps, results and Skipped are reset.

        Source: Business Central, table CRM Integration Record, "CoupleRecordIdToCRMID".
        """
        return Coupling(
            id=self.id,
            mapping=self.mapping,
            company_id=self.company_id,
            bc_id=bc_id,
            crm_id=crm_id,
            bc_key=bc_key,
            crm_key=crm_key,
            created_at=self.created_at,
            created_by=self.created_by,
        )


class Event(StrEnum):
    """What happened to a coupling."""

    COUPLED = "COUPLED"
    MOVED = "MOVED"
    UNCOUPLED = "UNCOUPLED"


class Cause(StrEnum):
    """Why it happened."""

    MANUAL = "MANUAL"
    CREATED = "CREATED"
    MATCHED = "MATCHED"
    IMPORTED = "IMPORTED"
    UNDONE = "UNDONE"
    STALE = "STALE"
    PARENT_UNCOUPLED = "PARENT_UNCOUPLED"
    REPAIRED = "REPAIRED"


@dataclass(frozen=True, slots=True)
class Doing:
    """Who changes couplings, when and why; ``job`` is the plan or job they belong to."""

    by: str
    at: datetime
    cause: Cause
    job: UUID | None = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of a coupling's history: the pair as it was afterwards, or as it was when it ended.

    ``was_bc_id`` and ``was_crm_id`` are the pair before a move.
    """

    number: int
    coupling_id: UUID
    mapping: Mapping
    company_id: UUID
    bc_id: UUID
    crm_id: UUID
    bc_key: str | None
    crm_key: str | None
    event: Event
    cause: Cause
    at: datetime
    by: str
    job: UUID | None = None
    was_bc_id: UUID | None = None
    was_crm_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """One side of a coupling that is still to be created: kept from before anything is sent until the record is there.

    ``until`` is when whoever began it gives up; None: when a request of this gateway does. It goes by the coupling's id; the id
    of the new record is the coupling's own, chosen in advance. Whoever finds an intent can finish it: a create finds the row
    that an earlier attempt made.
    """

    id: UUID
    to_crm: bool
    created_at: datetime
    until: datetime | None = None
