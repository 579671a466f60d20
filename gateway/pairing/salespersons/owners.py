"""Would a record fail to synchronize because of its owner? Pure.

| Situation | Towards CRM | Towards Business Central |
|---|---|---|
| salesperson coupled with a user who can sign in | the user owns the row | |
| salesperson not coupled, or with a user who is deleted | fails | |
| salesperson coupled with a disabled user | fails, unless the row is theirs already: who is disabled can be given no row | |
| no salesperson, or one who does not exist | the owner stays; a new row belongs to the company's team | |
| owned by a user who is a coupled salesperson | | that salesperson |
| owned by any other user | | fails where the owner is mapped back |
| owned by a team | | the salesperson stays |

By default no mapping brings the owner back; its rows are told all the same, because "the owner of a record must be coupled with
a salesperson" is what an administrator sees to before the first synchronization. Nothing is said of a partner who cannot be seen.

Source: Business Central, "Ownership models"; codeunit CDS Integration Impl., owner of a row.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from gateway.couplings.coupling import Mapping as Tables
from gateway.errors import NamedRecord, ProtocolError
from gateway.keys import fold
from gateway.pairing.salespersons.people import Alike, People, alike, email_of
from gateway.records import Backend
from gateway.sync.creation import OWNER
from gateway.sync.mapping import FieldMapping, TableMapping
from gateway.sync.records import Found, capital

OWNED = (Tables.CUSTOMER, Tables.CONTACT, Tables.OPPORTUNITY)
"""Shipped mappings whose rows belong to the user of a salesperson."""


def owned(tables: Mapping[Tables, TableMapping]) -> list[Tables]:
    """Mappings whose rows belong to the user of a salesperson, those of an installation's own, too."""
    own = (name for name, each in tables.items() if name.is_own and seller_field(each) is not None)
    return [*OWNED, *own]


class OwnerGapReason(StrEnum):
    """Why a person cannot own, or pass on, what is synchronized."""

    SALESPERSON_NOT_COUPLED = "SALESPERSON_NOT_COUPLED"
    OWNER_DISABLED = "OWNER_DISABLED"
    OWNER_NOT_COUPLED = "OWNER_NOT_COUPLED"


@dataclass(frozen=True, slots=True)
class Gap:
    """A person because of whom records fail; ``to`` is the side they cannot be sent to.

    ``candidate`` is the one person of the other system with the same e-mail address who is free to be coupled.
    """

    to: Backend
    person: Found
    reason: OwnerGapReason
    user: NamedRecord | None = None
    candidate: Found | None = None

    @property
    def message(self) -> str:
        """What is wrong with the person."""
        name = capital(self.person.named)
        match self.reason:
            case OwnerGapReason.SALESPERSON_NOT_COUPLED:
                return f"{name} is not coupled with a user, so records with this salesperson cannot be sent to CRM."
            case OwnerGapReason.OWNER_DISABLED:
                return f"{name} is coupled with {self.user}, who is disabled and cannot be given rows of CRM."
            case OwnerGapReason.OWNER_NOT_COUPLED:
                return (
                    f"{name} owns rows of CRM and is not coupled with a salesperson, so synchronization fails where the "
                    "owner is mapped back to Business Central."
                )

    @property
    def hint(self) -> str:
        """What to do about it."""
        if self.candidate is not None:
            return f"Couple with {self.candidate.named}, who has the same e-mail address: coupleSalespersons."
        match self.reason:
            case OwnerGapReason.SALESPERSON_NOT_COUPLED:
                return (
                    "Couple the salesperson with a user (coupleSalespersons), or give the records another salesperson."
                )
            case OwnerGapReason.OWNER_DISABLED:
                return (
                    "Enable the user, or uncouple the salesperson and couple it with another user: coupleSalespersons."
                )
            case OwnerGapReason.OWNER_NOT_COUPLED:
                return "Couple the user with a salesperson (coupleSalespersons), or give the rows to another owner or a team."


def gaps(people: People) -> list[Gap]:
    """Salespersons first, each side in the order of ids."""
    same = alike(people.free_sellers, people.free_users)
    sellers = [_of_seller(each, people, same) for _, each in sorted(people.sellers.items())]
    users = [_of_user(each, people, same) for _, each in sorted(people.users.items())]
    return [each for each in (*sellers, *users) if each is not None]


