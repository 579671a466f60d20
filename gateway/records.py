"""The shape every layer agrees on: one record of one backend."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Backend(StrEnum):
    """The two systems. The value is what callers read in errors and explanations."""

    BUSINESS_CENTRAL = "BUSINESS_CENTRAL"
    DATAVERSE = "DATAVERSE"

    @property
    def label(self) -> str:
        """The system's name as people write it."""
        return "Business Central" if self is Backend.BUSINESS_CENTRAL else "Dataverse"


Values = Mapping[str, object]
"""Property name -> str, bool, int, Decimal, None, or a nested Values / list of them for an expanded navigation.

Decimals are exact. A value the backend does not have is None, whatever the backend's own way of saying so.
"""


@dataclass(frozen=True, slots=True)
class Record:
    """One row as a backend gave it: its property values and its ETag (None when the backend sent none)."""

    values: Values
    etag: str | None = None
