"""Expanded navigations of the Dataverse simulator: rows within rows, links to them, and what is refused."""

import httpx
import pytest

from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

QUAY = "00000001-0000-4000-8000-000000000000"
BIKES = "00000002-0000-4000-8000-000000000000"
IRIS = "00000003-0000-4000-8000-000000000000"
TOM = "00000004-0000-4000-8000-000000000000"
ADA = "00000a01-0000-4000-8000-000000000000"
TEAM = "00000d01-0000-4000-8000-000000000000"
ROOT = "http://crm.example/api/data/v9.2/"


@pytest.fixture(autouse=True)
def rows(dataverse_store: Store) -> None:
    dataverse_store.seed(
        "accounts",
        [
            {"accountid": QUAY, "name": "Quay Cycles", "_primarycontactid_value": IRIS, "_ownerid_value": ADA},
            {"accountid": BIKES, "name": "Harbour Bikes", "_ownerid_value": TEAM},
        ],
    )
    dataverse_store.seed(
        "contacts",
        [
            {"contactid": IRIS, "fullname": "Iris Vos", "_parentcustomerid_value": QUAY, "_createdby_value": ADA},
            {"contactid": TOM, "fullname": "Tom Baas", "_parentcustomerid_value": QUAY},
        ],
    )


async def accounts(client: httpx.AsyncClient, expand: str, *, prefer: str = "") -> list[dict[str, object]]:
    response = await client.get(f"accounts?$select=name&$expand={expand}", headers={"Prefer": prefer})
    assert response.status_code == 200, response.text
    rows: list[dict[str, object]] = response.json()["value"]
    return rows


async def refusal(client: httpx.AsyncClient, expand: str) -> tuple[int, str, str]:
    response = await client.get(f"accounts?$select=name&$expand={expand}")
    error = response.json()["error"]
    return response.status_code, error["code"], error["message"]


def names(rows: object, column: str = "fullname") -> list[object]:
    assert isinstance(rows, list)
    return [row[column] for row in rows]


