"""Documents that are named instead of sent: of the manifest, and such as were sent once before."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.errors import ConfigError, PersistedQueryError
from gateway.manifest import Documents, read_manifest
from gateway.redis_server import SharedCache
from gateway.sandbox.app import Sandbox
from gateway.sandbox.identity.people import ADMIN, NOBODY, Person
from schema.persisted import LONGEST, PersistedDocuments, hash_of
from tests.graphql.api import Answer, Api, start
from tests.graphql.live import bearer, signed_in, stream
from tests.redis_servers import NOBODY as NO_SERVER
from tests.redis_servers import redis

pytestmark = pytest.mark.anyio

VIEWER = "{ viewer { name } }"
NAMED = "query Me { viewer { name roles } }"
NOT_FOUND, NOT_SUPPORTED = ["PERSISTED_QUERY_NOT_FOUND"], ["PERSISTED_QUERY_NOT_SUPPORTED"]


def by_hash(text: str, **more: object) -> dict[str, object]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_of(text)}}, **more}


async def post(api: Api, body: dict[str, object], person: Person = ADMIN) -> Answer:
    response = await api.http.post("/graphql", json=body, headers={"Authorization": bearer(api, person)})
    return Answer(response.status_code, response.json())


@dataclass(frozen=True)
class Own:
    """Gateways over one sandbox."""

    sandbox: Sandbox
    folder: Path
    stack: AsyncExitStack

    async def start(self, **settings: Any) -> Api:
        url = f"sqlite+aiosqlite:///{self.folder / 'gateway.db'}"
        return await start(self.sandbox, url, self.stack, webhooks=False, **settings)

    def manifest(self, content: object) -> Path:
        path = self.folder / "documents.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return path


@pytest.fixture
async def own(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Own]:
    async with AsyncExitStack() as stack:
        yield Own(sandbox, tmp_path, stack)


async def test_a_document_sent_with_its_hash_is_known_by_it_from_then_on(api: Api) -> None:
    unknown = await post(api, by_hash(VIEWER))
    assert (unknown.codes, unknown.errors[0]["message"]) == (NOT_FOUND, "PersistedQueryNotFound")
    first = await post(api, by_hash(VIEWER, query=VIEWER))
    again = await post(api, by_hash(VIEWER), NOBODY)
    assert again.errors == first.errors == []
    assert (first.data["viewer"]["name"], again.data["viewer"]["name"]) == (ADMIN.display_name, NOBODY.display_name), (
        "not the answer is kept"
    )
    by_id = await post(api, {"documentId": f"sha256:{hash_of(VIEWER)}"})
    assert by_id.data == first.data


async def test_a_hash_of_another_document_is_refused(api: Api) -> None:
    answer = await post(api, by_hash(VIEWER, query=NAMED))
    assert answer.codes == ["PERSISTED_QUERY_MISMATCH"]
    assert (await post(api, by_hash(VIEWER))).codes == NOT_FOUND
    assert (await post(api, by_hash(NAMED))).codes == NOT_FOUND


@pytest.mark.parametrize(
    "text",
    ["{ nonsense }", "{ viewer {", "{ viewer { name } } #" + "-" * LONGEST, "{" + "viewer { name } " * 999 + "}"],
)
async def test_what_cannot_be_answered_or_is_too_long_is_not_kept(api: Api, text: str) -> None:
    await post(api, by_hash(text, query=text))
    assert (await post(api, by_hash(text))).codes == NOT_FOUND


@pytest.mark.parametrize("named", [{"version": 1}, {"version": 1, "sha256Hash": 7}, "text", 7])
async def test_what_names_no_document_is_refused(api: Api, named: object) -> None:
    assert (await post(api, {"extensions": {"persistedQuery": named}})).codes == ["INVALID_INPUT"]


async def test_another_version_of_the_protocol_and_ids_of_no_manifest_are_refused(api: Api) -> None:
    body: dict[str, object] = {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": hash_of(VIEWER)}}}
    assert (await post(api, body)).codes == NOT_SUPPORTED
    assert (await post(api, {"documentId": "me"})).codes == NOT_FOUND
    assert (await post(api, {"documentId": 7})).codes == ["INVALID_INPUT"]


@pytest.mark.parametrize(
    "content",
    [
        {"me": NAMED},
        {
            "format": "apollo-persisted-query-manifest",
            "version": 1,
            "operations": [{"id": "me", "name": "Me", "type": "query", "body": NAMED}],
        },
    ],
)
async def test_documents_of_the_manifest_go_by_id_and_hash(own: Own, content: object) -> None:
    api = await own.start(documents_file=own.manifest(content))
    for body in ({"documentId": "me"}, by_hash(NAMED), {"query": NAMED}):
        assert (await post(api, dict(body))).data["viewer"]["name"] == ADMIN.display_name
    assert (await post(api, {"query": VIEWER})).errors == [], "others are carried out as well"


async def test_where_only_trusted_documents_are_carried_out_nothing_else_is(own: Own) -> None:
    api = await own.start(documents_file=own.manifest({"me": NAMED}), documents=Documents.TRUSTED)
    for body in ({"documentId": "me"}, by_hash(NAMED), {"query": NAMED}):
        assert (await post(api, dict(body))).errors == []
    for query in (VIEWER, NAMED + " ", "{ __schema { types { name } } }"):
        assert (await post(api, {"query": query})).codes == ["QUERY_NOT_TRUSTED"], "not even for administrators"
        assert (await post(api, by_hash(query, query=query))).codes == ["QUERY_NOT_TRUSTED"]
        assert (await post(api, by_hash(query))).codes == NOT_SUPPORTED
    async with signed_in(api) as socket:
        socket.subscribe(VIEWER)
        assert "QUERY_NOT_TRUSTED" in str(await socket.answers())
        socket.subscribe(NAMED)
        assert ADMIN.display_name in str(await socket.answers())
    async with stream(api, VIEWER) as events:
        assert "QUERY_NOT_TRUSTED" in str(await events.events())


async def test_documents_go_by_name_over_sockets_as_well(own: Own) -> None:
    api = await own.start(documents_file=own.manifest({"me": NAMED}))
    async with signed_in(api) as socket:

        async def said(**payload: object) -> str:
            socket.say({"type": "subscribe", "id": "1", "payload": payload})
            return str(await socket.answers())

        assert ADMIN.display_name in await said(documentId="me")
        assert ADMIN.display_name in await said(**by_hash(NAMED))
        assert "PERSISTED_QUERY_NOT_FOUND" in await said(**by_hash(VIEWER))
        assert ADMIN.display_name in await said(**by_hash(VIEWER, query=VIEWER)), "the socket goes on"
        assert ADMIN.display_name in await said(**by_hash(VIEWER)), "sent once, and known from then on"
        assert "PERSISTED_QUERY_MISMATCH" in await said(**by_hash(VIEWER, query=NAMED))
    assert (await post(api, by_hash(VIEWER))).errors == [], "to all transports"


async def test_where_only_trusted_documents_are_carried_out_sockets_name_them(own: Own) -> None:
    api = await own.start(documents_file=own.manifest({"me": NAMED}), documents=Documents.TRUSTED)
    async with signed_in(api) as socket:
        for payload, expected in (({"documentId": "me"}, ADMIN.display_name), (by_hash(VIEWER), "NOT_SUPPORTED")):
            socket.say({"type": "subscribe", "id": "1", "payload": payload})
            assert expected in str(await socket.answers())


async def test_a_manifest_is_checked_before_anything_starts_and_told_in_one_go(own: Own) -> None:
    content = {"good": NAMED, "unknown": "{ nonsense }", "broken": "{ viewer {", "deep": "{a" * 30 + "}" * 30}
    with pytest.raises(ConfigError) as caught:
        await own.start(documents_file=own.manifest(content))
    assert [text.split(":")[0] for text in caught.value.problems] == [
        f"document '{name}' of the manifest" for name in ("unknown", "broken", "deep")
    ]


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        ([], 1),
        ({"a": 1, "b": None}, 2),
        ({"operations": {}}, 1),
        ({"operations": [], "format": "other"}, 1),
        ({"operations": [{"id": "a"}, 7, {"id": "b", "body": "x"}, {"id": "b", "body": "y"}]}, 3),
    ],
)
def test_a_file_that_is_no_manifest_says_why(tmp_path: Path, content: object, problems: int) -> None:
    path = tmp_path / "documents.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_manifest(path)
    assert len(caught.value.problems) == problems
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match="not JSON"):
        read_manifest(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_manifest(tmp_path / "none.json")


async def test_processes_share_what_was_sent_to_one_of_them() -> None:
    async with redis() as (client, prefix):
        one, two = (PersistedDocuments({}, Documents.ANY, SharedCache(client, prefix=prefix)) for _ in range(2))
        extensions: Any = by_hash(VIEWER)["extensions"]
        await one.keep(VIEWER, extensions)
        assert await two.text(None, extensions) == VIEWER
        assert 0 < await client.ttl(f"{prefix}document:{hash_of(VIEWER)}") <= 86_400
        await client.set(f"{prefix}document:{hash_of(NAMED)}", "{ somethingElse }")
        three = PersistedDocuments({}, Documents.ANY, SharedCache(client, prefix=prefix))
        with pytest.raises(PersistedQueryError, match="PersistedQueryNotFound"):
            await three.text(None, by_hash(NAMED)["extensions"])  # type: ignore[arg-type]  # an object


async def test_no_more_is_kept_in_an_hour_than_there_is_room_for() -> None:
    async with redis() as (client, prefix):
        one = PersistedDocuments({}, Documents.ANY, SharedCache(client, prefix=prefix), most_in_an_hour=2)
        for number in range(5):
            text = f"{{ viewer {{ a{number}: name }} }}"
            await one.keep(text, by_hash(text)["extensions"])  # type: ignore[arg-type]  # an object
        assert len([key async for key in client.scan_iter(match=f"{prefix}document:*")]) == 2


async def test_without_redis_documents_are_kept_here(own: Own) -> None:
    api = await own.start(redis_url=SecretStr(NO_SERVER))
    assert (await post(api, by_hash(VIEWER, query=VIEWER))).errors == []
    assert (await post(api, by_hash(VIEWER))).errors == []
    assert (await post(api, by_hash(NAMED))).codes == NOT_FOUND
