"""GraphQL over HTTP: media types, statuses, methods, and what each refusal says.

Source: GraphQL over HTTP, draft; the audits of the package graphql-http are run by ``poe strangers``.
"""

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from gateway.auth.caller import Authenticator, Caller
from gateway.errors import DatabaseError, IdentityUnavailableError
from gateway.media_types import GRAPHQL_RESPONSE, JSON
from gateway.sandbox.identity.people import NOBODY
from tests.graphql.api import Api
from tests.graphql.live import bearer

pytestmark = pytest.mark.anyio

VIEWER = "{ viewer { name } }"
ITEM = '{ item(by: {number: "1001"}) { number } }'
MUTATION = "mutation { synchronizeModified(input: {mapping: CUSTOMER}) { __typename } }"
PATHS = ("/graphql", "/graphql/stream")


async def asked(api: Api, method: str = "POST", path: str = "/graphql", **how: Any) -> httpx.Response:
    """With a token; ``headers`` besides, of which None leaves one out."""
    headers = {"Authorization": bearer(api)} | how.pop("headers", {})
    request = api.http.build_request(method, path, headers={k: v for k, v in headers.items() if v is not None}, **how)
    for name in [name for name, value in headers.items() if value is None]:
        request.headers.pop(name, None)
    return await api.http.send(request)


def code(response: httpx.Response) -> str:
    """Of a refusal, which has one error and nothing else."""
    body = response.json()
    assert (list(body), len(body["errors"])) == (["errors"], 1)
    found: str = body["errors"][0]["extensions"]["code"]
    return found


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, GRAPHQL_RESPONSE),
        ("*/*", JSON),
        (JSON, JSON),
        (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE};q=0.1, {JSON};q=0.2", JSON),
    ],
)
async def test_the_answer_has_the_media_type_that_is_asked_for(api: Api, accept: str | None, media_type: str) -> None:
    response = await asked(api, json={"query": VIEWER}, headers={"Accept": accept})
    assert (response.status_code, response.headers["content-type"]) == (200, f"{media_type}; charset=utf-8")
    assert response.json()["data"]["viewer"]


@pytest.mark.parametrize(
    "body",
    [
        {"query": "{"},
        {"query": ""},
        {"query": "{ nothing }"},
        {"query": "query ($n: Int!) { __typename }", "variables": {"n": None}},
        {"query": "query A { __typename } query B { __typename }"},
        {"query": "query A { __typename }", "operationName": "B"},
        {"query": "fragment A on Viewer { name }"},
    ],
    ids=lambda body: body["query"],
)
async def test_a_query_that_cannot_be_carried_out_has_no_data(api: Api, body: dict[str, Any]) -> None:
    for media_type, status in ((GRAPHQL_RESPONSE, 400), (JSON, 200)):
        response = await asked(api, json=body, headers={"Accept": media_type})
        found = response.json()
        assert (response.status_code, "data" in found) == (status, False)
        assert {each["extensions"]["code"] for each in found["errors"]} == {"GRAPHQL_INVALID"}
        assert all(each["message"] for each in found["errors"])


async def test_an_answer_that_lacks_something_is_an_answer(api: Api) -> None:
    headers = {"Accept": GRAPHQL_RESPONSE, "Authorization": bearer(api, NOBODY)}
    for query, data in ((ITEM, {"item": None}), ('{ viewer { name } a: item(by: {number: "1001"}) { number } }', ...)):
        response = await asked(api, json={"query": query}, headers=headers)
        assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (200, "FORBIDDEN")
        assert data is ... or response.json()["data"] == data


