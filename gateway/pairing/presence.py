"""Is a record that cannot be read deleted? Not when nothing at all of its set can be read.

Rights may be gone, or it may be the wrong company: ending all couplings for that could not be undone.
"""

from gateway.errors import BackendError, ErrorCode, GatewayError, RefusalError
from gateway.odata.query import Query
from gateway.sync.desk import Desk
from gateway.sync.mapping import Table


async def sees_nothing(desk: Desk, table: Table) -> GatewayError | None:
    """Why nothing is taken for deleted on a side: not one record of the set can be read."""
    source = table.source
    with desk.calling() as call:
        try:
            page = await desk.client(source).page(desk.path(source), Query(select=(source.key,), top=1), call=call)
        except BackendError as error:
            return error
    if page.records:
        return None
    return RefusalError(
        ErrorCode.RECORD_NOT_FOUND,
        f"Not one {table.noun} can be read in {source.backend.label}, so none is taken for deleted.",
        hint="Check the gateway's rights there, and whether it is the right company.",
    )
