"""Coupled records are written from one side to the other, and their couplings remember what both sides now hold."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gateway.clients.writing import Outcome
from gateway.couplings.coupling import Coupling, Result
from gateway.couplings.store import storable
from gateway.errors import BackendError, ErrorCode, GatewayError, RefusalError
from gateway.odata.write import Revise, Update
from gateway.reading import values
from gateway.records import Backend, Record
from gateway.sync.comparison import merged
from gateway.sync.desk import Desk
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Found, Records
from gateway.sync.row_change import change_of
from gateway.sync.transfer import LINES, Pair, Prepared, column_written, prepare_each


async def prepare(desk: Desk, mapping: TableMapping, *, to: Backend, source: Found, target: Found | None) -> Prepared:
    """What is to be written of one record.

    Raises:
        RefusalError: something the record refers to is not coupled, or the mapping does not go that way.
        BackendError: a look-up could not be made.
    """
    (prepared,) = await prepare_each(desk, mapping, to=to, pairs=[Pair(source, target)])
    if isinstance(prepared, RefusalError):
        raise prepared
    return prepared


@dataclass(frozen=True, slots=True)
class Writing:
    """One coupled record that is to be written to the other side.

    ``more``: this side has changes of its own that are still to be written back. Until they are, its version is not remembered:
    if that breaks off, it counts as changed, and they are found again.
    """

    coupling: Coupling
    prepared: Prepared
    source: Found
    target: Found
    more: bool = False


Written = tuple[Coupling, GatewayError | None]
"""The coupling as it is saved, and what kept the record from being written."""


async def write_each(desk: Desk, mapping: TableMapping, to: Backend, writings: Sequence[Writing]) -> list[Written]:
    """All in as few exchanges as batches allow, and what is known of the couplings in one transaction."""
    source = mapping.table(to).source
    path = desk.path(source)
    changed = [each for each in writings if each.prepared.writes]
    updates = [_update(mapping, to, path, each) for each in changed]
    outcomes: Sequence[Outcome] = []
    if updates:
        with desk.calling() as call:
            outcomes = await desk.client(source).write_each(updates, call=call)
        outcomes = await _as_they_are(desk, mapping, to, updates, outcomes)
    told = {id(each): _of_line(each, outcome) for each, outcome in zip(changed, outcomes, strict=True)}
    written = [_written(each, to, told.get(id(each)), desk.by) for each in writings]
    saved = await desk.books.changes.update_each(
        held_back(now, each.coupling, to) if each.more else now
        for each, (now, _) in zip(writings, written, strict=True)
    )
    return [
        (now, problem) if now.id in saved else (each.coupling, problem or _ended_meanwhile(each))
        for each, (now, problem) in zip(writings, written, strict=True)
    ]


def _update(mapping: TableMapping, to: Backend, path: str, writing: Writing) -> Update | Revise:
    below = tuple(each.write for each in writing.prepared.below)
    return change_of(mapping.table(to), path, writing.target, writing.prepared.values, below=below)


def _of_line(writing: Writing, outcome: Outcome) -> Outcome:
    """What was refused, told of the line because of which it was."""
    below = writing.prepared.below
    if not isinstance(outcome, BackendError) or not outcome.place or outcome.place > len(below):
        return outcome
    told, name = outcome.again(), below[outcome.place - 1].name
    told.message = f"{name[:1].upper()}{name[1:]} of {writing.source.named}: {outcome.message}"
    return told


async def _as_they_are(
    desk: Desk, mapping: TableMapping, to: Backend, updates: Sequence[Update | Revise], outcomes: Sequence[Outcome]
) -> Sequence[Outcome]:
    """Rows of which several parts were changed, as they are after the last one; if they cannot be read, after the first."""
    pairs = list(zip(updates, outcomes, strict=True))
    revised = [each.head.id for each, told in pairs if isinstance(each, Revise) and isinstance(told, Record)]
    try:
        found = await Records(desk, mapping, to).by_id(revised)
    except BackendError:
        return outcomes
    rows = {id: Record(each.values, each.etag) for id, each in found.items()}
    return [rows.get(each.head.id, told) if isinstance(each, Revise) else told for each, told in pairs]


def held_back(now: Coupling, before: Coupling, to: Backend) -> Coupling:
    """As it is now, but with the version that the written side had before."""
    if to is Backend.DATAVERSE:
        return replace(now, crm_etag=before.crm_etag, crm_modified_at=before.crm_modified_at)
    return replace(now, bc_etag=before.bc_etag, bc_modified_at=before.bc_modified_at)


def _ended_meanwhile(writing: Writing) -> RefusalError:
    return RefusalError(
        ErrorCode.COUPLING_CHANGED,
        f"Somebody ended or moved the coupling of {writing.source.named} while {writing.target.named} was written.",
        hint="Look at its coupling.",
        records=[writing.source.named, writing.target.named],
    )


def _written(writing: Writing, to: Backend, outcome: Outcome, by: str) -> Written:
    if isinstance(outcome, GatewayError):
        return failed(writing.coupling, to, outcome), outcome
    now = agreed(writing.coupling, writing.prepared, writing.source, writing.target, outcome)
    return (_signed(now, writing.prepared, to, by) if writing.prepared.writes else now), None


def _signed(coupling: Coupling, prepared: Prepared, to: Backend, by: str) -> Coupling:
    """With who wrote what, and when."""
    columns = sorted(map(column_written, prepared.values))
    columns += [LINES] if prepared.below else []
    told = {"at": datetime.now(UTC).isoformat(), "by": storable(by), "columns": columns}
    return replace(coupling, written_to_crm=told) if to is Backend.DATAVERSE else replace(coupling, written_to_bc=told)


def failed(coupling: Coupling, to: Backend, problem: GatewayError) -> Coupling:
    """The coupling of a record that could not be written."""
    now = replace(coupling, error_code=str(problem.code), error_message=problem.message)
    if to is Backend.DATAVERSE:
        return replace(now, last_result_to_crm=Result.FAILURE)
    return replace(now, last_result_to_bc=Result.FAILURE)


def agreed(
    coupling: Coupling, prepared: Prepared, source: Found, target: Found | None, written: Record | None
) -> Coupling:
    """The coupling of two records that hold the same now: their versions, and the values they agree on."""
    to_crm = source.table.source.backend is Backend.BUSINESS_CENTRAL
    versions = {"bc_modified_at": source.modified_at, "bc_etag": source.etag} if to_crm else {}
    if not to_crm:
        versions = {"crm_modified_at": source.modified_at, "crm_etag": source.etag}
    other, result = ("crm", "last_result_to_crm") if to_crm else ("bc", "last_result_to_bc")
    modified = _modified(written, to_crm=to_crm) or (target.modified_at if target else None)
    etag = (written.etag if written else None) or (target.etag if target else None)
    return replace(
        coupling,
        **versions,  # type: ignore[arg-type]  # names of the coupling's own fields
        **{f"{other}_modified_at": modified, f"{other}_etag": etag, result: Result.SUCCESS},  # type: ignore[arg-type]
        last_synchronized_at=datetime.now(UTC),
        base=merged(coupling.base or {}, prepared.base),
        error_code=None,
        error_message=None,
    )


def _modified(written: Record | None, *, to_crm: bool) -> datetime | None:
    value = written.values.get("modifiedon" if to_crm else "lastModifiedDateTime") if written else None
    return values.instant(value) if value is not None else None
