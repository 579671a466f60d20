"""What is written of a coupled record, decided over the sandbox: only what differs, or why nothing can be."""

from collections.abc import Mapping as ReadOnly
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from gateway.couplings.coupling import Coupling, Mapping
from gateway.couplings.store import CouplingFilter
from gateway.errors import ErrorCode, RefusalError
from gateway.odata.write import Update
from gateway.records import Backend, Values
from gateway.sandbox.company import story
from gateway.sync.mapping import Direction, TableMapping
from gateway.sync.mappings import TABLE_MAPPINGS
from gateway.sync.records import Found, Records
from gateway.sync.transfer import Pair, Prepared, prepare_each
from tests.sync.desks import Office

pytestmark = pytest.mark.anyio

BC, CRM = Backend.BUSINESS_CENTRAL, Backend.DATAVERSE
CUSTOMER = TABLE_MAPPINGS[Mapping.CUSTOMER]


async def prepared(office: Office, mapping: TableMapping, to: Backend, bc: Found, crm: Found) -> Prepared:
    outcome = await outcome_of(office, mapping, to, bc, crm)
    assert isinstance(outcome, Prepared), outcome
    return outcome


async def refused(office: Office, mapping: TableMapping, to: Backend, bc: Found, crm: Found) -> RefusalError:
    outcome = await outcome_of(office, mapping, to, bc, crm)
    assert isinstance(outcome, RefusalError), outcome
    return outcome


async def outcome_of(
    office: Office, mapping: TableMapping, to: Backend, bc: Found, crm: Found
) -> Prepared | RefusalError:
    pair = Pair(bc, crm) if to is CRM else Pair(crm, bc)
    (outcome,) = await prepare_each(office.desk(), mapping, to=to, pairs=[pair])
    return outcome


def changed(mapping: TableMapping, name: str, **changes: Any) -> TableMapping:
    """The mapping with one of its fields set up otherwise."""
    fields = tuple(replace(each, **changes) if each.name == name else each for each in mapping.fields)
    return replace(mapping, fields=fields)


def having(record: Found, values: ReadOnly[str, object]) -> Found:
    return replace(record, values={**record.values, **values})


# -- values ------------------------------------------------------------------------------------------------------------------


async def test_only_what_differs_is_written_and_all_that_agrees_is_remembered(own_office: Office) -> None:
    bc, crm = await own_office.coupled(Mapping.CUSTOMER, story.CONFLICT)
    to_crm = await prepared(own_office, CUSTOMER, CRM, bc, crm)
    assert to_crm.values == {"telephone1": story.CONFLICT_PHONE.business_central}
    to_bc = await prepared(own_office, CUSTOMER, BC, bc, crm)
    assert to_bc.values == {"phoneNumber": story.CONFLICT_PHONE.dataverse}
    assert to_crm.base["phoneNumber"] == story.CONFLICT_PHONE.business_central
    assert (to_crm.base["addressLine2"], to_crm.base["currencyCode"]) == ("", "EUR")
    one_way = {"creditLimit", "salespersonCode"}
    assert to_crm.base.keys() - to_bc.base.keys() == one_way
    assert "number" not in to_crm.base, "a field that is not enabled is not synchronized"


async def test_of_records_that_are_alike_nothing_is_written(own_office: Office) -> None:
    bc, crm = await own_office.coupled(Mapping.CUSTOMER, story.HARBOUR)
    for to in Backend:
        assert (await prepared(own_office, CUSTOMER, to, bc, crm)).values == {}


async def test_a_blank_is_written_as_the_other_side_writes_it(own_office: Office) -> None:
    bc, crm = await own_office.coupled(Mapping.CUSTOMER, story.HARBOUR)
    emptied = await prepared(own_office, CUSTOMER, CRM, having(bc, {"city": None, "creditLimit": 0}), crm)
    assert emptied.values == {"address1_city": None, "creditlimit": 0}
    assert (emptied.base["city"], emptied.base["creditLimit"]) == ("", "0")
    assert (await prepared(own_office, CUSTOMER, BC, bc, having(crm, {"address1_city": None}))).values == {"city": ""}


async def test_not_null_keeps_what_is_there(own_office: Office) -> None:
    bc, crm = await own_office.coupled(Mapping.CUSTOMER, story.HARBOUR)
    kept = changed(CUSTOMER, "city", not_null=True)
    outcome = await prepared(own_office, kept, CRM, having(bc, {"city": None}), crm)
    assert outcome.values == {}
    assert "city" not in outcome.base


