"""What both generators yield: rows by the property names of the backend, without what is unset or the default."""

from collections.abc import Iterator, Mapping

Row = dict[str, object]
Sets = Iterator[tuple[str, Iterator[Row]]]


def given(values: Mapping[str, object]) -> Row:
    """The values without those that are blank, false, zero or missing, which Business Central stores as the default."""
    return {name: value for name, value in values.items() if value}
