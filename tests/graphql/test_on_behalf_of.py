"""Each caller's own rights decide in CRM: what Dataverse hides from one of two callers is hidden in every path, at any moment."""

import asyncio
import random
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.config import RolesFrom
from gateway.sandbox.identity.people import ADMIN, GATEWAY_RESOURCE, SALES, Person
from gateway.sandbox.identity.registrations import GATEWAY
from tests.graphql.personal import KEY, NUMBER, Personal, leaks, opened

pytestmark = pytest.mark.anyio


def questions(personal: Personal) -> dict[str, tuple[str, dict[str, Any]]]:
    """Every way that leads to the account; each shows it to who may see it."""
    account, coupling = (
        "{ id name accountNumber }",
        "dataverseId dataverseKey dataverseName account { name } dataverseUrl",
    )
    by_number = f'by: {{number: "{NUMBER}"}}'
    return {
        "account of a customer": (f"{{ customer({by_number}) {{ number account {account} }} }}", {}),
        "account by number": (f'{{ account(by: {{accountNumber: "{KEY}"}}) {account} }}', {}),
        "account by id": (f'{{ account(by: {{accountId: "{personal.account}"}}) {{ name }} }}', {}),
        "accounts": ("{ accounts(first: 200) { totalCount nodes { name accountNumber } } }", {}),
        "accounts by name": (
            '{ accounts(filter: {name: {contains: "Veiled"}}, first: 5) { nodes { name accountNumber } } }',
            {},
        ),
        "a page of customers": ("{ customers(first: 100) { nodes { number account { name } } } }", {}),
        "node": (
            "query ($id: ID!) { node(id: $id) { ... on Account { name accountNumber } } }",
            {"id": personal.account_id},
        ),
        "coupling of a customer": (f"{{ customer({by_number}) {{ coupling {{ {coupling} }} }} }}", {}),
        "history": (f"{{ customer({by_number}) {{ coupling {{ dataverseKey history {{ dataverseKey }} }} }} }}", {}),
        "differences": (
            f"{{ customer({by_number}) {{ coupling {{ dataverseKey brokenSide differences {{ field dataverse }} }} }} }}",
            {},
        ),
        "couplings": (
            f'{{ couplings(mapping: CUSTOMER, keyStartsWith: "{NUMBER}") {{ nodes {{ {coupling} errorMessage }} }} }}',
            {},
        ),
        "coupling by id": (
            f"query ($id: ID!) {{ coupling(by: {{id: $id}}) {{ {coupling} }} }}",
            {"id": personal.coupling_id},
        ),
        "coupling as a node": (
            f"query ($id: ID!) {{ node(id: $id) {{ ... on Coupling {{ {coupling} }} }} }}",
            {"id": personal.coupling_id},
        ),
        "coupling by row": (
            f'{{ coupling(by: {{dataverse: {{mapping: CUSTOMER, id: "{personal.account}"}}}}) '
            "{ businessCentralKey dataverseKey customer { number } } }",
            {},
        ),
        "customer by account": (
            f'{{ customer(by: {{accountId: "{personal.account}"}}) {{ number account {{ name }} }} }}',
            {},
        ),
        "problems": (
            "{ synchronizationErrors(mapping: CUSTOMER, first: 200) { nodes { message hint records { id number name } "
            "coupling { dataverseKey dataverseName } } } }",
            {},
        ),
        "drift": (
            "{ drift(mapping: CUSTOMER, first: 200) { nodes { message records { id number name } } } }",
            {},
        ),
    }


SHOW_NO_NAME = {"problems", "drift", "differences"}
"""What does not speak of this account unless something is wrong with it."""


async def test_what_is_hidden_is_hidden_in_every_path(personal: Personal) -> None:
    for name, (query, variables) in questions(personal).items():
        full = await personal.ask(query, variables, person=ADMIN)
        assert full.data is not None, (name, full.body)
        assert name in SHOW_NO_NAME or leaks(personal, full), (name, full.body)

        answer = await personal.ask(query, variables)

        assert answer.data is not None, (name, answer.body)
        assert not leaks(personal, answer), (name, answer.body)


async def test_a_hidden_side_of_a_coupling_is_blank_and_the_other_is_told(personal: Personal) -> None:
    query = (
        f'{{ customer(by: {{number: "{NUMBER}"}}) {{ number account {{ name }} coupling {{ mapping businessCentralKey '
        "businessCentralName dataverseId dataverseKey dataverseName dataverseUrl brokenSide differences { field } } } }"
    )
    answer = await personal.ask(query)

    assert answer.errors == []
    customer = answer.data["customer"]
    name = customer["coupling"].pop("businessCentralName")
    assert name
    assert customer == {
        "number": NUMBER,
        "account": None,
        "coupling": {
            "mapping": "CUSTOMER",
            "businessCentralKey": NUMBER,
            "dataverseId": None,
            "dataverseKey": None,
            "dataverseName": None,
            "dataverseUrl": None,
            "brokenSide": None,
            "differences": None,
        },
    }


