"""One declaration per field: where it comes from, how it is converted, who may see it.

Resolvers, look-ahead and role rules all derive from that one line, so a type reads like a table of what it is::

    number: str | None = column("number", description="The customer number.")
    account: Account | None = link(Coupled("CUSTOMER"), description="The coupled account in CRM.")

What a declaration says is read twice: by ``schema.selection``, before anything is fetched, to build the
:class:`~gateway.reading.need.Need`; and by the field itself, afterwards, to take its value from the row.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Self, TypeVar

import strawberry
from strawberry import Info
from strawberry.types.field import StrawberryField

from gateway.auth.caller import Role
from gateway.errors import ProtocolError
from gateway.reading import values
from gateway.reading.need import BaseCurrency, Branch, ByKey, Link, LocalCurrency, Many, Source
from gateway.reading.row import Failure, Row, RowPage
from gateway.reading.values import Convert
from schema.access import ADMINISTRATORS as ADMINISTRATORS
from schema.access import EVERY_ROLE as EVERY_ROLE
from schema.access import READERS as READERS
from schema.access import SIGNED_IN as SIGNED_IN
from schema.connection import Connection
from schema.ids import GlobalId
from schema.money import Money

First = Annotated[int, strawberry.argument(description="How many rows; the limit is a setting of the gateway.")]
After = Annotated[str | None, strawberry.argument(description="The `endCursor` of the page before.")]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Declaration:
    """Where a field comes from.

    ``column`` is its property; ``currency`` the link to its currency, if it is an amount; ``link`` leads to other rows, a
    page of them when ``paged``. A field with none of these is computed from what is there. ``access`` names the roles of
    which a caller needs one; when it is empty, any caller may.

    ``branches`` are read besides, under names that are no response keys.

    A field of ``figures`` is an object of a figure type, see ``schema.figures``. There, ``columns`` and ``feeds`` are what a
    figure is made of, ``read`` calculates it, and a field of the ``same_row`` is the record itself.
    """

    access: frozenset[Role]
    column: str | None = None
    currency: Link | None = None
    link: Link | None = None
    paged: bool = False
    figures: bool = False
    columns: frozenset[str] = frozenset()
    feeds: frozenset[str] = frozenset()
    read: Callable[[Any], object] | None = None
    same_row: bool = False
    branches: tuple[Branch, ...] = ()


_KEY = "declaration"


def declaration_of(strawberry_field: StrawberryField) -> Declaration | None:
    """What was declared of a field; None for a field of a plain object."""
    found = strawberry_field.metadata.get(_KEY)
    return found if isinstance(found, Declaration) else None


def declared(
    access: frozenset[Role],
    *,
    figures: bool = False,
    columns: Iterable[str] = (),
    feeds: Iterable[str] = (),
    read: Callable[[Any], object] | None = None,
    same_row: bool = False,
    branches: tuple[Branch, ...] = (),
) -> Mapping[str, Declaration]:
    """Metadata for a field that has a resolver of its own."""
    return {
        _KEY: Declaration(
            access,
            figures=figures,
            columns=frozenset(columns),
            feeds=frozenset(feeds),
            read=read,
            same_row=same_row,
            branches=branches,
        )
    }


CURRENCY_BRANCH: Mapping[type, str] = {
    LocalCurrency: "$localCurrency",
    BaseCurrency: "$baseCurrency",
    ByKey: "$transactionCurrency",
}
"""The hidden branch an amount's currency hangs on; amounts of one row share it. ``$`` begins no response key."""


@dataclass(eq=False)
class _Plain:
    """What is common to the fields below: built from a declaration, read from the row, no constructor argument."""

    declaration: Declaration
    description: str
    convert: Convert = field(default=values.text)
    empty: object = None


class RowField(StrawberryField):
    """A field whose value is taken from the object's row."""

    plain: _Plain

    @classmethod
    def of(cls, plain: _Plain) -> Self:
        made = cls(description=plain.description, metadata={_KEY: plain.declaration})
        made.plain = plain
        made.init = made.repr = made.compare = False
        return made

    def __copy__(self) -> Self:
        copied = type(self).of(self.plain)
        copied.python_name = self.python_name
        copied.graphql_name = self.graphql_name
        copied.type_annotation = self.type_annotation
        copied.origin = self.origin
        return copied


class ColumnField(RowField):
    """A property of the row. It needs no ``Info``, which is what makes it cheap."""

    def get_result(self, source: Any, info: Info[Any, Any] | None, args: list[Any], kwargs: Any) -> Any:
        return read(source.row, self.plain)


