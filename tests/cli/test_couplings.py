"""Couplings from files and into files, by command: what is written, what is said, and the code it ends with."""

import csv
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from gateway.cli import app
from gateway.coupling_files import import_file
from gateway.demo import settings_of_demo
from gateway.pairing.files.importing import ImportOptions
from tests.cli.commands import GATEWAY, free_port, run, started


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    """A demo that runs; the options by which commands find it."""
    port, folder = free_port(), tmp_path_factory.mktemp("demo")
    with started("demo", "--port", str(port), "--folder", str(folder)):
        yield "--demo", str(folder), "--url", f"http://127.0.0.1:{port}"


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    """A command writes its log to the standard error it has, which ends with it."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def last(ended: subprocess.CompletedProcess[str]) -> str:
    return ended.stderr.splitlines()[-1]


def test_what_is_exported_is_imported_and_a_second_import_changes_nothing(
    demo: tuple[str, ...], tmp_path: Path
) -> None:
    file, report = tmp_path / "couplings.csv", tmp_path / "report.csv"
    exported = run("couplings", "export", str(file), *demo)
    assert (exported.returncode, exported.stdout) == (0, "")
    there = rows(file.read_text(encoding="utf-8"))
    assert last(exported) == f"gateway: exported {len(there):,}"
    assert not (tmp_path / "couplings.csv.part").exists()

    with sqlite3.connect(Path(demo[1]) / "gateway.db") as database:
        database.execute("DELETE FROM couplings WHERE mapping = 'CUSTOMER'")
    database.close()
    customers = sum(each["mapping"] == "CUSTOMER" for each in there)
    others = len(there) - customers

    dry = run("couplings", "import", str(file), "--dry-run", *demo)
    assert dry.returncode == 1
    told = f"added {customers - 1:,}, unchanged {others:,}, updated 0, refused 1, ignored 0"
    assert last(dry) == f"gateway: dry run, nothing was written; {told}"
    imported = run("couplings", "import", str(file), "--report", str(report), *demo)
    assert imported.returncode == 1
    assert last(imported) == f"gateway: {told}"
    (refused,) = (line for line in imported.stderr.splitlines() if "line " in line)
    assert "There is no account with the id " in refused
    reported = rows(report.read_text(encoding="utf-8"))
    assert len(reported) == len(there)
    assert [each["line"] for each in reported] == [str(number) for number in range(2, len(there) + 2)]

    again = run("couplings", "import", str(file), *demo)
    assert last(again) == f"gateway: added 0, unchanged {len(there) - 1:,}, updated 0, refused 1, ignored 0"


def test_the_shape_of_table_5331_goes_through_a_pipe(demo: tuple[str, ...]) -> None:
    exported = run("couplings", "export", "--shape", "5331", "--mapping", "item", *demo)
    assert exported.returncode == 0
    assert exported.stdout.startswith("Table ID,Integration ID,CRM ID,")
    there = rows(exported.stdout)
    assert {each["Table ID"] for each in there} == {"27"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    piped = subprocess.run(
        [*GATEWAY, "couplings", "import", "-", "--check", "none", *demo],
        input="\ufeff" + exported.stdout,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )
    assert (piped.returncode, piped.stderr) == (
        0,
        f"gateway: added 0, unchanged {len(there):,}, updated 0, refused 0, ignored 0\n",
    )


def test_rows_that_are_no_utf_8_are_refused_and_others_taken(demo: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "latin.csv"
    exported = run("couplings", "export", "--mapping", "SALESPERSON", *demo).stdout.splitlines()
    file.write_bytes("\n".join(exported[:3]).encode().replace(b"demo", "José".encode("latin-1"), 1))
    ended = run("couplings", "import", str(file), *demo)
    assert ended.returncode == 1
    assert "line 2: createdBy is no text in UTF-8: 'Jos\\\\udce9'. Save the file as CSV UTF-8." in ended.stderr
    assert last(ended) == "gateway: added 0, unchanged 1, updated 0, refused 1, ignored 0"


def test_without_a_check_no_system_has_to_run(demo: tuple[str, ...], tmp_path: Path) -> None:
    nobody = ("--demo", demo[1], "--url", "http://127.0.0.1:9")
    file = tmp_path / "couplings.csv"
    ids = "11111111-0000-4000-8000-000000000001,11111111-0000-4000-8000-000000000002"
    file.write_text(f"businessCentralId,dataverseId\n{ids}\n")
    options = ("couplings", "import", str(file), "--mapping", "CONTACT", *nobody)
    assert last(run(*options, "--check", "none", "--dry-run")).startswith(
        "gateway: dry run, nothing was written; added 1"
    )
    stopped = run(*options)
    assert stopped.returncode == 1
    assert "stopped at line 2: " in stopped.stderr
    assert "Import the same file again, and it goes on there." in stopped.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import", "missing.csv"), "GATEWAY_TENANT_ID is not set"),
        (("import", "missing.csv", "--demo", "nowhere"), "there is no demo in the folder nowhere"),
        (("export", "--shape", "xml", "--demo", "DEMO"), "--shape xml is none of own, 5331"),
        (("export", "--mapping", "EMPLOYEE", "--demo", "DEMO"), "--mapping EMPLOYEE is none of CUSTOMER"),
        (("export", "--company", "CRONUS", "--demo", "DEMO"), "--company CRONUS is not the GUID"),
        (("export", "/proc/nowhere/couplings.csv", "--demo", "DEMO"), "/proc/nowhere/couplings.csv cannot be written"),
        (("import", "missing.csv", "--demo", "DEMO"), "missing.csv cannot be read: No such file or directory"),
        (("import", "EMPTY", "--demo", "DEMO"), "names no column for the record of Business Central"),
        (("import", "EMPTY", "--check", "all", "--demo", "DEMO"), "--check all is none of EXISTENCE, FILTER, NONE"),
        (("import", "EMPTY", "--time-zone", "Nowhere", "--demo", "DEMO"), "--time-zone Nowhere is not the IANA name"),
        (("import", "EMPTY", "--date-order", "DM", "--demo", "DEMO"), "--date-order DM is none of DMY, MDY, YMD"),
        (("import", "EMPTY", "--report", "/proc/nowhere", "--demo", "DEMO"), "/proc/nowhere cannot be written"),
        (("import", "/proc/self/mem", "--demo", "DEMO"), "/proc/self/mem cannot be read: Input/output error"),
    ],
    ids=lambda value: None if isinstance(value, tuple) else value[:20],
)
@pytest.mark.usefixtures("logging_as_it_was")
def test_what_a_person_can_put_right_is_said_in_a_line(
    demo: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    """In this process: a dozen of their own would take half a minute."""
    for name in [each for each in os.environ if each.startswith("GATEWAY_")]:
        monkeypatch.delenv(name)
    (tmp_path / "empty.csv").write_text("")
    named = {"DEMO": demo[1], "EMPTY": str(tmp_path / "empty.csv")}
    ended = CliRunner().invoke(app, ["couplings", *(named.get(each, each) for each in arguments)])
    assert ended.exit_code == 2, ended.output
    assert isinstance(ended.exception, SystemExit)
    assert said in ended.stderr


@pytest.mark.parametrize("name", ["couplings.csv", "folder/../couplings.csv", "symbolic.csv", "hard.csv"])
@pytest.mark.usefixtures("logging_as_it_was")
def test_a_report_does_not_empty_the_file_that_is_read(demo: tuple[str, ...], tmp_path: Path, name: str) -> None:
    file, text = tmp_path / "couplings.csv", "businessCentralId,dataverseId\n"
    file.write_text(text)
    (tmp_path / "folder").mkdir()
    (tmp_path / "symbolic.csv").symlink_to(file)
    (tmp_path / "hard.csv").hardlink_to(file)
    report = str(tmp_path / name)
    ended = CliRunner().invoke(app, ["couplings", "import", str(file), "--report", report, *demo])
    assert ended.exit_code == 2, ended.output
    assert f"--report {report} is the file that is imported" in ended.stderr
    assert file.read_text() == text


@pytest.mark.anyio
async def test_only_what_is_wrong_with_a_file_is_told_of_it(demo: tuple[str, ...], tmp_path: Path) -> None:
    file, report = tmp_path / "couplings.csv", tmp_path / "report.csv"
    file.write_text("businessCentralId,dataverseId,Colour\n")

    def hang_up(line: str) -> None:
        raise BrokenPipeError(line)

    settings = settings_of_demo(Path(demo[1]), demo[3])
    with pytest.raises(BrokenPipeError):
        await import_file(settings, str(file), ImportOptions(settings.company_id), report=report, say=hang_up)


def test_the_commands_are_not_loaded_before_they_are_asked_for() -> None:
    code = "import sys, gateway.cli; print(*[each for each in ('sqlalchemy', 'httpx', 'strawberry') if each in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == ""
