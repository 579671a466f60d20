"""Contacts, whose they are, and opportunities of the demo company.

Source: Business Central, "contactInformation resource type", "opportunity resource type".
"""

import httpx
import pytest

from gateway.sandbox.company import story
from tests.checklist.answers import first, refusal, row, rows

pytestmark = pytest.mark.anyio


async def test_the_contacts_of_a_customer(business_central: httpx.AsyncClient) -> None:
    harbour = await first(
        business_central, f"customers?$filter=number eq '{story.HARBOUR}'&$expand=contactsInformation"
    )
    company, *persons = harbour["contactsInformation"]
    assert (company["contactNumber"], company["contactName"]) == ("CT00210", "Harbour Bikes BV")
    assert {person["contactType"] for person in persons} == {"Person"}
    link = f"contactsInformation?$filter=relatedId eq {harbour['id']} and relatedType eq 'Customer'"
    assert rows(await business_central.get(link)) == harbour["contactsInformation"]
    assert refusal(await business_central.get("contactsInformation")) == (400, "Application_DialogException")


async def test_every_company_contact_belongs_to_the_customer_of_its_name(business_central: httpx.AsyncClient) -> None:
    address = "customers?$select=id,displayName&$expand=contactsInformation($filter=contactType eq 'Company')"
    customers = rows(await business_central.get(address))
    assert len(customers) == 200
    for customer in customers:
        (company,) = customer["contactsInformation"]
        assert (company["relatedId"], company["contactName"]) == (customer["id"], customer["displayName"])


async def test_a_person_at_a_customer(business_central: httpx.AsyncClient) -> None:
    body = {"displayName": "Nils Brandt", "type": "Person", "companyNumber": "CT00210", "email": "nils@x.example"}
    person = row(await business_central.post("contacts", json=body), status=201)
    assert (person["companyName"], person["contactBusinessRelation"]) == ("Harbour Bikes BV", "Customer")
    address, force = f"contacts({person['id']})", {"If-Match": "*"}
    changed = row(await business_central.patch(address, json={"jobTitle": "Buyer"}, headers=force))
    assert (changed["jobTitle"], changed["email"]) == ("Buyer", "nils@x.example")
    assert (await business_central.delete(address)).status_code == 204


async def test_opportunities_of_the_story(business_central: httpx.AsyncClient) -> None:
    found = {one["number"]: one for one in rows(await business_central.get("opportunities"))}
    assert len(found) == 12
    assert found[story.OFFER_NUMBER]["description"] == story.OFFER
    assert found[story.OFFER_NUMBER]["contactCompanyName"] == "Harbour Bikes BV"
    won = found[story.WON_OPPORTUNITY]
    assert (won["status"], won["closed"]) == ("Won", True)
    change = {"salespersonCode": "AB"}
    response = await business_central.patch(f"opportunities({won['id']})", json=change, headers={"If-Match": "*"})
    assert refusal(response) == (400, "Application_DialogException")


async def test_couplings_of_opportunities(business_central: httpx.AsyncClient, availability: httpx.AsyncClient) -> None:
    coupled = {one["integrationId"] for one in rows(await availability.get("couplings?$filter=tableId eq 5092"))}
    opportunities = rows(await business_central.get("opportunities?$select=id,number"))
    alone = {one["number"] for one in opportunities if one["id"] not in coupled}
    assert alone == {story.MATCHING_OPPORTUNITY, story.BC_ONLY_OPPORTUNITY}
    assert len(coupled) == 10


async def test_an_exchange_rate_for_every_currency(business_central: httpx.AsyncClient) -> None:
    currencies = {one["code"] for one in rows(await business_central.get("currencies"))}
    rates = rows(await business_central.get("currencyExchangeRates"))
    assert {one["currencyCode"] for one in rates} == currencies
    assert all(one["exchangeRateAmount"] > 0 and one["relationalExchangeRateAmount"] == 1 for one in rates)
