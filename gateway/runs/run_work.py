"""A run is carried out: a page to a step, patient with systems that are away, and told in the job log.

A step that breaks off is done again from its beginning, and finds what it wrote unchanged.
"""

from collections.abc import Awaitable, Callable, Iterable
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from gateway.couplings.store import CouplingFilter
from gateway.errors import ErrorCode
from gateway.jobs.outcome import JobCancelledError, StepError
from gateway.jobs.work import Work
from gateway.records import Backend
from gateway.runs.applied import Applied, Problem
from gateway.runs.choices import Choice
from gateway.runs.configured import Configured
from gateway.runs.dry_run import dry, foreseen_by
from gateway.runs.full import is_to_make_partners, parts_of, unsatisfied
from gateway.runs.hints import hint_of
from gateway.runs.parts import LEFT, Done, Part, carry_out, is_of_changes, let_go
from gateway.runs.planned import planned_steps
from gateway.runs.planning import Wanted
from gateway.runs.pulling import PAGE, begun_again
from gateway.runs.run import Run, RunError, RunKind, RunState, Tally
from gateway.runs.setting import Setting
from gateway.runs.settings import MappingSettings
from gateway.runs.store import RunStore
from gateway.sync.desk import Desk, Desks

RUN = "synchronize"

Begun = ReadOnly[str, Any]
"""A part of a run: ``what`` it is about, the ``place`` it begins at, and the ``mark`` up to where an earlier run has been.

A part that follows changes has the ``generation`` of the places that the run began with, the lists of what failed that it comes
``after``, and which sides were ``followed`` before, from where on."""

Beside = Callable[[Setting, Run, Part, Any], Awaitable[Done]]
"""A page of a run that synchronizes no fields, from a place on; it has a single part."""

_SECONDS = 600.0
"""The longest that a page may take."""

_AWAY = frozenset(
    {
        ErrorCode.BACKEND_UNREACHABLE,
        ErrorCode.BACKEND_THROTTLED,
        ErrorCode.BACKEND_TOKEN_UNAVAILABLE,
        ErrorCode.DATABASE_UNAVAILABLE,
    }
)
"""What is waited for: a system, or our own database, does not answer now."""


