"""Where a request goes: the path below the API, taken apart and looked up in the model.

    companies(1b2c…)/salesOrders(8d1a…)/salesOrderLines(77c9…)
    customers/$count?company=Fjord%20Wheels

Names match without regard to case; keys are bare GUIDs. A set may be reached through a row of another set, by the name of
a navigation: the set name for many rows, the entity name for one.

Source: Business Central, "Endpoints for the APIs" and "API endpoint structure".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from gateway.sandbox.business_central import errors
from gateway.sandbox.business_central.apis import Api
from gateway.sandbox.expression import Comparison, Expression, Literal, Path
from gateway.sandbox.model import EntitySet, Model, Navigation, Property
from gateway.sandbox.store import Row, Store

_SEGMENT = re.compile(r"(?P<name>[^()]+)(?:\((?P<key>[^()]*)\))?")
T = TypeVar("T")
_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Target:
    """What an address names: rows of `entity_set`, all those of a parent row, or the one with `key`.

    `within` is the property that ties the rows to a parent row and its value there. `single` marks a navigation that
    leads to one row at most. `context` is the path for `@odata.context`, with keys of parents.
    """

    entity_set: EntitySet
    context: str
    key: str | None = None
    within: tuple[str, object] | None = None
    single: bool = False
    count: bool = False

    @property
    def condition(self) -> Expression | None:
        """`within` as a filter."""
        if self.within is None:
            return None
        name, value = self.within
        column = self.entity_set.properties[name]
        return Comparison("eq", Path((name,)), Literal(str(value), column.type))


def locate(path: str, *, company: str | None, store: Store, api: Api) -> Target:
    """Look an address up; `company` is the id or name from the query or a batch part's header.

    Raises:
        RefusedError: an unknown segment, company or parent row, or a malformed key.
    """
    segments = [_segment(text) for text in path.strip("/").split("/")]
    count = segments[-1][0].lower() == "$count" and len(segments) > 1
    if count:
        segments.pop()
    scope = ""
    name, key = segments[0]
    if name.lower() == "companies" and len(segments) > 1:
        if key is None:
            raise errors.unknown_segment(segments[1][0])
        scope = f"companies({_company(store, key)})/"
        segments.pop(0)
    elif company is not None:
        scope = f"companies({_company(store, company)})/"
    name, key = segments.pop(0)
    entity_set = find_set(store.model, api, name)
    if not entity_set.extra.get("root") and not scope:
        raise errors.unknown_company()
    if key is not None and entity_set.extra.get("query"):
        raise errors.unknown_segment(f"{name}({key})")
    target = Target(entity_set, scope + entity_set.public_name, key=_guid(key))
    for name, key in segments:
        target = _follow(store, target, name, _guid(key))
    return Target(target.entity_set, target.context, target.key, target.within, target.single, count)


def find_set(model: Model, api: Api, name: str) -> EntitySet:
    """A set that an address of an API may name."""
    for entity_set in model.sets.values():
        if entity_set.public_name.lower() == name.lower() and api.has(entity_set):
            return entity_set
    raise errors.unknown_segment(name)


def find_property(entity_set: EntitySet, name: str) -> Property | None:
    return _without_case(entity_set.visible, name)


def find_navigation(entity_set: EntitySet, name: str) -> Navigation | None:
    return _without_case(entity_set.navigations, name)


def _without_case(named: Mapping[str, T], name: str) -> T | None:
    if name in named:
        return named[name]
    return next((value for key, value in named.items() if key.lower() == name.lower()), None)


def _segment(text: str) -> tuple[str, str | None]:
    match = _SEGMENT.fullmatch(text)
    if match is None:
        raise errors.RefusedError(400, "BadRequest_InvalidRequestUrl", f"The request URI is not valid at '{text}'.")
    return match["name"], match["key"]


def _guid(key: str | None) -> str | None:
    if key is None:
        return None
    if not _GUID.fullmatch(key.lower()):
        raise errors.malformed_key(key)
    return key.lower()


def _company(store: Store, wanted: str) -> str:
    for row in store.select("companies"):
        if wanted.strip("'").lower() in (row["id"], str(row["name"]).lower()):
            return str(row["id"])
    raise errors.unknown_company()


def existing(store: Store, entity_set: EntitySet, key: str) -> Row:
    """The row with a key.

    Raises:
        RefusedError: there is none.
    """
    row = store.get(entity_set.name, key)
    if row is None:
        raise errors.unknown_row(str(entity_set.extra["table"]), key)
    return row


def _follow(store: Store, target: Target, name: str, key: str | None) -> Target:
    navigation = find_navigation(target.entity_set, name)
    if navigation is None or target.key is None:
        raise errors.unknown_segment(name)
    row = existing(store, target.entity_set, target.key)
    within = navigation.target_property, row[navigation.source_property]
    entity_set = store.model.sets[navigation.target]
    context = f"{target.context}({target.key})/{navigation.name}"
    if not navigation.collection and key is None:
        found = store.select(entity_set.name, where=Target(entity_set, "", within=within).condition, limit=1)
        key = str(found[0][entity_set.key]) if found else None
        return Target(entity_set, context, key=key, within=within, single=True)
    return Target(entity_set, context, key=key, within=within)
