"""`$deltatoken`: the version up to which a caller knows a table, and when it was told so.

    8120500!05/04/2026 07:45:10      in a URL   8120500%2105%2f04%2f2026%2007%3a45%3a10

Source: Dataverse, Use change tracking to synchronize data with external systems.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from gateway.sandbox.dataverse.errors import expired_token, invalid_url
from gateway.sandbox.store import Store

_FORM = "%m/%d/%Y %H:%M:%S"
_ESCAPE = re.compile(r"%[0-9A-F]{2}")
_TOKEN = re.compile(r"(\d{1,18})!(.+)")


@dataclass(slots=True)
class ChangeTracking:
    """For how long tokens are good, as `expirechangetrackingindays` of the organization says; may be changed any time.

    To make every token out there expire at once, call `forget_changes` of the store.
    """

    lifetime: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class DeltaToken:
    """`moment` is aware, UTC, in whole seconds."""

    version: int
    moment: datetime

    def __str__(self) -> str:
        return f"{self.version}!{self.moment.strftime(_FORM)}"

    @property
    def in_url(self) -> str:
        return _ESCAPE.sub(lambda escape: escape[0].lower(), quote(str(self), safe=""))

    def check(self, store: Store, *, now: datetime, tracking: ChangeTracking) -> None:
        """Raises: DataverseError when the token is too old, or when not every change since then is known."""
        known = store.history_start <= self.version <= store.version
        if not known or now - self.moment > tracking.lifetime:
            raise expired_token()


def read_token(text: str | None) -> DeltaToken:
    """Read a token that the URL layer decoded once. Raises: DataverseError."""
    found = _TOKEN.fullmatch(text or "")
    try:
        if found:
            return DeltaToken(int(found[1]), datetime.strptime(found[2], _FORM).replace(tzinfo=UTC))
    except ValueError:
        pass
    raise invalid_url("The delta token is not valid.")
