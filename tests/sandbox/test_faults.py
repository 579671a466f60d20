"""Faults on demand: which requests meet one, what it looks like, and how rules are given over HTTP."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from gateway.sandbox.admin import admin_app
from gateway.sandbox.business_central.etags import is_etag
from gateway.sandbox.connection import BrokenConnectionError, NoAnswerError
from gateway.sandbox.faults import KINDS, Faults, Rule
from gateway.sandbox.faulty import Faulty
from gateway.sandbox.observation import Latency, Observed, RequestLog
from gateway.sandbox.switches.faults import faults_switch

pytestmark = pytest.mark.anyio

FAULTS = "/sandbox/admin/faults"
BC_TAG = 'W/"JzE5OzE2NDA1NDQwMzM5NDM0MDYwNTUxOzAwOyc="'
DATAVERSE_TAG = 'W/"4711"'


class Site:
    """Two simulators that know little, with their faults and the admin endpoints."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.log = RequestLog()
        self.waited: list[float] = []
        self.done = 0

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Mount("/bc", self._simulator("business-central", BC_TAG)),
                Mount("/dataverse", self._simulator("dataverse", DATAVERSE_TAG)),
                Mount("/sandbox/admin", admin_app(self.log, Latency(), faults_switch(self.faults))),
            ]
        )

    def _simulator(self, name: str, tag: str) -> Observed:
        async def answer(request: Request) -> Response:
            if "authorization" not in request.headers:
                return Response(status_code=401)
            self.done += 1
            row = {"@odata.etag": tag, "name": "a name that is long enough to be cut"}
            return JSONResponse({"value": [row, row]}, headers={"ETag": tag})

        methods = ["GET", "POST", "PATCH", "DELETE"]
        simulator = Starlette(routes=[Route("/{path:path}", answer, methods=methods)])
        return Observed(Faulty(simulator, self.faults, name, sleep=self._sleep), self.log, name, Latency())

    async def _sleep(self, seconds: float) -> None:
        self.waited.append(seconds)


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=site.app())
    headers = {"Authorization": "Bearer good"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
        yield client


def fates(faults: Faults, times: int = 30) -> list[bool]:
    return [faults.decide("dataverse", "GET", "/accounts").rule is not None for _ in range(times)]


# Which requests


@given(st.integers(), st.floats(0, 1), st.integers(1, 40))
def test_the_same_seed_gives_the_same_fates_whatever_else_is_asked_in_between(seed: int, rate: float, gap: int) -> None:
    rules = [Rule("status", backend="dataverse", rate=rate), Rule("reset", backend="business-central")]
    undisturbed, disturbed = Faults(rules, seed=seed), Faults(rules, seed=seed)
    expected = fates(undisturbed, 40)
    seen = []
    for number in range(40):
        if number % gap == 0:
            disturbed.decide("business-central", "GET", "/customers")
        seen += fates(disturbed, 1)
    assert seen == expected


def test_another_seed_gives_other_fates_and_about_as_many() -> None:
    rules = [Rule("status", rate=0.3)]
    one, other = fates(Faults(rules, seed=1), 1000), fates(Faults(rules, seed=2), 1000)
    assert one != other
    assert 250 < sum(one) < 350
    assert 250 < sum(other) < 350


def test_setting_the_rules_again_repeats_the_run() -> None:
    faults = Faults([Rule("status", rate=0.5)], seed=3)
    first = fates(faults)
    faults.use([Rule("status", rate=0.5)])
    assert fates(faults) == first


@given(st.integers(0, 10), st.integers(0, 10))
def test_so_many_pass_and_so_many_are_hit_at_most(skip: int, count: int) -> None:
    faults = Faults([Rule("status", skip=skip, count=count)])
    assert fates(faults) == [skip <= number < skip + count for number in range(30)]


@pytest.mark.parametrize(
    ("rule", "hit"),
    [
        (Rule("status"), True),
        (Rule("status", backend="dataverse"), True),
        (Rule("status", backend="business-central"), False),
        (Rule("status", method="GET"), True),
        (Rule("status", method="PATCH"), False),
        (Rule("status", path="*/accounts*"), True),
        (Rule("status", path="*/accounts"), False),
        (Rule("status", path="*filter=name eq 'Söhne'*"), True),
        (Rule("status", pattern=r"accounts\?\$filter="), True),
        (Rule("status", pattern="^/accounts"), False),
        (Rule("expired-delta"), False),
        (Rule("duplicate-webhook"), False),
        (Rule("status", rate=0), False),
    ],
)
def test_a_rule_selects_by_backend_method_and_decoded_target(rule: Rule, hit: bool) -> None:
    target = "/sandbox/dataverse/accounts?$filter=name%20eq%20'S%C3%B6hne'"
    assert (Faults([rule]).decide("dataverse", "GET", target).rule is not None) == hit


def test_delays_add_up_and_of_other_faults_the_first_wins() -> None:
    slow, slower = Rule("latency", milliseconds=100), Rule("latency", milliseconds=50, jitter=50)
    faults = Faults([Rule("reset", count=1), slow, Rule("html"), slower])
    first, second = (faults.decide("dataverse", "GET", "/accounts") for _ in range(2))
    assert 0.15 <= first.delay_seconds < 0.2
    assert first.delay_seconds != second.delay_seconds
    assert [decision.rule.kind for decision in (first, second) if decision.rule] == ["reset", "html"]
    assert [(standing.matched, standing.fired) for standing in faults.standing] == [(2, 1), (2, 2), (2, 1), (2, 2)]


def test_the_delivery_of_a_notification_is_duplicated_as_often_as_wanted() -> None:
    faults = Faults([Rule("duplicate-webhook", backend="business-central", path="*customers*", count=2)])
    assert [faults.duplicates("business-central", "/customers(1)") for _ in range(3)] == [True, True, False]
    assert not faults.duplicates("dataverse", "/customers(1)")


# What they look like


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_can_happen(client: httpx.AsyncClient, site: Site, kind: str) -> None:
    site.faults.add(Rule(kind))  # type: ignore[arg-type]
    if kind == "duplicate-webhook":
        assert site.faults.duplicates("dataverse", "/accounts")
    else:
        try:
            await client.get("/dataverse/accounts?$deltatoken=1")
        except httpx.TransportError:
            assert kind in ("reset", "reset-after", "reset-body", "hang")
    assert site.faults.standing[0].fired == 1
    assert site.log.load("dataverse").running == 0


async def test_latency_waits_and_then_answers(client: httpx.AsyncClient, site: Site) -> None:
    site.faults.add(Rule("latency", milliseconds=250))
    assert (await client.get("/dataverse/accounts")).status_code == 200
    assert site.waited == [0.25]


async def test_business_central_is_throttled_without_retry_after_unless_told(
    client: httpx.AsyncClient, site: Site
) -> None:
    site.faults.use([Rule("status", count=1), Rule("status", retry_after=3)])
    bare, told = [await client.get("/bc/customers") for _ in range(2)]
    assert bare.status_code == told.status_code == 429
    assert bare.json() == {
        "error": {
            "code": "Application_TooManyRequests",
            "message": "Too many requests reached. Actual (101). Maximum (100).",
        }
    }
    assert "Retry-After" not in bare.headers
    assert told.headers["Retry-After"] == "3"
    assert [one.status for one in site.log.requests()] == [429, 429]
    assert site.done == 0


@pytest.mark.parametrize(
    ("measure", "code"),
    [(None, "0x80072322"), ("requests", "0x80072322"), ("time", "0x80072321"), ("concurrent", "0x80072326")],
)
async def test_dataverse_is_throttled_by_the_measure_wanted(
    client: httpx.AsyncClient, site: Site, measure: str | None, code: str
) -> None:
    site.faults.add(Rule("status", status=429, measure=measure, retry_after=17))
    answer = await client.get("/dataverse/accounts")
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, code)
    assert answer.headers["Retry-After"] == "17"


