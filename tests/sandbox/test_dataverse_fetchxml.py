"""FetchXML in the Dataverse simulator: rows, links, filters, orders and pages; aggregations have a module of their own."""

import re
from html import escape
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

ADA = "00000a01-0000-4000-8000-000000000000"
BEN = "00000a02-0000-4000-8000-000000000000"
EUR = "00000e01-0000-4000-8000-000000000000"
ASKED = {"Prefer": 'odata.include-annotations="*"'}
Row = dict[str, Any]


def key(number: int) -> str:
    return f"{number:08}-0000-4000-8000-000000000000"


QUAY, BIKES, ONEILL = (key(number) for number in (1, 2, 3))
IRIS, NOAH = key(14), key(15)


@pytest.fixture(autouse=True)
def rows(dataverse_store: Store) -> None:
    dataverse_store.seed(
        "accounts",
        [
            {"accountid": QUAY, "name": "Quay Cycles", "accountnumber": "C1", "creditlimit": "100.5", "statecode": 0,
             "numberofemployees": 5, "sharesoutstanding": 5, "_primarycontactid_value": IRIS, "_ownerid_value": ADA,
             "_transactioncurrencyid_value": EUR, "createdon": "2026-11-16T08:00:00Z", "creditonhold": False},
            {"accountid": BIKES, "name": "Harbour Bikes", "accountnumber": "C2", "creditlimit": "20000", "statecode": 1,
             "numberofemployees": 7, "sharesoutstanding": 5, "_primarycontactid_value": NOAH, "_ownerid_value": BEN,
             "createdon": "2026-11-10T08:00:00Z", "creditonhold": True},
            {"accountid": ONEILL, "name": "O'Neill & Söhne 100%", "accountnumber": "C_3", "statecode": 0,
             "numberofemployees": 1, "_ownerid_value": BEN, "createdon": "2026-01-02T00:00:00Z"},
        ],
    )  # fmt: skip
    dataverse_store.seed(
        "contacts",
        [
            {"contactid": IRIS, "fullname": "Iris Vos", "_parentcustomerid_value": QUAY, "_ownerid_value": ADA},
            {"contactid": NOAH, "fullname": "Noah Berg", "_parentcustomerid_value": QUAY, "_ownerid_value": BEN},
        ],
    )


def account(inner: str, **fetch: object) -> str:
    attributes = "".join(f' {name.replace("_", "-")}="{escape(str(value))}"' for name, value in fetch.items())
    return f'<fetch{attributes}><entity name="account">{inner}</entity></fetch>'


async def asked(client: httpx.AsyncClient, xml: str, *, path: str = "accounts", annotated: bool = False) -> Row:
    response = await client.get(path, params={"fetchXml": xml}, headers=ASKED if annotated else {})
    assert response.status_code == 200, response.text
    body: Row = response.json()
    return body


async def fetched(client: httpx.AsyncClient, xml: str, *, path: str = "accounts", annotated: bool = False) -> list[Row]:
    value = (await asked(client, xml, path=path, annotated=annotated))["value"]
    assert isinstance(value, list)
    return value


async def found(client: httpx.AsyncClient, condition: str) -> set[object]:
    xml = account(f'<attribute name="name" /><filter>{condition}</filter>')
    return {row["accountid"] for row in await fetched(client, xml)}


async def refused(client: httpx.AsyncClient, xml: str, *, path: str = "accounts") -> tuple[int, str, str]:
    response = await client.get(path, params={"fetchXml": xml})
    error = response.json()["error"]
    return response.status_code, error["code"], error["message"]


async def test_rows_carry_what_was_asked_for_their_key_and_tag(dataverse: httpx.AsyncClient) -> None:
    body = await asked(dataverse, account('<attribute name="name" /><attribute name="primarycontactid" />', top=1))
    assert body["@odata.context"] == (
        "http://crm.example/api/data/v9.2/$metadata#accounts(name,_primarycontactid_value)"
    )
    (row,) = body["value"]
    assert row.pop("@odata.etag").startswith('W/"')
    assert row == {"name": "Quay Cycles", "_primarycontactid_value": IRIS, "accountid": QUAY}


async def test_money_brings_its_currency(dataverse: httpx.AsyncClient) -> None:
    (row, *_) = await fetched(dataverse, account('<attribute name="creditlimit" />'))
    assert (row["creditlimit"], row["_transactioncurrencyid_value"]) == (100.5, EUR)


