"""Every case the story promises is there, on the record it names."""

from collections import Counter
from decimal import Decimal
from functools import cache

import pytest

from gateway.sandbox.company import story
from gateway.sandbox.company.couplings import DemoCoupling
from gateway.sandbox.company.demo import demo_company
from gateway.sandbox.company.identifiers import DEFAULT_TEAM_ID, bc_instant, crm_instant
from gateway.sandbox.company.rows import Row
from gateway.sandbox.company.staff import APPLICATION_USER_ID
from gateway.sandbox.identity import people

CUSTOMERS = {
    name: value for name, value in vars(story).items() if isinstance(value, str) and value.startswith(("C0", "C'"))
}


@cache
def sides() -> tuple[dict[str, list[Row]], dict[str, list[Row]]]:
    company = demo_company()
    return (
        {name: list(rows) for name, rows in company.business_central()},
        {name: list(rows) for name, rows in company.dataverse()},
    )


def find(side: int, name: str, column: str, value: object) -> list[Row]:
    return [row for row in sides()[side][name] if row.get(column) == value]


def bc(name: str, column: str, value: object) -> Row:
    (row,) = find(0, name, column, value)
    return row


def crm(name: str, column: str, value: object) -> Row:
    (row,) = find(1, name, column, value)
    return row


def customer(number: str) -> Row:
    return bc("customers", "number", number)


def item(number: str) -> Row:
    return bc("items", "number", number)


@cache
def couplings() -> dict[tuple[str, str], DemoCoupling]:
    return {(one.mapping, one.bc_natural_key): one for one in demo_company().couplings()}


def coupling(number: str) -> DemoCoupling:
    return couplings()["CUSTOMER", number]


def account(number: str) -> Row:
    return crm("accounts", "accountid", coupling(number).crm_id)


def detail(number: str) -> Row:
    return bc("customerFinancialDetails", "number", number)


def changed(number: str) -> tuple[bool, bool]:
    """Whether each side is newer than at the last synchronization."""
    one = coupling(number)
    return (
        customer(number)["lastModifiedDateTime"] != bc_instant(one.bc_modified_at),
        account(number)["modifiedon"] != crm_instant(one.crm_modified_at),
    )


def stock(number: str) -> dict[object, Decimal]:
    """What is in stock by location."""
    held: dict[object, Decimal] = {}
    for entry in find(0, "$itemLedgerEntries", "itemNo", number):
        place = entry["locationCode"]
        held[place] = held.get(place, Decimal(0)) + Decimal(str(entry["quantity"]))
    return {place: quantity for place, quantity in held.items() if quantity}


@pytest.mark.parametrize("number", CUSTOMERS.values(), ids=CUSTOMERS)
def test_every_customer_of_the_story_exists(number: str) -> None:
    assert customer(number)["displayName"]


def test_the_company_has_the_promised_size() -> None:
    business_central, dataverse = sides()
    assert {
        name: len(business_central[name]) for name in ("customers", "vendors", "items", "salesOrders", "locations")
    } == {
        "customers": 200,
        "vendors": 12,
        "items": 300,
        "salesOrders": 120,
        "locations": 4,
    }
    assert {name: len(dataverse[name]) for name in ("accounts", "products", "opportunities", "systemusers")} == {
        "accounts": 192,
        "products": 250,
        "opportunities": 90,
        "systemusers": 16,
    }
    assert Counter(mapping for mapping, _ in couplings()) == {
        "SALESPERSON": 10,
        "CURRENCY": 4,
        "PAYMENT_TERMS": 3,
        "SHIPMENT_METHOD": 2,
        "UNIT_OF_MEASURE": 8,
        "CUSTOMER": 160,
        "VENDOR": 10,
        "CONTACT": 227,
        "ITEM": 240,
        "OPPORTUNITY": 10,
    }


def test_harbour_bikes_has_the_figures_that_the_documentation_quotes() -> None:
    harbour = customer(story.HARBOUR)
    assert (harbour["displayName"], harbour["salespersonCode"]) == ("Harbour Bikes BV", "JO")
    assert (harbour["balanceDue"], harbour["creditLimit"]) == (Decimal("9440.00"), Decimal(20_000))
    assert detail(story.HARBOUR)["overdueAmount"] == Decimal("1890.50")


