"""What reading gives to the schema: rows with their branches, and failures that tell themselves once. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from gateway.errors import BackendError, GatewayError, ProtocolError
from gateway.odata.query import Value
from gateway.reading.need import Source
from gateway.records import Values


@dataclass(slots=True, eq=False)
class Failure:
    """A branch that could not be had, or (``of_record``) a record. Many fields hang on it; the caller reads of it once."""

    error: GatewayError
    of_record: bool = False
    told: bool = False

    def tell(self) -> None:
        """Raise the error the first time; after that the fields are just null.

        Raises:
            GatewayError: what happened.
        """
        if not self.told:
            self.told = True
            error = self.error.again()
            if isinstance(error, BackendError):
                error.of_record = self.of_record
            raise error


@dataclass(slots=True, eq=False)
class Row:
    """One record of one backend, or of our own tables, with what was read behind it.

    ``values`` is a Failure when the record's own backend did not answer but the record is known to exist; ``known`` then
    holds what the coupling says of it (its keys). ``links`` are found under ``scope`` and the response key. ``etag`` is the
    version that was read, for a write; expanded rows and our own have none.
    """

    source: Source
    company: UUID | None
    values: Values | Failure
    known: Values = field(default_factory=dict)
    links: dict[str, "Outcome"] = field(default_factory=dict)
    scope: str = ""
    etag: str | None = None

    def within(self, scope: str) -> "Row":
        """The same row as seen from one place of the answer; the same response key may mean something else at another."""
        return replace(self, scope=scope)

    def get(self, column: str) -> object:
        """A column's value; None for what the backend does not have.

        Raises:
            GatewayError: the row's backend failed, and nobody has told the caller yet.
        """
        if isinstance(self.values, Failure):
            if column in self.known:
                return self.known[column]
            self.values.tell()
            return None
        return self.values.get(column)

    def link_value(self, column: str, target: Source, name: str) -> Value:
        """What to look for in ``target``'s property ``name``; None when this row leads nowhere.

        Raises:
            ProtocolError: the row's backend sent something that is no GUID where one belongs.
        """
        value = self.key(column)
        if value is None:
            return None
        try:
            return target.key_value(name, value)
        except ValueError as error:
            backend = self.source.backend
            raise ProtocolError(
                f"{backend.label} sent no GUID for {self.source.name}.{column}.", backend=backend
            ) from error

    def key(self, column: str) -> object:
        """A column's value for following a link: None when there is none or it is not known."""
        values: Mapping[str, object] = self.known if isinstance(self.values, Failure) else self.values
        return values.get(column)


@dataclass(slots=True, eq=False)
class RowPage:
    """A page of rows: each with its cursor. ``total`` is None unless it was asked for."""

    rows: Sequence[Row]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool
    total: "int | Failure | None" = None


@dataclass(frozen=True, slots=True)
class Feed:
    """Rows that a figure is made of, and the set they came from."""

    source: Source
    rows: Sequence[Values]


@dataclass(frozen=True, slots=True)
class NotInstalled:
    """No source has it: the tenant lacks this one (and the others it could have come from)."""

    source: Source
    permitted: bool = True


Outcome = Row | RowPage | Sequence[Row] | Failure | Feed | NotInstalled | Mapping[str, str | None] | date | str | None
"""What a branch came to: a row, a page, an expanded collection, a failure, the rows or names or date a figure needs, a currency
code, or nothing."""
