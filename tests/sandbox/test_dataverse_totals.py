"""The price engine of the Dataverse simulator: lines priced from a price list, totals of orders and opportunities."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import httpx
import pytest

from gateway.sandbox.dataverse.security_rows import pair_id
from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

EUR = "00000e01-0000-4000-8000-000000000000"
USD = "00000e02-0000-4000-8000-000000000000"
LIST = "00000f01-0000-4000-8000-000000000000"
DOLLARS = "00000f02-0000-4000-8000-000000000000"
BIKE = "00001001-0000-4000-8000-000000000000"
BELL = "00001002-0000-4000-8000-000000000000"
PIECE = "00001101-0000-4000-8000-000000000000"
SIDES = [
    ("salesorders", "salesorderdetails", "salesorderid"),
    ("opportunities", "opportunityproducts", "opportunityid"),
]

Json = dict[str, object]


@pytest.fixture(autouse=True)
def prices(dataverse_store: Store) -> None:
    store = dataverse_store
    euro = {"_transactioncurrencyid_value": EUR, "exchangerate": 1, "statecode": 0, "statuscode": 100001}
    dollar = {**euro, "_transactioncurrencyid_value": USD, "exchangerate": Decimal("1.25")}
    store.seed("pricelevels", [{"pricelevelid": LIST, **euro}, {"pricelevelid": DOLLARS, **dollar}])
    store.seed("uoms", [{"uomid": PIECE, "name": "PCS", "quantity": 1}])
    costs = {"price": 900, "price_base": 900, "currentcost": 600, "currentcost_base": 600}
    bike = {"productid": BIKE, "name": "City bike", "productnumber": "1001", **costs}
    bell = {"productid": BELL, "name": "Bell", "productnumber": "1002"}
    store.seed("products", [{**bike, "standardcost": 500, "standardcost_base": 500}, bell])
    store.seed("productpricelevels", [item(LIST, amount=800), item(DOLLARS, pricingmethodcode=2, percentage=100)])


def item(price_list: str, product: str = BIKE, **columns: object) -> Json:
    pair = {"_pricelevelid_value": price_list, "_productid_value": product, "_uomid_value": PIECE}
    return {"productpricelevelid": pair_id(price_list, product), **pair, "pricingmethodcode": 1, **columns}


async def created(client: httpx.AsyncClient, table: str, body: Mapping[str, object]) -> Json:
    response = await client.post(table, json=body, headers={"Prefer": "return=representation"})
    assert response.status_code == 201, response.text
    row: Json = response.json()
    return row


async def order(
    client: httpx.AsyncClient, body: Mapping[str, object] | None = None, *, table: str = "salesorders"
) -> str:
    bound = {"pricelevelid@odata.bind": f"/pricelevels({LIST})", "name": "Order", **(body or {})}
    row = await created(client, table, {name: value for name, value in bound.items() if value is not None})
    return str(row["salesorderid" if table == "salesorders" else "opportunityid"])


def existing(document: str, *, navigation: str = "salesorderid", **body: object) -> Json:
    table = "salesorders" if navigation == "salesorderid" else "opportunities"
    return {
        f"{navigation}@odata.bind": f"/{table}({document})",
        "productid@odata.bind": f"/products({BIKE})",
        "uomid@odata.bind": f"/uoms({PIECE})",
        "quantity": 2,
        **body,
    }


def write_in(document: str, **body: object) -> Json:
    bound = {"salesorderid@odata.bind": f"/salesorders({document})", "isproductoverridden": True}
    return {**bound, "productdescription": "Delivery", "quantity": 1, "priceperunit": 25, **body}


async def row(client: httpx.AsyncClient, address: str) -> Json:
    response = await client.get(address)
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found


def picked(found: Mapping[str, object], names: Iterable[str]) -> dict[str, object]:
    return {name: found[name] for name in names}


@pytest.mark.parametrize(("table", "lines", "navigation"), SIDES)
async def test_a_line_takes_its_price_from_the_price_list(
    dataverse: httpx.AsyncClient, table: str, lines: str, navigation: str
) -> None:
    document = await order(dataverse, table=table)
    line = await created(dataverse, lines, existing(document, navigation=navigation, tax=32, manualdiscountamount=100))
    assert picked(line, ("priceperunit", "baseamount", "extendedamount", "pricingerrorcode", "productname")) == {
        "priceperunit": 800,
        "baseamount": 1600,
        "extendedamount": 1532,
        "pricingerrorcode": 0,
        "productname": "City bike",
    }
    totals = await row(dataverse, f"{table}({document})")
    assert totals["totallineitemamount"] == 1500
    assert (totals["totaltax"], totals["totalamount"], totals["totallineitemdiscountamount"]) == (32, 1532, 100)


async def test_a_document_adds_discounts_freight_and_tax(dataverse: httpx.AsyncClient) -> None:
    document = await order(dataverse, {"discountpercentage": 10, "discountamount": 20, "freightamount": 15})
    await created(dataverse, "salesorderdetails", existing(document, quantity=1, tax=10))
    await created(dataverse, "salesorderdetails", write_in(document, priceperunit=200, quantity=1, tax=5))
    totals = await row(dataverse, f"salesorders({document})")
    assert picked(
        totals, ("totallineitemamount", "totaldiscountamount", "totalamountlessfreight", "totaltax", "totalamount")
    ) == {
        "totallineitemamount": 1000,
        "totaldiscountamount": 120,
        "totalamountlessfreight": 880,
        "totaltax": 15,
        "totalamount": 910,
    }


async def test_totals_follow_every_change_of_a_line_and_of_the_document(dataverse: httpx.AsyncClient) -> None:
    document = await order(dataverse)
    address = f"salesorders({document})"
    line = await created(dataverse, "salesorderdetails", existing(document))
    line_address = f"salesorderdetails({line['salesorderdetailid']})"
    before = await row(dataverse, address)
    await dataverse.patch(line_address, json={"quantity": 3})
    after = await row(dataverse, address)
    assert (before["totalamount"], after["totalamount"]) == (1600, 2400)
    assert before["@odata.etag"] != after["@odata.etag"]
    await dataverse.patch(address, json={"freightamount": 50})
    assert (await row(dataverse, address))["totalamount"] == 2450
    other = await order(dataverse)
    await dataverse.patch(line_address, json={"salesorderid@odata.bind": f"/salesorders({other})"})
    assert [(await row(dataverse, f"salesorders({one})"))["totallineitemamount"] for one in (document, other)] == [
        0,
        2400,
    ]
    await dataverse.delete(line_address)
    assert (await row(dataverse, f"salesorders({other})"))["totalamount"] == 0


async def test_written_totals_are_overwritten(dataverse: httpx.AsyncClient) -> None:
    written = {"totalamount": 9, "totallineitemamount": 9, "totaltax": 9, "totaldiscountamount": 9}
    document = await order(dataverse, written)
    address = f"salesorders({document})"
    assert set(picked(await row(dataverse, address), written).values()) == {0}
    line = await created(
        dataverse, "salesorderdetails", existing(document, baseamount=9, extendedamount=9, priceperunit=9)
    )
    assert (line["priceperunit"], line["baseamount"], line["extendedamount"]) == (800, 1600, 1600)
    assert (await dataverse.patch(address, json=written)).status_code == 204
    assert (await row(dataverse, address))["totalamount"] == 1600


async def test_a_deep_insert_answers_with_its_totals(dataverse: httpx.AsyncClient) -> None:
    line = {"isproductoverridden": True, "productdescription": "Delivery", "quantity": 2, "priceperunit": "x"}
    body = {"name": "Order", "order_details": [{**line, "priceperunit": 12.5}]}
    assert (await created(dataverse, "salesorders", body))["totalamount"] == 25


async def test_a_write_in_line_has_the_price_that_was_written(dataverse: httpx.AsyncClient) -> None:
    document = await order(dataverse)
    line = await created(dataverse, "salesorderdetails", write_in(document, quantity=3))
    assert (line["extendedamount"], line["pricingerrorcode"], line["productname"]) == (75, 0, "Delivery")


async def test_an_overridden_price_wins_over_the_price_list(dataverse: httpx.AsyncClient) -> None:
    document = await order(dataverse)
    body = existing(document, ispriceoverridden=True, priceperunit=750)
    line = await created(dataverse, "salesorderdetails", body)
    assert (line["priceperunit"], line["extendedamount"]) == (750, 1500)


async def test_amounts_are_in_the_currency_of_the_document_and_in_the_base_currency(
    dataverse: httpx.AsyncClient,
) -> None:
    dollars = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({USD})"}
    document = await order(dataverse, {"pricelevelid@odata.bind": f"/pricelevels({DOLLARS})", **dollars})
    line = await created(dataverse, "salesorderdetails", existing(document))
    assert (line["priceperunit"], line["priceperunit_base"]) == (1125, 900)
    assert (line["_transactioncurrencyid_value"], line["extendedamount_base"]) == (USD, 1800)
    totals = await row(dataverse, f"salesorders({document})")
    assert (totals["totalamount"], totals["totalamount_base"], totals["exchangerate"]) == (2250, 1800, 1.25)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"quantity": None}, 4),
        ({"isproductoverridden": True}, 5),
        ({"ispriceoverridden": True}, 5),
        ({"productid@odata.bind": None}, 6),
        ({"uomid@odata.bind": None}, 10),
        ({"productid@odata.bind": f"/products({BELL})"}, 11),
    ],
)
async def test_what_cannot_be_priced_is_marked_and_not_refused(
    dataverse: httpx.AsyncClient, change: Mapping[str, object], code: int
) -> None:
    document = await order(dataverse)
    line = await created(dataverse, "salesorderdetails", {**existing(document), **change})
    assert (line["pricingerrorcode"], line["extendedamount"]) == (code, 0)
    assert (await row(dataverse, f"salesorders({document})"))["pricingerrorcode"] == 1


async def test_a_document_needs_a_price_list_that_is_active(dataverse: httpx.AsyncClient) -> None:
    without = await order(dataverse, {"pricelevelid@odata.bind": None})
    assert (await created(dataverse, "salesorderdetails", existing(without)))["pricingerrorcode"] == 2
    await dataverse.patch(f"pricelevels({LIST})", json={"statecode": 1})
    inactive = await order(dataverse)
    assert (await created(dataverse, "salesorderdetails", existing(inactive)))["pricingerrorcode"] == 3


async def test_another_price_list_prices_every_line_anew(dataverse: httpx.AsyncClient) -> None:
    document = await order(dataverse, {"pricelevelid@odata.bind": None})
    line = await created(dataverse, "salesorderdetails", existing(document))
    address = f"salesorders({document})"
    await dataverse.patch(address, json={"pricelevelid@odata.bind": f"/pricelevels({LIST})"})
    priced = await row(dataverse, f"salesorderdetails({line['salesorderdetailid']})")
    totals = await row(dataverse, address)
    assert (priced["pricingerrorcode"], totals["pricingerrorcode"], totals["totalamount"]) == (0, 0, 1600)


async def test_locked_prices_and_skipped_lines_stay_as_they_are(dataverse: httpx.AsyncClient) -> None:
    document = await order(dataverse)
    skipped = existing(document, skippricecalculation=1, priceperunit=7, baseamount=14, extendedamount=14)
    assert (await created(dataverse, "salesorderdetails", skipped))["extendedamount"] == 14
    assert (await dataverse.patch(f"salesorders({document})", json={"ispricelocked": True})).status_code == 204
    await created(dataverse, "salesorderdetails", existing(document))
    assert (await dataverse.patch(f"salesorders({document})", json={"totalamount": 1})).status_code == 204
    assert (await row(dataverse, f"salesorders({document})"))["totalamount"] == 14


async def test_the_revenue_of_an_opportunity_is_its_total_where_the_system_calculates_it(
    dataverse: httpx.AsyncClient,
) -> None:
    for calculated, value in ((True, 1600), (False, 5)):
        document = await order(
            dataverse, {"isrevenuesystemcalculated": calculated, "estimatedvalue": 5}, table="opportunities"
        )
        await created(dataverse, "opportunityproducts", existing(document, navigation="opportunityid"))
        assert (await row(dataverse, f"opportunities({document})"))["estimatedvalue"] == value
