"""The simulator of Dataverse: invoices with their lines."""

import httpx
import pytest

from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

EUR = "00000e01-0000-4000-8000-000000000000"
GROUP, OTHER = "00000a01-0000-4000-8000-000000000000", "00000a02-0000-4000-8000-000000000000"
PIECE, CRATE = "00001101-0000-4000-8000-000000000000", "00001102-0000-4000-8000-000000000000"
BIKE = "00001001-0000-4000-8000-000000000000"

Json = dict[str, object]


@pytest.fixture(autouse=True)
def rows(dataverse_store: Store) -> None:
    unit = {"quantity": 1, "isschedulebaseuom": True}
    dataverse_store.seed(
        "uoms",
        [
            {"uomid": PIECE, "name": "PCS", "_uomscheduleid_value": GROUP, **unit},
            {"uomid": CRATE, "name": "CRATE", "_uomscheduleid_value": OTHER, **unit},
        ],
    )
    bike = {"productid": BIKE, "name": "City bike", "_defaultuomscheduleid_value": GROUP, "_defaultuomid_value": PIECE}
    dataverse_store.seed("products", [bike])


async def written(client: httpx.AsyncClient, table: str, body: Json, *, status: int = 201) -> Json:
    response = await client.post(table, json=body, headers={"Prefer": "return=representation"})
    assert response.status_code == status, response.text
    found: Json = response.json()
    return found


def line(invoice: object, unit: str = PIECE, **body: object) -> Json:
    return {
        "invoiceid@odata.bind": f"/invoices({invoice})",
        "productid@odata.bind": f"/products({BIKE})",
        "uomid@odata.bind": f"/uoms({unit})",
        "quantity": 2,
        "ispriceoverridden": True,
        "priceperunit": 40,
        **body,
    }


async def test_an_invoice_adds_up_its_lines_and_gets_a_number(dataverse: httpx.AsyncClient) -> None:
    invoice = await written(dataverse, "invoices", {"name": "First", "discountamount": 10})
    assert str(invoice["invoicenumber"]).startswith("INV-")
    assert (invoice["statecode"], invoice["statuscode"]) == (0, 1)
    await written(
        dataverse, "invoicedetails", line(invoice["invoiceid"], manualdiscountamount=5, tax="1.5"), status=400
    )
    sold = await written(dataverse, "invoicedetails", line(invoice["invoiceid"], manualdiscountamount=5, tax=15))
    assert (sold["baseamount"], sold["extendedamount"], sold["invoicedetailname"]) == (80, 90, "City bike")
    address = f"invoices({invoice['invoiceid']})"
    totals = (await dataverse.get(address)).json()
    assert (totals["totalamountlessfreight"], totals["totaltax"], totals["totalamount"]) == (65, 15, 80)
    paid = await dataverse.patch(address, json={"statecode": 2, "statuscode": 100002})
    assert paid.status_code == 204, paid.text
    refused = await dataverse.patch(address, json={"statecode": 0, "statuscode": 100001})
    assert refused.status_code == 400, "a reason of another state"
    assert (await dataverse.delete(address)).status_code == 204
    assert (await dataverse.get("invoicedetails")).json()["value"] == [], "lines go with their invoice"


async def test_a_product_is_counted_in_units_of_its_own_group(dataverse: httpx.AsyncClient) -> None:
    invoice = await written(dataverse, "invoices", {"name": "First"})
    refused = await written(dataverse, "invoicedetails", line(invoice["invoiceid"], CRATE), status=400)
    assert refused["error"]["code"] == "0x80043b16"  # type: ignore[index]
    bare = {"invoiceid@odata.bind": f"/invoices({invoice['invoiceid']})", "isproductoverridden": True}
    freight = await written(
        dataverse,
        "invoicedetails",
        {**bare, "productdescription": "Freight", "quantity": 1, "priceperunit": 25},
    )
    assert (freight["extendedamount"], freight["invoicedetailname"]) == (25, "Freight")


async def test_a_number_is_given_once(dataverse: httpx.AsyncClient) -> None:
    invoice = await written(dataverse, "invoices", {"name": "First", "invoicenumber": "PSI000001"})
    refused = await dataverse.patch(f"invoices({invoice['invoiceid']})", json={"invoicenumber": "PSI000002"})
    assert refused.status_code == 400
