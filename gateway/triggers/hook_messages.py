"""What the two systems post when something changed. Pure: nothing here is believed, only read.

Business Central sends ids, never data::

    {"value": [{"subscriptionId": "9c41…", "clientState": "…", "resource": "api/v2.0/companies(1b2c…)/customers(3f0c…)",
                "changeType": "updated", "lastModifiedDateTime": "2026-05-04T07:41:22.37Z"}]}

Dataverse sends the execution context of one message; of it we take the table, the row, the message, who, and when::

    {"MessageName": "Update", "PrimaryEntityName": "account", "PrimaryEntityId": "90aa…", "UserId": "…",
     "InputParameters": [
       {"key": "Target", "value": {"Attributes": [{"key": "modifiedon", "value": "\\/Date(1777880482000)\\/"}]}}]}

Sources: Business Central, "Working with webhooks in Dynamics 365 Business Central"; Dataverse, "Use webhooks".
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from gateway.errors import InvalidInputError

MOST_BYTES = 1_048_576
"""A body that is longer is none of theirs: Dataverse sends 256 KB at most, Business Central 1,000 short rows."""

_RESOURCE = re.compile(
    r"/?api/v2\.0/companies\((?P<company>[0-9a-f-]{36})\)/(?P<set>\w{1,80})"
    r"(?:\((?P<id>[0-9a-f-]{36})\)|\?\$filter=[^\s#]{0,400})?",
    re.IGNORECASE,
)
_DATE = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BcChange:
    """One row of a notification. ``record_id`` is None when all of the set is to be read anew (``collection``)."""

    subscription_id: str
    client_state: str = field(repr=False)
    company_id: UUID
    set_name: str
    record_id: UUID | None
    deleted: bool
    at: datetime | None


@dataclass(frozen=True, slots=True)
class CrmChange:
    """One message. ``at`` is when the row was changed by it, None for a deletion; ``by`` is the user it was done as."""

    table: str
    record_id: UUID
    deleted: bool
    at: datetime | None
    by: UUID | None


def read_business_central(body: bytes) -> list[BcChange]:
    """Raises: InvalidInputError: not a notification."""
    document = _document(body)
    rows = document.get("value")
    if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
        raise _unreadable()
    return list(map(_bc_change, rows))


def _bc_change(row: Mapping[str, Any]) -> BcChange:
    found = _RESOURCE.fullmatch(_text(row, "resource"))
    kind = _text(row, "changeType").lower()
    if found is None or kind not in ("created", "updated", "deleted", "collection"):
        raise _unreadable()
    if (found["id"] is None) is not (kind == "collection"):
        raise _unreadable()
    return BcChange(
        subscription_id=_text(row, "subscriptionId"),
        client_state=_text(row, "clientState"),
        company_id=_id(found["company"]),
        set_name=found["set"],
        record_id=_id(found["id"]) if found["id"] is not None else None,
        deleted=kind == "deleted",
        at=_instant(row.get("lastModifiedDateTime")),
    )


def read_dataverse(body: bytes) -> CrmChange:
    """Raises: InvalidInputError: not the execution context of a message about one row."""
    document = _document(body)
    message = _text(document, "MessageName")
    if message not in ("Create", "Update", "Delete"):
        raise _unreadable()
    by = document.get("UserId")
    return CrmChange(
        table=_text(document, "PrimaryEntityName"),
        record_id=_id(_text(document, "PrimaryEntityId")),
        deleted=message == "Delete",
        at=next(_modified(document), None),
        by=_id(by) if isinstance(by, str) else None,
    )


def _modified(document: Mapping[str, Any]) -> Iterator[datetime]:
    """The moment of change that the message wrote; not there when the message was too long to be sent whole."""
    for target in _values(document.get("InputParameters"), "Target"):
        for text in _values(target.get("Attributes") if isinstance(target, dict) else None, "modifiedon"):
            found = _DATE.fullmatch(text) if isinstance(text, str) else None
            if found is not None:
                try:
                    yield _EPOCH + timedelta(milliseconds=int(found[1]))
                except OverflowError:
                    return


def _values(pairs: object, key: str) -> Iterator[Any]:
    """What stands under a key in a list of pairs; their order means nothing."""
    for pair in pairs if isinstance(pairs, list) else ():
        if isinstance(pair, dict) and pair.get("key") == key:
            yield pair.get("value")


def _document(body: bytes) -> dict[str, Any]:
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise _unreadable() from None  # the body may hold a secret: nothing of it goes on
    if not isinstance(document, dict):
        raise _unreadable()
    return document


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        raise _unreadable()
    return value


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _unreadable() from None


def _instant(value: object) -> datetime | None:
    """A moment that cannot be read is none: the record is looked at all the same."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def _unreadable() -> InvalidInputError:
    return InvalidInputError("This is not a notification.", argument="body")
