"""Synchronization runs as durable jobs: pull, decide, write, remember, a page to a step.

A step that breaks off is done again from its beginning, and finds what it wrote unchanged. Runs of one mapping in one company
come one after another, as the other jobs on its couplings do.

Source: Business Central, codeunits CRM Integration Table Synch. and Integration Synch. Job Runner.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from gateway.couplings.coupling import Mapping
from gateway.errors import ErrorCode, RefusalError
from gateway.jobs.job import JobState
from gateway.jobs.jobs import Jobs
from gateway.jobs.outcome import JobCancelledError, StepError
from gateway.jobs.work import Work
from gateway.records import Backend
from gateway.runs.applying import Problem, Setting
from gateway.runs.configured import Configured
from gateway.runs.full import chain, is_to_make_partners, parts_of, under_way, unsatisfied
from gateway.runs.parts import Done, Part, carry_out, is_of_changes
from gateway.runs.planning import Wanted
from gateway.runs.pulling import PAGE, begun_again
from gateway.runs.run import Run, RunError, RunKind, RunState, Tally
from gateway.runs.settings import MappingSettings
from gateway.runs.store import RunStore
from gateway.sync.desk import Desk, Desks
from gateway.sync.mapping import TableMapping

RUN = "synchronize"

Begun = ReadOnly[str, Any]
"""A part of a run: ``what`` it is about, the ``place`` it begins at, and the ``mark`` up to where an earlier run has been.

