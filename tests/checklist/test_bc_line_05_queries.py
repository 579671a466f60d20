"""Business Central, line 5: the grammar of filters with its 501 for `or` over two fields and the rule for `in`, counts, and
nested expansions under the names of entities where one row is meant."""

import httpx
import pytest

from tests.checklist.answers import first, refusal, row, rows

pytestmark = pytest.mark.anyio


async def numbers(client: httpx.AsyncClient, condition: str) -> list[str]:
    return [found["number"] for found in rows(await client.get("customers", params={"$filter": condition}))]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("number eq 'C00210'", ["C00210"]),
        ("number eq 'c00210'", ["C00210"]),
        ("number gt 'C00208' and number le 'C00210'", ["C00209", "C00210"]),
        ("number ge 'C00209' and number lt 'C00211' and number ne 'C00209'", ["C00210"]),
        ("number eq 'C00021' or number eq 'C00045'", ["C00021", "C00045"]),
        ("startswith(number,'C0021')", ["C00210"]),
        ("endswith(number,'00210')", ["C00210"]),
        ("contains(number,'0210')", ["C00210"]),
        ("substring(number,4) eq '10' and number gt 'C002'", ["C00210"]),
        ("indexof(number,'210') eq 3", ["C00210"]),
        ("tolower(number) eq 'c00210'", ["C00210"]),
        ("toupper(number) eq 'C00210'", ["C00210"]),
        ("trim(number) eq 'C00210'", ["C00210"]),
        ("replace(number,'C','D') eq 'D00210'", ["C00210"]),
        ("concat(number,'!') eq 'C00210!'", ["C00210"]),
        ("round(creditLimit) eq 20000.0 and number eq 'C00210'", ["C00210"]),
        ("floor(creditLimit) le 20000 and number eq 'C00210'", ["C00210"]),
        ("ceiling(creditLimit) ge 20000 and number eq 'C00210'", ["C00210"]),
        ("number eq 'C''0099'", ["C'0099"]),
        ("addressLine2 eq null and number eq 'C00210'", ["C00210"]),
        ("(number eq 'C00210') and blocked eq ' '", ["C00210"]),
        ("number eq 'C00072' and blocked eq 'All'", ["C00072"]),
    ],
)
async def test_a_filter_finds(business_central: httpx.AsyncClient, condition: str, expected: list[str]) -> None:
    assert await numbers(business_central, condition) == expected


@pytest.mark.parametrize(
    "condition",
    [
        "number eq 'C00210' or displayName eq 'x'",
        "(number eq 'C00210' and city eq 'x') or number eq 'C00211'",
        "startswith(number,'C') or contains(displayName,'x')",
    ],
)
async def test_or_over_two_fields_is_501(business_central: httpx.AsyncClient, condition: str) -> None:
    answer = await business_central.get("customers", params={"$filter": condition})
    assert refusal(answer) == (501, "BadRequest_MethodNotImplemented")
    wanted = "The 'OR' operator is not supported on distinct fields on an OData filter."
    assert answer.json()["error"]["message"].startswith(wanted)


async def test_in_needs_schema_version_2_1(business_central: httpx.AsyncClient) -> None:
    address = "customers?$filter=number in ('C00210','c00021')"
    for version in ("", "&$schemaversion=2.0"):
        assert refusal(await business_central.get(address + version)) == (501, "BadRequest_MethodNotImplemented")
    found = rows(await business_central.get(f"{address}&$schemaversion=2.1"))
    assert [one["number"] for one in found] == ["C00021", "C00210"]


async def test_nested_functions_need_schema_version_2_1(business_central: httpx.AsyncClient) -> None:
    address = "customers?$filter=contains(tolower(number),'c0021')"
    assert refusal(await business_central.get(address)) == (501, "BadRequest_MethodNotImplemented")
    assert (await first(business_central, f"{address}&$schemaversion=2.1"))["number"] == "C00210"


