"""How much of an item there is: the figures of the demo company, asked for as widgets and quotes ask."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.sandbox.company import story
from gateway.sandbox.identity.people import NOBODY, WIDGET
from tests.graphql.api import Api

pytestmark = pytest.mark.anyio

WIDGET_QUESTION = """
query ($product: UUID!) { availability(item: {productId: $product}, quantity: "5") {
    item { number displayName baseUnitOfMeasureCode } asOf inventory projectedAvailableBalance sufficient earliestDate
    nextReceipt { date quantity documentNumber }
    byLocation { location { code displayName } inventory projectedAvailableBalance }
    missing { figure } } }
"""


async def ask(api: Api, arguments: str, fields: str) -> Any:
    """The availability of one item that can be answered in full."""
    answer = await api.ask(f"{{ availability({arguments}) {{ {fields} missing {{ figure }} }} }}")
    assert answer.errors == []
    found = answer.data["availability"]
    assert found.pop("missing") == []
    return found


async def product_of(api: Api, number: str) -> str:
    answer = await api.ask(f'{{ item(by: {{number: "{number}"}}) {{ product {{ productId }} }} }}')
    return str(answer.data["item"]["product"]["productId"])


# -- the widget -----------------------------------------------------------------------------------------------------------


async def test_the_widget_costs_one_round_trip_whatever_the_locations(api: Api) -> None:
    one_place = await api.ask(WIDGET_QUESTION, {"product": await product_of(api, story.SHORT)})
    assert len(one_place.data["availability"]["byLocation"]) == 1
    assert one_place.cost == (7, 1), "item, stock, three kinds of orders, service orders, and once the locations"
    many_places = await api.ask(WIDGET_QUESTION, {"product": await product_of(api, story.IN_STOCK)})
    assert len(many_places.data["availability"]["byLocation"]) == 3
    assert many_places.cost == (6, 1)
    assert many_places.errors == []


async def test_the_widget_reads_what_the_story_tells(api: Api) -> None:
    answer = await api.ask(WIDGET_QUESTION, {"product": await product_of(api, story.IN_STOCK)})
    found = answer.data["availability"]
    assert found["item"] == {"number": "1001", "displayName": "Trekking bike Breeze", "baseUnitOfMeasureCode": "PCS"}
    assert (found["inventory"], found["sufficient"], found["earliestDate"]) == ("145", True, "2026-11-16")
    assert found["nextReceipt"] == {"date": "2026-12-07", "quantity": "50", "documentNumber": "PO900003"}
    assert [(each["location"]["code"], each["inventory"]) for each in found["byLocation"]] == [
        ("EAST", "35"),
        ("MAIN", "102"),
        ("WEST", "8"),
    ]
    assert {each["location"]["displayName"] for each in found["byLocation"]} >= {"Main warehouse"}


async def test_a_product_availability_user_may_ask_and_sees_no_price(api: Api) -> None:
    variables = {"product": await product_of(api, story.IN_STOCK)}
    question = WIDGET_QUESTION.replace(" documentNumber", "")
    answer = await api.ask(question, variables, person=WIDGET)
    assert answer.errors == []
    priced = question.replace("displayName baseUnit", "unitPrice { amount } baseUnit")
    refused = await api.ask(priced, variables, person=WIDGET)
    assert (refused.data["availability"]["item"]["unitPrice"], refused.codes) == (None, ["FORBIDDEN"])
    nobody = await api.ask(WIDGET_QUESTION, variables, person=NOBODY)
    assert (nobody.data["availability"], nobody.codes) == (None, ["FORBIDDEN"])


# -- the figures ------------------------------------------------------------------------------------------------------------

FIGURES = """
    inventory reserved availableInventory quantityOnSalesOrders quantityOnPurchaseOrders grossRequirement scheduledReceipt
    plannedReceipt plannedReleases projectedAvailableBalance expectedInventory availableToPromise overdueReceipt