async def test_a_text_there_is_no_room_for_is_refused_before_anything_is_written(own_office: Office) -> None:
    bc, crm = await own_office.coupled(Mapping.CUSTOMER, story.HARBOUR)
    refusal = await refused(own_office, CUSTOMER, BC, bc, having(crm, {"name": "x" * 101}))
    assert refusal.code is ErrorCode.BACKEND_REJECTED
    assert refusal.message == (
        f"Name of account C00210 ({crm.name}) has 101 characters, Business Central takes 100.".replace(
            str(crm.name), "x" * 101
        )
    )
    assert (await prepared(own_office, CUSTOMER, BC, bc, having(crm, {"name": "x" * 100}))).values != {}
    website = having(bc, {"website": "w" * 201})
    assert (await refused(own_office, CUSTOMER, CRM, website, crm)).code is ErrorCode.BACKEND_REJECTED


async def test_a_mapping_writes_the_ways_it_has(own_office: Office) -> None:
    bc, crm = await own_office.coupled(Mapping.SALESPERSON, story.STORY_SALESPERSON)
    refusal = await refused(own_office, TABLE_MAPPINGS[Mapping.SALESPERSON], CRM, bc, crm)
    assert refusal.code is ErrorCode.DIRECTION_NOT_ALLOWED
    assert "SALESPEOPLE does not write to Dataverse" in refusal.message


async def test_what_an_api_does_not_let_be_set_is_refused(own_office: Office) -> None:
    bc, crm = await own_office.coupled(Mapping.ITEM, story.IN_STOCK)
    both_ways = changed(TABLE_MAPPINGS[Mapping.ITEM], "inventory", direction=Direction.BIDIRECTIONAL)
    refusal = await refused(own_office, both_ways, BC, bc, having(crm, {"quantityonhand": 7}))
    assert refusal.code is ErrorCode.DIRECTION_NOT_ALLOWED
    assert "the API of Business Central does not let it be set" in refusal.message


async def test_a_code_that_crm_takes_once_cannot_be_changed(own_office: Office) -> None:
    bc, crm = await own_office.coupled(Mapping.UNIT_OF_MEASURE, "PCS")
    refusal = await refused(own_office, TABLE_MAPPINGS[Mapping.UNIT_OF_MEASURE], CRM, having(bc, {"code": "PC"}), crm)
    assert refusal.code is ErrorCode.DIRECTION_NOT_ALLOWED
    assert "does not let it be set once the row is there" in refusal.message


async def test_a_name_is_written_in_its_parts(own_office: Office) -> None:
    (bc,) = await own_office.found(Mapping.CONTACT, BC, "CT00210-1")
    crm = await own_office.one(Mapping.CONTACT, CRM, (await own_office.coupling(Mapping.CONTACT, bc.id)).crm_id)
    mapping = TABLE_MAPPINGS[Mapping.CONTACT]
    outcome = await prepared(own_office, mapping, CRM, having(bc, {"displayName": "Anna Maria Vos"}), crm)
    assert outcome.values["firstname"] == "Anna"
    assert (outcome.values["middlename"], outcome.values["lastname"]) == ("Maria", "Vos")
    assert "fullname" not in outcome.values
    written = having(crm, outcome.values)
    again = await prepared(own_office, mapping, BC, having(bc, {"displayName": "Anna Maria Vos"}), written)
    assert "displayName" not in again.values
    long = having(bc, {"displayName": f"Anna {'V' * 51}"})
    assert (await refused(own_office, mapping, CRM, long, crm)).code is ErrorCode.BACKEND_REJECTED


async def test_a_row_that_bears_no_company_gets_ours(own_office: Office) -> None:
    bc, crm = await own_office.coupled(Mapping.CUSTOMER, story.HARBOUR)
    outcome = await prepared(own_office, CUSTOMER, CRM, bc, having(crm, {"_bcbi_companyid_value": None}))
    (name,) = outcome.values
    assert name.lower() == "bcbi_companyid@odata.bind"


# -- amounts -----------------------------------------------------------------------------------------------------------------


async def currency_id(office: Office, code: str) -> str:
    (row,) = await office.found(Mapping.CURRENCY, CRM, code)
    return str(row.id)


