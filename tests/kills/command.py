"""The command: so many kills, what came of each, and the counts. Every kill can be repeated by its seed.

    uv run python -m tests.kills --kills 200 --databases sqlite,postgresql --workers 1,3
"""

import asyncio
import json
import os
import re
import tempfile
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.kills.far_end import far_end
from tests.kills.kill import Case, Killing, Outcome
from tests.kills.world import prepared


async def kill_many(database: str, workers: int, seeds: range, kills: int, log: Path | None) -> list[dict[str, Any]]:
    """One after the other, until so many runs were killed. What a ``log`` holds already is not done again."""
    lines = list(_logged(log, database, workers))
    known = {each["seed"] for each in lines}
    with tempfile.TemporaryDirectory() as folder:
        async with far_end() as end, prepared(end, database, Path(folder) / "prepared") as world:
            killing = Killing(end, world, Path(folder) / "now")
            for seed in seeds:
                if sum(len(each["points"]) > 0 for each in lines) >= kills:
                    break
                if seed in known:
                    continue
                outcome = await killing.kill(Case(seed, workers))
                lines.append(_line(database, outcome))
                _tell(lines[-1])
                if log is not None:
                    with log.open("a") as file:
                        file.write(json.dumps(lines[-1]) + "\n")
    return lines


def _logged(log: Path | None, database: str, workers: int) -> Iterator[dict[str, Any]]:
    if log is not None and log.exists():
        for line in map(json.loads, log.read_text().splitlines()):
            if (line["database"], line["workers"]) == (database, workers):
                yield line


def _line(database: str, outcome: Outcome) -> dict[str, Any]:
    return {
        "database": database,
        "workers": outcome.case.workers,
        "seed": outcome.case.seed,
        "rules": str(outcome.rules),
        "how": outcome.how,
        "points": outcome.points,
        "wrong": outcome.wrong,
        "seconds": round(outcome.seconds, 1),
    }


def _tell(line: dict[str, Any]) -> None:
    where = " | ".join(line["points"]) or "the runs had ended"
    print(  # noqa: T201 - what the command is for
        f"{line['database']} {line['workers']} seed {line['seed']}: {line['rules']}; {line['how']}: {where};"
        f" {line['seconds']} s; {'WRONG' if line['wrong'] else 'right'}",
        flush=True,
    )
    for each in line["wrong"]:
        print(f"    {each}", flush=True)  # noqa: T201


def counts(lines: list[dict[str, Any]]) -> str:
    """The sums: how many runs were killed, at what, and what came of them."""
    killed = [each for each in lines if each["points"]]
    wrong = [each for each in lines if each["wrong"]]
    points = Counter(re.sub(r"(before|after) (.*)", r"\1 \2", one) for each in killed for one in each["points"])
    rules = Counter(each["rules"].split(", conflict")[0] for each in killed)
    text = [
        f"{len(lines)} cases, {len(killed)} killed ({points.total()} processes), {len(lines) - len(killed)} had ended before;"
        f" {len(killed) - sum(bool(each['wrong']) for each in killed)} killed came right, {len(wrong)} cases are wrong",
        "killed runs: " + ", ".join(f"{name}: {many}" for name, many in sorted(rules.items())),
        "points: " + ", ".join(f"{name}: {many}" for name, many in points.most_common()),
    ]
    if lines:
        text.append(f"{sum(each['seconds'] for each in lines) / len(lines):.1f} s each on average")
    return "\n".join(text)


def main() -> int:
    parser = ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many runs are to be killed of each combination")
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--workers", default="1,3", help="processes at once; SQLite has one")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--log", type=Path, help="a file to which each kill is added; what is there is not done again")
    given = parser.parse_args()
    os.environ.setdefault("CI", "1")
    wrong = 0
    for database in given.databases.split(","):
        for workers in map(int, given.workers.split(",")):
            if database == "sqlite" and workers > 1:
                continue  # one writer
            seeds = range(given.first, given.first + 4 * given.kills + 10)
            lines = asyncio.run(kill_many(database, workers, seeds, given.kills, given.log))
            print(f"\n{database}, {workers} at once: {counts(lines)}\n", flush=True)  # noqa: T201
            wrong += sum(bool(each["wrong"]) for each in lines)
    return 1 if wrong else 0
