"""Business Central: vendors, the contacts that come with them, and what refers to them."""

import httpx
import pytest

from gateway.sandbox.store import Store

pytestmark = pytest.mark.anyio

VENDOR = "3f0c0000-0000-4000-8000-000000000301"
CUSTOMER = "3f0c0000-0000-4000-8000-000000000302"
COMPANY = "3f0c0000-0000-4000-8000-000000000c01"
PERSON = "3f0c0000-0000-4000-8000-000000000c02"
RELATION = "3f0c0000-0000-4000-8000-000000000d01"
OTHER_RELATION = "3f0c0000-0000-4000-8000-000000000d02"
FORCE = {"If-Match": "*"}


@pytest.fixture(autouse=True)
def rows(bc_store: Store) -> None:
    """A vendor and a customer with the same number, and the company that is the vendor."""
    bc_store.seed("vendors", [{"id": VENDOR, "number": "10000", "displayName": "Speichenwerk", "balance": "12.5"}])
    bc_store.seed("customers", [{"id": CUSTOMER, "number": "10000", "displayName": "Speichenwerk"}])
    at = {"companyNumber": "CT00010", "companyName": "Speichenwerk", "contactBusinessRelation": "Vendor"}
    company = {"id": COMPANY, "number": "CT00010", "displayName": "Speichenwerk", "searchName": "SPEICHENWERK"}
    person = {"id": PERSON, "number": "CT00010-1", "type": "Person", "displayName": "Tilda Winkler"}
    bc_store.seed("contacts", [company | at, person | at])
    bc_store.seed("$contactBusinessRelations", [relation(RELATION, "Vendor")])


def relation(key: str, kind: str) -> dict[str, object]:
    return {"id": key, "contactNo": "CT00010", "linkToTable": kind, "no": "10000"}


async def read(bc: httpx.AsyncClient, address: str) -> dict[str, object]:
    response = await bc.get(address)
    assert response.status_code == 200, response.text
    row: dict[str, object] = response.json()
    return row


async def test_a_vendor_has_the_properties_of_the_page_and_no_purchaser(bc: httpx.AsyncClient) -> None:
    row = await read(bc, f"vendors({VENDOR})")
    assert (row["number"], row["balance"], row["blocked"], row["currencyCode"]) == ("10000", 12.5, "_x0020_", "EUR")
    assert not {"salespersonCode", "purchaserCode", "creditLimit", "shipmentMethodId"} & row.keys()


async def test_a_new_vendor_gets_a_number_and_a_contact(bc: httpx.AsyncClient) -> None:
    body = {"displayName": "Next", "city": "Delft", "email": "sales@next.example"}
    vendor = (await bc.post("vendors", json=body)).json()
    assert vendor["number"] == "V00001"
    link = f"vendors({vendor['id']})/contactsInformation?$expand=contact"
    (found,) = (await bc.get(link)).json()["value"]
    assert (found["contactType"], found["relatedType"], found["relatedId"]) == ("Company", "Vendor", vendor["id"])
    assert (found["contact"]["displayName"], found["contact"]["city"]) == ("Next", "Delft")
    assert found["contact"]["contactBusinessRelation"] == "Vendor"


async def test_a_vendor_needs_no_name(bc: httpx.AsyncClient) -> None:
    assert (await bc.post("vendors", json={})).json()["displayName"] == ""


@pytest.mark.parametrize("blocked", ["Payment", "All"])
async def test_a_vendor_is_blocked(bc: httpx.AsyncClient, blocked: str) -> None:
    await bc.patch(f"vendors({VENDOR})", json={"blocked": blocked}, headers=FORCE)
    assert (await read(bc, f"vendors({VENDOR})"))["blocked"] == blocked
    assert (await bc.get("vendors?$filter=blocked eq ' '")).json()["value"] == []


async def test_a_currency_that_does_not_exist(bc: httpx.AsyncClient) -> None:
    response = await bc.patch(f"vendors({VENDOR})", json={"currencyId": VENDOR}, headers=FORCE)
    assert response.status_code == 400
    assert 'The "currencyId" does not match to a Currency.' in response.json()["error"]["message"]


async def test_a_contact_leads_to_its_vendor_and_back(bc: httpx.AsyncClient) -> None:
    row = await read(bc, f"contacts({PERSON})/contactInformation")
    assert (row["relatedId"], row["relatedType"]) == (VENDOR, "Vendor")
    assert (await read(bc, f"contacts({PERSON})/contactInformation/vendor"))["number"] == "10000"
    by_both = f"contactsInformation?$filter=relatedId eq {VENDOR} and relatedType eq 'Vendor'"
    both = (await bc.get(by_both)).json()["value"]
    assert [one["contactNumber"] for one in both] == ["CT00010", "CT00010-1"]


async def test_a_contact_of_both_leads_to_one_of_them(bc: httpx.AsyncClient, bc_store: Store) -> None:
    bc_store.insert("$contactBusinessRelations", relation(OTHER_RELATION, "Customer"))
    row = await read(bc, f"contacts({PERSON})?$expand=contactInformation")
    assert row["contactInformation"]["relatedType"] == "Vendor"  # type: ignore[index]
    for name, key in (("customers", CUSTOMER), ("vendors", VENDOR)):
        assert len((await bc.get(f"{name}({key})/contactsInformation")).json()["value"]) == 2


async def test_what_names_a_vendor_follows_its_number_and_nothing_else_does(
    bc: httpx.AsyncClient, bc_store: Store
) -> None:
    bc_store.insert("$contactBusinessRelations", relation(OTHER_RELATION, "Customer"))
    bc_store.insert("$purchaseLines", {"id": RELATION, "documentNo": "PO1", "buyFromVendorNo": "10000"})
    await bc.patch(f"vendors({VENDOR})", json={"number": "V1"}, headers=FORCE)
    relations = {row["linkToTable"]: row["no"] for row in bc_store.select("$contactBusinessRelations")}
    assert relations == {"Vendor": "V1", "Customer": "10000"}
    assert [row["buyFromVendorNo"] for row in bc_store.select("$purchaseLines")] == ["V1"]


async def test_a_company_has_the_name_of_its_vendor(bc: httpx.AsyncClient) -> None:
    await bc.patch(f"vendors({VENDOR})", json={"displayName": "Speichenwerk AG"}, headers=FORCE)
    assert (await read(bc, f"contacts({PERSON})"))["companyName"] == "Speichenwerk AG"


async def test_a_customer_of_the_same_number_is_another_one(bc: httpx.AsyncClient) -> None:
    await bc.patch(f"customers({CUSTOMER})", json={"displayName": "Someone else"}, headers=FORCE)
    assert (await read(bc, f"contacts({COMPANY})"))["displayName"] == "Speichenwerk"
    assert (await bc.delete(f"customers({CUSTOMER})")).status_code == 204
    assert (await read(bc, f"contacts({COMPANY})"))["contactBusinessRelation"] == "Vendor"


async def test_contacts_stay_when_their_vendor_is_deleted(bc: httpx.AsyncClient) -> None:
    assert (await bc.delete(f"vendors({VENDOR})")).status_code == 204
    assert (await read(bc, f"contacts({PERSON})"))["contactBusinessRelation"] == "None"


async def test_a_vendor_with_a_purchase_order_stays(bc: httpx.AsyncClient, bc_store: Store) -> None:
    bc_store.insert("$purchaseLines", {"id": RELATION, "documentNo": "PO1", "buyFromVendorNo": "10000"})
    response = await bc.delete(f"vendors({VENDOR})")
    assert response.status_code == 400
    assert "at least one outstanding Purchase Order for this vendor" in response.json()["error"]["message"]
