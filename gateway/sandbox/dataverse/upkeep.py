"""What Dataverse itself writes into a row: owner, currency and base amounts, state, names, who and when.

Every function takes the row as it would be and returns the columns to set in addition.

Source: Dataverse, Table ownership; Transaction currency; Define status reason transitions; Accessing the row version.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from gateway.sandbox.dataverse.annotations import CURRENCY, base_currency
from gateway.sandbox.dataverse.errors import INVALID_ARGUMENT, STATE_MISMATCH, DataverseError
from gateway.sandbox.dataverse.operation import Operation
from gateway.sandbox.model import EntitySet
from gateway.sandbox.store import Row

Values = Mapping[str, object]
_BASE_DIGITS = Decimal("0.0001")


def ownership(operation: Operation, entity_set: EntitySet, values: Values) -> dict[str, object]:
    """The owner's columns, after `_ownerid_value`; the acting user owns what names no owner."""
    if entity_set.extra.get("ownership") != "user":
        return {}
    owner_id = str(values.get("_ownerid_value") or operation.viewpoint.user_id)
    user = operation.store.get("systemusers", owner_id)
    owner = user or operation.store.get("teams", owner_id)
    return {
        "_ownerid_value": owner_id,
        "_owninguser_value": owner_id if user else None,
        "_owningteam_value": None if user else owner_id,
        "_owningbusinessunit_value": owner["_businessunitid_value"] if owner else None,
    }


def default_currency(operation: Operation, entity_set: EntitySet) -> dict[str, object]:
    """The currency of a new row with money that names none: the user's own, or that of the organization."""
    if CURRENCY not in entity_set.properties or not money_columns(entity_set):
        return {}
    base = base_currency(operation.store)
    return {CURRENCY: operation.user.values.get(CURRENCY) or (base["transactioncurrencyid"] if base else None)}


def money_columns(entity_set: EntitySet) -> list[str]:
    """The money columns that have a counterpart in the currency of the organization."""
    columns = entity_set.properties
    return [name for name in columns if f"{name}_base" in columns and "money" in columns[name].extra]


def base_amounts(operation: Operation, entity_set: EntitySet, values: Values) -> dict[str, object]:
    """The exchange rate and every amount divided by it."""
    currency_id = values.get(CURRENCY)
    currency = operation.store.get("transactioncurrencies", currency_id) if currency_id else None
    rate = currency["exchangerate"] if currency else None
    if not isinstance(rate, Decimal) or not rate or "exchangerate" not in entity_set.properties:
        return {}
    amounts: dict[str, object] = {"exchangerate": rate}
    for name in money_columns(entity_set):
        amount = values.get(name)
        amounts[f"{name}_base"] = _base(amount, rate) if isinstance(amount, Decimal) else None
    return amounts


def _base(amount: Decimal, rate: Decimal) -> Decimal:
    return (amount / rate).quantize(_BASE_DIGITS, ROUND_HALF_UP)


def customer(entity_set: EntitySet, column: str, *, target: str, key: str | None) -> dict[str, object]:
    """The read-only columns that repeat a customer by its kind, such as `_accountid_value` and `_contactid_value`."""
    if column not in ("_customerid_value", "_parentcustomerid_value"):
        return {}
    mirrors = {"_accountid_value": "account", "_contactid_value": "contact", "_parentcontactid_value": "contact"}
    return {
        mirror: key if target == entity else None
        for mirror, entity in mirrors.items()
        if mirror in entity_set.properties and entity_set.properties[mirror].read_only
    }


def full_name(entity_set: EntitySet, values: Values) -> dict[str, object]:
    if "fullname" not in entity_set.properties:
        return {}
    parts = (values.get("firstname"), values.get("lastname"))
    return {"fullname": " ".join(str(part) for part in parts if part) or None}


def state(entity_set: EntitySet, changes: Values, *, current: Row | None) -> dict[str, object]:
    """State and status reason, which must fit together; a state given alone brings its first status reason.

    Raises:
        DataverseError: 400 when the status reason belongs to another state.
    """
    column = entity_set.properties.get("statuscode")
    pairs = column.extra.get("stateOf") if column else None
    if not isinstance(pairs, dict) or (current is not None and not {"statecode", "statuscode"} & changes.keys()):
        return {}
    initial = entity_set.properties["statecode"].extra.get("default", 0)
    before = current["statecode"] if current else initial
    wanted = changes.get("statecode")
    new_state = before if wanted is None else wanted
    status = changes.get("statuscode")
    if status is None and current is not None and new_state == before:
        status = current["statuscode"]
    if status is None:
        status = next(int(code) for code, of in pairs.items() if of == new_state)
    if pairs.get(str(status)) != new_state:
        label = (entity_set.properties["statecode"].options or {}).get(str(new_state), new_state)
        message = f"{status} is not a valid status code for state code {label} on {entity_set.entity}."
        raise DataverseError(400, STATE_MISMATCH, message)
    return {"statecode": new_state, "statuscode": status}


def creation(operation: Operation, entity_set: EntitySet, values: Values) -> dict[str, object]:
    """Who created a row and when; a caller may date a row back, and the real moment is kept beside it."""
    earlier = values.get("overriddencreatedon")
    stamps = {
        "createdon": earlier or operation.moment,
        "_createdby_value": operation.viewpoint.user_id,
        **_delegate(operation, entity_set, "_createdonbehalfby_value"),
    }
    return {**stamps, "overriddencreatedon": operation.moment} if earlier else stamps


_NUMBERS = {"ordernumber": "ORD", "invoicenumber": "INV"}


def order_number(operation: Operation, entity_set: EntitySet, values: Values) -> dict[str, object]:
    """The number of a new order or invoice: a counter and a suffix, because the counter may repeat after a deletion."""
    column = next((name for name in _NUMBERS if name in entity_set.properties and not values.get(name)), None)
    if column is None:
        return {}
    counter = 1000 + operation.store.count(entity_set.name)
    return {column: f"{_NUMBERS[column]}-{counter:05d}-{str(values[entity_set.key])[:6].upper()}"}


def base_unit(entity_set: EntitySet, row: Row) -> dict[str, object]:
    """The columns of the unit that a new unit group brings along, or nothing."""
    if entity_set.name != "uomschedules" or not row["baseuomname"]:
        return {}
    unit = {"name": row["baseuomname"], "quantity": Decimal(1), "isschedulebaseuom": True}
    return {**unit, "_uomscheduleid_value": row["uomscheduleid"]}


def modification(operation: Operation, entity_set: EntitySet) -> dict[str, object]:
    return {
        "modifiedon": operation.moment,
        "_modifiedby_value": operation.viewpoint.user_id,
        **_delegate(operation, entity_set, "_modifiedonbehalfby_value"),
    }


def _delegate(operation: Operation, entity_set: EntitySet, column: str) -> dict[str, object]:
    """Who really wrote, where it was on behalf of another user."""
    if column not in entity_set.properties:
        return {}
    caller = str(operation.caller["systemuserid"])
    return {column: None if caller == operation.viewpoint.user_id else caller}


def defaults(entity_set: EntitySet) -> dict[str, object]:
    """What columns hold when nothing is said about them; state and status reason follow their own rule."""
    return {
        name: column.extra["default"] for name, column in entity_set.properties.items() if "default" in column.extra
    }


def check_required(entity_set: EntitySet, values: Values) -> None:
    """Raises: DataverseError 400 when a column is empty that Dataverse insists on."""
    for name, column in entity_set.properties.items():
        if "required" in column.extra and values.get(name) is None:
            raise DataverseError(400, INVALID_ARGUMENT, f"The required field '{name}' is missing.")
