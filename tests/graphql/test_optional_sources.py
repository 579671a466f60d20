"""What a tenant lacks is null with a reason, and found out once; what a backend fails at is told once."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from gateway.clients.call import APPLICATION
from gateway.reading.capabilities import Found
from gateway.reading.lookup import Scope
from gateway.reading.sources import analytics
from gateway.sandbox.company import story
from tests.graphql.api import Api
from tests.graphql.test_half_answers import unreachable

SISTER = "7d1f0000-0000-4000-8000-00000000a001"

pytestmark = pytest.mark.anyio

STOCK = f"""
{{ availability(item: {{number: "{story.IN_STOCK}"}}, quantity: "5") {{
    inventory projectedAvailableBalance sufficient reserved byLocation {{ inventory }} byVariant {{ inventory }}
    native {{ quantityOnHand crmQuantityOnHand crmModifiedAt crmAgeMinutes difference }} missing {{ figure reason message }} }} }}
"""
OWED = f"""
{{ customer(by: {{number: "{story.HARBOUR}"}}) {{ statistics {{
    balance {{ amount }} overdue {{ amount }} creditLimit {{ amount }} outstandingOrders {{ amount }}
    shippedNotInvoiced {{ amount }} invoicedPrepayment {{ amount }} outstandingServiceOrders {{ amount }}
    total {{ amount }} availableCredit {{ amount }} aging {{ label amount {{ amount }} }} lastPayment {{ date }}
    openDocuments {{ orders }} sales {{ thisYear {{ sales {{ amount }} profit {{ amount }} }} }}
    missing {{ figure reason message }} }} }} }}
