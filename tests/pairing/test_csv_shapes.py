"""Files with couplings, in and out: every spelling of a value, every way a row can be wrong, and nothing lost on the way back."""

import csv
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.couplings.coupling import Coupling, Mapping, Result
from gateway.errors import InvalidInputError
from gateway.pairing.files.exporting import coupling_lines, header_line
from gateway.pairing.files.shapes import Entry, Header, Shape, read_header, read_row
from gateway.pairing.files.text import LONGEST_ROW, Broken, Cells, RowReader, joined, lines_of, neutral, original
from gateway.pairing.files.values import DateOrder, Region, UnreadableError

BC, CRM = UUID("77c9a1f4-2e10-4f11-9f8a-000d3a2b1c0d"), UUID("0a0b0c0d-2e10-4f11-9f8a-000d3a2b1c0e")
NOON = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)
AMSTERDAM = Region(ZoneInfo("Europe/Amsterdam"))


def rows_of(text: str) -> tuple[Header, list[Cells | Broken]]:
    reader = RowReader(lines_of(StringIO(text, newline="")))
    return read_header(reader), list(reader)


def entries(text: str, region: Region | None = None) -> Iterator[Entry]:
    header, rows = rows_of(text)
    for row in rows:
        assert isinstance(row, Cells), row
        yield read_row(header, row, region or Region())


def entry(text: str, region: Region | None = None) -> Entry:
    (found,) = entries(text, region)
    return found


def value(column: str, cell: str, region: Region | None = None) -> Any:
    """What a cell of one column becomes."""
    text = joined(["Integration ID", "CRM ID", column]) + joined([str(BC), str(CRM), cell])
    return entry(text, region)


def refusal(column: str, cell: str, region: Region | None = None) -> UnreadableError:
    with pytest.raises(UnreadableError) as caught:
        value(column, cell, region)
    return caught.value


# -- the header --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_what_separates_values_is_found_out_from_the_header(mark: str, bom: str) -> None:
    header = mark.join(["CRM ID", '"Integration ID"', "Table ID", "Last Synch. CRM Result"])
    found = entry(f"{bom}{header}\r\n{mark.join([str(CRM), str(BC), '18', 'Failure'])}\r\n")
    assert (found.bc_id, found.crm_id, found.table_no) == (BC, CRM, 18)
    assert found.state == {"last_result_to_crm": Result.FAILURE}


def test_a_file_may_say_what_separates_its_values() -> None:
    assert entry(f"sep=|\nCRM ID|Integration ID\n{CRM}|{BC}\n").bc_id == BC


@pytest.mark.parametrize(
    "names",
    [
        ("CRM ID", "Integration ID", "Table ID", "Last Synch. Modified On"),
        ("crmId", "integrationId", "tableId", "lastSynchModifiedOn"),
        ("CRM_ID", "INTEGRATION ID", "table id", "Last Synch Modified On"),
        ("dataverseId", "businessCentralId", "Table ID", "businessCentralModifiedAt"),
    ],
)
def test_columns_go_by_caption_field_name_or_our_own(names: tuple[str, ...]) -> None:
    found = entry(",".join(names) + f"\n{CRM},{BC},18,2026-11-16T12:00:00Z\n")
    assert (found.crm_id, found.bc_id, found.table_no, found.state["bc_modified_at"]) == (CRM, BC, 18, NOON)


def test_columns_that_mean_nothing_are_named_and_those_of_the_table_that_we_do_not_use_are_not() -> None:
    header, _ = rows_of("CRM ID,Integration ID,Statistics Uploaded,Colour,\n")
    assert header.unknown == ("Colour",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column for the record of Business Central"),
        ("No.,Name\n1,2\n", "no column for the record of Business Central"),
        ("Integration ID,Table ID\n", "no column for the record of CRM"),
        ("Integration ID,businessCentralId,CRM ID\n", "Integration ID and businessCentralId"),
        ("C\0R\0M\0\n", "not UTF-8"),
    ],
)
def test_what_is_no_file_with_couplings_is_refused_by_its_first_line(text: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        rows_of(text)


# -- values ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", [str(BC), f"{{{BC}}}", str(BC).upper(), f"{{{BC}}}".upper(), BC.hex, f" {BC} "])
def test_a_guid_is_read_in_every_form(cell: str) -> None:
    assert entry(f"CRM ID,Integration ID\n{CRM},{cell}\n").bc_id == BC


@pytest.mark.parametrize("cell", ["", "{00000000-0000-0000-0000-000000000000}"])
def test_a_null_guid_is_none(cell: str) -> None:
    assert value("Last Synch. Job ID", cell).state == {"last_job_to_bc": None}


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ("", None),
        (" ", None),
        ("0", None),
        ("_x0020_", None),
        ("Success", Result.SUCCESS),
        ("1", Result.SUCCESS),
        ("SUCCESS", Result.SUCCESS),
        ("failure", Result.FAILURE),
        ("2", Result.FAILURE),
    ],
)
def test_a_result_is_a_caption_or_a_number(cell: str, wanted: Result | None) -> None:
    assert value("Last Synch. Result", cell).state == {"last_result_to_bc": wanted}


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [("Yes", True), ("true", True), ("1", True), ("No", False), ("FALSE", False), ("0", False), ("", False)],
)
def test_skipped_is_read_in_every_form(cell: str, wanted: bool) -> None:
    assert value("Skipped", cell).state == {"skipped": wanted}


