"""Vendors are coupled with accounts of the type Vendor, as customers are with those of the type Customer; what hangs on it."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from gateway.couplings.coupling import Cause, Coupling, Event, Mapping
from gateway.couplings.store import CouplingFilter
from gateway.sandbox.company import story
from schema.enums import DriftKind
from schema.ids import GlobalId
from tests.graphql.api import Api
from tests.graphql.pairs import Pairs
from tests.graphql.test_couple_by_match import ACCEPT, MAKE
from tests.graphql.test_coupling_files import IDS, counters, file, imported
from tests.graphql.test_drift import account as another_account
from tests.graphql.test_drift import drift, repair

pytestmark = pytest.mark.anyio

MATCHING = "SUPPLIER-01"
"""The number of the account that VENDOR_MATCH should be coupled with."""
FREE = "SUPPLIER-02"
NEW: dict[str, Any] = {"create": True}


@pytest.fixture
def pairs(own_api: Api) -> Pairs:
    return Pairs(own_api)


async def vendor(pairs: Pairs, number: str) -> Any:
    question = """query ($number: String!) { vendor(by: {number: $number}) {
        systemId number displayName coupling { id } account { accountId name } } }"""
    return (await pairs.api.ask(question, {"number": number}, explain=False)).data["vendor"]


async def account(pairs: Pairs, condition: str) -> Any:
    (found,) = (await pairs.api.in_dataverse("GET", f"accounts?$filter={condition}"))["value"]
    return found


def global_id(coupling: Coupling) -> str:
    return str(GlobalId("Coupling", coupling.company_id, coupling.id))


async def both(pairs: Pairs) -> tuple[Any, Any]:
    """The company of VENDOR becomes a customer, too, who is coupled; its name is the company's."""
    customer = await pairs.customer(story.HARBOUR)
    company = await vendor(pairs, story.VENDOR)
    store = pairs.api.sandbox.business_central
    with store.transaction():
        for relation in store.select("$contactBusinessRelations"):
            if relation["no"] == story.HARBOUR:
                store.update("$contactBusinessRelations", relation["id"], {"contactNo": "VT00010"})
        store.update("customers", customer["systemId"], {"displayName": company["displayName"]})
        for contact in store.select("contacts"):
            if contact["companyNumber"] == "VT00010":
                store.update("contacts", contact["id"], {"contactBusinessRelation": "Multiple"})
    return customer, company


# -- coupling ----------------------------------------------------------------------------------------------------------------


async def test_a_vendor_is_coupled_and_shown_from_both_sides(pairs: Pairs) -> None:
    found = await pairs.coupled(
        mapping="VENDOR", businessCentral={"number": story.VENDOR_MATCH}, dataverse={"number": MATCHING}
    )
    answer = await pairs.api.ask(
        """query ($id: UUID!) {
            coupling(by: {businessCentral: {mapping: VENDOR, id: $id}}) {
              vendor { number } account { accountNumber vendor { number } vendorCoupling { mapping } customer { number } }
              businessCentralName dataverseName dataverseUrl differences { field } customer { number } }
            vendors(filter: {number: {eq: "V00014"}}) { nodes { account { accountNumber } } } }""",
        {"id": found["coupling"]["businessCentralId"]},
    )
    assert answer.errors == []
    shown = answer.data["coupling"]
    assert (shown["vendor"], shown["customer"]) == ({"number": story.VENDOR_MATCH}, None)
    assert shown["account"] == {
        "accountNumber": MATCHING,
        "vendor": {"number": story.VENDOR_MATCH},
        "vendorCoupling": {"mapping": "VENDOR"},
        "customer": None,
    }
    assert shown["businessCentralName"] == shown["dataverseName"] == "Gothia Lights AB"
    assert shown["dataverseUrl"].endswith(f"etn=account&id={found['coupling']['dataverseId']}")
    assert [each["field"] for each in shown["differences"]] == ["number", "email", "website"]
    assert answer.data["vendors"]["nodes"] == [{"account": {"accountNumber": MATCHING}}]


