"""Which optional sources a tenant has: further APIs beside the standard one, found out by asking, and remembered.

Nobody is asked beforehand: a question goes to the source itself, and its 404 says that it is not installed. What is missing is
asked for again after a while; what answered once is taken to be there until it says otherwise.

An app is installed for the whole environment, permissions are given for each company.
Source: Business Central, "Assign permissions to users and groups".
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from gateway.errors import NotFoundError, RefusedError
from gateway.reading.lookup import Scope
from gateway.reading.need import Source

ABSENT_FOR: Final = timedelta(minutes=10)
"""How long a source that is not installed is left alone: one that is installed meanwhile shows after that, or as soon as an
administrator looks at the connection."""

NO_SUCH_SOURCE: Final = frozenset({"BadRequest_NotFound", "BadRequest_ResourceNotFound", "0x80060888"})
"""The codes of a 404 that is about the source: no such API, no such set in it, no such table. Other 404 are about a company or
a row, or come from somebody on the way who writes no OData.

Source: Business Central, "Dynamics 365 Business Central error codes"; Dataverse, "Compose HTTP requests and handle errors".
"""

_MOST_ENTRIES: Final = 10_000


class Found(StrEnum):
    """What is known of a source."""

    UNKNOWN = "UNKNOWN"
    INSTALLED = "INSTALLED"
    NOT_INSTALLED = "NOT_INSTALLED"
    NOT_PERMITTED = "NOT_PERMITTED"


@dataclass(frozen=True, slots=True)
class _Known:
    found: Found
    noted: float


_Key = tuple[str, str, str | None, UUID | None]
"""Whose rights, the source's name and API, and the company; no company for what holds in all of them."""


class Capabilities:
    """Remembers for each acting identity, and of each company what it may read there. Lives as long as the process.

    The one noted longest ago is forgotten first, should there ever be too many.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, most_entries: int = _MOST_ENTRIES) -> None:
        self._clock = clock
        self._most_entries = most_entries
        self._known: dict[_Key, _Known] = {}

    def of(self, scope: Scope, source: Source) -> Found:
        """What is known now. Of a company that was not asked yet, at most that the source is nowhere."""
        here, anywhere = self._known.get(_here(scope, source)), self._known.get(_anywhere(scope, source))
        known = here if anywhere is None or (here is not None and here.noted > anywhere.noted) else anywhere
        if known is None:
            return Found.UNKNOWN
        lasts = known.found is Found.INSTALLED or self._clock() < known.noted + ABSENT_FOR.total_seconds()
        return known.found if lasts else Found.UNKNOWN

    def note(self, scope: Scope, source: Source, found: Found) -> None:
        """Remember what a source, or its absence, has shown."""
        match found:
            case Found.UNKNOWN:
                return
            case Found.NOT_INSTALLED:
                key = _anywhere(scope, source)
            case Found.INSTALLED | Found.NOT_PERMITTED:
                self._known.pop(_anywhere(scope, source), None)  # whoever answers, or refuses, is there
                key = _here(scope, source)
        self._known.pop(key, None)  # the dict's order is that of noting
        self._known[key] = _Known(found, self._clock())
        if len(self._known) > self._most_entries:
            del self._known[next(iter(self._known))]


def _here(scope: Scope, source: Source) -> _Key:
    at = scope.at(source)
    return at.identity, source.name, source.api, at.company


def _anywhere(scope: Scope, source: Source) -> _Key:
    return scope.at(source).identity, source.name, source.api, None


def verdict(error: Exception) -> Found | None:
    """What an error says of the source that was asked; None when it says nothing about it.

    A 401 is about our token, and an answer without the backend's own code is not the backend's: neither lasts.
    """
    match error:
        case NotFoundError(vendor_code=code) if code in NO_SUCH_SOURCE:
            return Found.NOT_INSTALLED
        case RefusedError(status=403, vendor_code=str()):
            return Found.NOT_PERMITTED
        case _:
            return None
