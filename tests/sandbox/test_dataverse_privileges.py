"""What a user of the Dataverse simulator may write, and how rights are given, taken and told."""

import pytest

from gateway.sandbox.dataverse.privileges import Depth
from tests.sandbox.guarded import (
    CREW,
    CREW_ROLE,
    MISSING,
    PEOPLE,
    ROLE,
    account,
    allowed,
    environment,
    give,
    guid,
    join,
    names,
    principal,
    refusal,
    signed_in,
)

pytestmark = pytest.mark.anyio

WRITES = "C R W D A AT As"


@pytest.mark.parametrize(
    ("missing", "verb"),
    [("C", "Create"), ("W", "Write"), ("D", "Delete"), ("As", "Assign"), ("A", "Append")],
)
async def test_each_write_needs_its_privilege(missing: str, verb: str) -> None:
    store = environment()
    letters = " ".join(letter for letter in WRITES.split() if letter != missing)
    give(store, allowed({"account": letters, "contact": WRITES}, Depth.GLOBAL), to=["nora"])
    own = f"accounts({account('nora')})"
    bind = {"primarycontactid@odata.bind": f"/contacts({guid('contact', 'piet0')})"}
    owner = {"ownerid@odata.bind": f"/systemusers({principal('piet')})"}
    async with signed_in(store, "nora") as client:
        before = store.version
        responses = {
            "Create": await client.post("accounts", json={"name": "New"}),
            "Write": await client.patch(own, json={"name": "Other"}),
            "Append": await client.patch(own, json=bind),
            "Assign": await client.patch(own, json=owner),
            "Delete": await client.delete(own),
        }
    refused = {name for name, response in responses.items() if response.status_code == 403}
    assert refused == ({"Write", "Append", "Assign"} if verb == "Write" else {verb})
    assert f"prv{verb}Account" in responses[verb].json()["error"]["message"]
    assert store.version > before


async def test_a_lookup_needs_append_to_on_the_row_it_points_to() -> None:
    store = environment()
    give(store, allowed({"account": WRITES}, Depth.GLOBAL), to=["nora"])
    give(store, allowed({"contact": "R AT"}, Depth.BASIC, CREW_ROLE), to=["nora"])
    async with signed_in(store, "nora") as client:
        for contact, status in (("nora0", 204), ("saul0", 403)):
            bind = {"primarycontactid@odata.bind": f"/contacts({guid('contact', contact)})"}
            response = await client.patch(f"accounts({account('nora')})", json=bind)
            assert response.status_code == status
    assert "prvAppendToContact" in response.json()["error"]["message"]


async def test_a_write_reaches_no_further_than_its_depth() -> None:
    store = environment()
    give(store, allowed({"account": "R"}, Depth.GLOBAL), to=["nora"])
    give(store, allowed({"account": "C W D"}, Depth.BASIC, CREW_ROLE), to=["nora"])
    foreign = f"accounts({account('saul')})"
    async with signed_in(store, "nora") as client:
        assert (await client.patch(f"accounts({account('nora')})", json={"name": "Mine"})).status_code == 204
        assert refusal(await client.patch(foreign, json={"name": "Mine"})) == MISSING
        assert refusal(await client.put(f"{foreign}/name", json={"value": "Mine"})) == MISSING
        assert refusal(await client.delete(foreign)) == MISSING
        assert (await client.post("accounts", json={"name": "Mine too"})).status_code == 204
        for_saul = {"name": "His", "ownerid@odata.bind": f"/systemusers({principal('saul')})"}
        assert refusal(await client.post("accounts", json=for_saul)) == MISSING
    assert {row["name"] for row in store.select("accounts")} >= {"saul 0", "Mine", "Mine too"}
    assert "His" not in {row["name"] for row in store.select("accounts")}


async def test_an_upsert_of_a_hidden_row_is_refused() -> None:
    store = environment()
    give(store, allowed({"account": "C R W"}, Depth.BASIC), to=["nora"])
    async with signed_in(store, "nora") as client:
        assert refusal(await client.patch(f"accounts({account('saul')})", json={"name": "Taken"})) == MISSING


