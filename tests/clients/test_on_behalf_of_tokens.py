"""Tokens on behalf of callers on the wire, and a certificate in place of the secret."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import parse_qs

import httpx
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from gateway.auth.credentials import Certificate, Credentials, read_certificate
from gateway.auth.entra import Entra as EntraClient
from gateway.auth.on_behalf_of import OnBehalfOf
from gateway.auth.tokens import ClientCredentialsProvider
from gateway.errors import OnBehalfOfError, TokenError
from gateway.records import Backend
from tests.clients.test_tokens import AUTHORITY, Entra

pytestmark = pytest.mark.anyio

SCOPE = "https://contoso.crm4.dynamics.com/.default"
ANN, BOB = "token-of-ann", "token-of-bob"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def entra() -> Entra:
    return Entra(AUTHORITY)


@pytest.fixture
async def http(entra: Entra) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(entra.router.async_handler)) as client:
        yield client


def tokens(entra: Entra, http: httpx.AsyncClient, *, most: int = 100) -> OnBehalfOf:
    client = EntraClient(Credentials(AUTHORITY, "client-1", "secret"), http)
    return OnBehalfOf(entra=client, scope=SCOPE, backend=Backend.DATAVERSE, most_tokens=most, clock=lambda: entra.now)


async def test_the_callers_token_is_handed_in_and_the_answer_is_kept_for_that_token(
    entra: Entra, http: httpx.AsyncClient
) -> None:
    held = tokens(entra, http)

    of_ann = await asyncio.gather(*(held.of(ANN).token() for _ in range(10)))
    of_bob = await held.of(BOB).token()

    assert of_ann == ["token-1"] * 10
    assert (of_bob, entra.posts) == ("token-2", 2)
    form = parse_qs(entra.tokens.calls[0].request.content.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert (form["assertion"], form["requested_token_use"]) == ([ANN], ["on_behalf_of"])
    assert SCOPE in form["scope"][0].split()
    assert ANN not in repr(held) + repr(vars(held))


async def test_it_is_renewed_early_and_the_one_unused_for_longest_goes(entra: Entra, http: httpx.AsyncClient) -> None:
    held = tokens(entra, http, most=2)
    for assertion in (ANN, BOB, ANN, "token-of-cid", ANN):
        await held.of(assertion).token()
    assert entra.posts == 3
    await held.of(BOB).token()
    assert entra.posts == 4

    entra.now = 3_300
    await held.of(BOB).token()
    assert entra.posts == 5


@pytest.mark.parametrize("word", ["interaction_required", "invalid_grant", "consent_required"])
async def test_a_refusal_says_what_to_do_and_ends_what_was_given(
    entra: Entra, http: httpx.AsyncClient, word: str
) -> None:
    held = tokens(entra, http).of(ANN)
    await held.token()
    entra.tokens.side_effect = None
    entra.tokens.respond(400, json={"error": word, "error_description": "AADSTS50079: more", "claims": "{}"})

    for _ in range(2):
        with pytest.raises(OnBehalfOfError) as caught:
            await held.token(instead_of="token-1")
    assert (caught.value.vendor_code, caught.value.claims) == (word, "{}")
    assert "Sign in again" in caught.value.hint
    with pytest.raises(OnBehalfOfError):
        await held.token()


async def test_what_is_wrong_with_us_is_no_refusal_of_the_caller(entra: Entra, http: httpx.AsyncClient) -> None:
    entra.tokens.side_effect = None
    entra.tokens.respond(401, json={"error": "invalid_client"})

    with pytest.raises(TokenError):
        await tokens(entra, http).of(ANN).token()


def pem(key: rsa.RSAPrivateKey = KEY, *, certified: rsa.RSAPrivateKey = KEY, password: str | None = None) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(certified.public_key())
        .serial_number(7)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .sign(certified, hashes.SHA256())
    )
    lock = BestAvailableEncryption(password.encode()) if password is not None else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock) + certificate.public_bytes(Encoding.PEM)


@pytest.mark.parametrize("password", [None, "correct horse"])
async def test_a_certificate_proves_who_we_are_by_a_signature(
    entra: Entra, http: httpx.AsyncClient, password: str | None
) -> None:
    proof = read_certificate(pem(password=password), password)
    client = EntraClient(Credentials(AUTHORITY, "client-1", proof), http)

    assert await ClientCredentialsProvider(entra=client, scope=SCOPE, backend=Backend.DATAVERSE).token() == "token-1"

    form = parse_qs(entra.tokens.calls.last.request.content.decode())
    assert "client_secret" not in form
    claims = jwt.decode(
        form["client_assertion"][0],
        KEY.public_key(),
        algorithms=["PS256", "RS256"],
        audience=f"{AUTHORITY}/oauth2/v2.0/token",
    )
    assert claims["iss"] == claims["sub"] == "client-1"


def test_a_certificate_shows_no_key() -> None:
    proof = read_certificate(pem())

    assert isinstance(proof, Certificate)
    assert "PRIVATE" not in repr(proof) + repr(Credentials(AUTHORITY, "client-1", proof))
    assert len(proof.thumbprint) == 40


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (b"", None),
        (b"not pem", None),
        (pem().partition(b"-----BEGIN CERTIFICATE")[0], None),
        (pem(certified=rsa.generate_private_key(public_exponent=65537, key_size=2048)), None),
        (pem(password="right"), "wrong"),
        (pem(password="right"), None),
    ],
    ids=["empty", "no pem", "no certificate", "another's certificate", "wrong password", "no password"],
)
def test_a_file_that_proves_nothing_is_refused(content: bytes, password: str | None) -> None:
    with pytest.raises(ValueError, match=r"holds|wants"):
        read_certificate(content, password)
