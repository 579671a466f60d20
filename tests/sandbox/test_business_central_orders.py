"""Business Central: sales orders, their lines and their amounts."""

from typing import Any

import httpx
import pytest

from gateway.sandbox.store import Store

pytestmark = pytest.mark.anyio

CUSTOMER = "3f0c0000-0000-4000-8000-000000000210"
FOREIGN = "3f0c0000-0000-4000-8000-000000000211"
BLOCKED = "3f0c0000-0000-4000-8000-000000000212"
WHEEL = "3f0c0000-0000-4000-8000-000000001000"
OLD = "3f0c0000-0000-4000-8000-000000001001"
PIECE = "3f0c0000-0000-4000-8000-000000000001"
FORCE = {"If-Match": "*"}


@pytest.fixture(autouse=True)
def rows(bc_store: Store) -> None:
    bc_store.seed("unitsOfMeasure", [{"id": PIECE, "code": "PCS"}])
    bc_store.seed("salespeoplePurchasers", [{"id": PIECE, "code": "JO"}])
    customers = [
        {"id": CUSTOMER, "number": "C00210", "displayName": "Harbour Bikes BV", "country": "NL", "city": "Rotterdam",
         "salespersonCode": "JO"},
        {"id": FOREIGN, "number": "C00211", "displayName": "Radhaus", "country": "DE"},
        {"id": BLOCKED, "number": "C00212", "displayName": "Late", "blocked": "All"},
    ]  # fmt: skip
    bc_store.seed("customers", customers)
    items: list[dict[str, object]] = [
        {"id": WHEEL, "number": "1000", "displayName": "Wheel", "unitPrice": "12.50", "baseUnitOfMeasureId": PIECE,
         "baseUnitOfMeasureCode": "PCS"},
        {"id": OLD, "number": "1001", "displayName": "Old wheel", "blocked": True},
    ]  # fmt: skip
    bc_store.seed("items", items)


async def order(bc: httpx.AsyncClient, *lines: dict[str, object], customer: str = "C00210") -> dict[str, Any]:
    body: dict[str, object] = {"customerNumber": customer, "salesOrderLines": lines}
    response = await bc.post("salesOrders?$expand=salesOrderLines", json=body)
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created


def refusal(response: httpx.Response) -> str:
    assert (response.status_code, response.json()["error"]["code"]) == (400, "Application_DialogException")
    return str(response.json()["error"]["message"]).partition("  CorrelationId:")[0]


async def test_an_order_takes_what_it_needs_from_its_customer(bc: httpx.AsyncClient) -> None:
    row = await order(bc)
    assert (row["number"], row["status"], row["orderDate"]) == ("S-ORD000001", "Draft", "2026-11-16")
    assert (row["customerId"], row["customerName"], row["billToCustomerNumber"]) == (
        CUSTOMER,
        "Harbour Bikes BV",
        "C00210",
    )
    assert (row["sellToCity"], row["shipToCity"], row["salesperson"]) == ("Rotterdam", "Rotterdam", "JO")
    assert (row["currencyCode"], row["totalAmountIncludingTax"]) == ("EUR", 0)


async def test_lines_come_with_the_order_and_are_summed(bc: httpx.AsyncClient) -> None:
    row = await order(
        bc,
        {"itemId": WHEEL, "quantity": 3},
        {"lineType": "Item", "lineObjectNumber": "1000", "quantity": 2, "discountPercent": 10},
        {"lineType": "Comment", "description": "Handle with care"},
    )
    first, second, third = row["salesOrderLines"]
    assert [line["sequence"] for line in row["salesOrderLines"]] == [10000, 20000, 30000]
    assert (first["lineObjectNumber"], first["description"], first["unitOfMeasureCode"]) == ("1000", "Wheel", "PCS")
    assert (first["amountExcludingTax"], first["totalTaxAmount"], first["amountIncludingTax"]) == (37.5, 7.88, 45.38)
    assert (second["itemId"], second["discountAmount"], second["netAmount"]) == (WHEEL, 2.5, 22.5)
    assert (third["lineType"], third["netAmount"]) == ("Comment", 0)
    totals = ("totalAmountExcludingTax", "totalTaxAmount", "totalAmountIncludingTax")
    assert tuple(row[name] for name in totals) == (60, 12.61, 72.61)


