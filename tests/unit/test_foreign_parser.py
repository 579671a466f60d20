"""Whatever is put into a filter, an OData parser that is not ours reads the same expression out of it.

The parser is odata-query's. What is parsed is the query string as it goes over the wire, percent-decoded as a server does.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import get_args
from urllib.parse import parse_qsl
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odata_query import ast
from odata_query.grammar import ODataLexer, ODataParser

from gateway.clients.business_central import BusinessCentralDialect
from gateway.clients.dataverse import DataverseDialect
from gateway.odata.query import All, AnyOf, Compare, Dialect, Either, Filter, Operator, Query, Text, TextFunction, Value

BC, DATAVERSE = BusinessCentralDialect(), DataverseDialect()

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
    [
        "",
        "'",
        "''",
        "' or 1 eq 1 or '",
        "O'Neill & Söhne + 1 = 100 %",
        "a#b?c/d\\e",
        "null",
        "true",
        "2026-05-04",
        "%27",
    ]
)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=6)
MOMENTS = st.datetimes(datetime(1753, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
DATES = st.dates(min_value=date(1753, 1, 1))
VALUES: st.SearchStrategy[Value] = (
    TEXTS | st.integers(-(2**63), 2**63 - 1) | DECIMALS | st.booleans() | st.uuids() | MOMENTS | DATES | st.none()
)
NAMES = st.sampled_from(["number", "displayName", "_ownerid_value", "address1_city", "emailaddress1"])
COMPARISONS = st.builds(Compare, NAMES, st.sampled_from(get_args(Operator)), VALUES)
TEXT_FUNCTIONS = st.builds(Text, st.sampled_from(get_args(TextFunction)), NAMES, TEXTS)
ONE_OF = st.builds(AnyOf, NAMES, st.lists(TEXTS | st.uuids(), min_size=1, max_size=5, unique=True).map(tuple))
FILTERS: st.SearchStrategy[Filter] = st.recursive(
    COMPARISONS | TEXT_FUNCTIONS | ONE_OF,
    lambda inner: (
        st.builds(All, st.lists(inner, min_size=1, max_size=4).map(tuple))
        | st.builds(Either, st.lists(inner, min_size=1, max_size=4).map(tuple))
    ),
    max_leaves=8,
)

OPERATORS: dict[str, type] = {
    "eq": ast.Eq, "ne": ast.NotEq, "gt": ast.Gt, "ge": ast.GtE, "lt": ast.Lt, "le": ast.LtE
}  # fmt: skip


def on_the_wire(condition: Filter, dialect: Dialect) -> str:
    """``$filter`` as a server sees it."""
    return dict(parse_qsl(Query(filter=condition).encode(dialect), keep_blank_values=True))["$filter"]


def parsed(text: str) -> ast._Node:
    tree: ast._Node = ODataParser().parse(ODataLexer().tokenize(text))
    return tree


def meant(condition: Filter) -> ast._Node:
    """The tree of a condition as the OData standard has it, chains of ``and`` and ``or`` to the left."""
    match condition:
        case Compare(name, operator, value):
            return ast.Compare(OPERATORS[operator](), ast.Identifier(name), constant(value))
        case Text(function, name, value):
            return ast.Call(ast.Identifier(function), [ast.Identifier(name), ast.String(value)])
        case AnyOf(name, values):
            return chain(ast.Or(), [meant(Compare(name, "eq", value)) for value in values])
        case All(parts):
            return chain(ast.And(), [meant(part) for part in parts])
        case Either(parts):
            return chain(ast.Or(), [meant(part) for part in parts])


def chain(operator: ast._BoolOpToken, parts: list[ast._Node]) -> ast._Node:
    tree = parts[0]
    for part in parts[1:]:
        tree = ast.BoolOp(operator, tree, part)
    return tree


def constant(value: Value) -> ast._Node:
    match value:
        case None:
            return ast.Null()
        case bool():
            return ast.Boolean("true" if value else "false")
        case str():
            return ast.String(value)
        case int():
            return ast.Integer(str(value))
        case Decimal():
            text = format(value, "f")
            return ast.Float(text) if "." in text else ast.Integer(text)
        case UUID():
            return ast.GUID(str(value))
        case datetime():
            return ast.DateTime(value.isoformat().replace("+00:00", "Z"))
        case date():
            return ast.Date(value.isoformat())


@given(FILTERS)
@settings(deadline=None, max_examples=200)
def test_a_foreign_parser_reads_the_expression_that_was_meant(condition: Filter) -> None:
    assert parsed(on_the_wire(condition, BC)) == meant(condition)


@given(st.lists(TEXTS, min_size=2, max_size=8, unique=True).map(tuple))
@settings(deadline=None)
def test_the_values_of_the_in_function_of_dataverse_are_read_as_they_were_meant(values: tuple[str, ...]) -> None:
    """Its brackets are JSON's and not known to the parser; what stands between them is a list of OData literals."""
    text = on_the_wire(AnyOf("accountnumber", values), DATAVERSE)
    before, _, listed = text.partition("[")

    assert before == "Microsoft.Dynamics.CRM.In(PropertyName='accountnumber',PropertyValues="
    assert listed.endswith("])")
    assert parsed(f"x in ({listed.removesuffix('])')})") == ast.Compare(
        ast.In(), ast.Identifier("x"), ast.List([ast.String(value) for value in values])
    )


@given(st.sampled_from(get_args(TextFunction)), TEXTS)
@settings(deadline=None)
def test_dataverse_gets_wildcards_as_plain_characters(function: TextFunction, value: str) -> None:
    tree = parsed(on_the_wire(Text(function, "name", value), DATAVERSE))

    assert isinstance(tree, ast.Call)
    argument = tree.args[1]
    assert isinstance(argument, ast.String)
    for wildcard in "%_[":
        assert argument.val.count(f"[{wildcard}]") == value.count(wildcard)
    assert argument.val.replace("[%]", "%").replace("[_]", "_").replace("[[]", "[") == value


@pytest.mark.parametrize("text", ["a eq b'", "a eq 'x'' or 1 eq 1"])
def test_the_foreign_parser_does_refuse_what_is_no_filter(text: str) -> None:
    with pytest.raises(Exception, match=r"Failed to (tokenize|parse)"):
        parsed(text)
