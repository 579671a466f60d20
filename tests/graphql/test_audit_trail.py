"""The audit trail: whoever asks for a mutation is written down before anything is done, and what came of it afterwards."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLList, GraphQLObjectType, is_required_argument
from graphql.type import get_nullable_type, is_required_input_field
from sqlalchemy import event
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.config import ActsAs
from gateway.sandbox.app import Sandbox, open_sandbox
from gateway.sandbox.company import story
from gateway.sandbox.identity.people import ADMIN, GATEWAY_RESOURCE, NOBODY, SALES, WIDGET, Person
from schema.root import build_schema
from tests.databases import DATABASES, postgresql
from tests.graphql.api import Api, start
from tests.graphql.pairs import Pairs

pytestmark = pytest.mark.anyio

TRAIL = """query($filter: AuditTrailFilter, $first: Int! = 50, $after: String) {
  auditTrail(filter: $filter, first: $first, after: $after) {
    nodes {
      number mutation objectId name roles isApplication correlationId input outcome payload codes at endedAt
      where { address userAgent origin transport }
      changes { kind event what before after } changesLeftOut
    }
    pageInfo { hasNextPage endCursor }
  }
}"""
SCHEDULE = """mutation($minutes: Int) {
  updateSchedule(input: {task: SYNCHRONIZE, mapping: CUSTOMER, everyMinutes: $minutes}) { __typename }
}"""
MUTATION = build_schema()._schema.type_map["Mutation"]
assert isinstance(MUTATION, GraphQLObjectType)
FIELDS = MUTATION.fields


async def entries(api: Api, person: Person = ADMIN, **filter: Any) -> list[Any]:
    """The trail as an administrator reads it, without asking either system."""
    answer = await api.ask(TRAIL, {"filter": filter}, person=person)
    assert answer.errors == []
    assert answer.cost == (0, 0)
    nodes: list[Any] = answer.data["auditTrail"]["nodes"]
    return nodes


def some(kind: Any) -> Any:
    """The least that a required input takes."""
    kind = get_nullable_type(kind)
    if isinstance(kind, GraphQLList):
        return [some(kind.of_type)]
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        needed = {name: some(each.type) for name, each in kind.fields.items() if is_required_input_field(each)}
        if needed:
            return needed
        name, first = next(iter(kind.fields.items()))
        return {name: some(first.type)}
    return {"UUID": str(uuid4()), "Int": 1, "Boolean": True, "DateTime": "2026-11-16T08:00:00Z"}.get(kind.name, "x")


@pytest.mark.parametrize("name", sorted(FIELDS))
async def test_each_mutation_of_the_schema_is_written_down_also_when_it_is_refused(api: Api, name: str) -> None:
    field = FIELDS[name]
    needed = {each: argument for each, argument in field.args.items() if is_required_argument(argument)}
    declared = ", ".join(f"${each}: {argument.type}" for each, argument in needed.items())
    passed = ", ".join(f"{each}: ${each}" for each in needed)
    given = {each: some(argument.type) for each, argument in needed.items()}
    document = f"mutation({declared}) {{ {name}({passed}) {{ __typename }} }}"

    refused = await api.ask(document, given, person=NOBODY)

    assert refused.codes == ["FORBIDDEN"], refused.errors
    entry, *_ = await entries(api, mutation=name)
    assert (entry["objectId"], entry["outcome"], entry["codes"]) == (NOBODY.object_id, "REFUSED", ["FORBIDDEN"])
    assert entry["endedAt"] is not None
    assert entry["changes"] == []


def test_mutations_are_executed_by_the_executor_that_writes_the_trail() -> None:
    """And the walk above would notice one that is not: Strawberry's own writes nothing."""
    executor = build_schema().execution_context_class
    assert executor.execute_fields_serially is not StrawberryGraphQLCoreExecutionContext.execute_fields_serially


