"""What is written to a backend, as data: one row created, updated, upserted or deleted. Pure.

Every write is guarded, so that it can be repeated when nobody knows whether it arrived: a create carries the id of its row,
an update and a deletion the ETag of the row they were decided on, an upsert the key that is unique. There is no other
kind of write here, and no way to force one through (``If-Match: *``).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from urllib.parse import quote
from uuid import UUID

from gateway.errors import InvalidInputError
from gateway.odata.query import Value, literal
from gateway.records import Values


@dataclass(frozen=True, slots=True)
class Create:
    """A new row under an id of our own choice. ``entity_set`` is a path, ``companies(…)/customers`` or ``accounts``."""

    entity_set: str
    id: UUID
    values: Values


@dataclass(frozen=True, slots=True)
class Update:
    """Some properties of the row that still has this ETag."""

    entity_set: str
    id: UUID
    values: Values
    etag: str


@dataclass(frozen=True, slots=True)
class Upsert:
    """The row with this alternate key, created where there is none (Dataverse). ``key`` maps its columns to values."""

    entity_set: str
    key: Mapping[str, Value]
    values: Values


@dataclass(frozen=True, slots=True)
class Delete:
    """The row, if it still has this ETag."""

    entity_set: str
    id: UUID
    etag: str


@dataclass(frozen=True, slots=True)
class CreateWith:
    """A new row with rows below it, such as a document with its lines: all of them or none.

    ``navigation`` leads from the row to those below. Dataverse wants each of them to say which row it is below.
    """

    head: Create
    navigation: str
    below: tuple[Create, ...]


Write = Create | CreateWith | Update | Upsert | Delete


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it goes out, alone or as a part of a batch. ``url`` is relative to the API's base."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Values | None = None


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Requests of a batch that are carried out together; what the first answers stands for all."""

    requests: tuple[Request, ...]


Asked = Request | ChangeSet
"""One thing that a batch is asked for."""


def size(asked: Asked) -> int:
    """How many operations of a batch it is."""
    return len(asked.requests) if isinstance(asked, ChangeSet) else 1


class Writes(Protocol):
    """How one backend wants its writes."""

    def request(self, write: Write) -> Asked:
        """
        Raises:
            InvalidInputError: the backend cannot take this write.
        """
        ...


def row(entity_set: str, id: UUID) -> str:
    """The address of a row by its primary key."""
    return f"{entity_set}({id})"


_ENTITY_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e]*"')
"""Source: RFC 9110, 8.8.3 ETag."""


def if_match(etag: str) -> dict[str, str]:
    """The guard of an update or a deletion.

    Raises:
        InvalidInputError: this is no ETag; ``*`` or nothing at all would write whatever is there.
    """
    if not _ENTITY_TAG.fullmatch(etag):
        raise InvalidInputError("A record is changed or deleted under the ETag it was read with.", argument="etag")
    return {"If-Match": etag}


_NOT_IN_A_KEY = frozenset("/<>*%&:\\?+#")
"""Source: Dataverse, "Use an alternate key to reference a record": these do not work in GET or PATCH."""


_SAFE_IN_A_KEY = "',="


def by_key(entity_set: str, key: Mapping[str, Value]) -> str:
    """The address of a row by an alternate key: ``accounts(accountnumber='C00210')``.

    Raises:
        InvalidInputError: there is no key or a blank one, which many rows may share, or a value holds a character that no
            address may hold.
    """
    if not key:
        raise InvalidInputError("A record is addressed by a key.", argument="key")
    for name, value in key.items():
        if value in (None, ""):
            raise InvalidInputError(f"A blank key names no record ({name}).", argument=name)
        refused = _NOT_IN_A_KEY.intersection(value) if isinstance(value, str) else ()
        if refused:
            characters = " ".join(sorted(refused))
            raise InvalidInputError(f"A key in an address cannot hold {characters} ({name}).", argument=name)
    pairs = ",".join(f"{name}={literal(value)}" for name, value in key.items())
    return f"{entity_set}({quote(pairs, safe=_SAFE_IN_A_KEY)})"


def holds(row: Values, written: Values) -> bool:
    """Whether a row, as read again, has what was written: a repeated write whose first attempt was carried out.

    What cannot be compared (rows below the row, a reference whose column goes by another name) counts as not held: a
    conflict that is none is settled by reading, a write taken for done would be lost.
    """
    return all(_holds(row, name, value) for name, value in written.items())


def _holds(row: Values, name: str, written: object) -> bool:
    column, at, annotation = name.partition("@")
    if not at:
        return _same(row.get(name), written)
    if annotation != "odata.bind":
        return True
    lookup = f"_{column.lower()}_value"
    return lookup in row and _same(row[lookup], _referred(written))


_REFERENCE = re.compile(r"\(([0-9A-Fa-f-]{36})\)$")


def _referred(written: object) -> object:
    """The id in ``/contacts(5d0e1c77-…)``; a reference by anything else is no id."""
    found = _REFERENCE.search(str(written))
    return found.group(1) if found else written


def _same(read: object, written: object) -> bool:
    """Business Central has no null and Dataverse no blank text, so those two are alike; otherwise types must agree."""
    match written:
        case None | "":
            return read in (None, "")
        case bool():
            return read is written
        case int() | Decimal():
            return isinstance(read, int | Decimal) and not isinstance(read, bool) and read == written
        case datetime():
            return _instant(read) == written
        case _:
            return isinstance(read, str) and read.lower() == str(written).lower()


def _instant(read: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(read))
    except ValueError:
        return None
