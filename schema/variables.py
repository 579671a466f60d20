"""Variables within bounds: how long a list in them may be, and how deep they may be nested. Pure."""

from collections.abc import Mapping
from typing import Final

from gateway.errors import QueryTooLargeError

MOST_NESTED: Final = 20


def check_variables(variables: Mapping[str, object] | None, most_listed: int) -> None:
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
                check_length(len(each), most_listed)
        level = [value for each in level for value in (each if isinstance(each, list) else each.values())]
        depth += 1


def check_length(values: int, most: int) -> None:
    """Raises: QueryTooLargeError: a list is longer than may be."""
    if values > most:
        raise QueryTooLargeError(
            f"A list has {values} values; at most {most} are taken.",
            measure="listValues",
            value=values,
            limit=most,
        )
