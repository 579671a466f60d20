"""What to do about an error that a system, or the way to it, answered with: by its code, for somebody who does not know our code.

Pure. What a rule of ours refuses has a hint of its own (``RefusalError``).
"""

from gateway.errors import ErrorCode, GatewayError, RefusalError

_AGAIN = "Nothing is lost: the next run tries again by itself."
_HINTS = {
    ErrorCode.BACKEND_REJECTED: "Correct the value in the system that it comes from; the next run then takes it along. Or "
    "overwrite it there: synchronizeRecords with SEND keeps Business Central's data, with GET CRM's.",
    ErrorCode.RECORD_EXISTS: "Another record has this key: couple that one instead, or give one of the two another key.",
    ErrorCode.RECORD_CHANGED: f"Somebody changed it at the same moment, several times. {_AGAIN}",
    ErrorCode.BACKEND_REFUSED: "Give the gateway's application the right to write there: permission sets in Business Central, "
    "a security role in Dynamics 365 Sales. `connection` tells what is missing.",
    ErrorCode.BACKEND_UNREACHABLE: f"{_AGAIN} If it stays, look at `connection`, at the service health page and at the firewall.",
    ErrorCode.BACKEND_THROTTLED: f"{_AGAIN} If it stays, other programs use up what the system allows.",
    ErrorCode.BACKEND_TOO_SLOW: f"{_AGAIN} If it stays, the system is overloaded: look at its service health page.",
    ErrorCode.DEADLINE_EXCEEDED: f"{_AGAIN} If it stays, the system is overloaded: look at its service health page.",
    ErrorCode.BACKEND_TOKEN_UNAVAILABLE: f"{_AGAIN} If it stays, the gateway's client secret may have expired: look at "
    "`connection`.",
    ErrorCode.BACKEND_NOT_FOUND: "Check the environment, the company and the table in the gateway's settings: look at "
    "`connection`.",
    ErrorCode.BACKEND_FAILED: f"{_AGAIN} If it stays, open a case at Microsoft.",
    ErrorCode.BACKEND_PROTOCOL_ERROR: "Look at the record itself. If it looks right there, tell the gateway's administrator.",
    ErrorCode.RECORD_NOT_VISIBLE: "Check the gateway's rights there, and whether it is the right company.",
    ErrorCode.DATABASE_UNAVAILABLE: f"{_AGAIN} If it stays, the gateway's administrator looks at its database.",
    ErrorCode.INTERNAL_ERROR: "Tell the gateway's administrator: its log has the details.",
}


def hint_for(code: ErrorCode) -> str | None:
    """None: its message says it all."""
    return _HINTS.get(code)


def hint_of(error: GatewayError) -> str | None:
    """Its own, or that of its code."""
    return error.hint if isinstance(error, RefusalError) else hint_for(error.code)
