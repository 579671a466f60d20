"""What an installation has besides the shipped mappings, from a file: TOML or JSON.

``tables`` are mappings of its own, see ``gateway.runs.own_tables``. ``pages`` and ``fields`` belong to mappings that are there,
see ``gateway.runs.own_fields``. Each of ``fields``::

    [[fields]]
    mapping = "CUSTOMER"
    label = "VAT Registration No."
    business_central = "taxRegistrationNumber"
    dataverse = "new_vatnumber"
    business_central_length = 50
    dataverse_length = 50
"""

import json
import tomllib
from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway.couplings.coupling import Mapping
from gateway.errors import ConfigError
from gateway.runs.own_fields import OwnField, OwnPage, Said, problems_of, with_page
from gateway.runs.own_tables import OwnTable, behind, completed, in_order
from gateway.runs.policy import Policy
from gateway.sync.mapping import Direction, FieldMapping, TableMapping
from gateway.sync.mappings import TABLE_MAPPINGS, TableMappings


class OwnMappings(Said):
    """The file."""

    tables: tuple[OwnTable, ...] = ()
    pages: tuple[OwnPage, ...] = ()
    fields: tuple[OwnField, ...] = ()


@dataclass(frozen=True, slots=True)
class Installed:
    """All mappings of an installation, and how conflicts of its own ones are resolved as long as nobody changes that."""

    tables: TableMappings = field(default_factory=lambda: TABLE_MAPPINGS)
    policies: ReadOnly[Mapping, Policy] = field(default_factory=dict)


def installed(path: Path | None) -> Installed:
    """The shipped mappings, with what the file says; without a file as they are.

    Raises:
        ConfigError: the file cannot be read, or something of it cannot be: a sentence for each mistake, with its place.
    """
    if path is None:
        return Installed()
    try:
        own = OwnMappings.model_validate(_read(path))
    except ValidationError as error:
        raise ConfigError(*(f"{path.name}: {_problem(each['loc'], each['msg'])}" for each in error.errors())) from None
    problems: list[str] = []
    tables = _with_tables(own.tables, problems)
    _add_pages(own.pages, tables, problems)
    _add_fields(own.fields, tables, problems)
    if problems:
        raise ConfigError(*(f"{path.name}: {each}" for each in problems))
    tables = TableMappings((each.mapping, each) for each in in_order(tables.values()))
    return Installed(tables, {each.place: each.policy for each in own.tables})


def mappings_with(path: Path | None) -> TableMappings:
    """The mappings alone. Raises: ConfigError."""
    return installed(path).tables


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
    inner = (str(each + 1) if isinstance(each, int) else each for each in place[2:])
    return ", ".join([where, *inner]) + f": {message}"


def _with_tables(own: Sequence[OwnTable], problems: list[str]) -> TableMappings:
    """Behind the shipped ones."""
    tables = TableMappings(TABLE_MAPPINGS)
    numbers: dict[Mapping, int] = {}
    for number, each in enumerate(own, start=1):
        if numbers.setdefault(each.place, number) != number:
            problems.append(f"tables {number} ({each.place}): place: tables {numbers[each.place]} fills it already")
    once = [each for number, each in enumerate(own, start=1) if numbers[each.place] == number]
    tables.update({each.place: each.bare() for each in once if each.place.is_own})
    for each in once:
        found: list[str] = []
        mapping = completed(each, tables, found)
        problems += [f"tables {numbers[each.place]} ({each.place}): {one}" for one in found]
        if each.place.is_own:
            tables[each.place] = mapping
    return tables


def _add_pages(own: Sequence[OwnPage], tables: TableMappings, problems: list[str]) -> None:
    for number, page in enumerate(own, start=1):
        mapping = tables.get(page.mapping)
        if mapping is None or mapping.mapping.is_own:
            problems.append(f"pages {number}: {page.mapping} is no shipped mapping; give its table an api instead")
        elif mapping.bc.source.api is not None:
            problems.append(f"pages {number}: {mapping.name} has a page already")
        else:
            tables[page.mapping] = with_page(mapping, page)


def _add_fields(own: Sequence[OwnField], tables: TableMappings, problems: list[str]) -> None:
    for number, each in enumerate(own, start=1):
        mapping, of = tables.get(each.mapping), each.field(Direction.BIDIRECTIONAL)
        name = of.name or "without a name"
        if mapping is None:
            problems.append(f"fields {number} ({name}): mapping: {each.mapping} is a place that the file does not fill")
            continue
        found = list(problems_of(mapping, of, tables))
        problems += [f"fields {number} ({name}): {one}" for one in found]
        if not found:
            tables[each.mapping] = _with_field(mapping, of, tables)


def _with_field(mapping: TableMapping, field: FieldMapping, tables: TableMappings) -> TableMapping:
    """What it refers to comes first, as long as that does not refer back."""
    wider = replace(mapping, fields=(*mapping.fields, field))
    through = field.lookup
    if through is None or not through.is_own or through in (mapping.mapping, *mapping.depends_on):
        return wider
    if mapping.mapping in behind(through, tables):
        return wider
    return replace(wider, depends_on=(*mapping.depends_on, through))
