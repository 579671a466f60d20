"""Application tokens: one request for many callers, early renewal, and no secret in what goes wrong."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import parse_qs

import httpx
import pytest
import respx

from gateway.auth.credentials import Credentials
from gateway.auth.entra import Entra as EntraClient
from gateway.auth.tokens import ClientCredentialsProvider
from gateway.errors import ErrorCode, TokenError
from gateway.records import Backend

pytestmark = pytest.mark.anyio

SECRET = "correct-horse+battery&staple"
SCOPE = "https://api.businesscentral.dynamics.com/.default"
AUTHORITY = "https://login.example.com/77c9a1f4-2e10-4f11-9f8a-000d3a2b1c0d"


class Entra:
    """The discovery and token endpoints of one authority; every token is another one."""

    def __init__(self, authority: str, *, lifetime: int = 3_600) -> None:
        self.router = respx.MockRouter(assert_all_called=False)
        self.now = 0.0
        self.lifetime = lifetime
        self.discovery = self.router.get(f"{authority}/v2.0/.well-known/openid-configuration").respond(
            json={
                "issuer": f"{authority}/v2.0",
                "authorization_endpoint": f"{authority}/oauth2/v2.0/authorize",
                "token_endpoint": f"{authority}/oauth2/v2.0/token",
            }
        )
        self.tokens = self.router.post(f"{authority}/oauth2/v2.0/token").mock(side_effect=self._token)

    def _token(self, _: httpx.Request) -> httpx.Response:
        content = {
            "token_type": "Bearer",
            "access_token": f"token-{self.tokens.call_count + 1}",
            "expires_in": self.lifetime,
        }
        return httpx.Response(200, json=content)

    @property
    def posts(self) -> int:
        return self.tokens.call_count


@pytest.fixture
def authority() -> str:
    return AUTHORITY


@pytest.fixture
def entra(authority: str) -> Entra:
    return Entra(authority)


@pytest.fixture
async def provider(entra: Entra, authority: str) -> AsyncIterator[ClientCredentialsProvider]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(entra.router.async_handler)) as http:
        yield ClientCredentialsProvider(
            entra=EntraClient(Credentials(authority, "client-1", SECRET), http),
            scope=SCOPE,
            backend=Backend.BUSINESS_CENTRAL,
            clock=lambda: entra.now,
        )


async def test_a_token_is_asked_for_with_the_client_credentials(
    entra: Entra, provider: ClientCredentialsProvider
) -> None:
    assert await provider.token() == "token-1"

    form = parse_qs(entra.tokens.calls.last.request.content.decode())
    assert form["grant_type"] == ["client_credentials"]
    assert form["client_id"] == ["client-1"]
    assert form["client_secret"] == [SECRET]
    assert form["scope"] == [SCOPE]


async def test_ten_cold_callers_share_one_request(entra: Entra, provider: ClientCredentialsProvider) -> None:
    tokens = await asyncio.gather(*(provider.token() for _ in range(10)))

    assert tokens == ["token-1"] * 10
    assert entra.posts == 1


async def test_a_token_is_renewed_five_minutes_before_it_ends(
    entra: Entra, provider: ClientCredentialsProvider
) -> None:
    await provider.token()

    entra.now = 3_299
    assert await provider.token() == "token-1"
    entra.now = 3_300
    assert await provider.token() == "token-2"
    entra.now = 6_599
    assert await provider.token() == "token-2"
    assert entra.posts == 2


async def test_a_short_lived_token_is_used_for_half_its_life(entra: Entra, provider: ClientCredentialsProvider) -> None:
    entra.lifetime = 60
    await provider.token()

    entra.now = 29
    assert await provider.token() == "token-1"
    entra.now = 30
    assert await provider.token() == "token-2"


async def test_a_refused_token_is_replaced_and_all_who_hold_it_share_the_new_one(
    entra: Entra, provider: ClientCredentialsProvider
) -> None:
    await provider.token()

    tokens = await asyncio.gather(*(provider.token(instead_of="token-1") for _ in range(10)))

    assert tokens == ["token-2"] * 10
    assert entra.posts == 2


async def test_who_comes_late_with_an_old_token_gets_the_one_that_is_held(
    entra: Entra, provider: ClientCredentialsProvider
) -> None:
    await provider.token()
    await provider.token(instead_of="token-1")

    assert await provider.token(instead_of="token-1") == "token-2"
    assert await provider.token() == "token-2"
    assert entra.posts == 2


def _everything(error: BaseException) -> str:
    """What a log could show of an error: its text, its parts, and the errors behind it."""
    texts = []
    current: BaseException | None = error
    while current is not None:
        texts += [str(current), repr(current), repr(vars(current))]
        current = current.__cause__ or current.__context__
    return "\n".join(texts)


async def test_an_error_of_entra_is_told_without_the_secret(entra: Entra, provider: ClientCredentialsProvider) -> None:
    entra.tokens.side_effect = None
    entra.tokens.respond(
        401,
        json={
            "error": "invalid_client",
            "error_description": "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1\r\nCorrelation ID: 2",
        },
    )

    with pytest.raises(TokenError) as caught:
        await provider.token()

    assert caught.value.message == "No token for Business Central: Entra ID answered invalid_client."
    assert caught.value.vendor_code == "invalid_client"
    assert caught.value.code is ErrorCode.BACKEND_TOKEN_UNAVAILABLE
    assert SECRET not in _everything(caught.value)


FAILURES: dict[str, httpx.Response | Exception] = {
    "unreachable": httpx.ConnectError("refused"),
    "too slow": httpx.ReadTimeout("slow"),
    "broken": httpx.Response(500, text="<html>"),
    "no json": httpx.Response(200, text="<html>"),
    "no token": httpx.Response(200, json={"token_type": "Bearer", "expires_in": 3600}),
}


@pytest.mark.parametrize("which", ["discovery", "token"])
@pytest.mark.parametrize("how", FAILURES)
async def test_any_failure_at_entra_is_a_token_error_and_the_next_caller_asks_anew(
    entra: Entra, provider: ClientCredentialsProvider, which: str, how: str
) -> None:
    route = entra.discovery if which == "discovery" else entra.tokens
    before, failure = (route.side_effect, route.return_value), FAILURES[how]
    route.side_effect = [failure]

    with pytest.raises(TokenError, match="No token for Business Central") as caught:
        await provider.token()
    assert SECRET not in _everything(caught.value)

    route.side_effect, route.return_value = before
    assert (await provider.token()).startswith("token-")


async def test_callers_who_wait_for_one_request_share_its_failure(
    entra: Entra, provider: ClientCredentialsProvider
) -> None:
    entra.tokens.side_effect = None
    entra.tokens.respond(503)

    outcomes = await asyncio.gather(*(provider.token() for _ in range(10)), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [TokenError] * 10
    assert len({id(outcome) for outcome in outcomes}) == 10, "each has its own traceback"
    assert entra.posts == 1


async def test_a_token_that_cannot_be_renewed_is_used_to_its_end(
    entra: Entra, provider: ClientCredentialsProvider
) -> None:
    await provider.token()
    entra.tokens.side_effect = httpx.ConnectError("refused")

    entra.now = 3_300
    assert [await provider.token() for _ in range(5)] == ["token-1"] * 5
    assert entra.posts == 2, "not every caller asks again"
    entra.now = 3_330
    assert await provider.token() == "token-1"
    assert entra.posts == 3
    entra.now = 3_600
    with pytest.raises(TokenError):
        await provider.token()


async def test_a_token_that_was_refused_is_not_used_on_because_none_can_be_had(
    entra: Entra, provider: ClientCredentialsProvider
) -> None:
    await provider.token()
    entra.tokens.side_effect = httpx.ConnectError("refused")

    with pytest.raises(TokenError):
        await provider.token(instead_of="token-1")


async def test_a_caller_who_goes_away_leaves_the_door_open_for_the_next(
    entra: Entra, provider: ClientCredentialsProvider
) -> None:
    asked, forever = asyncio.Event(), asyncio.Event()

    async def hang(_: httpx.Request) -> httpx.Response:
        asked.set()
        await forever.wait()
        return httpx.Response(500)

    answer = entra.tokens.side_effect
    entra.tokens.side_effect = hang
    gone = asyncio.ensure_future(provider.token())
    await asked.wait()
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    entra.tokens.side_effect = answer

    assert (await provider.token()).startswith("token-")
    forever.set()


def test_credentials_show_no_secret() -> None:
    credentials = Credentials(AUTHORITY, "client-1", SECRET)

    assert SECRET not in f"{credentials!r} {credentials}"
    assert "client-1" in repr(credentials)


class TestPlainHttpOnLoopback:
    """The sandbox's stand-in for Entra ID speaks http, which msal refuses to."""

    @pytest.fixture
    def authority(self) -> str:
        return "http://127.0.0.1:9000/sandbox/identity/77c9a1f4-2e10-4f11-9f8a-000d3a2b1c0d"

    async def test_the_scheme_is_put_right_for_every_request(
        self, entra: Entra, provider: ClientCredentialsProvider, authority: str
    ) -> None:
        assert await provider.token() == "token-1"

        assert [str(call.request.url) for call in entra.router.calls] == [
            f"{authority}/v2.0/.well-known/openid-configuration",
            f"{authority}/oauth2/v2.0/token",
        ]


async def test_https_stays_https(entra: Entra, provider: ClientCredentialsProvider) -> None:
    await provider.token()

    assert {call.request.url.scheme for call in entra.router.calls} == {"https"}
