"""How far a run is, and how fast. Pure.

What is not known is None: a run over what changed learns how much that is only at its end, and asking the systems beforehand
would cost requests in every run.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.runs.run import Run, RunState


@dataclass(frozen=True, slots=True)
class Progress:
    """``processed`` are records that something became of. ``expected`` is the most that there can be: of chosen couplings, those
    that ended meanwhile are left out.

    ``per_second`` is the average since it began. ``expected_end`` is told of a run under way whose total is known.
    """

    processed: int
    expected: int | None = None
    per_second: float | None = None
    expected_end: datetime | None = None


def progress_of(run: Run, now: datetime) -> Progress:
    """How far the run is at a moment that is not before its beginning."""
    processed, expected = _processed(run), _expected(run)
    rate = _rate(run, processed, now)
    return Progress(processed, expected, rate, _end(run, processed, expected, rate, now))


def _processed(run: Run) -> int:
    """A coupling that was made is not counted: its record was inserted, or counts otherwise."""
    total = run.tally.total
    written = total.inserted + total.modified + total.deleted + total.uncoupled
    return written + total.unchanged + total.skipped + total.failed


def _expected(run: Run) -> int | None:
    chosen = run.asked.get("couplings")
    return len(chosen) if isinstance(chosen, list) else None


def _rate(run: Run, processed: int, now: datetime) -> float | None:
    if run.started_at is None:
        return None
    seconds = ((run.finished_at or now) - run.started_at).total_seconds()
    return processed / seconds if seconds > 0 else None


def _end(run: Run, processed: int, expected: int | None, rate: float | None, now: datetime) -> datetime | None:
    if run.state is not RunState.RUNNING or expected is None or not rate:
        return None
    return now + timedelta(seconds=max(expected - processed, 0) / rate)
