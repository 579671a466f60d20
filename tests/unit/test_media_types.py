"""Which media type is answered in, and which bodies are taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media_types import GRAPHQL_RESPONSE, JSON, is_json, preferred

OFFERED = (JSON, GRAPHQL_RESPONSE)


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("application/json", JSON),
        ("application/graphql-response+json", GRAPHQL_RESPONSE),
        ("*/*", JSON),
        ("application/*", JSON),
        ("APPLICATION/GraphQL-Response+JSON", GRAPHQL_RESPONSE),
        ("application/json; charset=utf-8", JSON),
        ('application/json;charset="UTF-8";q=0.5', JSON),
        ("application/graphql-response+json, application/json;q=0.9", GRAPHQL_RESPONSE),
        ("application/graphql-response+json;q=0.8, application/json;q=0.9", JSON),
        ("application/graphql-response+json, application/json", GRAPHQL_RESPONSE),
        ("application/json, application/graphql-response+json", JSON),
        ("*/*, application/graphql-response+json", GRAPHQL_RESPONSE),
        ("application/json, text/plain, */*", JSON),
        ("application/json;q=0, */*", GRAPHQL_RESPONSE),
        ("text/html, */*;q=0.1", JSON),
        ("multipart/mixed;deferSpec=20220824, application/json", JSON),
        ("text/html", None),
        ("text/event-stream", None),
        ("application/json;q=0", None),
        ("application/json;q=2", None),
        ("application/json;q=often", None),
        ("application/json;charset=utf-16", None),
        ("json", None),
        (",;,", None),
    ],
)
def test_the_answer_has_the_type_that_is_wanted_most(accept: str, wanted: str | None) -> None:
    assert preferred(accept, OFFERED) == wanted


@given(st.text(max_size=60) | st.text(alphabet="aplicton/js*,;q=01. ", max_size=60))
def test_any_text_gives_one_of_ours_or_none(accept: str) -> None:
    assert preferred(accept, OFFERED) in (*OFFERED, None)


@given(st.lists(st.sampled_from(["text/html", "image/*", "a/b;q=0.3"])), st.sampled_from(OFFERED))
def test_what_nobody_offers_changes_nothing(others: list[str], wanted: str) -> None:
    assert preferred(",".join([*others, wanted]), OFFERED) == wanted


@pytest.mark.parametrize(
    ("content_type", "taken"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ('Application/JSON;charset="UTF-8"', True),
        ("application/json; profile=x", True),
        ("application/json; charset=iso-8859-1", False),
        ("application/jsonp", False),
        ("text/plain; application/json", False),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data; boundary=application/json", False),
        ("application/graphql", False),
        ("", False),
    ],
)
def test_only_json_in_utf_8_is_taken(content_type: str, taken: bool) -> None:
    assert is_json(content_type) is taken
