"""Changes that wait to be told, of one subscription: merged by row, or one `collection` when there are too many.

Pure: times are arguments.

Source: Business Central, "Working with webhooks in Dynamics 365 Business Central".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

Kind = Literal["created", "updated", "deleted"]

_MERGED: Final[Mapping[tuple[Kind, Kind], Kind]] = {
    ("created", "updated"): "created",
    ("created", "deleted"): "deleted",
    ("updated", "deleted"): "deleted",
    ("deleted", "created"): "updated",
}
"""What two changes of one row amount to; in other cases it is the later one."""


@dataclass(frozen=True, slots=True)
class Change:
    """`first` is when it was noticed first; `since` and `last` are the row's own times of its first and last change."""

    kind: Kind
    first: datetime
    since: datetime
    last: datetime

    def followed_by(self, later: "Change") -> "Change":
        return Change(
            _MERGED.get((self.kind, later.kind), later.kind),
            min(self.first, later.first),
            min(self.since, later.since),
            max(self.last, later.last),
        )


@dataclass(slots=True)
class Pending:
    """What one subscription has not been told yet.

    `everything` stands in for all rows once there were more than `most`. While `under_way` nothing more is taken, and
    after a failure nothing before `not_before`; `attempts` counts failures in a row.
    """

    most: int
    window: timedelta
    rows: dict[str, Change] = field(default_factory=dict)
    everything: Change | None = None
    attempts: int = 0
    not_before: datetime | None = None
    under_way: bool = False
    _earliest: datetime | None = None

    def add(self, key: str, change: Change) -> None:
        if self.everything is not None:
            self.everything = self.everything.followed_by(change)
        else:
            known = self.rows.get(key)
            self.rows[key] = known.followed_by(change) if known else change
        self._earliest = change.first if self._earliest is None else min(self._earliest, change.first)
        if len(self.rows) > self.most:
            self._collect()

    def due_at(self) -> datetime | None:
        """When there will be something to take; None when there is nothing, or something is under way."""
        if self._earliest is None or self.under_way:
            return None
        due = self._earliest + self.window
        return due if self.not_before is None else max(due, self.not_before)

    def take(self, now: datetime) -> "Taken | None":
        """The changes whose window is over, if it is time; `put_back` or `done` says what became of them."""
        due = self.due_at()
        if due is None or due > now:
            return None
        ripe = {key: change for key, change in self.rows.items() if change.first + self.window <= now}
        taken = Taken(ripe, self.everything)
        self.rows = {key: change for key, change in self.rows.items() if key not in ripe}
        self.everything = None
        self.under_way = True
        self._look()
        return taken

    def done(self) -> None:
        """What was taken has been told."""
        self.under_way, self.attempts, self.not_before = False, 0, None

    def put_back(self, taken: "Taken", *, until: datetime) -> None:
        """What was taken could not be told; it waits, together with what has changed in the meantime."""
        later, self.rows = self.rows, dict(taken.rows)
        newer, self.everything = self.everything, taken.everything
        self.under_way, self.not_before = False, until
        self.attempts += 1
        for key, change in later.items():
            self.add(key, change)
        if newer is not None:
            self._collect(newer)
        self._look()

    def _collect(self, extra: Change | None = None) -> None:
        """From here on only that much has changed."""
        changes = [change for change in (self.everything, extra, *self.rows.values()) if change is not None]
        total = changes[0]
        for change in changes[1:]:
            total = total.followed_by(change)
        self.everything, self.rows = replace(total, kind="updated"), {}

    def _look(self) -> None:
        times = [change.first for change in self.rows.values()]
        if self.everything is not None:
            times.append(self.everything.first)
        self._earliest = min(times, default=None)


@dataclass(frozen=True, slots=True)
class Taken:
    """Changes by row key, or `everything`."""

    rows: Mapping[str, Change]
    everything: Change | None = None
