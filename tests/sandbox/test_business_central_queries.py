"""Business Central: query options and server-driven paging."""

import httpx
import pytest

from gateway.sandbox.business_central.app import business_central_app
from gateway.sandbox.store import Store

pytestmark = pytest.mark.anyio


def key(number: int) -> str:
    return f"3f0c0000-0000-4000-8000-{number:012d}"


@pytest.fixture(autouse=True)
def rows(bc_store: Store) -> None:
    bc_store.seed("currencies", [{"id": key(900), "code": "USD", "displayName": "US dollar"}])
    bc_store.seed(
        "customers",
        (
            {
                "id": key(n),
                "number": f"C0000{n}",
                "displayName": f"Kunde {n} Söhne",
                "city": "Rotterdam" if n % 2 else "Antwerp",
                "blocked": "All" if n == 5 else "_x0020_",
                "creditLimit": n * 1000,
                "currencyId": key(900) if n == 4 else None,
                "lastModifiedDateTime": f"2026-05-0{n}T07:41:22.37Z",
            }
            for n in range(1, 8)
        ),
    )
    bc_store.seed("customerFinancialDetails", ({"id": key(n), "balance": n} for n in range(1, 8)))
    bc_store.seed("items", ({"id": key(100 + n), "number": f"100{n}", "type": "Non_x002D_Inventory"} for n in range(2)))
    variants = ({"id": key(200 + n), "itemId": key(100), "itemNumber": "1000", "code": f"V{n}"} for n in range(4))
    bc_store.seed("itemVariants", variants)


def verify(token: str) -> dict[str, object]:
    return {"scp": "Financials.ReadWrite.All"}


async def found(bc: httpx.AsyncClient, filter_: str, **options: str) -> str:
    response = await bc.get("customers", params={"$filter": filter_, **options})
    assert response.status_code == 200, response.text
    return "".join(row["number"][-1] for row in response.json()["value"])


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("number eq 'c00003'", "3"),
        ("city eq 'rotterdam' and creditLimit gt 3000", "57"),
        ("number eq 'C00001' or number eq 'C00002'", "12"),
        ("contains(displayName,'SÖHNE')", "1234567"),
        ("startswith(city,'ROTT')", "1357"),
        ("tolower(city) eq 'antwerp'", "246"),
        ("blocked eq 'All'", "5"),
        ("blocked eq '_x0020_'", "123467"),
        ("blocked ne ' '", "5"),
        ("phoneNumber eq null", "1234567"),
        ("phoneNumber eq ''", "1234567"),
        ("lastModifiedDateTime gt 2026-05-05T07:41:22.37Z", "67"),
        ("lines/any(l:l/quantity gt 5)", "1234567"),
        ("creditLimit ge 2500 and (number eq 'C00003' or number eq 'C00002')", "3"),
    ],
)
async def test_a_filter_finds(bc: httpx.AsyncClient, text: str, numbers: str) -> None:
    assert await found(bc, text) == numbers


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("number eq 'C1' or city eq 'x'", "The 'OR' operator is not supported on distinct fields on an OData filter."),
        ("number eq 'a' or (number eq 'b' and city eq 'x')", "'OR'"),
        ("number in ('C00001','C00002')", "'IN'"),
        ("contains(tolower(city),'r')", "Nested functions"),
        ("not contains(city,'r')", "'NOT'"),
        ("length(city) eq 5", "'length'"),
        ("true", "constant"),
        ("currency/code eq 'USD'", "Paths"),
    ],
)
async def test_an_unsupported_filter_is_501(bc: httpx.AsyncClient, text: str, part: str) -> None:
    response = await bc.get("customers", params={"$filter": text})
    assert response.status_code == 501
    assert response.json()["error"]["code"] == "BadRequest_MethodNotImplemented"
    assert part in response.json()["error"]["message"]


async def test_schema_version_2_1_brings_in_and_nested_functions(bc: httpx.AsyncClient) -> None:
    version = {"$schemaversion": "2.1"}
    assert await found(bc, "number in ('C00001','c00002','x')", **version) == "12"
    assert await found(bc, "contains(tolower(city),'rott')", **version) == "1357"
    assert await found(bc, "blocked in ('All')", **version) == "5"


