"""Which optional sources a tenant has: further APIs beside the standard one, found out by asking, and remembered.

Nobody is asked beforehand: a question goes to the source itself, and its 404 says that it is not installed. What is missing is
asked for again after a while; what answered once is taken to be there until it says otherwise.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from gateway.errors import NotFoundError, RefusedError
from gateway.reading.need import Source

ABSENT_FOR: Final = timedelta(minutes=10)
"""How long a source that is not installed is left alone: one that is installed meanwhile shows after that, or as soon as an
administrator looks at the connection."""

NO_COMPANY: Final = "Internal_CompanyNotFound"
"""Source: Business Central, "Dynamics 365 Business Central error codes": also a 404, and not about the source."""


class Found(StrEnum):
    """What is known of a source."""

    UNKNOWN = "UNKNOWN"
    INSTALLED = "INSTALLED"
    NOT_INSTALLED = "NOT_INSTALLED"
    NOT_PERMITTED = "NOT_PERMITTED"


@dataclass(frozen=True, slots=True)
class _Known:
    found: Found
    until: float


class Capabilities:
    """Remembers for each acting identity. Lives as long as the process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[tuple[str, str, str | None], _Known] = {}

    def of(self, identity: str, source: Source) -> Found:
        """What is known now."""
        known = self._known.get((identity, source.name, source.api))
        return known.found if known is not None and self._clock() < known.until else Found.UNKNOWN

    def note(self, identity: str, source: Source, found: Found) -> None:
        """Remember what a source, or its absence, has shown."""
        if found is Found.UNKNOWN:
            return
        lasting = float("inf") if found is Found.INSTALLED else self._clock() + ABSENT_FOR.total_seconds()
        self._known[identity, source.name, source.api] = _Known(found, lasting)


def verdict(error: Exception) -> Found | None:
    """What an error says of the source that was asked; None when it says nothing about it."""
    match error:
        case NotFoundError(vendor_code=code) if code != NO_COMPANY:
            return Found.NOT_INSTALLED
        case RefusedError():
            return Found.NOT_PERMITTED
        case _:
            return None
