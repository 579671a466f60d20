"""What may be allowed: a privilege for every table and verb, and how deep it reaches.

    prvReadAccount      prvAppendToContact      prvWriteOrder      prvActOnBehalfOfAnotherUser

Every table of the model has its privileges, except where another table's count: the lines of an order are governed by
the order, memberships and assignments of roles by the team and the role. Identifiers are computed from the names.

Source: Dataverse, Security roles and privileges; Privilege table reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final
from uuid import NAMESPACE_OID, uuid5

from gateway.sandbox.model import EntitySet, Model

VERBS: Final = ("Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign", "Share")
ACT_ON_BEHALF: Final = "prvActOnBehalfOfAnotherUser"
_NAMED_OTHERWISE: Final = {"salesorder": "Order", "systemuser": "User"}
_CAPITALS: Final = {
    "businessunit": "BusinessUnit",
    "nav_accountstatistics": "nav_AccountStatistics",
    "pricelevel": "PriceLevel",
    "productpricelevel": "ProductPriceLevel",
    "transactioncurrency": "TransactionCurrency",
    "uom": "UoM",
    "uomschedule": "UoMSchedule",
}
_ACCESS_RIGHTS: Final = {
    "Read": 1,
    "Write": 2,
    "Append": 4,
    "AppendTo": 16,
    "Create": 32,
    "Delete": 65_536,
    "Share": 262_144,
    "Assign": 524_288,
}
_TYPE_CODES: Final = {
    "account": 1,
    "contact": 2,
    "opportunity": 3,
    "systemuser": 8,
    "team": 9,
    "businessunit": 10,
    "organization": 1019,
    "pricelevel": 1022,
    "privilege": 1023,
    "product": 1024,
    "productpricelevel": 1026,
    "role": 1036,
    "uom": 1055,
    "uomschedule": 1056,
    "opportunityproduct": 1083,
    "salesorder": 1088,
    "salesorderdetail": 1089,
    "invoice": 1090,
    "invoicedetail": 1091,
    "transactioncurrency": 9105,
}
_CUSTOM_TYPE_CODE: Final = 10_000


class Depth(IntEnum):
    """How far a privilege reaches, as `privilegedepthmask`: own rows, a business unit, it and those below, everything."""

    BASIC = 1
    LOCAL = 2
    DEEP = 4
    GLOBAL = 8


@dataclass(frozen=True, slots=True)
class Privilege:
    """`access_right` is the bit of the verb; 0 for a privilege that belongs to no table."""

    name: str
    access_right: int = 0

    @property
    def id(self) -> str:
        return str(uuid5(NAMESPACE_OID, f"dataverse:privilege:{self.name}"))


def privilege_of(verb: str, entity: str) -> Privilege:
    """The privilege for one verb on a table, by its logical name."""
    noun = _NAMED_OTHERWISE.get(entity) or _CAPITALS.get(entity) or entity[:1].upper() + entity[1:]
    return Privilege(f"prv{verb}{noun}", _ACCESS_RIGHTS[verb])


def governing(model: Model, entity_set: EntitySet) -> tuple[EntitySet, tuple[str, ...]]:
    """The set whose privileges count for rows of another, and the navigations that lead to it."""
    path: tuple[str, ...] = ()
    while (parent := entity_set.extra.get("parent")) is not None:
        navigation = entity_set.navigations[str(parent)]
        path = (*path, navigation.name)
        entity_set = model.sets[navigation.target]
    return entity_set, path


def governing_entity(model: Model, entity_set: EntitySet) -> str:
    """The logical name in the privileges that count for a set."""
    governed = governing(model, entity_set)[0]
    return str(governed.extra.get("privilegesOf", governed.entity))


def privilege_for(model: Model, entity_set: EntitySet, verb: str) -> Privilege:
    """The privilege that counts for a verb on rows of a set; whatever is done to a line is a change of its order."""
    part = bool(governing(model, entity_set)[1])
    return privilege_of("Write" if part and verb != "Read" else verb, governing_entity(model, entity_set))


def privileges(model: Model) -> Iterator[Privilege]:
    """All there are, table by table."""
    for entity_set in model.sets.values():
        if governing_entity(model, entity_set) == entity_set.entity and not entity_set.internal:
            yield from (privilege_of(verb, entity_set.entity) for verb in VERBS)
    yield Privilege(ACT_ON_BEHALF)


def type_code(entity: str) -> int:
    """The number of a table in messages; custom tables share the first of theirs."""
    return _TYPE_CODES.get(entity, _CUSTOM_TYPE_CODE)
