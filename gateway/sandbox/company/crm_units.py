"""Unit groups of Dataverse: one for each unit that stands alone, and one for each coupled item with further units.

    NAV PCS             PCS 1
    ITEM 1001 UOM GR    PCS 1, BOX 12, PALLET 144

Source: Business Central, Integrating with Dynamics 365 Sales: units of measure and unit groups; Dynamics 365 Sales, Unit
and Unit Group table reference.
"""

from collections.abc import Iterator
from decimal import Decimal

from gateway.sandbox.company.codes import UNITS
from gateway.sandbox.company.crm_columns import set_up
from gateway.sandbox.company.identifiers import ORGANIZATION_ID, crm_id
from gateway.sandbox.company.items import item, item_index
from gateway.sandbox.company.rows import Row, Sets
from gateway.sandbox.company.units import ITEM_UNITS


def unit_sets() -> Sets:
    yield "uomschedules", _groups()
    yield "uoms", _units()


def unit_group_name(code: str) -> str:
    """The group that a unit is alone in."""
    return f"NAV {code}"


def unit_columns(number: str, code: str) -> Row:
    """The default unit and unit group of a product, by its number and the code of its base unit."""
    return {"_defaultuomid_value": unit_id(number, code), "_defaultuomscheduleid_value": unit_group_id(number, code)}


def unit_group_id(number: str, code: str) -> str:
    return crm_id("uomschedule", f"ITEM {number}" if number in ITEM_UNITS else code)


def unit_id(number: str, code: str) -> str:
    """A unit as products of that number are counted in it."""
    return crm_id("uom", f"{number}:{code}" if number in ITEM_UNITS else code)


def _own_groups() -> Iterator[tuple[str, str]]:
    """Number and base unit of the items with a group of their own."""
    for ware in (item(item_index(number)) for number in ITEM_UNITS):
        if ware.coupled:
            yield ware.number, ware.unit


def _groups() -> Iterator[Row]:
    for unit in UNITS:
        yield _group(crm_id("uomschedule", unit.code), unit_group_name(unit.code), base=unit.code)
    for number, base in _own_groups():
        yield _group(unit_group_id(number, base), f"ITEM {number} UOM GR", base=base)


def _group(key: str, name: str, *, base: str) -> Row:
    return {
        "uomscheduleid": key,
        "name": name,
        "baseuomname": base,
        "_organizationid_value": ORGANIZATION_ID,
        "statecode": 0,
        "statuscode": 1,
        **set_up(),
    }


def _units() -> Iterator[Row]:
    for unit in UNITS:
        yield _unit(crm_id("uom", unit.code), unit.code, group_id=crm_id("uomschedule", unit.code))
    for number, base in _own_groups():
        group_id, base_id = unit_group_id(number, base), unit_id(number, base)
        yield _unit(base_id, base, group_id=group_id)
        for code, quantity in ITEM_UNITS[number].items():
            yield _unit(unit_id(number, code), code, group_id=group_id, quantity=quantity, base_id=base_id)


def _unit(key: str, code: str, *, group_id: str, quantity: Decimal = Decimal(1), base_id: str | None = None) -> Row:
    """The base unit of a group has no base of its own."""
    return {
        "uomid": key,
        "name": code,
        "quantity": quantity,
        "isschedulebaseuom": base_id is None,
        "organizationid": ORGANIZATION_ID,
        "_baseuom_value": base_id,
        "_uomscheduleid_value": group_id,
        **set_up(),
    }
