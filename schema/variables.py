"""Variables within bounds: how long a list in them may be, and how deep they may be nested. Pure."""

from collections.abc import Mapping
from typing import Final

from gateway.errors import QueryTooLargeError

MOST_LISTED: Final = 1_000
"""Values of any list that callers send; most arguments take fewer."""

MOST_NESTED: Final = 20


def check_variables(variables: Mapping[str, object] | None) -> None:
    """Raises: QueryTooLargeError: something in them is too long or too deep to be an argument."""
    level: list[object] = list((variables or {}).values())
    depth = 1
    while level := [each for each in level if isinstance(each, dict | list)]:
        if depth > MOST_NESTED:
            raise QueryTooLargeError(
                f"A variable is nested more than {MOST_NESTED} levels deep.", measure="variableDepth", limit=MOST_NESTED
            )
        for each in level:
            if isinstance(each, list):
                check_length(len(each))
        level = [value for each in level for value in (each if isinstance(each, list) else each.values())]
        depth += 1


def check_length(values: int) -> None:
    """Raises: QueryTooLargeError: a list is longer than any argument takes."""
    if values > MOST_LISTED:
        raise QueryTooLargeError(
            f"A list has {values} values; no argument takes more than {MOST_LISTED}.",
            measure="listValues",
            value=values,
            limit=MOST_LISTED,
        )
