"""Synchronization runs as durable jobs: pull, decide, write, remember, a page to a step.

A step that breaks off is done again from its beginning, and finds what it wrote unchanged. Runs of one mapping in one company
come one after another, as the other jobs on its couplings do.

Source: Business Central, codeunits CRM Integration Table Synch. and Integration Synch. Job Runner.
"""

from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from gateway.couplings.coupling import Coupling, Mapping
from gateway.errors import ErrorCode
from gateway.jobs.job import JobState
from gateway.jobs.jobs import Jobs
from gateway.jobs.outcome import StepError
from gateway.jobs.work import Work
from gateway.records import Backend
from gateway.runs.applying import Problem, Setting
from gateway.runs.choices import Choice
from gateway.runs.hints import hint_of
from gateway.runs.parts import LEFT, Part, carry_out, is_of_changes
from gateway.runs.planning import Wanted
from gateway.runs.pulling import begun_again
from gateway.runs.run import Run, RunError, RunKind, RunState, Tally
from gateway.runs.settings import MappingSettings
from gateway.runs.store import RunStore
from gateway.sync.desk import Desks

RUN = "synchronize"

Begun = ReadOnly[str, Any]
"""A part of a run: ``what`` it is about, the ``place`` it begins at, and the ``mark`` up to where an earlier run has been."""

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
class RunJobs:
    """Starts runs, and carries them out."""

    jobs: Jobs
    runs: RunStore
    settings: MappingSettings
    desks: Desks

    def register(self) -> None:
        """To be called before jobs that broke off are taken up again."""
        self.jobs.handle(RUN, self._run)

    async def modified(self, mapping: Mapping, company: UUID, by: str) -> Run:
        """Begin to synchronize what changed since the last time."""
        return await self._start(mapping, company, by, RunKind.MODIFIED, {})

    async def modified_soon(self, mapping: Mapping, company: UUID, by: str) -> Run:
        """The same for what asks again and again: a run that waits for its turn already will see what changed."""
        waiting = await self.runs.waiting(mapping, company, RunKind.MODIFIED)
        return waiting or await self.modified(mapping, company, by)

    async def records(self, mapping: Mapping, company: UUID, by: str, couplings: Sequence[UUID], wanted: Wanted) -> Run:
        """Begin to synchronize these couplings."""
        asked = {"couplings": [str(each) for each in couplings], "wanted": wanted}
        return await self._start(mapping, company, by, RunKind.RECORDS, asked)

    async def resolve(self, coupling: Coupling, by: str, choices: ReadOnly[str, Choice]) -> Run:
        """Begin to synchronize a coupling in conflict, as a person chose field by field."""
        told = {name: each.as_json() for name, each in choices.items()}
        asked = {"couplings": [str(coupling.id)], "wanted": Wanted.MERGE, "choices": told}
        return await self._start(coupling.mapping, coupling.company_id, by, RunKind.RECORDS, asked)

    async def retry(self, mapping: Mapping, company: UUID, by: str, code: str | None) -> Run:
        """Begin to try again what failed or is skipped; the same that waits for its turn already does it for both."""
        asked = {"code": code}
        waiting = await self.runs.waiting(mapping, company, RunKind.RETRY)
        if waiting is not None and waiting.asked == asked:
            return waiting
        return await self._start(mapping, company, by, RunKind.RETRY, asked)

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
        for each in await self.runs.unfinished():
            await self._enqueue(each)

    async def cancel(self, run: Run) -> bool:
        """Whether it ends before its next page; False when it is at its end already."""
        return await self.jobs.cancel(job_of(run.id))

    async def get(self, run_id: UUID) -> Run | None:
        """A run as it is now: also one whose job ended without being able to say so."""
        run = await self.runs.get(run_id)
        if run is None or run.state.is_final:
            return run
        status = await self.jobs.status(job_of(run_id))
        if status is not None and status.state.is_final and status.state is not JobState.SUCCEEDED:
            state = RunState.CANCELLED if status.state is JobState.CANCELLED else RunState.FAILED
            code = str(status.error_code) if status.error_code is not None else None
            await self.runs.end(run_id, state, datetime.now(UTC), code=code, message=status.error)
            return await self.runs.get(run_id)
        return run

    async def _run(self, work: Work, argument: ReadOnly[str, Any]) -> Any:
        run_id = argument["run"]
        try:
            begun = await self._patient(work, "begin", self._begin, run_id)
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
        return so_far["tally"]

    async def _patient(self, work: Work, name: str, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        """A step that is done again while a system does not answer: a run outlives some minutes of that.

        Raises:
            StepError: it is away for longer, or something else went wrong.
        """
        for seconds in self.jobs.pace.away_seconds:
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
        waits = self.jobs.pace.away_seconds
        part = {"what": LEFT, "mark": None}
        for number, seconds in enumerate(waits, start=1):
            if not page["left"]:
                break
            await work.wait(seconds)
            last = number == len(waits)
            page = await self._patient(work, LEFT, self._page, run_id, {**part, "last": last}, page["left"], page)
        return {"tally": page["tally"], "errors": page["errors"]}

    async def _begin(self, run_id: str) -> Any:
        """What the run consists of, in this order, each with where it begins."""
        run = await self._get(run_id)
        await self.runs.begin(run.id, datetime.now(UTC))
        if run.kind is RunKind.RECORDS:
            return {"parts": [{"what": "records", "place": 0, "mark": None}]}
        if run.kind is RunKind.RETRY:
            return {"parts": [{"what": "retry", "place": None, "mark": None}]}
        configured = await self.settings.of(run.mapping, run.company_id)
        places = await self.runs.places(run.mapping, run.company_id)
        sides = [each for each in Backend if configured.mapping.direction.goes_to(_other(each))]
        parts = [
            {"what": str(each), "place": begun_again(each, places.get(each)), "mark": places.get(each)}
            for each in sides
        ]
        again = [{"what": each, "place": None, "mark": None} for each in ("skipped", "failed")]
        return {"parts": [*again, *parts]}

    async def _page(self, run_id: str, part: Begun, place: Any, so_far: ReadOnly[str, Any]) -> ReadOnly[str, Any]:
        """``left`` of the result are couplings that have to wait for a system."""
        run, errors = await self._get(run_id), so_far["errors"]
        desk = self.desks.of_job(run.company_id, run.created_by, seconds=_SECONDS, name=job_of(run.id))
        configured = await self.settings.of(run.mapping, run.company_id)
        choices = {name: Choice.of_json(each) for name, each in run.asked.get("choices", {}).items()}
        setting = Setting(desk, configured, run.id, Wanted(run.asked.get("wanted", Wanted.MERGE)), choices)
        what = part["what"]
        noted = partial(self.runs.noted, run.id, up_to=errors)
        page = await carry_out(setting, run, Part(what, part["mark"], noted), place)
        waits = self.jobs.pace.away_seconds and not part.get("last", False)
        left = page.applied.take_away(setting.mapping) if waits else []
        problems = [_error(run, errors + number, each) for number, each in enumerate(page.applied.problems, start=1)]
        total = Tally.of_json(so_far["tally"]) + page.applied.tally
        await self.runs.note(run.id, errors + 1, problems)
        await self.runs.count(run.id, total)
        if is_of_changes(what) and page.place is not None:
            await self.runs.keep_places(run.mapping, run.company_id, {Backend(what): str(page.place)})
        return {
            "tally": total.as_json(),
            "errors": errors + len(problems),
            "place": page.place,
            "is_last": page.is_last,
            "left": [str(each) for each in left],
        }

    async def _end(self, run_id: str, state: str, code: str | None, message: str | None) -> None:
        await self.runs.end(UUID(run_id), RunState(state), datetime.now(UTC), code=code, message=message)

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
