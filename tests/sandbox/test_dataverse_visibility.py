"""What a user of the Dataverse simulator sees: rows out of reach are absent from every list, and refused by key."""

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.sandbox.dataverse.privileges import Depth
from tests.sandbox.guarded import (
    CREW_ROLE,
    CREW_UNIT,
    MISSING,
    OWNERS,
    PEOPLE,
    PRIVILEGE_IDS,
    ROLE,
    UNITS,
    account,
    allowed,
    environment,
    give,
    guid,
    join,
    names,
    owned_by,
    principal,
    refusal,
    signed_in,
    unit_of,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("depth", "seen"),
    [
        (Depth.BASIC, {"nora"}),
        (Depth.LOCAL, {"nora"}),
        (Depth.DEEP, {"nora", "piet"}),
        (Depth.GLOBAL, set(OWNERS)),
    ],
)
async def test_a_list_holds_what_the_depth_of_the_role_reaches(depth: Depth, seen: set[str]) -> None:
    store = environment()
    give(store, allowed({"account": "R"}, depth), to=["nora"])
    async with signed_in(store, "nora") as client:
        assert await names(client, "accounts?$select=name") == {f"{owner} 0" for owner in seen}
        assert int((await client.get("accounts/$count")).text) == len(seen)


async def test_rows_of_colleagues_are_seen_at_local_depth_only() -> None:
    for depth, count in ((Depth.BASIC, 0), (Depth.LOCAL, 1)):
        store = environment()
        give(store, allowed({"account": "R"}, depth), to=["boss", "rita"])
        store.delete("accounts", account("rita"))
        store.insert("accounts", {"accountid": account("boss"), "name": "boss 0", **owned_by("boss")})
        async with signed_in(store, "rita") as client:
            assert len(await names(client, "accounts?$select=name")) == count


async def test_what_a_team_owns_belongs_to_its_members() -> None:
    store = environment()
    give(store, allowed({"account": "R"}, Depth.BASIC), to=["nora"])
    async with signed_in(store, "nora") as client:
        assert await names(client, "accounts?$select=name") == {"nora 0"}
        join(store, "nora")
        assert await names(client, "accounts?$select=name") == {"nora 0", "crew 0"}


async def test_a_role_of_a_team_reaches_from_the_business_unit_of_the_team() -> None:
    store = environment()
    join(store, "nora")
    give(store, allowed({"account": "R"}, Depth.LOCAL), to=["crew"])
    async with signed_in(store, "nora") as client:
        assert await names(client, "accounts?$select=name") == {"nora 0", "crew 0", "saul 0"}


async def test_roles_add_up() -> None:
    store = environment()
    give(store, allowed({"account": "R"}, Depth.BASIC), to=["nora"])
    give(store, allowed({"account": "R", "contact": "R"}, Depth.DEEP, CREW_ROLE), to=["nora"])
    async with signed_in(store, "nora") as client:
        assert await names(client, "accounts?$select=name") == {"nora 0", "piet 0"}


async def test_a_direct_read_out_of_reach_is_refused_in_the_words_of_dataverse() -> None:
    store = environment()
    give(store, allowed({"account": "R", "contact": "R W"}, Depth.BASIC), to=["nora"])
    async with signed_in(store, "nora") as client:
        response = await client.get(f"accounts({account('saul')})?$select=name")
    nora = principal("nora")
    assert response.status_code == 403
    assert response.json() == {
        "error": {
            "code": "0x80040220",
            "message": f"Principal user (Id={nora}, type=8, roleCount=1, privilegeCount=3, accessMode=0), is missing "
            f"prvReadAccount privilege (Id={PRIVILEGE_IDS['prvReadAccount']}) on OTC=1 for entity 'account'. "
            f"context.Caller={nora}",
        }
    }


async def test_without_any_role_every_table_is_refused() -> None:
    async with signed_in(environment(), "saul") as client:
        for path in ("accounts", "accounts/$count", f"accounts({account('saul')})", "products", "systemusers"):
            response = await client.get(path)
            assert refusal(response) == MISSING
            assert "roleCount=0, privilegeCount=0" in response.json()["error"]["message"]
        assert (await client.get("WhoAmI")).status_code == 200


async def test_a_missing_row_is_still_404_to_somebody_who_may_read_the_table() -> None:
    store = environment()
    give(store, allowed({"account": "R"}, Depth.BASIC), to=["nora"])
    async with signed_in(store, "nora") as client:
        assert (await client.get(f"accounts({guid('account', 'none')})")).status_code == 404


