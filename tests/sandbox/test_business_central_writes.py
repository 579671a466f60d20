"""Business Central: creating, changing and deleting rows, and what is refused."""

import httpx
import pytest

from gateway.sandbox.store import Store

pytestmark = pytest.mark.anyio

ZERO = "00000000-0000-0000-0000-000000000000"
CUSTOMER = "3f0c0000-0000-4000-8000-000000000210"
NEW = "3f0c0000-0000-4000-8000-000000000999"
USD = "3f0c0000-0000-4000-8000-000000000001"
GBP = "3f0c0000-0000-4000-8000-000000000002"


@pytest.fixture(autouse=True)
def rows(bc_store: Store) -> None:
    bc_store.seed("currencies", [{"id": USD, "code": "USD"}, {"id": GBP, "code": "GBP"}])
    bc_store.seed("salespeoplePurchasers", [{"id": NEW, "code": "JO"}])
    bc_store.seed("customers", [{"id": CUSTOMER, "number": "C00210", "displayName": "Harbour Bikes BV"}])
    bc_store.seed("customerFinancialDetails", [{"id": CUSTOMER, "number": "C00210", "balance": 12}])


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    error = response.json()["error"]
    return response.status_code, error["code"], error["message"].partition("  CorrelationId:")[0]


async def test_a_new_row_is_answered_whole_with_its_location(bc: httpx.AsyncClient, bc_store: Store) -> None:
    response = await bc.post("Customers", json={"displayName": "Next", "creditLimit": 12.340, "blocked": "Ship"})
    row = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == str(bc.base_url.join(f"customers({row['id']})"))
    assert response.headers["etag"] == row["@odata.etag"]
    assert (row["number"], row["blocked"], row["creditLimit"]) == ("C00211", "Ship", 12.34)
    assert row["lastModifiedDateTime"] == "2026-11-16T09:30:00.12Z"
    assert row["@odata.context"].endswith("/customers/$entity")
    details = bc_store.get("customerFinancialDetails", row["id"])
    assert details is not None
    assert details["number"] == "C00211"


async def test_no_content_is_returned_on_request(bc: httpx.AsyncClient) -> None:
    headers = {"Prefer": "return-no-content"}
    created = await bc.post("customers", json={"displayName": "Next"}, headers=headers)
    assert (created.status_code, created.content) == (204, b"")
    assert created.headers["location"]
    changed = await bc.patch(f"customers({CUSTOMER})", json={"city": "x"}, headers=headers | {"If-Match": "*"})
    assert (changed.status_code, changed.content) == (204, b"")


async def test_a_client_may_choose_the_id(bc: httpx.AsyncClient) -> None:
    body = {"id": NEW.upper(), "displayName": "Next", "number": "X1"}
    assert (await bc.post("customers", json=body)).json()["id"] == NEW
    status, code, message = refusal(await bc.post("customers", json=body | {"number": "X2"}))
    assert (status, code) == (400, "Internal_EntityWithSameKeyExists")
    assert message.startswith("The record in table Customer already exists. Identification fields and values: ")


async def test_a_taken_number_is_refused_whatever_its_case(bc: httpx.AsyncClient) -> None:
    response = await bc.post("customers", json={"displayName": "Next", "number": "c00210"})
    assert refusal(response)[:2] == (400, "Internal_EntityWithSameKeyExists")
    renamed = await bc.patch(f"customers({CUSTOMER})", json={"number": "C00210"}, headers={"If-Match": "*"})
    assert renamed.status_code == 200


async def test_a_bad_query_option_writes_nothing(bc: httpx.AsyncClient, bc_store: Store) -> None:
    assert refusal(await bc.post("customers?$select=foo", json={"displayName": "x"}))[:2] == (400, "BadRequest")
    assert bc_store.count("customers") == 1


async def test_null_writes_the_empty_value(bc: httpx.AsyncClient) -> None:
    body = {"displayName": "Next", "city": None, "creditLimit": None, "currencyId": None, "blocked": None}
    row = (await bc.post("customers", json=body)).json()
    assert (row["city"], row["creditLimit"], row["currencyId"], row["blocked"]) == ("", 0, ZERO, "_x0020_")


