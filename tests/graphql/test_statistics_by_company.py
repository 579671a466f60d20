"""One customer in several companies: those coupled to the same account."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.couplings.coupling import Coupling, Mapping
from gateway.couplings.store import CouplingStore
from gateway.sandbox.company import story
from tests.graphql.api import Api
from tests.graphql.test_optional_sources import answered

pytestmark = pytest.mark.anyio

HOME = "383055b1-4e94-5f48-b02f-11c0290988dd"
SISTER = "7d1f0000-0000-4000-8000-00000000a001"
STRANGER = "7d1f0000-0000-4000-8000-00000000a002"

CONSOLIDATED = """
query ($companies: [UUID!]!) { customer(by: {number: "C00210"}) { statisticsByCompany(companies: $companies) {
    companies { companyId statistics { balance { amount currencyCode } customer { number displayName } missing { figure } } }
    totals { currencyCode companyIds balance total overdue } note } } }
"""


async def record(api: Api, number: str) -> tuple[UUID, UUID]:
    """A customer and its account."""
    answer = await api.ask(f'{{ customer(by: {{number: "{number}"}}) {{ systemId account {{ accountId }} }} }}')
    customer = answer.data["customer"]
    return UUID(customer["systemId"]), UUID(customer["account"]["accountId"]) if customer["account"] else uuid4()


async def found_sister(api: Api) -> None:
    """A second company, in which the account of HARBOUR is coupled to the customer ALL_OVERDUE."""
    company = {"id": SISTER, "name": "Sister", "displayName": "Sister BV"}
    api.sandbox.business_central.insert("companies", company)
    _, account = await record(api, story.HARBOUR)
    customer, _ = await record(api, story.ALL_OVERDUE)
    store: CouplingStore = api.app.state.running.services.couplings
    there = Coupling(
        id=uuid4(),
        mapping=Mapping.CUSTOMER,
        company_id=UUID(SISTER),
        bc_id=customer,
        crm_id=account,
        bc_key=story.ALL_OVERDUE,
        crm_key=story.HARBOUR,
        created_by="test",
    )
    await store.add([there])


async def in_euros_and_dollars(api: Api) -> None:
    """The sister keeps its books in dollars."""

    def respond(request: httpx.Request) -> httpx.Response:
        if SISTER not in request.url.path or not request.url.path.endswith("/companyInformation"):
            raise LookupError
        row = {"id": SISTER, "currencyCode": "USD", "currentFiscalYearStartDate": "2026-07-01"}
        return httpx.Response(200, json={"value": [row]}, request=request)

    await answered(api, respond)


def amount(statistics: Any) -> Decimal:
    return Decimal(statistics["balance"]["amount"])


async def test_companies_with_one_currency_are_added_up(own_api: Api) -> None:
    await found_sister(own_api)
    answer = await own_api.ask(CONSOLIDATED, {"companies": [HOME, SISTER, STRANGER]})
    assert answer.errors == []
    found = answer.data["customer"]["statisticsByCompany"]
    home, sister, stranger = found["companies"]
    assert (home["companyId"], sister["companyId"], stranger["companyId"]) == (HOME, SISTER, STRANGER)
    assert home["statistics"]["customer"]["number"] == story.HARBOUR
    assert sister["statistics"]["customer"]["number"] == story.ALL_OVERDUE
    assert stranger["statistics"] is None, "that company has no customer for the account"
    (totals,) = found["totals"]
    assert totals["companyIds"] == [HOME, SISTER]
    assert Decimal(totals["balance"]) == amount(home["statistics"]) + amount(sister["statistics"])
    assert totals["total"] is not None
    assert found["note"] is None


async def test_companies_with_different_currencies_are_not_added_up(own_api: Api) -> None:
    await found_sister(own_api)
    await in_euros_and_dollars(own_api)
    answer = await own_api.ask(CONSOLIDATED, {"companies": [HOME, SISTER]})
    assert answer.errors == []
    found = answer.data["customer"]["statisticsByCompany"]
    assert [each["statistics"]["balance"]["currencyCode"] for each in found["companies"]] == ["EUR", "USD"]
    assert [(each["currencyCode"], each["companyIds"]) for each in found["totals"]] == [
        ("EUR", [HOME]),
        ("USD", [SISTER]),
    ]
    assert "EUR and USD" in found["note"]


async def test_one_other_company_can_be_asked_for(own_api: Api) -> None:
    await found_sister(own_api)
    query = """query ($company: UUID!) { customer(by: {number: "C00210"}) {
        here: statistics { balance { amount } }
        there: statistics(company: $company) { balance { amount } customer { number } } } }"""
    answer = await own_api.ask(query, {"company": SISTER})
    assert answer.errors == []
    customer = answer.data["customer"]
    assert customer["there"]["customer"]["number"] == story.ALL_OVERDUE
    assert amount(customer["here"]) != amount(customer["there"])
    nowhere = await own_api.ask(query, {"company": STRANGER})
    assert (nowhere.data["customer"]["there"], nowhere.errors) == (None, [])


async def test_a_company_that_does_not_answer_leaves_the_others_alone(own_api: Api) -> None:
    await found_sister(own_api)

    def respond(request: httpx.Request) -> httpx.Response:
        if SISTER not in request.url.path:
            raise LookupError
        return httpx.Response(500, json={"error": {"code": "Internal", "message": "It broke."}}, request=request)

    await answered(own_api, respond)
    answer = await own_api.ask(CONSOLIDATED, {"companies": [HOME, SISTER]})
    found = answer.data["customer"]["statisticsByCompany"]
    assert amount(found["companies"][0]["statistics"]) == Decimal(9440)
    assert (found["companies"][1]["statistics"], found["totals"]) == (None, None)
    assert answer.codes == ["BACKEND_FAILED"]


@pytest.mark.parametrize("companies", [[], [str(uuid4()) for _ in range(21)]], ids=["none", "too many"])
async def test_how_many_companies_there_may_be(api: Api, companies: list[str]) -> None:
    answer = await api.ask(CONSOLIDATED, {"companies": companies})
    assert (answer.data["customer"], answer.codes) == (None, ["INVALID_INPUT"])
    assert answer.cost == (0, 0), "refused before anything is read"


async def test_euros_and_dollars_are_never_added_up_whatever_is_selected(own_api: Api) -> None:
    await found_sister(own_api)
    await in_euros_and_dollars(own_api)
    query = """query ($companies: [UUID!]!) { customer(by: {number: "C00210"}) {
        statisticsByCompany(companies: $companies) { %s } } }"""
    for fields in ("totals { companyIds } note", "note", "totals { companyIds balance }"):
        answer = await own_api.ask(query % fields, {"companies": [HOME, SISTER]})
        found = answer.data["customer"]["statisticsByCompany"]
        if "totals" in found:
            assert [each["companyIds"] for each in found["totals"]] == [[HOME], [SISTER]]
        assert "note" not in found or "EUR and USD" in found["note"]