def test_harbour_bikes_stays_within_its_credit_limit_with_all_it_has_ordered() -> None:
    ordered = find(0, "salesOrders", "customerNumber", story.HARBOUR)
    outstanding = sum(Decimal(str(order["totalAmountIncludingTax"])) for order in ordered)
    assert outstanding == Decimal("8145.36")
    assert 20_000 - Decimal("9440.00") - outstanding == Decimal("2414.64")


def test_harbour_bikes_is_owned_by_the_user_of_its_salesperson() -> None:
    owner = crm("systemusers", "systemuserid", account(story.HARBOUR)["_ownerid_value"])
    assert owner["fullname"] == "Jonas Okafor"
    assert owner["azureactivedirectoryobjectid"] == people.SALES.object_id
    assert couplings()["SALESPERSON", "JO"].crm_id == owner["systemuserid"]


def test_harbour_bikes_has_two_open_opportunities() -> None:
    mine = find(1, "opportunities", "_customerid_value", account(story.HARBOUR)["accountid"])
    still_open = [row for row in mine if row["statecode"] == 0]
    assert len(still_open) == 2
    assert sum(Decimal(str(row["estimatedvalue"])) for row in still_open) == 60_900


def deal(number: str) -> Row:
    return bc("opportunities", "number", number)


def test_a_dozen_opportunities_of_which_ten_are_coupled() -> None:
    numbers = [row["number"] for row in sides()[0]["opportunities"]]
    coupled = [number for number in numbers if ("OPPORTUNITY", number) in couplings()]
    assert (len(numbers), len(coupled)) == (12, 10)
    assert set(numbers) - set(coupled) == {story.MATCHING_OPPORTUNITY, story.BC_ONLY_OPPORTUNITY}


def test_coupled_opportunities_are_alike_and_unchanged() -> None:
    for (mapping, number), one in couplings().items():
        if mapping != "OPPORTUNITY":
            continue
        mine, partner = deal(number), crm("opportunities", "opportunityid", one.crm_id)
        assert mine["description"] == partner["name"] == one.crm_natural_key
        assert mine["estimatedClosingDate"] == partner["estimatedclosedate"]
        assert mine["lastModifiedDateTime"] == bc_instant(one.bc_modified_at)
        assert partner["modifiedon"] == crm_instant(one.crm_modified_at)
        contact = couplings()["CONTACT", str(mine["contactNumber"])]
        assert partner["_parentcontactid_value"] == contact.crm_id
        (relation,) = find(0, "$contactBusinessRelations", "contactNo", mine["contactCompanyNumber"])
        customer_number = str(relation["no"])
        assert coupling(customer_number).crm_id == partner["_parentaccountid_value"]
        assert mine["salespersonCode"] == customer(customer_number)["salespersonCode"]
        assert couplings()["SALESPERSON", str(mine["salespersonCode"])].crm_id == partner["_owninguser_value"]


def test_estimates_are_in_the_currency_of_the_company() -> None:
    (dollars,) = find(0, "opportunities", "description", "Coast to coast rental fleet")
    assert dollars["estimatedValue"] == Decimal("60000.00")
    assert deal(story.OFFER_NUMBER)["estimatedValue"] == 48_500


def test_one_opportunity_is_won_on_both_sides() -> None:
    won = deal(story.WON_OPPORTUNITY)
    assert (won["description"], won["status"], won["closed"]) == (story.WON_OPPORTUNITY_NAME, "Won", True)
    assert (won["dateClosed"], won["completedPrc"]) == ("2026-09-30", 100)
    partner = crm("opportunities", "opportunityid", couplings()["OPPORTUNITY", story.WON_OPPORTUNITY].crm_id)
    assert partner["statecode"] == 1
    states = Counter(row["status"] for row in sides()[0]["opportunities"])
    assert states == {"In_x0020_Progress": 10, "Won": 1, "Not_x0020_Started": 1}


def test_one_opportunity_waits_for_its_partner_and_one_has_none() -> None:
    waiting = deal(story.MATCHING_OPPORTUNITY)
    assert waiting["description"] == story.MATCHING_OPPORTUNITY_NAME
    partner = crm("opportunities", "name", story.MATCHING_OPPORTUNITY_NAME)
    assert partner["opportunityid"] not in {one.crm_id for one in couplings().values()}
    assert partner["statecode"] == 0
    alone = deal(story.BC_ONLY_OPPORTUNITY)
    assert (alone["description"], alone["status"]) == (story.BC_ONLY_OPPORTUNITY_NAME, "Not_x0020_Started")
    assert not find(1, "opportunities", "name", story.BC_ONLY_OPPORTUNITY_NAME)


