"""Couplings come from a CSV file, page by page: a bad row is told with its line and reason, and stops no other.

Every page looks at our own couplings first: a pair that is there already costs no request. What is new is looked up on both
sides, a few requests for a whole page, and added where both records are free. So a second import of the same file changes
nothing and asks no backend, and one that was interrupted goes on when it is started again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID, uuid4

from gateway.couplings.coupling import Cause, Mapping
from gateway.errors import ErrorCode, GatewayError, NotFoundError, RefusedError, RejectedError
from gateway.pairing.files import rows as csv_rows
from gateway.pairing.files.claims import Claims
from gateway.pairing.files.page import Page
from gateway.pairing.files.records import Check
from gateway.pairing.files.rows import RowResult
from gateway.pairing.files.shapes import Entry, Header, read_header, read_row
from gateway.pairing.files.text import Broken, Cells, RowReader
from gateway.pairing.files.values import Region, UnreadableError
from gateway.sync.desk import Desk

PAGE = 1_000
"""Rows that are decided on together."""

Placed = RowResult | tuple[tuple[UUID, Mapping], Entry]
"""In which company and mapping a row belongs, or why it does not."""

Desks = Callable[[UUID], Desk]
"""A desk in a company; asked for anew for every page."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What is taken of a file, and how.

    ``mapping`` and ``company`` hold for rows that do not say; rows that say another one are left out. ``default_company`` is that
    of rows that do not say when ``company`` is not given. ``update``: a pair that is there already gets the state the file has of
    it, unless ours is newer. ``dry_run`` writes nothing and tells the same.
    """

    default_company: UUID
    company: UUID | None = None
    mapping: Mapping | None = None
    check: Check = Check.EXISTENCE
    update: bool = False
    dry_run: bool = False
    region: Region = field(default_factory=Region)


class ImportStoppedError(Exception):
    """A system does not answer, so nothing more can be decided; what was told until then is done, and nothing else.

    ``line`` is the first that was not decided on. Never leaves the gateway.
    """

    def __init__(self, line: int, error: GatewayError) -> None:
        super().__init__(error.message)
        self.line = line
        self.error = error


_OF_THIS_TABLE = (NotFoundError, RefusedError, RejectedError)
"""Errors that another table, or another company, need not meet."""

_SEE = "Check the company, and what the gateway is permitted there; then import the file again."


class CouplingImport:
    """One import of one file. ``id`` goes into the history of every coupling that it adds.

    Raises:
        InvalidInputError: the first line is not that of a file with couplings.
    """

    def __init__(self, lines: Iterable[str], desks: Desks, options: ImportOptions) -> None:
        self.id = uuid4()
        self._rows = RowReader(lines)
        self.header: Header = read_header(self._rows)
        self._desks = desks
        self._options = options
        self._tables = desks(options.default_company).tables
        self._by_number = {each.table_no: each.mapping for each in self._tables.values() if each.table_no}

    async def pages(self) -> AsyncIterator[list[RowResult]]:
        """What each row comes to, page by page, in the order of the file.

        Raises:
            ImportStoppedError: a system, or our own database, does not answer.
        """
        with Claims() as claims:
            rows = iter(self._rows)
            while page := await asyncio.to_thread(self._read, rows):
                results, stopped = await self._page(page, claims)
                yield sorted(results, key=lambda each: each.line)
                if stopped is not None:
                    raise stopped

    def _read(self, rows: Iterator[Cells | Broken]) -> list[Placed]:
        """The next page; in a thread, because whatever the file holds, nobody else is to wait for it."""
        return [self._place(row) for row in islice(rows, PAGE)]

    async def _page(self, page: Sequence[Placed], claims: Claims) -> tuple[list[RowResult], ImportStoppedError | None]:
        """What was decided on, all of it done, and what kept the rest from being."""
        results: list[RowResult] = []
        groups: dict[tuple[UUID, Mapping], list[Entry]] = {}
        for placed in page:
            if isinstance(placed, RowResult):
                results.append(placed)
            else:
                groups.setdefault(placed[0], []).append(placed[1])
        left = dict(groups)
        for (company, mapping), entries in groups.items():
            try:
                results += await self._group(company, mapping, entries, claims)
            except GatewayError as error:
                return results, ImportStoppedError(min(each[0].line for each in left.values()), error)
            del left[company, mapping]
        return results, None

    def _place(self, row: Cells | Broken) -> Placed:
        if isinstance(row, Broken):
            return csv_rows.refused(row.line, ErrorCode.INVALID_INPUT, row.reason, "Correct the row.")
        try:
            entry = read_row(self.header, row, self._options.region)
        except UnreadableError as error:
            return csv_rows.refused(row.line, ErrorCode.INVALID_INPUT, error.reason, error.hint)
        mapping = self._mapping(entry)
        if isinstance(mapping, RowResult):
            return mapping
        company = entry.company_id or self._options.company or self._options.default_company
        if self._options.company not in (None, company):
            return csv_rows.of_another(entry.line, f"company ({company})")
        return (company, mapping), entry

    def _mapping(self, entry: Entry) -> Mapping | RowResult:
        said = entry.mapping
        if entry.table_no is not None:
            of_table = self._by_number.get(entry.table_no)
            if of_table is None:
                return csv_rows.table_not_here(entry.line, entry.table_no, self._tables.values())
            if said not in (None, of_table):
                return csv_rows.two_mappings(entry.line, said or of_table, entry.table_no)
            said = of_table
        mapping = said or self._options.mapping
        if mapping is None:
            return csv_rows.no_mapping(entry.line)
        if mapping not in self._tables:
            return csv_rows.not_filled(entry.line, mapping)
        if self._options.mapping not in (None, mapping):
            return csv_rows.of_another(entry.line, f"mapping ({mapping})")
        return mapping

    async def _group(
        self, company: UUID, mapping: Mapping, entries: Sequence[Entry], claims: Claims
    ) -> list[RowResult]:
        options, desk = self._options, self._desks(company)
        page = Page(
            desk=desk,
            mapping=await desk.mapping(mapping),
            claims=claims,
            doing=desk.doing(Cause.IMPORTED, self.id),
            check=options.check,
            update=options.update,
            dry_run=options.dry_run,
        )
        try:
            return await page.results(entries)
        except _OF_THIS_TABLE as error:
            return [csv_rows.refused(entry.line, error.code, error.message, _SEE) for entry in entries]