class AmountField(RowField):
    """A property that is an amount of money, with the currency it is in."""

    def get_result(self, source: Any, info: Info[Any, Any] | None, args: list[Any], kwargs: Any) -> Any:
        row: Row = source.row
        amount = read(row, self.plain)
        currency = self.plain.declaration.currency
        return Money.of(amount, row.links.get(CURRENCY_BRANCH[type(currency)])) if amount is not None else None


class LinkField(RowField):
    """What was read behind a link: a row, a list of rows or a page."""

    @property
    def is_basic_field(self) -> bool:
        return False  # it must know its response key

    def get_result(self, source: Any, info: Info[Any, Any] | None, args: list[Any], kwargs: Any) -> Any:
        assert info is not None  # noqa: S101 - not a basic field
        return show(source.row.links.get(f"{source.row.scope}{info.path.key}"))


class IdField(RowField):
    """The global id: known even when the row's backend is not there."""

    def get_result(self, source: Any, info: Info[Any, Any] | None, args: list[Any], kwargs: Any) -> Any:
        row: Row = source.row
        company, key = row.company, row.key(row.source.key)
        if company is None or key is None:
            raise ProtocolError(
                f"{row.source.backend.label} left out the key of {row.source.name}.", backend=row.source.backend
            )
        try:
            return str(GlobalId(type(source).__name__, company, values.guid(key)))
        except (ValueError, TypeError) as error:
            raise ProtocolError(
                f"{row.source.backend.label} sent a key of {row.source.name} that is no GUID.",
                backend=row.source.backend,
            ) from error


def read(row: Row, plain: _Plain) -> object:
    """The converted value of a declared column.

    Raises:
        GatewayError: the row's backend failed, or sent a value of another kind than it promises.
    """
    name = plain.declaration.column
    assert name is not None  # noqa: S101 - column fields declare one
    value = row.get(name)
    if value is None:
        return plain.empty if not isinstance(row.values, Failure) else None
    try:
        return plain.convert(value)
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        raise ProtocolError(
            f"{row.source.backend.label} sent a value of an unknown kind for {row.source.name}.{name}.",
            backend=row.source.backend,
        ) from error


ROW_TYPES: dict[str, type[Any]] = {}
"""The GraphQL type over the rows of each entity set."""


def row_type(source: Source, *, description: str) -> Callable[[type[T]], type[T]]:
    """A GraphQL type over the rows of one entity set. The class annotates ``row: strawberry.Private[Row]``."""

    def decorate(cls: type[T]) -> type[T]:
        made = strawberry.type(cls, description=description)
        made.source = source  # type: ignore[attr-defined]
        ROW_TYPES[source.name] = made
        return made

    return decorate


def show(outcome: object) -> Any:
    """What a branch came to, as the schema shows it.

    Raises:
        GatewayError: the branch failed, and this is the first field of it that asks.
    """
    match outcome:
        case Failure():
            outcome.tell()
            return None
        case Row():
            return ROW_TYPES[outcome.source.name](row=outcome)
        case RowPage():
            return Connection(page=outcome, show=show)
        case list():
            return [show(row) for row in outcome]
        case _:
            return None


def column(
    name: str,
    *,
    description: str,
    convert: Convert = values.text,
    empty: object = None,
    access: frozenset[Role] = READERS,
) -> Any:
    """A property of the backend's row; ``empty`` is what a blank one means, when that is not null."""
    return ColumnField.of(_Plain(Declaration(access, column=name), description, convert, empty))


def amount(name: str, *, currency: Link, description: str, access: frozenset[Role] = READERS) -> Any:
    """A property that is an amount; ``currency`` leads to the code of its currency."""
    declaration = Declaration(access, column=name, currency=currency)
    return AmountField.of(_Plain(declaration, description, values.decimal))


def link(to: Link, *, description: str, access: frozenset[Role] = READERS) -> Any:
    """The row behind a link, or the list of them behind an expanded collection."""
    return LinkField.of(_Plain(Declaration(access, link=to), description))


def paged(to: Many, *, description: str, access: frozenset[Role] = READERS) -> Any:
    """A page of the rows behind a link."""

    def resolve(root: Any, info: Info[Any, Any], first: First = 10, after: After = None) -> Any:
        return show(root.row.links.get(f"{root.row.scope}{info.path.key}"))

    declaration = Declaration(access, link=to, paged=True)
    return strawberry.field(resolver=resolve, description=description, metadata={_KEY: declaration})


def global_id(*, access: frozenset[Role] = READERS) -> Any:
    """The ``id`` of a node."""
    return IdField.of(_Plain(Declaration(access), "Global id, for `node`."))
