"""The root fields of table mappings: how they are, and how administrators change them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from gateway.errors import InvalidInputError, RefusalError
from gateway.records import Backend
from gateway.runs.changes import NO_CHANGE, SAME, SHIPPED_FILTER, FieldChange, FilterChange, MappingChange
from gateway.runs.checks import check_field, check_mapping
from gateway.runs.configured import Configured
from gateway.runs.filter_trial import try_filter
from gateway.runs.states import passes_states
from schema.context import Context
from schema.fields import ADMINISTRATORS, READERS, declared
from schema.selection import selection_of
from schema.types.mapping_changes import (
    UpdateFieldMappingInput,
    UpdateFieldMappingPayload,
    UpdateFieldMappingSuccess,
)
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
        description="Change a mapping: whether and which way it is synchronized, which records, whether it makes partners for "
        "records that nobody coupled, and how conflicts are resolved. "
        "The systems are asked whether they take a new filter.",
        metadata=declared(ADMINISTRATORS),
    )
    async def update_table_mapping(
        self, info: Ask, input: Annotated[UpdateTableMappingInput, strawberry.argument(description="What.")]
    ) -> UpdateTableMappingPayload | None:
        selection_of(info)
        services = info.context.services
        company, settings = input.company or services.company, services.run_jobs.settings
        try:
            filters = _filters(input)
            check_mapping(settings.shipped[input.mapping], MappingChange(filters=filters))
            await try_filter(info.context.desk(company), settings.shipped[input.mapping], filters)
            changed = await settings.change(
                input.mapping,
                company,
                lambda before: _changed(input, filters, before),
                by=info.context.caller.name,
                at=datetime.now(UTC),
            )
        except (InvalidInputError, RefusalError) as error:
            return UserError.of(error)
        return UpdateTableMappingSuccess(table_mapping=TableMappingInfo.of(changed))

    @strawberry.field(
        description="Change how one field of a mapping is synchronized. Values that were synchronized before stay as they are "
        "until their record changes, or is synchronized with `SEND` or `GET`.",
        metadata=declared(ADMINISTRATORS),
    )
    async def update_field_mapping(
        self, info: Ask, input: Annotated[UpdateFieldMappingInput, strawberry.argument(description="What.")]
    ) -> UpdateFieldMappingPayload | None:
        selection_of(info)
        services = info.context.services
        try:
            changed = await services.run_jobs.settings.change(
                input.mapping,
                input.company or services.company,
                lambda before: _field_changed(input, before),
                by=info.context.caller.name,
                at=datetime.now(UTC),
            )
        except (InvalidInputError, RefusalError) as error:
            return UserError.of(error)
        return UpdateFieldMappingSuccess.of(changed, input.field)


def _filters(input: UpdateTableMappingInput) -> dict[Backend, FilterChange]:
    """Raises: InvalidInputError."""
    given = {
        Backend.BUSINESS_CENTRAL: (input.business_central_filter, "businessCentralFilter"),
        Backend.DATAVERSE: (input.dataverse_filter, "dataverseFilter"),
    }
    return {backend: each.change(argument) for backend, (each, argument) in given.items() if each is not None}


def _changed(input: UpdateTableMappingInput, filters: dict[Backend, FilterChange], before: Configured) -> Configured:
    """
    Raises:
        InvalidInputError: the mapping has no such field, cannot go that way, or has no state that is passed on.
    """
    shipped = before.origin
    policy, change = (before.usual, NO_CHANGE) if input.reset else (before.policy, before.change)
    fields = dict(policy.fields)
    for each in input.fields or ():
        _require_field(before, each.field, "fields")
        fields.pop(each.field, None)
        if each.update_conflict is not None:
            fields[each.field] = each.update_conflict
    policy = replace(
        policy,
        update=input.update_conflict or policy.update,
        deletion=input.deletion_conflict or policy.deletion,
        fields=fields,
    )
    if input.pass_states and not passes_states(shipped.mapping):
        raise InvalidInputError(f"The mapping {shipped.name} has no state that is passed on.", argument="passStates")
    every = {**change.filters, **filters}
    direction = input.direction or change.direction
    only_coupled = change.only_coupled if input.only_coupled is None else input.only_coupled
    change = replace(
        change,
        enabled=change.enabled if input.enabled is None else input.enabled,
        direction=direction if direction is not shipped.direction else None,
        only_coupled=only_coupled if only_coupled is not shipped.only_coupled else None,
        pass_states=change.pass_states if input.pass_states is None else input.pass_states,
        filters={backend: each for backend, each in every.items() if each != SHIPPED_FILTER},
    )
    check_mapping(shipped, change)
    return before.again(policy, change)


def _field_changed(input: UpdateFieldMappingInput, before: Configured) -> Configured:
    """
    Raises:
        InvalidInputError: the mapping has no such field, or it cannot be changed so.
    """
    name, policy, change = input.field, before.policy, before.change
    _require_field(before, name, "field")
    policies = {field: each for field, each in policy.fields.items() if not (input.reset and field == name)}
    if input.update_conflict is None:
        policies.pop(name, None)
    elif input.update_conflict is not strawberry.UNSET:
        policies[name] = input.update_conflict
    changed = _without_shipped(before, input.change(SAME if input.reset else change.fields.get(name, SAME)), name)
    others = {field: each for field, each in change.fields.items() if field != name}
    change = replace(change, fields=others | ({name: changed} if changed != SAME else {}))
    check_field(before.origin, name, change)
    return before.again(replace(policy, fields=policies), change)


def _without_shipped(before: Configured, change: FieldChange, name: str) -> FieldChange:
    """What says no more than what is shipped is no change."""
    shipped = before.origin.field(name)
    same = {
        each: None
        for each in ("enabled", "direction", "not_null", "clear_on_failed")
        if getattr(change, each) == getattr(shipped, each)
    }
    return replace(change, **same)


def _require_field(configured: Configured, name: str, argument: str) -> None:
    """Raises: InvalidInputError."""
    if configured.mapping.field(name) is None:
        known = ", ".join(one.name for one in configured.mapping.fields)
        raise InvalidInputError(f"The mapping has no field {name}; it has {known}.", argument=argument)
