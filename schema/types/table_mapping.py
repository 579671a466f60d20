"""Table mappings: which tables are the same thing, how they are synchronized, and what administrators change of it."""

from typing import Annotated
from uuid import UUID

import strawberry

from gateway.runs.configured import Configured
from gateway.runs.policy import Policy
from gateway.sync.differences import direction_of
from gateway.sync.mapping import FieldMapping
from schema.enums import Mapping, MappingDirection
from schema.run_enums import DeletionConflict, UpdateConflict
from schema.types.user_error import UserError

_COMPANY = "SystemId of the Business Central company; the configured one by default."


@strawberry.input(description="How conflicts of one field are resolved.")
class FieldPolicyInput:
    field: str = strawberry.field(description="The field, by the name of the property in Business Central's API.")
    update_conflict: UpdateConflict | None = strawberry.field(
        default=None, description="Whose value counts; null: as the mapping says."
    )


@strawberry.input(description="What is to be changed of a mapping; what is left out stays as it is.")
class UpdateTableMappingInput:
    mapping: Mapping = strawberry.field(description="Which tables.")
    company: UUID | None = strawberry.field(default=None, description=_COMPANY)
    update_conflict: UpdateConflict | None = strawberry.field(default=None, description="When both sides changed.")
    deletion_conflict: DeletionConflict | None = strawberry.field(default=None, description="When a side was deleted.")
    fields: list[FieldPolicyInput] | None = strawberry.field(default=None, description="Fields of their own policy.")
    only_coupled: bool | None = strawberry.field(
        default=None,
        description="Whether records that nobody coupled are left alone; false: runs make partners for them.",
    )
    pass_states: bool | None = strawberry.field(
        default=None,
        description="Whether a blocked item retires its product, a product that is not active blocks its item, and an inactive "
        "account blocks its customer or vendor. For these mappings only.",
    )
    reset: bool = strawberry.field(default=False, description="First everything as it is shipped.")


@strawberry.type(description="A field of a mapping, and how it is synchronized.")
class FieldMappingInfo:
    field: str = strawberry.field(description="The name callers give it: the property of Business Central's API.")
    label: str = strawberry.field(description="The field as Business Central shows it.")
    dataverse_column: str = strawberry.field(description="The column of CRM.")
    direction: MappingDirection = strawberry.field(description="Which way it goes.")
    enabled: bool = strawberry.field(description="Whether it is synchronized.")
    not_null: bool = strawberry.field(description="A blank is not written.")
    clear_on_failed: bool = strawberry.field(description="What refers to a record without a partner is emptied.")
    through: Mapping | None = strawberry.field(description="The couplings that translate it, if it refers to a record.")
    update_conflict: UpdateConflict = strawberry.field(description="What happens when both sides changed it.")

    @classmethod
    def of(cls, field: FieldMapping, direction: MappingDirection, policy: Policy) -> "FieldMappingInfo":
        return cls(
            field=field.name,
            label=field.label,
            dataverse_column=field.crm,
            direction=direction,
            enabled=field.enabled,
            not_null=field.not_null,
            clear_on_failed=field.clear_on_failed,
            through=field.lookup,
            update_conflict=policy.of(field.name),
        )


@strawberry.type(description="Two tables that are the same thing, and how they are synchronized.")
class TableMappingInfo:
    mapping: Mapping = strawberry.field(description="Which tables.")
    name: str = strawberry.field(description="Microsoft's name of the mapping.")
    table_no: int = strawberry.field(description="Number of the table in Business Central.")
    direction: MappingDirection = strawberry.field(description="Which way it goes.")
    depends_on: list[Mapping] = strawberry.field(description="Mappings whose records it refers to.")
    update_conflict: UpdateConflict = strawberry.field(description="What happens when both sides changed.")
    deletion_conflict: DeletionConflict = strawberry.field(description="What happens when a side was deleted.")
    only_coupled: bool = strawberry.field(
        description="Records that nobody coupled are left alone; otherwise runs make partners for them."
    )
    pass_states: bool = strawberry.field(
        description="A record that is blocked or inactive blocks or retires its partner."
    )
    changed: bool = strawberry.field(description="Whether somebody changed it; otherwise it is as it is shipped.")
    fields: list[FieldMappingInfo] = strawberry.field(description="Its fields.")

    @classmethod
    def of(cls, configured: Configured) -> "TableMappingInfo":
        table, policy = configured.mapping, configured.policy
        return cls(
            mapping=table.mapping,
            name=table.name,
            table_no=table.table_no,
            direction=table.direction,
            depends_on=list(table.depends_on),
            update_conflict=policy.update,
            deletion_conflict=policy.deletion,
            only_coupled=not configured.makes_partners,
            pass_states=configured.passes_states,
            changed=not configured.is_as_shipped,
            fields=[FieldMappingInfo.of(each, direction_of(table, each), policy) for each in table.fields],
        )


@strawberry.type(description="The mapping was changed; runs that begin from now on go by it.")
class UpdateTableMappingSuccess:
    table_mapping: TableMappingInfo = strawberry.field(description="The mapping, as it is now.")


UpdateTableMappingPayload = Annotated[
    UpdateTableMappingSuccess | UserError,
    strawberry.union("UpdateTableMappingPayload", description="What came of `updateTableMapping`."),
]
