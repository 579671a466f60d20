"""Rows of the other side that are the same as a record by what its mapping is matched by, and are coupled with nobody.

Business Central's full synchronization makes a new record without looking, so that two systems that both hold data end up with
everything twice. Source: Business Central, "Run a full synchronization".
"""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from gateway.errors import ErrorCode, RefusalError
from gateway.pairing.matches.candidates import Search, alike, partners_of, proposals_of
from gateway.pairing.matches.criteria import Asked, criteria_of, rows_of
from gateway.records import Backend
from gateway.sync.desk import Desk
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Found, capital

_ASKED = Asked(scored=False)
_TOLD = 3
"""So many candidates are named in a sentence."""


async def possible_duplicates(
    desk: Desk, mapping: TableMapping, to: Backend, sources: Sequence[Found]
) -> dict[UUID, RefusalError]:
    """Why no new record is to be made of these, by the record's id; one that is not in it has no double.

    The number of requests does not grow with the number of records, as long as their values fit into a batch. What CRM has by
    a natural key is taken by whoever creates, and is no double.

    Raises:
        BackendError: the other side could not be asked.
    """
    if not sources or not mapping.match or (mapping.adopts is not None and to is Backend.DATAVERSE):
        return {}
    search = Search(mapping, to is Backend.DATAVERSE, _ASKED, ())
    criteria = criteria_of(mapping, _ASKED)
    targets, _ = await alike(desk, search, criteria, sources, similar=False)
    if not targets:
        return {}
    partners = await partners_of(desk, search, targets)
    rows = rows_of(mapping, search.origin, criteria, sources, {})
    others = rows_of(mapping, to, criteria, targets, partners)
    proposals = await asyncio.to_thread(proposals_of, criteria, rows, others)
    there, records = {each.id: each for each in targets}, {each.id: each for each in sources}
    free = {each.id: [there[one.id] for one in each.candidates if one.taken_by is None] for each in proposals}
    return {id: _refusal(records[id], same) for id, same in free.items() if same}


def _refusal(record: Found, same: Sequence[Found]) -> RefusalError:
    named = [each.named for each in same]
    more = f" and {len(named) - _TOLD} more" if len(named) > _TOLD else ""
    return RefusalError(
        ErrorCode.POSSIBLE_DUPLICATE,
        f"{capital(record.named)} seems to be {' or '.join(map(str, named[:_TOLD]))}{more}, coupled with nobody. "
        "Nothing was created.",
        hint="Couple the two with coupleRecords, or many with coupleByMatch. If they are not the same, coupleRecords with "
        "`create: true` makes a new record.",
        records=[record.named, *named],
    )
