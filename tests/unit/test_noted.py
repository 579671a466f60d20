"""What changes is told to whoever listens, once it counts."""

import asyncio
from contextlib import suppress
from uuid import UUID, uuid4

from gateway.noted import MOST_CHANGES, MOST_RECORDS, Change, if_kept, note, noting


def change(*records: UUID) -> Change:
    return Change("THING", "CHANGED", {}, records=records)


def test_where_nobody_listens_nothing_is_kept() -> None:
    note(change())
    with noting() as notes, if_kept():
        pass
    assert notes.changes == []


def test_what_is_taken_back_was_no_change() -> None:
    with noting() as notes:
        with if_kept():
            note(change(kept := uuid4()))
        with suppress(ValueError), if_kept():
            note(change(uuid4()))
            raise ValueError
    assert list(notes.records) == [kept]
    assert len(notes.changes) == 1


def test_however_much_changes_the_notes_are_bounded() -> None:
    with noting() as notes, if_kept():
        for _ in range(MOST_CHANGES + 5):
            note(change(*(uuid4() for _ in range(10))))
    assert (len(notes.changes), notes.more, len(notes.records)) == (MOST_CHANGES, 5, MOST_RECORDS)


def test_two_who_listen_at_once_do_not_hear_each_other() -> None:
    async def one(id: UUID) -> list[UUID]:
        with noting() as notes:
            await asyncio.sleep(0)
            await asyncio.create_task(tell(id))
            return list(notes.records)

    async def tell(id: UUID) -> None:
        note(change(id))

    async def both() -> None:
        first, second = uuid4(), uuid4()
        heard = await asyncio.gather(one(first), one(second))
        assert list(heard) == [[first], [second]]

    asyncio.run(both())
