"""Metadata of the Dataverse simulator: definitions of tables, columns and keys, and the CSDL document."""

from xml.etree.ElementTree import Element, fromstring

import httpx
import pytest

from gateway.sandbox.dataverse.app import dataverse_model
from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

ROOT = "http://crm.example/api/data/v9.2/"
ACCOUNT = "EntityDefinitions(LogicalName='account')"
CAST = "Microsoft.Dynamics.CRM."
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


async def read(client: httpx.AsyncClient, address: str) -> dict[str, object]:
    response = await client.get(address)
    assert response.status_code == 200, response.text
    body: dict[str, object] = response.json()
    return body


async def listed(client: httpx.AsyncClient, address: str) -> list[dict[str, object]]:
    value = (await read(client, address))["value"]
    assert isinstance(value, list)
    return value


async def test_every_table_with_an_address_is_defined(dataverse: httpx.AsyncClient) -> None:
    rows = await listed(dataverse, "EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute")
    expected = {
        (entity_set.entity, entity_set.name, entity_set.key)
        for entity_set in dataverse_model().sets.values()
        if not entity_set.internal
    }
    assert {(row["LogicalName"], row["EntitySetName"], row["PrimaryIdAttribute"]) for row in rows} == expected
    assert all(set(row) == {"MetadataId", "LogicalName", "EntitySetName", "PrimaryIdAttribute"} for row in rows)


async def test_a_table_is_found_by_name_and_by_id(dataverse: httpx.AsyncClient) -> None:
    body = await read(dataverse, f"{ACCOUNT}?$select=LogicalName,ObjectTypeCode,ChangeTrackingEnabled")
    assert body == {
        "@odata.context": f"{ROOT}$metadata#EntityDefinitions(LogicalName,ObjectTypeCode,ChangeTrackingEnabled)/$entity",
        "MetadataId": body["MetadataId"],
        "LogicalName": "account",
        "ObjectTypeCode": 1,
        "ChangeTrackingEnabled": True,
    }
    for key in (body["MetadataId"], f"MetadataId={body['MetadataId']}"):
        assert (await read(dataverse, f"EntityDefinitions({key})"))["LogicalName"] == "account"


async def test_a_definition_names_what_callers_need(dataverse: httpx.AsyncClient) -> None:
    body = await read(dataverse, ACCOUNT)
    assert (body["SchemaName"], body["PrimaryNameAttribute"]) == ("Account", "name")
    assert (body["OwnershipType"], body["TableType"]) == ("UserOwned", "Standard")
    name = body["DisplayName"]
    assert isinstance(name, dict)
    assert name["UserLocalizedLabel"]["Label"] == "Account"
    assert name["LocalizedLabels"] == [name["UserLocalizedLabel"]]
    assert name["UserLocalizedLabel"]["LanguageCode"] == 1033
    assert "Attributes" not in body


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("LogicalName eq 'account'", ["account"]),
        ("LogicalName eq 'account' or EntitySetName eq 'contacts'", ["account", "contact"]),
        ("LogicalName eq @name&@name='team'", ["team"]),
        ("ObjectTypeCode eq 2 and ChangeTrackingEnabled eq true", ["contact"]),
        ("LogicalName eq 'businessunit' and not ChangeTrackingEnabled", ["businessunit"]),
        ("LogicalName eq 'nothing'", []),
    ],
)
async def test_definitions_are_filtered(dataverse: httpx.AsyncClient, condition: str, expected: list[str]) -> None:
    rows = await listed(dataverse, f"EntityDefinitions?$select=LogicalName&$count=true&$filter={condition}")
    assert [row["LogicalName"] for row in rows] == expected


async def test_alternate_keys_are_listed_with_the_state_of_their_index(dataverse: httpx.AsyncClient) -> None:
    rows = await listed(
        dataverse,
        "EntityDefinitions?$select=SchemaName&$filter=LogicalName eq 'account'"
        "&$expand=Keys($select=KeyAttributes,EntityKeyIndexStatus)",
    )
    key = rows[0]["Keys"]
    assert isinstance(key, list)
    assert [(item["KeyAttributes"], item["EntityKeyIndexStatus"]) for item in key] == [(["accountnumber"], "Active")]
    assert [item["LogicalName"] for item in await listed(dataverse, f"{ACCOUNT}/Keys")] == ["account_accountnumber"]
    assert await listed(dataverse, "EntityDefinitions(LogicalName='contact')/Keys") == []