async def test_a_product_goes_back_to_the_local_currency_of_its_prices(own_office: Office) -> None:
    bc, crm = await own_office.coupled(Mapping.ITEM, story.IN_STOCK)
    item = TABLE_MAPPINGS[Mapping.ITEM]
    euro = crm.values["_transactioncurrencyid_value"]
    for other in (await currency_id(own_office, "CHF"), None):
        outcome = await prepared(own_office, item, CRM, bc, having(crm, {"_transactioncurrencyid_value": other}))
        assert outcome.values == {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({euro})"}
        assert outcome.base["currencyCode"] == "EUR"


async def test_an_estimate_brings_the_local_currency_along(own_office: Office) -> None:
    bc, crm = await own_office.coupled_opportunity("OP000001")
    mapping = TABLE_MAPPINGS[Mapping.OPPORTUNITY]
    franc = {"_transactioncurrencyid_value": await currency_id(own_office, "CHF")}
    free = having(crm, {**franc, "_pricelevelid_value": None})
    outcome = await prepared(own_office, mapping, CRM, bc, free)
    assert outcome.values.keys() == {"transactioncurrencyid@odata.bind"}
    none = having(bc, {"estimatedValue": 0})
    assert (await prepared(own_office, mapping, CRM, none, free)).values == {}, (
        "CRM's own estimate is in CRM's own currency"
    )
    listed = having(crm, {**franc, "_pricelevelid_value": str(crm.id)})
    refusal = await refused(own_office, mapping, CRM, bc, listed)
    assert refusal.code is ErrorCode.DIRECTION_NOT_ALLOWED
    assert refusal.message.startswith(
        "Opportunity OP000001 (Spring season trekking bikes) has amounts in local currency"
    )
    assert [each.number for each in refusal.records] == ["OP000001", None]


async def test_a_credit_limit_in_local_currency_is_not_written_to_an_account_in_another(own_office: Office) -> None:
    bc, crm = await own_office.coupled(Mapping.CUSTOMER, story.BILLS_IN_USD)
    outcome = await prepared(own_office, CUSTOMER, CRM, having(bc, {"creditLimit": Decimal(77)}), crm)
    assert outcome.values == {}
    assert "creditLimit" not in outcome.base
    euro = await currency_id(own_office, "EUR")
    was_local = having(crm, {"_transactioncurrencyid_value": euro, "creditlimit": Decimal(50)})
    outcome = await prepared(own_office, CUSTOMER, CRM, bc, was_local)
    assert outcome.values["creditlimit"] is None, "50 euros are not 50 dollars"
    local = await prepared(own_office, CUSTOMER, CRM, having(bc, {"currencyId": None, "creditLimit": Decimal(77)}), crm)
    assert local.values["creditlimit"] == 77


@pytest.mark.parametrize(("places", "price", "cost"), [(2, "1.24", "7"), (4, "1.2351", "7.0049")])
async def test_prices_have_the_decimals_that_crm_keeps(own_office: Office, places: int, price: str, cost: str) -> None:
    (organization,) = own_office.api.sandbox.dataverse.select("organizations")
    change = {"pricingdecimalprecision": places}
    await own_office.api.in_dataverse("PATCH", f"organizations({organization['organizationid']})", change)
    bc, crm = await own_office.coupled(Mapping.ITEM, story.IN_STOCK)
    item = TABLE_MAPPINGS[Mapping.ITEM]
    dear = having(bc, {"unitPrice": Decimal("1.23506"), "unitCost": Decimal("7.00490")})
    outcome = await prepared(own_office, item, CRM, dear, crm)
    assert (outcome.values["price"], outcome.values["standardcost"]) == (Decimal(price), Decimal(cost))
    kept = having(crm, outcome.values)
    again = await prepared(own_office, item, CRM, dear, kept)
    assert again.values == {}
    assert (again.base["unitPrice"], again.base["unitCost"]) == (price, cost)


# -- what is worked out ------------------------------------------------------------------------------------------------------


async def test_a_person_who_moves_gets_the_account_of_the_new_company(own_office: Office) -> None:
    (bc,) = await own_office.found(Mapping.CONTACT, BC, "CT00210-1")
    crm = await own_office.one(Mapping.CONTACT, CRM, (await own_office.coupling(Mapping.CONTACT, bc.id)).crm_id)
    mapping = TABLE_MAPPINGS[Mapping.CONTACT]
    _, old = await own_office.coupled(Mapping.CUSTOMER, story.HARBOUR)
    _, new = await own_office.coupled(Mapping.CUSTOMER, story.BILLS_IN_USD)
    parent, company = "parentcustomerid_account@odata.bind", "companyNumber"
    for to in Backend:
        assert not {parent, company} & (await prepared(own_office, mapping, to, bc, crm)).values.keys()
    moved = having(crm, {"_parentcustomerid_value": str(new.id)})
    assert (await prepared(own_office, mapping, CRM, bc, moved)).values[parent] == f"/accounts({old.id})"
    assert (await prepared(own_office, mapping, BC, bc, moved)).values[company] == f"CT{story.BILLS_IN_USD[1:]}"


async def test_a_person_who_moves_to_a_company_without_an_account_is_refused(own_office: Office) -> None:
    (bc,) = await own_office.found(Mapping.CONTACT, BC, f"CT{story.UNCOUPLED[1:]}-1")
    (other,) = await own_office.found(Mapping.CONTACT, BC, "CT00210-1")
    crm = await own_office.one(Mapping.CONTACT, CRM, (await own_office.coupling(Mapping.CONTACT, other.id)).crm_id)
    refusal = await refused(own_office, TABLE_MAPPINGS[Mapping.CONTACT], CRM, bc, crm)
    assert refusal.code is ErrorCode.LOOKUP_NOT_COUPLED
    assert [each.number for each in refusal.records] == [story.UNCOUPLED, f"CT{story.UNCOUPLED[1:]}-1"]


async def test_an_opportunity_follows_its_contact_to_another_account(own_office: Office) -> None:
    bc, crm = await own_office.coupled_opportunity("OP000001")
    _, new = await own_office.coupled(Mapping.CUSTOMER, story.BILLS_IN_USD)
    at = f"/accounts({crm.values['_parentaccountid_value']})"
    elsewhere = {"_parentaccountid_value": str(new.id), "_customerid_value": str(new.id)}
    mapping = TABLE_MAPPINGS[Mapping.OPPORTUNITY]
    outcome = await prepared(own_office, mapping, CRM, bc, having(crm, elsewhere))
    assert outcome.values == {"parentaccountid@odata.bind": at, "customerid_account@odata.bind": at}
    chosen = having(crm, {**elsewhere, "_customerid_value": str(crm.id)})
    assert (await prepared(own_office, mapping, CRM, bc, chosen)).values == {"parentaccountid@odata.bind": at}


async def test_the_exchange_rate_of_a_currency_follows_business_central(own_office: Office) -> None:
    bc, crm = await own_office.coupled(Mapping.CURRENCY, "USD")
    mapping = TABLE_MAPPINGS[Mapping.CURRENCY]
    rate = crm.values["exchangerate"]
    assert (await prepared(own_office, mapping, CRM, bc, crm)).values == {}
    outcome = await prepared(own_office, mapping, CRM, bc, having(crm, {"exchangerate": Decimal(2)}))
    assert outcome.values == {"exchangerate": rate}


# -- records that hold what cannot be so -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "lie"),
    [
        (BC, {"creditLimit": "much"}),
        (BC, {"currencyId": "euro"}),
        (BC, {"lastModifiedDateTime": "soon"}),
        (CRM, {"creditlimit": "much"}),
        (CRM, {"_owninguser_value": "somebody"}),
    ],
)
async def test_one_lie_is_that_records_own_outcome(own_office: Office, side: Backend, lie: Values) -> None:
    bc, crm = await own_office.coupled(Mapping.CUSTOMER, story.HARBOUR)
    other = await own_office.coupled(Mapping.CUSTOMER, story.CONFLICT)
    lying = (having(bc, lie), crm) if side is BC else (bc, having(crm, lie))
    refusal, fine = await prepare_each(own_office.desk(), CUSTOMER, to=CRM, pairs=[Pair(*lying), Pair(*other)])
    assert isinstance(refusal, RefusalError)
    assert refusal.code is ErrorCode.BACKEND_PROTOCOL_ERROR
    assert refusal.message.startswith(f"Customer C00210 ({bc.name}) cannot be synchronized. {side.label} sent ")
    assert isinstance(fine, Prepared)
    assert fine.values == {"telephone1": story.CONFLICT_PHONE.business_central}


