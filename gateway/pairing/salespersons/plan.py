"""The Couple Salespersons page as one call: pairs by hand, matches by e-mail, new salespersons, and who is uncoupled.

Both sets are read once, whatever is asked; then everything is decided on paper, each step on what the steps before it leave.

Source: Business Central, pages CRM Systemuser List and CDS Couple Salespersons.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from gateway.couplings.coupling import Cause, Coupling
from gateway.couplings.coupling import Mapping as Tables
from gateway.errors import ErrorCode, GatewayError, NamedRecord, RefusalError
from gateway.keys import fold
from gateway.pairing.decision import Pairing, Standing, decide
from gateway.pairing.presence import unseen, veiled
from gateway.pairing.salespersons.people import SALESPEOPLE, Alike, People, alike, email_of
from gateway.records import Backend
from gateway.sync.records import Found, capital, check


class SalespersonAction(StrEnum):
    """What a step does."""

    UNCOUPLE = "UNCOUPLE"
    COUPLE = "COUPLE"
    CREATE = "CREATE"
    ADD_TO_TEAM = "ADD_TO_TEAM"


@dataclass(frozen=True, slots=True)
class PairWish:
    """A salesperson by code, and a user by id or by e-mail address."""

    code: str
    user_id: UUID | None = None
    user_email: str | None = None


@dataclass(frozen=True, slots=True)
class SalespersonWish:
    """What is asked. ``create_for`` are users; ``create_missing`` means all who are still without a salesperson."""

    pairs: Sequence[PairWish] = ()
    by_email: bool = False
    create_missing: bool = False
    create_for: Sequence[UUID] = ()
    uncouple: Sequence[str] = ()
    add_to_team: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is to be done, or the rule that forbids it. ``stale`` couplings end with it."""

    action: SalespersonAction
    seller: Found | None = None
    user: Found | None = None
    coupling: Coupling | None = None
    cause: Cause = Cause.MANUAL
    stale: tuple[Coupling, ...] = ()
    problem: GatewayError | None = None
    joined_team: bool = False

    @property
    def salesperson(self) -> NamedRecord | None:
        """The salesperson by name and code, a new one too."""
        if self.seller is not None:
            return self.seller.named
        if self.coupling is None or self.user is None:
            return None
        table = SALESPEOPLE.bc
        return NamedRecord(
            str(table.source.backend), table.noun, self.coupling.bc_id, self.coupling.bc_key, self.user.name
        )


