"""`$metadata`: the model as CSDL; with `?annotations=true`, or annotations preferred, also which tables track changes.

Every type descends from `crmbaseentity`, users and teams by way of `principal`, whose key is `ownerid`.

Source: Dataverse, Web API types and operations; OASIS, OData CSDL XML Representation 4.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from gateway.sandbox.dataverse.address import alternate_keys
from gateway.sandbox.dataverse.csdl_operations import declare_operations, import_operations
from gateway.sandbox.dataverse.message_catalogue import raises_messages
from gateway.sandbox.dataverse.naming import target_sets
from gateway.sandbox.dataverse.operation import Answer, Operation
from gateway.sandbox.dataverse.options import query_pairs
from gateway.sandbox.dataverse.tracking import is_tracked
from gateway.sandbox.model import EntitySet, Model, Navigation, Property

_EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
_EDM = "http://docs.oasis-open.org/odata/ns/edm"
_NAMESPACE = "Microsoft.Dynamics.CRM"
_XML = "application/xml"
_TRACKING = "Org.OData.Capabilities.V1.ChangeTracking"
_KEYS = "OData.Community.Keys.V1"


def service_metadata(operation: Operation) -> Answer | None:
    """The answer when a GET is for `$metadata`, else None. Raises: DataverseError."""
    if operation.request.path != "$metadata":
        return None
    asked = dict(query_pairs(operation.request.query)).get("annotations") == "true"
    annotated = asked or operation.preferences.wants(_TRACKING)
    return Answer(200, csdl(operation.model, annotated=annotated), {"Content-Type": _XML})


def csdl(model: Model, *, annotated: bool) -> str:
    """The document as text."""
    root = Element("edmx:Edmx", {"Version": "4.0", "xmlns:edmx": _EDMX})
    if annotated:
        reference = SubElement(root, "edmx:Reference", {"Uri": f"{_EDMX}/Org.OData.Capabilities.V1.xml"})
        SubElement(reference, "edmx:Include", {"Namespace": "Org.OData.Capabilities.V1"})
    services = SubElement(root, "edmx:DataServices")
    schema = SubElement(services, "Schema", {"Namespace": _NAMESPACE, "Alias": "mscrm", "xmlns": _EDM})
    tables = [entity_set for entity_set in model.sets.values() if not entity_set.internal]
    _base_types(schema)
    for entity_set in tables:
        _entity_type(schema, model, entity_set)
    declare_operations(schema, tables, bulk=[table for table in tables if raises_messages(model, table.name)])
    container = SubElement(schema, "EntityContainer", {"Name": "System"})
    for entity_set in tables:
        _container_set(container, model, entity_set)
    import_operations(container)
    if annotated:
        for entity_set in tables:
            _annotation(schema, entity_set)
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode")


def _base_types(schema: Element) -> None:
    SubElement(schema, "EntityType", {"Name": "crmbaseentity", "Abstract": "true"})
    principal = {"Name": "principal", "BaseType": "mscrm.crmbaseentity", "Abstract": "true"}
    kind = SubElement(schema, "EntityType", principal)
    SubElement(SubElement(kind, "Key"), "PropertyRef", {"Name": "ownerid"})
    SubElement(kind, "Property", {"Name": "ownerid", "Type": "Edm.Guid", "Nullable": "false"})


def _entity_type(schema: Element, model: Model, entity_set: EntitySet) -> None:
    is_principal = bool(entity_set.extra.get("principal"))
    base = "mscrm.principal" if is_principal else "mscrm.crmbaseentity"
    kind = SubElement(schema, "EntityType", {"Name": entity_set.entity, "BaseType": base})
    if not is_principal:
        SubElement(SubElement(kind, "Key"), "PropertyRef", {"Name": entity_set.key})
    for column in entity_set.visible.values():
        if not (is_principal and column.name == "ownerid"):
            SubElement(kind, "Property", _property(column, is_key=column.name == entity_set.key))
    for navigation in _navigations(model, entity_set):
        _navigation(kind, model, entity_set, navigation)
    if keys := alternate_keys(entity_set):
        _alternate_keys(kind, keys)


def _property(column: Property, *, is_key: bool) -> dict[str, str]:
    facets = {"Name": column.name, "Type": column.type}
    if is_key:
        facets["Nullable"] = "false"
    if column.type == "Edm.String":
        facets |= {"Unicode": "false"} | ({"MaxLength": str(column.max_length)} if column.max_length else {})
    if column.type == "Edm.Decimal":
        facets["Scale"] = "Variable"
    return facets


def _navigations(model: Model, entity_set: EntitySet) -> Iterator[Navigation]:
    """Those that lead to a table with an address, by name."""
    for navigation in entity_set.navigations.values():
        if not model.sets[navigation.target].internal:
            yield navigation


def _navigation(kind: Element, model: Model, entity_set: EntitySet, navigation: Navigation) -> None:
    targets = target_sets(model, navigation)
    target = "principal" if len(targets) > 1 else targets[0].entity
    named = f"Collection(mscrm.{target})" if navigation.collection else f"mscrm.{target}"
    attributes = {"Name": navigation.name, "Type": named}
    partner = _partner(model, entity_set, navigation)
    element = SubElement(kind, "NavigationProperty", attributes | ({"Partner": partner} if partner else {}))
    if not navigation.collection:
        principal = len(targets) > 1 or targets[0].extra.get("principal")
        referenced = "ownerid" if principal else targets[0].key
        constraint = {"Property": navigation.source_property, "ReferencedProperty": referenced}
        SubElement(element, "ReferentialConstraint", constraint)


def _partner(model: Model, entity_set: EntitySet, navigation: Navigation) -> str | None:
    """The navigation that leads back over the same columns."""
    for back in model.sets[navigation.target].navigations.values():
        ends = (back.target, back.source_property, back.target_property, back.collection)
        here = (entity_set.name, navigation.target_property, navigation.source_property, not navigation.collection)
        if ends == here and back.through == navigation.through:
            return back.name
    return None


def _alternate_keys(kind: Element, keys: list[list[str]]) -> None:
    annotation = SubElement(kind, "Annotation", {"Term": f"{_KEYS}.AlternateKeys"})
    collection = SubElement(annotation, "Collection")
    for columns in keys:
        key = SubElement(collection, "Record", {"Type": f"{_KEYS}.AlternateKey"})
        parts = SubElement(SubElement(key, "PropertyValue", {"Property": "Key"}), "Collection")
        for column in columns:
            part = SubElement(parts, "Record", {"Type": f"{_KEYS}.PropertyRef"})
            SubElement(part, "PropertyValue", {"Property": "Alias", "String": column})
            SubElement(part, "PropertyValue", {"Property": "Name", "PropertyPath": column})


def _container_set(container: Element, model: Model, entity_set: EntitySet) -> None:
    kind = {"Name": entity_set.name, "EntityType": f"mscrm.{entity_set.entity}"}
    element = SubElement(container, "EntitySet", kind)
    for navigation in _navigations(model, entity_set):
        targets = target_sets(model, navigation)
        if len(targets) == 1:
            binding = {"Path": navigation.name, "Target": targets[0].name}
            SubElement(element, "NavigationPropertyBinding", binding)


def _annotation(schema: Element, entity_set: EntitySet) -> None:
    annotations = SubElement(schema, "Annotations", {"Target": f"mscrm.System/{entity_set.name}"})
    record = SubElement(SubElement(annotations, "Annotation", {"Term": _TRACKING}), "Record")
    supported = {"Property": "Supported", "Bool": "true" if is_tracked(entity_set) else "false"}
    SubElement(record, "PropertyValue", supported)
