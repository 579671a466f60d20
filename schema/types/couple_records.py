"""Coupling and uncoupling: what is given, and what comes of it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from gateway.couplings.coupling import Coupling as Stored
from gateway.errors import GatewayError, InvalidInputError, RefusalError
from gateway.jobs.job import JobStatus
from gateway.pairing.couple import Coupled
from gateway.pairing.naming import Named
from gateway.pairing.uncouple import Uncoupled
from gateway.reading.values import usable
from schema.access import ADMINISTRATORS, READERS, WITH_ITS_FIELD, seen_by
from schema.enums import ErrorCode, JobStateKind, Mapping, Synchronize
from schema.ids import GlobalId
from schema.types.coupling import Coupling
from schema.types.user_error import UserError

_COMPANY = "SystemId of the Business Central company; the configured one by default."
_LONGEST_KEY = 250


@strawberry.input(one_of=True, description="A record of Business Central that is to be coupled: exactly one of these.")
class BusinessCentralRecordBy:
    id: UUID | None = strawberry.field(default=strawberry.UNSET, description="Its SystemId.")
    number: str | None = strawberry.field(default=strawberry.UNSET, description="Its number or code.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Its name, if only one has it.")
    create: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Create a new one from the row of CRM, where the mapping goes that way."
    )


@strawberry.input(one_of=True, description="A row of CRM that is to be coupled: exactly one of these.")
class DataverseRecordBy:
    id: UUID | None = strawberry.field(default=strawberry.UNSET, description="Its primary key.")
    number: str | None = strawberry.field(
        default=strawberry.UNSET, description="Its account number, product number, e-mail address or ISO code."
    )
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Its name, if only one has it.")
    create: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Create a new one from the record of Business Central, where the mapping goes that way.",
    )


def named(by: BusinessCentralRecordBy | DataverseRecordBy, argument: str) -> Named:
    """
    Raises:
        InvalidInputError: it is blank, too long, or ``create: false``, which names nothing.
    """
    if by.create is not strawberry.UNSET:
        if by.create is not True:
            raise InvalidInputError("create is true or left out.", argument=argument)
        return Named(create=True)
    if isinstance(by.id, UUID):
        return Named(id=by.id)
    text = by.number if isinstance(by.number, str) else by.name if isinstance(by.name, str) else ""
    if not text.strip() or len(usable(text, argument)) > _LONGEST_KEY:
        raise InvalidInputError(f"A key has between 1 and {_LONGEST_KEY} characters.", argument=argument)
    return Named(number=text) if isinstance(by.number, str) else Named(name=text)


@strawberry.input(description="Which two records are to be coupled.")
class CoupleRecordsInput:
    mapping: Mapping = strawberry.field(description="Which tables.")
    business_central: BusinessCentralRecordBy = strawberry.field(description="The record of Business Central.")
    dataverse: DataverseRecordBy = strawberry.field(description="The row of CRM.")
    synchronize: Synchronize = strawberry.field(
        default=Synchronize.NONE,
        description="Whose data both hold afterwards. A record that is created is filled from the other one in any case.",
    )
    move: bool = strawberry.field(
        default=False,
        description="If one of the two is coupled already, move its coupling to this pair. What was known of its "
        "synchronization is forgotten. Refused when both are coupled already.",
    )
    company: UUID | None = strawberry.field(default=None, description=_COMPANY)


@seen_by(READERS)
@strawberry.type(description="A pair of ids.")
class RecordPair:
    business_central_id: UUID = strawberry.field(description="SystemId of the Business Central record.")
    dataverse_id: UUID = strawberry.field(description="Primary key of the Dataverse row.")

    @classmethod
    def of(cls, coupling: Stored) -> "RecordPair":
        return cls(business_central_id=coupling.bc_id, dataverse_id=coupling.crm_id)


@seen_by(WITH_ITS_FIELD)
@strawberry.type(description="What kept a record from being written or uncoupled.")
class RecordProblem:
    code: ErrorCode = strawberry.field(description="What went wrong.")
    message: str = strawberry.field(description="The same in a sentence.")
    hint: str | None = strawberry.field(description="What to do about it, if that is known.")

    @classmethod
    def of(cls, error: GatewayError | None) -> "RecordProblem | None":
        if error is None:
            return None
        return cls(code=error.code, message=error.message, hint=error.hint if isinstance(error, RefusalError) else None)


@seen_by(READERS)
@strawberry.type(description="The two are coupled.")
class CoupleRecordsSuccess:
    coupling: Coupling = strawberry.field(description="The coupling.")
    created: bool = strawberry.field(description="Whether a record was created for it.")
    moved_from: RecordPair | None = strawberry.field(description="The pair that the coupling was of before it moved.")
    ended: list[RecordPair] = strawberry.field(
        description="Couplings of the two that ended because their other side no longer exists."
    )
    synchronized_at: datetime | None = strawberry.field(
        description="When the data was written; null when that was not asked, or could not be done."
    )
    problem: RecordProblem | None = strawberry.field(
        description="What kept the data from being written; the coupling is there all the same."
    )

    @classmethod
    def of(cls, coupled: Coupled, row: object) -> "CoupleRecordsSuccess":
        return cls(
            coupling=row,  # type: ignore[arg-type]  # shown from the row
            created=coupled.created,
            moved_from=RecordPair.of(coupled.moved_from) if coupled.moved_from else None,
            ended=[RecordPair.of(each) for each in coupled.ended],
            synchronized_at=coupled.coupling.last_synchronized_at if coupled.problem is None else None,
            problem=RecordProblem.of(coupled.problem),
        )


@strawberry.input(description="Which couplings are to end: one, or several.")
class UncoupleRecordsInput:
    coupling_id: strawberry.ID | None = strawberry.field(default=None, description="Global id of one coupling.")
    coupling_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Global ids of up to 200 couplings."
    )


@seen_by(READERS)
@strawberry.type(description="What came of one coupling.")
class UncoupleResult:
    coupling_id: strawberry.ID = strawberry.field(description="Its global id.")
    uncoupled: bool = strawberry.field(description="Whether it ended.")
    also: list[RecordPair] = strawberry.field(description="Couplings of contacts that ended with it.")
    problem: RecordProblem | None = strawberry.field(description="What kept it from ending.")

    @classmethod
    def of(cls, result: Uncoupled) -> "UncoupleResult":
        return cls(
            coupling_id=coupling_id(result.coupling),
            uncoupled=result.problem is None,
            also=[RecordPair.of(each) for each in result.also],
            problem=RecordProblem.of(result.problem),
        )


def coupling_id(coupling: Stored) -> strawberry.ID:
    """The global id of a coupling."""
    return strawberry.ID(str(GlobalId("Coupling", coupling.company_id, coupling.id)))


@seen_by(READERS)
@strawberry.type(description="The couplings ended, as far as they could: one result for each, in their order.")
class UncoupleRecordsSuccess:
    uncoupled_id: strawberry.ID | None = strawberry.field(
        description="Global id of the coupling that ended; of the first of several."
    )
    results: list[UncoupleResult] = strawberry.field(description="What came of each.")


@strawberry.input(description="All couplings of these tables in one company are to end.")
class UncoupleMappingInput:
    mapping: Mapping = strawberry.field(description="Which tables.")
    company: UUID | None = strawberry.field(default=None, description=_COMPANY)


@seen_by(ADMINISTRATORS)
@strawberry.type(description="A job on many couplings, which goes on whatever happens to the process it runs in.")
class CouplingJob:
    id: strawberry.ID = strawberry.field(description="Its id, for `couplingJob`.")
    state: JobStateKind = strawberry.field(description="How far it is.")
    uncoupled: int = strawberry.field(description="Couplings that ended so far.")
    failed: int = strawberry.field(description="Couplings that could not end so far.")
    created_at: datetime | None = strawberry.field(description="When it was begun.")
    finished_at: datetime | None = strawberry.field(description="When it was over.")
    code: ErrorCode | None = strawberry.field(description="What went wrong, if it failed.")
    message: str | None = strawberry.field(description="The same in a sentence.")

    @classmethod
    def of(cls, status: JobStatus) -> "CouplingJob":
        told = status.result if isinstance(status.result, dict) else status.progress
        counts = told if isinstance(told, dict) else {}
        return cls(
            id=strawberry.ID(status.job_id),
            state=status.state,
            uncoupled=int(counts.get("uncoupled", 0)),
            failed=int(counts.get("failed", 0)),
            created_at=status.created_at,
            finished_at=status.finished_at,
            code=status.error_code,
            message=status.error,
        )


@seen_by(ADMINISTRATORS)
@strawberry.type(description="The job has begun.")
class UncoupleMappingSuccess:
    scheduled: int = strawberry.field(description="How many couplings there were when it began.")
    job: CouplingJob = strawberry.field(description="The job, as it is now.")


UncoupleMappingPayload = Annotated[
    UncoupleMappingSuccess | UserError,
    strawberry.union("UncoupleMappingPayload", description="What came of `uncoupleMapping`."),
]
CoupleRecordsPayload = Annotated[
    CoupleRecordsSuccess | UserError,
    strawberry.union("CoupleRecordsPayload", description="What came of `coupleRecords`."),
]
UncoupleRecordsPayload = Annotated[
    UncoupleRecordsSuccess | UserError,
    strawberry.union("UncoupleRecordsPayload", description="What came of `uncoupleRecords`."),
]
