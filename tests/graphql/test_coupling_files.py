"""Couplings from files and into files, through the endpoint: what is taken, what is told of what is not, and what it costs."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import event, insert

from gateway.couplings.coupling import Cause, Coupling, Event, Intent, Mapping
from gateway.couplings.intents import intent_row
from gateway.couplings.store import CouplingFilter
from gateway.couplings.table import coupling_intents
from gateway.pairing.files.exporting import coupling_lines, header_line
from gateway.pairing.files.shapes import Shape
from gateway.pairing.files.text import joined
from gateway.sandbox.company import story
from gateway.sandbox.identity.people import ADMIN, SALES, WIDGET, Person
from tests.graphql.api import Api
from tests.graphql.pairs import Pairs
from tests.graphql.test_statistics_by_company import HOME, SISTER, STRANGER, found_sister

pytestmark = pytest.mark.anyio

IMPORT = """
mutation ($input: ImportCouplingsInput!) {
  importCouplings(input: $input) {
    __typename
    ... on ImportCouplingsSuccess {
      importId dryRun unknownColumns stoppedAtLine problem { code message }
      counters { added unchanged updated refused ignored }
      rows { line outcome code message hint }
    }
    ... on UserError { code message field }
  }
}
"""
EXPORT = """
query ($mapping: Mapping, $company: UUID, $shape: CouplingFileShape! = OWN, $first: Int! = 10000, $after: String) {
  couplingsCsv(mapping: $mapping, company: $company, shape: $shape, first: $first, after: $after) {
    csv rowCount endCursor hasNextPage
  }
}
"""
NUMBERS = ["mapping", "businessCentralNumber", "dataverseNumber"]
IDS = ["mapping", "businessCentralId", "dataverseId"]
FREE = story.CRM_ONLY_ACCOUNT


@pytest.fixture
def pairs(own_api: Api) -> Pairs:
    return Pairs(own_api)


def file(header: Sequence[str], *rows: Iterable[object]) -> str:
    return joined(header) + "".join(joined("" if cell is None else str(cell) for cell in row) for row in rows)


async def ask(pairs: Pairs, csv: str, person: Person = ADMIN, **options: Any) -> Any:
    return await pairs.api.ask(IMPORT, {"input": {"csv": csv, **options}}, person=person)


async def imported(pairs: Pairs, csv: str, **options: Any) -> Any:
    answer = await ask(pairs, csv, **options)
    assert answer.errors == []
    found = answer.data["importCouplings"]
    assert found["__typename"] == "ImportCouplingsSuccess", found
    return found


async def row(pairs: Pairs, csv: str, **options: Any) -> Any:
    """What came of the only row of a file."""
    (found,) = (await imported(pairs, csv, **options))["rows"]
    return found


async def all_couplings(pairs: Pairs) -> list[Coupling]:
    return await pairs.books.couplings.page(CouplingFilter(), after=None, limit=10_000)


async def emptied(pairs: Pairs, *mappings: Mapping) -> list[Coupling]:
    """Ends all couplings of these mappings; returns what was there."""
    found = [each for each in await all_couplings(pairs) if not mappings or each.mapping in mappings]
    ended = await pairs.books.changes.remove_each(found, _doing())
    assert len(ended) == len(found)
    return found


def _doing() -> Any:
    from gateway.couplings.coupling import Doing

    return Doing("test", datetime.now(UTC), Cause.MANUAL)


def counters(**expected: int) -> dict[str, int]:
    return {"added": 0, "unchanged": 0, "updated": 0, "refused": 0, "ignored": 0} | expected


# -- there and back --------------------------------------------------------------------------------------------------------


async def test_an_export_imported_again_restores_every_coupling_and_the_next_import_changes_nothing(
    pairs: Pairs,
) -> None:
    csv = (await pairs.api.ask(EXPORT)).data["couplingsCsv"]["csv"]
    before = await emptied(pairs)
    orphan = await pairs.api.ask(f'{{ customer(by: {{number: "{story.ORPHANED}"}}) {{ systemId }} }}')
    first = await imported(pairs, csv)
    (refused,) = [each for each in first["rows"] if each["outcome"] == "REFUSED"]
    assert refused["code"] == "RECORD_NOT_FOUND"
    assert refused["message"].startswith("There is no account with the id ")
    assert refused["message"].endswith("in Dataverse.")
    after = {each.id: each for each in await all_couplings(pairs)}
    lost = [each for each in before if each.id not in after]
    assert [str(each.bc_id) for each in lost] == [orphan.data["customer"]["systemId"]]
    changed = [
        each
        for each in before
        if each.id in after and replace(after[each.id], bc_key=each.bc_key, crm_key=each.crm_key) != each
    ]
    assert changed == []
    assert first["counters"] == counters(added=len(after), refused=1)

    history = await pairs.history(Mapping.CUSTOMER, (await pairs.customer(story.HARBOUR))["systemId"])
    assert (history[0].event, history[0].cause, history[0].by) == (Event.COUPLED, Cause.IMPORTED, ADMIN.display_name)
    assert str(history[0].job) == first["importId"]

    again = await ask(pairs, csv)
    assert again.data["importCouplings"]["counters"] == counters(unchanged=len(after), refused=1)
    assert again.cost == (2, 1)  # the two sides of the orphan, which is still none that can be coupled
    assert {each.id: each for each in await all_couplings(pairs)} == after
    assert len(await pairs.history(Mapping.CUSTOMER, (await pairs.customer(story.HARBOUR))["systemId"])) == len(history)


async def test_an_export_of_table_5331_is_imported_in_a_few_requests(pairs: Pairs) -> None:
    """As a company that leaves the native integration brings it along: every table, in the form Business Central exports."""
    before = await all_couplings(pairs)
    company = UUID(HOME)
    kept = [each for each in before if each.company_id == company]
    csv = header_line(Shape.TABLE_5331) + coupling_lines(kept, Shape.TABLE_5331)
    csv += joined(["7000", f"{{{uuid4()}}}", f"{{{uuid4()}}}"])
    await emptied(pairs)
    answer = await ask(pairs, csv.replace(",", ";"))
    found = answer.data["importCouplings"]
    assert found["counters"] == counters(added=len(kept) - 1, refused=1, ignored=1)
    ignored = next(each for each in found["rows"] if each["outcome"] == "IGNORED")
    assert ignored["line"] == len(kept) + 2
    assert ignored["message"] == "Table 7000 is not coupled here, so the row is left out."
    after = {(each.mapping, each.bc_id): each for each in await all_couplings(pairs)}
    for was in kept:
        now = after.get((was.mapping, was.bc_id))
        if now is not None:
            same = ("crm_id", "bc_modified_at", "crm_modified_at", "last_result_to_bc", "last_result_to_crm", "skipped")
            assert [getattr(now, name) for name in same] == [getattr(was, name) for name in same]
            assert (now.bc_key, now.created_by) == (was.bc_key, ADMIN.display_name)
    mappings = len({each.mapping for each in kept})
    assert answer.cost[0] <= 2 * mappings + 1


# -- rows that cannot be used ----------------------------------------------------------------------------------------------


async def test_a_bad_row_is_told_with_its_line_and_stops_nothing_else(pairs: Pairs) -> None:
    customer, account = await pairs.customer(story.UNCOUPLED), await pairs.account(FREE)
    csv = file(
        [*IDS, "skipped"],
        ["CUSTOMER", "nonsense", account["accountId"]],
        ["CUSTOMER", customer["systemId"], uuid4()],
        ["CUSTOMER", uuid4(), account["accountId"]],
        ["EMPLOYEE", customer["systemId"], account["accountId"]],
        ["CUSTOMER", customer["systemId"], ""],
        ["CUSTOMER", customer["systemId"], account["accountId"], "perhaps"],
        ["", customer["systemId"], account["accountId"]],
    )
    csv += '"CUSTOMER","never closed\r\n'
    csv += joined(["CUSTOMER", customer["systemId"], account["accountId"], "no"])
    found = await imported(pairs, csv)
    assert found["counters"] == counters(added=1, refused=8)
    told = {each["line"]: (each["code"], each["message"]) for each in found["rows"] if each["outcome"] == "REFUSED"}
    assert told[2] == ("INVALID_INPUT", "businessCentralId is no GUID: 'nonsense'.")
    assert told[3][0] == "RECORD_NOT_FOUND"
    assert told[3][1].startswith("There is no account with the id ")
    assert told[4][0] == "RECORD_NOT_FOUND"
    assert told[4][1].startswith("There is no customer with the id ")
    assert told[5] == ("INVALID_INPUT", "mapping is no mapping: 'EMPLOYEE'.")
    assert told[6] == ("INVALID_INPUT", "The row names no account.")
    assert told[7] == ("INVALID_INPUT", "skipped is neither yes nor no: 'perhaps'.")
    assert told[8] == ("INVALID_INPUT", "The row does not say which tables it couples.")
    assert told[9] == ("INVALID_INPUT", "A quoted value begins in this row and is not closed.")
    assert all(each["hint"] for each in found["rows"] if each["outcome"] == "REFUSED")
    assert [each["line"] for each in found["rows"]] == list(range(2, 11))


async def test_a_record_that_has_another_partner_is_refused_by_the_partner_s_name(pairs: Pairs) -> None:
    harbour, customer = await pairs.customer(story.HARBOUR), await pairs.customer(story.UNCOUPLED)
    account = await pairs.account(FREE)
    before = await pairs.all()
    found = await imported(
        pairs,
        file(
            IDS,
            ["CUSTOMER", harbour["systemId"], account["accountId"]],
            ["CUSTOMER", customer["systemId"], harbour["account"]["accountId"]],
        ),
    )
    record, opposite = found["rows"]
    assert record["code"] == "BUSINESS_CENTRAL_RECORD_TAKEN"
    assert record["message"] == (
        "Customer C00210 (Harbour Bikes BV) cannot be coupled with account "
        f"{story.CRM_ONLY_ACCOUNT_NUMBER} ({FREE}), because it is already coupled with account C00210 (Harbour Bikes BV)."
    )
    assert record["hint"] == "Uncouple account C00210 (Harbour Bikes BV) first, or take the row out."
    assert opposite["code"] == "DATAVERSE_ROW_TAKEN"
    assert "already coupled with customer C00210 (Harbour Bikes BV)" in opposite["message"]
    assert await pairs.all() == before


async def test_a_partner_that_was_deleted_is_told_as_gone(pairs: Pairs) -> None:
    customer, account = await pairs.customer(story.ORPHANED), await pairs.account(FREE)
    found = await row(pairs, file(IDS, ["CUSTOMER", customer["systemId"], account["accountId"]]))
    assert found["outcome"] == "REFUSED"
    assert found["message"].endswith("which no longer exists.")
    assert found["hint"].startswith(f"Uncouple customer {story.ORPHANED}")


async def test_a_partner_that_cannot_be_seen_is_not_told_as_gone(pairs: Pairs) -> None:
    """Rights hide it: a list leaves it out, and CRM does not say that it was deleted."""
    harbour, account = await pairs.customer(story.HARBOUR), await pairs.account(FREE)
    hidden = harbour["account"]["accountId"]

    async def hide(request: httpx.Request) -> httpx.Response:
        found = await pairs.api.dataverse.inner.handle_async_request(request)
        if request.url.path.endswith("/accounts"):
            await found.aread()
            rows = [each for each in found.json()["value"] if each["accountid"] != hidden]
            return httpx.Response(200, json={"value": rows}, request=request)
        return found

    pairs.api.dataverse.instead = hide
    found = await row(pairs, file(IDS, ["CUSTOMER", harbour["systemId"], account["accountId"]]))
    assert found["code"] == "BUSINESS_CENTRAL_RECORD_TAKEN"
    assert found["message"].endswith(f"because it is already coupled with account {story.HARBOUR}.")


async def test_a_partner_whose_creation_ends_just_then_is_not_told_as_gone(pairs: Pairs) -> None:
    customer, account = await pairs.customer(story.ORPHANED), await pairs.account(FREE)
    coupling = await pairs.of(Mapping.CUSTOMER, customer["systemId"])
    assert coupling is not None
    intent = Intent(coupling.id, to_crm=True, created_at=datetime.now(UTC))
    engine = pairs.api.app.state.running.engine
    async with engine.begin() as connection:
        await connection.execute(insert(coupling_intents), [intent_row(intent)])

    async def ending(request: httpx.Request) -> httpx.Response:
        await pairs.books.changes.update(coupling, done=intent)
        return await pairs.api.dataverse.inner.handle_async_request(request)

    pairs.api.dataverse.instead = ending
    found = await row(pairs, file(IDS, ["CUSTOMER", customer["systemId"], account["accountId"]]))
    assert found["code"] == "BUSINESS_CENTRAL_RECORD_TAKEN"
    assert "no longer exists" not in found["message"]
    assert await pairs.books.intents.of([coupling.id]) == {}


async def test_of_two_rows_for_one_record_the_first_wins(pairs: Pairs) -> None:
    customer, other = await pairs.customer(story.UNCOUPLED), await pairs.customer(story.CASE_MATCH)
    account, second = await pairs.account(FREE), await pairs.account("Sattelfest & Co")
    found = await imported(
        pairs,
        file(
            IDS,
            ["CUSTOMER", customer["systemId"], uuid4()],  # refused, so it has nothing
            ["CUSTOMER", customer["systemId"], account["accountId"]],
            ["CUSTOMER", customer["systemId"].upper(), account["accountId"]],
            ["CUSTOMER", customer["systemId"], second["accountId"]],
            ["CUSTOMER", other["systemId"], account["accountId"]],
        ),
    )
    assert [each["outcome"] for each in found["rows"]] == ["REFUSED", "ADDED", "IGNORED", "REFUSED", "REFUSED"]
    _, _, same, of_record, of_row = found["rows"]
    assert "are in line 3 already" in same["message"]
    assert of_record["code"] == "BUSINESS_CENTRAL_RECORD_TAKEN"
    assert "already by line 3" in of_record["message"]
    assert of_row["code"] == "DATAVERSE_ROW_TAKEN"
    assert "already by line 3" in of_row["message"]


async def test_blocked_records_may_be_coupled_unless_the_filter_is_asked_for(pairs: Pairs) -> None:
    await emptied(pairs, Mapping.CUSTOMER)
    customer = await pairs.customer(story.BLOCKED)
    account = await pairs.account(customer["displayName"])
    csv = file(IDS, ["CUSTOMER", customer["systemId"], account["accountId"]])
    refused = await row(pairs, csv, check="FILTER")
    assert refused["code"] == "RECORD_BLOCKED"
    assert refused["hint"]
    assert (await row(pairs, csv))["outcome"] == "ADDED"


async def test_without_a_check_no_system_is_asked(pairs: Pairs) -> None:
    answer = await ask(pairs, file(IDS, ["CUSTOMER", uuid4(), uuid4()]), check="NONE")
    assert answer.data["importCouplings"]["counters"] == counters(added=1)
    assert answer.cost == (0, 0)


async def test_rows_may_name_records_by_their_numbers(pairs: Pairs) -> None:
    answer = await ask(
        pairs,
        file(
            NUMBERS,
            ["CUSTOMER", story.UNCOUPLED.lower(), story.CRM_ONLY_ACCOUNT_NUMBER],
            ["CUSTOMER", story.HARBOUR, story.HARBOUR],
            ["CUSTOMER", "NOBODY", story.HARBOUR],
            ["OPPORTUNITY", story.BC_ONLY_OPPORTUNITY, "Offer"],
        ),
    )
    added, unchanged, unknown, numberless = answer.data["importCouplings"]["rows"]
    assert (added["outcome"], unchanged["outcome"]) == ("ADDED", "UNCHANGED")
    assert unknown["message"] == "There is no customer with the number NOBODY in Business Central."
    assert numberless["hint"] == "Fill dataverseId: a row of that table has no number."
    customer = await pairs.customer(story.UNCOUPLED)
    assert customer["account"]["name"] == FREE
    assert answer.cost[0] <= 4


async def test_a_number_that_several_rows_have_is_refused(pairs: Pairs) -> None:
    contacts = await pairs.api.in_dataverse(
        "GET", "contacts?$select=emailaddress1&$filter=emailaddress1 ne null&$top=2"
    )
    first, second = contacts["value"]
    email = {"emailaddress1": first["emailaddress1"]}
    await pairs.api.in_dataverse("PATCH", f"contacts({second['contactid']})", email)
    people = await pairs.api.in_business_central("GET", "contacts?$top=1")
    found = await row(pairs, file(NUMBERS, ["CONTACT", people["value"][0]["number"], first["emailaddress1"]]))
    assert found["message"] == f"2 records of Dataverse (contact in CRM) have the number {first['emailaddress1']}."
    assert found["hint"] == "Name the one that is meant by its id."


# -- what is written -------------------------------------------------------------------------------------------------------


async def test_a_dry_run_tells_the_same_and_writes_nothing(pairs: Pairs) -> None:
    csv = (await pairs.api.ask(EXPORT)).data["couplingsCsv"]["csv"]
    await emptied(pairs)
    dry = await imported(pairs, csv, dryRun=True)
    assert dry["dryRun"] is True
    assert await pairs.all() == set()
    wet = await imported(pairs, csv)
    assert (dry["counters"], dry["rows"]) == (wet["counters"], wet["rows"])


async def test_the_state_of_a_pair_is_taken_from_the_file_only_when_that_is_asked_and_newer(pairs: Pairs) -> None:
    customer = await pairs.customer(story.HARBOUR)
    was = await pairs.of(Mapping.CUSTOMER, customer["systemId"])
    assert was is not None
    assert was.last_synchronized_at is not None
    later = was.last_synchronized_at + timedelta(days=1)
    newer = replace(was, bc_modified_at=later, last_synchronized_at=later, skipped=True, error_message="=told")
    csv = header_line(Shape.OWN) + coupling_lines([newer], Shape.OWN)
    assert (await row(pairs, csv))["outcome"] == "UNCHANGED"
    assert await pairs.of(Mapping.CUSTOMER, customer["systemId"]) == was
    assert (await row(pairs, csv, update=True, dryRun=True))["outcome"] == "UPDATED"
    assert await pairs.of(Mapping.CUSTOMER, customer["systemId"]) == was
    assert (await row(pairs, csv, update=True))["outcome"] == "UPDATED"
    assert await pairs.of(Mapping.CUSTOMER, customer["systemId"]) == newer
    assert (await row(pairs, csv, update=True))["outcome"] == "UNCHANGED"
    older = header_line(Shape.OWN) + coupling_lines([was], Shape.OWN)
    assert (await row(pairs, older, update=True))["outcome"] == "UNCHANGED"
    assert await pairs.of(Mapping.CUSTOMER, customer["systemId"]) == newer


async def test_an_id_that_another_coupling_has_is_replaced(pairs: Pairs) -> None:
    harbour = await pairs.of(Mapping.CUSTOMER, (await pairs.customer(story.HARBOUR))["systemId"])
    customer, account = await pairs.customer(story.UNCOUPLED), await pairs.account(FREE)
    assert harbour is not None
    header = ["couplingId", *IDS]
    csv = file(header, [harbour.id, "CUSTOMER", customer["systemId"], account["accountId"]])
    assert (await row(pairs, csv))["outcome"] == "ADDED"
    added = await pairs.of(Mapping.CUSTOMER, customer["systemId"])
    assert added is not None
    assert added.id != harbour.id


async def test_two_imports_of_one_file_at_the_same_moment_leave_every_pair_once(pairs: Pairs) -> None:
    csv = (await pairs.api.ask(EXPORT)).data["couplingsCsv"]["csv"]
    await emptied(pairs)
    both = await asyncio.gather(*(pairs.api.ask(IMPORT, {"input": {"csv": csv}}, explain=False) for _ in range(2)))
    counted: Counter[str] = Counter()
    for answer in both:
        counted.update(answer.data["importCouplings"]["counters"])
    there = len(await pairs.all())
    assert (counted["added"], counted["unchanged"]) == (there, there)


async def test_an_import_that_a_system_stops_goes_on_where_it_was(pairs: Pairs) -> None:
    """A page of several tables may stop between two of them: what is told is done, and nothing else is."""
    csv = (await pairs.api.ask(EXPORT)).data["couplingsCsv"]["csv"]
    await emptied(pairs)
    pairs.api.business_central.instead = lambda request: httpx.Response(500, json={}, request=request)
    first = file(IDS, ["ITEM", uuid4(), "nonsense"], ["CUSTOMER", uuid4(), uuid4()], ["ITEM", uuid4(), uuid4()])
    told = await imported(pairs, first)
    assert (told["stoppedAtLine"], [each["line"] for each in told["rows"]]) == (3, [2])
    pairs.api.business_central.instead = lambda request: httpx.Response(500, json={}, request=request)
    stopped = await imported(pairs, csv)
    assert stopped["stoppedAtLine"] == 2
    assert stopped["problem"]["code"] == "BACKEND_FAILED"
    assert stopped["rows"] == []
    pairs.api.business_central.instead = None
    assert (await imported(pairs, csv))["stoppedAtLine"] is None


# -- several companies -----------------------------------------------------------------------------------------------------


async def test_the_same_account_in_two_companies_is_two_couplings(pairs: Pairs) -> None:
    """The company comes from its column, or from the argument where there is no column."""
    await found_sister(pairs.api)
    sister = [each for each in await all_couplings(pairs) if str(each.company_id) == SISTER]
    csv = (await pairs.api.ask(EXPORT, {"mapping": "CUSTOMER"})).data["couplingsCsv"]["csv"]
    await emptied(pairs, Mapping.CUSTOMER)
    found = await imported(pairs, csv)
    assert found["counters"]["refused"] == 1
    after = [each for each in await all_couplings(pairs) if each.crm_id == sister[0].crm_id]
    assert {str(each.company_id) for each in after} == {HOME, SISTER}

    await pairs.books.changes.remove_each([each for each in after if str(each.company_id) == SISTER], _doing())
    bare = file(IDS, ["CUSTOMER", sister[0].bc_id, sister[0].crm_id])
    assert (await row(pairs, bare, company=SISTER))["outcome"] == "ADDED"
    assert (await row(pairs, bare))[
        "outcome"
    ] == "REFUSED"  # in the configured company that account has another customer


async def test_rows_of_another_company_or_mapping_than_the_one_asked_for_are_left_out(pairs: Pairs) -> None:
    csv = file([*IDS, "company"], ["CUSTOMER", uuid4(), uuid4(), SISTER], ["ITEM", uuid4(), uuid4(), HOME])
    found = await imported(pairs, csv, company=HOME, mapping="CUSTOMER")
    assert [each["message"] for each in found["rows"]] == [
        f"The row is of another company ({SISTER}), so it is left out.",
        "The row is of another mapping (ITEM), so it is left out.",
    ]


async def test_rows_of_a_company_that_does_not_exist_are_refused_and_stop_no_others(pairs: Pairs) -> None:
    customer, account = await pairs.customer(story.UNCOUPLED), await pairs.account(FREE)
    ids = customer["systemId"], account["accountId"]
    found = await imported(
        pairs, file([*IDS, "company"], ["CUSTOMER", *ids, STRANGER], ["CUSTOMER", *ids, HOME], ["CUSTOMER", *ids, ""])
    )
    assert [each["outcome"] for each in found["rows"]] == ["REFUSED", "ADDED", "IGNORED"]
    assert found["rows"][0]["code"] == "BACKEND_NOT_FOUND"


async def test_a_row_of_crm_tells_its_couplings_in_all_companies_with_one_question(pairs: Pairs) -> None:
    await found_sister(pairs.api)
    statements: list[str] = []
    engine = pairs.api.app.state.running.engine.sync_engine
    listener = lambda *given: statements.append(given[2])  # noqa: E731
    event.listen(engine, "before_cursor_execute", listener)
    answer = await pairs.api.ask(
        """{ accounts(first: 50) { nodes { accountNumber couplings { companyId customer { number } account { name } } } }
             products(first: 5) { nodes { couplings { companyId item { number } } } }
             systemUsers(first: 5) { nodes { couplings { companyId salesperson { code } } } } }"""
    )
    event.remove(engine, "before_cursor_execute", listener)
    assert answer.errors == []
    assert len([each for each in statements if "FROM couplings" in each]) == 3
    accounts = {each["accountNumber"]: each["couplings"] for each in answer.data["accounts"]["nodes"]}
    assert all(isinstance(each, list) for each in accounts.values())
    harbour = (
        await pairs.api.ask(
            "query ($number: String!) { account(by: {accountNumber: $number}) "
            "{ couplings { companyId customer { number } account { name } } } }",
            {"number": story.HARBOUR},
        )
    ).data["account"]["couplings"]
    assert harbour == [
        {"companyId": HOME, "customer": {"number": story.HARBOUR}, "account": {"name": "Harbour Bikes BV"}},
        {"companyId": SISTER, "customer": {"number": story.ALL_OVERDUE}, "account": {"name": "Harbour Bikes BV"}},
    ]


# -- exports ---------------------------------------------------------------------------------------------------------------


async def test_pages_of_an_export_are_the_whole_file_one_behind_the_other(pairs: Pairs) -> None:
    whole = (await pairs.api.ask(EXPORT)).data["couplingsCsv"]
    assert (whole["rowCount"], whole["hasNextPage"]) == (len(await pairs.all()), False)
    parts, after = "", None
    while True:
        page = (await pairs.api.ask(EXPORT, {"first": 100, "after": after})).data["couplingsCsv"]
        parts, after = parts + page["csv"], page["endCursor"]
        if not page["hasNextPage"]:
            break
    assert parts == whole["csv"]


async def test_an_export_may_be_of_one_mapping_and_one_company(pairs: Pairs) -> None:
    await found_sister(pairs.api)
    of_sister = (await pairs.api.ask(EXPORT, {"company": SISTER, "mapping": "CUSTOMER"})).data["couplingsCsv"]
    assert of_sister["rowCount"] == 1
    every = (await pairs.api.ask(EXPORT, {"mapping": "CUSTOMER"})).data["couplingsCsv"]["rowCount"]
    table = (await pairs.api.ask(EXPORT, {"mapping": "CUSTOMER", "shape": "TABLE_5331"})).data["couplingsCsv"]
    assert table["rowCount"] == every - 1  # that table is one company's
    assert table["csv"].startswith("Table ID,Integration ID,CRM ID,")


# -- who may, and how much -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", [SALES, WIDGET], ids=lambda each: each.name)
async def test_only_administrators_import_and_export(pairs: Pairs, person: Person) -> None:
    written = await ask(pairs, file(IDS), person)
    read = await pairs.api.ask(EXPORT, person=person)
    assert (written.codes, read.codes) == (["FORBIDDEN"], ["FORBIDDEN"])


@pytest.mark.parametrize(
    ("csv", "options", "said", "field"),
    [
        ("", {}, "no column for the record", "csv"),
        (joined(IDS) + "x\r\n" * 20_001, {}, "more than 20,000 rows. `gateway couplings import`", "csv"),
        (joined(IDS) + "x" * 5_000_000, {}, "larger than 5 MB. `gateway couplings import`", "csv"),
        (joined(IDS) + "\n" * 4_900_000, {}, "more than 200,000 lines. `gateway couplings import`", "csv"),
        (joined(IDS), {"timeZone": "Nowhere/Land"}, "Europe/Amsterdam", "timeZone"),
    ],
    ids=["empty", "rows", "bytes", "lines", "zone"],
)
async def test_a_file_that_cannot_be_taken_is_refused_as_a_whole(
    pairs: Pairs, csv: str, options: dict[str, Any], said: str, field: str
) -> None:
    answer = await ask(pairs, csv, **options)
    found = answer.data["importCouplings"]
    assert (found["__typename"], found["code"], found["field"]) == ("UserError", "INVALID_INPUT", field)
    assert said in found["message"]


async def test_columns_that_mean_nothing_are_told(pairs: Pairs) -> None:
    assert (await imported(pairs, file([*IDS, "Colour"])))["unknownColumns"] == ["Colour"]


@pytest.mark.parametrize("first", [0, 10_001])
async def test_a_page_has_bounds(pairs: Pairs, first: int) -> None:
    assert (await pairs.api.ask(EXPORT, {"first": first})).codes == ["INVALID_INPUT"]
