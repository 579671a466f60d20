"""Definitions of tables, columns and alternate keys, as metadata shows them: built from the model.

A lookup column is called `primarycontactid` here and `_primarycontactid_value` in rows.

Source: Dataverse, Query table definitions using the Web API; Web API Metadata EntityType Reference (EntityMetadata,
AttributeMetadata, EntityKeyMetadata, OptionSetMetadata).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from gateway.sandbox.dataverse.address import alternate_keys
from gateway.sandbox.dataverse.labels import label, metadata_id, names_of
from gateway.sandbox.dataverse.naming import lookup_targets
from gateway.sandbox.dataverse.privileges import type_code
from gateway.sandbox.dataverse.tracking import is_tracked
from gateway.sandbox.model import EntitySet, Property

Document = dict[str, object]

_OWNERSHIP = {"user": "UserOwned", "business": "BusinessOwned", "parent": "None"}
_TYPES = {
    "Edm.String": "String",
    "Edm.Guid": "Uniqueidentifier",
    "Edm.Boolean": "Boolean",
    "Edm.Int32": "Integer",
    "Edm.Int64": "BigInt",
    "Edm.Decimal": "Decimal",
    "Edm.Double": "Double",
    "Edm.Date": "DateTime",
    "Edm.DateTimeOffset": "DateTime",
}
_CHOICES = {"statecode": "State", "statuscode": "Status"}
_LOOKUPS = {"ownerid": "Owner", "customerid": "Customer", "parentcustomerid": "Customer"}
_SHORTEST_MEMO = 1000
_PUBLISHERS = frozenset({"bcbi", "nav"})
"""What names of columns start with that came with a solution."""


def table(entity_set: EntitySet) -> Document:
    """An EntityMetadata, without what has to be expanded."""
    names, entity = names_of(entity_set), entity_set.entity
    custom = "_" in entity
    return {
        "MetadataId": metadata_id(entity),
        "LogicalName": entity,
        "SchemaName": names.schema,
        "LogicalCollectionName": entity_set.name,
        "EntitySetName": entity_set.name,
        "CollectionSchemaName": names.plural.replace(" ", ""),
        "ObjectTypeCode": type_code(entity),
        "PrimaryIdAttribute": entity_set.key,
        "PrimaryNameAttribute": entity_set.extra.get("name"),
        "OwnershipType": _OWNERSHIP.get(str(entity_set.extra.get("ownership")), "OrganizationOwned"),
        "ChangeTrackingEnabled": is_tracked(entity_set),
        "IsOptimisticConcurrencyEnabled": True,
        "IsCustomEntity": custom,
        "IsManaged": True,
        "IsActivity": False,
        "IsIntersect": False,
        "TableType": "Standard",
        "DisplayName": label(names.label, entity),
        "DisplayCollectionName": label(names.plural, entity, "plural"),
        "Description": label(None),
    }


def columns(entity_set: EntitySet) -> list[Document]:
    """An AttributeMetadata of its own type for each column, without option sets."""
    return [_Column(entity_set, column).document() for column in entity_set.visible.values()]


def keys(entity_set: EntitySet) -> list[Document]:
    """An EntityKeyMetadata for each alternate key."""
    return [_key(entity_set, [logical_name(column) for column in key]) for key in alternate_keys(entity_set)]


def option_set(entity_set: EntitySet, name: str) -> Document | None:
    """The OptionSetMetadata or BooleanOptionSetMetadata of a column by its logical name, None when it has no options."""
    column = entity_set.visible.get(name)
    if column is None or column.options is None:
        return None
    return _Column(entity_set, column).options(column.options)


def logical_name(column: str) -> str:
    """The name of a column in metadata, from its name in rows."""
    is_lookup = column.startswith("_") and column.endswith("_value")
    return column[1:].removesuffix("_value") if is_lookup else column


def _key(entity_set: EntitySet, attributes: list[str]) -> Document:
    name = f"{entity_set.entity}_{'_'.join(attributes)}"
    return {
        "MetadataId": metadata_id(entity_set.entity, "key", name),
        "LogicalName": name,
        "SchemaName": name,
        "EntityLogicalName": entity_set.entity,
        "KeyAttributes": attributes,
        "EntityKeyIndexStatus": "Active",
        "IsManaged": True,
        "DisplayName": label(name, entity_set.entity, "key", name),
    }


@dataclass(frozen=True, slots=True)
class _Column:
    """One column on its way into metadata."""

    entity_set: EntitySet
    column: Property

    @property
    def name(self) -> str:
        return logical_name(self.column.name)

    @property
    def kind(self) -> str:
        """The AttributeType."""
        column = self.column
        if "lookup" in column.extra:
            return _LOOKUPS.get(self.name, "Lookup")
        if column.name in _CHOICES:
            return _CHOICES[column.name]
        if column.type == "Edm.Int32" and column.options is not None:
            return "Picklist"
        if column.type == "Edm.String" and (column.max_length or 0) >= _SHORTEST_MEMO:
            return "Memo"
        return "Money" if "money" in column.extra else _TYPES.get(column.type, "Virtual")

    def document(self) -> Document:
        column, kind = self.column, self.kind
        is_key = column.name == self.entity_set.key
        required = "SystemRequired" if is_key or "required" in column.extra else "None"
        names = names_of(self.entity_set)
        return {
            "@odata.type": f"#Microsoft.Dynamics.CRM.{metadata_type(kind)}",
            "MetadataId": metadata_id(self.entity_set.entity, self.name),
            "LogicalName": self.name,
            "SchemaName": self.name,
            "EntityLogicalName": self.entity_set.entity,
            "AttributeType": kind,
            "AttributeTypeName": {"Value": f"{kind}Type"},
            "IsPrimaryId": is_key,
            "IsPrimaryName": column.name == self.entity_set.extra.get("name"),
            "IsCustomAttribute": self.name.partition("_")[0] in _PUBLISHERS,
            "IsValidForCreate": not column.read_only or "lookup" in column.extra,
            "IsValidForUpdate": not column.read_only and "createOnly" not in column.extra and not is_key,
            "IsValidForRead": True,
            "RequiredLevel": _managed(required, "canmodifyrequirementlevelsettings"),
            "DisplayName": label(names.column(column.name), self.entity_set.entity, self.name),
            **(_DETAILS[kind](self) if kind in _DETAILS else {}),
        }

    def options(self, options: Mapping[str, str]) -> Document:
        name = f"{self.entity_set.entity}_{self.name}"
        head = {
            "MetadataId": metadata_id("options", name),
            "Name": name,
            "IsGlobal": False,
            "IsCustomOptionSet": False,
            "OptionSetType": self.kind,
        }
        if self.kind == "Boolean":
            return {
                **head,
                "TrueOption": self._option(1, options.get("true", "Yes")),
                "FalseOption": self._option(0, options.get("false", "No")),
            }
        return {**head, "Options": [self._option(int(value), text) for value, text in options.items()]}

    def _option(self, value: int, text: str) -> Document:
        option: Document = {"Value": value, "Color": None, "IsManaged": True}
        states = self.column.extra.get("stateOf")
        if self.kind == "Status" and isinstance(states, dict):
            kind = {"@odata.type": "#Microsoft.Dynamics.CRM.StatusOptionMetadata"}
            option = {**kind, **option, "State": states.get(str(value))}
        return {**option, "Label": label(text, self.entity_set.entity, self.name, str(value))}

    def limits(self) -> tuple[object, object]:
        given = self.column.extra.get("range")
        return (given[0], given[1]) if isinstance(given, list) else (None, None)


def metadata_type(kind: str) -> str:
    """The type of a column's definition: `PicklistAttributeMetadata`."""
    if kind in ("Customer", "Owner"):
        kind = "Lookup"
    named = {"Uniqueidentifier": "UniqueIdentifier", "Virtual": ""}.get(kind, kind)
    return f"{named}AttributeMetadata"


