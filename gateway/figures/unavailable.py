"""A figure that cannot be had: null with a reason, never 0. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


class Reason(StrEnum):
    """Why a figure is missing."""

    NO_SOURCE = "NO_SOURCE"
    SOURCE_NOT_INSTALLED = "SOURCE_NOT_INSTALLED"
    BACKEND_UNREACHABLE = "BACKEND_UNREACHABLE"
    NOT_PERMITTED = "NOT_PERMITTED"


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Stands where a value, or the rows it is made of, would be; ``message`` is written for the person who reads it."""

    reason: Reason
    message: str


Figure = Decimal | Unavailable


def given(value: T | Unavailable, calculate: Callable[[T], U | Unavailable]) -> U | Unavailable:
    """What follows from a value, or why there is none."""
    return value if isinstance(value, Unavailable) else calculate(value)
