"""On behalf of callers, who may not see an account changes nothing of it and is told nothing of it; who may acts themselves."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from anyio.lowlevel import checkpoint

from gateway.couplings.coupling import Coupling, Mapping
from gateway.couplings.store import CouplingFilter
from gateway.runs.run_work import job_of
from gateway.sandbox.identity.people import ADMIN, SALES
from gateway.sandbox.identity.registrations import GATEWAY
from schema.ids import GlobalId
from tests.graphql.foretelling import EVERYTHING
from tests.graphql.foretelling import JOB as FORETOLD
from tests.graphql.live import signed_in
from tests.graphql.pairs import COUPLE, UNCOUPLE
from tests.graphql.personal import NAME, NUMBER, Personal, leaks
from tests.graphql.problems import RESOLVE, RETRY
from tests.graphql.runs import JOB, PLAN, RECORDS, Runs

pytestmark = pytest.mark.anyio

CLERK = replace(SALES, roles=ADMIN.roles)
"""An administrator of the integration who sees no more of CRM than a salesperson."""

_REFUSED = "... on UserError { code message hint field records { system id kind number name } }"
RESTORE = f"mutation ($id: ID!) {{ restoreRecord(input: {{couplingId: $id}}) {{ __typename {_REFUSED} }} }}"
STATISTICS = """mutation ($number: String!) { updateAccountStatistics(input: {customers: [{number: $number}]}) {
    ... on UpdateAccountStatisticsSuccess { results { number crmId outcome code message } } } }"""


def mutations(personal: Personal, free: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Everything that would change the hidden account or its coupling; ``free`` is an account that everybody sees."""
    id, customer = personal.coupling_id, {"mapping": "CUSTOMER", "businessCentral": {"number": NUMBER}}
    choice = {"field": "phoneNumber", "use": "BUSINESS_CENTRAL"}
    return {
        "couple": (COUPLE, {"input": customer | {"dataverse": {"id": free}}}),
        "move": (COUPLE, {"input": customer | {"dataverse": {"id": free}, "move": True}}),
        "create": (COUPLE, {"input": customer | {"dataverse": {"create": True}}}),
        "couple by its key": (COUPLE, {"input": customer | {"dataverse": {"name": "Somebody"}}}),
        "uncouple": (UNCOUPLE, {"input": {"couplingId": id}}),
        "synchronize": (RECORDS, {"input": {"couplingIds": [id], "way": "SEND"}}),
        "synchronize the other way": (RECORDS, {"input": {"couplingIds": [id], "way": "GET"}}),
        "restore": (RESTORE, {"id": id}),
        "resolve": (RESOLVE, {"input": {"couplingId": id, "conflictToken": "none", "fields": [choice]}}),
    }


REFUSED = {"RECORD_NOT_VISIBLE", "RECORD_NOT_FOUND"}


def refusal(answer: Any) -> str | None:
    """The code, in the answer's type or as an error."""
    for told in (answer.data or {}).values():
        if told is not None and told.get("__typename") == "UserError":
            return str(told["code"])
    return answer.codes[0] if answer.codes else None


def writers(personal: Personal) -> set[str]:
    """Who wrote to CRM, by object id: each token is looked into."""
    verify = personal.api.sandbox.identity.verify
    audience = personal.api.sandbox.addresses.dataverse
    return {
        str(verify(each.headers["authorization"].removeprefix("Bearer "), audience=audience)["oid"])
        for each in personal.api.dataverse.seen
        if each.method in ("PATCH", "DELETE") or (each.method == "POST" and _writes(each.content))
    }


def _writes(batch: bytes) -> bool:
    return any(line.startswith((b"PATCH ", b"POST ", b"DELETE ")) for line in batch.splitlines())


async def free_account(personal: Personal) -> str:
    accounts = await personal.ask("{ accounts(first: 100) { nodes { accountId coupling { id } } } }")
    return next(str(each["accountId"]) for each in accounts.data["accounts"]["nodes"] if each["coupling"] is None)


async def test_who_may_not_see_an_account_changes_nothing_of_it(personal: Personal) -> None:
    runs = Runs(personal.api)
    asked = mutations(personal, await free_account(personal))
    before = (await runs.all(), await personal.api.in_dataverse("GET", f"accounts({personal.account})"))
    personal.api.dataverse.seen.clear()

    for name, (query, variables) in asked.items():
        answer = await personal.ask(query, variables)

        assert refusal(answer) in REFUSED, (name, answer.body)
        assert not leaks(personal, answer), (name, answer.body)

    assert writers(personal) == set()
    assert (await runs.all(), await personal.api.in_dataverse("GET", f"accounts({personal.account})")) == before


