"""What the gateway relies on in Dataverse. Every test reads only, unless it says that it writes."""

import re
from urllib.parse import unquote
from uuid import UUID, uuid4

import pytest

from gateway.errors import NotFoundError, PreconditionFailedError, RejectedError
from gateway.odata.choice import Choice
from gateway.odata.query import AnyOf, Compare, Expand, Order, Query, Text
from gateway.odata.write import Create, Delete, Update
from gateway.records import Record
from tests.contract.conftest import Contract

pytestmark = pytest.mark.anyio

NAMED = Query(select=("accountid", "name"), top=3)


async def some_accounts(contract: Contract, query: Query = NAMED) -> list[Record]:
    records = list((await contract.dataverse.page("accounts", query, call=contract.call)).records)
    if len(records) < 2:
        contract.too_small("the organization has no accounts to look at")
    return records


@pytest.mark.parametrize(("kind", "number"), [("Customer", 3), ("Vendor", 11)])
async def test_an_account_is_a_customer_or_a_vendor_by_its_type(contract: Contract, kind: str, number: int) -> None:
    query = Query(select=("customertypecode",), filter=Compare("customertypecode", "eq", number), top=3)
    records = (await contract.dataverse.page("accounts", query, call=contract.call)).records
    if not records:
        contract.too_small(f"the organization has no account of the type {kind}")
    assert {record.values["customertypecode"] for record in records} == {number}


async def test_we_are_a_user_of_the_organization(contract: Contract) -> None:
    me = await contract.dataverse.who_am_i(call=contract.call)
    user = await contract.dataverse.object(
        f"systemusers({me.user_id})", Query(select=("isdisabled", "fullname")), call=contract.call
    )
    assert user.values["isdisabled"] is False


async def test_the_etag_is_the_version_number(contract: Contract) -> None:
    for record in await some_accounts(contract, Query(select=("name", "versionnumber"), top=3)):
        assert record.etag == f'W/"{record.values["versionnumber"]}"'


async def test_the_primary_key_comes_unasked(contract: Contract) -> None:
    for record in await some_accounts(contract, Query(select=("name",), top=3)):
        assert UUID(str(record.values["accountid"])).int


async def test_annotations_come_only_when_asked_for_and_before_their_property(contract: Contract) -> None:
    query = {"$select": "name,statecode", "$top": "1"}
    bare = await contract.dataverse_wire.get("accounts", params=query)
    asked = {"Prefer": 'odata.include-annotations="*"'}
    rich = await contract.dataverse_wire.get("accounts", params=query, headers=asked)
    formatted = "statecode@OData.Community.Display.V1.FormattedValue"
    assert formatted not in bare.text
    (row,) = rich.json()["value"]
    names = list(row)
    assert names.index(formatted) < names.index("statecode")


async def test_the_options_of_a_choice_come_with_its_definition(contract: Contract) -> None:
    choice = Choice("account", "paymenttermscode")
    options = await contract.dataverse.choice(choice).everything("", Query(), call=contract.call)
    assert {"1", "2"} <= {each.values["value"] for each in options}, (
        "every organization is made with Net 30 and its neighbours"
    )
    assert all(choice.value_of(UUID(str(each.values["optionid"]))) is not None for each in options)


async def test_the_in_function_takes_many_values(contract: Contract) -> None:
    names = tuple(str(record.values["name"]) for record in await some_accounts(contract))
    found = await contract.dataverse.everything(
        "accounts", Query(select=("name",), filter=AnyOf("name", (*names, "O'Nobody"))), call=contract.call
    )
    assert {str(record.values["name"]).casefold() for record in found} == {name.casefold() for name in names}


async def test_text_is_compared_without_case_and_wildcards_can_be_made_harmless(contract: Contract) -> None:
    one, *_ = await some_accounts(contract)
    name = str(one.values["name"])
    for where in (Compare("name", "eq", name.upper()), Text("startswith", "name", name.lower())):
        query = Query(select=("accountid",), filter=where)
        found = await contract.dataverse.everything("accounts", query, call=contract.call)
        assert one.values["accountid"] in {record.values["accountid"] for record in found}
    percent = Query(select=("accountid",), filter=Text("startswith", "name", "%"))
    plain = await contract.dataverse.everything("accounts", percent, call=contract.call)
    assert len(plain) < 2, "a per cent sign is not everything"


async def test_pages_follow_on_by_cookie_without_loss_or_repeat(contract: Contract) -> None:
    client, query = contract.dataverse, Query(select=("currencyname",), order=(Order("currencyname"),))
    whole = await client.everything("transactioncurrencies", query, call=contract.call)
    if len(whole) < 2:
        contract.too_small("the organization has one currency")
    pages = [page async for page in client.pages("transactioncurrencies", query, call=contract.call, page_size=1)]
    assert [len(page.records) for page in pages] == [1] * len(whole)
    assert [page.records[0].values["currencyname"] for page in pages] == [r.values["currencyname"] for r in whole]
    assert "<cookie pagenumber=" in unquote(str(pages[0].next_link))


