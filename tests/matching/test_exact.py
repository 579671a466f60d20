"""What the criteria decide: every branch of match-based coupling as Business Central does it, and what we add."""

from decimal import Decimal

import pytest

from gateway.matching.criteria import Comparison, Criteria, Criterion, Grouping, ValueKind
from gateway.matching.exact import MOST_HITS
from gateway.matching.record import MatchRow, Value
from tests.matching.rows import by, outcome, proposed, row, taken, told

ONE = row("a", number="1", name="Contoso", city="Berlin")
TWIN = row("b", number="2", name="Contoso", city="Bern")
THIRD = row("d", number="4", name="Fabrikam", city="Berlin")
COUPLED = taken(row("c", number="3", name="Fabrikam", city="Basel"), "P1")
TARGETS = [ONE, TWIN, COUPLED, THIRD]


@pytest.mark.parametrize(
    ("criteria", "source", "expected"),
    [
        pytest.param(by("number"), row("S", number="1"), "MATCHED 0 a", id="one free candidate"),
        pytest.param(by("number"), row("S", number="9"), "NONE -", id="no candidate"),
        pytest.param(by("number"), row("S", number=None), "NONE -", id="blank finds nothing"),
        pytest.param(by("number"), row("S", number=" "), "NONE -", id="blanks are blank"),
        pytest.param(by("number"), row("S"), "NONE -", id="a field that is not there is blank"),
        pytest.param(by("number"), row("S", number="3"), "TAKEN 0 c", id="coupled already"),
        pytest.param(by("name"), row("S", name="contoso"), "AMBIGUOUS 0 a b", id="several"),
        pytest.param(by("name"), row("S", name="Fabrikam"), "AMBIGUOUS 0 c d", id="several, one coupled"),
        pytest.param(by("name city"), row("S", name="Contoso", city="BERN"), "MATCHED 0 b", id="both have to agree"),
        pytest.param(by("name city"), row("S", name="Contoso", city="Basel"), "NONE -", id="only one agrees"),
        pytest.param(by("name city"), row("S", city="Basel"), "TAKEN 0 c", id="a blank one is left out"),
        pytest.param(by("name city"), row("S", name="Contoso", city=""), "AMBIGUOUS 0 a b", id="the other blank"),
        pytest.param(by("name city"), row("S"), "NONE -", id="all blank"),
        pytest.param(
            by("number", "name city"), row("S", name="Contoso", city="Bern"), "MATCHED 1 b", id="second group"
        ),
        pytest.param(by("name", "number"), row("S", name="Contoso", number="2"), "MATCHED 1 b", id="after several"),
        pytest.param(by("number", "name"), row("S", number="3", name="Contoso"), "TAKEN 0 c", id="first failure stays"),
        pytest.param(
            by("number", "name"), row("S", number="9", name="Contoso"), "AMBIGUOUS 1 a b", id="first with any"
        ),
        pytest.param(by("number", "city"), row("S", number="3", city="Bern"), "MATCHED 1 b", id="after one coupled"),
        pytest.param(by("number", "city"), row("S", number="9", city="Bern"), "MATCHED 1 b", id="falls back"),
        pytest.param(
            by("number", "city", grouping=Grouping.NARROW), row("S", number="9", city="Bern"), "NONE -", id="narrows"
        ),
        pytest.param(
            by("name", "city", grouping=Grouping.NARROW),
            row("S", name="Fabrikam", city="Berlin"),
            "MATCHED 1 d",
            id="narrows to one",
        ),
        pytest.param(
            by("city", "name"), row("S", name="Contoso", city="Berlin"), "AMBIGUOUS 0 a d", id="alone, several"
        ),
        pytest.param(
            by("name", "city", grouping=Grouping.NARROW),
            row("S", city="Bern"),
            "MATCHED 1 b",
            id="blank narrows nothing",
        ),
        pytest.param(
            by("name", "city", grouping=Grouping.NARROW),
            row("S", name="Contoso"),
            "AMBIGUOUS 0 a b",
            id="a group of its own blanks finds nothing",
        ),
    ],
)
def test_groups_are_tried_until_one_has_exactly_one_free_candidate(
    criteria: Criteria, source: MatchRow, expected: str
) -> None:
    assert outcome(criteria, source, TARGETS) == expected


NORMALISED = Comparison.NORMALISED


