"""Which state is passed on to which side: every row of the table."""

from typing import Any
from uuid import UUID

import pytest

from gateway.couplings.coupling import Coupling, Mapping
from gateway.records import Backend
from gateway.runs.planning import BC, BOTH, CRM, Seen
from gateway.runs.reading import Both
from gateway.runs.states import BEGUN, MARK, StateChange, passes_states, state_change, unmarked
from gateway.sync.mappings import TABLE_MAPPINGS
from gateway.sync.records import Found

NONE = frozenset[Backend]()
RETIRE = StateChange(CRM, {"statecode": 1, "statuscode": 2}, mark=True)
ACTIVATE = StateChange(CRM, {"statecode": 0, "statuscode": 1})
BLOCK = StateChange(BC, {"blocked": True})
BLOCK_ALL = StateChange(BC, {"blocked": "All"})
RETIRED_BEFORE = StateChange(CRM, {}, mark=True)
BLOCKED_BEFORE = StateChange(BC, {})
ACTIVE, RETIRED, DRAFT = 0, 1, 2


def both(
    mapping: Mapping,
    blocked: object,
    state: int,
    moved: frozenset[Backend],
    *,
    marked: bool = False,
    begun: Backend | None = None,
) -> Both:
    base = {"displayName": "Lamp"} | ({MARK: "true"} if marked else {}) | ({BEGUN: str(begun)} if begun else {})
    coupling = Coupling(UUID(int=1), mapping, UUID(int=2), UUID(int=3), UUID(int=4), base=base)
    table = TABLE_MAPPINGS[mapping]
    records = {
        BC: Found(table.bc, UUID(int=3), {"blocked": blocked}, "b"),
        CRM: Found(table.crm, UUID(int=4), {"statecode": state}, "c"),
    }
    return Both(coupling, records, Seen(coupling, BOTH, NONE, moved))


@pytest.mark.parametrize(
    ("mapping", "blocked", "state", "moved", "marked", "expected"),
    [
        (Mapping.ITEM, True, ACTIVE, {BC}, False, RETIRE),
        (Mapping.ITEM, True, ACTIVE, {CRM}, False, None),
        (Mapping.ITEM, True, ACTIVE, set(), False, None),
        (Mapping.ITEM, True, RETIRED, {BC, CRM}, False, None),
        (Mapping.ITEM, False, RETIRED, {BC}, True, ACTIVATE),
        (Mapping.ITEM, False, RETIRED, {BC, CRM}, True, ACTIVATE),
        (Mapping.ITEM, False, RETIRED, {CRM}, True, None),
        (Mapping.ITEM, False, RETIRED, {BC}, False, None),
        (Mapping.ITEM, False, RETIRED, {CRM}, False, BLOCK),
        (Mapping.ITEM, False, RETIRED, {BC, CRM}, False, BLOCK),
        (Mapping.ITEM, False, DRAFT, {CRM}, False, BLOCK),
        (Mapping.CUSTOMER, None, 1, {CRM}, False, BLOCK_ALL),
        (Mapping.VENDOR, None, 1, {CRM}, False, BLOCK_ALL),
        (Mapping.CUSTOMER, "Ship", 1, {CRM}, False, None),
        (Mapping.CUSTOMER, "All", 0, {CRM}, False, None),
        (Mapping.CUSTOMER, None, 1, {BC}, False, None),
    ],
)
def test_what_is_passed_on(
    mapping: Mapping, blocked: object, state: int, moved: set[Backend], marked: Any, expected: StateChange | None
) -> None:
    assert (
        state_change(TABLE_MAPPINGS[mapping], both(mapping, blocked, state, frozenset(moved), marked=marked))
        == expected
    )


@pytest.mark.parametrize(
    ("mapping", "blocked", "state", "moved", "begun", "expected"),
    [
        (Mapping.ITEM, True, RETIRED, {BC, CRM}, CRM, RETIRED_BEFORE),
        (Mapping.ITEM, True, RETIRED, set(), CRM, RETIRED_BEFORE),
        (Mapping.ITEM, True, ACTIVE, {BC}, CRM, RETIRE),
        (Mapping.ITEM, False, RETIRED, {BC, CRM}, CRM, ACTIVATE),
        (Mapping.ITEM, False, RETIRED, {CRM}, CRM, None),
        (Mapping.ITEM, True, DRAFT, {BC, CRM}, BC, BLOCKED_BEFORE),
        (Mapping.ITEM, True, RETIRED, {BC, CRM}, BC, BLOCKED_BEFORE),
        (Mapping.ITEM, False, RETIRED, {CRM}, BC, BLOCK),
        (Mapping.CUSTOMER, "All", 1, {BC, CRM}, BC, BLOCKED_BEFORE),
        (Mapping.CUSTOMER, None, 1, {CRM}, BC, BLOCK_ALL),
        (Mapping.CUSTOMER, "All", 0, {BC, CRM}, BC, None),
    ],
)
def test_what_is_made_of_a_write_that_nobody_learned_the_end_of(
    mapping: Mapping, blocked: object, state: int, moved: set[Backend], begun: Backend, expected: StateChange | None
) -> None:
    """What is as it was to be is taken for ours, and not written again."""
    pair = both(mapping, blocked, state, frozenset(moved), begun=begun)
    assert state_change(TABLE_MAPPINGS[mapping], pair) == expected


def test_only_where_there_is_a_state() -> None:
    assert [each for each in Mapping if passes_states(each)] == [Mapping.CUSTOMER, Mapping.VENDOR, Mapping.ITEM]


def test_what_is_within_the_filter_again_forgets_that_it_was_retired() -> None:
    pair = both(Mapping.ITEM, False, ACTIVE, NONE, marked=True, begun=CRM)
    assert unmarked(pair.coupling).base == {"displayName": "Lamp"}
