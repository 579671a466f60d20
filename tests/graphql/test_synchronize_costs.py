"""What a run over one changed record costs: the same, however many records there are."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.sandbox.app import open_sandbox
from tests.graphql.api import start
from tests.graphql.runs import Runs

pytestmark = pytest.mark.anyio

CUSTOMER = "C00023"


async def cost_of_one_change(folder: Path, customers: int) -> dict[str, tuple[int, int]]:
    """Requests to Business Central and to Dataverse, by where the change was made; of a company that was synchronized before."""
    spent: dict[str, tuple[int, int]] = {}
    opened = open_sandbox("http://localhost", folder=folder, customers=customers)
    try:
        async with AsyncExitStack() as stack:
            runs = Runs(await start(opened, f"sqlite+aiosqlite:///{folder / 'gateway.db'}", stack))
            central, dataverse = runs.api.business_central, runs.api.dataverse
            bc, crm = await runs.both(CUSTOMER)
            assert (await runs.modified())["status"] == "SUCCEEDED"
            await runs.api.in_dataverse("PATCH", crm, {"address1_city": "Delft"})
            await runs.modified()  # what belongs to the company, to CRM and to codes is known for a while
            for place in ("CRM", "BC"):
                if place == "CRM":
                    await runs.api.in_dataverse("PATCH", crm, {"telephone1": "+31 10 555 0999"})
                else:
                    await runs.api.in_business_central("PATCH", bc, {"city": "Gouda"})
                seen = len(central.seen), len(dataverse.seen)
                assert (await runs.modified())["counters"]["modified"] == 1
                spent[place] = len(central.seen) - seen[0], len(dataverse.seen) - seen[1]
    finally:
        opened.close()
    return spent


async def test_one_change_costs_the_same_whatever_the_size_of_the_tables(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.mkdir()
    large.mkdir()
    spent = await cost_of_one_change(small, 200)
    assert await cost_of_one_change(large, 700) == spent
    assert spent == {"CRM": (7, 3), "BC": (5, 5)}, "half of them are for the skip list, which is the demo's own"
