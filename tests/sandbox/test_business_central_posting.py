"""Business Central: what posting an order or an invoice leaves behind."""

from typing import Any

import httpx
import pytest

from gateway.sandbox.store import Store

pytestmark = pytest.mark.anyio

CUSTOMER = "3f0c0000-0000-4000-8000-000000000210"
PAYER = "3f0c0000-0000-4000-8000-000000000211"
WHEEL = "3f0c0000-0000-4000-8000-000000001000"
HOUR = "3f0c0000-0000-4000-8000-000000001001"
TERMS = "3f0c0000-0000-4000-8000-000000000001"
DOLLAR = "3f0c0000-0000-4000-8000-000000000002"
MAIN = "3f0c0000-0000-4000-8000-000000000003"
RESERVATION = {"entryNo": 1, "itemNo": "1000", "locationCode": "MAIN", "quantityBase": 2}
FORCE = {"If-Match": "*"}


@pytest.fixture(autouse=True)
def rows(bc_store: Store) -> None:
    bc_store.seed("paymentTerms", [{"id": TERMS, "code": "30 DAYS", "dueDateCalculation": "30D"}])
    bc_store.seed("currencies", [{"id": DOLLAR, "code": "USD"}])
    bc_store.seed("locations", [{"id": MAIN, "code": "MAIN"}])
    rate = {"id": DOLLAR, "currencyCode": "USD", "exchangeRateAmount": "1.25", "relationalExchangeRateAmount": 1}
    bc_store.seed("currencyExchangeRates", [rate])
    customers: list[dict[str, object]] = [
        {"id": CUSTOMER, "number": "C00210", "displayName": "Harbour Bikes BV", "country": "NL", "balanceDue": 100,
         "paymentTermsId": TERMS},
        {"id": PAYER, "number": "C00211", "displayName": "Radhaus", "country": "DE", "currencyId": DOLLAR,
         "currencyCode": "USD"},
    ]  # fmt: skip
    bc_store.seed("customers", customers)
    bc_store.seed("customerFinancialDetails", [{"id": CUSTOMER, "number": "C00210", "balance": 100}])
    items: list[dict[str, object]] = [
        {"id": WHEEL, "number": "1000", "type": "Inventory", "unitPrice": "12.50", "unitCost": 8, "inventory": 10},
        {"id": HOUR, "number": "1001", "type": "Service", "unitPrice": 40},
    ]
    bc_store.seed("items", items)
    entries: list[dict[str, object]] = [
        {"entryNo": number, "itemNo": "1000", "locationCode": "MAIN", "quantity": 5, "remainingQuantity": 5,
         "open": True, "positive": True}
        for number in (1, 2)
    ]  # fmt: skip
    bc_store.seed("$itemLedgerEntries", entries)


async def order(bc: httpx.AsyncClient, *lines: dict[str, object], **more: object) -> dict[str, Any]:
    body = {"customerNumber": "C00210", "salesOrderLines": lines} | more
    created: dict[str, Any] = (await bc.post("salesOrders?$expand=salesOrderLines", json=body)).json()
    return created


async def ship(bc: httpx.AsyncClient, created: dict[str, Any], status: int = 204) -> httpx.Response:
    answer = await bc.post(f"salesOrders({created['id']})/Microsoft.NAV.shipAndInvoice", json={})
    assert answer.status_code == status, answer.text
    return answer


