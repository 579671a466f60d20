"""The GraphiQL page: served whole from our own files, under a policy that lets nothing else run."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from gateway.graphiql.page import PersonChoice, SignIn, graphiql_page, graphiql_routes

pytestmark = pytest.mark.anyio

QUERY = 'query { customer(by: { number: "C00210" }) { name } }'
ADMIN = PersonChoice("Admin", "admin@wheelhouse.example", "demo-admin")
SIGN_IN = SignIn("/sandbox/identity/token", "the-page", "api://dynamics-gateway/.default")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    demo = graphiql_routes(endpoint="/graphql", people=[ADMIN], sign_in=SIGN_IN, default_query=QUERY)
    serve = graphiql_routes(endpoint="/graphql", default_query=QUERY)
    app = Starlette(routes=[*demo, Mount("/serve", routes=serve)])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


def links(html: str) -> list[str]:
    return [link for link in re.findall(r'(?:src|href)="([^"]+)"', html) if not link.startswith("data:")]


async def test_the_page_links_to_nothing_but_our_own_files(client: httpx.AsyncClient) -> None:
    page = await client.get("/graphiql")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert len(links(page.text)) == 6
    for link in links(page.text):
        assert link.startswith("graphiql/assets/")
        assert (await client.get(str(page.url.join(link)))).status_code == 200


async def test_the_page_works_below_any_prefix(client: httpx.AsyncClient) -> None:
    page = await client.get("/serve/graphiql")
    for link in links(page.text):
        assert (await client.get(str(page.url.join(link)))).status_code == 200


async def test_only_our_own_scripts_run_and_nobody_frames_the_page(client: httpx.AsyncClient) -> None:
    page = await client.get("/graphiql")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert "unsafe-inline" not in page.headers["content-security-policy"]
    assert "unsafe-eval" not in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"


async def test_the_page_holds_no_inline_script_style_or_handler(client: httpx.AsyncClient) -> None:
    html = (await client.get("/graphiql")).text
    assert re.findall(r"<script\b[^>]*>([^<]*)</script>", html) == [""] * 4
    assert "<style" not in html
    assert not re.search(r"\s(?:style|on\w+)=", html)


async def test_style_sheets_load_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    for name in ("graphiql.min.css", "page.css"):
        css = (await client.get(f"/graphiql/assets/{name}")).text
        assert "@import" not in css
        assert all(address.startswith("data:") for address in re.findall(r"url\(['\"]?([^)]{0,20})", css))


async def test_a_linked_file_is_kept_for_good_and_another_version_is_not(client: httpx.AsyncClient) -> None:
    page = await client.get("/graphiql")
    for link in links(page.text):
        file = await client.get(str(page.url.join(link)))
        assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
        kind = "text/css" if ".css" in link else "text/javascript"
        assert file.headers["content-type"] == f"{kind}; charset=utf-8"
        assert file.headers["x-content-type-options"] == "nosniff"
    assert (await client.get("/graphiql/assets/page.js?v=older")).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("file", ["page.py", "index.html", "LICENSE.react.txt", "..%2Fpage.py", "%2e%2e/page.py"])
async def test_nothing_but_the_files_of_the_page_is_served(client: httpx.AsyncClient, file: str) -> None:
    assert (await client.get(f"/graphiql/assets/{file}")).status_code == 404


async def test_the_demo_offers_people_and_how_to_sign_them_in(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphiql/config.json")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "endpoint": "/graphql",
        "people": [{"label": "Admin", "userName": "admin@wheelhouse.example", "password": "demo-admin"}],
        "signIn": {
            "tokenEndpoint": "/sandbox/identity/token",
            "clientId": "the-page",
            "scope": "api://dynamics-gateway/.default",
        },
        "defaultQuery": QUERY,
    }


async def test_without_people_no_password_and_no_sign_in_is_told(client: httpx.AsyncClient) -> None:
    config = (await client.get("/serve/graphiql/config.json")).json()
    assert config == {"endpoint": "/graphql", "people": [], "signIn": None, "defaultQuery": QUERY}


async def test_people_without_a_way_to_sign_in_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="sign_in"):
        graphiql_routes(endpoint="/graphql", people=[ADMIN], default_query=QUERY)


async def test_the_page_can_be_shown_at_the_graphql_address_too(client: httpx.AsyncClient) -> None:
    async def show(_: object) -> object:
        return graphiql_page()

    routes = [Route("/graphql", show), *graphiql_routes(endpoint="/graphql", default_query=QUERY)]
    transport = httpx.ASGITransport(app=Starlette(routes=routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as other:
        page = await other.get("/graphql")
        assert page.text == (await client.get("/graphiql")).text
        for link in links(page.text):
            assert (await other.get(str(page.url.join(link)))).status_code == 200
