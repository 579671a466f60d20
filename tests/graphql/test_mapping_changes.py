"""Administrators change mappings: what is synchronized from then on, what is refused, and that nothing goes to and fro."""

import asyncio
from typing import Any

import httpx
import pytest

from gateway.couplings.coupling import Mapping
from gateway.records import Backend
from gateway.sandbox.identity.people import SALES
from tests.graphql.api import Api
from tests.graphql.runs import MODIFIED, Runs
from tests.graphql.test_synchronize import NOTHING, OTHER, QUIET

pytestmark = pytest.mark.anyio

MAPPING = """
mutation ($input: UpdateTableMappingInput!) {
  updateTableMapping(input: $input) {
    __typename
    ... on UpdateTableMappingSuccess {
      tableMapping {
        enabled direction changed conditions { system text broken added }
        fields { field enabled direction changed constant }
      }
    }
    ... on UserError { code message field hint }
  }
}
"""
FIELD = """
mutation ($input: UpdateFieldMappingInput!) {
  updateFieldMapping(input: $input) {
    __typename
    ... on UpdateFieldMappingSuccess {
      fieldMapping {
        field kind enabled direction constant notNull clearOnFailed updateConflict changed own
        toDataverse { kind find text start length table { find text } others } toBusinessCentral { kind }
      }
      tableMapping { changed }
    }
    ... on UserError { code message field }
  }
}
"""
UPPER = [{"kind": "UPPERCASE"}]


@pytest.fixture
def runs(settled_api: Api) -> Runs:
    return Runs(settled_api)


async def mapping(runs: Runs, name: str = "CUSTOMER", *, cost: int | None = 0, **given: Any) -> Any:
    """``cost``: how often the systems are asked; None while a run asks them, too."""
    answer = await runs.api.ask(MAPPING, {"input": {"mapping": name, **given}}, explain=cost is not None)
    assert answer.errors == []
    assert cost is None or answer.cost[0] == cost, "the systems are asked about filters only"
    found = answer.data["updateTableMapping"]
    return found.get("tableMapping", found)


async def field(runs: Runs, name: str, *, of: str = "CUSTOMER", **given: Any) -> Any:
    answer = await runs.api.ask(FIELD, {"input": {"mapping": of, "field": name, **given}})
    assert answer.errors == []
    assert answer.cost[0] == 0
    found = answer.data["updateFieldMapping"]
    return found.get("fieldMapping", found)


async def in_bc(runs: Runs, number: str, body: Any) -> None:
    bc, _ = await runs.both(number)
    await runs.api.in_business_central("PATCH", bc, body)


async def in_crm(runs: Runs, number: str, body: Any) -> None:
    _, crm = await runs.both(number)
    await runs.api.in_dataverse("PATCH", crm, body)


async def held(runs: Runs, number: str, bc: str, crm: str) -> tuple[Any, Any]:
    """What both hold in these columns."""
    record, row = await runs.both(number)
    return (
        (await runs.api.in_business_central("GET", record))[bc],
        (await runs.api.in_dataverse("GET", row))[crm],
    )


async def differing(runs: Runs, number: str) -> set[str]:
    """The enabled fields in which a customer and its account differ."""
    answer = await runs.api.ask(
        """query ($number: String!) { customer(by: {number: $number}) {
        coupling { differences { field enabled } } } }""",
        {"number": number},
    )
    assert answer.errors == []
    return {each["field"] for each in answer.data["customer"]["coupling"]["differences"] if each["enabled"]}


async def test_a_mapping_that_is_switched_off(runs: Runs) -> None:
    coupling = await runs.id_of(QUIET)
    assert (await mapping(runs, enabled=False))["enabled"] is False
    answer = await runs.api.ask(MODIFIED, {"input": {"mapping": "CUSTOMER"}}, explain=False)
    refused = answer.data["synchronizeModified"]
    assert (refused["code"], refused["field"]) == ("MAPPING_DISABLED", "mapping")
    assert "enabled: true" in refused["hint"]
    assert (await runs.records(coupling)).data["synchronizeRecords"]["code"] == "MAPPING_DISABLED"
    waiting = await runs.jobs.modified(Mapping.CUSTOMER, runs.company, "a schedule")
    ended = await runs.ended(str(waiting.id))
    assert (ended["status"], ended["code"]) == ("FAILED", "MAPPING_DISABLED"), "also what waited already"
    await in_bc(runs, QUIET, {"city": "Delft"})
    found = await mapping(runs, enabled=True)
    assert (found["enabled"], found["changed"]) == (True, False)
    assert (await runs.modified())["counters"] == NOTHING | {"modified": 1}, "what changed meanwhile is taken up"


