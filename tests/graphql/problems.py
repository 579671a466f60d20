"""What tests of errors and of what puts them right ask again and again."""

from typing import Any

from gateway.sandbox.identity.people import ADMIN, Person
from tests.graphql.api import Answer
from tests.graphql.runs import JOB, Runs

PROBLEM = """
  mapping code message hint field to skipped since failedAt times jobId couplingId actions
  records { system kind number name }
"""
PROBLEMS = f"""
query ($mapping: Mapping, $code: ErrorCode, $skipped: Boolean, $first: Int! = 50, $after: String) {{
  synchronizationErrors(mapping: $mapping, code: $code, skipped: $skipped, first: $first, after: $after) {{
    nodes {{ {PROBLEM} }} edges {{ cursor }} totalCount pageInfo {{ hasNextPage hasPreviousPage endCursor }}
  }}
}}
"""
RESOLVE = f"""
mutation ($input: ResolveConflictInput!) {{
  resolveConflict(input: $input) {{
    __typename
    ... on ResolveConflictSuccess {{ job {{ {JOB} }} }}
    ... on ConflictMoved {{ message conflictToken differences {{ field businessCentral dataverse }} }}
    ... on UserError {{ code message hint field }}
  }}
}}
"""
RESTORE = """
mutation ($id: ID!) {
  restoreRecord(input: {couplingId: $id}) {
    __typename
    ... on RestoreRecordSuccess {
      restored ended { dataverseId } problem { code }
      coupling { id businessCentralId dataverseId errorCode account { name } }
    }
    ... on UserError { code message hint }
  }
}
"""
RETRY = f"""
mutation ($input: RetrySynchronizationInput!) {{
  retrySynchronization(input: $input) {{
    __typename
    ... on SynchronizationStarted {{ job {{ {JOB} }} }}
    ... on UserError {{ code message field }}
  }}
}}
"""
LOOKED_AT = """
query ($id: ID!) {
  coupling(by: {id: $id}) { conflictToken differences { field businessCentral dataverse changedSide } }
}
"""


class Problems(Runs):
    """A gateway whose errors somebody looks at and puts right."""

    async def problems(self, **given: Any) -> Any:
        answer = await self.api.ask(PROBLEMS, given)
        assert answer.errors == []
        return answer.data["synchronizationErrors"]

    async def problem(self, number: str, **given: Any) -> Any:
        """The one of a customer; None when it has none."""
        nodes = (await self.problems(mapping="CUSTOMER", **given))["nodes"]
        return next((each for each in nodes if each["records"][0]["number"] == number), None)

    async def looked_at(self, coupling: str) -> Any:
        answer = await self.api.ask(LOOKED_AT, {"id": coupling})
        assert answer.errors == []
        return answer.data["coupling"]

    async def resolve(self, coupling: str, token: str, *choices: tuple[str, str] | tuple[str, str, Any]) -> Any:
        """What came of choices, each a field, whose value, and a value of one's own."""
        fields = [dict(zip(("field", "use", "value"), each, strict=False)) for each in choices]
        given = {"input": {"couplingId": coupling, "conflictToken": token, "fields": fields}}
        answer = await self.api.ask(RESOLVE, given, explain=False)
        assert answer.errors == [], answer.errors
        return answer.data["resolveConflict"]

    async def resolved(self, coupling: str, *choices: tuple[str, str] | tuple[str, str, Any]) -> Any:
        """The run of choices that are carried out, at its end."""
        token = (await self.looked_at(coupling))["conflictToken"]
        found = await self.resolve(coupling, token, *choices)
        assert found["__typename"] == "ResolveConflictSuccess", found
        return await self.ended(found["job"]["id"])

    async def restore(self, coupling: str, *, person: Person = ADMIN) -> Any:
        answer = await self.api.ask(RESTORE, {"id": coupling}, person=person, explain=False)
        assert answer.errors == []
        return answer.data["restoreRecord"]

    async def retry(self, *, person: Person = ADMIN, **given: Any) -> Answer:
        return await self.api.ask(RETRY, {"input": given}, person=person, explain=False)

    async def retried(self, **given: Any) -> Any:
        found = (await self.retry(**given)).data["retrySynchronization"]
        assert found["__typename"] == "SynchronizationStarted", found
        return await self.ended(found["job"]["id"])
