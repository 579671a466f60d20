"""Everything that can go wrong, as one tree, and the closed set of codes callers see.

::

    GatewayError                    a code, a message fit for a caller, extensions
    ├─ ConfigError                  at start only; lists every problem at once
    ├─ CallerError
    │   ├─ UnauthenticatedError     no token, or one we do not accept
    │   ├─ ForbiddenError           a caller we know, who may not do this
    │   ├─ InvalidInputError        an argument we cannot use
    │   ├─ RefusalError             a rule of coupling forbids it: which record is in the way, what to do
    │   ├─ MethodNotAllowedError    this cannot be asked with this HTTP method
    │   ├─ NotAcceptableError       the caller takes no media type that we answer in
    │   ├─ UnsupportedMediaTypeError  a body that is not JSON in UTF-8
    │   ├─ BatchTooLargeError       more operations in one request than may be
    │   ├─ RequestTooLargeError     a body longer than is read
    │   ├─ RequestTooSlowError      a body that does not arrive
    │   ├─ TooManyConnectionsError  too many sockets and event streams are open already
    │   ├─ QueryTooLargeError       a document that passes a limit: how deep, how many fields, tokens, aliases …
    │   ├─ QueryTooExpensiveError   it would ask the backends too often
    │   ├─ RateLimitedError         this caller asks too often; retry_after_seconds
    │   ├─ QueryNotTrustedError     only documents of the manifest are carried out here
    │   └─ PersistedQueryError      a hash that stands for no document
    ├─ InternalError                what nobody foresaw, as callers are told
    ├─ IdentityUnavailableError     who asks, or what they may do, cannot be found out now
    ├─ DatabaseError                our own database cannot be used now
    └─ BackendError                 backend, operation, status, request id
        ├─ UnreachableError         no answer, or 502/503; transient
        ├─ ThrottledError           429; transient; retry_after_seconds
        ├─ TooSlowError             408/504: the backend gave up on this much work
        ├─ DeadlineError            our own limit for this request passed first
        ├─ TokenError               Entra ID would not give us a token
        ├─ OnBehalfOfError          the backend is asked on behalf of the caller, for whom there is no token
        ├─ NotFoundError            404: no such row, set or company
        ├─ RefusedError             401/403
        ├─ RejectedError            400 and its like: the backend's own validation
        ├─ PreconditionFailedError  409/412: the record changed since we read it
        ├─ RecordExistsError        another record has this key already
        ├─ LinkExpiredError         a next link or delta link is too old: read anew from the start
        ├─ FailedError              500: it broke while working
        ├─ LimitError               the backend answered, but only up to a limit of its own
        └─ ProtocolError            not the OData we were promised

No exception of httpx, msal or SQLAlchemy leaves the layer that called it: it is translated into one of these, once.
graphql-core copies :attr:`GatewayError.extensions` into the answer, so no mapping layer exists.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Self
from uuid import UUID


class ErrorCode(StrEnum):
    """What ``extensions.code`` may hold. Codes are API: adding is easy, renaming breaks callers."""

    CONFIGURATION = "CONFIGURATION"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    IDENTITY_UNAVAILABLE = "IDENTITY_UNAVAILABLE"
    INVALID_INPUT = "INVALID_INPUT"
    BACKEND_UNREACHABLE = "BACKEND_UNREACHABLE"
    BACKEND_THROTTLED = "BACKEND_THROTTLED"
    BACKEND_TOO_SLOW = "BACKEND_TOO_SLOW"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    BACKEND_TOKEN_UNAVAILABLE = "BACKEND_TOKEN_UNAVAILABLE"  # noqa: S105 - a code, not a password
    ON_BEHALF_OF_REFUSED = "ON_BEHALF_OF_REFUSED"
    BACKEND_NOT_FOUND = "BACKEND_NOT_FOUND"
    BACKEND_REFUSED = "BACKEND_REFUSED"
    BACKEND_REJECTED = "BACKEND_REJECTED"
    RECORD_CHANGED = "RECORD_CHANGED"
    RECORD_EXISTS = "RECORD_EXISTS"
    LINK_EXPIRED = "LINK_EXPIRED"
    BACKEND_FAILED = "BACKEND_FAILED"
    BACKEND_LIMIT = "BACKEND_LIMIT"
    BACKEND_PROTOCOL_ERROR = "BACKEND_PROTOCOL_ERROR"
    ALREADY_COUPLED = "ALREADY_COUPLED"
    BUSINESS_CENTRAL_RECORD_TAKEN = "BUSINESS_CENTRAL_RECORD_TAKEN"
    DATAVERSE_ROW_TAKEN = "DATAVERSE_ROW_TAKEN"
    NOT_COUPLED = "NOT_COUPLED"
    RECORD_NOT_FOUND = "RECORD_NOT_FOUND"
    RECORD_NOT_VISIBLE = "RECORD_NOT_VISIBLE"
    RECORD_BLOCKED = "RECORD_BLOCKED"
    RECORD_OUTSIDE_FILTER = "RECORD_OUTSIDE_FILTER"
    DIRECTION_NOT_ALLOWED = "DIRECTION_NOT_ALLOWED"
    SALESPERSON_NOT_COUPLED = "SALESPERSON_NOT_COUPLED"
    OWNER_NOT_COUPLED = "OWNER_NOT_COUPLED"
    LOOKUP_NOT_COUPLED = "LOOKUP_NOT_COUPLED"
    MAPPING_DISABLED = "MAPPING_DISABLED"
    MATCH_CRITERIA_MISSING = "MATCH_CRITERIA_MISSING"
    COUPLING_CHANGED = "COUPLING_CHANGED"
    UPDATE_CONFLICT = "UPDATE_CONFLICT"
    DELETION_CONFLICT = "DELETION_CONFLICT"
    LINES_DIFFER = "LINES_DIFFER"
    POSSIBLE_DUPLICATE = "POSSIBLE_DUPLICATE"
    DEPENDENCY_NOT_SATISFIED = "DEPENDENCY_NOT_SATISFIED"
    FULL_SYNCHRONIZATION_UNDER_WAY = "FULL_SYNCHRONIZATION_UNDER_WAY"
    DATABASE_UNAVAILABLE = "DATABASE_UNAVAILABLE"
    GRAPHQL_INVALID = "GRAPHQL_INVALID"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    BATCH_TOO_LARGE = "BATCH_TOO_LARGE"
    REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"
    REQUEST_TOO_SLOW = "REQUEST_TOO_SLOW"
    TOO_MANY_CONNECTIONS = "TOO_MANY_CONNECTIONS"
    QUERY_TOO_LARGE = "QUERY_TOO_LARGE"
    QUERY_TOO_EXPENSIVE = "QUERY_TOO_EXPENSIVE"
    RATE_LIMITED = "RATE_LIMITED"
    QUERY_NOT_TRUSTED = "QUERY_NOT_TRUSTED"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
    PERSISTED_QUERY_MISMATCH = "PERSISTED_QUERY_MISMATCH"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class GatewayError(Exception):
    """Base of all our errors. ``message`` is written for the person who gets it."""

    code: ClassVar[ErrorCode] = ErrorCode.INTERNAL_ERROR

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.sentence = message
        """The same without the words of others."""

    def again(self) -> Self:
        """The same error for another place it has to be told at: a raised exception collects where it has been."""
        copied = type(self).__new__(type(self))
        copied.args = self.args
        copied.__dict__.update(self.__dict__)
        return copied

    @property
    def extensions(self) -> dict[str, object]:
        """What a GraphQL client sees beside the message."""
        return {"code": str(self.code)}


class ConfigError(GatewayError):
    """The settings do not make a gateway; ``problems`` has one sentence for each."""

    code = ErrorCode.CONFIGURATION

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class CallerError(GatewayError):
    """The caller can fix it."""


class UnauthenticatedError(CallerError):
    """No bearer token, or one that does not pass."""

    code = ErrorCode.UNAUTHENTICATED


class ForbiddenError(CallerError):
    """The caller's roles do not include this."""

    code = ErrorCode.FORBIDDEN


