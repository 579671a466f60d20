"""How drift is walked: an answer that runs out of time is short, and says how far it has come."""

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from gateway.clients.call import Deadline
from gateway.couplings.coupling import Coupling, Mapping
from gateway.errors import DeadlineError
from gateway.pairing.drift import duplicates
from gateway.pairing.drift.examiner import Question
from gateway.pairing.drift.kinds import DriftKind
from gateway.pairing.drift.pages import CouplingPlace, drift_page
from gateway.pairing.drift.repair import DriftOutcome, repair_all
from gateway.sync.desk import Desk
from gateway.sync.mappings import TABLE_MAPPINGS
from tests.graphql.test_drift import account
from tests.sync.desks import Office, office

pytestmark = pytest.mark.anyio

UNITS = TABLE_MAPPINGS[Mapping.UNIT_OF_MEASURE]
BROKEN = Question.of(UNITS, [DriftKind.BROKEN_DATAVERSE])
MANY = 1_700


@pytest.fixture
async def full(sandbox_files: Path, tmp_path: Path) -> AsyncIterator[Office]:
    """Many couplings of records that are not there, behind those that are."""
    shutil.copytree(sandbox_files, tmp_path / "sandbox")
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(office(tmp_path))
        gone = [
            Coupling(UUID(int=number + 1), UNITS.mapping, opened.company, uuid4(), uuid4(), f"Z{number:05}")
            for number in range(MANY)
        ]
        await opened.api.app.state.running.services.couplings.add(gone)
        yield opened


def in_a_hurry(desk: Desk) -> Desk:
    """Most of the time the request may take is over."""
    return replace(desk, longest_request=timedelta(hours=1))


async def test_without_time_a_page_is_short_and_can_be_gone_on_from(full: Office) -> None:
    page = await drift_page(in_a_hurry(full.desk()), BROKEN, first=MANY * 2, after=None)
    assert 0 < len(page.told) <= 500
    assert isinstance(page.end, CouplingPlace)
    seen = len(page.told)
    while page.end is not None:
        page = await drift_page(in_a_hurry(full.desk()), BROKEN, first=MANY * 2, after=page.end)
        seen += len(page.told)
    assert seen == MANY


async def test_a_page_may_be_empty_with_more_to_follow(full: Office) -> None:
    question = Question.of(UNITS, [DriftKind.OUT_OF_FILTER])
    page = await drift_page(in_a_hurry(full.desk()), question, first=5, after=None)
    assert (page.told, page.end is None) == ([], False)
    assert (await drift_page(full.desk(), question, first=5, after=None)).end is None


async def test_without_any_time_nothing_is_begun(full: Office) -> None:
    desk = full.desk()
    late = replace(desk, asking=replace(desk.asking, deadline=Deadline.after(-1)))
    with pytest.raises(DeadlineError, match="Leave out `counts`"):
        await drift_page(late, Question.of(UNITS, [DriftKind.SKIPPED]), first=5, after=None, count=True)


async def test_repairs_go_on_where_the_call_before_ended(full: Office) -> None:
    repairs = await repair_all(in_a_hurry(full.desk()), UNITS, [DriftKind.BROKEN_DATAVERSE], None, dry=False)
    done = len(repairs.results)
    assert 0 < done <= 500
    while repairs.end is not None:
        after = repairs.end
        repairs = await repair_all(in_a_hurry(full.desk()), UNITS, [DriftKind.BROKEN_DATAVERSE], after, dry=False)
        done += len(repairs.results)
        assert {each.outcome for each in repairs.results} <= {DriftOutcome.REPAIRED}
    assert done == MANY
    assert (await drift_page(full.desk(), BROKEN, first=5, after=None)).told == []


async def test_a_call_tells_no_more_than_can_be_read(full: Office) -> None:
    repairs = await repair_all(full.desk(), UNITS, [DriftKind.BROKEN_DATAVERSE], None, dry=True)
    assert 1_000 <= len(repairs.results) < MANY
    assert repairs.end is not None


async def test_a_place_outlives_the_coupling_it_names(full: Office) -> None:
    first = await drift_page(full.desk(), BROKEN, first=3, after=None)
    await repair_all(full.desk(), UNITS, [DriftKind.BROKEN_DATAVERSE], None, dry=False)
    rest = await drift_page(full.desk(), BROKEN, first=MANY, after=first.end)
    assert [finding.key for finding, _ in rest.told] == [
        finding.key for finding, _ in (await drift_page(full.desk(), BROKEN, first=MANY, after=None)).told
    ]


@pytest.mark.parametrize("page", [7, 5_000])
async def test_of_rows_with_one_key_all_are_counted_and_a_coupled_one_is_found_wherever_it_stands(
    full: Office, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(duplicates, "_PAGE", page)
    rows = sorted(UUID(account(full.api, number)) for number in ["many"] * 30)
    question = Question.of(TABLE_MAPPINGS[Mapping.CUSTOMER], [DriftKind.DUPLICATE])
    ((finding, _),) = (await drift_page(full.desk(), question, first=5, after=None)).told
    assert (finding.others, len(finding.records)) == (29, 10)
    coupled = Coupling(uuid4(), Mapping.CUSTOMER, full.company, uuid4(), rows[-1], "C99999", "many")
    await full.api.app.state.running.services.couplings.add([coupled])
    told = (await drift_page(full.desk(), question, first=5, after=None)).told
    assert [finding.coupling for finding, _ in told] == [coupled], "it is the duplicate of a pair now, told once"