@pytest.mark.parametrize("text", ["Non_x002D_Inventory", "Non-Inventory", "non-inventory"])
async def test_an_option_is_accepted_by_wire_name_and_caption(bc: httpx.AsyncClient, text: str) -> None:
    assert (await bc.post("items", json={"type": text})).json()["type"] == "Non_x002D_Inventory"


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({}, "Application_DialogException", 'A "displayName" must be provided.'),
        (
            {"displayName": "x", "foo": 1},
            "BadRequest",
            "The property 'foo' does not exist on type 'Microsoft.NAV.customer'. "
            "Make sure to only use property names that are defined by the type.",
        ),
        (
            {"displayName": "x" * 101},
            "Application_StringExceededLength",
            "The length of the string is 101, but it must be less than or equal to 100 characters. Value: " + "x" * 101,
        ),
        (
            {"displayName": "x", "blocked": "Foo"},
            "Unknown",
            "'Foo' is not an option. The existing options are:  ,Ship,Invoice,All",
        ),
        ({"displayName": "x", "balanceDue": 5}, "BadRequest_InvalidOperation", "Control 'balanceDue' is read-only."),
        ({"displayName": 5}, "BadRequest", "Cannot convert the literal '5' to the expected type 'Edm.String'."),
        (
            {"displayName": "x", "creditLimit": "5"},
            "BadRequest",
            "Cannot convert the literal '5' to the expected type 'Edm.Decimal'.",
        ),
        (
            {"displayName": "x", "currencyId": "EUR"},
            "BadRequest",
            "Cannot convert the literal 'EUR' to the expected type 'Edm.Guid'.",
        ),
        (
            {"displayName": "x", "currencyId": NEW},
            "Application_DialogException",
            'The "currencyId" does not match to a Currency.',
        ),
        (
            {"displayName": "x", "currencyCode": "XXX"},
            "Application_DialogException",
            'The "currencyCode" does not match to a Currency.',
        ),
        (
            {"displayName": "x", "currencyId": USD, "currencyCode": "GBP"},
            "Application_DialogException",
            "The currency values do not match to a specific Currency.",
        ),
        (
            {"displayName": "x", "paymentTermsId": NEW},
            "Application_DialogException",
            'The "paymentTermsId" does not match to a Payment Terms.',
        ),
        (
            {"displayName": "x", "salespersonCode": "ZZ"},
            "Internal_InvalidTableRelation",
            "The field salespersonCode contains a value (ZZ) that cannot be found in the related table "
            "(Salesperson/Purchaser).",
        ),
    ],
)
async def test_a_new_row_is_refused(bc: httpx.AsyncClient, body: dict[str, object], code: str, message: str) -> None:
    assert refusal(await bc.post("customers", json=body)) == (400, code, message)


@pytest.mark.parametrize("content", ["{", "[]", '"x"', "", "[" * 100_000, '{"displayName": "\\ud800"}'])
async def test_a_body_must_be_an_object(bc: httpx.AsyncClient, content: str) -> None:
    response = await bc.post("customers", content=content)
    assert refusal(response)[:2] == (400, "BadRequest")


async def test_an_id_and_a_code_fill_in_each_other(bc: httpx.AsyncClient) -> None:
    by_code = (await bc.post("customers", json={"displayName": "x", "currencyCode": "usd"})).json()
    assert (by_code["currencyCode"], by_code["currencyId"]) == ("USD", USD)
    address, force = f"customers({by_code['id']})", {"If-Match": "*"}
    by_id = (await bc.patch(address, json={"currencyId": GBP}, headers=force)).json()
    assert (by_id["currencyCode"], by_id["currencyId"]) == ("GBP", GBP)
    local = (await bc.patch(address, json={"currencyCode": "EUR"}, headers=force)).json()
    assert (local["currencyCode"], local["currencyId"]) == ("EUR", ZERO)


async def test_a_change_needs_the_etag_of_the_row(bc: httpx.AsyncClient) -> None:
    address = f"customers({CUSTOMER})"
    etag = (await bc.get(address)).headers["etag"]
    changed = await bc.patch(address, json={"phoneNumber": "+31 10 555 01 01"}, headers={"If-Match": etag})
    assert (changed.status_code, changed.json()["phoneNumber"]) == (200, "+31 10 555 01 01")
    assert changed.json()["displayName"] == "Harbour Bikes BV"
    assert changed.headers["etag"] != etag
    stale = await bc.patch(address, json={"phoneNumber": "1"}, headers={"If-Match": etag})
    expected = (409, "Request_EntityChanged", "Another user has already changed the record.")
    assert refusal(stale) == expected