async def test_a_sale_to_another_country_bears_no_tax(bc: httpx.AsyncClient) -> None:
    row = await order(bc, {"itemId": WHEEL, "quantity": 2}, customer="C00211")
    assert (row["totalTaxAmount"], row["totalAmountIncludingTax"]) == (0, 25)


async def test_an_invoice_discount_is_spread_over_the_lines(bc: httpx.AsyncClient) -> None:
    row = await order(bc, {"itemId": WHEEL, "quantity": 2}, {"itemId": WHEEL, "quantity": 1})
    address = f"salesOrders({row['id']})?$expand=salesOrderLines"
    changed = (await bc.patch(address, json={"discountAmount": 10}, headers=FORCE)).json()
    assert [line["invoiceDiscountAllocation"] for line in changed["salesOrderLines"]] == [6.67, 3.33]
    assert changed["totalAmountExcludingTax"] == 27.5


async def test_a_line_change_changes_the_order_too(bc: httpx.AsyncClient) -> None:
    row = await order(bc, {"itemId": WHEEL, "quantity": 1})
    line = row["salesOrderLines"][0]
    changed = await bc.patch(f"salesOrderLines({line['id']})", json={"quantity": 4}, headers=FORCE)
    assert changed.json()["amountExcludingTax"] == 50
    after = (await bc.get(f"salesOrders({row['id']})")).json()
    assert after["totalAmountExcludingTax"] == 50
    assert after["@odata.etag"] != row["@odata.etag"]


async def test_lines_are_added_and_deleted_one_by_one(bc: httpx.AsyncClient, bc_store: Store) -> None:
    row = await order(bc, {"itemId": WHEEL, "quantity": 1})
    added = await bc.post(f"salesOrders({row['id']})/salesOrderLines", json={"itemId": WHEEL, "quantity": 2})
    assert (added.status_code, added.json()["sequence"]) == (201, 20000)
    other = await bc.post("salesOrderLines", json={"documentId": row["id"], "itemId": WHEEL, "quantity": 1})
    assert other.json()["sequence"] == 30000
    assert (await bc.delete(f"salesOrderLines({added.json()['id']})")).status_code == 204
    assert (await bc.get(f"salesOrders({row['id']})")).json()["totalAmountExcludingTax"] == 25
    assert (await bc.delete(f"salesOrders({row['id']})")).status_code == 204
    assert bc_store.count("salesOrderLines") == 0


async def test_lines_are_not_a_table(bc: httpx.AsyncClient) -> None:
    row = await order(bc, {"itemId": WHEEL, "quantity": 1}, {"itemId": WHEEL, "quantity": 2})
    await order(bc, {"itemId": WHEEL, "quantity": 3})
    message = "You must specify an Id or a Document Id to get the lines."
    for address in ("salesOrderLines", "salesOrderLines?$filter=quantity gt 1", "salesOrderLines/$count"):
        assert refusal(await bc.get(address)) == message
    line = row["salesOrderLines"][1]["id"]
    for address, quantities in {
        f"salesOrders({row['id']})/salesOrderLines": [1, 2],
        f"salesOrderLines?$filter=documentId eq {row['id']}": [1, 2],
        f"salesOrderLines?$filter=documentId eq {row['id']} and quantity gt 1": [2],
        f"salesOrderLines?$filter=id eq {line}": [2],
    }.items():
        assert [found["quantity"] for found in (await bc.get(address)).json()["value"]] == quantities
    assert (await bc.get(f"salesOrderLines({line})")).json()["quantity"] == 2
    assert (await bc.get(f"salesOrders({row['id']})/salesOrderLines({line})")).json()["quantity"] == 2


async def test_a_line_is_not_found_under_another_order(bc: httpx.AsyncClient) -> None:
    row, other = await order(bc, {"itemId": WHEEL}), await order(bc)
    response = await bc.get(f"salesOrders({other['id']})/salesOrderLines({row['salesOrderLines'][0]['id']})")
    assert response.status_code == 404


