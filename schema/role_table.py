"""Who may see what, as a page: every type of the built schema with its rule, and the fields and arguments that differ.

The rules are those that ``schema.guard`` and ``schema.selection`` go by; nothing is said here that they do not do.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_introspection_type,
)

from gateway.auth.caller import Role
from gateway.reading.paging import Sort
from schema.access import Access, Inherited, both
from schema.inputs import property_of
from schema.rules import DEFINITION, argument_rule, column_rule, rule_of

_TITLES = {
    Role.INTEGRATION_ADMINISTRATOR: "Integration Administrator",
    Role.INTEGRATION_USER: "Integration User",
    Role.PRODUCT_AVAILABILITY_USER: "Product Availability User",
}
_ROOTS = {"Query": "Queries", "Mutation": "Mutations", "Subscription": "Subscriptions"}


@dataclass(frozen=True, slots=True)
class Place:
    """A field of a type; or an argument of it, a condition of its filter, or an order it can be asked for in."""

    type: str
    field: str
    argument: str | None = None

    def __str__(self) -> str:
        return f"{self.type}.{self.field}" + (f"({self.argument})" if self.argument else "")


def rules_of(schema: GraphQLSchema) -> dict[Place, Access]:
    """The rule of every field and argument. An argument that says nothing has the rule of its field.

    Raises:
        LookupError: a field has none.
    """
    return {place: access for kind in object_types(schema) for place, access in _rules_of_type(kind)}


def object_types(schema: GraphQLSchema) -> list[GraphQLObjectType | GraphQLInterfaceType]:
    """The types that have fields, by name, without GraphQL's own."""
    kinds = (schema.type_map[name] for name in sorted(schema.type_map))
    return [
        kind
        for kind in kinds
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not is_introspection_type(kind)
    ]


def _rules_of_type(kind: GraphQLObjectType | GraphQLInterfaceType) -> Iterator[tuple[Place, Access]]:
    for name, field in kind.fields.items():
        own = rule_of(kind, name)
        yield Place(kind.name, name), own
        if isinstance(kind, GraphQLObjectType):
            for argument in field.args:
                yield Place(kind.name, name, argument), both(own, argument_rule(kind, name, argument))
            yield from ((place, both(own, access)) for place, access in _rules_of_list(kind, name))


def _rules_of_list(kind: GraphQLObjectType, name: str) -> Iterator[tuple[Place, Access]]:
    """What a list can be filtered and ordered by."""
    field = kind.fields[name]
    rows = _rows(get_named_type(field.type))
    conditions = get_named_type(field.args["filter"].type) if "filter" in field.args else None
    if rows is not None and isinstance(conditions, GraphQLInputObjectType):
        for condition, given in conditions.fields.items():
            column = property_of(given.extensions[DEFINITION].metadata)
            yield Place(kind.name, name, f"filter: {condition}"), column_rule(rows, column)
    order = get_named_type(field.args["orderBy"].type) if "orderBy" in field.args else None
    chosen = get_named_type(order.fields["field"].type) if isinstance(order, GraphQLInputObjectType) else None
    if rows is not None and isinstance(chosen, GraphQLEnumType):
        for value in chosen.extensions[DEFINITION].values:
            sort: object = value.value.value if hasattr(value.value, "value") else value.value
            if isinstance(sort, Sort):
                yield Place(kind.name, name, f"orderBy: {value.name}"), column_rule(rows, sort.property)


def _rows(connection: object) -> GraphQLObjectType | None:
    """The type of a list's rows; None where the list is our own: its conditions compare no properties."""
    if not isinstance(connection, GraphQLObjectType) or "nodes" not in connection.fields:
        return None
    found = get_named_type(connection.fields["nodes"].type)
    is_of_rows = isinstance(found, GraphQLObjectType) and hasattr(found.extensions[DEFINITION].origin, "source")
    return found if is_of_rows else None


def print_roles(schema: GraphQLSchema) -> str:
    """The page, as it is committed in ``docs/role-table.md``."""
    rules = rules_of(schema)
    by_type: dict[str, dict[Place, Access]] = {}
    for place, access in rules.items():
        by_type.setdefault(place.type, {})[place] = access
    lines = [
        "# Who may see what: the table",
        "",
        "Written by `uv run poe roles` from the schema; [roles](roles.md) says what the roles are, and how people get them.",
        "A type is followed by the fields and arguments of it that differ. What is denied is null, with the error",
        "[`FORBIDDEN`](errors.md#forbidden).",
        "",
    ]
    for root, title in _ROOTS.items():
        lines += [f"## {title}", "", *_head("Field"), *_root_lines(by_type.pop(root)), ""]
    lines += ["## Types", "", *_head("Type"), *(line for each in by_type.values() for line in _type_lines(each))]
    return "\n".join(lines) + "\n"


def _head(first: str) -> list[str]:
    return [f"| {first} | {' | '.join(_TITLES.values())} | no role |", "| --- |" + " :-: |" * (len(_TITLES) + 1)]


def _root_lines(rules: dict[Place, Access]) -> Iterator[str]:
    fields = {place.field: access for place, access in rules.items() if place.argument is None}
    for name, access in sorted(fields.items()):
        yield _line(f"`{name}`", access)
        yield from _exceptions(name, access, rules)


def _exceptions(name: str, access: Access, rules: dict[Place, Access]) -> Iterator[str]:
    """Arguments of a field that need something else."""
    for place, other in rules.items():
        if place.field == name and place.argument is not None and other != access:
            yield _line(f"… `{name}({place.argument})`", other)


def _type_lines(rules: dict[Place, Access]) -> Iterator[str]:
    """The rule that most of its fields have, and below it the others."""
    fields = {place.field: access for place, access in rules.items() if place.argument is None}
    groups: dict[Access, list[str]] = {}
    for name, access in fields.items():
        groups.setdefault(access, []).append(name)
    usual, *others = sorted(groups, key=lambda access: -len(groups[access]))
    yield _line(f"`{next(iter(rules)).type}`", usual)
    for access in others:
        yield _line("… " + _names(groups[access]), access)
    for name, access in fields.items():
        yield from _exceptions(name, access, rules)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _line(what: str, access: Access) -> str:
    if isinstance(access, Inherited):
        cells = ["as the field that leads here"] + [""] * len(_TITLES)
    else:
        cells = ["yes" if not access or role in access else "" for role in _TITLES] + ["" if access else "yes"]
    return f"| {what} | {' | '.join(cells)} |"