async def test_who_from_where_what_before_and_after(own_api: Api) -> None:
    token = own_api.sandbox.identity.issue(ADMIN, GATEWAY_RESOURCE)
    headers = {
        "Authorization": f"Bearer {token}",
        "User-Agent": "a form of CRM",
        "Origin": "https://crm.example",
        "X-Correlation-Id": "of-a-test",
        "X-Forwarded-For": "198.51.100.7",
    }
    for minutes in (45, 60):
        asked = {"query": SCHEDULE, "variables": {"minutes": minutes}}
        assert (await own_api.http.post("/graphql", json=asked, headers=headers)).json().get("errors") is None

    last, first = await entries(own_api, mutation="updateSchedule")

    assert last["number"] > first["number"]
    assert (last["objectId"], last["name"], last["isApplication"]) == (ADMIN.object_id, ADMIN.display_name, False)
    assert last["roles"] == ["INTEGRATION_ADMINISTRATOR"]
    assert last["correlationId"] == "of-a-test"
    assert last["where"] == {
        "address": "127.0.0.1",  # nobody trusts what the header says
        "userAgent": "a form of CRM",
        "origin": "https://crm.example",
        "transport": "HTTP",
    }
    assert last["input"] == {"input": {"task": "SYNCHRONIZE", "mapping": "CUSTOMER", "everyMinutes": 60}}
    assert (last["outcome"], last["payload"], last["codes"]) == ("SUCCEEDED", "UpdateScheduleSuccess", [])
    (change,) = last["changes"]
    assert (change["kind"], change["event"]) == ("SCHEDULE", "CHANGED")
    assert change["before"] == {"everyMinutes": 45, "enabled": None}
    assert change["after"] == {"everyMinutes": 60, "enabled": None}


