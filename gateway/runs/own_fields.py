"""Fields of an installation's own: columns and properties that no shipped mapping has, or all that a mapping of its own has.

Pages of extensions stand for standard ones, which cannot be extended. The file is ``gateway.runs.own_mappings``.

Source: Business Central, "Mapping the Tables and Fields to Synchronize", adding field mappings; "Developing a custom API".
"""

from collections.abc import Iterable
from collections.abc import Mapping as ReadOnly
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.couplings.coupling import Mapping
from gateway.errors import InvalidInputError
from gateway.records import Backend
from gateway.runs.checks import TEXTS, check_constant, check_rules
from gateway.sync.mapping import Direction, FieldMapping, Kind, TableMapping
from gateway.sync.transforms import Transform, Transformation

Tables = ReadOnly[Mapping, TableMapping]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
Route = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+/[A-Za-z0-9_-]+/(v\d+\.\d+|beta)$")]
Label = Annotated[str, Field(min_length=1, max_length=80)]
Length = Annotated[int, Field(ge=1, le=10_000)]


class Said(BaseModel):
    """A part of the file; a key that means nothing is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OwnRule(Said):
    """What a text becomes on its way."""

    kind: Transform
    find: str = ""
    text: str = ""
    start: int = 1
    length: int | None = None
    table: tuple[tuple[str, str], ...] = ()
    others: bool = False

    def rule(self) -> Transformation:
        return Transformation(self.kind, self.find, self.text, self.start, self.length, self.table, self.others)


class FieldOfTable(Said):
    """One field. One side may be left out for a constant; the direction is that of its mapping unless given."""

    name: Name | None = None
    label: Label
    business_central: Name | None = None
    dataverse: Name | None = None
    kind: Kind = Kind.TEXT
    direction: Direction | None = None
    enabled: bool = True
    lookup: Mapping | None = None
    by_code: bool = False
    navigation: Name | None = None
    not_null: bool = False
    clear_on_failed: bool = False
    constant: str | None = None
    business_central_length: Length | None = None
    dataverse_length: Length | None = None
    to_dataverse: tuple[OwnRule, ...] = ()
    to_business_central: tuple[OwnRule, ...] = ()

    def field(self, usual: Direction) -> FieldMapping:
        return FieldMapping(
            name=self.name or self.business_central or self.dataverse or "",
            label=self.label,
            bc=self.business_central or "",
            crm=self.dataverse or "",
            direction=self.direction or usual,
            kind=self.kind,
            lookup=self.lookup,
            by_code=self.by_code,
            not_null=self.not_null,
            clear_on_failed=self.clear_on_failed,
            enabled=self.enabled,
            longest=(self.business_central_length, self.dataverse_length),
            constant=self.constant,
            to_crm=tuple(each.rule() for each in self.to_dataverse),
            to_bc=tuple(each.rule() for each in self.to_business_central),
            own=True,
            navigation=self.navigation,
        )


class OwnField(FieldOfTable):
    """A further field of a mapping."""

    mapping: Mapping


class OwnPage(Said):
    """A page of an extension over the table of a mapping: with the properties of the standard page, and more."""

    mapping: Mapping
    api: Route
    entity_set: Name


def with_page(mapping: TableMapping, page: OwnPage) -> TableMapping:
    """The mapping over a page of an extension."""
    source = replace(mapping.bc.source, api=page.api, name=page.entity_set)
    return replace(mapping, bc=replace(mapping.bc, source=source))


def problems_of(mapping: TableMapping, field: FieldMapping, tables: Tables) -> Iterable[str]:
    """What is wrong with a field, in sentences; ``tables`` are all there are."""
    if mapping.crm.source.choice is not None:
        yield f"{mapping.name} couples options of a choice, which have no further columns"
        return
    if mapping.field(field.name) is not None:
        yield f"{mapping.name} has a field of this name already; give it another one with name"
    if mapping.direction not in (Direction.BIDIRECTIONAL, field.direction):
        yield f"{mapping.name} goes {mapping.direction}, so direction has to be the same"
    yield from _problems_of_sides(mapping, field)
    yield from _problems_of_kind(field, tables)
    if field.constant is not None:
        try:
            check_constant(field, has_rules=bool(field.to_crm or field.to_bc))
        except InvalidInputError as error:
            yield error.message.rstrip(".")
    for rules, key in ((field.to_crm, "to_dataverse"), (field.to_bc, "to_business_central")):
        try:
            check_rules(field, rules, key)
        except InvalidInputError as error:
            yield f"{key}: {error.message.rstrip('.')}"


def _problems_of_sides(mapping: TableMapping, field: FieldMapping) -> Iterable[str]:
    for to, name, other in (
        (Backend.BUSINESS_CENTRAL, field.bc, field.crm),
        (Backend.DATAVERSE, field.crm, field.bc),
    ):
        side = "business_central" if to is Backend.BUSINESS_CENTRAL else "dataverse"
        is_constant = field.constant is not None and not field.direction.goes_to(to) and other
        if not name and not is_constant:
            yield f"{side} is missing; only the side that a constant does not go to may be left out"
        if not name or not field.direction.goes_to(to):
            continue
        if name in (mapping.table(to).source.key, mapping.table(to).modified):
            yield f"{to.label} does not let {name} be written"
        for each in mapping.fields:
            if name in each.columns(to) and (each.direction.goes_to(to) or each.bc == mapping.bc.number):
                yield f"{name} is written by the field {each.name} already"


def _problems_of_kind(field: FieldMapping, tables: Tables) -> Iterable[str]:
    if (field.kind is Kind.LOOKUP) is not (field.lookup is not None):
        yield "kind LOOKUP and lookup belong together: lookup names the mapping whose couplings translate the field"
    if field.by_code and field.kind is not Kind.LOOKUP:
        yield "by_code is for look-ups"
    if field.clear_on_failed and field.kind is not Kind.LOOKUP:
        yield "clear_on_failed is for look-ups"
    if field.kind is Kind.LOOKUP and field.lookup is not None:
        yield from _problems_of_lookup(field, tables.get(field.lookup))
    for to, name in ((Backend.BUSINESS_CENTRAL, "business_central_length"), (Backend.DATAVERSE, "dataverse_length")):
        if field.kind in TEXTS and field.direction.goes_to(to) and field.room(to) is None:
            yield f"{name} is missing: how many characters {to.label} takes there"


def _problems_of_lookup(field: FieldMapping, through: TableMapping | None) -> Iterable[str]:
    if through is None:
        yield f"lookup: {field.lookup} is a place that the file does not fill"
        return
    is_option = through.crm.source.choice is not None
    if field.by_code and through.bc.source.natural_key is None:
        yield f"by_code: {through.name} has no number in Business Central"
    if not is_option and not (field.crm.startswith("_") and field.crm.endswith("_value")):
        yield "a look-up of CRM is read as _name_value, with the name of its column"