"""


async def test_by_a_later_day_orders_and_receipts_count(api: Api) -> None:
    on = f'item: {{number: "{story.IN_STOCK}"}}, on: "2026-12-08"'
    found = await ask(api, on, FIGURES)
    assert found == {
        "inventory": "145",
        "reserved": "2",
        "availableInventory": "143",
        "quantityOnSalesOrders": "7",  # 2 + 3 + 2, whatever their date
        "quantityOnPurchaseOrders": "70",
        "grossRequirement": "4",  # the orders of 23 and 29 November
        "scheduledReceipt": "50",  # the purchase of 7 December
        "plannedReceipt": "0",
        "plannedReleases": "0",
        "projectedAvailableBalance": "191",  # 145 + 50 - 4
        "expectedInventory": "191",
        "availableToPromise": "188",  # 143 + 50 - (4 - 2 reserved), less the 3 of 9 December
        "overdueReceipt": "0",
    }


async def test_stock_that_is_promised_is_not_sufficient_before_the_next_receipt(api: Api) -> None:
    """20 in stock, 35 promised for 25 November, 60 arrive on 2 December: what is taken now is missing then."""
    found = await ask(
        api,
        f'item: {{number: "{story.SHORT}"}}, quantity: "10"',
        "inventory projectedAvailableBalance sufficient earliestDate events { date quantity projectedInventory }",
    )
    assert (found["inventory"], found["projectedAvailableBalance"]) == ("20", "20")
    assert (found["sufficient"], found["earliestDate"]) == (False, story.SHORT_RECEIPT_DATE.isoformat())
    assert [(each["date"], each["projectedInventory"]) for each in found["events"]] == [
        ("2026-11-25", "5"),
        ("2026-11-25", "-15"),
        ("2026-12-02", "45"),
    ]


async def test_negative_stock_stays_negative_and_the_native_number_is_floored(api: Api) -> None:
    found = await ask(
        api,
        f'item: {{number: "{story.NEGATIVE_STOCK}"}}, quantity: "1"',
        "inventory sufficient earliestDate native { quantityOnHand crmQuantityOnHand difference crmAgeMinutes }",
    )
    assert (found["inventory"], found["sufficient"], found["earliestDate"]) == ("-4", False, None)
    native = found["native"]
    assert [Decimal(native["quantityOnHand"]), Decimal(native["difference"])] == [Decimal(0)] * 2
    assert native["crmAgeMinutes"] > 0


async def test_transfers_count_only_with_a_location(api: Api) -> None:
    """150 in all: 110 at MAIN, of which 20 are still to go; 40 are on the way; EAST gets both on 20 November."""
    item, fields = f'item: {{number: "{story.IN_TRANSIT}"}}, on: "2026-11-20"', "inventory projectedAvailableBalance"
    everywhere = await ask(api, item, f"{fields} quantityInTransit quantityOnTransferReceipts events {{ date }}")
    assert everywhere["projectedAvailableBalance"] == everywhere["inventory"] == "150"
    assert (everywhere["quantityInTransit"], everywhere["quantityOnTransferReceipts"]) == ("40", "20")
    assert everywhere["events"] == [{"date": "2026-11-26"}], "a sales order, none of the transfers"
    east = await ask(api, f'{item}, location: "east"', f"{fields} events {{ kind quantity }}")
    assert (east["inventory"], east["projectedAvailableBalance"]) == ("0", "60")
    assert [each["kind"] for each in east["events"]] == ["IN_TRANSIT", "TRANSFER_RECEIPT"]
    main = await ask(api, f'{item}, location: "MAIN"', fields)
    assert (main["inventory"], main["projectedAvailableBalance"]) == ("110", "90")
    split = await ask(api, item, "byLocation { location { code } projectedAvailableBalance }")
    balances = {each["location"]["code"]: each["projectedAvailableBalance"] for each in split["byLocation"]}
    assert balances == {"EAST": "60", "MAIN": "90"}, "what is booked to the transit location is nobody's yet"


async def test_another_location_is_offered_when_one_has_not_enough(api: Api) -> None:
    fields = "sufficient earliestDate alternatives { location { code } projectedAvailableBalance sufficient }"
    item = f'item: {{number: "{story.IN_TRANSIT}"}}, quantity: "60"'
    found = await ask(api, f'{item}, location: "EAST"', fields)
    assert (found["sufficient"], found["earliestDate"]) == (False, "2026-11-20")
    assert found["alternatives"] == [
        {"location": {"code": "MAIN"}, "projectedAvailableBalance": "110", "sufficient": True}
    ]
    assert (await ask(api, item, fields))["alternatives"] == [], "no location was asked for"


async def test_reserved_stock_and_promises_are_told_by_location(api: Api) -> None:
    found = await ask(
        api,
        f'item: {{number: "{story.IN_STOCK}"}}',
        "byLocation { location { code } inventory reserved availableToPromise }",
    )
    rows = {each["location"]["code"]: each for each in found["byLocation"]}
    assert (rows["MAIN"]["reserved"], rows["MAIN"]["availableToPromise"]) == ("2", "98"), (
        "102 - 2 - the 2 of 29 November"
    )
    assert (rows["EAST"]["reserved"], rows["EAST"]["availableToPromise"]) == ("0", "35")


async def test_periods_and_events_end_at_the_same_balance(api: Api) -> None:
    found = await ask(
        api,
        f'item: {{number: "{story.IN_STOCK}"}}',
        """byPeriod(bucket: WEEK, from: "2026-11-18", count: 8) {
             start end grossRequirement scheduledReceipt projectedAvailableBalance }
           events { projectedInventory }""",
    )
    weeks = found["byPeriod"]
    assert (weeks[0]["start"], weeks[0]["end"]) == ("2026-11-16", "2026-11-22"), "the week that the day lies in"
    assert [week["projectedAvailableBalance"] for week in weeks] == [
        "145",
        "141",
        "141",
        "188",
        "188",
        "208",
        "208",
        "208",
    ]
    assert [week["grossRequirement"] for week in weeks[:4]] == ["0", "4", "0", "3"]
    assert [week["scheduledReceipt"] for week in weeks[:4]] == ["0", "0", "0", "50"]
    assert found["events"][-1]["projectedInventory"] == weeks[-1]["projectedAvailableBalance"]


async def test_variants_have_stock_of_their_own_and_no_dates(api: Api) -> None:
    item = f'item: {{number: "{story.WITH_VARIANTS}"}}'
    found = await ask(api, item, "inventory byVariant { variantCode inventory quantityOnSalesOrders }")
    stock = {each["variantCode"]: each["inventory"] for each in found["byVariant"]}
    assert stock == {"": "0", "L": "0", "M": "45", "S": "30", "XL": "6"}
    assert sum(map(Decimal, stock.values())) == Decimal(found["inventory"])
    medium = await ask(api, f'{item}, variant: "m", quantity: "45"', "inventory sufficient")
    assert medium == {"inventory": "45", "sufficient": True}
    large = await api.ask(
        f'{{ availability({item}, variant: "L", quantity: "1") {{ sufficient missing {{ figure reason }} }} }}'
    )
    assert large.data["availability"] == {
        "sufficient": None,
        "missing": [{"figure": "sufficient", "reason": "NO_SOURCE"}],
    }


@pytest.mark.parametrize(
    ("number", "status"), [(story.SERVICE, "SERVICE"), ("1038-N", "NON_INVENTORY")], ids=["service", "non-inventory"]
)
async def test_what_has_no_stock_says_so_instead_of_0(api: Api, number: str, status: str) -> None:
    answer = await api.ask(
        f'{{ availability(item: {{number: "{number}"}}, quantity: "1") '
        "{ status inventory sufficient native { quantityOnHand } missing { figure reason message } } }"
    )
    found = answer.data["availability"]
    assert (found["status"], found["inventory"], found["sufficient"], found["native"]) == (
        status,
        None,
        None,
        {"quantityOnHand": None},
    )
    assert {each["reason"] for each in found["missing"]} == {"NO_SOURCE"}
    assert all(number in each["message"] for each in found["missing"])


async def test_a_blocked_item_has_stock_and_can_not_be_sold(api: Api) -> None:
    found = await ask(
        api, f'item: {{number: "{story.BLOCKED_ITEM}"}}, quantity: "1"', "status inventory sufficient earliestDate"
    )
    assert found == {"status": "BLOCKED", "inventory": "101", "sufficient": False, "earliestDate": None}


# -- units of measure -------------------------------------------------------------------------------------------------------


async def test_another_unit_is_converted_both_ways(api: Api) -> None:
    fields = "unitOfMeasureCode inventory sufficient byLocation { inventory } events { quantity }"
    item = f'item: {{number: "{story.BY_THE_METRE}"}}'
    metres = await ask(api, f'{item}, quantity: "1000"', fields)
    rolls = await ask(api, f'{item}, quantity: "20", unitOfMeasure: "ROLL"', fields)
    assert (metres["unitOfMeasureCode"], metres["inventory"]) == ("METRE", "1287.5")
    assert (rolls["unitOfMeasureCode"], rolls["inventory"]) == ("ROLL", "25.75000")
    assert metres["sufficient"] is rolls["sufficient"] is True
    for one, other in zip(metres["byLocation"] + metres["byLocation"], rolls["byLocation"], strict=False):
        assert Decimal(one["inventory"]) == 50 * Decimal(other["inventory"])
    too_much = await ask(api, f'{item}, quantity: "26", unitOfMeasure: "ROLL"', "sufficient")
    assert too_much["sufficient"] is False


async def test_a_unit_nobody_knows_leaves_quantities_out(api: Api) -> None:
    answer = await api.ask(
        '{ availability(item: {number: "1001"}, quantity: "1", unitOfMeasure: "CRATE") '
        "{ unitOfMeasureCode inventory sufficient missing { figure reason message } } }"
    )
    found = answer.data["availability"]
    assert answer.errors == []
    assert (found["unitOfMeasureCode"], found["inventory"], found["sufficient"]) == (None, None, None)
    assert [each["figure"] for each in found["missing"]] == ["inventory", "sufficient"]
    assert "How many PCS one CRATE holds" in found["missing"][0]["message"]


# -- a whole quote ------------------------------------------------------------------------------------------------------------

QUOTE = """
query ($lines: [AvailabilityLine!]!) { availabilities(lines: $lines) {
    item { number } sufficient earliestDate byLocation { location { displayName } inventory } missing { figure } } }
