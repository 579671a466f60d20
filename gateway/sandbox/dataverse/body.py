"""Request bodies: columns, lookups bound with `@odata.bind`, and nested rows of a deep insert.

    {"name": "Quay Cycles", "primarycontactid@odata.bind": "/contacts(5d0e1c77-…)", "contact_customer_accounts": [{…}]}

Columns that only Dataverse writes are ignored. Navigation names are case-sensitive. Null clears a lookup, with or without
`@odata.bind` behind the name of its navigation; `_primarycontactid_value` never does.

Source: Dataverse, Create a table row using the Web API; Associate and disassociate table rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.sandbox.dataverse.errors import invalid_payload, lookup_set_to_null, undeclared_property
from gateway.sandbox.dataverse.values import checked
from gateway.sandbox.json_text import loads
from gateway.sandbox.model import EntitySet, Navigation

_BIND = "@odata.bind"


@dataclass(frozen=True)
class Change:
    """What a body asks for. `lookups` maps navigations to references such as `/contacts(…)`, or None to clear one."""

    values: Mapping[str, object] = field(default_factory=dict)
    lookups: Mapping[str, str | None] = field(default_factory=dict)
    parents: Mapping[str, Change] = field(default_factory=dict)
    children: Mapping[str, tuple[Change, ...]] = field(default_factory=dict)
    associated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_object(body: bytes) -> Mapping[str, object]:
    """The JSON object of a request. Raises: DataverseError."""
    try:
        document = loads(body)
    except ValueError as error:
        raise invalid_payload("The request body is not valid JSON.") from error
    if not isinstance(document, dict):
        raise invalid_payload("The request body must be a JSON object.")
    return document


def read_change(document: Mapping[str, object], entity_set: EntitySet, sets: Mapping[str, EntitySet]) -> Change:
    """Read an object as a change to a row of `entity_set`. Raises: DataverseError."""
    reader = _Reader(entity_set, sets)
    for name, value in document.items():
        reader.read(name, value)
    return Change(reader.values, reader.lookups, reader.parents, reader.children, reader.associated)


class _Reader:
    """Sorts the members of one object into the parts of a change."""

    def __init__(self, entity_set: EntitySet, sets: Mapping[str, EntitySet]) -> None:
        self.entity_set = entity_set
        self.sets = sets
        self.values: dict[str, object] = {}
        self.lookups: dict[str, str | None] = {}
        self.parents: dict[str, Change] = {}
        self.children: dict[str, tuple[Change, ...]] = {}
        self.associated: dict[str, tuple[str, ...]] = {}

    def read(self, name: str, value: object) -> None:
        if name.endswith(_BIND):
            self._bind(name.removesuffix(_BIND), value)
        elif "@" in name:
            return
        elif name in self.entity_set.properties:
            self._column(name, value)
        elif name in self.entity_set.navigations:
            self._nested(self.entity_set.navigations[name], value)
        else:
            kind = f"Microsoft.Dynamics.CRM.{self.entity_set.entity}"
            raise invalid_payload(f"Invalid property '{name}' was found in entity '{kind}'.")

    def _column(self, name: str, value: object) -> None:
        column = self.entity_set.properties[name]
        if "lookup" in column.extra and value is None:
            raise lookup_set_to_null(name)
        if "lookup" in column.extra:
            raise invalid_payload(
                "CRM do not support direct update of Entity Reference properties, Use Navigation properties instead."
            )
        if not column.read_only:
            self.values[name] = checked(column, value, entity=self.entity_set.entity)

    def _bind(self, name: str, value: object) -> None:
        navigation = self.entity_set.navigations.get(name)
        if navigation is None:
            raise undeclared_property(name)
        if navigation.collection:
            if not isinstance(value, list):
                raise invalid_payload(f"The property '{name}' is a collection and takes a list of references.")
            self.associated[name] = tuple(str(item) for item in value)
            return
        if self.entity_set.properties[navigation.source_property].read_only:
            raise invalid_payload(f"The property '{name}' is read-only.")
        if not (value is None or isinstance(value, str)):
            raise invalid_payload(f"The property '{name}' takes one reference.")
        self.lookups[name] = value

    def _nested(self, navigation: Navigation, value: object) -> None:
        target = self.sets[navigation.target]
        if value is None and not navigation.collection:
            self._bind(navigation.name, None)
        elif navigation.collection and isinstance(value, list):
            self.children[navigation.name] = tuple(read_change(_object(item), target, self.sets) for item in value)
        elif not navigation.collection and value is not None:
            self.parents[navigation.name] = read_change(_object(value), target, self.sets)
        else:
            raise invalid_payload(f"The property '{navigation.name}' has an unexpected value.")


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise invalid_payload("A nested row must be a JSON object.")
    return value
