"""Business Central, line 4: totals and status of a document are computed, numbers come from series, lines count in tens of
thousands, and a set of lines cannot be read flat."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.checklist.answers import first, refusal, row, rows

pytestmark = pytest.mark.anyio

FLAT = "You must specify an Id or a Document Id to get the lines."


async def new_order(client: httpx.AsyncClient, *quantities: int, **more: object) -> dict[str, Any]:
    lines = [{"lineType": "Item", "lineObjectNumber": "1001", "quantity": quantity} for quantity in quantities]
    body = {"customerNumber": "C00210", "salesOrderLines": lines} | more
    return row(await client.post("salesOrders?$expand=salesOrderLines", json=body), 201)


def moment(document: dict[str, Any]) -> datetime:
    """When a document was changed; as text, moments with trimmed zeros do not sort."""
    return datetime.fromisoformat(document["lastModifiedDateTime"])


async def test_the_totals_of_every_order_are_those_of_its_lines(business_central: httpx.AsyncClient) -> None:
    for order in rows(await business_central.get("salesOrders?$expand=salesOrderLines")):
        net = sum(Decimal(str(line["netAmount"])) for line in order["salesOrderLines"])
        tax = sum(Decimal(str(line["netTaxAmount"])) for line in order["salesOrderLines"])
        assert Decimal(str(order["totalAmountExcludingTax"])) == net
        assert Decimal(str(order["totalTaxAmount"])) == tax
        assert Decimal(str(order["totalAmountIncludingTax"])) == net + tax


async def test_totals_follow_every_change_of_a_line(business_central: httpx.AsyncClient) -> None:
    order = await new_order(business_central, 2, 3)
    price = order["salesOrderLines"][0]["unitPrice"]
    assert order["totalAmountExcludingTax"] == 5 * price
    address = f"salesOrders({order['id']})"
    line = f"{address}/salesOrderLines({order['salesOrderLines'][1]['id']})"
    await business_central.patch(line, json={"quantity": 4, "discountPercent": 10}, headers={"If-Match": "*"})
    changed = row(await business_central.get(address))
    assert changed["totalAmountExcludingTax"] == round(2 * price + 4 * price * 0.9, 2)
    assert moment(changed) >= moment(order)
    assert changed["@odata.etag"] != order["@odata.etag"]
    await business_central.delete(line)
    assert row(await business_central.get(address))["totalAmountExcludingTax"] == 2 * price


async def test_an_invoice_discount_reduces_the_totals(business_central: httpx.AsyncClient) -> None:
    order = await new_order(business_central, 1, 3)
    answer = await business_central.patch(
        f"salesOrders({order['id']})", json={"discountAmount": 10}, headers={"If-Match": order["@odata.etag"]}
    )
    changed = row(answer)
    assert changed["totalAmountExcludingTax"] == round(order["totalAmountExcludingTax"] - 10, 2)


async def test_status_and_totals_cannot_be_written(business_central: httpx.AsyncClient) -> None:
    order = await new_order(business_central, 1)
    assert order["status"] == "Draft"
    for name, value in [("status", "Open"), ("totalAmountExcludingTax", 1), ("number", "X")]:
        answer = await business_central.patch(
            f"salesOrders({order['id']})", json={name: value}, headers={"If-Match": "*"}
        )
        assert refusal(answer) == (400, "BadRequest_InvalidOperation"), name


async def test_the_statuses_of_orders_and_invoices_are_computed(business_central: httpx.AsyncClient) -> None:
    assert {order["status"] for order in rows(await business_central.get("salesOrders"))} == {"Draft", "Open"}
    for invoice in rows(await business_central.get("salesInvoices?$filter=status ne 'Draft'")):
        assert invoice["status"] == ("Open" if invoice["remainingAmount"] else "Paid"), invoice["number"]


async def test_numbers_come_from_the_series_of_the_set(business_central: httpx.AsyncClient) -> None:
    for name, body in [
        ("customers", {"displayName": "x"}),
        ("contacts", {"displayName": "x"}),
        ("salesOrders", {"customerNumber": "C00210"}),
        ("salesInvoices", {"customerNumber": "C00210"}),
        ("salesQuotes", {"customerNumber": "C00210"}),
    ]:
        numbers = [row(await business_central.post(name, json=body), 201)["number"] for _ in range(3)]
        prefix = numbers[0].rstrip("0123456789")
        values = [int(number.removeprefix(prefix)) for number in numbers]
        assert values == list(range(values[0], values[0] + 3)), name
        assert len({len(number) for number in numbers}) == 1


async def test_lines_count_in_steps_of_ten_thousand(business_central: httpx.AsyncClient) -> None:
    order = await new_order(business_central, 1, 1)
    address = f"salesOrders({order['id']})/salesOrderLines"
    body = {"lineType": "Item", "lineObjectNumber": "1009", "quantity": 1}
    third = row(await business_central.post(address, json=body), 201)
    between = row(await business_central.post(address, json=body | {"sequence": 15000}), 201)
    after = row(await business_central.post(address, json=body), 201)
    assert [line["sequence"] for line in order["salesOrderLines"]] == [10000, 20000]
    assert (third["sequence"], between["sequence"], after["sequence"]) == (30000, 15000, 40000)
    assert [line["sequence"] for line in rows(await business_central.get(address))] == [
        *(10000, 15000, 20000, 30000, 40000),
    ]


async def test_a_sequence_and_a_document_stay(business_central: httpx.AsyncClient) -> None:
    order = await new_order(business_central, 1)
    line = f"salesOrderLines({order['salesOrderLines'][0]['id']})"
    for body in ({"sequence": 5}, {"documentId": order["customerId"]}):
        answer = await business_central.patch(line, json=body, headers={"If-Match": "*"})
        assert refusal(answer) == (400, "Application_DialogException")
        assert "cannot be modified" in answer.text


@pytest.mark.parametrize("name", ["salesOrderLines", "salesInvoiceLines"])
async def test_lines_are_read_by_document_only(business_central: httpx.AsyncClient, name: str) -> None:
    for address in (name, f"{name}/$count", f"{name}?$filter=quantity gt 0", f"{name}?$filter=documentId ne null"):
        answer = await business_central.get(address)
        assert refusal(answer) == (400, "Application_DialogException")
        assert answer.json()["error"]["message"].startswith(FLAT)
    parent = name.removesuffix("Lines") + "s"
    document = await first(business_central, f"{parent}?$top=1&$expand={name}")
    expected = [line["id"] for line in document[name]]
    assert expected
    for address in (f"{parent}({document['id']})/{name}", f"{name}?$filter=documentId eq {document['id']}"):
        assert [line["id"] for line in rows(await business_central.get(address))] == expected
    assert row(await business_central.get(f"{name}({expected[0]})"))["id"] == expected[0]


async def test_lines_have_no_moment_of_change(business_central: httpx.AsyncClient) -> None:
    order = await new_order(business_central, 1)
    assert "lastModifiedDateTime" not in order["salesOrderLines"][0]