async def test_columns_are_listed_with_their_types(dataverse: httpx.AsyncClient) -> None:
    rows = {row["LogicalName"]: row for row in await listed(dataverse, f"{ACCOUNT}/Attributes")}
    expected = {
        "name": "String",
        "description": "Memo",
        "accountid": "Uniqueidentifier",
        "primarycontactid": "Lookup",
        "ownerid": "Owner",
        "creditlimit": "Money",
        "creditonhold": "Boolean",
        "statecode": "State",
        "statuscode": "Status",
        "paymenttermscode": "Picklist",
        "numberofemployees": "Integer",
        "versionnumber": "BigInt",
        "exchangerate": "Decimal",
        "createdon": "DateTime",
    }
    assert {name: rows[name]["AttributeType"] for name in expected} == expected
    assert rows["name"]["@odata.type"] == "#Microsoft.Dynamics.CRM.StringAttributeMetadata"
    assert (rows["name"]["MaxLength"], rows["name"]["IsPrimaryName"]) == (160, True)
    assert rows["accountid"]["IsPrimaryId"] is True
    assert rows["ownerid"]["Targets"] == ["systemuser", "team"]
    assert rows["createdon"]["IsValidForUpdate"] is False
    assert rows["accountid"]["@odata.type"] == "#Microsoft.Dynamics.CRM.UniqueIdentifierAttributeMetadata"
    label = rows["primarycontactid"]["DisplayName"]
    assert isinstance(label, dict)
    assert label["UserLocalizedLabel"]["Label"] == "Primary Contact"


async def test_columns_are_expanded_selected_and_filtered(dataverse: httpx.AsyncClient) -> None:
    body = await read(
        dataverse,
        f"{ACCOUNT}?$select=LogicalName"
        "&$expand=Attributes($select=LogicalName;$filter=AttributeType eq Microsoft.Dynamics.CRM.AttributeTypeCode'State')",
    )
    assert body["Attributes"] == [
        {
            "@odata.type": "#Microsoft.Dynamics.CRM.StateAttributeMetadata",
            "MetadataId": body["Attributes"][0]["MetadataId"],  # type: ignore[index]
            "LogicalName": "statecode",
        }
    ]


@pytest.mark.parametrize("kind", ["Picklist", "State", "Status"])
async def test_choices_are_read_with_their_options(dataverse: httpx.AsyncClient, kind: str) -> None:
    address = f"{ACCOUNT}/Attributes/{CAST}{kind}AttributeMetadata?$select=LogicalName&$expand=OptionSet"
    rows = await listed(dataverse, address)
    assert rows
    for row in rows:
        options = row["OptionSet"]
        assert isinstance(options, dict)
        assert options["OptionSetType"] == kind
        assert {"Value", "Label"} <= set(options["Options"][0])
        assert ("State" in options["Options"][0]) is (kind == "Status")


async def test_one_choice_is_read_with_its_options(dataverse: httpx.AsyncClient) -> None:
    address = f"{ACCOUNT}/Attributes(LogicalName='paymenttermscode')/{CAST}PicklistAttributeMetadata?$expand=OptionSet"
    options = (await read(dataverse, address))["OptionSet"]
    assert isinstance(options, dict)
    labels = {option["Value"]: option["Label"]["UserLocalizedLabel"]["Label"] for option in options["Options"]}
    assert labels == {1: "Net 30", 2: "2% 10, Net 30", 3: "Net 45", 4: "Net 60"}
    address = f"{ACCOUNT}/Attributes(LogicalName='creditonhold')/{CAST}BooleanAttributeMetadata?$expand=OptionSet"
    options = (await read(dataverse, address))["OptionSet"]
    assert isinstance(options, dict)
    assert (options["TrueOption"]["Value"], options["FalseOption"]["Value"]) == (1, 0)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("EntityDefinitions(LogicalName='acount')", 404),
        ("EntityDefinitions(00000000-0000-4000-8000-000000000000)", 404),
        (f"{ACCOUNT}/Attributes(LogicalName='nothing')", 404),
        (f"{ACCOUNT}/Atributes", 404),
        (f"{ACCOUNT}/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata/OptionSet", 404),
        ("EntityDefinitions/Attributes", 404),
        ("EntityDefinitions?$select=Nothing", 400),
        ("EntityDefinitions?$filter=Nothing eq 1", 400),
        ("EntityDefinitions?$filter=contains(LogicalName,'a')", 400),
        ("EntityDefinitions?$top=1", 400),
        ("EntityDefinitions?$expand=Rows", 400),
        (f"{ACCOUNT}/Attributes?$expand=OptionSet", 400),
    ],
)
async def test_what_metadata_does_not_have_is_refused(dataverse: httpx.AsyncClient, address: str, status: int) -> None:
    assert (await dataverse.get(address)).status_code == status


async def schema_of(client: httpx.AsyncClient, address: str = "$metadata") -> Element:
    response = await client.get(address)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("application/xml")
    schema = fromstring(response.text).find(f"*/{EDM}Schema")  # noqa: S314 - our own document
    assert schema is not None
    return schema


def child(parent: Element, kind: str, name: str) -> Element:
    found = parent.find(f"{EDM}{kind}[@Name='{name}']")
    assert found is not None, name
    return found