async def test_no_path_shows_a_hidden_row() -> None:
    store = environment()
    give(store, allowed({"account": "R", "contact": "R"}, Depth.BASIC), to=["rita"])
    give(store, allowed({"systemuser": "R", "team": "R"}, Depth.GLOBAL, CREW_ROLE), to=["rita"])
    store.update("accounts", account("rita"), {"_primarycontactid_value": guid("contact", "saul0")})
    hidden, own = guid("contact", "saul0"), f"accounts({account('rita')})"
    async with signed_in(store, "rita") as client:
        for address in (f"contacts({hidden})", "accounts(accountnumber='saul-0')", f"{own}/primarycontactid"):
            assert refusal(await client.get(address)) == MISSING
        assert (await client.get(f"{own}?$expand=primarycontactid")).json()["primarycontactid"] is None
        row = (await client.get(f"{own}?$expand=contact_customer_accounts($select=fullname)")).json()
        assert [one["fullname"] for one in row["contact_customer_accounts"]] == ["contact of rita"]
        listed = (await client.get(f"{own}/contact_customer_accounts?$select=fullname&$count=true")).json()
        assert (listed["@odata.count"], len(listed["value"])) == (1, 1)
        references = (await client.get(f"{own}/contact_customer_accounts/$ref")).json()["value"]
        assert [one["@odata.id"].rpartition("/")[2] for one in references] == [f"contacts({guid('contact', 'rita0')})"]


async def test_a_condition_on_a_hidden_row_never_tells_what_is_in_it() -> None:
    store = environment()
    give(store, allowed({"account": "R"}, Depth.GLOBAL), to=["rita"])
    give(store, allowed({"contact": "R"}, Depth.BASIC, CREW_ROLE), to=["rita"])
    everybody = {f"{owner} 0" for owner in OWNERS}
    async with signed_in(store, "rita") as client:

        async def found(condition: str) -> set[str]:
            return await names(client, f"accounts?$select=name&$filter={condition}")

        assert await found("primarycontactid/fullname eq 'contact of saul'") == set()
        assert await found("startswith(primarycontactid/fullname,'contact of')") == {"rita 0"}
        guesses = [f"not (primarycontactid/fullname eq 'contact of {name}')" for name in ("saul", "nobody")]
        assert await found(guesses[0]) == await found(guesses[1]) == everybody
        assert await found("contact_customer_accounts/any(c:c/fullname eq 'contact of saul')") == set()
        assert await found("contact_customer_accounts/any(c:c/fullname eq 'contact of rita')") == {"rita 0"}
        assert await found("contact_customer_accounts/all(c:c/fullname eq 'contact of rita')") == everybody
        store.update("accounts", account("nora"), {"_primarycontactid_value": None})
        assert await found("primarycontactid/fullname eq null") == {"nora 0"}


async def test_pages_hold_visible_rows_only_and_are_full() -> None:
    owners = [(owner, place) for place in range(4) for owner in OWNERS]
    store = environment(owners)
    give(store, allowed({"account": "R"}, Depth.DEEP), to=["nora"])
    async with signed_in(store, "nora") as client:
        sizes, seen, address = [], set(), "accounts?$select=name&$orderby=name"
        while address:
            page = (await client.get(address, headers={"Prefer": "odata.maxpagesize=3"})).json()
            sizes.append(len(page["value"]))
            seen |= {row["name"] for row in page["value"]}
            address = page.get("@odata.nextLink", "")
    assert sizes == [3, 3, 2]
    assert seen == {f"{owner} {place}" for owner in ("nora", "piet") for place in range(4)}


async def test_a_batch_shows_no_more_than_its_parts_alone() -> None:
    store = environment()
    give(store, allowed({"account": "R"}, Depth.BASIC), to=["nora"])
    parts = [f"accounts({account(owner)})?$select=name" for owner in ("nora", "saul")]
    body = "".join(
        f"--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        f"GET /api/data/v9.2/{part} HTTP/1.1\r\n\r\n\r\n"
        for part in parts
    )
    headers = {"Content-Type": "multipart/mixed; boundary=b", "Prefer": "odata.continue-on-error"}
    async with signed_in(store, "nora") as client:
        text = (await client.post("$batch", content=f"{body}--b--\r\n", headers=headers)).text
    assert "nora 0" in text
    assert "saul 0" not in text
    assert "HTTP/1.1 403 Forbidden" in text


async def test_tables_without_owners_need_organization_depth() -> None:
    store = environment()
    store.seed("products", [{"productid": guid("product", "bell"), "name": "Bell", "productnumber": "1"}])
    give(store, allowed({"product": "R"}, Depth.DEEP), to=["nora"])
    give(store, allowed({"product": "R"}, Depth.GLOBAL, CREW_ROLE), to=["saul"])
    async with signed_in(store, "nora") as client:
        assert refusal(await client.get("products")) == MISSING
    async with signed_in(store, "saul") as client:
        assert await names(client, "products?$select=name") == {"Bell"}


async def test_users_and_units_are_seen_by_business_unit() -> None:
    store = environment()
    give(store, allowed({"systemuser": "R", "businessunit": "R"}, Depth.DEEP), to=["nora"])
    async with signed_in(store, "nora") as client:
        users = (await client.get("systemusers?$select=fullname")).json()["value"]
        assert {user["fullname"] for user in users} == {"nora", "piet"}
        assert await names(client, "businessunits?$select=name") == {"north", "port"}