@pytest.mark.parametrize(
    "cell", ["5050", "5,050", "5.050", "5 050", "5\u00a0050", "5\u202f050", "5’050", "5050.00", "5050,0"]
)
def test_a_table_number_may_have_separators(cell: str) -> None:
    assert value("Table ID", cell).table_no == 5050


@pytest.mark.parametrize("cell", ["UNIT_OF_MEASURE", "unit of measure", "Unit-Of-Measure"])
def test_a_mapping_goes_by_our_name_or_by_microsofts(cell: str) -> None:
    assert value("mapping", cell).mapping is Mapping.UNIT_OF_MEASURE


@pytest.mark.parametrize(
    ("cell", "region", "wanted"),
    [
        ("2026-11-16T12:00:00Z", Region(), NOON),
        ("2026-11-16T12:00:00.0000000Z", Region(), NOON),
        ("2026-11-16T13:00:00+01:00", Region(), NOON),
        ("2026-11-16 13:00", AMSTERDAM, NOON),
        ("16-11-2026 13:00", AMSTERDAM, NOON),
        ("16.11.26 13:00:00", AMSTERDAM, NOON),
        ("11/16/2026 1:00 PM", AMSTERDAM, NOON),
        ("11/16/2026 1:00\u202fPM", AMSTERDAM, NOON),
        ("16/11/2026 01:00 p.m.", AMSTERDAM, NOON),
        (
            "11/12/2026 13:00",
            Region(ZoneInfo("Europe/Amsterdam"), DateOrder.MDY),
            datetime(2026, 11, 12, 12, tzinfo=UTC),
        ),
        (
            "11/12/2026 13:00",
            Region(ZoneInfo("Europe/Amsterdam"), DateOrder.DMY),
            datetime(2026, 12, 11, 12, tzinfo=UTC),
        ),
        ("2026/11/16 12:00 AM", Region(ZoneInfo("UTC")), datetime(2026, 11, 16, tzinfo=UTC)),
        ("16-07-2026 14:00:00.123", AMSTERDAM, datetime(2026, 7, 16, 12, 0, 0, 123000, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", Region(), None),
        ("01-01-1753 00:00", AMSTERDAM, None),
        ("", Region(), None),
    ],
)
def test_a_moment_is_read_as_iso_or_as_it_was_shown(cell: str, region: Region, wanted: datetime | None) -> None:
    assert value("lastSynchronizedAt", cell, region).state == {"last_synchronized_at": wanted}


@pytest.mark.parametrize(
    ("column", "cell", "region", "reason", "hint"),
    [
        ("Last Synch. Modified On", "2026-11-16 13:00", Region(), "does not say its time zone", "--time-zone"),
        ("Last Synch. Modified On", "03/04/2026 13:00", AMSTERDAM, "a day and a month", "--date-order"),
        ("Last Synch. Modified On", "yesterday", AMSTERDAM, "is no date-time: 'yesterday'", "2026-11-16T08:30:00Z"),
        ("Last Synch. Modified On", "31.02.2026 13:00", AMSTERDAM, "no moment of the calendar", "2026"),
        ("Last Synch. Modified On", "9999-12-31T23:59:59-12:00", AMSTERDAM, "outside the years", "year"),
        ("Table ID", "Customer", Region(), "Table ID is no table number: 'Customer'", "18"),
        ("Last Synch. Result", "Maybe", Region(), "Last Synch. Result is no result: 'Maybe'", "Failure or 2"),
        ("Skipped", "perhaps", Region(), "neither yes nor no", "Yes or No"),
        ("mapping", "CUSTOMR", Region(), "mapping is no mapping: 'CUSTOMR'", "CUSTOMER"),
        ("company", "CRONUS", Region(), "company is no GUID: 'CRONUS'", "braces"),
        ("company", f"{{{BC}", Region(), "is no GUID", "braces"),
        ("agreedValues", "[1]", Region(), "no JSON object", "exported"),
        ("agreedValues", "{", Region(), "is no JSON", "exported"),
        ("agreedValues", r'{"displayName":"\ud800"}', Region(), "holds characters that are none", r"\ud800"),
        ("agreedValues", r'{"display\u0000Name":null}', Region(), "holds characters that are none", r"\u0000"),
        ("createdBy", "x" * 251, Region(), "longer than 250 characters", "Shorten"),
        ("createdBy", "Jos\udce9", Region(), "no text in UTF-8", "UTF-8"),
        ("createdBy", "\0", Region(), "no text in UTF-8", "UTF-8"),
        ("Last Synch. Job ID", "x" * 41, Region(), "longer than 40 characters", "Shorten"),
        ("Last Synch. Job ID", "\udce9", Region(), "no text in UTF-8", "UTF-8"),
        ("Table ID", "9" * 5000, Region(), "is no table number: '9999", "18"),
    ],
)
def test_a_value_that_cannot_be_read_is_named_with_its_column(
    column: str, cell: str, region: Region, reason: str, hint: str
) -> None:
    refused = refusal(column, cell, region)
    assert reason in refused.reason
    assert hint in refused.hint


def test_a_row_with_more_values_than_columns_is_refused() -> None:
    with pytest.raises(UnreadableError, match="3 values, the first line names 2 columns"):
        entry(f"CRM ID,Integration ID\n{CRM},{BC},more\n")


def test_missing_values_at_the_end_are_blank() -> None:
    assert entry(f"CRM ID,Integration ID,Skipped\n{CRM},{BC}\n").state == {"skipped": False}


def test_the_later_of_both_moments_is_when_a_pair_of_table_5331_was_synchronized() -> None:
    text = joined(["CRM ID", "Integration ID", "Last Synch. Modified On", "Last Synch. CRM Modified On"])
    found = entry(text + joined([str(CRM), str(BC), "2026-11-16T12:00:00Z", "2026-11-16T11:00:00Z"]))
    assert found.state["last_synchronized_at"] == NOON
    assert entry(text + joined([str(CRM), str(BC)])).state.get("last_synchronized_at") is None


# -- rows --------------------------------------------------------------------------------------------------------------


def test_a_row_is_told_by_the_line_it_begins_at() -> None:
    _, rows = rows_of('CRM ID,Integration ID\r\n\r\n"a\r\nb",c\r\n;;\r\nd,e')
    assert rows == [Cells(3, ("a\r\nb", "c")), Cells(5, (";;",)), Cells(6, ("d", "e"))]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_every_line_end_will_do(end: str) -> None:
    assert len(list(entries(end.join(["CRM ID,Integration ID", *[f"{CRM},{BC}"] * 3])))) == 3


def test_a_quote_that_is_never_closed_costs_its_row_only() -> None:
    _, rows = rows_of('CRM ID,Integration ID\n1,"2\n3,4\n5,6\n')
    assert [each.line for each in rows] == [2, 3, 4]
    assert rows[0] == Broken(2, "A quoted value begins in this row and is not closed.")
    assert rows[2] == Cells(4, ("5", "6"))


def test_what_stands_behind_a_closing_quote_breaks_its_row_only() -> None:
    _, rows = rows_of('CRM ID,Integration ID\n"1"x,2\n3,4\n')
    assert isinstance(rows[0], Broken)
    assert rows[1] == Cells(3, ("3", "4"))


def test_a_line_without_end_is_not_taken_into_memory_whole() -> None:
    assert max(map(len, lines_of(StringIO("x" * 2_500_000)))) == LONGEST_ROW


HEAD = "CRM ID,Integration ID,errorMessage\r\n"


@pytest.mark.parametrize(
    "long",
    ["x" * 150_000, "x" * 999_000, "x,y" * 50_000, "line\r\n" * 250, "\r\n" * 100_000],
    ids=["line", "longer", "cells", "lines", "blank"],
)
def test_a_long_value_is_one_value_and_the_row_behind_it_has_its_line(long: str) -> None:
    _, rows = rows_of(f'{HEAD}1,2,"{long}"\r\n3,4,\r\n')
    assert rows == [Cells(2, ("1", "2", long)), Cells(3 + long.count("\n"), ("3", "4", ""))]


@pytest.mark.parametrize(
    "long",
    ["x" * 2_500_000, "x," * 600_000, "line\r\n" * 200_000, "a,b,c\r\n" * 200_000 + "x", '""' * 600_000],
    ids=["line", "cells", "lines", "rows", "quotes"],
)
@pytest.mark.parametrize("last", ['"', '",'], ids=["value", "more"])
def test_a_row_that_is_too_long_is_one_row(long: str, last: str) -> None:
    is_like_rows = long.startswith("a,b,c")
    _, rows = rows_of(f'{HEAD}1,"{long}{last}\r\n3,4,\r\n')
    if not is_like_rows:
        reason = "The row is longer than 1,000,000 characters."
        assert rows == [Broken(2, reason), Cells(3 + long.count("\n"), ("3", "4", ""))]
    else:  # rows of the file's own width: then the quote was never closed
        assert rows[:2] == [
            Broken(2, "A quoted value begins in this row and is not closed."),
            Cells(3, ("a", "b", "c")),
        ]
        assert rows[-1] == Cells(3 + long.count("\n"), ("3", "4", ""))


def test_a_long_line_without_quotes_is_one_row_and_one_line() -> None:
    _, rows = rows_of(f"{HEAD}1,{'x' * 2_500_000}\r\n3,4\r\n")
    assert rows == [Broken(2, "The row is longer than 1,000,000 characters."), Cells(3, ("3", "4"))]


def test_a_quote_that_is_never_closed_costs_its_row_only_however_long_the_file() -> None:
    _, rows = rows_of(f'{HEAD}1,"2\r\n' + "3,4,\r\n" * 200_000)
    assert rows[0] == Broken(2, "A quoted value begins in this row and is not closed.")
    assert (len(rows), rows[1].line, rows[-1].line) == (200_001, 3, 200_002)


def test_a_line_end_that_a_part_cuts_in_two_is_one() -> None:
    _, rows = rows_of(f"{HEAD}{'x' * (LONGEST_ROW - 1)}\r\n3,4\r\n")
    assert [each.line for each in rows] == [2, 3]


def test_blank_lines_are_counted_and_nothing_else() -> None:
    _, rows = rows_of(HEAD + "\n \r\n\t\n" * 1_000 + "1,2")
    assert rows == [Cells(3_002, ("1", "2"))]


def test_our_own_export_of_a_long_message_is_taken_back() -> None:
    message = "The record could not be written:\r\n" + '- a field; =1+1, "quoted"\n' * 9_000
    coupling = Coupling(CRM, Mapping.CUSTOMER, BC, BC, CRM, error_message=message)
    text = header_line(Shape.OWN) + coupling_lines([coupling, coupling], Shape.OWN)
    assert [each.state["error_message"] for each in entries(text)] == [message, message]


# -- formulas ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+31 20", "-5", "@SUM(A1)", "\tA", "\rA", "'=1", "'", "''", "＝1", ' "=1'])
def test_no_spreadsheet_takes_text_for_a_formula(text: str) -> None:
    assert neutral(text) == f"'{text}"
    assert original(neutral(text)) == text


@pytest.mark.parametrize(
    "text", ["", "C00210", "O'Neill", "'t Hooft", "{}", "a, b; c", '{"a": "-1", "b": null}', "1-2"]
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert neutral(text) == (f"'{text}" if text.startswith("'") else text)
    assert original(text) == text


HOSTILE = st.text(st.sampled_from(""";,\t|\r\n"'=+-@ ax"""), max_size=30)


@given(st.text() | HOSTILE)
def test_what_was_neutralised_comes_back(text: str) -> None:
    assert original(neutral(text)) == text


@pytest.mark.parametrize("mark", [",", ";", "\t", "|", "\n", "\r\n"])
@pytest.mark.parametrize("formula", ["=HYPERLINK(1)", ' "=1+1', "@A1"])
def test_no_formula_begins_behind_what_a_spreadsheet_may_take_for_a_separator(mark: str, formula: str) -> None:
    assert neutral(f"a{mark}{formula}") == f"a{mark}'{formula}"
    assert joined([neutral(f"a{mark}{formula}"), "b"]).startswith('"a')


@given(st.lists(HOSTILE, min_size=1, max_size=4), st.sampled_from(",;\t|"))
def test_whatever_separates_no_cell_of_an_export_is_calculated(texts: list[str], mark: str) -> None:
    line = joined(["C1", *map(neutral, texts)])
    for row in csv.reader(StringIO(line, newline=""), delimiter=mark):
        assert not any(cell.lstrip().lstrip('"').startswith(("=", "+", "-", "@")) for cell in row)


# -- there and back ----------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
PLAIN = TEXT.map(str.strip).filter(bool)
MOMENTS = st.datetimes(datetime(1900, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - they get one
IDS = st.uuids().filter(lambda each: each.int != 0)


def written(text: str | None) -> str | None:
    """As a file knows it: blank text is none."""
    return text if text is not None and text.strip() else None


COUPLINGS = st.builds(
    Coupling,
    id=IDS,
    mapping=st.sampled_from(Mapping),
    company_id=IDS,
    bc_id=IDS,
    crm_id=IDS,
    bc_key=st.none() | PLAIN,
    crm_key=st.none() | PLAIN,
    last_synchronized_at=st.none() | MOMENTS,
    bc_modified_at=st.none() | MOMENTS,
    crm_modified_at=st.none() | MOMENTS,
    bc_etag=st.none() | PLAIN,
    crm_etag=st.none() | PLAIN,
    last_result_to_bc=st.none() | st.sampled_from(Result),
    last_result_to_crm=st.none() | st.sampled_from(Result),
    last_job_to_bc=st.none() | IDS.map(str),
    last_job_to_crm=st.none() | IDS.map(str),
    base=st.none() | st.dictionaries(TEXT, st.none() | TEXT),
    skipped=st.booleans(),
    error_code=st.none() | TEXT.map(written),
    error_message=st.none() | TEXT.map(written),
    created_at=st.none() | MOMENTS,
    created_by=st.none() | TEXT.map(written),
)


@given(st.lists(COUPLINGS, max_size=5))
def test_our_own_shape_loses_nothing(couplings: list[Coupling]) -> None:
    text = header_line(Shape.OWN) + coupling_lines(couplings, Shape.OWN)
    read = [
        Coupling(
            each.id,  # type: ignore[arg-type]  # all are there
            each.mapping,  # type: ignore[arg-type]
            each.company_id,  # type: ignore[arg-type]
            each.bc_id,  # type: ignore[arg-type]
            each.crm_id,  # type: ignore[arg-type]
            each.bc_key,
            each.crm_key,
            **each.state,
        )
        for each in entries(text)
    ]
    assert read == couplings


@given(st.lists(COUPLINGS, max_size=5))
def test_the_shape_of_table_5331_loses_nothing_that_the_table_has(couplings: list[Coupling]) -> None:
    text = header_line(Shape.TABLE_5331) + coupling_lines(couplings, Shape.TABLE_5331)
    names = ("bc_modified_at", "crm_modified_at", "last_result_to_bc", "last_result_to_crm")
    for coupling, read in zip(couplings, entries(text), strict=True):
        assert (read.bc_id, read.crm_id) == (coupling.bc_id, coupling.crm_id)
        assert {name: read.state[name] for name in (*names, "last_job_to_bc", "skipped")} == {
            name: getattr(coupling, name) for name in (*names, "last_job_to_bc", "skipped")
        }


def test_an_export_looks_like_table_5331() -> None:
    coupling = Coupling(
        CRM, Mapping.CONTACT, BC, BC, CRM, bc_modified_at=NOON, last_result_to_bc=Result.SUCCESS, last_job_to_bc=str(BC)
    )
    header, row = (header_line(Shape.TABLE_5331) + coupling_lines([coupling], Shape.TABLE_5331)).splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True)) == {
        "Table ID": "5050",
        "Integration ID": f"{{{BC}}}".upper(),
        "CRM ID": f"{{{CRM}}}".upper(),
        "Last Synch. Modified On": "2026-11-16T12:00:00Z",
        "Last Synch. CRM Modified On": "",
        "Last Synch. Result": "Success",
        "Last Synch. CRM Result": "",
        "Last Synch. Job ID": f"{{{BC}}}".upper(),
        "Last Synch. CRM Job ID": "",
        "Skipped": "No",
    }


@given(st.text(max_size=100))
def test_whatever_a_file_begins_with_it_is_read_or_refused(text: str) -> None:
    with suppress(InvalidInputError):
        rows_of(text)


@given(st.text(max_size=400))
def test_whatever_a_file_holds_every_row_is_read_or_told(text: str) -> None:
    header, rows = rows_of("CRM ID,Integration ID\n" + text)
    for row in rows:
        assert isinstance(row, Cells | Broken)
        if isinstance(row, Cells):
            with suppress(UnreadableError):
                read_row(header, row, Region())
