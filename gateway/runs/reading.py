"""Coupled pairs as both systems have them now: for a page of couplings at once, whatever its length."""

from collections.abc import Callable, Sequence, Set
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from gateway.couplings.coupling import Coupling
from gateway.couplings.store import CouplingFilter
from gateway.errors import GatewayError, RefusalError
from gateway.odata.filters import meets
from gateway.pairing.hidden import unseen_by
from gateway.pairing.presence import id_of as id_of
from gateway.pairing.presence import none_seen
from gateway.records import Backend
from gateway.runs.planning import BOTH, Seen
from gateway.sync.amounts import read_places
from gateway.sync.comparison import Places
from gateway.sync.desk import Desk, side_by_side
from gateway.sync.differences import Difference, Pairing, differences_of
from gateway.sync.invoiced_orders import invoiced_orders
from gateway.sync.mapping import Rule, TableMapping
from gateway.sync.records import Found, Records
from gateway.sync.references import References, read_references

EMPTIED_FROM = 10
"""So many coupled records of which not one can be seen are a side that was emptied, or rights that are gone."""

_PROBED = 50
"""Other couplings that are looked at before a side counts as empty."""

Known = ReadOnly[Backend, ReadOnly[UUID, Found]]
"""Records that were just read, by side and id."""


@dataclass(frozen=True, slots=True)
class Both:
    """A coupling with the records it leads to, as far as they exist, and what is to be decided about it."""

    coupling: Coupling
    records: ReadOnly[Backend, Found]
    seen: Seen


@dataclass(frozen=True, slots=True)
class Page:
    """``unreadable`` are couplings that cannot be judged, each with why. ``references`` are the look-ups of all its records."""

    pairs: Sequence[Both]
    unreadable: Sequence[tuple[Coupling, GatewayError]]
    references: References


async def read_page(
    desk: Desk, mapping: TableMapping, couplings: Sequence[Coupling], known: Known, *, are_missing: bool = False
) -> Page:
    """``are_missing``: that a whole side is empty was to be expected.

    Raises:
        BackendError: a side could not be read.
        RefusalError: a whole side is empty.
    """
    sides = dict(
        zip(
            Backend,
            await side_by_side(
                *(_side(desk, mapping, each, couplings, known.get(each, {}), are_missing) for each in Backend)
            ),
            strict=True,
        )
    )
    ended = await _invoiced(desk, mapping, couplings, sides)
    rules = {each: await Records(desk, mapping, each).rules() for each in Backend}
    everyone = [found for side in sides.values() for found in side.found.values()]
    references = await read_references(desk, mapping.fields, everyone)
    places = await read_places(desk, mapping.fields)
    pairs: list[Both] = []
    unreadable: list[tuple[Coupling, GatewayError]] = []
    for coupling in couplings:
        try:
            both = _both(
                mapping,
                coupling,
                sides,
                rules,
                references,
                places,
                unseen=partial(unseen_by, desk, mapping, coupling),
            )
            pairs.append(replace(both, seen=replace(both.seen, invoiced=True)) if coupling.id in ended else both)
        except GatewayError as error:
            unreadable.append((coupling, error))
    return Page(pairs, unreadable, references)


@dataclass(frozen=True, slots=True)
class _Side:
    found: ReadOnly[UUID, Found]
    gone: frozenset[UUID]


async def _side(
    desk: Desk,
    mapping: TableMapping,
    backend: Backend,
    couplings: Sequence[Coupling],
    known: ReadOnly[UUID, Found],
    are_missing: bool,
) -> _Side:
    """Raises: BackendError, RefusalError."""
    records = Records(desk, mapping, backend)
    wanted = {id_of(each, backend) for each in couplings}
    found = {id: known[id] for id in wanted if id in known}
    found |= await records.by_id(wanted - found.keys())
    if not found and len(wanted) >= EMPTIED_FROM and not are_missing and await _is_empty(desk, records, wanted):
        raise none_seen(mapping.table(backend))
    missing = wanted - found.keys()
    gone = await records.deleted(missing) if missing else set()
    return _Side(found, frozenset(gone))


async def _is_empty(desk: Desk, records: Records, missing: Set[UUID]) -> bool:
    """Whether no other coupled record of this side can be seen either; where there is none, whether there is no row at all.

    A page may well consist of deleted records only: those that were told deleted, or that failed because they are.
    """
    mapping = records.mapping.mapping
    wanted = CouplingFilter(mapping=mapping, company_id=desk.company)
    others = await desk.books.couplings.page(wanted, after=None, limit=len(missing) + _PROBED)
    ids = [id for each in others if (id := id_of(each, records.backend)) not in missing][:_PROBED]
    return not (await records.by_id(ids) if ids else await records.any())


async def _invoiced(
    desk: Desk, mapping: TableMapping, couplings: Sequence[Coupling], sides: ReadOnly[Backend, _Side]
) -> set[UUID]:
    """Couplings of orders that are gone because they were invoiced, and whose row is there."""
    bc, crm = sides[Backend.BUSINESS_CENTRAL], sides[Backend.DATAVERSE]
    gone = {each.id: each.bc_key for each in couplings if each.bc_id in bc.gone and each.crm_id in crm.found}
    return await invoiced_orders(desk, mapping, gone)


def _both(
    mapping: TableMapping,
    coupling: Coupling,
    sides: ReadOnly[Backend, _Side],
    rules: ReadOnly[Backend, Sequence[Rule]],
    references: References,
    places: Places,
    *,
    unseen: Callable[[Backend], RefusalError],
) -> Both:
    """
    Raises:
        RefusalError: a record cannot be seen, and nobody says that it was deleted.
        ProtocolError: a record holds what cannot be so.
    """
    records: dict[Backend, Found] = {}
    for backend in Backend:
        id = id_of(coupling, backend)
        if (found := sides[backend].found.get(id)) is not None:
            records[backend] = found
        elif id not in sides[backend].gone:
            raise unseen(backend)
    inside = frozenset(each for each, record in records.items() if meets_all(rules[each], record))
    moved = frozenset(each for each, record in records.items() if has_moved(coupling, record))
    differences: list[Difference] = []
    if records.keys() == BOTH:
        pairing = Pairing(coupling, records[Backend.BUSINESS_CENTRAL], records[Backend.DATAVERSE])
        differences = list(differences_of(mapping, pairing, references, places))
    seen = Seen(coupling, frozenset(records), inside, moved, differences)
    return Both(coupling, records, seen)


def meets_all(rules: Sequence[Rule], record: Found) -> bool:
    """Whether the record is within the filter of its mapping."""
    return all(meets(rule.condition, record.values) for rule in rules)


def has_moved(coupling: Coupling, record: Found) -> bool:
    """Whether the record is another version than the one that was synchronized. One that never was has moved.

    Raises:
        ProtocolError: the moment of its last change is none.
    """
    of_bc = record.table.source.backend is Backend.BUSINESS_CENTRAL
    etag = coupling.bc_etag if of_bc else coupling.crm_etag
    if etag is not None and record.etag is not None:
        return etag != record.etag
    then = coupling.bc_modified_at if of_bc else coupling.crm_modified_at
    now = record.modified_at
    return then is None or now is None or now > then
