"""The gateway's own closed sets, as the schema shows them. Import them from here, so that they are shown only once."""

import strawberry

from gateway.auth.caller import Role
from gateway.connection import CheckCode
from gateway.couplings.coupling import Mapping, Result

strawberry.enum(
    Mapping, description="Which tables a coupling joins: a table of Business Central and its partner in CRM."
)
strawberry.enum(
    Result, name="SynchronizationResult", description="How the last synchronization in one direction ended."
)
strawberry.enum(Role, description="What a caller may be.")
strawberry.enum(CheckCode, description="What was checked.")

__all__ = ["CheckCode", "Mapping", "Result", "Role"]
