"""What tests of synchronization ask again and again."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from gateway.couplings.coupling import Coupling, Mapping
from gateway.runs.run_jobs import RunJobs
from gateway.runs.run_work import job_of
from gateway.sandbox.identity.people import ADMIN, Person
from tests.graphql.api import Answer
from tests.graphql.pairs import Pairs

JOB = """
  id mapping kind status createdBy startedAt finishedAt code message hint
  counters { inserted modified deleted unchanged skipped failed coupled uncoupled }
  toBusinessCentral { inserted modified failed } toDataverse { inserted modified failed }
  errors(first: 50) {
    totalCount nodes { code message hint field to couplingId records { system kind number name } }
    pageInfo { endCursor hasNextPage }
  }
"""
MODIFIED = f"""
mutation ($input: SynchronizeModifiedInput!) {{
  synchronizeModified(input: $input) {{
    __typename
    ... on SynchronizationStarted {{ job {{ {JOB} }} }}
    ... on UserError {{ code message hint field }}
  }}
}}
"""
RECORDS = f"""
mutation ($input: SynchronizeRecordsInput!) {{
  synchronizeRecords(input: $input) {{
    __typename
    ... on SynchronizationStarted {{ job {{ {JOB} }} }}
    ... on UserError {{ code message hint field }}
  }}
}}
"""
PLAN = """
query ($ids: [ID!]!, $way: SynchronizeWay! = MERGE) {
  synchronizationPlan(couplingIds: $ids, way: $way) {
    couplingId action reason moved toBusinessCentral toDataverse code message hint records { system number name }
    conflicts { field businessCentral dataverse synchronized }
  }
}
"""
UPDATE = """
mutation ($input: UpdateTableMappingInput!) {
  updateTableMapping(input: $input) {
    __typename
    ... on UpdateTableMappingSuccess {
      tableMapping { mapping updateConflict deletionConflict changed fields { field updateConflict } }
    }
    ... on UserError { code message field }
  }
}
"""


@dataclass
class Runs(Pairs):
    """A gateway that synchronizes."""

    @property
    def jobs(self) -> RunJobs:
        found: RunJobs = self.api.app.state.running.services.run_jobs
        return found

    async def modified(self, mapping: str = "CUSTOMER") -> Any:
        """What came of a run over all that changed."""
        answer = await self.api.ask(MODIFIED, {"input": {"mapping": mapping}}, explain=False)
        assert answer.errors == []
        job = answer.data["synchronizeModified"]["job"]
        return await self.ended(job["id"])

    async def ended(self, id: str) -> Any:
        await self.jobs.jobs.wait(job_of(UUID(id)))
        return await self.job(id)

    async def job(self, id: str) -> Any:
        answer = await self.api.ask(
            f"query ($id: ID!) {{ synchronizationJob(id: $id) {{ {JOB} }} }}", {"id": id}, explain=False
        )
        assert answer.errors == []
        return answer.data["synchronizationJob"]

    async def records(self, *ids: str, way: str = "MERGE", person: Person = ADMIN) -> Answer:
        return await self.api.ask(
            RECORDS, {"input": {"couplingIds": list(ids), "way": way}}, person=person, explain=False
        )

    async def synchronized(self, *ids: str, way: str = "MERGE") -> Any:
        """The run over these couplings, which has to come to its end."""
        answer = await self.records(*ids, way=way)
        assert answer.errors == []
        found = answer.data["synchronizeRecords"]
        assert found["__typename"] == "SynchronizationStarted", found
        return await self.ended(found["job"]["id"])

    async def plan(self, *ids: str, way: str = "MERGE") -> Any:
        answer = await self.api.ask(PLAN, {"ids": list(ids), "way": way})
        assert answer.errors == []
        return answer.data["synchronizationPlan"]

    async def update(self, **given: Any) -> Any:
        answer = await self.api.ask(UPDATE, {"input": {"mapping": "CUSTOMER", **given}})
        assert answer.errors == []
        return answer.data["updateTableMapping"]

    async def id_of(self, number: str) -> str:
        """The coupling of a customer."""
        found: str = (await self.customer(number))["coupling"]["id"]
        return found

    async def stored(self, number: str) -> Coupling:
        found = await self.of(Mapping.CUSTOMER, (await self.customer(number))["systemId"])
        assert found is not None
        return found

    async def written(self, number: str) -> tuple[list[str] | None, str | None]:
        """What was last written to Business Central, and who asked for it."""
        fields = "lastWrittenToBusinessCentral lastWrittenToBusinessCentralBy lastWrittenToBusinessCentralAt"
        query = f"query ($id: ID!) {{ coupling(by: {{id: $id}}) {{ {fields} lastWrittenToDataverse }} }}"
        answer = await self.api.ask(query, {"id": await self.id_of(number)})
        assert answer.errors == []
        found = answer.data["coupling"]
        assert (found["lastWrittenToBusinessCentralAt"] is None) == (found["lastWrittenToBusinessCentral"] is None)
        return found["lastWrittenToBusinessCentral"], found["lastWrittenToBusinessCentralBy"]

    async def both(self, number: str) -> tuple[str, str]:
        """The addresses of a customer and its account."""
        customer = await self.customer(number)
        return f"customers({customer['systemId']})", f"accounts({customer['account']['accountId']})"

    async def phones(self, number: str) -> tuple[str, str]:
        bc, crm = await self.both(number)
        return (
            (await self.api.in_business_central("GET", bc))["phoneNumber"],
            (await self.api.in_dataverse("GET", crm))["telephone1"],
        )
