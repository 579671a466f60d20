"""Tables of an installation's own: a set of Business Central and a table of CRM that no shipped mapping joins.

Each fills one of the places ``OWN_1`` to ``OWN_9`` (docs/adr/0020), and is synchronized like a shipped mapping from then on.

Source: Business Central, "Customizing an Integration with Microsoft Dataverse"; table Integration Table Mapping.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field, StringConstraints

from gateway.couplings.coupling import Mapping
from gateway.odata.query import Value
from gateway.reading.need import Source
from gateway.reading.paging import Sort
from gateway.records import Backend
from gateway.runs.conditions import MOST_CONDITIONS, Comparing, Condition, ValueType, rule_of
from gateway.runs.own_fields import FieldOfTable, Label, Name, Route, Said, Tables, problems_of
from gateway.runs.policy import DeletionConflict, Policy, UpdateConflict
from gateway.sync.mapping import Direction, Kind, Rule, Table, TableMapping

Noun = Annotated[str, Field(min_length=1, max_length=60)]

MODIFIED = "lastModifiedDateTime"
"""What each page of Business Central has to show besides its ``id``. Source: "API page type", SystemModifiedAt."""


class OwnCondition(Said):
    """What records have to meet."""

    column: Name
    operator: Comparing
    values: tuple[str, ...] = ()
    type: ValueType = ValueType.TEXT

    def condition(self) -> Condition:
        return Condition(self.column, self.operator, self.values, self.type)


class BusinessCentralSide(Said):
    """An API page, Microsoft's or an extension's."""

    api: Route | None = None
    entity_set: Name
    in_company: bool = True
    noun: Noun
    name: Name
    number: Name | None = None
    table_no: int = Field(default=0, ge=0)
    page: Annotated[str, StringConstraints(pattern=r"^\d{0,9}$")] = ""
    webhooks: bool = True
    key_field: str = Field(default="No.", min_length=1, max_length=30)
    filter: tuple[OwnCondition, ...] = ()

    def table(self) -> Table:
        source = Source(
            Backend.BUSINESS_CENTRAL,
            self.entity_set,
            "id",
            natural_key=self.number,
            unique=Sort("id", "guid"),
            in_company=self.in_company,
            api=self.api,
        )
        return Table(source, self.noun, self.name, self.number, MODIFIED, self.page, key_field=self.key_field)


class DataverseSide(Said):
    """A table; ``table`` is its logical name, as ``account`` is that of ``accounts``."""

    entity_set: Name
    table: Name
    key: Name | None = None
    noun: Noun
    name: Name
    number: Name | None = None
    modified: Name = "modifiedon"
    filter: tuple[OwnCondition, ...] = ()

    def side(self) -> Table:
        key = self.key or f"{self.table}id"
        source = Source(
            Backend.DATAVERSE,
            self.entity_set,
            key,
            natural_key=self.number,
            unique=Sort(key, "guid"),
            in_company=False,
        )
        return Table(source, self.noun, self.name, self.number, self.modified, self.table)


class OwnTable(Said):
    """One mapping. ``depends_on`` is what its look-ups lead through unless given."""

    place: Mapping
    label: Label
    direction: Direction = Direction.BIDIRECTIONAL
    only_coupled: bool = True
    in_company: bool = False
    team_owns: bool = False
    update_conflict: UpdateConflict = UpdateConflict.NONE
    deletion_conflict: DeletionConflict = DeletionConflict.NONE
    depends_on: tuple[Mapping, ...] | None = None
    match: tuple[tuple[str, ...], ...] | None = None
    business_central: BusinessCentralSide
    dataverse: DataverseSide
    fields: tuple[FieldOfTable, ...]

    @property
    def policy(self) -> Policy:
        return Policy(self.update_conflict, self.deletion_conflict)

    @property
    def dependencies(self) -> tuple[Mapping, ...]:
        if self.depends_on is not None:
            return self.depends_on
        lookups = (each.lookup for each in self.fields if each.lookup is not None)
        return tuple(dict.fromkeys(each for each in lookups if each is not self.place))

    def bare(self) -> TableMapping:
        """The mapping without what can be wrong with it: fields, filters and criteria."""
        return TableMapping(
            mapping=self.place,
            name=self.label,
            table_no=self.business_central.table_no,
            bc=self.business_central.table(),
            crm=self.dataverse.side(),
            direction=self.direction,
            fields=(),
            match=(),
            in_company=self.in_company,
            depends_on=self.dependencies,
            only_coupled=self.only_coupled,
            team_owns=self.team_owns,
            tells=self.business_central.webhooks,
        )


def in_order(tables: Iterable[TableMapping]) -> list[TableMapping]:
    """So that each comes behind those it depends on, as they stand otherwise; also what goes round in a circle."""
    left, found = list(tables), list[TableMapping]()
    while left:
        waiting = {each.mapping for each in left}
        ready = (each for each in left if not waiting.intersection(each.depends_on) - {each.mapping})
        found.append(next(ready, left[0]))
        left.remove(found[-1])
    return found


def completed(own: OwnTable, tables: Tables, problems: list[str]) -> TableMapping:
    """The mapping with all that is right of it; what is wrong goes to ``problems``. ``tables`` are all others, too."""
    bare = own.bare()
    problems += _problems_of_place(own, bare, tables)
    mapping = replace(
        bare,
        bc=replace(bare.bc, rules=_rules(own.business_central.filter, "business_central", "", problems)),
        crm=replace(bare.crm, rules=_rules(own.dataverse.filter, "dataverse", None, problems)),
    )
    for number, each in enumerate(own.fields, start=1):
        field = each.field(own.direction)
        found = list(problems_of(mapping, field, tables))
        problems += [f"fields {number} ({field.name or 'without a name'}): {one}" for one in found]
        if not found:
            mapping = replace(mapping, fields=(*mapping.fields, field))
    if not any(each.enabled for each in own.fields):
        problems.append("fields: none is enabled, so nothing would be synchronized")
    match = own.match if own.match is not None else _usual_match(mapping)
    problems += _problems_of_match(mapping, match)
    return replace(mapping, match=match)


def _problems_of_place(own: OwnTable, mapping: TableMapping, tables: Tables) -> Iterator[str]:
    if not own.place.is_own:
        yield f"place: {own.place} is a shipped mapping; the places for tables of your own are OWN_1 to OWN_9"
    for each in tables.values():
        if each.mapping is own.place:
            continue
        if each.name.casefold() == own.label.casefold():
            yield f"label: {each.mapping} is called {each.name} already"
        if mapping.table_no and each.table_no == mapping.table_no:
            yield f"business_central, table_no: {mapping.table_no} is that of {each.name}; leave it out"
        if (each.bc.source.name, each.bc.source.api) == (mapping.bc.source.name, mapping.bc.source.api) and (
            each.crm.source.name == mapping.crm.source.name
        ):
            yield f"{each.name} joins these two sets already; add fields to it instead"
    for name in own.dependencies:
        if name not in tables:
            yield f"depends_on: {name} is a place that the file does not fill"
    if own.place in behind(own.place, tables):
        yield "depends_on: it leads back to the mapping itself"


def behind(place: Mapping, tables: Tables) -> set[Mapping]:
    """All that a mapping depends on, however far away."""
    found: set[Mapping] = set()
    todo = [place]
    while todo:
        new = [each for each in tables[todo.pop()].depends_on if each not in found and each in tables]
        found.update(new)
        todo += new
    return found


def _rules(said: Sequence[OwnCondition], side: str, blank: Value, problems: list[str]) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    if len(said) > MOST_CONDITIONS:
        problems.append(f"{side}, filter: it has at most {MOST_CONDITIONS} conditions")
    for number, each in enumerate(said, start=1):
        try:
            rules.append(rule_of(each.condition(), blank=blank))
        except ValueError as error:
            problems.append(f"{side}, filter {number} ({each.column}): {error}")
    return tuple(rules)


def _usual_match(mapping: TableMapping) -> tuple[tuple[str, ...], ...]:
    """By the number, then by the name, as far as there are fields for them."""
    of = {each.bc: each.name for each in mapping.fields if each.kind is not Kind.LOOKUP and each.bc and each.crm}
    return tuple((of[each],) for each in (mapping.bc.number, mapping.bc.title) if each in of)


def _problems_of_match(mapping: TableMapping, match: tuple[tuple[str, ...], ...]) -> Iterable[str]:
    for name in dict.fromkeys(each for group in match for each in group):
        field = mapping.field(name)
        if field is None or field.kind is Kind.LOOKUP or not (field.bc and field.crm):
            yield f"match: {name} is no field with a value on both sides"
    if any(not group for group in match):
        yield "match: a group without fields"
