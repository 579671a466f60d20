"""How many backend requests a need may take, told before any is made. Pure.

Counted are questions as :mod:`gateway.reading.levels` asks them when every row is there: a level is one look-up, in as many
requests as its keys need room for; lists of many rows travel in batches. Not counted is what nobody can know before: repeats
after a failure, a second question where a number has changed, further pages of a figure's rows. What is kept or shared costs
less than is told here.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from math import ceil
from typing import Final
from uuid import UUID

from gateway.clients import business_central, dataverse
from gateway.odata.batch import JSON_BATCHES, MULTIPART_BATCHES
from gateway.odata.query import AnyOf, Dialect, Expand, Filter, Query, Value, encoded_length, render
from gateway.reading.need import (
    BaseCurrency,
    Branch,
    ByKey,
    Coupled,
    CouplingOf,
    CouplingsOf,
    Expanded,
    FiscalYearStart,
    InCompany,
    LocalCurrency,
    LocationNames,
    Many,
    Need,
    Rows,
    RowsOf,
    RowsOfYear,
    Source,
)
from gateway.reading.paging import Window
from gateway.reading.row import Row
from gateway.records import Backend

_FEW: Final = 10
"""So many keys travel in one request, whatever they are."""

_NATURAL_KEY: Final = "0" * 40
"""A key as long as most are: a code of 20 letters of which half have to be escaped, or an e-mail address."""

_LISTED: Final = 10
"""Rows of a list that comes along with its row."""

_SEGMENTS: Final = 3
"""Queries that a further page of a list may take: two parts, and the count."""

_SOME_DAY: Final = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class _Room:
    """What a backend takes in one request."""

    dialect: Dialect
    characters: int
    parts: int


_ROOM: Final = {
    Backend.BUSINESS_CENTRAL: _Room(
        business_central.BusinessCentralDialect(), business_central.QUERY_ROOM, JSON_BATCHES.most_parts
    ),
    Backend.DATAVERSE: _Room(dataverse.DataverseDialect(), dataverse.QUERY_ROOM, MULTIPART_BATCHES.most_parts),
}


@dataclass(slots=True)
class Estimate:
    """Requests by what they ask for: ``customers.account`` are the accounts behind customers.

    ``facts`` are asked once however often they are needed. A ``mapping`` is that of the couplings at hand, where all have one.
    """

    parts: Counter[str] = field(default_factory=Counter)
    facts: set[str] = field(default_factory=set)

    @property
    def total(self) -> int:
        return self.parts.total() + len(self.facts)

    @property
    def dearest(self) -> list[tuple[str, int]]:
        """The parts that cost most."""
        return self.parts.most_common(5)

    def add(self, other: "Estimate") -> None:
        self.parts.update(other.parts)
        self.facts |= other.facts

    def look_up(self, need: Need, column: str, count: int, path: str) -> None:
        """Rows by so many keys, and what is behind them."""
        if count:
            self.parts[path] += _requests(need.source, need.select, need.expand, column, count)
            self._behind(need, count, path, None)

    def page(self, need: Need, lists: int, window: Window, path: str) -> None:
        """A page of each of so many lists, and what is behind their rows."""
        queries = lists * (_SEGMENTS if window.after is not None else 2)
        self.parts[path] += 1 if lists == 1 else ceil(queries / _ROOM[need.source.backend].parts)
        self._behind(need, lists * window.first, path, None)

    def behind(self, rows: Sequence[Row], need: Need, path: str) -> None:
        """What is behind rows that are there."""
        for branch in need.branches:
            link = branch.link
            count = len(rows)
            if isinstance(link, ByKey) and link.when is not None:
                column, values = link.when
                count = sum(1 for row in rows if row.key(column) in values)
            if count:
                self._branch(branch, count, path, None)

    def _behind(self, need: Need, rows: int, path: str, mapping: str | None) -> None:
        for branch in need.branches:
            self._branch(branch, rows, path, mapping)

    def _branch(self, branch: Branch, rows: int, path: str, mapping: str | None) -> None:
        need, link = branch.need, branch.link
        below = f"{path}.{branch.name.rpartition('/')[2].lstrip('$')}"
        match link:
            case ByKey(column=_, target=target, when=when):
                if when is None or mapping is None or when[0] != "mapping" or mapping in when[1]:
                    self.look_up(need, target, rows, below)
            case Coupled():
                self.look_up(need, need.source.key, rows, below)
            case CouplingOf(mapping=own) | CouplingsOf(mapping=own):
                self._behind(need, rows, below, own)
            case InCompany():
                self.look_up(need, need.source.key, rows, below)
            case Expanded():
                self._behind(need, rows * (_LISTED if need.branches else 1), below, None)
            case Many():
                self.page(need, rows, branch.window or Window(first=10), below)
            case Rows():
                self._rows(link, rows, below)
            case RowsOfYear():
                self.facts.add("companyInformation")
                self._rows(link.build(_SOME_DAY), rows, below)
            case LocalCurrency() | FiscalYearStart():
                self.facts.add("companyInformation")
            case BaseCurrency():
                self.facts.add("organizations")
            case LocationNames():
                self.facts.add("locations")

    def _rows(self, link: Rows, rows: int, path: str) -> None:
        """Of the first source that the tenant has: those before it cost a refusal each."""
        for option in link.options:
            self.parts[path] += _feed(option, rows)


def _feed(option: RowsOf, rows: int) -> int:
    if option.newest is not None:
        return ceil(rows / _ROOM[option.source.backend].parts)
    select = option.select | {option.target}
    return _requests(option.source, select, option.expand, option.target, rows, option.where)


def _requests(
    source: Source,
    select: frozenset[str],
    expand: tuple[Expand, ...],
    column: str,
    count: int,
    where: Filter | None = None,
) -> int:
    """How many requests so many keys take."""
    if count <= _FEW or source.choice is not None:
        return 1
    room = _ROOM[source.backend]
    key: Value = UUID(int=0) if column == source.key or column in source.guids else _NATURAL_KEY
    written = room.dialect.any_of(AnyOf(column, (key,)))
    left = room.characters - len(Query(select=tuple(select), expand=expand).encode(room.dialect)) - len("&$filter=")
    if where is not None:
        left -= encoded_length(f"({render(where, room.dialect)}) and ()")
    left -= encoded_length(written.prefix) + encoded_length(written.suffix)
    each = encoded_length(written.items[0]) + encoded_length(written.separator)
    return ceil(count / max(1, left // each))