async def test_an_owner_can_be_expanded(contract: Contract) -> None:
    query = Query(select=("name", "_ownerid_value"), expand=(Expand("owninguser", ("fullname",)),), top=5)
    for record in await some_accounts(contract, query):
        owner = record.values["owninguser"]
        assert owner is None or (isinstance(owner, dict) and owner["fullname"])


async def test_counts_stop_at_five_thousand(contract: Contract) -> None:
    page = await contract.dataverse.page(
        "accounts", Query(select=("accountid",), top=1, count=True), call=contract.call
    )
    assert page.count is not None
    assert page.count <= 5_000


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("nonesuch", 404, "0x80060888"),
        ("accounts?$select=nonesuch", 400, "0x80060888"),
        ("accounts?$skip=1", 400, "0x80060888"),
        ("accounts(nonesuch='1')", 400, "0x80060888"),
        (f"accounts({UUID(int=1)})", 404, "0x80040217"),
    ],
)
async def test_what_is_refused(contract: Contract, path: str, status: int, code: str) -> None:
    with pytest.raises((NotFoundError, RejectedError)) as caught:
        await contract.dataverse.object(path, call=contract.call)
    assert caught.value.status == status
    assert caught.value.vendor_code == code


async def test_a_bad_token_is_401(contract: Contract) -> None:
    answer = await contract.dataverse_wire.get("WhoAmI", headers={"Authorization": "Bearer x"}, auth=lambda r: r)
    assert answer.status_code == 401


async def test_a_batch_answers_each_part(contract: Contract) -> None:
    one, *_ = await some_accounts(contract)
    same = Compare("accountid", "eq", UUID(str(one.values["accountid"])))
    queries = [Query(select=("accountid",), filter=same), Query(select=("nonesuch",))]
    good, bad = await contract.dataverse.page_each([("accounts", query) for query in queries], call=contract.call)
    assert not isinstance(good, Exception)
    assert [record.values["accountid"] for record in good.records] == [one.values["accountid"]]
    assert isinstance(bad, RejectedError)


async def test_changes_end_in_a_link_that_brings_nothing_new(contract: Contract) -> None:
    client = contract.dataverse
    columns = ("currencyname",)
    pages = [p async for p in client.changes("transactioncurrencies", columns, since=None, call=contract.call)]
    everything = await client.everything("transactioncurrencies", Query(select=columns), call=contract.call)
    assert sum(len(page.records) for page in pages) == len(everything)
    link = pages[-1].delta_link
    assert re.search(r"[?&]\$deltatoken=", str(link).replace("%24", "$"))
    later = [p async for p in client.changes("transactioncurrencies", columns, since=link, call=contract.call)]
    assert [(page.records, page.deleted) for page in later] == [((), ())]


async def test_change_tracking_takes_no_filter(contract: Contract) -> None:
    answer = await contract.dataverse_wire.get(
        "accounts", params={"$select": "name", "$filter": "name eq 'x'"}, headers={"Prefer": "odata.track-changes"}
    )
    assert answer.status_code == 400
    assert "Change Tracking" in answer.json()["error"]["message"]


async def test_metadata_names_sets_and_keys(contract: Contract) -> None:
    definition = await contract.dataverse.object(
        "EntityDefinitions(LogicalName='account')?$select=EntitySetName,PrimaryIdAttribute", call=contract.call
    )
    assert definition.values["EntitySetName"] == "accounts"
    assert definition.values["PrimaryIdAttribute"] == "accountid"


async def test_a_row_can_be_created_changed_and_deleted_under_guards(contract: Contract) -> None:
    """Writes an account and deletes it."""
    contract.may_write()
    client, call = contract.dataverse, contract.call
    create = Create("accounts", uuid4(), {"name": "Contract test, to be deleted"})
    created = await client.write(create, call=call)
    assert created is not None
    try:
        again = await client.write(create, call=call)
        assert again is not None
        assert again.etag == created.etag, "the row of the first attempt is found, not changed"
        changed = await client.write(Update("accounts", create.id, {"telephone1": "1"}, str(created.etag)), call=call)
        assert changed is not None
        with pytest.raises(PreconditionFailedError):
            await client.write(Update("accounts", create.id, {"telephone1": "2"}, str(created.etag)), call=call)
        with pytest.raises(NotFoundError):
            await client.write(Update("accounts", uuid4(), {"telephone1": "2"}, str(changed.etag)), call=call)
    finally:
        now = await client.object(f"accounts({create.id})", Query(select=("name",)), call=call)
        await client.write(Delete("accounts", create.id, str(now.etag)), call=call)
