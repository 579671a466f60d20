"""A record made of one on the other side, written to the sandbox: it is as it should be, and nothing is left to write."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from gateway.couplings.coupling import Cause, Mapping
from gateway.couplings.store import Side
from gateway.errors import ErrorCode, ProtocolError, RefusalError
from gateway.odata.write import Create, Update
from gateway.records import Backend, Record, Values
from gateway.sandbox.company import story
from gateway.sync.creation import no_rate
from gateway.sync.exchange_rates import NoRate, factor_of, rate_of
from gateway.sync.mapping import TableMapping
from gateway.sync.mappings import TABLE_MAPPINGS
from gateway.sync.records import Found, Records
from gateway.sync.transfer import Pair, Prepared, prepare_each
from tests.sync.desks import Office

pytestmark = pytest.mark.anyio

BC, CRM = Backend.BUSINESS_CENTRAL, Backend.DATAVERSE


async def uncoupled(office: Office, mapping: TableMapping, backend: Backend) -> list[Found]:
    """Records that meet the mapping's filter and have no partner."""
    found: list[Found] = []
    async for page in Records(office.desk(), mapping, backend).pages(page_size=400):
        found += page
    side = Side.BUSINESS_CENTRAL if backend is BC else Side.DATAVERSE
    store = office.api.app.state.running.services.couplings
    have = await store.find(mapping.mapping, office.company, side, [each.id for each in found])
    return [each for each in found if each.id not in have]


async def prepared(office: Office, mapping: TableMapping, to: Backend, source: Found) -> Prepared:
    (outcome,) = await prepare_each(office.desk(), mapping, to=to, pairs=[Pair(source, None)])
    assert isinstance(outcome, Prepared), outcome
    return outcome


async def created(office: Office, mapping: TableMapping, to: Backend, prepared: Prepared) -> Found:
    """The record as it is, once everything is written."""
    desk, table, new = office.desk(), mapping.table(to), uuid4()
    client, path = desk.client(table.source), desk.path(table.source)
    with desk.calling() as call:
        written = await client.write(Create(path, new, prepared.values), call=call)
        for values in prepared.then:
            assert isinstance(written, Record)
            assert written.etag is not None
            written = await client.write(Update(path, new, values, written.etag), call=call)
    return await office.one(mapping.mapping, to, new)


async def is_settled(office: Office, mapping: TableMapping, to: Backend, source: Found, made: Prepared) -> Found:
    """Create it, and look whether anything would be written again."""
    now = await created(office, mapping, to, made)
    (again,) = await prepare_each(office.desk(), mapping, to=to, pairs=[Pair(source, now)])
    assert isinstance(again, Prepared)
    assert again.values == {}
    assert {name: made.base[name] for name in again.base} == again.base
    return now


async def test_a_customer_becomes_an_account(own_office: Office) -> None:
    mapping = TABLE_MAPPINGS[Mapping.CUSTOMER]
    (source,) = await own_office.found(Mapping.CUSTOMER, BC, story.UNCOUPLED)
    made = await prepared(own_office, mapping, CRM, source)
    account = await is_settled(own_office, mapping, CRM, source, made)
    assert account.values["customertypecode"] == 3
    assert account.values["_bcbi_companyid_value"] is not None
    assert account.values["_owninguser_value"] is not None
    assert (account.number, account.name) == (None, source.name), (
        "the number is not synchronized unless somebody enables it"
    )


async def test_what_has_no_salesperson_belongs_to_the_companys_team(own_office: Office) -> None:
    mapping = TABLE_MAPPINGS[Mapping.CUSTOMER]
    (source,) = await own_office.found(Mapping.CUSTOMER, BC, story.TEAM_OWNED)
    company = await own_office.desk().crm_company()
    assert company is not None
    made = await prepared(own_office, mapping, CRM, source)
    assert made.values["ownerid@odata.bind"] == f"/teams({company.default_team})"
    account = await is_settled(own_office, mapping, CRM, source, made)
    assert account.values["_owninguser_value"] is None


async def test_an_account_becomes_a_customer(own_office: Office) -> None:
    mapping = TABLE_MAPPINGS[Mapping.CUSTOMER]
    (source,) = await own_office.found(Mapping.CUSTOMER, CRM, story.CRM_ONLY_ACCOUNT_NUMBER)
    customer = await is_settled(own_office, mapping, BC, source, await prepared(own_office, mapping, BC, source))
    assert customer.name == story.CRM_ONLY_ACCOUNT
    assert customer.number is not None
    assert customer.number.startswith("C"), "from the number series"


