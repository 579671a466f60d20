"""Aggregations of the Dataverse simulator, asked with `$apply` and with FetchXML."""

from collections import defaultdict
from decimal import Decimal

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.sandbox.json_text import loads
from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

ADA = "00000a01-0000-4000-8000-000000000000"
BEN = "00000a02-0000-4000-8000-000000000000"
IRIS = "00000014-0000-4000-8000-000000000000"
ASKED = {"Prefer": 'odata.include-annotations="*"'}
FORMATTED = "OData.Community.Display.V1.FormattedValue"
Row = dict[str, object]


def key(number: int) -> str:
    return f"{number:08}-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def rows(dataverse_store: Store) -> None:
    dataverse_store.seed("contacts", [{"contactid": IRIS, "fullname": "Iris Vos"}])
    shapes = [
        ("Delft", 0, 5, "0.10", ADA, "2025-12-31T23:00:00Z"),
        ("DELFT", 0, 8, "0.20", BEN, "2026-01-01T00:00:00Z"),
        ("Gouda", 1, 1, None, BEN, "2026-01-04T12:00:00Z"),
        (None, 0, None, "-7.5", BEN, "2026-08-15T12:00:00Z"),
    ]
    dataverse_store.seed(
        "accounts",
        [
            {"accountid": key(number), "address1_city": city, "statecode": state, "numberofemployees": staff,
             "creditlimit": credit, "_ownerid_value": owner, "createdon": created,
             "_primarycontactid_value": IRIS if number == 1 else None}
            for number, (city, state, staff, credit, owner, created) in enumerate(shapes)
        ],
    )  # fmt: skip


async def applied(
    client: httpx.AsyncClient, text: str, *, annotated: bool = False, aliases: dict[str, str] | None = None
) -> list[Row]:
    response = await client.get(
        "accounts", params={"$apply": text, **(aliases or {})}, headers=ASKED if annotated else {}
    )
    assert response.status_code == 200, response.text
    body = loads(response.content)
    assert isinstance(body, dict)
    assert body["@odata.context"] == "http://crm.example/api/data/v9.2/$metadata#accounts"
    value = body["value"]
    assert isinstance(value, list)
    return value


def account(inner: str, **fetch: object) -> str:
    attributes = "".join(f' {name}="{value}"' for name, value in fetch.items())
    return f'<fetch aggregate="true"{attributes}><entity name="account">{inner}</entity></fetch>'


async def fetched(client: httpx.AsyncClient, xml: str, *, annotated: bool = False) -> list[Row]:
    response = await client.get("accounts", params={"fetchXml": xml}, headers=ASKED if annotated else {})
    assert response.status_code == 200, response.text
    body = loads(response.content)
    assert isinstance(body, dict)
    value = body["value"]
    assert isinstance(value, list)
    return value


async def test_every_function_aggregates_the_whole_set(dataverse: httpx.AsyncClient) -> None:
    text = (
        "aggregate($count as n,creditlimit with sum as total,creditlimit with average as mean,numberofemployees with "
        "average as staff,creditlimit with min as least,createdon with max as latest,address1_city with countdistinct as towns)"
    )
    (row,) = await applied(dataverse, text)
    assert row == {
        "n": 4,
        "total": Decimal("-7.2"),
        "mean": Decimal("-2.4"),
        "staff": 4,  # the average of whole numbers is a whole number
        "least": Decimal("-7.5"),
        "latest": "2026-08-15T12:00:00Z",
        "towns": 2,
    }


async def test_groups_disregard_case_and_have_no_key(dataverse: httpx.AsyncClient) -> None:
    found = await applied(dataverse, "groupby((address1_city),aggregate($count as n))")
    assert found == [
        {"address1_city": None, "n": 1},
        {"address1_city": "DELFT", "n": 2},
        {"address1_city": "Gouda", "n": 1},
    ]


async def test_a_grouping_without_figures_lists_distinct_values(dataverse: httpx.AsyncClient) -> None:
    found = await applied(dataverse, "groupby((statecode,_ownerid_value))")
    assert [(row["statecode"], row["_ownerid_value"]) for row in found] == [(0, ADA), (0, BEN), (1, BEN)]


async def test_filters_come_first(dataverse: httpx.AsyncClient) -> None:
    chain = "filter(statecode eq 0)/filter(creditlimit gt @least)/aggregate($count as n)"
    assert await applied(dataverse, chain, aliases={"@least": "0"}) == [{"n": 2}]
    assert await applied(dataverse, "filter(statecode eq 7)/aggregate($count as n,creditlimit with sum as s)") == [
        {"n": 0, "s": None}
    ]
    assert await applied(dataverse, "filter(statecode eq 7)/groupby((statecode),aggregate($count as n))") == []


