"""What administrators change of the fields of mappings: directions, rules, constants."""

from typing import Annotated
from uuid import UUID

import strawberry

from gateway.reading.values import usable
from gateway.runs.changes import FieldChange
from gateway.runs.configured import Configured
from gateway.sync.transforms import Transformation
from schema.access import ADMINISTRATORS, seen_by
from schema.enums import Mapping, MappingDirection
from schema.mapping_enums import TransformationKind
from schema.run_enums import UpdateConflict
from schema.types.table_mapping import FieldMappingInfo, TableMappingInfo
from schema.types.user_error import UserError

_COMPANY = "SystemId of the Business Central company; the configured one by default."


@strawberry.input(description="A text and what it becomes.")
class TransformationPairInput:
    find: str = strawberry.field(description="The text, exactly as it is.")
    text: str = strawberry.field(description="What it becomes.")


@strawberry.input(
    description="A rule that a field's text goes through on its way. Which fields it needs, its kind says."
)
class TransformationInput:
    kind: TransformationKind = strawberry.field(description="What it does.")
    find: str = strawberry.field(
        default="",
        description="A text, or a pattern of RE2, which knows neither look-ahead nor back-references. Up to 250 characters.",
    )
    text: str = strawberry.field(default="", description="The replacement or the prefix, up to 250 characters.")
    start: int = strawberry.field(default=1, description="The first character that stays, counted from 1.")
    length: int | None = strawberry.field(default=None, description="How many stay; all when left out.")
    table: list[TransformationPairInput] = strawberry.field(
        default_factory=list, description="Texts and what they become, up to 500."
    )
    others: bool = strawberry.field(default=False, description="Whether a text that is not in `table` becomes `text`.")

    def rule(self, argument: str) -> Transformation:
        """Raises: InvalidInputError, for a text that cannot be kept."""
        pairs = tuple((usable(each.find, argument), usable(each.text, argument)) for each in self.table)
        find, text = usable(self.find, argument), usable(self.text, argument)
        return Transformation(self.kind, find, text, self.start, self.length, pairs, self.others)


@strawberry.input(description="What is to be changed of one field of a mapping; what is left out stays as it is.")
class UpdateFieldMappingInput:
    mapping: Mapping = strawberry.field(description="Which tables.")
    field: str = strawberry.field(description="The field, by its name in `tableMappings`.")
    company: UUID | None = strawberry.field(default=None, description=_COMPANY)
    enabled: bool | None = strawberry.field(default=None, description="Whether it is synchronized.")
    direction: MappingDirection | None = strawberry.field(
        default=None, description="Which way it goes: within the mapping's, and only where it can be written."
    )
    constant: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Written in place of the other side's value whenever the record is written; the field must go one way. "
        "Null: none any more.",
    )
    to_dataverse: list[TransformationInput] | None = strawberry.field(
        default=None, description="Rules on the way to CRM, in their order, up to 10; an empty list: none any more."
    )
    to_business_central: list[TransformationInput] | None = strawberry.field(
        default=None, description="Rules on the way to Business Central."
    )
    not_null: bool | None = strawberry.field(default=None, description="Whether a blank is not written.")
    clear_on_failed: bool | None = strawberry.field(
        default=None, description="Whether what refers to a record without a partner is emptied instead of failing."
    )
    update_conflict: UpdateConflict | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whose value counts when both sides changed it; null: as the mapping says.",
    )
    reset: bool = strawberry.field(default=False, description="First everything of the field as it is shipped.")

    def change(self, before: FieldChange) -> FieldChange:
        """Raises: InvalidInputError, for a text that cannot be kept."""
        constant = before.constant
        if self.constant is not strawberry.UNSET:
            constant = usable(self.constant, "constant") if self.constant is not None else None
        return FieldChange(
            enabled=before.enabled if self.enabled is None else self.enabled,
            direction=self.direction or before.direction,
            constant=constant,
            to_crm=_rules(self.to_dataverse, before.to_crm, "toDataverse"),
            to_bc=_rules(self.to_business_central, before.to_bc, "toBusinessCentral"),
            not_null=before.not_null if self.not_null is None else self.not_null,
            clear_on_failed=before.clear_on_failed if self.clear_on_failed is None else self.clear_on_failed,
        )


def _rules(
    given: list[TransformationInput] | None, before: tuple[Transformation, ...] | None, argument: str
) -> tuple[Transformation, ...] | None:
    """No rules at all are as shipped."""
    return before if given is None else tuple(each.rule(argument) for each in given) or None


@seen_by(ADMINISTRATORS)
@strawberry.type(description="The field was changed; runs that begin from now on go by it.")
class UpdateFieldMappingSuccess:
    field_mapping: FieldMappingInfo = strawberry.field(description="The field, as it is now.")
    table_mapping: TableMappingInfo = strawberry.field(description="Its mapping.")

    @classmethod
    def of(cls, configured: Configured, name: str) -> "UpdateFieldMappingSuccess":
        table = TableMappingInfo.of(configured)
        return cls(field_mapping=next(each for each in table.fields if each.field == name), table_mapping=table)


UpdateFieldMappingPayload = Annotated[
    UpdateFieldMappingSuccess | UserError,
    strawberry.union("UpdateFieldMappingPayload", description="What came of `updateFieldMapping`."),
]