async def test_a_blocked_vendor(pairs: Pairs) -> None:
    company = await vendor(pairs, story.UNCOUPLED_VENDOR)
    await pairs.api.in_business_central("PATCH", f"vendors({company['systemId']})", {"blocked": "Payment"})
    found = await pairs.refused(
        mapping="VENDOR", businessCentral={"number": story.UNCOUPLED_VENDOR}, dataverse={"number": FREE}
    )
    assert found["code"] == "RECORD_BLOCKED"


@pytest.mark.parametrize(
    ("mapping", "number", "name", "kind"),
    [
        ("VENDOR", story.UNCOUPLED_VENDOR, story.CRM_ONLY_ACCOUNT, "Vendor"),
        ("CUSTOMER", story.UNCOUPLED, story.CRM_ONLY_VENDOR, "Customer"),
    ],
)
async def test_an_account_is_a_customer_or_a_vendor_by_its_type(
    pairs: Pairs, mapping: str, number: str, name: str, kind: str
) -> None:
    found = await pairs.refused(mapping=mapping, businessCentral={"number": number}, dataverse={"name": name})
    assert found["code"] == "RECORD_OUTSIDE_FILTER"
    assert f"is not of the relationship type {kind}" in found["message"]
    assert f"Set its relationship type to {kind}" in found["hint"]
    assert "belongs to a" in found["hint"]


# -- creating and synchronizing ----------------------------------------------------------------------------------------------


async def test_an_account_of_the_type_vendor_is_created_from_a_vendor(pairs: Pairs) -> None:
    answer = await pairs.couple(mapping="VENDOR", businessCentral={"number": story.UNCOUPLED_VENDOR}, dataverse=NEW)
    found = answer.data["coupleRecords"]
    assert (answer.errors, found["created"], found["problem"]) == ([], True, None)
    made = await pairs.api.in_dataverse("GET", f"accounts({found['coupling']['dataverseId']})")
    assert (made["name"], made["customertypecode"], made["statecode"]) == ("Zelthandwerk Tirol GmbH", 11, 0)
    assert made["_bcbi_companyid_value"]
    assert (made["_owninguser_value"], bool(made["_owningteam_value"])) == (None, True)


async def test_what_it_costs_when_all_is_known(pairs: Pairs) -> None:
    """The record and the write: no salesperson is looked up, as there is for customers."""
    await pairs.coupled(mapping="VENDOR", businessCentral={"number": story.UNCOUPLED_VENDOR}, dataverse=NEW)
    answer = await pairs.couple(mapping="VENDOR", businessCentral={"number": story.VENDOR_MATCH}, dataverse=NEW)
    assert answer.errors == []
    assert answer.cost == (2, 2)


async def test_a_vendor_is_created_from_an_account(pairs: Pairs) -> None:
    found = await pairs.coupled(mapping="VENDOR", businessCentral=NEW, dataverse={"number": FREE})
    assert found["coupling"]["businessCentralKey"] == "V00022"
    made = await vendor(pairs, "V00022")
    assert (made["displayName"], made["account"]["name"]) == (story.CRM_ONLY_VENDOR, story.CRM_ONLY_VENDOR)


