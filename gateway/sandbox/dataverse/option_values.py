"""Actions that add options to a choice column and label them, and the one that publishes what was done.

    POST InsertOptionValue {"EntityLogicalName": "account", "AttributeLogicalName": "paymenttermscode", "Value": 100000001,
                            "Label": {"LocalizedLabels": [{"Label": "14 DAYS", "LanguageCode": 1033}]}}
    POST UpdateOptionValue the same, with MergeLabels
    POST PublishXml        {"ParameterXml": "<importexportxml><entities><entity>account</entity></entities></importexportxml>"}

Until its table is published, a change shows nowhere. What is kept is notes in the store: the model is as it is shipped, with
the published options laid over it. Privileges of customizers are not looked at.

Source: Dataverse, Web API Action Reference (InsertOptionValue, UpdateOptionValue, PublishXml).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from xml.etree import ElementTree

from gateway.sandbox.dataverse.body import read_object
from gateway.sandbox.dataverse.errors import INVALID_ARGUMENT, DataverseError, invalid_payload, unknown_entity
from gateway.sandbox.dataverse.operation import Answer, Operation
from gateway.sandbox.json_text import dumps, loads
from gateway.sandbox.model import EntitySet, Model, Property
from gateway.sandbox.store import Store

_WAITING, _PUBLISHED = "options not published", "options"
_FIRST = 100_000_000

Labels = dict[str, dict[str, dict[str, str]]]
"""By table, column and number, as text."""


def option_action(operation: Operation) -> Answer | None:
    """The answer when a POST goes to one of these actions, else None. Raises: DataverseError."""
    action = _ACTIONS.get(operation.request.path)
    if operation.request.method != "POST" or action is None:
        return None
    with operation.store.transaction():
        return action(operation, read_object(operation.request.body))


def lay_published_options(store: Store) -> None:
    """Give the store's model the options that were published earlier."""
    store.model = _laid(store.model, _read(store, _PUBLISHED))


def _insert(operation: Operation, body: Mapping[str, object]) -> Answer:
    entity_set, column = _column(operation, body)
    known = _options(operation.store, entity_set, column)
    value = body.get("Value")
    if value is None:
        value = max([_FIRST - 1, *map(int, known)]) + 1
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid_payload("The parameter 'Value' is no number.")
    if str(value) in known:
        raise DataverseError(400, INVALID_ARGUMENT, f"The option {value} exists already in '{column.name}'.")
    _write(operation.store, entity_set, column, value, _label(body))
    context = f"{operation.root}$metadata#Microsoft.Dynamics.CRM.InsertOptionValueResponse"
    return Answer(200, {"@odata.context": context, "NewOptionValue": value})


def _update(operation: Operation, body: Mapping[str, object]) -> Answer:
    entity_set, column = _column(operation, body)
    value = body.get("Value")
    if str(value) not in _options(operation.store, entity_set, column):
        raise DataverseError(400, INVALID_ARGUMENT, f"There is no option {value} in '{column.name}'.")
    _write(operation.store, entity_set, column, int(str(value)), _label(body))
    return Answer(204)


def _publish(operation: Operation, body: Mapping[str, object]) -> Answer:
    try:
        document = ElementTree.fromstring(str(body.get("ParameterXml")))  # noqa: S314 - the sandbox's own callers
    except ElementTree.ParseError as error:
        raise invalid_payload("The parameter 'ParameterXml' is no XML.") from error
    store, named = operation.store, {each.text for each in document.iterfind("./entities/entity")}
    waiting, published = _read(store, _WAITING), _read(store, _PUBLISHED)
    for table in named & waiting.keys():
        for column, labels in waiting.pop(str(table)).items():
            published.setdefault(str(table), {}).setdefault(column, {}).update(labels)
    _keep(store, _WAITING, waiting)
    _keep(store, _PUBLISHED, published)
    lay_published_options(store)
    return Answer(204)


_ACTIONS = {"InsertOptionValue": _insert, "UpdateOptionValue": _update, "PublishXml": _publish}


def _column(operation: Operation, body: Mapping[str, object]) -> tuple[EntitySet, Property]:
    table, name = str(body.get("EntityLogicalName")), str(body.get("AttributeLogicalName"))
    entity_set = next((each for each in operation.model.sets.values() if each.entity == table), None)
    if entity_set is None:
        raise unknown_entity(table)
    column = entity_set.properties.get(name)
    if column is None or column.options is None:
        raise DataverseError(400, INVALID_ARGUMENT, f"'{name}' of '{table}' is no choice.")
    return entity_set, column


def _label(body: Mapping[str, object]) -> str:
    label = body.get("Label")
    localized = label.get("LocalizedLabels") if isinstance(label, dict) else None
    texts = [each.get("Label") for each in localized if isinstance(each, dict)] if isinstance(localized, list) else []
    if not texts or not isinstance(texts[0], str):
        raise invalid_payload("The parameter 'Label' has no label.")
    return texts[0]


def _options(store: Store, entity_set: EntitySet, column: Property) -> Mapping[str, str]:
    """Those that are not published, too."""
    return {**(column.options or {}), **_read(store, _WAITING).get(entity_set.entity, {}).get(column.name, {})}


def _write(store: Store, entity_set: EntitySet, column: Property, value: int, label: str) -> None:
    waiting = _read(store, _WAITING)
    waiting.setdefault(entity_set.entity, {}).setdefault(column.name, {})[str(value)] = label
    _keep(store, _WAITING, waiting)


def _read(store: Store, name: str) -> Labels:
    found = loads((store.note(name) or "{}").encode())
    assert isinstance(found, dict)  # noqa: S101 - written below
    return found


def _keep(store: Store, name: str, labels: Labels) -> None:
    store.keep_note(name, dumps(labels))


def _laid(model: Model, labels: Labels) -> Model:
    sets = dict(model.sets)
    for name, entity_set in model.sets.items():
        if entity_set.entity in labels:
            properties = dict(entity_set.properties)
            for column, options in labels[entity_set.entity].items():
                known = properties[column]
                properties[column] = replace(known, options={**(known.options or {}), **options})
            sets[name] = replace(entity_set, properties=properties)
    return replace(model, sets=sets)