async def test_rights_change_with_the_next_request() -> None:
    store = environment()
    give(store, allowed({"account": "R"}, Depth.BASIC), to=[])
    async with signed_in(store, "boss") as boss, signed_in(store, "nora") as nora:
        assert refusal(await nora.get("accounts")) == MISSING
        address = f"systemusers({principal('nora')})/systemuserroles_association"
        role = {"@odata.id": f"http://crm.example/api/data/v9.2/roles({ROLE})"}
        assert (await boss.post(f"{address}/$ref", json=role)).status_code == 204
        assert await names(nora, "accounts?$select=name") == {"nora 0"}
        assert await names(boss, f"{address}?$select=name") == {"given"}
        assert (await boss.post(f"{address}/$ref", json=role)).status_code == 412
        assert (await boss.delete(f"{address}({ROLE})/$ref")).status_code == 204
        assert (await boss.delete(f"{address}({ROLE})/$ref")).status_code == 404
        assert refusal(await nora.get("accounts")) == MISSING


async def test_many_to_many_relationships_are_navigated_expanded_and_filtered() -> None:
    store = environment()
    give(store, allowed({"account": "R"}, Depth.BASIC), to=["nora", "crew"])
    join(store, "piet")
    async with signed_in(store, "boss") as client:
        user = (await client.get(f"systemusers({principal('nora')})?$expand=systemuserroles_association")).json()
        assert [role["name"] for role in user["systemuserroles_association"]] == ["given"]
        held = "systemusers?$select=fullname&$filter=systemuserroles_association/any(r:r/name eq 'given')"
        assert [row["fullname"] for row in (await client.get(held)).json()["value"]] == ["nora"]
        members = await client.get(f"teams({CREW})/teammembership_association?$select=fullname")
        assert [row["fullname"] for row in members.json()["value"]] == ["piet"]
        assert await names(client, f"teams({CREW})/teamroles_association?$select=name") == {"given"}
        listed = (await client.get("systemusers?$select=fullname&$expand=teammembership_association")).json()["value"]
        assert {row["fullname"]: len(row["teammembership_association"]) for row in listed} == {
            **dict.fromkeys(PEOPLE, 0),
            "piet": 1,
        }
        mixed = await client.get("systemusers?$expand=systemuserroles_association,businessunitid")
        assert refusal(mixed) == (400, "0x80060888")
        privileges_of = await client.get(f"roles({ROLE})/roleprivileges_association?$select=name")
        assert [row["name"] for row in privileges_of.json()["value"]] == ["prvReadAccount"]
        await client.delete(f"roles({ROLE})")
    assert not store.count("teamrolescollection")


async def test_the_privileges_of_a_user_are_told_with_their_depth() -> None:
    store = environment()
    give(store, allowed({"account": "R W"}, Depth.LOCAL), to=["nora"])
    give(store, allowed({"account": "R"}, Depth.GLOBAL, CREW_ROLE), to=["nora"])
    async with signed_in(store, "boss") as client:
        address = f"systemusers({principal('nora')})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges"
        for path in (address, f"{address}()"):
            body = (await client.get(path)).json()
            assert body["@odata.context"].endswith("#Microsoft.Dynamics.CRM.RetrieveUserPrivilegesResponse")
            assert {row["PrivilegeName"]: row["Depth"] for row in body["RolePrivileges"]} == {
                "prvReadAccount": "Global",
                "prvWriteAccount": "Local",
            }
        assert (await client.get(address.replace(principal("nora"), CREW))).status_code == 404


async def test_the_rights_of_a_user_on_one_row_are_told() -> None:
    store = environment()
    give(store, allowed({"account": "R W AT"}, Depth.BASIC), to=["nora"])
    function = f"systemusers({principal('nora')})/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@t)"
    async with signed_in(store, "boss") as client:
        for owner, rights in (("nora", "ReadAccess, WriteAccess, AppendToAccess"), ("saul", "None")):
            target = f"{{'@odata.id':'accounts({account(owner)})'}}"
            response = await client.get(f"{function}?@t={target}")
            assert response.status_code == 200, response.text
            assert response.json()["AccessRights"] == rights
        assert (await client.get(f"{function}?@t=accounts")).status_code == 400
