"""Values in the form in which equal ones are the same text, and in the form in which they are kept in between. Pure."""

from decimal import Decimal

from gateway.keys import fold
from gateway.matching.record import Value

Stored = str | bool | list[str] | None
"""A value as JSON has it: a number as its text in a list, so that no digit is lost and no text is taken for one."""


def is_blank(value: Value) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def exact_form(value: Value, *, case_sensitive: bool) -> str | None:
    """Equal for values that Microsoft's comparison takes for the same; None when blank.

    Text without regard to case unless told otherwise, anything else as it is. A text is never the same as a number.
    """
    if is_blank(value):
        return None
    if isinstance(value, str):
        return "text:" + (value if case_sensitive else fold(value))
    return plain_form(value)


def plain_form(value: Value) -> str:
    """Of what is no text."""
    return _number(value) if isinstance(value, Decimal) else str(value)


def _number(number: Decimal) -> str:
    """1.5 and 1.50 are one number. Decimal.normalize would round to the digits of the context."""
    sign, digits, exponent = number.as_tuple()
    if not number or not isinstance(exponent, int):
        return str(number) if number else "0"
    written = "".join(map(str, digits))
    short = written.rstrip("0")
    return f"{'-' if sign else ''}{short}e{exponent + len(written) - len(short)}"


def stored(value: Value) -> Stored:
    return [str(value)] if isinstance(value, Decimal) else value


def restored(value: Stored) -> Value:
    return Decimal(value[0]) if isinstance(value, list) else value
