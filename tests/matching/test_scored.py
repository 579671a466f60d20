"""What is proposed where the criteria find nothing: scores, verdicts, and what is not even looked at."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz

from gateway.matching.blocking import keys
from gateway.matching.criteria import Criteria, Field, ValueKind
from gateway.matching.mail_providers import is_public
from gateway.matching.normalise import normalise
from gateway.matching.record import MatchRow
from gateway.matching.score import ENOUGH, SHORT, WEIGHTS, score
from gateway.matching.scoring import LARGEST_BLOCK
from gateway.matching.similarity import similarity
from tests.matching.rows import by, outcome, proposed, row, taken, told

SCORED = by("number", scored=True, evidence="name email phone website postalCode city country")
NAMES = ValueKind.NAME

CONTOSO = row("a", name="Contoso Möbel GmbH", email="info@contoso.example", phone="030 901820", postalCode="10115")
OTHER = row("b", name="Fabrikam Logistik AG", email="office@fabrikam.example", phone="089 555666", postalCode="80331")


def points(one: MatchRow, other: MatchRow) -> int:
    fields = SCORED.fields
    left, right = ([normalise(each.values.get(field.name), field.kind) for field in fields] for each in (one, other))
    return score(fields, left, right)


# -- verdicts ----------------------------------------------------------------------------------------------------------

MOVED = row("S", name="Contoso Moebel", email="INFO@contoso.example", postalCode="20095")
BRANCH = row("c", name="Contoso Möbel KG", email="nord@contoso.example", postalCode="10115")


@pytest.mark.parametrize(
    ("source", "targets", "expected"),
    [
        pytest.param(MOVED, [CONTOSO, OTHER], "LIKELY - a", id="one clearly the best"),
        pytest.param(MOVED, [OTHER], "NONE -", id="nothing alike"),
        pytest.param(MOVED, [], "NONE -", id="no targets"),
        pytest.param(row("S"), [CONTOSO], "NONE -", id="a source that says nothing"),
        pytest.param(row("S", name="Contoso Möbel"), [CONTOSO, BRANCH], "AMBIGUOUS - a c", id="two close together"),
        pytest.param(row("S", name="Contoso Moebel"), [OTHER, BRANCH], "LIKELY - c", id="name alone"),
        pytest.param(row("S", name="Contoso"), [CONTOSO], "NONE -", id="one word of two"),
        pytest.param(MOVED, [taken(CONTOSO, "P1"), OTHER], "TAKEN - a", id="the best is coupled"),
        pytest.param(
            row("S", name="Contoso Möbel"),
            [taken(CONTOSO, "P1"), BRANCH],
            "AMBIGUOUS - a c",
            id="a coupled one as good as a free one",
        ),
    ],
)
def test_one_that_is_clearly_the_best_is_likely(source: MatchRow, targets: list[MatchRow], expected: str) -> None:
    assert outcome(SCORED, source, targets) == expected


def test_weak_candidates_are_shown_but_not_likely() -> None:
    [proposal] = proposed(SCORED, [row("S", name="Contoso Möbel", city="Bonn", postalCode="53111")], [CONTOSO])
    assert told(proposal) == "NONE - a"
    assert 30 <= proposal.candidates[0].score < 60


def test_without_scores_nothing_is_searched_for() -> None:
    assert outcome(replace(SCORED, scored=False), MOVED, [CONTOSO, OTHER]) == "NONE -"


@pytest.mark.parametrize(("minimum", "expected"), [(60, "LIKELY - a"), (100, "NONE - a")])
def test_the_minimum_is_the_callers(minimum: int, expected: str) -> None:
    source = row("S", name="Contoso Möbel", phone="030/901820", postalCode="20095")
    assert outcome(replace(SCORED, minimum_score=minimum), source, [CONTOSO]) == expected


@pytest.mark.parametrize(("margin", "expected"), [(5, "LIKELY - a b"), (50, "AMBIGUOUS - a b")])
def test_the_margin_is_the_callers(margin: int, expected: str) -> None:
    source = row("S", name="Contoso Möbel", phone="030 901820", city="Berlin")
    targets = [row("a", name="Contoso Möbel", phone="030 901820"), row("b", name="Contoso Möbel", phone="030 7")]
    assert outcome(replace(SCORED, margin=margin), source, targets) == expected


def test_what_the_criteria_say_of_a_source_stays_and_scored_candidates_follow() -> None:
    targets = [taken(row("a", number="1001", name="Fabrikam"), "P1"), row("b", name="Contoso", city="Bern")]
    source = row("S", number="1001", name="Contoso", city="Bern")
    assert outcome(SCORED, source, targets) == "TAKEN 0 a b"


def test_a_target_that_another_has_by_the_criteria_is_not_likely_for_anybody() -> None:
    target = replace(CONTOSO, values={**CONTOSO.values, "number": "1001"})
    exact, alike = proposed(SCORED, [row("R", number="1001"), MOVED], [target])
    assert (told(exact), told(alike)) == ("MATCHED 0 a", "CONTESTED - a")
    assert (exact.candidates[0].claimed_by, alike.candidates[0].claimed_by) == ("S", "R")


def test_two_equal_claims_to_one_target_are_both_contested() -> None:
    twin = replace(MOVED, id=row("T").id, key="T")
    assert [told(each) for each in proposed(SCORED, [MOVED, twin], [CONTOSO])] == ["CONTESTED - a", "CONTESTED - a"]


def test_a_clearly_better_claim_stands() -> None:
    better = row("T", name="Contoso Möbel", email="info@contoso.example", phone="030 901820", postalCode="10115")
    worse = row("S", name="Contoso Möbel")
    proposals = proposed(SCORED, [better, worse], [CONTOSO])
    assert [told(each) for each in proposals] == ["CONTESTED - a", "LIKELY - a"]
    assert [each.candidates[0].claimed_by for each in proposals] == ["T", "S"]


# -- scores ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["number", "name", "email", "phone", "website", "postalCode", "city", "country"])
def test_no_single_field_makes_a_hundred(field: str) -> None:
    value = {"email": "a@contoso.example", "phone": "030 901820", "website": "contoso.example"}.get(field, "C100200")
    one = row("S", **{field: value})
    assert 0 < points(one, one) < 100


def test_no_weight_is_enough_alone() -> None:
    assert set(WEIGHTS) == set(ValueKind)
    assert max(weight.agrees for weight in WEIGHTS.values()) < ENOUGH


def test_enough_that_agrees_is_a_hundred_and_a_contradiction_takes_from_it() -> None:
    assert points(CONTOSO, CONTOSO) == 100
    assert points(CONTOSO, replace(CONTOSO, values={**CONTOSO.values, "postalCode": "80331"})) < 100


def test_blank_fields_contribute_nothing() -> None:
    full = row("S", name="Contoso", city="Bern")
    assert points(full, row("a", name="Contoso")) == points(row("S", name="Contoso"), row("a", name="Contoso"))
    assert points(row("S", phone="n/a", email="-"), row("a", phone="n/a", email="-")) == 0


@pytest.mark.parametrize(("field", "value"), [("number", "123"), ("phone", "12345")])
def test_short_numbers_say_no_more_than_a_choice(field: str, value: str) -> None:
    assert set(SHORT) == {ValueKind.CODE, ValueKind.PHONE}
    assert points(row("S", **{field: value}), row("a", **{field: value})) == points(
        row("S", country="DE"), row("a", country="DE")
    )


SOMETHING = (1, 99)
NOTHING = (0, 0)
ALL = (100, 100)


@pytest.mark.parametrize(
    ("kind", "one", "other", "between"),
    [
        (NAMES, "Meier Bau", "Maier Bau", (50, 80)),
        (NAMES, "Bau Meier", "Meier Bau AG", ALL),
        (NAMES, "Schmidthausbau", "Schmidt Haus Bau", ALL),
        (NAMES, "Müller", "Mueller", SOMETHING),
        (NAMES, "Contoso Möbel", "Contoso Möbel Vertrieb Nord", (40, 70)),
        (NAMES, "Bau", "Bau Schmidt", (0, 10)),
        (NAMES, "Müller", "Müller Maschinenbau", (0, 20)),
        (NAMES, "Contoso Möbel", "Fabrikam Logistik", NOTHING),
        (NAMES, "Screw M8x20", "Screw M8x25", NOTHING),
        (NAMES, "Branch 1", "Branch 2", NOTHING),
        (NAMES, "Hotel 2000", "Hotel", SOMETHING),
        (ValueKind.EMAIL, "anna@contoso.example", "bert@contoso.example", (40, 40)),
        (ValueKind.EMAIL, "anna@gmx.de", "bert@gmx.de", NOTHING),
        (ValueKind.EMAIL, "anna.winkler@contoso.example", "anna.winkler@contosso.example", (70, 70)),
        (ValueKind.PHONE, "030 9018200", "9018200", (90, 90)),
        (ValueKind.PHONE, "030 901820-10", "030 901820-24", (60, 60)),
        (ValueKind.PHONE, "030 901820", "030 555666", NOTHING),
        (ValueKind.CODE, "C00210", "210", (50, 50)),
        (ValueKind.CODE, "000210", "210", (50, 50)),
        (ValueKind.CODE, "C1210", "210", NOTHING),
        (ValueKind.CODE, "C00210", "10", NOTHING),
        (ValueKind.POSTAL_CODE, "10115", "10117", (40, 40)),
        (ValueKind.POSTAL_CODE, "10115", "80331", NOTHING),
        (ValueKind.WEB, "contoso.example", "fabrikam.example", NOTHING),
        (ValueKind.OTHER, "DE", "AT", NOTHING),
        (ValueKind.TEXT, "Hauptstr. 5", "Hauptstr. 7", NOTHING),
        (ValueKind.TEXT, "Frankfurt", "Frankfurt am Main", SOMETHING),
    ],
)
def test_how_alike_values_are(kind: ValueKind, one: str, other: str, between: tuple[int, int]) -> None:
    alike = round(100 * similarity(kind, normalise(one, kind), normalise(other, kind)))
    assert between[0] <= alike <= between[1]


WORDS = st.lists(st.sampled_from(["contoso", "bau", "meier", "maier", "m8x20", "nord", "1"]), min_size=1, max_size=5)
VALUES = st.none() | WORDS.map(" ".join) | st.text(max_size=12) | st.from_regex(r"\+?[0-9 ]{3,10}", fullmatch=True)
MATCHROWS = st.fixed_dictionaries({field.name: VALUES for field in SCORED.fields}).map(lambda each: row("S", **each))


@given(MATCHROWS, MATCHROWS)
def test_a_score_is_the_same_in_both_directions_and_never_above_a_hundred(one: MatchRow, other: MatchRow) -> None:
    assert points(one, other) == points(other, one)
    assert 0 <= points(one, other) <= 100


def test_what_we_rely_on_in_rapidfuzz() -> None:
    assert fuzz.token_sort_ratio("Contoso", "contoso") < 100  # nothing is folded unless a processor is given
    assert fuzz.token_set_ratio("bau", "bau schmidt") == 100  # a part of a name is all of it
    assert fuzz.ratio("", "") == 100
    assert fuzz.token_set_ratio("", "") == 0
    assert fuzz.ratio("contoso", "contosa", score_cutoff=99) == 0  # not the score


# -- blocking keys -----------------------------------------------------------------------------------------------------


def shared(one: MatchRow, other: MatchRow) -> bool:
    fields = SCORED.fields
    left, right = (
        keys(fields, [normalise(each.values.get(field.name), field.kind) for field in fields]) for each in (one, other)
    )
    return bool(left & right)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(row("S", email="a@gmx.de"), row("a", email="A@GMX.de"), id="e-mail"),
        pytest.param(row("S", email="a@contoso.example"), row("a", email="b@contoso.example"), id="its domain"),
        pytest.param(row("S", email="a@contoso.example"), row("a", website="www.contoso.example"), id="a site's"),
        pytest.param(row("S", phone="+49 30 9018200"), row("a", phone="9018200"), id="end of a telephone number"),
        pytest.param(row("S", number="C00210"), row("a", number="210"), id="end of a code"),
        pytest.param(row("S", name="Nord Meier"), row("a", name="Meier Süd"), id="a word"),
        pytest.param(row("S", name="Müller"), row("a", name="Mueller"), id="umlauts spelled out"),
        pytest.param(row("S", name="Schmidthausbau"), row("a", name="Schmidt Haus Bau"), id="beginning"),
        pytest.param(
            row("S", name="Abc & Co. X", postalCode="10115"),
            row("a", name="Abcd Y", postalCode="D-10115"),
            id="postal code and first letters",
        ),
    ],
)
def test_what_shares_a_key_is_compared(one: MatchRow, other: MatchRow) -> None:
    assert shared(one, other)


def test_a_postal_code_alone_is_no_key() -> None:
    assert not shared(row("S", name="Abc X", postalCode="10115"), row("a", name="Zyx Y", postalCode="10115"))


def test_a_public_mail_provider_makes_no_pair() -> None:
    assert not shared(row("S", email="a@gmx.de"), row("a", email="b@gmx.de"))


@pytest.mark.parametrize(
    ("domain", "public"),
    [
        ("gmail.com", True),
        ("yahoo.co.uk", True),
        ("t-online.de", True),
        ("libero.it", True),
        ("mail.contoso.com", False),
        ("contoso.com", False),
        ("zoho", True),
        ("o.example", False),
    ],
)
def test_public_mail_providers(domain: str, public: bool) -> None:
    assert is_public(domain) is public


def test_blocks_that_are_too_large_are_not_looked_at() -> None:
    many = [row(f"t{number:04}", name=f"Contoso {number}") for number in range(LARGEST_BLOCK + 1)]
    assert outcome(SCORED, row("S", name="Contoso Meier"), many) == "NONE -"
    assert outcome(SCORED, row("S", name="Contoso Meier"), [*many, row("a", name="Meier Contoso")]) == "LIKELY - a"


def test_fields_are_scored_in_any_kind() -> None:
    everything = Criteria(
        by("number").criteria, evidence=tuple(Field(f"field {kind}", kind) for kind in ValueKind), scored=True
    )
    values = {f"field {kind}": "contoso.example@1 210" for kind in ValueKind}
    assert outcome(everything, row("S", **values), [row("a", **values)]) == "LIKELY - a"
