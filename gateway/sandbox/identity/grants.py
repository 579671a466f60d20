"""The token endpoint without its HTTP: a form in, the token answer out, or a SignInError.

Four grants: client credentials (an application for itself), on behalf of (an application for the person who called it),
password (a demo person), device code (a demo person, confirmed in a browser).

Source: Microsoft identity platform, OAuth 2.0 client credentials flow; OAuth 2.0 On-Behalf-Of flow; OAuth 2.0 Resource
Owner Password Credentials; OAuth 2.0 device authorization grant flow.
"""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Final

from gateway.sandbox.identity.devices import INTERVAL_SECONDS, WaitingSignIns
from gateway.sandbox.identity.errors import SignInError
from gateway.sandbox.identity.people import DEMO_PEOPLE, TENANT_ID, Person
from gateway.sandbox.identity.registrations import (
    Application,
    Scope,
    application,
    scope_of_a_person,
    scope_of_an_application,
)
from gateway.sandbox.identity.tokens import LIFETIME, ExpiredToken, Identity, InvalidToken, WrongAudience

Form = Mapping[str, str]

ON_BEHALF_OF: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"


class TokenEndpoint:
    """Answers requests for tokens; `base` is the address of the identity provider as the caller reached it."""

    def __init__(self, authority: Identity) -> None:
        self._authority = authority
        self.waiting = WaitingSignIns()
        self._grants: Mapping[str, Callable[[Form, str], dict[str, object]]] = {
            "client_credentials": self._client_credentials,
            "password": self._password,
            ON_BEHALF_OF: self._on_behalf_of,
            DEVICE_CODE: self._device_code,
        }

    def token(self, form: Form, base: str) -> dict[str, object]:
        """Raises: SignInError."""
        grant = _required(form, "grant_type")
        if grant not in self._grants:
            raise SignInError.unsupported_grant(grant)
        return self._grants[grant](form, base)

    def device_authorization(self, form: Form, base: str) -> dict[str, object]:
        """Raises: SignInError."""
        client = application(_required(form, "client_id"))
        scope = scope_of_a_person(_required(form, "scope"))
        now = self._authority.clock()
        waiting = self.waiting.start(client, scope, now=now)
        page = f"{base}/{TENANT_ID}/oauth2/v2.0/devicelogin"
        return {
            "user_code": waiting.user_code,
            "device_code": waiting.device_code,
            "verification_uri": page,
            "expires_in": int((waiting.expires_at - now).total_seconds()),
            "interval": INTERVAL_SECONDS,
            "message": f"To sign in, open the page {page} in a browser and enter the code {waiting.user_code}.",
        }

    def _client_credentials(self, form: Form, base: str) -> dict[str, object]:
        client = self._confidential_client(form)
        scope = scope_of_an_application(_required(form, "scope"))
        return _answer(self._authority.issue(client, scope.resource.audience, base=base))

    def _password(self, form: Form, base: str) -> dict[str, object]:
        client = self._client(form)
        scope = scope_of_a_person(_required(form, "scope"))
        person = _person_called(_required(form, "username"))
        if not hmac.compare_digest(_required(form, "password").encode(), person.password.encode()):
            raise SignInError.wrong_password()
        return self._signed_in(person, scope, client=client, base=base)

    def _on_behalf_of(self, form: Form, base: str) -> dict[str, object]:
        client = self._confidential_client(form)
        if _required(form, "requested_token_use") != "on_behalf_of":
            raise SignInError.unsupported_grant(form["requested_token_use"])
        scope = scope_of_a_person(_required(form, "scope"))
        person = self._caller_of(client, _required(form, "assertion"))
        return self._signed_in(person, scope, client=client, base=base)

    def _device_code(self, form: Form, base: str) -> dict[str, object]:
        client = self._client(form)
        person, scope = self.waiting.redeem(_required(form, "device_code"), client, now=self._authority.clock())
        return self._signed_in(person, scope, client=client, base=base)

    def _client(self, form: Form) -> Application:
        """The application that asks; a confidential one has to prove it."""
        client = application(_required(form, "client_id"))
        secret = form.get("client_secret")
        if not client.is_confidential:
            if secret:
                raise SignInError.secret_of_a_public_client()
            return client
        if not secret:
            raise SignInError.missing_secret()
        if not hmac.compare_digest(secret.encode(), self._authority.client_secret.encode()):
            raise SignInError.wrong_secret(client.client_id)
        return client

    def _confidential_client(self, form: Form) -> Application:
        client = self._client(form)
        if not client.is_confidential:
            raise SignInError.public_client(form["grant_type"])
        return client

    def _caller_of(self, client: Application, assertion: str) -> Person:
        """The person who called `client` with the token that it now presents."""
        try:
            claims = self._authority.verify(assertion, audience=client.audiences)
        except ExpiredToken as error:
            raise SignInError.expired_assertion() from error
        except WrongAudience as error:
            raise SignInError.assertion_of_another_audience() from error
        except InvalidToken as error:
            raise SignInError.invalid_assertion(str(error)) from error
        person = next((one for one in DEMO_PEOPLE if one.object_id == claims["oid"]), None)
        if person is None:
            raise SignInError.assertion_of_an_application(str(claims.get("appid")))
        if "scp" not in claims:
            raise SignInError.invalid_assertion("The token tells who signed in; it is not an access token.")
        return person

    def _signed_in(self, person: Person, scope: Scope, *, client: Application, base: str) -> dict[str, object]:
        audience = scope.resource.audience
        answer = _answer(self._authority.issue(person, audience, client=client, base=base))
        answer["scope"] = " ".join(f"{audience}/{permission}" for permission in scope.resource.scopes)
        if scope.wants_openid:
            answer["id_token"] = self._authority.issue_id_token(person, client=client, base=base)
            answer["client_info"] = _client_info(person)
        return answer


def _answer(access_token: str) -> dict[str, object]:
    seconds = int(LIFETIME.total_seconds())
    return {
        "token_type": "Bearer",
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": access_token,
    }


def _client_info(person: Person) -> str:
    """Who signed in, in the form client libraries use to tell accounts apart."""
    text = json.dumps({"uid": person.object_id, "utid": TENANT_ID})
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _person_called(user_name: str) -> Person:
    for person in DEMO_PEOPLE:
        if person.user_name == user_name.strip().lower():
            return person
    raise SignInError.unknown_person()


def _required(form: Form, name: str) -> str:
    value = form.get(name, "")
    if not value:
        raise SignInError.missing_parameter(name)
    return value