@pytest.mark.parametrize(
    "option", ["$select=foo", "$filter=foo eq 1", "$orderby=foo", "$expand=foo", "$expand=customerFinancialDetails"]
)
async def test_an_unknown_property_is_400(bc: httpx.AsyncClient, option: str) -> None:
    response = await bc.get(f"customers?{option}")
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "BadRequest"
    name = option.partition("=")[2].partition(" ")[0]
    message = f"Could not find a property named '{name}' on type 'Microsoft.NAV.customer'."
    assert response.json()["error"]["message"].startswith(message)


@pytest.mark.parametrize("option", ["$filter=currencyCode eq 'EUR'", "$orderby=currencyCode"])
async def test_a_computed_column_is_neither_filtered_nor_sorted(bc: httpx.AsyncClient, option: str) -> None:
    response = await bc.get(f"customers?{option}")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "BadRequest")


@pytest.mark.parametrize(
    "option",
    [
        *["$filter=number eq", "$filter=number eq 5", "$filter=id eq 'x'", "$top=x", "$skip=-1", "$expand=currency("],
        "$expand=customerFinancialDetail($filter=balance eq 'x')",
    ],
)
async def test_a_malformed_option_is_400(bc: httpx.AsyncClient, option: str) -> None:
    response = await bc.get(f"customers?{option}")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "BadRequest")


async def test_types_that_do_not_compare_are_named(bc: httpx.AsyncClient) -> None:
    response = await bc.get(f"customers?$filter=id eq '{key(1)}'")
    assert response.json()["error"]["message"].startswith(
        "A binary operator with incompatible types was detected. "
        "Found operand types 'Edm.Guid' and 'Edm.String' for operator kind 'Equal'."
    )


async def test_an_unknown_option_value_names_the_options(bc: httpx.AsyncClient) -> None:
    response = await bc.get("items?$filter=type eq 'Foo'")
    assert response.status_code == 400
    expected = "'Foo' is not an option. The existing options are: Inventory,Service,Non-Inventory"
    assert response.json()["error"]["message"].startswith(expected)


async def test_a_query_beyond_8100_characters_is_414(bc: httpx.AsyncClient) -> None:
    long = " or ".join(["number eq 'C00001'"] * 400)
    assert (await bc.get("customers", params={"$filter": long})).status_code == 414
    short = " or ".join(["number eq 'C00001'"] * 150)
    assert await found(bc, short) == "1"


async def test_select_takes_names_in_any_case(bc: httpx.AsyncClient) -> None:
    row = (await bc.get(f"customers({key(1)})?$select=NUMBER,DisplayName")).json()
    assert list(row) == ["@odata.context", "@odata.etag", "number", "displayName"]


async def test_an_order_has_directions(bc: httpx.AsyncClient) -> None:
    rows = (await bc.get("customers?$orderby=city,creditLimit desc&$select=number")).json()["value"]
    assert "".join(row["number"][-1] for row in rows) == "6427531"


async def test_a_set_comes_in_order_of_its_number(bc: httpx.AsyncClient, bc_store: Store) -> None:
    bc_store.insert("customers", {"id": key(0), "number": "C00009"})
    rows = (await bc.get("customers?$select=number")).json()["value"]
    assert rows[-1]["number"] == "C00009"


async def test_count_ignores_top_and_skip(bc: httpx.AsyncClient) -> None:
    body = (await bc.get("customers?$count=true&$top=2&$skip=1&$filter=creditLimit gt 2000")).json()
    assert body["@odata.count"] == 5
    assert [row["number"] for row in body["value"]] == ["C00004", "C00005"]


async def test_expansions_nest_and_take_options(bc: httpx.AsyncClient) -> None:
    body = (
        await bc.get(
            "items?$expand=itemVariants($select=code;$filter=code gt 'V0';$top=2;$expand=item($select=number))"
        )
    ).json()
    first, second = body["value"]
    assert [(variant["code"], variant["item"]["number"]) for variant in first["itemVariants"]] == [
        ("V1", "1000"),
        ("V2", "1000"),
    ]
    assert second["itemVariants"] == []


