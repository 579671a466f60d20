"""What was planned for salespersons and users, done: a number of requests that does not depend on how many they are.

A creation that breaks off is finished later, as every other one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

from gateway.couplings.coupling import Cause, Coupling
from gateway.errors import BackendError, GatewayError
from gateway.pairing.couple import unsteady
from gateway.pairing.creating import Unsettled, create_each
from gateway.pairing.presence import none_seen
from gateway.pairing.salespersons.people import SALESPEOPLE, Alike, People, is_eligible, read_people
from gateway.pairing.salespersons.plan import Acting, Plan, SalespersonAction, SalespersonWish, Step, plan
from gateway.pairing.salespersons.team import add_members, default_team, members
from gateway.pairing.uncouple import uncouple
from gateway.records import Backend
from gateway.sync.desk import Desk
from gateway.sync.records import Found
from gateway.sync.transfer import Pair, prepare_each

MOST_CREATED = 100
"""Salespersons that one call creates; the others are told and left to the next."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The steps as they were done, or would be. ``left`` is how many creations are left to another call."""

    steps: list[Step]
    ambiguous: list[Alike]
    left: int = 0


async def couple_salespersons(desk: Desk, wish: SalespersonWish, *, dry: bool) -> Outcome:
    """
    Raises:
        RefusalError: not one salesperson, or not one user, can be seen although some are coupled; nothing was done.
        BackendError: salespersons or users could not be read; nothing was done.
        DatabaseError: our own database cannot be used.
    """
    people = await read_people(desk)
    acting = Acting(desk.company, desk.by, datetime.now(UTC), await _pending(desk, people), desk.asking.acting.personal)
    _check(people, acting)
    planned = plan(wish, people, acting)
    steps, left = _limited(planned.steps)
    if dry:
        steps = await _foreseen(desk, steps)
    else:
        steps = await _create(desk, await _couple(desk, await _uncouple(desk, steps)))
    steps = await _join(desk, wish, replace(planned, steps=steps), dry=dry)
    return Outcome(steps, planned.ambiguous, left)


def _check(people: People, acting: Acting) -> None:
    """Raises: RefusalError, when a whole set is missing: whoever looks coupled with nobody then is not."""
    settled = any(each.id not in acting.pending for each in people.couplings.values())
    for found, table in ((people.sellers, SALESPEOPLE.bc), (people.users, SALESPEOPLE.crm)):
        if settled and not found:
            raise none_seen(table)


def _limited(steps: Sequence[Step]) -> tuple[list[Step], int]:
    creations = [each for each in steps if _does(each, SalespersonAction.CREATE)]
    later = {id(each) for each in creations[MOST_CREATED:]}
    return [each for each in steps if id(each) not in later], len(later)


def _does(step: Step, action: SalespersonAction) -> bool:
    return step.action is action and step.problem is None


async def _pending(desk: Desk, people: People) -> frozenset[UUID]:
    """Couplings one side of which is being created."""
    lonely = [
        each.id
        for each in people.couplings.values()
        if each.crm_id not in people.users or each.bc_id not in people.sellers
    ]
    return frozenset(await desk.books.intents.of(lonely))


async def _foreseen(desk: Desk, steps: Sequence[Step]) -> list[Step]:
    """With what would keep new salespersons from being created. Raises: BackendError."""
    users = _created_for(steps)
    pairs = [Pair(each, None) for each in users]
    found = await prepare_each(desk, SALESPEOPLE, to=Backend.BUSINESS_CENTRAL, pairs=pairs) if pairs else []
    outcomes = {each.id: outcome for each, outcome in zip(users, found, strict=True)}
    return [_with(each, outcomes) if _does(each, SalespersonAction.CREATE) else each for each in steps]


def _created_for(steps: Sequence[Step]) -> list[Found]:
    return [each.user for each in steps if each.user is not None and _does(each, SalespersonAction.CREATE)]


def _with(step: Step, outcomes: Mapping[UUID, object]) -> Step:
    """The step and what came of its user: a coupling, or what keeps it from being made."""
    outcome = outcomes.get(step.user.id) if step.user is not None else None
    if isinstance(outcome, GatewayError):
        return replace(step, problem=outcome)
    return replace(step, coupling=outcome) if isinstance(outcome, Coupling) else step


