"""Couplings end, with what that changes in CRM: many at once, in a number of requests that does not depend on how many.

| Table of CRM | What uncoupling does there |
|---|---|
| account, contact, product, opportunity, order, invoice | the mark of the company (``bcbi_companyid``) is blanked |
| account | its contacts are uncoupled too, its row of statistics is deleted |
| others | nothing |

An account that is both a customer's and a vendor's keeps all that until the second coupling ends.
No other row is deleted. CRM comes first and our table last: what breaks off in between is done again with the same result.

Source: Business Central, codeunits CDS Int. Table Uncouple, CRM Int. Table Subscriber.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, replace
from itertools import groupby
from uuid import UUID

from gateway.couplings.coupling import Cause, Coupling, Mapping
from gateway.couplings.store import Side
from gateway.errors import ErrorCode, GatewayError, NotFoundError, RefusalError
from gateway.odata.write import Delete, Write
from gateway.pairing.hidden import hidden_each
from gateway.pairing.standing import being_created
from gateway.reading.sources import ACCOUNT_STATISTICS
from gateway.records import Backend
from gateway.sync.belonging import OF_ACCOUNTS
from gateway.sync.desk import Desk, all_of, side_by_side
from gateway.sync.mapping import Table, TableMapping
from gateway.sync.mappings import TABLE_MAPPINGS
from gateway.sync.records import COMPANY, Found, Records
from gateway.sync.references import guid
from gateway.sync.row_change import change_of, is_closed

_STATISTICS = "_nav_accountstatisticsid_value"
_PARENT = "_parentcustomerid_value"


@dataclass(frozen=True, slots=True)
class Uncoupled:
    """What came of one coupling. ``also`` are the couplings that ended with it; ``problem`` kept it from ending."""

    coupling: Coupling
    also: tuple[Coupling, ...] = ()
    problem: GatewayError | None = None


async def uncouple(desk: Desk, couplings: Sequence[Coupling], cause: Cause, job: UUID | None = None) -> list[Uncoupled]:
    """One result for each coupling of the desk's company, in their order.

    Raises:
        BackendError: CRM could not be read; nothing was done.
    """
    results: dict[UUID, Uncoupled] = {}
    ordered = sorted({each.id: each for each in couplings}.values(), key=lambda each: each.mapping)
    for name, of_mapping in groupby(ordered, key=lambda each: each.mapping):
        for result in await _of_mapping(desk, desk.tables[name], list(of_mapping), cause, job):
            results[result.coupling.id] = result
    return [results[each.id] for each in couplings]


async def _of_mapping(
    desk: Desk, mapping: TableMapping, couplings: Sequence[Coupling], cause: Cause, job: UUID | None
) -> list[Uncoupled]:
    children: ReadOnly[UUID, Sequence[Coupling]] = {}
    problems: dict[UUID, GatewayError] = {**await hidden_each(desk, mapping, couplings)}
    problems |= await _under_way(desk, mapping, [each for each in couplings if each.id not in problems])
    settled = [each for each in couplings if each.id not in problems]
    if mapping.in_company and settled:
        children, uncleared = await _cleared(desk, mapping, settled)
        problems |= uncleared
    below = [child for same in children.values() for child in same]
    creating = await _under_way(desk, TABLE_MAPPINGS[Mapping.CONTACT], below)
    for each in couplings:
        for child in children.get(each.crm_id, ()):
            if child.id in creating:
                problems.setdefault(each.id, creating[child.id])
    ended = [each for each in couplings if each.id not in problems]
    families = [(each, children.get(each.crm_id, ())) for each in ended]
    gone = await desk.books.changes.remove_families(families, desk.doing(cause, job), below=Cause.PARENT_UNCOUPLED)
    still = await desk.books.couplings.get_many(each.id for each in ended if each.id not in gone)
    problems |= {id: _moved(mapping, desk.told(each)) for id, each in still.items()}
    return [
        Uncoupled(
            each,
            tuple(child for child in children.get(each.crm_id, ()) if child.id in gone),
            problems.get(each.id),
        )
        for each in couplings
    ]


async def children_of(desk: Desk, couplings: Sequence[Coupling]) -> dict[UUID, list[Coupling]]:
    """The couplings of contacts that would end with these, by coupling; one question to CRM where there are accounts.

    Raises:
        BackendError: CRM could not be read.
    """
    accounts: dict[UUID, UUID] = {}
    for mapping in OF_ACCOUNTS:
        of_mapping = {each.crm_id: each.id for each in couplings if each.mapping is mapping}
        held = await _held_otherwise(desk, mapping, of_mapping)
        accounts |= {account: id for account, id in of_mapping.items() if account not in held}
    contacts = await _contacts(desk, list(accounts))
    below = await _below(desk, contacts)
    found: dict[UUID, list[Coupling]] = {}
    for contact in contacts:
        if contact.id in below:
            found.setdefault(accounts[_parent(contact)], []).append(below[contact.id])
    return found


async def _below(desk: Desk, contacts: Iterable[Found]) -> dict[UUID, Coupling]:
    """Their couplings, by the contact."""
    ids = [each.id for each in contacts]
    return await desk.books.couplings.find(Mapping.CONTACT, desk.company, Side.DATAVERSE, ids)


def _moved(mapping: TableMapping, coupling: Coupling) -> RefusalError:
    return RefusalError(
        ErrorCode.COUPLING_CHANGED,
        f"The coupling of {mapping.bc.noun} {coupling.bc_key or coupling.bc_id} was moved to another pair meanwhile.",
        hint="Look at it, then decide again.",
    )


async def _under_way(desk: Desk, mapping: TableMapping, couplings: Sequence[Coupling]) -> dict[UUID, GatewayError]:
    """Somebody is just creating a side of these: the new record would be nobody's."""
    intents = await desk.books.intents.of(each.id for each in couplings)
    return {
        each.id: being_created(mapping, desk.told(each))
        for each in couplings
        if each.id in intents and not desk.is_broken_off(intents[each.id])
    }


