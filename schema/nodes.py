"""Any record by its global id."""

import asyncio
from typing import Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.errors import ForbiddenError, GatewayError, InvalidInputError
from gateway.odata.query import Value
from gateway.reading.lookup import match_key
from gateway.reading.need import Need
from gateway.reading.row import Failure, Row
from gateway.reading.sources import COUPLINGS
from schema.context import Context
from schema.coupling_pages import values_of
from schema.fields import show
from schema.ids import GlobalId, parse_id
from schema.selection import Selection, selection_of

Ask = Info[Context, Any]

_NODES = {
    "Account", "Contact", "Coupling", "Customer", "Item", "Opportunity", "Product", "SalesOrder", "Salesperson", "SystemUser",
    "Vendor",
}  # fmt: skip
MOST_NODES = 100


async def find_nodes(info: Ask, ids: list[strawberry.ID]) -> list[Any]:
    """The records in the order of their ids: one look-up for each type and company among them.

    A look-up that fails nulls its own, with one error; so does a type whose records the caller may not see.

    Raises:
        InvalidInputError: too many ids, or one that is none of ours.
    """
    if len(ids) > MOST_NODES:
        raise InvalidInputError(f"nodes takes at most {MOST_NODES} ids.", argument="ids")
    wanted = [parse_id(each) for each in ids]
    selected = selection_of(info)
    groups: dict[tuple[str, UUID], list[UUID]] = {}
    for each in wanted:
        if each.type_name not in _NODES:
            raise InvalidInputError("This is not an id this API has given out.", argument="id")
        groups.setdefault((each.type_name, each.company), []).append(each.key)
    needs = {type_name: _need(selected, type_name) for type_name, _ in groups}
    read = await asyncio.gather(
        *(_group(info, needs[type_name], company, keys) for (type_name, company), keys in groups.items())
    )
    found = dict(zip(groups, read, strict=True))
    return [_node(found[each.type_name, each.company], each) for each in wanted]


def _need(selected: Selection, type_name: str) -> Need | Failure:
    """What is wanted of the records of a type; a failure where the caller may not know that there are any."""
    try:
        selected.require_record(type_name)
    except ForbiddenError as error:
        return Failure(error)
    return selected.row(type_name)


async def _group(info: Ask, need: Need | Failure, company: UUID, keys: list[UUID]) -> dict[str, Row | Failure]:
    if isinstance(need, Failure):
        return dict.fromkeys(map(match_key, keys), need)
    context = info.context
    reader = context.reader(company)
    if need.source is COUPLINGS:
        couplings = await context.services.couplings.get_many(keys)
        rows = {str(key): Row(COUPLINGS, found.company_id, values_of(found)) for key, found in couplings.items()}
        await reader.follow(list(rows.values()), need)
        return dict(rows)
    values: list[Value] = list(keys)
    return await reader.many(need, need.source.key, values)


def _node(group: dict[str, Row | Failure], wanted: GlobalId) -> Any:
    """The row, or, once for each group, the error (graphql-core raises what stands in a list as an exception)."""
    try:
        return show(group.get(match_key(wanted.key)))
    except GatewayError as error:
        return error
