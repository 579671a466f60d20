"""Who calls us: tokens forged with keys of our own, and every way in which one must not pass."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.auth.caller import Authenticator, Caller, Role, Trust
from gateway.auth.signing_keys import SigningKeys
from gateway.errors import ErrorCode, IdentityUnavailableError, UnauthenticatedError

pytestmark = pytest.mark.anyio

TENANT = "77c9a1f4-2e10-4f11-9f8a-000d3a2b1c0d"
PARTNER = "0f1e2d3c-4b5a-4968-8778-695a4b3c2d1e"
AUTHORITY = f"https://login.example.com/{TENANT}"
KEYS_URL = f"{AUTHORITY}/discovery/v2.0/keys"
AUDIENCE = "api://gateway"
PERSON = "0b1e0000-0000-4000-8000-000000000007"
LONG_AGO, RECENTLY, FAR_AHEAD = 978_307_200, 1_577_836_800, 4_102_444_800
"""2001, 2020 and 2100: far enough from any clock."""
END = datetime.fromtimestamp(FAR_AHEAD, UTC)


def make_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


OURS, NEXT, FOREIGN = make_key(), make_key(), make_key()


def published(**keys: rsa.RSAPrivateKey) -> dict[str, Any]:
    """The keys endpoint's answer, by key id."""
    listed = [
        json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": key_id, "use": "sig", "alg": "RS256"}
        for key_id, key in keys.items()
    ]
    return {"keys": listed}


def claims(**changes: object) -> dict[str, object]:
    """A good v2 access token of a person; a change to None leaves the claim out."""
    content: dict[str, object] = {
        "iss": f"{AUTHORITY}/v2.0",
        "aud": AUDIENCE,
        "tid": TENANT,
        "oid": PERSON,
        "sub": "pairwise",
        "name": "Annette Hill",
        "preferred_username": "annette@contoso.example",
        "scp": "access_as_user",
        "roles": ["Gateway.IntegrationUser", "Gateway.SomethingNewer"],
        "iat": RECENTLY,
        "nbf": RECENTLY,
        "exp": FAR_AHEAD,
        "ver": "2.0",
    }
    return {name: value for name, value in (content | changes).items() if value is not None}


def sign(content: dict[str, object], *, key: rsa.RSAPrivateKey = OURS, key_id: str | None = "k1") -> str:
    return jwt.encode(content, key, algorithm="RS256", headers={"kid": key_id} if key_id else None)


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def by_hand(header: dict[str, object], content: dict[str, object], *, secret: bytes | None = None) -> str:
    """A token no library would write: unsigned, or with HMAC over a public key."""
    text = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(content).encode())}"
    signature = hmac.new(secret, text.encode(), hashlib.sha256).digest() if secret is not None else b""
    return f"{text}.{_part(signature)}"


class Entra:
    """The keys endpoint: what it publishes, whether it is up, how often it was asked."""

    def __init__(self) -> None:
        self.answer: httpx.Response | Exception = httpx.Response(200, json=published(k1=OURS))
        self.asked = 0
        self.now = 0.0
        self.hold: asyncio.Event | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url) == KEYS_URL
        self.asked += 1
        if self.hold is not None:
            await self.hold.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def was_asked(self, times: int) -> None:
        """Something asks behind what is tested; it has had its answer, too."""
        for _ in range(100):
            await asyncio.sleep(0)
        assert self.asked == times


@pytest.fixture
def entra() -> Entra:
    return Entra()


@pytest.fixture
async def authenticator(entra: Entra) -> AsyncIterator[Authenticator]:
    trust = Trust(AUTHORITY, TENANT, frozenset({AUDIENCE, "gateway-client-id"}))
    async with httpx.AsyncClient(transport=httpx.MockTransport(entra)) as http:
        yield Authenticator(trust, SigningKeys(trust.keys_url, http, clock=lambda: entra.now))


async def refusal(authenticator: Authenticator, token: str) -> str:
    with pytest.raises(UnauthenticatedError) as caught:
        await authenticator.caller(f"Bearer {token}")
    assert caught.value.code is ErrorCode.UNAUTHENTICATED
    assert token not in caught.value.message
    return caught.value.message


# -- tokens that pass -------------------------------------------------------------------------------------------------


async def test_a_good_token_is_a_person_with_the_roles_we_know(authenticator: Authenticator) -> None:
    caller = await authenticator.caller(f"Bearer {sign(claims())}")

    roles = frozenset({Role.INTEGRATION_USER})
    assert caller == Caller(PERSON, "Annette Hill", roles, False, expires_at=END, tenant_id=TENANT, granted=roles)