async def test_what_an_administrator_may_not_see_in_crm_is_not_retried_by_them(personal: Personal) -> None:
    personal.api.dataverse.seen.clear()

    answer = await personal.ask(RETRY, {"input": {"couplingIds": [personal.coupling_id]}}, person=CLERK)

    assert (refusal(answer), leaks(personal, answer)) == ("RECORD_NOT_VISIBLE", [])
    assert writers(personal) == set()


async def test_a_plan_for_a_hidden_record_tells_nothing_of_it(personal: Personal) -> None:
    answer = await personal.ask(PLAN, {"ids": [personal.coupling_id]})

    assert (answer.errors, leaks(personal, answer)) == ([], [])
    (step,) = answer.data["synchronizationPlan"]
    assert (step["action"], step["code"]) == ("FAIL", "RECORD_NOT_VISIBLE")
    assert NUMBER in step["message"], "the side that they see is named"


async def test_figures_are_not_written_to_an_account_that_the_caller_may_not_see(personal: Personal) -> None:
    personal.api.dataverse.seen.clear()
    answer = await personal.ask(STATISTICS, {"number": NUMBER})

    (result,) = answer.data["updateAccountStatistics"]["results"]
    assert (result["outcome"], result["crmId"], leaks(personal, answer)) == ("NOT_COUPLED", None, [])
    assert writers(personal) == set()


async def test_what_crm_holds_of_the_figures_is_hidden_with_the_account(personal: Personal) -> None:
    query = (
        f'{{ customer(by: {{number: "{NUMBER}"}}) {{ statistics {{ balance {{ amount }} crm {{ modifiedAt }} }} }} }}'
    )
    seen = (await personal.ask(query, person=ADMIN)).data["customer"]["statistics"]
    hidden = (await personal.ask(query)).data["customer"]["statistics"]
    assert seen["crm"] is not None
    assert hidden == seen | {"crm": None}


async def test_who_may_see_it_writes_with_their_own_rights(personal: Personal) -> None:
    """Asked for as that person, and noted as theirs."""
    who = {str(each["azureactivedirectoryobjectid"]): each["systemuserid"] for each in await users(personal)}
    account, customer = f"accounts({personal.account})", f"customers({await bc_id(personal)})"
    await personal.api.in_business_central("PATCH", customer, {"displayName": "Another Name"})
    couple = {"mapping": "CUSTOMER", "businessCentral": {"number": NUMBER}, "dataverse": {"id": personal.account}}
    for name, query, variables in (
        ("statistics", STATISTICS, {"number": NUMBER}),
        ("uncouple", UNCOUPLE, {"input": {"couplingId": personal.coupling_id}}),
        ("couple", COUPLE, {"input": couple | {"synchronize": "USE_BUSINESS_CENTRAL_DATA"}}),
    ):
        personal.api.dataverse.seen.clear()
        answer = await personal.ask(query, variables, person=ADMIN)
        assert refusal(answer) is None, (name, answer.body)
        assert writers(personal) == {ADMIN.object_id}, (name, answer.body)
    row = await personal.api.in_dataverse("GET", account)
    assert row["_modifiedby_value"] == who[ADMIN.object_id]


async def users(personal: Personal) -> Any:
    select = "systemusers?$select=systemuserid,azureactivedirectoryobjectid"
    return (await personal.api.in_dataverse("GET", select))["value"]


async def test_runs_are_begun_with_the_rights_of_callers_and_carried_out_by_the_application(personal: Personal) -> None:
    await personal.api.in_business_central(
        "PATCH", f"customers({await bc_id(personal)})", {"phoneNumber": "+31 10 555 0999"}
    )
    personal.api.dataverse.seen.clear()

    answer = await personal.ask(
        RECORDS, {"input": {"couplingIds": [personal.coupling_id], "way": "SEND"}}, person=ADMIN
    )
    ended = await Runs(personal.api).ended(answer.data["synchronizeRecords"]["job"]["id"])

    assert ended["counters"]["modified"] == 1, ended
    assert writers(personal) == {GATEWAY.object_id}
    stored = await Runs(personal.api).of(Mapping.CUSTOMER, await bc_id(personal))
    assert stored is not None
    assert (stored.written_to_crm or {})["by"] == ADMIN.display_name


async def failed(personal: Personal) -> str:
    """A run of the application that could not synchronize the hidden account, and put it on the skip list."""
    runs = Runs(personal.api)
    await personal.api.in_business_central("PATCH", f"customers({await bc_id(personal)})", {"phoneNumber": "1"})
    await personal.api.in_dataverse("PATCH", f"accounts({personal.account})", {"telephone1": "2"})
    given = {"couplingIds": [personal.coupling_id]}
    answer = await personal.ask(RECORDS, {"input": given}, person=ADMIN)
    id: str = (await runs.ended(answer.data["synchronizeRecords"]["job"]["id"]))["id"]
    stored = await runs.of(Mapping.CUSTOMER, await bc_id(personal))
    assert stored is not None
    assert stored.error_message
    assert NAME in stored.error_message, "which names the account"
    await runs.books.changes.update_each([replace(stored, skipped=True)])
    return id


