"""The Couple Salespersons page: users of CRM with their salespersons, and who could be theirs.

Source: Business Central, page CRM Systemuser List.
"""

from enum import Enum
from uuid import UUID

import strawberry

from gateway.odata.filters import meets
from gateway.pairing.salespersons.people import People, alike, email_of, is_eligible
from gateway.sync.mappings import TABLE_MAPPINGS
from gateway.sync.records import Found
from schema.access import READERS, seen_by
from schema.connection import PageInfo
from schema.enums import Mapping
from schema.types.couple_records import coupling_id
from schema.types.user_error import RecordReference


@strawberry.enum(description="Whether a user is coupled with a salesperson.")
class CoupledState(Enum):
    YES = strawberry.enum_value("YES", description="With another one than the page is opened for, or with any.")
    NO = strawberry.enum_value("NO", description="With none.")
    CURRENT = strawberry.enum_value("CURRENT", description="With the one the page is opened for.")


@seen_by(READERS)
@strawberry.type(description="A user of CRM, as the Couple Salespersons page lists it.")
class UserCoupling:
    user: RecordReference = strawberry.field(description="The user; its number is the e-mail address.")
    name: str | None = strawberry.field(description="Full name.")
    email: str | None = strawberry.field(description="Primary e-mail address.")
    mobile_phone: str | None = strawberry.field(description="Mobile phone.")
    coupled: CoupledState = strawberry.field(description="Whether it is coupled.")
    salesperson_code: str | None = strawberry.field(description="Code of its salesperson.")
    salesperson: RecordReference | None = strawberry.field(description="Its salesperson.")
    coupling_id: strawberry.ID | None = strawberry.field(
        description="Global id of its coupling; there is one without a salesperson when that was deleted, or cannot be seen."
    )
    candidates: list[RecordReference] = strawberry.field(
        description="Salespersons who are free and have the same e-mail address; empty for a coupled user."
    )
    problem: str | None = strawberry.field(
        description="Why it cannot be coupled, or should not be: disabled, no licence, no person."
    )
    default_team_member: bool | None = strawberry.field(
        description="Whether it is a member of the company's default team; null where there is none. Read when selected."
    )

    @classmethod
    def of(cls, user: Found, room: "Room") -> "UserCoupling":
        seller, coupling = room.people.seller_of(user.id), room.people.of_user.get(user.id)
        same = room.candidates.get(email_of(user))
        is_free = room.people.is_free(user)
        free = same.sellers if same is not None and is_free else ()
        phone = user.values.get("mobilephone")
        return cls(
            user=RecordReference.of(user.named),
            name=user.name,
            email=user.number,
            mobile_phone=phone if isinstance(phone, str) else None,
            coupled=CoupledState.NO if is_free else _state(seller, room.current),
            salesperson_code=seller.number if seller is not None else None,
            salesperson=RecordReference.of(seller.named) if seller is not None else None,
            coupling_id=coupling_id(coupling) if coupling is not None else None,
            candidates=[RecordReference.of(each.named) for each in free],
            problem=_problem(user),
            default_team_member=user.id in room.team if room.team is not None else None,
        )


def _state(seller: Found | None, current: Found | None) -> CoupledState:
    """Of a user who is coupled, maybe with somebody we cannot see."""
    is_current = seller is not None and current is not None and current.id == seller.id
    return CoupledState.CURRENT if is_current else CoupledState.YES


def _problem(user: Found) -> str | None:
    rules = TABLE_MAPPINGS[Mapping.SALESPERSON].crm.rules
    return " and ".join(each.broken for each in rules if not meets(each.condition, user.values)) or None


class Room:
    """Everybody, and for whom the page is opened."""

    def __init__(self, people: People, current: Found | None, team: set[UUID] | None) -> None:
        self.people = people
        self.current = current
        self.team = team
        self.candidates = alike(people.free_sellers, people.free_users)

    def users(self, *, coupled: bool) -> list[Found]:
        """Users who can be coupled, and those who are unless only free ones are wanted; by name."""
        shown = [
            each for each in self.people.users.values() if (is_eligible(each) if self.people.is_free(each) else coupled)
        ]
        return sorted(shown, key=order)


def order(user: Found) -> tuple[str, str]:
    """By name, then by id."""
    return (user.name or "").casefold(), str(user.id)


@seen_by(READERS)
@strawberry.type(description="A user and where it stands.")
class UserCouplingEdge:
    cursor: str = strawberry.field(description="Where the user stands.")
    node: UserCoupling = strawberry.field(description="The user.")


@seen_by(READERS)
@strawberry.type(description="A page of users of CRM, by name.")
class UserCouplingConnection:
    nodes: list[UserCoupling] = strawberry.field(description="The users of the page.")
    edges: list[UserCouplingEdge] = strawberry.field(description="The users of the page, each with its cursor.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")
    total_count: int = strawberry.field(description="How many users the whole list has.")