# -- look-ups ----------------------------------------------------------------------------------------------------------------


async def test_a_salesperson_who_is_not_coupled(own_office: Office) -> None:
    bc, crm = await own_office.coupled(Mapping.CUSTOMER, story.SALESPERSON_GAP)
    refusal = await refused(own_office, CUSTOMER, CRM, bc, crm)
    assert refusal.code is ErrorCode.SALESPERSON_NOT_COUPLED
    assert refusal.message.startswith("Salesperson KT (Kaia Thorsen) must be coupled to a user")
    assert [each.number for each in refusal.records] == ["KT", story.SALESPERSON_GAP]
    assert "coupleSalespersons" in refusal.hint
    assert (await prepared(own_office, CUSTOMER, BC, bc, crm)).values == {}, "the owner is not mapped back"


async def test_the_user_of_the_salesperson_becomes_the_owner(own_office: Office) -> None:
    bc, crm = await own_office.coupled(Mapping.CUSTOMER, story.OWNER_GAP)
    outcome = await prepared(own_office, CUSTOMER, CRM, bc, crm)
    (salesperson,) = await own_office.found(Mapping.SALESPERSON, BC, "AB")
    user = (await own_office.coupling(Mapping.SALESPERSON, salesperson.id)).crm_id
    assert outcome.values == {"ownerid@odata.bind": f"/systemusers({user})"}
    assert outcome.base["salespersonCode"] == "AB"