async def test_the_document_describes_types_with_bases_and_keys(dataverse: httpx.AsyncClient) -> None:
    schema = await schema_of(dataverse)
    assert (schema.get("Namespace"), schema.get("Alias")) == ("Microsoft.Dynamics.CRM", "mscrm")
    account = child(schema, "EntityType", "account")
    assert account.get("BaseType") == "mscrm.crmbaseentity"
    assert [key.get("Name") for key in account.iterfind(f"{EDM}Key/*")] == ["accountid"]
    assert child(account, "Property", "name").attrib == {
        "Name": "name",
        "Type": "Edm.String",
        "Unicode": "false",
        "MaxLength": "160",
    }
    assert child(account, "Property", "accountid").get("Nullable") == "false"
    user = child(schema, "EntityType", "systemuser")
    assert (user.get("BaseType"), user.find(f"{EDM}Key")) == ("mscrm.principal", None)
    principal = child(schema, "EntityType", "principal")
    assert principal.get("Abstract") == "true"
    assert [key.get("Name") for key in principal.iterfind(f"{EDM}Key/*")] == ["ownerid"]


async def test_navigations_say_over_which_columns_they_lead(dataverse: httpx.AsyncClient) -> None:
    account = child(await schema_of(dataverse), "EntityType", "account")
    contact = child(account, "NavigationProperty", "primarycontactid")
    assert contact.get("Type") == "mscrm.contact"
    constraint = contact.find(f"{EDM}ReferentialConstraint")
    assert constraint is not None
    assert constraint.attrib == {"Property": "_primarycontactid_value", "ReferencedProperty": "contactid"}
    contacts = child(account, "NavigationProperty", "contact_customer_accounts")
    assert contacts.attrib == {
        "Name": "contact_customer_accounts",
        "Type": "Collection(mscrm.contact)",
        "Partner": "parentcustomerid_account",
    }
    assert child(account, "NavigationProperty", "ownerid").get("Type") == "mscrm.principal"


async def test_the_container_binds_sets_to_each_other(dataverse: httpx.AsyncClient) -> None:
    schema = await schema_of(dataverse)
    container = child(schema, "EntityContainer", "System")
    accounts = child(container, "EntitySet", "accounts")
    assert accounts.get("EntityType") == "mscrm.account"
    bindings = {item.get("Path"): item.get("Target") for item in accounts}
    assert bindings["primarycontactid"] == "contacts"
    sets = {item.get("Name") for item in container.iterfind(f"{EDM}EntitySet")}
    assert set(bindings.values()) <= sets


async def test_operations_are_declared_and_imported(dataverse: httpx.AsyncClient) -> None:
    schema = await schema_of(dataverse)
    container = child(schema, "EntityContainer", "System")
    counting = child(schema, "Function", "RetrieveTotalRecordCount")
    assert child(counting, "Parameter", "EntityNames").get("Type") == "Collection(Edm.String)"
    assert child(container, "FunctionImport", "WhoAmI").get("Function") == "mscrm.WhoAmI"
    assert child(container, "ActionImport", "WinOpportunity").get("Action") == "mscrm.WinOpportunity"
    bound = child(schema, "Action", "FulfillSalesOrder")
    assert child(bound, "Parameter", "entityset").get("Type") == "Collection(mscrm.salesorder)"


async def test_everything_the_document_names_it_declares(dataverse: httpx.AsyncClient) -> None:
    schema = await schema_of(dataverse)
    kinds = ("EntityType", "ComplexType", "EnumType", "Function", "Action")
    declared = {item.get("Name") for kind in kinds for item in schema.iterfind(f"{EDM}{kind}")}
    used = {
        value.removeprefix("Collection(").removesuffix(")").removeprefix("mscrm.")
        for element in schema.iter()
        for name, value in element.attrib.items()
        if name in ("Type", "BaseType", "EntityType", "Function", "Action") and "mscrm." in value
    }
    assert used <= declared


async def test_alternate_keys_stand_in_the_document(dataverse: httpx.AsyncClient) -> None:
    account = child(await schema_of(dataverse), "EntityType", "account")
    paths = {item.get("PropertyPath") for item in account.iter(f"{EDM}PropertyValue")} - {None}
    assert paths == {"accountnumber"}


async def test_change_tracking_is_told_on_request(dataverse: httpx.AsyncClient) -> None:
    assert (await schema_of(dataverse)).find(f"{EDM}Annotations") is None
    schema = await schema_of(dataverse, "$metadata?annotations=true")
    told = {}
    for annotations in schema.iterfind(f"{EDM}Annotations"):
        value = annotations.find(f"{EDM}Annotation/{EDM}Record/{EDM}PropertyValue[@Property='Supported']")
        assert value is not None
        told[annotations.get("Target")] = value.get("Bool")
    assert (told["mscrm.System/accounts"], told["mscrm.System/businessunits"]) == ("true", "false")


async def test_metadata_needs_no_row(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    assert dataverse_store.count("accounts") == 0
    assert (await read(dataverse, ACCOUNT))["LogicalName"] == "account"