async def test_a_column_of_another_table_lies_deeper(dataverse: httpx.AsyncClient) -> None:
    found = await applied(dataverse, "groupby((primarycontactid/fullname),aggregate($count as n))")
    assert found == [
        {"primarycontactid": {"fullname": None}, "n": 3},
        {"primarycontactid": {"fullname": "Iris Vos"}, "n": 1},
    ]


async def test_groups_are_annotated_when_asked_for(dataverse: httpx.AsyncClient) -> None:
    text = "filter(statecode eq 1)/groupby((statecode,_ownerid_value),aggregate($count as n,revenue with sum as r))"
    (row,) = await applied(dataverse, text, annotated=True)
    assert row[f"statecode@{FORMATTED}"] == "Inactive"
    assert row[f"_ownerid_value@{FORMATTED}"] == "Ben Moor"
    assert (row["n"], row[f"n@{FORMATTED}"]) == (1, "1")


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "filter(statecode eq 0)",
        "groupby((statecode))/filter(n gt 1)",
        "groupby((statecode))/aggregate($count as n)",
        "groupby(statecode)",
        "groupby(())",
        "groupby((createdon))",
        "groupby((nothing))",
        "groupby((contact_customer_accounts/fullname))",
        "groupby((statecode),filter(statecode eq 0))",
        "groupby((statecode),aggregate($count as statecode))",
        "aggregate(creditlimit with median as m)",
        "aggregate(creditlimit as m)",
        "aggregate(name with sum as m)",
        "aggregate(statecode with sum as m)",
        "aggregate(creditonhold with max as m)",
        "aggregate($count as n",
        "filter(statecode in (0))/aggregate($count as n)",
        "concat(aggregate($count as n),aggregate($count as m))",
    ],
)
async def test_what_cannot_be_aggregated_is_refused(dataverse: httpx.AsyncClient, text: str) -> None:
    response = await dataverse.get("accounts", params={"$apply": text})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80060888")


@pytest.mark.parametrize("option", ["$orderby=n desc", "$select=statecode", "$filter=n gt 1", "$top=1"])
async def test_no_other_option_goes_with_apply(dataverse: httpx.AsyncClient, option: str) -> None:
    response = await dataverse.get(f"accounts?$apply=groupby((statecode),aggregate($count as n))&{option}")
    assert response.status_code == 400


async def test_only_a_whole_set_is_aggregated(dataverse: httpx.AsyncClient) -> None:
    for path in (f"accounts({key(1)})", f"accounts({key(1)})/contact_customer_accounts", "accounts/$count"):
        assert (await dataverse.get(f"{path}?$apply=aggregate($count as n)")).status_code == 400


# FetchXML


async def test_fetchxml_has_the_same_functions(dataverse: httpx.AsyncClient) -> None:
    functions = {
        "sum": "creditlimit", "avg": "numberofemployees", "min": "createdon", "max": "creditlimit",
        "count": "numberofemployees", "countcolumn": "numberofemployees",
    }  # fmt: skip
    attributes = "".join(f'<attribute name="{n}" aggregate="{f}" alias="{f}" />' for f, n in functions.items())
    distinct = '<attribute name="address1_city" aggregate="countcolumn" distinct="true" alias="towns" />'
    assert await fetched(dataverse, account(attributes + distinct)) == [
        {
            "sum": Decimal("-7.2"), "avg": 4, "min": "2025-12-31T23:00:00Z", "max": Decimal("0.2"),
            "count": 4, "countcolumn": 3, "towns": 2,
        }
    ]  # fmt: skip


async def test_fetchxml_groups_are_ordered_by_alias(dataverse: httpx.AsyncClient) -> None:
    inner = (
        '<attribute name="ownerid" groupby="true" alias="owner" />'
        '<attribute name="accountid" aggregate="count" alias="n" /><order alias="n" descending="true" />'
    )
    first, second = await fetched(dataverse, account(inner), annotated=True)
    assert (first["owner"], first["n"], second["owner"], second["n"]) == (BEN, 3, ADA, 1)
    assert first[f"owner@{FORMATTED}"] == "Ben Moor"
    assert first["owner@Microsoft.Dynamics.CRM.lookuplogicalname"] == "systemuser"


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("day", {31: 1, 1: 1, 4: 1, 15: 1}),
        ("week", {53: 1, 1: 1, 2: 1, 33: 1}),  # weeks start on Sunday, and the first holds 1 January
        ("month", {12: 1, 1: 2, 8: 1}),
        ("quarter", {4: 1, 1: 2, 3: 1}),
        ("year", {2025: 1, 2026: 3}),
    ],
)
async def test_dates_are_grouped_by_a_part(dataverse: httpx.AsyncClient, part: str, expected: dict[int, int]) -> None:
    inner = (
        f'<attribute name="createdon" groupby="true" dategrouping="{part}" alias="part" />'
        '<attribute name="accountid" aggregate="count" alias="n" />'
    )
    assert {row["part"]: row["n"] for row in await fetched(dataverse, account(inner))} == expected


