"""Under load the backends see few requests, and never more at once than they take."""

import asyncio

import pytest

from gateway.sandbox.app import BUSINESS_CENTRAL, DATAVERSE
from tests.graphql.api import Answer, Api

pytestmark = pytest.mark.anyio


async def everybody_at_once(api: Api, questions: list[tuple[str, dict[str, str]]]) -> list[Answer]:
    """All ask while Business Central holds its first answers back; then it answers."""
    api.business_central.hold = asyncio.Event()
    asking = [asyncio.ensure_future(api.ask(query, variables, explain=False)) for query, variables in questions]
    for _ in range(20_000):  # nobody waits for anything but Business Central: they all get there
        await asyncio.sleep(0)
    api.business_central.hold.set()
    return await asyncio.gather(*asking)


async def test_two_hundred_people_asking_for_different_items_are_answered_in_four_requests(api: Api) -> None:
    listed = await api.ask("{ items(first: 200) { nodes { number } } }")
    numbers = [node["number"] for node in listed.data["items"]["nodes"]]
    api.business_central.seen.clear()
    query = "query ($n: String!) { item(by: {number: $n}) { number displayName } }"
    answers = await everybody_at_once(api, [(query, {"n": number}) for number in numbers])
    assert [answer.data["item"]["number"] for answer in answers] == numbers
    assert all(answer.errors == [] for answer in answers)
    assert len(api.business_central.seen) <= 4


async def test_two_hundred_widgets_share_their_requests(api: Api) -> None:
    """Six sets for each widget, and at most three requests for each set: 200 widgets cost what a few do."""
    listed = await api.ask("{ items(first: 200) { nodes { number } } }")
    numbers = [node["number"] for node in listed.data["items"]["nodes"]]
    query = """query ($n: String!) { availability(item: {number: $n}, quantity: "1") {
        item { number } inventory sufficient earliestDate byLocation { location { displayName } inventory } } }"""
    await api.ask(query, {"n": numbers[0]})
    api.business_central.seen.clear()
    answers = await everybody_at_once(api, [(query, {"n": number}) for number in numbers])
    assert [answer.data["availability"]["item"]["number"] for answer in answers] == numbers
    assert all(answer.errors == [] for answer in answers)
    assert len(api.business_central.seen) <= 18


async def test_the_same_question_asked_by_a_hundred_at_once_is_asked_once(api: Api) -> None:
    query = 'query { customer(by: {number: "C00210"}) { displayName } }'
    await api.ask(query)
    api.business_central.seen.clear()
    answers = await everybody_at_once(api, [(query, {})] * 100)
    assert {answer.data["customer"]["displayName"] for answer in answers} == {"Harbour Bikes BV"}
    assert len(api.business_central.seen) == 1


async def test_the_gates_hold_for_any_number_of_callers(api: Api) -> None:
    api.sandbox.log.clear()
    query = """query ($after: String) { customers(first: 3, after: $after, orderBy: {field: CITY}) { nodes { number } }
        accounts(first: 3) { nodes { name } } }"""
    answers = await asyncio.gather(*(api.ask(query, explain=False) for _ in range(150)))
    assert all(answer.errors == [] for answer in answers)
    assert 1 <= api.sandbox.log.load(BUSINESS_CENTRAL).most_running <= 5
    assert 1 <= api.sandbox.log.load(DATAVERSE).most_running <= 48
