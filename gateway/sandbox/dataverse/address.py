"""Addresses below the service root: a set, a row, a column of it, a navigation, `/$count` and `/$ref`.

    accounts                                accounts(guid)                  accounts(accountnumber='C00210')
    accounts(guid)/name                     accounts(guid)/primarycontactid/$ref
    accounts(guid)/order_customer_accounts  accounts/$count

Source: Dataverse, Compose HTTP requests; Use an alternate key to reference a row; Retrieve a table row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.sandbox.dataverse.errors import invalid_url, undefined_key, unknown_segment
from gateway.sandbox.expression import ExpressionError, split
from gateway.sandbox.model import EntitySet, Model, Navigation, Property

GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LITERAL = re.compile(rf"{GUID.pattern}|-?\d[\d.:TZ-]*|true|false")
_SEGMENT = re.compile(r"([^()]+)(?:\((.*)\))?", re.DOTALL)
_SUFFIXES = ("$count", "$ref")
_NOT_IN_URLS = frozenset("/<>*%&:\\?+")


@dataclass(frozen=True)
class Address:
    """What a path leads to. `key` maps the key columns to their values: the primary key alone, or an alternate key.

    At most one of `column` and `navigation` is there; `member_key` is the key of one row within a collection.
    """

    entity_set: EntitySet
    key: Mapping[str, object] | None = None
    column: Property | None = None
    navigation: Navigation | None = None
    member_key: str | None = None
    suffix: str = ""

    @property
    def primary(self) -> str | None:
        """The primary key in the address, or None where an alternate key stands there."""
        value = (self.key or {}).get(self.entity_set.key)
        return None if value is None else str(value)


def read_address(path: str, model: Model) -> Address:
    """Read a decoded path relative to the service root.

    Raises:
        DataverseError: a segment that does not exist, or a key that is not defined.
    """
    try:
        first, *rest = split(path.strip("/"), "/")
    except ExpressionError as error:
        raise invalid_url(str(error)) from error
    name, key_text = _segment(first)
    entity_set = model.sets.get(name)
    if entity_set is None or entity_set.internal:
        raise unknown_segment(name)
    suffix = rest.pop() if rest and rest[-1] in _SUFFIXES else ""
    address = Address(entity_set, read_key(key_text, entity_set) if key_text is not None else None, suffix=suffix)
    if not rest:
        return address
    return _member(address, rest)


def requested_address(path: str, model: Model) -> Address:
    """Read the path of a request: an address in which some characters cannot stand in a key.

    Raises:
        DataverseError: as `read_address`, and for such a character.
    """
    address = read_address(path, model)
    if any(_NOT_IN_URLS.intersection(str(value)) for value in (address.key or {}).values()):
        raise invalid_url("Bad Request - Error in query syntax.")
    return address


def _member(address: Address, rest: list[str]) -> Address:
    entity_set = address.entity_set
    name, key_text = _segment(rest[0])
    column, navigation = entity_set.properties.get(name), entity_set.navigations.get(name)
    if address.key is None or len(rest) > 1 or (column is None and navigation is None):
        raise unknown_segment(rest[1] if len(rest) > 1 else name)
    member_key = None
    if key_text is not None:
        if navigation is None or not navigation.collection or not GUID.fullmatch(key_text):
            raise unknown_segment(rest[0])
        member_key = key_text.lower()
    return Address(
        entity_set, address.key, column=column, navigation=navigation, member_key=member_key, suffix=address.suffix
    )


def _segment(text: str) -> tuple[str, str | None]:
    match = _SEGMENT.fullmatch(text)
    if match is None:
        raise unknown_segment(text)
    return match[1], match[2]


def read_key(text: str, entity_set: EntitySet) -> dict[str, object]:
    """The key within parentheses: a GUID, or the columns of the primary or of an alternate key with their values."""
    if GUID.fullmatch(text.strip()):
        return {entity_set.key: text.strip().lower()}
    pairs = dict(_pair(part) for part in split(text, ","))
    if set(pairs) == {entity_set.key} and not entity_set.extra.get("principal"):
        value = pairs[entity_set.key]
        if GUID.fullmatch(str(value)):
            return {entity_set.key: str(value).lower()}
    elif any(set(pairs) == set(columns) for columns in alternate_keys(entity_set)):
        return pairs
    raise undefined_key(entity_set.entity)


def alternate_keys(entity_set: EntitySet) -> list[list[str]]:
    """The active alternate keys of a set, each a list of columns."""
    keys = entity_set.extra.get("alternateKeys")
    return [[str(column) for column in columns] for columns in keys] if isinstance(keys, list) else []


def _pair(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals:
        raise invalid_url(f"Bad Request - Error in query syntax: '{text}' is not a key.")
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] == "'":
        return name.strip(), value[1:-1].replace("''", "'")
    if not _LITERAL.fullmatch(value):
        raise invalid_url(f"Bad Request - Error in query syntax: '{value}' is not a value.")
    return name.strip(), value
