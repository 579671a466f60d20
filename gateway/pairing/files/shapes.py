"""Couplings as rows of a CSV file: our own shape, and the one of Business Central's table 5331. Pure.

A file's columns are found by name, in any order: by ours, by the captions of table 5331, or by its field names, whatever their
case, blanks and dots. So a file may also mix them, or name records by their numbers only.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from gateway.couplings.coupling import Coupling, Result
from gateway.couplings.coupling import Mapping as Tables
from gateway.errors import InvalidInputError
from gateway.pairing.files.columns import BY_NAME, COLUMNS, KEYS, KNOWN_UNUSED, Column, folded
from gateway.pairing.files.text import DELIMITERS, Cells, RowReader, neutral, original, split_line
from gateway.pairing.files.values import Region, UnreadableError
from gateway.sync.mappings import TABLE_MAPPINGS, TableMappings


class Shape(StrEnum):
    """How an export looks."""

    OWN = "OWN"
    TABLE_5331 = "TABLE_5331"


@dataclass(frozen=True, slots=True)
class Header:
    """What the columns of a file are, in their order; ``unknown`` names those that mean nothing to us."""

    columns: tuple[Column | None, ...]
    names: tuple[str, ...]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A row that could be read. ``state`` is by field of a coupling, as far as the file has columns for it."""

    line: int
    mapping: Tables | None
    table_no: int | None
    company_id: UUID | None
    id: UUID | None
    bc_id: UUID | None
    bc_key: str | None
    crm_id: UUID | None
    crm_key: str | None
    state: Mapping[str, Any] = field(default_factory=dict)


def read_header(rows: RowReader) -> Header:
    """The columns of a file, and by them what separates its values.

    Raises:
        InvalidInputError: it is empty, or no file with couplings.
    """
    line = (rows.next_line() or "").removeprefix("\ufeff")
    if "\0" in line:
        raise InvalidInputError("The file is not UTF-8 text. Save it as CSV UTF-8.", argument="csv")
    if told := re.fullmatch(r'sep=([^"\r\n])\s*', line):
        rows.delimiter, line = told[1], rows.next_line() or ""
    else:
        rows.delimiter = max(DELIMITERS, key=lambda each: sum(map(_is_known, split_line(line, each))))
    names = [name.strip() for name in split_line(line, rows.delimiter)]
    rows.width = len(names)
    return _header(names)


def _is_known(name: str) -> bool:
    return folded(name) in BY_NAME


def _header(names: Sequence[str]) -> Header:
    columns = tuple(BY_NAME.get(folded(name)) for name in names)
    fields = [column.field for column in columns if column is not None]
    twice = next((field for field in fields if fields.count(field) > 1), None)
    if twice is not None:
        same = " and ".join(name for name, each in zip(names, columns, strict=True) if each and each.field == twice)
        raise InvalidInputError(f"Two columns of the file mean the same: {same}.", argument="csv")
    for side, keys, wanted in (
        ("Business Central", ("bc_id", "bc_key"), "businessCentralId, Integration ID or businessCentralNumber"),
        ("CRM", ("crm_id", "crm_key"), "dataverseId, CRM ID or dataverseNumber"),
    ):
        if not set(keys) & set(fields):
            raise InvalidInputError(
                f"The first line of the file names no column for the record of {side}: {wanted}.", argument="csv"
            )
    unknown = [
        name for name, each in zip(names, columns, strict=True) if each is None and folded(name) not in KNOWN_UNUSED
    ]
    return Header(columns, tuple(names), tuple(filter(None, unknown)))


def read_row(header: Header, row: Cells, region: Region) -> Entry:
    """
    Raises:
        UnreadableError: a cell does not hold what its column is for; the reason names column and value.
    """
    if any(map(str.strip, row.cells[len(header.columns) :])):
        raise UnreadableError(
            f"The row has {len(row.cells)} values, the first line names {len(header.columns)} columns.",
            "Put values that hold the separator or a line break into quotes.",
        )
    values: dict[str, Any] = {column.field: None for column in header.columns if column is not None}
    for column, name, cell in zip(header.columns, header.names, row.cells, strict=False):
        if column is not None and cell.strip():
            values[column.field] = _read(column, name, cell, region)
    return _entry(row.line, values)


def _read(column: Column, name: str, cell: str, region: Region) -> Any:
    text = original(cell) if column.exact else original(cell.strip())
    try:
        return column.read(text, region)
    except UnreadableError as error:
        raise UnreadableError(f"{name} {error.reason}: {_short(text)}.", error.hint) from None


def _short(text: str) -> str:
    shown = text.encode("utf-8", "backslashreplace").decode()
    return repr(shown if len(shown) <= 60 else f"{shown[:60]}…")


def _entry(line: int, values: dict[str, Any]) -> Entry:
    state = {name: value for name, value in values.items() if name not in KEYS}
    if "skipped" in state:
        state["skipped"] = bool(state["skipped"])
    seen = [state[name] for name in ("bc_modified_at", "crm_modified_at") if state.get(name) is not None]
    if seen and "last_synchronized_at" not in state:
        # table 5331 does not tell when; it was not before both records were as they were then
        state["last_synchronized_at"] = max(seen)
    return Entry(line, **{name: values.get(name) for name in KEYS}, state=state)


# -- writing -------------------------------------------------------------------------------------------------------


def header_cells(shape: Shape) -> list[str]:
    return [str(name) for column in COLUMNS if (name := _name(column, shape)) is not None]


def coupling_cells(coupling: Coupling, shape: Shape, tables: TableMappings = TABLE_MAPPINGS) -> list[str]:
    """A coupling as a row of that shape."""
    values = {name: getattr(coupling, name) for name in Coupling.__dataclass_fields__}
    values["table_no"] = tables.described(coupling.mapping).table_no
    write = _own_cell if shape is Shape.OWN else _cell_of_5331
    return [neutral(write(values[column.field])) for column in COLUMNS if _name(column, shape) is not None]


def _name(column: Column, shape: Shape) -> str | None:
    return column.name if shape is Shape.OWN else column.caption


def _own_cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case Mapping():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)


def _cell_of_5331(value: object) -> str:
    match value:
        case bool():
            return "Yes" if value else "No"
        case Result():
            return value.capitalize()
        case UUID():
            return f"{{{value}}}".upper()
        case str() if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value):
            return f"{{{value}}}".upper()
        case _:
            return _own_cell(value)
