"""Files with couplings: what goes in, and what came of each row."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import strawberry

from gateway.pairing.files.importing import CouplingImport, ImportStoppedError
from gateway.pairing.files.rows import RowResult
from schema.access import ADMINISTRATORS, seen_by
from schema.enums import DateOrder, ErrorCode, FileCheck, Mapping, RowOutcome
from schema.types.couple_records import RecordProblem
from schema.types.user_error import UserError


@strawberry.input(description="A file with couplings.")
class ImportCouplingsInput:
    csv: str = strawberry.field(
        description="The file: our own shape or that of table 5331, separated by commas, semicolons or tabs; up to 5 MB and "
        "20,000 rows. `gateway couplings import` takes larger ones."
    )
    company: UUID | None = strawberry.field(
        default=None,
        description="The company of rows that do not say, the configured one by default; rows of another are left out.",
    )
    mapping: Mapping | None = strawberry.field(
        default=None, description="The mapping of rows that do not say; rows of another are left out."
    )
    check: FileCheck = strawberry.field(
        default=FileCheck.EXISTENCE,
        description="What is looked up of the records. A company that used the native integration has couplings of records "
        "that are blocked by now, so by default only that they exist.",
    )
    update: bool = strawberry.field(
        default=False,
        description="Give couplings that are there already the state they have in the file (timestamps, results, skipped), "
        "unless ours is newer.",
    )
    dry_run: bool = strawberry.field(default=False, description="Write nothing, and tell what would come of each row.")
    time_zone: str | None = strawberry.field(
        default=None, description="IANA name of the time zone of date-times that do not say theirs."
    )
    date_order: DateOrder | None = strawberry.field(
        default=None, description="Order of dates such as 03/04/2026, which do not tell it by themselves."
    )


@seen_by(ADMINISTRATORS)
@strawberry.type(description="How many rows came to what.")
class ImportCounters:
    added: int = strawberry.field(description="Pairs that are coupled now.")
    unchanged: int = strawberry.field(description="Pairs that were coupled already.")
    updated: int = strawberry.field(description="Couplings that got the state of the file.")
    refused: int = strawberry.field(description="Rows with which something is wrong.")
    ignored: int = strawberry.field(description="Rows that are not imported here, or say what an earlier one says.")

    @classmethod
    def of(cls, results: Sequence[RowResult]) -> "ImportCounters":
        counted = Counter(each.outcome for each in results)
        return cls(**{outcome.lower(): counted[outcome] for outcome in RowOutcome})


@seen_by(ADMINISTRATORS)
@strawberry.type(description="What came of one row of the file.")
class ImportedRow:
    line: int = strawberry.field(description="The line of the file at which it begins; the header is line 1.")
    outcome: RowOutcome = strawberry.field(description="What was done.")
    code: ErrorCode | None = strawberry.field(description="What is wrong with a row that was refused.")
    message: str | None = strawberry.field(
        description="The same in a sentence, with the value or the record in the way."
    )
    hint: str | None = strawberry.field(description="What to do about it.")

    @classmethod
    def of(cls, result: RowResult) -> "ImportedRow":
        return cls(line=result.line, outcome=result.outcome, code=result.code, message=result.message, hint=result.hint)


@seen_by(ADMINISTRATORS)
@strawberry.type(description="The file was imported as far as it could be; one result for each of its rows.")
class ImportCouplingsSuccess:
    import_id: UUID = strawberry.field(
        description="In the history of every coupling that was added, as the job it belongs to."
    )
    dry_run: bool = strawberry.field(description="Whether nothing was written.")
    counters: ImportCounters = strawberry.field(description="How many rows came to what.")
    unknown_columns: list[str] = strawberry.field(description="Columns of the file that mean nothing here.")
    stopped_at_line: int | None = strawberry.field(
        description="The first row that was not decided on, because a system did not answer or the time was over: import the "
        "same file again, and it goes on there. Null when all were."
    )
    problem: RecordProblem | None = strawberry.field(description="Why it stopped there.")
    results: strawberry.Private[Sequence[RowResult]]

    @strawberry.field(description="The rows, by line.")
    def rows(
        self,
        only: Annotated[
            list[RowOutcome] | None, strawberry.argument(description="Those that came to one of these; all by default.")
        ] = None,
    ) -> list[ImportedRow]:
        return [ImportedRow.of(each) for each in self.results if only is None or each.outcome in only]

    @classmethod
    def of(
        cls,
        imported: CouplingImport,
        results: Sequence[RowResult],
        *,
        dry_run: bool,
        stopped: ImportStoppedError | None,
    ) -> "ImportCouplingsSuccess":
        return cls(
            import_id=imported.id,
            dry_run=dry_run,
            counters=ImportCounters.of(results),
            unknown_columns=list(imported.header.unknown),
            stopped_at_line=stopped.line if stopped else None,
            problem=RecordProblem.of(stopped.error) if stopped else None,
            results=results,
        )


@seen_by(ADMINISTRATORS)
@strawberry.type(description="A page of a file with couplings. Pages put one behind the other are the whole file.")
class CouplingsCsv:
    csv: str = strawberry.field(
        description="Lines of CSV, in UTF-8; the first page begins with the header. Text that a spreadsheet would take for a "
        "formula has a `'` before it, which an import takes away again."
    )
    row_count: int = strawberry.field(description="Couplings in it.")
    end_cursor: str | None = strawberry.field(description="Give it as `after` to go on; null when there are none.")
    has_next_page: bool = strawberry.field(description="Whether there are more.")


ImportCouplingsPayload = Annotated[
    ImportCouplingsSuccess | UserError,
    strawberry.union("ImportCouplingsPayload", description="What came of `importCouplings`."),
]
