"""The schema is shown to those whom the setting names; the others get no names from errors either."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.auth.introspection import Introspection
from gateway.sandbox.app import Sandbox
from gateway.sandbox.identity.people import ADMIN, NOBODY, SALES, WIDGET, Person
from tests.graphql.api import Api, start
from tests.graphql.live import signed_in

pytestmark = pytest.mark.anyio

SHOW = "{ __schema { queryType { name } } }"
PEOPLE = {"admin": ADMIN, "sales": SALES, "widget": WIDGET, "nobody": NOBODY}

MISTAKES = [
    ("{ viewer { nam } }", None),
    ("{ custmers { totalCount } }", None),
    ('{ item(byy: {number: "1"}) { number } }', None),
    ('{ item(by: {numbr: "1"}) { number } }', None),
    ("{ couplings(mapping: CUSTOMR) { totalCount } }", None),
    ("query ($m: Mappin) { couplings(mapping: $m) { totalCount } }", None),
    ("{ node(id: 7) { ... on Custmer { id } } }", None),
    ("{ item(by: {number: 7}) }", None),
    ("{ viewer { name @skp(if: true) } }", None),
    ("query ($m: Mapping) { couplings(mapping: $m) { totalCount } }", {"m": "CUSTOMR"}),
    ("query ($by: ItemBy!) { item(by: $by) { number } }", {"by": {"numbr": "1"}}),
]
"""Of fields, arguments, inputs, enum values, types, directives and variables, each a letter away from the right one."""


@pytest.fixture
async def closed(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Api]:
    """A gateway as it is set by default."""
    async with AsyncExitStack() as stack:
        url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
        yield await start(sandbox, url, stack, introspection=Introspection.USERS)


@pytest.mark.parametrize(
    ("setting", "allowed"),
    [
        (Introspection.NOBODY, set[str]()),
        (Introspection.ADMINISTRATORS, {"admin"}),
        (Introspection.USERS, {"admin", "sales"}),
        (Introspection.EVERYBODY, set(PEOPLE)),
    ],
)
async def test_the_setting_says_who_may_ask_for_the_schema(
    sandbox: Sandbox, tmp_path: Path, setting: Introspection, allowed: set[str]
) -> None:
    async with AsyncExitStack() as stack:
        api = await start(sandbox, f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}", stack, introspection=setting)
        for _ in range(2):  # the second time its validation is kept from the first
            for name, person in PEOPLE.items():
                answer = await api.ask(SHOW, person=person, explain=False)
                assert answer.codes == ([] if name in allowed else ["FORBIDDEN"]), name
                assert (answer.data is not None) == (name in allowed)


async def test_nothing_is_done_for_who_asks_for_the_schema_besides(closed: Api) -> None:
    query = '{ item(by: {number: "1001"}) { number } type: __type(name: "Customer") { name } }'
    for text in (query, query.replace("type: __type", "...hidden } fragment hidden on Query { __type")):
        answer = await closed.ask(text, person=WIDGET)
        assert (answer.data, answer.codes) == (None, ["FORBIDDEN"])
    assert closed.business_central.seen == []


async def test_the_name_of_a_type_is_free(closed: Api) -> None:
    answer = await closed.ask('{ __typename item(by: {number: "1001"}) { __typename } }', person=WIDGET)
    assert answer.body == {"data": {"__typename": "Query", "item": {"__typename": "Item"}}}


@pytest.mark.parametrize(("query", "variables"), MISTAKES)
@pytest.mark.parametrize("first", [ADMIN, WIDGET], ids=["admin_first", "widget_first"])
async def test_suggestions_are_for_those_who_may_ask_for_the_schema(
    closed: Api, query: str, variables: dict[str, object] | None, first: Person
) -> None:
    """Whoever made the same mistake before: verdicts on documents are kept, and shared."""
    marked = f"{query} # {first.name}"
    told: dict[Person, str] = {}
    for person in (first, *({ADMIN, WIDGET} - {first})):
        answer = await closed.ask(marked, variables, person=person, explain=False)
        assert answer.errors
        told[person] = str(answer.errors)
    assert "Did you mean" not in told[WIDGET]
    if "@skp" not in query:
        assert "Did you mean" in told[ADMIN]


async def test_two_callers_of_one_moment_get_their_own_messages(closed: Api) -> None:
    query = "{ viewer { nam } }"
    wide, narrow = await asyncio.gather(
        closed.ask(query, person=SALES, explain=False), closed.ask(query, person=WIDGET, explain=False)
    )
    assert "Did you mean 'name'?" in wide.errors[0]["message"]
    assert narrow.errors[0]["message"] == "Cannot query field 'nam' on type 'Viewer'."


async def test_a_socket_keeps_the_same_rules(closed: Api) -> None:
    async with signed_in(closed, WIDGET) as socket:
        for number, query in enumerate(
            (SHOW, "{ viewer { nam } }", "subscription { synchronizationJob(idd: 1) { id } }")
        ):
            socket.subscribe(query, id=str(number))
            told = str(await socket.answers())
            assert "Did you mean" not in told
            assert "queryType" not in told
