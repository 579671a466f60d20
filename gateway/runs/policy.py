"""How conflicts are resolved. Pure.

Source: Business Central, table Integration Table Mapping, "Update-Conflict Resolution" and "Deletion-Conflict Resolution".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gateway.records import Backend


class UpdateConflict(StrEnum):
    """What happens when both sides changed a field that goes both ways."""

    NONE = "NONE"
    """Nothing is written; a person decides."""
    BUSINESS_CENTRAL_WINS = "BUSINESS_CENTRAL_WINS"
    DATAVERSE_WINS = "DATAVERSE_WINS"

    @property
    def to(self) -> Backend | None:
        """The side that is overwritten."""
        return {
            UpdateConflict.NONE: None,
            UpdateConflict.BUSINESS_CENTRAL_WINS: Backend.DATAVERSE,
            UpdateConflict.DATAVERSE_WINS: Backend.BUSINESS_CENTRAL,
        }[self]


class DeletionConflict(StrEnum):
    """What happens when one side of a coupling was deleted and the other one changed."""

    NONE = "NONE"
    """Nothing; a person decides."""
    RESTORE_RECORDS = "RESTORE_RECORDS"
    REMOVE_COUPLING = "REMOVE_COUPLING"


@dataclass(frozen=True, slots=True)
class Policy:
    """Of a mapping in one company; ``fields`` has its own answer for some of its fields, by name."""

    update: UpdateConflict = UpdateConflict.NONE
    deletion: DeletionConflict = DeletionConflict.NONE
    fields: Mapping[str, UpdateConflict] = field(default_factory=dict)

    def of(self, name: str) -> UpdateConflict:
        return self.fields.get(name, self.update)


DEFAULT: Final = Policy()