"""


def reasons(found: dict[str, Any]) -> dict[str, str]:
    return {each["figure"]: each["reason"] for each in found["missing"]}


def switch(api: Api, *, analytics: bool = True, pages: bool = True) -> None:
    """Which optional sources the tenant has from now on."""
    api.sandbox.features.analytics, api.sandbox.features.custom_pages = analytics, pages


async def test_without_the_analytics_api_stock_arrives_and_the_rest_says_why(own_api: Api) -> None:
    switch(own_api, analytics=False)
    answer = await own_api.ask(STOCK)
    found = answer.data["availability"]
    assert answer.errors == []
    assert (found["inventory"], found["reserved"], found["native"]["difference"]) == ("145", "2", "0")
    assert (found["projectedAvailableBalance"], found["sufficient"], found["byLocation"]) == (None, None, None)
    assert reasons(found) == dict.fromkeys(
        ("projectedAvailableBalance", "sufficient", "byLocation"), "SOURCE_NOT_INSTALLED"
    )
    assert "Power BI Reports" in found["missing"][0]["message"]


async def test_without_the_extension_only_its_figures_are_missing(own_api: Api) -> None:
    switch(own_api, pages=False)
    found = (await own_api.ask(STOCK)).data["availability"]
    assert (found["inventory"], found["projectedAvailableBalance"], found["sufficient"]) == ("145", "145", True)
    assert reasons(found) == {"reserved": "SOURCE_NOT_INSTALLED", "byVariant": "SOURCE_NOT_INSTALLED"}


async def test_what_is_not_installed_is_asked_for_once(own_api: Api) -> None:
    switch(own_api, analytics=False, pages=False)
    first = await own_api.ask(STOCK)
    second = await own_api.ask(STOCK)
    assert second.data["availability"]["missing"] == first.data["availability"]["missing"]
    assert second.cost == (2, 1), "item and product"


async def test_statistics_without_the_extension_come_from_sales_lines_as_far_as_they_go(own_api: Api) -> None:
    whole = (await own_api.ask(OWED)).data["customer"]["statistics"]
    switch(own_api, pages=False)
    # what was known to be installed is asked once more, and its absence leads on to the next source
    answer = await own_api.ask(OWED)
    found = answer.data["customer"]["statistics"]
    assert answer.errors == []
    assert found["outstandingOrders"] == whole["outstandingOrders"]
    assert Decimal(found["shippedNotInvoiced"]["amount"]) == 0, "nothing is shipped: known also without the extension"
    assert (found["invoicedPrepayment"], found["outstandingServiceOrders"], found["total"]) == (None, None, None)
    assert reasons(found) == dict.fromkeys(
        (
            "outstandingServiceOrders",
            "invoicedPrepayment",
            "total",
            "availableCredit",
            "sales.thisYear.profit",
        ),
        "SOURCE_NOT_INSTALLED",
    )


async def test_the_total_without_the_extension_is_there_when_nothing_is_left_out(own_api: Api) -> None:
    """A company without service and prepayments: everything of this customer is on sales lines, returns too."""
    services = own_api.app.state.running.services
    query = f"""{{ customer(by: {{number: "{story.CONFLICT}"}}) {{ statistics {{
        total {{ amount }} availableCredit {{ amount }} missing {{ figure }} }} }} }}"""
    whole = (await own_api.ask(query)).data
    switch(own_api, pages=False)
    assert (await own_api.ask(query)).data["customer"]["statistics"]["total"] is None
    own_api.app.state.serving = replace(own_api.app.state.serving, services=replace(services, modules=frozenset()))
    assert (await own_api.ask(query)).data == whole


async def test_statistics_without_either_have_what_the_standard_api_tells(own_api: Api) -> None:
    whole = (await own_api.ask(OWED)).data["customer"]["statistics"]
    switch(own_api, analytics=False, pages=False)
    answer = await own_api.ask(OWED)
    found = answer.data["customer"]["statistics"]
    assert answer.errors == []
    for name in ("balance", "overdue", "creditLimit"):
        assert found[name] == whole[name], name
    assert found["aging"] == whole["aging"], "from the report of aged receivables"
    assert found["sales"]["thisYear"]["sales"] == whole["sales"]["thisYear"]["sales"]
    assert {"outstandingOrders", "total", "availableCredit", "lastPayment", "openDocuments"} <= reasons(found).keys()
    assert set(reasons(found).values()) == {"SOURCE_NOT_INSTALLED"}


async def test_an_administrator_sees_what_is_missing_and_what_was_just_installed(own_api: Api) -> None:
    query = "{ connection { optionalSources { name api state purpose hint } } }"
    switch(own_api, analytics=False)
    await own_api.ask(STOCK)
    before = await own_api.ask(query)
    states = {each["name"]: each for each in before.data["connection"]["optionalSources"]}
    assert states["itemLedgerEntries"]["state"] == "NOT_INSTALLED"
    assert states["itemLedgerEntries"]["api"] == "microsoft/analytics/v1.0"
    assert "Power BI Reports" in states["itemLedgerEntries"]["hint"]
    assert states["itemAvailabilities"]["state"] == states["nav_accountstatisticses"]["state"] == "INSTALLED"
    switch(own_api)
    after = await own_api.ask(query)
    assert {each["state"] for each in after.data["connection"]["optionalSources"]} == {"INSTALLED"}
    again = await own_api.ask(query)
    assert again.cost == (0, 0), "found once"
    found = (await own_api.ask(STOCK)).data["availability"]
    assert found["missing"] == []


async def test_the_checks_of_the_connection_cost_nothing_more(api: Api) -> None:
    answer = await api.ask("{ connection { healthy checks { code passed } } }")
    assert answer.cost == (3, 2)
    assert (await api.ask("{ connection { healthy } }")).cost == (3, 2)


def refusing(*names: str) -> Any:
    """Business Central, which lets nobody read these sets."""

    def respond(request: httpx.Request) -> httpx.Response:
        if not any(f"/{name}" in request.url.path for name in names):
            raise LookupError
        body = {"error": {"code": "Authorization_RequestDenied", "message": "No permission."}}
        return httpx.Response(403, json=body, request=request)

    return respond


async def answered(api: Api, instead: Any) -> None:
    """Let some requests meet another fate than the sandbox's."""
    inner = api.business_central.inner

    async def respond(request: httpx.Request) -> httpx.Response:
        try:
            found = instead(request)
        except LookupError:
            return await inner.handle_async_request(request)
        return found if isinstance(found, httpx.Response) else await found

    api.business_central.instead = respond


