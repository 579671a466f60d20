"""Annotations of the Dataverse simulator: only those asked for, each before its property."""

import json

import httpx
import pytest

from gateway.sandbox.dataverse.preferences import parse_preferences
from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

QUAY = "00000001-0000-4000-8000-000000000000"
IRIS = "00000003-0000-4000-8000-000000000000"
DEAL = "00000004-0000-4000-8000-000000000000"
ADA = "00000a01-0000-4000-8000-000000000000"
TEAM = "00000d01-0000-4000-8000-000000000000"
USD = "00000e02-0000-4000-8000-000000000000"

FORMATTED = "OData.Community.Display.V1.FormattedValue"
LOOKUP = "Microsoft.Dynamics.CRM.lookuplogicalname"
NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"


@pytest.fixture(autouse=True)
def rows(dataverse_store: Store) -> None:
    quay = {
        "accountid": QUAY,
        "name": "Quay Cycles",
        "creditlimit": "-20000.5",
        "creditlimit_base": "16000",
        "creditonhold": False,
        "donotbulkemail": True,
        "statecode": 0,
        "numberofemployees": 1200,
        "createdon": "2026-05-04T13:05:22Z",
        "lastusedincampaign": "2026-05-04T00:00:00Z",
        "_primarycontactid_value": IRIS,
        "_ownerid_value": TEAM,
        "_transactioncurrencyid_value": USD,
    }
    deal = {"opportunityid": DEAL, "name": "Deal", "_customerid_value": IRIS, "estimatedclosedate": "2026-12-01"}
    dataverse_store.seed("accounts", [quay])
    dataverse_store.seed("contacts", [{"contactid": IRIS, "fullname": "Iris Vos", "_parentcustomerid_value": QUAY}])
    dataverse_store.seed("opportunities", [deal])


async def read(client: httpx.AsyncClient, address: str, include: str | None) -> dict[str, object]:
    headers = {} if include is None else {"Prefer": f'odata.include-annotations="{include}"'}
    response = await client.get(address, headers=headers)
    assert response.status_code == 200, response.text
    body: dict[str, object] = response.json()
    return body


async def test_nothing_is_annotated_unless_asked(dataverse: httpx.AsyncClient) -> None:
    body = await read(dataverse, f"accounts({QUAY})", None)
    assert [name for name in body if "@" in name] == ["@odata.context", "@odata.etag"]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("creditlimit", "-$20,000.50"),
        ("creditlimit_base", "€16,000.00"),
        ("creditonhold", "No"),
        ("donotbulkemail", "Do Not Allow"),
        ("statecode", "Active"),
        ("numberofemployees", "1,200"),
        ("createdon", "5/4/2026 1:05 PM"),
        ("lastusedincampaign", "5/4/2026"),
        ("_primarycontactid_value", "Iris Vos"),
        ("_ownerid_value", "Sales North"),
        ("name", None),
        ("description", None),
    ],
)
async def test_a_formatted_value_is_what_a_person_would_see(
    dataverse: httpx.AsyncClient, column: str, text: str | None
) -> None:
    body = await read(dataverse, f"accounts({QUAY})?$select={column}", FORMATTED)
    assert body.get(f"{column}@{FORMATTED}") == text


async def test_a_date_without_time_is_formatted_as_a_date(dataverse: httpx.AsyncClient) -> None:
    body = await read(dataverse, f"opportunities({DEAL})?$select=estimatedclosedate", "*")
    assert body["estimatedclosedate"] == "2026-12-01"
    assert body[f"estimatedclosedate@{FORMATTED}"] == "12/1/2026"


@pytest.mark.parametrize(
    ("address", "column", "table", "navigation"),
    [
        (f"accounts({QUAY})", "_primarycontactid_value", "contact", "primarycontactid"),
        (f"accounts({QUAY})", "_ownerid_value", "team", "ownerid"),
        (f"opportunities({DEAL})", "_customerid_value", "contact", "customerid_contact"),
        (f"contacts({IRIS})", "_parentcustomerid_value", "account", "parentcustomerid_account"),
    ],
)
async def test_a_lookup_says_where_it_leads(
    dataverse: httpx.AsyncClient, address: str, column: str, table: str, navigation: str
) -> None:
    body = await read(dataverse, f"{address}?$select={column}", "*")
    assert (body[f"{column}@{LOOKUP}"], body[f"{column}@{NAVIGATION}"]) == (table, navigation)


async def test_annotations_precede_their_property(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.get(
        f"accounts({QUAY})?$select=name,_primarycontactid_value,statecode",
        headers={"Prefer": 'odata.include-annotations="*"'},
    )
    assert list(json.loads(response.text)) == [
        "@odata.context",
        "@odata.etag",
        "name",
        f"_primarycontactid_value@{FORMATTED}",
        f"_primarycontactid_value@{NAVIGATION}",
        f"_primarycontactid_value@{LOOKUP}",
        "_primarycontactid_value",
        f"statecode@{FORMATTED}",
        "statecode",
        "accountid",
    ]


async def test_a_list_asks_for_some_annotations_only(dataverse: httpx.AsyncClient) -> None:
    body = await read(dataverse, f"accounts({QUAY})?$select=_ownerid_value", LOOKUP)
    assert [name for name in body if name.startswith("_ownerid_value@")] == [f"_ownerid_value@{LOOKUP}"]


async def test_expanded_rows_are_annotated_too(dataverse: httpx.AsyncClient) -> None:
    body = await read(
        dataverse, f"accounts({QUAY})?$expand=contact_customer_accounts($select=_parentcustomerid_value)", "*"
    )
    children = body["contact_customer_accounts"]
    assert isinstance(children, list)
    assert children[0][f"_parentcustomerid_value@{FORMATTED}"] == "Quay Cycles"


def test_preferences_are_read_from_one_header() -> None:
    header = 'return=representation, odata.maxpagesize=9999,odata.include-annotations="a.*,-a.b",respond-async'
    preferences = parse_preferences(header)
    assert (preferences.representation, preferences.page_size) == (True, 5000)
    assert [preferences.wants(name) for name in ("a.c", "a.b", "b")] == [True, False, False]
    assert preferences.applied_to("POST") == 'return=representation,odata.include-annotations="a.*,-a.b"'


@pytest.mark.parametrize("header", ["", "odata.maxpagesize=0", "odata.maxpagesize=many", "return=minimal", ",,,"])
def test_wishes_that_make_no_sense_are_ignored(header: str) -> None:
    preferences = parse_preferences(header)
    assert (preferences.representation, preferences.page_size, preferences.applied_to("GET")) == (False, None, "")
