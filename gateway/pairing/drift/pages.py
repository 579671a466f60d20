"""Drift, page by page: our couplings in their order, both sides of a page of them read by id, then rows of CRM nobody has.

A page of 500 couplings costs one request at Business Central (a batch) and one or two at CRM, and as many batches more as its
missing records fill;
nothing of a page is kept when the next ones are read, four side by side. Where a page of findings ends is a place to go on
behind. An answer that runs out of time is short, not late: it says how far it has come.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

from gateway.couplings.coupling import Coupling
from gateway.couplings.store import CouplingFilter, position
from gateway.errors import DeadlineError, InvalidInputError
from gateway.pairing.drift.duplicates import KeyPlace, among_themselves
from gateway.pairing.drift.examiner import Examiner, Question
from gateway.pairing.drift.kinds import KINDS, DriftKind, Finding, alike_rows
from gateway.records import Backend
from gateway.sync.desk import Desk

PAGE = 500
"""Couplings that are looked at together."""

AHEAD = 4
"""Pages side by side once the first has not been enough: Business Central takes five requests at once."""


@dataclass(frozen=True, slots=True)
class CouplingPlace:
    """Behind which finding of which coupling to go on; ``kind`` is None behind all of them."""

    key: str
    id: UUID
    kind: DriftKind | None = None

    @classmethod
    def of(cls, coupling: Coupling, kind: DriftKind | None = None) -> "CouplingPlace":
        key, id = position(coupling)
        return cls(key, id, kind)


Place = CouplingPlace | KeyPlace
Told = tuple[Finding, Place]


@dataclass(frozen=True, slots=True)
class Step:
    """What was found in one page of the walk. ``reached`` is where to go on; None when nothing is left."""

    told: list[Told]
    reached: Place | None


def check_place(question: Question, after: Place | None) -> None:
    """
    Raises:
        InvalidInputError: nothing that is asked for stands there: whoever went on from it would never come to an end.
    """
    if isinstance(after, KeyPlace) and not question.asks_for_keys:
        raise InvalidInputError("The cursor is of another question: ask without it.", argument="after")


async def walk(desk: Desk, question: Question, after: Place | None, *, ahead: int = AHEAD) -> AsyncGenerator[Step]:
    """Everything that is wrong, from behind a place; ``ahead`` pages at once when the first is not enough.

    Raises:
        BackendError: a side could not be read.
        DatabaseError: our own database cannot be used.
    """
    if not isinstance(after, KeyPlace):
        async for step in _couplings(desk, question, after, ahead):
            yield step
    if not question.asks_for_keys:
        return
    start = after if isinstance(after, KeyPlace) else None
    async with aclosing(among_themselves(desk, question.mapping, start)) as pages:
        async for groups, reached in pages:
            yield Step([(alike_rows(question.mapping, each.same), each.place) for each in groups], reached)


async def _couplings(desk: Desk, question: Question, after: CouplingPlace | None, ahead: int) -> AsyncIterator[Step]:
    examiner = await Examiner.of(desk, question)
    only_skipped = True if question.kinds == {DriftKind.SKIPPED} else None
    wanted = CouplingFilter(mapping=question.mapping.mapping, company_id=desk.company, skipped=only_skipped)
    place, pages = after, 1
    while True:
        _in_time(desk)
        page = await desk.books.couplings.page(wanted, after=_from(place), limit=PAGE * pages)
        told = await _together(examiner, page)
        behind = place
        found: list[Told] = [
            (finding, CouplingPlace.of(coupling, finding.kind))
            for coupling, same in zip(page, told, strict=True)
            for finding in same
            if behind is None or coupling.id != behind.id or _is_behind(finding.kind, behind.kind)
        ]
        place = CouplingPlace.of(page[-1]) if page else place
        is_last = len(page) < PAGE * pages
        reached = None if is_last and not question.asks_for_keys else KeyPlace("", "") if is_last else place
        yield Step(found, reached)
        if is_last:
            return
        pages = ahead


async def _together(examiner: Examiner, couplings: Sequence[Coupling]) -> list[list[Finding]]:
    """Page by page, side by side; all are waited for, so that what they cost is known. Raises: BackendError."""
    parts = [couplings[start : start + PAGE] for start in range(0, len(couplings), PAGE)]
    found: list[list[Finding]] = []
    for outcome in await asyncio.gather(*(examiner.examine(each) for each in parts), return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
        found += outcome
    return found


def _from(place: CouplingPlace | None) -> tuple[str, UUID] | None:
    """Behind the coupling; or behind the one before it, when more may be wrong with it."""
    if place is None:
        return None
    if place.kind is None or place.id.int == 0:
        return place.key, place.id
    return place.key, UUID(int=place.id.int - 1)


def _is_behind(kind: DriftKind, told: DriftKind | None) -> bool:
    return told is not None and KINDS.index(kind) > KINDS.index(told)


def _in_time(desk: Desk) -> None:
    """Raises: DeadlineError."""
    if desk.asking.deadline.remaining <= 0:
        raise _too_much(Backend.BUSINESS_CENTRAL)


def _too_much(backend: str) -> DeadlineError:
    return DeadlineError(
        "There are more couplings than can be looked at in the time this request may take. Leave out `counts` and page "
        "through the entries, or ask for fewer kinds.",
        backend=backend,
    )


@dataclass(frozen=True, slots=True)
class DriftPage:
    """A page of findings. ``end`` is where to go on; None when nothing is left."""

    told: list[Told]
    end: Place | None
    counts: Mapping[DriftKind, int] | None = None


async def drift_page(
    desk: Desk, question: Question, *, first: int, after: Place | None, count: bool = False
) -> DriftPage:
    """
    Raises:
        InvalidInputError: the place is none of this question.
        BackendError: a side could not be read; there was no time for all that is to be counted.
    """
    check_place(question, after)
    if not count:
        return await _page(desk, question, first=first, after=after)
    counts = Counter[DriftKind]()
    told: list[Told] = []
    try:
        async with aclosing(walk(desk, question, None)) as steps:
            async for step in steps:
                counts.update(finding.kind for finding, _ in step.told)
                told += step.told[: first + 1 - len(told)]
    except DeadlineError as error:
        raise _too_much(error.backend) from error
    if after is not None:
        told = (page := await _page(desk, question, first=first, after=after)).told
        return DriftPage(told, page.end, counts)
    return DriftPage(told[:first], told[first - 1][1] if len(told) > first else None, counts)


async def _page(desk: Desk, question: Question, *, first: int, after: Place | None) -> DriftPage:
    told: list[Told] = []
    reached: Place | None = after
    async with aclosing(walk(desk, question, after)) as steps:
        async for step in steps:
            told += step.told
            reached = step.reached
            if len(told) > first:
                return DriftPage(told[:first], told[first - 1][1])
            if reached is not None and is_running_out(desk):
                break
    return DriftPage(told, reached)


def is_running_out(desk: Desk) -> bool:
    """Whether what is left of the request's time should go into answering."""
    return desk.asking.deadline.remaining < desk.longest_request.total_seconds() / 3
