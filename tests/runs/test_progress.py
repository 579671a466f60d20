"""How far a run is: what can be told, and what cannot."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gateway.couplings.coupling import Mapping
from gateway.runs.progress import progress_of
from gateway.runs.run import Counters, Run, RunKind, RunState, Tally

BEGAN = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
NOW = BEGAN + timedelta(seconds=10)


def run(state: RunState, chosen: int | None = None, **counters: int) -> Run:
    asked = {} if chosen is None else {"couplings": [str(UUID(int=number)) for number in range(chosen)]}
    kind = RunKind.MODIFIED if chosen is None else RunKind.RECORDS
    started = None if state is RunState.WAITING else BEGAN
    finished = BEGAN + timedelta(seconds=5) if state.is_final else None
    tally = Tally(Counters(**counters))
    return Run(UUID(int=1), Mapping.CUSTOMER, UUID(int=2), kind, asked, state, BEGAN, "Ada", started, finished, tally)


def test_a_run_over_chosen_couplings_tells_when_it_will_end() -> None:
    found = progress_of(run(RunState.RUNNING, 200, modified=30, unchanged=10, failed=5, skipped=5), NOW)
    assert (found.processed, found.expected, found.per_second) == (50, 200, 5.0)
    assert found.expected_end == NOW + timedelta(seconds=30)


def test_a_run_over_what_changed_tells_its_speed_alone() -> None:
    found = progress_of(run(RunState.RUNNING, modified=20), NOW)
    assert (found.processed, found.expected, found.per_second, found.expected_end) == (20, None, 2.0, None)


def test_a_run_that_has_ended_keeps_its_speed() -> None:
    found = progress_of(run(RunState.SUCCEEDED, 20, modified=20), NOW + timedelta(days=1))
    assert (found.per_second, found.expected_end) == (4.0, None)


@given(
    state=st.sampled_from(RunState),
    chosen=st.none() | st.integers(0, 300),
    counters=st.fixed_dictionaries({name: st.integers(0, 300) for name in ("modified", "failed", "coupled")}),
    seconds=st.integers(-60, 10**6),
)
def test_an_end_is_told_only_of_a_run_under_way_and_never_in_the_past(
    state: RunState, chosen: int | None, counters: dict[str, int], seconds: int
) -> None:
    now = BEGAN + timedelta(seconds=seconds)  # also before its beginning: the clocks of two machines differ
    found = progress_of(run(state, chosen, **counters), now)
    assert found.processed == counters["modified"] + counters["failed"]
    assert found.per_second is None or found.per_second >= 0
    if found.expected_end is not None:
        assert state is RunState.RUNNING
        assert chosen is not None
        assert found.expected_end >= now