async def test_a_single_navigation_is_expanded_under_the_entity_name(bc: httpx.AsyncClient) -> None:
    rows = (await bc.get("customers?$expand=customerFinancialDetail($select=balance),currency&$select=number")).json()[
        "value"
    ]
    assert [row["customerFinancialDetail"]["balance"] for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert [row["currency"] and row["currency"]["code"] for row in rows] == [None, None, None, "USD", None, None, None]


async def walk(bc: httpx.AsyncClient, url: str, size: int) -> list[httpx.Response]:
    pages = []
    while url:
        pages.append(await bc.get(url, headers={"Prefer": f"odata.maxpagesize={size}"}))
        assert pages[-1].status_code == 200, pages[-1].text
        url = pages[-1].json().get("@odata.nextLink", "")
    return pages


async def test_next_links_lead_through_all_rows(bc: httpx.AsyncClient) -> None:
    pages = await walk(bc, "customers?$select=number&$orderby=city desc", 3)
    assert ["".join(row["number"][-1] for row in page.json()["value"]) for page in pages] == ["135", "724", "6"]
    assert pages[0].headers["preference-applied"] == "odata.maxpagesize=3"


async def test_a_next_link_is_the_request_with_a_skip_token(bc: httpx.AsyncClient) -> None:
    body = (await bc.get("customers?$select=id,number", headers={"Prefer": "odata.maxpagesize=2"})).json()
    assert body["@odata.nextLink"] == (
        "http://bc/v2.0/contoso.example/Production/api/v2.0/companies(1b2c0000-0000-4000-8000-000000000001)"
        f"/customers?$select=id,number&aid=FIN&$skiptoken={key(2)}"
    )


async def test_a_page_size_holds_for_one_request_only(bc: httpx.AsyncClient) -> None:
    link = (await bc.get("customers", headers={"Prefer": "odata.maxpagesize=2"})).json()["@odata.nextLink"]
    body = (await bc.get(link)).json()
    assert len(body["value"]) == 5
    assert "@odata.nextLink" not in body


async def test_top_within_a_page_has_no_link_and_beyond_it_shrinks(bc: httpx.AsyncClient) -> None:
    assert "@odata.nextLink" not in (await bc.get("customers?$top=2", headers={"Prefer": "odata.maxpagesize=2"})).json()
    pages = await walk(bc, "customers?$top=5&$select=number", 2)
    assert [len(page.json()["value"]) for page in pages] == [2, 2, 1]
    assert [page.url.params["$top"] for page in pages] == ["5", "3", "1"]


async def test_skip_counts_once(bc: httpx.AsyncClient) -> None:
    pages = await walk(bc, "customers?$skip=2", 3)
    assert ["".join(row["number"][-1] for row in page.json()["value"]) for page in pages] == ["345", "67"]


async def test_rows_inserted_between_pages_do_no_harm(bc: httpx.AsyncClient, bc_store: Store) -> None:
    first = (await bc.get("customers", headers={"Prefer": "odata.maxpagesize=3"})).json()
    bc_store.insert("customers", {"id": key(50), "number": "C00000"})
    second = (await bc.get(first["@odata.nextLink"])).json()
    assert [row["number"] for row in second["value"]] == ["C00004", "C00005", "C00006", "C00007"]


@pytest.mark.parametrize("token", [key(99), "rubbish"])
async def test_a_broken_skip_token_is_refused(bc: httpx.AsyncClient, token: str) -> None:
    response = await bc.get(f"customers?aid=FIN&$skiptoken={token}")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "SkipTokenIsNoLongerValid")


@pytest.mark.parametrize("preferred", ["", "odata.maxpagesize=5000000"])
async def test_no_page_is_larger_than_the_server_allows(bc_store: Store, preferred: str) -> None:
    app = business_central_app(bc_store, verify=verify, tenant="t", environment="Production", max_page=4)
    headers = {"Authorization": "Bearer good", "Prefer": preferred}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), headers=headers) as client:
        body = (await client.get("http://bc/v2.0/t/Production/api/v2.0/customers?company=Fjord%20Wheels")).json()
    assert len(body["value"]) == 4
    assert "@odata.nextLink" in body


async def test_a_page_online_holds_20000_rows(bc: httpx.AsyncClient, bc_store: Store) -> None:
    bc_store.seed("locations", ({"id": key(10**6 + n), "code": f"{n:06d}"} for n in range(20_001)))
    body = (await bc.get("locations?$select=code")).json()
    assert (len(body["value"]), body["value"][-1]["code"]) == (20_000, "019999")
    assert [row["code"] for row in (await bc.get(body["@odata.nextLink"])).json()["value"]] == ["020000"]
