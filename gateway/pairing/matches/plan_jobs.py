"""Plans of match-based coupling as durable jobs: made, accepted and taken back, whatever happens to the process in between."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from gateway.couplings.plan import MatchPlan, PlanState
from gateway.couplings.plans import MatchPlans, finished
from gateway.errors import ErrorCode, RefusalError
from gateway.jobs.jobs import Jobs
from gateway.jobs.outcome import StepError
from gateway.jobs.work import Work
from gateway.pairing.matches.accepting import Acceptance, accept_page, acceptance_from, undo_page
from gateway.pairing.matches.criteria import Asked, criteria_of
from gateway.pairing.matches.matching import match
from gateway.sync.desk import Desks
from gateway.sync.mapping import TableMapping

MATCH, ACCEPT, UNDO = "match", "accept-matches", "undo-matches"

_HOURS = 4 * 3600.0
"""The longest that one run may read both sides; a page of acceptance takes seconds."""

_TOLD_EVERY = 2_000
"""Records between two tellings of how far a run is."""


@dataclass(frozen=True, slots=True)
class PlanJobs:
    """Starts the jobs of plans, and carries them out."""

    jobs: Jobs
    plans: MatchPlans
    desks: Desks

    def register(self) -> None:
        """To be called before jobs that broke off are taken up again."""
        self.jobs.handle(MATCH, self._match)
        self.jobs.handle(ACCEPT, self._accept)
        self.jobs.handle(UNDO, self._undo)

    async def make(
        self, mapping: TableMapping, company: UUID, *, to_crm: bool, asked: Asked, records: list[UUID] | None, by: str
    ) -> MatchPlan:
        """Begin a plan.

        Raises:
            RefusalError: no field was chosen.
            InvalidInputError: a field is none to match by.
        """
        criteria_of(mapping, asked)
        stored = asked.as_json() | {"records": None if records is None else [str(each) for each in records]}
        now = datetime.now(UTC)
        plan = MatchPlan(uuid4(), mapping.mapping, company, to_crm, stored, PlanState.MATCHING, now, by)
        await self.plans.add(plan)
        await self._start(MATCH, plan, job=f"{MATCH}-{plan.id}")
        return plan

    async def accept(self, plan: MatchPlan, acceptance: Acceptance, by: str) -> str:
        """Begin to couple what was accepted; returns the job.

        Raises:
            RefusalError: the plan is not at rest.
        """
        return await self._begin(ACCEPT, plan, PlanState.ACCEPTING, acceptance.as_json(), by)

    async def undo(self, plan: MatchPlan, by: str) -> str:
        """Begin to take back what came of the plan; returns the job. Raises: RefusalError."""
        return await self._begin(UNDO, plan, PlanState.UNDOING, {}, by)

    async def _begin(self, kind: str, plan: MatchPlan, state: PlanState, wish: Mapping[str, Any], by: str) -> str:
        job = f"{kind}-{plan.id}-{uuid4()}"
        wanted = {**wish, "by": by, "job": job, "kind": kind}
        if not await self.plans.turn(
            plan.id, of=[PlanState.READY], to=state, wish=wanted, error_code=None, error_message=None
        ):
            await self._resume(await self._plan(plan.id))
            raise not_at_rest()
        await self._start(kind, plan, job=job)
        return job

    async def settle(self, plan: MatchPlan) -> None:
        """A plan whose job is over, or never began, does not stay under way."""
        await self._resume(plan)

    async def resume(self) -> None:
        """Start the jobs of plans that are not at rest, where somebody was cut off before the job began.

        A job that has begun is not begun again.
        """
        for plan in await self.plans.under_way():
            await self._resume(plan)

    async def _resume(self, plan: MatchPlan) -> None:
        """Its job is begun if it never was; if it is over, the plan comes to rest."""
        wish = plan.wish or {}
        kind, job = (
            (MATCH, f"{MATCH}-{plan.id}") if plan.state is PlanState.MATCHING else (wish.get("kind"), wish.get("job"))
        )
        if plan.state in (PlanState.READY, PlanState.FAILED) or kind is None or job is None:
            return
        status = await self.jobs.status(job)
        if status is None or not status.state.is_final:
            await self._start(kind, plan, job=job)
            return
        to = PlanState.FAILED if kind == MATCH else PlanState.READY
        message = status.error or "The job ended before it could say so."
        values = {"error_code": str(status.error_code or ErrorCode.INTERNAL_ERROR), "error_message": message}
        await self.plans.turn(plan.id, of=[plan.state], to=to, **values, **finished(datetime.now(UTC)))

    async def _start(self, kind: str, plan: MatchPlan, *, job: str) -> None:
        key = f"{plan.company_id} {plan.mapping}"
        await self.jobs.start(kind, {"plan": str(plan.id)}, job_id=job, key=key)

    async def _match(self, work: Work, argument: Mapping[str, Any]) -> Any:
        plan_id = UUID(argument["plan"])
        try:
            return await work.step(MATCH, self._run, work, plan_id)
        except StepError as error:
            await work.step("failed", self._failed, plan_id, error.message, str(error.reason))
            raise

    async def _run(self, work: Work, plan_id: UUID) -> Any:
        plan = await self._plan(plan_id)
        if plan.state is not PlanState.MATCHING:  # it was made before the engine could remember that
            return {}
        desk = self.desks.of_job(plan.company_id, plan.created_by, seconds=_HOURS, name=work.job_id)
        told = 0

        async def tell(done: Mapping[str, int]) -> None:
            nonlocal told
            if sum(done.values()) - told >= _TOLD_EVERY:
                told = sum(done.values())
                await work.progress(dict(done))

        done = await match(desk, plan, self.plans, tell)
        left_out = done["leftOut"]
        message = (
            f"{left_out} of the records named are not there, coupled already, or outside the filter."
            if left_out
            else None
        )
        rest = finished(datetime.now(UTC))
        await self.plans.turn(plan_id, of=[PlanState.MATCHING], to=PlanState.READY, error_message=message, **rest)
        return done

    async def _accept(self, work: Work, argument: Mapping[str, Any]) -> Any:
        return await self._page_by_page(work, argument, self._accept_page)

    async def _undo(self, work: Work, argument: Mapping[str, Any]) -> Any:
        return await self._page_by_page(work, argument, self._undo_page)

    async def _page_by_page(self, work: Work, argument: Mapping[str, Any], page: Any) -> Any:
        plan_id, after = UUID(argument["plan"]), 0
        try:
            while (end := await work.step("page", page, plan_id, work.job_id, after)) is not None:
                after = end
                await work.progress({"handled": after})
        except StepError as error:
            await work.step("rest", self._rest, plan_id, work.job_id, error.message, str(error.reason))
            raise
        await work.step("rest", self._rest, plan_id, work.job_id, None, None)
        return {"handled": after}

    async def _accept_page(self, plan_id: UUID, job: str, after: int) -> int | None:
        plan = await self._plan(plan_id)
        wish = plan.wish or {}
        if wish.get("job") != job:  # the plan is at rest, or another job's by now
            return None
        desk = self.desks.of_job(plan.company_id, wish["by"], seconds=300, name=job)
        return await accept_page(desk, plan, self.plans, acceptance_from(wish), after)

    async def _undo_page(self, plan_id: UUID, job: str, after: int) -> int | None:
        plan = await self._plan(plan_id)
        wish = plan.wish or {}
        if wish.get("job") != job:
            return None
        desk = self.desks.of_job(plan.company_id, wish["by"], seconds=300, name=job)
        return await undo_page(desk, plan, self.plans, after)

    async def _rest(self, plan_id: UUID, job: str, message: str | None, code: str | None) -> None:
        """The plan may be accepted or undone again; what went wrong is kept with it."""
        plan = await self.plans.get(plan_id)
        if plan is None or (plan.wish or {}).get("job") != job:
            return
        await self.plans.turn(
            plan_id,
            of=[PlanState.ACCEPTING, PlanState.UNDOING],
            to=PlanState.READY,
            error_code=code,
            error_message=message,
            **finished(datetime.now(UTC)),
        )

    async def _failed(self, plan_id: UUID, message: str, code: str) -> None:
        values = {"error_code": code, "error_message": message, **finished(datetime.now(UTC))}
        await self.plans.turn(plan_id, of=[PlanState.MATCHING], to=PlanState.FAILED, **values)

    async def _plan(self, plan_id: UUID) -> MatchPlan:
        """
        Raises:
            RefusalError: the plan was dropped meanwhile.
        """
        plan = await self.plans.get(plan_id)
        if plan is None:
            raise RefusalError(ErrorCode.RECORD_NOT_FOUND, "The plan was discarded.", hint="Make a new one.")
        return plan


def not_at_rest() -> RefusalError:
    """The refusal of what only a plan at rest can be asked."""
    return RefusalError(
        ErrorCode.COUPLING_CHANGED,
        "The plan is not ready: it is still being made, accepted or undone, or it failed.",
        hint="Look at its state; try again when it is READY.",
        argument="planId",
    )
