"""Posted sales invoices become invoices of CRM, with their lines or not at all."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from gateway.sandbox.store import Store
from tests.graphql.api import Api
from tests.graphql.runs import Runs
from tests.graphql.test_inserts import codes

pytestmark = pytest.mark.anyio

NAME = "SALES_INVOICE"
BUYER = "C00023"
COUPLED, OTHER = "1003", "1004"
LINES = "$expand=invoice_details($orderby=lineitemnumber)"


class Invoices(Runs):
    """With what people do to invoices in Business Central."""

    async def item(self, number: str) -> Any:
        found = await self.api.in_business_central("GET", f"items?$filter=number eq '{number}'")
        return found["value"][0]

    async def line(self, number: str, quantity: int = 2, price: str = "12.50", **more: object) -> dict[str, Any]:
        item = await self.item(number)
        return {"itemId": item["id"], "quantity": quantity, "unitPrice": Decimal(price), **more}

    async def drafted(self, *lines: dict[str, Any], buyer: str = BUYER, **more: object) -> str:
        body = {"customerNumber": buyer, "salesInvoiceLines": list(lines), **more}
        id: str = (await self.api.in_business_central("POST", "salesInvoices", body))["id"]
        return id

    async def post(self, id: str) -> str:
        """The number that it gets."""
        await self.api.in_business_central("POST", f"salesInvoices({id})/Microsoft.NAV.post", {})
        number: str = (await self.api.in_business_central("GET", f"salesInvoices({id})"))["number"]
        return number

    async def posted(self, *lines: dict[str, Any], **more: Any) -> tuple[str, str]:
        id = await self.drafted(*lines, **more)
        return id, await self.post(id)

    async def in_crm(self, number: str) -> list[Any]:
        found = await self.api.in_dataverse("GET", f"invoices?$filter=invoicenumber eq '{number}'&{LINES}")
        rows: list[Any] = found["value"]
        return rows

    @property
    def store(self) -> Store:
        return self.api.sandbox.business_central

    async def changed(self, id: str, **values: object) -> None:
        """What the ledger, or somebody in the client, does to an invoice."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with self.store.transaction():
            self.store.update("salesInvoices", id, {**values, "lastModifiedDateTime": moment})

    async def changed_line(self, id: str, **values: object) -> None:
        with self.store.transaction():
            self.store.update("salesInvoiceLines", id, values)

    async def run(self) -> Any:
        return await self.modified(NAME)


@pytest.fixture
async def invoices(own_api: Api) -> Invoices:
    """From here on posted invoices become invoices of CRM; those of before are left alone."""
    found = Invoices(own_api)
    await found.run()
    await found.update(mapping=NAME, onlyCoupled=False)
    await found.run()
    return found


async def test_a_posted_invoice_is_in_crm_with_its_lines_and_totals(invoices: Invoices) -> None:
    lines = [
        await invoices.line(COUPLED, 3, "19.99"),
        await invoices.line(OTHER, 2, "40", discountPercent=25),
        {"lineType": "Account", "lineObjectNumber": "8000", "description": "Freight", "quantity": 1, "unitPrice": 25},
    ]
    id = await invoices.drafted(*lines, discountAmount=10)
    assert (await invoices.run())["counters"]["inserted"] == 0, "nobody owes for a draft"
    number = await invoices.post(id)
    job = await invoices.run()
    assert (job["counters"]["inserted"], job["counters"]["coupled"], codes(job)) == (1, 1, {})
    (row,) = await invoices.in_crm(number)
    posted = await invoices.api.in_business_central("GET", f"salesInvoices({id})")
    for theirs, ours in (
        ("totalamountlessfreight", "totalAmountExcludingTax"),
        ("totaltax", "totalTaxAmount"),
        ("totalamount", "totalAmountIncludingTax"),
        ("discountamount", "discountAmount"),
        ("duedate", "dueDate"),
        ("shipto_city", "shipToCity"),
        ("billto_name", "billToName"),
    ):
        assert row[theirs] == posted[ours], theirs
    customer = await invoices.customer(BUYER)
    assert row["_customerid_value"] == customer["account"]["accountId"]
    assert (row["name"], row["statecode"], row["statuscode"]) == (number, 0, 4)
    first, second, third = row["invoice_details"]
    product = await invoices.api.in_dataverse("GET", f"products?$filter=productnumber eq '{COUPLED}'")
    assert first["_productid_value"] == product["value"][0]["productid"]
    assert first["_uomid_value"] == product["value"][0]["_defaultuomid_value"]
    assert (first["quantity"], first["priceperunit"], first["baseamount"]) == (3, 19.99, 59.97)
    assert (second["manualdiscountamount"], second["lineitemnumber"]) == (20, 20_000)
    assert (third["productdescription"], third["_productid_value"]) == ("Freight", None)


async def test_a_second_run_writes_nothing_and_makes_no_second_invoice(invoices: Invoices) -> None:
    _, number = await invoices.posted(await invoices.line(COUPLED))
    await invoices.run()
    for _ in range(2):
        writes = _written(invoices.api)
        job = await invoices.run()
        counters = job["counters"]
        assert (counters["inserted"], counters["modified"], counters["failed"]) == (0, 0, 0)
        assert _written(invoices.api) == writes
    assert len(await invoices.in_crm(number)) == 1