async def _cleared(
    desk: Desk, mapping: TableMapping, couplings: Sequence[Coupling]
) -> tuple[ReadOnly[UUID, Sequence[Coupling]], dict[UUID, GatewayError]]:
    """CRM as it has to be afterwards: the couplings of contacts below each row, and what could not be cleared, by coupling."""
    held = await _held_otherwise(desk, mapping.mapping, [each.crm_id for each in couplings])
    ids = [each.crm_id for each in couplings if each.crm_id not in held]
    of_accounts = mapping.mapping in OF_ACCOUNTS
    statistics = await _prepared(desk, mapping)
    rows, contacts = await side_by_side(
        Records(desk, mapping, Backend.DATAVERSE).by_id(ids, columns=statistics),
        _contacts(desk, ids if of_accounts else []),
    )
    below = await _below(desk, contacts)
    elsewhere = await _coupled_elsewhere(desk, mapping, rows) if statistics else set()
    figures = await _statistics(desk, [each for id, each in rows.items() if id not in elsewhere]) if statistics else {}
    wanted: list[tuple[UUID, Write]] = []
    for row in rows.values():
        wanted += [(row.id, write) for write in await _clearing(desk, mapping.crm, row)]
        if (found := figures.get(str(row.values.get(_STATISTICS)).lower())) is not None:
            wanted.append((row.id, found))
    contact_table = TABLE_MAPPINGS[Mapping.CONTACT].crm
    for contact in contacts:
        if contact.id in below:
            wanted += [(_parent(contact), write) for write in await _clearing(desk, contact_table, contact)]
    failed = await _write(desk, wanted)
    children: dict[UUID, list[Coupling]] = {}
    for contact in contacts:
        if contact.id in below:
            children.setdefault(_parent(contact), []).append(below[contact.id])
    return children, {each.id: failed[each.crm_id] for each in couplings if each.crm_id in failed}


async def _coupled_elsewhere(desk: Desk, mapping: TableMapping, rows: Iterable[UUID]) -> set[UUID]:
    """Rows that another company has a coupling of, too: what is theirs stays."""
    wanted, elsewhere = list(rows), set[UUID]()
    for each in OF_ACCOUNTS if mapping.mapping in OF_ACCOUNTS else (mapping.mapping,):
        found = await desk.books.couplings.find_everywhere(each, wanted)
        elsewhere |= {id for id, same in found.items() if any(one.company_id != desk.company for one in same)}
    return elsewhere


