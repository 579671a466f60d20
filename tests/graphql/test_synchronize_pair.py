"""Two records are coupled and one side's data is written to the other: amounts in their currency, people at their company."""

import re
from typing import Any

import httpx
import pytest

from gateway.couplings.coupling import Mapping
from gateway.couplings.store import CouplingFilter
from gateway.sandbox.company import story
from schema.types.couple_records import coupling_id
from tests.graphql.api import Api
from tests.graphql.pairs import Pairs

pytestmark = pytest.mark.anyio

DIFFERENCES = """query ($id: UUID!) { coupling(by: {businessCentral: {mapping: ITEM, id: $id}}) {
    differences { field businessCentral dataverse } } }"""


@pytest.fixture
def pairs(own_api: Api) -> Pairs:
    return Pairs(own_api)


async def synchronized(pairs: Pairs, mapping: Mapping, bc_id: str) -> Any:
    """A coupled pair, coupled again with Business Central's data; the row as it is then."""
    coupling = await pairs.of(mapping, bc_id)
    assert coupling is not None
    await pairs.uncouple(str(coupling_id(coupling)))
    found = await pairs.coupled(
        mapping=mapping,
        businessCentral={"id": bc_id},
        dataverse={"id": str(coupling.crm_id)},
        synchronize="USE_BUSINESS_CENTRAL_DATA",
    )
    assert found["problem"] is None
    return coupling.crm_id


async def record(pairs: Pairs, entity_set: str, condition: str) -> Any:
    (found,) = (await pairs.api.in_business_central("GET", f"{entity_set}?$filter={condition}"))["value"]
    return found


async def test_a_product_somebody_gave_another_currency_gets_the_local_one_with_its_prices(pairs: Pairs) -> None:
    item = await record(pairs, "items", f"number eq '{story.IN_STOCK}'")
    coupling = await pairs.of(Mapping.ITEM, item["id"])
    assert coupling is not None
    rows = (await pairs.api.in_dataverse("GET", "transactioncurrencies"))["value"]
    currencies = {each["isocurrencycode"]: each["transactioncurrencyid"] for each in rows}
    change = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({currencies['CHF']})"}
    await pairs.api.in_dataverse("PATCH", f"products({coupling.crm_id})", change)
    shown = await pairs.api.ask(DIFFERENCES, {"id": item["id"]})
    assert {"field": "currencyCode", "businessCentral": "EUR", "dataverse": "CHF"} in shown.data["coupling"][
        "differences"
    ]
    row = await pairs.api.in_dataverse("GET", f"products({await synchronized(pairs, Mapping.ITEM, item['id'])})")
    assert row["_transactioncurrencyid_value"] == currencies["EUR"]
    assert row["price"] == row["price_base"] == item["unitPrice"]


async def test_a_person_who_moved_to_another_company_moves_in_crm(pairs: Pairs) -> None:
    person = await record(pairs, "contacts", "number eq 'CT00210-1'")
    company = f"CT{story.BILLS_IN_USD[1:]}"
    await pairs.api.in_business_central("PATCH", f"contacts({person['id']})", {"companyNumber": company})
    row = await pairs.api.in_dataverse("GET", f"contacts({await synchronized(pairs, Mapping.CONTACT, person['id'])})")
    customer = await pairs.customer(story.BILLS_IN_USD)
    assert row["_parentcustomerid_value"] == customer["account"]["accountId"]


async def test_the_user_of_the_salesperson_becomes_owner_who_is_it_now(pairs: Pairs) -> None:
    """Whoever had the code a moment ago is not asked for from memory."""
    coupled = await pairs.books.couplings.page(CouplingFilter(mapping=Mapping.SALESPERSON), after=None, limit=100)
    ab, jo = (next(each for each in coupled if each.bc_key == code) for code in ("AB", "JO"))
    harbour = await pairs.customer(story.HARBOUR)
    await pairs.api.in_business_central("PATCH", f"customers({harbour['systemId']})", {"salespersonCode": "JO"})
    await synchronized(pairs, Mapping.CUSTOMER, harbour["systemId"])
    for who, code in ((jo, "WAS-JO"), (ab, "JO")):
        await pairs.api.in_business_central("PATCH", f"salespeoplePurchasers({who.bc_id})", {"code": code})
    await pairs.api.in_business_central("PATCH", f"customers({harbour['systemId']})", {"salespersonCode": "JO"})
    row = await pairs.api.in_dataverse(
        "GET", f"accounts({await synchronized(pairs, Mapping.CUSTOMER, harbour['systemId'])})"
    )
    assert row["_owninguser_value"] == str(ab.crm_id)


async def test_one_row_that_lies_costs_the_others_nothing(pairs: Pairs) -> None:
    api = pairs.api

    async def lie(request: httpx.Request) -> httpx.Response:
        answer = await api.dataverse.inner.handle_async_request(request)
        body = re.sub(rb'"creditlimit": ?[0-9.]+', b'"creditlimit":"much"', await answer.aread(), count=1)
        kept = {name: value for name, value in answer.headers.items() if not name.lower().startswith("content-")}
        return httpx.Response(answer.status_code, headers=kept, content=body, request=request)

    api.dataverse.instead = lie
    answer = await api.ask(
        "{ couplings(mapping: CUSTOMER, first: 20) { nodes { differences { field } } } }", explain=False
    )
    assert answer.codes == ["BACKEND_PROTOCOL_ERROR"]
    nodes = answer.data["couplings"]["nodes"]
    assert [node["differences"] is None for node in nodes].count(True) == 1
