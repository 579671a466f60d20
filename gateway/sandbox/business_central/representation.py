"""Rows as the service sends them: the ETag first, empty values for what is unset, decimals as plain numbers.

A customer or document without a currency shows the local currency's code, while its `currencyId` stays the zero GUID.

Source: Business Central, "Endpoints for the APIs"; recorded responses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.sandbox.business_central.etags import etag
from gateway.sandbox.business_central.query import default_order
from gateway.sandbox.business_central.rules import local_currency
from gateway.sandbox.expression import ExpandItem
from gateway.sandbox.model import EntitySet, Navigation
from gateway.sandbox.store import Row, Store

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Shape:
    """Which properties and navigations of a row to show; an empty `select` means every property."""

    select: tuple[str, ...] = ()
    expand: tuple[ExpandItem, ...] = ()


def show(store: Store, entity_set: EntitySet, rows: Sequence[Row], shape: Shape) -> list[Json]:
    """Rows of one set, with their expansions read in one query per navigation and level."""
    names = shape.select or _shown(entity_set)
    local = {name for name in names if entity_set.properties[name].extra.get("localCurrency")}
    stand_in = dict.fromkeys(local, local_currency(store)) if local else {}
    tagged = not entity_set.extra.get("query")
    shown = [_plain(row, names, stand_in, tagged=tagged) for row in rows]
    for item in shape.expand:
        navigation = entity_set.navigations[item.navigation]
        children = _children(store, navigation, rows, item)
        for row, target in zip(rows, shown, strict=True):
            found = children.get(row[navigation.source_property], [])
            if item.count and navigation.collection:
                target[f"{item.navigation}@odata.count"] = len(found)
            target[item.navigation] = _cut(found, item) if navigation.collection else next(iter(found), None)
    return shown


def _shown(entity_set: EntitySet) -> tuple[str, ...]:
    """Every property that carries data."""
    return tuple(name for name, column in entity_set.visible.items() if not column.extra.get("filterOnly"))


def _plain(row: Row, names: Sequence[str], stand_in: Mapping[str, str], *, tagged: bool) -> Json:
    """One row; `stand_in` holds what some properties show when they are blank. Rows of a query have no ETag."""
    values = row.values
    shown: Json = {"@odata.etag": etag(row)} if tagged else {}
    shown |= {name: values[name] for name in names}
    for name, value in stand_in.items():
        shown[name] = shown[name] or value
    return shown


def _children(
    store: Store, navigation: Navigation, rows: Sequence[Row], item: ExpandItem
) -> Mapping[object, list[Json]]:
    target = store.model.sets[navigation.target]
    order = item.orderby or default_order(target)
    groups = store.related(navigation, rows, where=item.filter, order=order)
    flat = [row for group in groups.values() for row in group]
    shown = show(store, target, flat, Shape(item.select, item.expand))
    result: dict[object, list[Json]] = {}
    for row, json in zip(flat, shown, strict=True):
        result.setdefault(row[navigation.target_property], []).append(json)
    return result


def _cut(children: list[Json], item: ExpandItem) -> list[Json]:
    start = item.skip or 0
    return children[start:] if item.top is None else children[start : start + item.top]
