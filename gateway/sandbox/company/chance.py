"""Choices that look random and never change: every record draws from a stream of its own, seeded by what the record is.

Nothing here depends on the order of calls between records, so a larger company repeats a smaller one record by record.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import TypeVar

_Option = TypeVar("_Option")
_MASK = (1 << 64) - 1


class Draw:
    """A stream of small choices (SplitMix64), the same in every version of Python."""

    __slots__ = ("_state",)

    def __init__(self, kind: str, key: object) -> None:
        self._state = int.from_bytes(blake2b(f"{kind}:{key}".encode(), digest_size=8).digest(), "big")

    def below(self, bound: int) -> int:
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = ((self._state ^ (self._state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return (mixed ^ (mixed >> 31)) % bound

    def between(self, low: int, high: int) -> int:
        """Both ends included."""
        return low + self.below(high - low + 1)

    def pick(self, options: Sequence[_Option]) -> _Option:
        return options[self.below(len(options))]

    def in_hundred(self, share: int) -> bool:
        return self.below(100) < share

    def digits(self, pattern: str) -> str:
        """The pattern with a digit for every `#`."""
        return "".join(str(self.below(10)) if sign == "#" else sign for sign in pattern)

    def cents(self, low: int, high: int) -> Decimal:
        """An amount between two whole amounts, with cents."""
        return Decimal(self.between(low * 100, high * 100)).scaleb(-2)

    def before(self, moment: datetime, *, days: tuple[int, int]) -> datetime:
        """Some moment between so many days earlier, to a hundredth of a second."""
        return moment - timedelta(
            days=self.between(*days), seconds=self.below(36_000), milliseconds=10 * self.below(100)
        )
