"""Business Central: opportunities, what of them may be written when, and whose they are."""

import httpx
import pytest

from gateway.sandbox.store import Store

pytestmark = pytest.mark.anyio

COMPANY = "3f0c0000-0000-4000-8000-000000000a10"
PERSON = "3f0c0000-0000-4000-8000-000000000a11"
OTHER = "3f0c0000-0000-4000-8000-000000000a20"
FRESH = "3f0c0000-0000-4000-8000-000000000c01"
BEGUN = "3f0c0000-0000-4000-8000-000000000c02"
WON = "3f0c0000-0000-4000-8000-000000000c03"
LOST = "3f0c0000-0000-4000-8000-000000000c04"
SELLER = "3f0c0000-0000-4000-8000-000000000d01"
FORCE = {"If-Match": "*"}
Json = dict[str, object]


@pytest.fixture(autouse=True)
def rows(bc_store: Store) -> None:
    company = {"id": COMPANY, "number": "CT00210", "displayName": "Harbour Bikes BV", "companyNumber": "CT00210"}
    person = {"id": PERSON, "number": "CT00210-1", "type": "Person", "displayName": "Tilda Winkler"}
    other = {"id": OTHER, "number": "CT00300", "displayName": "Quay Cycles", "companyNumber": "CT00300"}
    bc_store.seed("contacts", [company, person | {"companyNumber": "CT00210"}, other])
    bc_store.seed("salespeoplePurchasers", [{"id": SELLER, "code": "JO"}])
    whose = {"contactNumber": "CT00210-1", "contactName": "Tilda Winkler", "salespersonCode": "JO"}
    whose |= {"contactCompanyNumber": "CT00210", "contactCompanyName": "Harbour Bikes BV"}
    states = {FRESH: "Not_x0020_Started", BEGUN: "In_x0020_Progress", WON: "Won", LOST: "Lost"}
    bc_store.seed(
        "opportunities",
        (
            whose | {"id": key, "number": f"OP{place:06d}", "status": status}
            for place, (key, status) in enumerate(states.items(), start=1)
        ),
    )


async def change(bc: httpx.AsyncClient, key: str, **body: object) -> httpx.Response:
    return await bc.patch(f"opportunities({key})", json=body, headers=FORCE)


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    error = response.json()["error"]
    return response.status_code, error["code"], error["message"].partition("  CorrelationId:")[0]


def business_rule(message: str) -> tuple[int, str, str]:
    return 400, "Application_DialogException", message


async def test_a_description_is_enough(bc: httpx.AsyncClient) -> None:
    response = await bc.post("opportunities", json={"description": "Cargo bikes"})
    row = response.json()
    assert response.status_code == 201
    assert (row["number"], row["description"], row["status"]) == ("OP000005", "Cargo bikes", "Not_x0020_Started")
    assert (row["closed"], row["creationDate"], row["estimatedValue"]) == (False, "2026-11-16", 0)
    assert (row["systemCreatedAt"], row["estimatedClosingDate"]) == ("2026-11-16T09:30:00.12Z", "0001-01-01")
    assert (row["contactNumber"], row["contactName"], row["salespersonCode"]) == ("", "", "")
    assert "contactCompanyNumber" not in row


async def test_a_contact_brings_its_names(bc: httpx.AsyncClient) -> None:
    body = {"number": "op9", "contactNumber": "ct00210-1", "salespersonCode": "jo"}
    row = (await bc.post("opportunities", json=body)).json()
    assert (row["number"], row["contactNumber"], row["salespersonCode"]) == ("OP9", "CT00210-1", "JO")
    assert (row["contactName"], row["contactCompanyName"]) == ("Tilda Winkler", "Harbour Bikes BV")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"contactNumber": "CT9"}, "Internal_InvalidTableRelation"),
        ({"contactNumber": ""}, "Application_DialogException"),
        ({"salespersonCode": "ZZ"}, "Internal_InvalidTableRelation"),
        ({"number": "op000001"}, "Internal_EntityWithSameKeyExists"),
        ({"description": "x" * 101}, "Application_StringExceededLength"),
        ({"contactCompanyNumber": "CT00210"}, "BadRequest"),
    ],
)
async def test_a_new_one_is_refused(bc: httpx.AsyncClient, body: Json, code: str) -> None:
    assert refusal(await bc.post("opportunities", json=body))[:2] == (400, code)


@pytest.mark.parametrize(
    "body",
    [
        {"status": "Won"},
        {"closed": True},
        {"estimatedValue": 5},
        {"estimatedClosingDate": "2027-01-01"},
        {"contactName": "x"},
        {"contactCompanyName": "x"},
        {"chancesOfSuccessPrc": 50},
    ],
)
async def test_figures_and_states_are_read_only(bc: httpx.AsyncClient, body: Json) -> None:
    expected = (400, "BadRequest_InvalidOperation", f"Control '{next(iter(body))}' is read-only.")
    assert refusal(await bc.post("opportunities", json=body)) == expected
    assert refusal(await change(bc, FRESH, **body)) == expected


