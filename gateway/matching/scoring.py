"""Candidates for what the criteria did not match: found by blocking keys, scored, judged.

The work for one source is bounded, however common its name: blocks of more than `LARGEST_BLOCK` targets are left out, of the
others the smallest are taken until they hold `MOST_PAIRS`, and the `MOST_SCORED` that share the rarest keys are scored.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from gateway.matching.blocking import keys
from gateway.matching.criteria import Criteria, Field
from gateway.matching.proposal import Verdict
from gateway.matching.score import score
from gateway.matching.scratch import Entry, Scratch, Side

LARGEST_BLOCK = 200
MOST_PAIRS = 200
MOST_SCORED = 25
MOST_SHOWN = 5

WORTH_SHOWING = 30
"""A score below says that two records share a word."""

_PAIRS = f"""
WITH ranked AS (
    SELECT w.source, w.key, b.size,
           sum(b.size) OVER (PARTITION BY w.source ORDER BY b.size, w.key ROWS UNBOUNDED PRECEDING) AS together
    FROM wanted w JOIN block b ON b.key = w.key
)
SELECT r.source, t.target
FROM ranked r CROSS JOIN target_key t ON t.key = r.key
WHERE r.together <= {MOST_PAIRS}
GROUP BY r.source, t.target
ORDER BY r.source, sum(1000000 / r.size) DESC, t.target
"""  # noqa: S608 - a number of ours

_CLAIMED = f"""
SELECT target FROM decision
WHERE target IN (SELECT place FROM needed) AND priority IS NOT NULL AND verdict IN ('{Verdict.MATCHED}', '{Verdict.CONTESTED}')
"""  # noqa: S608 - the words of an enum

# The best claim stands when it is clearly better than the next.
_CONTEST = f"""
WITH claim AS (
    SELECT source, target, score,
           max(score) OVER (PARTITION BY target) AS best,
           count(*) OVER (PARTITION BY target) AS claims,
           nth_value(score, 2) OVER (PARTITION BY target ORDER BY score DESC
               ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS second
    FROM decision WHERE verdict = '{Verdict.LIKELY}'
)
UPDATE decision SET verdict = '{Verdict.CONTESTED}'
WHERE source IN (SELECT source FROM claim WHERE claims > 1 AND (score < best OR best - second < ?))
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Scored:
    """A target with what it scores for one source. ``hit``: it meets the criteria. ``equals``: fields equal as they are."""

    target: Entry
    score: int
    hit: bool
    equals: int

    @property
    def rank(self) -> tuple[bool, int, int, int]:
        return not self.hit, -self.score, -self.equals, self.target.place


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What one page of sources needs: places of targets by place of source, and those targets.

    ``claimed``: targets that some source has by the criteria.
    """

    fields: Sequence[Field]
    hits: Mapping[int, Sequence[int]]
    pairs: Mapping[int, Sequence[int]]
    targets: Mapping[int, Entry]
    claimed: frozenset[int]

    def candidates(self, source: Entry) -> list[Scored]:
        """Best first."""
        hits = self.hits.get(source.place, ())
        scored = []
        for place in {*hits, *self.pairs.get(source.place, ())}:
            target = self.targets[place]
            points = score(self.fields, source.normalised, target.normalised)
            if place in hits or points >= WORTH_SHOWING:
                scored.append(Scored(target, points, place in hits, _equals(source, target)))
        return sorted(scored, key=lambda each: each.rank)


def prepare(scratch: Scratch, criteria: Criteria, size: int) -> Iterator[None]:
    """Fills ``target_key`` and ``block``, a page at a time."""
    if criteria.scored:
        for page in scratch.pages(Side.TARGET, size):
            pairs = ((key, entry.place) for entry in page for key in keys(scratch.fields, entry.normalised))
            scratch.database.executemany("INSERT INTO target_key VALUES (?, ?)", pairs)
            yield
        scratch.database.execute("CREATE INDEX by_key ON target_key (key, target)")
        scratch.database.execute(
            "INSERT INTO block SELECT key, count(*) FROM target_key GROUP BY key HAVING count(*) <= ?", (LARGEST_BLOCK,)
        )


def judge(scratch: Scratch, criteria: Criteria, size: int) -> Iterator[int]:
    """Fills ``shown`` and the rest of ``decision``, a page at a time; yields how many sources that were."""
    for page in scratch.pages(Side.SOURCE, size):
        _judge_page(scratch, criteria, page)
        yield len(page)
    scratch.database.execute(_CONTEST, (criteria.margin,))


def _judge_page(scratch: Scratch, criteria: Criteria, page: Sequence[Entry]) -> None:
    decided = _decided(scratch, page)
    around = _surroundings(
        scratch, criteria, [each for each in page if decided.get(each.place) != Verdict.MATCHED], page
    )
    shown: list[tuple[int, int, int, int]] = []
    judged: list[tuple[int, str, int | None, int | None]] = []
    for source in page:
        matched = decided.get(source.place) == Verdict.MATCHED
        best = around.candidates(source)[:MOST_SHOWN]
        shown.extend(
            (source.place, position, each.target.place, 100 if matched else each.score)
            for position, each in enumerate(best)
        )
        if source.place not in decided:
            verdict = _verdict(criteria, best, around.claimed)
            one = best[0] if verdict not in (Verdict.NONE, Verdict.AMBIGUOUS) else None
            judged.append((source.place, verdict, *((one.target.place, one.score) if one else (None, None))))
    scratch.database.executemany("INSERT INTO shown VALUES (?, ?, ?, ?)", shown)
    scratch.database.executemany("INSERT INTO decision VALUES (?, ?, NULL, ?, ?)", judged)


def _verdict(criteria: Criteria, ranked: Sequence[Scored], claimed: frozenset[int]) -> Verdict:
    """Of a source that the criteria found nothing for. A close second counts, even one that cannot be had."""
    if not ranked or ranked[0].score < criteria.minimum_score:
        return Verdict.NONE
    if len(ranked) > 1 and ranked[0].score - ranked[1].score < criteria.margin:
        return Verdict.AMBIGUOUS
    if ranked[0].target.partner is not None:
        return Verdict.TAKEN
    return Verdict.CONTESTED if ranked[0].target.place in claimed else Verdict.LIKELY


def _decided(scratch: Scratch, page: Sequence[Entry]) -> dict[int, str]:
    """What the criteria said, where they found anything."""
    return dict(
        scratch.database.execute("SELECT source, verdict FROM decision WHERE source BETWEEN ? AND ?", _ends(page))
    )


def _surroundings(
    scratch: Scratch, criteria: Criteria, unmatched: Sequence[Entry], page: Sequence[Entry]
) -> Surroundings:
    hits = _by_source(
        scratch.database.execute("SELECT source, target FROM hit WHERE source BETWEEN ? AND ?", _ends(page))
    )
    pairs = _pairs(scratch, unmatched) if criteria.scored else {}
    targets = scratch.some(Side.TARGET, {*chain.from_iterable(hits.values()), *chain.from_iterable(pairs.values())})
    claimed = frozenset(target for (target,) in scratch.database.execute(_CLAIMED))
    return Surroundings(scratch.fields, hits, pairs, targets, claimed)


def _pairs(scratch: Scratch, sources: Sequence[Entry]) -> dict[int, list[int]]:
    scratch.database.execute("DELETE FROM wanted")
    scratch.database.executemany(
        "INSERT INTO wanted VALUES (?, ?)",
        ((source.place, key) for source in sources for key in keys(scratch.fields, source.normalised)),
    )
    return {source: targets[:MOST_SCORED] for source, targets in _by_source(scratch.database.execute(_PAIRS)).items()}


def _by_source(rows: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    found: defaultdict[int, list[int]] = defaultdict(list)
    for source, target in rows:
        found[source].append(target)
    return dict(found)


def _ends(page: Sequence[Entry]) -> tuple[int, int]:
    return page[0].place, page[-1].place


def _equals(source: Entry, target: Entry) -> int:
    both = zip(source.values, target.values, strict=True)
    return sum(value is not None and value == other for value, other in both)
