"""What can be done about each error, by its code and the mapping's direction."""

import pytest

from gateway.errors import ErrorCode
from gateway.records import Backend
from gateway.runs.remedies import Remedy, remedies
from gateway.sync.mapping import Direction

BC, CRM = Backend.BUSINESS_CENTRAL, Backend.DATAVERSE
BI, TO, FROM = Direction.BIDIRECTIONAL, Direction.TO_INTEGRATION_TABLE, Direction.FROM_INTEGRATION_TABLE


@pytest.mark.parametrize(
    ("code", "direction", "to", "wanted"),
    [
        ("SALESPERSON_NOT_COUPLED", BI, CRM, "COUPLE_SALESPERSONS RETRY UNCOUPLE"),
        ("OWNER_NOT_COUPLED", BI, BC, "COUPLE_SALESPERSONS RETRY UNCOUPLE"),
        ("LOOKUP_NOT_COUPLED", TO, CRM, "COUPLE_RECORDS RETRY UNCOUPLE"),
        ("UPDATE_CONFLICT", BI, None, "RESOLVE_FIELDS USE_BUSINESS_CENTRAL USE_DATAVERSE UNCOUPLE"),
        ("UPDATE_CONFLICT", TO, None, "USE_BUSINESS_CENTRAL UNCOUPLE"),
        ("DELETION_CONFLICT", BI, CRM, "RESTORE UNCOUPLE"),
        ("DELETION_CONFLICT", BI, BC, "RESTORE UNCOUPLE"),
        ("DELETION_CONFLICT", TO, BC, "UNCOUPLE"),
        ("DELETION_CONFLICT", FROM, CRM, "UNCOUPLE"),
        ("DELETION_CONFLICT", BI, None, "UNCOUPLE"),
        # the side that refuses a value may keep its own, where data goes the other way, too
        ("BACKEND_REJECTED", BI, BC, "CHANGE_RECORD USE_BUSINESS_CENTRAL RETRY UNCOUPLE"),
        ("BACKEND_REJECTED", BI, CRM, "CHANGE_RECORD USE_DATAVERSE RETRY UNCOUPLE"),
        ("BACKEND_REJECTED", TO, CRM, "CHANGE_RECORD RETRY UNCOUPLE"),
        ("RECORD_NOT_VISIBLE", BI, None, "CHECK_RIGHTS RETRY UNCOUPLE"),
        ("BACKEND_UNREACHABLE", BI, CRM, "RETRY UNCOUPLE"),
    ],
)
def test_what_can_be_done(code: str, direction: Direction, to: Backend | None, wanted: str) -> None:
    assert remedies(ErrorCode(code), direction, to=to, coupled=True) == wanted.split()


@pytest.mark.parametrize("code", list(ErrorCode))
@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("to", [None, *Backend])
def test_nothing_against_the_direction_and_always_a_way_out(
    code: ErrorCode, direction: Direction, to: Backend | None
) -> None:
    found = remedies(code, direction, to=to, coupled=True)
    assert found[-1] is Remedy.UNCOUPLE
    assert len(set(found)) == len(found)
    assert Remedy.USE_BUSINESS_CENTRAL not in found or direction.goes_to(CRM)
    assert Remedy.USE_DATAVERSE not in found or direction.goes_to(BC)
    assert Remedy.RESTORE not in found or (to is not None and direction.goes_to(to))
    assert len(remedies(code, direction, to=to, coupled=False)) == 1
