"""UserError: a mutation that was refused because of what it was given."""

import strawberry

from gateway.errors import InvalidInputError
from schema.enums import ErrorCode


@strawberry.type(description="Nothing was done: the input cannot be used.")
class UserError:
    code: ErrorCode = strawberry.field(description="What is wrong.")
    message: str = strawberry.field(description="The same in a sentence.")
    field: str | None = strawberry.field(description="Which field of the input; null when it is none in particular.")

    @classmethod
    def of(cls, error: InvalidInputError) -> "UserError":
        return cls(code=error.code, message=error.message, field=error.argument)
