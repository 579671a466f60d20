"""What the criteria alone decide, over all records at once: one search for each priority and combination of filled fields.

1. Groups of criteria are tried by priority, the fields of a group together. Fields that are blank in the source are left out; a
   group of which all are blank finds nothing.
2. Exactly one candidate that is free is a match. None, several, or one that is coupled: the next group is tried.
3. Of what failed, the first group that found anything is remembered.
4. Ours: a target that is the match of several sources is nobody's, whichever came first.

Source: Business Central, codeunit CDS Int. Table Couple; "Set Up a Connection", match-based coupling.
"""

from collections.abc import Iterator, Sequence

from gateway.matching.criteria import Criteria, Group
from gateway.matching.proposal import Verdict
from gateway.matching.scratch import Scratch, column

MOST_HITS = 20
"""Of one source that are looked at, by key. Whether there is one or several is known with two; the best five are shown."""

_UNDECIDED = f"NOT EXISTS (SELECT 1 FROM decision WHERE source = s.place AND verdict = '{Verdict.MATCHED}')"  # noqa: S608

# A candidate that is coupled already still counts: two of which one is free are not exactly one.
_SETTLE = f"""
INSERT OR REPLACE INTO decision (source, verdict, priority, target)
SELECT source,
       CASE WHEN count(*) > 1 THEN '{Verdict.AMBIGUOUS}'
            WHEN max(coupled) THEN '{Verdict.TAKEN}'
            ELSE '{Verdict.MATCHED}' END AS found,
       ?,
       CASE WHEN count(*) = 1 THEN min(target) END
FROM attempt JOIN target ON place = target
GROUP BY source
HAVING found = '{Verdict.MATCHED}' OR source NOT IN (SELECT source FROM decision)
"""  # noqa: S608 - the words of an enum

_CONTEST = f"""
UPDATE decision SET verdict = '{Verdict.CONTESTED}'
WHERE verdict = '{Verdict.MATCHED}' AND target IN
    (SELECT target FROM decision WHERE verdict = '{Verdict.MATCHED}' GROUP BY target HAVING count(*) > 1)
"""  # noqa: S608


def decide(scratch: Scratch, criteria: Criteria) -> Iterator[None]:
    """Fills ``decision`` and ``hit``; comes up for air after every search."""
    for group in criteria.groups:
        for filled in _combinations(scratch, group):
            _search(scratch, group, filled)
            yield
        _settle(scratch, group)
    scratch.database.execute(_CONTEST)
    scratch.database.execute("CREATE INDEX decision_target ON decision (target)")


def _combinations(scratch: Scratch, group: Group) -> list[tuple[int, ...]]:
    """Which fields of the group sources have filled: those that occur."""
    filled = ", ".join(f"{column(place)} IS NOT NULL" for place in group.all)
    some = " OR ".join(f"{column(place)} IS NOT NULL" for place in group.own)
    rows = scratch.database.execute(f"SELECT DISTINCT {filled} FROM source s WHERE ({some}) AND {_UNDECIDED}")  # noqa: S608
    return sorted(tuple(place for place, has in zip(group.all, row, strict=True) if has) for row in rows)


def _search(scratch: Scratch, group: Group, filled: Sequence[int]) -> None:
    """Goes through an index made for it, so that even a city that half of all records have is not read to its end."""
    scratch.database.execute(f"CREATE INDEX searched ON target ({', '.join(map(column, filled))})")
    same = " AND ".join(f"t.{column(place)} = s.{column(place)}" for place in filled)
    blank = "".join(f" AND s.{column(place)} IS NULL" for place in group.all if place not in filled)
    present = " AND ".join(f"s.{column(place)} IS NOT NULL" for place in filled)
    scratch.database.execute(
        "INSERT INTO attempt SELECT s.place, found.place FROM source s JOIN target found ON found.place IN "  # noqa: S608
        f"(SELECT t.place FROM target t INDEXED BY searched WHERE {same} ORDER BY t.place LIMIT {MOST_HITS}) "
        f"WHERE {present}{blank} AND {_UNDECIDED}"
    )
    scratch.database.execute("DROP INDEX searched")


def _settle(scratch: Scratch, group: Group) -> None:
    scratch.database.execute(_SETTLE, (group.priority,))
    decided = "SELECT source FROM decision WHERE priority = ?"
    scratch.database.execute(f"DELETE FROM hit WHERE source IN ({decided})", (group.priority,))  # noqa: S608
    scratch.database.execute(
        f"INSERT INTO hit SELECT source, target FROM attempt WHERE source IN ({decided})",  # noqa: S608
        (group.priority,),
    )
    scratch.database.execute("DELETE FROM attempt")
