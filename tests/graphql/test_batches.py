"""Several operations in one request: in order, each for itself, and no more than may be."""

from typing import Any

import httpx
import pytest

from gateway.clients.call import Deadline
from gateway.sandbox.identity.people import ADMIN, NOBODY, Person
from schema.context import Context
from tests.graphql.api import Api
from tests.graphql.live import bearer

pytestmark = pytest.mark.anyio

CUSTOMER = "query ($n: String!) { customer(by: {number: $n}) { number } }"
NUMBERS = ("C00210", "C00110")
SYNCHRONIZE = "mutation { synchronizeModified(input: {mapping: CUSTOMER}) { __typename } }"
VIEWER = "{ viewer { name } }"
JOBS = "{ synchronizationJobs { id } }"


async def asked(
    api: Api, batch: list[Any], person: Person = ADMIN, path: str = "/graphql", **headers: str
) -> httpx.Response:
    return await api.http.post(path, json=batch, headers={"authorization": bearer(api, person)} | headers)


def customers(*numbers: str) -> list[Any]:
    return [{"query": CUSTOMER, "variables": {"n": number}} for number in numbers]


async def test_answers_come_in_the_order_of_the_questions_which_share_one_request(api: Api) -> None:
    response = await asked(api, customers(*NUMBERS))
    assert response.status_code == 200
    assert [each["data"]["customer"] and each["data"]["customer"]["number"] for each in response.json()] == list(
        NUMBERS
    )
    assert len(api.business_central.seen) == 1


async def test_one_that_fails_stops_none_of_the_others(api: Api) -> None:
    watch = {"query": "subscription { synchronizationJobs { id } }"}
    batch = [*customers("C00210"), {"query": "{"}, watch, {"query": VIEWER}, *customers("C00110")]
    response = await asked(api, batch, NOBODY, accept="application/graphql-response+json")
    assert response.status_code == 200
    found = response.json()
    codes = [[each["extensions"]["code"] for each in one.get("errors", [])] for one in found]
    assert codes == [["FORBIDDEN"], ["GRAPHQL_INVALID"], ["INVALID_INPUT"], [], ["FORBIDDEN"]]
    assert ["data" in one for one in found] == [True, False, False, True, True]


async def test_roles_hold_for_each(api: Api) -> None:
    found = (await asked(api, customers(*NUMBERS), NOBODY)).json()
    assert [one["errors"][0]["extensions"]["code"] for one in found] == ["FORBIDDEN"] * 2
    assert api.business_central.seen == []


async def test_mutations_are_carried_out_in_order(own_api: Api) -> None:
    batch = [{"query": JOBS}, {"query": SYNCHRONIZE}, {"query": JOBS}]
    before, begun, after = (await asked(own_api, batch)).json()
    assert before["data"] == {"synchronizationJobs": []}
    assert begun["data"]["synchronizeModified"]
    assert len(after["data"]["synchronizationJobs"]) == 1


async def test_all_have_the_time_of_one(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Deadline] = []
    asking = Context.asking

    def noted(self: Context, company: Any) -> Any:
        seen.append(self.deadline)
        return asking(self, company)

    monkeypatch.setattr(Context, "asking", noted)
    await asked(api, customers(*NUMBERS))
    assert (len(seen) >= len(NUMBERS), len(set(map(id, seen)))) == (True, 1)


async def test_each_tells_its_own_costs(api: Api) -> None:
    headers = {"authorization": bearer(api), "gateway-explain": "1"}
    found = (await api.http.post("/graphql", json=customers(*NUMBERS), headers=headers)).json()
    assert [one["extensions"]["gateway"]["roundTrips"] for one in found] == [1, 1]


async def test_no_more_than_may_be_and_at_least_one(api: Api) -> None:
    assert (await asked(api, customers(*["C00210"] * 10))).status_code == 200
    seen = len(api.business_central.seen)
    for batch, code in (
        (customers(*["C00210"] * 11), "BATCH_TOO_LARGE"),
        ([], "INVALID_INPUT"),
        ([*customers("C00210"), {"query": 7}], "INVALID_INPUT"),
        ([customers("C00210")], "INVALID_INPUT"),
    ):
        response = await asked(api, batch)
        assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (400, code)
    assert len(api.business_central.seen) == seen, "nothing of a list that is refused is carried out"


async def test_a_stream_takes_no_list(api: Api) -> None:
    response = await asked(api, customers("C00210"), path="/graphql/stream")
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (400, "INVALID_INPUT")