async def test_a_mapping_that_goes_one_way_only(runs: Runs) -> None:
    found = await mapping(runs, direction="TO_INTEGRATION_TABLE")
    assert {each["direction"] for each in found["fields"]} == {"TO_INTEGRATION_TABLE"}
    await in_crm(runs, QUIET, {"telephone1": "+31 10 555 0999"})
    await in_bc(runs, OTHER, {"city": "Delft"})
    job = await runs.modified()
    assert (job["toBusinessCentral"]["modified"], job["toDataverse"]["modified"]) == (0, 2), (
        "and the demo's own conflict, which is none any more"
    )
    assert (await runs.phones(QUIET))[0] != "+31 10 555 0999"
    answer = await runs.records(await runs.id_of(QUIET), way="GET")
    assert answer.data["synchronizeRecords"]["code"] == "DIRECTION_NOT_ALLOWED"
    found = await mapping(runs, direction="BIDIRECTIONAL")
    assert found["changed"] is False
    await runs.modified()
    assert await runs.phones(QUIET) == ("+31 10 555 0999", "+31 10 555 0999"), "no edit was lost"


async def test_a_direction_that_nobody_can_go(runs: Runs) -> None:
    found = await mapping(runs, "CURRENCY", direction="BIDIRECTIONAL")
    assert (found["code"], found["field"]) == ("INVALID_INPUT", "direction")
    assert "CURRENCY" in found["message"]
    found = await mapping(runs, "CURRENCY", direction="TO_INTEGRATION_TABLE")
    assert found["changed"] is False, "as it is shipped"


async def test_a_filter_takes_records_in_and_leaves_others_out(runs: Runs) -> None:
    condition = {"column": "city", "operator": "NOT_EQUALS", "values": ["O'Delft"]}
    found = await mapping(runs, businessCentralFilter={"conditions": [condition]}, cost=1)
    added = [each for each in found["conditions"] if each["added"]]
    assert [(each["system"], each["text"]) for each in added] == [("BUSINESS_CENTRAL", "city ne 'O''Delft'")]
    assert len(found["conditions"]) > 1, "besides the shipped ones"
    await in_bc(runs, QUIET, {"city": "O'Delft", "phoneNumber": "+31 10 555 0111"})
    await runs.modified()
    assert (await runs.phones(QUIET))[1] != "+31 10 555 0111"
    (step,) = await runs.plan(await runs.id_of(QUIET))
    assert (step["action"], step["reason"]) == ("SKIP", "OUTSIDE_FILTER")
    refused = await runs.refused(businessCentral={"number": QUIET}, dataverse={"number": QUIET})
    assert refused["code"] == "RECORD_OUTSIDE_FILTER", "it counts for coupling, too"
    assert "city not equals O'Delft" in refused["message"]
    assert (await mapping(runs, businessCentralFilter={}))["changed"] is False
    await runs.modified()
    assert await runs.phones(QUIET) == ("+31 10 555 0111", "+31 10 555 0111"), "it entered the filter without a change"
    assert (await runs.modified())["counters"] == NOTHING


