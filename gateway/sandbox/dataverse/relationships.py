"""Relationships of tables, as metadata shows them: where lookup columns lead, built from the model.

    ManyToOneRelationships?$select=ReferencingEntityNavigationPropertyName&$filter=ReferencingAttribute eq 'primarycontactid'

A lookup of two kinds has a relationship for each; an owner has one, with the table `owner` that users and teams share.

Source: Dataverse, Web API Metadata EntityType Reference (OneToManyRelationshipMetadata); Query table definitions using the
Web API.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.sandbox.dataverse.definitions import Document, logical_name
from gateway.sandbox.dataverse.labels import metadata_id
from gateway.sandbox.dataverse.naming import lookup_targets, navigation_name, set_of
from gateway.sandbox.model import EntitySet, Model, Property

_OWNER = "ownerid"


def many_to_one(model: Model, entity_set: EntitySet) -> list[Document]:
    """A OneToManyRelationshipMetadata for each table that a lookup of this one leads to, if it has an address."""
    return [document for column in entity_set.visible.values() for document in _leading(model, entity_set, column)]


def one_to_many(model: Model, entity_set: EntitySet) -> list[Document]:
    """The same relationships seen from their other end."""
    tables = (table for table in model.sets.values() if not table.internal)
    found = (document for table in tables for document in many_to_one(model, table))
    return [document for document in found if document["ReferencedEntity"] == entity_set.entity]


def _leading(model: Model, entity_set: EntitySet, column: Property) -> Iterator[Document]:
    targets = lookup_targets(entity_set, column.name)
    if targets and logical_name(column.name) == _OWNER:
        yield _relationship(entity_set, _OWNER, navigation=_OWNER, referenced="owner", key=_OWNER, back=None)
        return
    for target in filter(None, (set_of(model, name) for name in targets)):
        yield _relationship(
            entity_set,
            logical_name(column.name),
            navigation=navigation_name(model, entity_set, column.name, target=target.entity),
            referenced=target.entity,
            key=target.key,
            back=_back(entity_set, column, target),
        )


def _back(entity_set: EntitySet, column: Property, target: EntitySet) -> str | None:
    """The collection that leads from a row to those that refer to it by a column."""
    for navigation in target.navigations.values():
        leads = (navigation.target, navigation.target_property) == (entity_set.name, column.name)
        if leads and navigation.collection and navigation.through is None:
            return navigation.name
    return None


def _relationship(
    entity_set: EntitySet, attribute: str, *, navigation: str, referenced: str, key: str, back: str | None
) -> Document:
    """`back` is None where the model has no collection; the name of the relationship is that of the collection."""
    name = back or f"{referenced}_{entity_set.entity}_{attribute}"
    return {
        "MetadataId": metadata_id("relationship", name),
        "SchemaName": name,
        "RelationshipType": "OneToManyRelationship",
        "IsCustomRelationship": "_" in entity_set.entity or "_" in attribute,
        "IsManaged": True,
        "ReferencedAttribute": key,
        "ReferencedEntity": referenced,
        "ReferencedEntityNavigationPropertyName": back,
        "ReferencingAttribute": attribute,
        "ReferencingEntity": entity_set.entity,
        "ReferencingEntityNavigationPropertyName": navigation,
    }
