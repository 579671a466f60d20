"""A page of proposals, put together from what was decided. Reasons are worked out here, for the few candidates that are shown."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from gateway.matching.criteria import Field
from gateway.matching.proposal import Candidate, Proposal, Reason, Verdict
from gateway.matching.score import reason
from gateway.matching.scratch import Entry, Scratch, Side

# Of all who claim a target the first and the last are enough to name one that is somebody else.
_CLAIMS = f"""
SELECT target, min(source), max(source) FROM decision
WHERE target IN (SELECT place FROM needed) AND verdict IN ('{Verdict.MATCHED}', '{Verdict.CONTESTED}', '{Verdict.LIKELY}')
GROUP BY target
"""  # noqa: S608 - the words of an enum


@dataclass(frozen=True, slots=True)
class Page:
    """What is known of a page of sources. ``shown``: target and score; ``claims``: two sources by target; both by place."""

    decided: Mapping[int, tuple[Verdict, int | None]]
    shown: Mapping[int, Sequence[tuple[int, int]]]
    targets: Mapping[int, Entry]
    claims: Mapping[int, tuple[int, int]]
    claimants: Mapping[int, Entry]

    def claimed_by(self, source: Entry, target: int) -> str | None:
        others = (each for each in self.claims.get(target, ()) if each != source.place)
        return next((self.claimants[each].label for each in others), None)


def proposals(scratch: Scratch, sources: Sequence[Entry]) -> list[Proposal]:
    """One for each source, in their order."""
    page = _page(scratch, (sources[0].place, sources[-1].place))
    return [_proposal(scratch.fields, page, source) for source in sources]


def _page(scratch: Scratch, ends: tuple[int, int]) -> Page:
    decided = {
        source: (Verdict(verdict), priority)
        for source, verdict, priority in scratch.database.execute(
            "SELECT source, verdict, priority FROM decision WHERE source BETWEEN ? AND ?", ends
        )
    }
    shown: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for source, target, score in scratch.database.execute(
        "SELECT source, target, score FROM shown WHERE source BETWEEN ? AND ? ORDER BY source, position", ends
    ):
        shown[source].append((target, score))
    targets = scratch.some(Side.TARGET, (target for found in shown.values() for target, _ in found))
    claims = {target: (first, last) for target, first, last in scratch.database.execute(_CLAIMS)}
    claimants = scratch.some(Side.SOURCE, (each for pair in claims.values() for each in pair))
    return Page(decided, shown, targets, claims, claimants)


def _proposal(fields: Sequence[Field], page: Page, source: Entry) -> Proposal:
    verdict, priority = page.decided[source.place]
    candidates = (
        Candidate(
            id=UUID(target.id),
            key=target.key,
            name=target.name,
            score=score,
            taken_by=target.partner,
            claimed_by=page.claimed_by(source, target.place),
            reasons=_reasons(fields, source, target),
        )
        for target, score in ((page.targets[place], score) for place, score in page.shown.get(source.place, ()))
    )
    return Proposal(UUID(source.id), source.key, source.name, verdict, priority, tuple(candidates))


def _reasons(fields: Sequence[Field], source: Entry, target: Entry) -> tuple[Reason, ...]:
    values = zip(source.values, target.values, strict=True)
    normalised = zip(source.normalised, target.normalised, strict=True)
    return tuple(map(reason, fields, values, normalised))
