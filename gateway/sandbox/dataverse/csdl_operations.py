"""Functions and actions in CSDL: what they take and what they answer.

Source: Dataverse, Web API Function Reference; Web API Action Reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement

from gateway.sandbox.dataverse.actions import CLOSINGS
from gateway.sandbox.model import EntitySet

_FUNCTIONS: Mapping[str, Mapping[str, str]] = {
    "WhoAmI": {},
    "RetrieveVersion": {},
    "RetrieveCurrentOrganization": {"AccessType": "mscrm.EndpointAccessType"},
    "RetrieveTotalRecordCount": {"EntityNames": "Collection(Edm.String)"},
}
_COMPLEX_TYPES: Mapping[str, Mapping[str, str]] = {
    "WhoAmIResponse": {"BusinessUnitId": "Edm.Guid", "UserId": "Edm.Guid", "OrganizationId": "Edm.Guid"},
    "RetrieveVersionResponse": {"Version": "Edm.String"},
    "RetrieveCurrentOrganizationResponse": {"Detail": "mscrm.OrganizationDetail"},
    "RetrieveTotalRecordCountResponse": {"EntityRecordCountCollection": "mscrm.EntityRecordCountCollection"},
    "CreateMultipleResponse": {"Ids": "Collection(Edm.Guid)"},
    "OrganizationDetail": {
        "OrganizationId": "Edm.Guid",
        "FriendlyName": "Edm.String",
        "OrganizationVersion": "Edm.String",
        "EnvironmentId": "Edm.String",
        "Geo": "Edm.String",
        "UniqueName": "Edm.String",
        "UrlName": "Edm.String",
        "State": "mscrm.OrganizationState",
        "Endpoints": "mscrm.EndpointCollection",
    },
    "EntityRecordCountCollection": {
        "Count": "Edm.Int32",
        "IsReadOnly": "Edm.Boolean",
        "Keys": "Collection(Edm.String)",
        "Values": "Collection(Edm.Int64)",
    },
    "EndpointCollection": {
        "Count": "Edm.Int32",
        "IsReadOnly": "Edm.Boolean",
        "Keys": "Collection(mscrm.EndpointType)",
        "Values": "Collection(Edm.String)",
    },
}
_ENUMERATIONS: Mapping[str, Sequence[str]] = {
    "EndpointAccessType": ("Default", "Internet", "Intranet"),
    "EndpointType": ("OrganizationService", "OrganizationDataService", "WebApplication"),
    "OrganizationState": ("Enabled", "Disabled"),
}
_BULK = {"CreateMultiple": "mscrm.CreateMultipleResponse", "UpdateMultiple": None, "UpsertMultiple": None}


def declare_operations(schema: Element, tables: Sequence[EntitySet], *, bulk: Sequence[EntitySet]) -> None:
    """Add the types and the operations to a schema; the tables in `bulk` have bulk messages."""
    _types(schema)
    for name, parameters in _FUNCTIONS.items():
        function = SubElement(schema, "Function", {"Name": name})
        _parameters(function, parameters)
        SubElement(function, "ReturnType", {"Type": f"mscrm.{name}Response", "Nullable": "false"})
    for entity_set in bulk:
        for name, answer in _BULK.items():
            action = _bound_action(schema, name, entity_set)
            _parameters(action, {"Targets": f"Collection(mscrm.{entity_set.entity})"})
            if answer:
                SubElement(action, "ReturnType", {"Type": answer, "Nullable": "false"})
    _closings(schema, {entity_set.name: entity_set for entity_set in tables})


def import_operations(container: Element) -> None:
    """Add the operations that are bound to nothing to a container."""
    for name in _FUNCTIONS:
        SubElement(container, "FunctionImport", {"Name": name, "Function": f"mscrm.{name}"})
    for name, closing in CLOSINGS.items():
        if not closing.bound:
            SubElement(container, "ActionImport", {"Name": name, "Action": f"mscrm.{name}"})


def _closings(schema: Element, tables: Mapping[str, EntitySet]) -> None:
    for name, closing in CLOSINGS.items():
        if closing.bound:
            action = _bound_action(schema, name, tables[closing.set_name])
        else:
            action = SubElement(schema, "Action", {"Name": name})
        _parameters(action, {closing.activity: "mscrm.crmbaseentity", "Status": "Edm.Int32"})


def _bound_action(schema: Element, name: str, entity_set: EntitySet) -> Element:
    action = SubElement(schema, "Action", {"Name": name, "IsBound": "true"})
    kind = f"Collection(mscrm.{entity_set.entity})"
    SubElement(action, "Parameter", {"Name": "entityset", "Type": kind, "Nullable": "false"})
    return action


def _parameters(operation: Element, parameters: Mapping[str, str]) -> None:
    for name, kind in parameters.items():
        SubElement(operation, "Parameter", {"Name": name, "Type": kind, "Nullable": "false"})


def _types(schema: Element) -> None:
    for name, members in _ENUMERATIONS.items():
        enumeration = SubElement(schema, "EnumType", {"Name": name})
        for value, member in enumerate(members):
            SubElement(enumeration, "Member", {"Name": member, "Value": str(value)})
    for name, properties in _COMPLEX_TYPES.items():
        kind = SubElement(schema, "ComplexType", {"Name": name})
        for member, member_type in properties.items():
            SubElement(kind, "Property", {"Name": member, "Type": member_type})