async def _held_otherwise(desk: Desk, mapping: Mapping, accounts: Iterable[UUID]) -> set[UUID]:
    """Accounts that this company has coupled with a record of the other kind, too."""
    wanted, held = list(accounts), set[UUID]()
    for other in OF_ACCOUNTS if mapping in OF_ACCOUNTS else ():
        if other is not mapping:
            held |= set(await desk.books.couplings.find(other, desk.company, Side.DATAVERSE, wanted))
    return held


async def _prepared(desk: Desk, mapping: TableMapping) -> tuple[str, ...]:
    """What must be known of CRM, asked for all at once and then known for a while.

    Returns:
        the account's way to its row of statistics, where the Sales solution is installed.
    """
    way, *_ = await all_of(
        _way(desk, "account", "nav_accountstatisticsid"),
        _way(desk, mapping.crm.page, "bcbi_companyid"),
        _way(desk, TABLE_MAPPINGS[Mapping.CONTACT].crm.page, "bcbi_companyid"),
        desk.crm_company(),
    )
    return (_STATISTICS,) if way is not None and mapping.mapping in OF_ACCOUNTS else ()


async def _way(desk: Desk, table: str, column: str) -> str | None:
    after = desk.asking.trace.round_trips
    return await desk.reading.facts.navigation(table, column, desk.asking, after=after)


async def _contacts(desk: Desk, accounts: Sequence[UUID]) -> list[Found]:
    records = Records(desk, TABLE_MAPPINGS[Mapping.CONTACT], Backend.DATAVERSE)
    asked = {str(each) for each in accounts}
    found = await records.by_parents(_PARENT, accounts, columns=(_PARENT,))
    return [each for each in found if str(each.values.get(_PARENT)).lower() in asked]


def _parent(contact: Found) -> UUID:
    return UUID(str(contact.values[_PARENT]))  # one of those that were asked for


async def _statistics(desk: Desk, accounts: Iterable[Found]) -> dict[str, Write]:
    """The deletion of each account's row of statistics, by the row's id."""
    ids = [guid(row.values[_STATISTICS], Backend.DATAVERSE) for row in accounts if row.values.get(_STATISTICS)]
    records = Records(desk, _STATISTICS_ROWS, Backend.DATAVERSE)
    found = await records.by_id(ids, columns=())
    return {str(each.id): Delete(ACCOUNT_STATISTICS.name, each.id, each.etag or "") for each in found.values()}


_STATISTICS_TABLE = Table(
    ACCOUNT_STATISTICS, "row of statistics", "nav_name", None, "modifiedon", "nav_accountstatistics"
)
_STATISTICS_ROWS = replace(TABLE_MAPPINGS[Mapping.CURRENCY], crm=_STATISTICS_TABLE, fields=())
"""Rows of statistics are no side of a mapping; they are looked at as if they were."""


async def _clearing(desk: Desk, table: Table, row: Found) -> list[Write]:
    """The update that blanks the row's company, if it is this one; a closed document keeps it."""
    if is_closed(table, row):
        return []
    mark = await desk.crm_company()
    if mark is None or str(row.values.get(COMPANY)).lower() != str(mark.id):
        return []
    way = await _way(desk, table.page, "bcbi_companyid")
    if way is None:
        return []
    return [change_of(table, desk.path(table.source), row, {f"{way}@odata.bind": None})]


async def _write(desk: Desk, wanted: Sequence[tuple[UUID, Write]]) -> dict[UUID, GatewayError]:
    """What went wrong, by the row whose coupling it keeps from ending; a row that is gone needs no clearing."""
    if not wanted:
        return {}
    client = desk.client(TABLE_MAPPINGS[Mapping.CUSTOMER].crm.source)
    with desk.calling() as call:
        outcomes = await client.write_each([write for _, write in wanted], call=call)
    failed: dict[UUID, GatewayError] = {}
    for (row, _), outcome in zip(wanted, outcomes, strict=True):
        if isinstance(outcome, GatewayError) and not isinstance(outcome, NotFoundError):
            failed.setdefault(row, outcome)
    return failed
