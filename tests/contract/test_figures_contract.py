"""What figures rely on: sets of the Analytics API and of the standard one, and what CRM holds of them. Reads only.

On a tenant without the Analytics API its tests are skipped; the sandbox has it.
"""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from gateway.errors import NotFoundError
from gateway.figures.documents import DocumentSet, Module, in_use
from gateway.odata.query import AnyOf, Compare, Expand, Filter, Order, Query, both
from gateway.odata.response import Page
from gateway.reading.sources import ANALYTICS_API
from tests.contract.conftest import Contract

pytestmark = pytest.mark.anyio

ALL = frozenset(Module)


async def analytics(contract: Contract, name: str, query: Query) -> Page:
    """A page of an API query, if the tenant has the app."""
    client = contract.business_central.api(ANALYTICS_API)
    try:
        return await client.page(client.path(name, company=contract.company), query, call=contract.call)
    except NotFoundError:
        contract.too_small("the Analytics API is not installed")
        raise


async def page(contract: Contract, name: str, query: Query) -> Page:
    return await contract.business_central.page(contract.in_company(name), query, call=contract.call)


@pytest.mark.parametrize("documents", in_use(ALL), ids=lambda each: each.name)
async def test_every_set_of_documents_has_the_columns_that_movements_are_made_of(
    contract: Contract, documents: DocumentSet
) -> None:
    found = await analytics(contract, documents.name, Query(select=tuple(sorted(documents.columns)), top=5))
    for record in found.records:
        assert record.values.keys() == documents.columns
        assert all(each.kind in documents.kinds for each in documents.movements(record.values))


@pytest.mark.parametrize(
    ("name", "columns", "where"),
    [
        (
            "itemLedgerEntries",
            ("itemNo", "locationCode", "remainingQuantity", "unitOfMeasureCode", "qtyPerUnitOfMeasure"),
            Compare("open", "eq", True),
        ),
        (
            "customerLedgerEntries",
            ("dcleCustomerNo", "cleEntryNo", "cleDueDate", "dclePostingDate", "dcleAmountLCY"),
            Compare("cleOpen", "eq", True),
        ),
        (
            "salesLines",
            ("documentType", "orderNo", "billToCustomerNo", "outstandingAmountLCY", "shippedNotInvoiced"),
            None,
        ),
    ],
)
async def test_the_ledgers_can_be_filtered_by_what_is_open(
    contract: Contract, name: str, columns: tuple[str, ...], where: Filter | None
) -> None:
    found = await analytics(contract, name, Query(select=columns, filter=where, top=5))
    if not found.records:
        contract.too_small(f"{name} has no rows to look at")
    for record in found.records:
        assert record.values.keys() == set(columns)


async def test_several_numbers_and_a_condition_go_together(contract: Contract) -> None:
    """`or` over one property, `and` with another one."""
    some = await analytics(contract, "itemLedgerEntries", Query(select=("itemNo",), top=50))
    numbers = tuple(dict.fromkeys(str(record.values["itemNo"]) for record in some.records))[:3]
    if len(numbers) < 2:
        contract.too_small("the item ledger has too few items")
    where = both(AnyOf("itemNo", numbers), Compare("open", "eq", True))
    found = await analytics(contract, "itemLedgerEntries", Query(select=("itemNo", "open"), filter=where, top=50))
    assert {record.values["itemNo"] for record in found.records} <= set(numbers)
    assert {record.values["open"] for record in found.records} <= {True}


async def test_an_api_query_has_no_etag_and_can_be_ordered(contract: Contract) -> None:
    query = Query(select=("entryNo",), order=(Order("entryNo", descending=True),), top=3)
    found = await analytics(contract, "itemLedgerEntries", query)
    numbers = [int(str(record.values["entryNo"])) for record in found.records]
    assert numbers == sorted(numbers, reverse=True)
    assert {record.etag for record in found.records} <= {None}


async def test_an_api_that_is_not_there_is_404(contract: Contract) -> None:
    client = contract.business_central.api("nobody/nothing/v1.0")
    with pytest.raises(NotFoundError) as caught:
        await client.page(client.path("things", company=contract.company), Query(), call=contract.call)
    assert caught.value.vendor_code != "Internal_CompanyNotFound"


