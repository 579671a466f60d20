"""Where plans of match-based coupling are kept: SQLite or PostgreSQL, the same statements."""

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.couplings.coupling import Mapping
from gateway.couplings.plan import MatchPlan, PlanCounts, PlanState, ProposalFilter, ProposalState, StoredProposal
from gateway.couplings.store import storable, translated
from gateway.couplings.table import match_plans, match_proposals
from gateway.noted import Change, note

_SETTLED = ("state", "target_id", "coupling_id", "problem_code", "problem_message")


class MatchPlans:
    """Every method raises DatabaseError when the database cannot be used."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, plan: MatchPlan) -> None:
        values = {name: getattr(plan, name) for name in MatchPlan.__dataclass_fields__}
        values["created_by"] = storable(plan.created_by, 250)
        with translated():
            async with self._engine.begin() as connection:
                await connection.execute(insert(match_plans).values(values))
        note(_noted(plan.id, "MADE", after={"mapping": plan.mapping, "asked": plan.asked}))

    async def get(self, plan_id: UUID) -> MatchPlan | None:
        rows = await self._rows(select(match_plans).where(match_plans.c.id == plan_id))
        return _plan(rows[0]) if rows else None

    async def newest(self, company_id: UUID, limit: int) -> list[MatchPlan]:
        """The plans of a company, newest first."""
        statement = select(match_plans).where(match_plans.c.company_id == company_id)
        return [
            _plan(row) for row in await self._rows(statement.order_by(match_plans.c.created_at.desc()).limit(limit))
        ]

    async def turn(self, plan_id: UUID, *, of: Sequence[PlanState], to: PlanState, **values: Any) -> bool:
        """From one of these states to another; False when it is in none of them: somebody else was faster."""
        statement = update(match_plans).where(match_plans.c.id == plan_id, match_plans.c.state.in_(of))
        with translated():
            async with self._engine.begin() as connection:
                turned = bool((await connection.execute(statement.values(state=to, **values))).rowcount)
        if turned:
            note(_noted(plan_id, str(to), after=values.get("wish")))
        return turned

    async def drop(self, plan_id: UUID, *, of: Sequence[PlanState]) -> bool:
        """Forget a plan that is in one of these states, and its proposals; the couplings that came of it stay."""
        gone = delete(match_plans).where(match_plans.c.id == plan_id, match_plans.c.state.in_(of))
        with translated():
            async with self._engine.begin() as connection:
                dropped = bool((await connection.execute(gone)).rowcount)
                if dropped:
                    await connection.execute(delete(match_proposals).where(match_proposals.c.plan_id == plan_id))
        if dropped:
            note(_noted(plan_id, "DISCARDED"))
        return dropped

    async def under_way(self) -> list[MatchPlan]:
        """The plans that are not at rest: a job is at work on each, or should be."""
        states = (PlanState.MATCHING, PlanState.ACCEPTING, PlanState.UNDOING)
        return [_plan(row) for row in await self._rows(select(match_plans).where(match_plans.c.state.in_(states)))]

    async def clear(self, plan_id: UUID) -> None:
        """Forget what was proposed: a run that broke off begins again."""
        with translated():
            async with self._engine.begin() as connection:
                await connection.execute(delete(match_proposals).where(match_proposals.c.plan_id == plan_id))

    async def propose(self, plan_id: UUID, proposals: Sequence[StoredProposal]) -> None:
        """Add a page of proposals."""
        rows = [_row(plan_id, each) for each in proposals]
        if rows:
            with translated():
                async with self._engine.begin() as connection:
                    await connection.execute(insert(match_proposals), rows)

    async def proposals(self, plan_id: UUID, wanted: ProposalFilter, *, after: int, limit: int) -> list[StoredProposal]:
        """A page of a plan's proposals by number, from behind ``after``."""
        statement = _matching(plan_id, wanted, select(match_proposals)).where(match_proposals.c.number > after)
        rows = await self._rows(statement.order_by(match_proposals.c.number).limit(limit))
        return [_proposal(row) for row in rows]

    async def count(self, plan_id: UUID, wanted: ProposalFilter) -> int:
        (row,) = await self._rows(
            _matching(plan_id, wanted, select(func.count().label("n")).select_from(match_proposals))
        )
        return int(row["n"])

    async def counts(self, plan_id: UUID) -> PlanCounts:
        """All proposals of a plan, counted."""
        table = match_proposals.c
        statement = (
            select(table.verdict, table.state, func.count().label("n"))
            .where(table.plan_id == plan_id)
            .group_by(table.verdict, table.state)
        )
        verdicts: dict[str, int] = {}
        states: dict[str, int] = {}
        for row in await self._rows(statement):
            verdicts[row["verdict"]] = verdicts.get(row["verdict"], 0) + row["n"]
            states[row["state"]] = states.get(row["state"], 0) + row["n"]
        return PlanCounts(verdicts, states)

    async def settle(self, plan_id: UUID, settled: Sequence[StoredProposal]) -> None:
        """Remember what became of proposals."""
        if not settled:
            return
        table = match_proposals.c
        statement = update(match_proposals).where(table.plan_id == plan_id, table.number == bindparam("_number"))
        rows = [{"_number": each.number} | {name: getattr(each, name) for name in _SETTLED} for each in settled]
        with translated():
            async with self._engine.begin() as connection:
                await connection.execute(statement, rows)  # what the rows name is set

    async def _rows(self, statement: Select[Any]) -> list[ReadOnly[str, Any]]:
        with translated():
            async with self._engine.connect() as connection:
                return [dict(row._mapping) for row in await connection.execute(statement)]


