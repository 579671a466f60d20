"""`$expand`: which navigations to follow, and what Dataverse refuses there.

At most 15 navigations in one query. `$top` and `$orderby` are for collections only, and for none as soon as expansions
are nested. `/$ref` works on single navigations.

Source: Dataverse, Join tables using OData.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.sandbox.dataverse.conditions import Viewpoint, read_filter
from gateway.sandbox.dataverse.errors import invalid_url, unknown_property
from gateway.sandbox.dataverse.naming import target_sets
from gateway.sandbox.dataverse.options import read_order, read_select, read_top
from gateway.sandbox.expression import Expression, OrderItem, split
from gateway.sandbox.model import EntitySet, Model, Navigation

MAX_EXPANSIONS = 15
_OPTIONS = frozenset({"$select", "$filter", "$orderby", "$top", "$expand"})


@dataclass(frozen=True)
class Expansion:
    """One navigation to follow. `query_string` holds its options as written, for the link to the same children."""

    navigation: Navigation
    targets: tuple[EntitySet, ...]
    select: tuple[str, ...] = ()
    where: Expression | None = None
    order: tuple[OrderItem, ...] = ()
    top: int | None = None
    expand: tuple[Expansion, ...] = ()
    only_reference: bool = False
    query_string: str = ""


@dataclass(frozen=True)
class ExpandReader:
    """Reads `$expand` texts of one request."""

    model: Model
    viewpoint: Viewpoint
    aliases: Mapping[str, str]

    def read(self, text: str, entity_set: EntitySet) -> tuple[Expansion, ...]:
        """Raises: DataverseError for what is refused, ExpressionError for what cannot be read."""
        expansions = self._items(text, entity_set, depth=0)
        _check(expansions)
        return expansions

    def _items(self, text: str, entity_set: EntitySet, *, depth: int) -> tuple[Expansion, ...]:
        if depth > MAX_EXPANSIONS:
            raise _too_many()
        return tuple(self._item(item.strip(), entity_set, depth=depth) for item in split(text, ","))

    def _item(self, text: str, entity_set: EntitySet, *, depth: int) -> Expansion:
        name, bracket, rest = text.partition("(")
        name = name.strip()
        navigation = entity_set.navigations.get(name.removesuffix("/$ref"))
        if navigation is None:
            raise unknown_property(name, entity_set.entity)
        if bracket and not rest.endswith(")"):
            raise invalid_url(f"Syntax error in $expand at '{text}'.")
        options = _options(rest[:-1]) if bracket else {}
        targets = target_sets(self.model, navigation)
        viewpoint, aliases = self.viewpoint, self.aliases
        return Expansion(
            navigation=navigation,
            targets=targets,
            select=read_select(options["$select"], *targets) if "$select" in options else (),
            where=(
                read_filter(options["$filter"], targets[0], model=self.model, viewpoint=viewpoint, aliases=aliases)
                if "$filter" in options
                else None
            ),
            order=read_order(options["$orderby"], targets[0], self.model) if "$orderby" in options else (),
            top=read_top(options["$top"]) if "$top" in options else None,
            expand=self._items(options["$expand"], targets[0], depth=depth + 1) if "$expand" in options else (),
            only_reference=name.endswith("/$ref"),
            query_string="&".join(f"{key}={value}" for key, value in options.items()),
        )


def _options(text: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in split(text, ";"))):
        name, _, value = part.partition("=")
        if name not in _OPTIONS or name in options:
            raise invalid_url(f"The query parameter {name} is not supported inside $expand.")
        options[name] = value
    return options


def is_nested(expansions: Sequence[Expansion]) -> bool:
    """Whether an expansion stands inside another."""
    return any(item.expand for item in expansions)


def _check(expansions: Sequence[Expansion]) -> None:
    items = list(_all(expansions))
    if len(items) > MAX_EXPANSIONS:
        raise _too_many()
    if len(items) > 1 and any(item.navigation.through is not None for item in items):
        raise invalid_url("A many-to-many navigation property must be the only one in $expand.")
    for item in items:
        if item.only_reference and item.navigation.collection:
            raise invalid_url("Expand with $ref is only supported on lookup type navigation property.")
        if (item.order or item.top is not None) and (is_nested(expansions) or not item.navigation.collection):
            raise invalid_url(
                "Only $select and $filter clause can be provided while doing $expand on many-to-one relationship "
                "or nested one-to-many relationship."
            )


def _all(expansions: Sequence[Expansion]) -> Iterator[Expansion]:
    for item in expansions:
        yield item
        yield from _all(item.expand)


def _too_many() -> Exception:
    return invalid_url(f"The number of $expand options exceeds the maximum of {MAX_EXPANSIONS}.")