async def test_data_is_written_to_either_side_after_coupling(pairs: Pairs) -> None:
    """With its currency: dollars of Business Central are dollars of CRM, and the euro is blank."""
    company = await vendor(pairs, story.VENDOR_MATCH)
    rows = (await pairs.api.in_dataverse("GET", "transactioncurrencies"))["value"]
    currencies = {each["isocurrencycode"]: each["transactioncurrencyid"] for each in rows}
    await pairs.api.in_business_central(
        "PATCH", f"vendors({company['systemId']})", {"currencyCode": "USD", "city": "Mora"}
    )
    sides = {"businessCentral": {"number": story.VENDOR_MATCH}, "dataverse": {"number": MATCHING}}
    found = await pairs.coupled(mapping="VENDOR", **sides, synchronize="USE_BUSINESS_CENTRAL_DATA")
    assert found["problem"] is None
    path = f"accounts({found['coupling']['dataverseId']})"
    row = await pairs.api.in_dataverse("GET", path)
    assert (row["address1_city"], row["_transactioncurrencyid_value"]) == ("Mora", currencies["USD"])
    assert (row["emailaddress1"], row["accountnumber"]) == ("sales@gothialights.example", MATCHING)

    await pairs.uncouple(found["coupling"]["id"])
    euro = f"/transactioncurrencies({currencies['EUR']})"
    await pairs.api.in_dataverse("PATCH", path, {"telephone1": "+46 31 1", "transactioncurrencyid@odata.bind": euro})
    found = await pairs.coupled(mapping="VENDOR", **sides, synchronize="USE_DATAVERSE_DATA")
    assert found["problem"] is None
    record = await pairs.api.in_business_central("GET", f"vendors({company['systemId']})")
    assert (record["phoneNumber"], record["currencyCode"]) == ("+46 31 1", "EUR")


# -- contacts ----------------------------------------------------------------------------------------------------------------


async def test_a_contact_is_created_below_the_account_of_its_vendor(pairs: Pairs) -> None:
    person = {"type": "Person", "displayName": "Nils Brandt", "companyNumber": "VT00010"}
    made = await pairs.api.in_business_central("POST", "contacts", person)
    found = await pairs.coupled(mapping="CONTACT", businessCentral={"id": made["id"]}, dataverse=NEW)
    contact = await pairs.api.in_dataverse("GET", f"contacts({found['coupling']['dataverseId']})")
    assert contact["_parentcustomerid_value"] == (await vendor(pairs, story.VENDOR))["account"]["accountId"]


async def test_a_person_is_created_at_the_company_of_the_account_s_vendor(pairs: Pairs) -> None:
    parent = (await vendor(pairs, story.VENDOR))["account"]["accountId"]
    row = {"contactid": str(uuid4()), "firstname": "Nils", "lastname": "Brandt"}
    row["parentcustomerid_account@odata.bind"] = f"/accounts({parent})"
    await pairs.api.in_dataverse("POST", "contacts", row)
    found = await pairs.coupled(mapping="CONTACT", businessCentral=NEW, dataverse={"id": row["contactid"]})
    made = await pairs.api.in_business_central("GET", f"contacts({found['coupling']['businessCentralId']})")
    assert (made["companyNumber"], made["contactBusinessRelation"]) == ("VT00010", "Vendor")


async def test_a_person_who_moves_to_a_vendor_moves_below_its_account(pairs: Pairs) -> None:
    (person,) = (await pairs.api.in_business_central("GET", "contacts?$filter=number eq 'CT00210-1'"))["value"]
    await pairs.api.in_business_central("PATCH", f"contacts({person['id']})", {"companyNumber": "VT00010"})
    coupling = await pairs.of(Mapping.CONTACT, person["id"])
    assert coupling is not None
    await pairs.uncouple(global_id(coupling))
    sides = {"businessCentral": {"id": person["id"]}, "dataverse": {"id": str(coupling.crm_id)}}
    found = await pairs.coupled(mapping="CONTACT", **sides, synchronize="USE_BUSINESS_CENTRAL_DATA")
    assert found["problem"] is None
    row = await pairs.api.in_dataverse("GET", f"contacts({coupling.crm_id})")
    assert row["_parentcustomerid_value"] == (await vendor(pairs, story.VENDOR))["account"]["accountId"]


async def test_a_person_of_a_vendor_that_is_not_coupled_is_refused_by_the_vendor_s_name(pairs: Pairs) -> None:
    found = await pairs.refused(mapping="CONTACT", businessCentral={"number": "VT00013-1"}, dataverse=NEW)
    assert found["code"] == "LOOKUP_NOT_COUPLED"
    assert found["message"].startswith("Vendor V00013 (Zelthandwerk Tirol GmbH) must be coupled to an account")


