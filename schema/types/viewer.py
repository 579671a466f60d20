"""Viewer: who the caller is, and what they may do."""

from collections.abc import Iterator
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from graphql import GraphQLObjectType
from strawberry import Info

from gateway.auth.caller import Caller
from gateway.errors import ProtocolError
from gateway.odata.query import Query
from gateway.reading import values
from schema.access import allows, seen_by
from schema.context import Context
from schema.enums import Role
from schema.fields import ADMINISTRATORS, READERS, SIGNED_IN, declared
from schema.rules import may


@strawberry.enum(description="Something a caller may do.")
class Permission(Enum):
    READ_ITEM_IDENTITY = strawberry.enum_value(
        "READ_ITEM_IDENTITY", description="See which items there are, and stock."
    )
    READ_ACCOUNT_STATISTICS = strawberry.enum_value(
        "READ_ACCOUNT_STATISTICS", description="See the statistics of a customer whose key is known."
    )
    UPDATE_ACCOUNT_STATISTICS = strawberry.enum_value(
        "UPDATE_ACCOUNT_STATISTICS", description="Copy the statistics of customers to CRM."
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
    INTROSPECT = strawberry.enum_value("INTROSPECT", description="Ask for the schema of this API.")


_FIELDS = {
    Permission.READ_ITEM_IDENTITY: ("Query", "item"),
    Permission.READ_ACCOUNT_STATISTICS: ("Customer", "statistics"),
    Permission.UPDATE_ACCOUNT_STATISTICS: ("Mutation", "updateAccountStatistics"),
    Permission.READ_RECORDS: ("Query", "customers"),
    Permission.COUPLE_RECORDS: ("Mutation", "coupleRecords"),
    Permission.LOOK_AFTER_COUPLINGS: ("Mutation", "uncoupleMapping"),
}
"""Who may see or call this field, has the permission."""


def _permissions(info: Info[Context, Any]) -> Iterator[Permission]:
    context, types = info.context, info._raw_info.schema.type_map
    for permission, (name, field) in _FIELDS.items():
        kind = types[name]
        assert isinstance(kind, GraphQLObjectType)  # noqa: S101 - it has fields
        if may(kind, field, context.caller.roles):
            yield permission
    if allows(ADMINISTRATORS, context.caller.roles):
        yield Permission.EXPLAIN
    if context.may_introspect:
        yield Permission.INTROSPECT


@seen_by(READERS)
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
    def permissions(self, info: Info[Context, Any]) -> list[Permission]:
        return list(_permissions(info))

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
