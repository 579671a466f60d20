"""Synchronization runs as durable jobs: pull, decide, write, remember, a page to a step.

A step that breaks off is done again from its beginning, and finds what it wrote unchanged. Runs of one mapping in one company
come one after another, as the other jobs on its couplings do.

Source: Business Central, codeunits CRM Integration Table Synch. and Integration Synch. Job Runner.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from gateway.couplings.coupling import Mapping
from gateway.couplings.store import CouplingFilter, Position, Side, position
from gateway.errors import RefusalError
from gateway.jobs.job import JobState
from gateway.jobs.jobs import Jobs
from gateway.jobs.outcome import StepError
from gateway.jobs.work import Work
from gateway.records import Backend
from gateway.runs.applying import Applied, Problem, Setting, synchronize_page
from gateway.runs.planning import Wanted
from gateway.runs.pulling import PAGE, begun_again, is_new, pull
from gateway.runs.reading import has_moved, meets_all
from gateway.runs.run import Run, RunError, RunKind, RunState, Tally
from gateway.runs.settings import MappingSettings
from gateway.runs.store import RunStore
from gateway.sync.desk import Desks
from gateway.sync.mappings import TABLE_MAPPINGS
from gateway.sync.records import Records

RUN = "synchronize"

Part = ReadOnly[str, Any]
"""A part of a run: ``what`` it is about, the ``place`` it begins at, and the ``mark`` up to where an earlier run has been."""

_SECONDS = 600.0
"""The longest that a page may take."""

_SIDES = {Backend.BUSINESS_CENTRAL: Side.BUSINESS_CENTRAL, Backend.DATAVERSE: Side.DATAVERSE}


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

    async def records(self, mapping: Mapping, company: UUID, by: str, couplings: Sequence[UUID], wanted: Wanted) -> Run:
        """Begin to synchronize these couplings."""
        asked = {"couplings": [str(each) for each in couplings], "wanted": wanted}
        return await self._start(mapping, company, by, RunKind.RECORDS, asked)

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
            begun = await work.step("begin", self._begin, run_id)
            total, errors = Tally(), 0
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
        return total.as_json()

    async def _begin(self, run_id: str) -> Any:
        """What the run consists of, in this order, each with where it begins."""
        run = await self._get(run_id)
        await self.runs.begin(run.id, datetime.now(UTC))
        if run.kind is RunKind.RECORDS:
            return {"parts": [{"what": "records", "place": 0, "mark": None}]}
        mapping, places = TABLE_MAPPINGS[run.mapping], await self.runs.places(run.mapping, run.company_id)
        sides = [each for each in Backend if mapping.direction.goes_to(_other(each))]
        parts = [
            {"what": str(each), "place": begun_again(each, places.get(each)), "mark": places.get(each)}
            for each in sides
        ]
        again = [{"what": each, "place": None, "mark": None} for each in ("skipped", "failed")]
        return {"parts": [*again, *parts]}

    async def _page(
        self, run_id: str, part: Part, place: Any, errors: int, tally: ReadOnly[str, Any]
    ) -> ReadOnly[str, Any]:
        run = await self._get(run_id)
        desk = self.desks.of_job(run.company_id, run.created_by, seconds=_SECONDS, name=job_of(run.id))
        mapping = TABLE_MAPPINGS[run.mapping]
        policy = await self.settings.of(run.mapping, run.company_id)
        setting = Setting(desk, mapping, policy, run.id, Wanted(run.asked.get("wanted", Wanted.MERGE)))
        what = part["what"]
        noted = partial(self.runs.noted, run.id, up_to=errors)
        page = await _PARTS.get(what, _changes)(setting, run, _Part(what, part["mark"], noted), place)
        problems = [_error(run, errors + number, each) for number, each in enumerate(page.applied.problems, start=1)]
        total = Tally.of_json(tally) + page.applied.tally
        await self.runs.note(run.id, errors + 1, problems)
        await self.runs.count(run.id, total)
        if what not in _PARTS and page.place is not None:
            await self.runs.keep_places(run.mapping, run.company_id, {Backend(what): str(page.place)})
        return {
            "tally": total.as_json(),
            "errors": errors + len(problems),
            "place": page.place,
            "is_last": page.is_last,
        }

    async def _end(self, run_id: str, state: str, code: str | None, message: str | None) -> None:
        await self.runs.end(UUID(run_id), RunState(state), datetime.now(UTC), code=code, message=message)

    async def _get(self, run_id: str) -> Run:
        run = await self.runs.get(UUID(run_id))
        assert run is not None  # noqa: S101 - a run is saved before its job begins
        return run


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a run while it is carried out; ``noted`` tells which of some couplings failed in the run already."""

    what: str
    mark: str | None
    noted: Callable[[Iterable[UUID]], Awaitable[set[UUID]]]