async def test_an_application_with_roles_passes_without_a_scope(authenticator: Authenticator) -> None:
    token = sign(
        claims(
            scp=None,
            name=None,
            preferred_username=None,
            idtyp="app",
            azp="app-1",
            roles=["Gateway.IntegrationAdministrator"],
        )
    )

    caller = await authenticator.caller(f"Bearer {token}")

    roles = frozenset({Role.INTEGRATION_ADMINISTRATOR})
    assert caller == Caller(PERSON, "app-1", roles, True, expires_at=END, tenant_id=TENANT, granted=roles)


async def test_an_application_is_told_by_what_its_token_always_has(authenticator: Authenticator) -> None:
    """``idtyp`` is an optional claim."""
    token = sign(claims(scp=None, sub=PERSON, azp="app-1"))

    assert (await authenticator.caller(f"Bearer {token}")).is_application


GOOD: dict[str, dict[str, object]] = {
    "the tenant's v1 issuer": {"iss": f"https://sts.windows.net/{TENANT}/", "ver": "1.0"},
    "the other audience": {"aud": "gateway-client-id"},
    "no roles": {"roles": None},
    "roles that are no list": {"roles": "Gateway.IntegrationAdministrator"},
    "no object id but a subject": {"oid": None},
}


@pytest.mark.parametrize("case", GOOD)
async def test_a_token_may_be(authenticator: Authenticator, case: str) -> None:
    caller = await authenticator.caller(f"Bearer {sign(claims(**GOOD[case]))}")

    assert caller.object_id == ("pairwise" if "oid" in GOOD[case] else PERSON)
    assert Role.INTEGRATION_ADMINISTRATOR not in caller.roles


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
async def test_the_scheme_is_read_without_regard_to_case(authenticator: Authenticator, scheme: str) -> None:
    assert (await authenticator.caller(f"{scheme} {sign(claims())}")).object_id == PERSON


# -- tokens that do not -----------------------------------------------------------------------------------------------