LOG = f"query ($id: ID!) {{ synchronizationJob(id: $id) {{ {JOB} }} }}"
SKIPPED = """{ drift(mapping: CUSTOMER, first: 200, kinds: [SKIPPED]) {
    nodes { message hint records { id number name } coupling { id errorMessage } } } }"""
HISTORY = """query ($id: UUID!) { couplingHistory(mapping: CUSTOMER, businessCentral: $id) {
    event dataverseId dataverseKey previousDataverseId } }"""


async def test_what_went_wrong_with_a_hidden_record_is_told_without_it(personal: Personal) -> None:
    id = await failed(personal)
    both = SKIPPED.replace("[SKIPPED]", "[SKIPPED, BROKEN_DATAVERSE]")
    asked: dict[str, tuple[str, dict[str, Any]]] = {
        "job log": (LOG, {"id": id}),
        "drift, records not looked at": (SKIPPED, {}),
        "drift": (both, {}),
    }
    for name, (query, variables) in asked.items():
        full = await personal.ask(query, variables, person=ADMIN)
        answer = await personal.ask(query, variables, person=CLERK)

        assert name.endswith("not looked at") or leaks(personal, full), (name, full.body)
        assert answer.errors == [], (name, answer.body)
        assert not leaks(personal, answer), (name, answer.body)
    drift = (await personal.ask(both)).data["drift"]["nodes"]
    skipped = [each for each in drift if any(named["number"] == NUMBER for named in each["records"])]
    assert skipped, "that it is skipped is told"


async def test_the_history_of_a_record_leaves_hidden_partners_out(personal: Personal) -> None:
    record = {"id": await bc_id(personal)}
    await personal.ask(UNCOUPLE, {"input": {"couplingId": personal.coupling_id}}, person=ADMIN)
    full = await personal.ask(HISTORY, record, person=ADMIN)
    assert leaks(personal, full)
    assert (await personal.ask(HISTORY, record, person=CLERK)).data == {"couplingHistory": []}


WATCHED = f"subscription ($id: ID!) {{ synchronizationJob(id: $id) {{ {JOB} }} }}"
RUNS = f"subscription {{ synchronizationJobs {{ {JOB} }} }}"
CHANGED = """subscription { couplingChanged(mapping: CUSTOMER) { coupled moved uncoupled
    newest { event businessCentralKey businessCentralId dataverseKey dataverseId previousDataverseId } } }"""


async def test_a_run_that_is_watched_names_no_hidden_record(personal: Personal) -> None:
    id = await failed(personal)
    for person in (ADMIN, SALES):
        async with signed_in(personal.api, person) as socket:
            socket.subscribe(WATCHED, {"id": id})
            (seen,) = await socket.answers()
        assert seen["data"]["synchronizationJob"]["errors"]["totalCount"] == 1, seen
        assert told_in(personal, seen) is (person is ADMIN), seen


async def test_runs_that_are_watched_name_no_hidden_record(personal: Personal) -> None:
    following = personal.api.app.state.running.services.run_following
    async with signed_in(personal.api, SALES) as socket:
        socket.subscribe(RUNS)
        while following.followers == 0:
            await checkpoint()
        await failed(personal)
        seen: dict[str, Any] = {"status": None}
        while seen["status"] != "SUCCEEDED":
            message = await socket.message()
            assert not told_in(personal, message), message
            seen = message["payload"]["data"]["synchronizationJobs"]
    assert seen["counters"]["failed"] == 1


async def test_couplings_that_are_watched_name_no_hidden_record(personal: Personal) -> None:
    watches = personal.api.app.state.running.services.coupling_watches
    async with signed_in(personal.api, CLERK) as clerk, signed_in(personal.api, ADMIN) as admin:
        for socket in (clerk, admin):
            socket.subscribe(CHANGED)
        while watches.watchers < 2:
            await checkpoint()
        await personal.ask(UNCOUPLE, {"input": {"couplingId": personal.coupling_id}}, person=ADMIN)
        hidden, seen = await clerk.message(), await admin.message()
    assert (told_in(personal, hidden), told_in(personal, seen)) == (False, True)
    assert hidden["payload"]["data"]["couplingChanged"] == {"coupled": 0, "moved": 0, "uncoupled": 1, "newest": None}


