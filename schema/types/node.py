"""Everything that has a global id."""

import strawberry


@strawberry.interface(description="A record that can be asked for again by its global id.")
class Node:
    id: strawberry.ID = strawberry.field(description="Global id, for `node`.")
