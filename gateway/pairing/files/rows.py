"""What came of a row of an imported file, and the sentences that say why it was refused. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from gateway.couplings.coupling import Coupling, Mapping
from gateway.couplings.store import Side
from gateway.errors import ErrorCode, NamedRecord, RefusalError
from gateway.pairing.files.claims import Claim
from gateway.records import Backend
from gateway.sync.mapping import Table, TableMapping
from gateway.sync.records import capital


class RowOutcome(StrEnum):
    """What was done with a row."""

    ADDED = "ADDED"
    UNCHANGED = "UNCHANGED"
    UPDATED = "UPDATED"
    REFUSED = "REFUSED"
    IGNORED = "IGNORED"


@dataclass(frozen=True, slots=True)
class RowResult:
    """``line`` is where the row begins. ``code``, ``message`` and ``hint`` say why a row was refused or left out."""

    line: int
    outcome: RowOutcome
    code: ErrorCode | None = None
    message: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """The two records of a row, as far as they are known."""

    bc: NamedRecord
    crm: NamedRecord

    def of(self, side: Side) -> NamedRecord:
        return self.bc if side is Side.BUSINESS_CENTRAL else self.crm


def refused(line: int, code: ErrorCode, message: str, hint: str | None = None) -> RowResult:
    return RowResult(line, RowOutcome.REFUSED, code, message, hint)


def by_refusal(line: int, refusal: RefusalError) -> RowResult:
    return refused(line, refusal.code, refusal.message, refusal.hint)


def table_not_here(line: int, table_no: int, tables: Iterable[TableMapping]) -> RowResult:
    known = ", ".join(f"{each.table_no} ({each.name})" for each in tables if each.table_no)
    message = f"Table {table_no} is not coupled here, so the row is left out."
    return RowResult(line, RowOutcome.IGNORED, message=message, hint=f"Tables are {known}.")


def of_another(line: int, what: str) -> RowResult:
    return RowResult(line, RowOutcome.IGNORED, message=f"The row is of another {what}, so it is left out.")


def not_filled(line: int, mapping: Mapping) -> RowResult:
    message = f"{mapping} is a place for tables of your own, and the configuration fills it with none."
    return refused(line, ErrorCode.INVALID_INPUT, message, "Fill the place, or take the row out.")


def no_mapping(line: int) -> RowResult:
    message = "The row does not say which tables it couples."
    return refused(
        line, ErrorCode.INVALID_INPUT, message, "Fill mapping or Table ID, or name the mapping beside the file."
    )


def two_mappings(line: int, mapping: Mapping, table_no: int) -> RowResult:
    message = f"The row says the mapping {mapping} and the table {table_no}, which is another one's."
    return refused(line, ErrorCode.INVALID_INPUT, message, "Correct one of the two.")


def no_id(line: int, table: Table, field: str) -> RowResult:
    numbered = table.number is not None
    message = f"The row names no {table.noun}." if numbered else f"The row has no id of the {table.noun}."
    names = {"bc": ("businessCentralId", "businessCentralNumber"), "crm": ("dataverseId", "dataverseNumber")}[field]
    hint = f"Fill {names[0]} or {names[1]}." if numbered else f"Fill {names[0]}: a row of that table has no number."
    return refused(line, ErrorCode.INVALID_INPUT, message, hint)


def not_found(line: int, table: Table, wanted: str) -> RowResult:
    system = table.source.backend.label
    return refused(
        line,
        ErrorCode.RECORD_NOT_FOUND,
        f"There is no {table.noun} with the {wanted} in {system}.",
        "It was deleted since the file was written, or the file is of another company or environment.",
    )


def ambiguous(line: int, table: Table, number: str, count: int) -> RowResult:
    system = table.source.backend.label
    message = f"{count} records of {system} ({table.noun}) have the number {number}."
    return refused(line, ErrorCode.INVALID_INPUT, message, "Name the one that is meant by its id.")


def taken(line: int, pair: Pair, side: Side, other: NamedRecord, *, gone: bool) -> RowResult:
    """One of the two has a coupling already, with ``other``; ``gone``: which no longer exists."""
    of_bc = side is Side.BUSINESS_CENTRAL
    mine, wanted = (pair.bc, pair.crm) if of_bc else (pair.crm, pair.bc)
    why = f"{capital(mine)} cannot be coupled with {wanted}, because it is already coupled with {other}"
    return refused(
        line,
        ErrorCode.BUSINESS_CENTRAL_RECORD_TAKEN if of_bc else ErrorCode.DATAVERSE_ROW_TAKEN,
        f"{why}, which no longer exists." if gone else f"{why}.",
        f"Uncouple {mine} first, then import again." if gone else f"Uncouple {other} first, or take the row out.",
    )


def claimed(line: int, pair: Pair, claim: Claim) -> RowResult:
    """An earlier line has one of the two, or says the very same."""
    if claim.same:
        message = f"{capital(pair.bc)} and {pair.crm} are in line {claim.line} already, so this row is left out."
        return RowResult(line, RowOutcome.IGNORED, ErrorCode.ALREADY_COUPLED, message, "Take one of the two rows out.")
    of_bc = claim.side is Side.BUSINESS_CENTRAL
    other = (Backend.DATAVERSE if of_bc else Backend.BUSINESS_CENTRAL).label
    return refused(
        line,
        ErrorCode.BUSINESS_CENTRAL_RECORD_TAKEN if of_bc else ErrorCode.DATAVERSE_ROW_TAKEN,
        f"{capital(pair.of(claim.side))} has another partner in {other} already by line {claim.line}.",
        "A record has one partner: keep the right one of the two rows.",
    )


def named_by_coupling(coupling: Coupling, table: Table) -> NamedRecord:
    """A record as its coupling last saw it."""
    of_bc = table.source.backend is Backend.BUSINESS_CENTRAL
    id, key = (coupling.bc_id, coupling.bc_key) if of_bc else (coupling.crm_id, coupling.crm_key)
    return NamedRecord(str(table.source.backend), table.noun, id, key)
