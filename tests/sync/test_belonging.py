"""Which account a person of Business Central belongs to, and which company one of CRM, whoever the company is to us."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from gateway.couplings.coupling import Mapping
from gateway.errors import RefusalError
from gateway.records import Backend
from gateway.sandbox.company import story
from gateway.sync.belonging import accounts_of, company_contacts
from gateway.sync.records import Found
from tests.sync.desks import Office

BC, CRM = Backend.BUSINESS_CENTRAL, Backend.DATAVERSE

pytestmark = pytest.mark.anyio


async def persons(office: Office) -> list[Found]:
    """Two of customers, two of vendors."""
    return await office.found(Mapping.CONTACT, BC, "CT00210-1", "CT00077-1", "VT00010-1", "VT00011-1")


async def partners(office: Office, found: list[Found]) -> list[Found]:
    couplings = [await office.coupling(Mapping.CONTACT, each.id) for each in found]
    return [await office.one(Mapping.CONTACT, CRM, each.crm_id) for each in couplings]


async def accounts(office: Office) -> list[UUID]:
    numbers = ((Mapping.CUSTOMER, story.HARBOUR), (Mapping.CUSTOMER, story.BILLS_IN_USD))
    vendors = ((Mapping.VENDOR, "V00010"), (Mapping.VENDOR, "V00011"))
    return [(await office.coupled(mapping, number))[1].id for mapping, number in (*numbers, *vendors)]


async def test_persons_of_customers_and_vendors_have_their_accounts_at_one_request(own_office: Office) -> None:
    found = await persons(own_office)
    desk = own_office.desk()
    belonging = await accounts_of(desk, [(each, each.id) for each in found])
    assert [belonging[each.id] for each in found] == await accounts(own_office)
    assert len(desk.asking.trace.steps) == 1


async def test_the_way_back_asks_for_customers_and_vendors_side_by_side(own_office: Office) -> None:
    with_parents = [
        replace(row, values={**row.values, "_parentcustomerid_value": str(account)})
        for row, account in zip(
            await partners(own_office, await persons(own_office)), await accounts(own_office), strict=True
        )
    ]
    desk = own_office.desk()
    companies = await company_contacts(desk, with_parents)
    assert [companies[each.id] for each in with_parents] == ["CT00210", "CT00077", "VT00010", "VT00011"]
    assert (len(desk.asking.trace.steps), desk.asking.trace.round_trips) == (2, 1)


async def both(office: Office, kind: str = "Customer", **more: object) -> Found:
    """A person whose company is a vendor and something else, which may be the customer HARBOUR."""
    (source,) = await office.found(Mapping.CONTACT, BC, "VT00010-1")
    store = office.api.sandbox.business_central
    with store.transaction():
        (relation,) = (one for one in store.select("$contactBusinessRelations") if one["no"] == story.HARBOUR)
        store.update("$contactBusinessRelations", relation["id"], {"contactNo": "VT00010", "linkToTable": kind})
        store.update("contacts", str(source.id), {"contactBusinessRelation": "Multiple"})
        for customer in store.select("customers"):
            if customer["number"] == story.HARBOUR:
                store.update("customers", customer["id"], {"displayName": "Speichenwerk Köln e.K.", **more})
    return source


async def test_a_company_that_is_both_is_looked_at_as_a_customer(own_office: Office) -> None:
    """One more request, for the customers of its name."""
    source, desk = await both(own_office), own_office.desk()
    belonging = await accounts_of(desk, [(source, source.id)])
    assert belonging == {source.id: (await own_office.coupled(Mapping.CUSTOMER, story.HARBOUR))[1].id}
    assert len(desk.asking.trace.steps) == 2


async def test_a_customer_of_the_same_name_is_not_taken_for_the_company(own_office: Office) -> None:
    """It is a vendor and a bank."""
    source = await both(own_office, "Bank_x0020_Account")
    belonging = await accounts_of(own_office.desk(), [(source, source.id)])
    assert belonging == {source.id: (await own_office.coupled(Mapping.VENDOR, story.VENDOR))[1].id}


async def test_an_account_that_is_both_leads_to_the_customer(own_office: Office) -> None:
    harbour, account = await own_office.coupled(Mapping.CUSTOMER, story.HARBOUR)
    (vendor,) = await own_office.found(Mapping.VENDOR, BC, story.UNCOUPLED_VENDOR)
    books = own_office.desk().books
    coupling = await own_office.coupling(Mapping.CUSTOMER, harbour.id)
    await books.couplings.add(
        [replace(coupling, id=uuid4(), mapping=Mapping.VENDOR, bc_id=vendor.id, bc_key=vendor.number)]
    )
    (row,) = await partners(own_office, await own_office.found(Mapping.CONTACT, BC, "CT00210-1"))
    source = replace(row, values={**row.values, "_parentcustomerid_value": str(account.id)})
    assert await company_contacts(own_office.desk(), [source]) == {source.id: "CT00210"}


async def test_a_vendor_without_a_contact_is_told_what_to_do(own_office: Office) -> None:
    _, account = await own_office.coupled(Mapping.VENDOR, story.VENDOR)
    store = own_office.api.sandbox.business_central
    with store.transaction():
        (relation,) = (one for one in store.select("$contactBusinessRelations") if one["no"] == story.VENDOR)
        store.delete("$contactBusinessRelations", relation["id"])
    (row,) = await partners(own_office, await own_office.found(Mapping.CONTACT, BC, "CT00210-1"))
    source = replace(row, values={**row.values, "_parentcustomerid_value": str(account.id)})
    found = (await company_contacts(own_office.desk(), [source]))[source.id]
    assert isinstance(found, RefusalError)
    assert "belongs to a vendor that has no contact in Business Central" in found.message
    assert found.hint == "Create contacts from vendors in Business Central: Create Contacts from Vendors."
