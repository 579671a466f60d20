"""The whole schema, walked by everybody: each field is allowed or refused as the role table says. What is new is found by itself.

Three walks. Every query, mutation and subscription is called over HTTP or a socket. Every type that the demo company has
something of is reached over HTTP, and all its fields are selected. And every field of every type, payloads included, goes
through the executor by itself, for each role.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    execute,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
    parse,
)

from gateway.auth.caller import Caller, Role
from gateway.errors import ForbiddenError
from gateway.sandbox.company import story
from gateway.sandbox.identity.people import ADMIN, NOBODY, SALES, WIDGET, Person
from schema.access import allows
from schema.fields import ROW_TYPES
from schema.guard import Guard
from schema.ids import GlobalId
from schema.role_table import Place, object_types, rules_of
from schema.root import build_schema
from schema.rules import DEFINITION
from tests.graphql.api import Answer, Api
from tests.graphql.live import signed_in

pytestmark = pytest.mark.anyio

SCHEMA = build_schema()._schema
RULES = rules_of(SCHEMA)
ROOTS = {"Query", "Mutation", "Subscription"}
NOWHERE = UUID("11111111-2222-4333-8444-555555555555")

PEOPLE: dict[str, tuple[Person, frozenset[Role]]] = {
    "admin": (ADMIN, frozenset({Role.INTEGRATION_ADMINISTRATOR})),
    "sales": (SALES, frozenset({Role.INTEGRATION_USER})),
    "widget": (WIDGET, frozenset({Role.PRODUCT_AVAILABILITY_USER})),
    "nobody": (NOBODY, frozenset()),
}
everybody = pytest.mark.parametrize("name", PEOPLE)

_SCALARS = {
    "String": '"x"',
    "ID": f'"{GlobalId("Item", NOWHERE, NOWHERE)}"',
    "UUID": f'"{NOWHERE}"',
    "Int": "1",
    "Boolean": "false",
    "Decimal": '"1"',
    "Date": '"2026-11-16"',
    "DateTime": '"2026-11-16T00:00:00Z"',
}

_KNOWN = {
    "Query.customer": f'(by: {{number: "{story.HARBOUR}"}})',
    "Query.item": f'(by: {{number: "{story.IN_STOCK}"}})',
    "Query.availability": f'(item: {{number: "{story.IN_STOCK}"}})',
    "Query.availabilities": f'(lines: [{{item: {{number: "{story.IN_STOCK}"}}}}])',
    "Query.account": f'(by: {{customerNumber: "{story.HARBOUR}"}})',
    "Query.product": f'(by: {{itemNumber: "{story.IN_STOCK}"}})',
    "Availability.byPeriod": "(bucket: WEEK, count: 1)",
}
"""Arguments that lead to something, where the least that is valid does not."""

_BY_KEY = {"vendor", "salesperson", "systemUser", "opportunity", "coupling", "synchronizationJob"}
"""Queries that find nothing without a key; lists and links lead to the same types."""

_SHOWN = {row.__name__ for row in ROW_TYPES.values()} & SCHEMA.type_map.keys() - {"ItemVariant", "Team", "Unit"}
"""Types that the demo company has to have something of, or the walk would prove little."""


def may(kind: str, field: str, roles: frozenset[Role]) -> bool:
    return allows(RULES[Place(kind, field)], roles)


def value_of(kind: GraphQLInputType) -> str:
    """A value that is valid and names nothing; with ``company``, a company that is not there."""
    if isinstance(kind, GraphQLNonNull):
        return value_of(kind.of_type)
    if isinstance(kind, GraphQLList):
        return f"[{value_of(kind.of_type)}]"
    if isinstance(kind, GraphQLEnumType):
        return str(next(iter(kind.values)))
    if isinstance(kind, GraphQLInputObjectType):
        fields = list(kind.fields.items())
        one_of = bool(kind.extensions[DEFINITION].is_one_of)
        given = fields[:1] if one_of else [(k, v) for k, v in fields if k == "company" or is_required_input_field(v)]
        return "{" + ", ".join(f"{name}: {value_of(field.type)}" for name, field in given) + "}"
    return _SCALARS[kind.name]


def arguments_of(kind: GraphQLObjectType, name: str) -> str:
    known = _KNOWN.get(f"{kind.name}.{name}")
    if known is not None:
        return known
    required = {key: each for key, each in kind.fields[name].args.items() if is_required_argument(each)}
    return "(" + ", ".join(f"{key}: {value_of(each.type)}" for key, each in required.items()) + ")" if required else ""


def selection_of(kind: GraphQLObjectType, name: str) -> str:
    """One field with as little below it as can be."""
    below = "" if is_leaf_type(get_named_type(kind.fields[name].type)) else " { __typename }"
    return f"{name}{arguments_of(kind, name)}{below}"


def few(fields: Iterable[str]) -> Iterator[list[str]]:
    """A handful at a time: an operation may cost so much and no more."""
    names = list(fields)
    yield from (names[start : start + 4] for start in range(0, len(names), 4))


def root(name: str) -> GraphQLObjectType:
    found = SCHEMA.type_map[name]
    assert isinstance(found, GraphQLObjectType)
    return found


def denied(answer: Answer) -> set[str]:
    return {
        ".".join(part for part in error["path"] if isinstance(part, str))
        for error in answer.errors
        if error["extensions"]["code"] == "FORBIDDEN"
    }


# -- queries, mutations, subscriptions ------------------------------------------------------------------------------------


@everybody
async def test_every_query_is_allowed_or_refused_as_the_table_says(api: Api, name: str) -> None:
    person, roles = PEOPLE[name]
    query = root("Query")
    for some in few(query.fields):
        answer = await api.ask("{ " + " ".join(selection_of(query, field) for field in some) + " }", person=person)
        assert answer.data is not None, answer.errors
        assert denied(answer) == {field for field in some if not may("Query", field, roles)}


@everybody
async def test_every_mutation_is_allowed_or_refused_as_the_table_says(own_api: Api, name: str) -> None:
    """What is allowed gets as far as an input that leads nowhere."""
    person, roles = PEOPLE[name]
    mutation = root("Mutation")
    for some in few(mutation.fields):
        text = "mutation { " + " ".join(selection_of(mutation, field) for field in some) + " }"
        answer = await own_api.ask(text, person=person, explain=False)  # jobs ask besides
        assert answer.data is not None, answer.errors
        assert denied(answer) == {field for field in some if not may("Mutation", field, roles)}
    if person is NOBODY:
        assert own_api.business_central.seen == own_api.dataverse.seen == []


@everybody
async def test_every_subscription_is_allowed_or_refused_as_the_table_says(api: Api, name: str) -> None:
    person, roles = PEOPLE[name]
    for field in root("Subscription").fields:
        if may("Subscription", field, roles) and field != "synchronizationJob":
            continue  # it goes on; who may watch is seen in test_watching
        async with signed_in(api, person) as socket:
            socket.subscribe(f"subscription {{ {selection_of(root('Subscription'), field)} }}")
            ((error,),) = [each["refused"] for each in await socket.answers()]
        refused = error["extensions"]["code"] == "FORBIDDEN"
        assert refused == (not may("Subscription", field, roles)), field


async def test_without_a_token_nothing_is_answered(api: Api) -> None:
    for kind, word in (("Query", "query"), ("Mutation", "mutation")):
        for field in root(kind).fields:
            answer = await api.http.post("/graphql", json={"query": f"{word} {{ {selection_of(root(kind), field)} }}"})
            assert answer.status_code == 401, field
    assert api.business_central.seen == api.dataverse.seen == []


# -- every type that something leads to -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """A field on the way from a root field to a type."""

    kind: GraphQLObjectType
    field: str
    target: GraphQLObjectType


def ways() -> Iterator[tuple[Step, ...]]:
    """The shortest way from a query to each type, and to those with the fewest promises where several are as short."""
    seen: set[str] = set()
    waiting: list[tuple[Step, ...]] = [()]
    while waiting:
        way = waiting.pop(0)
        kind = way[-1].target if way else root("Query")
        for field in (name for name in kind.fields if way or name not in _BY_KEY):
            for target in _targets(kind, field):
                if target.name not in seen and len(way) < 8:
                    seen.add(target.name)
                    longer = (*way, Step(kind, field, target))
                    yield longer
                    waiting.append(longer)


def _targets(kind: GraphQLObjectType, field: str) -> list[GraphQLObjectType]:
    named = get_named_type(kind.fields[field].type)
    if isinstance(named, GraphQLUnionType | GraphQLInterfaceType):
        return []
    return [named] if isinstance(named, GraphQLObjectType) else []


WAYS = {way[-1].target.name: way for way in ways()}


def query_of(way: tuple[Step, ...]) -> str:
    kind = way[-1].target
    text = " ".join(selection_of(kind, field) for field in kind.fields)
    for step in reversed(way):
        text = f"{step.field}{arguments_of(step.kind, step.field)} {{ {text} }}"
    return text


def expected(way: tuple[Step, ...], data: Any, roles: frozenset[Role]) -> tuple[set[str], bool]:
    """What has to be denied of this way, given what was answered; and whether the way leads to something."""
    path: list[str] = []
    for step in way:
        path.append(step.field)
        if not may(step.kind.name, step.field, roles):
            return {".".join(path)}, False
        data = data.get(step.field)
        while isinstance(data, list):
            data = data[0] if data else None
        if data is None:
            return set(), False
    kind = way[-1].target
    return {".".join([*path, field]) for field in kind.fields if not may(kind.name, field, roles)}, True


@everybody
async def test_every_type_is_shown_as_the_table_says(api: Api, name: str) -> None:
    person, roles = PEOPLE[name]
    reached: set[str] = set()
    for kind, way in WAYS.items():
        answer = await api.ask("{ " + query_of(way) + " }", person=person, explain=False)
        assert answer.data is not None, (kind, answer.errors)
        wanted, there = expected(way, answer.data, roles)
        assert denied(answer) == wanted, kind
        reached |= {kind} if there else set()
    assert person is not ADMIN or (reached >= _SHOWN and len(reached) > 80)


# -- every field of every type ----------------------------------------------------------------------------------------------


@everybody
async def test_every_field_goes_through_the_executor_as_the_table_says(name: str) -> None:
    """Each by itself, of an object that has nothing: what is allowed fails in its own way, what is denied is denied."""
    _, roles = PEOPLE[name]
    context = SimpleNamespace(caller=Caller("7", "Somebody", roles), may_introspect=True)
    walked = 0
    for kind in object_types(SCHEMA):
        if isinstance(kind, GraphQLInterfaceType) or kind.name in ROOTS:
            continue
        alone = GraphQLSchema(query=kind)
        for field in kind.fields:
            document = parse("{ " + selection_of(kind, field) + " }")
            result: Any = execute(alone, document, object(), context, executor_class=Guard)
            result = await result if hasattr(result, "__await__") else result
            refused = any(isinstance(error.original_error, ForbiddenError) for error in result.errors or ())
            assert refused == (not may(kind.name, field, roles)), f"{kind.name}.{field}"
            walked += 1
    assert walked > 700
