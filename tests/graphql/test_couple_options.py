"""Payment terms and shipment methods: options of a choice in CRM, no rows; coupled, created and synchronized all the same."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from gateway.couplings.coupling import Coupling, Mapping
from gateway.odata.choice import Choice
from gateway.sandbox.company import story
from tests.graphql.api import Api
from tests.graphql.pairs import Pairs
from tests.graphql.test_couple_by_match import accept, make
from tests.graphql.test_coupling_files import EXPORT, IMPORT
from tests.graphql.test_drift import drift, kinds

pytestmark = pytest.mark.anyio

NEW: dict[str, Any] = {"create": True}
TERMS = Choice("account", "paymenttermscode")
FREIGHT = Choice("account", "address1_freighttermscode")
DEFINITION = (
    "EntityDefinitions(LogicalName='{0.table}')/Attributes(LogicalName='{0.column}')"
    "/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$expand=OptionSet"
)

DIFFERENCES = """query ($by: CouplingBy!) { coupling(by: $by) {
    differences { field businessCentral dataverse synchronized changedSide } } }"""


@pytest.fixture
def pairs(own_api: Api) -> Pairs:
    return Pairs(own_api)


async def labels(pairs: Pairs, choice: Choice) -> dict[int, str]:
    """What people can choose from in CRM."""
    found = await pairs.api.in_dataverse("GET", DEFINITION.format(choice))
    return {each["Value"]: each["Label"]["UserLocalizedLabel"]["Label"] for each in found["OptionSet"]["Options"]}


async def terms(pairs: Pairs, code: str) -> Any:
    found = await pairs.api.in_business_central("GET", f"paymentTerms?$filter=code eq '{code}'")
    return found["value"][0]


async def relabel(pairs: Pairs, choice: Choice, value: int, label: str) -> None:
    """Somebody renames an option in CRM and publishes it."""
    localized = {"Label": label, "LanguageCode": 1033}
    body = {
        "EntityLogicalName": choice.table,
        "AttributeLogicalName": choice.column,
        "Value": value,
        "Label": {"LocalizedLabels": [localized]},
        "MergeLabels": True,
    }
    await pairs.api.in_dataverse("POST", "UpdateOptionValue", body)
    xml = f"<importexportxml><entities><entity>{choice.table}</entity></entities></importexportxml>"
    await pairs.api.in_dataverse("POST", "PublishXml", {"ParameterXml": xml})


@pytest.mark.parametrize("named", [{"id": str(TERMS.option_id(2))}, {"number": "2"}, {"name": "2% 10, Net 30"}])
async def test_terms_are_coupled_with_an_option(pairs: Pairs, named: dict[str, Any]) -> None:
    answer = await pairs.couple(mapping="PAYMENT_TERMS", businessCentral={"number": "14 DAYS"}, dataverse=named)
    coupling = answer.data["coupleRecords"]["coupling"]
    assert (coupling["dataverseId"], coupling["dataverseKey"]) == (str(TERMS.option_id(2)), "2")
    assert coupling["businessCentralKey"] == "14 DAYS"
    assert answer.cost == (2, 1)
    assert (await labels(pairs, TERMS))[2] == "2% 10, Net 30", "coupling alone changes nothing"
    shown = await pairs.api.ask(
        "query ($by: CouplingBy!) { coupling(by: $by) { dataverseName dataverseUrl businessCentralUrl } }",
        {"by": {"id": coupling["id"]}},
    )
    assert shown.data["coupling"]["dataverseName"] == "2% 10, Net 30"
    assert shown.data["coupling"]["dataverseUrl"] is None, "an option has no form"


async def test_an_option_that_is_not_there(pairs: Pairs) -> None:
    refusal = await pairs.refused(
        mapping="PAYMENT_TERMS", businessCentral={"number": "14 DAYS"}, dataverse={"number": "77"}
    )
    assert refusal["code"] == "RECORD_NOT_FOUND"
    assert "option of Payment Terms" in refusal["message"]


async def test_an_option_of_another_choice_is_none_of_this(pairs: Pairs) -> None:
    other = {"id": str(FREIGHT.option_id(1))}
    refusal = await pairs.refused(mapping="PAYMENT_TERMS", businessCentral={"number": "14 DAYS"}, dataverse=other)
    assert refusal["code"] == "RECORD_NOT_FOUND"


async def test_one_to_one_holds_for_options_too(pairs: Pairs) -> None:
    refusal = await pairs.refused(
        mapping="PAYMENT_TERMS", businessCentral={"number": "14 DAYS"}, dataverse={"number": "1"}
    )
    assert refusal["code"] == "DATAVERSE_ROW_TAKEN"
    (record,) = refusal["records"]
    assert (record["system"], record["number"]) == ("BUSINESS_CENTRAL", "30 DAYS")


async def test_synchronizing_calls_the_option_like_the_code(pairs: Pairs) -> None:
    found = await pairs.coupled(
        mapping="PAYMENT_TERMS",
        businessCentral={"number": "14 DAYS"},
        dataverse={"number": "2"},
        synchronize="USE_BUSINESS_CENTRAL_DATA",
    )
    assert found["problem"] is None
    assert (await labels(pairs, TERMS))[2] == "14 DAYS"
    again = await pairs.uncouple(found["coupling"]["id"])
    assert again.errors == []
    assert (await labels(pairs, TERMS))[2] == "14 DAYS", "uncoupling takes no label back"


async def test_options_go_to_crm_only(pairs: Pairs) -> None:
    given = {"mapping": "SHIPMENT_METHOD", "dataverse": {"number": "1"}}
    refusal = await pairs.refused(**given, businessCentral=NEW)
    assert refusal["code"] == "DIRECTION_NOT_ALLOWED"


async def test_a_new_option_is_created_and_published(pairs: Pairs) -> None:
    answer = await pairs.couple(mapping="SHIPMENT_METHOD", businessCentral={"number": "EXW"}, dataverse=NEW)
    found = answer.data["coupleRecords"]
    assert (found["created"], found["problem"]) == (True, None)
    value = int(found["coupling"]["dataverseKey"])
    assert str(FREIGHT.option_id(value)) == found["coupling"]["dataverseId"]
    assert (await labels(pairs, FREIGHT))[value] == "EXW"
    assert answer.cost == (4, 4), "the method, the options twice (is there one, is the label free), the new one"


async def test_an_option_that_is_called_so_is_taken(pairs: Pairs) -> None:
    await relabel(pairs, FREIGHT, 1, "EXW")
    coupled = await pairs.api.ask("{ couplings(mapping: SHIPMENT_METHOD, first: 9) { nodes { id } } }")
    await pairs.uncouple(*(each["id"] for each in coupled.data["couplings"]["nodes"]))
    before = await labels(pairs, FREIGHT)
    found = await pairs.coupled(mapping="SHIPMENT_METHOD", businessCentral={"number": "EXW"}, dataverse=NEW)
    assert found["coupling"]["dataverseKey"] == "1"
    assert await labels(pairs, FREIGHT) == before


@pytest.mark.parametrize(
    ("code", "label", "problem", "told"),
    [
        ("8, 2 NET", None, "INVALID_INPUT", "comma"),
        ("NET 30 END", "Net 30 end of month", "RECORD_EXISTS", "the same 10 characters"),
    ],
)
async def test_labels_that_business_central_could_not_tell_apart(
    pairs: Pairs, code: str, label: str | None, problem: str, told: str
) -> None:
    if label is not None:
        await relabel(pairs, TERMS, 2, label)
    await pairs.api.in_business_central(
        "POST", "paymentTerms", {"code": code, "displayName": "x", "dueDateCalculation": "30D"}
    )
    refusal = await pairs.refused(mapping="PAYMENT_TERMS", businessCentral={"number": code}, dataverse=NEW)
    assert refusal["code"] == problem
    assert told in refusal["message"]
    assert refusal["hint"]


async def test_a_customers_terms_travel_to_crm_and_back(pairs: Pairs) -> None:
    """Both ways through the couplings: a GUID on one side, a number on the other."""
    customer = await pairs.customer(story.UNCOUPLED)
    sixty = await terms(pairs, "60 DAYS")
    way = f"customers({customer['systemId']})"
    await pairs.api.in_business_central("PATCH", way, {"paymentTermsId": sixty["id"]})
    made = await pairs.coupled(businessCentral={"number": story.UNCOUPLED}, dataverse=NEW)
    row = f"accounts({made['coupling']['dataverseId']})"
    assert (await pairs.api.in_dataverse("GET", row))["paymenttermscode"] == 4
    coupling = await pairs.of(Mapping.CUSTOMER, customer["systemId"])
    assert coupling is not None
    assert (coupling.base or {})["paymentTermsCode"] == "60 DAYS"
    await pairs.api.in_dataverse("PATCH", row, {"paymenttermscode": 1})
    found = await pairs.api.ask(DIFFERENCES, {"by": {"id": made["coupling"]["id"]}})
    (difference,) = [each for each in found.data["coupling"]["differences"] if each["field"] == "paymentTermsCode"]
    assert difference == {
        "field": "paymentTermsCode",
        "businessCentral": "60 DAYS",
        "dataverse": "30 DAYS",
        "synchronized": "60 DAYS",
        "changedSide": "DATAVERSE",
    }


async def test_terms_that_have_no_option_leave_both_sides_as_they_are(pairs: Pairs) -> None:
    """Neither a refusal nor a blank: the account keeps what it has, and the customer its terms.

    Source: Business Central, "Handle Missing Option Values".
    """
    customer = await pairs.customer(story.UNCOUPLED)
    fourteen = await terms(pairs, "14 DAYS")
    way = f"customers({customer['systemId']})"
    await pairs.api.in_business_central("PATCH", way, {"paymentTermsId": fourteen["id"]})
    account = await pairs.account(story.CRM_ONLY_ACCOUNT)
    row = f"accounts({account['accountId']})"
    await pairs.api.in_dataverse("PATCH", row, {"paymenttermscode": None})
    given = {"businessCentral": {"number": story.UNCOUPLED}, "dataverse": {"id": account["accountId"]}}
    found = await pairs.coupled(**given, synchronize="USE_DATAVERSE_DATA")
    assert found["problem"] is None
    assert (await pairs.api.in_business_central("GET", way))["paymentTermsId"] == fourteen["id"]
    await pairs.uncouple(found["coupling"]["id"])
    await pairs.api.in_dataverse("PATCH", row, {"paymenttermscode": 2})
    found = await pairs.coupled(**given, synchronize="USE_BUSINESS_CENTRAL_DATA")
    assert found["problem"] is None
    assert (await pairs.api.in_dataverse("GET", row))["paymenttermscode"] == 2


async def test_two_callers_create_one_option(pairs: Pairs) -> None:
    before = await labels(pairs, FREIGHT)
    asked = [
        pairs.couple(mapping="SHIPMENT_METHOD", businessCentral={"number": "CIP"}, dataverse=NEW, explain=False)
        for _ in range(2)
    ]
    answers = [each.data["coupleRecords"] for each in await asyncio.gather(*asked)]
    assert sorted(each["__typename"] for each in answers) == ["CoupleRecordsSuccess", "UserError"]
    added = (await labels(pairs, FREIGHT)).items() - before.items()
    assert [label for _, label in added] == ["CIP"]


async def test_matching_by_code_and_creating_the_rest(pairs: Pairs) -> None:
    """Codes and labels are compared; what CRM lacks is created, many options in one exchange."""
    await relabel(pairs, TERMS, 2, "14 days")
    plan = await make(pairs, mapping="PAYMENT_TERMS")
    assert plan.verdicts("Net 14 days") == ["MATCHED"]
    assert plan.verdicts("Cash on delivery") == ["NONE"]
    accepted = await accept(pairs, plan, matched=True, createNew=True)
    assert (accepted.counts["accepted"], accepted.counts["refused"]) == (2, 0)
    now = await labels(pairs, TERMS)
    assert now[2] == "14 days"
    assert "COD" in now.values()


async def test_options_in_a_file(pairs: Pairs) -> None:
    content = "mapping,businessCentralNumber,dataverseNumber\r\nPAYMENT_TERMS,COD,2\r\nPAYMENT_TERMS,14 DAYS,99\r\n"
    told = (await pairs.api.ask(IMPORT, {"input": {"csv": content}})).data["importCouplings"]
    assert [(each["line"], each["outcome"], each["code"]) for each in told["rows"] if each["code"]] == [
        (3, "REFUSED", "RECORD_NOT_FOUND")
    ]
    assert told["counters"]["added"] == 1
    exported = (await pairs.api.ask(EXPORT, {"mapping": "PAYMENT_TERMS"})).data["couplingsCsv"]["csv"]
    assert str(TERMS.option_id(2)) in exported
    of_5331 = (await pairs.api.ask(EXPORT, {"mapping": "PAYMENT_TERMS", "shape": "TABLE_5331"})).data["couplingsCsv"]
    assert (of_5331["rowCount"], of_5331["csv"].count("\n")) == (0, 1), (
        "Business Central keeps options in another table"
    )


async def test_a_coupling_with_an_option_that_is_gone_is_broken(pairs: Pairs) -> None:
    fourteen = await terms(pairs, "14 DAYS")
    gone = Coupling(
        uuid4(), Mapping.PAYMENT_TERMS, pairs.company, UUID(fourteen["id"]), TERMS.option_id(88), "14 DAYS", "88"
    )
    await pairs.books.couplings.add([gone])
    found = await drift(pairs.api, mapping="PAYMENT_TERMS")
    assert kinds(found) == [("BROKEN_DATAVERSE", "88")]
    moved = await pairs.coupled(
        mapping="PAYMENT_TERMS", businessCentral={"number": "14 DAYS"}, dataverse={"number": "2"}
    )
    assert [each["dataverseId"] for each in moved["ended"]] == [str(gone.crm_id)], (
        "a stale partner stands in nobody's way"
    )
