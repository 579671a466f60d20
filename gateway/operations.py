"""What a request asks to be carried out: from its JSON, or from the parameters of its address. Pure.

Every transport comes through ``operation_of``: requests, each one of a batch, event streams and the messages of sockets.

Source: GraphQL over HTTP, "Request Parameters", "GET" and "JSON Encoding".
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import BatchTooLargeError, InvalidInputError
from gateway.request_json import read_document

_NAMES = frozenset({"documentId", "persistedQuery"})
"""Extensions that name a document instead of a query."""

_MUTATION = re.compile(r"\bmutation\b")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, as it came; nothing of it was parsed yet. Without a query, ``extensions`` name one that is known here."""

    query: str | None
    variables: Mapping[str, Any] | None = None
    name: str | None = None
    extensions: Mapping[str, Any] | None = None

    @property
    def may_change(self) -> bool:
        """Whether it can be a mutation: the word has no other spelling. It may stand there for something else."""
        return self.query is None or _MUTATION.search(self.query) is not None


def document_of(body: bytes) -> object:
    """The JSON of a request.

    Raises:
        InvalidInputError: it is not JSON, too deep, or holds half a character.
    """
    return _read(body, "body", "The request is not JSON that can be read.")


def operation_of(document: object) -> Operation:
    """The operation that a JSON object describes.

    Raises:
        InvalidInputError: it is no object, has no query, or one of its members is of another type than it has to be.
    """
    if not isinstance(document, dict):
        raise InvalidInputError("The request has to be a JSON object with a query.", argument="body")
    extensions = _extensions(document)
    query = document.get("query")
    if not isinstance(query, str) and not (query is None and _NAMES & (extensions or {}).keys()):
        raise InvalidInputError("The request has to have a query, which is a text.", argument="query")
    name = document.get("operationName")
    if not isinstance(name, str | None):
        raise InvalidInputError("operationName has to be a text.", argument="operationName")
    return Operation(query, _object(document, "variables"), name, extensions)


def _extensions(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """With ``documentId`` among them, which stands beside them in a request.

    Source: GraphQL over HTTP, appendix "Persisted Documents".
    """
    extensions, id = _object(document, "extensions"), document.get("documentId")
    if not isinstance(id, str | None):
        raise InvalidInputError("documentId has to be a text.", argument="documentId")
    return extensions if id is None else {**(extensions or {}), "documentId": id}


def _object(document: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    value = document.get(name)
    if not isinstance(value, dict | None):
        raise InvalidInputError(f"{name} has to be an object.", argument=name)
    return value


def batch_of(documents: Sequence[object], most: int) -> list[Operation]:
    """Several operations of one request; one that is none refuses them all.

    Raises:
        InvalidInputError: there are none, or one of them cannot be read.
        BatchTooLargeError: there are more than may be.
    """
    if most < 2 or len(documents) > most:
        raise BatchTooLargeError(most)
    if not documents:
        raise InvalidInputError("The list of operations is empty.", argument="body")
    return [operation_of(each) for each in documents]


def document_in(parameters: Iterable[tuple[str, str]]) -> dict[str, object]:
    """What an address describes, as if it were JSON; a parameter that is empty is one that is not there.

    Raises:
        InvalidInputError: a parameter comes twice, or is not JSON where it has to be.
    """
    document: dict[str, object] = {}
    for name, text in parameters:
        if name in document:
            raise InvalidInputError("A parameter comes more than once in the address.", argument=name)
        is_json = name in ("variables", "extensions") and text
        document[name] = _read(text, name, f"{name} is not JSON that can be read.") if is_json else text or None
    return document


def _read(text: str | bytes, argument: str, message: str) -> object:
    try:
        return read_document(text)
    except ValueError as error:
        raise InvalidInputError(message, argument=argument) from error
