"""Business Central: contacts, the companies that are customers, and `contactsInformation`, which says which."""

import httpx
import pytest

from gateway.sandbox.store import Store

pytestmark = pytest.mark.anyio

CUSTOMER = "3f0c0000-0000-4000-8000-000000000210"
OTHER = "3f0c0000-0000-4000-8000-000000000211"
COMPANY = "3f0c0000-0000-4000-8000-000000000a10"
PERSON = "3f0c0000-0000-4000-8000-000000000a11"
LONE = "3f0c0000-0000-4000-8000-000000000a12"
RELATION = "3f0c0000-0000-4000-8000-000000000b10"
ZERO = "00000000-0000-0000-0000-000000000000"
FORCE = {"If-Match": "*"}
Json = dict[str, object]


@pytest.fixture(autouse=True)
def rows(bc_store: Store) -> None:
    harbour = {"id": CUSTOMER, "number": "C00210", "displayName": "Harbour Bikes BV"}
    bc_store.seed("customers", [harbour, {"id": OTHER, "number": "C00211", "displayName": "Quay Cycles"}])
    at_harbour = {"companyNumber": "CT00210", "companyName": "Harbour Bikes BV", "contactBusinessRelation": "Customer"}
    company = {"id": COMPANY, "number": "CT00210", "displayName": "Harbour Bikes BV", "searchName": "HARBOUR BIKES BV"}
    place = {"addressLine1": "Kade 14", "city": "Rotterdam", "country": "NL", "phoneNumber": "+31 10 555 0210"}
    person = {"id": PERSON, "number": "CT00210-1", "type": "Person", "displayName": "Tilda Winkler"}
    lone = {"id": LONE, "number": "CT00300", "displayName": "Nobody's", "companyNumber": "CT00300"}
    bc_store.seed("contacts", [company | at_harbour | place, person | at_harbour, lone])
    relation = {"id": RELATION, "contactNo": "CT00210", "linkToTable": "Customer", "no": "C00210"}
    bc_store.seed("$contactBusinessRelations", [relation])


async def new(bc: httpx.AsyncClient, **body: object) -> Json:
    response = await bc.post("contacts", json={"displayName": "Ann Lee"} | body)
    assert response.status_code == 201, response.text
    row: Json = response.json()
    return row


async def read(bc: httpx.AsyncClient, address: str) -> Json:
    row: Json = (await bc.get(address)).json()
    return row


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    error = response.json()["error"]
    return response.status_code, error["code"], error["message"].partition("  CorrelationId:")[0]


