"""dynamics-web-api, a public client of the Dataverse Web API, reads from the simulator.

Source: the package's own documentation; it was written against the real service.
"""

import pytest

from gateway.sandbox.app import Sandbox
from gateway.sandbox.company.story import HARBOUR, INACTIVE_ACCOUNT, QUOTED_NUMBER
from tests.strangers.node import NodeClient

pytestmark = pytest.mark.strangers

HARBOUR_KEY = f"accountnumber='{HARBOUR}'"


def test_it_learns_who_it_is_and_which_version_it_talks_to(dynamics_web_api: NodeClient, sandbox: Sandbox) -> None:
    me = dynamics_web_api.run("reading.whoAmI")
    assert me["OrganizationId"] == sandbox.company.organization_id
    user = dynamics_web_api.run("reading.row", collection="systemusers", key=me["UserId"], select=["applicationid"])
    assert user["applicationid"]
    assert dynamics_web_api.run("reading.version")["Version"].startswith("9.2.")


def test_it_reads_a_row_with_formatted_values(dynamics_web_api: NodeClient) -> None:
    row = dynamics_web_api.run(
        "reading.row",
        collection="accounts",
        key=HARBOUR_KEY,
        select=["name", "statecode", "_ownerid_value"],
        includeAnnotations="*",
    )
    assert row["name"] == "Harbour Bikes BV"
    assert row["@odata.etag"].startswith('W/"')
    assert (row["statecode"], row["statecode_Formatted"]) == (0, "Active")
    assert (row["_ownerid_value_Formatted"], row["_ownerid_value_LogicalName"]) == ("Jonas Okafor", "systemuser")


def test_it_expands_a_lookup_and_a_collection(dynamics_web_api: NodeClient) -> None:
    row = dynamics_web_api.run(
        "reading.row",
        collection="accounts",
        key=HARBOUR_KEY,
        select=["name"],
        expand=[
            {"property": "owninguser", "select": ["fullname"]},
            {"property": "contact_customer_accounts", "select": ["fullname"], "orderBy": ["fullname"], "top": 1},
        ],
    )
    assert row["owninguser"]["fullname"] == "Jonas Okafor"
    assert len(row["contact_customer_accounts"]) == 1


def test_it_follows_a_single_valued_navigation_and_reads_its_reference(dynamics_web_api: NodeClient) -> None:
    owner = {"collection": "accounts", "key": HARBOUR_KEY}
    user = dynamics_web_api.run("reading.row", navigationProperty="owninguser", select=["fullname"], **owner)
    assert user["fullname"] == "Jonas Okafor"
    reference = dynamics_web_api.run("reading.row", select=["owninguser/$ref"], **owner)
    assert (reference["collection"], reference["id"]) == ("systemusers", user["ownerid"])


def test_it_reads_by_an_alternate_key_with_a_quote_in_it(dynamics_web_api: NodeClient) -> None:
    key = "accountnumber='{}'".format(QUOTED_NUMBER.replace("'", "''"))
    row = dynamics_web_api.run("reading.row", collection="accounts", key=key, select=["accountnumber"])
    assert row["accountnumber"] == QUOTED_NUMBER


def test_it_filters_orders_and_takes_the_first(dynamics_web_api: NodeClient) -> None:
    rows = dynamics_web_api.run(
        "reading.rows",
        collection="accounts",
        select=["accountnumber"],
        filter=f"accountnumber eq '{HARBOUR}' or accountnumber eq '{INACTIVE_ACCOUNT}'",
        orderBy=["accountnumber desc"],
        top=2,
    )
    assert [row["accountnumber"] for row in rows] == [HARBOUR, INACTIVE_ACCOUNT]


def test_it_passes_a_filter_value_as_a_parameter(dynamics_web_api: NodeClient) -> None:
    rows = dynamics_web_api.run(
        "reading.rows",
        collection="accounts",
        select=["name"],
        filter="accountnumber eq @number",
        queryParams=[f"@number='{HARBOUR}'"],
    )
    assert [row["name"] for row in rows] == ["Harbour Bikes BV"]