async def invoice(bc: httpx.AsyncClient, answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = (await bc.get(f"{answer.headers['location']}?$expand=salesInvoiceLines")).json()
    return found


async def test_a_whole_order_becomes_an_invoice(bc: httpx.AsyncClient) -> None:
    created = await order(
        bc,
        {"itemId": WHEEL, "quantity": 3, "locationId": MAIN, "discountPercent": 10},
        {"itemId": HOUR, "quantity": 2},
        {"lineType": "Comment", "description": "Handle with care"},
        discountAmount=5,
        externalDocumentNumber="PO-7",
    )
    posted = await invoice(bc, await ship(bc, created))
    assert (await bc.get(f"salesOrders({created['id']})")).status_code == 404
    assert (await bc.get(f"salesOrderLines({created['salesOrderLines'][0]['id']})")).status_code == 404
    assert (posted["orderNumber"], posted["orderId"], posted["status"]) == (created["number"], created["id"], "Open")
    assert (posted["invoiceDate"], posted["dueDate"]) == ("2026-11-16", "2026-12-16")
    assert posted["externalDocumentNumber"] == "PO-7"
    for name in ("totalAmountExcludingTax", "totalTaxAmount", "totalAmountIncludingTax", "discountAmount"):
        assert posted[name] == created[name], name
    assert posted["remainingAmount"] == posted["totalAmountIncludingTax"]
    assert [line["lineType"] for line in posted["salesInvoiceLines"]] == ["Item", "Item", "Comment"]


async def test_posting_takes_the_oldest_stock_first(bc: httpx.AsyncClient, bc_store: Store) -> None:
    await ship(bc, await order(bc, {"itemId": WHEEL, "quantity": 7, "locationId": MAIN}))
    assert (await bc.get(f"items({WHEEL})")).json()["inventory"] == 3
    entries = [
        (one["quantity"], one["remainingQuantity"], one["open"]) for one in bc_store.select("$itemLedgerEntries")
    ]
    assert entries == [(5, 0, False), (5, 3, True), (-7, 0, False)]


async def test_what_is_not_in_stock_stays_open(bc: httpx.AsyncClient, bc_store: Store) -> None:
    await ship(bc, await order(bc, {"itemId": WHEEL, "quantity": 12, "locationId": MAIN}))
    assert (await bc.get(f"items({WHEEL})")).json()["inventory"] == -2
    last = bc_store.select("$itemLedgerEntries")[-1]
    assert (last["remainingQuantity"], last["open"]) == (-2, True)


async def test_stock_elsewhere_is_not_touched(bc: httpx.AsyncClient, bc_store: Store) -> None:
    await ship(bc, await order(bc, {"itemId": WHEEL, "quantity": 1}))
    assert [one["remainingQuantity"] for one in bc_store.select("$itemLedgerEntries")] == [5, 5, -1]


async def test_a_service_leaves_no_stock(bc: httpx.AsyncClient, bc_store: Store) -> None:
    await ship(bc, await order(bc, {"itemId": HOUR, "quantity": 1}))
    assert bc_store.count("$itemLedgerEntries") == 2


async def test_the_customer_owes_what_was_invoiced(bc: httpx.AsyncClient, bc_store: Store) -> None:
    posted = await invoice(bc, await ship(bc, await order(bc, {"itemId": WHEEL, "quantity": 4})))
    (entry,) = bc_store.select("$customerLedgerEntries")
    assert (entry["documentNo"], entry["customerNo"], entry["dueDate"]) == (posted["number"], "C00210", "2026-12-16")
    assert (float(str(entry["remainingAmountLCY"])), entry["salesLCY"], entry["profitLCY"]) == (60.5, 50, 18)
    assert (await bc.get(f"customers({CUSTOMER})")).json()["balanceDue"] == 160.5
    details = (await bc.get(f"customerFinancialDetails({CUSTOMER})")).json()
    assert (details["balance"], details["totalSalesExcludingTax"]) == (160.5, 50)


async def test_a_foreign_invoice_is_owed_in_local_currency(bc: httpx.AsyncClient, bc_store: Store) -> None:
    await ship(bc, await order(bc, {"itemId": WHEEL, "quantity": 4}, customerNumber="C00211"))
    (entry,) = bc_store.select("$customerLedgerEntries")
    assert (entry["currencyCode"], entry["amount"], entry["amountLCY"]) == ("USD", 50, 40)


async def test_the_bill_to_customer_owes(bc: httpx.AsyncClient, bc_store: Store) -> None:
    await ship(bc, await order(bc, {"itemId": WHEEL, "quantity": 4}, billToCustomerNumber="C00211"))
    assert [one["customerNo"] for one in bc_store.select("$customerLedgerEntries")] == ["C00211"]


async def test_what_is_left_stays_in_the_order(bc: httpx.AsyncClient) -> None:
    created = await order(bc, {"itemId": WHEEL, "quantity": 4}, discountAmount=8)
    line = f"salesOrderLines({created['salesOrderLines'][0]['id']})"
    await bc.patch(line, json={"shipQuantity": 1, "invoiceQuantity": 1}, headers=FORCE)
    posted = await invoice(bc, await ship(bc, created))
    assert (posted["totalAmountExcludingTax"], posted["discountAmount"]) == (10.5, 2)
    left = (await bc.get(line)).json()
    quantities = ("quantity", "shippedQuantity", "invoicedQuantity", "shipQuantity", "invoiceQuantity")
    assert [left[name] for name in quantities] == [4, 1, 1, 3, 3]
    await ship(bc, created)
    assert (await bc.get(f"salesOrders({created['id']})")).status_code == 404
    assert (await bc.get(f"salesInvoices/$count?$filter=orderNumber eq '{created['number']}'")).text == "2"


async def test_a_changed_quantity_is_posted_whole(bc: httpx.AsyncClient) -> None:
    created = await order(bc, {"itemId": WHEEL, "quantity": 1})
    line = f"salesOrderLines({created['salesOrderLines'][0]['id']})"
    await bc.patch(line, json={"quantity": 3}, headers=FORCE)
    posted = await invoice(bc, await ship(bc, created))
    assert posted["totalAmountExcludingTax"] == 37.5


async def test_a_reservation_is_used_up(bc: httpx.AsyncClient, bc_store: Store) -> None:
    created = await order(bc, {"itemId": WHEEL, "quantity": 2})
    line = created["salesOrderLines"][0]["id"]
    bc_store.seed("$reservationEntries", [RESERVATION | {"salesLineId": line}])
    less = await bc.patch(f"salesOrderLines({line})", json={"quantity": 1}, headers=FORCE)
    assert (less.status_code, less.json()["error"]["code"]) == (400, "Application_DialogException")
    await ship(bc, created)
    assert bc_store.count("$reservationEntries") == 0


async def test_an_order_without_anything_to_post_is_refused(bc: httpx.AsyncClient, bc_store: Store) -> None:
    answer = await ship(bc, await order(bc), 400)
    assert answer.json()["error"]["message"].startswith("There is nothing to post.")
    assert bc_store.count("salesInvoices") == 0


async def test_a_draft_invoice_keeps_its_id_when_it_is_posted(bc: httpx.AsyncClient, bc_store: Store) -> None:
    body = {"customerNumber": "C00210", "salesInvoiceLines": [{"itemId": WHEEL, "quantity": 2, "locationId": MAIN}]}
    draft = (await bc.post("salesInvoices", json=body)).json()
    assert (draft["number"], draft["status"], draft["totalAmountExcludingTax"]) == ("S-INV000001", "Draft", 25)
    answer = await bc.post(f"salesInvoices({draft['id']})/Microsoft.NAV.POST")
    assert answer.status_code == 204
    posted = (await bc.get(f"salesInvoices({draft['id']})")).json()
    assert (posted["number"], posted["status"], posted["remainingAmount"]) == ("PSI000001", "Open", 30.25)
    assert (await bc.get(f"items({WHEEL})")).json()["inventory"] == 8
    assert bc_store.count("$customerLedgerEntries") == 1
    again = await bc.post(f"salesInvoices({draft['id']})/Microsoft.NAV.post")
    assert "The action can be applied to a draft invoice only." in again.text


async def test_a_posted_invoice_does_not_change(bc: httpx.AsyncClient) -> None:
    posted = await invoice(bc, await ship(bc, await order(bc, {"itemId": WHEEL, "quantity": 2})))
    line = posted["salesInvoiceLines"][0]["id"]
    for answer in (
        await bc.patch(f"salesInvoices({posted['id']})", json={"email": "x@y.example"}, headers=FORCE),
        await bc.delete(f"salesInvoices({posted['id']})"),
        await bc.patch(f"salesInvoiceLines({line})", json={"quantity": 1}, headers=FORCE),
        await bc.delete(f"salesInvoiceLines({line})"),
        await bc.post(f"salesInvoices({posted['id']})/salesInvoiceLines", json={"itemId": WHEEL, "quantity": 1}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Application_DialogException")


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "salesOrders(…)/Microsoft.NAV.shipAndInvoice", 405),
        ("POST", "salesOrders(…)/Microsoft.NAV.release", 404),
        ("POST", "salesOrders/Microsoft.NAV.shipAndInvoice", 404),
        ("POST", "customers(…)/Microsoft.NAV.shipAndInvoice", 404),
        ("POST", "Microsoft.NAV.shipAndInvoice", 404),
    ],
)
async def test_an_action_belongs_to_one_row_of_its_set(
    bc: httpx.AsyncClient, method: str, address: str, status: int
) -> None:
    created = await order(bc, {"itemId": WHEEL, "quantity": 1})
    answer = await bc.request(method, address.replace("…", created["id"]))
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("action", "made", "lines"),
    [("makeOrder", "salesOrders", "salesOrderLines"), ("makeInvoice", "salesInvoices", "salesInvoiceLines")],
)
async def test_a_quote_becomes_a_document_and_is_gone(
    bc: httpx.AsyncClient, bc_store: Store, action: str, made: str, lines: str
) -> None:
    line = {"itemId": WHEEL, "quantity": 3, "unitPrice": 11, "discountPercent": 10}
    body = {"customerNumber": "C00210", "salesQuoteLines": [line], "discountAmount": 2, "shipToCity": "Breda"}
    quote = (await bc.post("salesQuotes?$expand=salesQuoteLines", json=body)).json()
    assert (quote["number"], quote["status"], quote["documentDate"]) == ("S-QUO000001", "Draft", "2026-11-16")
    assert (quote["totalAmountExcludingTax"], quote["salesQuoteLines"][0]["sequence"]) == (27.7, 10000)
    answer = await bc.post(f"salesQuotes({quote['id']})/Microsoft.NAV.{action}")
    assert answer.status_code == 204
    document = (await bc.get(f"{answer.headers['location']}?$expand={lines}")).json()
    assert f"/{made}(" in answer.headers["location"]
    assert (document["status"], document["shipToCity"], document["discountAmount"]) == ("Draft", "Breda", 2)
    assert document["totalAmountIncludingTax"] == quote["totalAmountIncludingTax"]
    assert [(one["unitPrice"], one["quantity"]) for one in document[lines]] == [(11, 3)]
    assert (bc_store.count("salesQuotes"), bc_store.count("salesQuoteLines")) == (0, 0)


