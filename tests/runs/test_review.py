"""What is best done with a mapping, by how many records nobody coupled and what it depends on: every row."""

import pytest

from gateway.couplings.coupling import Mapping
from gateway.records import Backend
from gateway.runs.planning import BC, CRM
from gateway.runs.review import Facts, Recommendation, Uncoupled, recommend, review
from gateway.runs.run import RunState
from gateway.sync.mappings import TABLE_MAPPINGS

FULL, COUPLE, NONE, WAIT = (
    Recommendation.FULL_SYNCHRONIZATION,
    Recommendation.COUPLE_RECORDS,
    Recommendation.NO_RECORDS,
    Recommendation.DEPENDENCY_NOT_SATISFIED,
)


def facts(
    mapping: Mapping = Mapping.CUSTOMER,
    bc: int | None = 0,
    crm: int | None = 0,
    *,
    coupled: int = 0,
    state: RunState | None = None,
) -> Facts:
    return Facts(TABLE_MAPPINGS[mapping], state, coupled, {BC: Uncoupled(bc), CRM: Uncoupled(crm)})


READY, MISSING = facts(Mapping.CURRENCY, coupled=3), facts(Mapping.SALESPERSON, crm=4)


@pytest.mark.parametrize(
    ("found", "to", "dependencies", "expected"),
    [
        (facts(bc=5), CRM, [], FULL),
        (facts(bc=5), CRM, [READY], FULL),
        (facts(bc=5), BC, [], NONE),
        (facts(bc=5, crm=2), CRM, [], COUPLE),
        (facts(bc=5, crm=2), BC, [], COUPLE),
        (facts(bc=5, crm=2), CRM, [READY, MISSING], WAIT),
        (facts(bc=5), CRM, [MISSING], WAIT),
        # nothing to do is nothing to wait for
        (facts(crm=7), CRM, [MISSING], NONE),
        # counts that cannot be had: nothing is recommended that could double
        (facts(bc=None), CRM, [], None),
        (facts(bc=5, crm=None), CRM, [], None),
        (facts(bc=None), CRM, [MISSING], WAIT),
        # what CRM has by its natural key is taken
        (facts(Mapping.CURRENCY, bc=5, crm=2), CRM, [], FULL),
        (facts(Mapping.CURRENCY, bc=5, crm=None), CRM, [], FULL),
    ],
)
def test_what_is_recommended(
    found: Facts, to: Backend, dependencies: list[Facts], expected: Recommendation | None
) -> None:
    assert recommend(found, to, dependencies) is expected


@pytest.mark.parametrize(
    ("found", "satisfied"),
    [
        (facts(bc=5, state=RunState.SUCCEEDED), True),
        (facts(bc=0, state=RunState.FAILED), False),
        (facts(coupled=9, state=RunState.RUNNING), False),
        (facts(coupled=9, state=RunState.WAITING), False),
        (facts(bc=5, coupled=1), True),
        (facts(bc=5, coupled=1, state=RunState.CANCELLED), True),
        (facts(bc=5), False),
        (facts(crm=5), False),
        (facts(), True),
        (facts(bc=None), False),
        # only what its direction reads counts
        (facts(Mapping.SALESPERSON, bc=5), True),
        (facts(Mapping.SALESPERSON, crm=5), False),
        (facts(Mapping.CURRENCY, crm=5), True),
    ],
)
def test_when_a_dependency_is_satisfied(found: Facts, satisfied: bool) -> None:
    assert found.is_satisfied is satisfied


def test_a_line_for_each_mapping_and_direction() -> None:
    lines = review([facts(Mapping.SALESPERSON), facts(Mapping.CURRENCY, bc=1), facts(bc=1)])
    told = [(each.facts.mapping.mapping, each.to, each.recommendation) for each in lines]
    assert told == [
        (Mapping.SALESPERSON, BC, NONE),
        (Mapping.CURRENCY, CRM, FULL),
        (Mapping.CUSTOMER, BC, NONE),
        (Mapping.CUSTOMER, CRM, WAIT),
    ]
    assert [each.mapping.mapping for each in lines[-1].dependencies] == [Mapping.SALESPERSON, Mapping.CURRENCY]