async def test_an_item_becomes_an_active_product(own_office: Office) -> None:
    mapping = TABLE_MAPPINGS[Mapping.ITEM]
    (source,) = await own_office.found(Mapping.ITEM, BC, story.UNCOUPLED_ITEM)
    made = await prepared(own_office, mapping, CRM, source)
    product = await is_settled(own_office, mapping, CRM, source, made)
    assert (product.number, product.values["statecode"], product.values["producttypecode"]) == (source.number, 0, 1)
    assert "statecode" not in made.values, "it is created as a draft"


async def test_a_product_becomes_an_item(own_office: Office) -> None:
    mapping = TABLE_MAPPINGS[Mapping.ITEM]
    _, source = await own_office.coupled(Mapping.ITEM, "1253")
    made = await prepared(own_office, mapping, BC, source)
    assert made.values["type"] == "Inventory"
    assert (await is_settled(own_office, mapping, BC, source, made)).name == source.name


async def person(office: Office, account: UUID) -> Found:
    """A new contact of CRM at this account."""
    id = uuid4()
    values = {
        "firstname": "Anna",
        "middlename": "Maria",
        "lastname": "Vos",
        "telephone1": "+31 10 555 0101",
        "emailaddress1": "anna.vos@example.example",
        "websiteurl": "https://example.example",
        "mobilephone": "+31 6 555 0101",
        "address1_line1": "Kade 14",
        "parentcustomerid_account@odata.bind": f"/accounts({account})",
    }
    await office.api.in_dataverse("POST", "contacts", {"contactid": str(id), **values})
    return await office.one(Mapping.CONTACT, CRM, id)


async def test_a_contact_of_crm_becomes_a_person_at_the_customers_company(own_office: Office) -> None:
    mapping = TABLE_MAPPINGS[Mapping.CONTACT]
    _, account = await own_office.coupled(Mapping.CUSTOMER, story.HARBOUR)
    source = await person(own_office, account.id)
    made = await prepared(own_office, mapping, BC, source)
    assert (made.values["type"], made.values["companyNumber"]) == ("Person", "CT00210")
    assert made.values["displayName"] == "Anna Maria Vos"
    now = await created(own_office, mapping, BC, made)
    assert (now.values["companyNumber"], now.values["type"]) == ("CT00210", "Person")


async def test_a_person_becomes_a_contact_of_the_account(own_office: Office) -> None:
    mapping = TABLE_MAPPINGS[Mapping.CONTACT]
    _, account = await own_office.coupled(Mapping.CUSTOMER, story.HARBOUR)
    person = {"displayName": "Anna Maria Vos", "type": "Person", "companyNumber": "CT00210"}
    row = await own_office.api.in_business_central("POST", "contacts", person)
    source = await own_office.one(Mapping.CONTACT, BC, UUID(row["id"]))
    made = await prepared(own_office, mapping, CRM, source)
    contact = await is_settled(own_office, mapping, CRM, source, made)
    assert contact.values["_parentcustomerid_value"] == str(account.id)
    assert (contact.values["middlename"], contact.values["fullname"]) == ("Maria", "Anna Vos")


@pytest.mark.parametrize(("to", "noun"), [(CRM, "an account"), (BC, "a customer or a vendor")])
async def test_a_person_whose_company_is_not_coupled(own_office: Office, to: Backend, noun: str) -> None:
    mapping = TABLE_MAPPINGS[Mapping.CONTACT]
    if to is CRM:
        number = f"CT{story.UNCOUPLED[1:]}-1"
        (source,) = await own_office.found(Mapping.CONTACT, BC, number)
    else:
        (account,) = await own_office.found(Mapping.CUSTOMER, CRM, story.CRM_ONLY_ACCOUNT_NUMBER)
        source = await person(own_office, account.id)
    (outcome,) = await prepare_each(own_office.desk(), mapping, to=to, pairs=[Pair(source, None)])
    assert isinstance(outcome, RefusalError)
    assert outcome.code is ErrorCode.LOOKUP_NOT_COUPLED
    assert f"must be coupled to {noun}" in outcome.message
    assert len(outcome.records) == 2