@pytest.mark.parametrize(
    ("backend", "status", "code"),
    [
        ("bc", 408, "Unknown"),
        ("bc", 500, "Internal_ServerError"),
        ("bc", 503, "Internal_TenantUnavailable"),
        ("bc", 504, None),
        ("dataverse", 500, "0x80040216"),
        ("dataverse", 503, None),
        ("dataverse", 504, None),
    ],
)
async def test_a_status_has_the_vendors_body_or_a_proxys_page(
    client: httpx.AsyncClient, site: Site, backend: str, status: int, code: str | None
) -> None:
    site.faults.add(Rule("status", status=status))
    answer = await client.get(f"/{backend}/rows")
    assert answer.status_code == status
    if code is None:
        assert answer.headers["Content-Type"].startswith("text/html")
        assert answer.text.startswith("<html>")
    else:
        assert answer.json()["error"]["code"] == code


@pytest.mark.parametrize("status", [200, 502])
async def test_html_comes_in_the_place_of_json(client: httpx.AsyncClient, site: Site, status: int) -> None:
    site.faults.add(Rule("html", status=status))
    answer = await client.get("/dataverse/accounts")
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    with pytest.raises(json.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize(
    ("kind", "done", "status"), [("reset", 0, None), ("reset-after", 1, None), ("reset-body", 1, 200)]
)
async def test_in_process_a_broken_connection_is_an_error_of_the_transport(
    client: httpx.AsyncClient, site: Site, kind: Any, done: int, status: int | None
) -> None:
    site.faults.add(Rule(kind))
    with pytest.raises(BrokenConnectionError) as broken:
        await client.post("/dataverse/accounts")
    assert isinstance(broken.value, httpx.ReadError)
    assert broken.value.request.method == "POST"
    assert site.done == done
    assert site.log.requests()[0].status == status


async def test_in_process_a_hang_ends_as_the_clients_patience(client: httpx.AsyncClient, site: Site) -> None:
    site.faults.add(Rule("hang", seconds=30))
    with pytest.raises(NoAnswerError) as silent:
        await client.get("/dataverse/accounts")
    assert isinstance(silent.value, httpx.ReadTimeout)
    assert site.waited == [30]


async def test_a_hanging_request_can_be_cancelled() -> None:
    ended = []
    faulty = Faulty(Starlette(), Faults([Rule("hang")]), "dataverse")
    transport = httpx.ASGITransport(app=faulty)
    async with httpx.AsyncClient(transport=transport) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.get, "http://127.0.0.1/accounts")
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
        ended.append("cancelled")
    assert ended == ["cancelled"]


