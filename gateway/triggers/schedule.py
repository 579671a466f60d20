"""What is done every so many minutes, and when it is due: the rules. Pure.

Source: Business Central, "Scheduled Synchronization using the Synchronization Job Queue Entries"; codeunits CDS Setup Defaults
and CRM Setup Defaults. There a job without work sleeps for up to a day, since each of its runs reads both tables. A run of ours
over nothing new asks each side once, so no schedule sleeps.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from gateway.couplings.coupling import Mapping
from gateway.errors import InvalidInputError
from gateway.runs.run import RunKind
from gateway.sync.mappings import TABLE_MAPPINGS

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=7)
BY: Final = "schedule"
"""Who began a run that nobody asked for."""

_NIGHT: Final = time(2)
_DAY: Final = timedelta(days=1)
_ORDER: Final = (*TABLE_MAPPINGS, *(each for each in Mapping if each.is_own))
"""In which mappings follow each other at night."""


class Task(StrEnum):
    """What a schedule begins."""

    SYNCHRONIZE = "SYNCHRONIZE"
    """What changed in the tables of a mapping."""
    RECONCILE = "RECONCILE"
    """Whether the records of all couplings of a mapping are still there."""
    STATISTICS = "STATISTICS"
    """The statistics of all coupled customers, copied to CRM."""
    STOCK = "STOCK"
    """The stock of all coupled items, copied to CRM."""

    @property
    def kind(self) -> RunKind:
        """The runs it begins."""
        return {
            Task.SYNCHRONIZE: RunKind.MODIFIED,
            Task.RECONCILE: RunKind.RECONCILE,
            Task.STATISTICS: RunKind.STATISTICS,
            Task.STOCK: RunKind.STOCK,
        }[self]

    @property
    def only(self) -> Mapping | None:
        """The one mapping that it is about; None: any."""
        return {Task.STATISTICS: Mapping.CUSTOMER, Task.STOCK: Mapping.ITEM}.get(self)


@dataclass(frozen=True, slots=True)
class Key:
    """Which schedule."""

    task: Task
    mapping: Mapping
    company_id: UUID


@dataclass(frozen=True, slots=True)
class Default:
    """How a schedule is as long as nobody changed it."""

    every: timedelta
    enabled: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    """``every`` and ``enabled`` are None as long as nobody changed them. ``next_due``: None before it was looked at."""

    key: Key
    every: timedelta | None = None
    enabled: bool | None = None
    next_due: datetime | None = None
    last_begun: datetime | None = None
    last_run_id: UUID | None = None
    changed_at: datetime | None = None
    changed_by: str | None = None


def default_of(key: Key, *, configured_company: UUID) -> Default:
    """Half-hourly, as Microsoft's; opportunities have no schedule there. Other companies have none until somebody says so."""
    every = _DAY if key.task is Task.RECONCILE else timedelta(minutes=30)
    opportunity = key.task is Task.SYNCHRONIZE and key.mapping is Mapping.OPPORTUNITY
    return Default(every, enabled=key.company_id == configured_company and not opportunity)


def keys_of(company_id: UUID, mappings: Iterable[Mapping]) -> Iterator[Key]:
    """All schedules there can be in a company, mappings in the order in which they depend on each other."""
    for task in Task:
        for mapping in mappings:
            if task.only in (None, mapping):
                yield Key(task, mapping, company_id)


def first_due(key: Key, every: timedelta, now: datetime, zone: ZoneInfo) -> datetime:
    """When a schedule begins that never ran: after its interval, or in the next night for what is done once a day or less.

    At night the mappings follow each other, a minute apart.
    """
    if every < _DAY:
        return now + every
    local = now.astimezone(zone)
    tonight = datetime.combine(local.date(), _NIGHT, tzinfo=zone) + timedelta(minutes=_ORDER.index(key.mapping))
    return (tonight if tonight > local else tonight + _DAY).astimezone(now.tzinfo)


def following(due: datetime, every: timedelta, now: datetime) -> datetime:
    """When it is due again: at the next moment of its rhythm that is still to come. What was missed meanwhile is one run."""
    missed = max(0, (now - due) // every)
    return due + (missed + 1) * every


def due_after_change(last_begun: datetime | None, every: timedelta, now: datetime) -> datetime:
    """When a schedule that somebody changed is due: an interval after it last began, or now if that has passed."""
    return max(now, last_begun + every) if last_begun is not None else now


def checked(every_minutes: int) -> timedelta:
    """
    Raises:
        InvalidInputError: too often, or too seldom.
    """
    least, most = int(SHORTEST / timedelta(minutes=1)), int(LONGEST / timedelta(minutes=1))
    if not least <= every_minutes <= most:
        raise InvalidInputError(
            f"A schedule runs every {least} to {most} minutes, at most once a minute and at least once a week.",
            argument="everyMinutes",
        )
    return timedelta(minutes=every_minutes)


def key_for(task: Task, mapping: Mapping | None, company_id: UUID) -> Key:
    """
    Raises:
        InvalidInputError: the task is not about this mapping, or it has to be said about which.
    """
    wanted = mapping or task.only
    if wanted is None:
        raise InvalidInputError(f"Say which mapping {task} is about.", argument="mapping")
    if task.only not in (None, wanted):
        raise InvalidInputError(f"{task} is about {task.only}, not {wanted}.", argument="mapping")
    return Key(task, wanted, company_id)
