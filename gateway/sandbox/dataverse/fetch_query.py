"""What a FetchXML query asks for, read against the tables of this service.

    <fetch count="50"><entity name="account"><attribute name="name" />
      <link-entity name="contact" from="contactid" to="primarycontactid" link-type="outer" alias="c">
        <attribute name="fullname" /></link-entity>
      <filter><condition attribute="statecode" operator="eq" value="0" /></filter></entity></fetch>

A lookup is called by its logical name, `primarycontactid`, its column `_primarycontactid_value`. Inner and outer links
are offered, up to 15 in a query.

Source: Dataverse, Query data using FetchXml; FetchXml reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.sandbox.dataverse.errors import DataverseError
from gateway.sandbox.dataverse.fetch_xml import Element, invalid_fetch, read_xml
from gateway.sandbox.dataverse.naming import set_of
from gateway.sandbox.expression import Path
from gateway.sandbox.model import EntitySet, Model, Property

MAX_LINKS = 15
NO_ATTRIBUTE = "0x80041103"
_LINK_TYPES = ("inner", "outer")
_AGGREGATES = {
    "sum": "sum",
    "avg": "average",
    "min": "min",
    "max": "max",
    "count": "rows",
    "countcolumn": "count",
}
_DATE_PARTS = ("day", "week", "month", "quarter", "year")
_WITHIN = ("attribute", "all-attributes", "filter", "order", "link-entity")


@dataclass(frozen=True)
class Source:
    """A table of the query. `variable` is its name in conditions, empty for the first; `alias` its name in answers."""

    entity_set: EntitySet
    variable: str = ""
    alias: str = ""

    def path(self, *names: str) -> Path:
        return Path((self.variable, *names) if self.variable else names)

    def column(self, name: str) -> Property:
        """The column of an attribute. Raises: DataverseError."""
        for candidate in (f"_{name}_value", name):
            column = self.entity_set.properties.get(candidate)
            if column is not None and not name.startswith("_") and not column.extra.get("hidden"):
                return column
        raise DataverseError(
            400,
            NO_ATTRIBUTE,
            f"'{self.entity_set.entity}' entity doesn't contain attribute with Name = '{name}' "
            "and NameMapping = 'Logical'.",
        )


@dataclass(frozen=True)
class Column:
    """A column to return as `name`; `aggregate` is a function of `aggregates` or "rows", their number."""

    source: Source
    column: Property
    name: str
    group_by: bool = False
    aggregate: str | None = None
    date_part: str | None = None


@dataclass(frozen=True)
class Link:
    """A table joined where its column `source_column` equals `parent_column` of one before it."""

    source: Source
    source_column: Property
    parent: Source
    parent_column: Property
    outer: bool
    element: Element = field(repr=False)


@dataclass(frozen=True)
class Order:
    """By a column, or in an aggregation by the alias of what is returned; `raw` orders choices by number."""

    source: Source
    column: Property | None
    alias: str
    descending: bool
    raw: bool = False


@dataclass(frozen=True)
class Fetch:
    """`root_columns` is empty when every column is wanted; `cookie` is the page cookie the client sent back."""

    root: Source
    links: tuple[Link, ...]
    columns: tuple[Column, ...]
    orders: tuple[Order, ...]
    element: Element = field(repr=False)
    top: int | None = None
    count: int | None = None
    page: int = 1
    cookie: str | None = None
    distinct: bool = False
    aggregate: bool = False
    total: bool = False

    @property
    def sources(self) -> Mapping[str, Source]:
        """Every table by its alias; the first also by its name."""
        return {self.root.entity_set.entity: self.root, **{link.source.alias: link.source for link in self.links}}

    def columns_of(self, source: Source) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.source == source)


def read_fetch(text: str, entity_set: EntitySet, model: Model) -> Fetch:
    """Read FetchXML asked of a set.

    Raises:
        DataverseError: the text is no FetchXML, asks for another set's table, or for what is not offered.
    """
    fetch = read_xml(text)
    if fetch.name != "fetch" or [child.name for child in fetch.children] != ["entity"]:
        raise invalid_fetch("a 'fetch' element with one 'entity' is expected.")
    entity = fetch.children[0]
    if entity.required("name") != entity_set.entity:
        raise invalid_fetch(
            f"the entity '{entity.get('name')}' does not match the entity set '{entity_set.name}' of the address."
        )
    entity.only(*_WITHIN)
    root = Source(entity_set)
    links = tuple(_links(entity, root, model, [0]))
    _check_links(links)
    aggregate = fetch.is_set("aggregate")
    elements = [(root, entity), *((link.source, link.element) for link in links)]
    raw = fetch.is_set("useraworderby")
    query = Fetch(
        root=root,
        links=links,
        columns=tuple(column for source, element in elements for column in _columns(element, source, aggregate)),
        orders=(),
        element=entity,
        top=_whole(fetch, "top"),
        count=_whole(fetch, "count"),
        page=_whole(fetch, "page") or 1,
        cookie=fetch.get("paging-cookie"),
        distinct=fetch.is_set("distinct"),
        aggregate=aggregate,
        total=fetch.is_set("returntotalrecordcount"),
    )
    if not query.columns:
        raise invalid_fetch("an aggregation needs an attribute.")
    _check_paging(fetch, query)
    orders = tuple(order for source, element in elements for order in _orders(element, source, query, raw=raw))
    return replace(query, orders=orders)


def _links(parent: Element, source: Source, model: Model, counter: list[int]) -> Iterator[Link]:
    for element in parent.all("link-entity"):
        element.only(*_WITHIN)
        counter[0] += 1
        link = _link(element, source, model, counter[0])
        yield link
        yield from _links(element, link.source, model, counter)


def _link(element: Element, parent: Source, model: Model, number: int) -> Link:
    name = element.required("name")
    entity_set = set_of(model, name)
    if entity_set is None or entity_set.internal:
        raise invalid_fetch(f"the entity '{name}' does not exist.")
    kind = element.get("link-type") or "inner"
    if kind not in _LINK_TYPES:
        raise invalid_fetch(f"the link type '{kind}' is not supported.")
    source = Source(entity_set, f"link {number}", element.get("alias") or f"{name}{number}")
    return Link(
        source=source,
        source_column=source.column(element.required("from")),
        parent=parent,
        parent_column=parent.column(element.required("to")),
        outer=kind == "outer",
        element=element,
    )


def _check_links(links: Sequence[Link]) -> None:
    if len(links) > MAX_LINKS:
        raise invalid_fetch(f"the number of link entities exceeds the maximum of {MAX_LINKS}.")
    aliases = [link.source.alias for link in links]
    if len(set(aliases)) < len(aliases):
        raise invalid_fetch("two link entities have the same alias.")


def _columns(element: Element, source: Source, aggregate: bool) -> Iterator[Column]:
    attributes = list(element.all("attribute"))
    if any(element.all("all-attributes")) or (not attributes and not source.variable and not aggregate):
        for column in source.entity_set.properties.values():
            if not column.extra.get("hidden"):
                yield Column(source, column, _shown(source, column))
    for attribute in attributes:
        column = source.column(attribute.required("name"))
        if not aggregate and (attribute.get("aggregate") or attribute.is_set("groupby")):
            raise invalid_fetch("an attribute is aggregated or grouped by only where 'fetch' says aggregate='true'.")
        yield (
            _measure(attribute, source, column)
            if aggregate
            else Column(source, column, attribute.get("alias") or _shown(source, column))
        )


def _shown(source: Source, column: Property) -> str:
    if not source.variable:
        return column.name
    logical = column.name[1 : -len("_value")] if "lookup" in column.extra else column.name
    return f"{source.alias}.{logical}"


def _measure(attribute: Element, source: Source, column: Property) -> Column:
    alias = attribute.required("alias")
    function, part = attribute.get("aggregate"), attribute.get("dategrouping")
    if attribute.is_set("groupby"):
        dated = column.type in ("Edm.Date", "Edm.DateTimeOffset")
        if dated != (part is not None) or (part is not None and part not in _DATE_PARTS):
            raise invalid_fetch(f"the date grouping '{part}' does not suit the attribute '{attribute.get('name')}'.")
        return Column(source, column, alias, group_by=True, date_part=part)
    if function is None or function not in _AGGREGATES:
        raise invalid_fetch(f"the attribute '{attribute.get('name')}' needs an aggregate function or a grouping.")
    aggregate = _AGGREGATES[function]
    if function == "countcolumn" and attribute.is_set("distinct"):
        aggregate = "countdistinct"
    return Column(source, column, alias, aggregate=aggregate)


def _orders(element: Element, source: Source, query: Fetch, *, raw: bool) -> Iterator[Order]:
    for order in element.all("order"):
        descending, alias = order.is_set("descending"), order.get("alias") or ""
        if query.aggregate:
            if alias not in {column.name for column in query.columns}:
                raise invalid_fetch("an order of aggregated rows needs the alias of one of their columns.")
            yield Order(source, None, alias, descending)
            continue
        of = query.sources.get(order.get("entityname") or "", source)
        yield Order(of, of.column(order.required("attribute")), "", descending, raw)


def _whole(fetch: Element, name: str) -> int | None:
    text = fetch.get(name)
    if text is None or text == "":
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**31):
        raise invalid_fetch(f"'{text}' is not a valid value for '{name}'.")
    return int(text)


def _check_paging(element: Element, query: Fetch) -> None:
    if query.top is not None and any(element.get(name) for name in ("page", "count", "paging-cookie")):
        raise invalid_fetch("the attribute 'top' cannot be combined with 'page', 'count' or 'paging-cookie'.")
