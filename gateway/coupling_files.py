"""Couplings from files and into files, as the command line asks for it: opens what that takes, and closes it again."""

import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from getpass import getuser
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO
from uuid import UUID

from gateway.app import Networks, books_of, clients_of, desks_of
from gateway.config import Settings
from gateway.couplings.store import CouplingFilter, CouplingStore
from gateway.database import create_engine, upgrade
from gateway.errors import ConfigError
from gateway.pairing.files.exporting import export
from gateway.pairing.files.importing import CouplingImport, Desks, ImportOptions, ImportStoppedError
from gateway.pairing.files.rows import RowOutcome, RowResult
from gateway.pairing.files.shapes import Shape
from gateway.pairing.files.text import joined, lines_of, neutral
from gateway.reading.capabilities import Capabilities
from gateway.sync.desk import Desk

STANDARD = "-"

_PAGE_SECONDS = 300.0
"""How long both systems may take for a page, repeats included."""

_SHOWN = 20
"""Refused rows that are shown; all are in the report."""

Say = Callable[[str], None]


async def import_file(settings: Settings, file: str, options: ImportOptions, *, report: Path | None, say: Say) -> bool:
    """Import a file, and say what came of it; whether everything was taken.

    Raises:
        ConfigError: the file cannot be read, the report not be written, or the database not be used.
        InvalidInputError: the file is none with couplings.
    """
    with _reading(file) as text, _report(report) as told:
        async with _desks(settings) as desks:
            imported = CouplingImport(lines_of(text), desks, options)
            if imported.header.unknown:
                say(f"columns that mean nothing here: {', '.join(imported.header.unknown)}")
            summary = _Summary(say, told)
            try:
                async for page in imported.pages():
                    summary.add(page)
            except ImportStoppedError as error:
                summary.stopped(error)
            summary.end(dry_run=options.dry_run)
            return summary.is_complete


class _Summary:
    """Counts and tells what came of rows; the report gets all of them."""

    def __init__(self, say: Say, report: TextIO | None) -> None:
        self._say = say
        self._report = report
        self._counted: Counter[RowOutcome] = Counter()
        self._stopped = False
        if report is not None:
            report.write(joined(["line", "outcome", "code", "message", "hint"]))

    @property
    def is_complete(self) -> bool:
        return not self._stopped and not self._counted[RowOutcome.REFUSED]

    def add(self, page: list[RowResult]) -> None:
        for row in page:
            self._counted[row.outcome] += 1
            if row.outcome is RowOutcome.REFUSED and self._counted[row.outcome] <= _SHOWN:
                self._say(f"line {row.line}: {row.message} {row.hint or ''}".rstrip())
            if self._report is not None:
                cells = (str(row.line), row.outcome, row.code or "", row.message or "", row.hint or "")
                self._report.write(joined(map(neutral, cells)))

    def stopped(self, error: ImportStoppedError) -> None:
        self._stopped = True
        again = "Import the same file again, and it goes on there."
        self._say(f"stopped at line {error.line}: {error.error.message} {again}")

    def end(self, *, dry_run: bool) -> None:
        refused = self._counted[RowOutcome.REFUSED]
        if refused > _SHOWN:
            self._say(f"and {refused - _SHOWN:,} more rows were refused; --report FILE writes them all")
        counts = ", ".join(f"{outcome.lower()} {self._counted[outcome]:,}" for outcome in RowOutcome)
        self._say(f"{'dry run, nothing was written; ' if dry_run else ''}{counts}")


async def export_file(settings: Settings, file: str, wanted: CouplingFilter, shape: Shape, *, say: Say) -> bool:
    """Write couplings to a file.

    Raises:
        ConfigError: the file cannot be written, or the database not be used.
    """
    count = 0
    async with _store(settings) as store:
        with _writing(file) as text:
            async for part, couplings in export(store, wanted, shape):
                text.write(part)
                count += couplings
    say(f"exported {count:,}")
    return True


@asynccontextmanager
async def _store(settings: Settings) -> AsyncIterator[CouplingStore]:
    engine = create_engine(settings.database_url.get_secret_value())
    try:
        await upgrade(engine)
        yield CouplingStore(engine)
    finally:
        await engine.dispose()


@asynccontextmanager
async def _desks(settings: Settings) -> AsyncIterator[Desks]:
    engine = create_engine(settings.database_url.get_secret_value())
    try:
        await upgrade(engine)
        async with clients_of(settings, Networks()) as backends:
            desks = desks_of(settings, backends, books_of(engine), Capabilities())
            by = f"{_user()} (command line)"

            def of(company: UUID) -> Desk:
                return desks.of_job(company, by, seconds=_PAGE_SECONDS, name="couplings-import")

            yield of
    finally:
        await engine.dispose()


def _user() -> str:
    try:
        return getuser()
    except (OSError, KeyError):
        return "somebody"


@contextmanager
def _reading(file: str) -> Iterator[TextIO]:
    """UTF-8; what is none stays recognizable, so that it costs its row only. Line ends within quotes stay as they are."""
    if file == STANDARD:
        yield TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="surrogateescape", newline="")
        return
    with _usable(file, "read"), open(file, encoding="utf-8", errors="surrogateescape", newline="") as text:
        yield text


@contextmanager
def _report(path: Path | None) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    with _usable(str(path), "written"), path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as text:
        yield text


@contextmanager
def _writing(file: str) -> Iterator[TextIO]:
    """A whole file or none: it gets its name when it is complete."""
    if file == STANDARD:
        out = TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="", write_through=True)
        yield out
        out.detach()
        return
    part = Path(f"{file}.part")
    with _usable(file, "written"):
        try:
            with part.open("w", encoding="utf-8", newline="") as text:
                yield text
            os.replace(part, file)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def _usable(file: str, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{file} cannot be {what}: {error.strerror or error}") from None
