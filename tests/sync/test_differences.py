"""Which fields differ, and who changed them: by the value both held, or by when the records changed."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from gateway.couplings.coupling import Coupling, Mapping
from gateway.records import Values
from gateway.sync.differences import CouplingSide, Difference, Pairing, changed_side, differences_of
from gateway.sync.mapping import Direction, Kind, TableMapping
from gateway.sync.records import Found
from gateway.sync.references import References
from gateway.sync.tables.customer import CUSTOMER
from gateway.sync.tables.opportunity import OPPORTUNITY
from gateway.sync.tables.salesperson import SALESPERSON

BC, CRM, BOTH = CouplingSide.BUSINESS_CENTRAL, CouplingSide.DATAVERSE, CouplingSide.BOTH
NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)
ID = UUID(int=1)


def differences(mapping: TableMapping, bc: Values, crm: Values, **known: Any) -> list[Difference]:
    coupling = Coupling(ID, mapping.mapping, ID, ID, ID, **known)
    pairing = Pairing(coupling, Found(mapping.bc, ID, bc, None), Found(mapping.crm, ID, crm, None))
    return list(differences_of(mapping, pairing, References({}, {})))


@pytest.mark.parametrize(
    ("synchronized", "bc", "crm", "side"),
    [
        ("1", "2", "1", BC),
        ("1", "1", "2", CRM),
        ("1", "2", "3", BOTH),
        ("", "2", "", BC),
        ("1", "", "1", BC),
        ("1", "1", "1", None),
    ],
)
def test_by_what_both_held(synchronized: str, bc: str, crm: str, side: CouplingSide | None) -> None:
    assert changed_side(Kind.TEXT, synchronized, bc, crm) is side
    assert changed_side(Kind.LOOKUP, synchronized, bc, crm) is side


def test_a_code_in_another_case_has_not_changed() -> None:
    assert changed_side(Kind.CODE, "3011 AA", "3011 aa", "3012 AA") is CRM
    assert changed_side(Kind.LOOKUP, "JO", "jo", "EV") is CRM


def at(moment: timedelta) -> str:
    return (NOON + moment).isoformat()


LATER, SAME = timedelta(seconds=1), timedelta(0)


@pytest.mark.parametrize(
    ("bc", "crm", "known", "side"),
    [
        (LATER, SAME, {"bc_modified_at": NOON, "crm_modified_at": NOON}, BC),
        (SAME, LATER, {"bc_modified_at": NOON, "crm_modified_at": NOON}, CRM),
        (LATER, LATER, {"bc_modified_at": NOON, "crm_modified_at": NOON}, BOTH),
        (SAME, SAME, {"bc_modified_at": NOON, "crm_modified_at": NOON}, None),
        (LATER, LATER, {}, None),
        (LATER, LATER, {"crm_modified_at": NOON}, CRM),
    ],
)
def test_by_when_the_records_changed(
    bc: timedelta, crm: timedelta, known: dict[str, Any], side: CouplingSide | None
) -> None:
    rows = {"city": "Rotterdam", "lastModifiedDateTime": at(bc)}, {"address1_city": "Delft", "modifiedon": at(crm)}
    (found,) = differences(CUSTOMER, *rows, **known)
    assert (found.field.name, found.synchronized, found.changed_side) == ("city", None, side)


def test_what_both_held_counts_more_than_when_they_changed() -> None:
    rows = {"city": "Delft", "lastModifiedDateTime": at(LATER)}, {"address1_city": "Gouda", "modifiedon": at(SAME)}
    known: dict[str, Any] = {"bc_modified_at": NOON, "crm_modified_at": NOON, "base": {"city": "Delft"}}
    (found,) = differences(CUSTOMER, *rows, **known)
    assert (found.business_central, found.dataverse, found.synchronized) == ("Delft", "Gouda", "Delft")
    assert found.changed_side is CRM


def test_a_blank_that_both_held_is_known() -> None:
    (found,) = differences(CUSTOMER, {"city": "Delft"}, {}, base={"city": ""})
    assert (found.dataverse, found.synchronized, found.changed_side) == (None, None, BC)


def test_a_field_that_was_never_synchronized_is_not_known() -> None:
    (found,) = differences(CUSTOMER, {"city": "Delft"}, {}, base={"city": None, "email": "a@b.example"})
    assert (found.synchronized, found.changed_side) == (None, None)


def test_a_field_that_is_not_enabled_is_told_with_that() -> None:
    (found,) = differences(CUSTOMER, {"number": "C1"}, {"accountnumber": "X"})
    assert (found.field.name, found.field.enabled, found.direction) == ("number", False, Direction.TO_INTEGRATION_TABLE)


def test_a_mapping_that_goes_one_way_forces_its_fields() -> None:
    (found,) = differences(SALESPERSON, {"jobTitle": "Sales"}, {"jobtitle": "Sales lead"})
    assert found.direction is Direction.FROM_INTEGRATION_TABLE


def test_a_blank_that_is_never_written_is_no_difference() -> None:
    """An opportunity without stages has no estimate in Business Central; what CRM knows stays."""
    crm = {"estimatedvalue": 100, "estimatedclosedate": "2026-12-01"}
    assert differences(OPPORTUNITY, {"estimatedValue": 0, "estimatedClosingDate": None}, crm) == []


def test_a_number_that_crm_does_not_have_is_shown_as_none() -> None:
    (found,) = differences(CUSTOMER, {"creditLimit": 100}, {"creditlimit": None})
    assert (found.business_central, found.dataverse) == ("100", None)
    assert differences(CUSTOMER, {"creditLimit": 0}, {"creditlimit": None}) == []


def test_every_mapping_is_compared() -> None:
    assert Mapping.CUSTOMER is CUSTOMER.mapping
    assert differences(CUSTOMER, {}, {}) == []
