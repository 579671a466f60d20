"""ConnectionStatus: can the gateway work with both systems?"""

import asyncio
from typing import Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.answers.discovery import Discovered, discover
from gateway.connection import Check, Examination, examine
from schema.access import READERS, seen_by
from schema.context import Context
from schema.enums import CheckCode, SourceState


@seen_by(READERS)
@strawberry.type(description="One check of the connection.")
class ConnectionCheck:
    code: CheckCode = strawberry.field(description="What was checked.")
    passed: bool = strawberry.field(description="Whether it is as it should be.")
    message: str = strawberry.field(description="What was found.")
    hint: str | None = strawberry.field(description="What to do; null when it passed.")

    @classmethod
    def of(cls, check: Check) -> "ConnectionCheck":
        return cls(code=check.code, passed=check.passed, message=check.message, hint=check.hint)


@seen_by(READERS)
@strawberry.type(description="A source of figures that a tenant may have or not.")
class OptionalSource:
    name: str = strawberry.field(description="The entity set.")
    api: str | None = strawberry.field(description="The route of the Business Central API that has it; null for CRM's.")
    state: SourceState = strawberry.field(description="What is known of it.")
    purpose: str = strawberry.field(description="What it is read for.")
    message: str | None = strawberry.field(description="Why nothing could be found out; null otherwise.")
    hint: str | None = strawberry.field(description="What to do to have it; null when it is there.")

    @classmethod
    def of(cls, found: Discovered) -> "OptionalSource":
        return cls(
            name=found.name,
            api=found.api,
            state=found.found,
            purpose=found.purpose,
            message=found.message,
            hint=found.hint,
        )


@seen_by(READERS)
@strawberry.type(description="Whether the gateway can work with both systems.")
class ConnectionStatus:
    _company: strawberry.Private[UUID]
    _examined: strawberry.Private["asyncio.Task[list[Check]] | None"] = None

    async def _checks(self, info: Info[Context, Any]) -> list[Check]:
        """Made once, whichever fields ask for them."""
        if self._examined is None:
            context = info.context
            backends = context.services.backends
            examination = Examination(context.deadline, context.correlation_id, context.trace)
            self._examined = asyncio.ensure_future(
                examine(
                    examination,
                    business_central=backends.business_central,
                    dataverse=backends.dataverse,
                    company=self._company,
                )
            )
        return [*await self._examined, *await info.context.services.hooks.checks()]

    @strawberry.field(description="Whether every check passed.")
    async def healthy(self, info: Info[Context, Any]) -> bool:
        return all(check.passed for check in await self._checks(info))

    @strawberry.field(description="The checks, in order, made now.")
    async def checks(self, info: Info[Context, Any]) -> list[ConnectionCheck]:
        return [ConnectionCheck.of(check) for check in await self._checks(info)]

    @strawberry.field(
        description="The sources of figures beyond the standard APIs. What was found is remembered; what is not "
        "known to be there is "
        "asked for now. A figure whose source is not there is null, and says so."
    )
    async def optional_sources(self, info: Info[Context, Any]) -> list[OptionalSource]:
        context = info.context
        services = context.services
        found = await discover(context.setting, context.asking(self._company), services.backends, services.capabilities)
        return list(map(OptionalSource.of, found))
