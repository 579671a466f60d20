"""Names of the model: which set an entity lives in, where a lookup may point, how a lookup is navigated.

Source: Dataverse, Use lookup properties; Web API Navigation properties.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.sandbox.model import EntitySet, Model, Navigation, Property


def set_of(model: Model, entity: str) -> EntitySet | None:
    """The set of an entity by its logical name, or None when this service does not have it."""
    return next((entity_set for entity_set in model.sets.values() if entity_set.entity == entity), None)


def target_sets(model: Model, navigation: Navigation) -> tuple[EntitySet, ...]:
    """The sets a navigation leads to: one, or for an owner both kinds of principal."""
    names = navigation.extra.get("targets")
    listed = names if isinstance(names, list) else [navigation.target]
    return tuple(model.sets[str(name)] for name in listed)


def lookup_targets(entity_set: EntitySet, column: str) -> tuple[str, ...]:
    """The logical names of the tables a lookup column may point to; empty when it is no lookup."""
    targets = entity_set.properties[column].extra.get("lookup")
    return tuple(str(target) for target in targets) if isinstance(targets, list) else ()


def navigation_name(model: Model, entity_set: EntitySet, column: str, *, target: str) -> str:
    """The single navigation through which a lookup column leads to `target`."""
    for navigation in entity_set.navigations.values():
        leads = navigation.source_property == column and not navigation.collection
        if leads and target in (candidate.entity for candidate in target_sets(model, navigation)):
            return navigation.name
    return column.removeprefix("_").removesuffix("_value")


def leading_to(navigation: Navigation, target: EntitySet) -> Navigation:
    """A navigation with several targets, narrowed to one of them."""
    if navigation.target == target.name:
        return navigation
    return replace(navigation, target=target.name, target_property=target.key)


def column_at(model: Model, entity_set: EntitySet, path: Sequence[str]) -> Property | None:
    """The column a path of single navigations ends in, or None when it leads nowhere."""
    for name in path[:-1]:
        navigation = entity_set.navigations.get(name)
        if navigation is None:
            return None
        entity_set = model.sets[navigation.target]
    return entity_set.properties.get(path[-1])
