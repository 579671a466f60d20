"""Tokens of callers for one backend: the caller's own token is handed to Entra ID, which gives one for the backend.

Source: Microsoft identity platform, "OAuth 2.0 On-Behalf-Of flow".
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from gateway.auth.entra import Entra
from gateway.auth.tokens import HeldToken, TokenProvider
from gateway.errors import OnBehalfOfError
from gateway.records import Backend

_MOST_TOKENS: Final = 2_000


class OnBehalfOf:
    """Lives as long as the process, and keeps tokens there only. Known by a hash of what they were given for, never by it."""

    def __init__(
        self,
        *,
        entra: Entra,
        scope: str,
        backend: Backend,
        most_tokens: int = _MOST_TOKENS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._entra = entra
        self._scope = scope
        self._backend = backend
        self._most_tokens = most_tokens
        self._clock = clock
        self._held: OrderedDict[bytes, HeldToken] = OrderedDict()

    def of(self, assertion: str) -> TokenProvider:
        """The tokens given for this token of a caller."""
        key = hashlib.sha256(f"{self._scope}\0{assertion}".encode()).digest()
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = HeldToken(
                lambda: self._entra.on_behalf_of(assertion, self._scope, self._backend), clock=self._clock
            )
            if len(self._held) > self._most_tokens:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        return held


class NobodyToActFor:
    """Stands where a caller's tokens would be; ``why`` goes to whoever needs one."""

    def __init__(self, backend: Backend, why: str, hint: str) -> None:
        self._error = OnBehalfOfError(why, backend=backend, hint=hint)

    async def token(self, *, instead_of: str | None = None) -> str:
        raise self._error.again()
