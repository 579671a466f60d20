"""The journal of the store: who hears of which writes, and what is known of rows that are gone."""

from collections.abc import Sequence
from contextlib import suppress

import pytest

from gateway.sandbox.journal import Write
from gateway.sandbox.model import Model
from gateway.sandbox.store import Store

SHAPE = """{"sets": {"people": {"entity": "person", "key": "id",
 "properties": {"id": "Guid", "name": "String 20"}, "navigations": {}}}}"""
ONE, TWO = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"


@pytest.fixture
def store() -> Store:
    store = Store(Model.load(SHAPE), None)
    store.seed("people", [{"id": ONE, "name": "Iris"}])
    return store


def heard_from(store: Store) -> list[Sequence[Write]]:
    heard: list[Sequence[Write]] = []
    store.listen(heard.append)
    return heard


def undo_a_deletion(store: Store) -> None:
    with suppress(KeyboardInterrupt), store.transaction():
        store.delete("people", ONE)
        raise KeyboardInterrupt


def test_a_transaction_is_told_as_a_whole_after_it_stands(store: Store) -> None:
    heard = heard_from(store)
    with store.transaction():
        store.insert("people", {"id": TWO, "name": "Jo"})
        store.update("people", ONE, {"name": "Ida"})
        assert heard == []
    assert [[(write.kind, write.key, write.values) for write in writes] for writes in heard] == [
        [("created", TWO, {"id": TWO, "name": "Jo"}), ("updated", ONE, {"name": "Ida"})]
    ]
    assert heard[0][0].version < heard[0][1].version


def test_what_is_rolled_back_was_never_written(store: Store) -> None:
    heard = heard_from(store)
    with store.transaction():
        store.update("people", ONE, {"name": "Ida"})
        undo_a_deletion(store)
    undo_a_deletion(store)
    assert [[write.kind for write in writes] for writes in heard] == [["updated"]]
    assert store.deletions("people", after=0) == []


def test_a_listener_may_write_itself(store: Store) -> None:
    kinds: list[str] = []

    def follow(writes: Sequence[Write]) -> None:
        kinds.extend(write.kind for write in writes)
        if writes[0].kind == "created":
            store.delete("people", writes[0].key)

    store.listen(follow)
    store.insert("people", {"id": TWO, "name": "Jo"})
    assert kinds == ["created", "deleted"]


def test_seeding_and_clearing_are_no_writes(store: Store) -> None:
    heard = heard_from(store)
    store.seed("people", [{"id": TWO, "name": "Jo"}])
    store.delete("people", TWO)
    store.clear()
    assert len(heard) == 1
    assert store.deletions("people", after=0) == []


def test_deletions_are_found_by_the_version_they_took(store: Store) -> None:
    store.insert("people", {"id": TWO, "name": "Jo"})
    before = store.version
    store.delete("people", TWO)
    store.delete("people", ONE)
    both = store.deletions("people", after=before)
    assert [deletion.key for deletion in both] == [TWO, ONE]
    assert both[1].version == store.version
    assert store.deletions("people", after=both[0].version) == both[1:]
    assert store.deletions("people", after=before, limit=1) == both[:1]


def test_a_deletion_tells_what_the_row_was(store: Store) -> None:
    heard = heard_from(store)
    store.delete("people", ONE)
    assert heard[0][0].values["name"] == "Iris"