BAD: dict[str, tuple[dict[str, object], str]] = {
    "expired": ({"exp": LONG_AGO}, "expired"),
    "not valid yet": ({"nbf": FAR_AHEAD - 10}, "not valid"),
    "issued in the future": ({"iat": FAR_AHEAD - 10}, "not valid"),
    "another audience": ({"aud": "api://somebody-else"}, "another audience"),
    "the audience of Graph": ({"aud": ["https://graph.microsoft.com"]}, "another audience"),
    "another issuer": ({"iss": "https://evil.example.com/v2.0"}, "another issuer"),
    "the issuer of another tenant": ({"iss": "https://sts.windows.net/other/"}, "another issuer"),
    "another tenant": ({"tid": "11111111-2222-4333-8444-555555555555"}, "another tenant"),
    "no tenant": ({"tid": None}, "another tenant"),
    "an id token with roles": ({"scp": None, "nonce": "n"}, "not an access token"),
    "an id token that is its own subject": ({"scp": None, "sub": PERSON}, "not an access token"),
    "a v2 token with the version of another": ({"ver": "1.0"}, "another version"),
    "a v1 token with the version of another": ({"iss": f"https://sts.windows.net/{TENANT}/"}, "another version"),
    "no version": ({"ver": None}, "another version"),
    "an id token": ({"scp": None, "roles": None}, "not an access token"),
    "an id token with empty grants": ({"scp": "", "roles": []}, "not an access token"),
    "nobody": ({"oid": None, "sub": None}, "names nobody"),
    "no expiry": ({"exp": None}, "not valid"),
    "no start": ({"nbf": None}, "not valid"),
    "no time of issue": ({"iat": None}, "not valid"),
    "no audience": ({"aud": None}, "not valid"),
    "no issuer": ({"iss": None}, "not valid"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_token_is_refused_with_the_check_that_failed(authenticator: Authenticator, case: str) -> None:
    changes, reason = BAD[case]

    assert reason in await refusal(authenticator, sign(claims(**changes)))


async def test_a_token_signed_with_another_key_of_the_same_id_is_refused(authenticator: Authenticator) -> None:
    assert await refusal(authenticator, sign(claims(), key=FOREIGN)) == "The token is not valid."


async def test_a_token_with_the_id_of_another_key_of_ours_is_refused(
    authenticator: Authenticator, entra: Entra
) -> None:
    entra.answer = httpx.Response(200, json=published(k1=OURS, k2=NEXT))

    assert await refusal(authenticator, sign(claims(), key=OURS, key_id="k2")) == "The token is not valid."
    assert await refusal(authenticator, sign(claims(), key=NEXT, key_id="k1")) == "The token is not valid."


async def test_a_caller_shows_no_token(authenticator: Authenticator) -> None:
    token = sign(claims())

    caller = await authenticator.caller(f"Bearer {token}")

    assert caller.assertion == token
    assert token not in repr(caller)
    assert PERSON not in caller.identity


async def test_a_token_that_names_no_key_is_refused(authenticator: Authenticator) -> None:
    assert "not signed with a key" in await refusal(authenticator, sign(claims(), key_id=None))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE"])
async def test_an_unsigned_token_is_refused(authenticator: Authenticator, algorithm: str) -> None:
    token = by_hand({"alg": algorithm, "typ": "JWT", "kid": "k1"}, claims())

    assert "not signed with a key" in await refusal(authenticator, token)


@pytest.mark.parametrize("form", [PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1], ids=["spki", "pkcs1"])
async def test_a_token_signed_by_hmac_with_our_public_key_is_refused(
    authenticator: Authenticator, form: PublicFormat
) -> None:
    secret = OURS.public_key().public_bytes(Encoding.PEM, form)

    token = by_hand({"alg": "HS256", "typ": "JWT", "kid": "k1"}, claims(), secret=secret)

    assert "not signed with a key" in await refusal(authenticator, token)


async def test_another_rsa_algorithm_is_refused(authenticator: Authenticator) -> None:
    token = jwt.encode(claims(), OURS, algorithm="RS512", headers={"kid": "k1"})

    assert "not signed with a key" in await refusal(authenticator, token)


async def test_claims_changed_after_signing_are_refused(authenticator: Authenticator) -> None:
    header, _, signature = sign(claims()).split(".")
    promoted = _part(json.dumps(claims(roles=["Gateway.IntegrationAdministrator"])).encode())

    assert await refusal(authenticator, f"{header}.{promoted}.{signature}") == "The token is not valid."


@pytest.mark.parametrize("token", ["x", "a.b", "a.b.c", "a.b.c.d", "é.é.é", "e30.e30.e30", "..", "bnVsbA.e30.x"])
async def test_what_is_no_token_is_refused(authenticator: Authenticator, token: str) -> None:
    with pytest.raises(UnauthenticatedError):
        await authenticator.caller(f"Bearer {token}")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer   ", "Basic YTpi", "token", "Bearertoken"])
async def test_without_a_bearer_token_nobody_asks_for_keys(
    authenticator: Authenticator, entra: Entra, header: str | None
) -> None:
    with pytest.raises(UnauthenticatedError, match="needs a bearer token"):
        await authenticator.caller(header)

    assert entra.asked == 0


# -- keys -------------------------------------------------------------------------------------------------------------


async def test_keys_are_asked_for_once(authenticator: Authenticator, entra: Entra) -> None:
    for _ in range(3):
        await authenticator.caller(f"Bearer {sign(claims())}")

    assert entra.asked == 1


async def test_a_key_that_was_rolled_just_now_is_asked_for_at_once(authenticator: Authenticator, entra: Entra) -> None:
    await authenticator.caller(f"Bearer {sign(claims())}")
    entra.answer = httpx.Response(200, json=published(k1=OURS, k2=NEXT))

    assert (await authenticator.caller(f"Bearer {sign(claims(), key=NEXT, key_id='k2')}")).object_id == PERSON
    assert (await authenticator.caller(f"Bearer {sign(claims())}")).object_id == PERSON
    assert entra.asked == 2


async def test_a_hundred_callers_with_a_new_key_share_one_question(authenticator: Authenticator, entra: Entra) -> None:
    await authenticator.caller(f"Bearer {sign(claims())}")
    entra.answer = httpx.Response(200, json=published(k1=OURS, k2=NEXT))
    old, new = sign(claims()), sign(claims(), key=NEXT, key_id="k2")

    callers = await asyncio.gather(*(authenticator.caller(f"Bearer {each}") for each in [old, new] * 50))

    assert {each.object_id for each in callers} == {PERSON}
    assert entra.asked == 2


async def test_a_flood_of_unknown_key_ids_asks_three_times_a_cooldown(
    authenticator: Authenticator, entra: Entra
) -> None:
    await authenticator.caller(f"Bearer {sign(claims())}")

    for number in range(20):
        assert "not signed with a key" in await refusal(
            authenticator, sign(claims(), key=FOREIGN, key_id=f"made-up-{number}")
        )
    assert entra.asked == 3

    entra.now = 31
    for number in range(20):
        await refusal(authenticator, sign(claims(), key=FOREIGN, key_id=f"made-up-{number}"))
    assert entra.asked == 6


async def test_a_key_that_is_no_longer_published_is_refused_once_keys_were_read_again(
    authenticator: Authenticator, entra: Entra
) -> None:
    await authenticator.caller(f"Bearer {sign(claims())}")
    entra.answer = httpx.Response(200, json=published(k2=NEXT))

    entra.now = 24 * 3600 + 1
    assert (await authenticator.caller(f"Bearer {sign(claims())}")).object_id == PERSON
    await entra.was_asked(2)
    assert "not signed with a key" in await refusal(authenticator, sign(claims()))


async def test_nobody_waits_while_known_keys_are_read_again(authenticator: Authenticator, entra: Entra) -> None:
    await authenticator.caller(f"Bearer {sign(claims())}")
    entra.hold, entra.now = asyncio.Event(), 24 * 3600 + 1

    for _ in range(3):
        assert (await authenticator.caller(f"Bearer {sign(claims())}")).object_id == PERSON

    entra.hold.set()
    await entra.was_asked(2)


DOWN: dict[str, httpx.Response | Exception] = {
    "unreachable": httpx.ConnectError("refused"),
    "broken": httpx.Response(500),
    "no json": httpx.Response(200, text="<html>"),
    "no keys": httpx.Response(200, json={"keys": []}),
}


@pytest.mark.parametrize("how", DOWN)
async def test_without_kept_keys_a_failing_endpoint_lets_everybody_come_again_later(
    authenticator: Authenticator, entra: Entra, how: str
) -> None:
    good, entra.answer = entra.answer, DOWN[how]
    for _ in range(5):
        with pytest.raises(IdentityUnavailableError) as caught:
            await authenticator.caller(f"Bearer {sign(claims())}")
    assert entra.asked == 3
    assert caught.value.extensions == {"code": "IDENTITY_UNAVAILABLE", "retryAfter": 30}

    entra.answer = good
    entra.now = 31
    assert (await authenticator.caller(f"Bearer {sign(claims())}")).object_id == PERSON


@pytest.mark.parametrize("how", DOWN)
async def test_with_kept_keys_a_failing_endpoint_disturbs_nobody(
    authenticator: Authenticator, entra: Entra, how: str
) -> None:
    await authenticator.caller(f"Bearer {sign(claims())}")
    entra.answer = DOWN[how]

    entra.now = 24 * 3600 + 1
    assert (await authenticator.caller(f"Bearer {sign(claims())}")).object_id == PERSON
    await entra.was_asked(2)
    assert (await authenticator.caller(f"Bearer {sign(claims())}")).object_id == PERSON
    assert entra.asked == 2


# -- further tenants --------------------------------------------------------------------------------------------------


@pytest.fixture
async def of_two_tenants(entra: Entra) -> AsyncIterator[Authenticator]:
    home = Trust(AUTHORITY, TENANT, frozenset({AUDIENCE}))
    partner = home.of_tenant(PARTNER)
    theirs = httpx.MockTransport(lambda request: httpx.Response(200, json=published(k1=NEXT)))
    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(entra)) as http,
        httpx.AsyncClient(transport=theirs) as other,
    ):
        keys, further = SigningKeys(home.keys_url, http), SigningKeys(partner.keys_url, other)
        yield Authenticator(home, keys, further=[(partner, further)])


async def test_callers_of_a_further_tenant_pass_by_its_keys_and_its_issuer(of_two_tenants: Authenticator) -> None:
    issuer = f"https://login.example.com/{PARTNER}/v2.0"
    ours = await of_two_tenants.caller(f"Bearer {sign(claims())}")
    theirs = await of_two_tenants.caller(f"Bearer {sign(claims(tid=PARTNER, iss=issuer), key=NEXT)}")

    assert (ours.object_id, theirs.object_id) == (PERSON, PERSON)
    assert ours.identity != theirs.identity


@pytest.mark.parametrize(
    "changes",
    [
        {"tid": PARTNER},
        {"iss": f"https://login.example.com/{PARTNER}/v2.0"},
        {"tid": PARTNER, "iss": f"https://login.example.com/{PARTNER}/v2.0"},
        {"tid": "99999999-2222-4333-8444-555555555555"},
        {"tid": ["a"]},
    ],
)
async def test_no_tenant_signs_for_another(of_two_tenants: Authenticator, changes: dict[str, object]) -> None:
    """Signed with the home tenant's key, of the same id as the partner's."""
    await refusal(of_two_tenants, sign(claims(**changes)))
