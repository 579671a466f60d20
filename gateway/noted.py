"""What changes while something is being done: whoever changes it says so here, and whoever wants to know listens.

The stores and the clients note what they have changed, so that no mutation can forget to; where nobody listens, as in jobs,
nothing is kept. What is noted in a transaction counts once it is committed::

    with noting() as notes:                 # the audit trail
        ...
        with if_kept():                     # a store, around its transaction
            note(Change("COUPLING", "MOVED", before=..., after=...))
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

MOST_CHANGES: Final = 200
"""Of one listener; of what comes after them only the number is kept."""

MOST_RECORDS: Final = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """``kind`` of thing, and what happened to it; ``before`` and ``after`` as far as whoever changed it knows them.

    ``what`` names the thing, ``records`` are the ids it is found by.
    """

    kind: str
    event: str
    what: Mapping[str, object]
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None
    records: tuple[UUID, ...] = ()


@dataclass(slots=True)
class Notes:
    """What one listener was told, within bounds."""

    changes: list[Change] = field(default_factory=list)
    more: int = 0
    records: dict[UUID, None] = field(default_factory=dict)

    def take(self, change: Change) -> None:
        if len(self.changes) < MOST_CHANGES:
            self.changes.append(change)
        else:
            self.more += 1
        for each in change.records:
            if len(self.records) < MOST_RECORDS:
                self.records[each] = None


_listening: ContextVar[Notes | None] = ContextVar("listening", default=None)


def note(*changes: Change) -> None:
    """Tell whoever listens."""
    notes = _listening.get()
    if notes is not None:
        for each in changes:
            notes.take(each)


@contextmanager
def noting() -> Iterator[Notes]:
    """Listen to all that is done inside, by this task and those it begins."""
    notes = Notes()
    token = _listening.set(notes)
    try:
        yield notes
    finally:
        _listening.reset(token)


@contextmanager
def if_kept() -> Iterator[None]:
    """What is noted inside is told when it ends well: a transaction that was taken back has changed nothing."""
    outer = _listening.get()
    if outer is None:
        yield
        return
    with noting() as notes:
        yield
    _pass_on(notes, outer)


def _pass_on(notes: Notes, to: Notes) -> None:
    for each in notes.changes:
        to.take(each)
    to.more += notes.more
    _add(notes.records, to)


def _add(records: Iterable[UUID], to: Notes) -> None:
    for each in records:
        if len(to.records) < MOST_RECORDS:
            to.records[each] = None
