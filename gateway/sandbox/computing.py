"""What the views of a store compute with: exact decimal arithmetic over stored numbers, and ids made from a name.

| function                          | gives                                                                       |
|-----------------------------------|-----------------------------------------------------------------------------|
| `sum_number(a)`                   | the sum of a group; null of no rows                                         |
| `minus_number(a, b, …)`           | a without all that follows                                                  |
| `plus_number(a, b, …)`            | all of them together                                                        |
| `times_number(a, b)`              | a times b                                                                   |
| `amount_share(a, part, whole, r)` | a times part by whole, divided by an exchange rate, to cents; null rate is 1 |
| `guid_of(text)`                   | a GUID that is always the same for the text                                 |

Numbers go in and come out in the order-preserving form of `columns`.
"""

import sqlite3
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from uuid import UUID, uuid5

from gateway.sandbox.columns import number_text, text_number

_NAMES = UUID("0f4ce5c4-3d1c-5c0e-9f0a-6a8f6f2a2b71")
_CENT = Decimal("0.01")


def register(connection: sqlite3.Connection) -> None:
    """Give a connection these functions."""
    connection.create_aggregate("sum_number", 1, _Sum)  # type: ignore[arg-type]  # the stub wants a value for no rows
    connection.create_function("minus_number", -1, _minus, deterministic=True)
    connection.create_function("plus_number", -1, _plus, deterministic=True)
    connection.create_function("times_number", 2, _times, deterministic=True)
    connection.create_function("amount_share", 4, _share, deterministic=True)
    connection.create_function("guid_of", 1, guid_of, deterministic=True)


class _Sum:
    def __init__(self) -> None:
        self._total = Decimal(0)

    def step(self, value: str | None) -> None:
        if value is not None:
            self._total += text_number(value)

    def finalize(self) -> str:
        return number_text(self._total)


def _minus(first: str, *others: str) -> str:
    return number_text(text_number(first) - sum(map(text_number, others)))


def _plus(*numbers: str) -> str:
    return number_text(sum(map(text_number, numbers), Decimal(0)))


def _times(first: str, second: str) -> str:
    return number_text(text_number(first) * text_number(second))


def _share(amount: str, part: str, whole: str, rate: str | None) -> str:
    divisor = text_number(whole) * (Decimal(1) if rate is None else text_number(rate))
    if not divisor:
        return number_text(Decimal(0))
    return number_text((text_number(amount) * text_number(part) / divisor).quantize(_CENT, ROUND_HALF_UP))


@lru_cache(maxsize=8192)
def guid_of(text: str) -> str:
    return str(uuid5(_NAMES, text))
