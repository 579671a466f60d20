"""What tests of couplings ask again and again: records by what they are, mutations, and what is stored."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from gateway.couplings.coupling import Coupling, HistoryEntry, Mapping
from gateway.couplings.store import CouplingFilter, Side
from gateway.sandbox.identity.people import ADMIN, Person
from gateway.sync.desk import Books
from tests.graphql.api import Answer, Api

COUPLE = """
mutation ($input: CoupleRecordsInput!) {
  coupleRecords(input: $input) {
    __typename
    ... on CoupleRecordsSuccess {
      created synchronizedAt
      movedFrom { businessCentralId dataverseId }
      ended { businessCentralId dataverseId }
      problem { code message hint }
      coupling { id mapping businessCentralId dataverseId businessCentralKey dataverseKey createdBy }
    }
    ... on UserError { code message field hint records { system kind number name } }
  }
}
"""
UNCOUPLE = """
mutation ($input: UncoupleRecordsInput!) {
  uncoupleRecords(input: $input) {
    __typename
    ... on UncoupleRecordsSuccess {
      uncoupledId results { uncoupled also { businessCentralId dataverseId } problem { code message } }
    }
    ... on UserError { code message field hint }
  }
}
"""


@dataclass
class Pairs:
    """A gateway, and its couplings seen from behind."""

    api: Api

    @property
    def books(self) -> Books:
        found: Books = self.api.app.state.running.services.books
        return found

    @property
    def company(self) -> UUID:
        return UUID(self.api.sandbox.company.company_id)

    async def couple(self, *, person: Person = ADMIN, explain: bool = True, **given: Any) -> Answer:
        """``mapping`` is CUSTOMER unless given."""
        return await self.api.ask(COUPLE, {"input": {"mapping": "CUSTOMER", **given}}, person=person, explain=explain)

    async def coupled(self, **given: Any) -> Any:
        """The success of a coupling that has to succeed."""
        answer = await self.couple(**given)
        assert answer.errors == []
        found = answer.data["coupleRecords"]
        assert found["__typename"] == "CoupleRecordsSuccess", found
        return found

    async def refused(self, **given: Any) -> Any:
        """The refusal of one that has to be refused; nothing may have changed."""
        before = await self.all()
        answer = await self.couple(**given)
        assert answer.errors == []
        found = answer.data["coupleRecords"]
        assert found["__typename"] == "UserError", found
        assert await self.all() == before
        return found

    async def uncouple(self, *ids: str, person: Person = ADMIN) -> Answer:
        given = {"couplingId": ids[0]} if len(ids) == 1 else {"couplingIds": list(ids)}
        return await self.api.ask(UNCOUPLE, {"input": given}, person=person)

    async def all(self) -> set[tuple[Mapping, UUID, UUID]]:
        """Every pair there is."""
        found = await self.books.couplings.page(CouplingFilter(), after=None, limit=10_000)
        return {(each.mapping, each.bc_id, each.crm_id) for each in found}

    async def of(self, mapping: Mapping, bc_id: str | UUID) -> Coupling | None:
        id = UUID(str(bc_id))
        return (await self.books.couplings.find(mapping, self.company, Side.BUSINESS_CENTRAL, [id])).get(id)

    async def history(self, mapping: Mapping, record: str | UUID) -> list[HistoryEntry]:
        """Newest first."""
        return await self.books.changes.history_of_record(mapping, self.company, UUID(str(record)), 50)

    async def customer(self, number: str) -> Any:
        question = """query ($number: String!) { customer(by: {number: $number}) {
            systemId number displayName coupling { id } account { accountId accountNumber name } } }"""
        return (await self.api.ask(question, {"number": number}, explain=False)).data["customer"]

    async def account(self, name: str) -> Any:
        """By its name; the first one if several have it."""
        question = """query ($name: String!) { accounts(filter: {name: {eq: $name}}) { nodes {
            accountId accountNumber name coupling { id } } } }"""
        return (await self.api.ask(question, {"name": name}, explain=False)).data["accounts"]["nodes"][0]