async def test_an_order_made_of_a_quote_can_be_posted(bc: httpx.AsyncClient) -> None:
    body = {"customerNumber": "C00210", "salesQuoteLines": [{"itemId": WHEEL, "quantity": 3}]}
    quote = (await bc.post("salesQuotes", json=body)).json()
    made = await bc.post(f"salesQuotes({quote['id']})/Microsoft.NAV.makeOrder")
    created = (await bc.get(made.headers["location"])).json()
    posted = await invoice(bc, await ship(bc, created))
    assert (posted["orderNumber"], posted["totalAmountExcludingTax"]) == (created["number"], 37.5)


async def test_the_number_of_a_posted_order_is_not_given_again(bc: httpx.AsyncClient) -> None:
    first = await order(bc, {"itemId": WHEEL, "quantity": 1})
    await ship(bc, first)
    second = await order(bc, {"itemId": WHEEL, "quantity": 1})
    await bc.delete(f"salesOrders({second['id']})")
    third = await order(bc, {"itemId": WHEEL, "quantity": 1})
    assert [one["number"] for one in (first, second, third)] == ["S-ORD000001", "S-ORD000002", "S-ORD000003"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quantity": 1}, "Quantity must not be less than Quantity Shipped in Sales Line"),
        ({"shipQuantity": 4}, "You cannot ship more than 3 units."),
        ({"shipQuantity": -1}, "You cannot ship more than 3 units."),
        ({"shipQuantity": 1, "invoiceQuantity": 2}, "You cannot invoice more than 1 units."),
        ({"invoiceQuantity": -1}, "You cannot invoice more than 3 units."),
    ],
)
async def test_no_more_is_posted_than_was_ordered(
    bc: httpx.AsyncClient, changes: dict[str, object], message: str
) -> None:
    created = await order(bc, {"itemId": WHEEL, "quantity": 5})
    line = f"salesOrderLines({created['salesOrderLines'][0]['id']})"
    await bc.patch(line, json={"shipQuantity": 2}, headers=FORCE)
    await ship(bc, created)
    before = (await bc.get(line)).json()
    answer = await bc.patch(line, json=changes, headers=FORCE)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Application_DialogException")
    assert answer.json()["error"]["message"].startswith(message)
    assert (await bc.get(line)).json() == before


