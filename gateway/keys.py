"""How natural keys compare here: without regard to case, character by character. A backend may see more alike. Pure."""

import unicodedata
from functools import lru_cache


def fold(key: str) -> str:
    """A key in the one spelling that all its spellings share.

    Business Central writes codes in capitals, one letter for one. So no character becomes two (``STRASSE`` and ``STRAßE`` are
    two keys, which ``casefold`` would make one), and none outside ASCII becomes one inside (``ı`` is no ``I``): whoever asks
    with such a letter must not be given another's row.

    Source: .NET, "String.ToUpperInvariant"; Business Central, "Code data type".
    """
    return key.lower() if key.isascii() else "".join(map(_fold_character, key))


def loosely(key: str) -> str:
    """A key without all that a collation may overlook: accents, ligatures, width, blanks at the ends."""
    apart = unicodedata.normalize("NFKD", key.strip().casefold())
    return "".join(each for each in apart if not unicodedata.combining(each)).casefold()


def as_code(key: str) -> str:
    """A key as Business Central writes codes: in capitals, without blanks around it."""
    key = key.strip()
    return key.upper() if key.isascii() else "".join(_one_for_one(each, each.upper()) for each in key)


@lru_cache(maxsize=2_000)
def _fold_character(character: str) -> str:
    upper = _one_for_one(character, character.upper())
    lower = _one_for_one(upper, upper.lower())
    return lower if lower.upper() == upper else upper


def _one_for_one(character: str, other: str) -> str:
    return other if len(other) == 1 and other.isascii() == character.isascii() else character
