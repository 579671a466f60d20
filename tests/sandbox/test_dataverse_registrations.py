"""Registering webhooks in the Dataverse simulator: endpoints, their secrets, steps and the catalogue of messages."""

import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.sandbox.dataverse.message_catalogue import filter_id, message_id
from gateway.sandbox.store import Store
from tests.sandbox.registrations import HOOK, SECRET, Setting, account, endpoint, step

pytest_plugins = ["test_dataverse_callers"]
pytestmark = pytest.mark.anyio


@pytest.fixture
def setting(dataverse_store: Store) -> Setting:
    return Setting(dataverse_store)


@pytest.fixture
async def crm(setting: Setting) -> AsyncIterator[httpx.AsyncClient]:
    """A client signed in as Ada, at the service root."""
    async with setting.client() as client:
        yield client


@pytest.mark.parametrize(
    ("authtype", "authvalue", "query", "header"),
    [
        (4, SECRET, {"v": "1", "code": SECRET}, None),
        (5, f'<settings><setting name="X-Key" value="{SECRET}" /></settings>', {"v": "1"}, SECRET),
        (6, f'<settings><setting name="a" value="{SECRET}" /></settings>', {"v": "1", "a": SECRET}, None),
    ],
)
async def test_the_receiver_gets_what_it_recognises_us_by(
    setting: Setting,
    crm: httpx.AsyncClient,
    authtype: int,
    authvalue: str,
    query: dict[str, str],
    header: str | None,
) -> None:
    to = await endpoint(crm, url=f"{HOOK}?v=1", authtype=authtype, authvalue=authvalue)
    await step(crm, "Create", to=to)
    await account(crm)
    await setting.engine.work()
    (received,) = setting.receiver.received
    assert dict(received.url.params) == query
    assert received.headers.get("x-key") == header


async def test_the_secret_is_never_shown(
    setting: Setting, crm: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="gateway")
    key = await endpoint(crm)
    await step(crm, "Create", to=key)
    await account(crm)
    setting.receiver.answers.append(400)
    await setting.engine.work()
    texts = [(await crm.get(path)).text for path in (f"serviceendpoints({key})", "serviceendpoints", "asyncoperations")]
    texts += [(await crm.get("serviceendpoints?$select=authvalue&$filter=authvalue ne null")).text]
    texts += [repr(setting.log.rows()), caplog.text]
    assert all(SECRET not in text for text in texts)
    assert (await crm.get(f"serviceendpoints({key})?$select=authvalue,isauthvalueset")).json()["isauthvalueset"] is True
    assert (await crm.get("serviceendpointsecrets")).status_code == 404


async def test_the_secret_goes_with_its_endpoint(setting: Setting, crm: httpx.AsyncClient) -> None:
    key = await endpoint(crm)
    assert setting.store.count("serviceendpointsecrets") == 1
    assert (await crm.delete(f"serviceendpoints({key})")).status_code == 204
    assert setting.store.count("serviceendpointsecrets") == 0


async def test_a_new_secret_replaces_the_old_one(setting: Setting, crm: httpx.AsyncClient) -> None:
    key = await endpoint(crm)
    await step(crm, "Create", to=key)
    assert (await crm.patch(f"serviceendpoints({key})", json={"authvalue": "other"})).status_code == 204
    await account(crm)
    await setting.engine.work()
    assert setting.receiver.received[0].url.params["code"] == "other"


async def test_an_update_is_told_only_if_a_filtering_attribute_was_written(
    setting: Setting, crm: httpx.AsyncClient
) -> None:
    key = await account(crm)
    await step(crm, "Update", filteringattributes="telephone1, primarycontactid")
    await crm.patch(f"accounts({key})", json={"description": "x"})
    assert await setting.sent() == []
    await crm.patch(f"accounts({key})", json={"telephone1": "1"})
    await crm.patch(f"accounts({key})", json={"primarycontactid@odata.bind": None})
    assert len(await setting.sent()) == 2


async def test_only_the_registered_table_and_message_are_told(setting: Setting, crm: httpx.AsyncClient) -> None:
    await step(crm, "Update")
    key = await account(crm)
    await crm.post("contacts", json={"lastname": "Vos"})
    assert await setting.sent() == []
    await crm.patch(f"accounts({key})", json={"name": "B"})
    assert [document["MessageName"] for document in await setting.sent()] == ["Update"]


