"""How alike two normalised values of one kind are, from 0 to 1; the same in both directions. Pure.

rapidfuzz as installed (3.14), where it is not what one would think:

- It compares as given: since 3.0 no processor is applied, so case and accents count. Ours are normalised before.
- Two empty texts are 100 to `ratio` and `token_sort_ratio`, but 0 to `token_set_ratio`. We never ask for empty ones.
- Below ``score_cutoff`` the answer is 0, not the score, so it may be used for what is dropped anyway only.
- `ratio` counts insertions and deletions: texts without anything in common come to 30 or 50. What counts begins higher.
- `token_set_ratio` is 100 as soon as one name's words are among the other's ("Bau" and "Bau Schmidt"), and so is `WRatio` nearly,
  through `partial_ratio` (90). `token_sort_ratio` alone takes an added word too hard (48 for "Muller" and "Muller Maschinenbau").
  Hence the mean of both.
"""

import re
from collections.abc import Callable

from rapidfuzz import fuzz

from gateway.matching.criteria import ValueKind
from gateway.matching.mail_providers import is_public
from gateway.matching.normalise import without_umlauts

FLOOR = 70
"""What rapidfuzz gives up to here is chance."""

_DIGITS = re.compile(r"\w*\d\w*")


def similarity(kind: ValueKind, one: str, other: str) -> float:
    """Of two values that are not blank."""
    return 1.0 if one == other else _BY_KIND[kind](one, other)


def _words(one: str, other: str) -> float:
    """By words in any order, or by letters, because what is one word on one side may be two on the other."""
    words = (fuzz.token_sort_ratio(one, other) + fuzz.token_set_ratio(one, other)) / 2
    ratio = max(words, fuzz.ratio(one.replace(" ", ""), other.replace(" ", "")))
    if ratio <= FLOOR or _numbers_differ(one, other):
        return 0.0
    return 0.99 if without_umlauts(one) == without_umlauts(other) else (ratio - FLOOR) / (100 - FLOOR)


def _numbers_differ(one: str, other: str) -> bool:
    """Words that hold digits tell things apart, however alike the rest: "Screw M8x20" and "Screw M8x25"."""
    numbers, others = set(_DIGITS.findall(one)), set(_DIGITS.findall(other))
    return bool(numbers and others) and numbers != others


def _email(one: str, other: str) -> float:
    """A typing error, or a colleague."""
    domain, other_domain = one.rpartition("@")[2], other.rpartition("@")[2]
    if domain == other_domain and not is_public(domain):
        return 0.4
    return 0.7 if fuzz.ratio(one, other) >= 92 else 0.0


def _phone(one: str, other: str) -> float:
    """One lacks the area, or both are extensions of one switchboard."""
    short, long = sorted((one, other), key=len)
    if len(short) >= 6 and long.endswith(short):
        return 0.9
    shared = max(6, len(long) - 3)
    return 0.6 if len(short) >= shared and one[:shared] == other[:shared] else 0.0


def _postal_code(one: str, other: str) -> float:
    """The same region."""
    return 0.4 if one[:3] == other[:3] and min(len(one), len(other)) > 3 else 0.0


def _code(one: str, other: str) -> float:
    """The same number behind a prefix or zeros, such as "C00210" and "210"."""
    short, long = sorted((one, other), key=len)
    if len(short) < 3 or not long.endswith(short):
        return 0.0
    in_front = long.removesuffix(short).rstrip("0")
    return 0.0 if in_front[-1:].isdigit() else 0.5


def _not_at_all(_one: str, _other: str) -> float:
    return 0.0


_BY_KIND: dict[ValueKind, Callable[[str, str], float]] = {
    ValueKind.NAME: _words,
    ValueKind.TEXT: _words,
    ValueKind.CODE: _code,
    ValueKind.EMAIL: _email,
    ValueKind.PHONE: _phone,
    ValueKind.WEB: _not_at_all,
    ValueKind.POSTAL_CODE: _postal_code,
    ValueKind.OTHER: _not_at_all,
}