async def test_what_is_shipped_is_to_be_invoiced(bc: httpx.AsyncClient) -> None:
    created = await order(bc, {"itemId": WHEEL, "quantity": 5})
    line = f"salesOrderLines({created['salesOrderLines'][0]['id']})"
    assert (await bc.patch(line, json={"shipQuantity": 2}, headers=FORCE)).json()["invoiceQuantity"] == 2


async def test_a_line_that_is_not_shipped_keeps_its_reservation(bc: httpx.AsyncClient, bc_store: Store) -> None:
    created = await order(bc, {"itemId": WHEEL, "quantity": 2}, {"itemId": HOUR, "quantity": 1})
    line = created["salesOrderLines"][0]["id"]
    bc_store.seed("$reservationEntries", [RESERVATION | {"salesLineId": line}])
    await bc.patch(f"salesOrderLines({line})", json={"shipQuantity": 0}, headers=FORCE)
    await ship(bc, created)
    assert bc_store.count("$reservationEntries") == 1


@pytest.mark.parametrize(("set_name", "key"), [("customers", CUSTOMER), ("items", WHEEL)])
async def test_what_ledger_entries_name_stays(bc: httpx.AsyncClient, bc_store: Store, set_name: str, key: str) -> None:
    created = await order(bc, {"itemId": WHEEL, "quantity": 1})
    outstanding = await bc.delete(f"{set_name}({key})")
    assert "there is at least one outstanding Sales Order" in outstanding.json()["error"]["message"]
    await ship(bc, created)
    answer = await bc.delete(f"{set_name}({key})")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Application_DialogException")
    assert "has ledger entries" in answer.json()["error"]["message"]
    assert bc_store.get(set_name, key) is not None


async def test_ledgers_and_documents_follow_a_new_number(bc: httpx.AsyncClient, bc_store: Store) -> None:
    posted = await invoice(bc, await ship(bc, await order(bc, {"itemId": WHEEL, "quantity": 1})))
    waiting = await order(bc, {"itemId": WHEEL, "quantity": 1})
    for address in (f"customers({CUSTOMER})", f"items({WHEEL})"):
        assert (await bc.patch(address, json={"number": "NEW"}, headers=FORCE)).json()["number"] == "NEW"
    assert [one["customerNo"] for one in bc_store.select("$customerLedgerEntries")] == ["NEW"]
    assert {one["itemNo"] for one in bc_store.select("$itemLedgerEntries")} == {"NEW"}
    for address in (f"salesOrders({waiting['id']})", f"salesInvoices({posted['id']})"):
        found = (await bc.get(address)).json()
        assert (found["customerNumber"], found["billToCustomerNumber"]) == ("NEW", "NEW")
    assert (await bc.get(f"salesOrders({waiting['id']})/salesOrderLines")).json()["value"][0][
        "lineObjectNumber"
    ] == "NEW"
