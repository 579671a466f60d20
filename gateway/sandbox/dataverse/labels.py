"""Display names of tables and columns, and the form in which metadata gives them.

Source: Dataverse, Web API metadata: Label and LocalizedLabel complex types.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from uuid import NAMESPACE_OID, uuid5

from gateway.sandbox.model import EntitySet

_ENGLISH = 1033


@dataclass(frozen=True, slots=True)
class TableNames:
    """What a table is called; `columns` holds labels by logical name of the column."""

    schema: str
    label: str
    plural: str
    columns: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str) -> str:
        """The label of a column by its name in rows, such as `_primarycontactid_value`."""
        return self.columns.get(name) or _common().get(name) or name


def names_of(entity_set: EntitySet) -> TableNames:
    """The names of a table; those of a table nobody named repeat its logical names."""
    return _tables().get(entity_set.entity) or TableNames(entity_set.entity, entity_set.entity, entity_set.name)


def metadata_id(*names: str) -> str:
    """The id of a table, or of something within it, computed from its name."""
    return str(uuid5(NAMESPACE_OID, f"dataverse:metadata:{'.'.join(names)}"))


def label(text: str | None, *names: str) -> dict[str, object]:
    """A Label; `names` say of what."""
    if text is None:
        return {"LocalizedLabels": [], "UserLocalizedLabel": None}
    localized = {
        "Label": text,
        "LanguageCode": _ENGLISH,
        "IsManaged": True,
        "MetadataId": metadata_id("label", *names),
        "HasChanged": None,
    }
    return {"LocalizedLabels": [localized], "UserLocalizedLabel": localized}


@cache
def _document() -> Mapping[str, Mapping[str, object]]:
    document: Mapping[str, Mapping[str, object]] = json.loads(
        files(__package__).joinpath("labels.json").read_text(encoding="utf-8")
    )
    return document


@cache
def _common() -> Mapping[str, str]:
    return {name: str(text) for name, text in _document()["common"].items()}


@cache
def _tables() -> Mapping[str, TableNames]:
    return {name: TableNames(**names) for name, names in _document()["tables"].items()}  # type: ignore[arg-type]
