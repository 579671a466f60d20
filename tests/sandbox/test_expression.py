"""Reading query options: what is understood, what is refused, and how much of it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sandbox.expression import (
    Call,
    Comparison,
    ExpandItem,
    Expression,
    ExpressionError,
    In,
    Lambda,
    Literal,
    Logical,
    Not,
    OrderItem,
    Path,
    parse_expand,
    parse_filter,
    parse_orderby,
    parse_select,
)

NAME = Path(("name",))


def text(value: str) -> Literal:
    return Literal(value, "Edm.String")


def equal(left: Expression, right: Expression) -> Comparison:
    return Comparison("eq", left, right)


@pytest.mark.parametrize(
    ("source", "value", "kind"),
    [
        ("'O''Neill & Söhne 100%'", "O'Neill & Söhne 100%", "Edm.String"),
        ("''", "", "Edm.String"),
        ("-5", -5, "Edm.Int64"),
        ("12.50", Decimal("12.50"), "Edm.Decimal"),
        ("1e3", Decimal("1e3"), "Edm.Decimal"),
        ("true", True, "Edm.Boolean"),
        ("null", None, "null"),
        ("2026-05-04", "2026-05-04", "Edm.Date"),
        ("2026-05-04T07:41:22.37Z", "2026-05-04T07:41:22.37Z", "Edm.DateTimeOffset"),
        ("2026-05-04T07:41:22+02:00", "2026-05-04T07:41:22+02:00", "Edm.DateTimeOffset"),
        ("5D0E1C77-2F10-EF11-9F8A-000D3A2B1C0D", "5d0e1c77-2f10-ef11-9f8a-000d3a2b1c0d", "Edm.Guid"),
        ("Microsoft.NAV.contactType'Person'", "Person", "Microsoft.NAV.contactType"),
    ],
)
def test_a_literal_keeps_its_value_and_type(source: str, value: object, kind: str) -> None:
    expression = parse_filter(f"name eq {source}")
    assert isinstance(expression, Comparison)
    assert isinstance(expression.right, Literal)
    assert (expression.right.value, expression.right.type) == (value, kind)


def test_and_binds_tighter_than_or() -> None:
    a, b, c = (equal(Path((name,)), Literal(1, "Edm.Int64")) for name in "abc")
    assert parse_filter("a eq 1 or b eq 1 and c eq 1") == Logical("or", (a, Logical("and", (b, c))))
    assert parse_filter("(a eq 1 or b eq 1) and c eq 1") == Logical("and", (Logical("or", (a, b)), c))


def test_a_chain_of_one_operator_is_flat() -> None:
    expression = parse_filter("(a eq 1 or b eq 1) or c eq 1")
    assert isinstance(expression, Logical)
    assert len(expression.operands) == 3


def test_not_applies_to_what_follows_it() -> None:
    contains = Call("contains", (NAME, text("x")))
    assert parse_filter("not contains(name,'x')") == Not(contains)
    assert parse_filter("not not contains(name,'x')") == contains


def test_functions_nest() -> None:
    inner = Call("substring", (NAME, Literal(1, "Edm.Int64"), Literal(3, "Edm.Int64")))
    assert parse_filter("tolower(substring(name,1,3)) eq 'abc'") == equal(Call("tolower", (inner,)), text("abc"))


def test_a_path_passes_navigations() -> None:
    assert parse_filter("primarycontactid/fullname eq 'x'") == equal(Path(("primarycontactid", "fullname")), text("x"))


def test_in_holds_a_list_of_literals() -> None:
    assert parse_filter("name in ('a', 'b')") == In(NAME, (text("a"), text("b")))


def test_lambdas_have_a_variable_and_a_predicate_or_nothing() -> None:
    predicate = equal(Path(("l", "quantity")), Literal(5, "Edm.Int64"))
    assert parse_filter("lines/any(l:l/quantity eq 5)") == Lambda("any", Path(("lines",)), "l", predicate)
    assert parse_filter("order/lines/any()") == Lambda("any", Path(("order", "lines")))


def test_a_qualified_function_takes_named_arguments_and_arrays() -> None:
    expected = Call(
        "Microsoft.Dynamics.CRM.In",
        (),
        {"PropertyName": text("accountid"), "PropertyValues": (text("a"), text("b"))},
    )
    source = "Microsoft.Dynamics.CRM.In(PropertyName='accountid',PropertyValues=['a','b'])"
    assert parse_filter(source) == expected
    assert parse_filter(source.replace("['a','b']", '["a","b"]')) == expected


def test_a_parameter_alias_stands_for_its_literal() -> None:
    assert parse_filter("name eq @n", aliases={"@n": "'C''0099'"}) == equal(NAME, text("C'0099"))
    with pytest.raises(ExpressionError, match="@n"):
        parse_filter("name eq @n")


@pytest.mark.parametrize(
    "source",
    [
        *["", "name eq", "name eq 'x", "name eq 1 2", "f(name,", "name ! 1", "(name eq 1", "name eq 1)", "name in 'a'"],
        *["a/", "x in (name)", "lines/any(l)", "name eq 1 and", "f(P=name)", "@x", "name eq 12ab"],
        "name eq " + "1" * 5000,
    ],
)
def test_what_is_no_expression_is_refused(source: str) -> None:
    with pytest.raises(ExpressionError):
        parse_filter(source)


@pytest.mark.parametrize("deep", ["(" * 5000 + "a eq 1" + ")" * 5000, "not (" * 5000, "f(" * 5000, "x/any(y:" * 5000])
def test_deep_nesting_is_refused_without_exhausting_the_stack(deep: str) -> None:
    with pytest.raises(ExpressionError, match="deep"):
        parse_filter(deep)


def test_a_long_flat_filter_is_read_whole() -> None:
    expression = parse_filter(" or ".join(f"number eq 'C{number:05d}'" for number in range(2000)))
    assert isinstance(expression, Logical)
    assert len(expression.operands) == 2000


def test_an_error_tells_the_position() -> None:
    with pytest.raises(ExpressionError, match="position 8") as caught:
        parse_filter("name eq 'x")
    assert caught.value.position == 8


def test_orderby_has_paths_and_directions() -> None:
    expected = (OrderItem(NAME, True), OrderItem(Path(("a", "b"))), OrderItem(Path(("c",))))
    assert parse_orderby("name desc, a/b,c asc") == expected


def test_select_is_a_list_of_names() -> None:
    assert parse_select("id, number") == ("id", "number")
    with pytest.raises(ExpressionError):
        parse_select("id,,number")


def test_expand_nests_its_options() -> None:
    source = "lines($select=quantity;$filter=text eq 'a;b)';$top=2;$skip=1;$count=true;$orderby=x desc;$expand=item),customer"
    assert parse_expand(source) == (
        ExpandItem(
            "lines",
            select=("quantity",),
            filter=equal(Path(("text",)), text("a;b)")),
            orderby=(OrderItem(Path(("x",)), True),),
            top=2,
            skip=1,
            count=True,
            expand=(ExpandItem("item"),),
        ),
        ExpandItem("customer"),
    )


@pytest.mark.parametrize(
    "source", ["lines(", "lines($top=x)", "lines($levels=2)", "", "a(b)", "a($top=1;$top=2)", "a)("]
)
def test_a_broken_expand_is_refused(source: str) -> None:
    with pytest.raises(ExpressionError):
        parse_expand(source)


def test_a_deep_expand_is_refused() -> None:
    with pytest.raises(ExpressionError):
        parse_expand("a($expand=" * 100 + "a" + ")" * 100)


@given(st.text(alphabet="abc '()/,=:@[]\"1.-eqnot\n", max_size=60))
def test_any_text_is_read_or_refused(source: str) -> None:
    for parse in (parse_filter, parse_orderby, parse_expand, parse_select):
        try:
            parse(source)
        except ExpressionError:
            continue
