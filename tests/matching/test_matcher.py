"""A run as a whole: order, pages, threads, files, and what holds whatever the rows."""

import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.keys import fold
from gateway.matching.criteria import Comparison, Criteria, Criterion, Field, Grouping, ValueKind
from gateway.matching.matcher import Matcher
from gateway.matching.normalise import normalise
from gateway.matching.proposal import Outcome, Proposal, Reason, Verdict
from gateway.matching.record import MatchRow
from tests.matching.rows import by, proposed, row, told

CRITERIA = Criteria(
    (
        Criterion("number", ValueKind.CODE),
        Criterion("name", ValueKind.NAME, 1, comparison=Comparison.NORMALISED),
        Criterion("city", ValueKind.TEXT, 1),
    ),
    evidence=(Field("email", ValueKind.EMAIL), Field("limit", ValueKind.OTHER)),
)

TEXTS = st.sampled_from(
    [
        None,
        "",
        " ",
        "Müller GmbH",
        "Mueller",
        "MULLER",
        "Straße 1",
        "STRASSE 1",
        'O\'Neil "%_"',
        "a_b",
        "100%",
        "\ud800",
        "x\x00y",
    ]
)
SIDE = st.lists(
    st.fixed_dictionaries(
        {
            "number": st.sampled_from([None, "", "1", "2", "C0003"]),
            "name": TEXTS,
            "city": TEXTS,
            "email": st.sampled_from([None, "a@contoso.example", "b@contoso.example", "a@gmx.de", "n/a"]),
            "limit": st.sampled_from([None, Decimal(1), Decimal("1.0"), True, "1"]),
        }
    ),
    max_size=7,
)
KEYS = st.sampled_from([None, "", "k'1", "k%2", "ü3"])


@st.composite
def sides(draw: st.DrawFn) -> tuple[list[MatchRow], list[MatchRow]]:
    """Keys may be there twice or not at all, ids are unique."""
    sources, targets = (
        [replace(row(f"{side}{place}", **values), key=draw(KEYS)) for place, values in enumerate(draw(SIDE))]
        for side in "st"
    )
    return sources, [replace(each, partner=draw(st.sampled_from([None, None, "P", ""]))) for each in targets]


SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SETTINGS
@given(sides(), st.randoms(use_true_random=False), st.sampled_from(Grouping), st.integers(1, 4))
def test_the_order_of_rows_does_not_matter(
    both: tuple[list[MatchRow], list[MatchRow]], chance: object, grouping: Grouping, page_size: int
) -> None:
    sources, targets = both
    criteria = replace(CRITERIA, grouping=grouping)
    expected = proposed(criteria, sources, targets)
    with Matcher(criteria) as matcher:
        for row_ in shuffled(sources, chance):
            matcher.add_sources([row_])
        matcher.add_targets(shuffled(targets, chance))
        pages = list(matcher.proposals(page_size))
    assert [proposal for page in pages for proposal in page] == expected
    assert all(len(page) == page_size for page in pages[:-1])


def shuffled(rows: list[MatchRow], chance: object) -> list[MatchRow]:
    return sorted(rows, key=lambda _: chance.random())  # type: ignore[attr-defined]  # hypothesis' Random


@SETTINGS
@given(sides(), st.sampled_from(Grouping), st.booleans())
def test_what_holds_whatever_the_rows(
    both: tuple[list[MatchRow], list[MatchRow]], grouping: Grouping, scored: bool
) -> None:
    sources, targets = both
    proposals = proposed(replace(CRITERIA, grouping=grouping, scored=scored), sources, targets)
    assert sorted(each.id for each in proposals) == sorted(each.id for each in sources)
    first = [(each.verdict, each.candidates[0]) for each in proposals if each.candidates]
    to_be_coupled = [best for verdict, best in first if verdict in (Verdict.MATCHED, Verdict.LIKELY)]
    assert not [best for best in to_be_coupled if best.taken_by is not None]
    matched = [best.id for verdict, best in first if verdict is Verdict.MATCHED]
    assert len(matched) == len(set(matched))
    assert all(best.taken_by is not None for verdict, best in first if verdict is Verdict.TAKEN)
    assert all(best.claimed_by for verdict, best in first if verdict is Verdict.CONTESTED)
    for each in proposals:
        check(each, scored)


def check(proposal: Proposal, scored: bool) -> None:
    assert len(proposal.candidates) <= 5
    assert len({each.id for each in proposal.candidates}) == len(proposal.candidates)
    match proposal.verdict:
        case Verdict.MATCHED:
            [only] = proposal.candidates
            assert (only.score, proposal.priority is None) == (100, False)
        case Verdict.LIKELY:
            assert scored
            assert proposal.candidates[0].score >= 60
            assert proposal.priority is None
        case Verdict.AMBIGUOUS:
            assert len(proposal.candidates) > 1
        case Verdict.NONE:
            assert proposal.priority is None
    if proposal.priority is None:
        scores = [each.score for each in proposal.candidates]
        assert scores == sorted(scores, reverse=True)