async def test_what_the_gateway_may_not_read_is_not_permitted(api: Api) -> None:
    await answered(api, refusing("itemLedgerEntries", "reservationEntries"))
    answer = await api.ask(STOCK)
    found = answer.data["availability"]
    assert answer.errors == []
    assert reasons(found) == {"reserved": "NOT_PERMITTED", "byLocation": "NOT_PERMITTED"}
    assert found["projectedAvailableBalance"] == "145"


BY_LOCATION = """query ($company: UUID) { availability(item: {number: "1001"}, company: $company) {
    byLocation { inventory } missing { figure reason } } }"""


async def test_what_one_company_refuses_another_gives(own_api: Api) -> None:
    sister = {"id": SISTER, "name": "Sister", "displayName": "Sister BV"}
    own_api.sandbox.business_central.insert("companies", sister)
    refuse = refusing("itemLedgerEntries")

    def respond(request: httpx.Request) -> httpx.Response:
        if SISTER not in request.url.path:
            raise LookupError
        found: httpx.Response = refuse(request)
        return found

    await answered(own_api, respond)
    there = await own_api.ask(BY_LOCATION, {"company": SISTER})
    assert (there.errors, reasons(there.data["availability"])) == ([], {"byLocation": "NOT_PERMITTED"})
    here = await own_api.ask(BY_LOCATION)
    assert here.data["availability"]["byLocation"] != []
    assert here.data["availability"]["missing"] == []


async def test_an_administrator_sees_what_the_company_at_hand_refuses(api: Api) -> None:
    """Of a company that nobody asked in yet, what answers elsewhere is asked for."""
    capabilities = api.app.state.running.services.capabilities
    for name in ("itemLedgerEntries", "salesLines"):
        source = analytics(name, "itemNo")
        capabilities.note(Scope(APPLICATION, UUID(SISTER)), source, Found.INSTALLED)
    await answered(api, refusing("itemLedgerEntries"))
    answer = await api.ask("{ connection { optionalSources { name state } } }")
    states = {each["name"]: each["state"] for each in answer.data["connection"]["optionalSources"]}
    assert (states["itemLedgerEntries"], states["salesLines"]) == ("NOT_PERMITTED", "INSTALLED")


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [(401, "BACKEND_REFUSED", "NOT_PERMITTED"), (404, "BACKEND_NOT_FOUND", "BACKEND_UNREACHABLE")],
)
async def test_what_does_not_come_from_the_source_itself_is_told_and_not_remembered(
    api: Api, status: int, code: str, reason: str
) -> None:
    """A token that is refused for once, or the page of a proxy."""

    def respond(request: httpx.Request) -> httpx.Response:
        if "/itemLedgerEntries" not in request.url.path:
            raise LookupError
        return httpx.Response(status, text="<html>gone</html>", request=request)

    await answered(api, respond)
    answer = await api.ask(BY_LOCATION)
    assert answer.codes == [code]
    assert reasons(answer.data["availability"]) == {"byLocation": reason}
    api.business_central.instead = None
    again = await api.ask(BY_LOCATION)
    assert (again.errors, again.data["availability"]["missing"]) == ([], [])