async def test_a_filter_instead_of_the_shipped_one(runs: Runs) -> None:
    """Blocked customers are synchronized, too; the filter also counts when records are coupled and compared."""
    await in_bc(runs, QUIET, {"blocked": "Ship", "phoneNumber": "+31 10 555 0111"})
    await runs.modified()
    assert (await runs.phones(QUIET))[1] != "+31 10 555 0111"
    blocked = {"column": "blocked", "operator": "ONE_OF", "values": [" ", "Ship"]}
    await mapping(runs, businessCentralFilter={"conditions": [blocked], "instead": True}, cost=1)
    await runs.modified()
    assert (await runs.phones(QUIET))[1] == "+31 10 555 0111"
    either = {"column": "statecode", "operator": "ONE_OF", "values": ["0", "1"], "type": "NUMBER"}
    typed = [
        {"column": "customertypecode", "operator": "EQUALS", "values": ["3"], "type": "NUMBER"},
        {"column": "createdon", "operator": "AT_LEAST", "values": ["2000-01-31"], "type": "DATE"},
        {"column": "donotphone", "operator": "NOT_EQUALS", "values": ["true"], "type": "BOOLEAN"},
        {"column": "_transactioncurrencyid_value", "operator": "NOT_BLANK"},
        {"column": "name", "operator": "CONTAINS", "values": ["%"]},
    ]
    await mapping(runs, dataverseFilter={"conditions": [either, *typed], "instead": True}, cost=1)
    await mapping(runs, dataverseFilter={"conditions": [either, *typed[:-1]], "instead": True}, cost=1)
    await in_crm(runs, QUIET, {"statecode": 1, "statuscode": 2})
    await in_bc(runs, QUIET, {"phoneNumber": "+31 10 555 0112"})
    await runs.modified()
    assert (await runs.phones(QUIET))[1] == "+31 10 555 0112", "inactive accounts, too"
    drift = await runs.api.ask(
        "{ drift(mapping: CUSTOMER, kinds: [OUT_OF_FILTER]) { nodes { kind message records { number } } } }"
    )
    assert drift.errors == []
    assert QUIET not in str(drift.data)


async def test_a_filter_that_is_changed_during_a_run(runs: Runs) -> None:
    """What that run looked at with the old filter is looked at again."""
    dataverse, arrived, go_on = runs.api.dataverse, asyncio.Event(), asyncio.Event()

    async def hold(request: httpx.Request) -> httpx.Response:
        arrived.set()
        await go_on.wait()
        return await dataverse.inner.handle_async_request(request)

    dataverse.instead = hold
    run = await runs.jobs.modified(Mapping.CUSTOMER, runs.company, "a schedule")
    await arrived.wait()
    condition = {"column": "city", "operator": "NOT_BLANK"}
    await mapping(runs, businessCentralFilter={"conditions": [condition]}, cost=None)
    go_on.set()
    dataverse.instead = None
    assert (await runs.ended(str(run.id)))["status"] == "SUCCEEDED"
    assert await runs.jobs.runs.places(Mapping.CUSTOMER, runs.company) == {}
    await runs.modified()
    assert set(await runs.jobs.runs.places(Mapping.CUSTOMER, runs.company)) == set(Backend)


CANNOT_BE_FILTERED: list[tuple[str, Any, str]] = [
    ("businessCentralFilter", {"column": "colour", "operator": "EQUALS", "values": ["red"]}, "colour"),
    ("dataverseFilter", {"column": "new_nothing", "operator": "NOT_BLANK"}, "new_nothing"),
    ("dataverseFilter", {"column": "a b", "operator": "BLANK"}, "name of a column"),
    ("businessCentralFilter", {"column": "city", "operator": "EQUALS", "values": ["a", "b"]}, "ONE_OF"),
    (
        "businessCentralFilter",
        {"column": "creditLimit", "operator": "AT_LEAST", "type": "NUMBER", "values": ["x"]},
        "'x'",
    ),
]


async def test_a_filter_that_cannot_be(api: Api) -> None:
    """A system says itself which columns it has; what cannot be right is not even asked."""
    for side, condition, said in CANNOT_BE_FILTERED:
        answer = await api.ask(MAPPING, {"input": {"mapping": "CUSTOMER", side: {"conditions": [condition]}}})
        assert answer.errors == []
        found = answer.data["updateTableMapping"]
        assert (found["code"], found["field"]) == ("INVALID_INPUT", side)
        assert said in found["message"]
    shown = await api.ask("{ tableMappings { mapping changed } }")
    assert not any(each["changed"] for each in shown.data["tableMappings"])


