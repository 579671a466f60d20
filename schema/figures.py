"""Figure types: objects whose fields are calculated from the rows of a record's plan, see ``gateway.answers.plan``.

A figure's field names the feeds it is made of; look-ahead, reading, the figure itself and what is said of it when it is missing
derive from that one declaration::

    reserved: Decimal | None = figure(lambda it: it.figures.reserved, feeds=("reservations",), description="…")
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, dataclass_transform

import strawberry
from graphql import GraphQLObjectType
from strawberry.utils.str_converters import to_camel_case

from gateway.answers.plan import FailedFeed, FigurePlan
from gateway.auth.caller import Role
from gateway.figures.unavailable import Unavailable
from schema.access import WITH_ITS_FIELD, seen_by
from schema.enums import MissingReason
from schema.fields import READERS, declaration_of, declared
from schema.rules import DEFINITION

T = TypeVar("T")


@dataclass_transform(kw_only_default=True)
def figure_type(plan: FigurePlan, *, description: str) -> Callable[[type[T]], type[T]]:
    """A GraphQL type over figures of one record."""

    def decorate(cls: type[T]) -> type[T]:
        made = strawberry.type(cls, description=description)
        made.figure_plan = plan  # type: ignore[attr-defined]
        return made

    return decorate


def figure_plan(target: GraphQLObjectType) -> FigurePlan | None:
    """The plan of a figure type; None for any other."""
    found = getattr(target.extensions[DEFINITION].origin, "figure_plan", None)
    return found if isinstance(found, FigurePlan) else None


def show_figure(value: T | Unavailable | None) -> T | None:
    """A figure as its field shows it: null when it is missing, with an error when a backend failed and nobody was told yet.

    Raises:
        GatewayError: what failed.
    """
    if isinstance(value, FailedFeed):
        value.failure.tell()
    return None if isinstance(value, Unavailable) else value


def figure(
    read: Callable[[Any], object],
    *,
    description: str,
    feeds: Iterable[str] = (),
    columns: Iterable[str] = (),
    convert: Callable[[Any, Any], object] | None = None,
    access: frozenset[Role] = READERS,
) -> Any:
    """A figure: ``read`` takes it from what the object calculates, ``convert`` makes it what the schema shows."""

    def resolve(root: Any) -> Any:
        value = show_figure(read(root.calculated))
        return value if value is None or convert is None else convert(root, value)

    return strawberry.field(
        resolver=resolve,
        description=description,
        metadata=declared(access, feeds=feeds, columns=columns, read=read),
    )


@seen_by(WITH_ITS_FIELD)
@strawberry.type(description="A figure that could not be had, and why.")
class MissingFigure:
    figure: str = strawberry.field(description="The name of the field that is null for it.")
    reason: MissingReason = strawberry.field(description="Why it is missing.")
    message: str = strawberry.field(description="The reason in a sentence.")


def missing_of(
    kind: type[Any],
    calculated: Any,
    names: Iterable[str],
    nested: Mapping[str, Callable[[Any], object]],
) -> list[MissingFigure]:
    """Which of the fields selected are missing; those below a field that is there by their path, as ``nested`` reads them."""
    wanted = set(names)
    readers: dict[str, Callable[[Any], object]] = {}
    for each in kind.__strawberry_definition__.fields:
        declaration = declaration_of(each)
        if declaration is not None and declaration.read is not None:
            readers[each.graphql_name or to_camel_case(each.python_name)] = declaration.read
    missing: list[MissingFigure] = []
    for name, read in (readers | dict(nested)).items():
        parent = name.rpartition(".")[0]
        if name not in wanted or any(each.figure == parent for each in missing):
            continue
        value = read(calculated)
        if isinstance(value, Unavailable):
            missing.append(MissingFigure(figure=name, reason=value.reason, message=value.message))
    return missing
