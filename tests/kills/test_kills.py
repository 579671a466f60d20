"""Some of the kills that ``python -m tests.kills`` makes by the hundred, at steps where something is half done."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.runs.policy import DeletionConflict, UpdateConflict
from tests.databases import DATABASES
from tests.kills.far_end import far_end
from tests.kills.kill import Killing
from tests.kills.people import Kind, Rules
from tests.kills.world import prepared

pytestmark = pytest.mark.anyio


def _rules(kind: Kind, *, only_coupled: bool = False) -> Rules:
    return Rules(kind, UpdateConflict.BUSINESS_CENTRAL_WINS, DeletionConflict.RESTORE_RECORDS, only_coupled)


_RESTORED = "before commit of delete coupling_intents"
KILLS = {
    "sqlite": [("after a write to CRM", _rules(Kind.MODIFIED), 1)],
    "postgresql": [
        (_RESTORED, _rules(Kind.MODIFIED, only_coupled=True), 1),
        ("before a write to CRM", _rules(Kind.FULL), 3),
    ],
}
"""Where, in which run, and how many processes there are. One is killed when CRM has made records anew and their couplings
do not know it yet."""


@pytest.mark.parametrize("database", DATABASES)
async def test_after_a_kill_nothing_is_lost_or_doubled(
    database: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async with far_end() as end, prepared(end, database, tmp_path / "prepared") as world:
        killing = Killing(end, world, tmp_path / "now")
        for where, rules, workers in KILLS[database]:
            outcome = await killing.kill_at(where, rules, workers=workers)
            assert [set(points) for points in outcome.kills] == [{where}], "several may come to it at once"
            assert outcome.wrong == []
            record_property("counts", f"killed on {database} with {workers} at once, {where}: everything came right")
