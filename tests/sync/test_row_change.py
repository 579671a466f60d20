"""A row that its state locks is opened, changed and locked again; any other is changed as it is."""

from uuid import UUID

import pytest

from gateway.odata.write import Delete, Revise, Update
from gateway.sync.records import Found
from gateway.sync.row_change import change_of, is_closed
from gateway.sync.tables.customer import CUSTOMER
from gateway.sync.tables.sales_order import SALES_ORDER

ONE, ETAG = UUID(int=1), 'W/"1"'
CITY = {"shipto_city": "Nantes"}
LINE = Delete("salesorderdetails", UUID(int=2), ETAG)


def row(state: int, reason: int) -> Found:
    return Found(SALES_ORDER.crm, ONE, {"statecode": state, "statuscode": reason}, ETAG)


def test_an_active_row_is_changed_as_it_is() -> None:
    assert change_of(SALES_ORDER.crm, "salesorders", row(0, 1), CITY) == Update("salesorders", ONE, CITY, ETAG)


def test_a_submitted_row_is_submitted_afterwards_with_the_reason_it_had() -> None:
    opened = Update("salesorders", ONE, {"statecode": 0, "statuscode": 2}, ETAG)
    submitted = {"statecode": 1, "statuscode": 7}
    assert change_of(SALES_ORDER.crm, "salesorders", row(1, 7), CITY) == Revise(opened, (), (CITY, submitted))
    found = change_of(SALES_ORDER.crm, "salesorders", row(1, 7), {}, below=(LINE,))
    assert found == Revise(opened, (LINE,), (submitted,))


def test_lines_alone_are_changed_under_the_version_of_their_row() -> None:
    """Writing the state that it has changes nothing, and fails if the row is another version by now."""
    found = change_of(SALES_ORDER.crm, "salesorders", row(0, 1), {}, below=(LINE,))
    assert found == Revise(Update("salesorders", ONE, {"statecode": 0, "statuscode": 1}, ETAG), (LINE,))


@pytest.mark.parametrize(("state", "closed"), [(0, False), (1, False), (2, True), (3, True), (4, True)])
def test_a_canceled_fulfilled_or_invoiced_order_is_closed(state: int, closed: bool) -> None:
    assert is_closed(SALES_ORDER.crm, row(state, 1)) is closed


def test_tables_without_a_lock_have_none() -> None:
    account = Found(CUSTOMER.crm, ONE, {"statecode": 1}, ETAG)
    assert not is_closed(CUSTOMER.crm, account)
    assert isinstance(change_of(CUSTOMER.crm, "accounts", account, {"name": "Quay"}), Update)
