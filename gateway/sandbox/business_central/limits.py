"""What Business Central says when it is asked too much, is away, or took too long.

Source: Business Central, "Operational Limits for Business Central Online", "Working with API limits in Dynamics 365
Business Central"; the 429 body as published from live services.
"""

from collections.abc import Mapping

from gateway.sandbox.business_central.errors import RefusedError


class TooManyRequestsError(RefusedError):
    """429: too many in five minutes, or too many at once. It comes without `Retry-After`."""

    def __init__(self, actual: int, maximum: int) -> None:
        message = f"Too many requests reached. Actual ({actual}). Maximum ({maximum})."
        super().__init__(429, "Application_TooManyRequests", message)

    def body(self, correlation_id: str) -> Mapping[str, object]:
        """Refused before the service proper saw it, so that the message ends without a correlation id."""
        return {"error": {"code": self.code, "message": self.message}}


def unavailable() -> RefusedError:
    """503: the environment is stopped, updating, or did not come to a request in time."""
    return RefusedError(
        503, "Internal_TenantUnavailable", "The environment is temporarily unavailable. Try again later."
    )


def operation_timeout() -> RefusedError:
    """408: the operation ran longer than a request may."""
    return RefusedError(
        408, "Unknown", "The operation was canceled because it exceeded the time allowed for a request."
    )


def server_error() -> RefusedError:
    return RefusedError(500, "Internal_ServerError", "An internal server error has occurred.")
