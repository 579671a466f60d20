"""One record to be matched, as either side gives it: already in the names both sides share. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

Value = str | Decimal | bool | None
"""What a field holds; None and a text without anything but blanks are *blank*."""


@dataclass(frozen=True, slots=True)
class MatchRow:
    """``values`` by the field names of the criteria, the same on both sides; what no criterion names is not kept.

    ``partner``: key of the record it is coupled to already, on targets only. Sources are uncoupled.
    """

    id: UUID
    key: str | None
    name: str | None
    values: Mapping[str, Value]
    partner: str | None = None
