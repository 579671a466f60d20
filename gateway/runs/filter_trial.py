"""Whether the systems take a new filter: they are asked once, before it is kept. They alone know their columns."""

from collections.abc import Mapping

from gateway.errors import BackendError, InvalidInputError, NotFoundError, RejectedError
from gateway.odata.query import Query, both
from gateway.records import Backend
from gateway.runs.changes import FilterChange, MappingChange, with_changes
from gateway.sync.desk import Desk, all_of
from gateway.sync.mapping import Table, TableMapping

_ARGUMENTS = {Backend.BUSINESS_CENTRAL: "businessCentralFilter", Backend.DATAVERSE: "dataverseFilter"}


async def try_filter(desk: Desk, shipped: TableMapping, filters: Mapping[Backend, FilterChange]) -> None:
    """One request for each side that gets conditions.

    Raises:
        InvalidInputError: a system refuses the conditions; with its own words.
        BackendError: it could not be asked.
    """
    changed = with_changes(shipped, MappingChange(filters=filters))
    asked = [backend for backend, each in filters.items() if each.conditions]
    await all_of(*(_try(desk, changed.table(each)) for each in asked))


async def _try(desk: Desk, table: Table) -> None:
    conditions = [rule.condition for rule in table.rules]
    query = Query(select=tuple(sorted(table.columns)), filter=both(*conditions), top=1)
    with desk.calling() as call:
        (answer,) = await desk.client(table.source).page_each([(desk.path(table.source), query)], call=call)
    if isinstance(answer, RejectedError | NotFoundError):
        backend = table.source.backend
        raise InvalidInputError(
            f"{backend.label} does not take this filter: {answer.message}", argument=_ARGUMENTS[backend]
        ) from answer
    if isinstance(answer, BackendError):
        raise answer
