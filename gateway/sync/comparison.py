"""What a mapped field holds on either side, in the one form in which both sides are compared. Pure.

A blank of Business Central and a null of CRM are alike: both come to ``""``. Look-ups are compared through couplings, see
``gateway.sync.references``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from gateway.errors import ProtocolError
from gateway.keys import fold
from gateway.reading import values as convert
from gateway.records import Backend, Values
from gateway.sync.mapping import FieldMapping, Kind, Money
from gateway.sync.names import join


def value_of(field: FieldMapping, backend: Backend, values: Values) -> object:
    """The field's value as that side keeps it; None when it is blank."""
    if backend is Backend.DATAVERSE:
        return join(values.get(each) for each in field.parts) or values.get(field.crm)
    value = values.get(field.bc)
    if field.parts:
        return join((value,)) or None
    return values.get(field.otherwise) if value in (None, "") and field.otherwise else value


def text_of(kind: Kind, value: object) -> str:
    """The value as text that is the same for all values that are alike; ``""`` for a blank one.

    A decimal has no blank in Business Central, so that none counts as 0.

    Raises:
        ValueError, TypeError, ArithmeticError: it is no value of that kind.
    """
    match kind:
        case Kind.DECIMAL:
            return _plain(convert.decimal(value)) if value is not None else "0"
        case Kind.DATE:
            return convert.day_of(value).isoformat() if value is not None else ""
        case Kind.BOOLEAN:
            return _yes_or_no(value)
        case Kind.LOOKUP:
            return str(value).lower() if value is not None else ""
        case _:
            return convert.text(value) if value is not None else ""


def _yes_or_no(value: object) -> str:
    """None counts as no: Business Central has no blank there. Raises: ValueError."""
    if value in (None, True, False):
        return str(bool(value)).lower()
    if value in ("true", "false"):
        return str(value)
    raise ValueError("neither yes nor no")


def _plain(number: Decimal) -> str:
    """Without an exponent, and without zeros that say nothing."""
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


_MOST_PLACES = 4
"""Source: Dataverse, "Money columns": a precision of at most four."""


@dataclass(frozen=True, slots=True)
class Places:
    """How many decimals CRM keeps of amounts and of prices; Business Central's have more."""

    amounts: int = _MOST_PLACES
    prices: int = _MOST_PLACES

    def rounded(self, money: Money, value: Decimal) -> Decimal:
        """As CRM keeps it. What is written is rounded already: how CRM would round does not matter."""
        places = min(self.prices if money is Money.PRICE else self.amounts, _MOST_PLACES)
        return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


AT_MOST: Final = Places()


def canonical(field: FieldMapping, backend: Backend, values: Values, places: Places = AT_MOST) -> str:
    """What a field that is no look-up holds there, as :func:`text_of`; of Business Central what CRM would get of it.

    Raises:
        ProtocolError: the backend sent a value of another kind than it promises.
    """
    if field.constant is not None and not field.direction.goes_to(backend):
        return field.constant
    try:
        value = value_of(field, backend, values)
        if field.money is not None and value is not None:
            value = places.rounded(field.money, convert.decimal(value))
        text = text_of(field.kind, value)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise ProtocolError(
            f"{backend.label} sent a value of an unknown kind for {_column(field, backend)}.", backend=backend
        ) from error
    if field.not_negative and backend is Backend.BUSINESS_CENTRAL and text.startswith("-"):
        return "0"
    return text


def _column(field: FieldMapping, backend: Backend) -> str:
    return field.bc if backend is Backend.BUSINESS_CENTRAL else field.crm


def alike(kind: Kind, first: str, second: str) -> bool:
    """Whether two texts of :func:`canonical` are the same value: codes without regard to case, all else exactly."""
    return first == second or (kind is Kind.CODE and fold(first) == fold(second))


def agree(field: FieldMapping, bc: str, crm: str) -> bool:
    """Whether two texts of :func:`canonical` need no synchronization: what comes of one of them there is the other one.

    With rules, one way is enough: a text that was written from the other side is not sent back changed once more.
    """
    to_crm = field.direction.goes_to(Backend.DATAVERSE)
    if to_crm and alike(field.kind, field.arriving(Backend.DATAVERSE, bc), crm):
        return True
    to_bc = field.direction.goes_to(Backend.BUSINESS_CENTRAL)
    return to_bc and alike(field.kind, bc, field.arriving(Backend.BUSINESS_CENTRAL, crm))


_MEANING: Final = "#"
"""Behind a field's name in a base, with what the field meant then; no name has it."""


def remembered(field: FieldMapping, text: str | None) -> dict[str, str | None]:
    """What a coupling's base keeps of a field: Business Central's text, when both agreed."""
    meaning = field.meaning
    return {field.name: text} | ({f"{field.name}{_MEANING}": meaning} if meaning is not None else {})


def recalled(field: FieldMapping, base: Mapping[str, str | None]) -> str | None:
    """The text of :func:`remembered`; None when nothing is known, or the field meant something else then."""
    return base.get(field.name) if base.get(f"{field.name}{_MEANING}") == field.meaning else None


def merged(base: Mapping[str, str | None], news: Mapping[str, str | None]) -> dict[str, str | None]:
    """A base after a synchronization: what was remembered of a field goes when there is something new."""
    kept = {name: text for name, text in base.items() if name.partition(_MEANING)[0] not in news}
    return {**kept, **news}
