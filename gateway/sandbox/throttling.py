"""The limits both services set to one caller, with the numbers of the vendors; adjustable while it runs.

`BusinessCentralThrottle` lets five requests of a caller run, has the next ones wait, and refuses what comes beyond.
`DataverseThrottle` refuses at once. A caller is a user or an application, whatever its tokens.

Source: Business Central, "Operational Limits for Business Central Online"; Dataverse, Service protection API limits.
"""

import math
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

import anyio

from gateway.sandbox.business_central.limits import TooManyRequestsError, unavailable
from gateway.sandbox.dataverse.errors import DataverseError
from gateway.sandbox.dataverse.limits import too_many_at_once, too_many_requests, too_much_time
from gateway.sandbox.window import SlidingWindow

_MOST_CALLERS: Final = 1000
_PAUSE_SECONDS = 2
"""How long a caller with too many requests at once is told to wait, for a start."""
_MOST_DOUBLINGS = 8

Clock = Callable[[], float]


@dataclass(slots=True)
class BusinessCentralLimits:
    """What one caller may do; each may be changed any time."""

    enabled: bool = True
    requests: int = 6000
    window_seconds: float = 300
    at_once: int = 5
    queue: int = 95
    queue_seconds: float = 480


@dataclass(slots=True)
class DataverseLimits:
    """What one caller may do; each may be changed any time."""

    enabled: bool = True
    requests: int = 6000
    execution_seconds: float = 1200
    window_seconds: float = 300
    at_once: int = 52


@dataclass(slots=True)
class _Queued:
    """A caller of Business Central."""

    spent: SlidingWindow = field(default_factory=SlidingWindow)
    running: int = 0
    waiting: deque[anyio.Event] = field(default_factory=deque)

    @property
    def is_idle(self) -> bool:
        return not self.running and not self.waiting


@dataclass(slots=True)
class _Measured:
    """A caller of Dataverse. `told_until` is when it may come back, `doublings` how often it came back too early."""

    spent: SlidingWindow = field(default_factory=SlidingWindow)
    executed: SlidingWindow = field(default_factory=SlidingWindow)
    running: int = 0
    told_until: float = 0.0
    doublings: int = 0

    @property
    def is_idle(self) -> bool:
        return not self.running


_Caller = TypeVar("_Caller", bound=_Queued | _Measured)


class _Callers(Generic[_Caller]):
    """Callers by name; of too many, the one that asked longest ago is forgotten."""

    def __init__(self, new: Callable[[], _Caller]) -> None:
        self._new = new
        self._known: OrderedDict[str, _Caller] = OrderedDict()

    def find(self, name: str) -> _Caller:
        caller = self._known.get(name)
        if caller is None:
            caller = self._known[name] = self._new()
            self._forget()
        self._known.move_to_end(name)
        return caller

    def _forget(self) -> None:
        while len(self._known) > _MOST_CALLERS:
            name, oldest = next(iter(self._known.items()))
            if not oldest.is_idle:
                self._known.move_to_end(name)
                return
            del self._known[name]

    def clear(self) -> None:
        """Forgets what callers spent; who runs or waits is still let out."""
        self._known.clear()


class BusinessCentralThrottle:
    """`clock` counts seconds."""

    def __init__(self, limits: BusinessCentralLimits, *, clock: Clock = time.monotonic) -> None:
        self.limits = limits
        self._clock = clock
        self._callers: _Callers[_Queued] = _Callers(_Queued)

    @asynccontextmanager
    async def place(self, name: str, *, operations: int) -> AsyncIterator[None]:
        """Waits for a place of the caller called `name`, and holds it. Every operation of a batch counts as a request.

        Raises:
            RefusedError: 429 at once, or 503 after waiting too long.
        """
        caller, limits = self._callers.find(name), self.limits
        self._spend(caller, operations)
        if caller.running < limits.at_once:
            caller.running += 1
        else:
            await self._wait(caller)
        try:
            yield
        finally:
            self._leave(caller)

    def forget(self) -> None:
        self._callers.clear()

    def _spend(self, caller: _Queued, operations: int) -> None:
        """Refuses, or counts what is asked; what is refused does not count."""
        limits, now = self.limits, self._clock()
        connections = caller.running + len(caller.waiting) + 1
        if connections > limits.at_once + limits.queue:
            raise TooManyRequestsError(connections, limits.at_once + limits.queue)
        asked = int(caller.spent.total(now=now, seconds=limits.window_seconds)) + operations
        if asked > limits.requests:
            raise TooManyRequestsError(asked, limits.requests)
        caller.spent.spend(operations, now=now, seconds=limits.window_seconds)

    async def _wait(self, caller: _Queued) -> None:
        called = anyio.Event()
        caller.waiting.append(called)
        try:
            with anyio.move_on_after(self.limits.queue_seconds):
                await called.wait()
        except BaseException:
            self._give_up(caller, called)
            raise
        if not called.is_set():
            self._give_up(caller, called)
            raise unavailable()

    def _give_up(self, caller: _Queued, called: anyio.Event) -> None:
        if called.is_set():
            self._leave(caller)
        else:
            caller.waiting.remove(called)

    def _leave(self, caller: _Queued) -> None:
        caller.running -= 1
        while caller.waiting and caller.running < self.limits.at_once:
            caller.running += 1
            caller.waiting.popleft().set()


