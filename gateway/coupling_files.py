"""Couplings from files and into files, as the command line asks for it: opens what that takes, and closes it again."""

import os
import stat
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from getpass import getuser
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO
from uuid import UUID

from gateway.assembly import books_of, desks_of
from gateway.backends import Networks, clients_of
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
from gateway.runs.own_mappings import mappings_with
from gateway.runs.settings import MappingSettings
from gateway.sync.desk import Desk

STANDARD = "-"

_PAGE_SECONDS = 300.0
"""How long both systems may take for a page, repeats included."""

_SHOWN = 20
"""Refused rows that are shown; all are in the report."""

Say = Callable[[str], None]
Write = Callable[[str], None]


async def import_file(settings: Settings, file: str, options: ImportOptions, *, report: Path | None, say: Say) -> bool:
    """Import a file, and say what came of it; whether everything was taken.

    Raises:
        ConfigError: the file cannot be read, the report not be written or the same file, or the database not be used.
        InvalidInputError: the file is none with couplings.
    """
    with _reading(file) as text, _report(report, besides=text) as told:
        async with _desks(settings) as desks:
            imported = CouplingImport(_lines(file, text), desks, options)
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

    def __init__(self, say: Say, report: Write) -> None:
        self._say = say
        self._report = report
        self._counted: Counter[RowOutcome] = Counter()
        self._stopped = False
        report(joined(["line", "outcome", "code", "message", "hint"]))

    @property
    def is_complete(self) -> bool:
        return not self._stopped and not self._counted[RowOutcome.REFUSED]

    def add(self, page: list[RowResult]) -> None:
        for row in page:
            self._counted[row.outcome] += 1
            if row.outcome is RowOutcome.REFUSED and self._counted[row.outcome] <= _SHOWN:
                self._say(f"line {row.line}: {row.message} {row.hint or ''}".rstrip())
            cells = (str(row.line), row.outcome, row.code or "", row.message or "", row.hint or "")
            self._report(joined(map(neutral, cells)))

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
        with _writing(file) as write:
            async for part, couplings in export(store, wanted, shape, mappings_with(settings.mappings_file)):
                write(part)
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
            desks = desks_of(
                settings,
                backends,
                books_of(engine),
                Capabilities(),
                MappingSettings(engine, mappings_with(settings.mappings_file)),
            )
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
    with _usable(file, "read"):
        text = open(file, encoding="utf-8", errors="surrogateescape", newline="")  # noqa: SIM115 - closed below
    with text:
        yield text


def _lines(file: str, text: TextIO) -> Iterator[str]:
    with _usable("standard input" if file == STANDARD else file, "read"):
        yield from lines_of(text)


@contextmanager
def _report(path: Path | None, *, besides: TextIO) -> Iterator[Write]:
    """
    Raises:
        ConfigError: it cannot be written, or is the very file that is read, which would be emptied.
    """
    if path is None:
        yield lambda part: None
        return
    if _is_same(path, besides):
        raise ConfigError(f"--report {path} is the file that is imported; name another one")
    with _written(path, str(path), errors="backslashreplace") as write:
        yield write


def _is_same(path: Path, text: TextIO) -> bool:
    """Whether a path leads to an open file, by whatever name or link."""
    try:
        opened = os.fstat(text.fileno())
        return stat.S_ISREG(opened.st_mode) and os.path.samestat(opened, path.stat())
    except OSError:
        return False  # there is no such file, or what is open is none


@contextmanager
def _writing(file: str) -> Iterator[Write]:
    """A whole file or none: it gets its name when it is complete."""
    if file == STANDARD:
        out = TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="", write_through=True)
        yield _writer(out, "standard output")
        out.detach()
        return
    part = Path(f"{file}.part")
    try:
        with _written(part, file) as write:
            yield write
        with _usable(file, "written"):
            os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _written(path: Path, name: str, *, errors: str = "strict") -> Iterator[Write]:
    """``name`` is how a person knows the file."""
    with _usable(name, "written"):
        text = path.open("w", encoding="utf-8", errors=errors, newline="")
    try:
        yield _writer(text, name)
    finally:
        with _usable(name, "written"):
            text.close()


def _writer(text: TextIO, name: str) -> Write:
    def write(part: str) -> None:
        with _usable(name, "written"):
            text.write(part)

    return write


@contextmanager
def _usable(file: str, what: str) -> Iterator[None]:
    """Only around what is done with the file itself: other things fail with an OSError, too."""
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{file} cannot be {what}: {error.strerror or error}") from None
