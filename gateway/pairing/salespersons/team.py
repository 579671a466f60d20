"""The default team of a company: whoever is coupled with a salesperson is a member of it, so that the team's rows are theirs too.

Source: Business Central, "Ownership models", and page CRM Systemuser List, "Add Coupled Users to Team"; Dataverse, "Associate
and disassociate table rows using the Web API".
"""

from collections.abc import Sequence
from uuid import UUID

from gateway.errors import BackendError, PreconditionFailedError, RecordExistsError
from gateway.odata.query import Query
from gateway.odata.write import Request
from gateway.reading.sources import SYSTEM_USERS, TEAMS
from gateway.sync.desk import Desk

_MEMBERS = "teammembership_association"


async def default_team(desk: Desk) -> UUID | None:
    """The team; None where CRM does not know the company, or it has none. Raises: BackendError."""
    company = await desk.crm_company()
    return company.default_team if company is not None else None


async def members(desk: Desk, team: UUID) -> set[UUID]:
    """Who is in the team. Raises: BackendError."""
    query = Query(select=(SYSTEM_USERS.key,))
    with desk.calling() as call:
        rows = await desk.client(TEAMS).everything(f"{TEAMS.name}({team})/{_MEMBERS}", query, call=call)
    return {UUID(str(row.values.get(SYSTEM_USERS.key))) for row in rows}


async def add_members(desk: Desk, team: UUID, users: Sequence[UUID]) -> dict[UUID, BackendError]:
    """Add these users, in as few exchanges as a batch allows; returns who could not be added, and why.

    Somebody who is a member already is one: the association is refused a second time, so that it can be repeated.
    """
    client, failed = desk.client(TEAMS), dict[UUID, BackendError]()
    most = client.vendor.batches.most_parts
    for start in range(0, len(users), most):
        part = users[start : start + most]
        requests = [_association(client.base_url, team, each) for each in part]
        try:
            with desk.calling() as call:
                answers, _ = await client.wire.batch(requests, call=call)
        except BackendError as error:
            failed |= {each: error.again() for each in part}
            continue
        for user, answer in zip(part, answers, strict=True):
            refusal = client.wire.error(answer) if answer.failed else None
            if refusal is not None and not isinstance(refusal, RecordExistsError | PreconditionFailedError):
                failed[user] = refusal
    return failed


def _association(base: str, team: UUID, user: UUID) -> Request:
    reference = f"{base.rstrip('/')}/{SYSTEM_USERS.name}({user})"
    return Request("POST", f"{TEAMS.name}({team})/{_MEMBERS}/$ref", body={"@odata.id": reference})
