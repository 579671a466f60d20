"""What is wrong now, and what is done about it: the errors across runs, and the mutations that put them right."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.couplings.coupling import Coupling as Stored
from gateway.couplings.coupling import Result
from gateway.pairing.couple import Coupled
from gateway.reading.row import Row
from gateway.reading.sources import COUPLINGS
from gateway.records import Backend
from gateway.runs.choices import token_of
from gateway.runs.conflicts import Moved
from gateway.runs.existence import Existence
from gateway.runs.hints import hint_for
from gateway.runs.remedies import remedies
from gateway.runs.run import RunError
from gateway.runs.troubles import Row as Told
from schema.access import seen_by
from schema.connection import PageInfo
from schema.context import Context
from schema.coupling_pages import values_of
from schema.enums import ErrorCode, Mapping, System
from schema.fields import READERS, declared, show
from schema.run_enums import ConflictUse, SynchronizationRemedy
from schema.selection import selection_of
from schema.types.couple_records import RecordPair, RecordProblem
from schema.types.coupling import Coupling
from schema.types.coupling_details import CouplingDifference
from schema.types.synchronization import SynchronizationJob, SynchronizationStarted
from schema.types.synchronization_plan import coupling_id
from schema.types.user_error import RecordReference, UserError

_COMPANY = "SystemId of the Business Central company; the configured one by default."


@dataclass(frozen=True, slots=True)
class Trouble:
    """A coupling that failed or is skipped, with what runs told of it; or a record without a coupling that failed."""

    coupling: Stored | None
    told: Told
    existence: Existence | None = None
    hidden: frozenset[Backend] = frozenset()
    """The sides that the caller may not see; nothing that could name them is told."""

    @property
    def error(self) -> RunError | None:
        """What was told last; None when the coupling's error is another one, which no run told."""
        newest = self.told.newest
        if newest is None or self.coupling is None or self.coupling.error_message in (None, newest.message):
            return newest
        return None

    @property
    def code(self) -> ErrorCode | None:
        said = self.coupling.error_code if self.coupling is not None else None
        said = said or (self.told.newest.code if self.told.newest is not None else None)
        return ErrorCode(said) if said is not None else None

    @property
    def mapping(self) -> Mapping:
        found = self.coupling or self.told.newest
        assert found is not None  # noqa: S101 - it is one or the other
        return found.mapping

    @property
    def to(self) -> Backend | None:
        """The side that should have been written; None when that is not known, or it is either."""
        if self.error is not None:
            return self.error.to
        if self.coupling is None:
            return None
        results = {
            Backend.BUSINESS_CENTRAL: self.coupling.last_result_to_bc,
            Backend.DATAVERSE: self.coupling.last_result_to_crm,
        }
        failed = [each for each, result in results.items() if result is Result.FAILURE]
        return failed[0] if len(failed) == 1 else None


