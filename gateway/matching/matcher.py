"""Which uncoupled records of two systems are the same thing: rows in page by page, proposals out page by page.

    with Matcher(criteria) as matcher:
        for page in pages_of_customers:
            matcher.add_sources(page)
        for page in pages_of_accounts:
            matcher.add_targets(page)
        for judged in matcher.steps():
            ...                               # may stop between any two
        for proposals in matcher.proposals():
            ...

Nothing is asynchronous: run each call in a thread, one at a time. Between two calls nothing is held in memory that grows with the
number of rows.
"""

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from gateway.matching import exact, results, scoring
from gateway.matching.criteria import Criteria
from gateway.matching.proposal import Proposal
from gateway.matching.record import MatchRow
from gateway.matching.scratch import Scratch, Side

PAGE = 500


class Matcher:
    """One run of match-based coupling. Keeps its rows in a private file that is gone when it is closed."""

    def __init__(self, criteria: Criteria) -> None:
        self._criteria = criteria
        self._scratch = Scratch(criteria)
        self._work: Iterator[int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scratch.close()

    def add_sources(self, rows: Iterable[MatchRow]) -> None:
        """Uncoupled records of the side that is asked about."""
        self._add(Side.SOURCE, rows)

    def add_targets(self, rows: Iterable[MatchRow]) -> None:
        """All records of the other side that may be a partner, coupled ones with their ``partner``."""
        self._add(Side.TARGET, rows)

    def _add(self, side: Side, rows: Iterable[MatchRow]) -> None:
        if self._work:
            raise RuntimeError("all rows have to be there before the first is judged")
        self._scratch.add(side, rows)

    def steps(self) -> Iterator[int]:
        """The work, in pieces of a second or so; each yields how many sources have been judged so far."""
        if self._work is None:
            self._work = self._steps()
        return self._work

    def _steps(self) -> Iterator[int]:
        judged = 0
        self._scratch.order()
        yield judged
        for _ in exact.decide(self._scratch, self._criteria):
            yield judged
        for _ in scoring.prepare(self._scratch, self._criteria, PAGE):
            yield judged
        for count in scoring.judge(self._scratch, self._criteria, PAGE):
            judged += count
            yield judged

    def proposals(self, page_size: int = PAGE) -> Iterator[list[Proposal]]:
        """One proposal for each source, by its key, those without a key last. Does first what is left of the steps."""
        for _ in self.steps():
            pass
        for page in self._scratch.pages(Side.SOURCE, page_size):
            yield results.proposals(self._scratch, page)
