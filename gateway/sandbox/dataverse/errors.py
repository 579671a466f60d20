"""Errors of the Dataverse Web API: a status, a hexadecimal code and a message, rendered as one `error` object.

Source: Dataverse, Compose HTTP requests and handle errors; Web service error codes.
"""

from __future__ import annotations

from collections.abc import Iterable

INVALID_URL = "0x80060888"
INVALID_PAYLOAD = "0x80048d19"
INVALID_ARGUMENT = "0x80040203"
ROW_NOT_FOUND = "0x80040217"
KEY_NOT_FOUND = "0x80060891"
TOO_LONG = "0x80044331"
OUT_OF_RANGE = "0x80044330"
CHOICE_OUT_OF_RANGE = "0x8004431a"
STATE_MISMATCH = "0x80048408"
VERSION_MISMATCH = "0x80060882"
DUPLICATE_KEY = "0x80040237"
NOT_A_MEMBER = "0x80072560"
USER_DISABLED = "0x80040225"
UNEXPECTED = "0x80040216"
MISSING_PRIVILEGE = "0x80040220"
EXPIRED_VERSION = "0x80044352"
NOT_IMPLEMENTED = "0x80040200"
UNKNOWN_ENTITY = "0x80041102"
DUPLICATE_ROW = "0x80040333"
ASSOCIATED = "0x80040227"


class DataverseError(Exception):
    """A request Dataverse answers with an error object."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def body(self) -> dict[str, object]:
        return {"error": {"code": self.code, "message": self.message}}


def invalid_url(message: str) -> DataverseError:
    return DataverseError(400, INVALID_URL, message)


def url_too_long(limit: int) -> DataverseError:
    return DataverseError(414, INVALID_URL, f"The URL is too long. At most {limit} characters are allowed.")


def unknown_segment(segment: str) -> DataverseError:
    return DataverseError(404, INVALID_URL, f"Resource not found for the segment '{segment}'.")


def lookup_set_to_null(name: str) -> DataverseError:
    return invalid_url(f"Property {name} cannot be updated to null. The reference property can only be deleted.")


def unknown_property(name: str, entity: str) -> DataverseError:
    return invalid_url(f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{entity}'.")


def method_not_allowed(method: str) -> DataverseError:
    return DataverseError(405, INVALID_URL, f"The http method '{method}' is not supported on this resource.")


def row_not_found(entity: str, key: str) -> DataverseError:
    return DataverseError(404, ROW_NOT_FOUND, f"{entity} With Id = {key} Does Not Exist")


def no_row_for_key(entity: str) -> DataverseError:
    message = f"A record with the specified key values does not exist in {entity} entity"
    return DataverseError(404, KEY_NOT_FOUND, message)


def undefined_key(entity: str) -> DataverseError:
    return invalid_url(
        f"The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.{entity}'. "
        "Ensure that the names and number of key properties match the declared or alternate key properties "
        f"for the resource 'Microsoft.Dynamics.CRM.{entity}'."
    )


def invalid_payload(message: str) -> DataverseError:
    return DataverseError(400, INVALID_PAYLOAD, message)


def unknown_content_id(reference: str) -> DataverseError:
    return invalid_payload(f"Content-ID Reference: '{reference}' does not exist in the batch context.")


def undeclared_property(name: str) -> DataverseError:
    """A lookup was bound through a name that is not a navigation property; names are case-sensitive."""
    return invalid_payload(
        f"An undeclared property '{name}' which only has property annotations in the payload "
        "but no property value was found in the payload. In OData, only declared navigation properties "
        "and declared named streams can be represented as properties without values."
    )


def too_long(column: str, entity: str, max_length: int) -> DataverseError:
    message = (
        f"A validation error occurred.  The length of the '{column}' attribute of the '{entity}' entity "
        f"exceeded the maximum allowed length of '{max_length}'."
    )
    return DataverseError(400, TOO_LONG, message)


def out_of_range(column: str, entity: str, value: object) -> DataverseError:
    message = (
        f"A validation error occurred.  The value {value} of '{column}' on record of type '{entity}' "
        "is outside the valid range."
    )
    return DataverseError(400, OUT_OF_RANGE, message)


def choice_out_of_range(column: str, entity: str, value: object, *, accepted: Iterable[int]) -> DataverseError:
    message = (
        f"A validation error occurred.  The value {value} of '{column}' on record of type '{entity}' "
        f"is outside the valid range. Accepted Values: {','.join(str(option) for option in accepted)}"
    )
    return DataverseError(400, CHOICE_OUT_OF_RANGE, message)


def version_mismatch() -> DataverseError:
    message = "The version of the existing record doesn't match the RowVersion property provided."
    return DataverseError(412, VERSION_MISMATCH, message)


def already_exists() -> DataverseError:
    return DataverseError(412, DUPLICATE_KEY, "A record with matching key values already exists.")


def duplicate_key() -> DataverseError:
    return DataverseError(412, DUPLICATE_KEY, "Cannot insert duplicate key.")


def expired_token() -> DataverseError:
    message = "Version stamp associated with the client has expired. Please perform a full sync."
    return DataverseError(400, EXPIRED_VERSION, message)


def not_tracked(entity: str) -> DataverseError:
    return invalid_url(f"Change tracking is not enabled for the entity '{entity}'.")


def unknown_entity(name: str) -> DataverseError:
    message = f"The entity with a name = '{name}' with namemapping = 'Logical' was not found in the MetadataCache."
    return DataverseError(404, UNKNOWN_ENTITY, message)
