"""ConnectionStatus: can the gateway work with both systems?"""

import strawberry

from gateway.connection import Check
from schema.enums import CheckCode


@strawberry.type(description="One check of the connection.")
class ConnectionCheck:
    code: CheckCode = strawberry.field(description="What was checked.")
    passed: bool = strawberry.field(description="Whether it is as it should be.")
    message: str = strawberry.field(description="What was found.")
    hint: str | None = strawberry.field(description="What to do; null when it passed.")

    @classmethod
    def of(cls, check: Check) -> "ConnectionCheck":
        return cls(code=check.code, passed=check.passed, message=check.message, hint=check.hint)


@strawberry.type(description="Whether the gateway can work with both systems, checked now.")
class ConnectionStatus:
    healthy: bool = strawberry.field(description="Whether every check passed.")
    checks: list[ConnectionCheck] = strawberry.field(description="The checks, in order.")
