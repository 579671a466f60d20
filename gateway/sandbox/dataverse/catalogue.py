"""What Dynamics 365 Sales asks of products, lines of invoices, unit groups and currencies, and whose an opportunity is.

A product is made as a draft, whatever state is sent with it; a PATCH of state and status reason activates it.

Source: Dynamics 365 Sales, Product, Unit Group, Currency and Opportunity table reference; Web service error codes
(BaseUomNameNotSpecified, MissingUomScheduleId, MissingUomId, UnitNotInSchedule, DuplicateIsoCurrencyCode).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.sandbox.dataverse import upkeep
from gateway.sandbox.dataverse.errors import DataverseError
from gateway.sandbox.dataverse.operation import Operation
from gateway.sandbox.dataverse.reading import equals
from gateway.sandbox.model import EntitySet

_GROUP: Final = "_defaultuomscheduleid_value"
_UNIT: Final = "_defaultuomid_value"
_PRODUCT: Final = "_productid_value"
_LINE_UNIT: Final = "_uomid_value"
_ACCOUNT: Final = "_parentaccountid_value"
_PARENTS: Final = {_ACCOUNT: "account", "_parentcontactid_value": "contact"}
_CUSTOMER: Final = "_customerid_value"
_FAMILY: Final = 2
"""A group of products, which nobody sells: it has no unit."""

Values = Mapping[str, object]


def born_state(entity_set: EntitySet, given: Values) -> Values:
    """The state and status reason of a new row, as far as the caller has a say in them."""
    return {} if entity_set.name == "products" else given


def check(operation: Operation, entity_set: EntitySet, values: Values, *, changes: Values) -> None:
    """Check a row as it would be; `changes` is all of it when it is new.

    Raises:
        DataverseError: 400, something is missing, or does not fit the rest.
    """
    match entity_set.name:
        case "uomschedules" if not values.get("baseuomname"):
            raise DataverseError(400, "0x80043810", "baseuomname not specified")
        case "products" if {_GROUP, _UNIT} & changes.keys() or changes is values:
            _check_units(operation, values)
        case "invoicedetails" if {_PRODUCT, _LINE_UNIT} & changes.keys():
            _check_unit_of_line(operation, values)
        case "transactioncurrencies" if "isocurrencycode" in changes:
            _check_code(operation, entity_set, values)


def _check_units(operation: Operation, product: Values) -> None:
    if product.get("productstructure") == _FAMILY:
        return
    if not product.get(_GROUP):
        raise DataverseError(400, "0x80043b0a", "The unit schedule id is missing.")
    if not product.get(_UNIT):
        raise DataverseError(400, "0x80043b0d", "The unit id is missing.")
    unit = operation.store.get("uoms", product[_UNIT])
    if unit is None or unit["_uomscheduleid_value"] != product[_GROUP]:
        raise DataverseError(400, "0x80043b16", "The unit does not exist in the specified unit schedule.")


def _check_unit_of_line(operation: Operation, line: Values) -> None:
    """A product is counted in a unit of its own group."""
    product = operation.store.get("products", line[_PRODUCT]) if line.get(_PRODUCT) else None
    if product is None:
        return
    unit = operation.store.get("uoms", line[_LINE_UNIT]) if line.get(_LINE_UNIT) else None
    if unit is None or unit["_uomscheduleid_value"] != product[_GROUP]:
        raise DataverseError(400, "0x80043b16", "The unit does not exist in the specified unit schedule.")


def _check_code(operation: Operation, currencies: EntitySet, currency: Values) -> None:
    where = equals(currencies, "isocurrencycode", currency["isocurrencycode"])
    found = operation.store.select(currencies.name, where=where, limit=2)
    if any(row[currencies.key] != currency.get(currencies.key) for row in found):
        message = (
            "Cannot insert duplicate currency record. Currency with the same currency code already exist in the system."
        )
        raise DataverseError(400, "0x80048cf3", message)


def potential_customer(entity_set: EntitySet, values: Values, *, changes: Values) -> dict[str, object]:
    """The customer of an opportunity whose account or contact is named instead: the account, if there are both.

    Another account becomes the customer; another contact only where there is none.
    """
    if entity_set.name != "opportunities" or _CUSTOMER in changes or not _PARENTS.keys() & changes.keys():
        return {}
    if values.get(_CUSTOMER) and _ACCOUNT not in changes:
        return {}
    column = next((name for name in _PARENTS if values.get(name)), None)
    if column is None:
        return {}
    key = str(values[column])
    return {_CUSTOMER: key, **upkeep.customer(entity_set, _CUSTOMER, target=_PARENTS[column], key=key)}