async def test_a_contact_of_no_account_is_refused_without_asking(own_office: Office) -> None:
    (account,) = await own_office.found(Mapping.CUSTOMER, CRM, story.CRM_ONLY_ACCOUNT_NUMBER)
    source = await person(own_office, account.id)
    alone = replace(source, values={**source.values, "_parentcustomerid_value": None})
    desk = own_office.desk()
    (outcome,) = await prepare_each(desk, TABLE_MAPPINGS[Mapping.CONTACT], to=BC, pairs=[Pair(alone, None)])
    assert isinstance(outcome, RefusalError)
    assert "belongs to no account" in outcome.message
    assert desk.asking.trace.steps == []


async def test_users_become_salespersons_with_the_first_free_codes(own_office: Office) -> None:
    mapping = TABLE_MAPPINGS[Mapping.SALESPERSON]
    await own_office.api.in_business_central("POST", "salespeoplePurchasers", {"code": "SP NO. 00002"})
    sources = (await uncoupled(own_office, mapping, CRM))[:3]
    outcomes = await prepare_each(own_office.desk(), mapping, to=BC, pairs=[Pair(each, None) for each in sources])
    codes = [each.values["code"] for each in outcomes if isinstance(each, Prepared)]
    assert codes == ["SP NO. 00001", "SP NO. 00003", "SP NO. 00004"]
    assert isinstance(outcomes[0], Prepared)
    salesperson = await is_settled(own_office, mapping, BC, sources[0], outcomes[0])
    assert salesperson.values["email"] == sources[0].number


async def test_a_currency_goes_with_its_rate(own_office: Office) -> None:
    mapping = TABLE_MAPPINGS[Mapping.CURRENCY]
    (source,) = await own_office.found(Mapping.CURRENCY, BC, "PLN")
    made = await prepared(own_office, mapping, CRM, source)
    assert (str(made.values["exchangerate"]), made.values["currencyprecision"]) == ("4.3200000000", 2)
    assert (await is_settled(own_office, mapping, CRM, source, made)).number == "PLN"


async def test_a_currency_without_a_rate_is_refused(own_office: Office) -> None:
    mapping = TABLE_MAPPINGS[Mapping.CURRENCY]
    await own_office.api.in_business_central("POST", "currencies", {"code": "NOK", "displayName": "Norwegian krone"})
    sources = await own_office.found(Mapping.CURRENCY, BC, "NOK", "DKK")
    desk = own_office.desk()
    outcomes = await prepare_each(desk, mapping, to=CRM, pairs=[Pair(each, None) for each in sources])
    refusal, fine = outcomes
    assert isinstance(refusal, RefusalError)
    assert refusal.message == "Currency NOK (Norwegian krone) has no exchange rate, which CRM insists on."
    assert isinstance(fine, Prepared)
    assert len(desk.asking.trace.steps) == 2, "CRM's base currency, and all rates"


@pytest.mark.parametrize(
    ("row", "factor"),
    [
        ({"relationalCurrencyCode": ""}, Decimal("1.08")),
        ({"relationalCurrencyCode": "EUR"}, Decimal("1.08")),
        ({"relationalCurrencyCode": "USD"}, NoRate("PLN", "USD")),
        ({"exchangeRateAmount": 0}, NoRate("PLN")),
    ],
)
def test_how_much_of_a_currency_the_local_one_buys(row: Values, factor: object) -> None:
    whole = {"exchangeRateAmount": 108, "relationalExchangeRateAmount": 100, **row}
    assert factor_of("PLN", whole, local="EUR") == factor


def test_a_rate_that_cannot_be_one_is_business_central_s_fault() -> None:
    row = {"exchangeRateAmount": "much", "relationalExchangeRateAmount": 100}
    assert isinstance(factor_of("PLN", row, local="EUR"), ProtocolError)


async def test_a_rate_in_relation_to_a_third_currency_is_told(own_office: Office) -> None:
    (source,) = await own_office.found(Mapping.CURRENCY, BC, "PLN")
    told = "Currency PLN (Polish zloty) has an exchange rate in relation to USD only, so the one that CRM insists on"
    assert no_rate(source, NoRate("PLN", "USD")).message.startswith(told)


@pytest.mark.parametrize(
    ("base", "told"),
    [
        (NoRate("CHF"), "Currency CHF, the base currency of CRM, has no exchange rate, so none can be worked out for"),
        (
            NoRate("CHF", "USD"),
            "Currency CHF, the base currency of CRM, has an exchange rate in relation to USD only, so",
        ),
    ],
)
async def test_a_rate_that_crm_s_base_currency_lacks_is_not_blamed_on_another(
    own_office: Office, base: NoRate, told: str
) -> None:
    found = rate_of(Decimal(2), base)
    assert isinstance(found, NoRate)
    (source,) = await own_office.found(Mapping.CURRENCY, BC, "PLN")
    refusal = no_rate(source, found)
    assert refusal.message.startswith(told)
    assert refusal.message.endswith("currency PLN (Polish zloty).")
    assert rate_of(NoRate("PLN"), base) == NoRate("PLN"), "its own lack comes first"


