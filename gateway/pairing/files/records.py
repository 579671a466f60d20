"""What both systems say of the records of an imported page: a few requests, whatever the number of rows.

All functions raise BackendError when a system did not answer as it should.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from uuid import UUID

from gateway.couplings.store import Side
from gateway.errors import RefusalError
from gateway.pairing.files import rows as csv_rows
from gateway.pairing.files.draft import BC, CRM, SIDES, Draft, backend_of
from gateway.reading.lookup import match_key
from gateway.sync.desk import Desk, side_by_side
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Found, Records, both_sides, check


class Check(StrEnum):
    """What is looked up of the records of a new coupling."""

    EXISTENCE = "EXISTENCE"
    FILTER = "FILTER"
    NONE = "NONE"


Read = Mapping[Side, Mapping[UUID, Found]]


async def find_by_numbers(desk: Desk, mapping: TableMapping, drafts: Sequence[Draft]) -> None:
    """Give rows that name a record by its number the id of that record, or refuse them."""
    asked: dict[Side, list[Draft]] = {side: [] for side in SIDES}
    for draft in drafts:
        for side in SIDES:
            if side not in draft.ids and draft.result is None:
                if draft.number(side) is None or draft.table(side).number is None:
                    draft.result = csv_rows.no_id(draft.line, draft.table(side), side)
                asked[side].append(draft)
    wanted = {side: [each.number(side) or "" for each in asked[side] if each.result is None] for side in SIDES}
    if not any(wanted.values()):
        return
    records, rows = await both_sides(mapping, desk)
    of_bc, of_crm = await side_by_side(records.by_numbers(wanted[BC]), rows.by_numbers(wanted[CRM]))
    _take(asked[BC], BC, of_bc)
    _take(asked[CRM], CRM, of_crm)


def _take(drafts: Iterable[Draft], side: Side, found: Iterable[Found]) -> None:
    by_number: dict[str, list[Found]] = {}
    for each in found:
        by_number.setdefault(match_key(each.number or ""), []).append(each)
    for draft in drafts:
        number = draft.number(side) or ""
        same = by_number.get(match_key(number), [])
        if len(same) == 1:
            draft.ids[side], draft.found[side] = same[0].id, same[0]
        elif draft.result is None and same:
            draft.result = csv_rows.ambiguous(draft.line, draft.table(side), number, len(same))
        elif draft.result is None:
            draft.result = csv_rows.not_found(draft.line, draft.table(side), f"number {number}")


async def look_up(desk: Desk, mapping: TableMapping, drafts: Sequence[Draft], what: Check) -> None:
    """Refuse rows whose records have other partners, do not exist, or do not meet the filter.

    What is read are the records of new couplings, and for those that are refused also the ones in the way, for their names.
    """
    waiting = [each for each in drafts if each.result is None and each.was is None]
    # before the records are read: a creation that ends in between is then there to be seen
    coming = await desk.books.intents.of(each.way.coupling.id for each in waiting if each.way is not None)
    read: Read = await _read(desk, mapping, waiting) if waiting and what is not Check.NONE else {BC: {}, CRM: {}}
    for draft in waiting:
        draft.found |= {side: read[side][id] for side, id in draft.ids.items() if id in read[side]}
    unread = refuse_taken(waiting, read)
    if what is not Check.NONE:
        await _tell_gone(desk, mapping, [each for each in unread if each.way and each.way.coupling.id not in coming])
        await _check(desk, mapping, [each for each in waiting if each.is_new], filtered=what is Check.FILTER)


async def _read(desk: Desk, mapping: TableMapping, waiting: Sequence[Draft]) -> Read:
    wanted = {
        side: [
            *(each.ids[side] for each in waiting if side not in each.found),
            *(each.way.partner for each in waiting if each.way is not None and each.way.other is side),
        ]
        for side in SIDES
    }
    records, rows = await both_sides(mapping, desk)
    of_bc, of_crm = await side_by_side(records.by_id(wanted[BC], columns=()), rows.by_id(wanted[CRM], columns=()))
    return {BC: of_bc, CRM: of_crm}


def refuse_taken(drafts: Iterable[Draft], read: Read) -> list[Draft]:
    """Refuse those whose records have other partners; returns those whose other partner was not read."""
    unread: list[Draft] = []
    for draft in drafts:
        if draft.way is not None:
            way = draft.way
            partner = read[way.other].get(way.partner)
            named = partner.named if partner else csv_rows.named_by_coupling(way.coupling, draft.table(way.other))
            draft.result = csv_rows.taken(draft.line, draft.pair, way.side, named, gone=False)
            if partner is None:
                unread.append(draft)
    return unread


async def _tell_gone(desk: Desk, mapping: TableMapping, drafts: Sequence[Draft]) -> None:
    """Partners that cannot be seen and of which their system says that they were deleted."""
    for side in SIDES:
        ways = [(each, each.way) for each in drafts if each.way is not None and each.way.other is side]
        if not ways:
            continue
        gone = await Records(desk, mapping, backend_of(side)).deleted(way.partner for _, way in ways)
        for draft, way in ways:
            if way.partner in gone:
                named = csv_rows.named_by_coupling(way.coupling, draft.table(side))
                draft.result = csv_rows.taken(draft.line, draft.pair, way.side, named, gone=True)


async def _check(desk: Desk, mapping: TableMapping, drafts: Iterable[Draft], *, filtered: bool) -> None:
    rules = {side: await Records(desk, mapping, backend_of(side)).rules() if filtered else () for side in SIDES}
    for draft in drafts:
        for side in SIDES:
            record = draft.found.get(side)
            if record is None:
                draft.result = csv_rows.not_found(draft.line, draft.table(side), draft.wanted(side))
                break
            try:
                check(record, rules[side], argument="csv")
            except RefusalError as refusal:
                draft.result = csv_rows.by_refusal(draft.line, refusal)
                break
