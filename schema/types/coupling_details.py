"""What a coupling tells of its two records: how they differ, and what happened to their pairing."""

from datetime import datetime
from uuid import UUID

import strawberry

from gateway.couplings.coupling import HistoryEntry
from gateway.runs.planned import PlannedField
from gateway.sync.differences import Difference
from schema.access import READERS, seen_by
from schema.enums import CouplingCause, CouplingEventKind, CouplingSide, MappingDirection


@seen_by(READERS)
@strawberry.type(description="A field in which the two records of a coupling differ now.")
class CouplingDifference:
    field: str = strawberry.field(description="The field, by the name of the property in Business Central's API.")
    label: str = strawberry.field(description="The field as Business Central shows it.")
    business_central: str | None = strawberry.field(
        description="The value in Business Central as text; null when blank. A record it refers to by number or code."
    )
    dataverse: str | None = strawberry.field(
        description="The value in CRM as text; null when blank. A row it refers to by the number or code of its partner in "
        "Business Central, or by its own name while it has none."
    )
    synchronized: str | None = strawberry.field(
        description="What both held after the last synchronization; null when that was blank, or is not known."
    )
    changed_side: CouplingSide | None = strawberry.field(
        description="Which side changed since: by the synchronized value of the field, or, where that is not known, by when "
        "the records last changed. Null when nothing is known."
    )
    direction: MappingDirection = strawberry.field(description="Which way synchronization takes the field.")
    enabled: bool = strawberry.field(description="Whether synchronization takes it at all.")

    @classmethod
    def of(cls, difference: Difference) -> "CouplingDifference":
        return cls.of_planned(PlannedField.of(difference))

    @classmethod
    def of_planned(cls, field: PlannedField) -> "CouplingDifference":
        names = (name for name in PlannedField.__dataclass_fields__ if name != "is_lookup")
        return cls(**{name: getattr(field, name) for name in names})


@seen_by(READERS)
@strawberry.type(description="Something that happened to a coupling.")
class CouplingEvent:
    event: CouplingEventKind = strawberry.field(description="What happened.")
    cause: CouplingCause = strawberry.field(description="Why.")
    at: datetime = strawberry.field(description="When.")
    by: str = strawberry.field(description="Who did it.")
    job: UUID | None = strawberry.field(description="The plan or job it was part of, if it was.")
    business_central_id: UUID = strawberry.field(description="SystemId of the Business Central record, afterwards.")
    dataverse_id: UUID = strawberry.field(description="Primary key of the Dataverse row, afterwards.")
    business_central_key: str | None = strawberry.field(description="Its number or code, as it was then.")
    dataverse_key: str | None = strawberry.field(description="Its number or e-mail address, as it was then.")
    previous_business_central_id: UUID | None = strawberry.field(
        description="The Business Central record before the coupling moved; null for any other event."
    )
    previous_dataverse_id: UUID | None = strawberry.field(
        description="The Dataverse row before the coupling moved; null for any other event."
    )

    @classmethod
    def of(cls, entry: HistoryEntry) -> "CouplingEvent":
        return cls(
            event=entry.event,
            cause=entry.cause,
            at=entry.at,
            by=entry.by,
            job=entry.job,
            business_central_id=entry.bc_id,
            dataverse_id=entry.crm_id,
            business_central_key=entry.bc_key,
            dataverse_key=entry.crm_key,
            previous_business_central_id=entry.was_bc_id,
            previous_dataverse_id=entry.was_crm_id,
        )