async def test_each_opportunity_is_refused_by_its_own_name(own_office: Office) -> None:
    mapping = TABLE_MAPPINGS[Mapping.OPPORTUNITY]
    (customer,) = await own_office.found(Mapping.CUSTOMER, BC, story.HARBOUR)
    coupling = await own_office.coupling(Mapping.CUSTOMER, customer.id)
    desk = own_office.desk()
    await desk.books.changes.remove_each([coupling], desk.doing(Cause.MANUAL))
    two = await own_office.found(Mapping.OPPORTUNITY, BC, "OP000001", "OP000002")
    assert two[0].values["contactNumber"] == two[1].values["contactNumber"]
    outcomes = await prepare_each(desk, mapping, to=CRM, pairs=[Pair(each, None) for each in two])
    for source, refusal in zip(two, outcomes, strict=True):
        assert isinstance(refusal, RefusalError)
        assert [each.number for each in refusal.records] == [story.HARBOUR, source.number]
        assert f"because opportunity {source.number} " in refusal.message


async def test_a_unit_of_measure_becomes_a_group_of_one(own_office: Office) -> None:
    mapping = TABLE_MAPPINGS[Mapping.UNIT_OF_MEASURE]
    await own_office.api.in_business_central("POST", "unitsOfMeasure", {"code": "CRATE", "displayName": "Crate"})
    (source,) = await own_office.found(Mapping.UNIT_OF_MEASURE, BC, "CRATE")
    group = await is_settled(own_office, mapping, CRM, source, await prepared(own_office, mapping, CRM, source))
    assert (group.name, group.number) == ("NAV CRATE", "CRATE")


async def test_an_opportunity_goes_with_its_contact_and_account(own_office: Office) -> None:
    mapping = TABLE_MAPPINGS[Mapping.OPPORTUNITY]
    for source in await uncoupled(own_office, mapping, BC):
        (outcome,) = await prepare_each(own_office.desk(), mapping, to=CRM, pairs=[Pair(source, None)])
        if isinstance(outcome, Prepared):
            row = await is_settled(own_office, mapping, CRM, source, outcome)
            assert row.values["_parentcontactid_value"] is not None
            assert "parentaccountid@odata.bind" in outcome.values
            return
    pytest.fail("no opportunity of the demo company can be created in CRM")


async def test_an_opportunity_of_crm_takes_contact_and_salesperson_once(own_office: Office) -> None:
    mapping = TABLE_MAPPINGS[Mapping.OPPORTUNITY]
    source = next(each for each in await uncoupled(own_office, mapping, CRM) if each.values["_parentcontactid_value"])
    made = await prepared(own_office, mapping, BC, source)
    row = await is_settled(own_office, mapping, BC, source, made)
    assert (row.values["contactNumber"], row.values["salespersonCode"]) == (
        made.base["contactNumber"],
        made.base["salespersonCode"],
    )
    (back,) = await prepare_each(own_office.desk(), mapping, to=CRM, pairs=[Pair(row, source)])
    assert isinstance(back, Prepared)
    assert back.values == {}, "CRM keeps what it knows of an opportunity that has no estimate in Business Central"


@pytest.mark.parametrize(
    ("mapping", "to", "most"),
    [
        (Mapping.CUSTOMER, CRM, 6),
        (Mapping.CONTACT, CRM, 5),
        (Mapping.ITEM, CRM, 6),
        (Mapping.OPPORTUNITY, CRM, 9),
        (Mapping.CUSTOMER, BC, 2),
        (Mapping.VENDOR, CRM, 4),
        (Mapping.VENDOR, BC, 2),
        (Mapping.CONTACT, BC, 2),
        (Mapping.OPPORTUNITY, BC, 4),
    ],
)
async def test_a_page_of_new_records_costs_the_same_whatever_its_length(
    own_office: Office, mapping: Mapping, to: Backend, most: int
) -> None:
    table = TABLE_MAPPINGS[mapping]
    sources = await uncoupled(own_office, table, BC if to is CRM else CRM)
    assert len(sources) > 1
    desk = own_office.desk()
    await prepare_each(desk, table, to=to, pairs=[Pair(each, None) for each in sources])
    assert len(desk.asking.trace.steps) <= most
