"""What administrators change of a mapping in a company, and the mapping with their changes in it. Pure.

Source: Business Central, tables Integration Table Mapping and Integration Field Mapping.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from gateway.odata.query import Value
from gateway.records import Backend
from gateway.runs.conditions import Condition, rule_of
from gateway.sync.mapping import Direction, FieldMapping, Table, TableMapping
from gateway.sync.transforms import Transform, Transformation


@dataclass(frozen=True, slots=True)
class FilterChange:
    """Conditions of one side besides the shipped ones, or ``instead`` of them.

    That a row belongs to the company is no condition of the filter, and holds whatever is changed.
    """

    conditions: tuple[Condition, ...] = ()
    instead: bool = False


@dataclass(frozen=True, slots=True)
class FieldChange:
    """None: as shipped."""

    enabled: bool | None = None
    direction: Direction | None = None
    constant: str | None = None
    to_crm: tuple[Transformation, ...] | None = None
    to_bc: tuple[Transformation, ...] | None = None
    not_null: bool | None = None
    clear_on_failed: bool | None = None


@dataclass(frozen=True, slots=True)
class MappingChange:
    """Of a mapping; ``fields`` by their names."""

    enabled: bool = True
    direction: Direction | None = None
    filters: Mapping[Backend, FilterChange] = field(default_factory=dict)
    fields: Mapping[str, FieldChange] = field(default_factory=dict)
    only_coupled: bool | None = None
    pass_states: bool = False


NO_CHANGE: Final = MappingChange()
SAME: Final = FieldChange()
SHIPPED_FILTER: Final = FilterChange()


def with_changes(shipped: TableMapping, change: MappingChange) -> TableMapping:
    """The mapping as it is used.

    A mapping that is narrowed to one way takes its fields of both ways along, and leaves out those that go the other way only.
    Fields that are no longer there are passed over.
    """
    if change == NO_CHANGE:
        return shipped
    direction = change.direction or shipped.direction
    return replace(
        shipped,
        direction=direction,
        only_coupled=shipped.only_coupled if change.only_coupled is None else change.only_coupled,
        fields=tuple(_narrowed(_field(each, change.fields.get(each.name, SAME)), direction) for each in shipped.fields),
        bc=_table(shipped.bc, change),
        crm=_table(shipped.crm, change),
    )


def _field(shipped: FieldMapping, change: FieldChange) -> FieldMapping:
    changed = {each.name: value for each in fields(change) if (value := getattr(change, each.name)) is not None}
    return replace(shipped, **changed) if changed else shipped


def _narrowed(field: FieldMapping, direction: Direction) -> FieldMapping:
    if direction in (Direction.BIDIRECTIONAL, field.direction):
        return field
    if field.direction is Direction.BIDIRECTIONAL:
        return replace(field, direction=direction)
    return replace(field, enabled=False)


def _table(table: Table, change: MappingChange) -> Table:
    filter = change.filters.get(table.source.backend, SHIPPED_FILTER)
    if filter == SHIPPED_FILTER:
        return table
    rules = tuple(rule_of(each, blank=blank_of(table)) for each in filter.conditions)
    return replace(table, rules=rules if filter.instead else (*table.rules, *rules))


def blank_of(table: Table) -> Value:
    """How this side says that nothing is there: Business Central's texts have no null."""
    return "" if table.source.backend is Backend.BUSINESS_CENTRAL else None


# -- as it is kept -----------------------------------------------------------------------------------------------------------


def change_as_json(change: MappingChange) -> dict[str, Any]:
    """Only what was changed."""
    said: dict[str, Any] = {} if change.enabled else {"enabled": False}
    if change.direction is not None:
        said["direction"] = change.direction
    if change.only_coupled is not None:
        said["onlyCoupled"] = change.only_coupled
    if change.pass_states:
        said["passStates"] = True
    if change.filters:
        said["filters"] = {
            str(backend): {"conditions": [one.as_json() for one in each.conditions], "instead": each.instead}
            for backend, each in change.filters.items()
        }
    if change.fields:
        said["changedFields"] = {name: _field_as_json(each) for name, each in change.fields.items()}
    return said


def _field_as_json(change: FieldChange) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for each in fields(change):
        value = getattr(change, each.name)
        if isinstance(value, tuple):
            said[each.name] = [_rule_as_json(rule) for rule in value]
        elif value is not None:
            said[each.name] = value
    return said


def _rule_as_json(rule: Transformation) -> dict[str, Any]:
    return {each.name: getattr(rule, each.name) for each in fields(rule)}


def change_of_json(said: Mapping[str, Any]) -> MappingChange:
    """The change that was kept so."""
    filters = {
        Backend(backend): FilterChange(tuple(map(Condition.of_json, each["conditions"])), each["instead"])
        for backend, each in said.get("filters", {}).items()
    }
    return MappingChange(
        enabled=said.get("enabled", True),
        direction=Direction(said["direction"]) if "direction" in said else None,
        only_coupled=said.get("onlyCoupled"),
        pass_states=said.get("passStates", False),
        filters=filters,
        fields={name: _field_of_json(each) for name, each in said.get("changedFields", {}).items()},
    )


def _field_of_json(said: Mapping[str, Any]) -> FieldChange:
    values = dict(said)
    if "direction" in values:
        values["direction"] = Direction(values["direction"])
    for name in ("to_crm", "to_bc"):
        if name in values:
            values[name] = tuple(map(_rule_of_json, values[name]))
    return FieldChange(**values)


def _rule_of_json(said: Mapping[str, Any]) -> Transformation:
    table: Sequence[Sequence[str]] = said["table"]
    pairs = tuple((find, text) for find, text in table)
    return Transformation(**{**said, "kind": Transform(said["kind"]), "table": pairs})
