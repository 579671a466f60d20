"""The root fields for files with couplings, a few lines each."""

import asyncio
from io import StringIO
from itertools import islice
from typing import Annotated, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import strawberry
from strawberry import Info

from gateway.couplings.store import CouplingFilter
from gateway.errors import InvalidInputError
from gateway.pairing.files.exporting import coupling_lines, header_line, of_shape
from gateway.pairing.files.importing import CouplingImport, ImportOptions, ImportStoppedError
from gateway.pairing.files.rows import RowResult
from gateway.pairing.files.shapes import read_header
from gateway.pairing.files.text import RowReader, lines_of
from gateway.pairing.files.values import Region
from schema.context import Context
from schema.coupling_pages import cursor_of, position_of
from schema.enums import FileShape, Mapping
from schema.fields import ADMINISTRATORS, After, declared
from schema.selection import selection_of
from schema.types.coupling_file import (
    CouplingsCsv,
    ImportCouplingsInput,
    ImportCouplingsPayload,
    ImportCouplingsSuccess,
)
from schema.types.user_error import UserError

Ask = Info[Context, Any]

MOST_BYTES: Final = 5_000_000
MOST_ROWS: Final = 20_000
MOST_LINES: Final = 10 * MOST_ROWS
"""A row may go over several, or lines may be blank."""

MOST_EXPORTED: Final = 10_000
_COMMAND = "`gateway couplings import` takes files of any size."


@strawberry.type
class CouplingFileQueries:
    @strawberry.field(
        description="Couplings as a CSV file, in pages; `gateway couplings export` writes the whole file at once.",
        metadata=declared(ADMINISTRATORS),
    )
    async def couplings_csv(
        self,
        info: Ask,
        mapping: Annotated[Mapping | None, strawberry.argument(description="Only of these tables.")] = None,
        company: Annotated[
            UUID | None,
            strawberry.argument(
                description="SystemId of the Business Central company. By default all in our own shape, and the configured "
                "one in that of table 5331, which does not name companies."
            ),
        ] = None,
        shape: Annotated[FileShape, strawberry.argument(description="How the file looks.")] = FileShape.OWN,
        first: Annotated[int, strawberry.argument(description="How many rows, 1 to 10,000.")] = MOST_EXPORTED,
        after: After = None,
    ) -> CouplingsCsv | None:
        selection_of(info)
        if not 1 <= first <= MOST_EXPORTED:
            raise InvalidInputError(f"first must be between 1 and {MOST_EXPORTED:,}.", argument="first")
        services = info.context.services
        services.require_filled(mapping)
        where = company or (services.company if shape is FileShape.TABLE_5331 else None)
        begin = position_of(after) if after is not None else None
        wanted = CouplingFilter(mapping=mapping, company_id=where)
        found = await services.couplings.page(wanted, after=begin, limit=first + 1)
        page = found[:first]
        shown = of_shape(page, shape, services.tables)
        return CouplingsCsv(
            csv=("" if after is not None else header_line(shape)) + coupling_lines(shown, shape, services.tables),
            row_count=len(shown),
            end_cursor=cursor_of(page[-1]) if page else None,
            has_next_page=len(found) > first,
        )


@strawberry.type
class CouplingFileMutations:
    @strawberry.field(
        description="Couple the pairs of a CSV file, such as an export of Business Central's table 5331. A row that cannot be "
        "used is told with its line and stops no other; importing the same file again changes nothing. No record of either "
        "system is changed.",
        metadata=declared(ADMINISTRATORS),
    )
    async def import_couplings(
        self, info: Ask, input: Annotated[ImportCouplingsInput, strawberry.argument(description="The file.")]
    ) -> ImportCouplingsPayload | None:
        selection_of(info)
        context, results = info.context, list[RowResult]()
        try:
            await asyncio.to_thread(_check_size, input.csv)
            lines = lines_of(StringIO(input.csv, newline=""))
            imported = CouplingImport(lines, context.desk, _options(input, context.services.company))
        except InvalidInputError as error:
            return UserError.of(error)
        stopped: ImportStoppedError | None = None
        try:
            async for page in imported.pages():
                results += page
        except ImportStoppedError as error:
            stopped = error
        return ImportCouplingsSuccess.of(imported, results, dry_run=input.dry_run, stopped=stopped)


def _check_size(csv: str) -> None:
    """
    Raises:
        InvalidInputError: the file is too large for one request, or has no header.
    """
    if len(csv) > MOST_BYTES or len(csv.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise InvalidInputError(f"The file is larger than {MOST_BYTES // 1_000_000} MB. {_COMMAND}", argument="csv")
    if max(map(csv.count, "\r\n")) > MOST_LINES:
        raise InvalidInputError(f"The file has more than {MOST_LINES:,} lines. {_COMMAND}", argument="csv")
    rows = RowReader(lines_of(StringIO(csv, newline="")))
    read_header(rows)  # what separates the values
    if sum(1 for _ in islice(rows, MOST_ROWS + 1)) > MOST_ROWS:
        raise InvalidInputError(f"The file has more than {MOST_ROWS:,} rows. {_COMMAND}", argument="csv")


def _options(input: ImportCouplingsInput, company: UUID) -> ImportOptions:
    """
    Raises:
        InvalidInputError: there is no such time zone.
    """
    return ImportOptions(
        default_company=company,
        company=input.company,
        mapping=input.mapping,
        check=input.check,
        update=input.update,
        dry_run=input.dry_run,
        region=Region(_zone(input.time_zone), input.date_order),
    )


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError) as error:
        message = "timeZone must be the IANA name of a time zone, such as Europe/Amsterdam."
        raise InvalidInputError(message, argument="timeZone") from error
