"""Table mappings: which tables are the same thing, how they are synchronized, and what administrators change of them as a whole.

What they change of single fields is in ``schema.types.mapping_changes``.
"""

from typing import Annotated
from uuid import UUID

import strawberry

from gateway.runs.configured import Configured
from gateway.runs.policy import Policy
from gateway.sync.differences import direction_of
from gateway.sync.mapping import FieldMapping
from gateway.sync.transforms import Transformation
from schema.access import ADMINISTRATORS, READERS, seen_by
from schema.enums import Mapping, MappingDirection
from schema.mapping_enums import FieldKind, TransformationKind
from schema.run_enums import DeletionConflict, UpdateConflict
from schema.types.mapping_filter import MappingCondition, MappingFilterInput, conditions_of
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
    enabled: bool | None = strawberry.field(default=None, description="Whether it is synchronized at all.")
    direction: MappingDirection | None = strawberry.field(
        default=None,
        description="Which way it goes: as shipped or narrower. Fields that go the other way only are left out then.",
    )
    business_central_filter: MappingFilterInput | None = strawberry.field(
        default=None, description="Which records of Business Central are synchronized."
    )
    dataverse_filter: MappingFilterInput | None = strawberry.field(
        default=None, description="Which rows of CRM are synchronized."
    )
    reset: bool = strawberry.field(default=False, description="First everything as it is shipped.")


@seen_by(READERS)
@strawberry.type(description="A text and what it becomes.")
class TransformationPair:
    find: str = strawberry.field(description="The text.")
    text: str = strawberry.field(description="What it becomes.")


@seen_by(READERS)
@strawberry.type(description="A rule that a field's text goes through on its way.")
class TransformationInfo:
    kind: TransformationKind = strawberry.field(description="What it does.")
    find: str = strawberry.field(description="The text or the pattern that it looks for.")
    text: str = strawberry.field(description="The replacement or the prefix.")
    start: int = strawberry.field(description="The first character that stays, counted from 1.")
    length: int | None = strawberry.field(description="How many stay; null: all.")
    table: list[TransformationPair] = strawberry.field(description="Texts and what they become.")
    others: bool = strawberry.field(description="Whether a text that is not in `table` becomes `text`.")

    @classmethod
    def of(cls, rule: Transformation) -> "TransformationInfo":
        return cls(
            kind=rule.kind,
            find=rule.find,
            text=rule.text,
            start=rule.start,
            length=rule.length,
            table=[TransformationPair(find=find, text=text) for find, text in rule.table],
            others=rule.others,
        )


@seen_by(READERS)
@strawberry.type(description="A field of a mapping, and how it is synchronized.")
class FieldMappingInfo:
    field: str = strawberry.field(description="The name callers give it: the property of Business Central's API.")
    kind: FieldKind = strawberry.field(description="What its value is.")
    label: str = strawberry.field(description="The field as Business Central shows it.")
    dataverse_column: str = strawberry.field(description="The column of CRM.")
    direction: MappingDirection = strawberry.field(description="Which way it goes.")
    enabled: bool = strawberry.field(description="Whether it is synchronized.")
    not_null: bool = strawberry.field(description="A blank is not written.")
    clear_on_failed: bool = strawberry.field(description="What refers to a record without a partner is emptied.")
    through: Mapping | None = strawberry.field(description="The couplings that translate it, if it refers to a record.")
    update_conflict: UpdateConflict = strawberry.field(description="What happens when both sides changed it.")
    constant: str | None = strawberry.field(description="What is written in place of the other side's value.")
    to_dataverse: list[TransformationInfo] = strawberry.field(description="Rules on the way to CRM, in their order.")
    to_business_central: list[TransformationInfo] = strawberry.field(
        description="Rules on the way to Business Central, in their order."
    )
    changed: bool = strawberry.field(description="Whether somebody changed it; otherwise it is as it is shipped.")
    own: bool = strawberry.field(description="Whether this gateway's configuration added it.")

    @classmethod
    def of(
        cls, field: FieldMapping, direction: MappingDirection, policy: Policy, *, changed: bool
    ) -> "FieldMappingInfo":
        return cls(
            field=field.name,
            kind=field.kind,
            constant=field.constant,
            to_dataverse=list(map(TransformationInfo.of, field.to_crm)),
            to_business_central=list(map(TransformationInfo.of, field.to_bc)),
            changed=changed,
            own=field.own,
            label=field.label,
            dataverse_column=field.crm,
            direction=direction,
            enabled=field.enabled,
            not_null=field.not_null,
            clear_on_failed=field.clear_on_failed,
            through=field.lookup,
            update_conflict=policy.of(field.name),
        )


@seen_by(READERS)
@strawberry.type(description="Two tables that are the same thing, and how they are synchronized.")
class TableMappingInfo:
    mapping: Mapping = strawberry.field(description="Which tables.")
    name: str = strawberry.field(
        description="Microsoft's name of the mapping; the label of one of the installation's own."
    )
    table_no: int = strawberry.field(description="Number of the table in Business Central; 0 where nobody said it.")
    direction: MappingDirection = strawberry.field(description="Which way it goes.")
    depends_on: list[Mapping] = strawberry.field(description="Mappings whose records it refers to.")
    update_conflict: UpdateConflict = strawberry.field(description="What happens when both sides changed.")
    deletion_conflict: DeletionConflict = strawberry.field(description="What happens when a side was deleted.")
    only_coupled: bool = strawberry.field(
        description="Records that nobody coupled are left alone; otherwise runs make partners for them."
    )
    enabled: bool = strawberry.field(description="Whether it is synchronized; otherwise runs are refused.")
    pass_states: bool = strawberry.field(
        description="A record that is blocked or inactive blocks or retires its partner."
    )
    changed: bool = strawberry.field(description="Whether somebody changed it; otherwise it is as it is shipped.")
    conditions: list[MappingCondition] = strawberry.field(
        description="What records have to meet to be synchronized: shipped conditions and added ones. Besides, a row of CRM "
        "has to belong to the company or to none, where it can."
    )
    fields: list[FieldMappingInfo] = strawberry.field(description="Its fields.")

    @classmethod
    def of(cls, configured: Configured) -> "TableMappingInfo":
        table, policy = configured.mapping, configured.policy
        changed = configured.change.fields.keys() | policy.fields.keys()
        return cls(
            mapping=table.mapping,
            name=table.name,
            table_no=table.table_no,
            direction=table.direction,
            depends_on=list(table.depends_on),
            update_conflict=policy.update,
            deletion_conflict=policy.deletion,
            only_coupled=not configured.makes_partners,
            enabled=configured.enabled,
            pass_states=configured.passes_states,
            changed=not configured.is_as_shipped,
            conditions=conditions_of(configured),
            fields=[
                FieldMappingInfo.of(each, direction_of(table, each), policy, changed=each.name in changed)
                for each in table.fields
            ],
        )


@seen_by(ADMINISTRATORS)
@strawberry.type(description="The mapping was changed; runs that begin from now on go by it.")
class UpdateTableMappingSuccess:
    table_mapping: TableMappingInfo = strawberry.field(description="The mapping, as it is now.")


UpdateTableMappingPayload = Annotated[
    UpdateTableMappingSuccess | UserError,
    strawberry.union("UpdateTableMappingPayload", description="What came of `updateTableMapping`."),
]
