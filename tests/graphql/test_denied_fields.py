"""What a caller may not see: null at its own path, told once, and nothing fetched for it; and no way around."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest

from gateway.sandbox.company import story
from gateway.sandbox.identity.people import ADMIN, NOBODY, SALES, WIDGET, Person
from schema.ids import parse_id
from tests.graphql.api import Answer, Api
from tests.graphql.live import signed_in

pytestmark = pytest.mark.anyio

ITEM = f'item(by: {{number: "{story.IN_STOCK}"}})'
HARBOUR = f'customer(by: {{number: "{story.HARBOUR}"}})'


def denied(answer: Answer) -> list[str]:
    """The paths of what was denied, without the places in lists, once for each error."""
    return [
        ".".join(part for part in error["path"] if isinstance(part, str))
        for error in answer.errors
        if error["extensions"]["code"] == "FORBIDDEN"
    ]


def asked(requests: list[httpx.Request]) -> str:
    return " ".join(str(request.url) for request in requests)


async def test_the_rest_of_the_answer_arrives(api: Api) -> None:
    query = f"{{ {ITEM} {{ number price: unitPrice {{ amount }} product {{ name }} coupling {{ id }} inventory }} }}"
    answer = await api.ask(query, person=WIDGET)
    assert answer.data == {
        "item": {"number": "1001", "price": None, "product": None, "coupling": None, "inventory": "145"}
    }
    assert denied(answer) == ["item.price", "item.product", "item.coupling"]
    assert [error["path"] for error in answer.errors] == [["item", "price"], ["item", "product"], ["item", "coupling"]]


async def test_nothing_denied_is_fetched(api: Api) -> None:
    query = f"{{ {ITEM} {{ number unitPrice {{ amount currencyCode }} product {{ name }} coupling {{ id }} }} }}"
    await api.ask(query, person=WIDGET)
    assert (len(api.business_central.seen), len(api.dataverse.seen)) == (1, 0)
    assert "unitPrice" not in asked(api.business_central.seen)
    await api.ask(query, person=SALES)
    assert "unitPrice" in asked(api.business_central.seen)
    assert len(api.dataverse.seen) == 1


async def test_one_error_stands_for_all_rows_of_a_place(api: Api) -> None:
    query = """{ items(first: 20) {
        nodes { number unitPrice { amount } again: unitPrice { amount } }
        edges { node { ...priced } } } }
        fragment priced on Item { unitPrice { amount } lastModifiedAt @skip(if: true) }"""
    answer = await api.ask(query, person=WIDGET)
    assert sorted(denied(answer)) == ["items.edges.node.unitPrice", "items.nodes.again", "items.nodes.unitPrice"]
    rows = answer.data["items"]["nodes"]
    assert len(rows) == 20
    assert all(row["number"] and row["unitPrice"] is None for row in rows)


async def test_a_denied_root_field_leaves_the_others_alone(api: Api) -> None:
    answer = await api.ask(
        f"{{ accounts {{ totalCount }} {ITEM} {{ number }} connection {{ healthy }} }}", person=WIDGET
    )
    assert answer.data == {"accounts": None, "item": {"number": "1001"}, "connection": None}
    assert denied(answer) == ["accounts", "connection"]
    assert api.dataverse.seen == []


@pytest.mark.parametrize(
    "query",
    [
        "items(orderBy: {field: UNIT_PRICE}) { totalCount }",
        'items(filter: {unitPrice: {gt: "5"}}) { totalCount }',
        "customers(first: 1) { totalCount }",
        'couplingCandidates(mapping: CUSTOMER, records: ["9e505f06-38ff-52d3-a799-45c34fa81d39"]) { verdict }',
        "synchronizationErrors(first: 1) { totalCount }",
    ],
)
async def test_what_would_tell_it_in_another_way_is_refused(api: Api, query: str) -> None:
    answer = await api.ask(f"{{ found: {query} }}", person=WIDGET)
    assert (answer.data, denied(answer)) == ({"found": None}, ["found"])
    assert api.business_central.seen == api.dataverse.seen == []


async def test_an_argument_may_need_more_than_its_field(api: Api) -> None:
    query = f"query ($other: UUID) {{ {HARBOUR} {{ number statistics(company: $other) {{ balance {{ amount }} }} }} }}"
    variables = {"other": "11111111-2222-4333-8444-555555555555"}
    answer = await api.ask(query, variables, person=WIDGET)
    assert answer.data == {"customer": {"number": "C00210", "statistics": None}}
    assert denied(answer) == ["customer.statistics"]
    assert "statistics(company)" in answer.errors[0]["message"]
    assert len(api.business_central.seen) == 1  # the customer
    assert (await api.ask(query, person=WIDGET)).data["customer"]["statistics"] == {"balance": {"amount": "9440"}}
    assert denied(await api.ask(query, variables, person=SALES)) == []


async def test_nodes_answers_those_one_may_see(api: Api) -> None:
    query = f"{{ {ITEM} {{ id coupling {{ id }} product {{ id }} }} accounts(first: 2) {{ nodes {{ id }} }} }}"
    found = (await api.ask(query)).data
    accounts = [node["id"] for node in found["accounts"]["nodes"]]
    ids = [
        accounts[0],
        found["item"]["id"],
        found["item"]["coupling"]["id"],
        accounts[1],
        found["item"]["product"]["id"],
    ]
    before = len(api.dataverse.seen)
    answer = await api.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", {"ids": ids}, person=WIDGET)
    assert answer.data["nodes"] == [None, {"__typename": "Item", "id": ids[1]}, None, None, None]
    assert sorted(error["message"].split()[0] for error in answer.errors) == ["Account.id", "Coupling.id", "Product.id"]
    assert len(api.dataverse.seen) == before


async def test_a_record_that_is_there_and_one_that_is_not_are_refused_alike(api: Api) -> None:
    found = await api.ask("{ accounts(first: 1) { nodes { id } } }")
    there = found.data["accounts"]["nodes"][0]["id"]
    absent = str(replace(parse_id(there), key=UUID(int=7)))
    query = "query ($id: ID!) { node(id: $id) { id ... on Account { name } } }"
    first, second = [await api.ask(query, {"id": each}, person=WIDGET) for each in (there, absent)]
    assert first.body == second.body
    assert denied(first) == ["node"]


async def test_two_roles_in_one_batch_are_answered_apart(api: Api) -> None:
    """The wide caller's columns travel in the same request; they do not reach the narrow one's answer."""
    query = f"{{ {ITEM} {{ number unitPrice {{ amount }} unitCost {{ amount }} lastModifiedAt }} }}"
    hold = api.business_central.hold = asyncio.Event()
    asking = [asyncio.create_task(api.ask(query, person=who, explain=False)) for who in (SALES, WIDGET, SALES, WIDGET)]
    for _ in range(20_000):  # nobody waits for anything but Business Central: they all get there
        await asyncio.sleep(0)
    hold.set()
    wide, narrow, *others = await asyncio.gather(*asking)
    assert (wide.errors, wide.data["item"]["unitPrice"] is not None) == ([], True)
    hidden = {"number": "1001", "unitPrice": None, "unitCost": None, "lastModifiedAt": None}
    assert [answer.data["item"] for answer in (narrow, others[1])] == [hidden, hidden]
    assert denied(narrow) == ["item.unitPrice", "item.unitCost", "item.lastModifiedAt"]
    assert len(api.business_central.seen) < len(asking)


async def test_a_row_that_is_kept_for_others_is_not_shown(api: Api) -> None:
    query = f"{{ {HARBOUR} {{ number salesperson {{ displayName }} }} }}"
    assert (await api.ask(query)).data["customer"]["salesperson"]
    answer = await api.ask(query, person=WIDGET)
    assert answer.data == {"customer": {"number": "C00210", "salesperson": None}}


STATISTICS = """balance { amount } total { amount currencyCode } creditLimit { amount } salesThisYear { amount }
    overdue { amount } crm { modifiedAt amounts { figure crm { amount } } } customer { number displayName } missing { figure }"""


async def test_statistics_are_those_of_the_row_in_crm(api: Api) -> None:
    query = f"{{ {HARBOUR} {{ number displayName statistics {{ {STATISTICS} }} }} }}"
    assert (await api.ask(query, person=WIDGET)).body == (await api.ask(query, person=SALES, explain=False)).body
    more = "availableCredit { amount } aging { label } lastSaleDate sales { thisYear { sales { amount } } }"
    seen = len(api.business_central.seen)
    answer = await api.ask(f"{{ {HARBOUR} {{ statistics {{ asOf {more} }} }} }}", person=WIDGET)
    assert {name for name, value in answer.data["customer"]["statistics"].items() if value is not None} == {"asOf"}
    assert len(denied(answer)) == 4
    assert len(api.business_central.seen) == seen + 1  # the customer, and none of the feeds


async def test_the_numbers_of_documents_are_no_availability(api: Api) -> None:
    query = f"{{ {ITEM} {{ availability {{ events {{ quantity documentNumber }} }} }} }}"
    answer = await api.ask(query, person=WIDGET)
    events = answer.data["item"]["availability"]["events"]
    assert len(events) > 1
    assert {event["documentNumber"] for event in events} == {None}
    assert denied(answer) == ["item.availability.events.documentNumber"]


async def test_a_product_availability_user_maintains_statistics_and_no_products(own_api: Api) -> None:
    query = """mutation ($customers: [CustomerBy!]!) {
        updateAccountStatistics(input: {customers: $customers}) {
            ... on UpdateAccountStatisticsSuccess { results { number outcome message } } }
        updateProductStock(input: {items: [{number: "1001"}]}) { __typename } }"""
    variables = {"customers": [{"number": story.HARBOUR}, {"number": "C99999"}]}
    answer = await own_api.ask(query, variables, person=WIDGET)
    assert denied(answer) == ["updateProductStock"]
    (first, second) = answer.data["updateAccountStatistics"]["results"]
    assert (first["number"], first["outcome"]) in {(story.HARBOUR, "UPDATED"), (story.HARBOUR, "CREATED")}
    assert (second["outcome"], second["message"]) == ("NOT_FOUND", "There is no such customer.")
    assert "products" not in asked(own_api.dataverse.seen)


@pytest.mark.parametrize("person", [WIDGET, NOBODY], ids=["widget", "nobody"])
async def test_a_denied_mutation_does_nothing(own_api: Api, person: Person) -> None:
    query = """mutation { coupleRecords(input: {mapping: CUSTOMER, businessCentral: {number: "C00080"},
        dataverse: {name: "Harbour Bikes BV"}}) { __typename } uncoupleMapping(input: {mapping: CUSTOMER}) { __typename } }"""
    answer = await own_api.ask(query, person=person)
    assert denied(answer) == ["coupleRecords", "uncoupleMapping"]
    assert own_api.business_central.seen == own_api.dataverse.seen == []


SUBSCRIPTIONS = [
    'synchronizationJob(id: "11111111-2222-4333-8444-555555555555") { id }',
    "synchronizationJobs { id }",
    "couplingChanged(mapping: CUSTOMER) { coupled }",
]


@pytest.mark.parametrize("wanted", SUBSCRIPTIONS)
async def test_a_denied_subscription_does_not_begin(api: Api, wanted: str) -> None:
    async with signed_in(api, WIDGET) as socket:
        socket.subscribe(f"subscription {{ {wanted} }}")
        ((error,),) = [each["refused"] for each in await socket.answers()]
    assert error["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("person", [ADMIN, SALES, WIDGET, NOBODY], ids=["admin", "sales", "widget", "nobody"])
async def test_permissions_follow_the_rules_of_the_fields(api: Api, person: Person) -> None:
    everything: dict[str, Any] = {
        "READ_ITEM_IDENTITY": {ADMIN, SALES, WIDGET},
        "READ_ACCOUNT_STATISTICS": {ADMIN, SALES, WIDGET},
        "UPDATE_ACCOUNT_STATISTICS": {ADMIN, SALES, WIDGET},
        "READ_RECORDS": {ADMIN, SALES},
        "COUPLE_RECORDS": {ADMIN, SALES},
        "LOOK_AFTER_COUPLINGS": {ADMIN},
        "EXPLAIN": {ADMIN},
        "INTROSPECT": {ADMIN, SALES, WIDGET, NOBODY},  # as the demo is set
    }
    answer = await api.ask("{ viewer { permissions } }", person=person, explain=False)
    assert answer.data["viewer"]["permissions"] == [name for name, who in everything.items() if person in who]
