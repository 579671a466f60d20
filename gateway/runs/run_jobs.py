"""Synchronization runs as durable jobs: begun, looked up, cancelled, taken up again. Carried out in run_work.

Runs of one mapping in one company come one after another, as the other jobs on its couplings do.

Source: Business Central, codeunits CRM Integration Table Synch. and Integration Synch. Job Runner.
"""

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from gateway.couplings.coupling import Coupling, Mapping
from gateway.jobs.job import JobState
from gateway.jobs.jobs import Jobs
from gateway.runs.choices import Choice
from gateway.runs.full import chain, ids_of, under_way
from gateway.runs.planning import Wanted
from gateway.runs.run import Run, RunKind, RunState
from gateway.runs.run_work import RUN, Beside, RunWork, job_of
from gateway.runs.settings import MappingSettings
from gateway.runs.store import RunStore
from gateway.sync.desk import Desks
from gateway.sync.mapping import TableMapping


@dataclass(frozen=True, slots=True)
class RunJobs:
    """Starts runs. ``beside`` are those of other kinds, by what they are about."""

    jobs: Jobs
    runs: RunStore
    settings: MappingSettings
    desks: Desks
    beside: ReadOnly[RunKind, Beside] = field(default_factory=dict)

    def register(self) -> None:
        """To be called before jobs that broke off are taken up again."""
        away = self.jobs.pace.away_seconds
        work = RunWork(self.runs, self.settings, self.desks, self.beside, away, self._next)
        self.jobs.handle(RUN, work.carry_out)

    async def modified(self, mapping: Mapping, company: UUID, by: str) -> Run:
        """Begin to synchronize what changed since the last time."""
        return await self._start(mapping, company, by, RunKind.MODIFIED, {})

    async def modified_soon(self, mapping: Mapping, company: UUID, by: str) -> Run:
        """The same for what asks again and again: a run that waits for its turn already will see what changed.

        A long list of what failed before is left to the runs of schedules.
        """
        return await self.soon(RunKind.MODIFIED, mapping, company, by, briefly=True)

    async def soon(self, kind: RunKind, mapping: Mapping, company: UUID, by: str, *, briefly: bool = False) -> Run:
        """The same for a run of any kind that is about all of a mapping.

        The job of a run that waits is begun again: whoever made the run may have been gone before.
        """
        found = await self.runs.waiting(mapping, company, kind)
        waiting = await self.get(found.id) if found is not None else None
        if waiting is None or waiting.state.is_final:
            return await self._start(mapping, company, by, kind, {"briefly": True} if briefly else {})
        await self._enqueue(waiting)
        return waiting

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
            ids = ids_of(mappings, company, last, now)
            runs = chain(mappings, company, by, ids=ids, now=now, wanted=wanted, only_coupled=only_coupled)
            if await self.runs.add_each(runs):
                await self._enqueue(runs[0])
                return runs
        raise under_way(runs[0])

    async def planned(self, mapping: Mapping, company: UUID, by: str) -> Run:
        """Begin to find out what a run over what changed would do; nothing is done."""
        return await self._start(mapping, company, by, RunKind.DRY_RUN, {"of": RunKind.MODIFIED})

    async def planned_full(
        self, mappings: Sequence[TableMapping], company: UUID, by: str, wanted: Wanted, *, only_coupled: bool | None
    ) -> list[Run]:
        """The same of full runs; as many at once as are asked for."""
        ids, now = {each.mapping: uuid4() for each in mappings}, datetime.now(UTC)
        runs = chain(mappings, company, by, ids=ids, now=now, wanted=wanted, only_coupled=only_coupled, dry_run=True)
        await self.runs.add_each(runs)
        await self._enqueue(runs[0])
        return runs

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
        """The same run again changes nothing. No run waits for a dry run."""
        key = f"{run.company_id} {run.mapping}{' dry' if run.dry_run else ''}"
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
            run.state is RunState.WAITING and run.about is RunKind.FULL
        ):  # its job may not have begun: what waits for it goes on
            await self.jobs.cancel(job_of(run.id))
            await self.runs.end(run.id, RunState.CANCELLED, datetime.now(UTC))
            await self._next(run.id)
            return True
        return await self.jobs.cancel(job_of(run.id))

    async def _is_its_turn(self, run: Run) -> bool:
        """Whether no run has to end before this one begins: one that was cancelled while it waited does not stand for those
        before it.
        """
        before: Run | None = run
        while before is not None and (previous := before.asked.get("previous")):
            before = await self.runs.get(UUID(previous))
            if before is not None and not before.state.is_final:
                return False
        return True

    async def _next(self, run_id: UUID) -> None:
        """What waits for the end of this run begins; over those that were cancelled meanwhile."""
        run = await self.runs.get(run_id)
        while run is not None and (following := run.asked.get("next")):
            run = await self.runs.get(UUID(following))
            if run is not None and not run.state.is_final:
                if await self._is_its_turn(run):
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
            await self.runs.end(run_id, state, datetime.now(UTC), code=code, message=status.error)
            await self._next(run_id)
            return await self.runs.get(run_id)
        return run

    async def dead(self, run_ids: Sequence[UUID]) -> list[UUID]:
        """Those whose job ended without success. Of a run that is under way this means that it could not say so."""
        states = await self.jobs.states([job_of(each) for each in run_ids])
        ended = (JobState.CANCELLED, JobState.FAILED)
        return [each for each in run_ids if states.get(job_of(each)) in ended]
