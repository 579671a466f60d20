"""Duplicate detection: off, unless a write asks for it with `MSCRM.SuppressDuplicateDetection: false`.

Source: Dataverse, Create a table row using the Web API, section Check for duplicate records; Detect duplicate data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.sandbox.dataverse.errors import DUPLICATE_ROW, DataverseError
from gateway.sandbox.dataverse.operation import Operation
from gateway.sandbox.dataverse.reading import both, equals
from gateway.sandbox.expression import Comparison, Literal, Path
from gateway.sandbox.model import EntitySet
from gateway.sandbox.store import Row

_HEADER = "mscrm.suppressduplicatedetection"
RULES: Mapping[str, Sequence[Sequence[str]]] = {
    "accounts": (("emailaddress1",), ("telephone1",), ("websiteurl",)),
    "contacts": (("emailaddress1",), ("telephone1",), ("firstname", "lastname")),
}
"""By table, columns that make two rows duplicates when all of them agree and none is empty."""


def check_duplicates(operation: Operation, entity_set: EntitySet, row: Row) -> None:
    """Look for other rows like one that was just written. Raises: DataverseError 412."""
    if (operation.header(_HEADER) or "").lower() != "false":
        return
    for columns in RULES.get(entity_set.name, ()):
        values = [row[column] for column in columns]
        if None in values:
            continue
        same = [equals(entity_set, column, value) for column, value in zip(columns, values, strict=True)]
        other = Comparison("ne", Path((entity_set.key,)), Literal(str(row[entity_set.key]), "Edm.Guid"))
        if operation.store.count(entity_set.name, where=both(*same, other)):
            message = "A record was not created or updated because a duplicate of the current record already exists."
            raise DataverseError(412, DUPLICATE_ROW, message)
