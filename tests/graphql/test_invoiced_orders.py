"""An order that is gone from Business Central because it was invoiced: no deletion, but its end."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from gateway.couplings.coupling import Mapping
from tests.graphql.api import Api
from tests.graphql.test_run_kinds import Kinds
from tests.graphql.test_sales_order_lines import COUPLED, OTHER, Lines, requests
from tests.graphql.test_sales_orders import NAME, told

pytestmark = pytest.mark.anyio


class Ending(Lines):
    """With the run that finds what is gone."""

    async def reconciled(self) -> Any:
        return await Kinds(self.api).run("RECONCILE", NAME)

    async def invoice(self, id: str) -> None:
        await self.api.in_business_central("POST", f"salesOrders({id})/Microsoft.NAV.shipAndInvoice", {})

    async def asked_for(self) -> tuple[str, str, str]:
        """A released order, its number, and its coupling with the order that was made of it in CRM."""
        id, number = await self.released(await self.line(COUPLED))
        given = {"mapping": NAME, "businessCentral": {"number": number}, "dataverse": {"create": True}}
        return id, number, (await self.coupled(**given))["coupling"]["id"]

    async def couplings(self) -> list[Any]:
        return [each for each in await self.all() if each[0] is Mapping.SALES_ORDER]


@pytest.fixture
async def orders(own_api: Api) -> Ending:
    found = Ending(own_api)
    await found.run()
    await found.update(mapping=NAME, onlyCoupled=False)
    await found.run()
    return found


async def test_an_invoiced_order_is_invoiced_in_crm_and_its_coupling_ends(orders: Ending) -> None:
    id, number, row = await orders.made(await orders.line(COUPLED), await orders.line(OTHER))
    kept, _, _ = await orders.made(await orders.line(COUPLED))
    await orders.invoice(id)
    job = await orders.reconciled()
    counters = job["counters"]
    assert (told(job), counters["modified"], counters["uncoupled"], counters["unchanged"]) == ([], 1, 1, 1)
    (now,) = await orders.in_crm(number)
    assert (now["statecode"], now["statuscode"]) == (4, 100003)
    assert now["_bcbi_companyid_value"] == row["_bcbi_companyid_value"]
    assert [str(each[1]) for each in await orders.couplings()] == [kept]
    assert (await orders.reconciled())["counters"]["uncoupled"] == 0


async def test_the_plan_tells_the_end_of_an_order(orders: Ending) -> None:
    id, _, coupling = await orders.asked_for()
    await orders.invoice(id)
    (planned,) = await orders.plan(coupling)
    assert (planned["action"], planned["reason"]) == ("CLOSE", "INVOICED")


async def test_an_order_that_was_deleted_is_a_deletion(orders: Ending) -> None:
    id, number, _ = await orders.made(await orders.line(COUPLED))
    await orders.changed(id, status="Draft")
    await orders.api.in_business_central("DELETE", f"salesOrders({id})")
    assert told(await orders.reconciled()) == ["DELETION_CONFLICT"]
    (now,) = await orders.in_crm(number)
    assert now["statecode"] == 1
    await orders.update(mapping=NAME, deletionConflict="REMOVE_COUPLING")
    job = await orders.reconciled()
    assert (job["counters"]["failed"], await orders.couplings()) == (0, [])


async def test_an_order_that_is_invoiced_in_part_goes_on(orders: Ending) -> None:
    id, number, _ = await orders.made(await orders.line(COUPLED, 4))
    (line,) = await orders.lines(id)
    with orders.store.transaction():
        orders.store.update("salesOrderLines", line["id"], {"shipQuantity": Decimal(1), "invoiceQuantity": Decimal(1)})
    await orders.invoice(id)
    assert (await orders.reconciled())["counters"]["unchanged"] == 1
    job = await orders.run()
    assert (told(job), len(await orders.couplings())) == ([], 1)
    (now,) = await orders.in_crm(number)
    assert (now["statecode"], now["order_details"][0]["quantity"]) == (1, 4)
    with orders.store.transaction():
        orders.store.update("salesOrderLines", line["id"], {"shipQuantity": Decimal(3), "invoiceQuantity": Decimal(3)})
    await orders.invoice(id)
    await orders.reconciled()
    (now,) = await orders.in_crm(number)
    assert (now["statecode"], await orders.couplings()) == (4, [])


async def test_an_order_that_somebody_canceled_in_crm_stays_canceled(orders: Ending) -> None:
    id, number, row = await orders.made(await orders.line(COUPLED))
    closing = {"OrderClose": {"salesorderid@odata.bind": f"/salesorders({row['salesorderid']})"}, "Status": 4}
    await orders.api.in_dataverse("POST", "CancelSalesOrder", closing)
    await orders.invoice(id)
    job = await orders.reconciled()
    assert (told(job), job["counters"]["modified"], job["counters"]["uncoupled"]) == ([], 0, 1)
    (now,) = await orders.in_crm(number)
    assert now["statecode"] == 2


async def test_an_order_is_looked_at_again_when_somebody_changes_it_meanwhile(orders: Ending) -> None:
    id, number, row = await orders.made(await orders.line(COUPLED))
    key = row["salesorderid"]
    await orders.invoice(id)
    done: list[bool] = []

    async def changing(request: httpx.Request) -> httpx.Response:
        if b"100003" in request.content and not done:
            done.append(True)
            await orders.api.in_dataverse("PATCH", f"salesorders({key})", {"statecode": 3, "statuscode": 100001})
        return await orders.api.dataverse.inner.handle_async_request(request)

    orders.api.dataverse.instead = changing
    job = await orders.reconciled()
    orders.api.dataverse.instead = None
    assert done
    assert (told(job), job["counters"]["uncoupled"]) == ([], 1)
    (now,) = await orders.in_crm(number)
    assert now["statecode"] == 4


async def test_an_order_that_was_invoiced_ends_when_somebody_synchronizes_it(orders: Ending) -> None:
    id, number, coupling = await orders.asked_for()
    await orders.invoice(id)
    job = await orders.synchronized(coupling)
    assert (job["toDataverse"]["modified"], told(job)) == (1, [])
    (now,) = await orders.in_crm(number)
    assert (now["statecode"], await orders.couplings()) == (4, [])


async def test_requests_do_not_grow_with_the_orders_that_were_invoiced(orders: Ending) -> None:
    spent = []
    await orders.made(
        await orders.line(COUPLED)
    )  # one that stays: that none is left to be seen would be asked for twice
    for many in (2, 20):
        made = [(await orders.released(await orders.line(COUPLED)))[0] for _ in range(many)]
        await orders.run()
        for id in made:
            await orders.invoice(id)
        before = requests(orders)
        job = await orders.reconciled()
        assert (job["counters"]["modified"], job["counters"]["uncoupled"], told(job)) == (many, many, [])
        spent.append(requests(orders) - before)
    assert spent[0] == spent[1] <= 12, spent
