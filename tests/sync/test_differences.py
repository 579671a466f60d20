"""Which fields differ, and who changed them: by the value both held, or by when the records changed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from gateway.couplings.coupling import Coupling, Mapping
from gateway.records import Backend, Values
from gateway.sync.comparison import AT_MOST, Places
from gateway.sync.differences import CouplingSide, Difference, Pairing, changed_side, differences_of
from gateway.sync.mapping import Direction, FieldMapping, Kind, TableMapping
from gateway.sync.records import Found
from gateway.sync.references import References, Referred
from gateway.sync.tables.customer import CUSTOMER
from gateway.sync.tables.item import ITEM
from gateway.sync.tables.opportunity import OPPORTUNITY
from gateway.sync.tables.salesperson import SALESPERSON
from gateway.sync.transforms import Transform, Transformation

BC, CRM, BOTH = CouplingSide.BUSINESS_CENTRAL, CouplingSide.DATAVERSE, CouplingSide.BOTH
NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)
ID = UUID(int=1)


def pairing_of(mapping: TableMapping, bc: Values, crm: Values, **known: Any) -> Pairing:
    coupling = Coupling(ID, mapping.mapping, ID, ID, ID, **known)
    return Pairing(coupling, Found(mapping.bc, ID, bc, None), Found(mapping.crm, ID, crm, None))


def differences(
    mapping: TableMapping, bc: Values, crm: Values, places: Places = AT_MOST, **known: Any
) -> list[Difference]:
    """``crm`` is in local currency."""
    euro = Referred("EUR", crm=ID)
    currency = ("currencyCode", Backend.BUSINESS_CENTRAL), ("currencyCode", Backend.DATAVERSE)
    references = References({currency[1]: {str(ID): euro}}, {currency[0]: euro})
    row = {"_transactioncurrencyid_value": str(ID), **crm}
    return list(differences_of(mapping, pairing_of(mapping, bc, row, **known), references, places))


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


def test_a_price_that_only_differs_by_crm_s_rounding_is_no_difference() -> None:
    kept = Places(amounts=2, prices=2)
    assert differences(ITEM, {"unitPrice": Decimal("1.23456")}, {"price": Decimal("1.23")}, kept) == []
    known = {"base": {"unitPrice": "1.2346"}}
    (found,) = differences(ITEM, {"unitPrice": Decimal("1.3")}, {"price": Decimal("1.23")}, kept, **known)
    assert (found.dataverse, found.changed_side) == ("1.23", BC), "what both held was remembered with more decimals"


def test_a_credit_limit_in_another_currency_is_not_compared() -> None:
    euro, dollar = Referred("EUR", crm=UUID(int=2)), Referred("USD", UUID(int=3), UUID(int=4), "USD")
    place, us = ("currencyCode", Backend.BUSINESS_CENTRAL), str(UUID(int=3))
    crm_place = ("currencyCode", Backend.DATAVERSE)
    references = References({place: {us: dollar}, crm_place: {str(UUID(int=4)): dollar}}, {place: euro})
    row = {"creditlimit": 5, "_transactioncurrencyid_value": str(UUID(int=4))}
    pairing = pairing_of(CUSTOMER, {"creditLimit": 100, "currencyId": us}, row)
    assert list(differences_of(CUSTOMER, pairing, references)) == []


def test_every_mapping_is_compared() -> None:
    assert Mapping.CUSTOMER is CUSTOMER.mapping
    assert differences(CUSTOMER, {}, {}) == []


@pytest.mark.parametrize(
    ("direction", "bc", "crm", "differs"),
    [
        (Direction.TO_INTEGRATION_TABLE, "---", "Delft", False),
        (Direction.TO_INTEGRATION_TABLE, "Delft", "---", True),
        (Direction.FROM_INTEGRATION_TABLE, "Delft", "---", False),
        (Direction.FROM_INTEGRATION_TABLE, "", "Delft", True),
        (Direction.BIDIRECTIONAL, "Delft", "", True),
    ],
)
def test_what_would_never_be_written_is_no_difference(direction: Direction, bc: str, crm: str, differs: bool) -> None:
    """Not Null, when what a rule leaves of a text is a blank."""
    rules = (Transformation(Transform.ALPHANUMERIC),)
    city = FieldMapping("city", "City", "city", "address1_city", direction, not_null=True, to_crm=rules, to_bc=rules)
    mapping = replace(CUSTOMER, fields=(city,))
    assert bool(differences(mapping, {"city": bc}, {"address1_city": crm})) is differs