@dataclass(frozen=True, slots=True)
class RunWork:
    """``beside`` are runs of other kinds, by what they are about; ``away_seconds`` the waits for a system that is away.

    ``ended`` is told of each run that came to its end: others may have waited for it.
    """

    runs: RunStore
    settings: MappingSettings
    desks: Desks
    beside: ReadOnly[RunKind, Beside]
    away_seconds: tuple[float, ...]
    ended: Callable[[UUID], Awaitable[None]]

    async def carry_out(self, work: Work, argument: ReadOnly[str, Any]) -> Any:
        """The handler of such jobs; gives the tally."""
        run_id = argument["run"]
        try:
            begun = await self._patient(work, "begin", self._begin, run_id)
            if begun.get("unsatisfied"):
                code = ErrorCode.DEPENDENCY_NOT_SATISFIED
                await work.step("fail", self._end, run_id, RunState.FAILED, code, begun["unsatisfied"])
                return None
            so_far: ReadOnly[str, Any] = {"tally": Tally().as_json(), "errors": 0}
            for part in begun["parts"]:
                place = part["place"]
                while True:
                    page = await self._patient(work, part["what"], self._page, run_id, part, place, so_far)
                    place, so_far = page["place"], await self._taken_up(work, run_id, page)
                    if page["is_last"]:
                        break
            await work.step("end", self._end, run_id, RunState.SUCCEEDED, None, None)
        except StepError as error:
            await work.step("fail", self._end, run_id, RunState.FAILED, error.reason, error.message)
            return None
        except JobCancelledError:
            await self._end(run_id, RunState.CANCELLED, None, None)
            raise
        return so_far["tally"]

    async def _patient(self, work: Work, name: str, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        """A step that is done again while a system does not answer: a run outlives some minutes of that.

        Raises:
            StepError: it is away for longer, or something else went wrong.
        """
        for seconds in self.away_seconds:
            try:
                return await work.step(name, function, *args)
            except StepError as error:
                if error.reason not in _AWAY:
                    raise
            await work.wait(seconds)
        return await work.step(name, function, *args)

    async def _taken_up(self, work: Work, run_id: str, page: ReadOnly[str, Any]) -> ReadOnly[str, Any]:
        """What a system that did not answer kept from being written in a page, is written once it does; or fails."""
        await work.progress(page["tally"])
        waits = self.away_seconds
        part = {"what": LEFT, "mark": None}
        for number, seconds in enumerate(waits, start=1):
            if not page.get("left"):
                break
            await work.wait(seconds)
            last = number == len(waits)
            page = await self._patient(work, LEFT, self._page, run_id, {**part, "last": last}, page["left"], page)
        return {"tally": page["tally"], "errors": page["errors"]}

    async def _begin(self, run_id: str) -> Any:
        """What the run consists of, in this order, each with where it begins."""
        run = await self._get(run_id)
        await self.runs.begin(run.id, datetime.now(UTC))
        configured = await self.settings.of(run.mapping, run.company_id)
        configured.require_enabled()
        if run.about is RunKind.RECORDS:
            return {"parts": [{"what": "records", "place": 0, "mark": None}]}
        if run.about is RunKind.RETRY:
            return {"parts": [{"what": "retry", "place": None, "mark": None}]}
        if run.kind in self.beside:
            return {"parts": [{"what": str(run.kind), "place": None, "mark": None}]}
        if run.about is RunKind.FULL:
            ids = [UUID(each) for each in run.asked["dependencies"]]
            found = [each for id in ids if (each := await self.runs.get(id)) is not None]
            names = parts_of(run, configured.mapping, makes_partners=configured.makes_partners)
            parts = [{"what": each, "place": None, "mark": None} for each in names]
            return {"parts": parts, "unsatisfied": unsatisfied(found)}
        generation = await self.runs.generation(run.mapping, run.company_id) if not run.dry_run else ""
        places = await self.runs.places(run.mapping, run.company_id)
        sides = [each for each in Backend if configured.mapping.direction.goes_to(_other(each))]
        told = ("told",) if await self.runs.told.deletions(run.mapping, run.company_id, limit=1) else ()
        unmade = [f"unmade {each}" for each in sides] if configured.makes_partners else []
        failed = await self._failed_before(run)
        began = {str(each): begun_again(each, places.get(each)) for each in sides}
        changes: list[Begun] = [
            {"what": str(each), "place": began[each], "mark": places.get(each), "generation": generation}
            | {"after": failed, "followed": {one: began[one] for one in list(began)[:number]}}
            for number, each in enumerate(sides)
        ]
        again: list[Begun] = [{"what": each, "place": None, "mark": None} for each in (*failed, *told, *unmade)]
        return {"parts": [*again, *changes]}

    async def _failed_before(self, run: Run) -> list[str]:
        """What is tried again: all of it, or, in a run that is to be brief, no list that is longer than a page."""
        own = CouplingFilter(mapping=run.mapping, company_id=run.company_id)
        lists = {"skipped": replace(own, skipped=True), "failed": replace(own, failed=True, skipped=False)}
        if not run.asked.get("briefly"):
            return list(lists)
        count = self.desks.books.couplings.count
        return [name for name, each in lists.items() if await count(each) <= PAGE]

    async def _page(self, run_id: str, part: Begun, place: Any, so_far: ReadOnly[str, Any]) -> ReadOnly[str, Any]:
        """``left`` of the result are couplings that have to wait for a system."""
        run, errors = await self._get(run_id), so_far["errors"]
        desk = self.desks.of_job(run.company_id, run.created_by, seconds=_SECONDS, name=job_of(run.id))
        if run.dry_run:
            desk = dry(desk, foreseen_by(self.runs, run, up_to=errors))
        configured = await self.settings.of(run.mapping, run.company_id)
        configured.require_enabled()
        setting = _setting(run, configured, desk)
        carried = carry_out if part["what"] == LEFT else self.beside.get(run.kind, carry_out)
        page = await carried(setting, run, self._part(run, part, errors), place)
        waits = self.away_seconds and not part.get("last", False) and not run.dry_run
        left = page.applied.take_away(setting.mapping, run.id) if waits else []
        noted = await self._noted(run, setting, page.applied, after=errors)
        total = Tally.of_json(so_far["tally"]) + page.applied.tally
        await self.runs.count(run.id, total)
        follows = run.kind not in self.beside and is_of_changes(part["what"])
        if follows and page.place is not None and not run.dry_run:
            kept = {Backend(part["what"]): str(page.place)}
            await self.runs.keep_places(run.mapping, run.company_id, kept, generation=part.get("generation", ""))
        return {
            "tally": total.as_json(),
            "errors": errors + noted,
            "place": page.place,
            "is_last": page.is_last,
            "left": [str(each) for each in left],
        }

    async def _noted(self, run: Run, setting: Setting, applied: Applied, *, after: int) -> int:
        """What failed goes to the job log, or what would be done, to the plan; returns how many lines that is."""
        if run.dry_run:
            steps = planned_steps(setting.mapping, applied)
            await self.runs.plans.note(run.id, after + 1, steps)
            return len(steps)
        errors = [_error(run, after + number, each) for number, each in enumerate(applied.problems, start=1)]
        await self.runs.note(run.id, after + 1, errors)
        return len(errors)

    def _part(self, run: Run, begun: Begun, errors: int) -> Part:
        """With what it has to ask the job log, or the plan."""

        async def tried(side: Backend, ids: Iterable[UUID]) -> set[UUID]:
            book = self.runs.plans if run.dry_run else self.runs
            return await book.tried(run.id, side, ids, up_to=errors)

        async def unmade(side: Backend, after: UUID | None) -> list[UUID]:
            return await self.runs.unmade(run, side, after=after, limit=PAGE)

        book = self.runs.plans.planned if run.dry_run else self.runs.noted
        noted = partial(book, run.id, up_to=errors)
        return Part(
            begun["what"],
            begun["mark"],
            noted,
            tried,
            unmade,
            self.runs.told,
            lists=frozenset(begun.get("after", ())),
            followed={Backend(side): place for side, place in begun.get("followed", {}).items()},
        )

    async def _end(self, run_id: str, state: str, code: str | None, message: str | None) -> None:
        run = await self._get(run_id)
        if not run.dry_run:
            await let_go(self.desks.of_job(run.company_id, run.created_by, seconds=_SECONDS, name=job_of(run.id)), run)
        await self.runs.end(UUID(run_id), RunState(state), datetime.now(UTC), code=code, message=message)
        await self.ended(UUID(run_id))

    async def _get(self, run_id: str) -> Run:
        run = await self.runs.get(UUID(run_id))
        assert run is not None  # noqa: S101 - a run is saved before its job begins
        return run


def _setting(run: Run, configured: Configured, desk: Desk) -> Setting:
    makes = is_to_make_partners(run, configured=configured.makes_partners)
    choices = {name: Choice.of_json(each) for name, each in run.asked.get("choices", {}).items()}
    return Setting(
        desk,
        replace(configured, mapping=replace(configured.mapping, only_coupled=not makes)),
        run.id,
        Wanted(run.asked.get("wanted", Wanted.MERGE)),
        everything=run.about is RunKind.FULL,
        choices=choices,
    )


def job_of(run_id: UUID) -> str:
    return f"{RUN}-{run_id}"


def _other(backend: Backend) -> Backend:
    return Backend.DATAVERSE if backend is Backend.BUSINESS_CENTRAL else Backend.BUSINESS_CENTRAL


def _error(run: Run, number: int, problem: Problem) -> RunError:
    """A line of the job log: both records by name."""
    error, coupling = problem.error, problem.coupling
    bc, crm = (problem.records.get(each) for each in Backend)
    return RunError(
        run_id=run.id,
        number=number,
        mapping=run.mapping,
        company_id=run.company_id,
        code=str(error.code),
        message=error.message,
        at=datetime.now(UTC),
        hint=hint_of(error),
        field=problem.field,
        to=problem.to,
        coupling_id=coupling.id if coupling else None,
        bc_id=bc.id if bc else coupling.bc_id if coupling else None,
        bc_number=bc.number if bc else coupling.bc_key if coupling else None,
        bc_name=bc.name if bc else None,
        crm_id=crm.id if crm else coupling.crm_id if coupling else None,
        crm_number=crm.number if crm else coupling.crm_key if coupling else None,
        crm_name=crm.name if crm else None,
    )
