"""Which sets of Business Central and which tables of CRM are listened to, and what a change there is about. Pure."""

from collections.abc import Iterator
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, field
from uuid import UUID

from gateway.couplings.coupling import Mapping
from gateway.records import Backend
from gateway.runs.configured import Configured
from gateway.sync.mapping import TableMapping

Key = tuple[Mapping, UUID]
"""A mapping in a company: what a run is about."""


@dataclass(frozen=True, slots=True)
class Watch:
    """``sets`` of companies, and ``tables`` by logical name, each with what is synchronized from there.

    ``attributes`` are the columns whose changes count, by table.
    """

    sets: ReadOnly[tuple[UUID, str], tuple[Key, ...]] = field(default_factory=dict)
    tables: ReadOnly[str, tuple[Key, ...]] = field(default_factory=dict)
    attributes: ReadOnly[str, frozenset[str]] = field(default_factory=dict)

    def siblings(self, key: Key) -> list[Key]:
        """Everything that is synchronized from the same table of CRM, in any company; itself among it."""
        return next((list(keys) for keys in self.tables.values() if key in keys), [key])


def watch(configured: ReadOnly[UUID, ReadOnly[Mapping, Configured]]) -> Watch:
    """What synchronization pulls, by company.

    Options of a choice are no table, and only sets of the standard API have hooks here.
    """
    sets: dict[tuple[UUID, str], list[Key]] = {}
    tables: dict[str, list[Key]] = {}
    attributes: dict[str, set[str]] = {}
    for company, mapping in _each(configured):
        key = (mapping.mapping, company)
        if mapping.direction.goes_to(Backend.DATAVERSE) and _tells(mapping):
            sets.setdefault((company, mapping.bc.source.name), []).append(key)
        if mapping.direction.goes_to(Backend.BUSINESS_CENTRAL) and mapping.crm.source.choice is None:
            tables.setdefault(mapping.crm.page, []).append(key)
            attributes.setdefault(mapping.crm.page, set()).update(_attributes(mapping))
    return Watch(
        {name: tuple(keys) for name, keys in sets.items()},
        {name: tuple(keys) for name, keys in tables.items()},
        {name: frozenset(columns) for name, columns in attributes.items()},
    )


def _tells(mapping: TableMapping) -> bool:
    """Whether Business Central has hooks for its set: of the standard API, in a company, and nobody said that it has none."""
    source = mapping.bc.source
    return mapping.tells and source.api is None and source.in_company


def _each(configured: ReadOnly[UUID, ReadOnly[Mapping, Configured]]) -> Iterator[tuple[UUID, TableMapping]]:
    for company, mappings in configured.items():
        for each in mappings.values():
            if each.enabled:
                yield company, each.mapping


def _attributes(mapping: TableMapping) -> Iterator[str]:
    """Logical names of the columns that a run reads; every update writes the moment of its change, and none the key."""
    for column in mapping.columns(Backend.DATAVERSE) - {mapping.crm.source.key, mapping.crm.modified}:
        yield column.removeprefix("_").removesuffix("_value") if column.endswith("_value") else column