async def test_lines_are_seen_and_written_with_their_order() -> None:
    store = environment()
    for owner in ("nora", "saul"):
        store.seed("salesorders", [{"salesorderid": guid("order", owner), "name": owner, **owned_by(owner)}])
        line = {"salesorderdetailid": guid("line", owner), "salesorderdetailname": owner}
        store.seed("salesorderdetails", [{**line, "_salesorderid_value": guid("order", owner)}])
    give(store, allowed({"salesorder": "R"}, Depth.BASIC), to=["nora"])
    async with signed_in(store, "nora") as client:
        lines = (await client.get("salesorderdetails?$select=salesorderdetailname")).json()["value"]
        assert [line["salesorderdetailname"] for line in lines] == ["nora"]
        assert refusal(await client.get(f"salesorderdetails({guid('line', 'saul')})")) == MISSING
        response = await client.delete(f"salesorderdetails({guid('line', 'nora')})")
        assert refusal(response) == MISSING
        assert "prvWriteOrder" in response.json()["error"]["message"]


async def test_change_tracking_needs_organization_depth() -> None:
    store = environment()
    give(store, allowed({"account": "R"}, Depth.DEEP), to=["nora"])
    give(store, allowed({"account": "R"}, Depth.GLOBAL, CREW_ROLE), to=["saul"])
    track = {"Prefer": "odata.track-changes"}
    async with signed_in(store, "nora") as client:
        assert refusal(await client.get("accounts?$select=name", headers=track)) == MISSING
    async with signed_in(store, "saul") as client:
        assert len((await client.get("accounts?$select=name", headers=track)).json()["value"]) == len(OWNERS)


async def test_expanding_a_table_without_any_privilege_is_refused() -> None:
    store = environment()
    give(store, allowed({"account": "R"}, Depth.GLOBAL), to=["nora"])
    async with signed_in(store, "nora") as client:
        assert refusal(await client.get("accounts?$expand=primarycontactid")) == MISSING
        assert refusal(await client.get("accounts?$filter=primarycontactid/fullname eq 'x'")) == MISSING


FETCH = '<fetch><entity name="account"><attribute name="name"/></entity></fetch>'
_depths = st.sampled_from([None, *Depth])


@settings(max_examples=40, deadline=None)
@given(
    who=st.sampled_from(sorted(set(PEOPLE) - {"boss"})),
    owners=st.lists(st.sampled_from(OWNERS), max_size=8),
    own_depth=_depths,
    crew_depth=_depths,
    member=st.booleans(),
)
async def test_what_is_listed_is_what_the_rules_allow(
    who: str, owners: list[str], own_depth: Depth | None, crew_depth: Depth | None, member: bool
) -> None:
    store = environment([(owner, place) for place, owner in enumerate(owners)])
    for depth, role, holder in ((own_depth, ROLE, who), (crew_depth, CREW_ROLE, "crew")):
        if depth is not None:
            give(store, allowed({"account": "R", "contact": "R"}, depth, role), to=[holder])
    if member:
        join(store, who)
    holdings = [(own_depth, PEOPLE[who])] + ([(crew_depth, CREW_UNIT)] if member else [])
    expected = {
        f"{owner} {place}"
        for place, owner in enumerate(owners)
        if may_see(who, owner, member=member, holdings=[(depth, unit) for depth, unit in holdings if depth])
    }
    async with signed_in(store, who) as client:
        if not any(depth for depth, _ in holdings):
            assert refusal(await client.get("accounts")) == MISSING
            return
        assert await names(client, "accounts?$select=name") == expected
        assert int((await client.get("accounts/$count")).text) == len(expected)
        assert await names(client, f"accounts?fetchXml={quote(FETCH)}") == expected
        counted = (await client.get("accounts?$apply=aggregate($count as total)")).json()["value"]
        assert [row["total"] for row in counted] == [len(expected)]
        contacts = (await client.get("contacts?$select=contactid&$expand=parentcustomerid_account")).json()["value"]
        assert len(contacts) == len(expected)
        for place, owner in enumerate(owners):
            status = (await client.get(f"accounts(accountnumber='{owner}-{place}')")).status_code
            assert status == (200 if f"{owner} {place}" in expected else 403)


def may_see(who: str, owner: str, *, member: bool, holdings: list[tuple[Depth, str]]) -> bool:
    """The rules, one row at a time."""
    if not holdings:
        return False
    own = owner == who or (member and owner == "crew")
    return own or any(within(unit_of(owner), unit, depth) for depth, unit in holdings)


def within(unit: str, holder: str, depth: Depth) -> bool:
    match depth:
        case Depth.BASIC:
            return False
        case Depth.LOCAL:
            return unit == holder
        case Depth.DEEP:
            return unit == holder or (UNITS[unit] is not None and within(str(UNITS[unit]), holder, depth))
        case _:
            return True
