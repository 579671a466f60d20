"""What people do to customers and accounts, and what may become of it: the model that synchronization is held against.

Each field remembers what people wrote last on either side. Whatever happens, a value of theirs may go only when it arrived on the
other side, or when a policy, a conflict or a later edit explains it; and no record is ever there twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from gateway.couplings.coupling import Coupling, Mapping
from gateway.couplings.store import Side as StoredSide
from gateway.records import Backend
from schema.ids import GlobalId
from tests.graphql.runs import Runs

BC, CRM = Backend.BUSINESS_CENTRAL, Backend.DATAVERSE
OTHER = {BC: CRM, CRM: BC}
COLUMNS = {
    "phone": {BC: "phoneNumber", CRM: "telephone1"},
    "city": {BC: "city", CRM: "address1_city"},
}
"""Fields that go both ways."""

WINS = {"NONE": None, "BUSINESS_CENTRAL_WINS": BC, "DATAVERSE_WINS": CRM}
"""Which side a policy for conflicts keeps."""

KEYS = {BC: "id", CRM: "accountid"}
TITLES = {BC: "displayName", CRM: "name"}
STORED = {BC: StoredSide.BUSINESS_CENTRAL, CRM: StoredSide.DATAVERSE}
SETS = {BC: "customers", CRM: "accounts"}
PREFIX = "Agreeing"
UNCOUPLED_SALESPERSON = "KT"


@dataclass
class Side:
    """One record: its id, and the values that people and runs left there. ``inside`` is whether it meets its filter."""

    id: str
    values: dict[str, str]
    inside: bool = True


@dataclass
class Thing:
    """One customer as people know it: by its name, on one side or both.

    ``edits`` are values that people wrote and that are not on the other side yet; ``agreed`` what both sides held at last, where
    that is known; ``recent`` what a side held at any moment since the last look. ``ended`` sides were deleted by people.
    ``learned`` is what the gateway knows both to have held: not what a write brought whose answer was lost.
    """

    name: str
    sides: dict[Backend, Side] = field(default_factory=dict)
    coupled: bool = False
    edits: dict[tuple[Backend, str], str] = field(default_factory=dict)
    agreed: dict[str, str] = field(default_factory=dict)
    recent: dict[tuple[Backend, str], set[str]] = field(default_factory=dict)
    ended: set[Backend] = field(default_factory=set)
    may_end: bool = False
    overwritten: Backend | None = None
    salesperson: str = ""
    learned: dict[str, str | None] = field(default_factory=dict)

    @property
    def is_inside(self) -> bool:
        return all(each.inside for each in self.sides.values())


@dataclass
class World:
    """Both systems, and the gateway between them."""

    runs: Runs
    update_conflict: str = "NONE"
    deletion_conflict: str = "NONE"
    only_coupled: bool = True
    things: dict[str, Thing] = field(default_factory=dict)
    written: int = 0
    failures: dict[str, set[str]] = field(default_factory=dict)
    """What the job log says of records, by name: codes."""

    # -- what people do -------------------------------------------------------------------------------------------------------

    def fresh(self, what: str) -> str:
        """A value that nobody wrote before."""
        self.written += 1
        return f"{what} {self.written}"

    async def ask(self, side: Backend, method: str, path: str, body: object = None) -> Any:
        """What people do meets no faults."""
        with self.calm():
            if side is BC:
                return await self.runs.api.in_business_central(method, path, body)
            return await self.runs.api.in_dataverse(method, path, body)

    @contextmanager
    def calm(self) -> Iterator[None]:
        faults = self.runs.api.sandbox.faults
        standing, faults._standing = faults._standing, []
        try:
            yield
        finally:
            faults._standing = standing

    async def create(self, side: Backend) -> Thing:
        thing = Thing(f"{PREFIX} {len(self.things) + 1:03d}")
        values = {name: self.fresh(name) for name in COLUMNS}
        body: dict[str, object] = {columns[side]: values[name] for name, columns in COLUMNS.items()}
        body |= {TITLES[side]: thing.name}
        body |= {"salespersonCode": "AB"} if side is BC else {"customertypecode": 3}
        thing.salesperson = "AB" if side is BC else ""
        await self.ask(side, "POST", SETS[side], body)
        rows = await self._rows(side)
        thing.sides[side] = Side(rows[thing.name][KEYS[side]], values)
        self.things[thing.name] = thing
        return thing

    def path(self, thing: Thing, side: Backend) -> str:
        return f"{SETS[side]}({thing.sides[side].id})"

    async def edit(self, thing: Thing, side: Backend, name: str, value: str) -> None:
        """Somebody looks at the record, and writes a value into a field."""
        self.check(thing, await self._both_rows(thing), created=False)
        if thing.sides[side].values[name] == value:
            return
        await self.ask(
            side, "PATCH", self.path(thing, side), {COLUMNS[name][side]: value or ("" if side is BC else None)}
        )
        thing.sides[side].values[name] = value
        thing.recent.setdefault((side, name), set()).add(value)
        other = thing.sides.get(OTHER[side])
        if other is not None and other.values[name] == value:
            thing.agreed[name] = value
            thing.edits.pop((BC, name), None)
            thing.edits.pop((CRM, name), None)
        else:
            thing.edits[side, name] = value

    async def touch(self, thing: Thing, side: Backend) -> None:
        """A field that is not mapped."""
        body = {"taxRegistrationNumber": self.fresh("VAT")} if side is BC else {"description": self.fresh("note")}
        await self.ask(side, "PATCH", self.path(thing, side), body)

    async def appoint(self, thing: Thing, code: str) -> None:
        await self.ask(BC, "PATCH", self.path(thing, BC), {"salespersonCode": code})
        thing.salesperson = code

    async def own(self, thing: Thing, user: str) -> None:
        await self.ask(CRM, "PATCH", self.path(thing, CRM), {"ownerid@odata.bind": f"/systemusers({user})"})

    async def shut(self, thing: Thing, side: Backend, *, shut: bool) -> None:
        """Blocked or inactive, or that no more."""
        body: dict[str, object] = {"blocked": "All" if shut else " "}
        if side is CRM:
            body = {"statecode": 1, "statuscode": 2} if shut else {"statecode": 0, "statuscode": 1}
        await self.ask(side, "PATCH", self.path(thing, side), body)
        thing.sides[side].inside = not shut

    async def delete(self, thing: Thing, side: Backend) -> None:
        await self.ask(side, "DELETE", self.path(thing, side))
        del thing.sides[side]
        thing.ended.add(side)
        self._forget(thing)

    # -- what the gateway is asked for -----------------------------------------------------------------------------------------

    async def couple(self, thing: Thing, synchronize: str) -> None:
        given: dict[str, Any] = {}
        for side, name in ((BC, "businessCentral"), (CRM, "dataverse")):
            given[name] = {"id": thing.sides[side].id} if side in thing.sides else {"create": True}
        if len(thing.sides) == 2:
            given["synchronize"] = synchronize
            thing.overwritten = {"USE_BUSINESS_CENTRAL_DATA": CRM, "USE_DATAVERSE_DATA": BC}.get(synchronize)
        thing.agreed.clear()
        await self.runs.couple(explain=False, **given)
        await self.look(created=True)
        thing.overwritten = None

    async def uncouple(self, thing: Thing) -> None:
        coupling = await self.coupling_of(thing)
        assert coupling is not None
        thing.may_end = True
        await self.runs.api.ask(
            "mutation ($id: ID!) { uncoupleRecords(input: {couplingId: $id}) { __typename } }",
            {"id": global_id(coupling)},
            explain=False,
        )
        await self.look()
        assert not thing.coupled or self.runs.api.sandbox.faults.standing, "uncoupled"
        thing.may_end = False

    async def look(self, *, created: bool = False) -> None:
        """What became of everything since the last look. ``created``: somebody asked for a new record."""
        rows = {side: await self._rows(side) for side in Backend}
        for thing in self.things.values():
            mine = {side: rows[side][thing.name] for side in Backend if thing.name in rows[side]}
            self.check(thing, mine, created=created)
            self._check_coupling(thing, await self.coupling_of(thing))
        known = self.things.keys()
        assert all(name in known for side in Backend for name in rows[side])

    # -- what has to hold, at any moment ---------------------------------------------------------------------------------------

    def check(self, thing: Thing, rows: dict[Backend, Any], *, created: bool) -> None:
        for side in Backend:
            if side in thing.sides and side not in rows:
                raise AssertionError(f"{thing.name} is gone in {side.label}, and nobody deleted it")
            if side in rows and side not in thing.sides:
                self._check_new(thing, side, rows[side], created=created)
        if len(thing.sides) == 2:
            for name in COLUMNS:
                self._check_field(thing, name, {side: _text(rows[side][COLUMNS[name][side]]) for side in Backend})
        thing.recent = {(side, name): {each.values[name]} for side, each in thing.sides.items() for name in COLUMNS}

    def _check_new(self, thing: Thing, side: Backend, row: Any, *, created: bool) -> None:
        """A record that the gateway made."""
        restored = side in thing.ended and self.deletion_conflict == "RESTORE_RECORDS"
        assert created or restored or not self.only_coupled, f"nobody asked for {thing.name} in {side.label}"
        assert OTHER[side] in thing.sides
        other = thing.sides[OTHER[side]]
        values = {name: _text(row[columns[side]]) for name, columns in COLUMNS.items()}
        for name, value in values.items():
            assert value in {other.values[name], *thing.recent.get((OTHER[side], name), ())}, (thing.name, name, value)
            if value == other.values[name]:
                thing.agreed[name] = value
                thing.edits.pop((OTHER[side], name), None)
        thing.sides[side] = Side(row[KEYS[side]], values)
        thing.salesperson = row["salespersonCode"] if side is BC else thing.salesperson
        thing.ended.discard(side)

    def _check_field(self, thing: Thing, name: str, now: dict[Backend, str]) -> None:
        before = {side: each.values[name] for side, each in thing.sides.items()}
        edits = {side: thing.edits.get((side, name)) for side in Backend}
        for side in Backend:
            other = OTHER[side]
            if now[side] == before[side]:
                continue
            seen = {before[other], *thing.recent.get((other, name), ())}
            where = f"{name} of {thing.name} in {side.label}"
            assert now[side] in seen, f"{where} is {now[side]!r}, which {other.label} did not hold: {seen}"
            assert thing.coupled, f"{where} was written, and it is not coupled"
            mine = edits[side]
            if mine is not None and not self._may_be_overwritten(thing, name, side, mine, edits[other]):
                raise AssertionError(f"lost: {mine!r}, written into {where}, gave way to {now[side]!r}")
        for side in Backend:
            thing.sides[side].values[name] = now[side]
            if now[BC] == now[CRM] or now[side] != edits[side]:
                thing.edits.pop((side, name), None)
        if now[BC] == now[CRM]:
            thing.agreed[name] = now[BC]

    def _may_be_overwritten(self, thing: Thing, name: str, side: Backend, mine: str, theirs: str | None) -> bool:
        if thing.overwritten is side:
            return True
        if name not in thing.agreed:  # a pair of which nobody knows what it held in common
            return True
        if thing.agreed[name] == mine:  # changed back: no change
            return True
        if WINS[self.update_conflict] is OTHER[side] and thing.learned.get(name) != thing.agreed[name]:
            return True  # for all that it knows, both sides changed since
        return theirs is not None and WINS[self.update_conflict] is OTHER[side]

    def _check_coupling(self, thing: Thing, coupling: Coupling | None) -> None:
        ends = thing.may_end or not thing.sides or (bool(thing.ended) and self.deletion_conflict == "REMOVE_COUPLING")
        if thing.coupled and coupling is None:
            assert ends, f"the coupling of {thing.name} ended"
            self._forget(thing)
        thing.coupled = coupling is not None
        base = coupling.base or {} if coupling is not None else {}
        thing.learned = {name: base.get(columns[BC]) for name, columns in COLUMNS.items()}

    def _forget(self, thing: Thing) -> None:
        """Nothing is agreed on any more."""
        thing.agreed.clear()

    # -- what has to hold at the end -------------------------------------------------------------------------------------------

    async def settled(self) -> None:
        """Every coupled pair within its filter agrees, or its coupling says why not; and the reason is true."""
        await self.look()
        for thing in self.things.values():
            coupling = await self.coupling_of(thing)
            if coupling is None:
                self._check_alone(thing)
            elif len(thing.sides) == 2:
                self._check_pair(thing, coupling)
            elif thing.sides and thing.is_inside:
                (side,) = thing.sides
                assert self.deletion_conflict != "REMOVE_COUPLING", f"{thing.name}: its coupling should have ended"
                excused = self._is_refused(thing) or coupling.error_code == "POSSIBLE_DUPLICATE"
                assert self.deletion_conflict == "NONE" or excused, f"{thing.name}: only in {side.label}, {coupling}"
                assert coupling.error_code is not None, f"{thing.name}: deleted, and nobody is told"
            elif not thing.sides:
                raise AssertionError(f"{thing.name}: both are gone, and the coupling stays")

    def _check_alone(self, thing: Thing) -> None:
        if len(thing.sides) == 1 and not self.only_coupled and thing.is_inside:
            assert self.failures.get(thing.name), f"{thing.name} has no partner, and nobody is told why"

    def _check_pair(self, thing: Thing, coupling: Coupling) -> None:
        if not thing.is_inside:
            return
        apart = [name for name in COLUMNS if thing.sides[BC].values[name] != thing.sides[CRM].values[name]]
        if coupling.error_code is None:
            assert not apart, f"{thing.name}: {apart} differ, and nobody is told: {thing} {coupling}"
            assert not coupling.skipped
            return
        known = self._is_refused(thing)
        conflict = self.update_conflict == "NONE" and bool(apart)
        assert known or (conflict and coupling.error_code == "UPDATE_CONFLICT"), f"{thing}: {coupling.error_message}"

    def _is_refused(self, thing: Thing) -> bool:
        return thing.salesperson == UNCOUPLED_SALESPERSON

    # -- what is there ---------------------------------------------------------------------------------------------------------

    async def _rows(self, side: Backend) -> dict[str, Any]:
        """All records by name, of which no name may be there twice."""
        where = f"{SETS[side]}?$filter=startswith({TITLES[side]},'{PREFIX}')"
        found = (await self.ask(side, "GET", where))["value"]
        rows = {each[TITLES[side]]: each for each in found}
        assert len(rows) == len(found), f"doubled in {side.label}: {sorted(each[TITLES[side]] for each in found)}"
        return rows

    async def _both_rows(self, thing: Thing) -> dict[Backend, Any]:
        return {side: await self.ask(side, "GET", self.path(thing, side)) for side in thing.sides}

    async def coupling_of(self, thing: Thing) -> Coupling | None:
        """The one that either of its records has; they may not have two."""
        store, company, found = self.runs.books.couplings, self.runs.company, dict[UUID, Coupling]()
        for side, each in thing.sides.items():
            couplings = await store.find(Mapping.CUSTOMER, company, STORED[side], [UUID(each.id)])
            found |= {one.id: one for one in couplings.values()}
        assert len(found) <= 1, f"{thing.name} is coupled twice"
        return next(iter(found.values()), None)


def global_id(coupling: Coupling) -> str:
    return str(GlobalId("Coupling", coupling.company_id, coupling.id))


def _text(value: object) -> str:
    return str(value) if value is not None else ""
