"""Security as rows: what privileges, roles and assignments look like in their tables.

    role = Role(role_id, "Salesperson", business_unit_id, grants(model, {"account": "R W"}, Depth.LOCAL))
    store.seed("roles", [role.row()])
    store.seed("roleprivilegescollection", role.privilege_rows())

Source: Dataverse, Role, Privilege and RolePrivileges table reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import NAMESPACE_OID, uuid5

from gateway.sandbox.dataverse.privileges import ACT_ON_BEHALF, VERBS, Depth, Privilege, privilege_of, privileges
from gateway.sandbox.model import Model

_LETTERS: Final = dict(zip(("C", "R", "W", "D", "A", "AT", "As", "S"), VERBS, strict=True))

Row = dict[str, object]
Grants = Mapping[str, Depth]
"""The depth of privileges by their names."""


@dataclass(frozen=True)
class Role:
    """A role with its privileges; `template_id` marks one that every environment has."""

    id: str
    name: str
    business_unit_id: str
    grants: Grants
    template_id: str | None = None

    def row(self) -> Row:
        return {
            "roleid": self.id,
            "name": self.name,
            "isinherited": 1,
            "_businessunitid_value": self.business_unit_id,
            "_parentrootroleid_value": self.id,
            "_roletemplateid_value": self.template_id,
        }

    def privilege_rows(self) -> Iterator[Row]:
        for name, depth in self.grants.items():
            pair = {"roleid": self.id, "privilegeid": Privilege(name).id}
            yield {"roleprivilegeid": pair_id(*pair.values()), **pair, "privilegedepthmask": int(depth)}


def pair_id(*ids: str) -> str:
    """The key of a row that pairs others."""
    return str(uuid5(NAMESPACE_OID, ":".join(ids)))


def privilege_rows(model: Model) -> Iterator[Row]:
    """Every privilege there is."""
    for privilege in privileges(model):
        yield {
            "privilegeid": privilege.id,
            "name": privilege.name,
            "accessright": privilege.access_right,
            "canbebasic": True,
            "canbelocal": True,
            "canbedeep": True,
            "canbeglobal": True,
        }


def everything(model: Model) -> dict[str, Depth]:
    """What a system administrator may do."""
    return {privilege.name: Depth.GLOBAL for privilege in privileges(model)}


def grants(model: Model, tables: Mapping[str, str], depth: Depth, *, act_on_behalf: bool = False) -> dict[str, Depth]:
    """Privileges in the letters of the documentation, `C R W D A AT As S`; tables this service lacks are left out."""
    known = {entity_set.entity for entity_set in model.sets.values()}
    granted = {
        privilege_of(_LETTERS[letter], entity).name: depth
        for entity, letters in tables.items()
        if entity in known
        for letter in letters.split()
    }
    return granted | ({ACT_ON_BEHALF: Depth.GLOBAL} if act_on_behalf else {})


def administration(model: Model, *, business_unit_id: str, user_ids: Iterable[str]) -> Iterator[tuple[str, list[Row]]]:
    """Set by set, the rows of an environment in which these users may do everything."""
    role = Role(pair_id("administrator", business_unit_id), "System Administrator", business_unit_id, everything(model))
    yield "privileges", list(privilege_rows(model))
    yield "roles", [role.row()]
    yield "roleprivilegescollection", list(role.privilege_rows())
    pairs = [{"systemuserid": user_id, "roleid": role.id} for user_id in user_ids]
    yield "systemuserrolescollection", [{"systemuserroleid": pair_id(*pair.values()), **pair} for pair in pairs]
