"""GraphiQL, served from our own files: nothing is loaded from anywhere else, and nothing inline runs.

In the demo the page signs in as one of the demo people; elsewhere it takes an access token that its user pastes. Links
in the page are relative, so that it works at any path beside `/graphiql/…`, and behind a proxy that adds a prefix.

Source: GraphiQL 3 (`vendor/`, with the licences of what is there); W3C, Content Security Policy Level 3.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

_HERE = Path(__file__).parent
_VENDOR = _HERE / "vendor"
_ASSETS: Final = {
    file.name: file
    for file in (
        _HERE / "page.css",
        _HERE / "page.js",
        _VENDOR / "graphiql.min.css",
        _VENDOR / "graphiql.min.js",
        _VENDOR / "react.production.min.js",
        _VENDOR / "react-dom.production.min.js",
    )
}
_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_A_YEAR_SECONDS = 365 * 24 * 3600

_SCROLL_LOCK_STYLE = "sha256-Y/huXlwoYkVyQlxwSVcCi1RCDGDCSVBzDt0hYP9qlTc="
"""The one style element GraphiQL makes: it keeps the page still behind an open dialog or menu."""
_SEARCH_FIELD_STYLES = (
    "sha256-H22cvujYHDQPJvzf4ie16OHKC3HsNj7RmRT3jO07Y/U=",  # width: 10em
    "sha256-Eaamrrh0b5a/naRsV/zg7s6+kGvexMXZQARWP6ukkg4=",  # color: #888
)
"""The style attributes CodeMirror gives the fields of its search and jump dialogs."""

# Browsers block inline styles under style-src 'self', and GraphiQL has the three above. Allowing them by their hash
# keeps every other one out, which 'unsafe-inline' would not. Older browsers fall back to style-src.
_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "style-src 'self'",
        f"style-src-elem 'self' '{_SCROLL_LOCK_STYLE}'",
        "style-src-attr 'unsafe-hashes' " + " ".join(f"'{style}'" for style in _SEARCH_FIELD_STYLES),
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
PAGE_HEADERS: Final = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True)
class PersonChoice:
    """A demo person the page can sign in as. The password is a public demo value."""

    label: str
    user_name: str
    password: str


@dataclass(frozen=True)
class SignIn:
    """How the page gets a token for a demo person; the token endpoint is a path on the page's own origin."""

    token_endpoint: str
    client_id: str
    scope: str


def graphiql_routes(
    *, endpoint: str, people: Sequence[PersonChoice] = (), sign_in: SignIn | None = None, default_query: str
) -> list[BaseRoute]:
    """The page, its files and its configuration. Without people the page shows a field for a token.

    Raises: ValueError when there are people but no way to sign them in.
    """
    if people and sign_in is None:
        raise ValueError("People can be offered only together with a way to sign them in: pass sign_in.")
    config = _config(endpoint=endpoint, people=people, sign_in=sign_in, default_query=default_query)

    async def show_config(_: Request) -> Response:
        return JSONResponse(config, headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})

    async def show_page(_: Request) -> Response:
        return graphiql_page()

    return [
        Route("/graphiql", show_page),
        Route("/graphiql/config.json", show_config),
        Route("/graphiql/assets/{file}", _asset),
    ]


def graphiql_page() -> Response:
    """The page itself, for whoever wants to show it at another address at the same depth, such as `/graphql`."""
    return HTMLResponse(_document(), headers=PAGE_HEADERS)


def _config(
    *, endpoint: str, people: Sequence[PersonChoice], sign_in: SignIn | None, default_query: str
) -> dict[str, object]:
    """Passwords are in it only for the demo people, whose passwords are printed in the documentation anyway."""
    offered = [{"label": one.label, "userName": one.user_name, "password": one.password} for one in people]
    if sign_in is None:
        return {"endpoint": endpoint, "people": [], "signIn": None, "defaultQuery": default_query}
    camel_case = {"token_endpoint": "tokenEndpoint", "client_id": "clientId", "scope": "scope"}
    by_name = {camel_case[name]: value for name, value in asdict(sign_in).items()}
    return {"endpoint": endpoint, "people": offered, "signIn": by_name, "defaultQuery": default_query}


async def _asset(request: Request) -> Response:
    name = request.path_params["file"]
    if name not in _ASSETS:
        return PlainTextResponse("There is no such file.\n", 404)
    is_this_version = request.query_params.get("v") == _versions()[name]
    headers = {
        "Cache-Control": f"public, max-age={_A_YEAR_SECONDS}, immutable" if is_this_version else "no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    file = _ASSETS[name]
    return FileResponse(file, media_type=_TYPES[file.suffix], headers=headers)


@cache
def _document() -> str:
    text = (_HERE / "index.html").read_text(encoding="utf-8")
    for name, version in _versions().items():
        text = text.replace("{{" + name + "}}", f"graphiql/assets/{name}?v={version}")
    return text


@cache
def _versions() -> dict[str, str]:
    """The start of each file's hash: a link that carries it can be cached for good."""
    return {name: hashlib.sha256(file.read_bytes()).hexdigest()[:12] for name, file in _ASSETS.items()}
