"""The rule of every field and argument of the built schema: what ``schema.access`` and ``schema.fields`` declare, found again.

Nothing is open because nobody thought of it: a field without a rule cannot be looked at, and a test walks the schema.
"""

from functools import cache

from graphql import GraphQLArgument, GraphQLField, GraphQLInterfaceType, GraphQLObjectType
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from gateway.auth.caller import Role
from gateway.errors import ForbiddenError
from schema.access import READERS, Access, Inherited, allows, argument_access, type_access
from schema.fields import declaration_of

DEFINITION = "strawberry-definition"
"""Under this key Strawberry leaves its own definitions in graphql-core's."""

FREE = frozenset({"__typename", "__schema", "__type"})
"""GraphQL's own fields: the first tells nothing, the others are settled by :mod:`schema.guard`."""


@cache
def rule_of(parent: GraphQLObjectType | GraphQLInterfaceType, name: str) -> Access:
    """Who may see a field.

    Raises:
        LookupError: neither the field nor its type says so.
    """
    declaration = declaration_of(strawberry_field(parent.fields[name]))
    access = declaration.access if declaration is not None else type_rule(parent)
    if access is None:
        raise LookupError(f"{parent.name}.{name} declares nobody who may see it")
    return access


def type_rule(kind: GraphQLObjectType | GraphQLInterfaceType) -> Access | None:
    """The rule of a type's fields; None where each of them has to say it, as those of records have."""
    origin = kind.extensions[DEFINITION].origin
    return None if hasattr(origin, "source") else type_access(origin)  # not the one of a record's interface


@cache
def column_rule(target: GraphQLObjectType, column: str) -> Access:
    """Who may filter and order rows by a column: who may see it; where no field shows it, who may read records."""
    for name, field in target.fields.items():
        declaration = declaration_of(strawberry_field(field))
        if declaration is not None and declaration.column == column:
            return rule_of(target, name)
    return READERS


@cache
def argument_rule(parent: GraphQLObjectType, name: str, argument: str) -> Access:
    """Who may give an argument, besides who may see its field."""
    return argument_access(_definition(parent.fields[name].args[argument]).metadata)


def may(parent: GraphQLObjectType, name: str, roles: frozenset[Role]) -> bool:
    """Whether a caller with these roles may see a field."""
    return name in FREE or allows(rule_of(parent, name), roles)


def denial(access: Access, what: str) -> ForbiddenError:
    """The error of a caller who has none of the roles; it names what was asked for, and no record."""
    assert not isinstance(access, Inherited)  # noqa: S101 - that refuses nobody
    return ForbiddenError(f"{what} needs one of the roles: {', '.join(sorted(access))}.")


def require(roles: frozenset[Role], access: Access, what: str) -> None:
    """Refuse a caller who has none of the roles ``what`` needs.

    Raises:
        ForbiddenError: naming it and the roles that would do.
    """
    if not allows(access, roles):
        raise denial(access, what)


def strawberry_field(field: GraphQLField) -> StrawberryField:
    """What Strawberry knows of a field."""
    found = field.extensions[DEFINITION]
    assert isinstance(found, StrawberryField)  # noqa: S101 - all our fields are Strawberry's
    return found


def _definition(argument: GraphQLArgument) -> StrawberryArgument:
    found = argument.extensions[DEFINITION]
    assert isinstance(found, StrawberryArgument)  # noqa: S101 - all our arguments are Strawberry's
    return found
