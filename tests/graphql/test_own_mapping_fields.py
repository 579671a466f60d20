"""A custom column of CRM and a property without a mapping, joined by configuration: in runs, differences, matches and filters."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.sandbox.app import open_sandbox
from tests.graphql.api import start
from tests.graphql.runs import Runs
from tests.graphql.test_mapping_changes import differing, field, held, in_bc, in_crm, mapping
from tests.graphql.test_synchronize import NOTHING, QUIET
from tests.runs.test_own_fields import VAT, written

pytestmark = pytest.mark.anyio

ORIGIN = {
    "mapping": "CUSTOMER",
    "label": "Origin",
    "dataverse": "tickersymbol",
    "constant": "BC",
    "direction": "TO_INTEGRATION_TABLE",
    "dataverse_length": 10,
}


@pytest.fixture
async def runs(unused_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Runs]:
    monkeypatch.setenv("GATEWAY_MAPPINGS_FILE", str(written(tmp_path, VAT, ORIGIN)))
    async with AsyncExitStack() as stack:
        shutil.copytree(unused_files, tmp_path, dirs_exist_ok=True)
        opened = open_sandbox("http://localhost", folder=tmp_path / "sandbox")
        stack.callback(opened.close)
        found = Runs(await start(opened, f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}", stack))
        await found.modified()
        await found.modified()
        yield found


VAT_NUMBERS = ("taxRegistrationNumber", "new_vatnumber")


async def test_own_fields_are_synchronized_like_shipped_ones(runs: Runs) -> None:
    shown = await runs.api.ask("{ tableMappings { mapping fields { field label dataverseColumn own constant } } }")
    (customer,) = [each for each in shown.data["tableMappings"] if each["mapping"] == "CUSTOMER"]
    own = [each for each in customer["fields"] if each["own"]]
    assert [(each["field"], each["dataverseColumn"], each["constant"]) for each in own] == [
        ("taxRegistrationNumber", "new_vatnumber", None),
        ("tickersymbol", "tickersymbol", "BC"),
    ]
    await in_bc(runs, QUIET, {"taxRegistrationNumber": "NL001234567B01"})
    assert "taxRegistrationNumber" in await differing(runs, QUIET)
    (step,) = await runs.plan(await runs.id_of(QUIET))
    assert "taxRegistrationNumber" in step["toDataverse"]
    assert (await runs.modified())["counters"] == NOTHING | {"modified": 1}
    assert await held(runs, QUIET, *VAT_NUMBERS) == ("NL001234567B01",) * 2
    assert (await held(runs, QUIET, "number", "tickersymbol"))[1] == "BC"
    assert await differing(runs, QUIET) == set()
    await in_crm(runs, QUIET, {"new_vatnumber": "DE99"})
    assert (await runs.modified())["counters"] == NOTHING | {"modified": 1}
    assert await held(runs, QUIET, *VAT_NUMBERS) == ("DE99", "DE99")
    assert (await runs.modified())["counters"] == NOTHING


async def test_own_fields_are_matched_filtered_and_changed(runs: Runs) -> None:
    answer = await runs.api.ask("{ matchFields(mapping: CUSTOMER) { name dataverse } }")
    names = [each["name"] for each in answer.data["matchFields"]]
    assert "taxRegistrationNumber" in names
    assert "tickersymbol" not in names, "a constant matches nothing"
    rules = [{"kind": "ALPHANUMERIC"}, {"kind": "UPPERCASE"}]
    assert (await field(runs, "taxRegistrationNumber", toDataverse=rules))["own"] is True
    await mapping(
        runs,
        dataverseFilter={"conditions": [{"column": "new_vatnumber", "operator": "NOT_EQUALS", "values": ["STOP"]}]},
        cost=1,
    )
    await in_bc(runs, QUIET, {"taxRegistrationNumber": "nl 00.1"})
    await runs.modified()
    assert await held(runs, QUIET, *VAT_NUMBERS) == ("nl 00.1", "NL001")
    await in_crm(runs, QUIET, {"new_vatnumber": "STOP"})
    await in_bc(runs, QUIET, {"city": "Delft"})
    (step,) = await runs.plan(await runs.id_of(QUIET))
    assert (step["action"], step["reason"]) == ("SKIP", "OUTSIDE_FILTER")


def test_the_example_of_the_page_can_be_read(tmp_path: Path) -> None:
    """What docs/mappings.md shows is a file that the gateway takes."""
    from gateway.runs.own_fields import mappings_with

    page = (Path(__file__).parents[2] / "docs" / "mappings.md").read_text(encoding="utf-8")
    example = page.partition("```toml\n")[2].partition("```")[0]
    path = tmp_path / "mappings.toml"
    path.write_text(example, encoding="utf-8")
    own = [each for table in mappings_with(path).values() for each in table.fields if each.own]
    assert len(own) == example.count("[[fields]]") > 1
    assert json.dumps([each.label for each in own])