class InvalidInputError(CallerError):
    """An argument that cannot be used; ``argument`` names it."""

    code = ErrorCode.INVALID_INPUT

    def __init__(self, message: str, *, argument: str | None = None) -> None:
        super().__init__(message)
        self.argument = argument

    @property
    def extensions(self) -> dict[str, object]:
        extra = {"argument": self.argument} if self.argument else {}
        return super().extensions | extra


@dataclass(frozen=True, slots=True)
class NamedRecord:
    """A record that a sentence speaks of: where it is, what kind it is, its id, number and name as far as they are known.

    One that is ``hidden`` from whoever reads the sentence is named by none of them.
    """

    backend: str
    noun: str
    id: UUID
    number: str | None = None
    name: str | None = None
    hidden: bool = False

    def __str__(self) -> str:
        if self.hidden:
            return f"{self.noun} that you may not see"
        known = f"{self.noun} {self.number}" if self.number else self.noun
        return f"{known} ({self.name})" if self.name else known if self.number else f"{self.noun} {self.id}"


class RefusalError(CallerError):
    """A rule forbids what was asked, and nothing was done.

    ``records`` are those in the way, by name and number; ``hint`` says what to do.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        hint: str,
        records: Sequence[NamedRecord] = (),
        argument: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]  # one class for a closed set of rules
        self.hint = hint
        self.records = tuple(records)
        self.argument = argument

    @property
    def extensions(self) -> dict[str, object]:
        return super().extensions | {"hint": self.hint}


class MethodNotAllowedError(CallerError):
    """The address answers, but not to this with this method; nothing was carried out."""

    code = ErrorCode.METHOD_NOT_ALLOWED

    def __init__(self, message: str, allowed: Sequence[str]) -> None:
        super().__init__(message)
        self.allowed = tuple(allowed)


class NotAcceptableError(CallerError):
    """The caller takes no media type that is answered in here; nothing was carried out."""

    code = ErrorCode.NOT_ACCEPTABLE

    def __init__(self, offered: Sequence[str]) -> None:
        super().__init__(f"What is asked here is answered as {' or '.join(offered)}: send one of them in Accept.")


class UnsupportedMediaTypeError(CallerError):
    """The body is not said to be JSON in UTF-8; nothing of it was read."""

    code = ErrorCode.UNSUPPORTED_MEDIA_TYPE

    def __init__(self) -> None:
        super().__init__("The body has to be JSON in UTF-8, as it is: send Content-Type: application/json.")


class BatchTooLargeError(CallerError):
    """More operations in one request than may be; none of them was carried out."""

    code = ErrorCode.BATCH_TOO_LARGE

    def __init__(self, most: int) -> None:
        most = max(most, 1)
        super().__init__(f"A request may hold {most} operation{'s' if most > 1 else ''}; this one holds a longer list.")


class RequestTooLargeError(CallerError):
    """The body is longer than is read of one; nothing was carried out."""

    code = ErrorCode.REQUEST_TOO_LARGE

    def __init__(self, most_bytes: int) -> None:
        super().__init__(f"The body of a request may be {most_bytes} bytes long; this one is longer.")


class RequestTooSlowError(CallerError):
    """The body did not arrive in time; nothing was carried out."""

    code = ErrorCode.REQUEST_TOO_SLOW

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The body of the request did not arrive within {seconds:g} seconds.")


class TooManyConnectionsError(CallerError):
    """As many sockets and event streams are open as may be; one has to end before another one begins."""

    code = ErrorCode.TOO_MANY_CONNECTIONS


class QueryTooLargeError(CallerError):
    """The document passes a limit; nothing of it was validated or carried out. ``measure`` says what is too much."""

    code = ErrorCode.QUERY_TOO_LARGE

    def __init__(self, message: str, *, measure: str, value: int | None = None, limit: int | None = None) -> None:
        super().__init__(message)
        self.measure = measure
        self.value = value
        self.limit = limit

    @property
    def extensions(self) -> dict[str, object]:
        numbers = {"value": self.value, "limit": self.limit}
        known = {name: number for name, number in numbers.items() if number is not None}
        return super().extensions | {"measure": self.measure} | known


class QueryTooExpensiveError(CallerError):
    """Answering may take more backend requests than one operation may cost; ``parts`` are those that cost most."""

    code = ErrorCode.QUERY_TOO_EXPENSIVE

    def __init__(self, *, value: int, limit: int, parts: Sequence[tuple[str, int]]) -> None:
        super().__init__(
            f"The operation may take {value} backend requests; at most {limit} are made for one. "
            "Ask for fewer rows, or for what costs most in operations of its own."
        )
        self.value = value
        self.limit = limit
        self.parts = tuple(parts)

    @property
    def extensions(self) -> dict[str, object]:
        parts = [{"part": name, "requests": requests} for name, requests in self.parts]
        return super().extensions | {"value": self.value, "limit": self.limit, "parts": parts}


class RateLimitedError(CallerError):
    """The caller has used up what it may ask for now; nothing was carried out."""

    code = ErrorCode.RATE_LIMITED

    def __init__(self, *, retry_after_seconds: float) -> None:
        super().__init__("You ask too often, or for too much. Come again when retryAfter seconds have passed.")
        self.retry_after_seconds = retry_after_seconds

    @property
    def extensions(self) -> dict[str, object]:
        return super().extensions | {"retryAfter": self.retry_after_seconds}


class IdentityUnavailableError(GatewayError):
    """Signing keys or security roles cannot be read now; the same token may pass a little later."""

    code = ErrorCode.IDENTITY_UNAVAILABLE

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = max(1, round(retry_after_seconds))

    @property
    def extensions(self) -> dict[str, object]:
        return super().extensions | {"retryAfter": self.retry_after_seconds}


class QueryNotTrustedError(CallerError):
    """The gateway carries out documents of its manifest only, and this is none of them."""

    code = ErrorCode.QUERY_NOT_TRUSTED


class PersistedQueryError(CallerError):
    """The hash or id sent in place of a document leads to none, or is that of another one.

    Messages are part of the protocol: clients compare them. Source: Apollo, "Automatic Persisted Queries".
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]  # one class for a closed set of answers


