"""Rows of a CSV file, each with the line it begins at, and cells that no spreadsheet takes for a formula. Pure.

A row that cannot be read costs that row: after a quote that is never closed, reading goes on at the line behind it, and a row
that is too long is passed over to its end.

Source: RFC 4180; OWASP, "CSV Injection".
"""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

DELIMITERS: Final = (",", ";", "\t")

LONGEST_ROW: Final = 1_000_000
"""Characters of a row, however many lines it goes over: a file without line ends is not taken into memory as one."""

csv.field_size_limit(LONGEST_ROW)
"""The limit of the process: by default it is 131,072, less than a message of ours may have."""

_ENDS: Final = ("\r", "\n")
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


class _TooLongError(Exception):
    """A row has more characters than any may have."""


def lines_of(file: Text) -> Iterator[str]:
    """The lines of a file, with their ends; what is longer than any row can be comes in parts."""
    while line := file.readline(LONGEST_ROW):
        yield line


class RowReader:
    """The rows of a file, one after the other; never more in memory than the lines of one row.

    ``line`` is the number of the line that was read last. ``delimiter`` and ``width``, how many values a row has, are the
    header's to tell.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._back: deque[str] = deque()
        self._end = "\n"
        self.line = 0
        self.delimiter = ","
        self.width = 0

    def __iter__(self) -> Iterator[Cells | Broken]:
        """All but blank ones."""
        while (line := self.next_line()) is not None:
            if line.isspace():
                continue
            row = self._row(line)
            if isinstance(row, Broken) or any(map(str.strip, row.cells)):
                yield row

    def next_line(self) -> str | None:
        """One line as it is, or a part of a long one; None at the end."""
        line = self._back.popleft() if self._back else next(self._lines, None)
        if line is not None:
            cut_in_two = self._end == "\r" and line == "\n"
            self.line += self._end in _ENDS and not cut_in_two
            self._end = line[-1:]
        return line

    def _row(self, line: str) -> Cells | Broken:
        """The row that begins with this line."""
        first, taken = self.line, [line]
        try:
            cells = next(csv.reader(self._take(taken), delimiter=self.delimiter, strict=True), ())
        except csv.Error as error:
            self._give_back(first, taken)
            return Broken(first, _reason(error))
        except _TooLongError:
            self._give_back(first, taken)
            return Broken(first, self._pass_over(line))
        return Cells(first, tuple(cells))

    def _take(self, taken: list[str]) -> Iterator[str]:
        """
        Raises:
            _TooLongError: what is taken is more than a row may have.
        """
        line: str | None = taken[0]
        size = 0
        while line is not None:
            size += len(line)
            if size > LONGEST_ROW or (len(line) == LONGEST_ROW and not line.endswith(_ENDS)):
                raise _TooLongError
            yield line
            line = self.next_line()
            if line is not None:
                taken.append(line)

    def _give_back(self, first: int, taken: Sequence[str]) -> None:
        """All but the first line."""
        self._back.extendleft(reversed(taken[1:]))
        self.line, self._end = first, taken[0][-1:]

    def _pass_over(self, line: str) -> str:
        """Read to the end of a row that is too long, and say why it is no row.

        It ends where its quote is closed. A line that has as many values as the header is a row of its own: then the quote
        was never closed.
        """
        part: str | None = line
        quoted = False
        while part is not None:
            quoted ^= part.count('"') % 2 == 1
            ended = part.endswith(_ENDS)
            if ended and not quoted:
                break
            part = self.next_line()
            if part is not None and ended and self._is_row(part):
                self._back.appendleft(part)
                self.line, self._end = self.line - 1, "\n"
                return _NOT_CLOSED
        return f"The row is longer than {LONGEST_ROW:,} characters."

    def _is_row(self, line: str) -> bool:
        """Whole by itself, and not the end of another one."""
        return line.count('"') % 2 == 0 and len(split_line(line, self.delimiter)) == self.width


_NOT_CLOSED: Final = "A quoted value begins in this row and is not closed."


def _reason(error: csv.Error) -> str:
    told = str(error)
    if "unexpected end" in told:
        return _NOT_CLOSED
    if "expected after" in told:
        return "Behind the closing quote of a value stands something else than a separator."
    return f"The row cannot be read: {told}."


def split_line(line: str, delimiter: str) -> tuple[str, ...]:
    """The cells of a single line; none when it is no CSV."""
    try:
        return tuple(next(csv.reader([line], delimiter=delimiter, strict=True), ()))
    except csv.Error:
        return ()


# -- writing -----------------------------------------------------------------------------------------------------------

_QUOTED: Final = re.compile(r'[,;|\t\r\n"]')

_CALCULATED: Final = r"""(?=(?:[^\S\t\r\n]|")*[=+\-@＝＋－＠'])"""
_BEGINNING: Final = r"(?:\A|(?<=[,;|\t\r\n]))"
"""Of a cell, whatever the spreadsheet takes for the separator: then our quotes are not at a cell's edge, and do not count."""

_TO_MARK: Final = re.compile(rf"\A(?=[\t\r\n])|{_BEGINNING}{_CALCULATED}")
_MARKED: Final = re.compile(rf"\A{_MARK}(?=[\t\r\n])|{_BEGINNING}{_MARK}{_CALCULATED}")


def joined(cells: Iterable[str]) -> str:
    """A line of CSV with its end; whatever may be a separator somewhere stands within quotes."""
    return ",".join('"' + each.replace('"', '""') + '"' if _QUOTED.search(each) else each for each in cells) + "\r\n"


def neutral(text: str) -> str:
    """Text as a cell: a ``'`` goes before what a spreadsheet would calculate, and before what has a ``'`` there already.

    That is where the text begins, and behind each separator and line break in it.
    """
    return _TO_MARK.sub(_MARK, text)


def original(cell: str) -> str:
    """The text that :func:`neutral` made a cell of."""
    return _MARKED.sub("", cell)