@seen_by(READERS)
@strawberry.type(
    description="A record that cannot be synchronized at present: what is wrong, since when, and what can be done about it."
)
class SynchronizationProblem:
    trouble: strawberry.Private[Trouble]

    @strawberry.field(description="Which tables.")
    def mapping(self) -> Mapping:
        return self.trouble.mapping

    @strawberry.field(description="What is wrong; null of a coupling that is skipped and whose error is not known.")
    def code(self) -> ErrorCode | None:
        return self.trouble.code

    @strawberry.field(
        description="The same in a sentence, with both records by name and number; null when one is hidden from you."
    )
    def message(self) -> str | None:
        if self.trouble.hidden:
            return None
        coupling, newest = self.trouble.coupling, self.trouble.told.newest
        said = coupling.error_message if coupling is not None else None
        return said or (newest.message if newest is not None else None)

    @strawberry.field(description="What to do about it, in a sentence; null when that is not known.")
    def hint(self) -> str | None:
        error, code = self.trouble.error, self.trouble.code
        told = error.hint if error is not None and not self.trouble.hidden else None
        return told or (hint_for(code) if code is not None else None)

    @strawberry.field(description="What can be done about it, the most helpful first.")
    def actions(self, info: Info[Context, Any]) -> list[SynchronizationRemedy]:
        code, direction = self.trouble.code, info.context.services.tables.described(self.trouble.mapping).direction
        coupled = self.trouble.coupling is not None
        if code is None:
            return [SynchronizationRemedy.RETRY, SynchronizationRemedy.UNCOUPLE]
        return remedies(code, direction, to=self.trouble.to, coupled=coupled)

    @strawberry.field(description="The one field that is to blame, if there is one.")
    def field(self) -> str | None:
        error = self.trouble.error
        return error.field if error is not None else None

    @strawberry.field(description="The side that should have been written; null: either, or not known.")
    def to(self) -> System | None:
        return self.trouble.to

    @strawberry.field(description="Whether it is on the skip list: runs tell of it no more until its cause is gone.")
    def skipped(self) -> bool:
        return self.trouble.coupling is not None and self.trouble.coupling.skipped

    @strawberry.field(description="Since when it fails; null when no run told of it.")
    def since(self) -> datetime | None:
        return self.trouble.told.since

    @strawberry.field(description="When it was told last; null when no run told of it.")
    def failed_at(self) -> datetime | None:
        newest = self.trouble.told.newest
        return newest.at if newest is not None else None

    @strawberry.field(description="How many runs told of it since it was last synchronized.")
    def times(self) -> int:
        return self.trouble.told.times

    @strawberry.field(description="The run that told of it last, for `synchronizationJob`.")
    def job_id(self) -> strawberry.ID | None:
        newest = self.trouble.told.newest
        return strawberry.ID(str(newest.run_id)) if newest is not None else None

    @strawberry.field(description="Both records, as far as they are known and you may see them.")
    def records(self, info: Info[Context, Any]) -> list[RecordReference]:
        coupling, newest = self.trouble.coupling, self.trouble.told.newest
        nouns = info.context.services.tables.described(self.trouble.mapping)
        found: list[RecordReference] = []
        for system, of_bc in ((System.BUSINESS_CENTRAL, True), (System.DATAVERSE, False)):
            id, number, name = _known(coupling, newest, of_bc=of_bc)
            noun = nouns.bc.noun if of_bc else nouns.crm.noun
            if id is not None and system not in self.trouble.hidden:
                found.append(RecordReference(system=system, kind=noun, id=id, number=number, name=name))
        return found

    @strawberry.field(
        description="Whether the record of Business Central exists: read now, for the whole page at once. Null when that "
        "system does not say, or without a coupling."
    )
    async def business_central_exists(self) -> bool | None:
        return await self._exists(Backend.BUSINESS_CENTRAL)

    @strawberry.field(
        description="Whether the row of CRM exists: read now, for the whole page at once. Null when CRM does not say, or "
        "without a coupling."
    )
    async def dataverse_exists(self) -> bool | None:
        return await self._exists(Backend.DATAVERSE)

    async def _exists(self, backend: Backend) -> bool | None:
        coupling, existence = self.trouble.coupling, self.trouble.existence
        return await existence.of(coupling, backend) if coupling is not None and existence is not None else None

    @strawberry.field(description="Global id of the coupling, for the mutations; null of a record that has none.")
    def coupling_id(self) -> strawberry.ID | None:
        coupling = self.trouble.coupling
        return coupling_id(coupling.company_id, coupling.id) if coupling is not None else None

    @strawberry.field(
        description="The coupling, with `differences` and `conflictToken`; null of a record that has none.",
        metadata=declared(READERS),
    )
    async def coupling(self, info: Info[Context, Any]) -> Coupling | None:
        found = self.trouble.coupling
        if found is None:
            return None
        context = info.context
        row = Row(COUPLINGS, found.company_id, values_of(found))
        reader = context.reader(found.company_id)
        await reader.follow([row], selection_of(info).row(), after=context.trace.round_trips)
        shown: Coupling = show(row)
        return shown


def _known(
    coupling: Stored | None, told: RunError | None, *, of_bc: bool
) -> tuple[UUID | None, str | None, str | None]:
    """Id, number and name of a side."""
    id = number = name = None
    if told is not None:
        id, number, name = (
            (told.bc_id, told.bc_number, told.bc_name) if of_bc else (told.crm_id, told.crm_number, told.crm_name)
        )
    if coupling is not None:
        id = coupling.bc_id if of_bc else coupling.crm_id
        number = number or (coupling.bc_key if of_bc else coupling.crm_key)
    return id, number, name


@seen_by(READERS)
@strawberry.type(description="A problem and where it stands.")
class SynchronizationProblemEdge:
    cursor: str = strawberry.field(description="Where it stands; survives inserts and deletions.")
    node: SynchronizationProblem = strawberry.field(description="The problem.")


