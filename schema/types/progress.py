"""How far a run is, and how fast."""

from datetime import datetime

import strawberry

from gateway.runs.progress import Progress
from schema.access import READERS, seen_by


@seen_by(READERS)
@strawberry.type(description="How far a run is, and how fast. What is not known is null.")
class SynchronizationProgress:
    processed: int = strawberry.field(description="Records that something became of.")
    expected: int | None = strawberry.field(
        description="How many there are at most. Known of chosen couplings; how much changed in a mapping is known only at "
        "the end."
    )
    records_per_second: float | None = strawberry.field(
        description="The average since the run began; null while it waits for its turn."
    )
    expected_end_at: datetime | None = strawberry.field(
        description="When the run will end at this speed; null unless it is under way and `expected` is known."
    )

    @classmethod
    def of(cls, progress: Progress) -> "SynchronizationProgress":
        return cls(
            processed=progress.processed,
            expected=progress.expected,
            records_per_second=round(progress.per_second, 2) if progress.per_second is not None else None,
            expected_end_at=progress.expected_end,
        )
