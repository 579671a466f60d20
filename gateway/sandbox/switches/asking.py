"""What a log is asked for: one backend or all, and how many of the last rows."""

from datetime import datetime

from starlette.requests import Request

from gateway.sandbox.switches.switch import InvalidRequestError, known_backend

_USUAL_LIMIT = 100


def backend_asked(request: Request) -> str | None:
    """Raises: InvalidRequestError for a backend there is not."""
    name = request.query_params.get("backend")
    return None if name is None else known_backend(name)


def limit_asked(request: Request) -> int:
    """Raises: InvalidRequestError when it is no count."""
    text = request.query_params.get("limit", str(_USUAL_LIMIT))
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise InvalidRequestError(f"limit must be a whole number of requests, not {text!r}.")
    return int(text)


def utc_text(moment: datetime) -> str:
    """`2026-11-16T12:00:00.000Z`"""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
