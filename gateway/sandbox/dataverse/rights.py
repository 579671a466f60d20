"""What one user may do: the privileges of its roles and of the roles of its teams, as conditions on rows.

| depth  | rows within reach                                                        |
|--------|--------------------------------------------------------------------------|
| Basic  | those the user owns, and those of its teams                              |
| Local  | also those of the business unit of whoever holds the role, user or team  |
| Deep   | also those of the business units below                                   |
| Global | all; the only depth that counts for tables without owners                |

Rights are kept until something is written to the store.

Source: Dataverse, Security concepts; Security roles and privileges (access levels).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from gateway.sandbox.dataverse.privileges import Depth, governing, privilege_for, privileges
from gateway.sandbox.expression import Expression, In, Literal, Logical, Path
from gateway.sandbox.model import EntitySet, Model
from gateway.sandbox.store import Row, Store

NOTHING = Literal(False, "Edm.Boolean")
"""A condition that holds for no row."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a privilege holds, besides the user's own rows."""

    depth: Depth
    units: frozenset[str] = frozenset()

    @property
    def everywhere(self) -> bool:
        return self.depth is Depth.GLOBAL

    def __or__(self, other: Reach) -> Reach:
        return Reach(max(self.depth, other.depth), self.units | other.units)


@dataclass(frozen=True)
class Rights:
    """The rights of `user`; `owners` are the user and its teams, `reaches` go by the name of the privilege."""

    user: Row
    owners: frozenset[str]
    reaches: Mapping[str, Reach] = field(default_factory=dict)
    role_count: int = 0

    def has(self, privilege: str) -> bool:
        return privilege in self.reaches

    def condition(self, verb: str, entity_set: EntitySet, model: Model) -> Expression | None:
        """Which rows of a set allow a verb: None when all do, `NOTHING` when the privilege is missing."""
        reach = self.reaches.get(privilege_for(model, entity_set, verb).name)
        if reach is None:
            return NOTHING
        if reach.everywhere:
            return None
        governed, path = governing(model, entity_set)
        owner, unit = _owner_columns(governed)
        if owner is None:
            return NOTHING
        own = _among((*path, owner), self.owners)
        if unit is None or not reach.units:
            return own
        return Logical("or", (own, _among((*path, unit), reach.units)))


def _owner_columns(entity_set: EntitySet) -> tuple[str | None, str | None]:
    """The columns that say whose a row is and which business unit it is in; principals belong to themselves."""
    match entity_set.extra.get("ownership"):
        case "user":
            return "_ownerid_value", "_owningbusinessunit_value"
        case "business" if entity_set.name == "businessunits":
            return entity_set.key, entity_set.key
        case "business":
            return entity_set.key, "_businessunitid_value"
        case _:
            return None, None


def _among(path: tuple[str, ...], keys: Iterable[str]) -> In:
    return In(Path(path), tuple(Literal(key, "Edm.Guid") for key in sorted(keys)))


@dataclass
class _Known:
    """The rights computed since one version of a store."""

    version: int
    rights: dict[str, Rights] = field(default_factory=dict)


_KNOWN: WeakKeyDictionary[Store, _Known] = WeakKeyDictionary()


def rights_of(store: Store, user: Row) -> Rights:
    """The rights of a user as the store has them now."""
    known, version = _KNOWN.get(store), store.version
    if known is None or known.version != version:
        known = _KNOWN[store] = _Known(version)
    key = str(user["systemuserid"])
    if key not in known.rights:
        known.rights[key] = _computed(store, user)
    return known.rights[key]


def _computed(store: Store, user: Row) -> Rights:
    key = str(user["systemuserid"])
    teams = _linked(store, "teammemberships", "systemuserid", [key], "teamid")
    held = [
        (role, user["_businessunitid_value"])
        for _, role in _linked(store, "systemuserrolescollection", "systemuserid", [key], "roleid")
    ]
    team_ids = [team for _, team in teams]
    if team_ids:
        units = {str(row["teamid"]): row["_businessunitid_value"] for row in _rows(store, "teams", "teamid", team_ids)}
        shared = _linked(store, "teamrolescollection", "teamid", team_ids, "roleid")
        held += [(role, units.get(team)) for team, role in shared]
    return Rights(user, frozenset((key, *team_ids)), _reaches(store, held), len({role for role, _ in held}))


def _reaches(store: Store, held: Iterable[tuple[str, object]]) -> dict[str, Reach]:
    """The reach of each privilege, over all roles; a role reaches from the unit of who holds it."""
    held = list(held)
    if not held:
        return {}
    names = {privilege.id: privilege.name for privilege in privileges(store.model)}
    tree = _Units(store)
    granted: dict[str, list[tuple[str, Depth]]] = {}
    for row in _rows(store, "roleprivilegescollection", "roleid", [role for role, _ in held]):
        depth = Depth(int(str(row["privilegedepthmask"])))
        granted.setdefault(str(row["roleid"]), []).append((names.get(str(row["privilegeid"]), ""), depth))
    reaches: dict[str, Reach] = {}
    for role, unit in held:
        for name, depth in granted.get(role, ()):
            reach = Reach(depth, tree.within(unit, depth))
            reaches[name] = reaches[name] | reach if name in reaches else reach
    return reaches


class _Units:
    """The business units a depth spans, each looked up once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._below: dict[str, frozenset[str]] = {}

    def within(self, unit: object, depth: Depth) -> frozenset[str]:
        if unit is None or depth in (Depth.BASIC, Depth.GLOBAL):
            return frozenset()
        return frozenset((str(unit),)) if depth is Depth.LOCAL else self._subtree(str(unit))

    def _subtree(self, unit: str) -> frozenset[str]:
        if unit not in self._below:
            found, level = {unit}, [unit]
            while level:
                rows = _rows(self._store, "businessunits", "_parentbusinessunitid_value", level)
                level = [str(row["businessunitid"]) for row in rows if row["businessunitid"] not in found]
                found.update(level)
            self._below[unit] = frozenset(found)
        return self._below[unit]


def _rows(store: Store, set_name: str, column: str, keys: Iterable[str]) -> list[Row]:
    return store.select(set_name, where=_among((column,), set(keys)))


def _linked(store: Store, set_name: str, column: str, keys: Iterable[str], wanted: str) -> list[tuple[str, str]]:
    """Pairs of a table that joins two others."""
    return [(str(row[column]), str(row[wanted])) for row in _rows(store, set_name, column, keys)]