A part that follows changes has the ``filter`` that the mapping had when the run began, if somebody changed that."""

Beside = Callable[[Setting, Run, Part, Any], Awaitable[Done]]
"""A page of a run that synchronizes no fields, from a place on; it has a single part."""

_SECONDS = 600.0
"""The longest that a page may take."""


@dataclass(frozen=True, slots=True)
class RunJobs:
    """Starts runs, and carries them out. ``beside`` are those of other kinds, by what they are about."""

    jobs: Jobs
    runs: RunStore
    settings: MappingSettings
    desks: Desks
    beside: ReadOnly[RunKind, Beside] = field(default_factory=dict)

    def register(self) -> None:
        """To be called before jobs that broke off are taken up again."""
        self.jobs.handle(RUN, self._run)

    async def modified(self, mapping: Mapping, company: UUID, by: str) -> Run:
        """Begin to synchronize what changed since the last time."""
        return await self._start(mapping, company, by, RunKind.MODIFIED, {})

    async def modified_soon(self, mapping: Mapping, company: UUID, by: str) -> Run:
        """The same for what asks again and again: a run that waits for its turn already will see what changed."""
        return await self.soon(RunKind.MODIFIED, mapping, company, by)

    async def soon(self, kind: RunKind, mapping: Mapping, company: UUID, by: str) -> Run:
        """The same for a run of any kind that is about all of a mapping.

        The job of a run that waits is begun again: whoever made the run may have been gone before.
        """
        found = await self.runs.waiting(mapping, company, kind)
        waiting = await self.get(found.id) if found is not None else None
        if waiting is None or waiting.state.is_final:
            return await self._start(mapping, company, by, kind, {})
        await self._enqueue(waiting)
        return waiting

    async def records(self, mapping: Mapping, company: UUID, by: str, couplings: Sequence[UUID], wanted: Wanted) -> Run:
        """Begin to synchronize these couplings."""
        asked = {"couplings": [str(each) for each in couplings], "wanted": wanted}
        return await self._start(mapping, company, by, RunKind.RECORDS, asked)

    async def full(
        self, mappings: Sequence[TableMapping], company: UUID, by: str, wanted: Wanted, *, only_coupled: bool | None
    ) -> list[Run]:
        """Begin to look at every record of these mappings, one mapping after the other.

        Raises:
            RefusalError: a full run of one of them is under way.
        """
        for _ in range(2):
            last = await self.last_full(company)
            for each in mappings:
                if (run := last.get(each.mapping)) and not run.state.is_final:
                    raise under_way(run)
            now = datetime.now(UTC)
            runs = chain(mappings, company, by, now=now, wanted=wanted, only_coupled=only_coupled, last=last)
            if await self.runs.add_each(runs):
                await self._enqueue(runs[0])
                return runs
        raise under_way(runs[0])

    async def last_full(self, company: UUID) -> dict[Mapping, Run]:
        """The last full run of each mapping that had one, as it is now."""
        found = await self.runs.last(company, RunKind.FULL)
        return {mapping: await self.get(each.id) or each for mapping, each in found.items()}

    async def _start(self, mapping: Mapping, company: UUID, by: str, kind: RunKind, asked: ReadOnly[str, Any]) -> Run:
        run = Run(uuid4(), mapping, company, kind, asked, RunState.WAITING, datetime.now(UTC), by)
        await self.runs.add(run)
        await self._enqueue(run)
        return run

    async def _enqueue(self, run: Run) -> None:
        """The same run again changes nothing."""
        key = f"{run.company_id} {run.mapping}"
        await self.jobs.start(RUN, {"run": str(run.id)}, job_id=job_of(run.id), key=key)

    async def resume(self) -> None:
        """Runs whose process was gone before their job was begun are begun now."""
        for left in await self.runs.unfinished():
            each = await self.get(left.id) or left
            if not each.state.is_final and await self._is_its_turn(each):
                await self._enqueue(each)

    async def settle(self) -> None:
        """Jobs are begun that their process did not get to; runs end whose job ended without being able to say so."""
        for each in await self.runs.unfinished():
            if await self._is_its_turn(each):
                await self._enqueue(each)
                await self.get(each.id)

    async def cancel(self, run: Run) -> bool:
        """Whether it ends before its next page; False when it is at its end already."""
        if (
            run.state is RunState.WAITING and run.kind is RunKind.FULL
        ):  # its job may not have begun: what waits for it goes on
            await self.jobs.cancel(job_of(run.id))
            await self._end(str(run.id), RunState.CANCELLED, None, None)
            return True
        return await self.jobs.cancel(job_of(run.id))

    async def _is_its_turn(self, run: Run) -> bool:
        """Whether no run has to end before this one begins."""
        previous = run.asked.get("previous")
        before = await self.runs.get(UUID(previous)) if previous else None
        return before is None or before.state.is_final

    async def _next(self, run_id: UUID) -> None:
        """What waits for the end of this run begins; over those that were cancelled meanwhile."""
        run = await self.runs.get(run_id)
        while run is not None and (following := run.asked.get("next")):
            run = await self.runs.get(UUID(following))
            if run is not None and not run.state.is_final:
                await self._enqueue(run)
                return

    async def get(self, run_id: UUID) -> Run | None:
        """A run as it is now: also one whose job ended without being able to say so."""
        run = await self.runs.get(run_id)
        if run is None or run.state.is_final:
            return run
        status = await self.jobs.status(job_of(run_id))
        if status is not None and status.state.is_final and status.state is not JobState.SUCCEEDED:
            state = RunState.CANCELLED if status.state is JobState.CANCELLED else RunState.FAILED
            code = str(status.error_code) if status.error_code is not None else None
            await self._end(str(run_id), state, code, status.error)
            return await self.runs.get(run_id)
        return run

    async def dead(self, run_ids: Sequence[UUID]) -> list[UUID]:
        """Those whose job ended without success. Of a run that is under way this means that it could not say so."""
        states = await self.jobs.states([job_of(each) for each in run_ids])
        ended = (JobState.CANCELLED, JobState.FAILED)
        return [each for each in run_ids if states.get(job_of(each)) in ended]

    async def _run(self, work: Work, argument: ReadOnly[str, Any]) -> Any:
        run_id = argument["run"]
        try:
            begun = await work.step("begin", self._begin, run_id)
            total, errors = Tally(), 0
            if begun.get("unsatisfied"):
                code = ErrorCode.DEPENDENCY_NOT_SATISFIED
                await work.step("fail", self._end, run_id, RunState.FAILED, code, begun["unsatisfied"])
                return None
            for part in begun["parts"]:
                place = part["place"]
                while True:
                    page = await work.step(part["what"], self._page, run_id, part, place, errors, total.as_json())
                    total, errors, place = Tally.of_json(page["tally"]), page["errors"], page["place"]
                    await work.progress(total.as_json())
                    if page["is_last"]:
                        break
            await work.step("end", self._end, run_id, RunState.SUCCEEDED, None, None)
        except StepError as error:
            await work.step("fail", self._end, run_id, RunState.FAILED, error.reason, error.message)
            return None
        except JobCancelledError:
            await self._end(run_id, RunState.CANCELLED, None, None)
            raise
        return total.as_json()

    async def _begin(self, run_id: str) -> Any:
        """What the run consists of, in this order, each with where it begins."""
        run = await self._get(run_id)
        await self.runs.begin(run.id, datetime.now(UTC))
        configured = await self.settings.of(run.mapping, run.company_id)
        configured.require_enabled()
        if run.kind is RunKind.RECORDS:
            return {"parts": [{"what": "records", "place": 0, "mark": None}]}
        if run.kind in self.beside:
            return {"parts": [{"what": str(run.kind), "place": None, "mark": None}]}
        if run.kind is RunKind.FULL:
            ids = [UUID(each) for each in run.asked["dependencies"]]
            found = [each for id in ids if (each := await self.runs.get(id)) is not None]
            names = parts_of(run, configured.mapping, makes_partners=configured.makes_partners)
            parts = [{"what": each, "place": None, "mark": None} for each in names]
            return {"parts": parts, "unsatisfied": unsatisfied(found)}
        places = await self.runs.places(run.mapping, run.company_id)
        sides = [each for each in Backend if configured.mapping.direction.goes_to(_other(each))]
        parts = [
            {"what": str(each), "place": begun_again(each, places.get(each)), "mark": places.get(each)}
            | {"filter": configured.filter}
            for each in sides
        ]
        told = ("told",) if await self.runs.told.deletions(run.mapping, run.company_id, limit=1) else ()
        unmade = [f"unmade {each}" for each in sides] if configured.makes_partners else []
        again = [{"what": each, "place": None, "mark": None} for each in ("skipped", "failed", *told, *unmade)]
        return {"parts": [*again, *parts]}

    async def _page(
        self, run_id: str, part: Begun, place: Any, errors: int, tally: ReadOnly[str, Any]
    ) -> ReadOnly[str, Any]:
        run = await self._get(run_id)
        desk = self.desks.of_job(run.company_id, run.created_by, seconds=_SECONDS, name=job_of(run.id))
        configured = await self.settings.of(run.mapping, run.company_id)
        setting = self._setting(run, configured, desk)
        what = part["what"]
        noted = partial(self.runs.noted, run.id, up_to=errors)

        async def tried(side: Backend, ids: Iterable[UUID]) -> set[UUID]:
            return await self.runs.tried(run.id, side, ids, up_to=errors)

        async def unmade(side: Backend, after: UUID | None) -> list[UUID]:
            return await self.runs.unmade(run, side, after=after, limit=PAGE)

        carried = self.beside.get(run.kind, carry_out)
        page = await carried(setting, run, Part(what, part["mark"], noted, tried, unmade, self.runs.told), place)
        problems = [_error(run, errors + number, each) for number, each in enumerate(page.applied.problems, start=1)]
        total = Tally.of_json(tally) + page.applied.tally
        await self.runs.note(run.id, errors + 1, problems)
        await self.runs.count(run.id, total)
        keeps = run.kind not in self.beside and is_of_changes(what) and page.place is not None
        if keeps and await self._has_filter(run, part.get("filter")):
            await self.runs.keep_places(run.mapping, run.company_id, {Backend(what): str(page.place)})
        return {
            "tally": total.as_json(),
            "errors": errors + len(problems),
            "place": page.place,
            "is_last": page.is_last,
        }

    def _setting(self, run: Run, configured: Configured, desk: Desk) -> Setting:
        wanted, is_full = Wanted(run.asked.get("wanted", Wanted.MERGE)), run.kind is RunKind.FULL
        makes = is_to_make_partners(run, configured=configured.makes_partners)
        mapping = replace(configured.mapping, only_coupled=not makes)
        return Setting(desk, replace(configured, mapping=mapping), run.id, wanted, everything=is_full)

    async def _has_filter(self, run: Run, filter: Any) -> bool:
        """Whether the filter is still the one that the run began with; with another one, a later run begins anew."""
        return bool(filter == (await self.settings.of(run.mapping, run.company_id)).filter)

    async def _end(self, run_id: str, state: str, code: str | None, message: str | None) -> None:
        await self.runs.end(UUID(run_id), RunState(state), datetime.now(UTC), code=code, message=message)
        await self._next(UUID(run_id))

    async def _get(self, run_id: str) -> Run:
        run = await self.runs.get(UUID(run_id))
        assert run is not None  # noqa: S101 - a run is saved before its job begins
        return run


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
        hint=error.hint if isinstance(error, RefusalError) else None,
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
