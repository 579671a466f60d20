"""How many sockets and event streams are open at once: of one caller, in this process, and of those nobody knows yet.

Each holds memory, and whoever is told of changes costs work for each change. Counted is what is open now, nothing is estimated.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.errors import TooManyConnectionsError


@dataclass(frozen=True, slots=True)
class Bounds:
    """``waiting`` are sockets that have not said yet who they are: they take no place from those that have."""

    of_caller: int = 50
    in_all: int = 1_000
    waiting: int = 200


class OpenConnections:
    """Those of one process. To be used on the loop of the application."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._of = Counter[str]()
        self._waiting = 0

    @property
    def open(self) -> int:
        """How many there are, those that wait included."""
        return self._of.total() + self._waiting

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A place for somebody nobody knows yet. Raises: TooManyConnectionsError."""
        if self._waiting >= self._bounds.waiting:
            raise TooManyConnectionsError(f"{self._bounds.waiting} sockets wait to say who they are.")
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    @contextmanager
    def of(self, caller_id: str) -> Iterator[None]:
        """A place for a caller. Raises: TooManyConnectionsError."""
        if self._of[caller_id] >= self._bounds.of_caller:
            raise TooManyConnectionsError(f"{self._bounds.of_caller} sockets and event streams of yours are open.")
        if self._of.total() >= self._bounds.in_all:
            raise TooManyConnectionsError(f"{self._bounds.in_all} sockets and event streams are open.")
        self._of[caller_id] += 1
        try:
            yield
        finally:
            self._of[caller_id] -= 1
            if not self._of[caller_id]:
                del self._of[caller_id]
