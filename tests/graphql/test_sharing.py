"""Under load the backends see few requests, and never more at once than they take."""

import asyncio

import pytest

from gateway.sandbox.app import BUSINESS_CENTRAL, DATAVERSE
from tests.graphql.api import Api

pytestmark = pytest.mark.anyio


async def test_two_hundred_people_asking_for_different_items_are_all_answered_in_few_requests(api: Api) -> None:
    query = "query ($n: String!) { item(by: {number: $n}) { number product { productNumber } } }"
    listed = await api.ask("{ items(first: 200) { nodes { number } } }")
    numbers = [node["number"] for node in listed.data["items"]["nodes"]]
    api.business_central.seen.clear()
    api.dataverse.seen.clear()
    answers = await asyncio.gather(*(api.ask(query, {"n": number}, explain=False) for number in numbers))
    assert [answer.data["item"]["number"] for answer in answers] == numbers
    assert all(answer.errors == [] for answer in answers)
    assert len(api.business_central.seen) <= 50
    assert len(api.dataverse.seen) <= 50


async def test_the_same_question_asked_at_once_is_asked_once(api: Api) -> None:
    query = '{ customer(by: {number: "C00210"}) { displayName account { name } } }'
    await api.ask(query)
    api.business_central.seen.clear()
    api.dataverse.seen.clear()
    answers = await asyncio.gather(*(api.ask(query, explain=False) for _ in range(100)))
    assert {answer.data["customer"]["account"]["name"] for answer in answers} == {"Harbour Bikes BV"}
    assert len(api.business_central.seen) <= 40
    assert len(api.dataverse.seen) <= 40


async def test_the_gates_hold_for_any_number_of_callers(api: Api) -> None:
    api.sandbox.log.clear()
    query = """query ($after: String) { customers(first: 3, after: $after, orderBy: {field: CITY}) { nodes { number } }
        accounts(first: 3) { nodes { name } } }"""
    answers = await asyncio.gather(*(api.ask(query, explain=False) for _ in range(150)))
    assert all(answer.errors == [] for answer in answers)
    assert 1 <= api.sandbox.log.load(BUSINESS_CENTRAL).most_running <= 5
    assert 1 <= api.sandbox.log.load(DATAVERSE).most_running <= 48