def named(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [row["contactNumber"] for row in response.json()["value"]]


async def test_a_person_takes_over_what_it_lacks_from_its_company(bc: httpx.AsyncClient) -> None:
    row = await new(bc, type="Person", companyNumber="ct00210", phoneNumber="+31 6 555 00001")
    assert (row["companyNumber"], row["companyName"]) == ("CT00210", "Harbour Bikes BV")
    assert row["contactBusinessRelation"] == "Customer"
    assert (row["addressLine1"], row["city"], row["country"]) == ("Kade 14", "Rotterdam", "NL")
    assert (row["phoneNumber"], row["searchName"]) == ("+31 6 555 00001", "ANN LEE")


async def test_a_person_keeps_an_address_of_its_own(bc: httpx.AsyncClient) -> None:
    row = await new(bc, type="Person", companyNumber="CT00210", city="Delft", country="DE")
    assert (row["addressLine1"], row["city"], row["country"]) == ("", "Delft", "DE")


async def test_a_company_is_its_own_company_and_related_to_nothing(bc: httpx.AsyncClient) -> None:
    row = await new(bc)
    assert (row["type"], row["number"]) == ("Company", "CT00301")
    assert (row["companyNumber"], row["companyName"]) == ("CT00301", "Ann Lee")
    assert row["contactBusinessRelation"] == "None"


async def test_a_person_may_stand_alone(bc: httpx.AsyncClient) -> None:
    row = await new(bc, type="Person")
    assert (row["companyNumber"], row["companyName"], row["contactBusinessRelation"]) == ("", "", "None")


@pytest.mark.parametrize("number", ["CT99999", "CT00210-1"])
async def test_the_company_of_a_person_must_be_a_company(bc: httpx.AsyncClient, number: str) -> None:
    body = {"displayName": "x", "type": "Person", "companyNumber": number}
    expected = (
        f"The field companyNumber contains a value ({number}) that cannot be found in the related table (Contact)."
    )
    assert refusal(await bc.post("contacts", json=body)) == (400, "Internal_InvalidTableRelation", expected)


async def test_a_company_is_at_no_company(bc: httpx.AsyncClient) -> None:
    status, code, message = refusal(await bc.post("contacts", json={"displayName": "x", "companyNumber": "CT00210"}))
    assert (status, code) == (400, "Application_DialogException")
    assert message.startswith("Type must be equal to 'Person' in Contact")
    moved = await bc.patch(f"contacts({LONE})", json={"companyNumber": "CT00210"}, headers=FORCE)
    assert refusal(moved)[:2] == (400, "Application_DialogException")


async def test_a_person_may_change_its_company(bc: httpx.AsyncClient) -> None:
    changed = await bc.patch(f"contacts({PERSON})", json={"companyNumber": "CT00300"}, headers=FORCE)
    row = changed.json()
    assert (row["companyName"], row["contactBusinessRelation"]) == ("Nobody's", "None")
    left = (await bc.patch(f"contacts({PERSON})", json={"companyNumber": ""}, headers=FORCE)).json()
    assert (left["companyNumber"], left["companyName"]) == ("", "")


async def test_persons_show_the_new_name_of_their_company(bc: httpx.AsyncClient) -> None:
    await bc.patch(f"contacts({COMPANY})", json={"displayName": "Harbour BV"}, headers=FORCE)
    company, person = await read(bc, f"contacts({COMPANY})"), await read(bc, f"contacts({PERSON})")
    assert (company["companyName"], company["searchName"]) == ("Harbour BV", "HARBOUR BV")
    assert person["companyName"] == "Harbour BV"


async def test_a_company_has_the_name_of_its_customer(bc: httpx.AsyncClient) -> None:
    await bc.patch(f"customers({CUSTOMER})", json={"displayName": "Harbour BV"}, headers=FORCE)
    assert (await read(bc, f"contacts({COMPANY})"))["displayName"] == "Harbour BV"
    assert (await read(bc, f"contacts({PERSON})"))["companyName"] == "Harbour BV"


async def test_persons_follow_a_new_number_of_their_company(bc: httpx.AsyncClient) -> None:
    await bc.patch(f"contacts({COMPANY})", json={"number": "ct9"}, headers=FORCE)
    assert [(await read(bc, f"contacts({key})"))["companyNumber"] for key in (COMPANY, PERSON)] == ["CT9", "CT9"]
    assert named(await bc.get(f"customers({CUSTOMER})/contactsInformation")) == ["CT00210-1", "CT9"]


async def test_only_a_company_without_persons_becomes_a_person(bc: httpx.AsyncClient) -> None:
    refused = await bc.patch(f"contacts({COMPANY})", json={"type": "Person"}, headers=FORCE)
    assert refusal(refused)[1] == "Application_DialogException"
    row = (await bc.patch(f"contacts({LONE})", json={"type": "Person"}, headers=FORCE)).json()
    assert (row["companyNumber"], row["companyName"]) == ("", "")
    row = (await bc.patch(f"contacts({LONE})", json={"type": "Company"}, headers=FORCE)).json()
    assert (row["companyNumber"], row["companyName"]) == ("CT00300", "Nobody's")


async def test_persons_go_with_their_company(bc: httpx.AsyncClient, bc_store: Store) -> None:
    assert (await bc.delete(f"contacts({COMPANY})")).status_code == 204
    assert [row["id"] for row in bc_store.select("contacts")] == [LONE]
    assert bc_store.count("$contactBusinessRelations") == 0


async def test_a_person_goes_alone(bc: httpx.AsyncClient, bc_store: Store) -> None:
    assert (await bc.delete(f"contacts({PERSON})")).status_code == 204
    assert {row["id"] for row in bc_store.select("contacts")} == {COMPANY, LONE}


async def test_a_new_customer_gets_a_contact(bc: httpx.AsyncClient) -> None:
    body = {"displayName": "Next", "city": "Delft", "email": "orders@next.example"}
    customer = (await bc.post("customers", json=body)).json()
    link = f"customers({customer['id']})/contactsInformation?$expand=contact"
    (found,) = (await bc.get(link)).json()["value"]
    assert (found["contactType"], found["relatedType"], found["relatedId"]) == ("Company", "Customer", customer["id"])
    contact = found["contact"]
    assert (contact["number"], contact["displayName"], contact["companyNumber"]) == ("CT00301", "Next", "CT00301")
    assert (contact["city"], contact["email"]) == ("Delft", "orders@next.example")
    assert contact["contactBusinessRelation"] == "Customer"


async def test_contacts_stay_when_their_customer_is_deleted(bc: httpx.AsyncClient) -> None:
    assert (await bc.delete(f"customers({CUSTOMER})")).status_code == 204
    assert [(await read(bc, f"contacts({key})"))["contactBusinessRelation"] for key in (COMPANY, PERSON)] == [
        "None"
    ] * 2


async def test_the_contacts_of_a_customer_are_its_company_and_the_persons_there(bc: httpx.AsyncClient) -> None:
    response = await bc.get(f"customers({CUSTOMER})/contactsInformation")
    assert response.json()["@odata.context"].endswith(f"customers({CUSTOMER})/contactsInformation")
    company, person = response.json()["value"]
    assert (company["contactId"], company["contactType"], company["contactName"]) == (
        COMPANY,
        "Company",
        "Harbour Bikes BV",
    )
    assert (person["contactId"], person["contactNumber"], person["contactType"]) == (PERSON, "CT00210-1", "Person")
    assert {(row["relatedId"], row["relatedType"]) for row in (company, person)} == {(CUSTOMER, "Customer")}
    assert named(await bc.get(f"customers({OTHER})/contactsInformation")) == []


async def test_contacts_come_with_customers(bc: httpx.AsyncClient) -> None:
    address = (
        "customers?$select=number&$expand=contactsInformation($select=contactNumber;$expand=contact($select=city))"
    )
    harbour, other = (await bc.get(address)).json()["value"]
    assert [one["contactNumber"] for one in harbour["contactsInformation"]] == ["CT00210", "CT00210-1"]
    assert harbour["contactsInformation"][0]["contact"]["city"] == "Rotterdam"
    assert other["contactsInformation"] == []


async def test_a_filter_names_the_parent_and_its_type(bc: httpx.AsyncClient) -> None:
    by_both = f"contactsInformation?$filter=relatedId eq {CUSTOMER} and relatedType eq 'Customer'"
    assert named(await bc.get(by_both)) == ["CT00210", "CT00210-1"]
    assert named(await bc.get(f"{by_both} and contactType eq 'Person'")) == ["CT00210-1"]
    assert named(await bc.get(f"contactsInformation?$filter=relatedId eq {CUSTOMER}")) == []
    assert named(await bc.get(by_both.replace("'Customer'", "'Vendor'"))) == []


@pytest.mark.parametrize(
    "address",
    [
        "contactsInformation",
        "contactsInformation/$count",
        "contactsInformation?$filter=relatedType eq 'Customer'",
        f"contactsInformation?$filter=contactId eq {COMPANY}",
        f"contactsInformation({COMPANY})",
    ],
)
async def test_without_its_parent_there_is_no_answer(bc: httpx.AsyncClient, address: str) -> None:
    expected = (400, "Application_DialogException", "id type not specified.")
    assert refusal(await bc.get(address)) == expected


@pytest.mark.parametrize("contact", [COMPANY, PERSON])
async def test_a_contact_leads_to_its_customer(bc: httpx.AsyncClient, contact: str) -> None:
    row = await read(bc, f"contacts({contact})/contactInformation")
    assert (row["relatedId"], row["relatedType"]) == (CUSTOMER, "Customer")
    assert (await read(bc, f"contacts({contact})/contactInformation/customer"))["number"] == "C00210"
    expanded = await read(bc, f"contacts({contact})?$expand=contactInformation($select=relatedId)")
    assert expanded["contactInformation"]["relatedId"] == CUSTOMER  # type: ignore[index]


async def test_a_contact_of_no_customer_leads_nowhere(bc: httpx.AsyncClient) -> None:
    assert (await bc.get(f"contacts({LONE})/contactInformation")).status_code == 204
    assert (await read(bc, f"contacts({LONE})?$expand=contactInformation"))["contactInformation"] is None


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
async def test_contacts_information_is_read_only(bc: httpx.AsyncClient, method: str) -> None:
    address = "contactsInformation" if method == "POST" else f"contactsInformation({COMPANY})"
    response = await bc.request(method, address, json={}, headers=FORCE)
    assert refusal(response)[:2] == (405, "BadRequest_MethodNotAllowed")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("currencies", {"code": "nok", "displayName": "Norwegian krone", "symbol": "kr"}),
        ("unitsOfMeasure", {"code": "kg", "displayName": "Kilogram", "internationalStandardCode": "KGM"}),
        ("salespeoplePurchasers", {"code": "nn", "displayName": "Nina Noord", "email": "nina@wheelhouse.example"}),
    ],
)
async def test_code_tables_take_new_rows(bc: httpx.AsyncClient, name: str, body: Json) -> None:
    row = (await bc.post(name, json=body)).json()
    assert {column: row[column] for column in body} == body | {"code": str(body["code"]).upper()}
    again = await bc.post(name, json={"code": body["code"]})
    assert refusal(again)[:2] == (400, "Internal_EntityWithSameKeyExists")
    changed = await bc.patch(f"{name}({row['id']})", json={"displayName": "x"}, headers=FORCE)
    assert changed.json()["displayName"] == "x"
    assert (await bc.delete(f"{name}({row['id']})")).status_code == 204