@pytest.mark.parametrize("key", [WON, LOST])
async def test_contact_and_salesperson_stay_when_it_is_over(bc: httpx.AsyncClient, key: str) -> None:
    """Whether they are the same or not. The quotation mark is missing in the service too."""
    contact = await change(bc, key, contactNumber="CT00210-1")
    assert refusal(contact) == business_rule(
        'The "contactNumber of a Won or Lost Opportunity cannot be changed',
    )
    seller = await change(bc, key, salespersonCode="JO")
    assert refusal(seller) == business_rule('The "salespersonCode" of a Won or Lost Opportunity cannot be changed')
    assert (await change(bc, key, description="still free")).json()["description"] == "still free"


async def test_another_company_only_before_it_begins(bc: httpx.AsyncClient) -> None:
    moved = (await change(bc, FRESH, contactNumber="CT00300")).json()
    assert (moved["contactName"], moved["contactCompanyName"]) == ("Quay Cycles", "Quay Cycles")
    refused = await change(bc, BEGUN, contactNumber="CT00300")
    assert refusal(refused) == business_rule("Contact CT00300 Quay Cycles is related to another company.")
    within = (await change(bc, BEGUN, contactNumber="CT00210")).json()
    assert within["contactName"] == "Harbour Bikes BV"


async def test_a_salesperson_is_not_taken_away(bc: httpx.AsyncClient) -> None:
    status, code, message = refusal(await change(bc, FRESH, salespersonCode=""))
    assert (status, code) == (400, "Application_DialogException")
    assert message.startswith("Salesperson Code must have a value in Opportunity: No.=OP000001.")


async def test_what_is_active_is_not_deleted(bc: httpx.AsyncClient, bc_store: Store) -> None:
    refused = await bc.delete(f"opportunities({BEGUN})")
    assert refusal(refused) == business_rule("You cannot delete this opportunity while it is active.")
    for key in (FRESH, WON, LOST):
        assert (await bc.delete(f"opportunities({key})")).status_code == 204
    assert [row["id"] for row in bc_store.select("opportunities")] == [BEGUN]


async def test_opportunities_are_found_by_their_state(bc: httpx.AsyncClient) -> None:
    asked = "status eq 'In_x0020_Progress' or status eq 'Not Started'"
    found = (await bc.get("opportunities", params={"$filter": asked, "$select": "number"})).json()["value"]
    assert [row["number"] for row in found] == ["OP000001", "OP000002"]


@pytest.mark.parametrize("key", [PERSON, COMPANY])
async def test_the_contact_of_an_open_one_is_not_deleted(bc: httpx.AsyncClient, bc_store: Store, key: str) -> None:
    refused = await bc.delete(f"contacts({key})")
    message = (
        "You cannot delete the CT00210-1 record of the Contact because one or more opportunities are in not started "
        "or progress."
    )
    assert refusal(refused) == business_rule(message)
    assert bc_store.count("contacts") == 3


async def test_a_closed_one_falls_to_the_company_of_its_person(bc: httpx.AsyncClient, bc_store: Store) -> None:
    for key in (FRESH, BEGUN):
        bc_store.delete("opportunities", key)
    assert (await bc.delete(f"contacts({PERSON})")).status_code == 204
    row = (await bc.get(f"opportunities({WON})")).json()
    assert (row["contactNumber"], row["contactName"]) == ("CT00210", "Harbour Bikes BV")
    assert (await bc.delete(f"contacts({COMPANY})")).status_code == 204
    row = (await bc.get(f"opportunities({WON})")).json()
    assert (row["contactNumber"], row["contactName"], row["contactCompanyName"]) == ("", "", "")


async def test_names_and_numbers_follow_the_contact(bc: httpx.AsyncClient) -> None:
    await bc.patch(f"contacts({PERSON})", json={"displayName": "Tilda Vos", "number": "CT7"}, headers=FORCE)
    await bc.patch(f"contacts({COMPANY})", json={"displayName": "Harbour BV"}, headers=FORCE)
    row = (await bc.get(f"opportunities({BEGUN})")).json()
    assert (row["contactNumber"], row["contactName"], row["contactCompanyName"]) == ("CT7", "Tilda Vos", "Harbour BV")


async def test_opportunities_stay_with_the_company_a_person_leaves(bc: httpx.AsyncClient) -> None:
    await bc.patch(f"contacts({PERSON})", json={"companyNumber": "CT00300"}, headers=FORCE)
    row = (await bc.get(f"opportunities({BEGUN})")).json()
    assert (row["contactNumber"], row["contactCompanyName"]) == ("CT00210", "Harbour Bikes BV")


async def test_opportunities_of_a_person_alone_go_along(bc: httpx.AsyncClient) -> None:
    person = (await bc.post("contacts", json={"displayName": "Ann Lee", "type": "Person"})).json()
    deal = (await bc.post("opportunities", json={"contactNumber": person["number"]})).json()
    assert deal["contactCompanyName"] == ""
    await bc.patch(f"contacts({person['id']})", json={"companyNumber": "CT00300"}, headers=FORCE)
    row = (await bc.get(f"opportunities({deal['id']})")).json()
    assert (row["contactName"], row["contactCompanyName"]) == ("Ann Lee", "Quay Cycles")
