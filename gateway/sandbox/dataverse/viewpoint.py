"""Who asks and when.

Source: Dataverse, Web API Query Function Reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Viewpoint:
    """Who asks and when, for functions such as `EqualUserId` and `LastXDays`; `owners` are the user and its teams."""

    user_id: str
    business_unit_id: str
    now: datetime
    owners: frozenset[str] = frozenset()
