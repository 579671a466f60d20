"""Is a failed exchange worth repeating, and after how many seconds? Pure.

Repeated is what is safe to repeat: reads, and writes that are guarded (``gateway.odata.write``), because a second arrival of
those is recognised. Anything else goes out once, whatever happens to it.

Sources: Business Central, "Current API limits" (429 without a documented header; GET may be repeated on 429, 503, 504;
POST when the client supplies the id); Dataverse, "Service protection API limits" (429 with ``Retry-After`` in seconds).
"""

from dataclasses import dataclass

_REPEATABLE_STATUSES = frozenset({429, 502, 503})
"""Not 504: Business Central ran ten minutes on that question; it would again. Not 500: it is broken, not busy."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently."""

    attempts: int = 4
    first_wait_seconds: float = 0.2
    longest_wait_seconds: float = 10.0


def may_repeat(status: int | None, *, repeatable: bool) -> bool:
    """Whether this outcome deserves another attempt.

    Args:
        status: the status, or None when the exchange broke before an answer was complete.
        repeatable: the request only reads, or is a guarded write.
    """
    return repeatable and (status is None or status in _REPEATABLE_STATUSES)


def may_have_happened(status: int | None) -> bool:
    """Whether a write with this outcome may have been carried out. A refused or throttled one was not."""
    return status is None or status == 408 or status >= 500


def is_garbled(status: int | None, content_type: str, body: bytes) -> bool:
    """Whether a successful answer is plainly not what a backend sends: cut off, or a page of somebody on the way."""
    if status not in (200, 201) or not body:
        return False
    if content_type.startswith("text/html"):
        return True
    end = (
        b"}" if content_type.startswith("application/json") else b"--" if content_type.startswith("multipart/") else b""
    )
    return not body.rstrip().endswith(end)


def wait_seconds(attempt: int, *, retry_after: float | None, chance: float, policy: RetryPolicy) -> float:
    """How long to wait after failed attempt number ``attempt`` (1 is the first).

    The backend's own ``Retry-After`` is the least; what is added to it, and the exponential wait without it, are jittered
    by ``chance`` (0 to 1), so that callers that failed together do not come back together.
    """
    exponential = min(policy.first_wait_seconds * 2 ** (attempt - 1), policy.longest_wait_seconds)
    jittered = exponential * (0.5 + chance / 2)
    return retry_after + policy.first_wait_seconds * chance if retry_after is not None else jittered
