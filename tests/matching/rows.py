"""Rows and runs for the tests of this folder."""

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID, uuid5

from gateway.matching.criteria import Comparison, Criteria, Criterion, Field, Grouping, ValueKind
from gateway.matching.matcher import Matcher
from gateway.matching.proposal import Proposal
from gateway.matching.record import MatchRow, Value

KINDS = {
    "number": ValueKind.CODE,
    "name": ValueKind.NAME,
    "email": ValueKind.EMAIL,
    "phone": ValueKind.PHONE,
    "website": ValueKind.WEB,
    "postalCode": ValueKind.POSTAL_CODE,
    "city": ValueKind.TEXT,
    "country": ValueKind.OTHER,
    "limit": ValueKind.OTHER,
    "blocked": ValueKind.OTHER,
}


def row(key: str | None, **values: Value) -> MatchRow:
    """The same key is the same record."""
    name = values.get("name")
    return MatchRow(uuid5(UUID(int=1), repr(key)), key, name if isinstance(name, str) else None, values)


def taken(row: MatchRow, partner: str) -> MatchRow:
    return replace(row, partner=partner)


def by(
    *groups: str,
    grouping: Grouping = Grouping.FALL_BACK,
    comparison: Comparison = Comparison.EXACT,
    case_sensitive: bool = False,
    scored: bool = False,
    evidence: str = "",
) -> Criteria:
    """``by("number", "name city")``: by number first, then by name and city together."""
    criteria = tuple(
        Criterion(field, KINDS[field], priority, case_sensitive, comparison)
        for priority, fields in enumerate(groups)
        for field in fields.split()
    )
    further = tuple(Field(field, KINDS[field]) for field in evidence.split())
    return Criteria(criteria, grouping, scored, evidence=further)


def proposed(criteria: Criteria, sources: Iterable[MatchRow], targets: Iterable[MatchRow]) -> list[Proposal]:
    with Matcher(criteria) as matcher:
        matcher.add_sources(sources)
        matcher.add_targets(targets)
        return [proposal for page in matcher.proposals() for proposal in page]


def told(proposal: Proposal) -> str:
    """``MATCHED 0 a``: verdict, priority, keys of the candidates."""
    priority = "-" if proposal.priority is None else proposal.priority
    return " ".join([proposal.verdict, str(priority), *(str(each.key) for each in proposal.candidates)])


def outcome(criteria: Criteria, source: MatchRow, targets: Iterable[MatchRow]) -> str:
    [proposal] = proposed(criteria, [source], targets)
    return told(proposal)
