"""Conditions of the Dataverse simulator: operators, wildcards, query functions, and what is refused."""

import httpx
import pytest

from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

QUAY = "00000001-0000-4000-8000-000000000000"
BIKES = "00000002-0000-4000-8000-000000000000"
ONEILL = "00000003-0000-4000-8000-000000000000"
IRIS = "00000004-0000-4000-8000-000000000000"
ADA = "00000a01-0000-4000-8000-000000000000"
BEN = "00000a02-0000-4000-8000-000000000000"
UNIT = "00000b01-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def rows(dataverse_store: Store) -> None:
    common = {"_owningbusinessunit_value": UNIT}
    dataverse_store.seed(
        "accounts",
        [
            {"accountid": QUAY, "name": "Quay Cycles", "accountnumber": "C1", "creditlimit": "100.5", "statecode": 0,
             "numberofemployees": 5, "sharesoutstanding": 5, "_primarycontactid_value": IRIS, "_ownerid_value": ADA,
             "createdon": "2026-11-16T08:00:00Z", "creditonhold": False, **common},
            {"accountid": BIKES, "name": "Harbour Bikes", "accountnumber": "C2", "creditlimit": "20000", "statecode": 1,
             "numberofemployees": 7, "sharesoutstanding": 5, "_ownerid_value": BEN,
             "createdon": "2026-11-10T08:00:00Z", "creditonhold": True, **common},
            {"accountid": ONEILL, "name": "O'Neill & Söhne 100%", "accountnumber": "C_3", "statecode": 0, "numberofemployees": 1,
             "_ownerid_value": BEN, "createdon": "2026-01-02T00:00:00Z"},
        ],
    )  # fmt: skip
    dataverse_store.seed(
        "contacts",
        [{"contactid": IRIS, "fullname": "Iris Vos", "_createdby_value": ADA, "_parentcustomerid_value": QUAY}],
    )
    _seed_opportunities(dataverse_store)


def _seed_opportunities(store: Store) -> None:
    deals = ((IRIS, "Spring", "500", "2026-11-20"), (QUAY, "Winter", "90", "2027-02-01"))
    store.seed(
        "opportunities",
        [
            {
                "opportunityid": key,
                "name": name,
                "estimatedvalue": value,
                "_customerid_value": BIKES,
                "estimatedclosedate": day,
            }
            for key, name, value, day in deals
        ],
    )


async def found(client: httpx.AsyncClient, condition: str, **aliases: str) -> set[str]:
    response = await client.get("accounts", params={"$select": "name", "$filter": condition, **aliases})
    assert response.status_code == 200, response.text
    return {row["accountid"] for row in response.json()["value"]}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("name eq 'QUAY cycles'", {QUAY}),
        ("name eq 'o''neill & SÖHNE 100%'", {ONEILL}),
        ("name ne 'Quay Cycles'", {BIKES, ONEILL}),
        ("creditlimit gt 100.5", {BIKES}),
        ("creditlimit ge 100.50 and creditlimit le 20000", {QUAY, BIKES}),
        ("creditlimit eq null", {ONEILL}),
        ("statecode eq 0 and not (accountnumber eq 'C1')", {ONEILL}),
        ("accountnumber eq 'C1' or name lt 'I'", {QUAY, BIKES}),
        ("creditonhold eq true", {BIKES}),
        ("numberofemployees eq sharesoutstanding", {QUAY}),
        ("createdon ge 2026-11-10T08:00:00Z", {QUAY, BIKES}),
        ("createdon lt 2026-11-10", {ONEILL}),
        (f"accountid eq {QUAY}", {QUAY}),
        (f"_ownerid_value eq {BEN.upper()}", {BIKES, ONEILL}),
        ("primarycontactid/fullname eq 'iris vos'", {QUAY}),
        ("primarycontactid/createdby/fullname eq 'Ada Vos'", {QUAY}),
        ("contact_customer_accounts/any(c:c/fullname eq 'Iris Vos')", {QUAY}),
        ("opportunity_customer_accounts/any(o:o/estimatedvalue gt 400)", {BIKES}),
        ("opportunity_customer_accounts/all(o:o/estimatedvalue gt 400)", {QUAY, ONEILL}),
        ("opportunity_customer_accounts/any()", {BIKES}),
    ],
)
async def test_a_condition_finds_its_rows(dataverse: httpx.AsyncClient, condition: str, expected: set[str]) -> None:
    assert await found(dataverse, condition) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("contains(name,'cycles')", {QUAY}),
        ("startswith(name,'HARB')", {BIKES}),
        ("endswith(name,'s')", {QUAY, BIKES}),
        ("not contains(name,'cycles')", {BIKES, ONEILL}),
        ("contains(name,'h%bikes')", {BIKES}),
        ("startswith(name,'_uay')", {QUAY}),
        ("startswith(name,'[qh]')", {QUAY, BIKES}),
        ("startswith(name,'[^qh]')", {ONEILL}),
        ("contains(name,'100%')", {ONEILL}),
        ("startswith(accountnumber,'C_')", {QUAY, BIKES, ONEILL}),
        ("startswith(accountnumber,'C[_]')", {ONEILL}),
        ("accountnumber eq 'C_'", set()),
    ],
)
async def test_percent_underscore_and_brackets_are_wildcards_in_text_functions(
    dataverse: httpx.AsyncClient, condition: str, expected: set[str]
) -> None:
    assert await found(dataverse, condition) == expected


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("In(PropertyName='accountnumber',PropertyValues=['c1','C2'])", {QUAY, BIKES}),
        (f"In(PropertyName='accountid',PropertyValues=['{QUAY}'])", {QUAY}),
        (f"In(PropertyName='ownerid',PropertyValues=['{ADA}'])", {QUAY}),
        ("In(PropertyName='statecode',PropertyValues=['1'])", {BIKES}),
        ("NotIn(PropertyName='accountnumber',PropertyValues=['C1','C2'])", {ONEILL}),
        ("Between(PropertyName='creditlimit',PropertyValues=['100','200'])", {QUAY}),
        ("NotBetween(PropertyName='creditlimit',PropertyValues=['100','200'])", {BIKES, ONEILL}),
        ("EqualUserId(PropertyName='ownerid')", {QUAY}),
        ("NotEqualUserId(PropertyName='ownerid')", {BIKES, ONEILL}),
        ("EqualBusinessId(PropertyName='owningbusinessunit')", {QUAY, BIKES}),
        ("NotEqualBusinessId(PropertyName='owningbusinessunit')", {ONEILL}),
        ("Today(PropertyName='createdon')", {QUAY}),
        ("Yesterday(PropertyName='createdon')", set()),
        ("LastSevenDays(PropertyName='createdon')", {QUAY, BIKES}),
        ("LastXDays(PropertyName='createdon',PropertyValue=3)", {QUAY}),
        ("OlderThanXDays(PropertyName='createdon',PropertyValue=7)", {ONEILL}),
        ("ThisMonth(PropertyName='createdon')", {QUAY, BIKES}),
        ("ThisYear(PropertyName='createdon')", {QUAY, BIKES, ONEILL}),
        ("On(PropertyName='createdon',PropertyValue='2026-11-10')", {BIKES}),
        ("OnOrAfter(PropertyName='createdon',PropertyValue='2026-11-10')", {QUAY, BIKES}),
        ("OnOrBefore(PropertyName='createdon',PropertyValue='2026-11-10')", {BIKES, ONEILL}),
    ],
)
async def test_a_query_function_finds_its_rows(dataverse: httpx.AsyncClient, function: str, expected: set[str]) -> None:
    assert await found(dataverse, f"Microsoft.Dynamics.CRM.{function}") == expected
    assert await found(dataverse, f"not Microsoft.Dynamics.CRM.{function}") == {QUAY, BIKES, ONEILL} - expected


