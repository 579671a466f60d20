"""Items that are counted in several units: lines are in any of them, stock is in base units."""

import httpx
import pytest

from gateway.sandbox.app import Sandbox
from gateway.sandbox.company import story
from tests.checklist.answers import Row, first, refusal, row, rows

pytestmark = pytest.mark.anyio

FORCE = {"If-Match": "*"}


def boxes(quantity: float, **more: object) -> dict[str, object]:
    return {
        "lineType": "Item",
        "lineObjectNumber": story.IN_STOCK,
        "quantity": quantity,
        "unitOfMeasureCode": "BOX",
    } | more


async def ordered(business_central: httpx.AsyncClient, *lines: dict[str, object]) -> Row:
    body = {"customerNumber": story.HARBOUR, "salesOrderLines": lines}
    return row(await business_central.post("salesOrders?$expand=salesOrderLines", json=body), 201)


async def main(business_central: httpx.AsyncClient) -> str:
    return str((await first(business_central, "locations?$filter=code eq 'MAIN'"))["id"])


async def test_a_box_is_twelve_pieces_in_every_figure(
    business_central: httpx.AsyncClient, analytics: httpx.AsyncClient, availability: httpx.AsyncClient
) -> None:
    async def on_order() -> float:
        where = f"itemNumber eq '{story.IN_STOCK}' and locationCode eq 'MAIN'"
        found = await first(availability, f"itemAvailabilities?$filter={where}")
        return float(found["quantityOnSalesOrder"])

    before = await on_order()
    order = await ordered(business_central, boxes(2, locationId=await main(business_central)))
    (line,) = order["salesOrderLines"]
    assert line["unitPrice"] == 12 * 849
    assert "qtyPerUnitOfMeasure" not in line
    assert await on_order() == before + 24
    (found,) = rows(await analytics.get(f"outstandingSalesLines?$filter=documentNo eq '{order['number']}'"))
    assert (found["outstandingQtyBase"], found["qtyPerUnitOfMeasure"], found["unitOfMeasureCode"]) == (24, 12, "BOX")
    (found,) = rows(await analytics.get(f"salesLines?$filter=orderNo eq '{order['number']}'"))
    assert (found["outstandingQuantity"], found["outstandingQtyBase"], found["unitCostLCY"]) == (2, 24, 12 * 527)


async def test_stock_leaves_in_base_units(
    business_central: httpx.AsyncClient, analytics: httpx.AsyncClient, availability: httpx.AsyncClient
) -> None:
    item = await first(business_central, f"items?$filter=number eq '{story.IN_STOCK}'")
    order = await ordered(business_central, boxes(2, locationId=await main(business_central)))
    await business_central.post(f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice")
    left = row(await business_central.get(f"items({item['id']})"))
    assert left["inventory"] == item["inventory"] - 24
    where = f"itemNo eq '{story.IN_STOCK}'"
    entry = await first(analytics, f"itemLedgerEntries?$filter={where}&$orderby=entryNo desc")
    assert (entry["quantity"], entry["unitOfMeasureCode"], entry["qtyPerUnitOfMeasure"]) == (-24, "BOX", 12)
    invoice = {"customerNumber": story.HARBOUR, "salesInvoiceLines": [boxes(0.5)]}
    draft = row(await business_central.post("salesInvoices", json=invoice), 201)
    await business_central.post(f"salesInvoices({draft['id']})/Microsoft.NAV.post")
    left = row(await business_central.get(f"items({item['id']})"))
    assert left["inventory"] == item["inventory"] - 30
    places = rows(await availability.get(f"itemAvailabilities?$filter=itemNumber eq '{story.IN_STOCK}'"))
    assert sum(place["inventory"] for place in places) == left["inventory"]


async def test_a_unit_the_item_does_not_have_is_refused(business_central: httpx.AsyncClient) -> None:
    body = {"customerNumber": story.HARBOUR, "salesOrderLines": [boxes(1, unitOfMeasureCode="ROLL")]}
    answer = await business_central.post("salesOrders", json=body)
    assert refusal(answer) == (400, "Internal_InvalidTableRelation")
    assert "cannot be found in the related table (Item Unit of Measure)" in answer.text
    order = await ordered(business_central, boxes(1))
    address = f"salesOrderLines({order['salesOrderLines'][0]['id']})"
    answer = await business_central.patch(address, json={"unitOfMeasureCode": "METRE"}, headers=FORCE)
    assert refusal(answer) == (400, "Internal_InvalidTableRelation")
    changed = row(await business_central.patch(address, json={"unitOfMeasureCode": "PCS"}, headers=FORCE))
    assert changed["unitPrice"] == 849
    hidden = await business_central.patch(address, json={"qtyPerUnitOfMeasure": 5}, headers=FORCE)
    assert hidden.status_code == 400


async def test_the_unit_of_a_line_that_was_shipped_in_part_stays(business_central: httpx.AsyncClient) -> None:
    order = await ordered(business_central, boxes(3))
    address = f"salesOrderLines({order['salesOrderLines'][0]['id']})"
    await business_central.patch(address, json={"shipQuantity": 1}, headers=FORCE)
    await business_central.post(f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice")
    answer = await business_central.patch(address, json={"unitOfMeasureCode": "PCS"}, headers=FORCE)
    assert refusal(answer) == (400, "Application_DialogException")
    assert "Quantity Shipped must be equal to '0'" in answer.text


async def test_less_than_what_is_reserved_is_refused_in_any_unit(
    sandbox: Sandbox, business_central: httpx.AsyncClient
) -> None:
    order = await ordered(business_central, boxes(2))
    line = order["salesOrderLines"][0]["id"]
    entry = {"entryNo": 99, "itemNo": story.IN_STOCK, "quantityBase": 20, "salesLineId": line}
    sandbox.business_central.seed("$reservationEntries", [entry])
    address = f"salesOrderLines({line})"
    assert (await business_central.patch(address, json={"quantity": 1}, headers=FORCE)).status_code == 400
    assert (await business_central.patch(address, json={"quantity": 1.75}, headers=FORCE)).status_code == 200


async def test_a_new_item_has_its_base_unit(sandbox: Sandbox, business_central: httpx.AsyncClient) -> None:
    body = {"number": "NEW", "displayName": "New", "baseUnitOfMeasureCode": "SET"}
    item = row(await business_central.post("items", json=body), 201)
    units = sandbox.business_central.select("$itemUnitsOfMeasure")
    (unit,) = [one for one in units if one["itemNo"] == "NEW"]
    assert (unit["code"], unit["qtyPerUnitOfMeasure"]) == ("SET", 1)
    assert len(units) == 300 + 3 + 1
    await business_central.delete(f"items({item['id']})")
    assert sandbox.business_central.count("$itemUnitsOfMeasure") == 303