def test_it_counts_rows(dynamics_web_api: NodeClient) -> None:
    inactive = {"collection": "accounts", "filter": "statecode eq 1"}
    counted = dynamics_web_api.run("reading.count", **inactive)
    assert counted == 2
    assert dynamics_web_api.run("reading.countAll", select=["name"], **inactive) == counted
    assert dynamics_web_api.run("reading.count", collection="systemusers") > counted


def test_a_query_too_long_for_an_address_comes_as_a_batch(dynamics_web_api: NodeClient) -> None:
    numbers = [f"C{number:05d}" for number in range(1, 101)]
    rows = dynamics_web_api.run("reading.rowsByNumber", numbers=[*numbers, HARBOUR])
    assert HARBOUR in [row["accountnumber"] for row in rows]
    assert {row["accountnumber"] for row in rows} <= {*numbers, HARBOUR}


def test_it_aggregates(dynamics_web_api: NodeClient) -> None:
    groups = dynamics_web_api.run(
        "reading.rows",
        collection="accounts",
        apply="filter(statecode eq 1)/groupby((statecode),aggregate($count as total))",
    )
    assert [(group["statecode"], group["total"]) for group in groups] == [(1, 2)]


def test_it_calls_a_function_with_parameters(dynamics_web_api: NodeClient) -> None:
    answer = dynamics_web_api.run(
        "reading.callFunction", name="RetrieveTotalRecordCount", parameters={"EntityNames": ["account"]}
    )
    counts = answer["EntityRecordCountCollection"]
    assert counts["Keys"] == ["account"]
    assert counts["Values"][0] > 100


@pytest.mark.parametrize(
    ("wish", "status", "text"),
    [
        ({"collection": "acounts"}, 404, "Resource not found for the segment 'acounts'."),
        ({"collection": "accounts", "select": ["nope"]}, 400, "Could not find a property named 'nope'"),
        ({"collection": "accounts", "queryParams": ["$skip=2"]}, 400, "$skip"),
    ],
)
def test_it_is_told_what_was_wrong(
    dynamics_web_api: NodeClient, wish: dict[str, object], status: int, text: str
) -> None:
    error = dynamics_web_api.refused("reading.rows", **wish)
    assert (error["status"], error["code"]) == (status, "0x80060888")
    assert text in error["message"]


def test_it_pages_by_the_link_of_the_page_before(dynamics_web_api: NodeClient) -> None:
    request = {"collection": "accounts", "select": ["name"], "orderBy": ["name"], "filter": "startswith(name,'H')"}
    told = dynamics_web_api.run("paging.pages", maxPageSize=5, count=True, **request)
    assert told["counted"] == len(told["ids"]) > 10
    assert set(told["sizes"][:-1]) == {5}
    assert len(set(told["ids"])) == len(told["ids"])
    assert told["ids"] == dynamics_web_api.run("paging.pages", **request)["ids"]


def test_it_reads_everything_page_after_page(dynamics_web_api: NodeClient) -> None:
    rows = dynamics_web_api.run("paging.everything", maxPageSize=40, collection="products", select=["productnumber"])
    assert len({row["productid"] for row in rows}) == len(rows) > 80


FETCH_XML = """<fetch count="4"><entity name="account"><attribute name="name" /><order attribute="name" />
<filter><condition attribute="name" operator="like" value="H%" /></filter></entity></fetch>"""


def test_it_pages_fetch_xml_by_cookie(dynamics_web_api: NodeClient) -> None:
    pages = dynamics_web_api.run("paging.fetchPages", collection="accounts", fetchXml=FETCH_XML)
    names = [row["name"] for page in pages for row in page]
    assert {len(page) for page in pages[:-1]} == {4}
    assert len(names) > 8
    assert sorted(names, key=str.casefold) == names
    whole = dynamics_web_api.run("paging.fetchAll", collection="accounts", fetchXml=FETCH_XML)
    assert [row["name"] for row in whole] == names


def test_a_delta_link_tells_what_was_made_changed_and_deleted(dynamics_web_api: NodeClient) -> None:
    told = dynamics_web_api.run("paging.changes")
    rows = {row.get("accountid") or row["id"]: row for row in told["delta"]}
    assert rows[told["made"]]["name"] == "Delta made"
    assert rows[told["changed"]]["name"] == "Delta after"
    assert rows[told["gone"]]["reason"] == "deleted"
    assert len(rows) == 3
    assert told["nextDeltaLink"]