async def test_financial_details_come_with_the_customer(contract: Contract) -> None:
    expand = (Expand("customerFinancialDetail", ("balance", "overdueAmount")),)
    for record in (await page(contract, "customers", Query(select=("number",), expand=expand, top=3))).records:
        detail = record.values["customerFinancialDetail"]
        assert isinstance(detail, dict)
        assert detail.keys() >= {"balance", "overdueAmount"}


async def test_sales_are_added_up_between_two_dates(contract: Contract) -> None:
    (customer, *_) = (await page(contract, "customers", Query(select=("number",), top=1))).records
    number = str(customer.values["number"])

    async def sold(first: date, last: date) -> Decimal:
        where = both(
            Compare("customerNumber", "eq", number),
            Compare("dateFilter_FilterOnly", "ge", first),
            Compare("dateFilter_FilterOnly", "le", last),
        )
        query = Query(select=("customerNumber", "totalSalesAmount"), filter=where)
        found = (await page(contract, "customerSales", query)).records
        return sum((Decimal(str(record.values["totalSalesAmount"])) for record in found), Decimal(0))

    whole = await sold(date(2000, 1, 1), date(2100, 12, 31))
    assert await sold(date(2000, 1, 1), date(2025, 12, 31)) + await sold(date(2026, 1, 1), date(2100, 12, 31)) == whole


async def test_the_newest_posted_invoice_of_a_customer_can_be_asked_for(contract: Contract) -> None:
    where = both(Compare("status", "ne", "Draft"), Compare("totalAmountExcludingTax", "gt", 0))
    query = Query(
        select=("billToCustomerNumber", "postingDate", "number"),
        filter=where,
        order=(Order("postingDate", descending=True), Order("number")),
        top=2,
    )
    dates = [str(record.values["postingDate"]) for record in (await page(contract, "salesInvoices", query)).records]
    assert dates == sorted(dates, reverse=True)


async def test_the_fiscal_year_and_the_locations_are_told(contract: Contract) -> None:
    query = Query(select=("currencyCode", "currentFiscalYearStartDate"))
    (company,) = (await page(contract, "companyInformation", query)).records
    assert date.fromisoformat(str(company.values["currentFiscalYearStartDate"])) > date(1900, 1, 1)
    for record in (await page(contract, "locations", Query(select=("code", "displayName"), top=3))).records:
        assert record.values["code"]


async def test_the_unit_group_of_a_product_comes_with_its_units(contract: Contract) -> None:
    units = Expand("unit_of_measure_schedule_conversions", ("name", "quantity"))
    expand = (Expand("defaultuomscheduleid", ("name",), (units,)),)
    query = Query(select=("productid",), expand=expand, top=2)
    found = (await contract.dataverse.page("products", query, call=contract.call)).records
    if not found:
        contract.too_small("there are no products")
    for record in found:
        group = record.values["defaultuomscheduleid"]
        assert isinstance(group, dict)
        assert any(unit["quantity"] == 1 for unit in group["unit_of_measure_schedule_conversions"])


async def test_the_organization_names_its_base_currency(contract: Contract) -> None:
    query = Query(select=("organizationid",), expand=(Expand("basecurrencyid", ("isocurrencycode",)),))
    (organization,) = (await contract.dataverse.page("organizations", query, call=contract.call)).records
    assert UUID(str(organization.values["organizationid"])).int
    currency = organization.values["basecurrencyid"]
    assert isinstance(currency, dict)
    assert len(str(currency["isocurrencycode"])) == 3


async def test_metadata_tells_how_lookups_are_called(contract: Contract) -> None:
    path = "EntityDefinitions(LogicalName='account')/ManyToOneRelationships"
    query = Query(
        select=("ReferencingAttribute", "ReferencingEntityNavigationPropertyName"),
        filter=Compare("ReferencingAttribute", "eq", "primarycontactid"),
    )
    found = (await contract.dataverse.page(path, query, call=contract.call)).records
    assert [record.values["ReferencingEntityNavigationPropertyName"] for record in found] == ["primarycontactid"]
