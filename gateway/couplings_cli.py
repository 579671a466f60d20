"""The command line: ``gateway couplings import | export``. What they do is in ``coupling_files``.

Exit code 0: everything was taken. 1: rows were refused, or the import stopped before the end. 2: what a person typed or set
cannot be used, told in one line each on standard error.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

from gateway.errors import ConfigError, GatewayError

if TYPE_CHECKING:
    from enum import StrEnum

    from gateway.config import Settings

    E = TypeVar("E", bound=StrEnum)

app = typer.Typer(no_args_is_help=True, help="Couplings from files and into files.")

USAGE_ERROR = 2
ROWS_REFUSED = 1

File = Annotated[str, typer.Argument(metavar="FILE", help="The file; - is standard input or output.")]
Company = Annotated[
    str | None, typer.Option(metavar="GUID", help="Only this company; also that of rows that name none.")
]
OfMapping = Annotated[
    str | None, typer.Option(help="Only this mapping, such as CUSTOMER; also that of rows without one.")
]
Demo = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Work on the demo in this folder (.demo) instead of the settings.")
]
Url = Annotated[str, typer.Option(help="With --demo: where it runs.")]
DEMO_URL = "http://127.0.0.1:8000"


@app.command("import")
def import_couplings(
    file: File,
    company: Company = None,
    mapping: OfMapping = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing, tell what would come of each row.")
    ] = False,
    check: Annotated[
        str, typer.Option(help="Look up that both records exist (existence), also meet the filter (filter), or none.")
    ] = "existence",
    update: Annotated[
        bool,
        typer.Option("--update", help="Give couplings that are there the state of the file, unless ours is newer."),
    ] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Write what came of every row to this file.")
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(metavar="IANA", help="Time zone of date-times that do not say theirs.")
    ] = None,
    date_order: Annotated[
        str | None, typer.Option(metavar="DMY|MDY|YMD", help="Order of dates such as 03/04/2026.")
    ] = None,
    demo: Demo = None,
    url: Url = DEMO_URL,
) -> None:
    """Couple the pairs of a CSV file: our own, or an export of Business Central's table 5331.

    Importing the same file again changes nothing. No record of either system is changed.
    """
    with one_clear_line():
        from gateway.coupling_files import import_file
        from gateway.couplings.coupling import Mapping
        from gateway.pairing.files.importing import ImportOptions
        from gateway.pairing.files.records import Check
        from gateway.pairing.files.values import DateOrder, Region

        settings = _settings(demo, url)
        options = ImportOptions(
            default_company=settings.company_id,
            company=_guid(company),
            mapping=_one_of(Mapping, mapping, "--mapping"),
            check=_one_of(Check, check, "--check") or Check.EXISTENCE,
            update=update,
            dry_run=dry_run,
            region=Region(_zone(time_zone), _one_of(DateOrder, date_order, "--date-order")),
        )
        done = _told(import_file(settings, file, options, report=report, say=_say))
    if not done:
        raise typer.Exit(ROWS_REFUSED)


@app.command("export")
def export_couplings(
    file: File = "-",
    mapping: Annotated[str | None, typer.Option(help="Only this mapping, such as CUSTOMER.")] = None,
    company: Annotated[
        str | None,
        typer.Option(
            metavar="GUID", help="Only this company; the configured one by default in the shape of table 5331."
        ),
    ] = None,
    shape: Annotated[str, typer.Option(help="own, or 5331: as an export of Business Central's table.")] = "own",
    demo: Demo = None,
    url: Url = DEMO_URL,
) -> None:
    """Write the couplings to a CSV file, which an import takes as it is."""
    with one_clear_line():
        from gateway.coupling_files import export_file
        from gateway.couplings.coupling import Mapping
        from gateway.couplings.store import CouplingFilter
        from gateway.pairing.files.shapes import Shape

        settings = _settings(demo, url)
        wanted = (
            _one_of(Shape, "TABLE_5331" if shape == "5331" else shape, "--shape", shown=("own", "5331")) or Shape.OWN
        )
        where = _guid(company) or (settings.company_id if wanted is Shape.TABLE_5331 else None)
        which = CouplingFilter(mapping=_one_of(Mapping, mapping, "--mapping"), company_id=where)
        _told(export_file(settings, file, which, wanted, say=_say))


@contextmanager
def one_clear_line() -> Iterator[None]:
    """What a person can put right becomes one line for each problem and exit code 2."""
    try:
        yield
    except ConfigError as error:
        for problem in error.problems:
            _say(problem)
        raise typer.Exit(USAGE_ERROR) from None


def _say(line: str) -> None:
    """Standard output may be the file."""
    typer.echo(f"gateway: {line}", err=True)


def _told(work: Any) -> bool:
    """
    Raises:
        ConfigError: a file, a system or our own database cannot be used.
    """
    try:
        return bool(asyncio.run(work))
    except ConfigError:
        raise
    except GatewayError as error:
        raise ConfigError(error.message) from None


def _settings(demo: Path | None, url: str) -> "Settings":
    from gateway.config import load_settings
    from gateway.telemetry import configure_logging

    if demo is None:
        settings = load_settings()
        configure_logging(settings.log_level)
        return settings
    from gateway.demo import settings_of_demo

    configure_logging("WARNING")
    return settings_of_demo(demo, url)


def _guid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise ConfigError(f"--company {text} is not the GUID of a company") from None


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        raise ConfigError(f"--time-zone {name} is not the IANA name of a time zone, such as Europe/Amsterdam") from None


def _one_of(kind: "type[E]", text: str | None, option: str, *, shown: tuple[str, ...] = ()) -> "E | None":
    if text is None:
        return None
    try:
        return kind(text.upper().replace(" ", "_").replace("-", "_"))
    except ValueError:
        raise ConfigError(f"{option} {text} is none of {', '.join(shown or map(str, kind))}") from None
