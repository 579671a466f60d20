"""States are passed on where an administrator wants it: both ways, once, and nothing but the state."""

from typing import Any

import pytest

from gateway.couplings.coupling import Mapping
from tests.graphql.api import Api
from tests.graphql.runs import Runs

pytestmark = pytest.mark.anyio


async def pair(runs: Runs, number: str) -> tuple[str, str]:
    """The addresses of an item and its product."""
    question = "query ($number: String!) { item(by: {number: $number}) { systemId product { productId } } }"
    found = (await runs.api.ask(question, {"number": number}, explain=False)).data["item"]
    return f"items({found['systemId']})", f"products({found['product']['productId']})"


async def states(runs: Runs, bc: str, crm: str) -> tuple[Any, Any]:
    record, row = await runs.api.in_business_central("GET", bc), await runs.api.in_dataverse("GET", crm)
    return record["blocked"], row["statecode"]


async def test_states_are_passed_on(own_api: Api) -> None:
    runs = Runs(own_api)
    await runs.modified("ITEM")
    await runs.modified("ITEM")
    first, second = await pair(runs, "1001"), await pair(runs, "1002")
    ask, crm = runs.api.in_business_central, runs.api.in_dataverse
    await ask("PATCH", first[0], {"blocked": True})
    await runs.modified("ITEM")
    assert await states(runs, *first) == (True, 0), "as it is shipped"
    refused = await runs.update(mapping="CONTACT", passStates=True)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "passStates")
    await runs.update(mapping="ITEM", passStates=True)
    await ask("PATCH", first[0], {"unitPrice": 12})
    await crm("PATCH", second[1], {"statecode": 1, "statuscode": 2})
    job = await runs.modified("ITEM")
    assert (job["counters"]["modified"], job["counters"]["failed"]) == (2, 0), job
    assert (await states(runs, *first), await states(runs, *second)) == ((True, 1), (True, 1))
    assert (await runs.modified("ITEM"))["counters"]["modified"] == 0, "what we wrote ourselves is no change"
    # unblocked: only the product that was retired from here is active again, and what changed meanwhile follows
    await ask("PATCH", first[0], {"blocked": False, "displayName": "Renamed meanwhile"})
    await ask("PATCH", second[0], {"blocked": False})
    for _ in range(2):
        assert (await runs.modified("ITEM"))["counters"]["failed"] == 0
    assert (await states(runs, *first), await states(runs, *second)) == ((False, 0), (False, 1))
    assert (await crm("GET", first[1]))["name"] == "Renamed meanwhile"
    found = await runs.of(Mapping.ITEM, first[0][6:-1])
    assert found is not None
    assert (found.base or {})["displayName"] == "Renamed meanwhile"
    await runs.update(passStates=True)
    await runs.modified()
    bc, account = await runs.both("C00023")
    await crm("PATCH", account, {"statecode": 1, "statuscode": 2})
    await runs.modified()
    assert (await ask("GET", bc))["blocked"] == "All"
