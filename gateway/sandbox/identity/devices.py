"""Sign-ins that wait for somebody to confirm them in a browser: the device authorization flow.

A client gets two codes. It polls with the long one; a person types the short one into the page and picks who to be.

Source: Microsoft identity platform and the OAuth 2.0 device authorization grant flow; RFC 8628.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from gateway.sandbox.identity.errors import SignInError
from gateway.sandbox.identity.people import Person
from gateway.sandbox.identity.registrations import Application, Scope

LIFETIME: Final = timedelta(minutes=15)
INTERVAL_SECONDS: Final = 5
_MOST_WAITING = 1000
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # nothing that looks like something else


@dataclass(frozen=True)
class WaitingSignIn:
    """`outcome` is None until somebody confirmed (a person) or refused ("declined")."""

    device_code: str
    user_code: str
    client: Application
    scope: Scope
    expires_at: datetime
    outcome: Person | Literal["declined"] | None = None


class WaitingSignIns:
    """The sign-ins under way, at most a thousand; the oldest give way."""

    def __init__(self) -> None:
        self._by_device_code: OrderedDict[str, WaitingSignIn] = OrderedDict()

    def start(self, client: Application, scope: Scope, *, now: datetime) -> WaitingSignIn:
        user_code = "".join(secrets.choice(_LETTERS) for _ in range(9))
        waiting = WaitingSignIn(secrets.token_urlsafe(48), user_code, client, scope, now + LIFETIME)
        self._by_device_code[waiting.device_code] = waiting
        while len(self._by_device_code) > _MOST_WAITING:
            self._by_device_code.popitem(last=False)
        return waiting

    def decide(self, user_code: str, outcome: Person | Literal["declined"], *, now: datetime) -> bool:
        """Says whether such a code was waiting for a decision."""
        wanted = user_code.strip().upper()
        for device_code, waiting in self._by_device_code.items():
            if waiting.user_code == wanted and waiting.outcome is None and now < waiting.expires_at:
                self._by_device_code[device_code] = replace(waiting, outcome=outcome)
                return True
        return False

    def redeem(self, device_code: str, client: Application, *, now: datetime) -> tuple[Person, Scope]:
        """Who confirmed, once; the code is gone afterwards.

        Raises: SignInError while nobody has decided, when it was refused, when it is too late, and for a wrong code.
        """
        waiting = self._by_device_code.get(device_code)
        if waiting is None or waiting.client != client:
            raise SignInError.unknown_device_code()
        if waiting.outcome is None and now < waiting.expires_at:
            raise SignInError.authorization_pending()
        del self._by_device_code[device_code]
        if now >= waiting.expires_at:
            raise SignInError.expired_device_code()
        if not isinstance(waiting.outcome, Person):
            raise SignInError.authorization_declined()
        return waiting.outcome, waiting.scope