@pytest.mark.parametrize(
    ("criteria", "value", "other", "alike"),
    [
        pytest.param(by("name"), "CONTOSO", "contoso", True, id="case"),
        pytest.param(by("name", case_sensitive=True), "CONTOSO", "contoso", False, id="case-sensitive"),
        pytest.param(by("name", case_sensitive=True), "Contoso", "Contoso", True, id="case-sensitive and the same"),
        pytest.param(by("name"), "Straße", "STRASSE", False, id="ß is not ss"),
        pytest.param(by("name", comparison=NORMALISED), "Straße", "STRASSE", True, id="ß is ss when normalised"),
        pytest.param(by("name"), "MÜLLER", "müller", True, id="umlauts have a case"),
        pytest.param(by("name"), "Müller", "Muller", False, id="umlauts count"),
        pytest.param(by("name", comparison=NORMALISED), "Müller AG", "Muller", True, id="not when normalised"),
        pytest.param(by("name", comparison=NORMALISED), "!!!", "!!!", False, id="nothing left is blank"),
        pytest.param(by("name"), "!!!", "!!!", True, id="but equal as it is"),
        pytest.param(by("name"), "O'Neil; DROP", "o'neil; drop", True, id="quotes"),
        pytest.param(by("name"), '"a" \\ %', '"A" \\ %', True, id="more quotes"),
        pytest.param(by("name"), "100%", "100 and more", False, id="% is a character"),
        pytest.param(by("name"), "A_B", "AxB", False, id="_ is a character"),
        pytest.param(by("name"), "a\x00b", "a\x00c", False, id="characters after zero count"),
        pytest.param(by("name"), "a\ud800", "A\ud800", True, id="half a surrogate pair"),
        pytest.param(by("name"), "x" * 9_000 + "1", "x" * 9_000 + "2", False, id="long"),
        pytest.param(
            by("name", comparison=NORMALISED), "x" * 9_000 + "1", "x" * 9_000 + "2", False, id="long, normalised"
        ),
        pytest.param(by("name", comparison=NORMALISED), "co " * 90_000, "co", True, id="long, of legal forms"),
        pytest.param(by("phone", comparison=NORMALISED), "030/9018", "+49 30 9018", True, id="telephone"),
        pytest.param(by("limit"), Decimal("1.5"), Decimal("1.50"), True, id="numbers by value"),
        pytest.param(by("limit"), Decimal("1E+2"), Decimal(100), True, id="powers of ten"),
        pytest.param(by("limit"), Decimal(1), Decimal(-1), False, id="sign"),
        pytest.param(by("limit"), Decimal(0), Decimal("-0.0"), True, id="zero is not blank"),
        pytest.param(
            by("limit"), Decimal("1." + "0" * 40 + "1"), Decimal("1." + "0" * 40 + "2"), False, id="every digit counts"
        ),
        pytest.param(by("limit"), Decimal("1E+400"), Decimal("1E+400"), True, id="large"),
        pytest.param(by("limit"), Decimal("NaN"), Decimal(1), False, id="not a number"),
        pytest.param(by("limit"), Decimal(1), "1", False, id="a number is no text"),
        pytest.param(by("blocked"), False, False, True, id="false is not blank"),
        pytest.param(by("blocked"), True, False, False, id="true and false"),
        pytest.param(by("blocked"), True, Decimal(1), False, id="true is no number"),
    ],
)
def test_what_is_alike(criteria: Criteria, value: Value, other: Value, alike: bool) -> None:
    field = criteria.criteria[0].field
    expected = "MATCHED 0 a" if alike else "NONE -"
    assert outcome(criteria, row("S", **{field: value}), [row("a", **{field: other})]) == expected


def test_a_match_has_the_full_score_and_its_reasons() -> None:
    criteria = by("number", evidence="name")
    [proposal] = proposed(criteria, [row("S", number="1", name="Contoso AG")], [ONE])
    [candidate] = proposal.candidates
    assert candidate.score == 100
    assert [(each.field, each.source, each.target, each.outcome) for each in candidate.reasons] == [
        ("number", "1", "1", "EQUAL"),
        ("name", "Contoso AG", "Contoso", "EQUAL_WHEN_NORMALISED"),
    ]


def test_two_sources_with_one_candidate_are_both_contested() -> None:
    proposals = proposed(by("number"), [row("S", number="1"), row("T", number="1"), row("U", number="2")], TARGETS)
    assert [told(each) for each in proposals] == ["CONTESTED 0 a", "CONTESTED 0 a", "MATCHED 0 b"]
    assert [each.candidates[0].claimed_by for each in proposals] == ["T", "S", None]


def test_a_target_is_contested_whatever_priority_found_it() -> None:
    proposals = proposed(by("number", "city"), [row("S", number="2"), row("T", city="Bern")], TARGETS)
    assert [told(each) for each in proposals] == ["CONTESTED 0 b", "CONTESTED 1 b"]


def test_a_taken_candidate_names_its_partner() -> None:
    [proposal] = proposed(by("number"), [row("S", number="3")], TARGETS)
    assert proposal.candidates[0].taken_by == "P1"


def test_five_candidates_are_shown_of_any_number_the_most_alike_first() -> None:
    targets = [row(f"t{number:03}", city="Berlin", name=f"Company {number}") for number in range(3 * MOST_HITS)]
    [proposal] = proposed(by("city", evidence="name"), [row("S", city="Berlin", name="Company 17")], targets)
    assert told(proposal).startswith("AMBIGUOUS 0 t017 ")
    assert len(proposal.candidates) == 5


def test_one_field_may_be_compared_exactly_first_and_normalised_later() -> None:
    criteria = Criteria(
        (
            Criterion("name", ValueKind.NAME),
            Criterion("name", ValueKind.NAME, 1, comparison=Comparison.NORMALISED),
        ),
        scored=False,
    )
    targets = [row("a", name="Müller AG"), row("b", name="Müller GmbH"), row("c", name="Weber Ltd.")]
    assert outcome(criteria, row("S", name="Müller GmbH"), targets) == "MATCHED 0 b"
    assert outcome(criteria, row("S", name="Weber"), targets) == "MATCHED 1 c"
