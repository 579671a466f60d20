"""The command: attacks a gateway, one attack after the other, and prints what came of each.

uv run python -m tests.attack                      a demo of its own
uv run python -m tests.attack --url … --token …    a gateway that runs; --neighbour is the token of somebody else
"""

import asyncio
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.attack.attacker import Attacker, Outcome
from tests.attack.attacks import ATTACKS
from tests.cli.commands import free_port, run, started


async def attack_all(attacker: Attacker) -> list[Outcome]:
    outcomes = [await attacker.attack(each) for each in ATTACKS]
    return [*outcomes, await attacker.slow_bodies()]


@contextmanager
def demo() -> Iterator[Attacker]:
    """A demo in a process of its own; the attacker may see availability, and the neighbour is a sales person."""
    with TemporaryDirectory() as folder:
        port = free_port()
        where = ("--port", str(port), "--folder", str(Path(folder) / "demo"))
        with started("demo", *where):
            base = f"http://127.0.0.1:{port}"
            tokens = [
                run("token", name, "--url", base, "--folder", where[3]).stdout.strip() for name in ("widget", "sales")
            ]
            yield Attacker(f"{base}/graphql", *tokens)


def main() -> int:
    parser = ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("--url", help="the endpoint; without it a demo is started")
    parser.add_argument("--token", help="of the attacker")
    parser.add_argument("--neighbour", help="of somebody else, who goes on asking; the attacker's by default")
    given = parser.parse_args()
    if given.url:
        return _told(asyncio.run(attack_all(Attacker(given.url, given.token, given.neighbour or given.token))))
    with demo() as attacker:
        return _told(asyncio.run(attack_all(attacker)))


def _told(outcomes: list[Outcome]) -> int:
    for outcome in outcomes:
        print(outcome)  # noqa: T201 - what the command is for
        for each in outcome.wrong[:5]:
            print(f"    {each}")  # noqa: T201
    wrong = sum(bool(each.wrong) for each in outcomes)
    print(f"\n{len(outcomes)} attacks, {wrong} of them found something wrong")  # noqa: T201
    return 1 if wrong else 0
