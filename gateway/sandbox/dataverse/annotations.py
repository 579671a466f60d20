"""Annotations of rows, given only when asked for: formatted values, and where a lookup leads.

A lookup column holds an identifier and nothing else; which table it points to, and the name of that row, are found in
the tables it may point to, for a whole page of rows at once. An annotation precedes its property.

Source: Dataverse, Compose HTTP requests and handle errors (Prefer: odata.include-annotations).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.sandbox.dataverse.formatting import Currency, formatted
from gateway.sandbox.dataverse.naming import lookup_targets, navigation_name, set_of
from gateway.sandbox.dataverse.preferences import Preferences
from gateway.sandbox.expression import Comparison, In, Literal, Path
from gateway.sandbox.model import EntitySet, Model, Property
from gateway.sandbox.store import Row, Store

FORMATTED = "OData.Community.Display.V1.FormattedValue"
LOOKUP = "Microsoft.Dynamics.CRM.lookuplogicalname"
NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"
CURRENCIES = "transactioncurrencies"
CURRENCY = "_transactioncurrencyid_value"


@dataclass(frozen=True)
class Annotator:
    """Annotates rows of one page: knows the names behind their lookups and their currencies."""

    model: Model
    entity_set: EntitySet
    wanted: frozenset[str]
    names: Mapping[str, Mapping[object, str]]
    currencies: Mapping[object, Currency]
    base_currency: Currency

    def annotate(self, row: Row, column: Property) -> Iterator[tuple[str, object]]:
        """The annotations of one property, by their full names; none for null."""
        value = row[column.name]
        if value is None or not self.wanted:
            return
        targets = lookup_targets(self.entity_set, column.name)
        facts = self._lookup(column, value, targets) if targets else self._plain(row, column, value)
        for name, fact in facts:
            if fact is not None and name in self.wanted:
                yield f"{column.name}@{name}", fact

    def _plain(self, row: Row, column: Property, value: object) -> Iterator[tuple[str, object]]:
        if column.name.endswith("_base"):
            currency = self.base_currency
        else:
            currency = self.currencies.get(row.values.get(CURRENCY), self.base_currency)
        yield FORMATTED, formatted(column, value, currency=currency)

    def _lookup(self, column: Property, value: object, targets: Sequence[str]) -> Iterator[tuple[str, object]]:
        target = next((name for name in targets if value in self.names.get(name, {})), targets[0])
        yield FORMATTED, self.names.get(target, {}).get(value)
        yield NAVIGATION, navigation_name(self.model, self.entity_set, column.name, target=target)
        yield LOOKUP, target


def annotator(
    store: Store,
    entity_set: EntitySet,
    preferences: Preferences,
    *,
    rows: Sequence[Row],
    columns: Sequence[Property],
) -> Annotator:
    """An annotator for these rows, with one query for each table their lookups may point to."""
    wanted = frozenset(name for name in (FORMATTED, LOOKUP, NAVIGATION) if preferences.wants(name))
    names = _names(store, entity_set, rows, columns) if wanted else {}
    money = FORMATTED in wanted and any("money" in column.extra for column in columns)
    currencies, base = _currencies(store) if money else ({}, Currency())
    return Annotator(store.model, entity_set, wanted, names, currencies, base)


def _names(
    store: Store, entity_set: EntitySet, rows: Sequence[Row], columns: Iterable[Property]
) -> dict[str, dict[object, str]]:
    wanted: dict[str, set[object]] = {}
    for column in columns:
        for target in lookup_targets(entity_set, column.name):
            wanted.setdefault(target, set()).update(row[column.name] for row in rows)
    found = {}
    for target, keys in wanted.items():
        target_set = set_of(store.model, target)
        if target_set is not None and keys - {None}:
            found[target] = _names_in(store, target_set, keys - {None})
    return found


def _names_in(store: Store, target: EntitySet, keys: Iterable[object]) -> dict[object, str]:
    literals = tuple(Literal(str(key), "Edm.Guid") for key in keys)
    name = str(target.extra["name"])
    rows = store.select(target.name, where=In(Path((target.key,)), literals))
    return {row[target.key]: str(row[name]) if row[name] is not None else "" for row in rows}


def _currencies(store: Store) -> tuple[dict[object, Currency], Currency]:
    currencies = {row["transactioncurrencyid"]: _currency(row) for row in store.select(CURRENCIES)}
    base = base_currency(store)
    return currencies, _currency(base) if base else Currency()


def base_currency(store: Store) -> Row | None:
    """The currency of the organization: the one whose exchange rate is 1."""
    is_base = Comparison("eq", Path(("exchangerate",)), Literal(1, "Edm.Int64"))
    return next(iter(store.select(CURRENCIES, where=is_base, limit=1)), None)


def _currency(row: Row) -> Currency:
    precision = row["currencyprecision"]
    return Currency(str(row["currencysymbol"] or ""), precision if isinstance(precision, int) else 2)