def test_an_ordinary_pair_is_unchanged_since_it_was_synchronized() -> None:
    assert changed(story.HARBOUR) == (False, False)
    assert account(story.HARBOUR)["name"] == customer(story.HARBOUR)["displayName"]


@pytest.mark.parametrize("number", [story.UNCOUPLED, story.CASE_MATCH, story.NUMBER_MATCH, story.AMBIGUOUS_MATCH])
def test_uncoupled_customers_have_no_coupling(number: str) -> None:
    assert ("CUSTOMER", number) not in couplings()


def test_the_crm_only_account_belongs_to_no_customer() -> None:
    lone = crm("accounts", "name", story.CRM_ONLY_ACCOUNT)
    assert lone["accountnumber"] == story.CRM_ONLY_ACCOUNT_NUMBER
    assert lone["accountid"] not in {one.crm_id for one in couplings().values()}


def test_the_salesperson_of_one_customer_is_not_coupled() -> None:
    assert customer(story.SALESPERSON_GAP)["salespersonCode"] == story.UNCOUPLED_SALESPERSON
    assert ("SALESPERSON", story.UNCOUPLED_SALESPERSON) not in couplings()
    assert (coupling(story.SALESPERSON_GAP).last_result_to_crm, changed(story.SALESPERSON_GAP)[0]) == ("FAILURE", True)


def test_the_uncoupled_salesperson_has_a_user_with_the_same_address() -> None:
    person = bc("salespeoplePurchasers", "code", story.UNCOUPLED_SALESPERSON)
    assert crm("systemusers", "internalemailaddress", person["email"])["isdisabled"] is False
    other = bc("salespeoplePurchasers", "code", story.SALESPERSON_WITHOUT_USER)
    assert not find(1, "systemusers", "internalemailaddress", other["email"])


def test_the_owner_of_one_account_is_nobodys_salesperson() -> None:
    owner = crm("systemusers", "systemuserid", account(story.OWNER_GAP)["_ownerid_value"])
    assert owner["internalemailaddress"] == story.UNCOUPLED_OWNER
    assert owner["systemuserid"] not in {one.crm_id for one in couplings().values()}
    assert coupling(story.OWNER_GAP).last_result_to_bc == "FAILURE"


def test_the_account_of_the_orphaned_customer_is_gone() -> None:
    assert not find(1, "accounts", "accountid", coupling(story.ORPHANED).crm_id)


@pytest.mark.parametrize(
    ("number", "phones", "sides_changed"),
    [
        (story.CONFLICT, story.CONFLICT_PHONE, (True, True)),
        (story.CHANGED_IN_BC, story.BC_PHONE, (True, False)),
        (story.CHANGED_IN_CRM, story.CRM_PHONE, (False, True)),
    ],
)
def test_phone_numbers_changed_since_the_last_synchronization(
    number: str, phones: story.Change, sides_changed: tuple[bool, bool]
) -> None:
    assert customer(number)["phoneNumber"] == phones.business_central
    assert account(number)["telephone1"] == phones.dataverse
    assert changed(number) == sides_changed


def test_a_skipped_coupling_says_why() -> None:
    one = coupling(story.SKIPPED)
    assert (one.skipped, one.last_result_to_crm, one.error_code) == (True, "FAILURE", "LOOKUP_NOT_COUPLED")
    assert customer(story.SKIPPED)["currencyCode"] == "PLN"
    assert ("CURRENCY", "PLN") not in couplings()


def test_only_the_failures_of_the_story_are_recorded() -> None:
    failed = {one.bc_natural_key for one in couplings().values() if one.error_code}
    assert failed == {story.SALESPERSON_GAP, story.OWNER_GAP, story.SKIPPED}


def test_one_coupled_user_is_disabled_and_owns_an_account() -> None:
    owner = crm("systemusers", "systemuserid", account(story.DISABLED_OWNER)["_ownerid_value"])
    assert owner["isdisabled"] is True
    assert couplings()["SALESPERSON", story.DISABLED_SALESPERSON].crm_id == owner["systemuserid"]


