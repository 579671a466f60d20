"""What a mapped field holds on either side, in the one form in which both sides are compared. Pure.

A blank of Business Central and a null of CRM are alike: both come to ``""``. Look-ups are compared through couplings, see
``gateway.sync.references``.
"""

from decimal import ROUND_HALF_UP, Decimal

from gateway.errors import ProtocolError
from gateway.keys import fold
from gateway.reading import values as convert
from gateway.records import Backend, Values
from gateway.sync.mapping import FieldMapping, Kind
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
        case Kind.LOOKUP:
            return str(value).lower() if value is not None else ""
        case _:
            return convert.text(value) if value is not None else ""


def _plain(number: Decimal) -> str:
    """Without an exponent, and without zeros that say nothing."""
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def canonical(field: FieldMapping, backend: Backend, values: Values) -> str:
    """What a field that is no look-up holds there, as :func:`text_of`; of Business Central what CRM would get of it.

    Raises:
        ProtocolError: the backend sent a value of another kind than it promises.
    """
    try:
        value = value_of(field, backend, values)
        text = text_of(field.kind, _as_money(value) if field.money and value is not None else value)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise ProtocolError(
            f"{backend.label} sent a value of an unknown kind for {_column(field, backend)}.", backend=backend
        ) from error
    if field.not_negative and backend is Backend.BUSINESS_CENTRAL and text.startswith("-"):
        return "0"
    return text


_MONEY = Decimal("0.0001")
"""Source: Dataverse, "Money columns": a precision of at most four."""


def _as_money(value: object) -> Decimal:
    """An amount as CRM keeps it; Business Central's unit costs have more decimals."""
    return convert.decimal(value).quantize(_MONEY, ROUND_HALF_UP)


def _column(field: FieldMapping, backend: Backend) -> str:
    return field.bc if backend is Backend.BUSINESS_CENTRAL else field.crm


def alike(kind: Kind, first: str, second: str) -> bool:
    """Whether two texts of :func:`canonical` are the same value: codes without regard to case, all else exactly."""
    return first == second or (kind is Kind.CODE and fold(first) == fold(second))