async def test_a_contact_of_both_follows_the_customer(pairs: Pairs) -> None:
    """Business Central names one relation of a contact only; here it is the vendor."""
    customer, _ = await both(pairs)
    person = {"type": "Person", "displayName": "Nils Brandt", "companyNumber": "VT00010"}
    made = await pairs.api.in_business_central("POST", "contacts", person)
    assert made["contactBusinessRelation"] == "Multiple"
    found = await pairs.coupled(mapping="CONTACT", businessCentral={"id": made["id"]}, dataverse=NEW)
    contact = await pairs.api.in_dataverse("GET", f"contacts({found['coupling']['dataverseId']})")
    assert contact["_parentcustomerid_value"] == customer["account"]["accountId"]


async def test_a_contact_of_both_is_refused_while_the_customer_is_not_coupled(pairs: Pairs) -> None:
    customer, _ = await both(pairs)
    await pairs.uncouple(customer["coupling"]["id"])
    person = {"type": "Person", "displayName": "Nils Brandt", "companyNumber": "VT00010"}
    made = await pairs.api.in_business_central("POST", "contacts", person)
    found = await pairs.refused(mapping="CONTACT", businessCentral={"id": made["id"]}, dataverse=NEW)
    assert found["message"].startswith(f"Customer {story.HARBOUR} ")


# -- uncoupling --------------------------------------------------------------------------------------------------------------


async def test_a_vendor_is_uncoupled_with_all_that_hangs_on_it(pairs: Pairs) -> None:
    company = await vendor(pairs, story.VENDOR)
    parent = company["account"]["accountId"]
    contacts = f"contacts?$filter=_parentcustomerid_value eq {parent}&$select=_bcbi_companyid_value"
    people = (await pairs.api.in_dataverse("GET", contacts))["value"]
    assert len(people) == 2

    answer = await pairs.uncouple(company["coupling"]["id"])

    assert answer.errors == []
    assert answer.cost == (6, 3)
    (result,) = answer.data["uncoupleRecords"]["results"]
    assert (result["uncoupled"], result["problem"]) == (True, None)
    assert {each["dataverseId"] for each in result["also"]} == {each["contactid"] for each in people}
    row = await pairs.api.in_dataverse("GET", f"accounts({parent})?$select=_bcbi_companyid_value,statecode")
    assert (row["_bcbi_companyid_value"], row["statecode"]) == (None, 0)
    for each in (await pairs.api.in_dataverse("GET", contacts))["value"]:
        assert each["_bcbi_companyid_value"] is None
    ended, *_ = await pairs.history(Mapping.VENDOR, company["systemId"])
    assert (ended.event, ended.cause) == (Event.UNCOUPLED, Cause.MANUAL)
    person, *_ = await pairs.history(Mapping.CONTACT, people[0]["contactid"])
    assert person.cause is Cause.PARENT_UNCOUPLED


async def test_all_vendors_cost_as_much_as_one(pairs: Pairs) -> None:
    found = await pairs.books.couplings.page(CouplingFilter(mapping=Mapping.VENDOR), after=None, limit=100)
    answer = await pairs.uncouple(*map(global_id, found))
    assert answer.errors == []
    assert all(each["uncoupled"] for each in answer.data["uncoupleRecords"]["results"])
    assert answer.cost == (6, 3)


async def test_an_account_that_is_still_a_customer_s_keeps_what_hangs_on_it(pairs: Pairs) -> None:
    """Somebody changed its type after it was coupled with a customer."""
    customer = await pairs.customer(story.HARBOUR)
    path = f"accounts({customer['account']['accountId']})"
    await pairs.api.in_dataverse("PATCH", path, {"customertypecode": 11})
    found = await pairs.coupled(
        mapping="VENDOR",
        businessCentral={"number": story.UNCOUPLED_VENDOR},
        dataverse={"id": customer["account"]["accountId"]},
    )
    before = await pairs.api.in_dataverse("GET", path)

    answer = await pairs.uncouple(found["coupling"]["id"])

    (result,) = answer.data["uncoupleRecords"]["results"]
    assert (result["uncoupled"], result["also"]) == (True, [])
    after = await pairs.api.in_dataverse("GET", path)
    for column in ("_bcbi_companyid_value", "_nav_accountstatisticsid_value"):
        assert after[column] == before[column] is not None


