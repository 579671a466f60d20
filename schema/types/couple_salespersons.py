"""Salespersons and users coupled: what is given, and what comes of it."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import strawberry

from gateway.couplings.coupling import Coupling as Stored
from gateway.errors import InvalidInputError
from gateway.pairing.salespersons.carrying_out import Outcome
from gateway.pairing.salespersons.people import Alike
from gateway.pairing.salespersons.plan import PairWish, SalespersonWish, Step, records_of
from gateway.reading.values import usable
from schema.access import ADMINISTRATORS, seen_by
from schema.enums import ErrorCode, SalespersonAction
from schema.types.couple_records import RecordProblem, coupling_id
from schema.types.user_error import RecordReference, UserError

MOST = 200
_LONGEST_KEY = 250


@strawberry.input(description="A salesperson and a user who are to be coupled. Name the user by one of the two.")
class SalespersonPair:
    code: str = strawberry.field(description="Code of the salesperson.")
    user_id: UUID | None = strawberry.field(default=None, description="Dataverse id of the user.")
    user_email: str | None = strawberry.field(default=None, description="Primary e-mail address of the user.")

    def wish(self) -> PairWish:
        """Raises: InvalidInputError, when not exactly one key of the user is given."""
        if (self.user_id is None) == (self.user_email is None):
            raise InvalidInputError("Name the user by either userId or userEmail.", argument="pairs")
        email = _key(self.user_email, "pairs") if self.user_email is not None else None
        return PairWish(_key(self.code, "pairs"), self.user_id, email)


def _key(text: str, argument: str) -> str:
    if not text.strip() or len(usable(text, argument)) > _LONGEST_KEY:
        raise InvalidInputError(f"A key has between 1 and {_LONGEST_KEY} characters.", argument=argument)
    return text


@strawberry.input(
    description="Who is to be coupled, in this order: `uncouple`, `pairs`, `byEmail`, `createFor`, `createMissing`."
)
class CoupleSalespersonsInput:
    pairs: list[SalespersonPair] | None = strawberry.field(default=None, description="Up to 200 pairs by hand.")
    by_email: bool = strawberry.field(
        default=False,
        description="Couple everybody who is free and has an e-mail address that exactly one free salesperson and one free "
        "user have, whatever its case. Who shares an address is listed as ambiguous.",
    )
    create_missing: bool = strawberry.field(
        default=False,
        description="Create a salesperson for every enabled, licensed user who is without one then, up to 100 in a call.",
    )
    create_for: list[UUID] | None = strawberry.field(
        default=None, description="Create a salesperson for these users: up to 100 Dataverse ids."
    )
    uncouple: list[str] | None = strawberry.field(
        default=None, description="End the couplings of up to 200 salespersons, by code."
    )
    add_coupled_users_to_team: bool = strawberry.field(
        default=False,
        description="Add users who were coupled before to the company's default team, too. Who is coupled in this call is "
        "added in any case.",
    )
    dry_run: bool = strawberry.field(
        default=True, description="Only say what would be done; nothing is written. Give false to have it done."
    )
    company: UUID | None = strawberry.field(
        default=None, description="SystemId of the Business Central company; the configured one by default."
    )

    def wish(self) -> SalespersonWish:
        """Raises: InvalidInputError, when nothing is asked, or too much."""
        _check("pairs", self.pairs, MOST)
        _check("uncouple", self.uncouple, MOST)
        _check("createFor", self.create_for, 100)
        wish = SalespersonWish(
            pairs=[each.wish() for each in self.pairs or ()],
            by_email=self.by_email,
            create_missing=self.create_missing,
            create_for=self.create_for or (),
            uncouple=[_key(each, "uncouple") for each in dict.fromkeys(self.uncouple or ())],
            add_to_team=self.add_coupled_users_to_team,
        )
        if wish == SalespersonWish(pairs=[], uncouple=[]):
            raise InvalidInputError("Say who is to be coupled or uncoupled.", argument="input")
        return wish


def _check(name: str, given: Sequence[object] | None, most: int) -> None:
    if given is not None and len(given) > most:
        raise InvalidInputError(f"{name} takes at most {most}.", argument=name)


@seen_by(ADMINISTRATORS)
@strawberry.type(description="What came of one salesperson or user.")
class CoupleSalespersonsResult:
    action: SalespersonAction = strawberry.field(description="What was to be done.")
    done: bool = strawberry.field(description="Whether it was done, or in a dry run would be.")
    salesperson: RecordReference | None = strawberry.field(
        description="The salesperson; null for one that is still to be created."
    )
    user: RecordReference | None = strawberry.field(description="The user.")
    coupling_id: strawberry.ID | None = strawberry.field(
        description="Global id of the coupling: the new one, or the one that ended. Null in a dry run."
    )
    joined_team: bool = strawberry.field(
        description="Whether the user became a member of the company's default team with it."
    )
    code: ErrorCode | None = strawberry.field(description="Why it was not done.")
    message: str | None = strawberry.field(description="The same in a sentence, with the records in the way.")
    hint: str | None = strawberry.field(description="What to do about it.")
    records: list[RecordReference] = strawberry.field(
        description="The records in the way; otherwise the two themselves."
    )

    @classmethod
    def of(cls, step: Step, *, dry: bool) -> "CoupleSalespersonsResult":
        problem = RecordProblem.of(step.problem)
        in_the_way = getattr(step.problem, "records", ()) or records_of(step)
        return cls(
            action=step.action,
            done=step.problem is None,
            salesperson=RecordReference.of(step.salesperson) if step.salesperson is not None else None,
            user=RecordReference.of(step.user.named) if step.user is not None else None,
            coupling_id=_coupling(step.coupling) if step.problem is None and not dry else None,
            joined_team=step.joined_team,
            code=problem.code if problem is not None else None,
            message=problem.message if problem is not None else None,
            hint=problem.hint if problem is not None else None,
            records=list(map(RecordReference.of, in_the_way)),
        )


def _coupling(coupling: Stored | None) -> strawberry.ID | None:
    return coupling_id(coupling) if coupling is not None else None


@seen_by(ADMINISTRATORS)
@strawberry.type(description="Salespersons and users who share an e-mail address, so that nobody can say who is who.")
class AmbiguousEmail:
    email: str = strawberry.field(description="The address, in lower case.")
    salespersons: list[RecordReference] = strawberry.field(description="Salespersons who have it and are free.")
    users: list[RecordReference] = strawberry.field(description="Users who have it and are free.")

    @classmethod
    def of(cls, same: Alike) -> "AmbiguousEmail":
        return cls(
            email=same.email,
            salespersons=[RecordReference.of(each.named) for each in same.sellers],
            users=[RecordReference.of(each.named) for each in same.users],
        )


@seen_by(ADMINISTRATORS)
@strawberry.type(description="How many steps came to what.")
class CoupleSalespersonsCounters:
    coupled: int = strawberry.field(description="Couplings that were made, or would be.")
    created: int = strawberry.field(description="Salespersons that were created, or would be.")
    uncoupled: int = strawberry.field(description="Couplings that ended, or would.")
    added_to_team: int = strawberry.field(description="Users who became members of the default team, or would.")
    failed: int = strawberry.field(description="What was not done, and could not be.")

    @classmethod
    def of(cls, steps: Sequence[Step]) -> "CoupleSalespersonsCounters":
        def count(action: SalespersonAction) -> int:
            return sum(each.action is action and each.problem is None for each in steps)

        return cls(
            coupled=count(SalespersonAction.COUPLE),
            created=count(SalespersonAction.CREATE),
            uncoupled=count(SalespersonAction.UNCOUPLE),
            added_to_team=sum(each.joined_team for each in steps),
            failed=sum(each.problem is not None for each in steps),
        )


@seen_by(ADMINISTRATORS)
@strawberry.type(description="Salespersons were coupled, as far as they could be: one result for each.")
class CoupleSalespersonsSuccess:
    dry_run: bool = strawberry.field(description="Whether nothing was written.")
    results: list[CoupleSalespersonsResult] = strawberry.field(description="What came of each, in the order of doing.")
    ambiguous: list[AmbiguousEmail] = strawberry.field(
        description="Addresses that say nothing, because several share them."
    )
    counters: CoupleSalespersonsCounters = strawberry.field(description="The results, counted.")
    remaining: int = strawberry.field(description="Users for whom another call would create a salesperson.")

    @classmethod
    def of(cls, outcome: Outcome, *, dry: bool) -> "CoupleSalespersonsSuccess":
        return cls(
            dry_run=dry,
            results=[CoupleSalespersonsResult.of(each, dry=dry) for each in outcome.steps],
            ambiguous=list(map(AmbiguousEmail.of, outcome.ambiguous)),
            counters=CoupleSalespersonsCounters.of(outcome.steps),
            remaining=outcome.left,
        )


CoupleSalespersonsPayload = Annotated[
    CoupleSalespersonsSuccess | UserError,
    strawberry.union("CoupleSalespersonsPayload", description="What came of `coupleSalespersons`."),
]
