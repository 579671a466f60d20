"""Rows as JSON: entity tag, columns with their annotations, and expanded navigations, one query for each of them.

A collection is followed by `{navigation}@odata.nextLink`, an address that returns the same children. Where expansions
are nested, the link is given only when the page size cut the children off, and continues behind them.

Source: Dataverse, Join tables using OData; Select columns using OData.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.sandbox.dataverse.access import within_reach
from gateway.sandbox.dataverse.annotations import CURRENCY, annotator
from gateway.sandbox.dataverse.expand import Expansion, is_nested
from gateway.sandbox.dataverse.formatting import wire_value
from gateway.sandbox.dataverse.naming import leading_to
from gateway.sandbox.dataverse.operation import Operation, etag
from gateway.sandbox.dataverse.paging import skip_token
from gateway.sandbox.dataverse.preferences import MAX_PAGE_SIZE
from gateway.sandbox.model import EntitySet, Property
from gateway.sandbox.store import Row

Json = dict[str, object]


def render(
    operation: Operation,
    entity_set: EntitySet,
    rows: Sequence[Row],
    *,
    select: Sequence[str] = (),
    expand: Sequence[Expansion] = (),
    nested: bool | None = None,
) -> list[Json]:
    """Rows of one set with their expansions; `nested` says whether the whole query nests expansions."""
    columns = visible_columns(entity_set, select)
    describe = annotator(operation.store, entity_set, operation.preferences, rows=rows, columns=columns)
    rendered: list[Json] = []
    for row in rows:
        document: Json = {"@odata.etag": etag(row)}
        for column in columns:
            document.update(describe.annotate(row, column))
            document[column.name] = _value(entity_set, row, column)
        rendered.append(document)
    for item in expand:
        deep = is_nested(expand) if nested is None else nested
        _expand(operation, entity_set, rows, rendered=rendered, item=item, nested=deep)
    return rendered


def visible_columns(entity_set: EntitySet, select: Sequence[str]) -> list[Property]:
    """The columns an answer shows: those selected, the currency of any money among them, and always the primary key."""
    if not select:
        return list(entity_set.properties.values())
    names = [name for name in select if name in entity_set.properties]
    if any("money" in entity_set.properties[name].extra for name in names) and CURRENCY in entity_set.properties:
        names.append(CURRENCY)
    if entity_set.extra.get("principal"):
        names.append("ownerid")
    return [entity_set.properties[name] for name in dict.fromkeys([*names, entity_set.key])]


def _value(entity_set: EntitySet, row: Row, column: Property) -> object:
    if column.name == "ownerid" and entity_set.extra.get("principal"):
        return row[entity_set.key]
    return wire_value(column, row[column.name])


def _expand(
    operation: Operation,
    entity_set: EntitySet,
    rows: Sequence[Row],
    *,
    rendered: Sequence[Json],
    item: Expansion,
    nested: bool,
) -> None:
    if item.navigation.collection:
        _expand_collection(operation, entity_set, rows, rendered=rendered, item=item, nested=nested)
        return
    found: dict[object, Json] = {}
    for target in item.targets:
        found.update(_single(operation, rows, item, target=target, nested=nested))
    for row, document in zip(rows, rendered, strict=True):
        document[item.navigation.name] = found.get(row[item.navigation.source_property])


def _single(
    operation: Operation, rows: Sequence[Row], item: Expansion, *, target: EntitySet, nested: bool
) -> dict[object, Json]:
    """The rows of `target` a single navigation leads to, by their key."""
    navigation = leading_to(item.navigation, target)
    groups = operation.store.related(navigation, rows, where=within_reach(operation, target, item.where))
    parents = [group[0] for group in groups.values()]
    if item.only_reference:
        references: list[Json] = [{"@odata.id": operation.link(target, row[target.key])} for row in parents]
    else:
        references = render(operation, target, parents, select=item.select, expand=item.expand, nested=nested)
        if len(item.targets) > 1:
            kind = f"#Microsoft.Dynamics.CRM.{target.entity}"
            references = [{"@odata.type": kind, **reference} for reference in references]
    return {row[target.key]: document for row, document in zip(parents, references, strict=True)}


def _expand_collection(
    operation: Operation,
    entity_set: EntitySet,
    rows: Sequence[Row],
    *,
    rendered: Sequence[Json],
    item: Expansion,
    nested: bool,
) -> None:
    size = (operation.preferences.page_size if nested else None) or MAX_PAGE_SIZE
    limit = size if item.top is None else min(item.top, size)
    target = item.targets[0]
    where = within_reach(operation, target, item.where)
    groups = operation.store.related(item.navigation, rows, where=where, order=item.order, limit=limit + 1)
    children = [child for group in groups.values() for child in group[:limit]]
    documents = render(operation, target, children, select=item.select, expand=item.expand, nested=nested)
    by_key = {child[target.key]: document for child, document in zip(children, documents, strict=True)}
    for row, document in zip(rows, rendered, strict=True):
        group = groups.get(row[item.navigation.source_property], [])
        shown = group[:limit]
        document[item.navigation.name] = [by_key[child[target.key]] for child in shown]
        options = [item.query_string] if item.query_string else []
        if nested and len(group) > limit:
            token = skip_token(operation.store, target, item.order, page=2, first=shown[0], last=shown[-1])
            options.append(f"$skiptoken={token}")
        if not nested or len(group) > limit:
            address = f"{operation.link(entity_set, row[entity_set.key])}/{item.navigation.name}"
            document[f"{item.navigation.name}@odata.nextLink"] = "?".join([address, *filter(None, ["&".join(options)])])
