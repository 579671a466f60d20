"""Salespersons of Business Central, users of CRM, and who of them is coupled with whom: both sets are small and read whole.

Source: Business Central, page CRM Systemuser List; "Couple salespersons", "Ownership models".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from gateway.couplings.coupling import Coupling
from gateway.couplings.coupling import Mapping as Tables
from gateway.couplings.store import CouplingFilter, position
from gateway.keys import fold
from gateway.odata.filters import meets
from gateway.odata.query import Query
from gateway.records import Backend
from gateway.sync.desk import Desk, side_by_side
from gateway.sync.mappings import TABLE_MAPPINGS
from gateway.sync.records import Found, Records

SALESPEOPLE = TABLE_MAPPINGS[Tables.SALESPERSON]

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class People:
    """All salespersons and all users, disabled ones too; ``couplings`` by the salesperson's id, broken ones too.

    ``unseen`` are couplings one side of which was not read and is not known to be deleted: nobody of them is free.
    """

    sellers: Mapping[UUID, Found]
    users: Mapping[UUID, Found]
    couplings: Mapping[UUID, Coupling]
    of_user: Mapping[UUID, Coupling]
    unseen: frozenset[UUID] = field(default=frozenset())

    def by_code(self, code: str) -> Found | None:
        """The salesperson with this code."""
        return next((each for each in self.sellers.values() if fold(each.number or "") == fold(code)), None)

    def user_of(self, seller: Found) -> Found | None:
        """The user a salesperson is coupled with, as long as we see such a user."""
        coupling = self.couplings.get(seller.id)
        return self.users.get(coupling.crm_id) if coupling is not None else None

    def seller_of(self, user: UUID) -> Found | None:
        """The salesperson a user is coupled with, as long as we see such a salesperson."""
        coupling = self.of_user.get(user)
        return self.sellers.get(coupling.bc_id) if coupling is not None else None

    def after(self, *, ended: Iterable[Coupling] = (), begun: Iterable[Coupling] = ()) -> "People":
        """The same once these couplings have ended and those have begun."""
        gone = {each.id for each in ended}
        left = [each for each in self.couplings.values() if each.id not in gone]
        return People(self.sellers, self.users, *_by_side([*left, *begun]), self.unseen)

    def is_free(self, person: Found) -> bool:
        """Whether somebody has no partner; one who was deleted is none, one we cannot see is."""
        if person.table is SALESPEOPLE.bc:
            coupling, partner = self.couplings.get(person.id), self.user_of(person)
        else:
            coupling, partner = self.of_user.get(person.id), self.seller_of(person.id)
        return partner is None and (coupling is None or coupling.id not in self.unseen)

    @property
    def free_sellers(self) -> list[Found]:
        return [each for each in self.sellers.values() if self.is_free(each)]

    @property
    def free_users(self) -> list[Found]:
        """Users who can be coupled: of nobody yet, and within the filter of the mapping."""
        return [each for each in self.users.values() if is_eligible(each) and self.is_free(each)]


async def read_people(desk: Desk) -> People:
    """Both sets in one round trip, and our couplings; one more where a partner is missing, to learn whether it was deleted.

    Raises:
        BackendError: one of them could not be read.
        DatabaseError: our own database cannot be used.
    """
    known = await _couplings(desk)
    in_bc, in_crm = await side_by_side(_all(desk, Backend.BUSINESS_CENTRAL), _all(desk, Backend.DATAVERSE))
    sellers, users = _by_id(in_bc), _by_id(in_crm)
    return People(sellers, users, *_by_side(known), await _unseen(desk, known, sellers, users))


async def _unseen(
    desk: Desk, known: Sequence[Coupling], sellers: Mapping[UUID, Found], users: Mapping[UUID, Found]
) -> frozenset[UUID]:
    no_seller = {each.bc_id: each.id for each in known if each.bc_id not in sellers}
    no_user = {each.crm_id: each.id for each in known if each.crm_id not in users}
    in_bc, in_crm = await side_by_side(
        Records(desk, SALESPEOPLE, Backend.BUSINESS_CENTRAL).deleted(no_seller),
        Records(desk, SALESPEOPLE, Backend.DATAVERSE).deleted(no_user),
    )
    return frozenset(
        {no_seller[each] for each in no_seller.keys() - in_bc} | {no_user[each] for each in no_user.keys() - in_crm}
    )


def _by_id(found: Iterable[Found]) -> dict[UUID, Found]:
    return {each.id: each for each in found}


def _by_side(couplings: Iterable[Coupling]) -> tuple[dict[UUID, Coupling], dict[UUID, Coupling]]:
    every = list(couplings)
    return {each.bc_id: each for each in every}, {each.crm_id: each for each in every}


async def _all(desk: Desk, backend: Backend) -> list[Found]:
    """Whether or not they meet the filter of the mapping."""
    records = Records(desk, SALESPEOPLE, backend)
    source = records.table.source
    query = Query(select=tuple(sorted(SALESPEOPLE.columns(backend))))
    with desk.calling() as call:
        return list(map(records.found, await desk.client(source).everything(desk.path(source), query, call=call)))


async def _couplings(desk: Desk) -> list[Coupling]:
    wanted = CouplingFilter(mapping=Tables.SALESPERSON, company_id=desk.company)
    found: list[Coupling] = []
    while page := await desk.books.couplings.page(wanted, after=position(found[-1]) if found else None, limit=_PAGE):
        found += page
    return found


def email_column(backend: Backend) -> str:
    return "email" if backend is Backend.BUSINESS_CENTRAL else "internalemailaddress"


def email_of(person: Found) -> str:
    """The e-mail address in the one form in which both sides are compared; ``""`` without one."""
    value = person.values.get(email_column(person.table.source.backend))
    return fold(value.strip()) if isinstance(value, str) else ""


def is_eligible(user: Found) -> bool:
    """Whether a user meets the filter of the mapping: enabled, licensed, a person."""
    return all(meets(rule.condition, user.values) for rule in SALESPEOPLE.crm.rules)


@dataclass(frozen=True, slots=True)
class Alike:
    """Salespersons and users with the same e-mail address."""

    email: str
    sellers: Sequence[Found]
    users: Sequence[Found]

    @property
    def is_clear(self) -> bool:
        """Exactly one each way."""
        return len(self.sellers) == len(self.users) == 1


def alike(sellers: Iterable[Found], users: Iterable[Found]) -> dict[str, Alike]:
    """By address, where both sides have it; a blank address is nobody's."""
    ours, theirs = _by_email(sellers), _by_email(users)
    return {email: Alike(email, same, theirs[email]) for email, same in ours.items() if email in theirs}


def _by_email(people: Iterable[Found]) -> dict[str, list[Found]]:
    found: dict[str, list[Found]] = {}
    for each in people:
        if email := email_of(each):
            found.setdefault(email, []).append(each)
    return found
