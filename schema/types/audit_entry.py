"""The audit trail as administrators read it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from gateway.audit.entry import AuditEntry as Kept
from gateway.audit.entry import AuditFilter, AuditOutcome
from gateway.auth.caller import Role
from gateway.errors import ErrorCode
from gateway.reading.values import usable
from schema.access import ADMINISTRATORS, seen_by
from schema.connection import PageInfo
from schema.cursors import write_cursor
from schema.enums import show_enum

show_enum(
    AuditOutcome,
    "How a mutation ended.",
    {
        AuditOutcome.SUCCEEDED: "It was carried out; of several records some may have failed, see `codes`.",
        AuditOutcome.REFUSED: "Nothing was done: the caller may not, or the input cannot be used.",
        AuditOutcome.FAILED: "It failed; `changes` has what was done before that.",
        AuditOutcome.BROKEN_OFF: "The caller went away, or the gateway stopped; `changes` has what was done before that.",
        AuditOutcome.NOT_ENDED: "It is under way, or the process that carried it out was cut off.",
    },
)


@seen_by(ADMINISTRATORS)
@strawberry.type(description="Something that a mutation changed.")
class AuditChange:
    kind: str = strawberry.field(
        description="What kind of thing: COUPLING, TABLE_MAPPING, SCHEDULE, RUN, MATCH_PLAN, JOB, or RECORD of a system."
    )
    event: str = strawberry.field(description="What happened to it, such as COUPLED, MOVED or CHANGED.")
    what: JSON = strawberry.field(description="Which one.")
    before: JSON | None = strawberry.field(description="How it was; null when it was not there, or that is not known.")
    after: JSON | None = strawberry.field(
        description="How it is since; null when it is gone. Of a record of a system the names of the fields written."
    )


@seen_by(ADMINISTRATORS)
@strawberry.type(description="Where a mutation came from, as far as that is known.")
class AuditWhereabouts:
    address: str | None = strawberry.field(
        description="The caller's address; behind a proxy that the settings trust, the one it names."
    )
    user_agent: str | None = strawberry.field(description="How the caller's program calls itself.")
    origin: str | None = strawberry.field(description="The web page whose script sent it.")
    transport: str | None = strawberry.field(description="How it came.")


@seen_by(ADMINISTRATORS)
@strawberry.type(description="A mutation that was asked for: by whom, from where, and what came of it.")
class AuditEntry:
    kept: strawberry.Private[Kept]
    told: strawberry.Private[bool]
    """Whether the caller may know of the records it is about."""

    @strawberry.field(description="Its number; later ones are higher.")
    def number(self) -> strawberry.ID:
        return strawberry.ID(str(self.kept.number))

    @strawberry.field(description="Which mutation.")
    def mutation(self) -> str:
        return self.kept.beginning.mutation

    @strawberry.field(description="When it began; it was written down before anything was done.")
    def at(self) -> datetime:
        return self.kept.beginning.at

    @strawberry.field(description="When its end was written down.")
    def ended_at(self) -> datetime | None:
        return self.kept.ending.at if self.kept.ending is not None else None

    @strawberry.field(description="Object id of the person or application who asked.")
    def object_id(self) -> str:
        return self.kept.beginning.object_id

    @strawberry.field(description="The name its token bore.")
    def name(self) -> str:
        return self.kept.beginning.name

    @strawberry.field(description="The roles it had.")
    def roles(self) -> list[Role]:
        return [Role(each) for each in self.kept.beginning.roles if each in list(Role)]

    @strawberry.field(description="Whether it was an application on its own.")
    def is_application(self) -> bool:
        return self.kept.beginning.is_application

    @strawberry.field(description="Where it came from.")
    def where(self) -> AuditWhereabouts:
        said = self.kept.beginning.where
        return AuditWhereabouts(
            address=said.address, user_agent=said.user_agent, origin=said.origin, transport=said.transport
        )

    @strawberry.field(description="The id in the logs and at both systems.")
    def correlation_id(self) -> str:
        return self.kept.beginning.correlation_id

    @strawberry.field(
        description="The arguments as they were given, without secrets; long texts and files by their size and hash. Null where "
        "each caller's own rights decide what is seen of a system, and somebody else asked."
    )
    def input(self) -> JSON | None:
        return JSON(self.kept.beginning.input) if self.told else None

    @strawberry.field(description="How it ended.")
    def outcome(self) -> AuditOutcome:
        return self.kept.outcome

    @strawberry.field(description="The type of the answer, such as `UserError`; null when there was none.")
    def payload(self) -> str | None:
        return self.kept.ending.payload if self.kept.ending is not None else None

    @strawberry.field(description="What went wrong, as a whole or with single records.")
    def codes(self) -> list[ErrorCode]:
        codes = self.kept.ending.codes if self.kept.ending is not None else ()
        return [ErrorCode(each) for each in codes if each in list(ErrorCode)]

    @strawberry.field(
        description="What was changed, in that order, as much as there is room for. What a job does later is in its log. "
        "Null when `input` is withheld."
    )
    def changes(self) -> list[AuditChange] | None:
        if not self.told:
            return None
        return [
            AuditChange(
                kind=each["kind"],
                event=each["event"],
                what=JSON(each.get("what") or {}),
                before=_json(each.get("before")),
                after=_json(each.get("after")),
            )
            for each in (self.kept.ending.changes if self.kept.ending is not None else ())
        ]

    @strawberry.field(description="How many changes are not listed.")
    def changes_left_out(self) -> int:
        return self.kept.ending.more if self.kept.ending is not None else 0


def _json(value: object) -> JSON | None:
    return JSON(value) if value is not None else None


@seen_by(ADMINISTRATORS)
@strawberry.type(description="An entry and where it stands.")
class AuditEntryEdge:
    cursor: str = strawberry.field(description="Where it stands; entries are neither changed nor deleted.")
    node: AuditEntry = strawberry.field(description="The entry.")


@seen_by(ADMINISTRATORS)
@strawberry.type(description="A page of the audit trail, the newest first.")
class AuditTrailConnection:
    page: strawberry.Private[Sequence[AuditEntry]]
    page_info: PageInfo = strawberry.field(description="Where the page stands.")

    @strawberry.field(description="The entries of the page.")
    def nodes(self) -> list[AuditEntry]:
        return list(self.page)

    @strawberry.field(description="The entries of the page, each with its cursor.")
    def edges(self) -> list[AuditEntryEdge]:
        return [AuditEntryEdge(cursor=cursor_of(each.kept), node=each) for each in self.page]


def cursor_of(kept: Kept) -> str:
    return write_cursor("audit", str(kept.number))


@strawberry.input(description="Which entries: those that are all of this.")
class AuditTrailFilter:
    object_id: str | None = strawberry.field(default=None, description="Asked for by this person or application.")
    mutation: str | None = strawberry.field(default=None, description="This mutation, such as `coupleRecords`.")
    record: UUID | None = strawberry.field(
        default=None,
        description="About this record, coupling, run or plan: named in the input, or among what was changed.",
    )
    since: datetime | None = strawberry.field(default=None, description="Begun at this moment or later.")
    until: datetime | None = strawberry.field(default=None, description="Begun before this moment.")
    outcome: AuditOutcome | None = strawberry.field(default=None, description="Which ended so.")
    correlation_id: str | None = strawberry.field(default=None, description="Of the request with this id.")

    def wanted(self) -> AuditFilter:
        """Raises: InvalidInputError, for text that no database can hold."""
        texts = {
            name: usable(text, "filter")
            for name in ("object_id", "mutation", "correlation_id")
            if (text := getattr(self, name)) is not None
        }
        return AuditFilter(record=self.record, since=self.since, until=self.until, outcome=self.outcome, **texts)