async def test_links_and_filters_take_part(dataverse: httpx.AsyncClient) -> None:
    inner = (
        '<attribute name="creditlimit" aggregate="sum" alias="total" />'
        '<link-entity name="systemuser" from="systemuserid" to="ownerid" alias="u">'
        '<attribute name="fullname" groupby="true" alias="who" /></link-entity>'
        '<filter><condition attribute="statecode" operator="eq" value="0" /></filter><order alias="who" />'
    )
    found = await fetched(dataverse, account(inner))
    assert [(row["who"], row["total"]) for row in found] == [("Ada Vos", Decimal("0.1")), ("Ben Moor", Decimal("-7.3"))]


async def test_groups_are_paged_by_number(dataverse: httpx.AsyncClient) -> None:
    inner = '<attribute name="createdon" groupby="true" dategrouping="day" alias="day" /><order alias="day" />'
    pages = [await fetched(dataverse, account(inner, count=3, page=page)) for page in (1, 2)]
    assert [[row["day"] for row in page] for page in pages] == [[1, 4, 15], [31]]


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "<all-attributes />",
        '<attribute name="creditlimit" aggregate="sum" />',
        '<attribute name="creditlimit" alias="x" />',
        '<attribute name="creditlimit" aggregate="median" alias="x" />',
        '<attribute name="name" aggregate="sum" alias="x" />',
        '<attribute name="createdon" groupby="true" alias="x" />',
        '<attribute name="createdon" groupby="true" dategrouping="century" alias="x" />',
        '<attribute name="name" groupby="true" dategrouping="day" alias="x" />',
        '<attribute name="creditlimit" aggregate="sum" alias="x" /><order attribute="creditlimit" />',
        '<attribute name="creditlimit" aggregate="sum" alias="x" /><order alias="y" />',
    ],
)
async def test_a_fetchxml_aggregation_that_makes_no_sense_is_refused(dataverse: httpx.AsyncClient, inner: str) -> None:
    assert (await dataverse.get("accounts", params={"fetchXml": account(inner)})).status_code == 400


# the limit, and arithmetic


async def test_no_aggregation_reads_more_than_50000_rows(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    dataverse_store.seed(
        "uomschedules", ({"uomscheduleid": key(number), "statecode": number % 2} for number in range(50_001))
    )
    count = '<attribute name="name" aggregate="count" alias="n" />'
    xml = f'<fetch aggregate="true"><entity name="uomschedule">{count}{{}}</entity></fetch>'
    for params in ({"$apply": "aggregate($count as n)"}, {"fetchXml": xml.format("")}):
        error = (await dataverse.get("uomschedules", params=params)).json()["error"]
        assert error["code"] == "0x8004e023"
        assert "AggregateQueryRecordLimit exceeded" in error["message"]
    active = '<filter><condition attribute="statecode" operator="eq" value="0" /></filter>'
    narrow = ({"$apply": "filter(statecode eq 0)/aggregate($count as n)"}, {"fetchXml": xml.format(active)})
    for params in narrow:
        assert (await dataverse.get("uomschedules", params=params)).json()["value"] == [{"n": 25_001}]


_amounts = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.none() | st.decimals(-(10**9), 10**9, places=4, allow_nan=False, allow_infinity=False),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=_amounts)
async def test_figures_are_those_of_the_rows(
    dataverse: httpx.AsyncClient, dataverse_store: Store, amounts: list[tuple[int, Decimal | None]]
) -> None:
    for row in dataverse_store.select("opportunities"):
        dataverse_store.delete("opportunities", row["opportunityid"])
    dataverse_store.seed(
        "opportunities",
        [
            {"opportunityid": key(number), "statecode": state, "estimatedvalue": amount}
            for number, (state, amount) in enumerate(amounts)
        ],
    )
    groups: dict[int, list[Decimal | None]] = defaultdict(list)
    for state, amount in amounts:
        groups[state].append(amount)
    figures = ",".join(
        f"estimatedvalue with {function} as {name}" for function, name in (("sum", "s"), ("min", "a"), ("max", "z"))
    )
    text = f"groupby((statecode),aggregate($count as n,{figures}))"
    body = loads((await dataverse.get("opportunities", params={"$apply": text})).content)
    assert isinstance(body, dict)
    found = {row["statecode"]: (row["n"], row["s"], row["a"], row["z"]) for row in body["value"]}
    assert found == {
        state: (len(values), *((sum(known), min(known), max(known)) if known else (None, None, None)))
        for state, values in groups.items()
        for known in [[value for value in values if value is not None]]
    }