"""


async def test_a_quote_of_forty_products_costs_what_one_costs(api: Api) -> None:
    listed = await api.ask("{ couplings(mapping: ITEM, first: 40) { nodes { dataverseId businessCentralKey } } }")
    nodes = listed.data["couplings"]["nodes"]
    assert len(nodes) == 40
    lines = [{"item": {"productId": node["dataverseId"]}, "quantity": "1"} for node in nodes]
    one = await api.ask(QUOTE, {"lines": lines[:1]})
    assert one.cost == (7, 1)
    forty = await api.ask(QUOTE, {"lines": lines})
    assert forty.errors == []
    assert [line["item"]["number"] for line in forty.data["availabilities"]] == [
        node["businessCentralKey"] for node in nodes
    ]
    assert forty.cost == (6, 1)


async def test_each_line_of_a_quote_is_answered_for_itself(api: Api) -> None:
    lines = [
        {"item": {"number": story.IN_STOCK}, "quantity": "3"},
        {"item": {"number": "NOPE"}, "quantity": "3"},
        {"item": {"number": story.OUT_OF_STOCK}, "quantity": "5", "on": "2026-11-26"},
        {"item": {"number": story.SHORT}, "location": "NOWHERE"},
        {"item": {"productNumber": story.NEGATIVE_STOCK}, "quantity": "1"},
        {"item": {"number": story.IN_STOCK}, "quantity": "0"},
    ]
    answer = await api.ask(QUOTE, {"lines": lines})
    assert [line and (line["item"]["number"], line["sufficient"]) for line in answer.data["availabilities"]] == [
        (story.IN_STOCK, True),
        None,
        (story.OUT_OF_STOCK, True),
        None,
        (story.NEGATIVE_STOCK, False),
        None,
    ]
    assert [(error["path"], error["extensions"]["argument"]) for error in answer.errors] == [
        (["availabilities", 3], "location"),
        (["availabilities", 5], "quantity"),
    ]
    assert "EAST, MAIN" in answer.errors[0]["message"]


@pytest.mark.parametrize("count", [0, 201])
async def test_a_quote_has_between_1_and_200_lines(api: Api, count: int) -> None:
    answer = await api.ask(QUOTE, {"lines": [{"item": {"number": "1001"}}] * count})
    assert answer.data == {"availabilities": None}
    assert (answer.codes, answer.cost) == (["INVALID_INPUT"], (0, 0))


async def test_a_list_of_items_has_availability_in_a_fixed_number_of_requests(api: Api) -> None:
    query = """query ($first: Int!) { items(first: $first) {
        nodes { number availability(quantity: "1") { inventory sufficient } }
        edges { node { number availability(quantity: "100000") { sufficient } } } } }"""
    ten = await api.ask(query, {"first": 10})
    fifty = await api.ask(query, {"first": 50})
    assert ten.cost == fifty.cost == (5, 2), "the page, then four kinds of documents of all its items at once"
    nodes, edges = fifty.data["items"]["nodes"], fifty.data["items"]["edges"]
    assert {node["availability"]["sufficient"] for node in nodes} == {True, False, None}
    assert {edge["node"]["availability"]["sufficient"] for edge in edges} <= {False, None}


async def test_two_questions_about_one_item_are_two_answers(api: Api) -> None:
    answer = await api.ask(
        f"""{{ item(by: {{number: "{story.SHORT}"}}) {{
            now: availability(quantity: "10") {{ sufficient item {{ title: displayName }} }}
            later: availability(quantity: "10", on: "2026-12-02") {{ sufficient item {{ title: number }} }} }} }}"""
    )
    assert answer.errors == []
    item = answer.data["item"]
    assert (item["now"]["sufficient"], item["later"]["sufficient"]) == (False, True)
    assert item["later"]["item"]["title"] == story.SHORT != item["now"]["item"]["title"]
    assert answer.cost == (5, 1), "both read the same lines"


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ('location: "NOWHERE"', "location"),
        ('variant: "XXL"', "variant"),
        ('quantity: "0"', "quantity"),
        ('quantity: "-1"', "quantity"),
    ],
)
async def test_an_argument_that_means_nothing_is_a_typed_error(api: Api, arguments: str, argument: str) -> None:
    answer = await api.ask(f'{{ availability(item: {{number: "1001"}}, {arguments}) {{ inventory }} }}')
    assert answer.data == {"availability": None}
    (error,) = answer.errors
    assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("INVALID_INPUT", argument)


@pytest.mark.parametrize("period", ["count: 0", "count: 367", 'from: "9999-12-01", count: 300'])
async def test_periods_that_cannot_be_are_a_typed_error(api: Api, period: str) -> None:
    answer = await api.ask(
        f'{{ availability(item: {{number: "1001"}}) {{ inventory byPeriod(bucket: MONTH, {period}) {{ start }} }} }}'
    )
    assert answer.data == {"availability": {"inventory": "145", "byPeriod": None}}
    assert answer.codes == ["INVALID_INPUT"]


async def test_a_number_with_a_quote_in_it_is_looked_up_like_any_other(api: Api) -> None:
    answer = await api.ask('{ availability(item: {number: "10\'01 or 1 eq 1"}) { inventory } }')
    assert (answer.data, answer.errors) == ({"availability": None}, [])
