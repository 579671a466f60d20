"""The manifest of trusted operations: a file that says which documents callers may name by id. Pure but for reading the file.

Two forms are read::

    {"4f2a…": "query CustomerCard { … }"}
    {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "4f2a…", "name": "…", "body": "query …"}]}

Source: Apollo, "Persisted queries", manifest format; Relay, "Persisted queries", for the first one.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from gateway.errors import ConfigError

_APOLLO = "apollo-persisted-query-manifest"


class Documents(StrEnum):
    """Which documents are carried out."""

    ANY = "any"
    TRUSTED = "trusted"


def read_manifest(path: Path) -> dict[str, str]:
    """The documents by id.

    Raises:
        ConfigError: the file cannot be read, or has neither form; all problems at once.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise ConfigError(f"the manifest {path} cannot be read") from None
    except (ValueError, RecursionError):
        raise ConfigError(f"the manifest {path} is not JSON") from None
    documents, problems = _documents(content)
    if problems:
        raise ConfigError(*(f"the manifest {path}: {each}" for each in problems))
    return documents


def _documents(content: object) -> tuple[dict[str, str], list[str]]:
    if not isinstance(content, Mapping):
        return {}, ["has to be an object"]
    if "operations" not in content:
        wrong = [f"document {id!r} has to be a text" for id, text in content.items() if not isinstance(text, str)]
        return {id: text for id, text in content.items() if isinstance(text, str)}, wrong
    if content.get("format", _APOLLO) != _APOLLO or content.get("version", 1) != 1:
        return {}, [f"format and version are not those of {_APOLLO}, version 1"]
    if not isinstance(content["operations"], list):
        return {}, ["operations has to be a list"]
    return _operations(content["operations"])


def _operations(operations: list[object]) -> tuple[dict[str, str], list[str]]:
    documents: dict[str, str] = {}
    problems: list[str] = []
    for number, each in enumerate(operations, 1):
        id, body = (each.get("id"), each.get("body")) if isinstance(each, Mapping) else (None, None)
        if not isinstance(id, str) or not isinstance(body, str):
            problems.append(f"operation {number} has to have an id and a body")
        elif documents.setdefault(id, body) != body:
            problems.append(f"operation {number} has the id {id!r} of another one")
    return documents, problems
