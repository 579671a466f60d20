"""What the gateway relies on in Business Central. Every test reads only, unless it says that it writes."""

import re
from uuid import UUID, uuid4

import pytest

from gateway.couplings.coupling import Mapping
from gateway.errors import (
    NotFoundError,
    PreconditionFailedError,
    RecordExistsError,
    RejectedError,
)
from gateway.odata.query import AnyOf, Compare, Either, Expand, Order, Query, Text
from gateway.odata.write import Create, Delete, Update
from gateway.records import Backend, Record
from gateway.sync.mappings import TABLE_MAPPINGS
from tests.contract.conftest import Contract

pytestmark = pytest.mark.anyio

NUMBERED = Query(select=("id", "number", "displayName"), top=3)


async def some_customers(contract: Contract, query: Query = NUMBERED) -> list[Record]:
    path = contract.in_company("customers")
    records = list((await contract.business_central.page(path, query, call=contract.call)).records)
    if len(records) < 2:
        contract.too_small("the company has no customers to look at")
    return records


async def test_the_company_is_there(contract: Contract) -> None:
    companies = await contract.business_central.everything("companies", Query(select=("id",)), call=contract.call)
    assert contract.company in {UUID(str(company.values["id"])) for company in companies}


async def test_rows_carry_an_etag_and_only_what_was_selected(contract: Contract) -> None:
    for record in await some_customers(contract):
        assert record.values.keys() == {"id", "number", "displayName"}
        assert re.fullmatch(r'W/"[A-Za-z0-9+/=]+"', str(record.etag))


async def test_there_is_no_null_on_the_wire(contract: Contract) -> None:
    answer = await contract.bc_wire.get(contract.in_company("customers"), params={"$top": "5"})
    assert answer.headers["odata-version"] == "4.0"
    assert None not in [value for row in answer.json()["value"] for value in row.values()]


async def test_or_over_one_property_is_understood_and_over_two_is_not(contract: Contract) -> None:
    one, two, *_ = await some_customers(contract)
    numbers = str(one.values["number"]), str(two.values["number"])
    found = await some_customers(contract, Query(select=("number",), filter=AnyOf("number", numbers)))
    assert {record.values["number"] for record in found} == set(numbers)

    distinct = Either((Compare("number", "eq", numbers[0]), Compare("displayName", "eq", "x")))
    with pytest.raises(RejectedError) as caught:
        await some_customers(contract, Query(filter=distinct))
    assert caught.value.status == 501


async def test_text_functions_and_quotes(contract: Contract) -> None:
    one, *_ = await some_customers(contract)
    name = str(one.values["displayName"])
    where = Text("contains", "displayName", name)
    path = contract.in_company("customers")
    found = await contract.business_central.everything(path, Query(select=("id",), filter=where), call=contract.call)
    assert one.values["id"] in {record.values["id"] for record in found}
    nobody = Query(select=("id",), filter=Compare("displayName", "eq", "O'Nobody ''s"))
    assert await contract.business_central.everything(path, nobody, call=contract.call) == []


async def test_pages_follow_on_without_loss_or_repeat(contract: Contract) -> None:
    client, path, query = contract.business_central, contract.in_company("currencies"), Query(select=("id", "code"))
    whole = await client.everything(path, query, call=contract.call)
    if len(whole) < 3:
        contract.too_small("the company has too few currencies for two pages")
    pages = [page async for page in client.pages(path, query, call=contract.call, page_size=2)]
    assert [len(page.records) for page in pages[:-1]] == [2] * (len(pages) - 1)
    assert [record.values["id"] for page in pages for record in page.records] == [r.values["id"] for r in whole]


async def test_a_next_link_continues_behind_a_row(contract: Contract) -> None:
    answer = await contract.bc_wire.get(
        contract.in_company("customers"), params={"$select": "id"}, headers={"Prefer": "odata.maxpagesize=1"}
    )
    body = answer.json()
    if "@odata.nextLink" not in body:
        contract.too_small("the company has one customer")
    assert f"aid=FIN&$skiptoken={body['value'][0]['id']}" in body["@odata.nextLink"].replace("%24", "$")


async def test_counting_ignores_the_page(contract: Contract) -> None:
    path = contract.in_company("salespeoplePurchasers")
    counted = await contract.business_central.page(path, Query(top=1, count=True), call=contract.call)
    everything = await contract.business_central.everything(path, Query(select=("id",)), call=contract.call)
    assert counted.count == len(everything)


async def test_expanding_a_single_part_takes_the_name_of_its_entity(contract: Contract) -> None:
    query = Query(select=("id",), expand=(Expand("customerFinancialDetail", ("id", "balance")),), top=2)
    for record in await some_customers(contract, query):
        details = record.values["customerFinancialDetail"]
        assert isinstance(details, dict)
        assert details["id"] == record.values["id"]


async def test_vendors_show_what_their_mapping_reads(contract: Contract) -> None:
    """Also that the page shows no purchaser, without whom an account has no owner to be mapped."""
    mapping = TABLE_MAPPINGS[Mapping.VENDOR]
    columns = tuple(sorted(mapping.columns(Backend.BUSINESS_CENTRAL)))
    path = contract.in_company(mapping.bc.source.name)
    query = Query(select=columns, filter=mapping.bc.rules[0].condition, top=3)
    vendors = (await contract.business_central.page(path, query, call=contract.call)).records
    if not vendors:
        contract.too_small("the company has no vendors to look at")
    assert all(record.values.keys() == set(columns) for record in vendors)
    (whole,) = (await contract.bc_wire.get(path, params={"$top": "1"})).json()["value"]
    assert not [name for name in whole if "purchaser" in name.lower() or "salesperson" in name.lower()]