async def test_orders_expand_lines_items_and_customer(bc: httpx.AsyncClient) -> None:
    row = await order(bc, {"itemId": WHEEL, "quantity": 1})
    options = "$expand=salesOrderLines($select=sequence,quantity;$expand=item($select=number)),customer($select=number)"
    body = (await bc.get(f"salesOrders({row['id']})?$select=number&{options}")).json()
    line = body["salesOrderLines"][0]
    assert (line["sequence"], line["item"]["number"], body["customer"]["number"]) == (10000, "1000", "C00210")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, 'A "customerNumber" or a "customerId" must be provided.'),
        ({"customerNumber": "X"}, "The sell-to customer cannot be found."),
        ({"customerId": WHEEL}, "The sell-to customer cannot be found."),
        (
            {"customerId": CUSTOMER, "customerNumber": "C00211"},
            "The sell-to customer values do not match to a specific Customer.",
        ),
        ({"customerNumber": "C00210", "currencyId": WHEEL}, 'The "currencyId" does not match to a Currency.'),
        (
            {"customerNumber": "C00212"},
            "You cannot create this type of document when Customer C00212 is blocked with type All",
        ),
    ],
)
async def test_an_order_is_refused(bc: httpx.AsyncClient, body: dict[str, object], message: str) -> None:
    assert refusal(await bc.post("salesOrders", json=body)) == message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"itemId": CUSTOMER}, "Item does not exist."),
        ({"lineType": "Item", "lineObjectNumber": "77"}, "Item does not exist."),
        (
            {"itemId": WHEEL, "accountId": WHEEL},
            'Both "itemId" and "accountId" are specified. Specify only one of them.',
        ),
        ({"itemId": OLD}, "Blocked must be equal to 'No' in Item: No.=1001. Current value is 'Yes'."),
    ],
)
async def test_an_order_with_a_bad_line_is_refused_whole(
    bc: httpx.AsyncClient, bc_store: Store, line: dict[str, object], message: str
) -> None:
    lines = [{"itemId": WHEEL}, line]
    response = await bc.post("salesOrders", json={"customerNumber": "C00210", "salesOrderLines": lines})
    assert refusal(response) == message
    assert (bc_store.count("salesOrders"), bc_store.count("salesOrderLines")) == (0, 0)


async def test_a_line_keeps_its_document_and_sequence(bc: httpx.AsyncClient) -> None:
    row, other = await order(bc, {"itemId": WHEEL}), await order(bc)
    address = f"salesOrderLines({row['salesOrderLines'][0]['id']})"
    for body, message in (
        ({"documentId": other["id"]}, 'The value for "documentId" cannot be modified.'),
        ({"sequence": 5}, "The value for sequence cannot be modified. Delete and insert the line again."),
    ):
        assert refusal(await bc.patch(address, json=body, headers=FORCE)) == message


async def test_a_released_order_must_be_reopened_before_its_lines_change(
    bc: httpx.AsyncClient, bc_store: Store
) -> None:
    row = await order(bc, {"itemId": WHEEL, "quantity": 1})
    bc_store.update("salesOrders", row["id"], {"status": "Open"})
    line = f"salesOrderLines({row['salesOrderLines'][0]['id']})"
    message = "Status must be equal to 'Open' in Sales Header: Document Type=Order, No.=S-ORD000001. "
    assert (
        refusal(await bc.patch(line, json={"quantity": 2}, headers=FORCE)) == message + "Current value is 'Released'."
    )
    assert refusal(await bc.delete(line)).startswith(message)
    added = await bc.post(f"salesOrders({row['id']})/salesOrderLines", json={"itemId": WHEEL})
    assert refusal(added).startswith(message)


async def test_totals_and_number_are_read_only(bc: httpx.AsyncClient) -> None:
    row = await order(bc)
    for body in ({"totalTaxAmount": 1}, {"number": "X"}, {"status": "Open"}):
        response = await bc.patch(f"salesOrders({row['id']})", json=body, headers=FORCE)
        assert (response.status_code, response.json()["error"]["code"]) == (400, "BadRequest_InvalidOperation")


async def test_lines_do_not_change_through_their_order(bc: httpx.AsyncClient) -> None:
    row = await order(bc)
    response = await bc.patch(f"salesOrders({row['id']})", json={"salesOrderLines": [{"itemId": WHEEL}]}, headers=FORCE)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "BadRequest")


async def test_a_customer_with_orders_stays(bc: httpx.AsyncClient) -> None:
    await order(bc)
    assert refusal(await bc.delete(f"customers({CUSTOMER})")) == (
        "You cannot delete Customer C00210 because there is at least one outstanding Sales Order for this customer."
    )
