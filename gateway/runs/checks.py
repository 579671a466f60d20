"""Whether a mapping can be changed so: each refusal names the field and says why. Pure.

Source: Business Central, table Integration Field Mapping, its validations; "Mapping the Tables and Fields to Synchronize".
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from gateway.couplings.coupling import Mapping as Tables
from gateway.errors import InvalidInputError
from gateway.records import Backend
from gateway.runs.changes import FieldChange, FilterChange, MappingChange, blank_of, with_changes
from gateway.runs.conditions import MOST_CONDITIONS, rule_of
from gateway.sync.comparison import text_of
from gateway.sync.mapping import Direction, FieldMapping, Kind, Table, TableMapping
from gateway.sync.transforms import MOST_RULES, Transformation, problem

TEXTS: Final = frozenset({Kind.NAME, Kind.TEXT, Kind.CODE, Kind.EMAIL, Kind.PHONE, Kind.WEB})


def check_mapping(shipped: TableMapping, change: MappingChange) -> None:
    """
    Raises:
        InvalidInputError: the mapping cannot go that way, no field is left, or a condition cannot be used.
    """
    for backend, argument in (
        (Backend.BUSINESS_CENTRAL, "businessCentralFilter"),
        (Backend.DATAVERSE, "dataverseFilter"),
    ):
        if backend in change.filters:
            _check_filter(shipped.table(backend), change.filters[backend], argument)
    direction = change.direction
    if direction is not None and shipped.direction not in (Direction.BIDIRECTIONAL, direction):
        to = Backend.BUSINESS_CENTRAL if shipped.direction is Direction.TO_INTEGRATION_TABLE else Backend.DATAVERSE
        raise InvalidInputError(
            f"{shipped.name} can only go {shipped.direction}: the gateway does not write what a {shipped.table(to).noun} of "
            f"{to.label} needs.",
            argument="direction",
        )
    fields = with_changes(shipped, change).fields
    _check_currency(fields)
    if not any(each.enabled for each in fields):
        raise InvalidInputError(
            f"No field of {shipped.name} would be left to be synchronized. Switch the whole mapping off instead.",
            argument="enabled" if direction is None else "direction",
        )


def _check_currency(fields: Sequence[FieldMapping]) -> None:
    """An amount in local currency must not end up in a row of CRM that is in another one."""
    to_crm = [each for each in fields if each.is_written_to(Backend.DATAVERSE)]
    amounts = [each.name for each in to_crm if each.money is not None]
    left = [each.name for each in fields if each.lookup is Tables.CURRENCY and not each.own and each not in to_crm]
    if amounts and left:
        raise InvalidInputError(
            f"{left[0]} says in which currency CRM's row is, and has to go to CRM as long as {', '.join(amounts)} does.",
            argument="enabled",
        )


def _check_filter(table: Table, filter: FilterChange, argument: str) -> None:
    if table.source.choice is not None:
        raise InvalidInputError(f"There is no filter on {table.noun}: they are not rows of a table.", argument=argument)
    if len(filter.conditions) > MOST_CONDITIONS:
        raise InvalidInputError(f"A filter has at most {MOST_CONDITIONS} conditions.", argument=argument)
    for each in filter.conditions:
        try:
            rule_of(each, blank=blank_of(table))
        except ValueError as error:
            raise InvalidInputError(
                f"The condition on {each.column} cannot be used: {error}.", argument=argument
            ) from error


def check_field(shipped: TableMapping, name: str, change: MappingChange) -> None:
    """Whether one field may be changed as ``change`` says.

    Raises:
        InvalidInputError: it cannot; ``argument`` is what is wrong with it.
    """
    before, said = shipped.field(name), change.fields.get(name, FieldChange())
    after = with_changes(shipped, change).field(name)
    assert before is not None and after is not None  # noqa: PT018, S101 - the caller looked
    direction = change.direction or shipped.direction
    if said.direction is not None:
        _check_direction(shipped, before, said.direction, direction)
    if said.enabled and not after.enabled:
        raise InvalidInputError(
            f"{name} goes {after.direction} only, and {shipped.name} goes {direction}.", argument="enabled"
        )
    if after.constant is not None:
        check_constant(after, has_rules=bool(after.to_crm or after.to_bc))
    for argument, rules in (("toDataverse", after.to_crm), ("toBusinessCentral", after.to_bc)):
        check_rules(after, rules, argument)
    if said.clear_on_failed and after.kind is not Kind.LOOKUP:
        raise InvalidInputError(f"{name} refers to no record, so it cannot fail to find one.", argument="clearOnFailed")
    check_mapping(shipped, change)


def _check_direction(mapping: TableMapping, field: FieldMapping, wanted: Direction, widest: Direction) -> None:
    if widest not in (Direction.BIDIRECTIONAL, wanted):
        raise InvalidInputError(
            f"{mapping.name} goes {widest}, so {field.name} cannot go {wanted}.", argument="direction"
        )
    for to in Backend:
        if wanted.goes_to(to) and not field.direction.goes_to(to) and (why := why_not(mapping, field, to)):
            raise InvalidInputError(f"{field.name} cannot be written to {to.label}: {why}.", argument="direction")


def why_not(mapping: TableMapping, field: FieldMapping, to: Backend) -> str | None:
    """What keeps a field that does not go there from going there; None when nothing does."""
    if to is Backend.DATAVERSE:
        return "CRM takes it when the row is created, and not later" if field.once else None
    reasons: Iterable[tuple[object, str]] = (
        (field.given_by_bc, "its API shows it and takes no value"),
        (not field.bc, "its API has no such property"),
        (field.money is not None, "CRM keeps the amount with fewer decimals, which would be lost there"),
        (field.not_negative, "CRM has 0 for what is below, which would be lost there"),
        (field.bc == mapping.bc.number, "other records refer to it by this code or number"),
        (field.otherwise is not None, "CRM has another value in place of a blank"),
    )
    return next((why for applies, why in reasons if applies), None)


def check_constant(field: FieldMapping, *, has_rules: bool) -> None:
    """Raises: InvalidInputError, when the constant of the field cannot be."""
    name, text = field.name, field.constant or ""
    if field.direction is Direction.BIDIRECTIONAL:
        raise InvalidInputError(
            f"A constant is written to one side: give {name} a direction besides.", argument="constant"
        )
    if field.kind is Kind.LOOKUP or field.money is not None:
        what = "refers to a record" if field.kind is Kind.LOOKUP else "is an amount in the currency of its record"
        raise InvalidInputError(f"{name} {what}, which no constant can stand for.", argument="constant")
    if has_rules:
        raise InvalidInputError(f"{name} has a constant, which no rule changes.", argument="constant")
    to = Backend.DATAVERSE if field.direction.goes_to(Backend.DATAVERSE) else Backend.BUSINESS_CENTRAL
    if field.once and to is Backend.DATAVERSE:
        raise InvalidInputError(f"{name} is given to CRM once, when the row is created.", argument="constant")
    try:
        plain = text_of(field.kind, _number(text) if field.kind is Kind.DECIMAL else text)
    except (ValueError, TypeError, ArithmeticError):
        plain = None
    if plain != text:
        better = f" Write it as '{plain}'." if plain else ""
        raise InvalidInputError(
            f"'{text}' is no value of {name}, which is of the kind {field.kind}.{better}", argument="constant"
        )
    room = field.room(to)
    if room is not None and len(text) > room:
        raise InvalidInputError(f"{name} takes {room} characters in {to.label}.", argument="constant")


def _number(text: str) -> Decimal:
    """Raises: ValueError, ArithmeticError."""
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(text)
    return number


def check_rules(field: FieldMapping, rules: tuple[Transformation, ...], argument: str) -> None:
    """Raises: InvalidInputError, when they cannot be applied to the field."""
    if not rules:
        return
    if field.kind not in TEXTS:
        raise InvalidInputError(f"{field.name} is no text, so no rule can change it.", argument=argument)
    if len(rules) > MOST_RULES:
        raise InvalidInputError(f"A field has at most {MOST_RULES} rules in a row.", argument=argument)
    for rule in rules:
        if (wrong := problem(rule)) is not None:
            raise InvalidInputError(f"A rule of {field.name} cannot be used: {wrong}", argument=argument)