@pytest.mark.parametrize("wish", ["<all-attributes />", ""])
async def test_every_column_comes_when_all_or_none_is_named(dataverse: httpx.AsyncClient, wish: str) -> None:
    (row, *_) = await fetched(dataverse, account(wish))
    (plain, *_) = (await dataverse.get("accounts")).json()["value"]
    assert row == plain


async def test_formatted_values_come_when_asked_for(dataverse: httpx.AsyncClient) -> None:
    attributes = "".join(f'<attribute name="{n}" />' for n in ("creditlimit", "primarycontactid", "statecode"))
    (row, *_) = await fetched(dataverse, account(attributes), annotated=True)
    assert row["creditlimit@OData.Community.Display.V1.FormattedValue"] == "€100.50"
    assert row["statecode@OData.Community.Display.V1.FormattedValue"] == "Active"
    assert row["_primarycontactid_value@OData.Community.Display.V1.FormattedValue"] == "Iris Vos"
    assert row["_primarycontactid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "contact"


async def test_an_alias_renames_a_column_and_its_annotations(dataverse: httpx.AsyncClient) -> None:
    xml = account('<attribute name="statecode" alias="state" />')
    (row, *_) = await fetched(dataverse, xml, annotated=True)
    assert (row["state"], row["state@OData.Community.Display.V1.FormattedValue"]) == (0, "Active")
    assert "statecode" not in row


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('<condition attribute="name" operator="eq" value="QUAY cycles" />', {QUAY}),
        ('<condition attribute="name" operator="ne" value="Quay Cycles" />', {BIKES, ONEILL}),
        ('<condition attribute="creditlimit" operator="gt" value="100.5" />', {BIKES}),
        ('<condition attribute="creditlimit" operator="ge" value="100.50" />', {QUAY, BIKES}),
        ('<condition attribute="creditlimit" operator="lt" value="101" />', {QUAY}),
        ('<condition attribute="creditlimit" operator="le" value="20000" />', {QUAY, BIKES}),
        ('<condition attribute="creditlimit" operator="null" />', {ONEILL}),
        ('<condition attribute="creditlimit" operator="not-null" />', {QUAY, BIKES}),
        ('<condition attribute="creditonhold" operator="eq" value="1" />', {BIKES}),
        ('<condition attribute="creditonhold" operator="eq" value="false" />', {QUAY}),
        ('<condition attribute="name" operator="like" value="%bikes" />', {BIKES}),
        ('<condition attribute="name" operator="not-like" value="%bikes" />', {QUAY, ONEILL}),
        ('<condition attribute="name" operator="like" value="[qh]%" />', {QUAY, BIKES}),
        ('<condition attribute="name" operator="begins-with" value="o\'neill" />', {ONEILL}),
        ('<condition attribute="name" operator="not-begin-with" value="q" />', {BIKES, ONEILL}),
        ('<condition attribute="name" operator="ends-with" value="S" />', {QUAY, BIKES}),
        ('<condition attribute="name" operator="not-end-with" value="s" />', {ONEILL}),
        ('<condition attribute="name" operator="eq" value="O\'Neill &amp; Söhne 100%" />', {ONEILL}),
        (
            '<condition attribute="accountnumber" operator="in"><value>c1</value><value>C2</value></condition>',
            {QUAY, BIKES},
        ),
        ('<condition attribute="accountnumber" operator="not-in"><value>C1</value></condition>', {BIKES, ONEILL}),
        (
            '<condition attribute="creditlimit" operator="between"><value>100</value><value>200</value></condition>',
            {QUAY},
        ),
        (
            '<condition attribute="creditlimit" operator="not-between"><value>1</value><value>200</value></condition>',
            {BIKES, ONEILL},
        ),
        (f'<condition attribute="ownerid" operator="eq" value="{{{BEN.upper()}}}" />', {BIKES, ONEILL}),
        ('<condition attribute="ownerid" operator="eq-userid" />', {QUAY}),
        ('<condition attribute="ownerid" operator="ne-userid" />', {BIKES, ONEILL}),
        ('<condition attribute="createdon" operator="today" />', {QUAY}),
        ('<condition attribute="createdon" operator="this-month" />', {QUAY, BIKES}),
        ('<condition attribute="createdon" operator="last-week" />', {BIKES}),
        ('<condition attribute="createdon" operator="last-x-days" value="6" />', {QUAY, BIKES}),
        ('<condition attribute="createdon" operator="last-x-hours" value="2" />', {QUAY}),
        ('<condition attribute="createdon" operator="olderthan-x-months" value="3" />', {ONEILL}),
        ('<condition attribute="createdon" operator="on" value="2026-11-10" />', {BIKES}),
        ('<condition attribute="createdon" operator="on-or-after" value="2026-11-10" />', {QUAY, BIKES}),
        ('<condition attribute="createdon" operator="on-or-before" value="2026-11-10" />', {BIKES, ONEILL}),
        ('<condition attribute="numberofemployees" operator="eq" valueof="sharesoutstanding" />', {QUAY}),
    ],
)
async def test_a_condition_finds_its_rows(dataverse: httpx.AsyncClient, condition: str, expected: set[object]) -> None:
    assert await found(dataverse, condition) == expected


