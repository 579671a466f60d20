"""Which roles a caller has by the security roles that an administrator of CRM gave: asked for once, and then known for a while.

Source: Business Central, "Setting Up User Accounts for Integrating with Dynamics 365 Sales"; Dataverse, "Security roles and
privileges".
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from uuid import UUID

from gateway.auth.caller import Caller, Role
from gateway.errors import BackendError, IdentityUnavailableError
from gateway.telemetry import log

SECURITY_ROLES: Final[Mapping[str, Role]] = MappingProxyType(
    {
        "Dynamics 365 Business Central Integration Administrator": Role.INTEGRATION_ADMINISTRATOR,
        "8c8d4f51-a72b-e511-80d9-3863bb349780": Role.INTEGRATION_ADMINISTRATOR,
        "Dynamics 365 Business Central Integration User": Role.INTEGRATION_USER,
        "6f960e32-a72b-e511-80d9-3863bb349780": Role.INTEGRATION_USER,
        "Dynamics 365 Business Central Product Availability User": Role.PRODUCT_AVAILABILITY_USER,
    }
)
"""As Business Central's solution installs them: by name, and by id where it is always the same."""

_NONE_SECONDS: Final = 15.0
"""How long somebody without a role is left without: who was given one should not have to wait."""

_AGAIN_SECONDS: Final = 5.0
"""How long CRM is left alone after it failed."""

_MOST_CALLERS: Final = 10_000

AskCrm = Callable[[UUID], Awaitable[frozenset[str]]]
"""The names and ids of the security roles of a person or application, own ones and those of teams. Raises: BackendError."""


@dataclass(slots=True)
class _Known:
    """Of one caller. ``roles`` is None as long as CRM has not said."""

    roles: frozenset[Role] | None = None
    told_at: float = float("-inf")
    failed_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class SecurityRoles:
    """Roles are never older than ``bound_seconds``. After half of that they are asked for anew, so that CRM may be away for the
    other half; once that is over too, nobody is taken for somebody without roles: it is said that they are not known.

    ``home`` is the tenant whose people CRM knows. With ``beside_token`` the roles in the token count as well.
    """

    def __init__(
        self,
        ask: AskCrm,
        *,
        mapping: Mapping[str, Role] = SECURITY_ROLES,
        home: str,
        bound_seconds: float = 300.0,
        beside_token: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._mapping = {name.lower(): role for name, role in mapping.items()}
        self._home = home
        self._bound = bound_seconds
        self._beside_token = beside_token
        self._clock = clock
        self._known: OrderedDict[UUID, _Known] = OrderedDict()

    async def roles(self, caller: Caller) -> frozenset[Role]:
        """Raises: IdentityUnavailableError: CRM does not say, and has not said lately."""
        own = caller.roles if self._beside_token else frozenset()
        who = _guid(caller.object_id) if caller.tenant_id == self._home else None
        return own if who is None else own | await self._of(who)

    async def _of(self, who: UUID) -> frozenset[Role]:
        known = self._known.setdefault(who, _Known())
        self._known.move_to_end(who)
        if len(self._known) > _MOST_CALLERS:
            self._known.popitem(last=False)
        if self._is_due(known):
            async with known.lock:
                if self._is_due(known):
                    await self._renew(who, known)
        if known.roles is None or self._clock() >= known.told_at + self._bound:
            raise IdentityUnavailableError(
                "What you may do cannot be found out now: Dataverse does not say which security roles you have.",
                retry_after_seconds=_AGAIN_SECONDS,
            )
        return known.roles

    def _is_due(self, known: _Known) -> bool:
        now = self._clock()
        fresh = self._bound / 2 if known.roles else min(_NONE_SECONDS, self._bound / 2)
        return now >= known.told_at + fresh and now >= known.failed_at + _AGAIN_SECONDS

    async def _renew(self, who: UUID, known: _Known) -> None:
        asked_at = self._clock()  # what is answered was so then, or later
        try:
            names = await self._ask(who)
        except BackendError as error:
            known.failed_at = self._clock()
            log.warning("security roles cannot be read", code=error.code, reason=error.message)
            return
        known.roles = frozenset(self._mapping[name.lower()] for name in names if name.lower() in self._mapping)
        known.told_at = asked_at


def _guid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
