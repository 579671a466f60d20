"""A coupling: one row of truth about a pair, a Business Central record and a Dataverse row that are the same thing.

Source: Business Central, table 5331 "CRM Integration Record"; the one-to-one rule is the database's here.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Mapping(StrEnum):
    """Which tables a coupling joins. Named after the Business Central side."""

    CUSTOMER = "CUSTOMER"
    CONTACT = "CONTACT"
    ITEM = "ITEM"
    SALESPERSON = "SALESPERSON"
    CURRENCY = "CURRENCY"
    UNIT_OF_MEASURE = "UNIT_OF_MEASURE"
    OPPORTUNITY = "OPPORTUNITY"


class Result(StrEnum):
    """How the last synchronization in one direction ended."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


@dataclass(frozen=True, slots=True)
class Coupling:
    """Both keys, and both records as of the last synchronization. All date-times are aware and UTC.

    ``bc_key`` and ``crm_key`` are the natural keys (customer number, account number, …) as last seen: they let a query
    start at both backends at once. They may be out of date and are never trusted without comparing ids.
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
    skipped: bool = False
    error_code: str | None = None
    error_message: str | None = None
    created_at: datetime | None = None
    created_by: str | None = None
