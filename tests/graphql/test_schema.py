"""The schema is a reviewed file, and everything in it is described and guarded."""

from pathlib import Path

import pytest
from graphql import GraphQLObjectType, get_named_type, is_introspection_type
from strawberry.types.field import StrawberryField

from schema.fields import ROW_TYPES, declaration_of
from schema.figures import figure_plan
from schema.root import build_schema, print_sdl

SCHEMA = build_schema()._schema
FIGURES = {
    name: plan
    for name, kind in SCHEMA.type_map.items()
    if isinstance(kind, GraphQLObjectType)
    and "strawberry-definition" in kind.extensions
    and (plan := figure_plan(kind))
}
GUARDED = {"Query", "Mutation", "Subscription", "Viewer", *(row_type.__name__ for row_type in ROW_TYPES.values())}

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


def test_every_field_of_a_record_and_every_root_field_declares_who_may_see_it() -> None:
    for name in GUARDED:
        kind = SCHEMA.type_map.get(name)
        if kind is None:  # a row type that nothing leads to, such as currencies
            continue
        assert isinstance(kind, GraphQLObjectType)
        for field_name, field in kind.fields.items():
            found = field.extensions["strawberry-definition"]
            assert isinstance(found, StrawberryField)
            assert declaration_of(found) is not None, f"{name}.{field_name}"


def test_every_figure_declares_who_may_see_it() -> None:
    assert FIGURES.keys() >= {"Availability", "CustomerStatistics", "OpenOpportunities"}
    for name in ("Availability", "CustomerStatistics"):
        kind = SCHEMA.type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        undeclared = [
            field_name
            for field_name, field in kind.fields.items()
            if declaration_of(field.extensions["strawberry-definition"]) is None
        ]
        assert undeclared == [], name


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