async def test_a_lookup_expands_to_its_row_or_null(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    quay, bikes = await accounts(dataverse, "primarycontactid($select=fullname)")
    iris = dataverse_store.get("contacts", IRIS)
    assert iris is not None
    assert quay["primarycontactid"] == {"@odata.etag": f'W/"{iris.version}"', "fullname": "Iris Vos", "contactid": IRIS}
    assert bikes["primarycontactid"] is None


async def test_the_context_names_what_was_expanded(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.get("accounts?$select=name&$expand=primarycontactid($select=fullname)")
    assert response.json()["@odata.context"] == f"{ROOT}$metadata#accounts(name,primarycontactid(fullname))"


async def test_a_collection_expands_to_its_rows_and_a_link_to_the_same(dataverse: httpx.AsyncClient) -> None:
    expand = "contact_customer_accounts($select=fullname;$orderby=fullname desc)"
    quay, bikes = await accounts(dataverse, expand)
    assert names(quay["contact_customer_accounts"]) == ["Tom Baas", "Iris Vos"]
    assert bikes["contact_customer_accounts"] == []
    link = str(quay["contact_customer_accounts@odata.nextLink"])
    assert link == f"{ROOT}accounts({QUAY})/contact_customer_accounts?$select=fullname&$orderby=fullname desc"
    assert (await dataverse.get(link)).json()["value"] == quay["contact_customer_accounts"]


async def test_children_carry_their_own_versions(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    quay, _ = await accounts(dataverse, "contact_customer_accounts($select=fullname)")
    tom = dataverse_store.get("contacts", TOM)
    assert tom is not None
    assert f'W/"{tom.version}"' in names(quay["contact_customer_accounts"], "@odata.etag")


async def test_children_are_filtered_and_cut(dataverse: httpx.AsyncClient) -> None:
    quay, _ = await accounts(dataverse, "contact_customer_accounts($select=fullname;$filter=contains(fullname,'iris'))")
    assert names(quay["contact_customer_accounts"]) == ["Iris Vos"]
    quay, _ = await accounts(dataverse, "contact_customer_accounts($select=fullname;$orderby=fullname;$top=1)")
    assert names(quay["contact_customer_accounts"]) == ["Iris Vos"]


async def test_a_page_size_leaves_the_children_of_one_level_alone(dataverse: httpx.AsyncClient) -> None:
    quay, _ = await accounts(dataverse, "contact_customer_accounts($select=fullname)", prefer="odata.maxpagesize=2")
    assert len(names(quay["contact_customer_accounts"])) == 2
    (quay,) = await accounts(dataverse, "contact_customer_accounts($select=fullname)", prefer="odata.maxpagesize=1")
    assert len(names(quay["contact_customer_accounts"])) == 2


async def test_expansions_nest(dataverse: httpx.AsyncClient) -> None:
    expand = "contact_customer_accounts($select=fullname;$expand=createdby($select=fullname))"
    quay, _ = await accounts(dataverse, expand)
    creators = names(quay["contact_customer_accounts"], "createdby")
    assert [creator and creator["fullname"] for creator in creators if isinstance(creator, dict)] == ["Ada Vos"]
    assert "contact_customer_accounts@odata.nextLink" not in quay


async def test_nested_children_are_paged_with_a_token(dataverse: httpx.AsyncClient) -> None:
    expand = "contact_customer_accounts($select=fullname;$expand=createdby($select=fullname))"
    (quay,) = await accounts(dataverse, expand, prefer="odata.maxpagesize=1")
    assert names(quay["contact_customer_accounts"]) == ["Iris Vos"]
    link = str(quay["contact_customer_accounts@odata.nextLink"])
    assert "$skiptoken=%3Ccookie%20pagenumber=%222%22" in link
    rest = await dataverse.get(link, headers={"Prefer": "odata.maxpagesize=1"})
    assert names(rest.json()["value"]) == ["Tom Baas"]
    assert "@odata.nextLink" not in rest.json()


async def test_an_owner_expands_to_a_user_or_a_team(dataverse: httpx.AsyncClient) -> None:
    quay, bikes = await accounts(dataverse, "ownerid")
    assert isinstance(quay["ownerid"], dict)
    assert isinstance(bikes["ownerid"], dict)
    assert (quay["ownerid"]["@odata.type"], quay["ownerid"]["fullname"]) == (
        "#Microsoft.Dynamics.CRM.systemuser",
        "Ada Vos",
    )
    assert (bikes["ownerid"]["@odata.type"], bikes["ownerid"]["name"]) == (
        "#Microsoft.Dynamics.CRM.team",
        "Sales North",
    )


async def test_a_polymorphic_lookup_expands_only_on_its_own_side(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.get(
        f"contacts({IRIS})?$expand=parentcustomerid_account($select=name),parentcustomerid_contact"
    )
    body = response.json()
    assert body["parentcustomerid_account"]["name"] == "Quay Cycles"
    assert body["parentcustomerid_contact"] is None


async def test_references_alone_expand_on_lookups(dataverse: httpx.AsyncClient) -> None:
    quay, _ = await accounts(dataverse, "primarycontactid/$ref")
    assert quay["primarycontactid"] == {"@odata.id": f"{ROOT}contacts({IRIS})"}
    status, code, message = await refusal(dataverse, "contact_customer_accounts/$ref")
    assert (status, code) == (400, "0x80060888")
    assert message == "Expand with $ref is only supported on lookup type navigation property."


@pytest.mark.parametrize(
    "expand",
    [
        "primarycontactid($orderby=fullname)",
        "primarycontactid($top=1)",
        "contact_customer_accounts($top=1;$expand=createdby)",
        "contact_customer_accounts($expand=createdby),opportunity_customer_accounts($orderby=name)",
    ],
)
async def test_order_and_top_are_for_collections_of_one_level(dataverse: httpx.AsyncClient, expand: str) -> None:
    assert await refusal(dataverse, expand) == (
        400,
        "0x80060888",
        "Only $select and $filter clause can be provided while doing $expand on many-to-one relationship "
        "or nested one-to-many relationship.",
    )


async def test_fifteen_expansions_are_allowed_and_no_more(dataverse: httpx.AsyncClient) -> None:
    inner = ",".join(["createdby($select=fullname)"] * 14)
    assert len(await accounts(dataverse, f"primarycontactid($expand={inner})")) == 2
    assert (await refusal(dataverse, f"createdby,primarycontactid($expand={inner})"))[:2] == (400, "0x80060888")


@pytest.mark.parametrize(
    "expand",
    [
        "PrimaryContactId",
        "primarycontactid($skip=1)",
        "primarycontactid($select=nothing)",
        "primarycontactid($select=fullname",
    ],
)
async def test_an_expansion_that_makes_no_sense_is_refused(dataverse: httpx.AsyncClient, expand: str) -> None:
    assert (await refusal(dataverse, expand))[:2] == (400, "0x80060888")