async def test_a_truncated_answer_says_its_own_length(client: httpx.AsyncClient, site: Site) -> None:
    whole = await client.get("/dataverse/accounts")
    site.faults.add(Rule("truncated"))
    cut = await client.get("/dataverse/accounts")
    assert cut.content == whole.content[: len(whole.content) // 2]
    assert cut.headers["Content-Length"] == str(len(cut.content))


@pytest.mark.parametrize(("backend", "tag"), [("bc", BC_TAG), ("dataverse", DATAVERSE_TAG)])
async def test_a_wrong_etag_is_well_formed_and_not_the_rows(
    client: httpx.AsyncClient, site: Site, backend: str, tag: str
) -> None:
    site.faults.add(Rule("wrong-etag"))
    answer = await client.get(f"/{backend}/rows")
    tags = {answer.headers["ETag"], *(row["@odata.etag"] for row in answer.json()["value"])}
    assert len(tags) == 1
    assert tag not in tags
    assert tags == {'W/"4710"'} if backend == "dataverse" else all(is_etag(one) for one in tags)
    assert answer.headers["Content-Length"] == str(len(answer.content))


async def test_an_expired_token_is_what_the_simulator_says_it_is(client: httpx.AsyncClient, site: Site) -> None:
    site.faults.add(Rule("expired-token", count=1))
    assert (await client.get("/dataverse/accounts")).status_code == 401
    assert (await client.get("/dataverse/accounts")).status_code == 200


async def test_only_a_delta_link_can_be_an_expired_one(client: httpx.AsyncClient, site: Site) -> None:
    site.faults.add(Rule("expired-delta"))
    assert (await client.get("/dataverse/accounts")).status_code == 200
    answer = await client.get("/dataverse/accounts?$deltatoken=919042%2108%2f22%2f2017")
    assert answer.json()["error"]["code"] == "0x80044352"


# Over HTTP


async def test_rules_are_set_shown_added_and_cleared(client: httpx.AsyncClient) -> None:
    rule = {"kind": "status", "backend": "dataverse", "status": 503, "rate": 1}
    await client.put(FAULTS, json={"seed": 7, "rules": [rule]})
    added = await client.post(FAULTS, json={"kind": "reset", "path": "*/never"})
    assert (added.status_code, added.json()["number"]) == (201, 2)
    assert (await client.get("/dataverse/accounts")).status_code == 503
    assert (await client.get(FAULTS)).json() == {
        "seed": 7,
        "rules": [
            {"number": 1, **rule, "skip": 0, "matched": 1, "fired": 1},
            {"number": 2, "kind": "reset", "path": "*/never", "rate": 1.0, "skip": 0, "matched": 0, "fired": 0},
        ],
    }
    assert (await client.delete(FAULTS)).status_code == 204
    assert (await client.get(FAULTS)).json() == {"seed": 7, "rules": []}
    assert (await client.get("/dataverse/accounts")).status_code == 200


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({}, "kind is missing."),
        ({"kind": "gremlin"}, "kind must be one of latency,"),
        ({"kind": ["reset"]}, "kind must be one of latency,"),
        ({"kind": "reset", "often": 1}, "There is no field 'often';"),
        ({"kind": "reset", "backend": "sap"}, "backend must be one of business-central, dataverse."),
        ({"kind": "reset", "method": "get"}, "method must be one of GET,"),
        ({"kind": "reset", "rate": 1.5}, "rate must be a number from 0 to 1."),
        ({"kind": "reset", "rate": "1"}, "rate must be a number from 0 to 1."),
        ({"kind": "reset", "rate": True}, "rate must be a number from 0 to 1."),
        ({"kind": "reset", "rate": None}, "rate must be a number from 0 to 1."),
        ({"kind": "reset", "count": 1.5}, "count must be a whole number from 0 to"),
        ({"kind": "reset", "skip": -1}, "skip must be a whole number from 0 to"),
        ({"kind": "reset", "skip": None}, "skip must be a whole number from 0 to"),
        ({"kind": "reset", "pattern": "("}, "pattern is not a regular expression:"),
        ({"kind": "reset", "pattern": "a", "path": "b"}, "pattern and path cannot both be given."),
        ({"kind": "reset", "path": ""}, "path must be a text of 1 to 500 characters."),
        ({"kind": "reset", "path": 5}, "path must be a text of 1 to 500 characters."),
        ({"kind": "reset", "status": 503}, "status does not belong to a fault of kind reset."),
        ({"kind": "latency", "seconds": 1}, "seconds does not belong to a fault of kind latency."),
        ({"kind": "status", "status": 404}, "status must be one of 408, 429,"),
        ({"kind": "html", "status": 503}, "status must be one of 200, 502."),
        ({"kind": "status", "measure": "weight"}, "measure must be one of requests, time, concurrent."),
        ({"kind": "status", "status": 504, "retry_after": 1}, "retry_after belongs to status 429, 502 or 503."),
        ({"kind": "status", "status": 503, "measure": "time"}, "measure belongs to status 429."),
        ({"kind": "hang", "seconds": 4000}, "seconds must be a number from 0 to 3600."),
    ],
)
async def test_a_rule_nobody_can_mean_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, rule: dict[str, object], said: str
) -> None:
    for answer in (await client.post(FAULTS, json=rule), await client.put(FAULTS, json={"rules": [rule]})):
        assert answer.status_code == 400
        assert said in answer.json()["error"]
    assert answer.json()["error"].startswith("rule 1: ")
    assert (await client.get(FAULTS)).json()["rules"] == []


@pytest.mark.parametrize("body", ["", "{", "[]", '{"rules": {}}', '{"rules": [1]}', '{"seed": "7"}', '{"rule": []}'])
async def test_a_body_that_holds_no_rules_is_refused_in_a_sentence(client: httpx.AsyncClient, body: str) -> None:
    answer = await client.put(FAULTS, content=body)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")
