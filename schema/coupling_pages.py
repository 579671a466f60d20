"""Pages of our own couplings, with the same cursors and counts as the lists of the backends."""

import base64
import binascii
import json
from uuid import UUID

from gateway.couplings.coupling import Coupling
from gateway.couplings.store import CouplingFilter, CouplingStore, Position, position
from gateway.errors import InvalidInputError
from gateway.reading.paging import Window
from gateway.reading.row import Row, RowPage
from gateway.reading.sources import COUPLINGS
from gateway.records import Values


async def coupling_page(store: CouplingStore, wanted: CouplingFilter, window: Window, company: UUID) -> RowPage:
    """A page of couplings; what hangs on them is not read yet.

    Raises:
        InvalidInputError: the cursor is none of this list's.
    """
    after = position_of(window.after) if window.after is not None else None
    found = await store.page(wanted, after=after, limit=window.first + 1)
    shown = found[: window.first]
    return RowPage(
        rows=[Row(COUPLINGS, company, values_of(coupling)) for coupling in shown],
        cursors=[cursor_of(coupling) for coupling in shown],
        has_next=len(found) > window.first,
        has_previous=window.after is not None,
        total=await store.count(wanted) if window.count else None,
    )


def values_of(coupling: Coupling) -> Values:
    """A coupling as a row's values, by field name."""
    return {name: getattr(coupling, name) for name in Coupling.__dataclass_fields__}


def cursor_of(coupling: Coupling) -> str:
    """Where a page that ends with this coupling is taken up again, as a caller gets it."""
    key, coupling_id = position(coupling)
    return base64.urlsafe_b64encode(json.dumps([key, str(coupling_id)]).encode()).decode().rstrip("=")


def position_of(cursor: str) -> Position:
    """
    Raises:
        InvalidInputError: it is no cursor of couplings.
    """
    try:
        key, coupling_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(key, str):
            raise TypeError("a position is text and an id")
        return key, UUID(coupling_id)
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise InvalidInputError("The cursor is not one this list has given out.", argument="after") from error
