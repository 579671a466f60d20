"""Which callers may ask for the schema."""

from enum import StrEnum

from gateway.auth.caller import Caller, Role


class Introspection(StrEnum):
    """Who may introspect: ``users`` are those of the integration, its administrators included; ``everybody`` has a token."""

    NOBODY = "nobody"
    ADMINISTRATORS = "administrators"
    USERS = "users"
    EVERYBODY = "everybody"

    def allows(self, caller: Caller) -> bool:
        match self:
            case Introspection.NOBODY:
                return False
            case Introspection.ADMINISTRATORS:
                return Role.INTEGRATION_ADMINISTRATOR in caller.roles
            case Introspection.USERS:
                return bool({Role.INTEGRATION_ADMINISTRATOR, Role.INTEGRATION_USER} & caller.roles)
            case Introspection.EVERYBODY:
                return True