async def test_an_item_that_nobody_coupled_keeps_its_invoice_and_no_other_back(invoices: Invoices) -> None:
    api = invoices.api.in_business_central
    item = await api("POST", "items", {"displayName": "Nebelhorn Bell", "baseUnitOfMeasureCode": "PCS"})
    lines = [await invoices.line(COUPLED), {"itemId": item["id"], "quantity": 1, "unitPrice": 5}]
    _, number = await invoices.posted(*lines)
    _, good = await invoices.posted(await invoices.line(COUPLED))
    job = await invoices.run()
    assert (codes(job), job["counters"]["inserted"]) == ({number: "LOOKUP_NOT_COUPLED"}, 1)
    (error,) = job["errors"]["nodes"]
    assert f"line 20000 ({item['number']})" in error["message"]
    assert "Nebelhorn Bell" in error["message"]
    assert "coupleRecords" in error["hint"]
    assert (len(await invoices.in_crm(number)), len(await invoices.in_crm(good))) == (0, 1)
    made = {"mapping": "ITEM", "businessCentral": {"number": item["number"]}, "dataverse": {"create": True}}
    await invoices.coupled(**made)
    job = await invoices.run()
    assert (codes(job), job["counters"]["inserted"]) == ({}, 1)
    (row,) = await invoices.in_crm(number)
    assert len(row["invoice_details"]) == 2


async def test_a_line_that_crm_refuses_leaves_nothing_of_its_invoice_behind(invoices: Invoices) -> None:
    """The change set is one: the invoice was there for a moment, and is not any more."""
    pairs = sum(each[0] == NAME for each in await invoices.all())
    many = {"lineType": "Account", "lineObjectNumber": "8000", "quantity": 200_000_000_000, "unitPrice": 0}
    _, number = await invoices.posted(await invoices.line(COUPLED), many)
    _, good = await invoices.posted(await invoices.line(COUPLED))
    job = await invoices.run()
    (error,) = job["errors"]["nodes"]
    assert (job["counters"]["inserted"], job["counters"]["failed"]) == (1, 1)
    assert error["message"].startswith(f"Line 20000 (8000) of sales invoice {number}"), error["message"]
    assert (len(await invoices.in_crm(number)), len(await invoices.in_crm(good))) == (0, 1)
    assert sum(each[0] == NAME for each in await invoices.all()) == pairs + 1


async def test_an_answer_that_is_lost_leaves_one_invoice(invoices: Invoices) -> None:
    _, number = await invoices.posted(await invoices.line(COUPLED), await invoices.line(OTHER))
    lost: list[httpx.Request] = []

    async def losing(request: httpx.Request) -> httpx.Response:
        answer = await invoices.api.dataverse.inner.handle_async_request(request)
        if b"changeset" in request.content and not lost:
            lost.append(request)
            raise httpx.ReadError("the answer is lost", request=request)
        return answer

    invoices.api.dataverse.instead = losing
    job = await invoices.run()
    assert lost
    assert (job["counters"]["inserted"], codes(job)) == (1, {})
    (row,) = await invoices.in_crm(number)
    assert len(row["invoice_details"]) == 2
    invoices.api.dataverse.instead = None
    assert (await invoices.run())["counters"]["inserted"] == 0


async def test_requests_do_not_grow_with_the_invoices(invoices: Invoices) -> None:
    await invoices.posted(await invoices.line(COUPLED))
    await invoices.run()
    spent = []
    for many in (2, 40):
        line, other = await invoices.line(COUPLED, 1), await invoices.line(OTHER, 1)
        for _ in range(many):
            await invoices.posted(line, other)
        seen = len(invoices.api.business_central.seen) + len(invoices.api.dataverse.seen)
        job = await invoices.run()
        assert (job["counters"]["inserted"], codes(job)) == (many, {})
        spent.append(len(invoices.api.business_central.seen) + len(invoices.api.dataverse.seen) - seen)
    assert spent[0] == spent[1] <= 20, spent


@pytest.mark.parametrize(
    ("remaining", "status", "state"),
    [("0", "Paid", (2, 100001)), ("10", "Open", (2, 100002)), ("30.25", "Canceled", (3, 100003))],
)
async def test_what_was_paid_is_the_state_of_the_invoice(
    invoices: Invoices, remaining: str, status: str, state: tuple[int, int]
) -> None:
    """No API posts a payment, so the ledger's part is played behind it: the record changes, and its moment of change."""
    id, number = await invoices.posted(await invoices.line(COUPLED))
    await invoices.run()
    await invoices.changed(id, remainingAmount=Decimal(remaining), status=status)
    job = await invoices.run()
    assert (job["counters"]["modified"], job["counters"]["failed"]) == (1, 0)
    (row,) = await invoices.in_crm(number)
    assert (row["statecode"], row["statuscode"]) == state
    assert len(row["invoice_details"]) == 1
    await invoices.changed(id, status=status)
    job = await invoices.run()
    assert (job["counters"]["modified"], job["counters"]["unchanged"]) == (0, 1)