def test_the_default_team_owns_an_account_without_salesperson() -> None:
    assert not customer(story.TEAM_OWNED).get("salespersonCode")
    assert account(story.TEAM_OWNED)["_owningteam_value"] == DEFAULT_TEAM_ID


def test_one_customer_is_blocked_while_its_account_is_active() -> None:
    assert customer(story.BLOCKED)["blocked"] == "All"
    assert account(story.BLOCKED)["statecode"] == 0
    assert account(story.INACTIVE_ACCOUNT)["statecode"] == 1


def test_the_special_balances_are_there() -> None:
    assert detail(story.ALL_OVERDUE)["overdueAmount"] == detail(story.ALL_OVERDUE)["balance"] == Decimal("7308.65")
    exceeded = customer(story.LIMIT_EXCEEDED)
    assert Decimal(str(exceeded["balanceDue"])) > Decimal(str(exceeded["creditLimit"])) > 0
    assert not find(0, "$customerLedgerEntries", "customerNo", story.NO_ENTRIES)
    assert not find(0, "salesOrders", "customerNumber", story.NO_ENTRIES)


def test_one_customer_bills_in_dollars() -> None:
    entries = find(0, "$customerLedgerEntries", "customerNo", story.BILLS_IN_USD)
    assert {entry["currencyCode"] for entry in entries} == {"USD"}
    assert detail(story.BILLS_IN_USD)["balance"] == Decimal("4000.00")
    dollar = crm("transactioncurrencies", "isocurrencycode", "USD")["transactioncurrencyid"]
    assert account(story.BILLS_IN_USD)["_transactioncurrencyid_value"] == dollar


def test_names_and_numbers_hold_traps_on_both_sides() -> None:
    assert account(story.QUOTED_NAME)["name"] == customer(story.QUOTED_NAME)["displayName"] == "O'Neill & Söhne 100%"
    assert account(story.QUOTED_NUMBER)["accountnumber"] == "C'0099"
    assert account(story.PATTERN_NAME)["name"] == "Rad_Lager [Nord]"


def test_candidates_for_match_based_coupling_are_there() -> None:
    by_case = crm("accounts", "name", "ÖLBERG RÄDER GMBH")
    assert str(by_case["name"]).casefold() == str(customer(story.CASE_MATCH)["displayName"]).casefold()
    assert crm("accounts", "accountnumber", story.NUMBER_MATCH)["name"] != customer(story.NUMBER_MATCH)["displayName"]
    assert len(find(1, "accounts", "name", customer(story.AMBIGUOUS_MATCH)["displayName"])) == 2


def test_most_coupled_accounts_carry_the_customer_number() -> None:
    coupled = [one for (mapping, _), one in couplings().items() if mapping == "CUSTOMER"]
    numbered = [one for one in coupled if one.crm_natural_key is not None]
    assert len(coupled) * 0.9 < len(numbered) < len(coupled)
    assert all(one.crm_natural_key == one.bc_natural_key for one in numbered)


@pytest.mark.parametrize(
    ("number", "by_location"),
    [
        (story.IN_STOCK, {"MAIN": 102, "EAST": 35, "WEST": 8}),
        (story.OUT_OF_STOCK, {}),
        (story.NEGATIVE_STOCK, {"MAIN": -4}),
        (story.IN_TRANSIT, {"MAIN": 110, "TRANSIT": 40}),
        (story.SERVICE, {}),
        (story.WITH_VARIANTS, {"MAIN": 75, "EAST": 6}),
        (story.BY_THE_METRE, {"MAIN": Decimal("1287.5")}),
        (story.SHORT, {"MAIN": 20}),
    ],
)
def test_stock_is_where_the_story_says(number: str, by_location: dict[object, Decimal]) -> None:
    assert stock(number) == by_location
    assert item(number).get("inventory", 0) == sum(by_location.values())


def test_a_product_shows_the_stock_but_never_less_than_nothing() -> None:
    assert crm("products", "productnumber", story.IN_STOCK)["quantityonhand"] == 145
    assert crm("products", "productnumber", story.NEGATIVE_STOCK)["quantityonhand"] == 0


def test_a_shortage_ends_when_the_purchase_order_arrives() -> None:
    wanted = find(0, "salesOrderLines", "lineObjectNumber", story.SHORT)
    (coming,) = find(0, "$purchaseLines", "itemNo", story.SHORT)
    assert {row["shipmentDate"] for row in wanted} == {story.SHORT_DEMAND_DATE.isoformat()}
    assert sum(Decimal(str(row["quantity"])) for row in wanted) == 35
    assert coming["expectedReceiptDate"] == story.SHORT_RECEIPT_DATE.isoformat()


