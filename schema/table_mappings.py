"""The root fields of table mappings: how they are, and how administrators change them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.errors import InvalidInputError
from gateway.runs.configured import Configured
from gateway.runs.states import passes_states
from gateway.sync.mappings import TABLE_MAPPINGS
from schema.context import Context
from schema.fields import ADMINISTRATORS, READERS, declared
from schema.selection import selection_of
from schema.types.table_mapping import (
    TableMappingInfo,
    UpdateTableMappingInput,
    UpdateTableMappingPayload,
    UpdateTableMappingSuccess,
)
from schema.types.user_error import UserError

Ask = Info[Context, Any]
COMPANY = strawberry.argument(description="SystemId of the Business Central company; the configured one by default.")


@strawberry.type
class TableMappingQueries:
    @strawberry.field(
        description="All mappings with their fields, and how they are synchronized.", metadata=declared(READERS)
    )
    async def table_mappings(
        self, info: Ask, company: Annotated[UUID | None, COMPANY] = None
    ) -> list[TableMappingInfo] | None:
        selection_of(info)
        services = info.context.services
        configured = await services.run_jobs.settings.all(company or services.company)
        return list(map(TableMappingInfo.of, configured.values()))


@strawberry.type
class TableMappingMutations:
    @strawberry.field(
        description="Change how conflicts of a mapping are resolved, all of it or field by field, and whether it makes partners "
        "for records that nobody coupled.",
        metadata=declared(ADMINISTRATORS),
    )
    async def update_table_mapping(
        self, info: Ask, input: Annotated[UpdateTableMappingInput, strawberry.argument(description="What.")]
    ) -> UpdateTableMappingPayload | None:
        selection_of(info)
        services = info.context.services
        company, settings = input.company or services.company, services.run_jobs.settings
        shipped = Configured(TABLE_MAPPINGS[input.mapping])
        before = shipped if input.reset else await settings.of(input.mapping, company)
        try:
            changed = _changed(input, before)
        except InvalidInputError as error:
            return UserError.of(error)
        await settings.change(changed, company, by=info.context.caller.name, at=datetime.now(UTC))
        return UpdateTableMappingSuccess(table_mapping=TableMappingInfo.of(changed))


def _changed(input: UpdateTableMappingInput, before: Configured) -> Configured:
    """
    Raises:
        InvalidInputError: the mapping has no such field, or no state that is passed on.
    """
    mapping, policy = before.mapping, before.policy
    fields = dict(policy.fields)
    for each in input.fields or ():
        if mapping.field(each.field) is None:
            known = ", ".join(one.name for one in mapping.fields)
            raise InvalidInputError(f"The mapping has no field {each.field}; it has {known}.", argument="fields")
        fields.pop(each.field, None)
        if each.update_conflict is not None:
            fields[each.field] = each.update_conflict
    changed = replace(
        policy,
        update=input.update_conflict or policy.update,
        deletion=input.deletion_conflict or policy.deletion,
        fields=fields,
    )
    if input.pass_states and not passes_states(mapping.mapping):
        raise InvalidInputError(f"The mapping {mapping.name} has no state that is passed on.", argument="passStates")
    passing = before.passes_states if input.pass_states is None else input.pass_states
    return replace(before, policy=changed, only_coupled=_only_coupled(input, before), passes_states=passing)


def _only_coupled(input: UpdateTableMappingInput, before: Configured) -> bool | None:
    """None: as shipped."""
    said = before.only_coupled if input.only_coupled is None else input.only_coupled
    return None if said == before.mapping.only_coupled else said
