"""Every row of the decision tables, and what holds for all of them."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.couplings.coupling import Coupling, Mapping
from gateway.records import Backend
from gateway.runs.planning import BC, BOTH, CRM, Action, Decision, Reason, Seen, Wanted, decide
from gateway.runs.policy import DEFAULT, DeletionConflict, Policy, UpdateConflict
from gateway.sync.differences import CouplingSide, Difference
from gateway.sync.mapping import Direction, FieldMapping

COUPLING = Coupling(
    UUID(int=1),
    Mapping.CUSTOMER,
    UUID(int=2),
    UUID(int=3),
    UUID(int=4),
    last_synchronized_at=datetime(2026, 1, 1, tzinfo=UTC),
)
BI, TO, FROM = Direction.BIDIRECTIONAL, Direction.TO_INTEGRATION_TABLE, Direction.FROM_INTEGRATION_TABLE
NONE, ONLY_BC, ONLY_CRM = frozenset[Backend](), frozenset({BC}), frozenset({CRM})
BC_WINS, CRM_WINS = Policy(UpdateConflict.BUSINESS_CENTRAL_WINS), Policy(UpdateConflict.DATAVERSE_WINS)
SIDE_BC, SIDE_CRM, SIDE_BOTH = CouplingSide.BUSINESS_CENTRAL, CouplingSide.DATAVERSE, CouplingSide.BOTH
CHANGED_BC, CHANGED_CRM = Reason.BUSINESS_CENTRAL_CHANGED, Reason.DATAVERSE_CHANGED
NO_FIELD = Reason.NO_MAPPED_FIELD_CHANGED


def differs(
    name: str = "city", side: CouplingSide | None = None, direction: Direction = BI, *, enabled: bool = True
) -> Difference:
    field = FieldMapping(name, name.capitalize(), name, name, direction, enabled=enabled)
    return Difference(field, "b", "c", "a", side, direction)


def seen(*differences: Difference, moved: frozenset[Backend] = BOTH, **more: object) -> Seen:
    given: dict[str, object] = {"there": BOTH, "inside": BOTH, **more}
    return Seen(COUPLING, moved=moved, differences=differences, **given)  # type: ignore[arg-type]


def skipped(pair: Seen) -> Seen:
    return replace(pair, coupling=replace(COUPLING, skipped=True))


@pytest.mark.parametrize(
    ("pair", "policy", "action", "reason", "to_bc", "to_crm"),
    [
        # 6.2: source unchanged, changed, changed in nothing that is mapped
        (seen(moved=NONE), DEFAULT, Action.UNCHANGED, Reason.NOTHING_CHANGED, None, None),
        (seen(differs(), moved=NONE), DEFAULT, Action.UNCHANGED, Reason.NOTHING_CHANGED, None, None),
        (seen(moved=ONLY_BC), DEFAULT, Action.UNCHANGED, NO_FIELD, None, None),
        (seen(differs(side=SIDE_BC), moved=ONLY_BC), DEFAULT, Action.MODIFY, CHANGED_BC, None, {"city"}),
        (seen(differs(side=SIDE_CRM), moved=ONLY_CRM), DEFAULT, Action.MODIFY, CHANGED_CRM, {"city"}, None),
        (
            seen(differs("city", SIDE_BC), differs("phone", SIDE_CRM)),
            DEFAULT,
            Action.MODIFY,
            Reason.BOTH_CHANGED,
            {"phone"},
            {"city"},
        ),
        # what is not known of before goes by which record changed
        (seen(differs(), moved=ONLY_BC), DEFAULT, Action.MODIFY, CHANGED_BC, None, {"city"}),
        (seen(differs(), moved=ONLY_CRM), DEFAULT, Action.MODIFY, CHANGED_CRM, {"city"}, None),
        (seen(differs()), DEFAULT, Action.FAIL, Reason.CONFLICT, None, None),
        # one way: given again when its own side changed, left alone else
        (seen(differs(direction=TO), moved=ONLY_BC), DEFAULT, Action.MODIFY, CHANGED_BC, None, {"city"}),
        (seen(differs(direction=TO), moved=ONLY_CRM), DEFAULT, Action.UNCHANGED, NO_FIELD, None, None),
        (seen(differs(direction=FROM), moved=ONLY_CRM), DEFAULT, Action.MODIFY, CHANGED_CRM, {"city"}, None),
        (seen(differs(direction=FROM), moved=ONLY_BC), DEFAULT, Action.UNCHANGED, NO_FIELD, None, None),
        # a field that is switched off is nobody's
        (seen(differs(side=SIDE_BOTH, enabled=False)), DEFAULT, Action.UNCHANGED, NO_FIELD, None, None),
        # 6.4: both changed the same field
        (seen(differs(side=SIDE_BOTH)), DEFAULT, Action.FAIL, Reason.CONFLICT, None, None),
        (seen(differs(side=SIDE_BOTH)), BC_WINS, Action.MODIFY, Reason.CONFLICT_RESOLVED, None, {"city"}),
        (seen(differs(side=SIDE_BOTH)), CRM_WINS, Action.MODIFY, Reason.CONFLICT_RESOLVED, {"city"}, None),
        (
            seen(differs("city", SIDE_BOTH), differs("phone", SIDE_BOTH)),
            replace(BC_WINS, fields={"phone": UpdateConflict.DATAVERSE_WINS}),
            Action.MODIFY,
            Reason.CONFLICT_RESOLVED,
            {"phone"},
            {"city"},
        ),
        (
            seen(differs("city", SIDE_BOTH), differs("phone", SIDE_BC)),
            replace(DEFAULT, fields={"phone": UpdateConflict.DATAVERSE_WINS}),
            Action.FAIL,
            Reason.CONFLICT,
            None,
            None,
        ),
        # outside the filter; 6.5: on the skip list
        (seen(differs(side=SIDE_BC), inside=ONLY_BC), DEFAULT, Action.SKIP, Reason.OUTSIDE_FILTER, None, None),
        (skipped(seen()), DEFAULT, Action.SKIP, Reason.ON_THE_SKIP_LIST, None, None),
    ],
)
def test_what_is_done_with_a_pair(
    pair: Seen, policy: Policy, action: Action, reason: Reason, to_bc: set[str] | None, to_crm: set[str] | None
) -> None:
    wanted = {to: frozenset(names) for to, names in ((BC, to_bc), (CRM, to_crm)) if names is not None}
    found = decide(pair, policy, BI)
    assert (found.action, found.reason, found.write) == (action, reason, wanted)


@pytest.mark.parametrize(
    ("there", "inside", "policy", "direction", "action", "reason"),
    [
        (ONLY_BC, ONLY_BC, DeletionConflict.NONE, BI, Action.FAIL, Reason.PARTNER_DELETED),
        (ONLY_CRM, ONLY_CRM, DeletionConflict.NONE, BI, Action.FAIL, Reason.PARTNER_DELETED),
        (ONLY_BC, ONLY_BC, DeletionConflict.REMOVE_COUPLING, BI, Action.UNCOUPLE, Reason.PARTNER_DELETED),
        (ONLY_BC, ONLY_BC, DeletionConflict.RESTORE_RECORDS, BI, Action.RESTORE, Reason.PARTNER_DELETED),
        (ONLY_BC, NONE, DeletionConflict.RESTORE_RECORDS, BI, Action.FAIL, Reason.PARTNER_DELETED),
        (ONLY_CRM, ONLY_CRM, DeletionConflict.RESTORE_RECORDS, TO, Action.FAIL, Reason.PARTNER_DELETED),
        (NONE, NONE, DeletionConflict.NONE, BI, Action.UNCOUPLE, Reason.BOTH_DELETED),
    ],
)
def test_a_side_that_was_deleted(
    there: frozenset[Backend],
    inside: frozenset[Backend],
    policy: DeletionConflict,
    direction: Direction,
    action: Action,
    reason: Reason,
) -> None:
    found = decide(seen(there=there, inside=inside), Policy(deletion=policy), direction)
    assert (found.action, found.reason) == (action, reason)


@pytest.mark.parametrize("deletion", DeletionConflict)
def test_an_order_that_was_invoiced_is_no_deletion(deletion: DeletionConflict) -> None:
    """Whatever the policy for deletions is, and whether or not the row is still within the filter."""
    for inside in (ONLY_CRM, NONE):
        found = decide(seen(there=ONLY_CRM, inside=inside, invoiced=True), Policy(deletion=deletion), TO)
        assert (found.action, found.reason, found.write) == (Action.CLOSE, Reason.INVOICED, {})


@pytest.mark.parametrize("wanted", [Wanted.MERGE, Wanted.SEND])
def test_a_field_of_new_rows_only_is_not_planned(wanted: Wanted) -> None:
    number = replace(differs("number", direction=TO), field=FieldMapping("number", "No.", "a", "b", TO, new_only=True))
    found = decide(seen(number, differs(direction=TO), moved=ONLY_BC), DEFAULT, TO, wanted=wanted)
    assert found.write == {CRM: frozenset({"city"})}


@pytest.mark.parametrize(("wanted", "to"), [(Wanted.SEND, CRM), (Wanted.GET, BC)])
def test_somebody_says_whose_data_counts(wanted: Wanted, to: Backend) -> None:
    """Whatever changed, and also of a pair on the skip list."""
    conflict, mine = differs("city", SIDE_BOTH), differs("phone", SIDE_BC if to is BC else SIDE_CRM)
    found = decide(skipped(seen(conflict, mine, moved=NONE)), DEFAULT, BI, wanted=wanted)
    assert (found.action, found.reason, found.write) == (
        Action.MODIFY,
        Reason.ASKED_FOR,
        {to: frozenset({"city", "phone"})},
    )


differences = st.lists(
    st.builds(
        differs,
        st.sampled_from(["city", "phone", "name"]),
        st.sampled_from([None, *CouplingSide]),
        st.sampled_from(list(Direction)),
        enabled=st.booleans(),
    ),
    unique_by=lambda each: each.field.name,
)
policies = st.builds(
    Policy,
    st.sampled_from(list(UpdateConflict)),
    st.sampled_from(list(DeletionConflict)),
    st.dictionaries(st.sampled_from(["city", "phone", "name"]), st.sampled_from(list(UpdateConflict))),
)
sides = st.frozensets(st.sampled_from(list(Backend)))


@given(differences, policies, st.sampled_from(list(Direction)), sides)
def test_no_edit_is_lost_without_a_policy(
    found: list[Difference], policy: Policy, direction: Direction, moved: frozenset[Backend]
) -> None:
    """A side that changed a field is overwritten only where a policy says so, and never against the mapping's direction."""
    decision = decide(seen(*found, moved=moved), policy, direction)
    for to, names in decision.write.items():
        assert direction.goes_to(to)
        changed_here = {BC: SIDE_BC, CRM: SIDE_CRM}[to]
        for each in found:
            if each.field.name in names and each.direction is BI:
                assert each.changed_side is not changed_here
                if each.changed_side is SIDE_BOTH:
                    assert policy.of(each.field.name).to is to
                assert each.field.enabled
    both = list(decision.write.values())
    assert not (len(both) == 2 and both[0] & both[1]), "no field goes both ways at once"


@given(differences, policies, st.sampled_from(list(Direction)), sides, sides, sides, st.booleans())
def test_a_pair_is_written_only_when_that_was_decided(
    found: list[Difference],
    policy: Policy,
    direction: Direction,
    there: frozenset[Backend],
    inside: frozenset[Backend],
    moved: frozenset[Backend],
    is_skipped: bool,
) -> None:
    pair = seen(*found, moved=moved, there=there, inside=inside & there)
    decision: Decision = decide(skipped(pair) if is_skipped else pair, policy, direction)
    if decision.action is not Action.MODIFY:
        assert not decision.write
    if not moved and there == BOTH:
        assert decision.action in (Action.UNCHANGED, Action.SKIP)
    if decision.conflicts:
        assert decision.action is Action.FAIL
