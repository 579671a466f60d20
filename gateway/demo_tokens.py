"""Tokens of a running demo, asked for where everybody asks: at its identity stand-in."""

from pathlib import Path
from urllib.parse import urlsplit

import httpx

from gateway.errors import ConfigError
from gateway.sandbox.identity.people import (
    DEMO_PEOPLE,
    GATEWAY_CLIENT_ID,
    GATEWAY_RESOURCE,
    GRAPHIQL_CLIENT_ID,
    TENANT_ID,
)

_BUSINESS_CENTRAL_SCOPE = "https://api.businesscentral.dynamics.com/.default"


def person_token(url: str, name: str) -> str:
    """A demo person's token for the gateway.

    Raises:
        ConfigError: there is no such person, or no demo at that address.
    """
    person = next((each for each in DEMO_PEOPLE if each.name == name), None)
    if person is None:
        names = ", ".join(each.name for each in DEMO_PEOPLE)
        raise ConfigError(f"there is nobody called {name!r}; the demo people are {names}, and app is the application")
    form = {
        "grant_type": "password",
        "client_id": GRAPHIQL_CLIENT_ID,
        "username": person.user_name,
        "password": person.password,
        "scope": f"{GATEWAY_RESOURCE}/access_as_user",
    }
    return _ask(url, form)


def application_token(url: str, resource: str | None, folder: Path) -> str:
    """The gateway application's token for one of the simulators.

    Raises:
        ConfigError: no such resource, no demo at that address, or another folder than the running demo's.
    """
    scopes = {"business-central": _BUSINESS_CENTRAL_SCOPE, "dataverse": f"{url.rstrip('/')}/sandbox/dataverse/.default"}
    if resource not in scopes:
        raise ConfigError("an application token needs --resource dataverse or --resource business-central")
    secret = folder / "identity" / "gateway-client-secret"
    try:
        form = {
            "grant_type": "client_credentials",
            "client_id": GATEWAY_CLIENT_ID,
            "client_secret": secret.read_text(encoding="utf-8").strip(),
            "scope": scopes[resource],
        }
    except OSError:
        raise ConfigError(f"{secret} cannot be read; name the folder of the running demo with --folder") from None
    return _ask(url, form)


def _ask(url: str, form: dict[str, str]) -> str:
    if urlsplit(url).scheme not in ("http", "https"):
        raise ConfigError(f"--url {url} is not an address such as http://127.0.0.1:8000")
    endpoint = f"{url.rstrip('/')}/sandbox/identity/{TENANT_ID}/oauth2/v2.0/token"
    try:
        response = httpx.post(endpoint, data=form, timeout=10)
        answer = response.json()
    except httpx.HTTPError:
        raise ConfigError(
            f"no demo answers at {url}; start one with `gateway demo`, or name another with --url"
        ) from None
    except ValueError:
        raise ConfigError(f"what answers at {url} is no demo of this gateway") from None
    access = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(access, str):
        described = str(answer.get("error_description", answer)) if isinstance(answer, dict) else str(answer)
        raise ConfigError(f"no token: {described.splitlines()[0]}")
    return access
