"""What an answer of figures needs of a record, and what was read of it: the rows, or why they cannot be had.

A figure is made of *feeds*; the plan says which rows a feed is, given what is asked. The rows are read as branches of the
record's need; afterwards :func:`fed` takes them from its row again, and turns a failure into a missing figure.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from gateway.errors import BackendError, ProtocolError, RefusedError, RejectedError
from gateway.figures.documents import Module
from gateway.figures.unavailable import Reason, Unavailable
from gateway.reading.need import Branch, Link, LocalCurrency, Need, Source
from gateway.reading.row import Failure, Feed, NotInstalled, Row
from gateway.reading.sources import title_of
from gateway.records import Values

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting:
    """What of the settings and of the moment figures depend on. ``look_ahead``: how far ahead what is promised is kept."""

    today: date
    read_at: datetime
    look_ahead: timedelta
    modules: frozenset[Module]
    extension_api: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """The arguments of a figure object, by their GraphQL names, and the setting they are asked in."""

    arguments: Mapping[str, Any]
    setting: Setting

    def all_of(self, name: str) -> tuple[Any, ...]:
        """The values an argument is given, to the field itself and to its lines."""
        lines = self.arguments.get("lines") or ()
        values = (each.get(name) for each in (self.arguments, *lines))
        return tuple(dict.fromkeys(value for value in values if value is not None))

    def any_of(self, name: str) -> bool:
        """Whether an argument is given at all."""
        return bool(self.all_of(name))


Branches = Mapping[str, tuple[Link, Need]]
"""What a feed reads: the rows of one set, or of several, by name."""

Feeds = Mapping[str, Callable[[Asked], Branches]]


def _nothing(asked: Asked) -> frozenset[str]:
    return frozenset()


def _nowhere(arguments: Mapping[str, Any]) -> Sequence[UUID]:
    return ()


@dataclass(frozen=True, slots=True)
class FigurePlan:
    """What a figure type needs. ``columns`` of the record always, ``always`` feeds besides those of the fields selected.

    ``companies`` are those whose records are to be read instead of the one it hangs on. ``currency`` leads to the currency its
    amounts are in.
    """

    source: Source
    feeds: Feeds
    columns: frozenset[str] = frozenset()
    always: Callable[[Asked], frozenset[str]] = field(default=_nothing)
    companies: Callable[[Mapping[str, Any]], Sequence[UUID | None]] = field(default=_nowhere)
    currency: Link = field(default_factory=LocalCurrency)


def need_of(plan: FigurePlan, feeds: Iterable[str], asked: Asked, *, columns: Iterable[str] = ()) -> Need:
    """What has to be read of a record for these feeds."""
    wanted = {name: plan.feeds[name](asked) for name in sorted({*feeds, *plan.always(asked)})}
    branches = tuple(
        Branch(feed_branch("", name), link, need) for feed in wanted.values() for name, (link, need) in feed.items()
    )
    unique = {branch.name: branch for branch in branches}
    return Need(plan.source, plan.columns | frozenset(columns), tuple(unique.values()))


def feed_branch(prefix: str, name: str) -> str:
    """The branch of a feed; ``$`` begins no response key."""
    return f"{prefix}${name}"


def company_branch(prefix: str, company: UUID) -> str:
    """The branch that leads to the record of another company."""
    return f"{prefix}${company}"


@dataclass(frozen=True, slots=True)
class FailedFeed(Unavailable):
    """A backend failed, which the caller is told once as an error; the figures are missing besides."""

    failure: Failure


def failed(failure: Failure) -> FailedFeed:
    """What a failure means for the figures that need its rows."""
    refused = isinstance(failure.error, RefusedError)
    return FailedFeed(Reason.NOT_PERMITTED if refused else Reason.BACKEND_UNREACHABLE, failure.error.sentence, failure)


def _of_record(row: Row, failure: Failure) -> Failure:
    """Where the record's own backend failed, its feeds did for the same reason: the caller reads of it once."""
    own = row.values
    if (
        not isinstance(own, Failure)
        or not isinstance(failure.error, BackendError)
        or not isinstance(own.error, BackendError)
    ):
        return failure
    return own if own.error.backend == failure.error.backend else failure


NO_EXTENSION = Unavailable(
    Reason.SOURCE_NOT_INSTALLED,
    "The extension with the gateway's pages is not installed (setting GATEWAY_EXTENSION_API).",
)


def fed(
    row: Row, branch: str, read: Callable[[Sequence[Values]], T], *, otherwise: Unavailable = NO_EXTENSION
) -> T | Unavailable:
    """What the rows of a branch come to, or why they cannot be had; ``otherwise`` is why nobody asked for them."""
    return fed_from(row, branch, lambda feed: read(feed.rows), otherwise=otherwise)


def fed_from(
    row: Row, branch: str, read: Callable[[Feed], T], *, otherwise: Unavailable = NO_EXTENSION
) -> T | Unavailable:
    """As :func:`fed`, where it matters which source the rows came from.

    Of a record that could not be read there is no feed either: the number its rows were read by is the one its coupling
    remembers, and may be another record's by now.
    """
    outcome = row.links.get(branch)
    if isinstance(row.values, Failure) and isinstance(outcome, Feed | NotInstalled):
        return failed(row.values)
    match outcome:
        case Feed(source):
            pass
        case Failure():
            return failed(_of_record(row, outcome))
        case NotInstalled(lacking, permitted=False):
            return Unavailable(Reason.NOT_PERMITTED, f"{title_of(lacking)}: the gateway may not read it.")
        case NotInstalled(lacking):
            return Unavailable(Reason.SOURCE_NOT_INSTALLED, f"{title_of(lacking)} is not installed.")
        case _:
            return otherwise
    try:
        return read(outcome)
    except (ValueError, KeyError, TypeError, ArithmeticError) as error:
        problem = ProtocolError(
            f"{source.backend.label} sent a row of {source.name} that cannot be read.", backend=source.backend
        )
        problem.__cause__ = error
        row.links[branch] = failure = Failure(problem)
        return failed(failure)


def column_of(row: Row, name: str, convert: Callable[[object], T]) -> T | Unavailable | None:
    """A column of the record as a figure's part; None when it is blank."""
    if isinstance(row.values, Failure) and name not in row.known:
        return failed(row.values)
    value = row.key(name)
    if value is None:
        return None
    try:
        return convert(value)
    except (ValueError, TypeError, KeyError, ArithmeticError):
        backend = row.source.backend
        problem = ProtocolError(
            f"{backend.label} sent a value of an unknown kind for {row.source.name}.{name}.", backend=backend
        )
        return failed(Failure(problem))


def behind(row: Row, branch: str) -> Row | Unavailable | None:
    """The record behind a link that a figure needs; None when there is none."""
    outcome = row.links.get(branch)
    match outcome:
        case Row():
            return outcome
        case Failure(error=RejectedError()):  # a column that only an installed solution adds
            return Unavailable(
                Reason.SOURCE_NOT_INSTALLED, "CRM has not the columns of the Business Central Sales solution."
            )
        case Failure():
            return failed(outcome)
        case _:
            return None
