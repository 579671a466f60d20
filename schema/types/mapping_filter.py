"""The filters of table mappings: how they are, and what administrators add."""

import strawberry

from gateway.odata.query import All, AnyOf, Compare, Either, Filter, Text, literal
from gateway.reading.values import usable
from gateway.records import Backend
from gateway.runs.changes import FilterChange
from gateway.runs.conditions import Condition
from gateway.runs.configured import Configured
from schema.access import READERS, seen_by
from schema.enums import System
from schema.mapping_enums import FilterOperator, FilterValueType


@strawberry.input(description="A column compared with values.")
class MappingConditionInput:
    column: str = strawberry.field(
        description="A property of Business Central's API, or a column of CRM (a look-up: `_…_value`)."
    )
    operator: FilterOperator = strawberry.field(description="How it is compared.")
    values: list[str] = strawberry.field(
        default_factory=list, description="One value, up to 50 for `ONE_OF`, none for `BLANK` and `NOT_BLANK`."
    )
    type: FilterValueType = strawberry.field(default=FilterValueType.TEXT, description="What the values are.")

    def condition(self, argument: str) -> Condition:
        """Raises: InvalidInputError, for a text that cannot be kept."""
        values = tuple(usable(each, argument) for each in self.values)
        return Condition(self.column, self.operator, values, self.type)


@strawberry.input(description="What is changed of the filter of one side; no conditions and not `instead`: as shipped.")
class MappingFilterInput:
    conditions: list[MappingConditionInput] = strawberry.field(
        default_factory=list, description="All have to be met, up to 20."
    )
    instead: bool = strawberry.field(
        default=False,
        description="Whether they replace the shipped conditions. That a row belongs to the company stays a condition.",
    )

    def change(self, argument: str) -> FilterChange:
        """Raises: InvalidInputError, for a text that cannot be kept."""
        return FilterChange(tuple(each.condition(argument) for each in self.conditions), self.instead)


@seen_by(READERS)
@strawberry.type(description="A condition that records of one side have to meet to be synchronized.")
class MappingCondition:
    system: System = strawberry.field(description="Which side.")
    text: str = strawberry.field(description="The condition as OData has it.")
    broken: str = strawberry.field(description="What a record is that does not meet it.")
    added: bool = strawberry.field(description="Whether an administrator added it; otherwise it is shipped.")


def conditions_of(configured: Configured) -> list[MappingCondition]:
    """Of both sides."""
    found: list[MappingCondition] = []
    for backend in Backend:
        shipped = configured.origin.table(backend).rules
        found += [
            MappingCondition(
                system=backend, text=text_of(each.condition), broken=each.broken, added=each not in shipped
            )
            for each in configured.mapping.table(backend).rules
        ]
    return found


def text_of(condition: Filter) -> str:
    """A condition in OData's words, however its system wants "one of these"."""
    match condition:
        case Compare(name, operator, value):
            return f"{name} {operator} {literal(value)}"
        case Text(function, name, value):
            return f"{function}({name},{literal(value)})"
        case AnyOf(name, values):
            return f"{name} in ({','.join(map(literal, values))})"
        case All(parts):
            return " and ".join(map(text_of, parts))
        case Either(parts):
            return " or ".join(map(text_of, parts))
