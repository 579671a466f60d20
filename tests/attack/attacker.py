"""Carries out attacks on a running gateway, while somebody else goes on asking what people ask.

What is refused has to be refused typed: JSON, an error with a code, a status that is no mistake of the server's.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from urllib.parse import urlsplit

import httpx

from tests.attack.attacks import Attack, Sending

QUERY = '{ availability(item: {number: "1016"}) { inventory } viewer { name } }'
LONGEST_SECONDS = 60.0
"""No request of either kind takes longer, or it counts as not answered."""

_BETWEEN_SECONDS = 0.05


@dataclass
class Outcome:
    """What came of an attack, and of the requests of the others meanwhile."""

    name: str
    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    answered: int = 0
    """Requests of others."""
    slowest_ms: float = 0.0

    def __str__(self) -> str:
        told = ", ".join(f"{many} x {what}" for what, many in sorted(self.answers.items()))
        verdict = "WRONG" if self.wrong else "right"
        return (
            f"{self.name}: {told}; {self.answered} others answered, the slowest in {self.slowest_ms:.0f} ms; {verdict}"
        )


@dataclass(frozen=True, slots=True)
class Attacker:
    """``url`` is the endpoint, ``token`` that of a caller who may ask for availability, and ``neighbour`` another one's."""

    url: str
    token: str
    neighbour: str

    async def attack(self, attack: Attack) -> Outcome:
        outcome = Outcome(attack.name)
        gate = asyncio.Semaphore(attack.at_once)
        async with self._client() as http, self._others(outcome):
            await asyncio.gather(*(self._send(http, each, attack, outcome, gate) for each in attack.sendings()))
        return outcome

    async def slow_bodies(self, many: int = 100) -> Outcome:
        """Requests that begin and do not go on: nothing of theirs is waited for, and everybody else is answered."""
        outcome = Outcome(f"{many} bodies that do not end")
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {self.token}\r\n"
            "Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"
        )
        writers = []
        for _ in range(many):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(head.encode())
            await writer.drain()
            writers.append(writer)
        async with self._others(outcome):
            pass
        for writer in writers:
            writer.close()
        outcome.answers[f"{len(writers)} open, and let go"] += 1
        return outcome

    async def _send(
        self, http: httpx.AsyncClient, sending: Sending, attack: Attack, outcome: Outcome, gate: asyncio.Semaphore
    ) -> None:
        token = self.token if sending.token is True else sending.token
        headers = dict(sending.headers) | ({"authorization": f"Bearer {token}"} if token else {})
        url = f"{self.url}?{sending.query}" if sending.query else self.url
        async with gate:
            try:
                answer = await http.request(sending.method, url, content=sending.body, headers=headers)
            except httpx.HTTPError as error:
                outcome.answers[type(error).__name__] += 1
                outcome.wrong.append(f"no answer ({type(error).__name__}) to {sending.body[:80]!r}")
                return
        codes, problem = judged(answer, harmless=attack.harmless)
        outcome.answers[f"{answer.status_code} {codes}".strip()] += 1
        if problem is not None:
            outcome.wrong.append(f"{problem}: {sending.method} {sending.body[:80]!r} -> {answer.text[:200]}")

    @asynccontextmanager
    async def _others(self, outcome: Outcome) -> AsyncIterator[None]:
        """Somebody asks all the time, and once more when it is over."""
        over = asyncio.Event()
        task = asyncio.create_task(self._ask_on(outcome, over))
        try:
            yield
        finally:
            over.set()
            await task

    async def _ask_on(self, outcome: Outcome, over: asyncio.Event) -> None:
        async with self._client() as http:
            last = False
            while not last:
                last = over.is_set()
                await self._ask(http, outcome)
                try:
                    await asyncio.wait_for(over.wait(), _BETWEEN_SECONDS)
                except TimeoutError:
                    continue

    async def _ask(self, http: httpx.AsyncClient, outcome: Outcome) -> None:
        began = perf_counter()
        headers = {"authorization": f"Bearer {self.neighbour}"}
        try:
            answer = (await http.post(self.url, json={"query": QUERY}, headers=headers)).json()
        except (httpx.HTTPError, ValueError) as error:
            outcome.wrong.append(f"somebody else got no answer: {type(error).__name__}")
            return
        if "errors" in answer or answer["data"]["availability"]["inventory"] is None:
            outcome.wrong.append(f"somebody else got {json.dumps(answer)[:200]}")
            return
        outcome.answered += 1
        outcome.slowest_ms = max(outcome.slowest_ms, 1000 * (perf_counter() - began))

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=LONGEST_SECONDS, trust_env=False)


def judged(answer: httpx.Response, *, harmless: bool) -> tuple[str, str | None]:
    """The codes of an answer, and what is wrong with it."""
    if answer.status_code >= 500:
        return "", "a mistake of the server's"
    if answer.status_code in (404, 405) and not answer.content:
        return "", None
    try:
        document = answer.json()
    except ValueError:
        return "", "an answer that is not JSON"
    results = document if isinstance(document, list) else [document]
    errors = [each for one in results for each in one.get("errors") or ()]
    codes = sorted({str(each.get("extensions", {}).get("code")) for each in errors})
    if "None" in codes or "INTERNAL_ERROR" in codes:
        return " ".join(codes), "an error that is not typed"
    if not errors and not harmless:
        return "", "an answer to what should be refused"
    return " ".join(codes), None