@pytest.mark.parametrize("media_type", [JSON, GRAPHQL_RESPONSE])
@pytest.mark.parametrize(
    "body",
    [
        "",
        "nonsense",
        "null",
        "123",
        "true",
        '"text"',
        "{}",
        '{"query": 7}',
        '{"query": "{a}", "variables": []}',
        "9" * 6_000,
    ],
)
async def test_what_is_no_request_is_refused(api: Api, body: str, media_type: str) -> None:
    headers = {"Content-Type": JSON, "Accept": media_type}
    for path in PATHS:
        told = headers | ({"Accept": f"text/event-stream, {media_type}"} if path.endswith("stream") else {})
        response = await asked(api, path=path, content=body, headers=told)
        assert (response.status_code, code(response)) == (400, "INVALID_INPUT")
    assert response.headers["content-type"].startswith(JSON)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": None},
        {"Content-Type": "text/plain"},
        {"Content-Type": "text/plain; x=application/json"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=iso-8859-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_what_a_form_could_send_changes_nothing(api: Api, path: str, headers: dict[str, str | None]) -> None:
    response = await asked(api, path=path, content=json.dumps({"query": MUTATION}), headers=headers)
    assert (response.status_code, code(response)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert response.headers["accept-post"] == JSON
    assert (await api.ask("{ synchronizationJobs { id } }")).data["synchronizationJobs"] == []


async def test_queries_are_asked_in_an_address_too(api: Api) -> None:
    query = "query A($n: String!) { item(by: {number: $n}) { number } } query B { __typename }"
    parameters = {"query": query, "variables": '{"n": "1001"}', "operationName": "A", "extensions": ""}
    response = await asked(api, "GET", params=parameters)
    assert response.json()["data"] == {"item": {"number": "1001"}}
    events = await asked(api, "GET", "/graphql/stream", params=parameters)
    assert '"number":"1001"' in events.text
    for wrong in ({}, {"query": ""}, {"query": VIEWER, "variables": "{"}, {"query": VIEWER, "variables": "7"}):
        refused = await asked(api, "GET", params=wrong)
        assert (refused.status_code, code(refused)) == (400, "INVALID_INPUT")
    assert len(api.business_central.seen) == 2, "one for each answer"


async def test_no_address_changes_anything(api: Api) -> None:
    response = await asked(api, "GET", params={"query": MUTATION})
    assert (response.status_code, response.headers["allow"], code(response)) == (405, "POST", "METHOD_NOT_ALLOWED")
    events = await asked(api, "GET", "/graphql/stream", params={"query": MUTATION})
    assert "GRAPHQL_INVALID" in events.text
    assert (await api.ask("{ synchronizationJobs { id } }")).data["synchronizationJobs"] == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def test_other_methods_are_not_taken(api: Api, path: str, method: str) -> None:
    response = await asked(api, method, path)
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


async def test_who_takes_none_of_our_media_types_gets_nothing_carried_out(api: Api) -> None:
    for path, accept in (("/graphql", "text/html"), ("/graphql", "text/event-stream"), ("/graphql/stream", JSON)):
        response = await asked(api, path=path, json={"query": MUTATION}, headers={"Accept": accept})
        assert (response.status_code, code(response)) == (406, "NOT_ACCEPTABLE")
    assert (await api.ask("{ synchronizationJobs { id } }")).data["synchronizationJobs"] == []


@pytest.mark.parametrize("path", PATHS)
async def test_who_asks_is_settled_before_how(api: Api, path: str) -> None:
    for accept, told in ((GRAPHQL_RESPONSE, GRAPHQL_RESPONSE), ("text/html", JSON), ("*/*", JSON)):
        if path == "/graphql/stream":
            told = JSON
        headers = {"Authorization": None, "Accept": accept, "Content-Type": "text/plain"}
        response = await asked(api, path=path, content="nonsense", headers=headers)
        assert (response.status_code, code(response)) == (401, "UNAUTHENTICATED")
        assert (response.headers["www-authenticate"], response.headers["content-type"]) == (
            "Bearer",
            f"{told}; charset=utf-8",
        )


async def test_a_subscription_in_an_address_is_told_where_to_go(api: Api) -> None:
    response = await asked(api, "GET", params={"query": "subscription { synchronizationJobs { id } }"})
    assert (response.status_code, code(response)) == (400, "INVALID_INPUT")


class _Failing(Authenticator):
    """Cannot say who asks."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def caller(self, authorization: str | None) -> Caller:
        raise self._error


async def test_what_breaks_before_an_operation_is_masked_and_what_is_away_is_named(api: Api) -> None:
    def fail(error: Exception) -> None:
        api.app.state.serving = replace(api.app.state.serving, authenticator=_Failing(error))

    fail(RuntimeError("secret"))
    with capture_logs() as logs:
        response = await asked(api, json={"query": VIEWER}, headers={"Accept": GRAPHQL_RESPONSE})
    assert (response.status_code, code(response), "secret" in response.text) == (500, "INTERNAL_ERROR", False)
    assert response.json()["errors"][0]["extensions"]["correlationId"] == response.headers["x-correlation-id"]
    assert [each["event"] for each in logs] == ["a request broke"]
    fail(DatabaseError("Our database does not answer."))
    response = await asked(api, json={"query": VIEWER})
    assert (response.status_code, code(response)) == (503, "DATABASE_UNAVAILABLE")
    fail(IdentityUnavailableError("The keys cannot be read.", retry_after_seconds=7.2))
    response = await asked(api, json={"query": VIEWER})
    assert (response.status_code, code(response), response.headers["retry-after"]) == (503, "IDENTITY_UNAVAILABLE", "7")
