"""Which records would fail to synchronize because of a salesperson or an owner."""

from collections.abc import Sequence
from uuid import UUID

import strawberry

from gateway.couplings.coupling import Mapping as Tables
from gateway.pairing.salespersons.owners import Gap
from gateway.pairing.salespersons.readiness import Affected, AffectedPlace, Readiness, Tally, stages_of
from gateway.records import Backend
from gateway.sync.mapping import TableMapping
from schema.access import READERS, seen_by
from schema.connection import PageInfo
from schema.cursors import not_ours, read_cursor, write_cursor
from schema.enums import Mapping, OwnerGapReason, System
from schema.types.user_error import RecordReference


@seen_by(READERS)
@strawberry.type(description="A record that fails to synchronize, or would once it is coupled.")
class AffectedRecord:
    record: RecordReference = strawberry.field(description="The record.")
    mapping: Mapping = strawberry.field(description="Which tables it belongs to.")
    to: System = strawberry.field(
        description="The system it cannot be sent to; BUSINESS_CENTRAL where a mapping writes the owner back: by default "
        "none does."
    )
    coupled: bool = strawberry.field(
        description="Whether it is coupled. A coupled one fails now; another one would, once it is coupled."
    )
    person: RecordReference = strawberry.field(description="The salesperson it has, or the user who owns it.")
    reason: OwnerGapReason = strawberry.field(description="Why that person makes it fail.")
    hint: str = strawberry.field(description="What to do about it.")

    @classmethod
    def of(cls, affected: Affected) -> "AffectedRecord":
        gap = affected.gap
        return cls(
            record=RecordReference.of(affected.record.named),
            mapping=affected.mapping,
            to=gap.to,
            coupled=affected.coupled,
            person=RecordReference.of(gap.person.named),
            reason=gap.reason,
            hint=gap.hint,
        )


@seen_by(READERS)
@strawberry.type(description="A person because of whom records fail.")
class OwnerGap:
    side: System = strawberry.field(description="The system that records cannot be sent to.")
    person: RecordReference = strawberry.field(description="The salesperson, or the user who owns rows of CRM.")
    reason: OwnerGapReason = strawberry.field(description="What is wrong.")
    message: str = strawberry.field(description="The same in a sentence.")
    hint: str = strawberry.field(description="What to do about it.")
    coupled_records: int = strawberry.field(description="How many coupled records fail because of this person.")
    records: int = strawberry.field(description="The same with those that are not coupled, which fail once they are.")
    candidate: RecordReference | None = strawberry.field(
        description="The one person of the other system with the same e-mail address who is free: couple the two with "
        "`coupleSalespersons`."
    )

    @classmethod
    def of(cls, gap: Gap, tally: Tally) -> "OwnerGap":
        person = gap.person.id
        return cls(
            side=gap.to,
            person=RecordReference.of(gap.person.named),
            reason=gap.reason,
            message=gap.message,
            hint=gap.hint,
            coupled_records=tally.coupled_of[person],
            records=tally.every_of[person],
            candidate=RecordReference.of(gap.candidate.named) if gap.candidate is not None else None,
        )


@seen_by(READERS)
@strawberry.type(description="How many records of a mapping fail.")
class OwnerReadinessCount:
    mapping: Mapping = strawberry.field(description="Which tables.")
    to_dataverse: int | None = strawberry.field(
        description="Coupled records that cannot be sent to CRM. Null for contacts: Business Central's API does not show "
        "their salesperson."
    )
    to_business_central: int = strawberry.field(
        description="Coupled rows whose owner cannot be read back; none where the mapping does not write the owner there."
    )
    not_coupled: int = strawberry.field(description="Records of both systems that would fail once they are coupled.")

    @classmethod
    def of(cls, shipped: TableMapping, tally: Tally) -> "OwnerReadinessCount":
        mapping, towards = shipped.mapping, {stage.to for stage in stages_of(shipped)}
        counts = {each: tally.coupled[mapping, each] for each in towards}
        every = sum(tally.every[mapping, each] for each in towards)
        return cls(
            mapping=mapping,
            to_dataverse=counts.get(Backend.DATAVERSE),
            to_business_central=counts.get(Backend.BUSINESS_CENTRAL, 0),
            not_coupled=every - sum(counts.values()),
        )


@seen_by(READERS)
@strawberry.type(description="A record and where it stands.")
class AffectedRecordEdge:
    cursor: str = strawberry.field(description="Where the record stands.")
    node: AffectedRecord = strawberry.field(description="The record.")


@seen_by(READERS)
@strawberry.type(
    description="A page of records that fail because of a salesperson or an owner, by mapping, towards CRM first. It may have "
    "fewer records than were asked for, and more to follow: that is how far it came in its time."
)
class OwnerReadiness:
    nodes: list[AffectedRecord] = strawberry.field(description="The records of the page.")
    edges: list[AffectedRecordEdge] = strawberry.field(description="The records of the page, each with its cursor.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")
    counts: list[OwnerReadinessCount] | None = strawberry.field(
        description="How many there are. All affected records are read for it; when there is no time for that, the error is "
        "DEADLINE_EXCEEDED."
    )
    gaps: list[OwnerGap] | None = strawberry.field(
        description="The persons because of whom they fail, those with most records first. Read as `counts` are."
    )

    @classmethod
    def of(cls, found: Readiness, mappings: Sequence[TableMapping], *, has_previous: bool) -> "OwnerReadiness":
        nodes = [AffectedRecord.of(each) for each, _ in found.told]
        cursors = [cursor_of(place) for _, place in found.told]
        end = cursor_of(found.end) if found.end is not None else cursors[-1] if cursors else None
        tally = found.tally
        return cls(
            nodes=nodes,
            edges=[AffectedRecordEdge(cursor=cursor, node=node) for cursor, node in zip(cursors, nodes, strict=True)],
            page_info=PageInfo(
                has_next_page=found.end is not None,
                has_previous_page=has_previous,
                start_cursor=cursors[0] if cursors else None,
                end_cursor=end,
            ),
            counts=[OwnerReadinessCount.of(each, tally) for each in mappings] if tally else None,
            gaps=_gaps(found.gaps, tally) if tally else None,
        )


def _gaps(gaps: Sequence[Gap], tally: Tally) -> list[OwnerGap]:
    found = [OwnerGap.of(each, tally) for each in gaps if tally.every_of[each.person.id]]
    return sorted(found, key=lambda each: (-each.coupled_records, -each.records))


def cursor_of(place: AffectedPlace) -> str:
    return write_cursor(str(place.mapping), str(place.to), *place.persons, str(place.key or ""))


def place_of(cursor: str) -> AffectedPlace:
    """Raises: InvalidInputError, when it is none of ours."""
    try:
        mapping, to, low, high, key = read_cursor(cursor)
        return AffectedPlace(Tables(mapping), Backend(to), (low, high), UUID(key) if key else None)
    except ValueError as error:
        raise not_ours() from error