async def _uncouple(desk: Desk, steps: Sequence[Step]) -> list[Step]:
    ending = [each.coupling for each in steps if each.coupling and _does(each, SalespersonAction.UNCOUPLE)]
    results = await uncouple(desk, ending, Cause.MANUAL)
    problems = {each.coupling.id: each.problem for each in results if each.problem is not None}
    return [
        replace(each, problem=problems[each.coupling.id])
        if each.coupling is not None and each.action is SalespersonAction.UNCOUPLE and each.coupling.id in problems
        else each
        for each in steps
    ]


async def _couple(desk: Desk, steps: Sequence[Step]) -> list[Step]:
    stale = [each for step in steps if step.problem is None for each in step.stale]
    await desk.books.changes.remove_each(stale, desk.doing(Cause.STALE))
    added: set[UUID] = set()
    for cause in (Cause.MANUAL, Cause.MATCHED):
        wanted = [
            each.coupling
            for each in steps
            if each.coupling is not None and each.cause is cause and _does(each, SalespersonAction.COUPLE)
        ]
        added |= await desk.books.changes.add_free(wanted, desk.doing(cause))
    return [_lost(each) if _does(each, SalespersonAction.COUPLE) and _id(each) not in added else each for each in steps]


def _id(step: Step) -> UUID | None:
    return step.coupling.id if step.coupling is not None else None


def _lost(step: Step) -> Step:
    """Somebody else coupled one of the two meanwhile."""
    return replace(step, problem=unsteady([each for each in (step.seller, step.user) if each is not None]))


async def _create(desk: Desk, steps: Sequence[Step]) -> list[Step]:
    if not (users := _created_for(steps)):
        return list(steps)
    try:
        outcomes = await create_each(desk, SALESPEOPLE, Backend.BUSINESS_CENTRAL, users, job=uuid4())
        made = {id: each.error if isinstance(each, Unsettled) else each for id, each in outcomes.items()}
    except BackendError as error:
        made = {each.id: error.again() for each in users}
    return [_with(each, made) if _does(each, SalespersonAction.CREATE) else each for each in steps]


# -- the team --------------------------------------------------------------------------------------------------------


async def _join(desk: Desk, wish: SalespersonWish, done: Plan, *, dry: bool) -> list[Step]:
    """Whoever is coupled now is in the company's team; with ``add_to_team`` whoever was before, too."""
    fresh = [each for each in done.steps if _makes_member(each)]
    if not fresh and not wish.add_to_team:
        return done.steps
    try:
        team = await default_team(desk)
        known = await members(desk, team) if team is not None else set()
    except BackendError as error:
        return [*done.steps, Step(SalespersonAction.ADD_TO_TEAM, problem=error)]
    if team is None:
        return done.steps
    users = {each.user.id for each in fresh if each.user is not None} - known
    more = _coupled_before(done.people, known | users) if wish.add_to_team else []
    wanted = [*users, *(each.user.id for each in more if each.user is not None)]
    failed: dict[UUID, BackendError] = {} if dry else await add_members(desk, team, wanted)
    joined = users - failed.keys()
    steps = [
        replace(each, joined_team=True) if _makes_member(each) and each.user and each.user.id in joined else each
        for each in done.steps
    ]
    lost = [Step(SalespersonAction.ADD_TO_TEAM, user=done.people.users[each]) for each in users & failed.keys()]
    return [*steps, *(_told(each, failed) for each in (*lost, *more))]


def _makes_member(step: Step) -> bool:
    return step.problem is None and step.action in (SalespersonAction.COUPLE, SalespersonAction.CREATE)


def _coupled_before(people: People, known: set[UUID]) -> list[Step]:
    eligible = [each for each in people.users.values() if each.id not in known and is_eligible(each)]
    users = [each for each in eligible if people.seller_of(each.id) is not None]
    return [Step(SalespersonAction.ADD_TO_TEAM, people.seller_of(each.id), each) for each in users]


def _told(step: Step, failed: dict[UUID, BackendError]) -> Step:
    problem: GatewayError | None = failed.get(step.user.id) if step.user is not None else None
    return replace(step, problem=problem, joined_team=problem is None)