def _managed(value: str, name: str) -> Document:
    return {"Value": value, "CanBeChanged": False, "ManagedPropertyLogicalName": name}


def _bounds(column: _Column) -> Document:
    lowest, highest = column.limits()
    return {"MinValue": lowest, "MaxValue": highest}


def _date(column: _Column) -> Document:
    day = column.column.type == "Edm.Date"
    only = day or "dateOnly" in column.column.extra
    return {
        "Format": "DateOnly" if only else "DateAndTime",
        "DateTimeBehavior": {"Value": "DateOnly" if day else "UserLocal"},
    }


def _targets(column: _Column) -> Document:
    return {"Targets": list(lookup_targets(column.entity_set, column.column.name))}


_DETAILS: Mapping[str, Callable[[_Column], Document]] = {
    **dict.fromkeys(("String", "Memo"), lambda column: {"MaxLength": column.column.max_length}),
    **dict.fromkeys(("Integer", "Decimal", "Double", "Money"), _bounds),
    **dict.fromkeys(("Lookup", "Customer", "Owner"), _targets),
    "DateTime": _date,
}


def tables(entity_sets: Iterable[EntitySet]) -> list[tuple[EntitySet, Document]]:
    """Every table that has an address, with its definition."""
    return [(entity_set, table(entity_set)) for entity_set in entity_sets if not entity_set.internal]
