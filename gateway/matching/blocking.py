"""Which records are worth comparing: those that share a *blocking key*. Pure.

==================  ==================================================================================================
key                 of
==================  ==================================================================================================
mail                the whole e-mail address
site                its domain unless anybody can have one there, or the host of a web address
phone               the last seven digits
code                the whole code, and without what is in front of its last digits
name                the whole name, its words in the order of the alphabet
begins              its first six letters, blanks left out
word                each word of three letters or more
words               two words that stand beside each other in the order of the alphabet
place               postal code with the first three letters of the name
==================  ==================================================================================================

Keys that too many records share are left out by whoever looks them up, so common words cost nothing.
"""

import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import pairwise

from gateway.matching.criteria import Field, ValueKind
from gateway.matching.mail_providers import is_public
from gateway.matching.normalise import without_umlauts

MOST_WORDS = 8
"""Of one name."""

_LAST_DIGITS = re.compile(r"[1-9]\d{2,}$")


def keys(fields: Sequence[Field], normalised: Sequence[str]) -> set[int]:
    """Numbers of 64 bits: smaller than the texts, and two texts with one number only make a pair that scores low."""
    return {_number(text) for text in _texts(fields, normalised)}


def _texts(fields: Sequence[Field], normalised: Sequence[str]) -> Iterator[str]:
    values = [(field.kind, value) for field, value in zip(fields, normalised, strict=True) if value]
    names = [without_umlauts(value) for kind, value in values if kind is ValueKind.NAME]
    for name in names:
        yield from _of_name(name)
    for kind, value in values:
        if kind is ValueKind.EMAIL:
            yield from _of_email(value)
        elif kind is ValueKind.WEB:
            yield f"site {value}"
        elif kind is ValueKind.PHONE and len(value) > 5:
            yield f"phone {value[-7:]}"
        elif kind is ValueKind.CODE:
            yield f"code {value}"
            yield from (f"code {found}" for found in _LAST_DIGITS.findall(value))
        elif kind is ValueKind.POSTAL_CODE:
            yield from (f"place {value} {name[:3]}" for name in names)


def _of_name(name: str) -> Iterator[str]:
    words = sorted(set(name.split()))[:MOST_WORDS]
    yield "name " + " ".join(words)
    yield "begins " + name.replace(" ", "")[:6]
    yield from (f"word {word}" for word in words if len(word) > 2)
    yield from (f"words {one} {other}" for one, other in pairwise(words))


def _of_email(address: str) -> Iterator[str]:
    yield f"mail {address}"
    domain = address.rpartition("@")[2]
    if domain and not is_public(domain):
        yield f"site {domain}"


def _number(text: str) -> int:
    # A text from outside may hold half a surrogate pair, which UTF-8 has no bytes for.
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
