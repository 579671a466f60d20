"""How a step or a job ended, as JSON: ``{"value": …}``, ``{"failed": message, "code": …}`` or ``{"cancelled": true}``.

A value, never an exception: the engine would give back an exception as one of another type after a restart.
"""

import json

from gateway.errors import ErrorCode, GatewayError
from gateway.jobs.job import Json

Outcome = dict[str, Json]

CANCELLED: Outcome = {"cancelled": True}

NEUTRAL = "The job failed because of an error in the gateway; its log has the details."


class StepError(GatewayError):
    """A step failed: one and the same error whether it happened just now or is remembered from before a restart."""

    def __init__(self, message: str, reason: ErrorCode) -> None:
        super().__init__(message)
        self.reason = reason

    @property
    def extensions(self) -> dict[str, object]:
        return {"code": str(self.reason)}


class JobCancelledError(BaseException):
    """Ends a job that somebody cancelled. No ``Exception``: a handler that goes on after a failed step still ends."""


def succeeded(value: Json) -> Outcome:
    """Raises: TypeError, ValueError: JSON cannot say the value."""
    return {"value": plain(value)}


def failed(error: GatewayError) -> Outcome:
    return {"failed": error.message, "code": str(error.extensions["code"])}


def broken() -> Outcome:
    """An error that is none of ours: what it says is not for callers."""
    return {"failed": NEUTRAL, "code": str(ErrorCode.INTERNAL_ERROR)}


def value_of(outcome: Outcome) -> Json:
    """What a step gave.

    Raises:
        StepError: it failed.
        JobCancelledError: it was not begun, because the job was cancelled before.
    """
    match outcome:
        case {"failed": message, "code": code}:
            raise StepError(message, known(code))
        case {"cancelled": True}:
            raise JobCancelledError
    return outcome["value"]


def plain(value: Json) -> Json:
    """What JSON makes of a value: a step gives the same the first time as when it is remembered.

    Raises:
        TypeError, ValueError: JSON cannot say it.
    """
    return json.loads(json.dumps(value, allow_nan=False))


def known(code: Json) -> ErrorCode:
    """A newer process may have told one that is unknown here."""
    return ErrorCode(code) if code in list(ErrorCode) else ErrorCode.INTERNAL_ERROR