# -- many at once ------------------------------------------------------------------------------------------------------------


async def test_vendors_are_matched_among_accounts_of_their_type(pairs: Pairs) -> None:
    made = await pairs.api.ask(MAKE, {"input": {"mapping": "VENDOR"}}, explain=False)
    plan = made.data["coupleByMatch"]["plan"]
    assert {name: plan["counts"][name] for name in ("matched", "likely", "none")} == {
        "matched": 1,
        "likely": 0,
        "none": 1,
    }
    accepted = await pairs.api.ask(ACCEPT, {"input": {"planId": plan["id"], "matched": True}}, explain=False)
    assert accepted.data["acceptMatchPlan"]["plan"]["counts"]["accepted"] == 1
    assert (await vendor(pairs, story.VENDOR_MATCH))["account"]["name"] == "Gothia Lights AB"


async def test_drift_of_vendors(pairs: Pairs) -> None:
    found = await drift(pairs.api, mapping="VENDOR")
    assert [(each["kind"], each["records"][0]["number"]) for each in found] == [
        (DriftKind.OUT_OF_FILTER, story.BLOCKED_VENDOR),
        (DriftKind.OUT_OF_FILTER, story.INACTIVE_VENDOR_ACCOUNT),
    ]


async def test_only_accounts_of_vendors_are_duplicates_of_vendors(pairs: Pairs) -> None:
    for kind in (3, 11):
        another_account(pairs.api, story.VENDOR, f"Copy {kind}", customertypecode=kind)
    (found,) = await drift(pairs.api, mapping="VENDOR", kinds=["DUPLICATE"])
    assert found["otherRows"] == 1
    assert "Copy 11" in [each["name"] for each in found["records"]]


async def test_a_vendor_whose_account_was_deleted_is_repaired_with_its_contacts_left_alone(pairs: Pairs) -> None:
    company = await vendor(pairs, "V00020")
    await pairs.api.in_dataverse("DELETE", f"accounts({company['account']['accountId']})")
    (found,) = await drift(pairs.api, mapping="VENDOR", kinds=["BROKEN_DATAVERSE"])
    assert found["records"][0]["number"] == "V00020"
    done = await repair(pairs.api, mapping="VENDOR", kinds=["BROKEN_DATAVERSE"], dryRun=False)
    assert done["counters"]["repaired"] == 1
    assert await pairs.of(Mapping.VENDOR, company["systemId"]) is None


async def test_a_file_of_table_5331_names_vendors_by_their_table(pairs: Pairs) -> None:
    company, row = await vendor(pairs, story.VENDOR_MATCH), await account(pairs, f"accountnumber eq '{MATCHING}'")
    csv = file(
        ["Table ID", "Integration ID", "CRM ID"], ["23", f"{{{company['systemId']}}}", f"{{{row['accountid']}}}"]
    )
    found = await imported(pairs, csv)
    assert found["counters"] == counters(added=1)
    coupling = await pairs.of(Mapping.VENDOR, company["systemId"])
    assert coupling is not None
    assert (coupling.crm_id, coupling.bc_key) == (UUID(row["accountid"]), story.VENDOR_MATCH)
    own = file(IDS, ["VENDOR", company["systemId"], row["accountid"]])
    assert (await imported(pairs, own))["counters"] == counters(unchanged=1)


async def test_vendors_have_no_owner_that_could_be_missing(pairs: Pairs) -> None:
    answer = await pairs.api.ask("{ ownerReadiness(mapping: [VENDOR]) { nodes { record { number } } } }")
    assert answer.errors[0]["extensions"]["code"] == "INVALID_INPUT"
