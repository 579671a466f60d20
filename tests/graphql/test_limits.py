"""How large a document may be, and that what is larger is refused typed, at once, and before anything is asked."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, get_introspection_query, get_named_type, is_list_type
from graphql.type import GraphQLInputType, is_non_null_type

from gateway.sandbox.app import Sandbox
from schema.limits import Limits
from schema.root import build_schema
from schema.variables import MOST_NESTED
from tests.graphql.api import Answer, Api, start
from tests.graphql.live import signed_in, stream

pytestmark = pytest.mark.anyio

MOST_LISTED = Limits().list_values
ITEM = '{ item(by: {number: "1001"}) { %s } }'


def deep(pairs: int) -> str:
    """``availability { item { availability { … } } }``: two levels for each pair, and the figure."""
    query = "inventory"
    for _ in range(pairs):
        query = f"item {{ availability {{ {query} }} }}"
    return f'{{ availability(item: {{number: "1001"}}) {{ {query} }} }}'


def refusal(answer: Answer) -> tuple[object, ...]:
    """What is too much, how much it is, and how much may be."""
    assert answer.data is None
    (error,) = answer.errors
    extensions = error["extensions"]
    assert extensions["code"] == "QUERY_TOO_LARGE"
    return extensions["measure"], extensions.get("value"), extensions.get("limit")


async def test_a_query_may_be_nested_so_deeply_and_no_more(api: Api) -> None:
    assert (await api.ask(deep(9))).errors == [], "20 levels"
    answer = await api.ask(deep(10))
    assert refusal(answer) == ("depth", 22, 20)
    assert answer.errors[0]["message"] == "The query is nested 22 levels deep; at most 20 are answered."
    assert answer.cost == (0, 0)


async def test_fragments_do_not_hide_depth_and_cost_no_more_to_measure(api: Api) -> None:
    bomb = " ".join(f"fragment F{n} on Item {{ ...F{n + 1} ...F{n + 1} }}" for n in range(60))
    query = f"{ITEM % '...F0'} {bomb} fragment F60 on Item {{ number }}"
    assert refusal(await api.ask(query))[0] == "fields"
    chain = " ".join(
        f"fragment F{n} on Availability {{ item {{ availability {{ ...F{n + 1} }} }} }}" for n in range(12)
    )
    hidden = f'{{ availability(item: {{number: "1001"}}) {{ ...F0 }} }} {chain} fragment F12 on Availability {{ on }}'
    assert refusal(await api.ask(hidden)) == ("depth", 26, 20)
    long = " ".join(f"fragment F{n} on Item {{ ...F{n + 1} }}" for n in range(400))
    assert refusal(await api.ask(f"{ITEM % '...F0'} {long} fragment F400 on Item {{ number }}"))[0] == "depth"


async def test_fragments_in_a_circle_are_refused(api: Api) -> None:
    circle = "fragment A on Item { number ...B } fragment B on Item { ...A }"
    assert (await api.ask(f"{ITEM % '...A'} {circle}")).codes == ["GRAPHQL_INVALID"]


async def test_a_query_may_have_so_many_fields_and_no_more(api: Api) -> None:
    """Fragments in fragments: a few lines, and more fields than anybody could wait for."""
    doubled = " ".join(
        f"fragment F{n} on Availability {{ a: item {{ availability {{ ...F{n + 1} }} }} "
        f"b: item {{ availability {{ ...F{n + 1} }} }} c: item {{ availability {{ ...F{n + 1} }} }} }}"
        for n in range(9)
    )
    query = f'{{ availability(item: {{number: "1001"}}) {{ ...F0 }} }} {doubled} fragment F9 on Availability {{ on }}'
    measure, value, limit = refusal(await api.ask(query))
    assert (measure, limit, int(str(value)) > 50_000) == ("fields", 5_000, True)


@pytest.mark.parametrize(
    ("measure", "limit", "query"),
    [
        ("aliases", 100, lambda n: ITEM % " ".join(f"a{k}: number" for k in range(n))),
        ("directives", 100, lambda n: ITEM % f"number {'@include(if: true) ' * n}"),
        ("rootFields", 50, lambda n: "{ " + " ".join(f"a{k}: viewer {{ name }}" for k in range(n)) + " }"),
    ],
)
async def test_what_is_written_often_has_a_limit(api: Api, measure: str, limit: int, query: Any) -> None:
    fits = await api.ask(query(limit))
    assert "QUERY_TOO_LARGE" not in fits.codes
    assert refusal(await api.ask(query(limit + 1))) == (measure, limit + 1, limit)
    assert refusal(await api.ask(query(limit * 5)))[0] == measure


async def test_the_same_thing_side_by_side_is_compared_so_often_and_no_more(api: Api) -> None:
    assert (await api.ask(ITEM % ("number " * 100))).errors == []
    assert refusal(await api.ask(ITEM % ("number " * 102)))[0] == "comparisons"
    assert refusal(await api.ask(ITEM % ("... on Item { number } " * 102)))[0] == "comparisons"
    spread = " ".join(f"...F{n}" for n in range(102))
    fragments = " ".join(f"fragment F{n} on Item {{ number }}" for n in range(102))
    assert refusal(await api.ask(f"{ITEM % spread} {fragments}"))[0] == "comparisons"


async def test_no_more_is_read_of_a_text_than_may_be(api: Api) -> None:
    assert refusal(await api.ask(ITEM % ("number " * 6_000))) == ("tokens", 5_001, 5_000)
    assert refusal(await api.ask(ITEM % "number" + " " * 100_000))[2] == 100_000
    assert (await api.ask("#\n" * 6_000 + ITEM % "number")).codes == ["GRAPHQL_INVALID"], "comments are read as far"
    listed = f"{{ nodes(ids: [{'1 ' * 9_000}]) {{ id }} }}"
    assert refusal(await api.ask(listed))[0] == "tokens"
    for opened in ("{a" * 2_000, ITEM % "number" + "{a" * 900 + "}" * 900):
        assert refusal(await api.ask(opened))[0] in ("depth", "tokens")
    assert refusal(await api.ask(f"{{ nodes(ids: {'[' * 900}{']' * 900}) {{ id }} }}"))[0] == "depth"


async def test_introspection_is_as_deep_as_tools_need_it(api: Api) -> None:
    inner = "name"
    for _ in range(24):
        inner = f"name ofType {{ {inner} }}"
    answer = await api.ask(f'{{ __type(name: "Item") {{ fields {{ type {{ {inner} }} }} }} }}')
    assert answer.errors == []
    assert (await api.ask(get_introspection_query())).errors == []
    again = "{ name }"
    for _ in range(6):
        again = f"{{ fields {{ type {again} }} }}"
    answer = await api.ask(f"{{ __schema {{ types {again} }} }}")
    assert set(answer.codes) == {"GRAPHQL_INVALID"}, "types of fields of types"


async def test_limits_hold_on_sockets_and_streams(api: Api) -> None:
    async with signed_in(api) as socket:
        socket.subscribe(deep(10))
        (message,) = ((await socket.message()),)
        assert message["payload"][0]["extensions"]["code"] == "QUERY_TOO_LARGE"
        assert "nested 22 levels deep" in message["payload"][0]["message"]
        socket.subscribe("{ viewer { name } }")
        assert await socket.answers()
    async with stream(api, deep(10)) as events:
        told = str(await events.events())
        assert ("QUERY_TOO_LARGE" in told, "nested 22 levels deep" in told) == (True, True)


@pytest.fixture
async def narrow(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Api]:
    """A gateway that takes little."""
    async with AsyncExitStack() as stack:
        url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
        yield await start(sandbox, url, stack, max_depth=3, max_aliases=0, max_tokens=60, webhooks=False)


async def test_limits_are_settings_of_each_gateway(api: Api, narrow: Api) -> None:
    alias, levels = "{ me: viewer { name } }", ITEM % "product { name }"
    long = ITEM % " ".join(["number"] * 60)
    for query, measure in ((alias, "aliases"), (deep(1), "depth"), (long, "tokens")):
        assert (await api.ask(query)).errors == []
        assert refusal(await narrow.ask(query))[0] == measure
    assert "QUERY_TOO_LARGE" not in (await narrow.ask(levels)).codes
    assert (await narrow.ask("{ viewer { name } }")).errors == []


# -- lists of input -----------------------------------------------------------------------------------------------------------


def lists_of(kind: GraphQLInputType, path: str, seen: frozenset[str]) -> list[str]:
    """Where lists stand in an argument."""
    found: list[str] = []
    bare = kind.of_type if is_non_null_type(kind) else kind
    if is_list_type(bare):
        found.append(path)
    named = get_named_type(kind)
    if isinstance(named, GraphQLInputObjectType) and named.name not in seen:
        for name, field in named.fields.items():
            found += lists_of(field.type, f"{named.name}.{name}", seen | {named.name})
    return [each for each in found if not isinstance(named, GraphQLEnumType) or each != path]


def all_lists() -> set[str]:
    schema = build_schema()._schema
    found: set[str] = set()
    for kind in schema.type_map.values():
        for name, field in getattr(kind, "fields", {}).items():
            for argument, definition in getattr(field, "args", {}).items():
                found.update(lists_of(definition.type, f"{kind.name}.{name}({argument})", frozenset()))
    return {each for each in found if not each.startswith("__")}


BOUNDS = {
    "AcceptMatchPlanInput.proposals": 500,
    "CoupleByMatchInput.records": 500,
    "CoupleSalespersonsInput.createFor": 100,
    "CoupleSalespersonsInput.pairs": 200,
    "CoupleSalespersonsInput.uncouple": 200,
    "Customer.statisticsByCompany(companies)": 20,
    "MappingConditionInput.values": MOST_LISTED,
    "MappingFilterInput.conditions": MOST_LISTED,
    "MatchCriteriaInput.fields": MOST_LISTED,
    "Query.availabilities(lines)": 200,
    "Query.couplingCandidates(records)": MOST_LISTED,
    "Query.nodes(ids)": 100,
    "Query.synchronizationPlan(couplingIds)": 200,
    "RepairDriftInput.entries": 200,
    "ResolveConflictInput.fields": 200,
    "RetrySynchronizationInput.couplingIds": 200,
    "SynchronizeRecordsInput.couplingIds": 200,
    "TextFilter.in": 100,
    "TransformationInput.table": MOST_LISTED,
    "UncoupleRecordsInput.couplingIds": 200,
    "UpdateAccountStatisticsInput.customers": 200,
    "UpdateFieldMappingInput.toBusinessCentral": MOST_LISTED,
    "UpdateFieldMappingInput.toDataverse": MOST_LISTED,
    "UpdateProductStockInput.items": 200,
    "UpdateTableMappingInput.fields": MOST_LISTED,
}
"""The most that each list takes; lists of enums may hold every member. None takes more than any list may."""


def test_every_list_that_callers_send_has_a_bound() -> None:
    assert all_lists() == set(BOUNDS)


PROBES: dict[str, tuple[str, Any]] = {
    "Query.nodes(ids)": ("query ($list: [ID!]!) { nodes(ids: $list) { id } }", "1"),
    "Query.availabilities(lines)": (
        "query ($list: [AvailabilityLine!]!) { availabilities(lines: $list) { on } }",
        {"item": {"number": "1001"}},
    ),
    "TextFilter.in": (
        "query ($list: [String!]!) { items(filter: {number: {in: $list}}) { nodes { number } } }",
        "1001",
    ),
    "Customer.statisticsByCompany(companies)": (
        'query ($list: [UUID!]!) { customer(by: {number: "C00210"}) { statisticsByCompany(companies: $list) '
        "{ __typename } } }",
        "00000000-0000-0000-0000-000000000001",
    ),
    "UpdateProductStockInput.items": (
        "mutation ($list: [ItemBy!]!) { updateProductStock(input: {items: $list}) { ... on UserError { message } } }",
        {"number": "1001"},
    ),
    "UpdateAccountStatisticsInput.customers": (
        "mutation ($list: [CustomerBy!]!) { updateAccountStatistics(input: {customers: $list}) "
        "{ ... on UserError { message } } }",
        {"number": "C00210"},
    ),
}


@pytest.mark.parametrize("name", PROBES)
async def test_a_longer_list_is_refused_before_anything_is_asked(api: Api, name: str) -> None:
    query, value = PROBES[name]
    answer = await api.ask(query, {"list": [value] * (BOUNDS[name] + 1)})
    told = answer.errors[0]["message"] if answer.errors else next(iter(answer.data.values()))["message"]
    assert str(BOUNDS[name]) in told
    assert answer.cost == (0, 0)
    assert refusal(await api.ask(query, {"list": [value] * (MOST_LISTED + 1)})) == (
        "listValues",
        MOST_LISTED + 1,
        MOST_LISTED,
    )


async def test_literals_and_nested_variables_are_bounded_as_well(api: Api) -> None:
    literals = f"{{ nodes(ids: [{'1 ' * (MOST_LISTED + 1)}]) {{ id }} }}"
    assert refusal(await api.ask(literals))[0] == "listValues"
    by_default = f"query ($list: [ID!] = [{'1 ' * (MOST_LISTED + 1)}]) {{ nodes(ids: $list) {{ id }} }}"
    assert refusal(await api.ask(by_default))[0] == "listValues"
    nested: Any = "1"
    for _ in range(MOST_NESTED + 1):
        nested = [nested]
    assert refusal(await api.ask("query ($list: [ID!]!) { nodes(ids: $list) { id } }", {"list": nested}))[0] == (
        "variableDepth"
    )


async def test_how_long_lists_may_be_is_a_setting(sandbox: Sandbox, tmp_path: Path) -> None:
    query, value = "query ($list: [ID!]!) { nodes(ids: $list) { id } }", "x"
    async with AsyncExitStack() as stack:
        url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
        api = await start(sandbox, url, stack, webhooks=False, max_list_values=300)
        assert refusal(await api.ask(query, {"list": [value] * 301})) == ("listValues", 301, 300)
        assert "100" in (await api.ask(query, {"list": [value] * 300})).errors[0]["message"], "what the argument takes"