async def test_filters_nest(dataverse: httpx.AsyncClient) -> None:
    inner = (
        '<filter type="or"><condition attribute="accountnumber" operator="eq" value="C1" />'
        '<condition attribute="accountnumber" operator="eq" value="C2" /></filter>'
    )
    assert await found(dataverse, inner) == {QUAY, BIKES}
    assert await found(dataverse, f'{inner}<condition attribute="statecode" operator="eq" value="0" />') == {QUAY}
    assert await found(dataverse, "") == {QUAY, BIKES, ONEILL}


def link(inner: str = "", **attributes: str) -> str:
    named = {"name": "contact", "from": "contactid", "to": "primarycontactid", "alias": "c"} | attributes
    written = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in named.items())
    return f"<link-entity{written}>{inner}</link-entity>"


async def names(client: httpx.AsyncClient, inner: str) -> list[tuple[object, object]]:
    xml = account(f'<attribute name="name" />{inner}<order attribute="accountnumber" />')
    return [(row["name"], row.get("c.fullname")) for row in await fetched(client, xml)]


async def test_an_inner_link_keeps_only_rows_that_have_one(dataverse: httpx.AsyncClient) -> None:
    assert await names(dataverse, link('<attribute name="fullname" />')) == [
        ("Quay Cycles", "Iris Vos"),
        ("Harbour Bikes", "Noah Berg"),
    ]


async def test_an_outer_link_keeps_all_and_its_filter_belongs_to_the_join(dataverse: httpx.AsyncClient) -> None:
    inner = (
        '<attribute name="fullname" /><filter><condition attribute="fullname" operator="like" value="I%" /></filter>'
    )
    assert await names(dataverse, link(inner, link_type="outer")) == [
        ("Quay Cycles", "Iris Vos"),
        ("Harbour Bikes", None),
        ("O'Neill & Söhne 100%", None),
    ]


async def test_a_filter_of_the_entity_may_name_a_link(dataverse: httpx.AsyncClient) -> None:
    without = '<filter><condition entityname="c" attribute="contactid" operator="null" /></filter>'
    assert await names(dataverse, link(link_type="outer") + without) == [("O'Neill & Söhne 100%", None)]


async def test_columns_of_two_tables_are_compared(dataverse: httpx.AsyncClient) -> None:
    same = '<filter><condition attribute="ownerid" operator="eq" valueof="c.ownerid" /></filter>'
    other = '<filter><condition attribute="accountid" operator="ne" valueof="c.parentcustomerid" /></filter>'
    assert await names(dataverse, link() + same) == [("Quay Cycles", None), ("Harbour Bikes", None)]
    assert await names(dataverse, link() + other) == [("Harbour Bikes", None)]


async def test_a_link_to_many_repeats_the_row(dataverse: httpx.AsyncClient) -> None:
    many = {"from": "parentcustomerid", "to": "accountid"}
    inner = link('<attribute name="fullname" /><order attribute="fullname" descending="true" />', **many)
    assert await names(dataverse, inner) == [("Quay Cycles", "Noah Berg"), ("Quay Cycles", "Iris Vos")]


async def test_links_nest_and_name_their_columns(dataverse: httpx.AsyncClient) -> None:
    owner = (
        '<link-entity name="systemuser" from="systemuserid" to="ownerid"><attribute name="fullname" />'
        '<attribute name="businessunitid" alias="unit" /></link-entity>'
    )
    xml = account('<attribute name="name" />' + link('<attribute name="ownerid" />' + owner) + _only("C2"))
    (row,) = await fetched(dataverse, xml, annotated=True)
    assert (row["c.ownerid"], row["systemuser2.fullname"]) == (BEN, "Ben Moor")
    assert row["c.ownerid@OData.Community.Display.V1.FormattedValue"] == "Ben Moor"
    assert row["unit@Microsoft.Dynamics.CRM.lookuplogicalname"] == "businessunit"


