"""May these two be coupled, and what becomes of the couplings they have? Pure.

| the record's partner | the row's partner | without ``move`` | with ``move`` |
|---|---|---|---|
| none, or deleted | none, or deleted | coupled | coupled |
| this row | this record | refused: coupled already | refused: coupled already |
| another row | none, or deleted | refused: the record is taken | the coupling moves to this row |
| none, or deleted | another record | refused: the row is taken | the coupling moves to this record |
| another row | another record | refused: both are taken | refused: both are taken |

A coupling whose other side is deleted is stale: it ends, and stands in nobody's way.

Source: Business Central, table CRM Integration Record, "CoupleRecordIdToCRMID", "CoupleCRMIDToRecordID" and the checks they make.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from gateway.couplings.changes import Move
from gateway.couplings.coupling import Coupling, Mapping
from gateway.errors import ErrorCode, NamedRecord, RefusalError
from gateway.sync.records import Found, capital


@dataclass(frozen=True, slots=True)
class Standing:
    """A coupling that one of the two has, and its other side; None when that is deleted."""

    coupling: Coupling
    partner: Found | None


@dataclass(frozen=True, slots=True)
class Pairing:
    """Who is to be coupled, by whom, and whether a coupling that one of them has may move."""

    mapping: Mapping
    company: UUID
    bc: Found
    crm: Found
    move: bool
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be written: a new coupling or one that moves, and stale ones that end."""

    coupling: Coupling
    moved: Move | None = None
    stale: tuple[Coupling, ...] = ()


def decide(pairing: Pairing, *, of_record: Standing | None, of_row: Standing | None) -> Change:
    """
    Args:
        of_record: the coupling that Business Central's record has.
        of_row: the one that CRM's row has.

    Raises:
        RefusalError: naming the record in the way.
    """
    standing = [each for each in (of_record, of_row) if each is not None]
    if any((each.coupling.bc_id, each.coupling.crm_id) == (pairing.bc.id, pairing.crm.id) for each in standing):
        raise _already(pairing)
    stale = tuple({each.coupling.id: each.coupling for each in standing if each.partner is None}.values())
    row_in_the_way = of_record.partner if of_record else None
    record_in_the_way = of_row.partner if of_row else None
    if row_in_the_way is None and record_in_the_way is None:
        return Change(_new(pairing), stale=stale)
    if not pairing.move or (row_in_the_way is not None and record_in_the_way is not None):
        raise _taken(pairing, row_in_the_way, record_in_the_way)
    was = (of_record if row_in_the_way is not None else of_row).coupling  # type: ignore[union-attr]  # it is in the way
    now = was.moved(pairing.bc.id, pairing.crm.id, bc_key=pairing.bc.number, crm_key=pairing.crm.number)
    return Change(now, Move(was, now), stale)


def _new(pairing: Pairing) -> Coupling:
    return Coupling(
        id=uuid4(),
        mapping=pairing.mapping,
        company_id=pairing.company,
        bc_id=pairing.bc.id,
        crm_id=pairing.crm.id,
        bc_key=pairing.bc.number,
        crm_key=pairing.crm.number,
        created_at=pairing.at,
        created_by=pairing.by,
    )


def _already(pairing: Pairing) -> RefusalError:
    return RefusalError(
        ErrorCode.ALREADY_COUPLED,
        f"{capital(pairing.bc.named)} and {pairing.crm.named} are coupled with each other already.",
        hint="Nothing has to be done. To synchronize them, ask for that.",
        records=[pairing.bc.named, pairing.crm.named],
    )


def _taken(pairing: Pairing, row: Found | None, record: Found | None) -> RefusalError:
    """The two forms Business Central knows, and both at once."""
    ways: list[str] = []
    if row is not None:
        ways.append(f"that {pairing.bc.table.noun} is already coupled with {row.named}")
    if record is not None:
        ways.append(f"that {pairing.crm.table.noun} is already coupled with {record.named}")
    in_the_way = [each.named for each in (row, record) if each is not None]
    return RefusalError(
        ErrorCode.DATAVERSE_ROW_TAKEN if record is not None else ErrorCode.BUSINESS_CENTRAL_RECORD_TAKEN,
        f"{capital(pairing.bc.named)} cannot be coupled with {pairing.crm.named}, because {' and '.join(ways)}.",
        hint=_hint(in_the_way, may_move=len(in_the_way) == 1),
        records=in_the_way,
        argument="dataverse" if record is not None else "businessCentral",
    )


def _hint(in_the_way: Sequence[NamedRecord], *, may_move: bool) -> str:
    uncouple = f"Uncouple {' and '.join(map(str, in_the_way))} first"
    return f"{uncouple}, or set move to true: the coupling then leaves it." if may_move else f"{uncouple}."
