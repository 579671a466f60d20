"""Every attack is refused typed, and leaves the gateway answering what people ask."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.attack.attacker import Attacker
from tests.attack.attacks import ATTACKS, Attack
from tests.attack.command import demo


@pytest.fixture(scope="module")
def attacker() -> Iterator[Attacker]:
    with demo() as found:
        yield found


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda each: each.name.replace(" ", "-"))
def test_it_is_refused_typed_and_others_are_answered(attacker: Attacker, attack: Attack) -> None:
    outcome = asyncio.run(attacker.attack(attack))
    assert outcome.wrong == []
    assert outcome.answered > 0


def test_bodies_that_do_not_end_hold_up_nobody(attacker: Attacker) -> None:
    outcome = asyncio.run(attacker.slow_bodies())
    assert (outcome.wrong, outcome.answered > 0) == ([], True)
