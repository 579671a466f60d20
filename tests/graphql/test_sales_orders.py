"""Released sales orders and orders of CRM: their headers, and what CRM locks."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from gateway.couplings.coupling import Mapping
from gateway.sandbox.store import Store
from tests.graphql.api import Api
from tests.graphql.runs import Runs

pytestmark = pytest.mark.anyio

NAME = "SALES_ORDER"
BUYER = "C00023"


class Orders(Runs):
    """With what people do to orders in both systems. No API releases an order, so that is played behind it."""

    @property
    def store(self) -> Store:
        return self.api.sandbox.business_central

    async def drafted(self, *lines: dict[str, Any], buyer: str = BUYER, **more: object) -> str:
        body = {"customerNumber": buyer, "salesOrderLines": list(lines), **more}
        id: str = (await self.api.in_business_central("POST", "salesOrders", body))["id"]
        return id

    async def changed(self, id: str, **values: object) -> None:
        """What somebody does to an order in the client: it has another moment of change afterwards."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with self.store.transaction():
            self.store.update("salesOrders", id, {**values, "lastModifiedDateTime": moment})

    async def released(self, *lines: dict[str, Any], **more: Any) -> tuple[str, str]:
        """Its id and its number."""
        id = await self.drafted(*lines, **more)
        await self.changed(id, status="Open")
        return id, (await self.in_bc(id))["number"]

    async def in_bc(self, id: str) -> Any:
        return await self.api.in_business_central("GET", f"salesOrders({id})")

    async def of_crm(self, account: str, *, submitted: bool = True, **more: object) -> str:
        """An order that somebody made in CRM, and submitted."""
        bound = {"customerid_account@odata.bind": f"/accounts({account})"}
        id = str(uuid4())
        await self.api.in_dataverse("POST", "salesorders", {"salesorderid": id, "name": "Bells", **bound, **more})
        if submitted:
            await self.api.in_dataverse("PATCH", f"salesorders({id})", {"statecode": 1, "statuscode": 3})
        return id

    async def row(self, id: str) -> Any:
        return await self.api.in_dataverse("GET", f"salesorders({id})")

    async def pair(self, *, submitted: bool = True, **more: Any) -> tuple[str, str, str]:
        """A released order, the order in CRM that it was coupled with by hand, and their coupling."""
        id, number = await self.released(**more)
        customer = await self.customer(BUYER)
        row = await self.of_crm(customer["account"]["accountId"], submitted=submitted)
        given = {"mapping": NAME, "businessCentral": {"number": number}, "dataverse": {"id": row}}
        found = await self.coupled(**given)
        return id, row, found["coupling"]["id"]

    async def run(self) -> Any:
        return await self.modified(NAME)


def told(job: Any) -> list[str]:
    """What kept records from being synchronized."""
    return [each["code"] for each in job["errors"]["nodes"]]


@pytest.fixture
async def orders(own_api: Api) -> Orders:
    found = Orders(own_api)
    await found.run()
    return found


async def test_orders_that_nobody_coupled_are_left_alone(orders: Orders) -> None:
    _, number = await orders.released()
    job = await orders.run()
    assert (job["counters"]["inserted"], job["counters"]["failed"]) == (0, 0)
    found = await orders.api.in_dataverse("GET", f"salesorders?$filter=ordernumber eq '{number}'")
    assert found["value"] == []


@pytest.mark.parametrize("submitted", [False, True])
async def test_a_coupled_order_gets_what_changed_and_keeps_its_state(orders: Orders, *, submitted: bool) -> None:
    """CRM lets nobody change a submitted order; it is submitted all the same, before and after."""
    id, row, coupling = await orders.pair(submitted=submitted)
    before = await orders.row(row)
    job = await orders.synchronized(coupling)
    assert (told(job), job["counters"]["modified"]) == ([], 1)
    await orders.changed(id, shipToCity="Nantes", requestedDeliveryDate="2026-12-24")
    job = await orders.run()
    assert (told(job), job["counters"]["modified"]) == ([], 1)
    after = await orders.row(row)
    assert (after["shipto_city"], after["requestdeliveryby"]) == ("Nantes", "2026-12-24T00:00:00Z")
    assert after["billto_name"] == (await orders.in_bc(id))["billToName"]
    for kept in ("name", "ordernumber", "statecode", "statuscode", "_customerid_value"):
        assert after[kept] == before[kept], kept
    assert (await orders.run())["counters"]["modified"] == 0


