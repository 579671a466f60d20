"""Relationships in the metadata of the Dataverse simulator: where a lookup leads and how it is navigated."""

import httpx
import pytest

from gateway.sandbox.dataverse.app import dataverse_model
from gateway.sandbox.dataverse.relationships import many_to_one, one_to_many
from gateway.sandbox.model import EntitySet

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

ROOT = "http://crm.example/api/data/v9.2/"
ACCOUNT = "EntityDefinitions(LogicalName='account')"
TABLES = [entity_set for entity_set in dataverse_model().sets.values() if not entity_set.internal]


async def listed(client: httpx.AsyncClient, address: str) -> list[dict[str, object]]:
    response = await client.get(address)
    assert response.status_code == 200, response.text
    value: list[dict[str, object]] = response.json()["value"]
    return value


async def test_a_lookup_says_which_navigation_leads_to_which_table(dataverse: httpx.AsyncClient) -> None:
    select = "ReferencingAttribute,ReferencingEntityNavigationPropertyName,ReferencedEntity"
    response = await dataverse.get(
        f"{ACCOUNT}/ManyToOneRelationships?$select={select}&$filter=ReferencingAttribute eq 'nav_accountstatisticsid'"
    )
    body = response.json()
    assert body == {
        "@odata.context": f"{ROOT}$metadata#EntityDefinitions('account')/ManyToOneRelationships({select})",
        "value": [
            {
                "MetadataId": body["value"][0]["MetadataId"],
                "ReferencedEntity": "nav_accountstatistics",
                "ReferencingAttribute": "nav_accountstatisticsid",
                "ReferencingEntityNavigationPropertyName": "nav_AccountStatisticsId",
            }
        ],
    }


async def test_a_relationship_names_both_ends(dataverse: httpx.AsyncClient) -> None:
    (row,) = await listed(
        dataverse, f"{ACCOUNT}/ManyToOneRelationships?$filter=ReferencingAttribute eq 'parentaccountid'"
    )
    assert {name: value for name, value in row.items() if name != "MetadataId"} == {
        "SchemaName": "account_parent_account",
        "RelationshipType": "OneToManyRelationship",
        "IsCustomRelationship": False,
        "IsManaged": True,
        "ReferencedAttribute": "accountid",
        "ReferencedEntity": "account",
        "ReferencedEntityNavigationPropertyName": "account_parent_account",
        "ReferencingAttribute": "parentaccountid",
        "ReferencingEntity": "account",
        "ReferencingEntityNavigationPropertyName": "parentaccountid",
    }


async def test_a_lookup_of_two_kinds_has_a_relationship_for_each(dataverse: httpx.AsyncClient) -> None:
    address = "EntityDefinitions(LogicalName='opportunity')/ManyToOneRelationships"
    rows = await listed(dataverse, f"{address}?$filter=ReferencingAttribute eq 'customerid'&$count=true")
    assert [(row["ReferencedEntity"], row["ReferencingEntityNavigationPropertyName"]) for row in rows] == [
        ("account", "customerid_account"),
        ("contact", "customerid_contact"),
    ]


async def test_an_owner_leads_to_the_table_that_users_and_teams_share(dataverse: httpx.AsyncClient) -> None:
    (row,) = await listed(dataverse, f"{ACCOUNT}/ManyToOneRelationships?$filter=ReferencingAttribute eq 'ownerid'")
    ends = (row["ReferencedEntity"], row["ReferencedAttribute"], row["ReferencingEntityNavigationPropertyName"])
    assert ends == ("owner", "ownerid", "ownerid")


async def test_relationships_are_found_by_id_and_by_name(dataverse: httpx.AsyncClient) -> None:
    table = (await dataverse.get(f"{ACCOUNT}?$select=LogicalName")).json()["MetadataId"]
    address = f"EntityDefinitions({table})/ManyToOneRelationships"
    (row,) = await listed(dataverse, f"{address}?$filter=ReferencingAttribute eq 'bcbi_companyid'")
    for key in (row["MetadataId"], f"MetadataId={row['MetadataId']}", f"SchemaName='{row['SchemaName']}'"):
        found = (await dataverse.get(f"{address}({key})")).json()
        assert {name: found[name] for name in row} == row
    assert (await dataverse.get(f"{address}(SchemaName='nothing')")).status_code == 404


async def test_relationships_are_expanded(dataverse: httpx.AsyncClient) -> None:
    inner = "$select=SchemaName;$filter=ReferencingEntity eq 'contact'"
    response = await dataverse.get(f"{ACCOUNT}?$select=LogicalName&$expand=OneToManyRelationships({inner})")
    found = {row["SchemaName"] for row in response.json()["OneToManyRelationships"]}
    assert "contact_customer_accounts" in found


@pytest.mark.parametrize(
    "options",
    ["$select=Nothing", "$filter=Nothing eq 1", "$filter=contains(ReferencedEntity,'a')", "$orderby=SchemaName"],
)
async def test_what_relationships_do_not_have_is_refused(dataverse: httpx.AsyncClient, options: str) -> None:
    assert (await dataverse.get(f"{ACCOUNT}/ManyToOneRelationships?{options}")).status_code == 400


@pytest.mark.parametrize("entity_set", TABLES, ids=lambda table: table.name)
def test_every_single_navigation_of_the_model_is_a_relationship(entity_set: EntitySet) -> None:
    model = dataverse_model()
    rows = many_to_one(model, entity_set)
    assert len({row["MetadataId"] for row in rows}) == len(rows)
    lookups = {
        name
        for name, navigation in entity_set.navigations.items()
        if not navigation.collection and "lookup" in entity_set.properties[navigation.source_property].extra
    }
    assert {row["ReferencingEntityNavigationPropertyName"] for row in rows} == lookups
    for row in rows:
        back = row["ReferencedEntityNavigationPropertyName"]
        target = next((table for table in TABLES if table.entity == row["ReferencedEntity"]), None)
        assert back is None or (target is not None and str(back) in target.navigations)


def test_both_ends_tell_of_the_same_relationships() -> None:
    model = dataverse_model()
    here = [
        row["SchemaName"] for table in TABLES for row in many_to_one(model, table) if row["ReferencedEntity"] != "owner"
    ]
    there = [row["SchemaName"] for table in TABLES for row in one_to_many(model, table)]
    assert sorted(map(str, here)) == sorted(map(str, there))
    assert len(set(here)) == len(here)
