"""What may be asked for, and what it comes to."""

from collections.abc import Callable

import pytest

from gateway.errors import InvalidInputError
from gateway.matching.criteria import MOST_CRITERIA, Comparison, Criteria, Criterion, Field, Group, Grouping, ValueKind
from tests.matching.rows import by

NUMBER = Criterion("number", ValueKind.CODE)
MANY = tuple(Criterion(f"field{place}", ValueKind.TEXT) for place in range(MOST_CRITERIA + 1))


def test_without_criteria_nothing_can_be_matched() -> None:
    with pytest.raises(InvalidInputError, match="must specify which fields"):
        Criteria(())


def contradictory() -> Criteria:
    return Criteria((Criterion("name", ValueKind.NAME, case_sensitive=True, comparison=Comparison.NORMALISED),))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        pytest.param(lambda: Criteria(MANY), "at most 10", id="too many"),
        pytest.param(contradictory, "case-sensitive", id="normalised and case-sensitive"),
        pytest.param(lambda: Criteria((NUMBER,), evidence=(Field("number", ValueKind.TEXT),)), "kind", id="two kinds"),
        pytest.param(lambda: Criteria((NUMBER,), minimum_score=0), "between", id="no minimum"),
        pytest.param(lambda: Criteria((NUMBER,), minimum_score=101), "between", id="minimum beyond 100"),
        pytest.param(lambda: Criteria((NUMBER,), margin=0), "between", id="no margin"),
    ],
)
def test_what_contradicts_itself_is_refused(wrong: Callable[[], Criteria], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        wrong()


def test_groups_fall_back_or_narrow() -> None:
    assert by("number", "name city").groups == (Group(0, (0,), (0,)), Group(1, (1, 2), (1, 2)))
    narrow = by("number", "name city", grouping=Grouping.NARROW)
    assert narrow.groups == (Group(0, (0,), (0,)), Group(1, (1, 2), (0, 1, 2)))


def test_lower_priorities_come_first_however_they_are_listed() -> None:
    criteria = Criteria((Criterion("name", ValueKind.NAME, 7), Criterion("number", ValueKind.CODE, -1)))
    assert [group.priority for group in criteria.groups] == [-1, 7]
    assert [field.name for field in criteria.fields] == ["number", "name"]


def test_every_field_is_compared_once() -> None:
    criteria = Criteria(
        (
            Criterion("name", ValueKind.NAME, case_sensitive=True),
            Criterion("name", ValueKind.NAME, 1, comparison=Comparison.NORMALISED),
        ),
        evidence=(Field("name", ValueKind.NAME), Field("city", ValueKind.TEXT)),
    )
    assert criteria.fields == (Field("name", ValueKind.NAME, True), Field("city", ValueKind.TEXT))
