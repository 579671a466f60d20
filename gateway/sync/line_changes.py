"""Lines of documents that are there: as CRM has them, made like those of Business Central, for a page of documents at once.

A coupling remembers the lines that were written, as a digest. Only where those of Business Central are others, CRM's are read and
what differs is written, together with the document or not at all. Lines that were not made here are nobody's to change: where
there are some, and where the prices of a document are locked, the document fails with its lines named.

Of documents that were coupled by hand no lines are remembered: they stay as they are.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.errors import ProtocolError, RefusalError
from gateway.odata.write import Create, Delete, Update, holds
from gateway.records import Backend, Record
from gateway.sync import refusals
from gateway.sync.creation import row_path
from gateway.sync.desk import Desk
from gateway.sync.lines import NewLine, NewLines, is_made_below, new_lines
from gateway.sync.mapping import Lines, TableMapping
from gateway.sync.records import Found
from gateway.sync.references import guid

MARK: Final = "$lines"
"""Among what both sides agree on: the digest of the lines that were written."""

NOT_KNOWN: Final = ""
"""In place of a digest: the lines were made here, and are to be compared."""

_COLUMNS: Final = frozenset(
    {"lineitemnumber", "description", "isproductoverridden", "productdescription", "_productid_value", "_uomid_value"}
    | {"quantity", "ispriceoverridden", "priceperunit", "manualdiscountamount", "tax"}
)
_FIXED: Final = "isproductoverridden"


@dataclass(frozen=True, slots=True)
class LineWrite:
    """What is done to a line; ``name`` is what people call it by."""

    name: str
    write: Create | Update | Delete


@dataclass(frozen=True, slots=True)
class LineChanges:
    """What is to be written of the lines of a document, and what is remembered of them then; ``digest`` None: nothing new."""

    writes: tuple[LineWrite, ...] = ()
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A document of both sides, and the digest of the lines that were written last; None: they are left alone."""

    source: Found
    target: Found
    digest: str | None


def digest_of(lines: Sequence[NewLine]) -> str:
    """The same for lines that are alike."""
    parts = [sorted((name, str(value)) for name, value in each.values.items()) for each in lines]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


async def line_changes(
    desk: Desk, mapping: TableMapping, *, to: Backend, documents: Sequence[Document]
) -> list[LineChanges | RefusalError]:
    """One for each document. Raises: BackendError."""
    lines = mapping.lines
    wanted = [each for each in documents if each.digest is not None]
    if lines is None or not lines.follow or to is not Backend.DATAVERSE or not wanted:
        return [LineChanges() for _ in documents]
    planned = await new_lines(desk, mapping, to=to, sources=[each.source for each in wanted])
    plans = {each.target.id: _plan(each, told) for each, told in zip(wanted, planned, strict=True)}
    below = await _below(desk, lines, [each for each in plans.values() if isinstance(each, _Plan)])
    told = {
        id: each
        if isinstance(each, LineChanges | RefusalError)
        else _changes(desk, mapping, each, below.get(str(id), ()))
        for id, each in plans.items()
    }
    return [told.get(each.target.id, LineChanges()) for each in documents]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A document whose lines are to be others."""

    document: Document
    lines: tuple[NewLine, ...]
    digest: str = field(default=NOT_KNOWN)


def _plan(document: Document, lines: NewLines) -> _Plan | LineChanges | RefusalError:
    if isinstance(lines, RefusalError):
        return lines
    digest = digest_of(lines)
    return LineChanges() if digest == document.digest else _Plan(document, lines, digest)


async def _below(desk: Desk, lines: Lines, plans: Sequence[_Plan]) -> dict[str, list[Record]]:
    """The lines that CRM has, by their document."""
    found, _ = await desk.reading.lookups.all_by_key(
        desk.asking,
        lines.crm,
        f"_{lines.parent}_value",
        [each.document.target.id for each in plans],
        select=_COLUMNS | {lines.crm.key},
        after=desk.asking.trace.round_trips,
    )
    return found


def _changes(desk: Desk, mapping: TableMapping, plan: _Plan, rows: Sequence[Record]) -> LineChanges | RefusalError:
    assert mapping.lines is not None  # noqa: S101 - the caller looked
    source, target = plan.document.source, plan.document.target
    try:
        writes = tuple(_writes(desk, mapping, mapping.lines, plan, rows))
        foreign = [each for each in rows if not _is_ours(mapping.lines, target, each)]
    except ProtocolError as error:
        return refusals.unreadable(source, target, error)
    if writes and foreign:
        added = ", ".join(_name(each) for each in foreign)
        return refusals.lines_differ(
            source, target, [each.name for each in writes], why=f"has lines of its own: {added}"
        )
    if writes and target.values.get("ispricelocked") is True:
        return refusals.lines_differ(source, target, [each.name for each in writes], why="has locked prices")
    return LineChanges(writes, plan.digest)


def _writes(
    desk: Desk, mapping: TableMapping, lines: Lines, plan: _Plan, rows: Sequence[Record]
) -> Iterator[LineWrite]:
    """What is gone first, so that no number is there twice."""
    target, path = plan.document.target, desk.path(lines.crm)
    known = {guid(each.values.get(lines.crm.key), Backend.DATAVERSE): each for each in rows}
    wanted = {each.id_below(target.id): each for each in plan.lines}
    for id, row in known.items():
        if id not in wanted and _is_ours(lines, target, row):
            yield LineWrite(_name(row), Delete(path, id, row.etag or ""))
    parent = {f"{lines.parent}@odata.bind": row_path(mapping.crm.source.name, target.id)}
    for id, line in wanted.items():
        there = known.get(id)
        if there is None:
            yield LineWrite(line.name, Create(path, id, {**line.values, **parent}))
        elif not holds(there.values, line.values):
            values = {name: value for name, value in line.values.items() if name != _FIXED}
            yield LineWrite(line.name, Update(path, id, values, there.etag or ""))


def _is_ours(lines: Lines, target: Found, row: Record) -> bool:
    id = guid(row.values.get(lines.crm.key), Backend.DATAVERSE)
    return is_made_below(target.id, id, row.values.get("lineitemnumber"))


def _name(row: Record) -> str:
    about = row.values.get("description") or row.values.get("productdescription")
    number = row.values.get("lineitemnumber")
    return f"line {number} ({about})" if about else f"line {number}"
