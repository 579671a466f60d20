"""How long finished jobs are kept: with their steps and results they would fill the database for ever."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.jobs.threads import Threads
from gateway.jobs.workflow import NAME
from gateway.telemetry import log


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Retention:
    keep: timedelta = timedelta(days=30)
    now: Callable[[], datetime] = _now
    at_once: int = 100
    """Jobs deleted in one transaction, so that on SQLite others write in between."""

    async def apply(self, threads: Threads) -> None:
        """Delete the jobs that finished too long ago, whichever process had them."""
        before = self.now() - self.keep
        total = 0
        while deleted := await threads.run(functools.partial(_delete, before, self.at_once)):
            total += deleted
        if total:
            log.info("jobs.deleted", jobs=total, finished_before=before.isoformat())


def _delete(before: datetime, at_once: int) -> int:
    """Some of the jobs finished until then; how many. One that waits or runs has no moment of completion."""
    from dbos import DBOS

    found = DBOS.list_workflows(
        name=NAME, completed_before=before.isoformat(), limit=at_once, load_input=False, load_output=False
    )
    if found:
        DBOS.delete_workflows([each.workflow_id for each in found])
    return len(found)
