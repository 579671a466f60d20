"""Released sales orders become orders of CRM, with their lines or not at all, and their lines follow."""

from decimal import Decimal
from typing import Any

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


def requests(orders: Lines) -> int:
    return len(orders.api.business_central.seen) + len(orders.api.dataverse.seen)
