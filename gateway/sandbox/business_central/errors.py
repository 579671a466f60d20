"""What the service says when it refuses: a code, an HTTP status and a message that ends in a correlation id.

Source: Business Central, "Troubleshooting Web Services Error Codes" and "HTTP status error codes".
"""

from collections.abc import Mapping


class RefusedError(Exception):
    """A request that is answered with an error body."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def body(self, correlation_id: str) -> Mapping[str, object]:
        """`{"error": {"code": …, "message": "…  CorrelationId:  {guid}."}}`"""
        return {"error": {"code": self.code, "message": f"{self.message}  CorrelationId:  {correlation_id}."}}


NO_ENVIRONMENT = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<error xmlns="http://docs.oasis-open.org/odata/ns/metadata">'
    "<code>NoEnvironment</code><message>Environment does not exist.</message></error>"
)


def bad_request(message: str) -> RefusedError:
    return RefusedError(400, "BadRequest", message)


def dialog(message: str) -> RefusedError:
    """A business rule of the application."""
    return RefusedError(400, "Application_DialogException", message)


def not_implemented(message: str) -> RefusedError:
    return RefusedError(501, "BadRequest_MethodNotImplemented", message)


def unauthenticated() -> RefusedError:
    return RefusedError(401, "Authentication_InvalidCredentials", "The server has rejected the client credentials.")


def method_not_allowed() -> RefusedError:
    return RefusedError(405, "BadRequest_MethodNotAllowed", "Entity does not support this method.")


def unknown_segment(name: str) -> RefusedError:
    return RefusedError(404, "BadRequest_ResourceNotFound", f"Resource not found for the segment '{name}'.")


def unknown_company() -> RefusedError:
    return RefusedError(404, "Internal_CompanyNotFound", "The supplied company name is not valid.")


def unknown_row(table: str, key: str) -> RefusedError:
    return RefusedError(
        404,
        "Internal_RecordNotFound",
        f"The {table} does not exist. Identification fields and values: SystemId='{{{key.upper()}}}'",
    )


def malformed_key(text: str) -> RefusedError:
    return RefusedError(400, "Application_InvalidGUID", f"The value '{text}' is not a valid GUID.")


def unknown_query_property(name: str, *, entity: str) -> RefusedError:
    return bad_request(f"Could not find a property named '{name}' on type '{entity}'.")


def unknown_body_property(name: str, *, entity: str) -> RefusedError:
    return bad_request(
        f"The property '{name}' does not exist on type '{entity}'. "
        "Make sure to only use property names that are defined by the type."
    )


def unknown_option(text: str, options: Mapping[str, str]) -> RefusedError:
    captions = ",".join(options.values())
    return RefusedError(400, "Unknown", f"'{text}' is not an option. The existing options are: {captions}")


def read_only(name: str) -> RefusedError:
    return RefusedError(400, "BadRequest_InvalidOperation", f"Control '{name}' is read-only.")


def invalid_token() -> RefusedError:
    return RefusedError(
        400,
        "BadRequest_InvalidToken",
        "Could not validate the client concurrency token required by the service. "
        "Please provide a valid token in the client request.",
    )


def changed() -> RefusedError:
    return RefusedError(409, "Request_EntityChanged", "Another user has already changed the record.")


def exists_already(table: str, identification: str) -> RefusedError:
    return RefusedError(
        400,
        "Internal_EntityWithSameKeyExists",
        f"The record in table {table} already exists. Identification fields and values: {identification}",
    )


def too_long(text: str, limit: int) -> RefusedError:
    return RefusedError(
        400,
        "Application_StringExceededLength",
        f"The length of the string is {len(text)}, but it must be less than or equal to {limit} characters. "
        f"Value: {text}",
    )


def unrelated(*, field: str, table: str, value: str) -> RefusedError:
    """A code that its table does not hold."""
    return RefusedError(
        400,
        "Internal_InvalidTableRelation",
        f"The field {field} contains a value ({value}) that cannot be found in the related table ({table}).",
    )


def stale_skip_token() -> RefusedError:
    return RefusedError(
        400, "SkipTokenIsNoLongerValid", "The skip token is no longer valid. Restart reading from the first page."
    )


def too_many_operations(limit: int) -> RefusedError:
    return RefusedError(
        500,
        "Unknown",
        f"The current batch message contains too many parts. A maximum number of '{limit}' query operations and "
        "change sets are allowed in a batch message.",
    )


def url_too_long() -> RefusedError:
    return RefusedError(414, "BadRequest_InvalidRequestUrl", "The request URL is too long.")