@seen_by(READERS)
@strawberry.type(
    description="A page of what is wrong now: couplings by the number in Business Central, then records without a coupling, "
    "the newest first."
)
class SynchronizationProblemConnection:
    page: strawberry.Private[Sequence[tuple[str, Trouble]]]
    page_info: PageInfo = strawberry.field(description="Where the page stands.")
    total_count: int | None = strawberry.field(description="How many there are; counted only when asked for.")

    @strawberry.field(description="The problems of the page.")
    def nodes(self) -> list[SynchronizationProblem]:
        return [SynchronizationProblem(trouble=each) for _, each in self.page]

    @strawberry.field(description="The problems of the page, each with its cursor.")
    def edges(self) -> list[SynchronizationProblemEdge]:
        return [
            SynchronizationProblemEdge(cursor=cursor, node=SynchronizationProblem(trouble=each))
            for cursor, each in self.page
        ]


@strawberry.input(
    description="What is to be tried again: some couplings, or all of a mapping that failed or are skipped."
)
class RetrySynchronizationInput:
    coupling_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Global ids of up to 200 couplings of one mapping in one company."
    )
    mapping: Mapping | None = strawberry.field(
        default=None, description="All of these tables that failed or are skipped, whatever their number."
    )
    code: ErrorCode | None = strawberry.field(default=None, description="With `mapping`: only those with this error.")
    company: UUID | None = strawberry.field(default=None, description=_COMPANY)


RetrySynchronizationPayload = Annotated[
    SynchronizationStarted | UserError,
    strawberry.union("RetrySynchronizationPayload", description="What came of `retrySynchronization`."),
]


@strawberry.input(description="Whose deleted side is to be made anew.")
class RestoreRecordInput:
    coupling_id: strawberry.ID = strawberry.field(description="Global id of the coupling.")


@seen_by(READERS)
@strawberry.type(description="The deleted record was made anew from the one that is left, and the two are coupled.")
class RestoreRecordSuccess:
    coupling: Coupling = strawberry.field(description="The coupling of the two: a new one, in place of the old one.")
    restored: bool = strawberry.field(
        description="Whether a record was made by this call; false when somebody had restored it before."
    )
    ended: list[RecordPair] = strawberry.field(description="The coupling that ended.")
    problem: RecordProblem | None = strawberry.field(
        description="What is still missing of the new record; it is there and coupled all the same."
    )

    @classmethod
    def of(cls, coupled: Coupled, row: object, *, made: bool) -> "RestoreRecordSuccess":
        return cls(
            coupling=row,  # type: ignore[arg-type]  # shown from the row
            restored=made,
            ended=[RecordPair.of(each) for each in coupled.ended],
            problem=RecordProblem.of(coupled.problem),
        )


RestoreRecordPayload = Annotated[
    RestoreRecordSuccess | UserError,
    strawberry.union("RestoreRecordPayload", description="What came of `restoreRecord`."),
]


@strawberry.input(description="What both sides of a field in conflict are to hold.")
class FieldChoice:
    field: str = strawberry.field(description="The field, by the name that `differences` gives it.")
    use: ConflictUse = strawberry.field(description="Whose value, or one of your own.")
    value: str | None = strawberry.field(
        default=None,
        description="With VALUE: the value as text, such as `12.5` or `2026-11-16`; null or blank for none.",
    )


@strawberry.input(description="How a conflict is resolved, field by field.")
class ResolveConflictInput:
    coupling_id: strawberry.ID = strawberry.field(description="Global id of the coupling.")
    conflict_token: str = strawberry.field(
        description="`conflictToken` of the coupling, read together with the `differences` that were looked at."
    )
    fields: list[FieldChoice] = strawberry.field(
        description="A choice for each field in conflict. What else changed goes where it is to go."
    )


@seen_by(READERS)
@strawberry.type(description="Nothing was done: one side changed since it was looked at. This is what is there now.")
class ConflictMoved:
    message: str = strawberry.field(description="The same in a sentence.")
    conflict_token: str = strawberry.field(description="For the next attempt, after looking at these differences.")
    differences: list[CouplingDifference] = strawberry.field(description="How the two records differ now.")

    @classmethod
    def of(cls, moved: Moved) -> "ConflictMoved":
        return cls(
            message="One of the two records was changed after you looked at them. Nothing was written; look at the "
            "differences and choose again.",
            conflict_token=token_of(moved.differences),
            differences=list(map(CouplingDifference.of, moved.differences)),
        )


@seen_by(READERS)
@strawberry.type(description="The choices are being carried out, or are by now: see the run.")
class ResolveConflictSuccess:
    job: SynchronizationJob = strawberry.field(description="The run, as it is now.")


ResolveConflictPayload = Annotated[
    ResolveConflictSuccess | ConflictMoved | UserError,
    strawberry.union("ResolveConflictPayload", description="What came of `resolveConflict`."),
]
