"""All couplings of a mapping end, page by page, as a durable job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from gateway.couplings.coupling import Cause
from gateway.couplings.coupling import Mapping as Tables
from gateway.couplings.store import CouplingFilter, Position, position
from gateway.jobs.jobs import Jobs
from gateway.jobs.work import Work
from gateway.pairing.uncouple import uncouple
from gateway.sync.desk import Desks

UNCOUPLE = "uncouple-mapping"
PAGE = 200


@dataclass(frozen=True, slots=True)
class UncoupleJobs:
    """Starts the job, and carries it out."""

    jobs: Jobs
    desks: Desks

    def register(self) -> None:
        """To be called before jobs that broke off are taken up again."""
        self.jobs.handle(UNCOUPLE, self._run)

    async def start(self, mapping: Tables, company: UUID, by: str) -> tuple[str, int]:
        """Begin; returns the job and how many couplings there are now.

        Source: Business Central, "uncoupling has been scheduled for n of m records".
        """
        count = await self.desks.books.couplings.count(CouplingFilter(mapping=mapping, company_id=company))
        job = f"{UNCOUPLE}-{uuid4()}"
        argument = {"mapping": mapping, "company": str(company), "by": by, "id": str(uuid4())}
        await self.jobs.start(UNCOUPLE, argument, job_id=job, key=f"{company} {mapping}")
        return job, count

    async def _run(self, work: Work, argument: Mapping[str, Any]) -> Any:
        told = {"uncoupled": 0, "failed": 0}
        after: Sequence[str] | None = None
        while True:
            page = await work.step("page", self._page, work.job_id, dict(argument), after)
            if page is None:
                return told
            told = {name: told[name] + page[name] for name in told}
            after = page["after"]
            await work.progress(told)

    async def _page(self, job: str, argument: Mapping[str, Any], after: Sequence[str] | None) -> Any:
        company = UUID(argument["company"])
        desk = self.desks.of_job(company, argument["by"], seconds=300, name=job)
        wanted = CouplingFilter(mapping=Tables(argument["mapping"]), company_id=company)
        place: Position | None = (after[0], UUID(after[1])) if after is not None else None
        page = await desk.books.couplings.page(wanted, after=place, limit=PAGE)
        if not page:
            return None
        results = await uncouple(desk, page, Cause.MANUAL, UUID(argument["id"]))
        failed = sum(each.problem is not None for each in results)
        key, id = position(page[-1])
        return {"uncoupled": len(results) - failed, "failed": failed, "after": [key, str(id)]}
