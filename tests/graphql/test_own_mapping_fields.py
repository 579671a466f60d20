"""A custom column of CRM and a property without a mapping, joined by configuration: in runs, differences, matches and filters."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path

import httpx
import pytest

from gateway.runs.own_mappings import mappings_with
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


LIABLE = {
    "mapping": "CUSTOMER",
    "label": "Tax Liable",
    "business_central": "taxLiable",
    "dataverse": "donotphone",
    "kind": "BOOLEAN",
    "direction": "TO_INTEGRATION_TABLE",
}


@pytest.fixture
async def runs(unused_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Runs]:
    monkeypatch.setenv("GATEWAY_MAPPINGS_FILE", str(written(tmp_path, VAT, ORIGIN, LIABLE)))
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
        ("taxLiable", "donotphone", None),
    ]
    liable = (await held(runs, QUIET, "taxLiable", "donotphone"))[0]
    await in_bc(runs, QUIET, {"taxRegistrationNumber": "NL001234567B01", "taxLiable": not liable})
    assert "taxRegistrationNumber" in await differing(runs, QUIET)
    (step,) = await runs.plan(await runs.id_of(QUIET))
    assert "taxRegistrationNumber" in step["toDataverse"]
    assert (await runs.modified())["counters"] == NOTHING | {"modified": 1}
    assert await held(runs, QUIET, *VAT_NUMBERS) == ("NL001234567B01",) * 2
    assert (await held(runs, QUIET, "number", "tickersymbol"))[1] == "BC"
    assert await held(runs, QUIET, "taxLiable", "donotphone") == (not liable, not liable)
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


PAGE = "/api/contoso/sales/v1.0/"


@dataclass
class Extension(httpx.AsyncBaseTransport):
    """A page of an extension over customers, ``ourCustomers``: here the standard one under another name."""

    inner: httpx.AsyncBaseTransport
    asked: list[str] = dataclass_field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        if PAGE not in url:
            return await self.inner.handle_async_request(request)
        self.asked.append(f"{request.method} {url.partition(PAGE)[2].partition('?')[0]}")
        content = (await request.aread()).replace(b"ourCustomers", b"customers")
        there = url.replace(PAGE, "/api/v2.0/").replace("ourCustomers", "customers")
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        moved = httpx.Request(request.method, there, headers=headers, content=content)
        return await self.inner.handle_async_request(moved)


async def test_a_page_of_an_extension_stands_for_the_standard_one(
    sandbox_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard pages cannot be extended, so properties of one's own come from a page of one's own."""
    pages = [{"mapping": "CUSTOMER", "api": "contoso/sales/v1.0", "entity_set": "ourCustomers"}]
    path = tmp_path / "mappings.json"
    path.write_text(json.dumps({"pages": pages, "fields": [VAT]}), encoding="utf-8")
    monkeypatch.setenv("GATEWAY_MAPPINGS_FILE", str(path))
    async with AsyncExitStack() as stack:
        shutil.copytree(sandbox_files, tmp_path / "sandbox")
        opened = open_sandbox("http://localhost", folder=tmp_path / "sandbox")
        stack.callback(opened.close)
        runs = Runs(await start(opened, f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}", stack))
        extension = runs.api.business_central.inner = Extension(runs.api.business_central.inner)
        await runs.modified()
        await runs.modified()
        assert extension.asked
        await in_crm(runs, QUIET, {"new_vatnumber": "DE99"})
        assert "taxRegistrationNumber" in await differing(runs, QUIET)
        extension.asked.clear()
        seen = len(runs.api.business_central.seen)
        assert (await runs.modified())["counters"] == NOTHING | {"modified": 1}
        assert {"GET", "POST"} == {each.partition(" ")[0] for each in extension.asked}, "read, and written in a batch"
        assert not [each for each in runs.api.business_central.seen[seen:] if each.url.path.endswith("/customers")]
        assert await held(runs, QUIET, *VAT_NUMBERS) == ("DE99", "DE99")


def test_the_example_of_the_page_can_be_read(tmp_path: Path) -> None:
    """What docs/mappings.md shows is a file that the gateway takes."""
    page = (Path(__file__).parents[2] / "docs" / "mappings.md").read_text(encoding="utf-8")
    example = page.partition("```toml\n")[2].partition("```")[0]
    path = tmp_path / "mappings.toml"
    path.write_text(example, encoding="utf-8")
    own = [each for table in mappings_with(path).values() for each in table.fields if each.own]
    assert len(own) == example.count("[[fields]]") > 1
