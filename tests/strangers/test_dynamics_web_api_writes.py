"""dynamics-web-api, a public client of the Dataverse Web API, writes to the simulator.

Source: the package's own documentation; it was written against the real service.
"""

from uuid import uuid4

import pytest

from tests.strangers.node import NodeClient

pytestmark = pytest.mark.strangers

NOBODY = "00000000-0000-4000-8000-000000000000"
TARGET = "Microsoft.Dynamics.CRM.account"


@pytest.fixture
def account(dynamics_web_api: NodeClient) -> str:
    """An account of the test's own."""
    key = dynamics_web_api.run("writing.create", collection="accounts", data={"name": "Stranger"})
    assert isinstance(key, str)
    return key


@pytest.fixture
def contact(dynamics_web_api: NodeClient) -> str:
    key = dynamics_web_api.run("writing.create", collection="contacts", data={"lastname": "Stranger"})
    assert isinstance(key, str)
    return key


def column(client: NodeClient, account: str, name: str) -> object:
    """One column of an account as it is now."""
    return client.run("reading.row", collection="accounts", key=account, select=[name])[name]


def test_it_creates_a_row_and_reads_it_back_in_one_request(dynamics_web_api: NodeClient) -> None:
    name = "Übergröße & Söhne – “Nº 1”"
    row = dynamics_web_api.run(
        "writing.create",
        collection="accounts",
        data={"name": name, "primarycontactid": {"lastname": "Vos"}},
        returnRepresentation=True,
        select=["name", "_primarycontactid_value"],
    )
    assert row["name"] == name
    contact = row["_primarycontactid_value"]
    assert dynamics_web_api.run("reading.row", collection="contacts", key=contact)["lastname"] == "Vos"


def test_it_links_a_new_row_to_another(dynamics_web_api: NodeClient, account: str) -> None:
    data = {"lastname": "Bound", "parentcustomerid_account@odata.bind": f"accounts({account})"}
    key = dynamics_web_api.run("writing.create", collection="contacts", data=data)
    row = dynamics_web_api.run("reading.row", collection="contacts", key=key, select=["_parentcustomerid_value"])
    assert row["_parentcustomerid_value"] == account


def test_it_updates_only_the_row_it_has_read(dynamics_web_api: NodeClient, account: str) -> None:
    told = dynamics_web_api.run("writing.updateWithETag", key=account)
    assert told == {"stale": False, "fresh": True, "telephone1": "mine again"}


def test_it_updates_and_reads_back_in_one_request(dynamics_web_api: NodeClient, account: str) -> None:
    wish = {"collection": "accounts", "key": account, "data": {"telephone1": "12"}}
    row = dynamics_web_api.run("writing.update", returnRepresentation=True, select=["telephone1"], **wish)
    assert row["telephone1"] == "12"


def test_an_update_never_creates(dynamics_web_api: NodeClient) -> None:
    error = dynamics_web_api.refused("writing.update", collection="accounts", key=NOBODY, data={"name": "Nobody"})
    assert (error["status"], error["code"]) == (404, "0x80040217")


def test_an_unchanged_row_is_not_sent_again(dynamics_web_api: NodeClient, account: str) -> None:
    assert dynamics_web_api.run("writing.unchanged", key=account) is None


def test_it_writes_and_clears_a_single_column(dynamics_web_api: NodeClient, account: str) -> None:
    wish = {"collection": "accounts", "key": account}
    dynamics_web_api.run("writing.updateSingleProperty", fieldValuePair={"telephone1": "7"}, **wish)
    assert column(dynamics_web_api, account, "telephone1") == "7"
    assert dynamics_web_api.run("writing.remove", property="telephone1", **wish) is True
    assert column(dynamics_web_api, account, "telephone1") is None


def test_an_upsert_creates_and_then_updates(dynamics_web_api: NodeClient) -> None:
    key = str(uuid4())
    wish = {"collection": "accounts", "key": key}
    assert dynamics_web_api.run("writing.upsert", data={"name": "First"}, **wish) == key
    assert dynamics_web_api.run("writing.upsert", data={"name": "Second"}, **wish) == key
    assert column(dynamics_web_api, key, "name") == "Second"


def test_an_upsert_by_alternate_key_takes_the_key_from_the_address(dynamics_web_api: NodeClient) -> None:
    number = f"S{uuid4().hex[:12]}"
    wish = {"collection": "accounts", "key": f"accountnumber='{number}'", "returnRepresentation": True}
    created = dynamics_web_api.run("writing.upsert", data={"name": "First"}, **wish)
    updated = dynamics_web_api.run("writing.upsert", data={"name": "Second"}, **wish)
    assert created["accountnumber"] == number
    assert (updated["accountid"], updated["name"]) == (created["accountid"], "Second")


