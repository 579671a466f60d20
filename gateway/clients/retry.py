"""Is a failed exchange worth repeating, and after how many seconds? Pure.

Repeated is what is safe to repeat: reads. A write is never repeated here; the layer that owns it knows whether it is guarded.

Sources: Business Central, "Current API limits" (429 without a documented header; GET may be repeated on 429, 503, 504);
Dataverse, "Service protection API limits" (429 with ``Retry-After`` in seconds).
"""

from dataclasses import dataclass

_REPEATABLE_METHODS = frozenset({"GET", "HEAD"})
_REPEATABLE_STATUSES = frozenset({429, 502, 503})
"""Not 504: Business Central ran ten minutes on that question; it would again. Not 500: it is broken, not busy."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently."""

    attempts: int = 4
    first_wait_seconds: float = 0.2
    longest_wait_seconds: float = 10.0


def may_repeat(method: str, status: int | None, *, safe: bool = False) -> bool:
    """Whether this outcome deserves another attempt.

    Args:
        method: the HTTP method.
        status: the status, or None when the exchange broke before an answer was complete.
        safe: the request only reads although its method does not say so (a batch of reads).
    """
    readable = safe or method in _REPEATABLE_METHODS
    return readable and (status is None or status in _REPEATABLE_STATUSES)


def wait_seconds(attempt: int, *, retry_after: float | None, chance: float, policy: RetryPolicy) -> float:
    """How long to wait after failed attempt number ``attempt`` (1 is the first).

    The backend's own ``Retry-After`` is the least; what is added to it, and the exponential wait without it, are jittered
    by ``chance`` (0 to 1), so that callers that failed together do not come back together.
    """
    exponential = min(policy.first_wait_seconds * 2 ** (attempt - 1), policy.longest_wait_seconds)
    jittered = exponential * (0.5 + chance / 2)
    return retry_after + policy.first_wait_seconds * chance if retry_after is not None else jittered
