"""The one function the engine knows, and who performs the jobs of this process.

The engine is one for each process and finds its functions by name, as long as the process lasts. Handlers hold clients, which
live and end with an application. So the engine's function finds there whoever performs jobs at present.
"""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from gateway.jobs.job import JobState, Json
from gateway.jobs.outcome import Outcome
from gateway.jobs.threads import on

NAME = "gateway.job"
QUEUE = "jobs"

_ATTEMPTS = 20
"""How often a job is taken up before it counts as one that kills its process."""


@dataclass(frozen=True, slots=True)
class Performer:
    """An application that carries out jobs."""

    home: asyncio.AbstractEventLoop
    perform: Callable[[str, asyncio.AbstractEventLoop, str, Json], Coroutine[Any, Any, Outcome]]
    """The job's id, the engine's loop, the job's kind and its argument → how the job ended; on the loop ``home``."""


_performer: Performer | None = None


def is_taken() -> bool:
    """Whether an application performs the jobs of this process."""
    return _performer is not None


def take(performer: Performer) -> None:
    """From here this application performs them.

    Raises:
        RuntimeError: another one does.
    """
    global _performer
    if _performer is not None:
        raise RuntimeError(
            "another application in this process has its jobs running; the engine is one for each process"
        )
    _performer = performer


def let_go() -> None:
    global _performer
    _performer = None


@functools.cache
def workflow() -> Callable[[str, Json], Coroutine[Any, Any, Json]]:
    """The function as the engine calls it. Registered once: the registration stays as long as the process."""
    from dbos import DBOS

    return DBOS.workflow(name=NAME, max_recovery_attempts=_ATTEMPTS)(_carry_out)


async def _carry_out(kind: str, argument: Json) -> Json:
    """A job, on the engine's loop."""
    from dbos import DBOS, PortableWorkflowError

    performer, job_id = _performer, DBOS.workflow_id
    if performer is None or job_id is None:
        raise asyncio.CancelledError  # the application has just ended
    outcome = await on(performer.home, performer.perform(job_id, asyncio.get_running_loop(), kind, argument))
    match outcome:
        case {"failed": message, "code": code}:
            raise PortableWorkflowError(message, "JobFailed", code, data=str(JobState.FAILED))
        case {"cancelled": True}:
            raise PortableWorkflowError("The job was cancelled.", "JobCancelled", data=str(JobState.CANCELLED))
    return outcome["value"]
