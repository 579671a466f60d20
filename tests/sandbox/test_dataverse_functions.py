"""Query functions of the Dataverse simulator: periods of the calendar, owners, hierarchies, and where they may stand.

It is Monday, 16 November 2026, 09:30 UTC, to every test.
"""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sandbox.dataverse.periods import period
from gateway.sandbox.store import Store

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio

ADA = "00000a01-0000-4000-8000-000000000000"
BEN = "00000a02-0000-4000-8000-000000000000"
TEAM = "00000d01-0000-4000-8000-000000000000"
UNIT = "00000b01-0000-4000-8000-000000000000"
MOMENTS = [
    "2023-11-16T09:00:00Z", "2025-11-15T23:59:59Z", "2025-11-16T00:00:00Z", "2026-10-15T12:00:00Z",
    "2026-10-31T23:59:59Z", "2026-11-01T00:00:00Z", "2026-11-07T23:59:59Z", "2026-11-08T00:00:00Z",
    "2026-11-14T23:59:59Z", "2026-11-15T00:00:00Z", "2026-11-16T07:00:00Z", "2026-11-16T09:00:00Z",
    "2026-11-16T10:00:00Z", "2026-11-17T23:59:59Z", "2026-11-18T00:00:00Z", "2026-11-22T00:00:00Z",
    "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z", "2027-11-16T23:59:59Z", "2027-11-17T00:00:00Z",
]  # fmt: skip


def key(number: int) -> str:
    return f"{number:08}-0000-4000-8000-000000000000"


async def found(client: httpx.AsyncClient, condition: str, **aliases: str) -> set[str]:
    response = await client.get("accounts", params={"$select": "name", "$filter": condition, **aliases})
    assert response.status_code == 200, response.text
    return {row["name"] for row in response.json()["value"]}


def function(name: str, **parameters: object) -> str:
    written = ",".join(f"{key}={value}" for key, value in parameters.items())
    return f"Microsoft.Dynamics.CRM.{name}({written})"


def created(name: str, size: int | None = None) -> str:
    more = {} if size is None else {"PropertyValue": size}
    return function(name, PropertyName="'createdon'", **more)


@pytest.mark.parametrize(
    ("condition", "first", "last"),
    [
        (created("Yesterday"), "2026-11-15T00:00:00Z", "2026-11-15T00:00:00Z"),
        (created("Today"), "2026-11-16T07:00:00Z", "2026-11-16T10:00:00Z"),
        (created("Tomorrow"), "2026-11-17T23:59:59Z", "2026-11-17T23:59:59Z"),
        (created("LastWeek"), "2026-11-08T00:00:00Z", "2026-11-14T23:59:59Z"),
        (created("ThisWeek"), "2026-11-15T00:00:00Z", "2026-11-18T00:00:00Z"),
        (created("NextWeek"), "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z"),
        (created("LastMonth"), "2026-10-15T12:00:00Z", "2026-10-31T23:59:59Z"),
        (created("ThisMonth"), "2026-11-01T00:00:00Z", "2026-11-22T00:00:00Z"),
        (created("NextMonth"), "2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z"),
        (created("LastYear"), "2025-11-15T23:59:59Z", "2025-11-16T00:00:00Z"),
        (created("ThisYear"), "2026-10-15T12:00:00Z", "2026-12-01T00:00:00Z"),
        (created("NextYear"), "2027-01-01T00:00:00Z", "2027-11-17T00:00:00Z"),
        (created("LastXHours", 1), "2026-11-16T09:00:00Z", "2026-11-16T09:00:00Z"),
        (created("NextXHours", 1), "2026-11-16T10:00:00Z", "2026-11-16T10:00:00Z"),
        (created("LastXDays", 1), "2026-11-15T00:00:00Z", "2026-11-16T09:00:00Z"),
        (created("NextXDays", 1), "2026-11-16T10:00:00Z", "2026-11-17T23:59:59Z"),
        (created("LastXWeeks", 1), "2026-11-14T23:59:59Z", "2026-11-16T09:00:00Z"),
        (created("NextXWeeks", 1), "2026-11-16T10:00:00Z", "2026-11-22T00:00:00Z"),
        (created("LastXMonths", 1), "2026-10-31T23:59:59Z", "2026-11-16T09:00:00Z"),
        (created("NextXMonths", 1), "2026-11-16T10:00:00Z", "2026-12-01T00:00:00Z"),
        (created("LastXYears", 1), "2025-11-16T00:00:00Z", "2026-11-16T09:00:00Z"),
        (created("NextXYears", 1), "2026-11-16T10:00:00Z", "2027-11-16T23:59:59Z"),
        (created("OlderThanXMinutes", 60), "2023-11-16T09:00:00Z", "2026-11-16T07:00:00Z"),
        (created("OlderThanXHours", 2), "2023-11-16T09:00:00Z", "2026-11-16T07:00:00Z"),
        (created("OlderThanXDays", 1), "2023-11-16T09:00:00Z", "2026-11-14T23:59:59Z"),
        (created("OlderThanXWeeks", 1), "2023-11-16T09:00:00Z", "2026-11-08T00:00:00Z"),
        (created("OlderThanXMonths", 1), "2023-11-16T09:00:00Z", "2026-10-15T12:00:00Z"),
        (created("OlderThanXYears", 1), "2023-11-16T09:00:00Z", "2025-11-15T23:59:59Z"),
        (function("NotOn", PropertyName="'createdon'", PropertyValue="'2027-11-17'"), MOMENTS[0], MOMENTS[-2]),
    ],
)
async def test_a_function_names_a_stretch_of_the_calendar(
    dataverse: httpx.AsyncClient, dataverse_store: Store, condition: str, first: str, last: str
) -> None:
    dataverse_store.seed(
        "accounts",
        [{"accountid": key(n), "name": moment, "createdon": moment} for n, moment in enumerate(MOMENTS)],
    )
    assert await found(dataverse, condition) == set(MOMENTS[MOMENTS.index(first) : MOMENTS.index(last) + 1])


