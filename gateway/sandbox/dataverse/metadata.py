"""`EntityDefinitions`: questions about tables, their columns, their keys and the relationships between them.

    EntityDefinitions?$select=LogicalName,EntitySetName&$filter=LogicalName eq 'account'&$expand=Keys($select=KeyAttributes)
    EntityDefinitions(LogicalName='account')/Attributes?$select=LogicalName
    EntityDefinitions(LogicalName='account')/ManyToOneRelationships?$filter=ReferencingAttribute eq 'primarycontactid'
    EntityDefinitions(LogicalName='account')/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$expand=OptionSet

Source: Dataverse, Query table definitions using the Web API.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from gateway.sandbox.dataverse.address import GUID
from gateway.sandbox.dataverse.definitions import Document, columns, keys, option_set, tables
from gateway.sandbox.dataverse.errors import ROW_NOT_FOUND, DataverseError, unknown_entity, unknown_segment
from gateway.sandbox.dataverse.metadata_query import Question, matches, read_question, shown
from gateway.sandbox.dataverse.operation import Answer, Operation
from gateway.sandbox.dataverse.relationships import many_to_one, one_to_many
from gateway.sandbox.expression import split
from gateway.sandbox.model import EntitySet, Model

_SET = "EntityDefinitions"
_CAST = "Microsoft.Dynamics.CRM."
_SEGMENT = re.compile(r"([\w.]+)(?:\((.*)\))?")
_NAMED = re.compile(r"(?:LogicalName|SchemaName)\s*=\s*'([^']*)'")
_COLLECTIONS: Mapping[str, Callable[[Model, EntitySet], list[Document]]] = {
    "Attributes": lambda _, entity_set: columns(entity_set),
    "Keys": lambda _, entity_set: keys(entity_set),
    "ManyToOneRelationships": many_to_one,
    "OneToManyRelationships": one_to_many,
}


def definitions(operation: Operation) -> Answer | None:
    """The answer when a GET leads to metadata of tables, else None. Raises: DataverseError, ExpressionError."""
    first, *rest = split(operation.request.path, "/")
    name, key = _segment(first)
    if name != _SET:
        return None
    found = tables(operation.model.sets.values())
    if key is None:
        if rest:
            raise unknown_segment(rest[0])
        question = read_question(operation, _COLLECTIONS)
        listed = [
            _table(operation.model, entity_set, row, question=question)
            for entity_set, row in found
            if matches(question, row)
        ]
        return _list(operation, _SET, listed, question)
    entity_set, row = _table_with(key, found)
    if rest:
        return _member(operation, entity_set, rest)
    question = read_question(operation, _COLLECTIONS)
    return _one(operation, _SET, _table(operation.model, entity_set, row, question=question), question)


def _table(model: Model, entity_set: EntitySet, row: Document, *, question: Question) -> Document:
    document = shown(row, question)
    for name, inner in question.expand.items():
        found = _COLLECTIONS[name](model, entity_set)
        document[name] = [shown(item, inner) for item in found if matches(inner, item)]
    return document


def _member(operation: Operation, entity_set: EntitySet, rest: Sequence[str]) -> Answer:
    """`/Attributes`, `/Keys` and the relationships: all, one of them, or those columns that are of one type."""
    name, key = _segment(rest[0])
    cast = rest[1].removeprefix(_CAST) if len(rest) == 2 and rest[1].startswith(_CAST) else ""
    if name not in _COLLECTIONS or len(rest) > 1 + bool(cast):
        raise unknown_segment(rest[-1])
    found = _COLLECTIONS[name](operation.model, entity_set)
    if cast:
        found = [item for item in found if str(item.get("@odata.type")).endswith(f".{cast}")]
    expandable = ("OptionSet", "GlobalOptionSet") if _has_options(cast) else ()
    question = read_question(operation, expandable)
    context = f"{_SET}('{entity_set.entity}')/{name}{f'/{_CAST}{cast}' if cast else ''}"
    if key is None:
        listed = [_part(entity_set, item, question) for item in found if matches(question, item)]
        return _list(operation, context, listed, question)
    for item in found:
        if _is(item, key):
            return _one(operation, context, _part(entity_set, item, question), question)
    raise _unknown_part(entity_set, key)


def _unknown_part(entity_set: EntitySet, key: str) -> DataverseError:
    named = _NAMED.fullmatch(key)
    message = f"Could not find '{named[1] if named else key}' in the table '{entity_set.entity}'."
    return DataverseError(404, ROW_NOT_FOUND, message)


def _has_options(cast: str) -> bool:
    kinds = ("Picklist", "State", "Status", "Boolean")
    return cast.removesuffix("AttributeMetadata") in kinds


def _part(entity_set: EntitySet, item: Document, question: Question) -> Document:
    document = shown(item, question)
    if "OptionSet" in question.expand:
        document["OptionSet"] = option_set(entity_set, str(item["LogicalName"]))
    if "GlobalOptionSet" in question.expand:
        document["GlobalOptionSet"] = None
    return document


def _table_with(key: str, found: Sequence[tuple[EntitySet, Document]]) -> tuple[EntitySet, Document]:
    for entity_set, row in found:
        if _is(row, key):
            return entity_set, row
    named = _NAMED.fullmatch(key)
    raise unknown_entity(named[1] if named else key)


def _is(row: Document, key: str) -> bool:
    key = key.removeprefix("MetadataId=").strip()
    if GUID.fullmatch(key):
        return row["MetadataId"] == key.lower()
    named = _NAMED.fullmatch(key)
    return named is not None and str(row.get("LogicalName", row["SchemaName"])).lower() == named[1].lower()


def _segment(text: str) -> tuple[str, str | None]:
    found = _SEGMENT.fullmatch(text)
    return (found[1], found[2]) if found else (text, None)


def _list(operation: Operation, what: str, listed: Sequence[Document], question: Question) -> Answer:
    context = f"{operation.root}$metadata#{what}{question.description}"
    counted = {"@odata.count": len(listed)} if question.count else {}
    return Answer(200, {"@odata.context": context, **counted, "value": list(listed)})


def _one(operation: Operation, what: str, document: Document, question: Question) -> Answer:
    return Answer(
        200, {"@odata.context": f"{operation.root}$metadata#{what}{question.description}/$entity", **document}
    )
