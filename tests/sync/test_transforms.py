"""Every transformation rule, what is wrong with rules, and that two sides with rules come to rest."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.records import Backend
from gateway.sync.comparison import agree, alike, merged, recalled, remembered
from gateway.sync.mapping import Direction, FieldMapping, Kind
from gateway.sync.transforms import LONGEST, MOST_PAIRS, Transform, Transformation, problem, transformed

PAIRS = (("NL", "Netherlands"), ("DE", "Germany"))
Rule = Transformation


@pytest.mark.parametrize(
    ("rule", "text", "becomes"),
    [
        (Rule(Transform.UPPERCASE), "Oude Delft", "OUDE DELFT"),
        (Rule(Transform.LOWERCASE), "Oude Delft", "oude delft"),
        (Rule(Transform.TITLE_CASE), "o'neill AND jean-pierre", "O'neill And Jean-Pierre"),
        (Rule(Transform.TRIM), "  Delft\t", "Delft"),
        (Rule(Transform.ALPHANUMERIC), "+31 (0)10-555 é", "31010555é"),
        (Rule(Transform.SUBSTRING, start=2, length=3), "abcdef", "bcd"),
        (Rule(Transform.SUBSTRING, start=4), "abcdef", "def"),
        (Rule(Transform.SUBSTRING, start=9), "abcdef", ""),
        (Rule(Transform.REPLACE, find="a.", text="b"), "a.aa.", "bab"),
        (Rule(Transform.REPLACE, find="a"), "banana", "bnn"),
        (Rule(Transform.REGEX_REPLACE, find=r"^(\d+) (.*)$", text="$2 $1"), "12 Oude Delft", "Oude Delft 12"),
        (Rule(Transform.REGEX_REPLACE, find="€", text="$$ $x $"), "5€", "5$ $x $"),
        (Rule(Transform.REGEX_REPLACE, find="(a)|(b)", text="<$2>"), "ab", "<><b>"),
        (Rule(Transform.REGEX_MATCH, find=r"\d+"), "ab 12 cd 34", "12"),
        (Rule(Transform.REGEX_MATCH, find=r"\d+"), "none", ""),
        (Rule(Transform.REGEX_MATCH, find="."), "\ud800", "?"),
        (Rule(Transform.PREFIX, text="https://"), "gw.example", "https://gw.example"),
        (Rule(Transform.PREFIX, text="https://"), "https://gw.example", "https://gw.example"),
        (Rule(Transform.LOOKUP, table=PAIRS), "NL", "Netherlands"),
        (Rule(Transform.LOOKUP, table=PAIRS), "BE", "BE"),
        (Rule(Transform.LOOKUP, table=PAIRS, text="Elsewhere", others=True), "BE", "Elsewhere"),
    ],
)
def test_what_a_rule_makes_of_a_text(rule: Rule, text: str, becomes: str) -> None:
    assert problem(rule) is None
    assert transformed([rule], text) == becomes
    assert transformed([rule], "") == "", "a blank stays blank"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Rule(Transform.REPLACE), "needs find"),
        (Rule(Transform.REGEX_MATCH), "needs find"),
        (Rule(Transform.PREFIX), "needs text"),
        (Rule(Transform.REPLACE, find="x" * 251), "250"),
        (Rule(Transform.SUBSTRING, start=0), "counts from 1"),
        (Rule(Transform.SUBSTRING, length=0), "1 or more"),
        (Rule(Transform.LOOKUP), "table"),
        (Rule(Transform.LOOKUP, table=tuple((str(each), "") for each in range(MOST_PAIRS + 1))), "table"),
        (Rule(Transform.LOOKUP, table=(*PAIRS, ("NL", "Holland"))), "twice"),
        (Rule(Transform.LOOKUP, table=(("a", "x" * 251),)), "250"),
        (Rule(Transform.REGEX_MATCH, find="("), "no pattern"),
        (Rule(Transform.REGEX_MATCH, find="(?=a)"), "look-ahead"),
        (Rule(Transform.REGEX_MATCH, find=r"(a)\1"), "back-references"),
        (Rule(Transform.REGEX_MATCH, find="(((a{999}){999}){999}){999}"), "no pattern"),
        (Rule(Transform.REGEX_REPLACE, find="(a)", text="$1$2"), "names $2"),
    ],
)
def test_a_rule_that_cannot_be_applied(rule: Rule, said: str) -> None:
    assert said in (problem(rule) or "")


def test_no_pattern_and_no_replacement_runs_away() -> None:
    """What takes a backtracking engine longer than the age of the world, and what would fill the memory."""
    hopeless = Rule(Transform.REGEX_MATCH, find="(a|a)*(a|aa)+$")
    assert transformed([hopeless], "a" * 5_000 + "b") == ""
    growing = [Rule(Transform.REPLACE, find="a", text="a" * 250)] * 10
    assert len(transformed(growing, "a" * 250)) == LONGEST


texts = st.text(st.sampled_from("aAbB 1-é"), max_size=6)
rules = st.lists(
    st.one_of(
        st.builds(
            Rule, st.sampled_from([Transform.UPPERCASE, Transform.TRIM, Transform.TITLE_CASE, Transform.ALPHANUMERIC])
        ),
        st.builds(Rule, st.just(Transform.SUBSTRING), start=st.integers(1, 3), length=st.none() | st.integers(1, 3)),
        st.builds(Rule, st.just(Transform.REPLACE), find=st.sampled_from("aA "), text=texts),
        st.builds(Rule, st.just(Transform.PREFIX), text=st.sampled_from(["a", "1-"])),
        st.builds(Rule, st.just(Transform.LOOKUP), table=st.just((("a", "A"), ("b", "a"))), others=st.booleans()),
    ),
    max_size=3,
).map(tuple)
fields = st.builds(
    FieldMapping,
    st.just("city"),
    st.just("City"),
    st.just("city"),
    st.just("address1_city"),
    st.sampled_from(Direction),
    st.sampled_from([Kind.TEXT, Kind.CODE]),
    to_crm=rules,
    to_bc=rules,
)
BC, CRM = Backend.BUSINESS_CENTRAL, Backend.DATAVERSE


@given(fields, texts, texts, st.sampled_from(Backend))
def test_what_was_written_is_not_written_again(field: FieldMapping, bc: str, crm: str, to: Backend) -> None:
    """Whatever the rules are: once a side was written, both agree, and neither of them changed."""
    if not field.direction.goes_to(to):
        return
    if not agree(field, bc, crm):
        bc, crm = (bc, field.arriving(CRM, bc)) if to is CRM else (field.arriving(BC, crm), crm)
    assert agree(field, bc, crm)
    base = remembered(field, bc)
    assert recalled(field, base) == bc
    assert alike(field.kind, bc, recalled(field, base) or "")
    assert agree(field, recalled(field, base) or "", crm), "nothing that was remembered says that CRM changed"


@given(fields, fields, texts, texts)
def test_what_was_agreed_on_under_other_rules_is_not_known(
    before: FieldMapping, after: FieldMapping, first: str, second: str
) -> None:
    """A base is never read with other rules than it was written with, whichever order they come in."""
    base = merged({}, remembered(before, first))
    if before.meaning != after.meaning:
        assert recalled(after, base) is None
        base = merged(base, remembered(after, second))
        assert recalled(before, base) is None
    assert recalled(after, merged(base, remembered(after, second))) == second
    plain = replace(before, to_crm=(), to_bc=())
    assert merged(base, remembered(plain, first)) == {"city": first}, "nothing of the rules is left"