def test_an_upsert_can_be_kept_from_creating_and_from_updating(dynamics_web_api: NodeClient, account: str) -> None:
    wish = {"collection": "accounts", "data": {"name": "Not written"}}
    assert dynamics_web_api.run("writing.upsert", key=str(uuid4()), ifmatch="*", **wish) is None
    assert dynamics_web_api.run("writing.upsert", key=account, ifnonematch="*", **wish) is None
    assert column(dynamics_web_api, account, "name") == "Stranger"


def test_it_deletes_a_row_once(dynamics_web_api: NodeClient, account: str) -> None:
    wish = {"collection": "accounts", "key": account}
    assert dynamics_web_api.run("writing.remove", ifmatch='W/"1"', **wish) is False
    assert dynamics_web_api.run("writing.remove", **wish) is True
    assert dynamics_web_api.refused("writing.remove", **wish)["status"] == 404


def test_it_associates_and_disassociates(dynamics_web_api: NodeClient, account: str, contact: str) -> None:
    told = dynamics_web_api.run("writing.associate", account=account, contact=contact)
    assert told == {"before": [], "associated": [contact], "after": []}


def test_it_sets_and_clears_a_lookup_by_reference(dynamics_web_api: NodeClient, account: str, contact: str) -> None:
    told = dynamics_web_api.run("writing.associateSingleValued", account=account, contact=contact)
    assert told == {"associated": contact, "after": None}


def test_it_creates_and_updates_many_in_one_request(dynamics_web_api: NodeClient) -> None:
    def act(name: str, targets: list[dict[str, object]], **config: object) -> object:
        action = {"Targets": [{"@odata.type": TARGET, **target} for target in targets]}
        name = f"Microsoft.Dynamics.CRM.{name}"
        return dynamics_web_api.run(
            "writing.callAction", collection="accounts", actionName=name, action=action, config=config
        )

    made = act("CreateMultiple", [{"name": "Many 1"}, {"name": "Many 2"}])
    assert isinstance(made, dict)
    first, second = made["Ids"]
    act("UpdateMultiple", [{"accountid": first, "name": "Changed 1"}, {"accountid": second, "name": "Changed 2"}])
    assert [column(dynamics_web_api, key, "name") for key in (first, second)] == ["Changed 1", "Changed 2"]

    number = f"S{uuid4().hex[:12]}"
    row = f"accounts(accountnumber='{number}')"
    act("UpsertMultiple", [{"@odata.id": row, "name": "Upserted 1"}], disableODataIdAbsoluteUrl=True)
    act("UpsertMultiple", [{"@odata.id": row, "name": "Upserted 2"}])
    found = dynamics_web_api.run("reading.row", collection="accounts", key=f"accountnumber='{number}'")
    assert found["name"] == "Upserted 2"


def test_a_batch_answers_in_the_order_it_was_asked(dynamics_web_api: NodeClient, account: str) -> None:
    read, counted, made, updated, again = dynamics_web_api.run("batches.mixed", key=account)
    assert read["name"] == "Stranger"
    assert counted == 1
    assert column(dynamics_web_api, made, "name") == "Batch made"
    assert updated is True
    assert again["telephone1"] == "batched"


def test_a_change_set_links_rows_that_it_creates(dynamics_web_api: NodeClient) -> None:
    told = dynamics_web_api.run("batches.linked")
    assert told["primary"] == told["contact"]


def test_a_failing_change_set_leaves_nothing(dynamics_web_api: NodeClient) -> None:
    told = dynamics_web_api.run("batches.undone", name=f"Undone {uuid4()}")
    assert [answer["status"] for answer in told["answers"]] == [404]
    assert told["left"] == 0


def test_a_batch_stops_at_the_first_failure_unless_told_to_go_on(dynamics_web_api: NodeClient) -> None:
    stopped = dynamics_web_api.run("batches.failing", name=f"Stop {uuid4()}")
    assert stopped["answers"][1]["status"] == 404
    assert (len(stopped["answers"]), stopped["made"]) == (2, 1)
    gone_on = dynamics_web_api.run("batches.failing", name=f"Go on {uuid4()}", continueOnError=True)
    assert gone_on["answers"][1]["status"] == 404
    assert (len(gone_on["answers"]), gone_on["made"]) == (3, 2)
