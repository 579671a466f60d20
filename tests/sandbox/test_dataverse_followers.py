"""A follower of delta links ends up with the table as it is, whatever is written while it reads its pages."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.sandbox.dataverse.app import dataverse_model
from gateway.sandbox.dataverse.delta_token import ChangeTracking
from gateway.sandbox.dataverse.dispatch import answer
from gateway.sandbox.dataverse.operation import Request
from gateway.sandbox.dataverse.security_rows import administration
from gateway.sandbox.store import Store

NOW = datetime(2026, 11, 16, 9, 30, tzinfo=UTC)
ROOT = "http://crm.example/api/data/v9.2/"
ADA = "0000fa01-0000-4000-8000-000000000000"

rows = st.integers(0, 7)
steps = st.lists(st.one_of(st.just(("read", 0)), st.tuples(st.sampled_from(["put", "delete"]), rows)), max_size=60)


def environment() -> Store:
    store = Store(dataverse_model(), None)
    store.seed("systemusers", [{"systemuserid": ADA, "azureactivedirectoryobjectid": ADA, "isdisabled": False}])
    for name, rows_of_set in administration(store.model, business_unit_id=ADA, user_ids=[ADA]):
        store.seed(name, rows_of_set)
    return store


@dataclass
class Writer:
    """Writes rows of one table; every write leaves another name."""

    store: Store
    count: int = 0

    def write(self, step: str, number: int) -> None:
        key = f"00000000-0000-4000-8000-{number:012}"
        there = self.store.get("uoms", key) is not None
        self.count += 1
        if step == "delete":
            if there:
                self.store.delete("uoms", key)
        elif there:
            self.store.update("uoms", key, {"name": f"Name {self.count}"})
        else:
            self.store.insert("uoms", {"uomid": key, "name": f"Name {self.count}"})

    def table(self) -> dict[object, object]:
        return {row["uomid"]: row["name"] for row in self.store.select("uoms")}


@dataclass
class Follower:
    """Keeps a copy of the table by reading one page after another."""

    store: Store
    page_size: int
    copy: dict[object, object] = field(default_factory=dict)
    query: str = "$select=name"
    rounds: int = 0

    def read(self) -> None:
        prefer = f"odata.track-changes,odata.maxpagesize={self.page_size}"
        request = Request("GET", "uoms", self.query, {"prefer": prefer})
        claims = {"oid": ADA, "scp": "user_impersonation"}
        page = answer(self.store, request, claims=claims, root=ROOT, now=NOW, tracking=ChangeTracking()).body
        assert isinstance(page, dict)
        assert len(page["value"]) <= self.page_size
        for row in page["value"]:
            if "reason" in row:
                self.copy.pop(row["id"], None)
            else:
                self.copy[row["uomid"]] = row["name"]
        self.rounds += "@odata.deltaLink" in page
        link = page.get("@odata.nextLink") or page["@odata.deltaLink"]
        self.query = str(link).partition("?")[2]

    def catch_up(self) -> None:
        """Read to the end of this round and through one more."""
        goal = self.rounds + 2
        while self.rounds < goal:
            self.read()


@settings(max_examples=60, deadline=None)
@given(before=st.lists(rows), steps=steps, page_size=st.integers(1, 3))
def test_a_follower_ends_with_the_table_as_it_is(
    before: list[int], steps: list[tuple[str, int]], page_size: int
) -> None:
    store = environment()
    writer, follower = Writer(store), Follower(store, page_size)
    for number in before:
        writer.write("put", number)
    for step, number in steps:
        if step == "read":
            follower.read()
        else:
            writer.write(step, number)
    follower.catch_up()
    assert follower.copy == writer.table()
    store.close()