async def test_a_step_without_a_filter_hears_of_every_table(setting: Setting, crm: httpx.AsyncClient) -> None:
    await step(crm, "Create", entity=None)
    await account(crm)
    await crm.post("contacts", json={"lastname": "Vos"})
    assert {document["PrimaryEntityName"] for document in await setting.sent()} == {"account", "contact"}


async def test_a_disabled_step_is_silent_until_it_is_enabled(setting: Setting, crm: httpx.AsyncClient) -> None:
    address = (await step(crm, "Create")).headers["OData-EntityId"]
    await crm.patch(address, json={"statecode": 1, "statuscode": 2})
    await account(crm)
    assert await setting.sent() == []
    await crm.patch(address, json={"statecode": 0, "statuscode": 1})
    await account(crm)
    assert len(await setting.sent()) == 1


async def test_registrations_survive_in_the_store(setting: Setting, crm: httpx.AsyncClient) -> None:
    await step(crm, "Create")
    before = setting.store.count("sdkmessagefilters")
    again = Setting(setting.store)
    assert setting.store.count("sdkmessagefilters") == before
    await account(crm)
    assert len(await again.sent()) == 1


@pytest.mark.parametrize(
    "columns",
    [
        {"url": "ftp://receiver.example/x"},
        {"url": "file:///etc/passwd"},
        {"url": "/hooks"},
        {"url": "http://user:pass@receiver.example/"},
        {"contract": 2},
        {"authtype": 1},
        {"authvalue": ""},
        {"authtype": 5, "authvalue": "no pairs"},
        {"authtype": 5, "authvalue": '<settings><setting name="bad name" value="x"/></settings>'},
    ],
)
async def test_an_endpoint_that_cannot_work_is_refused(crm: httpx.AsyncClient, columns: dict[str, object]) -> None:
    body = {"name": "Gateway", "contract": 8, "url": HOOK, "authtype": 4, "authvalue": SECRET} | columns
    answer = await crm.post("serviceendpoints", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"].startswith("0x800")
    assert (await crm.get("serviceendpoints")).json()["value"] == []


@pytest.mark.parametrize(
    ("message", "columns", "sentence"),
    [
        ("Create", {"mode": 0}, "Synchronous steps are not simulated."),
        ("Create", {"stage": 20}, "can only be registered in stage 40"),
        ("Create", {"filteringattributes": "name"}, "belong to the message Update"),
        ("Update", {"filteringattributes": "name,colour"}, "has no attribute 'colour'"),
        ("Create", {"eventhandler_serviceendpoint@odata.bind": None}, "needs an event handler"),
        (
            "Create",
            {"sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({filter_id('Update', 'account')})"},
            "belongs to another message",
        ),
    ],
)
async def test_a_step_that_cannot_work_is_refused(
    crm: httpx.AsyncClient, message: str, columns: dict[str, object], sentence: str
) -> None:
    answer = await step(crm, message, entity="account", to=None, **columns)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]["message"]


async def test_the_catalogue_can_be_looked_up_and_not_changed(setting: Setting, crm: httpx.AsyncClient) -> None:
    found = (await crm.get("sdkmessages?$filter=name eq 'Update'&$select=sdkmessageid")).json()["value"]
    assert [row["sdkmessageid"] for row in found] == [message_id("Update")]
    narrowed = f"_sdkmessageid_value eq {message_id('Update')} and primaryobjecttypecode eq 'account'"
    filters = (await crm.get(f"sdkmessagefilters?$filter={narrowed}")).json()["value"]
    assert [row["sdkmessagefilterid"] for row in filters] == [filter_id("Update", "account")]
    assert (await crm.post("sdkmessages", json={"name": "Mine"})).status_code == 405
    assert (await crm.delete(f"sdkmessages({message_id('Update')})")).status_code == 405


async def test_the_event_framework_does_not_tell_of_itself(setting: Setting, crm: httpx.AsyncClient) -> None:
    await step(crm, "Create", entity=None)
    await step(crm, "Create")
    assert await setting.sent() == []
