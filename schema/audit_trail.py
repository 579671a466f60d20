"""The root field of the audit trail."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Final

import strawberry
from strawberry import Info

from schema.connection import PageInfo
from schema.context import Context
from schema.cursors import not_ours, read_cursor
from schema.fields import ADMINISTRATORS, After, First, declared
from schema.selection import selection_of
from schema.types.audit_entry import AuditEntry, AuditTrailConnection, AuditTrailFilter, cursor_of

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
        wanted, caller = (filter or AuditTrailFilter()).wanted(), info.context.caller
        veiled = bool(
            info.context.acting.personal
        )  # a row that a system hides from some is not told by the trail either
        if veiled and wanted.record is not None:
            wanted = replace(wanted, tenant_id=caller.tenant_id)
            if wanted.object_id not in (None, caller.object_id):
                return _connection([], first, has_previous=after is not None)
            wanted = replace(wanted, object_id=caller.object_id)
        before = _number(after) if after is not None else None
        found = await info.context.services.audit.page(wanted, before=before, limit=first + 1)
        own = (caller.tenant_id, caller.object_id)
        page = [
            AuditEntry(kept=each, told=not veiled or (each.beginning.tenant_id, each.beginning.object_id) == own)
            for each in found
        ]
        return _connection(page, first, has_previous=after is not None)


def _connection(page: Sequence[AuditEntry], first: int, *, has_previous: bool) -> AuditTrailConnection:
    kept = page[:first]
    return AuditTrailConnection(
        page=kept,
        page_info=PageInfo(
            has_next_page=len(page) > first,
            has_previous_page=has_previous,
            start_cursor=cursor_of(kept[0].kept) if kept else None,
            end_cursor=cursor_of(kept[-1].kept) if kept else None,
        ),
    )


def _number(cursor: str) -> int:
    """Raises: InvalidInputError."""
    match list(read_cursor(cursor)):
        case ["audit", number] if number.isascii() and number.isdigit() and len(number) <= _LONGEST_NUMBER:
            return int(number)
    raise not_ours()