@dataclass(frozen=True, slots=True)
class Acting:
    """Who asks, when, in which company; couplings one side of which is being created.

    ``personal`` are the systems that show each caller what the caller's own rights allow.
    """

    company: UUID
    by: str
    at: datetime
    pending: frozenset[UUID] = field(default=frozenset())
    personal: frozenset[Backend] = field(default=frozenset())


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in their order, whom no step can decide on, and everybody as they are afterwards."""

    steps: list[Step]
    ambiguous: list[Alike]
    people: People


def plan(wish: SalespersonWish, people: People, acting: Acting) -> Plan:
    """First who is uncoupled, then the pairs named, then matches by e-mail, then new salespersons. Pure."""
    steps: list[Step] = []
    let_go: set[UUID] = set()
    for code in wish.uncouple:
        steps.append(step := _uncouple(code, people))
        people = people.after(ended=_ended(step))
        let_go |= {each.bc_id for each in _ended(step)} | {each.crm_id for each in _ended(step)}
    for pair in wish.pairs:
        steps.append(step := _pair(pair, people, acting))
        people = people.after(ended=_ended(step), begun=_begun(step))
    ambiguous: list[Alike] = []
    if wish.by_email:
        sellers, users = _others(people.free_sellers, let_go), _others(people.free_users, let_go)
        for same in alike(sellers, users).values():
            if not same.is_clear:
                ambiguous.append(same)
                continue
            steps.append(step := _couple(same.sellers[0], same.users[0], people, acting, Cause.MATCHED))
            people = people.after(ended=_ended(step), begun=_begun(step))
    steps += _creations(wish, people, acting, {each.email for each in ambiguous}, let_go)
    return Plan(steps, ambiguous, people)


def _ended(step: Step) -> list[Coupling]:
    if step.problem is not None or step.coupling is None:
        return []
    return [step.coupling] if step.action is SalespersonAction.UNCOUPLE else list(step.stale)


def _begun(step: Step) -> list[Coupling]:
    return [step.coupling] if step.problem is None and step.coupling is not None else []


def _uncouple(code: str, people: People) -> Step:
    action = SalespersonAction.UNCOUPLE
    seller = people.by_code(code)
    if seller is None:
        return Step(action, problem=_no_seller(code))
    coupling = people.couplings.get(seller.id)
    if coupling is None:
        problem = RefusalError(
            ErrorCode.NOT_COUPLED,
            f"{capital(seller.named)} is not coupled with a user.",
            hint="Nothing has to be done.",
            records=[seller.named],
            argument="uncouple",
        )
        return Step(action, seller, problem=problem)
    return Step(action, seller, people.users.get(coupling.crm_id), coupling)


def _no_seller(code: str) -> RefusalError:
    return RefusalError(
        ErrorCode.RECORD_NOT_FOUND,
        f"There is no salesperson with the code {code} in Business Central.",
        hint="Take a code of `salespersons`, or have the salesperson created (createFor).",
        argument="code",
    )


def _pair(wish: PairWish, people: People, acting: Acting) -> Step:
    seller = people.by_code(wish.code)
    if seller is None:
        return Step(SalespersonAction.COUPLE, problem=_no_seller(wish.code))
    try:
        user = _user(wish, people)
    except RefusalError as problem:
        return Step(SalespersonAction.COUPLE, seller, problem=problem)
    return _couple(seller, user, people, acting, Cause.MANUAL)


def _user(wish: PairWish, people: People) -> Found:
    """Raises: RefusalError, when there is none, or several have the address."""
    if wish.user_id is not None:
        found = [people.users[wish.user_id]] if wish.user_id in people.users else []
        named = f"id {wish.user_id}"
    else:
        email = fold((wish.user_email or "").strip())
        found = [each for each in people.users.values() if email and email_of(each) == email]
        named = f"e-mail address {wish.user_email}"
    if len(found) == 1:
        return found[0]
    if not found:
        raise RefusalError(
            ErrorCode.RECORD_NOT_FOUND,
            f"There is no user with the {named} in CRM.",
            hint="Take a user of `salespersonCoupling`.",
            argument="pairs",
        )
    raise RefusalError(
        ErrorCode.INVALID_INPUT,
        f"{len(found)} users of CRM have the {named}.",
        hint="Name the one that is meant by its id (userId).",
        records=[each.named for each in found[:10]],
        argument="pairs",
    )


def _couple(seller: Found, user: Found, people: People, acting: Acting, cause: Cause) -> Step:
    try:
        check(user, SALESPEOPLE.crm.rules, argument="pairs")
        of_record = _standing(people.couplings.get(seller.id), people, acting, of=seller)
        of_row = _standing(people.of_user.get(user.id), people, acting, of=user)
        pairing = Pairing(Tables.SALESPERSON, acting.company, seller, user, False, acting.by, acting.at)
        change = decide(pairing, of_record=of_record, of_row=of_row)
    except RefusalError as problem:
        return Step(SalespersonAction.COUPLE, seller, user, cause=cause, problem=_advised(problem))
    return Step(SalespersonAction.COUPLE, seller, user, change.coupling, cause, change.stale)


def _standing(coupling: Coupling | None, people: People, acting: Acting, *, of: Found) -> Standing | None:
    """Raises: RefusalError, when the other side is just being created, or cannot be seen and was not deleted."""
    if coupling is None:
        return None
    if coupling.id in acting.pending:
        raise RefusalError(
            ErrorCode.ALREADY_COUPLED,
            f"{capital(of.named)} is just being coupled with a record that is created for it.",
            hint="Look at its coupling in a moment.",
            records=[of.named],
        )
    of_seller = of.id == coupling.bc_id
    partner = people.users.get(coupling.crm_id) if of_seller else people.sellers.get(coupling.bc_id)
    if partner is None and coupling.id in people.unseen:
        side = Backend.DATAVERSE if of_seller else Backend.BUSINESS_CENTRAL
        raise (veiled if side in acting.personal else unseen)(SALESPEOPLE, coupling, side)
    return Standing(coupling, partner)


def _advised(problem: RefusalError) -> RefusalError:
    """Nothing is moved here: whoever is in the way is named in ``uncouple``."""
    taken = (ErrorCode.BUSINESS_CENTRAL_RECORD_TAKEN, ErrorCode.DATAVERSE_ROW_TAKEN)
    if problem.code not in taken:
        return problem
    hint = "Name the salesperson of the coupling that is to end in `uncouple`, in the same call."
    return RefusalError(problem.code, problem.message, hint=hint, records=problem.records, argument="pairs")


def _others(people: Iterable[Found], let_go: set[UUID]) -> list[Found]:
    """Without those who were uncoupled in this very call: nobody but a pair by name couples them again."""
    return [each for each in people if each.id not in let_go]


def _creations(
    wish: SalespersonWish, people: People, acting: Acting, doubtful: set[str], let_go: set[UUID]
) -> list[Step]:
    users = _others(people.free_users, let_go) if wish.create_missing else []
    missing = [each for each in users if email_of(each) not in doubtful]
    named = dict.fromkeys(wish.create_for)
    ordered = sorted(missing, key=lambda each: (fold(each.name or ""), each.id))
    rest = [each.id for each in ordered if each.id not in named]
    return [_creation(each, people, acting) for each in (*named, *rest)]


def _creation(user_id: UUID, people: People, acting: Acting) -> Step:
    action, user = SalespersonAction.CREATE, people.users.get(user_id)
    if user is None:
        problem = RefusalError(
            ErrorCode.RECORD_NOT_FOUND,
            f"There is no user with the id {user_id} in CRM.",
            hint="Take a user of `salespersonCoupling`.",
            argument="createFor",
        )
        return Step(action, problem=problem)
    try:
        check(user, SALESPEOPLE.crm.rules, argument="createFor")
        stale = _free(user, people, acting)
    except RefusalError as refusal:
        return Step(action, user=user, cause=Cause.CREATED, problem=refusal)
    return Step(action, user=user, cause=Cause.CREATED, stale=stale)


def _free(user: Found, people: People, acting: Acting) -> tuple[Coupling, ...]:
    """The stale coupling of a user who has no salesperson. Raises: RefusalError, when there is one."""
    standing = _standing(people.of_user.get(user.id), people, acting, of=user)
    if standing is None or standing.partner is None:
        return (standing.coupling,) if standing is not None else ()
    raise RefusalError(
        ErrorCode.DATAVERSE_ROW_TAKEN,
        f"{capital(user.named)} is already coupled with {standing.partner.named}, so nothing is created for it.",
        hint="Nothing has to be done; or name the salesperson in `uncouple`, in the same call.",
        records=[standing.partner.named],
        argument="createFor",
    )


def records_of(step: Step) -> list[NamedRecord]:
    """Whom a step speaks of."""
    user = step.user.named if step.user is not None else None
    return [each for each in (step.salesperson, user) if each is not None]