def _matching(plan_id: UUID, wanted: ProposalFilter, statement: Select[Any]) -> Select[Any]:
    table = match_proposals.c
    statement = statement.where(table.plan_id == plan_id)
    if (chosen := _chosen(wanted)) is not None:
        statement = statement.where(chosen)
    if wanted.states is not None:
        statement = statement.where(table.state.in_(wanted.states))
    if wanted.coupled:
        statement = statement.where(table.coupling_id.is_not(None))
    if wanted.numbers is not None:
        statement = statement.where(table.number.in_(wanted.numbers))
    return statement


def _noted(plan_id: UUID, event: str, after: ReadOnly[str, object] | None = None) -> Change:
    return Change("MATCH_PLAN", event, {"id": plan_id}, after=after, records=(plan_id,))


def _row(plan_id: UUID, proposal: StoredProposal) -> dict[str, Any]:
    values = {name: getattr(proposal, name) for name in StoredProposal.__dataclass_fields__}
    for name in ("source_key", "source_name"):
        if values[name] is not None:
            values[name] = storable(values[name])
    return values | {"plan_id": plan_id, "candidates": _plain(values["candidates"])}


def _plain(value: Any) -> Any:
    """JSON whose texts either database takes."""
    match value:
        case str():
            return storable(value)
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case _:
            return value


def _chosen(wanted: ProposalFilter) -> ColumnElement[bool] | None:
    """What is asked of verdict and score."""
    table = match_proposals.c
    conditions: list[ColumnElement[bool]] = []
    if wanted.verdicts is not None:
        conditions.append(table.verdict.in_(wanted.verdicts))
    if wanted.minimum_score is not None:
        conditions.append(table.score >= wanted.minimum_score)
    if not conditions:
        return None
    both = and_(*conditions)
    return both if wanted.or_verdict is None else or_(both, table.verdict == wanted.or_verdict)


def _plan(row: ReadOnly[str, Any]) -> MatchPlan:
    return MatchPlan(**{**row, "mapping": Mapping(row["mapping"]), "state": PlanState(row["state"])})


def _proposal(row: ReadOnly[str, Any]) -> StoredProposal:
    values = {name: row[name] for name in StoredProposal.__dataclass_fields__}
    return StoredProposal(**values | {"state": ProposalState(row["state"])})


def finished(at: datetime) -> dict[str, Any]:
    """What is written when a plan comes to rest."""
    return {"finished_at": at, "wish": None}
