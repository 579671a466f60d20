"""One run of match-based coupling: both sides are read page by page, and what is found is saved as a plan's proposals.

Nothing is coupled here. Memory does not grow with the tables: rows go to the matcher's own file, proposals to the database.

Source: Business Central, codeunit CDS Int. Table Couple.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from gateway.couplings.plan import MatchPlan, StoredProposal
from gateway.couplings.plans import MatchPlans
from gateway.couplings.store import Side
from gateway.matching.matcher import Matcher
from gateway.matching.proposal import Candidate, Proposal, Reason
from gateway.odata.filters import meets
from gateway.pairing.matches.criteria import asked_from, columns_of, criteria_of, rows_of
from gateway.records import Backend
from gateway.sync.desk import Desk
from gateway.sync.records import Found, Records

T = TypeVar("T")

Tell = Callable[[Mapping[str, int]], Awaitable[None]]
"""Told how far the run is: rows read of each side, records judged, proposals saved."""

_PAGE = 5_000
"""Rows of a page that is read: Dataverse gives no more at a time."""

_SAVED = 500


async def match(desk: Desk, plan: MatchPlan, plans: MatchPlans, tell: Tell) -> dict[str, int]:
    """Read, judge, save; begins from the start when a run broke off. Returns how many of each it was.

    Raises:
        BackendError: a side could not be read to its end; what was saved is no plan.
    """
    mapping = await desk.mapping(plan.mapping)
    criteria = criteria_of(mapping, asked_from(plan.asked))
    done = {"leftOut": 0, "sources": 0, "targets": 0, "judged": 0, "proposals": 0}
    await plans.clear(plan.id)
    with Matcher(criteria) as matcher:
        origin, other = sides(plan)
        async for page in _sources(Records(desk, mapping, origin), columns_of(mapping, origin, criteria), plan):
            free = await _uncoupled(desk, plan, origin, page)
            done["leftOut"] = len(selected) - len(free) if (selected := plan.asked.get("records")) else 0
            await asyncio.to_thread(matcher.add_sources, rows_of(mapping, origin, criteria, free, {}))
            done["sources"] += len(free)
            await tell(done)
        if done["sources"]:
            async for page in Records(desk, mapping, other).pages(
                columns=columns_of(mapping, other, criteria), page_size=_PAGE
            ):
                partners = await partners_of(desk, plan, other, page)
                await asyncio.to_thread(matcher.add_targets, rows_of(mapping, other, criteria, page, partners))
                done["targets"] += len(page)
                await tell(done)
            async for judged in _in_thread(matcher.steps()):
                done["judged"] = judged
                await tell(done)
        async for proposals in _in_thread(matcher.proposals(_SAVED)):
            stored = [_stored(each, number) for number, each in enumerate(proposals, start=done["proposals"] + 1)]
            await plans.propose(plan.id, stored)
            done["proposals"] += len(stored)
            await tell(done)
    return done


def sides(plan: MatchPlan) -> tuple[Backend, Backend]:
    """The side whose records look for partners, and the side they look at."""
    both = (Backend.BUSINESS_CENTRAL, Backend.DATAVERSE)
    return both if plan.to_crm else (both[1], both[0])


def side_of(backend: Backend) -> Side:
    """The same side, as the store names it."""
    return Side.BUSINESS_CENTRAL if backend is Backend.BUSINESS_CENTRAL else Side.DATAVERSE


async def _sources(records: Records, columns: frozenset[str], plan: MatchPlan) -> Any:
    """The records that look for a partner: all that meet the mapping's filter, or the selected ones."""
    selected = plan.asked.get("records")
    if selected is None:
        async for page in records.pages(columns=columns, page_size=_PAGE):
            yield page
        return
    rules = [rule.condition for rule in await records.rules()]
    found = (await records.by_id([UUID(each) for each in selected], columns=columns)).values()
    yield [each for each in found if all(meets(rule, each.values) for rule in rules)]


async def _uncoupled(desk: Desk, plan: MatchPlan, backend: Backend, page: Sequence[Found]) -> list[Found]:
    coupled = await desk.books.couplings.find(
        plan.mapping, plan.company_id, side_of(backend), [each.id for each in page]
    )
    return [each for each in page if each.id not in coupled]


async def partners_of(desk: Desk, plan: MatchPlan, backend: Backend, page: Sequence[Found]) -> dict[UUID, str]:
    """The keys of the records that these are coupled with, by the record's id."""
    coupled = await desk.books.couplings.find(
        plan.mapping, plan.company_id, side_of(backend), [each.id for each in page]
    )
    dataverse = backend is Backend.DATAVERSE
    return {
        id: str((each.bc_key or each.bc_id) if dataverse else (each.crm_key or each.crm_id))
        for id, each in coupled.items()
    }


async def _in_thread(work: Iterator[T]) -> Any:
    """An iterator whose every turn takes long, without holding up the loop."""
    end = object()
    while (found := await asyncio.to_thread(next, work, end)) is not end:
        yield found


def _stored(proposal: Proposal, number: int) -> StoredProposal:
    return StoredProposal(
        number=number,
        source_id=proposal.id,
        source_key=proposal.key,
        source_name=proposal.name,
        verdict=proposal.verdict,
        priority=proposal.priority,
        score=proposal.candidates[0].score if proposal.candidates else 0,
        candidates=[candidate_json(each) for each in proposal.candidates],
    )


def candidate_json(candidate: Candidate) -> dict[str, Any]:
    """A candidate as it is kept."""
    return {
        "id": str(candidate.id),
        "key": candidate.key,
        "name": candidate.name,
        "score": candidate.score,
        "takenBy": candidate.taken_by,
        "claimedBy": candidate.claimed_by,
        "reasons": [_reason_json(each) for each in candidate.reasons],
    }


def _reason_json(reason: Reason) -> dict[str, Any]:
    return {
        "field": reason.field,
        "source": _shown(reason.source),
        "target": _shown(reason.target),
        "outcome": reason.outcome,
        "points": reason.points,
    }


def _shown(value: object) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
