"""Durable jobs: work in steps that outlives the process which began it.

A job is a handler that calls steps. What a step gave is kept in the jobs' database, so that after a crash the handler runs
again from its beginning and is handed what the finished steps gave; only the step that was under way is repeated. So:

* a step happens **at least once**: whatever it writes has to bear a repetition (a chosen id, If-Match, a coupling's key);
* between steps a handler only decides, by its argument and by what steps gave: never by the clock, chance or a database;
* one step after another, each about a page of rows: a step costs some milliseconds of its own.

The engine runs on a loop and threads of its own, handlers and steps run on the application's loop, where its clients live. It
is imported and launched by the first job.
"""

import asyncio
import contextvars
import functools
from collections.abc import Mapping, Sequence

from gateway.errors import DatabaseError
from gateway.jobs.database import answers, glance, is_a_job, is_an_unfinished_job, is_shared, unusable
from gateway.jobs.engine import Engine, Pace
from gateway.jobs.handlers import Handler, Handlers
from gateway.jobs.job import JobState, JobStatus, Json
from gateway.jobs.outcome import plain
from gateway.jobs.retention import Retention
from gateway.jobs.stored import enqueue, mark_cancelled, states_of, status_of
from gateway.jobs.threads import Threads
from gateway.jobs.under_way import UnderWay
from gateway.jobs.workflow import Performer, is_taken, let_go, take
from gateway.noted import Change, note


class Jobs:
    """The jobs of an application: what kinds there are, and every job of its database.

    All methods raise `DatabaseError` when that database cannot be used.
    """

    def __init__(
        self, url: str, *, retention: Retention | None = None, pace: Pace | None = None, carry_out: bool = True
    ) -> None:
        """``url`` as in the settings, ``sqlite+aiosqlite://…`` or ``postgresql+psycopg://…``; nothing is opened yet.

        Without ``carry_out``, jobs that are begun here wait for another process over the same database.
        """
        self._url = url
        self._carry_out = carry_out
        self._retention = retention or Retention()
        self.pace = pace or Pace()
        self._threads = Threads()
        self._under_way = UnderWay()
        self._handlers = Handlers(self._threads, self._under_way)
        self._launch: asyncio.Task[Engine] | None = None

    def handle(self, kind: str, handler: Handler) -> None:
        """What carries out jobs of this kind; told before `launch`, or jobs left by an earlier process would not find it."""
        self._handlers.add(kind, handler)

    async def start(self, kind: str, argument: Mapping[str, Json], *, job_id: str, key: str | None = None) -> None:
        """Have a job done, here or in another process. The same ``job_id`` again changes nothing, whatever else is given.

        Jobs of one ``key`` run one after another, in the order of their start (within one second in any order on SQLite).
        """
        if kind not in self._handlers:
            raise LookupError(f"jobs of the kind {kind} have no handler")
        argument = plain(argument)
        await self.launch()
        await self._threads.ask(functools.partial(enqueue, kind, argument, job_id, key or job_id))
        note(Change("JOB", "BEGUN", {"id": job_id, "kind": kind}))

    async def status(self, job_id: str) -> JobStatus | None:
        """None: there is no such job, or it finished so long ago that it was deleted."""
        if self._launch is None and not await self.exist():
            return None
        await self.launch()
        return await self._threads.ask(functools.partial(status_of, job_id))

    async def states(self, job_ids: Sequence[str]) -> dict[str, JobState]:
        """How far several jobs are, in one look; a job that is not there is left out."""
        if not job_ids or (self._launch is None and not await self.exist()):
            return {}
        await self.launch()
        return await self._threads.ask(functools.partial(states_of, list(job_ids)))

    async def cancel(self, job_id: str) -> bool:
        """Whether the job will end before its next step; False if it has ended already, or there is none."""
        status = await self.status(job_id)
        if status is None or status.state.is_final:
            return False
        await self._threads.ask(functools.partial(mark_cancelled, job_id))
        note(Change("JOB", "CANCELLED", {"id": job_id}))
        return True

    async def wait(self, job_id: str) -> JobStatus:
        """The status once the job has ended."""
        while True:
            status = await self.status(job_id)
            if status is None:
                raise LookupError(f"there is no job {job_id}")
            if status.state.is_final:
                return status
            await asyncio.sleep(self.pace.status_seconds)

    async def exist(self) -> bool:
        """Whether there ever was a job: a look at the database that launches nothing."""
        return await glance(self._url, is_a_job)

    async def answer(self, *, seconds: float) -> bool | None:
        """Whether their database answers within the time; None: the engine is not launched, and this launches nothing.

        On a connection of its own: after an outage, the engine's may be tried again only a minute later.
        """
        if self._engine is None:
            return None
        try:
            async with asyncio.timeout(seconds):
                return await glance(self._url, answers)
        except (DatabaseError, TimeoutError):
            return False

    async def resume(self, *, watch: bool) -> None:
        """Take up jobs that an earlier process left; where it left none, nothing is launched.

        With ``watch``, a process among others takes part from the beginning: it may have to take over their first job. One that
        carries out none takes up none.
        """
        if not self._carry_out:
            return
        if not is_taken() and ((watch and is_shared(self._url)) or await glance(self._url, is_an_unfinished_job)):
            await self.launch()

    async def launch(self) -> None:
        """Begin to carry out jobs. The first `start` does it, too.

        A launch goes on if whoever caused it gives up, and after one that failed the next caller tries again.
        """
        if self._under_way.ending:
            raise DatabaseError("The gateway is stopping; ask again in a moment.")
        if self._launch is None or (self._launch.done() and self._engine is None):
            self._launch = asyncio.create_task(self._launched(), context=contextvars.Context())
        await asyncio.shield(self._launch)

    async def _launched(self) -> Engine:
        take(Performer(asyncio.get_running_loop(), self._handlers.perform))  # before: jobs left behind begin at once
        engine = Engine(self._url, self._threads, pace=self.pace, retention=self._retention, carry_out=self._carry_out)
        try:
            await engine.launch()
        except Exception as error:
            await self._end(engine)
            raise unusable() from error
        return engine

    @property
    def _engine(self) -> Engine | None:
        """None: not launched, or not yet, or not with success."""
        launch = self._launch
        if launch is None or not launch.done() or launch.cancelled() or launch.exception() is not None:
            return None
        return launch.result()

    async def close(self) -> None:
        """Let steps under way end, and leave the rest to the next process."""
        self._under_way.ending = True
        if self._launch is not None:
            await asyncio.wait([self._launch])
        if (engine := self._engine) is not None:
            await self._under_way.end()
            await self._end(engine)
        self._launch = None
        self._threads.end()

    async def _end(self, engine: Engine) -> None:
        await engine.destroy()
        let_go()