@dataclass(frozen=True, slots=True)
class _Done:
    """A page that was carried out."""

    applied: Applied
    place: Any
    is_last: bool


async def _changes(setting: Setting, run: Run, part: _Part, place: str | None) -> _Done:
    """What changed on one side. Records that nobody coupled are counted and left alone."""
    backend, desk, mark = Backend(part.what), setting.desk, part.mark
    pulled = await pull(desk, setting.mapping, backend, place)
    known = {each.id: each for each in pulled.records}
    ids = [*known, *pulled.deleted]
    couplings = await desk.books.couplings.find(run.mapping, run.company_id, _SIDES[backend], ids)
    # not what we wrote ourselves, nor what was looked at a moment ago
    wanted = [
        each for id, each in couplings.items() if id not in known or each.base is None or has_moved(each, known[id])
    ]
    told = await part.noted(each.id for each in wanted)  # by an earlier part of the run
    wanted = [each for each in wanted if each.id not in told]
    applied = await synchronize_page(setting, wanted, {backend: known})
    rules = await Records(desk, setting.mapping, backend).rules()
    lonely = [each for id, each in known.items() if id not in couplings and is_new(each, mark)]
    applied.count(skipped=sum(meets_all(rules, each) for each in lonely))
    return _Done(applied, pulled.place, pulled.is_last)


async def _failed(setting: Setting, run: Run, _: _Part, place: list[str] | None) -> _Done:
    """What failed before and is not on the skip list: it is tried again in every run."""
    wanted = CouplingFilter(mapping=run.mapping, company_id=run.company_id, failed=True, skipped=False)
    after: Position | None = (place[0], UUID(place[1])) if place is not None else None
    couplings = await setting.desk.books.couplings.page(wanted, after=after, limit=PAGE)
    applied = await synchronize_page(setting, couplings)
    key, id = position(couplings[-1]) if couplings else ("", run.id)
    return _Done(applied, [key, str(id)], is_last=len(couplings) < PAGE)


async def _skipped(setting: Setting, run: Run, _: _Part, place: list[str] | None) -> _Done:
    """The skip list: where the cause is gone, a record is synchronized and taken off. What fails as before stays, untold.

    Ours: Business Central waits for a person.
    """
    changes, mapping = setting.desk.books.changes, setting.mapping
    wanted = CouplingFilter(mapping=run.mapping, company_id=run.company_id, skipped=True)
    after: Position | None = (place[0], UUID(place[1])) if place is not None else None
    couplings = await setting.desk.books.couplings.page(wanted, after=after, limit=PAGE)
    applied = await synchronize_page(setting, [replace(each, skipped=False) for each in couplings])
    failed = {each.coupling.id for each in applied.problems if each.coupling is not None}
    await changes.unskip_each(each.id for each in couplings if each.id not in failed)
    before = {each.id: each.error_message for each in couplings}
    for each in list(applied.problems):
        if each.coupling is not None and before.get(each.coupling.id) == each.error.message:
            applied.problems.remove(each)
            applied.count(to=each.ways(mapping), failed=-1, skipped=1)
    key, id = position(couplings[-1]) if couplings else ("", run.id)
    return _Done(applied, [key, str(id)], is_last=len(couplings) < PAGE)


async def _records(setting: Setting, run: Run, _: _Part, place: int) -> _Done:
    """The couplings that were asked for; those that ended meanwhile are left out."""
    ids = [UUID(each) for each in run.asked["couplings"]]
    couplings = list((await setting.desk.books.couplings.get_many(ids[place : place + PAGE])).values())
    applied = await synchronize_page(setting, couplings)
    return _Done(applied, place + PAGE, is_last=place + PAGE >= len(ids))


_PARTS: dict[str, Any] = {"failed": _failed, "skipped": _skipped, "records": _records}


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
