"""Dry runs, held against the runs that they foretell; and that they leave no trace."""

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import httpx
from sqlalchemy import select

from gateway.database import metadata
from tests.graphql.runs import Runs

STEP = """
  mapping action reason couplingId moved toBusinessCentral toDataverse code message hint field
  records { system number name }
  differences { field businessCentral dataverse } conflicts { field businessCentral dataverse }
"""
PLANNED = f"""
  id kind dryRunOf mapping status code message
  counters {{ inserted modified deleted unchanged skipped failed coupled uncoupled }}
  toBusinessCentral {{ inserted modified failed }} toDataverse {{ inserted modified failed }}
  errors {{ totalCount }}
  plan(actions: $actions, first: $first, after: $after) {{
    counts {{ action reason count }} totalCount nodes {{ {STEP} }}
    pageInfo {{ hasNextPage hasPreviousPage endCursor }}
  }}
"""
JOB = f"""
query ($id: ID!, $actions: [SynchronizationAction!], $first: Int! = 200, $after: String) {{
  synchronizationJob(id: $id) {{ {PLANNED} }}
}}
"""
WHAT_CHANGED = """
mutation ($input: SynchronizeModifiedInput!) {
  synchronizeModified(input: $input) {
    __typename
    ... on SynchronizationStarted { job { id kind dryRunOf status plan { totalCount } } }
    ... on UserError { code message hint field }
  }
}
"""
EVERYTHING = """
mutation ($input: StartFullSynchronizationInput!) {
  startFullSynchronization(input: $input) {
    __typename
    ... on FullSynchronizationStarted { jobs { id mapping kind dryRunOf } }
    ... on UserError { code message hint field }
  }
}
"""
_TOLD = {"synchronization_runs", "synchronization_steps", "audit_entries", "audit_endings", "audit_records"}
"""That there was a dry run, and what it found."""

_WRITE = re.compile(rb'"method"\s*:\s*"(POST|PATCH|PUT|DELETE)"|^(POST|PATCH|PUT|DELETE) ', re.MULTILINE)

Plan = dict[str, Any]


async def planned_changes(runs: Runs, mapping: str = "CUSTOMER") -> Plan:
    """What a run over what changed would do; nothing may come of asking."""
    return (await _planned(runs, WHAT_CHANGED, {"mapping": mapping}))[0]


async def planned_full(runs: Runs, **given: Any) -> list[Plan]:
    return await _planned(runs, EVERYTHING, given)


async def _planned(runs: Runs, question: str, given: dict[str, Any]) -> list[Plan]:
    ways = (runs.api.business_central, runs.api.dataverse)
    before, asked = await kept(runs), [len(each.seen) for each in ways]
    answer = await runs.api.ask(question, {"input": {**given, "dryRun": True}}, explain=False)
    assert answer.errors == []
    (begun,) = answer.data.values()
    assert begun["__typename"].endswith("Started"), begun
    plans = [await plan_of(runs, each["id"]) for each in begun.get("jobs") or [begun["job"]]]
    for way, count in zip(ways, asked, strict=True):
        assert list(written(way.seen[count:])) == []
    assert await kept(runs) == before
    return plans


async def plan_of(runs: Runs, id: str) -> Plan:
    """A dry run that has to come to its end, with all its steps."""
    await runs.ended(id)
    steps: list[Any] = []
    after = None
    while True:
        answer = await runs.api.ask(JOB, {"id": id, "after": after}, explain=False)
        assert answer.errors == []
        job = answer.data["synchronizationJob"]
        steps += job["plan"]["nodes"]
        if not job["plan"]["pageInfo"]["hasNextPage"]:
            break
        after = job["plan"]["pageInfo"]["endCursor"]
    plan = job["plan"]
    assert (job["kind"], plan["totalCount"], job["errors"]["totalCount"]) == ("DRY_RUN", len(steps), 0)
    counted = {(each["action"], each["reason"]): each["count"] for each in plan["counts"]}
    assert counted == Counter((each["action"], each["reason"]) for each in steps)
    for each in steps:
        assert (each["code"] is not None) or each["action"] != "FAIL"
    return {**job, "steps": steps}


def written(requests: Iterable[httpx.Request]) -> Iterable[str]:
    """The requests that write, alone or in a batch."""
    for each in requests:
        is_batch = each.method == "POST" and each.url.path.endswith("$batch")
        if _WRITE.search(each.content) if is_batch else each.method != "GET":
            yield f"{each.method} {each.url} {each.content!r}"


async def kept(runs: Runs) -> dict[str, list[str]]:
    """All that our own database holds, but for the dry runs themselves."""
    found: dict[str, list[str]] = {}
    async with runs.books.couplings.engine.connect() as connection:
        for name, table in metadata.tables.items():
            if name not in _TOLD:
                rows = await connection.execute(select(table))
                found[name] = sorted(json.dumps(list(row), default=str) for row in rows)
    return found


async def foretold(runs: Runs, run: Callable[[], Awaitable[Any]], plan: Plan) -> Any:
    """The run itself, which has to do what was planned."""
    job = await run()
    assert job["status"] == plan["status"], (job, plan)
    counts = ("counters", "toBusinessCentral", "toDataverse")
    done, told = ({each: one[each] for each in counts} for one in (job, plan))
    assert done == told, (done, told, [_in_short(each) for each in plan["steps"]])
    errors = job["errors"]
    failing = [each for each in plan["steps"] if each["action"] == "FAIL"]
    assert errors["totalCount"] == len(failing), (errors, failing)
    if errors["totalCount"] <= len(errors["nodes"]):
        assert _told(errors["nodes"]) == _told(failing)
    return job


def _in_short(step: Any) -> Any:
    numbers = dict.fromkeys(each["number"] or each["name"] for each in step["records"])
    return [step["action"], step["reason"], *numbers, step["code"]]


def _told(lines: Iterable[Any]) -> list[str]:
    wanted = ("code", "message", "hint", "field", "couplingId")
    return sorted(
        json.dumps([each[name] for name in wanted] + [[one["number"], one["name"]] for one in each["records"]])
        for each in lines
    )


def step_of(plan: Plan, number: str) -> Any:
    """The only step about this record."""
    (step,) = [each for each in plan["steps"] if any(one["number"] == number for one in each["records"])]
    return step