@dataclass(frozen=True, slots=True)
class Remaining:
    """What a caller has left of its requests and of its seconds of execution."""

    requests: int
    seconds: float


class ThrottledError(Exception):
    """Dataverse refuses; ask again after so many seconds."""

    def __init__(self, refusal: DataverseError, retry_after_seconds: int) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.retry_after_seconds = retry_after_seconds


class DataverseThrottle:
    """`clock` counts seconds."""

    def __init__(self, limits: DataverseLimits, *, clock: Clock = time.monotonic) -> None:
        self.limits = limits
        self._clock = clock
        self._callers: _Callers[_Measured] = _Callers(_Measured)

    @asynccontextmanager
    async def place(self, name: str) -> AsyncIterator[None]:
        """Counts a request and how long it runs. Parts of a batch do not count, their time does.

        Raises:
            ThrottledError: one of the three limits is reached.
        """
        caller, began = self._callers.find(name), self._clock()
        self._check(caller, began)
        caller.spent.spend(1, now=began, seconds=self.limits.window_seconds)
        caller.running += 1
        try:
            yield
        finally:
            caller.running -= 1
            now = self._clock()
            caller.executed.spend(now - began, now=now, seconds=self.limits.window_seconds)

    def remaining(self, name: str) -> Remaining:
        caller, limits, now = self._callers.find(name), self.limits, self._clock()
        spent = int(caller.spent.total(now=now, seconds=limits.window_seconds))
        executed = caller.executed.total(now=now, seconds=limits.window_seconds)
        return Remaining(max(limits.requests - spent, 0), max(limits.execution_seconds - executed, 0.0))

    def forget(self) -> None:
        self._callers.clear()

    def _check(self, caller: _Measured, now: float) -> None:
        limits, window = self.limits, self.limits.window_seconds
        if caller.spent.total(now=now, seconds=window) >= limits.requests:
            wait = caller.spent.seconds_until(limits.requests - 1, now=now, seconds=window)
            refusal = too_many_requests(limits.requests, round(window))
        elif caller.executed.total(now=now, seconds=window) > limits.execution_seconds:
            wait = caller.executed.seconds_until(limits.execution_seconds, now=now, seconds=window)
            refusal = too_much_time(round(limits.execution_seconds * 1000), round(window))
        elif caller.running >= limits.at_once:
            wait, refusal = _PAUSE_SECONDS, too_many_at_once(limits.at_once)
        else:
            return
        raise ThrottledError(refusal, self._told(caller, wait, now))

    def _told(self, caller: _Measured, wait: int, now: float) -> int:
        """Who comes back earlier than told is told to wait twice as long, up to the whole window."""
        caller.doublings = min(caller.doublings + 1, _MOST_DOUBLINGS) if now < caller.told_until else 0
        most = max(math.ceil(self.limits.window_seconds), 1)
        seconds = min(wait << caller.doublings, most)
        caller.told_until = now + seconds
        return seconds


@dataclass(frozen=True, slots=True)
class Throttles:
    """Those of both services."""

    business_central: BusinessCentralThrottle = field(
        default_factory=lambda: BusinessCentralThrottle(BusinessCentralLimits())
    )
    dataverse: DataverseThrottle = field(default_factory=lambda: DataverseThrottle(DataverseLimits()))