@pytest.mark.parametrize("header", [None, "", "12", 'W/"12"', 'W/"JzE5O'])
async def test_a_missing_or_malformed_etag_is_400(bc: httpx.AsyncClient, header: str | None) -> None:
    headers = {} if header is None else {"If-Match": header}
    response = await bc.patch(f"customers({CUSTOMER})", json={"city": "x"}, headers=headers)
    assert refusal(response) == (
        400,
        "BadRequest_InvalidToken",
        "Could not validate the client concurrency token required by the service. "
        "Please provide a valid token in the client request.",
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"id": NEW}, "Application_DialogException"),
        ({"displayName": " "}, "Application_DialogException"),
        ({"lastModifiedDateTime": "2026-01-01T00:00:00Z"}, "BadRequest_InvalidOperation"),
        ({"foo": 1}, "BadRequest"),
    ],
)
async def test_a_change_is_refused_and_leaves_no_trace(
    bc: httpx.AsyncClient, bc_store: Store, body: dict[str, object], code: str
) -> None:
    before = bc_store.get("customers", CUSTOMER)
    response = await bc.patch(f"customers({CUSTOMER})", json=body, headers={"If-Match": "*"})
    assert refusal(response)[:2] == (400, code)
    assert bc_store.get("customers", CUSTOMER) == before


async def test_a_delete_looks_at_an_etag_only_when_it_is_sent(bc: httpx.AsyncClient, bc_store: Store) -> None:
    address = f"customers({CUSTOMER})"
    old = (await bc.get(address)).headers["etag"]
    await bc.patch(address, json={"city": "x"}, headers={"If-Match": "*"})
    assert refusal(await bc.delete(address, headers={"If-Match": old}))[:2] == (409, "Request_EntityChanged")
    assert (await bc.delete(address)).status_code == 204
    assert refusal(await bc.delete(address))[:2] == (404, "Internal_RecordNotFound")
    assert bc_store.get("customerFinancialDetails", CUSTOMER) is None


async def test_numbers_continue_the_highest_of_their_series(bc: httpx.AsyncClient) -> None:
    await bc.post("customers", json={"displayName": "Odd", "number": "C'0099"})
    await bc.post("customers", json={"displayName": "Odd", "number": "CX"})
    numbers = [(await bc.post("customers", json={"displayName": "x"})).json()["number"] for _ in range(2)]
    assert numbers == ["C00211", "C00212"]
    assert (await bc.post("items", json={})).json()["number"] == "1001"
    companies_of_customers = 4
    contact = (await bc.post("contacts", json={"displayName": "x"})).json()
    assert contact["number"] == f"CT{companies_of_customers + 1:05d}"


async def test_stock_of_an_item_is_adjusted_and_not_set(bc: httpx.AsyncClient, bc_store: Store) -> None:
    refused = await bc.post("items", json={"displayName": "Wheel", "inventory": 5})
    assert refusal(refused)[2] == "Inventory cannot be changed during on insert."
    item = (await bc.post("items", json={"displayName": "Wheel"})).json()
    for wanted in (5, 3):
        headers = {"If-Match": "*"}
        changed = await bc.patch(f"items({item['id']})", json={"inventory": wanted}, headers=headers)
        assert changed.json()["inventory"] == wanted
    entries = bc_store.select("$itemLedgerEntries")
    assert [(entry["entryNo"], entry["entryType"], entry["quantity"]) for entry in entries] == [
        (1, "Positive Adjmt.", 5),
        (2, "Negative Adjmt.", -2),
    ]


async def test_a_row_is_created_under_its_parent(bc: httpx.AsyncClient) -> None:
    item = (await bc.post("items", json={"displayName": "Wheel"})).json()
    variant = await bc.post(f"items({item['id']})/itemVariants", json={"code": "RED"})
    assert variant.status_code == 201
    assert (variant.json()["itemId"], variant.json()["itemNumber"]) == (item["id"], item["number"])
    again = await bc.post(f"items({item['id']})/itemVariants", json={"code": "RED"})
    assert refusal(again)[:2] == (400, "Internal_EntityWithSameKeyExists")
