"""Who may see what, as it is declared beside each thing.

A field of a record, a figure or a root type names the roles of which a caller needs one. The other types are plain objects: the
type says it for all its fields, and a field may still say it for itself::

    @seen_by(READERS)
    @strawberry.type(description="A pair of ids.")
    class RecordPair: ...

An argument needs what its field needs, unless it says more: ``strawberry.argument(..., metadata=needs(READERS))``.
``schema.rules`` reads all this from the built schema, where saying nothing is an error.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, TypeVar

from gateway.auth.caller import Role

T = TypeVar("T")


class Inherited(Enum):
    """A rule without roles of its own."""

    WITH_ITS_FIELD = "WITH_ITS_FIELD"


Access = frozenset[Role] | Inherited

READERS: Final = frozenset({Role.INTEGRATION_ADMINISTRATOR, Role.INTEGRATION_USER})
"""Who may read synchronized data."""

ADMINISTRATORS: Final = frozenset({Role.INTEGRATION_ADMINISTRATOR})
"""Who sets up and looks after the integration as a whole."""

EVERY_ROLE: Final = frozenset(Role)
"""What identifies an item, its availability, and the statistics of an account: everybody with a role."""

SIGNED_IN: Final = frozenset[Role]()
"""Needs no role, only a token that passed."""

WITH_ITS_FIELD: Final = Inherited.WITH_ITS_FIELD
"""Whoever may see the field that leads here: for what many types are built of, such as amounts and pages."""

_TYPE = "seen_by"
_ARGUMENT = "needs"


def seen_by(access: Access) -> Callable[[type[T]], type[T]]:
    """The rule of all fields of a plain type that declare none."""

    def decorate(cls: type[T]) -> type[T]:
        setattr(cls, _TYPE, access)
        return cls

    return decorate


def type_access(cls: type[Any]) -> Access | None:
    """What :func:`seen_by` declared of a class; None for nothing."""
    found = getattr(cls, _TYPE, None)
    return found if isinstance(found, frozenset | Inherited) else None


def needs(access: Access) -> Mapping[str, Access]:
    """Metadata for an argument that needs more than its field."""
    return {_ARGUMENT: access}


def argument_access(metadata: Mapping[Any, Any]) -> Access:
    """What an argument needs besides its field."""
    found = metadata.get(_ARGUMENT, WITH_ITS_FIELD)
    assert isinstance(found, frozenset | Inherited)  # noqa: S101 - what `needs` put there
    return found


def allows(access: Access, roles: frozenset[Role]) -> bool:
    """Whether a caller with these roles may."""
    return isinstance(access, Inherited) or not access or bool(roles & access)


def both(first: Access, second: Access) -> Access:
    """The rule of something that takes both."""
    if isinstance(first, Inherited) or isinstance(second, Inherited):
        return second if isinstance(first, Inherited) else first
    return first & second if first and second else first or second
