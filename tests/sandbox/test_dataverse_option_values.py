"""Options of a choice column, added and labelled: nothing shows before it is published."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.sandbox.dataverse.app import dataverse_app, dataverse_model
from gateway.sandbox.dataverse.option_values import lay_published_options
from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

COLUMN = "EntityDefinitions(LogicalName='account')/Attributes(LogicalName='paymenttermscode')"
OPTIONS = (
    f"{COLUMN}/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)"
)
SHIPPED = {1: "Net 30", 2: "2% 10, Net 30", 3: "Net 45", 4: "Net 60"}


def option(label: str | None = "14 DAYS", **more: Any) -> dict[str, Any]:
    named = {"EntityLogicalName": "account", "AttributeLogicalName": "paymenttermscode"}
    return {**named, "Label": {"LocalizedLabels": [{"Label": label, "LanguageCode": 1033}]}, **more}


async def publish(dataverse: httpx.AsyncClient, table: str = "account") -> None:
    xml = f"<importexportxml><entities><entity>{table}</entity></entities></importexportxml>"
    assert (await dataverse.post("PublishXml", json={"ParameterXml": xml})).status_code == 204


async def shown(dataverse: httpx.AsyncClient) -> dict[int, str]:
    found = (await dataverse.get(OPTIONS)).json()["OptionSet"]["Options"]
    return {each["Value"]: each["Label"]["UserLocalizedLabel"]["Label"] for each in found}


async def test_an_option_shows_once_its_table_is_published(dataverse: httpx.AsyncClient) -> None:
    answer = await dataverse.post("InsertOptionValue", json=option(Value=7))
    assert (answer.status_code, answer.json()["NewOptionValue"]) == (200, 7)
    assert await shown(dataverse) == SHIPPED
    await publish(dataverse, "contact")
    assert await shown(dataverse) == SHIPPED
    await publish(dataverse)
    assert await shown(dataverse) == {**SHIPPED, 7: "14 DAYS"}


async def test_a_row_takes_a_published_option_and_is_ordered_by_its_label(dataverse: httpx.AsyncClient) -> None:
    body = {"name": "Quay Cycles", "paymenttermscode": 7}
    assert (await dataverse.post("accounts", json=body)).status_code == 400
    await dataverse.post("InsertOptionValue", json=option(Value=7))
    await publish(dataverse)
    assert (await dataverse.post("accounts", json=body)).status_code == 204
    await dataverse.post("accounts", json={"name": "Harbour", "paymenttermscode": 1})
    headers = {"Prefer": 'odata.include-annotations="*"'}
    answer = await dataverse.get("accounts?$select=paymenttermscode&$orderby=paymenttermscode", headers=headers)
    found = [each["paymenttermscode@OData.Community.Display.V1.FormattedValue"] for each in answer.json()["value"]]
    assert found == ["14 DAYS", "Net 30"]


async def test_a_label_changes(dataverse: httpx.AsyncClient) -> None:
    answer = await dataverse.post("UpdateOptionValue", json=option("Thirty days", Value=1, MergeLabels=True))
    assert answer.status_code == 204
    await publish(dataverse)
    assert (await shown(dataverse))[1] == "Thirty days"


async def test_dataverse_counts_on_when_no_number_is_chosen(dataverse: httpx.AsyncClient) -> None:
    numbers = [(await dataverse.post("InsertOptionValue", json=option())).json()["NewOptionValue"] for _ in range(2)]
    assert numbers == [100_000_000, 100_000_001]


@pytest.mark.parametrize(
    ("action", "body", "told"),
    [
        ("InsertOptionValue", option(Value=1), "exists already"),
        ("InsertOptionValue", option(Value="1"), "no number"),
        ("InsertOptionValue", option(Value=8, EntityLogicalName="nothing"), "nothing"),
        ("InsertOptionValue", option(Value=8, AttributeLogicalName="name"), "no choice"),
        ("InsertOptionValue", option(None, Value=8), "no label"),
        ("UpdateOptionValue", option(Value=77), "no option 77"),
        ("PublishXml", {"ParameterXml": "<"}, "no XML"),
    ],
)
async def test_what_is_refused_changes_nothing(
    dataverse: httpx.AsyncClient, action: str, body: dict[str, Any], told: str
) -> None:
    answer = await dataverse.post(action, json=body)
    assert answer.status_code in (400, 404)
    assert told in answer.json()["error"]["message"]
    await publish(dataverse)
    assert await shown(dataverse) == SHIPPED


async def test_what_was_published_outlives_a_restart_and_not_a_reset(tmp_path: Path) -> None:
    def choices(store: Store) -> Any:
        return store.model.sets["accounts"].properties["paymenttermscode"].options

    store = Store(dataverse_model(), tmp_path / "crm.db")
    store.keep_note("options", '{"account": {"paymenttermscode": {"7": "14 DAYS"}}}')
    store.close()
    again = Store(dataverse_model(), tmp_path / "crm.db")
    dataverse_app(again, verify=lambda _: {})
    assert choices(again)["7"] == "14 DAYS"
    again.clear()
    assert "7" not in choices(again)
    lay_published_options(again)
    assert "7" not in choices(again)
    again.close()
