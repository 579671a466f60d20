"""Browsers: which pages may ask, what they are told, and what no answer lets them do."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.sandbox.app import Sandbox
from tests.graphql.api import Api, start
from tests.graphql.live import ClosedError, bearer, socket, stream

pytestmark = pytest.mark.anyio

VIEWER = "{ viewer { name } }"
FORM, PORTAL, ELSEWHERE = "https://contoso.crm4.dynamics.com", "https://portal.example", "https://evil.example"
PATHS = ("/graphql", "/graphql/stream")
ASKS = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}


@pytest.fixture
async def api(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Api]:
    async with AsyncExitStack() as stack:
        yield await start(
            sandbox,
            f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}",
            stack,
            webhooks=False,
            allowed_origins=(PORTAL, "https://*.crm4.dynamics.com"),
            public_url="https://gateway.example",
        )


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", [FORM, PORTAL])
async def test_a_preflight_of_a_listed_page_needs_no_token(api: Api, path: str, origin: str) -> None:
    response = await api.http.options(path, headers={"origin": origin, **ASKS})
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (204, origin)
    assert {"authorization", "content-type"} <= set(
        response.headers["access-control-allow-headers"].lower().split(", ")
    )
    assert response.headers["access-control-allow-methods"] == "GET, POST"
    assert "Origin" in response.headers["vary"]
    assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", [ELSEWHERE, "null", "https://a.b.crm4.dynamics.com", f"{PORTAL}.evil.example"])
async def test_other_pages_are_told_nothing(api: Api, path: str, origin: str) -> None:
    preflight = await api.http.options(path, headers={"origin": origin, **ASKS})
    answer = await api.http.post(path, json={"query": VIEWER}, headers={"origin": origin, "authorization": bearer(api)})
    for response in (preflight, answer):
        assert [name for name in response.headers if name.startswith("access-control")] == []
        assert "Origin" in response.headers["vary"], "no cache may give it to a page that is listed"


async def test_a_listed_page_reads_answers_and_refusals(api: Api) -> None:
    for token, status in ((bearer(api), 200), ("Bearer a.b.c", 401)):
        headers = {"origin": FORM, "authorization": token}
        response = await api.http.post("/graphql", json={"query": VIEWER}, headers=headers)
        assert (response.status_code, response.headers["access-control-allow-origin"]) == (status, FORM)
        assert {"X-Correlation-Id", "Retry-After"} <= set(response.headers["access-control-expose-headers"].split(", "))


async def test_nothing_else_is_open_to_other_pages(api: Api) -> None:
    for path in ("/health/live", "/graphiql", "/graphiql/config.json", "/graphql/other"):
        response = await api.http.get(path, headers={"origin": PORTAL})
        assert "access-control-allow-origin" not in response.headers


async def test_the_same_list_holds_for_sockets(api: Api) -> None:
    for origin in (FORM, PORTAL, "http://gateway.example"):
        async with socket(api, headers={"origin": origin}) as opened:
            assert (await opened.init(authorization=bearer(api)))["type"] == "connection_ack"
    for origin in (ELSEWHERE, "null", "https://gateway.example.evil.example"):
        with pytest.raises(ClosedError):
            async with socket(api, headers={"origin": origin}):
                pass


async def test_every_answer_says_what_it_is_not_meant_for(api: Api) -> None:
    refused = await api.http.post("/graphql", json={"query": VIEWER})
    answered = await api.http.post("/graphql", json={"query": VIEWER}, headers={"authorization": bearer(api)})
    others = [await api.http.get(path) for path in ("/health/live", "/health/ready", "/nowhere")]
    for response in (refused, answered, *others):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["strict-transport-security"] == "max-age=31536000"
    async with stream(api, VIEWER) as events:
        assert (events.headers["x-content-type-options"], "no-store" in events.headers["cache-control"]) == (
            "nosniff",
            True,
        )


async def test_a_page_keeps_its_own_policy(api: Api) -> None:
    page = await api.http.get("/graphql", headers={"accept": "text/html"})
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert (page.headers["cache-control"], page.headers["x-frame-options"]) == ("no-cache", "DENY")
    assert len(page.headers.get_list("content-security-policy")) == 1
