"""The identity provider over HTTP: discovery, keys, tokens, and the page where a device sign-in is confirmed.

It stands where login.microsoftonline.com stands in production, one path deeper. It knows one tenant and signs in its
demo people without asking much: a sandbox, to be reached from this machine only.

Source: Microsoft identity platform, OAuth 2.0 and OpenID Connect protocols.
"""

import html
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gateway.sandbox.identity.discovery import openid_configuration
from gateway.sandbox.identity.errors import SignInError
from gateway.sandbox.identity.grants import Form, TokenEndpoint
from gateway.sandbox.identity.people import DEMO_PEOPLE, TENANT_ID
from gateway.sandbox.identity.tokens import Identity

_MOST_FIELDS = 50
_NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_PAGE_POLICY = {
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def identity_app(authority: Identity) -> Starlette:
    """Serves `authority`; mount it anywhere, addresses follow the request."""
    pages = _Pages(authority)
    return Starlette(
        routes=[
            Route("/{tenant}/v2.0/.well-known/openid-configuration", pages.configuration_v2),
            Route("/{tenant}/.well-known/openid-configuration", pages.configuration_v1),
            Route("/{tenant}/discovery/v2.0/keys", pages.keys),
            Route("/{tenant}/oauth2/v2.0/token", pages.token, methods=["POST"]),
            Route("/{tenant}/oauth2/v2.0/devicecode", pages.device_code, methods=["POST"]),
            Route("/{tenant}/oauth2/v2.0/devicelogin", pages.ask_for_the_code, methods=["GET"]),
            Route("/{tenant}/oauth2/v2.0/devicelogin", pages.confirm_the_code, methods=["POST"]),
            Route("/{tenant}/oauth2/v2.0/authorize", pages.authorize),
        ],
        exception_handlers={SignInError: pages.refused},
    )


class _Pages:
    def __init__(self, authority: Identity) -> None:
        self._authority = authority
        self._endpoint = TokenEndpoint(authority)

    async def configuration_v2(self, request: Request) -> Response:
        return JSONResponse(openid_configuration(self._authority, _base(request), version="2.0"))

    async def configuration_v1(self, request: Request) -> Response:
        return JSONResponse(openid_configuration(self._authority, _base(request), version="1.0"))

    async def keys(self, request: Request) -> Response:
        _base(request)
        return JSONResponse(self._authority.jwks())

    async def token(self, request: Request) -> Response:
        return await self._answer(request, self._endpoint.token)

    async def device_code(self, request: Request) -> Response:
        return await self._answer(request, self._endpoint.device_authorization)

    async def ask_for_the_code(self, request: Request) -> Response:
        _base(request)
        return _page(_FORM)

    async def confirm_the_code(self, request: Request) -> Response:
        _base(request)
        form = await _form(request)
        person = next((one for one in DEMO_PEOPLE if one.name == form.get("person")), None)
        if not self._endpoint.waiting.decide(
            form.get("user_code", ""), person if person is not None else "declined", now=self._authority.clock()
        ):
            return _page(f"<p>No sign-in is waiting with that code.</p>{_FORM}", status=400)
        done = f"You are signed in as {person.display_name}." if person is not None else "The sign-in was refused."
        return _page(f"<p>{html.escape(done)} You may close this page.</p>")

    async def authorize(self, request: Request) -> Response:
        _base(request)
        return PlainTextResponse(
            "The sandbox has no interactive sign-in. Ask for a token with the password or the device code grant.\n",
            status_code=501,
        )

    async def refused(self, _: Request, error: Exception) -> Response:
        if not isinstance(error, SignInError):
            raise error
        return JSONResponse(error.body(now=self._authority.clock()), error.status, headers=_NOT_STORED)

    async def _answer(self, request: Request, answer: Callable[[Form, str], Mapping[str, object]]) -> Response:
        base = _base(request)
        return JSONResponse(answer(await _form(request), base), headers=_NOT_STORED)


def _base(request: Request) -> str:
    """The address of the identity provider as the caller reached it.

    Raises: SignInError when the path names another tenant.
    """
    tenant: str = request.path_params["tenant"]
    if tenant.lower() != TENANT_ID:
        raise SignInError.unknown_tenant(tenant)
    return str(request.url.replace(path=request.scope["root_path"], query="")).rstrip("/")  # base_url leaves out mounts


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form body; a body that is no form has none, and the grant then says what is missing."""
    try:
        return dict(parse_qsl((await request.body()).decode(), max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}


def _page(content: str, *, status: int = 200) -> HTMLResponse:
    document = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Sandbox sign-in</title>{content}</html>'
    return HTMLResponse(document, status, headers=_PAGE_POLICY)


_FORM = (
    '<h1>Sandbox sign-in</h1><form method="post">'
    '<p><label>Code <input name="user_code" required autocomplete="off" autofocus></label></p>'
    '<p><label>Sign in as <select name="person">'
    + "".join(f'<option value="{one.name}">{html.escape(one.display_name)}</option>' for one in DEMO_PEOPLE)
    + '<option value="">nobody: refuse</option></select></label></p><p><button>Continue</button></p></form>'
)
