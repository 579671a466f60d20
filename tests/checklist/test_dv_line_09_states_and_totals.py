"""Line 9 of the Dataverse checklist: what the platform checks and computes by itself.

State and status reason must fit together; lines and totals are computed, whatever is written; amounts have twins in the
base currency; columns that can only be set on creation do not change later.
"""

import httpx
import pytest

from gateway.sandbox.app import Sandbox
from gateway.sandbox.company import story
from gateway.sandbox.company.codes import currency
from gateway.sandbox.company.crm_columns import currency_id
from gateway.sandbox.company.crm_setup import price_list_id

pytestmark = pytest.mark.anyio

REPRESENTATION = {"Prefer": "return=representation"}
PRICES = {"pricelevelid@odata.bind": f"/pricelevels({price_list_id('')})"}
Json = dict[str, object]


async def created(client: httpx.AsyncClient, table: str, body: Json) -> Json:
    response = await client.post(table, json=body, headers=REPRESENTATION)
    assert response.status_code == 201, response.text
    row: Json = response.json()
    return row


async def read(client: httpx.AsyncClient, address: str) -> Json:
    response = await client.get(address)
    assert response.status_code == 200, response.text
    row: Json = response.json()
    return row


async def line_of(client: httpx.AsyncClient, parent: Json, **body: object) -> Json:
    """The body of a line for a product of the story."""
    product = await read(client, f"products(productnumber='{story.IN_STOCK}')?$select=_defaultuomid_value")
    return {
        **parent,
        "productid@odata.bind": f"/products({product['productid']})",
        "uomid@odata.bind": f"/uoms({product['_defaultuomid_value']})",
        "quantity": 2,
        **body,
    }


@pytest.mark.parametrize(
    ("table", "state", "status", "accepted"),
    [
        ("accounts", 1, 2, True),
        ("accounts", 1, 1, False),
        ("opportunities", 0, 2, True),
        ("opportunities", 1, 5, False),
        ("salesorders", 1, 3, True),
        ("salesorders", 0, 100001, False),
        ("salesorders", 3, 100001, True),
    ],
)
async def test_a_status_reason_fits_its_state(
    dataverse: httpx.AsyncClient, table: str, state: int, status: int, accepted: bool
) -> None:
    row = await created(dataverse, table, {"name": "New"})
    key = row[{"accounts": "accountid", "opportunities": "opportunityid", "salesorders": "salesorderid"}[table]]
    response = await dataverse.patch(f"{table}({key})", json={"statecode": state, "statuscode": status})
    assert response.status_code == (204 if accepted else 400)
    after = await read(dataverse, f"{table}({key})?$select=statecode,statuscode")
    assert ((after["statecode"], after["statuscode"]) == (state, status)) is accepted


@pytest.mark.parametrize(
    ("table", "key", "lines", "navigation"),
    [
        ("salesorders", "salesorderid", "salesorderdetails", "salesorderid"),
        ("opportunities", "opportunityid", "opportunityproducts", "opportunityid"),
    ],
)
async def test_lines_and_totals_are_computed(
    dataverse: httpx.AsyncClient, table: str, key: str, lines: str, navigation: str
) -> None:
    document = await created(
        dataverse, table, {"name": "New", "freightamount": 10, "discountpercentage": 50, "totalamount": 1, **PRICES}
    )
    address = f"{table}({document[key]})"
    bound: Json = {f"{navigation}@odata.bind": f"/{address}"}
    line = await created(
        dataverse, lines, await line_of(dataverse, bound, tax=20, manualdiscountamount=98, baseamount=1)
    )
    computed = [line[name] for name in ("priceperunit", "baseamount", "extendedamount", "pricingerrorcode")]
    assert computed == [849, 1698, 1620, 0]
    write_in = {"isproductoverridden": True, "productdescription": "Delivery", "quantity": 1, "priceperunit": 400}
    await created(dataverse, lines, {**bound, **write_in})
    totals = await read(dataverse, address)
    names = ("totallineitemamount", "totaldiscountamount", "totalamountlessfreight", "totaltax", "totalamount")
    assert [totals[name] for name in names] == [2000, 1000, 1000, 20, 1030]


async def test_a_line_that_cannot_be_priced_says_why(dataverse: httpx.AsyncClient) -> None:
    order = await created(dataverse, "salesorders", {"name": "New", **PRICES})
    bound: Json = {"salesorderid@odata.bind": f"/salesorders({order['salesorderid']})"}
    line = await created(dataverse, "salesorderdetails", {**await line_of(dataverse, bound), "quantity": None})
    assert line["pricingerrorcode"] == 4
    without = await created(dataverse, "salesorders", {"name": "New"})
    bound = {"salesorderid@odata.bind": f"/salesorders({without['salesorderid']})"}
    assert (await created(dataverse, "salesorderdetails", await line_of(dataverse, bound)))["pricingerrorcode"] == 2
    assert (await read(dataverse, f"salesorders({without['salesorderid']})"))["pricingerrorcode"] == 1