def told_in(personal: Personal, message: object) -> bool:
    return any(word in str(message) for word in personal.words)


async def bc_id(personal: Personal) -> str:
    query = f'{{ customer(by: {{number: "{NUMBER}"}}) {{ systemId }} }}'
    return str((await personal.ask(query)).data["customer"]["systemId"])


async def test_a_dry_run_that_is_looked_at_tells_nothing_of_a_hidden_record(personal: Personal) -> None:
    """It found out as the application, which sees all."""
    await personal.api.in_dataverse("PATCH", f"accounts({personal.account})", {"telephone1": "+31 10 555 0777"})
    answer = await personal.ask(EVERYTHING, {"input": {"mapping": "CUSTOMER", "dryRun": True}}, person=ADMIN)
    (job,) = answer.data["startFullSynchronization"]["jobs"]
    runs = Runs(personal.api)
    await runs.jobs.jobs.wait(job_of(UUID(job["id"])))

    plans = {}
    for person in (ADMIN, CLERK):
        answer = await personal.ask(FORETOLD, {"id": job["id"]}, person=person)
        assert answer.errors == []
        assert bool(leaks(personal, answer)) is (person is ADMIN)
        nodes = answer.data["synchronizationJob"]["plan"]["nodes"]
        (plans[person.name],) = [each for each in nodes if any(one["number"] == NUMBER for one in each["records"])]
    seen, unseen = plans[ADMIN.name], plans[CLERK.name]
    assert (unseen["action"], unseen["reason"]) == (seen["action"], seen["reason"])
    assert [each["system"] for each in unseen["records"]] == ["BUSINESS_CENTRAL"]
    assert seen["differences"] or seen["conflicts"]
    assert (unseen["differences"], unseen["conflicts"]) == ([], [])


async def test_a_plan_for_a_deleted_record_that_was_hidden_tells_nothing_of_it(personal: Personal) -> None:
    await personal.api.in_dataverse("DELETE", f"accounts({personal.account})")
    answer = await personal.ask(PLAN, {"ids": [personal.coupling_id]})
    (step,) = answer.data["synchronizationPlan"]
    assert (step["action"], step["code"], leaks(personal, answer)) == ("FAIL", "DELETION_CONFLICT", [])
    assert [each["number"] for each in step["records"]] == [NUMBER]


async def test_a_dry_run_that_is_looked_at_tells_nothing_of_what_look_ups_lead_to(personal: Personal) -> None:
    """An opportunity that the clerk sees, of a contact that the clerk does not."""
    runs, crm = Runs(personal.api), personal.api.in_dataverse
    below = f"contacts?$filter=_parentcustomerid_value eq {personal.account}&$select=contactid"
    contact = (await crm("GET", below))["value"][0]["contactid"]
    await crm("PATCH", f"contacts({contact})", {"firstname": "Secret", "lastname": "Person"})
    (coupled,) = [each for each in await couplings_of(runs, Mapping.CONTACT) if str(each.crm_id) == contact]
    await runs.uncouple(str(GlobalId("Coupling", coupled.company_id, coupled.id)))
    seen = (await personal.ask("{ opportunities(first: 50) { nodes { opportunityId } } }")).data["opportunities"][
        "nodes"
    ]
    ids = {each["opportunityId"] for each in seen}
    offer = next(each for each in await couplings_of(runs, Mapping.OPPORTUNITY) if str(each.crm_id) in ids)
    await crm("PATCH", f"opportunities({offer.crm_id})", {"parentcontactid@odata.bind": f"/contacts({contact})"})
    asked = {"input": {"mapping": "OPPORTUNITY", "way": "SEND", "dryRun": True}}
    answer = await personal.ask(EVERYTHING, asked, person=ADMIN)
    (job,) = answer.data["startFullSynchronization"]["jobs"]
    await runs.jobs.jobs.wait(job_of(UUID(job["id"])))
    kept = await runs.jobs.runs.plans.page(UUID(job["id"]), actions=None, after=0, limit=1_000)
    assert "Secret Person" in str([each.step for each in kept if each.step.coupling_id == offer.id])
    answer = await personal.ask(FORETOLD, {"id": job["id"]}, person=CLERK)
    nodes = answer.data["synchronizationJob"]["plan"]["nodes"]
    own = str(GlobalId("Coupling", offer.company_id, offer.id))
    (told,) = [each for each in nodes if each["couplingId"] == own]
    assert "Secret Person" not in str(told)
    assert told["toDataverse"] == ["contactNumber"]


async def couplings_of(runs: Runs, mapping: Mapping) -> list[Coupling]:
    of = CouplingFilter(mapping=mapping, company_id=runs.company)
    return await runs.books.couplings.page(of, after=None, limit=1_000)