@SETTINGS
@given(sides(), st.sampled_from(Grouping))
def test_the_criteria_decide_as_they_do_for_one_source_after_the_other(
    both: tuple[list[MatchRow], list[MatchRow]], grouping: Grouping
) -> None:
    sources, targets = both
    criteria = replace(CRITERIA, grouping=grouping, scored=False)
    expected = {source.id: one_by_one(criteria, source, targets) for source in sources}
    wanted = Counter(target for verdict, _, target in expected.values() if verdict is Verdict.MATCHED)
    for each in proposed(criteria, sources, targets):
        verdict, priority, target = expected[each.id]
        if verdict is Verdict.MATCHED:
            assert each.candidates[0].id == target
            verdict = Verdict.CONTESTED if wanted[target] > 1 else verdict
        assert (each.verdict, each.priority) == (verdict, priority)


def one_by_one(
    criteria: Criteria, source: MatchRow, targets: list[MatchRow]
) -> tuple[Verdict, int | None, UUID | None]:
    """The rules again, as plainly as they can be put."""
    failure: tuple[Verdict, int | None, UUID | None] = (Verdict.NONE, None, None)
    conditions: list[tuple[Criterion, str]] = []
    for priority in (0, 1):
        own = [
            (each, form) for each in criteria.criteria if each.priority == priority if (form := compared(source, each))
        ]
        conditions = (conditions if criteria.grouping is Grouping.NARROW else []) + own
        found = [target for target in targets if all(compared(target, each) == form for each, form in conditions)]
        if own and len(found) == 1 and found[0].partner is None:
            return Verdict.MATCHED, priority, found[0].id
        if own and found and failure[0] is Verdict.NONE:
            failure = (Verdict.TAKEN if len(found) == 1 else Verdict.AMBIGUOUS, priority, None)
    return failure


def compared(row: MatchRow, criterion: Criterion) -> str | None:
    value = row.values[criterion.field]
    if criterion.comparison is Comparison.NORMALISED:
        return normalise(value, criterion.kind)
    return fold(str(value)) if value is not None and str(value).strip() else None


@SETTINGS
@given(sides())
def test_no_target_is_likely_for_two(both: tuple[list[MatchRow], list[MatchRow]]) -> None:
    proposals = proposed(CRITERIA, *both)
    coupled = [each.candidates[0].id for each in proposals if each.verdict in (Verdict.MATCHED, Verdict.LIKELY)]
    assert len(coupled) == len(set(coupled))


def test_proposals_come_by_key_and_without_key_last() -> None:
    sources = [row(None), row("b"), row("ü"), row("a"), row("")]
    assert [each.key for each in proposed(by("number"), sources, [])] == ["", "a", "b", "ü", None]


def test_a_record_that_comes_twice_counts_as_it_came_last() -> None:
    sources = [row("S", number="1"), row("S", number="2")]
    targets = [row("a", number="2"), row("a", number="2")]
    assert [told(each) for each in proposed(by("number"), sources, targets)] == ["MATCHED 0 a"]


def test_reasons_are_one_for_each_field() -> None:
    criteria = by("number", evidence="name email city country", scored=True)
    source = row("S", name="Contoso AG", email="a@contoso.example", city="Bern", country="CH", street="not asked for")
    target = row("a", number="1001", name="Contoso", email="b@contoso.example", city="Wien", country="ch")
    [proposal] = proposed(criteria, [source], [target])
    assert proposal.candidates[0].reasons == (
        Reason("number", None, "1001", Outcome.BLANK, 0),
        Reason("name", "Contoso AG", "Contoso", Outcome.EQUAL_WHEN_NORMALISED, 50),
        Reason("email", "a@contoso.example", "b@contoso.example", Outcome.SIMILAR, 8),
        Reason("city", "Bern", "Wien", Outcome.DIFFERENT, -10),
        Reason("country", "CH", "ch", Outcome.EQUAL, 5),
    )


def test_values_come_back_as_they_were() -> None:
    source = row("S", number="1", limit=Decimal("1.50"), blocked=False, name="\ud800ü\x00")
    criteria = by("number", evidence="limit blocked name")
    [proposal] = proposed(criteria, [source], [row("a", number="1")])
    values = [each.source for each in proposal.candidates[0].reasons]
    assert values == ["1", Decimal("1.50"), False, "\ud800ü\x00"]
    assert str(values[1]) == "1.50"


def test_steps_come_before_proposals_and_are_done_once() -> None:
    with Matcher(by("number", "name", scored=True)) as matcher:
        matcher.add_sources([row("S", number="1"), row("T")])
        matcher.add_targets([row("a", number="1")])
        steps = list(matcher.steps())
        assert (steps[0], steps[-1]) == (0, 2)
        assert list(matcher.steps()) == []
        assert [told(each) for page in matcher.proposals() for each in page] == ["MATCHED 0 a", "NONE -"]
        assert [told(each) for page in matcher.proposals() for each in page] == ["MATCHED 0 a", "NONE -"]


def test_no_row_comes_late() -> None:
    with Matcher(by("number")) as matcher:
        assert list(matcher.proposals()) == []
        with pytest.raises(RuntimeError, match="before the first is judged"):
            matcher.add_sources([row("S")])


def test_each_call_may_have_a_thread_of_its_own() -> None:
    with Matcher(by("number")) as matcher, ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        one.submit(matcher.add_sources, [row("S", number="1")]).result()
        other.submit(matcher.add_targets, [row("a", number="1")]).result()
        pages = matcher.proposals()
        [proposal] = one.submit(next, pages).result()
        assert told(proposal) == "MATCHED 0 a"


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Matcher(by("number")) as matcher:
        matcher.add_sources([row("S", number="1")])
        [folder] = tmp_path.iterdir()
        assert folder.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == []
