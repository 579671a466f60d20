"""A value without what is only a way of spelling it. Normalising twice is normalising once. Pure.

Nothing is left of a value that says nothing in its kind: a phone number without digits, an e-mail address without "@". It then
counts as blank, so that "n/a" on both sides proves nothing.
"""

import re
import unicodedata
from collections.abc import Callable

from gateway.keys import loosely
from gateway.matching.criteria import ValueKind
from gateway.matching.legal_forms import AT_THE_END, AT_THE_START, CONNECTORS, PAIRS_AT_THE_END
from gateway.matching.record import Value
from gateway.matching.values import is_blank, plain_form

SHARED_HOSTS = frozenset(
    (
        *("facebook.com", "instagram.com", "linkedin.com", "sites.google.com", "tiktok.com", "twitter.com", "x.com"),
        *("xing.com", "youtube.com"),
    )
)
"""Sites of many companies: only with the path behind them they are one's own."""

_LETTERS = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h", "ŧ": "t"}
)
"""Letters that Unicode does not take apart."""

_WORD = re.compile(r"[^\W_]+")
_UMLAUTS = re.compile(r"(?<=[aou])e")
_WEB_START = re.compile(r"^(?:[\s.]+|(?:[a-z][a-z0-9+.-]*:)?//|www\d*\.)+")
_POSTAL_COUNTRY = re.compile(r"^[a-z]{1,3} (?=\d)")
_CALLING_CODE = re.compile(r"1|7|20|27|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3}")
"""No calling code is the beginning of another. Source: ITU-T E.164, list of assigned country codes."""

_PLUS = re.compile(r"[^\d+]*\+")
_PHONE_END = re.compile(r"(?<=\d)[^\d]*[a-z#;].*", re.DOTALL)


def normalise(value: Value, kind: ValueKind) -> str:
    """Empty when blank, or when nothing is left."""
    if is_blank(value):
        return ""
    return _BY_KIND[kind](value) if isinstance(value, str) else plain_form(value)


def words(text: str) -> list[str]:
    """In lower case, without accents, ligatures and punctuation."""
    plain = text.lower() if text.isascii() else loosely(text).translate(_LETTERS)
    return _WORD.findall(plain)


def name(text: str) -> str:
    """Words without legal form: "Dr. Möller & Söhne GmbH & Co. KG" is "dr moller sohne"."""
    tokens = words(text)
    while (shorter := _joined(_without_forms(_without_connectors(tokens)))) != tokens:
        tokens = shorter
    return " ".join(tokens)


def without_umlauts(name: str) -> str:
    """A normalised name in which Mueller is Müller, who has lost his dots by now.

    It makes Bauer Baur, too: good enough to say that two names are worth comparing, not that they are the same.
    """
    return _UMLAUTS.sub("", name)


def _without_connectors(tokens: list[str]) -> list[str]:
    return [each for each in tokens if each not in CONNECTORS] or tokens


def _without_forms(tokens: list[str]) -> list[str]:
    first, last = 0, len(tokens)
    while form := _form_before(tokens, last):
        last -= form
    while last - first > 1 and tokens[first] in AT_THE_START:
        first += 1
    return tokens[first:last]


def _form_before(tokens: list[str], last: int) -> int:
    """Of how many words a legal form is that ends there; 0 when there is none, or nothing else."""
    if last > 2 and tuple(tokens[last - 2 : last]) in PAIRS_AT_THE_END:
        return 2
    return 1 if last > 1 and tokens[last - 1] in AT_THE_END else 0


def _joined(tokens: list[str]) -> list[str]:
    """Single letters that follow each other are one word: "S. A." is "SA", "J. R. Meyer" is "JR Meyer"."""
    joined: list[str] = []
    open_run = False
    for token in tokens:
        single = len(token) == 1 and token.isalpha()
        if single and open_run:
            joined[-1] += token
        else:
            joined.append(token)
        open_run = single
    return joined


def text(value: str) -> str:
    return " ".join(words(value))


def code(value: str) -> str:
    """Letters and digits."""
    return "".join(words(value))


def postal_code(value: str) -> str:
    """Letters and digits, without the country in front: "D-10115" is "10115"."""
    return _POSTAL_COUNTRY.sub("", text(value)).replace(" ", "")


def email(value: str) -> str:
    address = value.strip().lower()
    return address if "@" in address else ""


def web(value: str) -> str:
    """The host alone, except on sites that many share."""
    address = _WEB_START.sub("", value.strip().lower())
    host, *_ = re.split(r"[/?#:\s]", address, maxsplit=1)
    host = host.rstrip(".")
    if host in SHARED_HOSTS:
        return re.split(r"[?#\s]", address, maxsplit=1)[0].rstrip("/.")
    return host if "." in host else ""


def phone(value: str) -> str:
    """The national number without its leading 0, because one side often leaves the country out.

    What follows "+" or "00" is a calling code and is dropped, then zeros in front: "+49 (0)30 90-18", "0049 30 9018" and
    "030/9018" are all "309018". A number with a calling code but without "+" or "00" stays as it is. An extension that is
    introduced by a letter, "#" or ";" does not count.
    """
    plain = unicodedata.normalize("NFKC", value).lower()
    digits = "".join(str(unicodedata.decimal(each)) for each in _PHONE_END.sub("", plain) if each.isdecimal())
    if _PLUS.match(plain) or digits.startswith("00"):
        national = _CALLING_CODE.sub("", digits.lstrip("0"), count=1)
        return national.lstrip("0") or digits.lstrip("0")
    return digits.lstrip("0")


_BY_KIND: dict[ValueKind, Callable[[str], str]] = {
    ValueKind.NAME: name,
    ValueKind.TEXT: text,
    ValueKind.CODE: code,
    ValueKind.EMAIL: email,
    ValueKind.PHONE: phone,
    ValueKind.WEB: web,
    ValueKind.POSTAL_CODE: postal_code,
    ValueKind.OTHER: text,
}
