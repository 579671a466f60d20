"""What people do in both systems before a run, and what has to have become of each deed afterwards."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute
from decimal import Decimal
from enum import StrEnum
from random import Random
from typing import Any
from uuid import UUID, uuid4

from gateway.couplings.coupling import Coupling, Mapping
from gateway.runs.policy import DeletionConflict, UpdateConflict
from tests.kills.far_end import FarEnd

SPARE = "Spare"
"""What the names of records begin with that nothing hangs on, so that they may be deleted."""


@dataclass(frozen=True, slots=True)
class Tables:
    """Where both records are; ``first`` and ``second`` are two mapped fields, as (property, column)."""

    bc: str
    crm: str
    key: str
    name: tuple[str, str]
    first: tuple[str, str]
    second: tuple[str, str]

    @property
    def columns(self) -> tuple[str, str]:
        """What is read of each side."""
        fields = (self.name, self.first, self.second)
        bc, crm = (",".join(dict.fromkeys(each[side] for each in fields)) for side in (0, 1))
        return f"id,{bc}", f"{self.key},{crm}"


_PHONE, _CITY = ("phoneNumber", "telephone1"), ("city", "address1_city")
TABLES = {
    Mapping.CUSTOMER: Tables("customers", "accounts", "accountid", ("displayName", "name"), _PHONE, _CITY),
    Mapping.ITEM: Tables(
        "items", "products", "productid", ("displayName", "name"), ("displayName", "name"), ("unitPrice", "price")
    ),
    Mapping.CONTACT: Tables("contacts", "contacts", "contactid", ("displayName", "fullname"), _PHONE, _CITY),
}


class Kind(StrEnum):
    MODIFIED = "MODIFIED"
    FULL = "FULL"


@dataclass(frozen=True, slots=True)
class Rules:
    """How the three mappings are configured, and which runs there are."""

    kind: Kind
    update: UpdateConflict
    deletion: DeletionConflict
    only_coupled: bool

    def __str__(self) -> str:
        coupled = "only coupled" if self.only_coupled else "with partners"
        return f"{self.kind}, {coupled}, conflict {self.update}, deletion {self.deletion}"


class Deed(StrEnum):
    BC_EDIT = "edited in Business Central"
    CRM_EDIT = "edited in CRM"
    BOTH = "different fields edited in both"
    CONFLICT = "the same field edited in both"
    BC_GONE = "deleted in Business Central"
    CRM_GONE = "deleted in CRM"
    BC_NEW = "new in Business Central"
    CRM_NEW = "new in CRM"


@dataclass(frozen=True, slots=True)
class Done:
    """A deed. ``bc`` and ``crm`` are the fields that each side got, by what both call them: (property, column)."""

    deed: Deed
    mapping: Mapping
    name: str
    bc_id: UUID | None = None
    crm_id: UUID | None = None
    bc: dict[tuple[str, str], Any] = attribute(default_factory=dict)
    crm: dict[tuple[str, str], Any] = attribute(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.mapping} {self.name!r}, {self.deed}"


_EDITS = {
    Mapping.CUSTOMER: (Deed.BC_EDIT, Deed.BC_EDIT, Deed.CRM_EDIT, Deed.CRM_EDIT, Deed.BOTH, Deed.BOTH, Deed.CONFLICT),
    Mapping.ITEM: (Deed.BC_EDIT, Deed.CRM_EDIT, Deed.BOTH, Deed.CONFLICT),
    Mapping.CONTACT: (Deed.BC_EDIT, Deed.CRM_EDIT, Deed.BOTH, Deed.CONFLICT),
}
_DELETIONS = {
    Mapping.CUSTOMER: (Deed.CRM_GONE, Deed.CRM_GONE, Deed.BC_GONE),
    Mapping.ITEM: (Deed.CRM_GONE, Deed.BC_GONE),
    Mapping.CONTACT: (Deed.CRM_GONE, Deed.BC_GONE),
}


class People:
    """They do in a sandbox what follows from a seed."""

    def __init__(self, end: FarEnd, chance: Random) -> None:
        self._end, self._chance = end, chance

    async def work(self, couplings: Sequence[Coupling], names: dict[UUID, str]) -> list[Done]:
        """``couplings`` are those of pairs that agree, ``names`` those of their records in Business Central."""
        done: list[Done] = []
        for mapping, edits in _EDITS.items():
            pairs = [each for each in couplings if each.mapping is mapping]
            spare = [each for each in pairs if names[each.bc_id].startswith(SPARE)]
            used = [each for each in pairs if not names[each.bc_id].startswith(SPARE)]
            for deed, pair in zip(edits, self._chance.sample(used, len(edits)), strict=True):
                done.append(await self._edit(deed, pair, names[pair.bc_id]))
            deletions = _DELETIONS[mapping]
            for deed, pair in zip(deletions, self._chance.sample(spare, len(deletions)), strict=True):
                done.append(await self._delete(deed, pair, names[pair.bc_id]))
            done += [await self._new_in_bc(mapping, f"Brandnew {self._word()}")]
            if mapping is not Mapping.ITEM:
                done += [await self._new_in_crm(mapping, f"Brandnew {self._word()}")]
        self._chance.shuffle(done)
        return done

    async def spares(self, many: int) -> None:
        """Records that nothing hangs on."""
        for mapping in TABLES:
            for _ in range(many):
                await self._new_in_bc(mapping, f"{SPARE} {self._word()}")

    async def _edit(self, deed: Deed, pair: Coupling, name: str) -> Done:
        tables = TABLES[pair.mapping]
        bc, crm = {}, {}
        if deed in (Deed.BC_EDIT, Deed.CONFLICT):
            bc[tables.first] = self._value(tables.first)
        if deed in (Deed.CRM_EDIT, Deed.CONFLICT, Deed.BOTH):
            crm[tables.first] = self._value(tables.first)
        if deed in (Deed.BC_EDIT, Deed.BOTH):
            bc[tables.second] = self._value(tables.second)
        if bc:
            values = {property: value for (property, _), value in bc.items()}
            await self._end.in_business_central("PATCH", f"{tables.bc}({pair.bc_id})", values)
        if crm:
            values = {column: value for (_, column), value in crm.items()}
            await self._end.in_dataverse("PATCH", f"{tables.crm}({pair.crm_id})", values)
        return Done(deed, pair.mapping, name, pair.bc_id, pair.crm_id, bc, crm)

    async def _delete(self, deed: Deed, pair: Coupling, name: str) -> Done:
        tables = TABLES[pair.mapping]
        if deed is Deed.BC_GONE:
            await self._end.in_business_central("DELETE", f"{tables.bc}({pair.bc_id})")
        else:
            await self._end.in_dataverse("DELETE", f"{tables.crm}({pair.crm_id})")
        return Done(deed, pair.mapping, name, pair.bc_id, pair.crm_id)

    async def _new_in_bc(self, mapping: Mapping, name: str) -> Done:
        tables = TABLES[mapping]
        field = tables.second if mapping is Mapping.ITEM else tables.first
        value = self._value(field)
        more: dict[str, Any] = {}
        if mapping is Mapping.CONTACT:
            email = f"{name.split()[1].lower()}@people.example"  # otherwise all would have that of their company
            more = {"type": "Person", "companyNumber": "CT00210", "email": email}
        elif mapping is Mapping.ITEM:
            more = {"baseUnitOfMeasureCode": "PCS"}
        made = await self._end.in_business_central("POST", tables.bc, {"displayName": name, field[0]: value, **more})
        return Done(Deed.BC_NEW, mapping, name, bc_id=UUID(made["id"]), bc={field: value})

    async def _new_in_crm(self, mapping: Mapping, name: str) -> Done:
        tables, id = TABLES[mapping], uuid4()
        value = self._value(tables.first)
        row: dict[str, Any] = {tables.key: str(id), tables.first[1]: value}
        if mapping is Mapping.CUSTOMER:
            row |= {"name": name, "customertypecode": 3}
        else:
            first, last = name.split()
            row |= {"firstname": first, "lastname": last}
            row |= {"parentcustomerid_account@odata.bind": f"/accounts({await self._an_account()})"}
        await self._end.in_dataverse("POST", tables.crm, row)
        return Done(Deed.CRM_NEW, mapping, name, crm_id=id, crm={tables.first: value})

    async def _an_account(self) -> str:
        """One that is coupled, of a customer who has a contact in Business Central."""
        found = await self._end.in_dataverse("GET", "accounts?$select=accountid&$filter=accountnumber eq 'C00023'")
        id: str = found["value"][0]["accountid"]
        return id

    def _value(self, field: tuple[str, str]) -> Any:
        match field[0]:
            case "phoneNumber":
                return f"+31 10 {self._chance.randrange(10**7):07}"
            case "city":
                return f"Delft {self._chance.randrange(10_000)}"
            case "unitPrice":
                return Decimal(self._chance.randrange(100, 100_000)) / 100
        return f"Model {self._word()}"

    def _word(self) -> str:
        return "".join(self._chance.choices("abcdefghijklmnopqrstuvwxyz", k=12)).capitalize()


@dataclass(frozen=True, slots=True)
class State:
    """Both systems and our own tables at the end; rows by mapping and id."""

    bc: dict[Mapping, dict[UUID, Any]]
    crm: dict[Mapping, dict[UUID, Any]]
    couplings: list[Coupling]

    def of_bc(self, mapping: Mapping, id: UUID | None) -> Coupling | None:
        return next((each for each in self.couplings if each.mapping is mapping and each.bc_id == id), None)

    def of_crm(self, mapping: Mapping, id: UUID | None) -> Coupling | None:
        return next((each for each in self.couplings if each.mapping is mapping and each.crm_id == id), None)

    def agree(self, coupling: Coupling, fields: Iterable[tuple[str, str]]) -> bool:
        """Whether both records are there and hold the same."""
        bc, crm = self.bc[coupling.mapping].get(coupling.bc_id), self.crm[coupling.mapping].get(coupling.crm_id)
        return bc is not None and crm is not None and all(_same(bc[one], crm[other]) for one, other in fields)

    def holds(self, mapping: Mapping, bc_id: UUID, crm_id: UUID, field: tuple[str, str]) -> tuple[Any, Any]:
        return self.bc[mapping][bc_id][field[0]], self.crm[mapping][crm_id][field[1]]


async def state(end: FarEnd, couplings: Sequence[Coupling]) -> State:
    bc: dict[Mapping, dict[UUID, Any]] = {}
    crm: dict[Mapping, dict[UUID, Any]] = {}
    for mapping, tables in TABLES.items():
        ours, theirs = tables.columns
        persons = "&$filter=type eq 'Person'" if mapping is Mapping.CONTACT else ""
        bc[mapping] = {UUID(row["id"]): row for row in await end.all(False, f"{tables.bc}?$select={ours}{persons}")}
        crm[mapping] = {UUID(row[tables.key]): row for row in await end.all(True, f"{tables.crm}?$select={theirs}")}
    return State(bc, crm, [each for each in couplings if each.mapping in TABLES])


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, int | float | Decimal) and isinstance(right, int | float | Decimal):
        return Decimal(str(left)) == Decimal(str(right))
    return bool((left or None) == (right or None))  # Business Central's texts have no null


def judged(done: Done, rules: Rules, state: State) -> str | None:
    """What is wrong with what became of a deed; None: nothing."""
    match done.deed:
        case Deed.BC_EDIT | Deed.CRM_EDIT | Deed.BOTH:
            return _edited(done, {**done.bc, **done.crm}, state)
        case Deed.CONFLICT:
            return _conflict(done, rules, state)
        case Deed.BC_NEW | Deed.CRM_NEW:
            return _new(done, rules, state)
        case _:
            return _gone(done, rules, state)


def _edited(done: Done, wanted: dict[tuple[str, str], Any], state: State) -> str | None:
    coupling = state.of_bc(done.mapping, done.bc_id)
    if coupling is None or coupling.crm_id != done.crm_id:
        return "is not coupled as it was"
    for field, value in wanted.items():
        held = state.holds(done.mapping, coupling.bc_id, coupling.crm_id, field)
        if not all(_same(each, value) for each in held):
            return f"{field}: {value!r} was edited, {held!r} is held"
    bc, crm = state.bc[done.mapping][coupling.bc_id], state.crm[done.mapping][coupling.crm_id]
    if (coupling.bc_etag, coupling.crm_etag) != (bc["@odata.etag"], crm["@odata.etag"]):
        return "its coupling remembers other versions than there are"
    if coupling.error_code is not None:
        return f"its coupling says {coupling.error_code}"
    return None


def _conflict(done: Done, rules: Rules, state: State) -> str | None:
    if rules.update is not UpdateConflict.NONE:
        return _edited(done, done.bc if rules.update is UpdateConflict.BUSINESS_CENTRAL_WINS else done.crm, state)
    coupling = state.of_bc(done.mapping, done.bc_id)
    if coupling is None or coupling.error_code != "UPDATE_CONFLICT":
        return f"is no conflict with a name: {coupling and coupling.error_code}"
    for field in done.bc:
        held = state.holds(done.mapping, coupling.bc_id, coupling.crm_id, field)
        if held != (done.bc[field], done.crm[field]):
            return f"{field}: {held!r} is held although it is a conflict"
    return None


def _new(done: Done, rules: Rules, state: State) -> str | None:
    bc = done.deed is Deed.BC_NEW
    coupling = state.of_bc(done.mapping, done.bc_id) if bc else state.of_crm(done.mapping, done.crm_id)
    if rules.only_coupled:
        return "is coupled, although only coupled records are to be" if coupling is not None else None
    if coupling is None:
        return "got no partner"
    fields = (TABLES[done.mapping].name, *done.bc, *done.crm)
    return None if state.agree(coupling, fields) else "has a partner that holds something else, or is not there"


def _gone(done: Done, rules: Rules, state: State) -> str | None:
    of_crm = done.deed is Deed.CRM_GONE
    coupling = state.of_bc(done.mapping, done.bc_id) if of_crm else state.of_crm(done.mapping, done.crm_id)
    same = coupling is not None and (coupling.bc_id, coupling.crm_id) == (done.bc_id, done.crm_id)
    if done.deed is Deed.BC_GONE and rules.kind is Kind.MODIFIED and same:
        return None  # no change tells of it
    match rules.deletion:
        case DeletionConflict.NONE:
            code = coupling.error_code if coupling is not None else None
            return None if same and code == "DELETION_CONFLICT" else f"is no conflict with a name: {code}"
        case DeletionConflict.REMOVE_COUPLING:
            if same:
                return "is coupled still"
            return None if coupling is None or state.agree(coupling, [TABLES[done.mapping].name]) else "leads nowhere"
    if coupling is None or same:
        return f"was not made anew: {coupling and coupling.error_code}"
    return None if state.agree(coupling, [TABLES[done.mapping].name]) else "was made anew as something else"


_OF_OLD_RECORDS = (Deed.BC_EDIT, Deed.CRM_EDIT, Deed.BOTH, Deed.CONFLICT)
"""Others of the demo company may have the same name."""


def left_over(before: State, done: Sequence[Done], now: State) -> list[str]:
    """What is wrong with the whole: doubles, records of ours without a coupling, couplings that lead nowhere."""
    wrong: list[str] = []
    unique = [each for each in done if each.deed not in _OF_OLD_RECORDS]
    by_people = {id for each in done for id in (each.bc_id, each.crm_id) if id is not None}
    for mapping, tables in TABLES.items():
        coupled = {id for each in now.couplings if each.mapping is mapping for id in (each.bc_id, each.crm_id)}
        for side, earlier, rows in (("BC", before.bc, now.bc), ("CRM", before.crm, now.crm)):
            made = rows[mapping].keys() - earlier[mapping].keys() - by_people
            wrong += [f"{mapping} {side}: {rows[mapping][id]} was made and is not coupled" for id in made - coupled]
            name = tables.name[side == "CRM"]
            for each in unique:
                many = [row for row in rows[mapping].values() if row[name] == each.name]
                if each.mapping is mapping and len(many) > 1:
                    wrong.append(f"{each}: there {len(many)} times in {side}")
    told = {(each.mapping, each.bc_id) for each in done if each.deed in (Deed.BC_GONE, Deed.CRM_GONE)}
    told |= {(each.mapping, each.bc_id) for each in before.couplings if not before.agree(each, [])}
    for coupling in now.couplings:
        there = coupling.bc_id in now.bc[coupling.mapping] and coupling.crm_id in now.crm[coupling.mapping]
        if not there and (coupling.mapping, coupling.bc_id) not in told:
            wrong.append(f"the coupling of {coupling.mapping} {coupling.bc_key or coupling.crm_key} leads nowhere")
    return wrong