def test_items_and_products_show_their_states() -> None:
    assert item(story.BLOCKED_ITEM)["blocked"] is True
    assert crm("products", "productnumber", story.BLOCKED_ITEM)["statecode"] == 0
    assert "blocked" not in item(story.RETIRED_PRODUCT)
    assert crm("products", "productnumber", story.RETIRED_PRODUCT)["statecode"] == 1
    assert ("ITEM", story.UNCOUPLED_ITEM) not in couplings()
    assert item(story.SERVICE)["type"] == "Service"
    assert len(find(0, "itemVariants", "itemNumber", story.WITH_VARIANTS)) == 4
    assert item(story.TRAP_ITEM)["displayName"] == "Kids' bike 20\" [red_100%]"


def test_an_item_was_renamed_on_both_sides() -> None:
    one = couplings()["ITEM", story.ITEM_CONFLICT]
    product = crm("products", "productid", one.crm_id)
    assert item(story.ITEM_CONFLICT)["displayName"] == story.ITEM_NAME.business_central
    assert product["name"] == story.ITEM_NAME.dataverse
    assert item(story.ITEM_CONFLICT)["lastModifiedDateTime"] > bc_instant(one.bc_modified_at)  # type: ignore[operator]
    assert product["modifiedon"] > crm_instant(one.crm_modified_at)  # type: ignore[operator]


def test_the_demo_people_and_the_gateway_are_users_of_the_crm() -> None:
    by_object = {row["azureactivedirectoryobjectid"]: row for row in sides()[1]["systemusers"]}
    for person in people.DEMO_PEOPLE:
        assert by_object[person.object_id]["domainname"] == person.user_name
        assert by_object[person.object_id]["fullname"] == person.display_name
    application = crm("systemusers", "systemuserid", APPLICATION_USER_ID)
    assert (application["applicationid"], application["accessmode"]) == (people.GATEWAY_CLIENT_ID, 4)


def test_twelve_salespeople_of_whom_ten_are_coupled() -> None:
    assert len(sides()[0]["salespeoplePurchasers"]) == 12
    assert sum(mapping == "SALESPERSON" for mapping, _ in couplings()) == 10


def test_every_coupling_but_the_orphan_leads_to_two_records() -> None:
    business_central, dataverse = sides()
    sets = {
        "CUSTOMER": ("customers", "accounts", "accountid"),
        "CONTACT": ("contacts", "contacts", "contactid"),
        "ITEM": ("items", "products", "productid"),
        "SALESPERSON": ("salespeoplePurchasers", "systemusers", "systemuserid"),
        "CURRENCY": ("currencies", "transactioncurrencies", "transactioncurrencyid"),
        "UNIT_OF_MEASURE": ("unitsOfMeasure", "uomschedules", "uomscheduleid"),
        "OPPORTUNITY": ("opportunities", "opportunities", "opportunityid"),
    }
    for mapping, (bc_set, crm_set, key) in sets.items():
        bc_ids = {row["id"] for row in business_central[bc_set]}
        crm_ids = {row[key] for row in dataverse[crm_set]}
        mine = [one for one in couplings().values() if one.mapping == mapping]
        assert {one.bc_id for one in mine} <= bc_ids
        assert {one.bc_natural_key for one in mine if one.crm_id not in crm_ids} <= {story.ORPHANED}


def test_no_record_is_coupled_twice() -> None:
    all_of_them = list(demo_company().couplings())
    assert len({(one.mapping, one.bc_id) for one in all_of_them}) == len(all_of_them)
    assert len({(one.mapping, one.option or one.crm_id) for one in all_of_them}) == len(all_of_them)


def test_nothing_happened_after_the_first_minute_of_the_story() -> None:
    now = bc_instant(story.STORY_TIME)
    business_central, dataverse = sides()
    for side, column in ((business_central, "lastModifiedDateTime"), (dataverse, "modifiedon")):
        assert max(str(row.get(column, "")) for rows in side.values() for row in rows) < now
    for row in (row for rows in dataverse.values() for row in rows):
        assert str(row.get("createdon", "")) <= str(row.get("modifiedon", ""))
