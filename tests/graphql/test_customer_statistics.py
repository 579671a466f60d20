"""What customers owe and buy: the figures of the demo company, asked for as a customer page asks."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.sandbox.company import story
from gateway.sandbox.identity.people import NOBODY, SALES
from tests.graphql.api import Api

pytestmark = pytest.mark.anyio

TWELVE = """
    balance { amount currencyCode } outstandingOrders { amount } shippedNotInvoiced { amount } outstandingInvoices { amount }
    outstandingServiceOrders { amount } serviceShippedNotInvoiced { amount } outstandingServiceInvoices { amount }
    total { amount } creditLimit { amount } overdue { amount } salesThisYear { amount } invoicedPrepayment { amount }
"""
WHOLE = f"""
query ($account: UUID!) {{ customer(by: {{accountId: $account}}) {{
    number displayName
    statistics {{ asOf {TWELVE} availableCredit {{ amount }} aging {{ label amount {{ amount }} }} daysSinceLastSale
        missing {{ figure }} }}
    account {{ owner {{ fullName }} openOpportunities {{ count estimatedValue {{ amount }} }} }} }} }}
"""


def amounts(statistics: dict[str, Any]) -> dict[str, Decimal]:
    """The money of an answer by field."""
    return {
        name: Decimal(value["amount"])
        for name, value in statistics.items()
        if isinstance(value, dict) and "amount" in value
    }


async def statistics(api: Api, number: str, fields: str, arguments: str = "") -> Any:
    """The statistics of one customer that can be told in full."""
    answer = await api.ask(
        f'{{ customer(by: {{number: "{number}"}}) {{ statistics{arguments} {{ {fields} missing {{ figure }} }} }} }}'
    )
    assert answer.errors == []
    found = answer.data["customer"]["statistics"]
    assert found.pop("missing") == []
    return found


async def account_of(api: Api, number: str) -> str:
    answer = await api.ask(f'{{ customer(by: {{number: "{number}"}}) {{ account {{ accountId }} }} }}')
    return str(answer.data["customer"]["account"]["accountId"])


async def test_a_customer_page_costs_two_round_trips_at_most(api: Api) -> None:
    account = await account_of(api, story.HARBOUR)
    cold = await api.ask(WHOLE, {"account": account})
    assert cold.errors == []
    assert cold.cost == (8, 2), (
        "customer, open amounts, ledger, last sale, account, opportunities; fiscal year, then sales"
    )
    warm = await api.ask(WHOLE, {"account": account})
    assert warm.cost == (7, 1)
    assert warm.data == cold.data


async def test_the_twelve_amounts_are_those_of_the_books(api: Api) -> None:
    answer = await api.ask(WHOLE, {"account": await account_of(api, story.HARBOUR)})
    customer = answer.data["customer"]
    found = customer["statistics"]
    assert (found["asOf"], found["balance"]["currencyCode"]) == (story.STORY_DATE.isoformat(), "EUR")
    assert amounts(found) == {
        "balance": Decimal("9440"),
        "outstandingOrders": Decimal("8145.36"),
        "shippedNotInvoiced": Decimal(0),
        "outstandingInvoices": Decimal(0),
        "outstandingServiceOrders": Decimal("278.30"),
        "serviceShippedNotInvoiced": Decimal("108.90"),
        "outstandingServiceInvoices": Decimal("90.75"),
        "invoicedPrepayment": Decimal("363"),
        # 9440 + 8145.36 + 278.30 + 108.90 + (90.75 - 54.45 that bill shipped service) - 363 - 54.45 that came back
        "total": Decimal("17591.41"),
        "creditLimit": Decimal("20000"),
        "availableCredit": Decimal("2408.59"),
        "overdue": Decimal("1890.50"),
        "salesThisYear": Decimal("20690.18"),
    }
    assert [(age["label"], Decimal(age["amount"]["amount"])) for age in found["aging"]] == [
        ("Not due", Decimal("7549.50")),
        ("1-30 days", Decimal("1250.50")),
        ("31-60 days", Decimal("640.00")),
        ("Over 60 days", Decimal(0)),
    ]
    assert found["daysSinceLastSale"] == 7
    assert found["missing"] == []
    assert customer["account"]["owner"] == {"fullName": "Jonas Okafor"}
    assert customer["account"]["openOpportunities"]["count"] > 0


async def test_an_invoice_for_a_shipped_order_counts_once_in_the_total(api: Api) -> None:
    found = amounts(await statistics(api, story.DRAFT_INVOICE, TWELVE))
    assert found["outstandingInvoices"] == Decimal("165.89")
    assert found["shippedNotInvoiced"] == Decimal("715.71")
    naive = found["balance"] + found["outstandingOrders"] + found["shippedNotInvoiced"] + found["outstandingInvoices"]
    assert naive - found["total"] == Decimal("135.64"), "the shipped pieces that the draft bills"


async def test_what_is_billed_to_somebody_else_is_owed_by_them(own_api: Api) -> None:
    """Activity is by sell-to, sums are by bill-to: the native integration finds the one and misses the other."""
    before = [amounts(await statistics(own_api, number, TWELVE)) for number in (story.NO_ENTRIES, story.UNCOUPLED)]
    line = {"lineType": "Item", "lineObjectNumber": story.IN_STOCK, "quantity": 2, "unitPrice": 100}
    order = {
        "customerNumber": story.NO_ENTRIES,
        "billToCustomerNumber": story.UNCOUPLED,
        "salesOrderLines": [line],
    }
    await own_api.in_business_central("POST", "salesOrders", order)
    after = [amounts(await statistics(own_api, number, TWELVE)) for number in (story.NO_ENTRIES, story.UNCOUPLED)]
    assert after[0] == before[0]
    assert after[1]["outstandingOrders"] - before[1]["outstandingOrders"] >= 200
    counts = await statistics(own_api, story.UNCOUPLED, "openDocuments { orders }")
    assert counts["openDocuments"]["orders"] >= 1


async def test_a_partly_shipped_order_is_split_between_two_figures(own_api: Api) -> None:
    before = amounts(await statistics(own_api, story.NO_ENTRIES, TWELVE))
    line = {"lineType": "Item", "lineObjectNumber": story.IN_STOCK, "quantity": 10, "unitPrice": 50}
    order = await own_api.in_business_central(
        "POST",
        "salesOrders?$expand=salesOrderLines",
        {"customerNumber": story.NO_ENTRIES, "salesOrderLines": [line]},
    )
    (added,) = order["salesOrderLines"]
    whole = amounts(await statistics(own_api, story.NO_ENTRIES, TWELVE))
    price = (whole["outstandingOrders"] - before["outstandingOrders"]) / 10
    assert whole["total"] - before["total"] == 10 * price
    posting = {"shipQuantity": 6, "invoiceQuantity": 4}
    await own_api.in_business_central("PATCH", f"salesOrderLines({added['id']})", posting)
    await own_api.in_business_central("POST", f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice", {})
    posted = amounts(await statistics(own_api, story.NO_ENTRIES, TWELVE))
    assert posted["outstandingOrders"] - before["outstandingOrders"] == 4 * price
    assert posted["shippedNotInvoiced"] - before["shippedNotInvoiced"] == 2 * price
    assert posted["balance"] - before["balance"] == 4 * price
    assert posted["total"] == whole["total"], "posting moves amounts between its parts"


async def test_sales_and_profit_have_the_columns_of_business_central(api: Api) -> None:
    columns = "sales { amount } profit { amount } profitPercent"
    found = await statistics(
        api,
        story.HARBOUR,
        f"sales {{ thisPeriod {{ {columns} }} thisYear {{ {columns} }} lastYear {{ {columns} }} lifetime {{ {columns} }} }}",
    )
    sold = {name: Decimal(column["sales"]["amount"]) for name, column in found["sales"].items()}
    assert sold == {
        "thisPeriod": Decimal("1751.49"),  # November: the invoice of 9 November
        "thisYear": Decimal("20690.18"),
        "lastYear": Decimal("4148.76"),  # the invoice of 11 December 2025
        "lifetime": Decimal("24838.94"),
    }
    assert {column["profitPercent"] for column in found["sales"].values()} == {"34.0"}
    assert Decimal(found["sales"]["thisYear"]["profit"]["amount"]) == Decimal("7034.66")


async def test_at_a_year_s_end_sales_begin_anew(api: Api) -> None:
    async def sold(on: str) -> tuple[Decimal, Decimal, Decimal]:
        columns = "thisPeriod { sales { amount } } thisYear { sales { amount } } lastYear { sales { amount } }"
        found = await statistics(api, story.HARBOUR, f"sales {{ {columns} }}", f'(asOf: "{on}")')
        period, this_year, last_year = (Decimal(column["sales"]["amount"]) for column in found["sales"].values())
        return period, this_year, last_year

    december = Decimal("4148.76")
    nothing = Decimal(0)
    assert await sold("2025-12-31") == (december, december, nothing)
    assert await sold("2026-01-01") == (nothing, nothing, december)


async def test_on_a_past_day_the_books_were_as_they_were_then(api: Api) -> None:
    """The invoice of 30 August (2640) was paid in part (2000) after 31 August; that of 2 October was not there yet."""
    fields = (
        "asOf balance { amount } overdue { amount } aging { label amount { amount } } lastSaleDate lastPayment { date }"
    )
    found = await statistics(api, story.HARBOUR, fields, '(asOf: "2026-08-31")')
    assert found["asOf"] == "2026-08-31"
    assert Decimal(found["balance"]["amount"]) == Decimal("2640")
    assert Decimal(found["overdue"]["amount"]) == 0
    assert sum(Decimal(age["amount"]["amount"]) for age in found["aging"]) == Decimal("2640")
    assert found["lastSaleDate"] == "2026-08-30"
    assert found["lastPayment"]["date"] < "2026-08-31"


async def test_what_was_open_on_a_past_day_has_no_source(api: Api) -> None:
    answer = await api.ask(
        f"""{{ customer(by: {{number: "{story.HARBOUR}"}}) {{ statistics(asOf: "2026-08-31") {{
            balance {{ amount }} outstandingOrders {{ amount }} total {{ amount }} availableCredit {{ amount }}
            openDocuments {{ orders }} missing {{ figure reason message }} }} }} }}"""
    )
    found = answer.data["customer"]["statistics"]
    assert answer.errors == []
    assert (found["outstandingOrders"], found["total"], found["availableCredit"], found["openDocuments"]) == (None,) * 4
    assert [each["figure"] for each in found["missing"]] == [
        "outstandingOrders",
        "total",
        "availableCredit",
        "openDocuments",
    ]
    assert {each["reason"] for each in found["missing"]} == {"NO_SOURCE"}
    assert "no history" in found["missing"][0]["message"]


@pytest.mark.parametrize("on", ["0001-01-01", "1899-12-31", "9999-12-31"])
async def test_a_day_that_no_books_are_kept_for_is_a_typed_error(api: Api, on: str) -> None:
    query = f'{{ customer(by: {{number: "C00210"}}) {{ statistics(asOf: "{on}") {{ salesThisYear {{ amount }} }} }} }}'
    answer = await api.ask(query)
    assert (answer.data, answer.codes) == ({"customer": None}, ["INVALID_INPUT"])
    assert answer.errors[0]["extensions"]["argument"] == "asOf"


async def test_on_a_day_to_come_more_is_overdue(api: Api) -> None:
    today = await statistics(api, story.HARBOUR, "balance { amount } overdue { amount }")
    later = await statistics(api, story.HARBOUR, "balance { amount } overdue { amount }", '(asOf: "2027-06-30")')
    assert Decimal(later["balance"]["amount"]) == Decimal(today["balance"]["amount"])
    assert Decimal(later["overdue"]["amount"]) == Decimal(today["balance"]["amount"])


async def test_everything_overdue_is_aged_and_a_full_limit_is_exceeded(api: Api) -> None:
    late = await statistics(api, story.ALL_OVERDUE, "balance { amount } overdue { amount } aging { amount { amount } }")
    assert late["balance"] == late["overdue"]
    assert Decimal(late["aging"][0]["amount"]["amount"]) == 0
    over = amounts(await statistics(api, story.LIMIT_EXCEEDED, "availableCredit { amount } creditLimit { amount }"))
    assert over["availableCredit"] < 0 < over["creditLimit"]


async def test_a_customer_who_never_bought_has_zeros_and_no_last_sale(api: Api) -> None:
    found = await statistics(
        api,
        story.NO_ENTRIES,
        "balance { amount } overdue { amount } daysSinceLastSale lastSaleDate lastPayment { date } aging { amount { amount } } "
        "sales { lifetime { sales { amount } profit { amount } profitPercent } }",
    )
    assert {Decimal(found[name]["amount"]) for name in ("balance", "overdue")} == {Decimal(0)}
    assert (found["daysSinceLastSale"], found["lastSaleDate"], found["lastPayment"]) == (None, None, None)
    assert {Decimal(age["amount"]["amount"]) for age in found["aging"]} == {Decimal(0)}
    assert found["sales"]["lifetime"]["profitPercent"] == "0"


async def test_a_credit_memo_lowers_the_balance_and_the_sales(api: Api) -> None:
    """A memo that is not applied yet stands in the aging with its own sign."""
    listed = await api.ask(
        "{ customers(first: 200) { nodes { number statistics { balance { amount } aging { amount { amount } } } } } }"
    )
    assert listed.errors == []
    negative = 0
    for node in listed.data["customers"]["nodes"]:
        ages = [Decimal(age["amount"]["amount"]) for age in node["statistics"]["aging"]]
        assert sum(ages) == Decimal(node["statistics"]["balance"]["amount"]), node["number"]
        negative += any(age < 0 for age in ages)
    assert negative > 0, "the demo company has unapplied memos"


async def test_what_crm_holds_stands_beside_what_is(api: Api) -> None:
    found = await statistics(
        api,
        story.HARBOUR,
        "crm { isStale modifiedAt overdueAsOf ageMinutes "
        "amounts { figure crm { amount currencyCode } businessCentral { amount } difference { amount } } }",
    )
    copy = found["crm"]
    assert (copy["isStale"], copy["modifiedAt"], copy["overdueAsOf"]) == (True, "2026-11-02T06:30:00Z", "2026-11-02")
    assert copy["ageMinutes"] > 0
    by_figure = {each["figure"]: each for each in copy["amounts"]}
    assert len(by_figure) == 12
    balance = by_figure["balance"]
    assert Decimal(balance["crm"]["amount"]) == Decimal("7320.70")
    assert Decimal(balance["difference"]["amount"]) == Decimal("2119.30"), "the invoice of a week ago"
    assert balance["crm"]["currencyCode"] == "EUR"
    assert Decimal(by_figure["overdue"]["difference"]["amount"]) == 0
    fresh = await statistics(api, story.CONFLICT, "crm { isStale }")
    assert fresh["crm"] == {"isStale": False}
    never = await statistics(api, story.CHANGED_IN_CRM, "crm { isStale }")
    assert never["crm"] is None


@pytest.mark.parametrize("first", [5, 50])
async def test_a_list_of_customers_has_statistics_in_a_fixed_number_of_requests(api: Api, first: int) -> None:
    query = f"""query ($first: Int!) {{ customers(first: $first) {{ nodes {{ number
        statistics {{ {TWELVE} availableCredit {{ amount }} aging {{ amount {{ amount }} }} missing {{ figure }} }}
        account {{ openOpportunities {{ count }} }} }} }} }}"""
    await api.ask('{ customer(by: {number: "C00210"}) { statistics { salesThisYear { amount } } } }')
    answer = await api.ask(query, {"first": first})
    assert answer.errors == []
    assert len(answer.data["customers"]["nodes"]) == first
    assert all(node["statistics"]["missing"] == [] for node in answer.data["customers"]["nodes"])
    assert answer.cost == (6, 2), "the page; then ledger, open amounts, sales, accounts and opportunities side by side"


async def test_the_newest_documents_of_many_customers_travel_in_one_batch(api: Api) -> None:
    query = "query ($first: Int!) { customers(first: $first) { nodes { statistics { lastSaleDate lastPayment { date } } } } }"
    ten = await api.ask(query, {"first": 10})
    fifty = await api.ask(query, {"first": 50})
    assert ten.cost == fifty.cost == (3, 2)
    assert ten.errors == fifty.errors == []
    assert any(node["statistics"]["lastPayment"] for node in fifty.data["customers"]["nodes"])


async def test_without_a_role_nobody_sees_statistics(api: Api) -> None:
    query = f'{{ customer(by: {{number: "{story.HARBOUR}"}}) {{ statistics {{ balance {{ amount }} }} }} }}'
    assert (await api.ask(query, person=NOBODY)).codes == ["FORBIDDEN"]
    assert (await api.ask(query, person=SALES)).errors == []


async def test_amounts_are_exact_to_the_last_digit(own_api: Api) -> None:
    """0.1 + 0.2 is 0.3, and fourteen digits are fourteen digits, from the ledger to the answer; there is no VAT on exports."""
    for price in ("0.10", "0.20", "999999999999.01"):
        line = {"lineType": "Item", "lineObjectNumber": story.SERVICE, "quantity": 1, "unitPrice": Decimal(price)}
        body = {"customerNumber": story.NO_ENTRIES, "salesOrderLines": [line]}
        await own_api.in_business_central("POST", "salesOrders", body)
    found = amounts(await statistics(own_api, story.NO_ENTRIES, TWELVE))
    assert found["outstandingOrders"] == found["total"] == Decimal("999999999999.31")


async def test_quantities_are_exact_to_the_last_digit(own_api: Api) -> None:
    """Three orders of 0.1, 0.2 and 0.00001 metres take 0.30001 from 1287.5."""
    for quantity in ("0.1", "0.2", "0.00001"):
        line = {"lineType": "Item", "lineObjectNumber": story.BY_THE_METRE, "quantity": Decimal(quantity)}
        body = {"customerNumber": story.NO_ENTRIES, "salesOrderLines": [line]}
        await own_api.in_business_central("POST", "salesOrders", body)
    answer = await own_api.ask(
        f'{{ availability(item: {{number: "{story.BY_THE_METRE}"}}, on: "2099-12-31") '
        "{ quantityOnSalesOrders projectedAvailableBalance } }"
    )
    found = answer.data["availability"]
    assert Decimal(found["quantityOnSalesOrders"]) == Decimal("250.30001")
    assert Decimal(found["projectedAvailableBalance"]) == Decimal("1037.19999")
