"""Addresses of requests within a batch, which may be written in four ways:

    accounts(guid)?$select=name                              relative to the service root
    /api/data/v9.2/accounts(guid)?$select=name               from the root of the host, its mount prefix left out or not
    https://crm.example/api/data/v9.2/accounts(guid)         in full
    $1/primarycontactid/$ref                                 relative to a row written earlier in the change set

Source: OASIS, OData Protocol 4.0, section 11.7.2 Batch Request Body; Dataverse, Execute batch operations using the Web
API, sections Batch requests and Reference URIs in an operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from gateway.sandbox.dataverse.errors import invalid_url, unknown_content_id, unknown_segment

MAX_URL = 65_536
_SERVICE = "/api/data/v9.2/"
_RESOURCES = frozenset({"$metadata", "$entity", "$all"})


def read_url(url: str, *, root: str, written: Mapping[str, str]) -> tuple[str, str]:
    """The decoded path below the service root, and the query as it was sent.

    `written` maps Content-IDs to rows such as `accounts(guid)`.

    Raises:
        DataverseError: the URL is too long or leads elsewhere, or its Content-ID is unknown.
    """
    if len(url) > MAX_URL:
        raise invalid_url(f"The URL is {len(url)} characters long. At most {MAX_URL} are allowed within a batch.")
    service = urlsplit(root)
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise invalid_url(f"'{url}' is not a URL.") from error
    if parts.netloc and parts.netloc.lower() != service.netloc.lower():
        raise invalid_url(f"'{url}' does not lead to this service.")
    path = unquote(parts.path)
    if path.startswith("/"):
        path = _below(path, unquote(service.path))
    return _followed(path, written), parts.query


def _below(path: str, service_path: str) -> str:
    for prefix in (service_path, _SERVICE):
        if f"{path.rstrip('/')}/" == prefix:
            return ""
        if path.startswith(prefix):
            return path.removeprefix(prefix)
    raise unknown_segment(path.split("/")[1])


def _followed(path: str, written: Mapping[str, str]) -> str:
    """The path with a leading Content-ID reference replaced by the row it stands for."""
    first, slash, rest = path.partition("/")
    if not first.startswith("$") or first in _RESOURCES:
        return path
    return f"{follow(first, written)}{slash}{rest}"


def follow(reference: str, written: Mapping[str, str]) -> str:
    """The row that `$1` stands for; any other reference is returned as it is.

    Raises:
        DataverseError: 400 when no earlier request of the change set has this Content-ID.
    """
    if not reference.startswith("$"):
        return reference
    row = written.get(reference[1:])
    if row is None:
        raise unknown_content_id(reference)
    return row
