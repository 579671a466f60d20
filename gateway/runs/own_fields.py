"""Fields of an installation's own, from a file: columns and properties that no shipped mapping has.

TOML or JSON. ``pages`` are API pages of extensions that stand for standard ones, which cannot be extended. Each of ``fields``::

    [[fields]]
    mapping = "CUSTOMER"
    label = "VAT Registration No."
    business_central = "taxRegistrationNumber"
    dataverse = "new_vatnumber"
    business_central_length = 50
    dataverse_length = 50

Source: Business Central, "Mapping the Tables and Fields to Synchronize", adding field mappings; "Developing a custom API".
"""

import json
import tomllib
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as ReadOnly
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gateway.couplings.coupling import Mapping
from gateway.errors import ConfigError, InvalidInputError
from gateway.records import Backend
from gateway.runs.checks import TEXTS, check_constant
from gateway.sync.mapping import Direction, FieldMapping, Kind, TableMapping
from gateway.sync.mappings import TABLE_MAPPINGS

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
Length = Annotated[int, Field(ge=1, le=10_000)]


class OwnField(BaseModel):
    """One field of the file. One side may be left out for a constant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mapping: Mapping
    name: Name | None = None
    label: str = Field(min_length=1, max_length=80)
    business_central: Name | None = None
    dataverse: Name | None = None
    kind: Kind = Kind.TEXT
    direction: Direction = Direction.BIDIRECTIONAL
    enabled: bool = True
    lookup: Mapping | None = None
    by_code: bool = False
    navigation: Name | None = None
    not_null: bool = False
    clear_on_failed: bool = False
    constant: str | None = None
    business_central_length: Length | None = None
    dataverse_length: Length | None = None

    def field(self) -> FieldMapping:
        return FieldMapping(
            name=self.name or self.business_central or self.dataverse or "",
            label=self.label,
            bc=self.business_central or "",
            crm=self.dataverse or "",
            direction=self.direction,
            kind=self.kind,
            lookup=self.lookup,
            by_code=self.by_code,
            not_null=self.not_null,
            clear_on_failed=self.clear_on_failed,
            enabled=self.enabled,
            longest=(self.business_central_length, self.dataverse_length),
            constant=self.constant,
            own=True,
            navigation=self.navigation,
        )


class OwnPage(BaseModel):
    """A page of an extension over the table of a mapping: with the properties of the standard page, and more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mapping: Mapping
    api: str = Field(pattern=r"^[A-Za-z0-9_-]+/[A-Za-z0-9_-]+/(v\d+\.\d+|beta)$")
    entity_set: Name


class OwnFields(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pages: tuple[OwnPage, ...] = ()
    fields: tuple[OwnField, ...] = ()


def mappings_with(path: Path | None) -> ReadOnly[Mapping, TableMapping]:
    """The shipped mappings, with the fields of the file; without a file as they are.

    Raises:
        ConfigError: the file cannot be read, or a field of it cannot be: a sentence for each mistake, with its place.
    """
    if path is None:
        return TABLE_MAPPINGS
    try:
        own = OwnFields.model_validate(_read(path))
    except ValidationError as error:
        raise ConfigError(*(f"{path.name}: {_problem(each['loc'], each['msg'])}" for each in error.errors())) from None
    return added(own, of=path.name)


def _read(path: Path) -> Any:
    """Raises: ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except OSError as error:
        raise ConfigError(f"GATEWAY_MAPPINGS_FILE: {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        kind = "TOML" if path.suffix.lower() == ".toml" else "JSON"
        raise ConfigError(f"GATEWAY_MAPPINGS_FILE: {path} is no {kind}: {error}") from None


def _problem(place: Sequence[int | str], message: str) -> str:
    """``fields 2, direction: …``; fields are counted from 1."""
    where = " ".join(str(each + 1) if isinstance(each, int) else each for each in place[:2])
    return ", ".join([where, *map(str, place[2:])]) + f": {message}"


def added(own: OwnFields, *, of: str) -> ReadOnly[Mapping, TableMapping]:
    """The shipped mappings with these fields behind their own.

    Raises:
        ConfigError: a field cannot be; ``of`` names the file.
    """
    mappings = dict(TABLE_MAPPINGS)
    problems: list[str] = []
    for number, page in enumerate(own.pages, start=1):
        mapping = mappings[page.mapping]
        if mapping.bc.source.api is not None:
            problems.append(f"{of}: pages {number}: {mapping.name} has a page already")
        source = replace(mapping.bc.source, api=page.api, name=page.entity_set)
        mappings[page.mapping] = replace(mapping, bc=replace(mapping.bc, source=source))
    for number, each in enumerate(own.fields, start=1):
        mapping, field = mappings[each.mapping], each.field()
        found = list(_problems(mapping, field))
        problems += [f"{of}: fields {number} ({field.name or 'without a name'}): {one}" for one in found]
        if not found:
            mappings[each.mapping] = replace(mapping, fields=(*mapping.fields, field))
    if problems:
        raise ConfigError(*problems)
    return mappings


def _problems(mapping: TableMapping, field: FieldMapping) -> Iterable[str]:
    """What is wrong with a field, in sentences."""
    if mapping.crm.source.choice is not None:
        yield f"{mapping.name} couples options of a choice, which have no further columns"
        return
    if mapping.field(field.name) is not None:
        yield f"{mapping.name} has a field of this name already; give it another one with name"
    if mapping.direction not in (Direction.BIDIRECTIONAL, field.direction):
        yield f"{mapping.name} goes {mapping.direction}, so direction has to be the same"
    yield from _problems_of_sides(mapping, field)
    yield from _problems_of_kind(field)
    if field.constant is not None:
        try:
            check_constant(field, has_rules=False)
        except InvalidInputError as error:
            yield error.message.rstrip(".")


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


def _problems_of_kind(field: FieldMapping) -> Iterable[str]:
    if (field.kind is Kind.LOOKUP) is not (field.lookup is not None):
        yield "kind LOOKUP and lookup belong together: lookup names the mapping whose couplings translate the field"
    if field.by_code and field.kind is not Kind.LOOKUP:
        yield "by_code is for look-ups"
    if field.clear_on_failed and field.kind is not Kind.LOOKUP:
        yield "clear_on_failed is for look-ups"
    if field.kind is Kind.LOOKUP and field.lookup is not None:
        is_option = TABLE_MAPPINGS[field.lookup].crm.source.choice is not None
        if not is_option and not (field.crm.startswith("_") and field.crm.endswith("_value")):
            yield "a look-up of CRM is read as _name_value, with the name of its column"
    for to, name in ((Backend.BUSINESS_CENTRAL, "business_central_length"), (Backend.DATAVERSE, "dataverse_length")):
        if field.kind in TEXTS and field.direction.goes_to(to) and field.room(to) is None:
            yield f"{name} is missing: how many characters {to.label} takes there"
