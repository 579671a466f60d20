"""`entityDefinitions`: the names of all sets and properties of an API with their captions, for labels.

Captions are in English, whatever language is asked for.

Source: Business Central, "Localizing APIs"; a recorded response.
"""

import re

from gateway.sandbox.business_central import errors
from gateway.sandbox.business_central.exchange import Environment, Request, Response
from gateway.sandbox.business_central.metadata import actions_of
from gateway.sandbox.model import EntitySet, Property

_ENGLISH = 1033
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

Json = dict[str, object]


def entity_definitions(environment: Environment, request: Request) -> Response:
    """Answer a GET of `entityDefinitions`."""
    if request.method != "GET":
        raise errors.method_not_allowed()
    sets = environment.store.model.sets.values()
    value = [_definition(entity_set) for entity_set in sets if request.api.has(entity_set)]
    return Response(200, {"@odata.context": f"{request.root}/$metadata#entityDefinitions", "value": value})


def caption(name: str) -> str:
    """`creditLimit` as `Credit Limit`."""
    return " ".join(word[0].upper() + word[1:] for word in _WORDS.findall(name))


def _definition(entity_set: EntitySet) -> Json:
    entity = entity_set.entity.rpartition(".")[2]
    return {
        "entityName": entity,
        "entitySetName": entity_set.public_name,
        "entityCaptions": _captions(caption(entity)),
        "entitySetCaptions": _captions(caption(entity_set.public_name)),
        "properties": [_named(column.name, caption(column.name)) for column in entity_set.visible.values()],
        "actions": [_named(name, caption(name)) for name in actions_of(entity_set)],
        "enumMembers": [_members(column) for column in entity_set.visible.values() if column.options],
    }


def _members(column: Property) -> Json:
    members = [_named(name, text) for name, text in (column.options or {}).items()]
    return {"propertyName": column.name, "enumMembers": members}


def _named(name: str, text: str) -> Json:
    return {"name": name, "captions": _captions(text)}


def _captions(text: str) -> list[Json]:
    return [{"languageCode": _ENGLISH, "caption": text}]
