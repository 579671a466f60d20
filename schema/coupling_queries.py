"""The root fields that look after couplings: drift, readiness of owners, the Couple Salespersons page."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.errors import InvalidInputError
from gateway.pairing.drift.examiner import Question
from gateway.pairing.drift.kinds import KINDS
from gateway.pairing.drift.pages import drift_page
from gateway.pairing.salespersons.owners import owned
from gateway.pairing.salespersons.people import read_people
from gateway.pairing.salespersons.readiness import readiness
from gateway.pairing.salespersons.team import default_team, members
from gateway.reading.values import usable
from gateway.sync.desk import Desk
from gateway.sync.records import Found
from schema.connection import PageInfo
from schema.context import Context
from schema.cursors import not_ours, read_cursor, write_cursor
from schema.enums import DriftKind, Mapping
from schema.fields import READERS, After, First, declared
from schema.selection import selection_of
from schema.types import drift as drifts
from schema.types import owner_readiness as owners
from schema.types.user_coupling import Room, UserCoupling, UserCouplingConnection, UserCouplingEdge, order

Ask = Info[Context, Any]
Company = Annotated[
    UUID | None,
    strawberry.argument(description="SystemId of the Business Central company; the configured one by default."),
]
_READY = Annotated[
    list[Mapping] | None,
    strawberry.argument(description="Which tables: CUSTOMER, CONTACT and OPPORTUNITY, all three by default."),
]


@strawberry.type
class CouplingQueries:
    @strawberry.field(
        description="What is wrong with couplings: a side deleted, outside the filter, duplicated, without an owner; skipped; "
        "half created. Both systems are looked at.",
        metadata=declared(READERS),
    )
    async def drift(
        self,
        info: Ask,
        mapping: Annotated[Mapping, strawberry.argument(description="Couplings of which tables.")],
        kinds: Annotated[
            list[DriftKind] | None,
            strawberry.argument(
                description="Which kinds; all by default. SKIPPED and UNFINISHED alone ask neither system about records."
            ),
        ] = None,
        first: First = 50,
        after: After = None,
        company: Company = None,
    ) -> drifts.DriftConnection | None:
        selected = selection_of(info)
        window = selected.window(first, after, count="counts" in selected.names())
        context = info.context
        where = company or context.services.company
        place = drifts.place_of(after) if after is not None else None
        desk = context.desk(where)
        question = Question.of(await desk.mapping(mapping), kinds)
        page = await drift_page(desk, question, first=first, after=place, count=window.count)
        asked = [each for each in KINDS if each in question.kinds]
        return drifts.DriftConnection.of(page, where, asked, has_previous=after is not None)

    @strawberry.field(
        description="Which customers, contacts and opportunities fail to synchronize because their salesperson is not coupled "
        "with a user who can own them, or their owner with a salesperson where the mapping writes the owner back. Only records "
        "within the filter of their mapping count, and of a disabled user only rows that are not theirs already; a coupled one "
        "fails now, another one would once it is coupled.",
        metadata=declared(READERS),
    )
    async def owner_readiness(
        self, info: Ask, mapping: _READY = None, first: First = 50, after: After = None, company: Company = None
    ) -> owners.OwnerReadiness | None:
        selected = selection_of(info)
        names = selected.names()
        selected.window(first, after, count=False)
        tables = info.context.services.tables
        every = owned(tables)
        if wrong := [each for each in mapping or () if each not in every and tables[each]]:
            raise InvalidInputError(f"Nobody owns what {wrong[0]} couples.", argument="mapping")
        wanted = [each for each in every if mapping is None or each in mapping]
        place = owners.place_of(after) if after is not None else None
        count = not names.isdisjoint({"counts", "gaps"})
        found = await readiness(info.context.desk(company), wanted, first=first, after=place, count=count)
        return owners.OwnerReadiness.of(found, [tables[each] for each in wanted], has_previous=after is not None)

    @strawberry.field(
        description="The Couple Salespersons page: users of CRM by name, with their salespersons, and who could be theirs. "
        "Users who can be coupled, and those who are.",
        metadata=declared(READERS),
    )
    async def salesperson_coupling(
        self,
        info: Ask,
        show_coupled: Annotated[bool, strawberry.argument(description="Whether coupled users are listed, too.")] = True,
        salesperson: Annotated[
            str | None,
            strawberry.argument(description="Code of the salesperson the page is opened for: its user is CURRENT."),
        ] = None,
        first: First = 50,
        after: After = None,
        company: Company = None,
    ) -> UserCouplingConnection | None:
        selected = selection_of(info)
        selected.window(first, after, count=False)
        desk = info.context.desk(company)
        people = await read_people(desk)
        asks_for_team = not selected.names().isdisjoint({"nodes.defaultTeamMember", "edges.node.defaultTeamMember"})
        team = await _team(desk) if asks_for_team else None
        current = people.by_code(usable(salesperson, "salesperson")) if salesperson else None
        room = Room(people, current, team)
        return _user_page(room, room.users(coupled=show_coupled), first=first, after=after)


async def _team(desk: Desk) -> set[UUID] | None:
    team = await default_team(desk)
    return await members(desk, team) if team is not None else None


def _user_page(room: Room, users: Sequence[Found], *, first: int, after: str | None) -> UserCouplingConnection:
    """Raises: InvalidInputError, when the cursor is none of ours."""
    behind = tuple(read_cursor(after)) if after is not None else ("", "")
    if len(behind) != 2:
        raise not_ours()
    left = [each for each in users if order(each) > behind]
    nodes = [UserCoupling.of(each, room) for each in left[:first]]
    cursors = [write_cursor(*order(each)) for each in left[:first]]
    return UserCouplingConnection(
        nodes=nodes,
        edges=[UserCouplingEdge(cursor=cursor, node=node) for cursor, node in zip(cursors, nodes, strict=True)],
        page_info=PageInfo(
            has_next_page=len(left) > first,
            has_previous_page=after is not None,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        ),
        total_count=len(users),
    )
