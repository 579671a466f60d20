"""What happened to couplings that are watched."""

import strawberry

from gateway.couplings.coupling import Event
from gateway.couplings.watching import Changed
from schema.access import ADMINISTRATORS, seen_by
from schema.types.coupling_details import CouplingEvent


@seen_by(ADMINISTRATORS)
@strawberry.type(description="What happened to couplings of a mapping since the event before.")
class CouplingsChanged:
    coupled: int = strawberry.field(description="How many were made.")
    moved: int = strawberry.field(description="How many got another pair.")
    uncoupled: int = strawberry.field(description="How many ended.")
    newest: CouplingEvent | None = strawberry.field(
        description="The last of these changes; null when you may not see one of its records."
    )

    @classmethod
    def of(cls, changed: Changed, *, is_seen: bool) -> "CouplingsChanged":
        return cls(
            coupled=changed.counts.get(Event.COUPLED, 0),
            moved=changed.counts.get(Event.MOVED, 0),
            uncoupled=changed.counts.get(Event.UNCOUPLED, 0),
            newest=CouplingEvent.of(changed.newest) if is_seen else None,
        )
