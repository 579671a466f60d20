"""Everything that has a global id."""

import strawberry

from schema.access import WITH_ITS_FIELD, seen_by


@seen_by(WITH_ITS_FIELD)
@strawberry.interface(description="A record that can be asked for again by its global id.")
class Node:
    id: strawberry.ID = strawberry.field(description="Global id, for `node`.")
