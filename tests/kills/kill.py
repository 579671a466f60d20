"""One kill: people edit, runs begin, gateways die at a point that the seed chose; then everything has to come right."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any

import httpx

from gateway.runs.policy import DeletionConflict, UpdateConflict
from tests.kills.far_end import FarEnd
from tests.kills.gateway_client import Client, NoAnswerError
from tests.kills.people import TABLES, Deed, Done, Kind, People, Rules, State, judged, left_over, state
from tests.kills.process import Gateway, start
from tests.kills.world import Copy, Prepared, copied, kept

_MOST_KILLS = 4
_MOMENTS = 0.2
"""How many of the kills come at a moment, not at a step."""
_FEW = 30


class Who(StrEnum):
    """Who dies of several."""

    ONE = "one"
    """Another one takes over."""
    EACH = "each"
    """Each at a point of its own, as it takes over from the one before."""
    ALL = "all"
    """All at the moment that the first one does."""


@dataclass(frozen=True, slots=True)
class Case:
    """Everything of it follows from the seed; so it can be repeated."""

    seed: int
    workers: int = 1

    @property
    def chance(self) -> Random:
        return Random(f"{self.workers} {self.seed}")  # noqa: S311 - not a secret

    @property
    def rules(self) -> Rules:
        chance = self.chance
        return Rules(
            chance.choice(list(Kind)),
            chance.choice(list(UpdateConflict)),
            chance.choice([*DeletionConflict, DeletionConflict.RESTORE_RECORDS]),
            chance.random() < 0.3,
        )


@dataclass(slots=True)
class Outcome:
    """``kills`` are where processes died, one after the other; none: the runs had ended before.

    ``wrong`` is what was lost, doubled or half done.
    """

    case: Case
    rules: Rules
    how: list[str] = field(default_factory=list)
    kills: list[list[str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """An unkilled run: how many steps the busiest process took, and how long it lasted."""

    steps: int
    seconds: float


class Killing:
    """Kills one after the other in a prepared world."""

    def __init__(self, end: FarEnd, world: Prepared, folder: Path) -> None:
        self._end, self._world, self._folder = end, world, folder
        self._measured: dict[tuple[int, Kind, bool], Measured] = {}

    async def kill(self, case: Case) -> Outcome:
        rules = case.rules
        measured = await self._measure(case.workers, rules)
        chance = Random(f"point {case.workers} {case.seed}")  # noqa: S311 - not a secret
        return await self._attempt(case, rules, lambda attempt, outcome: attempt.die(measured, chance, outcome))

    async def kill_at(self, kind: str, rules: Rules, *, workers: int = 1) -> Outcome:
        """At the first step of this kind, and never again."""
        return await self._attempt(Case(0, workers), rules, lambda attempt, outcome: attempt.die_at(kind, outcome))

    async def _attempt(
        self, case: Case, rules: Rules, die: Callable[["Attempt", Outcome], Coroutine[Any, Any, None]]
    ) -> Outcome:
        began = time.monotonic()
        outcome = Outcome(case, rules)
        with copied(self._end, self._world, self._folder) as copy:
            attempt = Attempt(self._end, self._world, copy, case, rules)
            await attempt.prepare()
            try:
                await die(attempt, outcome)
                await attempt.come_right(outcome)
            except (AssertionError, NoAnswerError, httpx.HTTPError) as error:
                outcome.wrong.append(f"{type(error).__name__}: {error}")
            finally:
                await attempt.close()
        outcome.seconds = time.monotonic() - began
        return outcome

    async def _measure(self, workers: int, rules: Rules) -> Measured:
        """With everything that takes steps."""
        key = (workers, rules.kind, rules.only_coupled)
        if key not in self._measured:
            full = Rules(rules.kind, UpdateConflict.BUSINESS_CENTRAL_WINS, DeletionConflict.RESTORE_RECORDS, key[2])
            with copied(self._end, self._world, self._folder) as copy:
                attempt = Attempt(self._end, self._world, copy, Case(0, workers), full)
                await attempt.prepare()
                try:
                    self._measured[key] = await attempt.measure()
                finally:
                    await attempt.close()
        return self._measured[key]


def _told(done: Done, jobs: Sequence[Any]) -> str:
    """What the job log says of a record."""
    errors = [(job, each) for job in jobs for each in job["errors"]["nodes"] if done.name in str(each["records"])]
    lines = [f"{job['mapping']} {job['kind']} {each['code']} {each['message']}" for job, each in errors]
    return f"the job log says {lines}"


class Attempt:
    """One world from its beginning to its end."""

    def __init__(self, end: FarEnd, world: Prepared, copy: Copy, case: Case, rules: Rules) -> None:
        self._end, self._world, self._copy, self._case, self._rules = end, world, copy, case, rules
        self._alone = case.workers == 1 and world.url.startswith("sqlite")
        self._gateways: list[Gateway] = []
        self._done: list[Done] = []
        self._before: State
        self._started = 0
        self._url = copy.settings.database_url.get_secret_value()

    async def prepare(self) -> None:
        couplings, _ = await kept(self._url)
        await self._fill_up()
        self._before = await state(self._end, couplings)
        client = self._client()
        for mapping in TABLES:
            await client.configure(
                mapping,
                updateConflict=self._rules.update,
                deletionConflict=self._rules.deletion,
                onlyCoupled=self._rules.only_coupled,
            )
        self._done = await People(self._end, self._case.chance).work(self._world.pairs, self._world.names)

    async def measure(self) -> Measured:
        for each in self._gateways:
            await each.arm(None)
        began = time.monotonic()
        armed = asyncio.Event()
        armed.set()
        await self._begin(armed)
        await self._client().ended(self._world.runs)
        seconds = time.monotonic() - began
        return Measured(max([await each.steps() for each in self._gateways]), seconds)

    async def die(self, measured: Measured, chance: Random, outcome: Outcome) -> None:
        """The runs begin, and are killed up to four times in a row; afterwards at least one gateway runs."""
        armed, begun = asyncio.Event(), asyncio.Event()
        beginning = asyncio.create_task(self._begin(armed))
        beginning.add_done_callback(lambda _: begun.set())
        left, kills = measured.steps, chance.randint(1, _MOST_KILLS)
        for _ in range(kills):
            await self._fill_up()
            who = chance.choice(list(Who)) if self._case.workers > 1 else Who.ALL
            step = chance.randint(1, left)
            moment = round(chance.uniform(0, measured.seconds * left / measured.steps), 3)
            at: int | float = moment if chance.random() < _MOMENTS else step
            outcome.how.append(f"{who} at {f'step {at}' if isinstance(at, int) else f'{at * 1000:.0f} ms'}")
            await self._kill(who, at, chance, left, armed, begun)
            points = await self._bury(at)
            if not points:
                break
            outcome.kills.append(points)
            left = max(left - step, _FEW)
        answered = await beginning
        await self._fill_up(1)
        await self._ask_again(answered, outcome)

    async def die_at(self, kind: str, outcome: Outcome) -> None:
        """The first process that comes to such a step dies there; another one takes over."""
        begun = asyncio.Event()
        outcome.how.append(f"the first step {kind}")
        for each in self._gateways:
            await each.arm(1, kind)
        armed = asyncio.Event()
        armed.set()
        beginning = asyncio.create_task(self._begin(armed))
        beginning.add_done_callback(lambda _: begun.set())
        await self._until_dead(Who.ONE, begun)
        outcome.kills += [points] if (points := await self._bury(1)) else []
        answered = await beginning
        await self._fill_up(1)
        await self._ask_again(answered, outcome)

    async def _fill_up(self, many: int | None = None) -> None:
        """As many gateways as there are to be."""
        missing = (many or self._case.workers) - len(self._gateways)
        plans = [self._copy.plan(self._next(), alone=self._alone) for _ in range(missing)]
        self._gateways += await asyncio.gather(*map(start, plans))

    async def _kill(
        self, who: Who, at: int | float, chance: Random, left: int, armed: asyncio.Event, begun: asyncio.Event
    ) -> None:
        if isinstance(at, int):
            for each in self._gateways:
                await each.arm(at if who is not Who.EACH else chance.randint(1, left))
            armed.set()
            await self._until_dead(who, begun)
            return
        armed.set()
        await asyncio.sleep(at)
        if not (begun.is_set() and await self._has_ended()):
            await asyncio.gather(*(each.end() for each in (self._gateways[:1] if who is Who.ONE else self._gateways)))

    async def _ask_again(self, answered: Sequence[str | None], outcome: Outcome) -> None:
        """Whoever got no answer looks whether the run is there, and begins it if not."""
        client = self._client()
        there = {id: each for id, each in (await client.jobs()).items() if id not in self._world.runs}
        for mapping, id in zip(TABLES, answered, strict=True):
            if id is not None and id not in there:
                outcome.wrong.append(f"the run {id} of {mapping} was promised and is not there")
            if id is None and not any(each["mapping"] == mapping for each in there.values()):
                await client.begin(self._rules.kind, mapping)

    async def _begin(self, armed: asyncio.Event) -> list[str | None]:
        """The runs' ids, None where there was no answer."""
        await armed.wait()
        client = self._client()
        wanted = [client.begin(self._rules.kind, mapping) for mapping in TABLES]
        found = await asyncio.gather(*wanted, return_exceptions=True)
        for each in found:
            if isinstance(each, BaseException) and not isinstance(each, NoAnswerError):
                raise each
        return [each if isinstance(each, str) else None for each in found]

    async def _until_dead(self, who: Who, begun: asyncio.Event) -> None:
        """Until those died who were to, or the runs are at their end."""
        while True:
            dead = [each for each in self._gateways if each.is_dead]
            if dead and who is Who.ALL:
                await asyncio.gather(*(each.end() for each in self._gateways))
                return
            if (dead and who is not Who.EACH) or len(dead) == len(self._gateways):
                return
            if begun.is_set() and await self._has_ended():
                return
            await asyncio.sleep(0.02)

    async def _has_ended(self) -> bool:
        """Asked of those that live; False if none does."""
        try:
            jobs = await self._client().jobs()
        except NoAnswerError:
            return False
        new = [each for id, each in jobs.items() if id not in self._world.runs]
        return len(new) >= len(TABLES) and all(each["finishedAt"] for each in new)

    async def _bury(self, at: int | float) -> list[str]:
        """Where the dead died. Those that live are not to die any more."""
        for each in self._gateways:
            await each.arm(None)  # the last one that it could die at; whoever does not answer is dead or dies
        points: list[str] = []
        for each in list(self._gateways):
            if not await each.lives():
                await each.kill()
                where = each.plan.epitaph.read_text() if each.plan.epitaph.exists() else ""
                points.append(where or ("with another one" if isinstance(at, int) else "at some moment"))
                self._gateways.remove(each)
        return points

    async def come_right(self, outcome: Outcome) -> None:
        client = self._client()
        jobs = await client.ended(self._world.runs)
        failed = [each for each in jobs.values() if each["status"] != "SUCCEEDED"]
        outcome.wrong += [
            f"{each['mapping']} run {each['status']}: {each['code']} {each['message']}" for each in failed
        ]
        settling = await client.run_each(Kind.MODIFIED, list(TABLES))
        quiet = await client.run_each(Kind.MODIFIED, list(TABLES))
        for job in quiet:
            counters = job["counters"]
            busy = {name: counters[name] for name in ("inserted", "modified", "deleted", "coupled", "uncoupled")}
            if any(busy.values()):
                outcome.wrong.append(f"a further run of {job['mapping']} did something: {busy}")
        every = [*jobs.values(), *settling, *quiet]
        couplings, intents = await kept(self._url)
        outcome.wrong += [f"a creation was not finished: {each}" for each in intents]
        now = await state(self._end, couplings)
        for each in self._done:
            if (problem := judged(each, self._rules, now)) is not None:
                outcome.wrong.append(f"{each}: {problem}; {_told(each, every)}")
        outcome.wrong += left_over(self._before, self._done, now)
        outcome.wrong += self._unexpected(now)
        outcome.wrong += self._miscounted(now, [*jobs.values(), *settling])

    def _unexpected(self, now: State) -> list[str]:
        """Couplings that fail although nobody did anything that should make them."""
        named = (Deed.CONFLICT, Deed.BC_GONE, Deed.CRM_GONE)
        expected = {id for each in self._done if each.deed in named for id in (each.bc_id, each.crm_id)}
        return [
            f"the coupling of {each.mapping} {each.bc_key or each.crm_key} says {each.error_code}"
            for each in now.couplings
            if each.error_code is not None
            and each.id not in self._world.failing
            and not {each.bc_id, each.crm_id} & expected
        ]

    def _miscounted(self, now: State, jobs: Sequence[Any]) -> list[str]:
        """Whether the job log says of as many new records as there are."""
        wrong: list[str] = []
        by_people = {id for each in self._done for id in (each.bc_id, each.crm_id)}
        for side, told, earlier, rows in (
            ("Business Central", "toBusinessCentral", self._before.bc, now.bc),
            ("CRM", "toDataverse", self._before.crm, now.crm),
        ):
            made = sum(len(rows[each].keys() - earlier[each].keys() - by_people) for each in TABLES)
            counted = sum(each[told]["inserted"] for each in jobs)
            restores = (
                self._rules.deletion is DeletionConflict.RESTORE_RECORDS
            )  # one that was finished before is not counted
            if made != counted and not (restores and counted < made):
                wrong.append(f"miscounted: {made} records are new in {side}, the job log says {counted}")
        return wrong

    def _next(self) -> int:
        self._started += 1
        return self._started

    def _client(self) -> Client:
        return Client(self._copy.sandbox, self._gateways)

    async def close(self) -> None:
        for each in self._gateways:
            await each.kill()