async def test_a_thousand_requests_of_two_callers_at_once_show_nothing_to_the_wrong_one(personal: Personal) -> None:
    asked = list(questions(personal).items())
    chance = random.Random(7)  # noqa: S311 - the same crowd each time
    places = asyncio.Semaphore(40)
    crowd = [(person, *chance.choice(asked)) for person in [ADMIN, SALES] * 500]
    chance.shuffle(crowd)

    async def one(person: Person, name: str, question: tuple[str, dict[str, Any]]) -> tuple[Person, str, Any]:
        async with places:
            return person, name, await personal.ask(*question, person=person)

    answers = await asyncio.gather(*(one(*each) for each in crowd))

    assert len(answers) == 1_000
    for person, name, answer in answers:
        assert answer.data is not None, (name, answer.body)
        if person is SALES:
            assert not leaks(personal, answer), (name, answer.body)
        elif name not in SHOW_NO_NAME:
            assert leaks(personal, answer), (name, answer.body)


async def test_what_one_caller_left_in_a_cache_is_not_there_for_the_other(personal: Personal) -> None:
    """Users are kept for minutes: each caller asks once, and the same caller is answered from the cache."""
    query = "{ systemUsers(first: 1) { nodes { email } } }"
    email = (await personal.ask(query, person=ADMIN)).data["systemUsers"]["nodes"][0]["email"]
    by_mail = "{ customers(first: 60) { nodes { salesperson { user { email } } } } }"
    assert email

    costs = []
    for person in (ADMIN, ADMIN, SALES, SALES):
        before = len(personal.api.dataverse.seen)
        assert (await personal.ask(by_mail, person=person)).data is not None
        costs.append(len(personal.api.dataverse.seen) - before)

    assert costs == [1, 0, 1, 0]


async def test_requests_of_the_same_caller_share_and_those_of_two_do_not(personal: Personal) -> None:
    query = f'{{ account(by: {{accountId: "{personal.account}"}}) {{ name }} }}'
    await asyncio.gather(personal.ask(query), personal.ask(query, person=ADMIN))  # tokens are there from now on
    personal.api.dataverse.seen.clear()

    await asyncio.gather(*(personal.ask(query, person=person) for person in [ADMIN, SALES] * 10))

    tokens = [request.headers["authorization"] for request in personal.api.dataverse.seen]
    assert len(tokens) < 20
    assert len(set(tokens)) >= 2


async def test_when_crm_fails_nothing_remembered_of_it_is_told(personal: Personal) -> None:
    personal.api.dataverse.instead = lambda _: httpx.Response(503)
    for name, (query, variables) in questions(personal).items():
        for person in (ADMIN, SALES):
            answer = await personal.ask(query, variables, person=person)
            assert not leaks(personal, answer), (name, answer.body)
            assert answer.codes, (name, answer.body)


async def test_an_application_is_nobody_to_act_for_and_reads_what_needs_no_person(
    unused_files: Path, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        api = await opened(unused_files, tmp_path, stack, roles_from=RolesFrom.DATAVERSE)
        token = api.sandbox.identity.issue(GATEWAY, GATEWAY_RESOURCE)
        query = f'{{ customer(by: {{number: "{NUMBER}"}}) {{ number account {{ name }} }} }}'

        response = await api.http.post("/graphql", json={"query": query}, headers={"Authorization": f"Bearer {token}"})

    body = response.json()
    assert body["data"] == {"customer": {"number": NUMBER, "account": None}}
    (error,) = body["errors"]
    assert error["extensions"]["code"] == "ON_BEHALF_OF_REFUSED"
    assert error["extensions"]["backend"] == "DATAVERSE"
    assert "person who signed in" in error["extensions"]["hint"]


async def test_a_refusal_of_entra_is_told_at_the_fields_of_that_system(personal: Personal) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(400, json={"error": "interaction_required", "claims": '{"access_token":{}}'})

    def answer(request: httpx.Request) -> httpx.Response | Awaitable[httpx.Response]:
        acts = b"on_behalf_of" in request.content
        return refuse(request) if acts else personal.api.identity.inner.handle_async_request(request)

    personal.api.identity.instead = answer
    found = await personal.ask(f'{{ customer(by: {{number: "{NUMBER}"}}) {{ number account {{ name }} }} }}')

    assert found.data == {"customer": {"number": NUMBER, "account": None}}
    (error,) = found.errors
    assert error["extensions"] == {
        "code": "ON_BEHALF_OF_REFUSED",
        "backend": "DATAVERSE",
        "branch": "customer.account",
        "vendorCode": "interaction_required",
        "hint": "Sign in again, with `claims` if there are any: Entra ID wants more proof than your token has.",
        "claims": '{"access_token":{}}',
    }
    assert await personal.ask("{ viewer { name } }")
