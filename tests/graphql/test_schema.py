"""The schema is a reviewed file, and everything in it is described and guarded."""

from pathlib import Path

import pytest
import strawberry
from graphql import GraphQLObjectType, get_named_type, is_introspection_type

from gateway.auth.caller import Role
from schema.access import EVERY_ROLE, Access, Inherited
from schema.fields import READERS, ROW_TYPES, declaration_of, declared
from schema.figures import figure_plan
from schema.role_table import Place, object_types, print_roles, rules_of
from schema.root import build_schema, print_sdl

SCHEMA = build_schema()._schema
FIGURES = {
    name: plan
    for name, kind in SCHEMA.type_map.items()
    if isinstance(kind, GraphQLObjectType)
    and "strawberry-definition" in kind.extensions
    and (plan := figure_plan(kind))
}
ROW_TYPE_NAMES = {row_type.__name__ for row_type in ROW_TYPES.values()}


def test_the_committed_sdl_is_current() -> None:
    committed = Path("schema/schema.graphql").read_text(encoding="utf-8")
    assert committed == print_sdl(), "run `uv run poe schema` and review what changes"


def test_everything_has_a_description() -> None:
    missing = []
    for name, kind in SCHEMA.type_map.items():
        if is_introspection_type(kind) or name in ("String", "Int", "Boolean", "ID", "Float"):
            continue
        if not kind.description and name not in ("Query",):
            missing.append(name)
        for field_name, field in getattr(kind, "fields", {}).items():
            if not field.description:
                missing.append(f"{name}.{field_name}")
            missing += [
                f"{name}.{field_name}({argument_name})"
                for argument_name, argument in getattr(field, "args", {}).items()
                if not argument.description
            ]
        missing += [f"{name}.{value}" for value, each in getattr(kind, "values", {}).items() if not each.description]
    assert missing == []


def test_every_field_and_argument_has_a_rule() -> None:
    assert len(rules_of(SCHEMA)) > 1_000  # it raises where there is none


def test_a_field_without_a_rule_is_found() -> None:
    @strawberry.type
    class Forgotten:
        secret: str

    @strawberry.type
    class Query:
        forgotten: Forgotten = strawberry.field(metadata=declared(READERS))

    with pytest.raises(LookupError, match=r"Forgotten\.secret"):
        rules_of(strawberry.Schema(Query)._schema)


def test_the_committed_role_table_is_current() -> None:
    committed = Path("docs/role-table.md").read_text(encoding="utf-8")
    assert committed == print_roles(SCHEMA), "run `uv run poe roles` and review what changes"


def test_no_promised_value_is_for_fewer_roles_than_what_stands_beside_it() -> None:
    """A denied field that promises a value would take its neighbours with it."""
    rules = rules_of(SCHEMA)
    wrong = []
    for kind in object_types(SCHEMA):
        if kind.name == "Subscription":
            continue  # it has one field at a time
        widest = max((_roles(rules[Place(kind.name, name)]) for name in kind.fields), key=len)
        for name, field in kind.fields.items():
            if str(field.type).endswith("!") and _roles(rules[Place(kind.name, name)]) != widest:
                wrong.append(f"{kind.name}.{name}")
    assert wrong == []


def _roles(access: Access) -> frozenset[Role]:
    return EVERY_ROLE if isinstance(access, Inherited) or not access else access


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_every_feed_a_figure_names_is_in_its_plan(name: str) -> None:
    """Also those of the objects below it: a feed nobody knows would break the query that selects it."""
    seen: set[str] = set()
    waiting = [SCHEMA.type_map[name]]
    while waiting:
        kind = waiting.pop()
        if not isinstance(kind, GraphQLObjectType) or kind.name in seen or kind.name in ROW_TYPE_NAMES:
            continue
        seen.add(kind.name)
        for field in kind.fields.values():
            declaration = declaration_of(field.extensions["strawberry-definition"])
            assert declaration is None or declaration.feeds <= FIGURES[name].feeds.keys(), kind.name
            waiting.append(get_named_type(field.type))


def test_no_field_of_a_record_but_its_id_promises_a_value() -> None:
    """A dead backend nulls its own fields; a promise would null the other backend's as well."""
    for row_type in ROW_TYPES.values():
        kind = SCHEMA.type_map.get(row_type.__name__)
        if isinstance(kind, GraphQLObjectType):
            promised = [name for name, field in kind.fields.items() if str(field.type).endswith("!") and name != "id"]
            assert promised == [], row_type.__name__