async def test_a_field_is_switched_on_and_off(runs: Runs) -> None:
    assert (await field(runs, "city", enabled=False))["enabled"] is False
    number = await field(runs, "number", enabled=True)
    assert (number["enabled"], number["changed"]) == (True, True)
    await in_crm(runs, QUIET, {"accountnumber": "SOMETHING"})
    await in_bc(runs, QUIET, {"city": "Delft", "phoneNumber": "+31 10 555 0111"})
    job = await runs.modified()
    assert job["counters"]["failed"] == 0
    assert (await held(runs, QUIET, "number", "accountnumber")) == (QUIET, QUIET)
    bc, crm = await held(runs, QUIET, "city", "address1_city")
    assert bc == "Delft" != crm
    assert (await field(runs, "city", reset=True))["changed"] is False
    await in_bc(runs, QUIET, {"phoneNumber": "+31 10 555 0112"})
    await runs.modified()
    assert await held(runs, QUIET, "city", "address1_city") == ("Delft", "Delft"), "the city changed since both agreed"


async def test_a_field_of_one_direction(runs: Runs) -> None:
    assert (await field(runs, "phoneNumber", direction="FROM_INTEGRATION_TABLE"))[
        "direction"
    ] == "FROM_INTEGRATION_TABLE"
    before = (await runs.phones(QUIET))[1]
    await in_bc(runs, QUIET, {"phoneNumber": "+31 10 555 0111"})
    await runs.modified()
    assert await runs.phones(QUIET) == ("+31 10 555 0111", before), "a change of the other side stays until then"
    await in_crm(runs, QUIET, {"description": "called"})
    await runs.modified()
    assert await runs.phones(QUIET) == (before, before)


async def test_a_field_is_widened_where_it_can_be_written(runs: Runs) -> None:
    """The owner of an account becomes the salesperson of its customer."""
    found = await field(runs, "salespersonCode", direction="BIDIRECTIONAL")
    assert (found["direction"], found["notNull"]) == ("BIDIRECTIONAL", True)
    for name, why in (("creditLimit", "decimals"), ("number", "refer to it")):
        refused = await field(runs, name, direction="BIDIRECTIONAL")
        assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "direction")
        assert name in refused["message"]
        assert why in refused["message"]
    other, _ = await runs.both(OTHER)
    bc, crm = await runs.both(QUIET)
    mine, theirs = [(await runs.api.in_business_central("GET", each))["salespersonCode"] for each in (bc, other)]
    if mine != theirs:
        _, owned = await runs.both(OTHER)
        owner = (await runs.api.in_dataverse("GET", owned))["_ownerid_value"]
        await runs.api.in_dataverse("PATCH", crm, {"ownerid@odata.bind": f"/systemusers({owner})"})
        await runs.modified()
        assert (await runs.api.in_business_central("GET", bc))["salespersonCode"] == theirs


async def test_a_constant_is_written_whenever_the_record_is(runs: Runs) -> None:
    refused = await field(runs, "country", constant="NL")
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "constant")
    assert "direction" in refused["message"]
    found = await field(runs, "country", constant="NL", direction="TO_INTEGRATION_TABLE")
    assert (found["constant"], found["direction"]) == ("NL", "TO_INTEGRATION_TABLE")
    before = (await held(runs, QUIET, "country", "address1_country"))[0]
    await in_bc(runs, QUIET, {"country": "", "city": "Delft"})
    await runs.modified()
    assert await held(runs, QUIET, "country", "address1_country") == ("", "NL")
    assert (await runs.modified())["counters"] == NOTHING
    assert (await field(runs, "country", constant=None, direction="BIDIRECTIONAL"))["changed"] is False
    await in_bc(runs, QUIET, {"country": before})
    await runs.modified()
    assert await held(runs, QUIET, "country", "address1_country") == (before, before)