async def test_an_order_that_is_reopened_waits_until_it_is_released(orders: Orders) -> None:
    id, row, coupling = await orders.pair()
    await orders.synchronized(coupling)
    await orders.changed(id, shipToCity="Nantes", status="Draft")
    assert (await orders.run())["counters"]["modified"] == 0
    assert (await orders.row(row))["shipto_city"] != "Nantes"
    await orders.changed(id, status="Open")
    assert (await orders.run())["counters"]["modified"] == 1
    assert (await orders.row(row))["shipto_city"] == "Nantes"


async def test_a_closed_order_of_crm_is_neither_written_nor_reopened(orders: Orders) -> None:
    id, row, coupling = await orders.pair()
    await orders.synchronized(coupling)
    closing = {"OrderClose": {"salesorderid@odata.bind": f"/salesorders({row})"}, "Status": 4}
    await orders.api.in_dataverse("POST", "CancelSalesOrder", closing)
    before = await orders.row(row)
    await orders.changed(id, shipToCity="Nantes")
    job = await orders.run()
    assert (told(job), job["counters"]["modified"], job["counters"]["skipped"]) == ([], 0, 1)
    assert await orders.row(row) == before


async def test_an_order_is_coupled_while_it_is_released_and_its_partner_is_not_closed(orders: Orders) -> None:
    draft = await orders.drafted()
    account = (await orders.customer(BUYER))["account"]["accountId"]
    row = await orders.of_crm(account)
    given = {"mapping": NAME, "dataverse": {"id": row}}
    assert (await orders.refused(**given, businessCentral={"id": draft}))["code"] == "RECORD_OUTSIDE_FILTER"
    await orders.changed(draft, status="Open")
    closing = {"OrderClose": {"salesorderid@odata.bind": f"/salesorders({row})"}, "Status": 4}
    await orders.api.in_dataverse("POST", "CancelSalesOrder", closing)
    assert (await orders.refused(**given, businessCentral={"id": draft}))["code"] == "RECORD_OUTSIDE_FILTER"


async def test_another_currency_is_told_and_nothing_is_written(orders: Orders) -> None:
    """CRM takes the currency of an order when it is made, and none later."""
    id, row, coupling = await orders.pair()
    await orders.synchronized(coupling)
    dollar = await orders.api.in_business_central("GET", "currencies?$filter=code eq 'USD'")
    await orders.changed(id, currencyId=dollar["value"][0]["id"], currencyCode="USD", shipToCity="Nantes")
    job = await orders.run()
    assert told(job) == ["DIRECTION_NOT_ALLOWED"]
    assert "Currency Code" in job["errors"]["nodes"][0]["message"]
    assert (await orders.row(row))["shipto_city"] != "Nantes"


async def test_a_submitted_order_is_uncoupled_and_loses_the_mark_of_the_company(orders: Orders) -> None:
    _, row, coupling = await orders.pair()
    await orders.synchronized(coupling)
    assert (await orders.row(row))["_bcbi_companyid_value"] is not None
    await orders.uncouple(coupling)
    after = await orders.row(row)
    assert (after["_bcbi_companyid_value"], after["statecode"], after["statuscode"]) == (None, 1, 3)
    assert not [each for each in await orders.all() if each[0] is Mapping.SALES_ORDER]


async def test_an_order_goes_one_way(orders: Orders) -> None:
    account = (await orders.customer(BUYER))["account"]["accountId"]
    given = {"mapping": NAME, "businessCentral": {"create": True}, "dataverse": {"id": await orders.of_crm(account)}}
    assert (await orders.refused(**given))["code"] == "DIRECTION_NOT_ALLOWED"
