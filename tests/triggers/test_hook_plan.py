"""What is done about subscriptions, whatever is wanted, remembered and there."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from gateway.clients.subscriptions import Subscription
from gateway.records import Backend
from gateway.triggers.hook_plan import MARGIN, Plan, plan
from gateway.triggers.hook_store import Registration, hash_of

NOW = datetime(2026, 11, 16, 12, tzinfo=UTC)
ROOT, OTHER_ROOT = "https://gateway.example/hooks/business-central/", "https://other.example/hooks/"
RESOURCES = ("companies(1)/customers", "companies(1)/items", "companies(2)/items")
SECRET, WRONG = "our secret", "another secret"


@dataclass(frozen=True)
class World:
    wanted: tuple[str, ...]
    remembered: tuple[Registration, ...]
    there: tuple[Subscription, ...]


def registration(number: int, root: str) -> Registration:
    id = uuid5(UUID(int=0), str(number))
    return Registration(id, Backend.BUSINESS_CENTRAL, RESOURCES[number], f"{root}{id}", hash_of(SECRET), "s0")


@st.composite
def worlds(draw: st.DrawFn) -> World:
    wanted = draw(st.lists(st.sampled_from(RESOURCES), unique=True))
    numbers = draw(st.lists(st.sampled_from(range(len(RESOURCES))), unique=True))
    remembered = [registration(number, draw(st.sampled_from((ROOT, OTHER_ROOT)))) for number in numbers]
    addresses = [*(each.url for each in remembered), f"{ROOT}lost", f"{OTHER_ROOT}theirs"]
    there = [
        Subscription(
            f"s{number}",
            'W/"1"',
            NOW + timedelta(hours=draw(st.integers(1, 72))),
            draw(st.sampled_from(addresses)),
            SecretStr(draw(st.sampled_from((SECRET, WRONG)))),
        )
        for number in range(draw(st.integers(0, 5)))
    ]
    return World(tuple(wanted), tuple(remembered), tuple(there))


def carried_out(world: World, todo: Plan) -> World:
    """As it is when all of it worked."""
    there = [each for each in world.there if each not in todo.delete]
    renewed = {one for _, one in todo.renew}
    there = [replace(each, expires_at=NOW + timedelta(days=3)) if each in renewed else each for each in there]
    rows = [each for each in world.remembered if each not in todo.forget and each.resource not in todo.make]
    rows = [next((replace(one, remote_id=it.id) for one, it in todo.keep if one == each), each) for each in rows]
    for number, resource in enumerate(todo.make):
        made = Registration(
            UUID(int=number + 1), Backend.BUSINESS_CENTRAL, resource, f"{ROOT}new{number}", hash_of("new"), f"n{number}"
        )
        rows.append(made)
        there.append(Subscription(f"n{number}", 'W/"1"', NOW + timedelta(days=3), made.url, SecretStr("new")))
    return World(world.wanted, tuple(rows), tuple(there))


def planned(world: World) -> Plan:
    return plan(world.wanted, world.remembered, world.there, root=ROOT, now=NOW)


@given(world=worlds())
def test_afterwards_each_set_is_told_of_once_and_nothing_is_left_to_do(world: World) -> None:
    after = carried_out(world, planned(world))
    for resource in world.wanted:
        (row,) = [each for each in after.remembered if each.resource == resource]
        (told,) = [each for each in after.there if each.url == row.url]
        assert row.knows(told.client_state.get_secret_value())
        assert told.expires_at - NOW >= MARGIN
    again = planned(after)
    assert (again.delete, again.forget, again.renew, again.make) == ((), (), (), ())


@given(world=worlds())
def test_what_is_others_is_left_alone(world: World) -> None:
    ours = {each.url for each in world.remembered}
    for each in planned(world).delete:
        assert each.url.startswith(ROOT) or each.url in ours


@given(world=worlds())
def test_what_is_as_it_should_be_is_kept(world: World) -> None:
    """A subscription that was told of once is not made a second time, so nobody is told of nothing in between."""
    todo = planned(world)
    for row in world.remembered:
        good = [each for each in world.there if each.url == row.url and row.knows(each.client_state.get_secret_value())]
        if good and row.resource in world.wanted and row.url.startswith(ROOT):
            assert row.resource not in todo.make
            assert len([each for each in good if each not in todo.delete]) == 1