_moments = st.datetimes(datetime(1990, 1, 1), datetime(2190, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(now=_moments)
def test_periods_of_a_kind_follow_each_other_without_a_gap(now: datetime) -> None:
    for names in (
        ["Yesterday", "Today", "Tomorrow"],
        *([f"{n}{u}" for n in ("Last", "This", "Next")] for u in ("Week", "Month", "Year")),
    ):
        found = [period(name, now=now) for name in names]
        ends = [(one.start, one.end) for one in found if one is not None]
        assert ends[0][1] == ends[1][0]
        assert ends[1][1] == ends[2][0]
        start, end = ends[1]
        assert start is not None
        assert end is not None
        assert start <= now < end


@given(now=_moments, size=st.integers(1, 400), unit=st.sampled_from(["Hours", "Days", "Weeks", "Months"]))
def test_what_is_within_the_last_is_not_older(now: datetime, size: int, unit: str) -> None:
    last, older = (period(f"{name}X{unit}", now=now, size=size) for name in ("Last", "OlderThan"))
    assert last is not None
    assert older is not None
    assert last.start == older.end
    assert last.end == now
    assert last.start is not None
    assert now - last.start <= timedelta(days=31 * size + 1)


# owners


@pytest.fixture
def owned(dataverse_store: Store) -> None:
    dataverse_store.seed("teammemberships", [{"teammembershipid": key(1), "teamid": TEAM, "systemuserid": ADA}])
    dataverse_store.seed(
        "accounts",
        [
            {
                "accountid": key(n),
                "name": name,
                "_ownerid_value": owner,
                "_owningbusinessunit_value": UNIT if n else None,
            }
            for n, (name, owner) in enumerate([("hers", ADA), ("his", BEN), ("theirs", TEAM)])
        ],
    )


@pytest.mark.usefixtures("owned")
@pytest.mark.parametrize(
    ("name", "column", "expected"),
    [
        ("EqualUserId", "ownerid", {"hers"}),
        ("NotEqualUserId", "ownerid", {"his", "theirs"}),
        ("EqualUserTeams", "ownerid", {"theirs"}),
        ("EqualUserOrUserTeams", "_ownerid_value", {"hers", "theirs"}),
        ("EqualBusinessId", "owningbusinessunit", {"his", "theirs"}),
        ("NotEqualBusinessId", "owningbusinessunit", {"hers"}),
    ],
)
async def test_a_function_knows_who_asks(
    dataverse: httpx.AsyncClient, name: str, column: str, expected: set[str]
) -> None:
    assert await found(dataverse, function(name, PropertyName=f"'{column}'")) == expected


# hierarchies


@pytest.fixture
def family(dataverse_store: Store) -> None:
    """grand > parent > child, grand > aunt; a ring of two; and one alone."""
    above = {
        "grand": None,
        "parent": "grand",
        "child": "parent",
        "aunt": "grand",
        "one": "two",
        "two": "one",
        "alone": None,
    }
    place = {name: key(number) for number, name in enumerate(above)}
    dataverse_store.seed(
        "accounts",
        [
            {"accountid": place[n], "name": n, "_parentaccountid_value": place[p] if p else None}
            for n, p in above.items()
        ],
    )


@pytest.mark.usefixtures("family")
@pytest.mark.parametrize(
    ("name", "start", "expected"),
    [
        ("Under", 0, {"parent", "child", "aunt"}),
        ("Under", 2, set()),
        ("UnderOrEqual", 1, {"parent", "child"}),
        ("NotUnder", 0, {"grand", "one", "two", "alone"}),
        ("Above", 2, {"parent", "grand"}),
        ("AboveOrEqual", 2, {"child", "parent", "grand"}),
        ("Above", 6, set()),
        ("UnderOrEqual", 4, {"one", "two"}),
        ("Under", 99, set()),
    ],
)
async def test_a_function_walks_the_hierarchy(
    dataverse: httpx.AsyncClient, name: str, start: int, expected: set[str]
) -> None:
    condition = function(name, PropertyName="'accountid'", PropertyValue=f"'{key(start)}'")
    assert await found(dataverse, condition) == expected
    operator = {"UnderOrEqual": "eq-or-under", "AboveOrEqual": "eq-or-above", "NotUnder": "not-under"}.get(
        name, name.lower()
    )
    xml = (
        f'<fetch><entity name="account"><attribute name="name" /><filter><condition attribute="accountid" '
        f'operator="{operator}" value="{key(start)}" /></filter></entity></fetch>'
    )
    rows = (await dataverse.get("accounts", params={"fetchXml": xml})).json()["value"]
    assert {row["name"] for row in rows} == expected


# where a function may stand


@pytest.mark.usefixtures("family")
async def test_a_function_may_follow_a_navigation_or_a_variable(dataverse: httpx.AsyncClient) -> None:
    names = {"PropertyName": "'name'", "PropertyValues": "['parent','aunt']"}
    assert await found(dataverse, f"parentaccountid/{function('In', **names)}") == {"child"}
    assert await found(dataverse, f"account_parent_account/any(a:a/{function('In', **names)})") == {"grand"}
    under = function("Under", PropertyName="'accountid'", PropertyValue=f"'{key(0)}'")
    assert await found(dataverse, f"parentaccountid/{under}") == {"child"}


@pytest.mark.usefixtures("family")
async def test_what_a_text_function_says_may_be_compared(dataverse: httpx.AsyncClient) -> None:
    assert await found(dataverse, "contains(name,'ar') eq true") == {"parent"}
    assert await found(dataverse, "contains(name,'a') eq false") == {"child", "one", "two"}


@pytest.mark.usefixtures("family")
async def test_parameters_of_a_function_may_be_aliases(dataverse: httpx.AsyncClient) -> None:
    condition = function("In", PropertyName="@p", PropertyValues="@v")
    assert await found(dataverse, condition, **{"@p": "'name'", "@v": "['aunt','child']"}) == {"aunt", "child"}


@pytest.mark.usefixtures("family")
@pytest.mark.parametrize(
    "condition",
    [
        "parentaccountid/name eq name",
        "startswith(parentaccountid/name,'gr') and not endswith(name,'t')",
        "account_parent_account/any(a:a/name eq 'aunt') or account_parent_account/all(a:a/name ne null)",
        "(name eq 'child' and (parentaccountid/name eq 'parent' or parentaccountid/parentaccountid/name eq 'x'))",
        "account_parent_account/any()",
        "not account_parent_account/any()",
        "_parentaccountid_value ne null",
        "parentaccountid/accountid eq 00000000-0000-4000-8000-000000000000",
        "contains(name, 'a''b') or name eq @n",
        "createdon ge 2026-01-01T00:00:00Z and createdon lt 2026-01-01T00:00:00.000Z",
        "Microsoft.Dynamics.CRM.Between(PropertyName='createdon',PropertyValues=['2026-01-01','2026-12-31'])",
        "Microsoft.Dynamics.CRM.In(PropertyName='statecode',PropertyValues=[0,1])",
    ],
)
async def test_clients_write_conditions_such_as(dataverse: httpx.AsyncClient, condition: str) -> None:
    await found(dataverse, condition, **({"@n": "'x'"} if "@n" in condition else {}))


@pytest.mark.parametrize(
    "condition",
    [
        created("LastXMinutes", 5),
        created("LastXDays", 0),
        created("LastXDays", -3),
        created("LastXDays"),
        created("LastXYears", 99999),
        created("InFiscalYear", 2026),
        created("ThisFiscalYear"),
        created("Sometimes"),
        function("Today", PropertyName="'name'"),
        function("ContainValues", PropertyName="'statecode'", PropertyValues="['1']"),
        function("DoesNotContainValues", PropertyName="'statecode'", PropertyValues="['1']"),
        function("Under", PropertyName="'parentaccountid'", PropertyValue=f"'{key(0)}'"),
        function("Under", PropertyName="'accountid'", PropertyValue="'x'"),
        "contact_customer_accounts/Microsoft.Dynamics.CRM.Today(PropertyName='createdon')",
        "nothing/Microsoft.Dynamics.CRM.Today(PropertyName='createdon')",
        "Microsoft.Dynamics.CRM.Today('createdon')",
        "name/contains('x')",
        "matchesPattern(name,'x')",
        "name has 'x'",
        "name eq concat('a','b')",
        "year(createdon) eq 2026",
        "creditlimit add 1 gt 5",
    ],
)
async def test_what_dataverse_does_not_know_is_refused(dataverse: httpx.AsyncClient, condition: str) -> None:
    response = await dataverse.get("accounts", params={"$filter": condition})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "0x80060888")