@pytest.mark.parametrize("option", ["$filter=true", "$filter=not (number eq 'x')", "$apply=aggregate($count as n)"])
async def test_what_is_not_supported_is_501(business_central: httpx.AsyncClient, option: str) -> None:
    assert refusal(await business_central.get(f"customers?{option}"))[0] == 501
    assert refusal(await business_central.get("customers?$search=bikes"))[0] == 501


async def test_any_and_all_are_ignored(business_central: httpx.AsyncClient) -> None:
    address = "salesOrders?$count=true&$top=1&$filter="
    plain = row(await business_central.get(f"{address}number gt ''"))
    ignored = row(await business_central.get(f"{address}number gt '' and salesOrderLines/any(l:l/quantity gt 100000)"))
    assert ignored["@odata.count"] == plain["@odata.count"] == 120


@pytest.mark.parametrize("option", ["$filter=nope eq 1", "$orderby=nope", "$select=nope", "$expand=nope"])
async def test_an_unknown_property_is_400(business_central: httpx.AsyncClient, option: str) -> None:
    answer = await business_central.get(f"customers?{option}")
    assert refusal(answer) == (400, "BadRequest")
    assert "Could not find a property named 'nope' on type 'Microsoft.NAV.customer'." in answer.text


async def test_an_unknown_option_value_names_the_options(business_central: httpx.AsyncClient) -> None:
    answer = await business_central.get("items?$filter=type eq 'Foo'")
    assert refusal(answer) == (400, "Unknown")
    assert "'Foo' is not an option. The existing options are: Inventory,Service,Non-Inventory" in answer.text


async def test_a_count_ignores_top_and_skip(business_central: httpx.AsyncClient) -> None:
    page = row(await business_central.get("customers?$count=true&$top=2&$skip=3&$filter=number gt 'C00200'"))
    assert (page["@odata.count"], len(page["value"])) == (10, 2)
    assert (await business_central.get("customers/$count?$filter=number gt 'C00200'")).text == "10"
    assert (await business_central.get("customers/$count")).text == "200"


async def test_one_row_is_expanded_under_the_name_of_the_entity(business_central: httpx.AsyncClient) -> None:
    found = await first(business_central, "customers?$filter=number eq 'C00210'&$expand=customerFinancialDetail")
    assert found["customerFinancialDetail"]["number"] == "C00210"
    assert refusal(await business_central.get("customers?$expand=customerFinancialDetails")) == (400, "BadRequest")
    item = await first(business_central, "items?$filter=number eq '1009'&$expand=unitOfMeasure,itemVariants")
    assert item["unitOfMeasure"]["code"] == "PCS"
    assert len(item["itemVariants"]) == 4
    assert refusal(await business_central.get("items?$expand=unitsOfMeasure")) == (400, "BadRequest")


async def test_expansions_nest_with_options(business_central: httpx.AsyncClient) -> None:
    expand = (
        "salesOrderLines($select=sequence,quantity;$filter=sequence gt 10000;$orderby=sequence desc;"
        "$expand=item($select=number;$expand=itemVariants($select=code))),customer($select=number)"
    )
    found = await first(business_central, f"salesOrders?$filter=number eq 'S-ORD101001'&$expand={expand}")
    assert found["customer"]["number"] == "C00210"
    assert [line["sequence"] for line in found["salesOrderLines"]] == [30000, 20000]
    assert found["salesOrderLines"][0].keys() == {"@odata.etag", "sequence", "quantity", "item"}
    variants = found["salesOrderLines"][1]["item"]["itemVariants"]
    assert sorted(variant["code"] for variant in variants) == ["L", "M", "S", "XL"]


async def test_a_query_beyond_8100_characters_is_414(business_central: httpx.AsyncClient) -> None:
    condition = " or ".join(f"number eq 'C{number:05d}'" for number in range(400))
    assert (await business_central.get("customers", params={"$filter": condition})).status_code == 414
