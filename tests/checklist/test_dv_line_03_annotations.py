"""Line 3: annotations only on request; formatted values for choices, lookups, money, dates and yes-or-no columns; an
annotation stands before its property."""

import httpx
import pytest

pytestmark = pytest.mark.anyio

FORMATTED = "OData.Community.Display.V1.FormattedValue"
EVERYTHING = {"Prefer": 'odata.include-annotations="*"'}
KEY = "00000009-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
async def rows(dataverse: httpx.AsyncClient) -> None:
    contact = {"firstname": "Iris", "lastname": "Vos", "birthdate": "1990-05-04"}
    body = {"name": "Harbour", "creditlimit": 20000, "paymenttermscode": 1, "creditonhold": True}
    response = await dataverse.post("accounts", json={"accountid": KEY, **body, "primarycontactid": contact})
    assert response.status_code == 204, response.text


async def read(client: httpx.AsyncClient, columns: str, **headers: str) -> dict[str, object]:
    response = await client.get(f"accounts({KEY})?$select={columns}", headers=headers)
    assert response.status_code == 200
    body: dict[str, object] = response.json()
    return body


async def test_nothing_is_annotated_unless_asked(dataverse: httpx.AsyncClient) -> None:
    body = await read(dataverse, "paymenttermscode,creditlimit,_primarycontactid_value,creditonhold,createdon")
    assert [name for name in body if "@" in name] == ["@odata.context", "@odata.etag"]


@pytest.mark.parametrize(
    ("column", "formatted"),
    [
        ("paymenttermscode", "Net 30"),
        ("statecode", "Active"),
        ("_primarycontactid_value", "Iris Vos"),
        ("creditlimit", "€20,000.00"),
        ("creditonhold", "Yes"),
    ],
)
async def test_values_are_formatted(dataverse: httpx.AsyncClient, column: str, formatted: str) -> None:
    response = await dataverse.get(f"accounts({KEY})?$select={column}", headers=EVERYTHING)
    assert response.headers["Preference-Applied"] == 'odata.include-annotations="*"'
    assert response.json()[f"{column}@{FORMATTED}"] == formatted


async def test_dates_are_formatted_with_and_without_time(dataverse: httpx.AsyncClient) -> None:
    await dataverse.patch(f"accounts({KEY})", json={"lastonholdtime": "2026-05-04T07:41:22Z"})
    body = await read(dataverse, "lastonholdtime", **EVERYTHING)
    assert body["lastonholdtime"] == "2026-05-04T07:41:22Z"
    assert body[f"lastonholdtime@{FORMATTED}"] == "5/4/2026 7:41 AM"
    contact = (await dataverse.get(f"accounts({KEY})/primarycontactid?$select=birthdate", headers=EVERYTHING)).json()
    assert (contact["birthdate"], contact[f"birthdate@{FORMATTED}"]) == ("1990-05-04", "5/4/1990")


async def test_an_annotation_stands_before_its_property(dataverse: httpx.AsyncClient) -> None:
    body = await read(dataverse, "creditlimit,statecode,_primarycontactid_value,createdon,creditonhold", **EVERYTHING)
    names = list(body)
    annotated = [name for name in names if "@" in name and not name.startswith("@")]
    assert len(annotated) > 5
    for name in annotated:
        column = name.partition("@")[0]
        assert names.index(name) < names.index(column)
        between = names[names.index(name) : names.index(column)]
        assert all(other.startswith(f"{column}@") for other in between)


async def test_a_lookup_tells_its_table_and_its_navigation(dataverse: httpx.AsyncClient) -> None:
    body = await read(dataverse, "_primarycontactid_value", **EVERYTHING)
    column = "_primarycontactid_value@Microsoft.Dynamics.CRM"
    assert body[f"{column}.lookuplogicalname"] == "contact"
    assert body[f"{column}.associatednavigationproperty"] == "primarycontactid"


async def test_one_kind_alone_can_be_asked_for(dataverse: httpx.AsyncClient) -> None:
    prefer = f'odata.include-annotations="{FORMATTED}"'
    body = await read(dataverse, "_primarycontactid_value,statecode", Prefer=prefer)
    assert {name.partition("@")[2] for name in body if "@" in name and not name.startswith("@")} == {FORMATTED}


async def test_null_and_text_have_no_formatted_value(dataverse: httpx.AsyncClient) -> None:
    body = await read(dataverse, "name,industrycode", **EVERYTHING)
    assert body["industrycode"] is None
    assert not [name for name in body if name.startswith(("name@", "industrycode@"))]


async def test_the_number_of_rows_is_annotated(dataverse: httpx.AsyncClient) -> None:
    body = (await dataverse.get("accounts?$select=name", headers=EVERYTHING)).json()
    assert body["@Microsoft.Dynamics.CRM.totalrecordcount"] == -1
    assert body["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] is False
    body = (await dataverse.get("accounts?$select=name&$count=true", headers=EVERYTHING)).json()
    assert body["@Microsoft.Dynamics.CRM.totalrecordcount"] == body["@odata.count"] == len(body["value"])


async def test_values_themselves_keep_their_form(dataverse: httpx.AsyncClient) -> None:
    response = await dataverse.get(f"accounts({KEY})?$select=creditlimit,paymenttermscode,creditonhold")
    assert '"creditlimit":20000.0000,' in response.text
    body = response.json()
    assert (body["paymenttermscode"], body["creditonhold"]) == (1, True)
    assert {"accountid", "_transactioncurrencyid_value"} <= set(body)
