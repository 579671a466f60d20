"""Released sales orders become orders of CRM, with their lines or not at all, and their lines follow."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.graphql.api import Api
from tests.graphql.test_inserts import codes
from tests.graphql.test_sales_orders import BUYER, NAME, Orders, told

pytestmark = pytest.mark.anyio

COUPLED, OTHER = "1003", "1004"
LINES = "$expand=order_details($orderby=lineitemnumber)"


class Lines(Orders):
    """With what becomes of their lines."""

    async def line(self, number: str, quantity: int = 2, price: str = "12.50", **more: object) -> dict[str, Any]:
        item = (await self.api.in_business_central("GET", f"items?$filter=number eq '{number}'"))["value"][0]
        return {"itemId": item["id"], "quantity": quantity, "unitPrice": Decimal(price), **more}

    async def in_crm(self, number: str) -> list[Any]:
        found = await self.api.in_dataverse("GET", f"salesorders?$filter=ordernumber eq '{number}'&{LINES}")
        rows: list[Any] = found["value"]
        return rows

    async def lines(self, id: str) -> list[Any]:
        found = await self.api.in_business_central("GET", f"salesOrders({id})/salesOrderLines")
        lines: list[Any] = found["value"]
        return lines

    async def revised(self, id: str, *changes: tuple[str, str, Any]) -> None:
        """Reopened, changed and released again: each change a method, a path and a body."""
        await self.changed(id, status="Draft")
        for change in changes:
            await self.api.in_business_central(*change)
        await self.changed(id, status="Open")

    async def made(self, *lines: dict[str, Any], **more: Any) -> tuple[str, str, Any]:
        """A released order, its number, and the order that was made of it in CRM."""
        id, number = await self.released(*lines, **more)
        job = await self.run()
        assert (codes(job), job["counters"]["inserted"]) == ({}, 1)
        (row,) = await self.in_crm(number)
        return id, number, row


@pytest.fixture
async def orders(own_api: Api) -> Lines:
    """From here on released orders become orders of CRM; those of before are left alone."""
    found = Lines(own_api)
    await found.run()
    await found.update(mapping=NAME, onlyCoupled=False)
    await found.run()
    return found


async def test_a_released_order_is_in_crm_with_its_lines_and_totals(orders: Lines) -> None:
    lines = [
        await orders.line(COUPLED, 3, "19.99"),
        await orders.line(OTHER, 2, "40", discountPercent=25),
        {"lineType": "Account", "lineObjectNumber": "8000", "description": "Freight", "quantity": 1, "unitPrice": 25},
    ]
    id = await orders.drafted(*lines, discountAmount=10, requestedDeliveryDate="2026-12-24")
    assert (await orders.run())["counters"]["inserted"] == 0, "a draft may still change"
    await orders.changed(id, status="Open")
    job = await orders.run()
    assert (job["counters"]["inserted"], job["counters"]["coupled"], told(job)) == (1, 1, [])
    ours = await orders.in_bc(id)
    (row,) = await orders.in_crm(ours["number"])
    for theirs, name in (
        ("totalamountlessfreight", "totalAmountExcludingTax"),
        ("totaltax", "totalTaxAmount"),
        ("totalamount", "totalAmountIncludingTax"),
        ("discountamount", "discountAmount"),
        ("shipto_city", "shipToCity"),
        ("billto_name", "billToName"),
    ):
        assert row[theirs] == ours[name], theirs
    customer = await orders.customer(BUYER)
    assert row["_customerid_value"] == customer["account"]["accountId"]
    assert (row["name"], row["statecode"], row["statuscode"]) == (ours["number"], 1, 3)
    assert row["requestdeliveryby"] == "2026-12-24T00:00:00Z"
    assert row["lastbackofficesubmit"] == f"{ours['orderDate']}T00:00:00Z"
    first, second, third = row["order_details"]
    product = await orders.api.in_dataverse("GET", f"products?$filter=productnumber eq '{COUPLED}'")
    assert first["_productid_value"] == product["value"][0]["productid"]
    assert first["_uomid_value"] == product["value"][0]["_defaultuomid_value"]
    assert (first["quantity"], first["priceperunit"], first["baseamount"]) == (3, 19.99, 59.97)
    assert (second["manualdiscountamount"], second["lineitemnumber"]) == (20, 20_000)
    assert (third["productdescription"], third["_productid_value"]) == ("Freight", None)
    assert (await orders.run())["counters"]["modified"] == 0


async def test_an_item_that_nobody_coupled_keeps_its_order_and_no_other_back(orders: Lines) -> None:
    item = await orders.api.in_business_central(
        "POST", "items", {"displayName": "Nebelhorn Bell", "baseUnitOfMeasureCode": "PCS"}
    )
    _, number = await orders.released(await orders.line(COUPLED), {"itemId": item["id"], "quantity": 1, "unitPrice": 5})
    _, good = await orders.released(await orders.line(COUPLED))
    job = await orders.run()
    assert (codes(job), job["counters"]["inserted"]) == ({number: "LOOKUP_NOT_COUPLED"}, 1)
    (error,) = job["errors"]["nodes"]
    assert f"line 20000 ({item['number']})" in error["message"]
    assert (len(await orders.in_crm(number)), len(await orders.in_crm(good))) == (0, 1)
    made = {"mapping": "ITEM", "businessCentral": {"number": item["number"]}, "dataverse": {"create": True}}
    await orders.coupled(**made)
    job = await orders.run()
    assert (codes(job), job["counters"]["inserted"]) == ({}, 1)
    (row,) = await orders.in_crm(number)
    assert len(row["order_details"]) == 2


async def test_a_line_that_crm_refuses_leaves_nothing_of_its_order_behind(orders: Lines) -> None:
    many = {"lineType": "Account", "lineObjectNumber": "8000", "quantity": 200_000_000_000, "unitPrice": 0}
    _, number = await orders.released(await orders.line(COUPLED), many)
    _, good = await orders.released(await orders.line(COUPLED))
    pairs = sum(each[0] == NAME for each in await orders.all())
    job = await orders.run()
    (error,) = job["errors"]["nodes"]
    assert (job["counters"]["inserted"], job["counters"]["failed"]) == (1, 1)
    assert error["message"].startswith(f"Line 20000 (8000) of sales order {number}"), error["message"]
    assert (len(await orders.in_crm(number)), len(await orders.in_crm(good))) == (0, 1)
    assert sum(each[0] == NAME for each in await orders.all()) == pairs + 1


async def test_lines_that_change_change_in_crm_with_their_order(orders: Lines) -> None:
    """One is another quantity, one is gone, one is new, one is as it was; the order is submitted, before and after."""
    extra = {
        "lineType": "Account",
        "lineObjectNumber": "8000",
        "description": "Freight",
        "quantity": 1,
        "unitPrice": 25,
    }
    id, number, row = await orders.made(await orders.line(COUPLED), await orders.line(OTHER), extra)
    first, second, _ = await orders.lines(id)
    other = {"lineType": "Account", "lineObjectNumber": "8000", "description": "Toll", "quantity": 3, "unitPrice": 2}
    await orders.revised(
        id,
        ("PATCH", f"salesOrderLines({first['id']})", {"quantity": 7}),
        ("DELETE", f"salesOrderLines({second['id']})", None),
        ("POST", f"salesOrders({id})/salesOrderLines", other),
        ("PATCH", f"salesOrders({id})", {"shipToCity": "Nantes"}),
    )
    job = await orders.run()
    assert (told(job), job["counters"]["modified"], job["counters"]["inserted"]) == ([], 1, 0)
    ours, (now,) = await orders.in_bc(id), await orders.in_crm(number)
    assert [(each["lineitemnumber"], each["quantity"]) for each in now["order_details"]] == [
        (10_000, 7),
        (30_000, 1),
        (40_000, 3),
    ]
    for theirs, name in (
        ("totalamountlessfreight", "totalAmountExcludingTax"),
        ("totaltax", "totalTaxAmount"),
        ("totalamount", "totalAmountIncludingTax"),
    ):
        assert now[theirs] == ours[name], theirs
    assert (now["salesorderid"], now["shipto_city"], now["statecode"]) == (row["salesorderid"], "Nantes", 1)
    kept = {each["lineitemnumber"]: each["versionnumber"] for each in row["order_details"]}
    assert now["order_details"][1]["versionnumber"] == kept[30_000], "what is alike is not written"
    writes = requests(orders, writing=True)
    await orders.changed(id)
    assert (await orders.run())["counters"]["modified"] == 0
    assert requests(orders, writing=True) == writes


async def test_an_active_order_gets_its_lines_and_stays_active(orders: Lines) -> None:
    id, number, row = await orders.made(await orders.line(COUPLED))
    active = {"statecode": 0, "statuscode": 1}
    await orders.api.in_dataverse("PATCH", f"salesorders({row['salesorderid']})", active)
    (line,) = await orders.lines(id)
    await orders.revised(id, ("PATCH", f"salesOrderLines({line['id']})", {"quantity": 5}))
    job = await orders.run()
    assert (told(job), job["counters"]["modified"]) == ([], 1)
    (now,) = await orders.in_crm(number)
    assert (now["statecode"], now["statuscode"]) == (0, 1)
    assert now["totalamount"] == (await orders.in_bc(id))["totalAmountIncludingTax"]


async def test_a_line_whose_item_nobody_coupled_keeps_the_whole_order_as_it_was(orders: Lines) -> None:
    item = await orders.api.in_business_central(
        "POST", "items", {"displayName": "Nebelhorn Bell", "baseUnitOfMeasureCode": "PCS"}
    )
    id, number, row = await orders.made(await orders.line(COUPLED))
    more = {"itemId": item["id"], "quantity": 1, "unitPrice": 5}
    city = ("PATCH", f"salesOrders({id})", {"shipToCity": "Nantes"})
    await orders.revised(id, ("POST", f"salesOrders({id})/salesOrderLines", more), city)
    assert told(await orders.run()) == ["LOOKUP_NOT_COUPLED"]
    assert await orders.in_crm(number) == [row]
    made = {"mapping": "ITEM", "businessCentral": {"number": item["number"]}, "dataverse": {"create": True}}
    await orders.coupled(**made)
    job = await orders.run()
    assert (told(job), job["counters"]["modified"]) == ([], 1)
    (now,) = await orders.in_crm(number)
    assert (len(now["order_details"]), now["shipto_city"]) == (2, "Nantes")


async def test_a_line_that_crm_refuses_is_named_and_the_order_stays_as_it_was(orders: Lines) -> None:
    id, number, row = await orders.made(await orders.line(COUPLED))
    many = {"lineType": "Account", "lineObjectNumber": "8000", "quantity": 200_000_000_000, "unitPrice": 0}
    await orders.revised(id, ("POST", f"salesOrders({id})/salesOrderLines", many))
    job = await orders.run()
    (error,) = job["errors"]["nodes"]
    assert f"Line 20000 (8000) of sales order {number}" in error["message"], error["message"]
    assert await orders.in_crm(number) == [row]


@pytest.mark.parametrize("case", ["a line of its own", "locked prices"])
async def test_lines_that_cannot_be_replaced_are_named_and_nothing_is_lost(orders: Lines, case: str) -> None:
    id, number, row = await orders.made(await orders.line(COUPLED))
    key, active = row["salesorderid"], {"statecode": 0, "statuscode": 1}
    await orders.api.in_dataverse("PATCH", f"salesorders({key})", active)
    bound = {"salesorderid@odata.bind": f"/salesorders({key})", "lineitemnumber": 7}
    gift = {"isproductoverridden": True, "productdescription": "Gift", "quantity": 1, "priceperunit": 0, **bound}
    if case == "locked prices":
        await orders.api.in_dataverse("PATCH", f"salesorders({key})", {"ispricelocked": True})
    else:
        await orders.api.in_dataverse("POST", "salesorderdetails", gift)
    before = await orders.in_crm(number)
    (line,) = await orders.lines(id)
    await orders.revised(id, ("PATCH", f"salesOrderLines({line['id']})", {"quantity": 5}))
    job = await orders.run()
    (error,) = job["errors"]["nodes"]
    assert error["code"] == "LINES_DIFFER"
    assert f"line 10000 ({COUPLED})" in error["message"]
    assert ("line 7 (Gift)" in error["message"]) is (case == "a line of its own")
    assert await orders.in_crm(number) == before
    if case == "locked prices":
        await orders.api.in_dataverse("PATCH", f"salesorders({key})", {"ispricelocked": False})
    else:
        extra = next(each for each in before[0]["order_details"] if each["lineitemnumber"] == 7)
        await orders.api.in_dataverse("DELETE", f"salesorderdetails({extra['salesorderdetailid']})")
    job = await orders.run()
    assert (told(job), job["counters"]["modified"]) == ([], 1)
    (now,) = await orders.in_crm(number)
    assert [each["quantity"] for each in now["order_details"]] == [5]


async def test_lines_of_an_order_that_was_coupled_by_hand_stay_as_they_are(orders: Lines) -> None:
    id, row, coupling = await orders.pair()
    await orders.synchronized(coupling)
    await orders.revised(id, ("POST", f"salesOrders({id})/salesOrderLines", await orders.line(COUPLED)))
    job = await orders.run()
    assert told(job) == []
    lines = await orders.api.in_dataverse("GET", f"salesorderdetails?$filter=_salesorderid_value eq {row}")
    assert lines["value"] == []


async def test_an_answer_that_is_lost_leaves_the_lines_once(orders: Lines) -> None:
    id, number, _ = await orders.made(await orders.line(COUPLED))
    await orders.revised(id, ("POST", f"salesOrders({id})/salesOrderLines", await orders.line(OTHER)))
    lost: list[httpx.Request] = []

    async def losing(request: httpx.Request) -> httpx.Response:
        answer = await orders.api.dataverse.inner.handle_async_request(request)
        if b"changeset" in request.content and not lost:
            lost.append(request)
            raise httpx.ReadError("the answer is lost", request=request)
        return answer

    orders.api.dataverse.instead = losing
    job = await orders.run()
    orders.api.dataverse.instead = None
    assert lost
    assert told(job) == []
    (now,) = await orders.in_crm(number)
    assert ([each["lineitemnumber"] for each in now["order_details"]], now["statecode"]) == ([10_000, 20_000], 1)
    assert (await orders.run())["counters"]["modified"] == 0


async def test_requests_do_not_grow_with_the_orders_whose_lines_change(orders: Lines) -> None:
    spent = []
    for many in (2, 20):
        made = [(await orders.released(await orders.line(COUPLED)))[0] for _ in range(many)]
        await orders.run()
        for id in made:
            (line,) = await orders.lines(id)
            await orders.revised(id, ("PATCH", f"salesOrderLines({line['id']})", {"quantity": 5}))
        before = requests(orders)
        job = await orders.run()
        assert (job["counters"]["modified"], told(job)) == (many, [])
        spent.append(requests(orders) - before)
    assert spent[0] == spent[1] <= 20, spent


async def test_requests_do_not_grow_with_the_orders(orders: Lines) -> None:
    await orders.made(await orders.line(COUPLED))
    spent = []
    for many in (2, 20):
        line, other = await orders.line(COUPLED, 1), await orders.line(OTHER, 1)
        for _ in range(many):
            await orders.released(line, other)
        before = requests(orders)
        job = await orders.run()
        assert (job["counters"]["inserted"], told(job)) == (many, [])
        spent.append(requests(orders) - before)
    assert spent[0] == spent[1] <= 20, spent


async def test_an_order_is_made_on_request(orders: Lines) -> None:
    id = await orders.drafted(await orders.line(COUPLED))
    given = {"mapping": NAME, "dataverse": {"create": True}}
    assert (await orders.refused(**given, businessCentral={"id": id}))["code"] == "RECORD_OUTSIDE_FILTER"
    await orders.changed(id, status="Open")
    number = (await orders.in_bc(id))["number"]
    found = await orders.coupled(**given, businessCentral={"number": number})
    assert (found["created"], found["coupling"]["dataverseKey"]) == (True, number)
    (row,) = await orders.in_crm(number)
    assert (row["statecode"], len(row["order_details"])) == (1, 1)


def requests(orders: Lines, *, writing: bool = False) -> int:
    """How many there were, or those with a write in them."""
    seen = [*orders.api.business_central.seen, *orders.api.dataverse.seen]
    return (
        sum(b"PATCH" in each.content or each.method in ("PATCH", "DELETE") for each in seen) if writing else len(seen)
    )