class InternalError(GatewayError):
    """What nobody foresaw: a caller is told where operators find it, and nothing else."""

    def __init__(self, correlation_id: str) -> None:
        super().__init__("The gateway broke while working on this; its operators can find it under the correlation id.")
        self.correlation_id = correlation_id

    @property
    def extensions(self) -> dict[str, object]:
        return super().extensions | {"correlationId": self.correlation_id}


class DatabaseError(GatewayError):
    """Our own database does not answer; what needs no coupling still arrives."""

    code = ErrorCode.DATABASE_UNAVAILABLE


class BackendError(GatewayError):
    """One of the two systems, or the way to it, failed.

    ``vendor_code`` and ``request_id`` are the backend's own, for the log and for a support case. ``of_record`` says that it
    nulls all fields of a record, not only the one it is told at; ``unsettled`` that an attempt of the same request may have
    been carried out all the same. ``place`` is which of several rows that were written as one was refused, counted from 0.
    ``sentence`` is the message without the words of the system, ``said`` are these words: for the log and nobody else.
    """

    code = ErrorCode.BACKEND_PROTOCOL_ERROR

    def __init__(
        self,
        message: str,
        *,
        backend: str,
        status: int | None = None,
        vendor_code: str | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.backend = backend
        self.said: str | None = None
        self.of_record = False
        self.unsettled = False
        self.place: int | None = None
        self.status = status
        self.vendor_code = vendor_code
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds

    @property
    def extensions(self) -> dict[str, object]:
        details = {
            "status": self.status,
            "vendorCode": self.vendor_code,
            "requestId": self.request_id,
            "retryAfter": self.retry_after_seconds,
        }
        return (
            super().extensions
            | {"backend": self.backend}
            | {name: value for name, value in details.items() if value is not None}
        )


class UnreachableError(BackendError):
    """Nobody answered, or somebody on the way said 502 or 503."""

    code = ErrorCode.BACKEND_UNREACHABLE


class ThrottledError(BackendError):
    """429: we, or others under the same identity, asked too much."""

    code = ErrorCode.BACKEND_THROTTLED


class TooSlowError(BackendError):
    """408 or 504: the backend gave up. Not transient: the same question takes as long again."""

    code = ErrorCode.BACKEND_TOO_SLOW


class DeadlineError(BackendError):
    """The time this GraphQL request may take was over before the backend answered."""

    code = ErrorCode.DEADLINE_EXCEEDED


class TokenError(BackendError):
    """Entra ID gave no token for this backend."""

    code = ErrorCode.BACKEND_TOKEN_UNAVAILABLE


class OnBehalfOfError(BackendError):
    """The backend is asked on behalf of the caller, and Entra ID gives no token for that, or the caller is nobody to act for.

    ``hint`` says what to do; ``claims`` is what Entra ID wants of the next sign-in, to be passed on to it as it is.
    """

    code = ErrorCode.ON_BEHALF_OF_REFUSED

    def __init__(
        self, message: str, *, backend: str, hint: str, vendor_code: str | None = None, claims: str | None = None
    ) -> None:
        super().__init__(message, backend=backend, vendor_code=vendor_code)
        self.hint = hint
        self.claims = claims

    @property
    def extensions(self) -> dict[str, object]:
        return super().extensions | {"hint": self.hint} | ({"claims": self.claims} if self.claims else {})


class NotFoundError(BackendError):
    """The backend has no such row, entity set or company."""

    code = ErrorCode.BACKEND_NOT_FOUND


class RefusedError(BackendError):
    """The backend knows us and says no (401 with a fresh token, or 403)."""

    code = ErrorCode.BACKEND_REFUSED


class RejectedError(BackendError):
    """The backend's own validation refused the request."""

    code = ErrorCode.BACKEND_REJECTED


class PreconditionFailedError(BackendError):
    """The record changed since we read it (Business Central says 409, Dataverse 412)."""

    code = ErrorCode.RECORD_CHANGED


class RecordExistsError(BackendError):
    """The backend has a record with this key already, and it is not the one we made."""

    code = ErrorCode.RECORD_EXISTS


class LinkExpiredError(BackendError):
    """A link to further rows or to changes no longer works; what it would have brought is read anew from the start."""

    code = ErrorCode.LINK_EXPIRED


class FailedError(BackendError):
    """The backend broke while working on the request (500)."""

    code = ErrorCode.BACKEND_FAILED


class LimitError(BackendError):
    """The backend's answer stops at a limit of its own, so the whole figure cannot be had."""

    code = ErrorCode.BACKEND_LIMIT


class ProtocolError(BackendError):
    """An answer that is not the OData it should be: truncated, HTML, or missing its parts."""

    code = ErrorCode.BACKEND_PROTOCOL_ERROR
