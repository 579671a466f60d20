"""What of a request becomes an operation, whatever it is made of."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BatchTooLargeError, InvalidInputError
from gateway.operations import Operation, batch_of, document_in, document_of, operation_of

QUERY = "{ viewer { name } }"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


def test_all_members_are_taken_and_null_is_as_if_it_were_not_there() -> None:
    given = {"query": QUERY, "variables": {"a": 1}, "operationName": "A", "extensions": {"b": 2}, "id": 7}
    assert operation_of(given) == Operation(QUERY, {"a": 1}, "A", {"b": 2})
    nothing = {"query": QUERY, "variables": None, "operationName": None, "extensions": None}
    assert operation_of(nothing) == Operation(QUERY)


@pytest.mark.parametrize("document", [None, 7, True, "text", [], [{"query": QUERY}]])
def test_what_is_no_object_is_no_request(document: object) -> None:
    with pytest.raises(InvalidInputError) as caught:
        operation_of(document)
    assert caught.value.argument == "body"


@pytest.mark.parametrize(
    ("member", "values"),
    [
        ("query", [None, 7, False, {}, []]),
        ("variables", ["{}", 0, False, []]),
        ("operationName", [0, False, {}, []]),
        ("extensions", ["{}", 0, False, []]),
    ],
)
def test_a_member_of_another_type_is_named(member: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(InvalidInputError) as caught:
            operation_of({"query": QUERY} | {member: value})
        assert caught.value.argument == member


@given(st.dictionaries(st.sampled_from(["query", "variables", "operationName", "extensions"]), JSON))
def test_any_object_is_an_operation_or_refused(document: dict[str, object]) -> None:
    types = {"query": str, "variables": dict | None, "operationName": str | None, "extensions": dict | None}
    if all(isinstance(document.get(name), kind) for name, kind in types.items()):
        assert operation_of(document).query == document["query"]
    else:
        with pytest.raises(InvalidInputError) as caught:
            operation_of(document)
        assert caught.value.argument in types


@pytest.mark.parametrize(
    "body",
    [b"", b"nonsense", b"{", b"\xff\xfe\xfd", b'"\\ud800"', b"9" * 6_000, b"[" * 100_000, b'{"a": NaN}', b"-Infinity"],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInputError) as caught:
        document_of(body)
    assert caught.value.argument == "body"


def test_a_document_is_named_instead_of_sent() -> None:
    by_hash = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "a"}}}
    assert operation_of(by_hash).query is None
    named = operation_of({"documentId": "card", "extensions": {"a": 1}})
    assert named == Operation(None, extensions={"a": 1, "documentId": "card"})
    assert named.may_change, "nobody knows yet"
    assert operation_of(document_in([("documentId", "card")])).extensions == {"documentId": "card"}
    for wrong in ({"documentId": 7}, {"documentId": None}, {"extensions": {"other": 1}}):
        with pytest.raises(InvalidInputError):
            operation_of(wrong)


def test_an_address_says_the_same_as_a_body() -> None:
    found = document_in([("query", QUERY), ("variables", '{"a": 1}'), ("operationName", ""), ("extensions", "")])
    assert operation_of(found) == Operation(QUERY, {"a": 1})
    for twice in ([("query", QUERY)] * 2, [("variables", "{")]):
        with pytest.raises(InvalidInputError) as caught:
            document_in(twice)
        assert caught.value.argument == twice[0][0]


@given(st.lists(st.just({"query": QUERY}), max_size=6), st.integers(0, 5))
def test_a_batch_holds_as_many_as_may_be_and_at_least_one(documents: list[object], most: int) -> None:
    if most < 2 or len(documents) > most:
        with pytest.raises(BatchTooLargeError):
            batch_of(documents, most)
    elif not documents:
        with pytest.raises(InvalidInputError):
            batch_of(documents, most)
    else:
        assert batch_of(documents, most) == [Operation(QUERY)] * len(documents)


def test_one_that_cannot_be_read_refuses_the_batch() -> None:
    with pytest.raises(InvalidInputError):
        batch_of([{"query": QUERY}, {"query": 7}], 10)
    with pytest.raises(InvalidInputError):
        batch_of([{"query": QUERY}, [{"query": QUERY}]], 10)


@pytest.mark.parametrize(
    ("query", "may_change"),
    [
        ("mutation { a }", True),
        ("query A { a } mutation B { b }", True),
        ("#\nmutation($a:Int){b}", True),
        ("{ mutation }", True),
        ("{ mutations }", False),
        (QUERY, False),
    ],
)
def test_no_mutation_goes_unnoticed(query: str, may_change: bool) -> None:
    assert Operation(query).may_change is may_change
