"""What a field's text becomes on its way to the other side: transformation rules, one after the other. Pure.

Patterns are matched by RE2, whose time grows with the length of the text only: no pattern can make a run hang. So look-ahead and
back-references are not there.

Source: Business Central, table Transformation Rule; "Mapping the Tables and Fields to Synchronize", transformation rules.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

import re2


class Transform(StrEnum):
    """What a rule does. All are Microsoft's but PREFIX and LOOKUP, which has its table in the rule itself."""

    UPPERCASE = "UPPERCASE"
    LOWERCASE = "LOWERCASE"
    TITLE_CASE = "TITLE_CASE"
    TRIM = "TRIM"
    ALPHANUMERIC = "ALPHANUMERIC"
    """Letters and digits stay."""
    SUBSTRING = "SUBSTRING"
    REPLACE = "REPLACE"
    REGEX_REPLACE = "REGEX_REPLACE"
    REGEX_MATCH = "REGEX_MATCH"
    """What matches first stays; nothing, where nothing does."""
    PREFIX = "PREFIX"
    """Put in front, unless it is there."""
    LOOKUP = "LOOKUP"


@dataclass(frozen=True, slots=True)
class Transformation:
    """One rule.

    ``find`` is a text or a pattern, ``text`` what replaces it (``$1`` is a group of the pattern, ``$$`` a dollar) or the prefix.
    ``start`` counts from 1. ``table`` pairs texts; one that is in no pair stays, or becomes ``text`` with ``others``.
    """

    kind: Transform
    find: str = ""
    text: str = ""
    start: int = 1
    length: int | None = None
    table: tuple[tuple[str, str], ...] = ()
    others: bool = False


MOST_RULES: Final = 10
MOST_CHARACTERS: Final = 250
"""Of a text or a pattern in a rule."""
MOST_PAIRS: Final = 500
LONGEST: Final = 20_000
"""Characters that rules make at most. A longer text is cut, which is more than any mapped field takes: it is refused there."""

_ROOM: Final = 1 << 20
"""Bytes that a pattern may take."""


def transformed(rules: Sequence[Transformation], text: str) -> str:
    """The text after all rules. A blank stays blank."""
    for rule in rules:
        if not text:
            return ""
        text = _APPLY[rule.kind](rule, text)[:LONGEST]
    return text


def problem(rule: Transformation) -> str | None:
    """What is wrong with a rule, in a sentence; None when it can be applied."""
    needs = _NEEDS.get(rule.kind, frozenset())
    if "find" in needs and not rule.find:
        return f"{rule.kind} needs find."
    if max(len(rule.find), len(rule.text)) > MOST_CHARACTERS:
        return f"A text of a rule has at most {MOST_CHARACTERS} characters."
    if rule.kind is Transform.PREFIX and not rule.text:
        return "PREFIX needs text."
    if rule.kind is Transform.SUBSTRING and (rule.start < 1 or (rule.length is not None and rule.length < 1)):
        return "SUBSTRING counts from 1, and its length is 1 or more."
    if rule.kind is Transform.LOOKUP:
        return _problem_of_table(rule.table)
    return _problem_of_pattern(rule) if "pattern" in needs else None


_NEEDS: Final[Mapping[Transform, frozenset[str]]] = {
    Transform.REPLACE: frozenset({"find"}),
    Transform.REGEX_REPLACE: frozenset({"find", "pattern"}),
    Transform.REGEX_MATCH: frozenset({"find", "pattern"}),
}


def _problem_of_table(table: Sequence[tuple[str, str]]) -> str | None:
    if not 1 <= len(table) <= MOST_PAIRS:
        return f"LOOKUP needs a table of 1 to {MOST_PAIRS} pairs."
    if len({find for find, _ in table}) < len(table):
        return "A text is twice in the table of LOOKUP."
    if any(max(map(len, pair)) > MOST_CHARACTERS for pair in table):
        return f"A text of a rule has at most {MOST_CHARACTERS} characters."
    return None


def _problem_of_pattern(rule: Transformation) -> str | None:
    try:
        pattern = _compiled(rule.find)
    except re2.error:
        return f"'{rule.find}' is no pattern of RE2, which has neither look-ahead nor back-references."
    groups = {int(each) for each in _template(rule.text) if each.isdigit()}
    if rule.kind is Transform.REGEX_REPLACE and max(groups, default=0) > pattern.groups:
        return f"'{rule.find}' has {pattern.groups} groups, and the replacement names ${max(groups)}."
    return None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    """Raises: re2.error."""
    options = re2.Options()
    options.max_mem = _ROOM
    options.log_errors = False
    return re2.compile(pattern, options)


def _template(text: str) -> list[str]:
    """The groups that a replacement names: ``$1 of $$2`` names ``1``."""
    found, marked = [], False
    for each in text:
        if marked:
            found.append(each)
            marked = False
        else:
            marked = each == "$"
    return found


def _expanded(text: str, match: Any) -> str:
    """A replacement with the groups of a match in it."""
    out, marked = "", False
    for each in text:
        if marked:
            out += (match.group(int(each)) or "") if each.isdigit() else each if each == "$" else f"${each}"
            marked = False
        elif each == "$":
            marked = True
        else:
            out += each
    return f"{out}$" if marked else out


def _replaced(rule: Transformation, text: str) -> str:
    pattern = _compiled(rule.find)
    return str(pattern.sub(lambda match: _expanded(rule.text, match), _whole(text)))


def _matched(rule: Transformation, text: str) -> str:
    match = _compiled(rule.find).search(_whole(text))
    return str(match.group(0)) if match else ""


def _whole(text: str) -> str:
    """Without half characters, which have no UTF-8."""
    return text.encode("utf-8", "replace").decode()


def _titled(text: str) -> str:
    """Each word begins with a capital; words end at blanks and hyphens."""
    out, begins = "", True
    for each in text:
        out += each.upper() if begins else each.lower()
        begins = each.isspace() or each == "-"
    return out


def _part(rule: Transformation, text: str) -> str:
    begin = rule.start - 1
    return text[begin:] if rule.length is None else text[begin : begin + rule.length]


def _looked_up(rule: Transformation, text: str) -> str:
    return dict(rule.table).get(text, rule.text if rule.others else text)


_APPLY: Final[Mapping[Transform, Callable[[Transformation, str], str]]] = {
    Transform.UPPERCASE: lambda _, text: text.upper(),
    Transform.LOWERCASE: lambda _, text: text.lower(),
    Transform.TITLE_CASE: lambda _, text: _titled(text),
    Transform.TRIM: lambda _, text: text.strip(),
    Transform.ALPHANUMERIC: lambda _, text: "".join(filter(str.isalnum, text)),
    Transform.SUBSTRING: _part,
    Transform.REPLACE: lambda rule, text: text.replace(rule.find, rule.text),
    Transform.REGEX_REPLACE: _replaced,
    Transform.REGEX_MATCH: _matched,
    Transform.PREFIX: lambda rule, text: text if text.startswith(rule.text) else rule.text + text,
    Transform.LOOKUP: _looked_up,
}
