"""The two ways to watch, as protocols: who gets in, what breaks them, how they end, and what they leave behind."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import WebSocketRoute
from structlog.testing import capture_logs

from gateway.couplings.coupling import Mapping
from gateway.runs.run import Counters, Run, RunKind, RunState, Tally
from gateway.sandbox.app import Sandbox
from gateway.sandbox.identity.people import NOBODY, SALES, WIDGET
from gateway.socket_route import MOST_OPERATIONS, SocketEndpoint
from gateway.sockets import TRY_AGAIN_LATER
from tests.graphql.api import Api, start
from tests.graphql.live import ClosedError, Socket, bearer, signed_in, socket, stream
from tests.graphql.test_operations import operation

pytestmark = pytest.mark.anyio

WATCH = operation("WatchJob")
VIEWER = "{ viewer { name } }"
FORBIDDEN, UNAUTHORIZED, BAD_REQUEST, NOT_ACCEPTABLE, TIMED_OUT, TOO_MANY = 4403, 4401, 4400, 4406, 4408, 4429
ALREADY_THERE = 4409


@pytest.fixture
async def api(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Api]:
    """Over the demo company that nobody changes, with a job log of its own."""
    async with AsyncExitStack() as stack:
        yield await start(sandbox, f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}", stack)


async def noted(api: Api, **given: Any) -> str:
    """A run in the job log that no job is at work on."""
    services = api.app.state.running.services
    run = Run(
        uuid4(),
        Mapping.CUSTOMER,
        services.company,
        RunKind.MODIFIED,
        {},
        given.pop("state", RunState.RUNNING),
        datetime.now(UTC),
        "Ada",
        **given,
    )
    await services.run_jobs.runs.add(run)
    return str(run.id)


def watchers(api: Api) -> int:
    found: int = api.app.state.running.services.run_watches.watchers
    return found


async def closed(opened: Socket) -> int:
    """With which code the gateway closes the socket, and nothing is said before."""
    with pytest.raises(ClosedError) as caught:
        await opened.message()
    assert len(caught.value.reason.encode()) <= 123, "no frame takes more"
    return caught.value.code


async def until_closed(opened: Socket) -> int:
    """The code, whatever is said before."""
    try:
        while True:
            await opened.message()
    except ClosedError as error:
        return error.code


async def refused(opened: Socket) -> set[str]:
    """The codes with which an operation does not begin."""
    (answer,) = await opened.answers()
    return {each["extensions"]["code"] for each in answer["refused"]}


# Who gets in


async def test_a_socket_without_a_good_token_is_closed(api: Api) -> None:
    elsewhere = api.sandbox.identity.issue(SALES, "https://api.businesscentral.dynamics.com")
    late = bearer(api, lifetime=timedelta(seconds=-1))  # a request would still be answered, for clocks that differ
    for said in (None, 7, "", "nonsense", "Bearer a.b.c", f"Bearer {elsewhere}", late):
        async with socket(api) as opened:
            opened.say({"type": "connection_init", "payload": {"authorization": said}})
            assert await closed(opened) == FORBIDDEN
    async with socket(api) as opened:
        opened.say({"type": "connection_init"})
        assert await closed(opened) == FORBIDDEN


async def test_a_socket_is_asked_to_come_again_while_keys_cannot_be_had(api: Api) -> None:
    api.identity.instead = lambda _: httpx.Response(500)
    async with socket(api) as opened:
        opened.say({"type": "connection_init", "payload": {"authorization": bearer(api, SALES)}})
        assert await closed(opened) == TRY_AGAIN_LATER


async def test_the_token_comes_in_the_payload_or_in_the_header(api: Api) -> None:
    for headers, payload in (
        ({"authorization": bearer(api, SALES)}, {}),
        ({}, {"Authorization": bearer(api, SALES)}),
        ({"authorization": "Bearer a.b.c"}, {"AUTHORIZATION": bearer(api, SALES).replace("Bearer", "bearer")}),
    ):
        async with socket(api, headers=headers) as opened:
            ack = await opened.init(**payload, **{"X-Correlation-Id": "from-the-form-42"})
            assert ack == {"type": "connection_ack", "payload": {"correlationId": "from-the-form-42"}}
            opened.subscribe(VIEWER)
            assert await opened.answers() == [{"data": {"viewer": {"name": SALES.display_name}}}]


async def test_nothing_is_answered_before_somebody_said_who_it_is(api: Api) -> None:
    async with socket(api, headers={"authorization": bearer(api)}) as opened:
        opened.subscribe(VIEWER)
        assert await closed(opened) == UNAUTHORIZED


async def test_who_says_nothing_is_not_waited_for(api: Api) -> None:
    impatient = FastAPI()
    impatient.router.routes.append(WebSocketRoute("/graphql", SocketEndpoint(patience=timedelta(0))))
    impatient.state.serving = api.app.state.serving
    other = Api(impatient, api.http, api.sandbox, api.business_central, api.dataverse, api.identity)
    async with socket(other) as opened:
        assert await closed(opened) == TIMED_OUT


async def test_only_the_present_protocol_is_spoken(api: Api) -> None:
    async with socket(api, protocol="graphql-ws") as opened:
        assert await closed(opened) == NOT_ACCEPTABLE


async def test_pages_of_other_origins_open_no_socket(api: Api) -> None:
    with pytest.raises(ClosedError):
        async with socket(api, headers={"origin": "https://elsewhere.example"}):
            pass
    async with socket(api, headers={"origin": "http://gateway.example"}) as opened:
        assert (await opened.init(authorization=bearer(api)))["type"] == "connection_ack"


async def test_roles_hold_for_what_is_watched(api: Api) -> None:
    id = await noted(api)
    for person in (WIDGET, NOBODY):
        async with signed_in(api, person) as opened:
            opened.subscribe(WATCH, {"id": id})
            assert await refused(opened) == {"FORBIDDEN"}
        async with stream(api, WATCH, {"id": id}, token=bearer(api, person)) as events:
            (first, last) = await events.events()
            assert first[1]["errors"][0]["extensions"]["code"] == "FORBIDDEN"
            assert last == ("complete", None)
    assert watchers(api) == 0


async def test_a_stream_without_a_token_is_refused_as_any_request(api: Api) -> None:
    async with stream(api, VIEWER, token="Bearer a.b.c") as events:
        assert (events.status, events.headers["www-authenticate"]) == (401, "Bearer")


# What is asked


async def test_a_run_that_does_not_exist(api: Api) -> None:
    async with signed_in(api) as opened:
        for id, code in (("none", "INVALID_INPUT"), (str(uuid4()), "RECORD_NOT_FOUND")):
            opened.subscribe(WATCH, {"id": id})
            assert await refused(opened) == {code}


async def test_limits_and_codes_are_those_of_requests(api: Api) -> None:
    deep = "subscription { synchronizationJob(id: 1) " + "{ a " * 25 + "}" * 26
    wrong = (
        "subscription { nothing }",
        "{ viewer {",
        "",
        "fragment A on Viewer { name }",
        f"query A {VIEWER} query B {VIEWER}",
    )
    large = ("{ a " * 20_000, deep)
    async with signed_in(api) as opened:
        for query in (*wrong, *large):
            code = "GRAPHQL_INVALID" if query in wrong else "QUERY_TOO_LARGE"
            opened.subscribe(query)
            assert await refused(opened) == {code}
            async with stream(api, query) as events:
                (told, _) = await events.events()
                codes = {each["extensions"]["code"] for each in told[1]["errors"]}
                assert (codes, told[1].get("data")) == ({code}, None)
                assert query is not deep or "levels deep" in told[1]["errors"][0]["message"]
        opened.subscribe(VIEWER)
        assert (await opened.answers())[0]["data"]["viewer"], "and the socket goes on"


async def test_what_nobody_foresaw_is_masked_and_logged(api: Api) -> None:
    id = await noted(api, state=RunState.FAILED, error_code="NO_CODE_OF_OURS", message="secret")
    query = "subscription ($id: ID!) { synchronizationJob(id: $id) { code } }"
    with capture_logs() as logs:
        asked = await api.ask(query.replace("subscription", "query"), {"id": id}, explain=False)
        async with signed_in(api) as opened:
            opened.subscribe(query, {"id": id})
            ((error,),) = [each["errors"] for each in await opened.answers()]
        async with stream(api, query, {"id": id}) as events:
            data: Any = (await events.events())[0][1]
    for each in (error, data["errors"][0], asked.errors[0]):
        assert (each["extensions"]["code"], each["message"]) == ("INTERNAL_ERROR", asked.errors[0]["message"])
        assert "NO_CODE_OF_OURS" not in str(each)
    assert [each["event"] for each in logs] == ["unforeseen error"] * 3


async def test_queries_over_a_socket_each_have_their_own_time_and_costs(api: Api) -> None:
    query = '{ customer(by: {number: "C00210"}) { number account { name } } }'
    asked = await api.ask(query)
    async with signed_in(api, more={"Gateway-Explain": "1", "x-correlation-id": "a-socket"}) as opened:
        for _ in range(2):
            opened.subscribe(query)
            (answer,) = await opened.answers()
            assert answer["data"] == asked.data
            explained = answer["extensions"]["gateway"]
            assert (len(explained["backendRequests"]), explained["roundTrips"]) == asked.cost
            assert explained["correlationId"] == "a-socket"
        sent = [*api.business_central.seen[-1:], *api.dataverse.seen[-1:]]
        assert {each.headers["client-request-id"] for each in sent} == {"a-socket"}


async def test_mutations_are_for_requests_alone(api: Api) -> None:
    """What comes over a connection ends with it: a mutation would end in the middle."""
    mutation = "mutation { synchronizeModified(input: {mapping: CUSTOMER}) { __typename } }"
    async with signed_in(api) as opened:
        opened.subscribe(mutation)
        ((error,),) = [each["refused"] for each in await opened.answers()]
    async with stream(api, mutation) as events:
        data: Any = (await events.events())[0][1]
    for each in (error, data["errors"][0]):
        assert (each["extensions"]["code"], "POST /graphql" in each["message"]) == ("GRAPHQL_INVALID", True)
    assert (await api.ask("{ synchronizationJobs { id } }")).data["synchronizationJobs"] == []


async def test_a_subscription_is_no_request(api: Api) -> None:
    answer = await api.ask(WATCH, {"id": await noted(api)})
    assert (answer.status, answer.codes) == (400, ["INVALID_INPUT"])
    assert "/graphql/stream" in answer.errors[0]["message"]


async def test_who_lists_event_streams_last_gets_none_for_a_request(api: Api) -> None:
    accept = "application/graphql-response+json, application/json, text/event-stream, multipart/mixed"
    headers = {"authorization": bearer(api), "accept": accept}
    response = await api.http.post("/graphql", json={"query": VIEWER}, headers=headers)
    assert response.json()["data"]["viewer"]
    async with stream(api, VIEWER, accept=accept) as events:
        assert [name for name, _ in await events.events()] == ["next", "complete"]


async def test_who_does_not_take_event_streams_changes_nothing(api: Api) -> None:
    mutation = "mutation { synchronizeModified(input: {mapping: CUSTOMER}) { __typename } }"
    headers = {"authorization": bearer(api), "accept": "application/json"}
    response = await api.http.post("/graphql/stream", json={"query": mutation}, headers=headers)
    assert response.status_code == 406
    (error,) = response.json()["errors"]
    assert (error["extensions"]["code"], "text/event-stream" in error["message"]) == ("NOT_ACCEPTABLE", True)
    jobs = await api.ask("{ synchronizationJobs { id } }")
    assert jobs.data["synchronizationJobs"] == []


# What breaks a socket


NO_MESSAGES = (
    "nonsense",
    "[]",
    "7",
    '"text"',
    "{}",
    '{"type": 7}',
    '{"type": "start"}',
    '{"type": "%s"}' % ("ö" * 1_000),
    '{"type": "connection_init", "payload": []}',
    '{"type": "subscribe"}',
    '{"type": "subscribe", "id": {}, "payload": {"query": "{ viewer { name } }"}}',
    '{"type": "subscribe", "id": "1", "payload": "{ viewer { name } }"}',
    '{"type": "subscribe", "id": "1", "payload": {"query": null}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ viewer { name } }", "variables": []}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ viewer { name } }", "operationName": 1}}',
    '{"type": "complete", "id": []}',
    '{"type": "ping", "payload": "\\ud800"}',
    "[" * 100_000,
)


async def test_a_message_that_is_none_closes_the_socket(api: Api) -> None:
    for said in NO_MESSAGES:
        async with signed_in(api) as opened:
            opened.say(said)
            assert await closed(opened) == BAD_REQUEST, said
    async with signed_in(api) as opened:
        opened.connection.given.put_nowait({"type": "websocket.receive", "bytes": b"{}"})
        assert await closed(opened) == BAD_REQUEST
    async with signed_in(api) as opened:
        opened.say({"type": "connection_init", "payload": {"authorization": bearer(api)}})
        assert await closed(opened) == TOO_MANY
    assert watchers(api) == 0


async def test_two_operations_of_one_id_close_the_socket(api: Api) -> None:
    id = await noted(api)
    async with signed_in(api) as opened:
        opened.subscribe(WATCH, {"id": id})
        assert (await opened.message())["type"] == "next"
        opened.subscribe(VIEWER)
        assert await until_closed(opened) == ALREADY_THERE
    assert watchers(api) == 0


async def test_a_payload_of_null_is_none_at_all(api: Api) -> None:
    async with socket(api, headers={"authorization": bearer(api)}) as opened:
        opened.say({"type": "connection_init", "payload": None})
        assert (await opened.message())["type"] == "connection_ack"
        opened.say({"type": "pong", "payload": {"nobody": "asked"}})
        opened.say({"type": "complete", "id": "never-begun"})
        opened.say({"type": "ping", "payload": None})
        assert await opened.message() == {"type": "pong"}


async def test_an_event_stream_is_never_silent_for_long(api: Api) -> None:
    api.app.state.serving = replace(api.app.state.serving, keep_alive_seconds=0)
    async with stream(api, WATCH, {"id": await noted(api)}) as events:
        said = [(await events.connection.next())["body"].decode() for _ in range(5)]
        assert ": alive\r\n\r\n" in said
        api.app.state.streams.end()
        while not (last := (await events.connection.next()).get("body", b"").decode()).startswith("event: complete"):
            assert last.startswith((":", "event: next"))
    assert watchers(api) == 0


async def test_operations_of_a_socket_that_is_closed_end_without_a_word(api: Api) -> None:
    runs, id = api.app.state.running.services.run_jobs.runs, await noted(api)
    with capture_logs() as logs:
        for said in ("nonsense", '{"type": "connection_init"}'):
            async with signed_in(api) as opened:
                for number in range(10):
                    opened.subscribe(WATCH, {"id": id}, id=str(number))
                    await opened.message()
                opened.say(said)
                await runs.count(UUID(id), Tally(Counters(modified=len(said))))
                assert await until_closed(opened) in (BAD_REQUEST, TOO_MANY)
    assert (logs, watchers(api)) == ([], 0)


async def test_a_socket_carries_so_many_operations_and_no_more(api: Api) -> None:
    id = await noted(api)
    async with signed_in(api) as opened:
        for number in range(MOST_OPERATIONS):
            opened.subscribe(WATCH, {"id": id}, id=str(number))
            assert (await opened.message())["type"] == "next"
        opened.subscribe(WATCH, {"id": id}, id="more")
        assert await refused(opened) == {"TOO_MANY_CONNECTIONS"}
        opened.say({"type": "complete", "id": "0"})
        opened.say({"type": "ping"})
        assert (await opened.message()) == {"type": "pong"}
        opened.subscribe(WATCH, {"id": id}, id="more")
        assert (await opened.message())["type"] == "next", "one ended, and another one may begin"
        assert watchers(api) == MOST_OPERATIONS
    assert watchers(api) == 0


# How they end


async def test_a_client_that_vanishes_leaves_nothing_behind(api: Api) -> None:
    id = await noted(api)
    async with AsyncExitStack() as stack:
        for code in (1001, 1006):
            opened = await stack.enter_async_context(signed_in(api))
            opened.subscribe(WATCH, {"id": id}, id=str(code))
            await opened.message()
        events = await stack.enter_async_context(stream(api, WATCH, {"id": id}))
        await events.event()
        assert (watchers(api), api.app.state.streams.open) == (3, 1)
    assert (watchers(api), api.app.state.streams.open) == (0, 0)


async def test_nothing_is_told_after_the_token_has_expired(api: Api) -> None:
    id = await noted(api)
    soon = bearer(api, lifetime=timedelta(seconds=2))
    async with socket(api) as opened, stream(api, WATCH, {"id": id}, token=soon) as events:
        assert (await opened.init(authorization=soon))["type"] == "connection_ack"
        opened.subscribe(WATCH, {"id": id})
        await opened.message()
        assert (await events.event() or ("",))[0] == "next"
        assert await closed(opened) == FORBIDDEN
        (told, last) = await events.events()
        assert (told[1]["errors"][0]["extensions"]["code"], last) == ("UNAUTHENTICATED", ("complete", None))
        assert "data" not in told[1]
        opened.subscribe(WATCH, {"id": id}, id="2")  # it had not yet heard that the socket is closed
    assert watchers(api) == 0


async def test_streams_end_when_the_gateway_stops(api: Api) -> None:
    id = await noted(api)
    async with stream(api, WATCH, {"id": id}) as events:
        await events.event()
        api.app.state.streams.end()
        (told, last) = await events.events()
        assert (told[1]["errors"][0]["extensions"]["code"], last) == ("DATABASE_UNAVAILABLE", ("complete", None))
    async with stream(api, WATCH, {"id": id}) as events:
        assert (await events.events())[0][1]["errors"], "nor does another one begin"
    assert watchers(api) == 0