async def test_amounts_are_divided_by_the_exchange_rate(dataverse: httpx.AsyncClient) -> None:
    rate = currency("USD").rate
    body: Json = {
        "name": "New",
        "pricelevelid@odata.bind": f"/pricelevels({price_list_id('USD')})",
        "transactioncurrencyid@odata.bind": f"/transactioncurrencies({currency_id(currency('USD'))})",
    }
    order = await created(dataverse, "salesorders", body)
    bound: Json = {"salesorderid@odata.bind": f"/salesorders({order['salesorderid']})"}
    await created(dataverse, "salesorderdetails", await line_of(dataverse, bound))
    totals = await read(dataverse, f"salesorders({order['salesorderid']})")
    assert totals["totalamount"] == pytest.approx(2 * 849 * float(rate), abs=0.01)
    assert totals["totalamount_base"] == pytest.approx(1698, abs=0.01)
    assert totals["exchangerate"] == float(rate)


@pytest.mark.parametrize("table", ["salesorders", "opportunities"])
async def test_the_totals_of_the_demo_company_are_those_the_engine_computes(
    sandbox: Sandbox, dataverse: httpx.AsyncClient, table: str
) -> None:
    names = ("totallineitemamount", "totaltax", "totalamount", "totalamount_base")
    for row in sandbox.dataverse.select(table):
        if row["totalamount"] is None:
            continue
        key = row[sandbox.dataverse.model.sets[table].key]
        if table == "salesorders" and row["statecode"]:
            active = {"statecode": 0, "statuscode": 1}
            assert (await dataverse.patch(f"{table}({key})", json=active)).status_code == 204
        assert (await dataverse.patch(f"{table}({key})", json={"description": "touched"})).status_code == 204
        after = sandbox.dataverse.get(table, key)
        assert after is not None
        assert [after[name] for name in names] == [row[name] for name in names]


async def test_a_submitted_order_takes_no_change_but_of_its_state(dataverse: httpx.AsyncClient) -> None:
    """Source: Business Central, tests of CRM integration, "SalesOrderShouldNotBeEditableIfSubmitted"."""
    order = await created(dataverse, "salesorders", {"name": "New"})
    address, key = f"salesorders({order['salesorderid']})", str(order["salesorderid"])
    bound: Json = {"salesorderid@odata.bind": f"/{address}"}
    write_in: Json = {"isproductoverridden": True, "productdescription": "Delivery", "quantity": 1, "priceperunit": 4}
    line = await created(dataverse, "salesorderdetails", {**bound, **write_in})
    below = f"salesorderdetails({line['salesorderdetailid']})"
    assert (await dataverse.patch(address, json={"statecode": 1, "statuscode": 3})).status_code == 204
    before = await read(dataverse, address)
    assert (await dataverse.patch(address, json={"description": "more"})).status_code == 400
    assert (await dataverse.patch(below, json={"quantity": 2})).status_code == 400
    assert (await dataverse.delete(below)).status_code == 400
    assert (await dataverse.post("salesorderdetails", json={**bound, **write_in})).status_code == 400
    assert await read(dataverse, address) == before
    assert (await dataverse.patch(address, json={"statecode": 0, "statuscode": 1})).status_code == 204
    assert (await dataverse.patch(below, json={"quantity": 2})).status_code == 204
    assert (await read(dataverse, f"salesorders({key})"))["totalamount"] == 8


async def test_columns_of_creation_are_refused_later(dataverse: httpx.AsyncClient) -> None:
    order = await created(dataverse, "salesorders", {"name": "New", "ordernumber": "SO-1"})
    address = f"salesorders({order['salesorderid']})"
    dollars = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({currency_id(currency('USD'))})"}
    for body in ({"ordernumber": "SO-2"}, dollars, {"overriddencreatedon": "2020-01-01T00:00:00Z"}):
        assert (await dataverse.patch(address, json=body)).status_code == 400
    assert (await dataverse.patch(address, json={"ordernumber": "SO-1"})).status_code == 204
    product = await read(dataverse, f"products(productnumber='{story.IN_STOCK}')")
    response = await dataverse.patch(f"products({product['productid']})", json={"productstructure": 3})
    assert response.status_code == 400
