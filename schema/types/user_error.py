"""UserError: a mutation that was refused because of what it was given, or because a rule forbids it."""

from collections.abc import Iterable
from uuid import UUID

import strawberry

from gateway.errors import InvalidInputError, NamedRecord, RefusalError
from schema.access import READERS, WITH_ITS_FIELD, seen_by
from schema.enums import ErrorCode, System


@seen_by(READERS)
@strawberry.type(description="A record that a refusal speaks of, by name and number.")
class RecordReference:
    system: System = strawberry.field(description="Where it is.")
    kind: str = strawberry.field(description="What it is, such as `customer` or `account`.")
    id: UUID = strawberry.field(description="SystemId in Business Central, or primary key in Dataverse.")
    number: str | None = strawberry.field(description="Its number, code or e-mail address, if it has one.")
    name: str | None = strawberry.field(description="Its name.")

    @classmethod
    def of(cls, record: NamedRecord) -> "RecordReference":
        return cls(
            system=System(record.backend), kind=record.noun, id=record.id, number=record.number, name=record.name
        )

    @classmethod
    def of_each(cls, records: Iterable[NamedRecord]) -> "list[RecordReference]":
        """Without those that are hidden from the caller."""
        return [cls.of(each) for each in records if not each.hidden]


@seen_by(WITH_ITS_FIELD)
@strawberry.type(description="Nothing was done: the input cannot be used, or a rule forbids it.")
class UserError:
    code: ErrorCode = strawberry.field(description="What is wrong.")
    message: str = strawberry.field(
        description="The same in a sentence, with the records in the way by name and number."
    )
    field: str | None = strawberry.field(description="Which field of the input; null when it is none in particular.")
    hint: str | None = strawberry.field(description="What to do about it.")
    records: list[RecordReference] = strawberry.field(description="The records in the way.")

    @classmethod
    def of(cls, error: InvalidInputError | RefusalError) -> "UserError":
        return cls(
            code=error.code,
            message=error.message,
            field=error.argument,
            hint=error.hint if isinstance(error, RefusalError) else None,
            records=RecordReference.of_each(error.records) if isinstance(error, RefusalError) else [],
        )