async def test_a_salesperson_who_got_another_s_code_is_not_taken_for_the_other(own_office: Office) -> None:
    """Codes are asked for anew, whatever a look-up before has kept."""
    bc, crm = await own_office.coupled(Mapping.CUSTOMER, story.OWNER_GAP)
    await prepared(own_office, CUSTOMER, CRM, bc, crm)
    (ab, jo) = await own_office.found(Mapping.SALESPERSON, BC, "AB", "JO")
    for who, code in ((ab, "WAS-AB"), (jo, "AB")):
        await own_office.api.in_business_central("PATCH", f"salespeoplePurchasers({who.id})", {"code": code})
    user = (await own_office.coupling(Mapping.SALESPERSON, jo.id)).crm_id
    outcome = await prepared(own_office, CUSTOMER, CRM, having(bc, {"salespersonCode": "AB"}), crm)
    assert outcome.values == {"ownerid@odata.bind": f"/systemusers({user})"}


@pytest.mark.parametrize("code", [None, "NOBODY"])
async def test_without_a_salesperson_the_owner_stays(own_office: Office, code: str | None) -> None:
    bc, crm = await own_office.coupled(Mapping.CUSTOMER, story.HARBOUR)
    outcome = await prepared(own_office, CUSTOMER, CRM, having(bc, {"salespersonCode": code}), crm)
    assert outcome.values == {}
    assert "salespersonCode" not in outcome.base


async def test_the_owner_on_the_way_back(own_office: Office) -> None:
    """Only where a mapping says so: the user's salesperson, nobody for a team, a refusal for anybody else."""
    back = changed(CUSTOMER, "salespersonCode", direction=Direction.BIDIRECTIONAL)
    bc, crm = await own_office.coupled(Mapping.CUSTOMER, story.OWNER_GAP)
    refusal = await refused(own_office, back, BC, bc, crm)
    assert refusal.code is ErrorCode.OWNER_NOT_COUPLED
    assert refusal.records[0].name == "Ruben Castell"
    harbour, account = await own_office.coupled(Mapping.CUSTOMER, story.HARBOUR)
    outcome = await prepared(own_office, back, BC, having(harbour, {"salespersonCode": "EV"}), account)
    assert outcome.values == {"salespersonCode": "JO"}
    team = having(account, {"_owninguser_value": None})
    assert (await prepared(own_office, back, BC, harbour, team)).values == {}


async def test_a_currency_that_is_not_coupled(own_office: Office) -> None:
    bc, crm = await own_office.coupled(Mapping.CUSTOMER, story.SKIPPED)
    refusal = await refused(own_office, CUSTOMER, CRM, bc, crm)
    assert refusal.code is ErrorCode.LOOKUP_NOT_COUPLED
    assert refusal.message.startswith("Currency PLN (Polish zloty) must be coupled")
    assert [each.number for each in refusal.records] == ["PLN", story.SKIPPED]


async def test_a_look_up_that_may_be_emptied_instead(own_office: Office) -> None:
    lenient = changed(CUSTOMER, "currencyCode", clear_on_failed=True)
    bc, crm = await own_office.coupled(Mapping.CUSTOMER, story.SKIPPED)
    outcome = await prepared(own_office, lenient, CRM, bc, crm)
    assert outcome.values == {"transactioncurrencyid@odata.bind": None, "creditlimit": None}
    assert "currencyCode" not in outcome.base