def _of_seller(seller: Found, people: People, same: Mapping[str, Alike]) -> Gap | None:
    user = people.user_of(seller)
    if user is None:
        if not people.is_free(seller):
            return None
        reason = OwnerGapReason.SALESPERSON_NOT_COUPLED
        return Gap(Backend.DATAVERSE, seller, reason, candidate=_candidate(seller, same))
    if user.values.get("isdisabled") is True:
        return Gap(Backend.DATAVERSE, seller, OwnerGapReason.OWNER_DISABLED, user.named)
    return None


def _of_user(user: Found, people: People, same: Mapping[str, Alike]) -> Gap | None:
    if not people.is_free(user):
        return None
    reason = OwnerGapReason.OWNER_NOT_COUPLED
    return Gap(Backend.BUSINESS_CENTRAL, user, reason, candidate=_candidate(user, same))


def _candidate(person: Found, same: Mapping[str, Alike]) -> Found | None:
    found = same.get(email_of(person))
    if found is None or not found.is_clear:
        return None
    (seller,), (user,) = found.sellers, found.users
    return {seller.id: user, user.id: seller}.get(person.id)


def seller_field(mapping: TableMapping) -> FieldMapping | None:
    """The salesperson and the owner; Business Central's API does not show the salesperson of a contact."""
    sellers = (each for each in mapping.fields if each.lookup is Tables.SALESPERSON)
    return next((each for each in sellers if each.crm == OWNER), None)


def seller_column(mapping: TableMapping) -> str | None:
    """Where Business Central's API shows the salesperson of a record."""
    field = seller_field(mapping)
    return field.bc if field is not None else None


def may_fail(mapping: TableMapping, to: Backend) -> bool:
    """Whether a record of the mapping can fail towards this side because of its salesperson, or its owner."""
    field = seller_field(mapping)
    if to is Backend.BUSINESS_CENTRAL and not mapping.mapping.is_own:
        return mapping.mapping in OWNED
    return field is not None and field.is_written_to(to)


def fails(gap: Gap, row: Found | None) -> bool:
    """Whether the gap fails a coupled record whose row this is: who is disabled keeps the rows they have.

    Without its row the coupling is broken, and it is not the owner that fails it.
    """
    if gap.reason is not OwnerGapReason.OWNER_DISABLED or gap.user is None:
        return True
    return row is not None and owner_of(row) != gap.user.id


def owner_of(row: Found) -> UUID | None:
    """The user who owns a row; None when a team does. Raises: ProtocolError, when it is no GUID."""
    owner = row.values.get(OWNER)
    try:
        return UUID(str(owner)) if owner is not None else None
    except ValueError as error:
        raise ProtocolError("Dataverse sent an owner whose id is no GUID.", backend=Backend.DATAVERSE) from error


@dataclass(frozen=True, slots=True)
class Gaps:
    """Salespersons by folded code, users by id."""

    of_code: Mapping[str, Gap]
    of_user: Mapping[UUID, Gap]

    @classmethod
    def of(cls, found: Iterable[Gap]) -> "Gaps":
        every = list(found)
        return cls(
            {fold(each.person.number or ""): each for each in every if each.to is Backend.DATAVERSE},
            {each.person.id: each for each in every if each.to is Backend.BUSINESS_CENTRAL},
        )

    def in_pair(self, mapping: TableMapping, record: Found | None, row: Found | None) -> list[tuple[Gap, Found]]:
        """What is wrong with the owners of a pair, each with the record that has it."""
        found: list[tuple[Gap | None, Found]] = []
        column = seller_column(mapping)
        if record is not None and column is not None and may_fail(mapping, Backend.DATAVERSE):
            code = record.values.get(column)
            found.append((self.of_code.get(fold(str(code))) if code is not None else None, record))
        if row is not None and may_fail(mapping, Backend.BUSINESS_CENTRAL):
            owner = owner_of(row)
            found.append((self.of_user.get(owner) if owner is not None else None, row))
        return [(gap, each) for gap, each in found if gap is not None and fails(gap, row)]