async def test_an_invoice_that_was_paid_already_is_closed_with_its_lines_in_it(invoices: Invoices) -> None:
    id, number = await invoices.posted(await invoices.line(COUPLED), await invoices.line(OTHER))
    await invoices.changed(id, remainingAmount=Decimal(0), status="Paid")
    assert (await invoices.run())["counters"]["inserted"] == 1
    (row,) = await invoices.in_crm(number)
    assert (row["statecode"], row["statuscode"], len(row["invoice_details"])) == (2, 100001, 2)
    assert (await invoices.run())["counters"]["modified"] == 0


async def test_prices_with_tax_come_to_the_same_total(invoices: Invoices) -> None:
    """Three of 1.00 with 21 % in it: CRM multiplies prices without tax, which leaves a cent to make up for."""
    id, number = await invoices.posted(await invoices.line(COUPLED, 3, "1.00"))
    line = (await invoices.api.in_business_central("GET", f"salesInvoices({id})/salesInvoiceLines"))["value"][0]
    amounts = {"amountExcludingTax": Decimal("2.48"), "netTaxAmount": Decimal("0.52"), "taxPercent": Decimal(21)}
    await invoices.changed_line(line["id"], **amounts)
    totals = {"totalAmountExcludingTax": "2.48", "totalTaxAmount": "0.52", "totalAmountIncludingTax": "3.00"}
    await invoices.changed(id, pricesIncludeTax=True, **{name: Decimal(each) for name, each in totals.items()})
    await invoices.run()
    (row,) = await invoices.in_crm(number)
    assert (row["totalamountlessfreight"], row["totaltax"], row["totalamount"]) == (2.48, 0.52, 3)
    sold, rest = row["invoice_details"]
    assert (sold["priceperunit"], rest["productdescription"], rest["extendedamount"]) == (0.83, "Rounding", -0.01)


async def test_a_unit_that_the_product_lacks_is_told_with_its_line(invoices: Invoices) -> None:
    unit = await invoices.api.in_business_central("POST", "unitsOfMeasure", {"code": "CRATE", "displayName": "Crate"})
    id, number = await invoices.posted(await invoices.line(COUPLED))
    line = (await invoices.api.in_business_central("GET", f"salesInvoices({id})/salesInvoiceLines"))["value"][0]
    counted = {"unitOfMeasureId": unit["id"], "unitOfMeasureCode": "CRATE"}
    await invoices.changed_line(line["id"], **counted)
    job = await invoices.run()
    assert (codes(job), await invoices.in_crm(number)) == ({number: "LOOKUP_NOT_COUPLED"}, [])
    (error,) = job["errors"]["nodes"]
    assert f"no unit CRATE, in which line 10000 ({COUPLED})" in error["message"]
    assert "unit group" in error["hint"]


async def test_a_deleted_invoice_of_crm_is_made_anew_with_its_lines(invoices: Invoices) -> None:
    await invoices.update(mapping=NAME, deletionConflict="RESTORE_RECORDS")
    id, number = await invoices.posted(await invoices.line(COUPLED), await invoices.line(OTHER))
    await invoices.run()
    (row,) = await invoices.in_crm(number)
    await invoices.api.in_dataverse("DELETE", f"invoices({row['invoiceid']})")
    assert (await invoices.api.in_dataverse("GET", f"invoicedetails?$filter=_invoiceid_value eq {row['invoiceid']}"))[
        "value"
    ] == []
    await invoices.changed(id)
    assert (await invoices.run())["counters"]["inserted"] == 1
    (again,) = await invoices.in_crm(number)
    assert len(again["invoice_details"]) == 2


async def test_an_invoice_goes_one_way(invoices: Invoices) -> None:
    _, number = await invoices.posted(await invoices.line(COUPLED))
    await invoices.run()
    (row,) = await invoices.in_crm(number)
    given = {"mapping": NAME, "businessCentral": {"create": True}, "dataverse": {"id": row["invoiceid"]}}
    assert (await invoices.refused(**given))["code"] == "DIRECTION_NOT_ALLOWED"


async def test_an_invoice_is_made_on_request(invoices: Invoices) -> None:
    """As "Create Invoice in Dynamics 365 Sales" on its page; a draft is refused."""
    id = await invoices.drafted(await invoices.line(COUPLED))
    given = {"mapping": NAME, "dataverse": {"create": True}}
    assert (await invoices.refused(**given, businessCentral={"id": id}))["code"] == "RECORD_OUTSIDE_FILTER"
    number = await invoices.post(id)
    found = await invoices.coupled(**given, businessCentral={"number": number})
    assert (found["created"], found["coupling"]["dataverseKey"]) == (True, number)
    (row,) = await invoices.in_crm(number)
    assert len(row["invoice_details"]) == 1


def _written(api: Api) -> int:
    """Requests with a write in them, batches among them."""
    seen = [*api.business_central.seen, *api.dataverse.seen]
    return sum(b"PATCH" in each.content or each.method in ("PATCH", "DELETE") for each in seen)
