"""The root field of the audit trail."""

from typing import Annotated, Any, Final

import strawberry
from strawberry import Info

from schema.connection import PageInfo
from schema.context import Context
from schema.cursors import not_ours, read_cursor
from schema.fields import ADMINISTRATORS, After, First, declared
from schema.selection import selection_of
from schema.types.audit_entry import AuditTrailConnection, AuditTrailFilter, cursor_of

_LONGEST_NUMBER: Final = 18


@strawberry.type
class AuditTrailQueries:
    @strawberry.field(
        description="Who asked for which mutation, from where, and what came of it; the newest first. Asks neither system.",
        metadata=declared(ADMINISTRATORS),
    )
    async def audit_trail(
        self,
        info: Info[Context, Any],
        filter: Annotated[AuditTrailFilter | None, strawberry.argument(description="Which entries.")] = None,
        first: First = 50,
        after: After = None,
    ) -> AuditTrailConnection | None:
        selection_of(info).window(first, after, count=False)
        wanted = (filter or AuditTrailFilter()).wanted()
        before = _number(after) if after is not None else None
        found = await info.context.services.audit.page(wanted, before=before, limit=first + 1)
        page = found[:first]
        return AuditTrailConnection(
            page=page,
            page_info=PageInfo(
                has_next_page=len(found) > first,
                has_previous_page=after is not None,
                start_cursor=cursor_of(page[0]) if page else None,
                end_cursor=cursor_of(page[-1]) if page else None,
            ),
        )


def _number(cursor: str) -> int:
    """Raises: InvalidInputError."""
    match list(read_cursor(cursor)):
        case ["audit", number] if number.isascii() and number.isdigit() and len(number) <= _LONGEST_NUMBER:
            return int(number)
    raise not_ours()