@pytest.mark.parametrize(("name", "kind"), [("customers", "Customer"), ("vendors", "Vendor")])
async def test_the_contacts_of_customers_and_vendors_come_with_them(contract: Contract, name: str, kind: str) -> None:
    contacts = Expand("contactsInformation", ("contactNumber", "contactType", "relatedType"))
    query = Query(select=("id",), expand=(contacts,), top=20)
    records = (await contract.business_central.page(contract.in_company(name), query, call=contract.call)).records
    found: list[dict[str, object]] = []
    for record in records:
        rows = record.values[contacts.navigation]
        assert isinstance(rows, list)
        found += rows
    if not found:
        contract.too_small(f"no contacts of {name} to look at")
    assert {each["relatedType"] for each in found} == {kind}
    assert {each["contactType"] for each in found} <= {"Company", "Person"}


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("nonesuch", Query(), 404, "BadRequest_ResourceNotFound"),
        ("customers", Query(select=("nonesuch",)), 400, "BadRequest"),
        ("customers", Query(filter=Compare("nonesuch", "eq", "1")), 400, "BadRequest"),
        ("salesOrderLines", Query(), 400, "Application_DialogException"),
    ],
)
async def test_what_is_refused(contract: Contract, path: str, query: Query, status: int, code: str) -> None:
    with pytest.raises((RejectedError, NotFoundError)) as caught:
        await contract.business_central.page(contract.in_company(path), query, call=contract.call)
    assert (caught.value.status, caught.value.vendor_code) == (status, code)
    assert "CorrelationId" not in caught.value.message
    assert caught.value.request_id is not None


async def test_a_row_that_does_not_exist_is_not_found(contract: Contract) -> None:
    with pytest.raises(NotFoundError):
        await contract.business_central.object(f"{contract.in_company('customers')}({uuid4()})", call=contract.call)


async def test_a_wrong_environment_is_named_in_xml(contract: Contract) -> None:
    before, environment, after = contract.business_central.base_url.rpartition("/api/v2.0")
    wrong = before + "NoSuchEnvironment" + environment + after
    answer = await contract.bc_wire.get(f"{wrong}companies")
    assert answer.status_code == 404
    assert "<code>NoEnvironment</code>" in answer.text


async def test_a_bad_token_is_401(contract: Contract) -> None:
    answer = await contract.bc_wire.get("companies", headers={"Authorization": "Bearer nonsense"}, auth=lambda r: r)
    assert answer.status_code == 401


async def test_a_batch_answers_each_part(contract: Contract) -> None:
    path = contract.in_company("customers")
    one, *_ = await some_customers(contract)
    queries = [Query(select=("id",), filter=Compare("id", "eq", UUID(str(one.values["id"])))), Query(select=("no",))]
    good, bad = await contract.business_central.page_each([(path, query) for query in queries], call=contract.call)
    assert not isinstance(good, Exception)
    assert [record.values["id"] for record in good.records] == [one.values["id"]]
    assert isinstance(bad, RejectedError)


async def test_rows_modified_come_in_the_order_of_their_changes(contract: Contract) -> None:
    path = contract.in_company("paymentTerms")
    moments: list[str] = []
    async for page in contract.business_central.modified(path, ("code",), since=None, call=contract.call, page_size=2):
        moments += [str(record.values["lastModifiedDateTime"]) for record in page.records]
    everything = await contract.business_central.everything(path, Query(select=("id",)), call=contract.call)
    assert len(moments) == len(everything)


async def test_an_order_by_two_properties_is_understood(contract: Contract) -> None:
    order = (Order("city"), Order("number", descending=True))
    await some_customers(contract, Query(select=("id", "city", "number"), order=order, top=5))


async def test_a_change_without_if_match_is_refused(contract: Contract) -> None:
    """Asks for a change, which is refused for want of a token."""
    contract.may_write()
    one, *_ = await some_customers(contract)
    answer = await contract.bc_wire.patch(f"{contract.in_company('customers')}({one.values['id']})", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest_InvalidToken")


@pytest.mark.parametrize("name", ["customers", "vendors"])
async def test_a_record_can_be_created_changed_and_deleted_under_guards(contract: Contract, name: str) -> None:
    """Writes a customer or a vendor and deletes it."""
    contract.may_write()
    client, path, call = contract.business_central, contract.in_company(name), contract.call
    create = Create(path, uuid4(), {"displayName": "Contract test, to be deleted"})
    created = await client.write(create, call=call)
    assert created is not None
    try:
        assert UUID(str(created.values["id"])) == create.id
        same_number = Create(path, uuid4(), {"number": created.values["number"], "displayName": "x"})
        with pytest.raises(RecordExistsError):
            await client.write(same_number, call=call)
        changed = await client.write(
            Update(path, create.id, {"phoneNumber": "+31 10 555 01 01"}, str(created.etag)), call=call
        )
        assert changed is not None
        with pytest.raises(PreconditionFailedError):
            await client.write(Update(path, create.id, {"phoneNumber": ""}, str(created.etag)), call=call)
    finally:
        now = await client.object(f"{path}({create.id})", call=call)
        await client.write(Delete(path, create.id, str(now.etag)), call=call)
