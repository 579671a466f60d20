# mypy: disable-error-code="untyped-decorator"
"""The executor: where a null ends up, and how often a denial is told."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult, execute, parse, subscribe

from gateway.auth.caller import Caller, Role
from schema.access import ADMINISTRATORS, EVERY_ROLE, WITH_ITS_FIELD, seen_by
from schema.fields import declared
from schema.guard import Guard

pytestmark = pytest.mark.anyio


@seen_by(WITH_ITS_FIELD)
@strawberry.type
class Part:
    name: str = "a part"
    price: int | None = strawberry.field(default=7, metadata=declared(ADMINISTRATORS))
    cost: int = strawberry.field(default=5, metadata=declared(ADMINISTRATORS))


@strawberry.type
class Query:
    @strawberry.field(metadata=declared(EVERY_ROLE))
    def parts(self) -> list[Part | None]:
        return [Part(), Part(), Part()]

    @strawberry.field(metadata=declared(EVERY_ROLE))
    def promised(self) -> list[Part] | None:
        return [Part(), Part()]

    @strawberry.field(metadata=declared(EVERY_ROLE))
    def count(self) -> int | None:
        return 3


@strawberry.type
class Subscription:
    @strawberry.subscription(metadata=declared(EVERY_ROLE))
    async def changed(self) -> AsyncIterator[Part]:
        for _ in range(2):
            yield Part()


SCHEMA = strawberry.Schema(Query, subscription=Subscription)._schema
NARROW = SimpleNamespace(
    caller=Caller("7", "Somebody", frozenset({Role.PRODUCT_AVAILABILITY_USER})), may_introspect=True
)


async def ask(query: str) -> ExecutionResult:
    result: Any = execute(SCHEMA, parse(query), None, NARROW, executor_class=Guard)
    found = await result if hasattr(result, "__await__") else result
    assert isinstance(found, ExecutionResult)
    return found


async def test_a_denied_field_is_null_in_every_row_and_told_once() -> None:
    result = await ask("{ parts { name price } }")
    assert result.data == {"parts": [{"name": "a part", "price": None}] * 3}
    assert [error.path for error in result.errors or ()] == [["parts", 0, "price"]]


async def test_a_denied_promise_nulls_the_rows_that_may_be_null_and_is_told_once() -> None:
    result = await ask("{ parts { name cost } count }")
    assert result.data == {"parts": [None, None, None], "count": 3}
    assert [error.path for error in result.errors or ()] == [["parts", 0, "cost"]]


async def test_a_denied_promise_goes_up_to_what_may_be_null() -> None:
    result = await ask("{ promised { cost } count }")
    assert result.data == {"promised": None, "count": 3}
    assert [error.path for error in result.errors or ()] == [["promised", 0, "cost"]]


async def test_each_place_is_told_for_itself() -> None:
    result = await ask("{ parts { price again: price } more: parts { ...priced } } fragment priced on Part { price }")
    told = [".".join(part for part in error.path or () if isinstance(part, str)) for error in result.errors or ()]
    assert told == ["parts.price", "parts.again", "more.price"]


async def test_every_event_of_a_subscription_tells_it_anew() -> None:
    stream: Any = subscribe(
        SCHEMA, parse("subscription { changed { name price } }"), None, NARROW, executor_class=Guard
    )
    stream = await stream if hasattr(stream, "__await__") else stream
    events = [event async for event in stream]
    assert [event.data for event in events] == [{"changed": {"name": "a part", "price": None}}] * 2
    assert [len(event.errors) for event in events] == [1, 1]


async def test_what_an_event_was_collected_into_goes_with_it() -> None:
    """graphql-core keeps collected fields with the executor, and events of a subscription shared one."""
    kept: list[int] = []

    class Watched(Guard):
        def build_per_event_executor(self, payload: Any) -> Any:
            kept.append(len(self._relevant_sub_fields))
            return super().build_per_event_executor(payload)

    stream: Any = subscribe(SCHEMA, parse("subscription { changed { name } }"), None, NARROW, executor_class=Watched)
    stream = await stream if hasattr(stream, "__await__") else stream
    assert len([event async for event in stream]) == 2
    assert kept == [0, 0]