async def test_a_rule_changes_what_travels_and_nothing_goes_to_and_fro(runs: Runs) -> None:
    rules = [{"kind": "TRIM"}, {"kind": "REGEX_REPLACE", "find": "^(\\d+) (.*)$", "text": "$2 $1"}, *UPPER]
    found = await field(runs, "addressLine1", toDataverse=rules)
    assert [each["kind"] for each in found["toDataverse"]] == ["TRIM", "REGEX_REPLACE", "UPPERCASE"]
    await in_bc(runs, QUIET, {"addressLine1": "12 Oude Delft"})
    job = await runs.modified()
    assert job["counters"] == NOTHING | {"modified": 1}
    assert await held(runs, QUIET, "addressLine1", "address1_line1") == ("12 Oude Delft", "OUDE DELFT 12")
    assert (await runs.modified())["counters"] == NOTHING
    assert await differing(runs, QUIET) == set(), "what comes of one side is the other one"
    await in_crm(runs, QUIET, {"address1_line1": "Nieuwe Delft 1"})
    await runs.modified()
    assert await held(runs, QUIET, "addressLine1", "address1_line1") == ("Nieuwe Delft 1", "Nieuwe Delft 1")
    assert (await runs.modified())["counters"] == NOTHING
    await in_bc(runs, QUIET, {"addressLine1": "3 Markt"})
    await runs.modified()
    assert (await held(runs, QUIET, "addressLine1", "address1_line1"))[1] == "MARKT 3"
    await field(runs, "addressLine1", toDataverse=[])
    await in_bc(runs, QUIET, {"city": "Delft"})
    await runs.modified()
    assert await held(runs, QUIET, "addressLine1", "address1_line1") == ("3 Markt", "3 Markt"), (
        "without the rule CRM's text is no edit of anybody's"
    )


CANNOT_BE_CHANGED: list[tuple[str, Any, str, str]] = [
    ("nonsense", {}, "field", "phoneNumber"),
    ("creditLimit", {"toDataverse": UPPER}, "toDataverse", "no text"),
    ("city", {"toDataverse": [{"kind": "REGEX_MATCH", "find": "(?=a)"}]}, "toDataverse", "RE2"),
    (
        "city",
        {"toBusinessCentral": [{"kind": "REGEX_REPLACE", "find": "a", "text": "$1"}]},
        "toBusinessCentral",
        "$1",
    ),
    ("city", {"toDataverse": [{"kind": "LOOKUP"}]}, "toDataverse", "table"),
    ("city", {"toDataverse": [{"kind": "TRIM"}] * 11}, "toDataverse", "10"),
    ("city", {"clearOnFailed": True}, "clearOnFailed", "city"),
    ("currencyCode", {"enabled": False}, "enabled", "creditLimit"),
    ("currencyCode", {"direction": "FROM_INTEGRATION_TABLE"}, "enabled", "creditLimit"),
    ("currencyCode", {"constant": "EUR", "direction": "TO_INTEGRATION_TABLE"}, "constant", "refers to"),
    ("country", {"constant": "x" * 81, "direction": "TO_INTEGRATION_TABLE"}, "constant", "80"),
    ("city", {"constant": "a", "direction": "TO_INTEGRATION_TABLE", "toDataverse": UPPER}, "constant", "rule"),
    ("city", {"constant": "a\u0000", "direction": "TO_INTEGRATION_TABLE"}, "constant", "NUL"),
]


async def test_a_field_that_cannot_be_changed_so(api: Api) -> None:
    for name, given, argument, said in CANNOT_BE_CHANGED:
        answer = await api.ask(FIELD, {"input": {"mapping": "CUSTOMER", "field": name, **given}})
        assert answer.errors == []
        found = answer.data["updateFieldMapping"]
        assert (found["__typename"], found["code"], found["field"]) == ("UserError", "INVALID_INPUT", argument)
        assert said in found["message"]
    shown = await api.ask("{ tableMappings { changed } }")
    assert not any(each["changed"] for each in shown.data["tableMappings"])


async def test_who_changes_mappings(api: Api) -> None:
    for question, given in ((MAPPING, {"enabled": False}), (FIELD, {"field": "city", "enabled": False})):
        answer = await api.ask(question, {"input": {"mapping": "CUSTOMER", **given}}, person=SALES)
        assert answer.codes == ["FORBIDDEN"]
    shown = await api.ask("{ tableMappings { fields { field kind enabled } } }", person=SALES)
    assert shown.errors == []