async def test_a_proxy_that_the_settings_trust_names_the_caller(sandbox: Sandbox, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
        trusted = (ip_network("127.0.0.0/8"), ip_network("10.1.0.0/16"))
        api = await start(sandbox, url, stack, trusted_proxies=trusted)
        token = sandbox.identity.issue(ADMIN, GATEWAY_RESOURCE)
        headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.9, 198.51.100.7, 10.1.2.3"}
        await api.http.post("/graphql", json={"query": SCHEDULE, "variables": {"minutes": 45}}, headers=headers)

        (entry,) = await entries(api)

    assert entry["where"]["address"] == "198.51.100.7", "what stands before it anybody may have written"


async def test_a_coupling_that_is_made_moved_and_ended_is_found_by_the_ids_of_its_records(own_api: Api) -> None:
    pairs = Pairs(own_api)
    harbour = await pairs.customer(story.HARBOUR)
    answer = await pairs.uncouple(harbour["coupling"]["id"], person=SALES)
    assert answer.errors == []

    (entry,) = await entries(own_api, record=harbour["systemId"])

    assert (entry["mutation"], entry["objectId"], entry["outcome"]) == ("uncoupleRecords", SALES.object_id, "SUCCEEDED")
    ended = next(
        each for each in entry["changes"] if each["kind"] == "COUPLING" and each["what"]["mapping"] == "CUSTOMER"
    )
    pair = {"businessCentralId": harbour["systemId"], "dataverseId": harbour["account"]["accountId"]}
    assert (ended["event"], ended["before"], ended["after"]) == ("UNCOUPLED", pair, None)
    blanked = [each for each in entry["changes"] if each["kind"] == "RECORD" and each["event"] == "UPDATED"]
    assert {"system": "DATAVERSE", "path": f"accounts({harbour['account']['accountId']})"} in [
        each["what"] for each in blanked
    ]
    assert [each["event"] for each in entry["changes"] if "nav_accountstatisticses" in str(each["what"])] == ["DELETED"]
    assert await entries(own_api, record=harbour["account"]["accountId"]) == [entry]
    assert await entries(own_api, record=str(uuid4())) == []


async def test_a_refusal_by_a_rule_is_no_success(own_api: Api) -> None:
    pairs = Pairs(own_api)
    answer = await pairs.couple(businessCentral={"number": "nobody"}, dataverse={"number": "nobody"})
    assert answer.data["coupleRecords"]["__typename"] == "UserError"

    (entry,) = await entries(own_api)

    assert (entry["outcome"], entry["payload"]) == ("REFUSED", "UserError")
    assert entry["codes"] == [answer.data["coupleRecords"]["code"]]
    assert entry["changes"] == []


async def test_a_failure_keeps_its_code(own_api: Api) -> None:
    harbour = await Pairs(own_api).customer(story.HARBOUR)
    own_api.dataverse.instead = lambda request: httpx.Response(403, json={"error": {"code": "0x8", "message": "no"}})
    answer = await Pairs(own_api).uncouple(harbour["coupling"]["id"])
    assert answer.codes == ["BACKEND_REFUSED"]

    (entry,) = await entries(own_api)

    assert (entry["outcome"], entry["payload"], entry["codes"]) == ("FAILED", None, ["BACKEND_REFUSED"])


async def test_a_file_is_kept_by_size_and_hash(own_api: Api) -> None:
    csv = "mapping,company\nonly,a header\n"
    mutation = "mutation($csv: String!) { importCouplings(input: {csv: $csv}) { __typename } }"
    await own_api.ask(mutation, {"csv": csv})

    (entry,) = await entries(own_api)

    assert entry["input"]["input"]["csv"] == {"bytes": len(csv), "sha256": sha256(csv.encode()).hexdigest()}


async def test_there_is_one_entry_for_each_mutation_of_a_document_in_their_order(own_api: Api) -> None:
    one = "updateSchedule(input: {task: SYNCHRONIZE, mapping: %s, everyMinutes: 45}) { __typename }"
    document = f"mutation {{ __typename a: {one % 'CUSTOMER'} b: {one % 'ITEM'} }}"
    answer = await own_api.ask(document)
    assert answer.errors == []
    assert list(answer.data) == ["__typename", "a", "b"]

    last, first = await entries(own_api)

    assert [each["input"]["input"]["mapping"] for each in (first, last)] == ["CUSTOMER", "ITEM"]
    assert first["correlationId"] == last["correlationId"]


async def test_queries_write_nothing_and_a_mutation_writes_two_small_transactions(own_api: Api) -> None:
    engine, written = own_api.app.state.running.engine, list[str]()
    noted = lambda *args: written.append(args[2]) if "audit_" in args[2] and "INSERT" in args[2] else None  # noqa: E731
    event.listen(engine.sync_engine, "before_cursor_execute", noted)
    await own_api.ask("{ customers(first: 1) { nodes { number } } }")
    assert written == []

    await own_api.ask(SCHEDULE, {"minutes": 45})

    assert [each.split()[2] for each in written] == ["audit_entries", "audit_endings"]


async def test_what_cannot_be_written_down_is_not_done(own_api: Api) -> None:
    engine = own_api.app.state.running.engine

    def breaks(*args: Any) -> None:
        if "audit_entries" in args[2]:
            raise OSError("the disk is full")

    event.listen(engine.sync_engine, "before_cursor_execute", breaks)
    refused = await own_api.ask(SCHEDULE, {"minutes": 45})
    event.remove(engine.sync_engine, "before_cursor_execute", breaks)

    assert refused.codes == ["DATABASE_UNAVAILABLE"]
    assert refused.errors[0]["message"].startswith("Nothing was done")
    assert refused.data == {"updateSchedule": None}
    assert await entries(own_api) == []
    schedules = await own_api.ask("{ synchronizationSchedules { changed } }")
    assert not any(each["changed"] for each in schedules.data["synchronizationSchedules"])


async def test_an_end_that_cannot_be_written_leaves_the_beginning(own_api: Api) -> None:
    """What was done stays done, so its answer is given; the trail shows that nobody wrote an end."""
    engine = own_api.app.state.running.engine

    def breaks(*args: Any) -> None:
        if "audit_endings" in args[2] and "INSERT" in args[2]:
            raise OSError("the disk is full")

    event.listen(engine.sync_engine, "before_cursor_execute", breaks)
    answer = await own_api.ask(SCHEDULE, {"minutes": 45})
    event.remove(engine.sync_engine, "before_cursor_execute", breaks)

    assert answer.errors == []
    (entry,) = await entries(own_api, outcome="NOT_ENDED")
    assert (entry["mutation"], entry["endedAt"], entry["changes"]) == ("updateSchedule", None, [])
    assert await entries(own_api, outcome="SUCCEEDED") == []


async def test_a_caller_who_goes_away_leaves_a_broken_off_entry(own_api: Api) -> None:
    harbour = await Pairs(own_api).customer(story.HARBOUR)
    own_api.dataverse.hold, asked = asyncio.Event(), len(own_api.dataverse.seen)
    task = asyncio.create_task(Pairs(own_api).uncouple(harbour["coupling"]["id"]))
    while len(own_api.dataverse.seen) == asked:  # noqa: ASYNC110 - until it waits for CRM
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    own_api.dataverse.hold.set()

    (entry,) = await entries(own_api)
    while entry["outcome"] == "NOT_ENDED":  # nobody waits for its end to be written
        (entry,) = await entries(own_api)

    assert (entry["mutation"], entry["outcome"]) == ("uncoupleRecords", "BROKEN_OFF")


async def test_only_administrators_read_the_trail(own_api: Api) -> None:
    for person in (SALES, WIDGET):
        assert (await own_api.ask(TRAIL, person=person)).codes == ["FORBIDDEN"]


@pytest.fixture(params=DATABASES)
async def fresh(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Api]:
    """A gateway over a database of the test's own."""
    async with AsyncExitStack() as stack:
        url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
        if request.param == "postgresql":
            url = stack.enter_context(postgresql())
        yield await start(sandbox, url, stack)


async def test_the_trail_is_read_in_pages_and_by_each_filter(fresh: Api) -> None:
    for minutes in (45, 46, 47):
        await fresh.ask(SCHEDULE, {"minutes": minutes})
    await fresh.ask(SCHEDULE, {"minutes": 48}, person=SALES)

    pages, after = list[list[int]](), None
    while True:
        answer = await fresh.ask(TRAIL, {"first": 3, "after": after})
        page = answer.data["auditTrail"]
        pages.append([each["input"]["input"]["everyMinutes"] for each in page["nodes"]])
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert pages == [[48, 47, 46], [45]]

    async def found(**filter: Any) -> list[int]:
        return [each["input"]["input"]["everyMinutes"] for each in await entries(fresh, **filter)]

    moment = (await entries(fresh))[1]
    assert await found(objectId=SALES.object_id) == [48]
    assert await found(outcome="REFUSED") == [48]
    assert await found(outcome="NOT_ENDED") == []
    assert await found(mutation="coupleRecords") == []
    assert await found(since=moment["at"]) == [48, 47]
    assert await found(until=moment["at"]) == [46, 45]
    assert await found(correlationId=moment["correlationId"]) == [47]


@pytest.mark.parametrize("cursor", ["", "x", "WyJhdWRpdCIsICI5OTk5OTk5OTk5OTk5OTk5OTk5OTkiXQ", "WyJhIiwgIjEiXQ"])
async def test_a_cursor_that_is_none_is_refused(api: Api, cursor: str) -> None:
    assert (await api.ask(TRAIL, {"after": cursor})).codes == ["INVALID_INPUT"]


async def test_text_that_no_database_can_hold_is_written_down_without_it(fresh: Api) -> None:
    """Half characters are refused with the body; a NUL gets as far as the input."""
    mutation = "mutation($id: ID!) { cancelSynchronization(id: $id) { __typename } }"
    await fresh.ask(mutation, {"id": "a\0b"})

    (entry,) = await entries(fresh)

    assert entry["input"] == {"id": "ab"}
    assert json.dumps(entry)


async def test_on_behalf_of_callers_the_trail_does_not_tell_of_records_that_others_changed(
    sandbox_files: Path, tmp_path: Path
) -> None:
    """Dataverse may hide them from this administrator."""
    shutil.copytree(sandbox_files, tmp_path / "sandbox")
    async with AsyncExitStack() as stack:
        own = open_sandbox("http://localhost", folder=tmp_path / "sandbox")
        stack.callback(own.close)
        url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
        api = await start(own, url, stack, dataverse_as=ActsAs.ON_BEHALF_OF)
        about = str(uuid4())
        mutation = "mutation($id: ID!) { cancelSynchronization(id: $id) { __typename } }"
        for person in (ADMIN, SALES):
            await api.ask(mutation, {"id": about}, person=person)

        others, mine = await entries(api)

        assert (others["objectId"], others["input"], others["changes"]) == (SALES.object_id, None, None)
        assert others["outcome"] == "REFUSED"
        assert (mine["objectId"], mine["input"], mine["changes"]) == (ADMIN.object_id, {"id": about}, [])
        assert await entries(api, record=about) == [mine]
        assert await entries(api, record=about, objectId=SALES.object_id) == []
