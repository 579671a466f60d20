"""`$metadata`: the sets of one API as CSDL, namespace Microsoft.NAV.

Every set of a company is an entity set of the container and a contained navigation of the entity type `company`.

Source: Business Central, "API metadata"; OASIS, OData Common Schema Definition Language (CSDL) XML 4.01.
"""

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from gateway.sandbox.business_central import errors
from gateway.sandbox.business_central.exchange import Environment, Request, Response
from gateway.sandbox.model import EntitySet, Model, Property

NAMESPACE = "Microsoft.NAV"
_EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
_EDM = "http://docs.oasis-open.org/odata/ns/edm"


def metadata(environment: Environment, request: Request) -> Response:
    """Answer a GET of `$metadata`."""
    if request.method != "GET":
        raise errors.method_not_allowed()
    model = environment.store.model
    sets = [entity_set for entity_set in model.sets.values() if request.api.has(entity_set)]
    text = '<?xml version="1.0" encoding="utf-8"?>' + tostring(document(model, sets), encoding="unicode")
    return Response(200, text, {"Content-Type": "application/xml"})


def document(model: Model, sets: Sequence[EntitySet]) -> Element:
    """The whole document for some sets of a model."""
    root = Element("edmx:Edmx", {"Version": "4.0", "xmlns:edmx": _EDMX})
    schema = SubElement(
        SubElement(root, "edmx:DataServices"), "Schema", {"Namespace": NAMESPACE, "xmlns": _EDM, "Alias": "NAV"}
    )
    for entity_set in sets:
        schema.append(_entity_type(model, entity_set, sets))
    schema.extend(_enumerations(sets))
    for entity_set in sets:
        schema.extend(_actions(entity_set))
    schema.append(_container(sets))
    return root


def _entity_type(model: Model, entity_set: EntitySet, sets: Sequence[EntitySet]) -> Element:
    element = Element("EntityType", Name=_plain(entity_set.entity))
    key = SubElement(element, "Key")
    for name in _key(entity_set):
        SubElement(key, "PropertyRef", Name=name)
    for column in entity_set.visible.values():
        element.append(_property(column, key=column.name in _key(entity_set)))
    for navigation in entity_set.navigations.values():
        target = model.sets[navigation.target]
        if target in sets:
            contained = {"ContainsTarget": "true"} if target.extra.get("parent") and navigation.collection else {}
            kind = f"Collection({target.entity})" if navigation.collection else target.entity
            SubElement(element, "NavigationProperty", {"Name": navigation.name, "Type": kind, **contained})
    if entity_set.name == "companies":
        element.extend(_of_the_company(sets))
    return element


def _key(entity_set: EntitySet) -> Sequence[str]:
    """The key, or what stands for it when it is hidden."""
    if entity_set.key in entity_set.visible:
        return (entity_set.key,)
    order = entity_set.extra["order"]
    return [str(name) for name in order] if isinstance(order, list) else ()


def _property(column: Property, *, key: bool) -> Element:
    element = Element("Property", Name=column.name, Type=column.type)
    if key:
        element.set("Nullable", "false")
    if column.max_length is not None:
        element.set("MaxLength", str(column.max_length))
    if column.type == "Edm.Decimal":
        element.set("Scale", "Variable")
    return element


def _of_the_company(sets: Sequence[EntitySet]) -> Iterator[Element]:
    for entity_set in sets:
        if not entity_set.extra.get("root"):
            kind = f"Collection({entity_set.entity})"
            yield Element("NavigationProperty", Name=entity_set.public_name, Type=kind, ContainsTarget="true")


def _enumerations(sets: Sequence[EntitySet]) -> Iterator[Element]:
    found = {column.type: column for one in sets for column in one.visible.values() if column.options is not None}
    for kind, column in sorted(found.items()):
        element = Element("EnumType", Name=_plain(kind))
        for value, member in enumerate(column.options or {}):
            SubElement(element, "Member", Name=member, Value=str(value))
        yield element


def actions_of(entity_set: EntitySet) -> Sequence[str]:
    """The names of the actions bound to one row of a set, without the namespace."""
    named = entity_set.extra.get("actions", [])
    return [str(name) for name in named] if isinstance(named, list) else []


def _actions(entity_set: EntitySet) -> Iterator[Element]:
    for name in actions_of(entity_set):
        element = Element("Action", Name=name, IsBound="true")
        SubElement(element, "Parameter", Name="bindingParameter", Type=entity_set.entity)
        yield element


def _container(sets: Sequence[EntitySet]) -> Element:
    element = Element("EntityContainer", Name="NAV")
    for entity_set in sets:
        SubElement(element, "EntitySet", Name=entity_set.public_name, EntityType=entity_set.entity)
    return element


def _plain(name: str) -> str:
    return name.removeprefix(f"{NAMESPACE}.")