async def test_one_set_that_does_not_answer_leaves_the_others_alone(api: Api) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        if "/outstandingPurchaseLines" not in request.url.path:
            raise LookupError
        return httpx.Response(500, json={"error": {"code": "Internal", "message": "It broke."}}, request=request)

    await answered(api, respond)
    answer = await api.ask(
        '{ availability(item: {number: "1001"}, quantity: "5") { inventory quantityOnSalesOrders quantityOnPurchaseOrders '
        "sufficient byLocation { inventory } missing { figure reason } } }"
    )
    found = answer.data["availability"]
    assert (found["inventory"], found["quantityOnSalesOrders"]) == ("145", "7")
    assert (found["quantityOnPurchaseOrders"], found["sufficient"], found["byLocation"]) == (None, None, None)
    assert set(reasons(found).values()) == {"BACKEND_UNREACHABLE"}
    (error,) = answer.errors
    assert (error["extensions"]["code"], error["extensions"]["backend"]) == ("BACKEND_FAILED", "BUSINESS_CENTRAL")


@pytest.mark.parametrize(
    "row",
    [
        {"itemNo": "1001", "locationCode": "MAIN", "remainingQuantity": "many"},
        {"itemNo": "1001", "locationCode": "MAIN", "remainingQuantity": True},
    ],
    ids=["text", "boolean"],
)
async def test_a_row_that_lies_about_its_kind_is_a_typed_error(api: Api, row: dict[str, object]) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        if "/itemLedgerEntries" not in request.url.path:
            raise LookupError
        return httpx.Response(200, json={"value": [row]}, request=request)

    await answered(api, respond)
    answer = await api.ask(
        '{ availability(item: {number: "1001"}) { inventory byLocation { inventory } missing { figure } } }'
    )
    assert answer.data["availability"] == {
        "inventory": "145",
        "byLocation": None,
        "missing": [{"figure": "byLocation"}],
    }
    assert answer.codes == ["BACKEND_PROTOCOL_ERROR"]


async def test_without_business_central_crm_s_number_arrives_as_a_copy_with_its_age(api: Api) -> None:
    whole = (await api.ask(STOCK)).data["availability"]
    api.business_central.instead = unreachable
    answer = await api.ask(STOCK)
    found = answer.data["availability"]
    native = found["native"]
    assert native["crmQuantityOnHand"] == whole["native"]["crmQuantityOnHand"]
    assert native["crmModifiedAt"] == whole["native"]["crmModifiedAt"]
    assert native["crmAgeMinutes"] > 0
    assert (native["quantityOnHand"], native["difference"], found["inventory"]) == (None, None, None)
    assert set(reasons(found).values()) == {"BACKEND_UNREACHABLE"}
    (error,) = answer.errors
    assert (error["extensions"]["code"], error["extensions"]["backend"]) == ("BACKEND_UNREACHABLE", "BUSINESS_CENTRAL")


async def test_without_business_central_crm_s_statistics_arrive_and_are_not_called_stale(api: Api) -> None:
    api.business_central.instead = unreachable
    answer = await api.ask(
        f"""{{ customer(by: {{number: "{story.HARBOUR}"}}) {{ statistics {{ balance {{ amount }}
            crm {{ isStale modifiedAt ageMinutes amounts {{ figure crm {{ amount }} businessCentral {{ amount }} }} }} }} }} }}"""
    )
    copy = answer.data["customer"]["statistics"]["crm"]
    assert (copy["isStale"], copy["modifiedAt"]) == (None, "2026-11-02T06:30:00Z")
    assert Decimal(copy["amounts"][0]["crm"]["amount"]) == Decimal("7320.70")
    assert copy["amounts"][0]["businessCentral"] is None
    assert answer.codes == ["BACKEND_UNREACHABLE"]


async def test_without_crm_business_central_s_figures_arrive(api: Api) -> None:
    api.dataverse.instead = unreachable
    answer = await api.ask(STOCK)
    found = answer.data["availability"]
    assert (found["inventory"], found["native"]["quantityOnHand"], found["native"]["crmQuantityOnHand"]) == (
        "145",
        "145",
        None,
    )
    assert reasons(found) == {"native.crmQuantityOnHand": "BACKEND_UNREACHABLE"}
    assert [error["extensions"]["backend"] for error in answer.errors] == ["DATAVERSE"]