def _only(number: str) -> str:
    return f'<filter><condition attribute="accountnumber" operator="eq" value="{number}" /></filter>'


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ('<order attribute="accountnumber" descending="true" />', ["C_3", "C2", "C1"]),
        ('<order attribute="statecode" /><order attribute="name" descending="true" />', ["C1", "C_3", "C2"]),
        ('<order attribute="primarycontactid" descending="true" />', ["C2", "C1", "C_3"]),
    ],
)
async def test_rows_are_ordered(dataverse: httpx.AsyncClient, orders: str, expected: list[str]) -> None:
    rows = await fetched(dataverse, account(f'<attribute name="accountnumber" />{orders}'))
    assert [row["accountnumber"] for row in rows] == expected


async def test_choices_are_ordered_by_label_or_by_number(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    for row, code in ((QUAY, 3), (BIKES, 1), (ONEILL, 7)):  # Customer, Competitor, Press
        dataverse_store.update("accounts", row, {"customertypecode": code})
    dataverse_store.update("accounts", BIKES, {"customertypecode": 12})  # Other
    order = '<attribute name="customertypecode" /><order attribute="customertypecode" />'
    rows = await fetched(dataverse, account(order))
    assert [row["customertypecode"] for row in rows] == [3, 12, 7]
    rows = await fetched(dataverse, account(order, useraworderby="true"))
    assert [row["customertypecode"] for row in rows] == [3, 7, 12]


async def test_distinct_rows_have_neither_key_nor_tag(dataverse: httpx.AsyncClient) -> None:
    xml = account('<attribute name="ownerid" /><order attribute="ownerid" descending="true" />', distinct="true")
    assert await fetched(dataverse, xml) == [{"_ownerid_value": BEN}, {"_ownerid_value": ADA}]


async def test_the_number_of_rows_is_told_when_asked_for(dataverse: httpx.AsyncClient) -> None:
    total = "@Microsoft.Dynamics.CRM.totalrecordcount"
    body = await asked(dataverse, account("", returntotalrecordcount="true", count=1), annotated=True)
    assert (body[total], body[f"{total}limitexceeded"]) == (3, False)
    assert (await asked(dataverse, account("", count=1), annotated=True))[total] == -1


async def test_a_long_query_is_sent_in_a_batch(dataverse: httpx.AsyncClient) -> None:
    xml = account('<attribute name="name" />' + _only("C1"))
    lines = [
        "--b", "Content-Type: application/http", "Content-Transfer-Encoding: binary", "",
        f"GET /api/data/v9.2/accounts?fetchXml={quote(xml)} HTTP/1.1", "Accept: application/json", "", "", "--b--", "",
    ]  # fmt: skip
    answer = await dataverse.post(
        "$batch", content="\r\n".join(lines), headers={"Content-Type": "multipart/mixed; boundary=b"}
    )
    assert answer.status_code == 200
    assert '"name":"Quay Cycles"' in answer.text.replace(": ", ":")


# pages

COOKIE = "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"
MORE = "@Microsoft.Dynamics.CRM.morerecords"


def many(store: Store, count: int = 7) -> None:
    store.seed(
        "products", [{"productid": key(n), "name": f"Item {n % 3}", "productnumber": f"P{n}"} for n in range(count)]
    )


def products(inner: str = '<attribute name="productnumber" /><order attribute="name" />', **fetch: object) -> str:
    return account(inner, **fetch).replace('"account"', '"product"')


def inner_cookie(outer: object) -> str:
    """What a client sends back: the attribute of the cookie, decoded twice."""
    match = re.fullmatch(r'<cookie pagenumber="\d+" pagingcookie="([^"]*)" istracking="False" />', str(outer))
    assert match
    return unquote(unquote(match[1]))


async def test_a_page_says_whether_there_are_more(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    many(dataverse_store)
    first = await asked(dataverse, products(count=5), path="products", annotated=True)
    assert (first[MORE], "@odata.nextLink" in first) == (True, False)
    assert inner_cookie(first[COOKIE]) == (
        f'<cookie page="1"><name last="Item 1" first="Item 0" />'
        f'<productid last="{{{key(4)}}}" first="{{{key(0)}}}" /></cookie>'
    )
    last = await asked(dataverse, products(count=5, page=2), path="products", annotated=True)
    assert (last[MORE], COOKIE in last) == (False, False)


async def test_the_cookie_comes_only_when_asked_for(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    many(dataverse_store)
    body = await asked(dataverse, products(count=5), path="products")
    assert {COOKIE, MORE}.isdisjoint(body)


@pytest.mark.parametrize(
    "inner", ['<order attribute="name" descending="true" />', "", '<order attribute="createdon" />']
)
async def test_cookies_lead_through_every_row_once(
    dataverse: httpx.AsyncClient, dataverse_store: Store, inner: str
) -> None:
    many(dataverse_store)
    whole = await fetched(dataverse, products(inner), path="products")
    walked: list[object] = []
    sent: dict[str, str] = {}
    page = 1
    while True:
        body = await asked(dataverse, products(inner, count=2, page=page, **sent), path="products", annotated=True)
        rows = body["value"]
        assert isinstance(rows, list)
        walked += [row["productnumber"] for row in rows]
        if not body[MORE]:
            break
        page, sent = page + 1, {"paging_cookie": inner_cookie(body[COOKIE])}
    assert walked == [row["productnumber"] for row in whole]


async def test_rows_that_come_between_pages_do_not_shift_those_behind_the_cookie(
    dataverse: httpx.AsyncClient, dataverse_store: Store
) -> None:
    many(dataverse_store)
    order = '<attribute name="productnumber" /><order attribute="productnumber" />'
    first = await asked(dataverse, products(order, count=3), path="products", annotated=True)
    dataverse_store.insert("products", {"productid": key(99), "productnumber": "P0a"})
    by_cookie = products(order, count=3, page=2, paging_cookie=inner_cookie(first[COOKIE]))
    by_number = products(order, count=3, page=2)
    assert [row["productnumber"] for row in await fetched(dataverse, by_cookie, path="products")] == ["P3", "P4", "P5"]
    assert [row["productnumber"] for row in await fetched(dataverse, by_number, path="products")] == ["P2", "P3", "P4"]
    skipping = products(order, count=3, page=3, paging_cookie=inner_cookie(first[COOKIE]))
    assert [row["productnumber"] for row in await fetched(dataverse, skipping, path="products")] == ["P5", "P6"]


async def test_an_order_by_a_link_or_a_link_to_many_gives_no_cookie(dataverse: httpx.AsyncClient) -> None:
    by_link = account(link('<order attribute="fullname" />'), count=1)
    to_many = account(link(**{"from": "parentcustomerid", "to": "accountid"}), count=1)
    to_one = account(link(), count=1)
    for xml, expected in ((by_link, False), (to_many, False), (to_one, True)):
        body = await asked(dataverse, xml, annotated=True)
        assert (body[MORE], COOKIE in body) == (True, expected)


async def test_page_numbers_alone_end_at_50000_rows(dataverse: httpx.AsyncClient) -> None:
    assert await fetched(dataverse, account("", count=5000, page=10)) == []
    assert (await refused(dataverse, account("", count=5000, page=11)))[0] == 400


async def test_top_is_no_page(dataverse: httpx.AsyncClient) -> None:
    body = await asked(dataverse, account("", top=2), annotated=True)
    assert (len(body["value"]), body[MORE], COOKIE in body) == (2, False, False)
    assert (await refused(dataverse, account("", top=2, page=1)))[0] == 400


# refusals


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "<fetch>",
        "<fetch />",
        '<fetch><entity name="account" /><entity name="contact" /></fetch>',
        '<fetch><entity name="contact" /></fetch>',
        '<!DOCTYPE fetch [<!ENTITY x "y">]><fetch><entity name="account" /></fetch>',
        '<!DOCTYPE fetch SYSTEM "file:///etc/passwd"><fetch><entity name="account" /></fetch>',
        account("<surprise />"),
        account('<attribute name="creditlimit" aggregate="sum" alias="total" />'),
        account("", count="many"),
        account("", page=0),
        account('<filter type="xor" />'),
        account("<filter>" * 60 + "</filter>" * 60),
        account('<filter><condition attribute="name" operator="resembles" value="x" /></filter>'),
        account('<filter><condition attribute="name" operator="today" /></filter>'),
        account('<filter><condition attribute="name" operator="eq" /></filter>'),
        account('<filter><condition attribute="name" /></filter>'),
        account('<filter><condition attribute="name" operator="like" valueof="accountnumber" /></filter>'),
        account('<filter><condition attribute="statecode" operator="eq" value="Active" /></filter>'),
        account('<filter><condition attribute="accountid" operator="eq" value="C1" /></filter>'),
        account('<filter><condition attribute="createdon" operator="last-x-days" value="0" /></filter>'),
        account('<filter><condition attribute="createdon" operator="last-x-years" value="99999" /></filter>'),
        account('<filter><condition attribute="createdon" operator="on" value="soon" /></filter>'),
        account('<filter><condition attribute="statecode" operator="contain-values"><value>1</value></condition></filter>'),
        account('<filter><condition entityname="x" attribute="name" operator="null" /></filter>'),
        account(link(name="nothing")),
        account(link(link_type="sideways")),
        account(link(to="statecode")),
        account(link() + link()),
        account("".join(link(alias=f"c{n}") for n in range(16))),
        account('<order attribute="nothing" />'),
    ],
)  # fmt: skip
async def test_what_is_no_fetchxml_is_refused(dataverse: httpx.AsyncClient, xml: str) -> None:
    status, code, message = await refused(dataverse, xml)
    assert (status, code in ("0x80060888", "0x80041103")) == (400, True)
    assert message


async def test_an_unknown_attribute_is_named(dataverse: httpx.AsyncClient) -> None:
    expected = "'account' entity doesn't contain attribute with Name = 'colour' and NameMapping = 'Logical'."
    assert await refused(dataverse, account('<attribute name="colour" />')) == (400, "0x80041103", expected)
    for name in ("_primarycontactid_value", "contact_customer_accounts"):
        assert (await refused(dataverse, account(f'<attribute name="{name}" />')))[1] == "0x80041103"


@pytest.mark.parametrize(
    "query", ["fetchxml=<fetch/>", "fetchXml=<fetch/>&$top=1", f"fetchXml={quote(account(''))}&$select=name"]
)
async def test_fetchxml_stands_alone_and_is_written_in_one_way(dataverse: httpx.AsyncClient, query: str) -> None:
    assert (await dataverse.get(f"accounts?{query}")).status_code == 400


# the two query languages agree

_LEAVES: list[tuple[str, str]] = [
    ('<condition attribute="name" operator="eq" value="quay cycles" />', "name eq 'quay cycles'"),
    ('<condition attribute="name" operator="ne" value="Quay Cycles" />', "name ne 'Quay Cycles'"),
    ('<condition attribute="name" operator="begins-with" value="h" />', "startswith(name,'h')"),
    ('<condition attribute="name" operator="not-like" value="%o%" />', "not contains(name,'o')"),
    ('<condition attribute="creditlimit" operator="gt" value="100.5" />', "creditlimit gt 100.5"),
    ('<condition attribute="creditlimit" operator="null" />', "creditlimit eq null"),
    ('<condition attribute="numberofemployees" operator="le" value="5" />', "numberofemployees le 5"),
    ('<condition attribute="ownerid" operator="eq-userid" />',
     "Microsoft.Dynamics.CRM.EqualUserId(PropertyName='ownerid')"),
    ('<condition attribute="accountnumber" operator="in"><value>C1</value><value>C2</value></condition>',
     "Microsoft.Dynamics.CRM.In(PropertyName='accountnumber',PropertyValues=['C1','C2'])"),
    ('<condition attribute="createdon" operator="last-x-months" value="1" />',
     "Microsoft.Dynamics.CRM.LastXMonths(PropertyName='createdon',PropertyValue=1)"),
]  # fmt: skip


def _joined(op: str, parts: list[tuple[str, str]]) -> tuple[str, str]:
    xml = "".join(part[0] for part in parts)
    return f'<filter type="{op}">{xml}</filter>', "(" + f" {op} ".join(part[1] for part in parts) + ")"


_trees = st.recursive(
    st.sampled_from(_LEAVES),
    lambda inner: st.builds(_joined, st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=_trees)
async def test_a_filter_finds_the_same_rows_in_both_languages(
    dataverse: httpx.AsyncClient, tree: tuple[str, str]
) -> None:
    xml, condition = tree
    rows = (await dataverse.get("accounts", params={"$filter": condition, "$select": "name"})).json()["value"]
    assert await found(dataverse, xml) == {row["accountid"] for row in rows}