async def test_query_functions_know_dates_without_a_time(dataverse: httpx.AsyncClient) -> None:
    function = "Microsoft.Dynamics.CRM.NextXDays(PropertyName='estimatedclosedate',PropertyValue=7)"
    rows = (await dataverse.get("opportunities", params={"$filter": function})).json()["value"]
    assert [row["name"] for row in rows] == ["Spring"]


async def test_a_condition_may_use_parameter_aliases(dataverse: httpx.AsyncClient) -> None:
    condition = "accountnumber eq @n or name eq @m"
    assert await found(dataverse, condition, **{"@n": "'C1'", "@m": "'Harbour Bikes'"}) == {QUAY, BIKES}


async def test_hundreds_of_values_are_found_with_one_condition(dataverse: httpx.AsyncClient) -> None:
    values = ",".join(f"'C{n}'" for n in range(500))
    condition = f"Microsoft.Dynamics.CRM.In(PropertyName='accountnumber',PropertyValues=[{values}])"
    assert await found(dataverse, condition) == {QUAY, BIKES}


async def test_rows_are_filtered_by_version(dataverse: httpx.AsyncClient, dataverse_store: Store) -> None:
    seen = max(row.version for row in dataverse_store.select("accounts"))
    await dataverse.patch(f"accounts({BIKES})", json={"telephone1": "010"})
    assert await found(dataverse, f"versionnumber gt {seen}") == {BIKES}


@pytest.mark.parametrize(
    "condition",
    [
        "accountnumber in ('C1','C2')",
        "tolower(name) eq 'x'",
        "contact_customer_accounts/fullname eq 'x'",
        "name eq 5",
        "creditlimit eq 'x'",
        "name eq",
        "accountnumber eq @missing",
        "Microsoft.Dynamics.CRM.Under(PropertyName='accountid',PropertyValue='x')",
        "Microsoft.Dynamics.CRM.In(PropertyName='nothing',PropertyValues=['x'])",
        "Microsoft.Dynamics.CRM.In(PropertyName='statecode',PropertyValues=['Active'])",
        "Microsoft.Dynamics.CRM.Between(PropertyName='creditlimit',PropertyValues=['1'])",
        "Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue='many')",
        "Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=99999999999)",
        "Microsoft.Dynamics.CRM.On(PropertyName='createdon',PropertyValue='9999-12-31')",
        "(" * 100 + "name eq 'x'" + ")" * 100,
    ],
)
async def test_a_condition_dataverse_does_not_offer_is_refused(dataverse: httpx.AsyncClient, condition: str) -> None:
    response = await dataverse.get("accounts", params={"$filter": condition})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80060888")
