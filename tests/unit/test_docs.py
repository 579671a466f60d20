"""The documents are complete: codes, settings, modules, sources and commands are all named, and links lead somewhere."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from strawberry.utils.str_converters import to_camel_case

from gateway.cli import app
from gateway.config import PREFIX, Settings
from gateway.errors import ErrorCode
from gateway.sandbox.company import story
from schema.fields import ROW_TYPES, declaration_of
from schema.root import build_schema
from schema.types.availability import Availability
from schema.types.customer_statistics import CustomerStatistics

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))

_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """What stands under a heading of the second level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"there is no section {title!r}"
    return found.group(1)


def table(text: str) -> list[list[str]]:
    """The cells of every table row, heads and rules left out."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]
    assert rows
    return rows


def anchors(text: str) -> set[str]:
    """The anchors a page's headings get when it is shown."""
    titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_error_code_has_its_section_and_no_section_names_another() -> None:
    sections = re.findall(r"^## (\w+)$", page("errors.md"), re.MULTILINE)
    assert sorted(sections) == sorted(ErrorCode)


@pytest.mark.parametrize("code", list(ErrorCode))
def test_an_error_says_what_happened_what_is_seen_and_what_to_do(code: ErrorCode) -> None:
    text = section(page("errors.md"), code)
    assert [part for part in ("What happened:", "What you see:", "What to do:") if f"**{part}**" not in text] == []


def _open(default: object) -> object:
    if isinstance(default, frozenset):
        return ",".join(sorted(default))
    if isinstance(default, tuple):
        return ",".join(default)
    return default.get_secret_value() if isinstance(default, SecretStr) else default


def test_every_setting_is_described_with_its_default_and_no_other_is() -> None:
    described = {cells[0].strip("`"): cells[1] for cells in table(page("settings.md")) if PREFIX in cells[0]}
    assert described == {
        PREFIX + name.upper(): "required"
        if field.is_required()
        else "none"
        if field.default is None
        else f"`{_open(field.default)}`"
        for name, field in Settings.model_fields.items()
    }


def test_every_command_is_described() -> None:
    commands = {command.callback.__name__ for command in app.registered_commands if command.callback} | {
        f"{group.name} {command.name}"
        for group in app.registered_groups
        for command in (group.typer_instance.registered_commands if group.typer_instance else ())
    }
    described = {cells[0].strip("`") for cells in table(section(page("settings.md"), "Commands"))}
    assert described == {f"gateway {name}" for name in commands}


def test_the_module_map_matches_the_tree() -> None:
    named = {cells[0].strip("`") for cells in table(section(page("architecture.md"), "Module map"))}
    folders = {name for name in named if name.endswith("/")}
    there = {
        path.relative_to(ROOT).as_posix()
        for package in ("gateway", "schema")
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py" and "versions" not in path.parts
    }
    modules = {name for name in there if not name.startswith(tuple(folders))}
    assert folders == {"gateway/sandbox/"}
    assert named - folders == modules


def test_every_field_of_a_row_has_its_source() -> None:
    build_schema()
    rows = {cells[0].strip("`"): cells[1] for cells in table(page("sources.md"))}
    wrong: list[str] = []
    declared = set[str]()
    for row_type in ROW_TYPES.values():
        for field in row_type.__strawberry_definition__.fields:
            declaration = declaration_of(field)
            if declaration is None:
                continue
            name = f"{row_type.__name__}.{to_camel_case(field.python_name)}"
            declared.add(name)
            column = declaration.column
            if name not in rows or (column and f"`{row_type.source.name}.{column}`" not in rows[name]):
                wrong.append(name)
    assert wrong == []
    assert rows.keys() <= declared | {"Viewer.companies"}


@pytest.mark.parametrize("figure_type", [Availability, CustomerStatistics], ids=lambda each: each.__name__)
def test_every_figure_has_its_definition_and_its_source(figure_type: Any) -> None:
    named = {cells[0].strip("`"): cells for cells in table(page("figures.md")) if "." in cells[0]}
    figures = {
        f"{figure_type.__name__}.{to_camel_case(field.python_name)}"
        for field in figure_type.__strawberry_definition__.fields
        if (declaration := declaration_of(field)) is not None
        and (declaration.feeds or declaration.columns or declaration.read)
    }
    told = {name for name in named if name.startswith(figure_type.__name__)}
    assert figures | {"CustomerStatistics.sales"} & told == told
    assert all(len(named[name]) == 3 and all(named[name]) for name in told)


def test_every_record_of_the_story_is_in_its_table() -> None:
    told = {
        cells[1].strip("`"): cells[0].strip("`") for cells in table(section(page("sandbox.md"), "The demo company"))
    }
    named = re.findall(r"^    ([A-Z_]+)  ", str(story.__doc__), re.MULTILINE)
    assert {name: told.get(name) for name in named} == {name: getattr(story, name) for name in named}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(DOCS).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    broken: list[str] = []
    for link in _LINK.findall(_FENCE.sub("", path.read_text(encoding="utf-8"))):
        target, _, anchor = link.partition("#")
        if "://" in link:
            continue
        there = (path.parent / target).resolve() if target else path
        if not there.exists() or (anchor and anchor not in anchors(there.read_text(encoding="utf-8"))):
            broken.append(link)
    assert broken == []


def test_every_decision_is_numbered_once_and_has_its_four_parts() -> None:
    decisions = sorted((DOCS / "adr").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    parts = ("**Context.**", "**Decision.**", "**Consequence.**", "**Rejected")
    assert [
        path.name for path in decisions if any(part not in path.read_text(encoding="utf-8") for part in parts)
    ] == []


def _rules() -> list[tuple[str, str]]:
    """Each rule of couplings with the test that keeps it."""
    listed = section(page("couplings.md"), "Where each rule is tested")
    return [
        (cells[0].strip(), cells[1].strip(" `"))
        for cells in (line.strip("|").split("|") for line in listed.splitlines() if line.startswith("| 5."))
    ]


@pytest.mark.parametrize(("rule", "test"), _rules())
def test_every_rule_of_couplings_has_a_test_that_is_there(rule: str, test: str) -> None:
    file, _, name = test.partition("::")
    source = (ROOT / "tests" / "graphql" / file).read_text(encoding="utf-8")
    assert re.search(rf"^async def {name}\(", source, re.MULTILINE), rule


def test_every_section_on_couplings_has_rules_with_tests() -> None:
    assert {rule.split(" ")[0] for rule, _ in _rules()} == {"5.1", "5.2", "5.3", "5.4", "5.5", "5.6"}
