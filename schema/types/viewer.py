"""Viewer: who the caller is, and what they may do."""

from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.auth.caller import Caller
from gateway.errors import ProtocolError
from gateway.odata.query import Query
from gateway.reading import values
from schema.context import Context
from schema.enums import Role
from schema.fields import ADMINISTRATORS, EVERY_ROLE, READERS, SIGNED_IN, declared


@strawberry.enum(description="Something a caller may do.")
class Permission(Enum):
    READ_ITEM_IDENTITY = strawberry.enum_value(
        "READ_ITEM_IDENTITY", description="See which items there are, and stock."
    )
    READ_RECORDS = strawberry.enum_value(
        "READ_RECORDS", description="Read records of both systems and their couplings."
    )
    COUPLE_RECORDS = strawberry.enum_value("COUPLE_RECORDS", description="Couple and uncouple records by hand.")
    LOOK_AFTER_COUPLINGS = strawberry.enum_value(
        "LOOK_AFTER_COUPLINGS",
        description="Couple by match, from files and salespersons; repair; uncouple all of a mapping.",
    )
    EXPLAIN = strawberry.enum_value("EXPLAIN", description="See what a query costs at the backends (Gateway-Explain).")


_NEEDS = {
    Permission.READ_ITEM_IDENTITY: EVERY_ROLE,
    Permission.READ_RECORDS: READERS,
    Permission.COUPLE_RECORDS: READERS,
    Permission.LOOK_AFTER_COUPLINGS: ADMINISTRATORS,
    Permission.EXPLAIN: ADMINISTRATORS,
}


@strawberry.type(description="A company of Business Central.")
class Company:
    id: UUID = strawberry.field(description="SystemId; what `company` arguments take.")
    name: str | None = strawberry.field(description="Name in Business Central.")
    display_name: str | None = strawberry.field(description="Name as shown to people.")
    is_default: bool = strawberry.field(description="Whether a query that names no company means this one.")


@strawberry.type(description="The caller.")
class Viewer:
    caller: strawberry.Private[Caller]

    @strawberry.field(description="Object id in Entra ID.", metadata=declared(SIGNED_IN))
    def object_id(self) -> str:
        return self.caller.object_id

    @strawberry.field(description="Name, as the token gives it.", metadata=declared(SIGNED_IN))
    def name(self) -> str:
        return self.caller.name

    @strawberry.field(description="Whether it is an application, not a person.", metadata=declared(SIGNED_IN))
    def is_application(self) -> bool:
        return self.caller.is_application

    @strawberry.field(description="The roles the caller has in the gateway.", metadata=declared(SIGNED_IN))
    def roles(self) -> list[Role]:
        return sorted(self.caller.roles)

    @strawberry.field(description="What the roles allow.", metadata=declared(SIGNED_IN))
    def permissions(self) -> list[Permission]:
        return [permission for permission, roles in _NEEDS.items() if self.caller.roles & roles]

    @strawberry.field(
        description="The companies of the Business Central environment. Null with an error when it does not answer.",
        metadata=declared(READERS),
    )
    async def companies(self, info: Info[Context, Any]) -> list[Company] | None:
        context = info.context
        call = context.call()
        client = context.services.backends.business_central
        try:
            records = await client.everything("companies", Query(select=("displayName", "id", "name")), call=call)
        finally:
            context.trace.add(call.exchanges, after=0)
        try:
            keys = [values.guid(record.values.get("id")) for record in records]
        except (ValueError, TypeError) as error:
            raise ProtocolError(
                "Business Central sent a company without an id.", backend=client.vendor.backend
            ) from error
        return [
            Company(
                id=key,
                name=str(record.values.get("name")),
                display_name=str(record.values.get("displayName") or record.values.get("name")),
                is_default=key == context.services.company,
            )
            for key, record in zip(keys, records, strict=True)
        ]
