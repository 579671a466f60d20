"""docs/mappings.md lists what we carry, field by field."""

from pathlib import Path
from typing import Final

import pytest

from gateway.sync.mapping import Direction, FieldMapping, TableMapping
from gateway.sync.mappings import TABLE_MAPPINGS
from gateway.sync.transforms import Transform

PAGE: Final = (Path(__file__).parents[2] / "docs" / "mappings.md").read_text(encoding="utf-8")
ARROWS: Final = {
    Direction.BIDIRECTIONAL: "<->",
    Direction.TO_INTEGRATION_TABLE: "->",
    Direction.FROM_INTEGRATION_TABLE: "<-",
}
OWNER: Final = {"owninguser": "ownerid"}
"""A write calls it otherwise."""
TABLES: Final = list(TABLE_MAPPINGS.values())


def rows(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading."""
    below = PAGE.partition(f"\n{heading}\n")[2]
    assert below, f"there is no {heading}"
    table = [line for line in below.partition("\n#")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def columns(field: FieldMapping, table: TableMapping) -> list[str]:
    """As Microsoft's table of fields calls them."""
    if (choice := table.crm.source.choice) is not None:
        return [choice.column]
    plain = field.crm.removeprefix("_").removesuffix("_value")
    return list(field.parts) or [OWNER.get(plain, plain)]


def told(table: TableMapping) -> set[tuple[str, str, str, str]]:
    """What the page has to say of our fields: name, direction, column, marks."""
    return {
        (field.name, ARROWS[field.direction], column, marks(field))
        for field in table.fields
        for column in columns(field, table)
    }


def marks(field: FieldMapping) -> str:
    shown = (("off", not field.enabled), ("NN", field.not_null), ("CL", field.clear_on_failed))
    return " ".join(mark for mark, applies in shown if applies)


@pytest.mark.parametrize("table", TABLES, ids=[each.name for each in TABLES])
def test_every_field_of_ours_is_told_as_it_is(table: TableMapping) -> None:
    carried = [row for row in rows(f"### {table.name}") if row[4].startswith("`")]
    assert {(row[4].split("`")[1], row[1], row[2], row[3]) for row in carried} == told(table)
    labels = {row[4].split("`")[1]: row[0] for row in carried if table.mapping != "CONTACT"}
    for field in table.fields if labels else ():
        assert labels[field.name].partition(" (")[0] in field.label, "Business Central's caption"
    assert all(row[4] for row in rows(f"### {table.name}")), "what is not carried has a reason"
    intro = PAGE.partition(f"\n### {table.name}\n")[2].strip().splitlines()[0]
    assert f"({table.table_no}, `{table.bc.source.name}`)" in intro
    needs = ", ".join(TABLE_MAPPINGS[each].name for each in table.depends_on) or "nothing"
    assert intro.endswith(f"Depends on: {needs}.")


def test_all_mappings_of_microsoft_are_listed_with_what_became_of_them() -> None:
    found = rows("## The 24 mappings")
    assert len(found) == 24
    carried = {
        name.partition(", ")[0] for name, here in found if here.startswith("carried")
    }  # one is listed by its ways
    assert carried == {each.name for each in TABLES}
    assert all(here.startswith(("carried", "within ", "no: ", "no, see ")) for _, here in found)


def test_every_rule_is_named() -> None:
    assert not [each for each in Transform if f"`{each}`" not in PAGE]
