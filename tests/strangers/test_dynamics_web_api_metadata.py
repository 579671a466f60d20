"""dynamics-web-api reads the metadata of the Dataverse simulator, and works by logical names with its help.

Source: the package's own documentation; it was written against the real service.
"""

import pytest

from tests.strangers.node import NodeClient

pytestmark = pytest.mark.strangers

ACCOUNT = "LogicalName='account'"


def test_it_lists_the_tables(dynamics_web_api: NodeClient) -> None:
    tables = dynamics_web_api.run("metadata.entities", select=["LogicalName", "EntitySetName"])
    names = {table["LogicalName"]: table["EntitySetName"] for table in tables}
    assert names["account"] == "accounts"
    assert names["opportunity"] == "opportunities"


def test_it_reads_a_table_by_its_name_and_by_its_id(dynamics_web_api: NodeClient) -> None:
    table = dynamics_web_api.run("metadata.entity", key=ACCOUNT, select=["PrimaryIdAttribute", "PrimaryNameAttribute"])
    assert (table["PrimaryIdAttribute"], table["PrimaryNameAttribute"]) == ("accountid", "name")
    again = dynamics_web_api.run("metadata.entity", key=table["MetadataId"], select=["LogicalName"])
    assert again["LogicalName"] == "account"


def test_it_reads_the_columns_of_a_table(dynamics_web_api: NodeClient) -> None:
    columns = dynamics_web_api.run("metadata.attributes", entityKey=ACCOUNT, select=["LogicalName", "AttributeType"])
    types = {column["LogicalName"]: column["AttributeType"] for column in columns}
    assert types["name"] == "String"
    assert types["primarycontactid"] == "Lookup"
    column = dynamics_web_api.run(
        "metadata.attribute", entityKey=ACCOUNT, attributeKey="LogicalName='creditlimit'", select=["AttributeType"]
    )
    assert column["AttributeType"] == "Money"


def test_it_reads_the_options_of_choice_columns(dynamics_web_api: NodeClient) -> None:
    columns = dynamics_web_api.run(
        "metadata.attributes",
        entityKey=ACCOUNT,
        castType="Microsoft.Dynamics.CRM.PicklistAttributeMetadata",
        select=["LogicalName"],
        expand=[{"property": "OptionSet"}],
    )
    options = {column["LogicalName"]: column["OptionSet"]["Options"] for column in columns}
    labels = {
        option["Value"]: option["Label"]["UserLocalizedLabel"]["Label"] for option in options["accountcategorycode"]
    }
    assert labels == {1: "Preferred Customer", 2: "Standard"}
    assert "name" not in options


def test_it_finds_set_names_by_logical_names(dynamics_web_api: NodeClient) -> None:
    assert len(dynamics_web_api.run("metadata.rowsByEntityName")) == 2


def test_it_fetches_the_document_with_and_without_annotations(dynamics_web_api: NodeClient) -> None:
    plain = dynamics_web_api.run("metadata.csdl")
    annotated = dynamics_web_api.run("metadata.csdl", addAnnotations=True)
    assert 'Namespace="Microsoft.Dynamics.CRM"' in plain
    assert len(annotated) > len(plain)
