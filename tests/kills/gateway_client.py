"""Whoever asks gateways over GraphQL while they may be killed."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx

from gateway.sandbox.app import Sandbox
from gateway.sandbox.identity.people import ADMIN, GATEWAY_RESOURCE
from tests.graphql.runs import JOB, MODIFIED, UPDATE
from tests.graphql.test_inserts import FULL
from tests.graphql.test_schedules import SCHEDULES
from tests.graphql.test_schedules import UPDATE as UPDATE_SCHEDULE
from tests.kills.people import Kind
from tests.kills.process import Gateway

_LOOK = "{ synchronizationJobs(first: 50) { id mapping status finishedAt } }"
_JOB = f"query ($id: ID!) {{ synchronizationJob(id: $id) {{ {JOB} }} }}"
FINAL = ("SUCCEEDED", "FAILED", "CANCELLED")


_TRIES = 60


class NoAnswerError(Exception):
    """No gateway answers any more."""


class Client:
    """Asks the first one that answers."""

    def __init__(self, sandbox: Sandbox, gateways: Sequence[Gateway]) -> None:
        token = sandbox.identity.issue(ADMIN, GATEWAY_RESOURCE)
        self._headers = {"Authorization": f"Bearer {token}"}
        self.gateways = list(gateways)

    async def ask(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        """
        Raises:
            NoAnswerError: no gateway answered, or none could use its database.
        """
        for _ in range(_TRIES):
            crowded = False
            for gateway in self.gateways:
                try:
                    answer = await gateway.http.post(
                        "/graphql", json={"query": query, "variables": variables or {}}, headers=self._headers
                    )
                except (httpx.TransportError, RuntimeError):  # killed, and closed by us
                    continue
                body = answer.json()
                if any(each["extensions"]["code"] == "DATABASE_UNAVAILABLE" for each in body.get("errors") or ()):
                    crowded = True  # the server has no connection left: others use it, too
                    continue
                assert not body.get("errors"), body
                return body["data"]
            if not crowded:
                break
            await asyncio.sleep(0.5)
        raise NoAnswerError

    async def configure(self, mapping: str, **given: Any) -> None:
        found = (await self.ask(UPDATE, {"input": {"mapping": mapping, **given}}))["updateTableMapping"]
        assert found["__typename"] == "UpdateTableMappingSuccess", found

    async def let_nothing_begin_by_itself(self) -> None:
        """No schedule begins a run; gateways look after runs that broke off all the same."""
        for each in (await self.ask(SCHEDULES))["synchronizationSchedules"]:
            given = {"task": each["task"], "mapping": each["mapping"], "enabled": False}
            found = (await self.ask(UPDATE_SCHEDULE, {"input": given}))["updateSchedule"]
            assert found["__typename"] == "UpdateScheduleSuccess", found

    async def begin(self, kind: Kind, mapping: str, **given: Any) -> str:
        """The id of a run."""
        if kind is Kind.MODIFIED:
            found = (await self.ask(MODIFIED, {"input": {"mapping": mapping}}))["synchronizeModified"]
            assert found["__typename"] == "SynchronizationStarted", found
            id: str = found["job"]["id"]
            return id
        found = (await self.ask(FULL, {"input": {"mapping": mapping, **given}}))["startFullSynchronization"]
        if found.get("code") == "FULL_SYNCHRONIZATION_UNDER_WAY":
            raise NoAnswerError  # to an earlier try: the run is there
        assert found["__typename"] == "FullSynchronizationStarted", found
        (job,) = found["jobs"]
        return str(job["id"])

    async def jobs(self) -> dict[str, Any]:
        """How the newest runs are, by id."""
        return {each["id"]: each for each in (await self.ask(_LOOK))["synchronizationJobs"]}

    async def ended(self, before: frozenset[str], *, seconds: float = 300) -> dict[str, Any]:
        """All runs that were begun since, once they are at their end."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while True:
            found = {id: each for id, each in (await self.jobs()).items() if id not in before}
            if all(each["status"] in FINAL for each in found.values()):
                return {id: (await self.ask(_JOB, {"id": id}))["synchronizationJob"] for id in found}
            if loop.time() > until:
                raise AssertionError(f"did not end: {[each for each in found.values() if each['status'] not in FINAL]}")
            await asyncio.sleep(0.1)

    async def run(self, kind: Kind, mapping: str, **given: Any) -> Any:
        """What became of a run."""
        return (await self.run_each(kind, [mapping], **given))[0]

    async def run_each(self, kind: Kind, mappings: Sequence[str], **given: Any) -> list[Any]:
        """The same, begun one after the other."""
        before = frozenset(await self.jobs())
        ids = [await self.begin(kind, each, **given) for each in mappings]
        found = await self.ended(before)
        return [found[id] for id in ids]
