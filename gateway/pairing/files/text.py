"""Rows of a CSV file, each with the line it begins at, and cells that no spreadsheet takes for a formula. Pure.

A row that cannot be read costs that row: after a quote that is never closed, reading goes on at the line behind it.

Source: RFC 4180; OWASP, "CSV Injection".
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Final, Protocol

DELIMITERS: Final = (",", ";", "\t")

_MOST_LINES: Final = 200
"""Lines one row may go over."""

_LONGEST_LINE: Final = 100_000
"""Characters of a line: a file without line ends is not taken into memory as one."""

_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_MARK: Final = "'"


@dataclass(frozen=True, slots=True)
class Cells:
    """A row as it stands in the file; ``line`` is the first of its lines, counted from 1."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that is no CSV."""

    line: int
    reason: str


class Text(Protocol):
    """An open text file."""

    def readline(self, limit: int = -1, /) -> str: ...


def lines_of(file: Text) -> Iterator[str]:
    """The lines of a file; what is longer than any row can be comes in parts."""
    while line := file.readline(_LONGEST_LINE):
        yield line


class RowReader:
    """The rows of a file, one after the other; never more in memory than the lines of one row."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._back: deque[str] = deque()
        self.line = 0
        self.delimiter = ","

    def __iter__(self) -> Iterator[Cells | Broken]:
        while (row := self.read()) is not None:
            if isinstance(row, Broken) or any(map(str.strip, row.cells)):
                yield row

    def next_line(self) -> str | None:
        """One line as it is; None at the end."""
        line = self._back.popleft() if self._back else next(self._lines, None)
        self.line += line is not None
        return line

    def read(self) -> Cells | Broken | None:
        """The next row, a blank one too; None at the end."""
        first, taken = self.line + 1, list[str]()
        try:
            cells = next(csv.reader(self._take(taken), delimiter=self.delimiter, strict=True), None)
        except csv.Error as error:
            self._give_back(taken[1:])
            return Broken(first, _reason(error))
        return Cells(first, tuple(cells)) if cells is not None else None

    def _take(self, taken: list[str]) -> Iterator[str]:
        while len(taken) < _MOST_LINES and (line := self.next_line()) is not None:
            taken.append(line)
            yield line

    def _give_back(self, lines: Sequence[str]) -> None:
        self._back.extendleft(reversed(lines))
        self.line -= len(lines)


def _reason(error: csv.Error) -> str:
    told = str(error)
    if "unexpected end" in told:
        return "A quoted value begins in this row and is not closed."
    if "expected after" in told:
        return "Behind the closing quote of a value stands something else than a separator."
    return f"The row cannot be read: {told}."


def split_line(line: str, delimiter: str) -> tuple[str, ...]:
    """The cells of a single line; none when it is no CSV."""
    try:
        return tuple(next(csv.reader([line], delimiter=delimiter, strict=True), ()))
    except csv.Error:
        return ()


def joined(cells: Iterable[str]) -> str:
    """A line of CSV with its end."""
    written = StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerow(cells)
    return written.getvalue()


def neutral(text: str) -> str:
    """Text as a cell: what a spreadsheet would calculate, and what begins with ``'`` already, gets a ``'`` before it."""
    return f"{_MARK}{text}" if text.startswith((*_FORMULAS, _MARK)) else text


def original(cell: str) -> str:
    """The text that :func:`neutral` made a cell of."""
    behind = cell[1:]
    return behind if cell.startswith(_MARK) and behind.startswith((*_FORMULAS, _MARK)) else cell