async def test_the_local_currency_is_blank_in_business_central(own_office: Office) -> None:
    bc, crm = await own_office.coupled(Mapping.CUSTOMER, story.BILLS_IN_USD)
    _, euro = await own_office.coupled(Mapping.CUSTOMER, story.HARBOUR)
    local = euro.values["_transactioncurrencyid_value"]
    to_crm = await prepared(own_office, CUSTOMER, CRM, having(bc, {"currencyId": None}), crm)
    assert to_crm.values == {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({local})"}
    assert to_crm.base["currencyCode"] == "EUR"
    to_bc = await prepared(own_office, CUSTOMER, BC, bc, having(crm, {"_transactioncurrencyid_value": local}))
    assert (to_bc.values, to_bc.base["currencyCode"]) == ({"currencyId": None}, "EUR")


async def test_a_product_in_a_unit_group_of_its_own_keeps_it(own_office: Office) -> None:
    bc, crm = await own_office.coupled(Mapping.ITEM, story.IN_STOCK)
    item = TABLE_MAPPINGS[Mapping.ITEM]
    assert (await prepared(own_office, item, CRM, bc, crm)).base["baseUnitOfMeasureCode"] == "PCS"
    (box,) = await own_office.found(Mapping.UNIT_OF_MEASURE, BC, "BOX")
    outcome = await prepared(own_office, item, CRM, having(bc, {"baseUnitOfMeasureId": str(box.id)}), crm)
    assert outcome.values.keys() == {"defaultuomscheduleid@odata.bind", "defaultuomid@odata.bind"}
    refusal = await refused(own_office, item, BC, having(bc, {"baseUnitOfMeasureId": str(box.id)}), crm)
    assert refusal.code is ErrorCode.LOOKUP_NOT_COUPLED


# -- what is prepared is taken -----------------------------------------------------------------------------------------------


async def written(office: Office, mapping: TableMapping, to: Backend, number: str) -> Values:
    """What was written of a coupled pair; afterwards nothing is left to write."""
    bc, crm = await office.coupled(mapping.mapping, number)
    outcome = await prepared(office, mapping, to, bc, crm)
    target = crm if to is CRM else bc
    assert target.etag is not None
    desk = office.desk()
    with desk.calling() as call:
        path = desk.path(target.table.source)
        await desk.client(target.table.source).write(Update(path, target.id, outcome.values, target.etag), call=call)
    bc, crm = await office.coupled(mapping.mapping, number)
    again = await prepared(office, mapping, to, bc, crm)
    assert (again.values, again.base) == ({}, outcome.base)
    return outcome.values


@pytest.mark.parametrize(
    ("mapping", "number", "changes", "columns"),
    [
        (Mapping.CUSTOMER, story.HARBOUR, {"city": "", "email": "", "creditLimit": 0}, 3),
        (Mapping.CUSTOMER, story.HARBOUR, {"salespersonCode": "EV"}, 1),
        (Mapping.CUSTOMER, story.HARBOUR, {"currencyCode": "USD"}, 2),
        (Mapping.CUSTOMER, story.BILLS_IN_USD, {"currencyCode": "EUR"}, 1),
        (Mapping.ITEM, story.WITH_VARIANTS, {"unitPrice": Decimal("7.25"), "displayName": "Söhne's 28\""}, 2),
        (Mapping.ITEM, story.WITH_VARIANTS, {"baseUnitOfMeasureCode": "BOX"}, 2),
        (Mapping.CONTACT, "CT00210-1", {"displayName": "Anna Maria Vos", "website": "", "mobilePhoneNumber": ""}, 3),
        (Mapping.OPPORTUNITY, "OP000001", {"description": "Another name"}, 1),
        (Mapping.CURRENCY, "USD", {"displayName": "Dollars", "symbol": ""}, 2),
    ],
)
async def test_crm_takes_what_is_prepared(
    own_office: Office, mapping: Mapping, number: str, changes: dict[str, Any], columns: int
) -> None:
    table = TABLE_MAPPINGS[mapping]
    (bc,) = await own_office.found(mapping, BC, number)
    await own_office.api.in_business_central("PATCH", f"{table.bc.source.name}({bc.id})", changes)
    assert len(await written(own_office, table, CRM, number)) == columns


@pytest.mark.parametrize(
    ("mapping", "number", "changes", "columns"),
    [
        (Mapping.CUSTOMER, story.HARBOUR, {"address1_city": None, "emailaddress1": None, "creditlimit": 3}, 2),
        (Mapping.CUSTOMER, story.HARBOUR, {"address1_postalcode": "1011 ab", "name": 'Söhne\'s "Bikes"'}, 2),
        (Mapping.CONTACT, "CT00210-1", {"firstname": "Anna", "middlename": "M.", "lastname": "Vos"}, 3),
        (Mapping.ITEM, story.WITH_VARIANTS, {"name": "Another name", "price": 3}, 1),
        (Mapping.OPPORTUNITY, "OP000003", {"name": "Another name", "estimatedvalue": 3}, 1),
        (Mapping.SALESPERSON, story.STORY_SALESPERSON, {"mobilephone": "+31 6 555 0000"}, 1),
    ],
)
async def test_business_central_takes_what_is_prepared(
    own_office: Office, mapping: Mapping, number: str, changes: dict[str, Any], columns: int
) -> None:
    table = TABLE_MAPPINGS[mapping]
    _, crm = await own_office.coupled(mapping, number)
    await own_office.api.in_dataverse("PATCH", f"{table.crm.source.name}({crm.id})", changes)
    assert len(await written(own_office, table, BC, number)) == columns


@pytest.mark.parametrize("code", ["USD", None])
async def test_a_currency_goes_back(own_office: Office, code: str | None) -> None:
    number, other = (story.HARBOUR, story.BILLS_IN_USD) if code else (story.BILLS_IN_USD, story.HARBOUR)
    _, account = await own_office.coupled(Mapping.CUSTOMER, number)
    _, like = await own_office.coupled(Mapping.CUSTOMER, other)
    currency = f"/transactioncurrencies({like.values['_transactioncurrencyid_value']})"
    await own_office.api.in_dataverse(
        "PATCH", f"accounts({account.id})", {"transactioncurrencyid@odata.bind": currency}
    )
    values = await written(own_office, CUSTOMER, BC, number)
    assert (values["currencyId"] is None) is (code is None)


async def test_a_look_up_is_emptied_where_that_is_wanted(own_office: Office) -> None:
    bc, crm = await own_office.coupled(Mapping.CUSTOMER, story.SKIPPED)
    lenient = changed(CUSTOMER, "currencyCode", clear_on_failed=True)
    outcome = await prepared(own_office, lenient, CRM, bc, crm)
    assert crm.etag is not None
    desk = own_office.desk()
    with desk.calling() as call:
        update = Update("accounts", crm.id, outcome.values, crm.etag)
        await desk.client(crm.table.source).write(update, call=call)
    _, crm = await own_office.coupled(Mapping.CUSTOMER, story.SKIPPED)
    assert crm.values["_transactioncurrencyid_value"] is None


# -- cost --------------------------------------------------------------------------------------------------------------------


async def couplings(office: Office, mapping: Mapping, limit: int) -> list[Coupling]:
    store = office.api.app.state.running.services.couplings
    found: list[Coupling] = await store.page(CouplingFilter(mapping=mapping), after=None, limit=limit)
    return found


@pytest.mark.parametrize(
    ("mapping", "most"),
    [
        (Mapping.CUSTOMER, 5),
        (Mapping.VENDOR, 3),
        (Mapping.CONTACT, 2),
        (Mapping.ITEM, 4),
        (Mapping.OPPORTUNITY, 6),
        (Mapping.CURRENCY, 2),
    ],
)
async def test_a_page_costs_the_same_whatever_its_length(own_office: Office, mapping: Mapping, most: int) -> None:
    table = TABLE_MAPPINGS[mapping]
    pairs: list[Pair] = []
    known = await couplings(own_office, mapping, 150)
    bc = await Records(own_office.desk(), table, BC).by_id([each.bc_id for each in known])
    crm = await Records(own_office.desk(), table, CRM).by_id([each.crm_id for each in known])
    pairs = [Pair(bc[each.bc_id], crm[each.crm_id]) for each in known if each.bc_id in bc and each.crm_id in crm]
    for to in Backend:
        desk = own_office.desk()
        turned = pairs if to is CRM else [Pair(each.target, each.source) for each in pairs if each.target]
        await prepare_each(desk, table, to=to, pairs=turned)
        assert len(desk.asking.trace.steps) <= most
        assert desk.asking.trace.round_trips <= 4
