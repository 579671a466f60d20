"""What a full run would meet, mapping by mapping and way by way, and what is best done. Pure.

Source: Business Central, page CRM Full Synch. Review; table CRM Full Synch. Review Line, "Initial Synch Recommendation".
"""

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.couplings.coupling import Mapping
from gateway.records import Backend
from gateway.runs.run import RunState
from gateway.sync.mapping import TableMapping


class Recommendation(StrEnum):
    """What is best done with a mapping in one direction."""

    FULL_SYNCHRONIZATION = "FULL_SYNCHRONIZATION"
    COUPLE_RECORDS = "COUPLE_RECORDS"
    NO_RECORDS = "NO_RECORDS"
    DEPENDENCY_NOT_SATISFIED = "DEPENDENCY_NOT_SATISFIED"


@dataclass(frozen=True, slots=True)
class Uncoupled:
    """Records within the filter that nobody coupled. ``number`` None: it cannot be had, ``reason`` says why.

    Not ``exact``: there are too many couplings to look which of them lead outside the filter; it may be more.
    """

    number: int | None
    exact: bool = True
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """A mapping as it stands: the state of its last full run (None: there was none), and what there is to do."""

    mapping: TableMapping
    state: RunState | None
    coupled: int
    uncoupled: ReadOnly[Backend, Uncoupled]

    @property
    def is_satisfied(self) -> bool:
        """Whether what refers to its records can find them coupled.

        It can after a full run that came to its end, where nothing is to be coupled, and where some of it is: then single records
        may still fail. It cannot after a run that failed, and while one is under way.
        """
        if self.state is RunState.SUCCEEDED:
            return True
        if self.state in (RunState.FAILED, RunState.RUNNING, RunState.WAITING):
            return False
        origins = [origin_of(each) for each in Backend if self.mapping.direction.goes_to(each)]
        return self.coupled > 0 or all(self.uncoupled[each].number == 0 for each in origins)


@dataclass(frozen=True, slots=True)
class Line:
    """One mapping in one direction, ``to`` the side that is written. None is recommended where the counts are not known."""

    facts: Facts
    to: Backend
    recommendation: Recommendation | None
    dependencies: tuple[Facts, ...]


def review(facts: Sequence[Facts]) -> list[Line]:
    """A line for each mapping and each direction it has, in the order of the mappings."""
    known = {each.mapping.mapping: each for each in facts}
    return [_line(each, to, known) for each in facts for to in Backend if each.mapping.direction.goes_to(to)]


def _line(facts: Facts, to: Backend, known: ReadOnly[Mapping, Facts]) -> Line:
    dependencies = tuple(known[each] for each in facts.mapping.depends_on if each in known)
    return Line(facts, to, recommend(facts, to, dependencies), dependencies)


def recommend(facts: Facts, to: Backend, dependencies: Sequence[Facts]) -> Recommendation | None:
    """What is best done; a full run over two sides that both hold records would make doubles, if nobody looked.

    What CRM has by its natural key is taken by a full run, so both sides may hold records there.
    """
    source, target = facts.uncoupled[origin_of(to)].number, facts.uncoupled[to].number
    if source == 0:
        return Recommendation.NO_RECORDS
    if not all(each.is_satisfied for each in dependencies):
        return Recommendation.DEPENDENCY_NOT_SATISFIED
    adopts = facts.mapping.adopts is not None and to is Backend.DATAVERSE
    if source is None or (target is None and not adopts):
        return None
    return Recommendation.COUPLE_RECORDS if target and not adopts else Recommendation.FULL_SYNCHRONIZATION


def origin_of(to: Backend) -> Backend:
    """The side that is read when this one is written."""
    return Backend.DATAVERSE if to is Backend.BUSINESS_CENTRAL else Backend.BUSINESS_CENTRAL
