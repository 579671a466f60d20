"""Opportunities: what a new one is filled with, what of it may change when, and whose they are.

Estimates come from the stages of a sales cycle, which no API sets: they stay as they are.

Source: Business Central, "opportunity resource type"; Microsoft's AL source of table Opportunity and its API page.
"""

from collections.abc import Mapping
from typing import Final

from gateway.sandbox.business_central import errors
from gateway.sandbox.business_central.exchange import Environment
from gateway.sandbox.business_central.rules import equal, find
from gateway.sandbox.business_central.values import Values
from gateway.sandbox.store import Row, Store

SET: Final = "opportunities"
_OVER: Final = ("Won", "Lost")
_NOT_WHEN_OVER: Final = {
    "contactNumber": 'The "contactNumber of a Won or Lost Opportunity cannot be changed',
    "salespersonCode": 'The "salespersonCode" of a Won or Lost Opportunity cannot be changed',
}


def complete(environment: Environment, values: Values) -> None:
    """Fill in a new opportunity.

    Raises:
        RefusedError: a contact that does not exist.
    """
    if "contactNumber" in values:
        values |= _of_contact(environment.store, values["contactNumber"], number=values["number"])
    moment = environment.moment()
    values |= {"creationDate": moment[:10], "systemCreatedAt": moment}


def change(store: Store, row: Row, changes: Values) -> None:
    """What else changes with an opportunity.

    Raises:
        RefusedError: it is over, or it has begun with another company.
    """
    for name, message in _NOT_WHEN_OVER.items():
        if name in changes and row["status"] in _OVER:
            raise errors.dialog(message)
    if row["salespersonCode"] and changes.get("salespersonCode") == "":
        raise _missing("Salesperson Code", row["number"])
    if "contactNumber" in changes:
        changes |= _of_contact(store, changes["contactNumber"], number=row["number"])
        other = changes["contactCompanyNumber"] != row["contactCompanyNumber"]
        if other and row["contactNumber"] and row["status"] != "Not_x0020_Started":
            who = f"{changes['contactNumber']} {changes['contactName']}"
            raise errors.dialog(f"Contact {who} is related to another company.")


def check_inactive(row: Row) -> None:
    """Refuse to delete an opportunity in progress."""
    if row["status"] == "In_x0020_Progress":
        raise errors.dialog("You cannot delete this opportunity while it is active.")


def check_none_open(store: Store, contact: Row) -> None:
    """Refuse to delete the contact of an opportunity that is not over."""
    for one in _of(store, "contactNumber", contact["number"]):
        if one["status"] not in _OVER:
            raise errors.dialog(
                f"You cannot delete the {contact['number']} record of the Contact because one or more opportunities "
                "are in not started or progress."
            )


def lose_contact(store: Store, contact: Row) -> None:
    """Let the company stand for a person who is deleted, and nobody for a company."""
    if contact["number"] == contact["companyNumber"]:
        nobody = {"contactNumber": "", "contactName": "", "contactCompanyNumber": "", "contactCompanyName": ""}
        for one in _of(store, "contactNumber", contact["number"]):
            store.update(SET, one["id"], nobody)
    else:
        _hand_over(store, contact)


def leave(store: Store, person: Row, *, company: object) -> None:
    """A person goes to another company: the opportunities stay with the old one, if there was one."""
    if person["companyNumber"]:
        _hand_over(store, person)
        return
    row = find(store, "contacts", "number", str(company))
    for one in _of(store, "contactNumber", person["number"]) if row else ():
        named = {"contactCompanyNumber": company, "contactCompanyName": row["displayName"] if row else ""}
        store.update(SET, one["id"], named)


def _hand_over(store: Store, person: Row) -> None:
    """Let a person's company stand for the person."""
    company = find(store, "contacts", "number", str(person["companyNumber"])) if person["companyNumber"] else None
    name = company["displayName"] if company else ""
    for one in _of(store, "contactNumber", person["number"]):
        store.update(SET, one["id"], {"contactNumber": person["companyNumber"], "contactName": name})


def show_names(store: Store, contact: Row) -> None:
    """Show the name a contact has now."""
    name = contact["displayName"]
    shown = (("contactNumber", "contactName"), ("contactCompanyNumber", "contactCompanyName"))
    for number, column in shown:
        for one in _of(store, number, contact["number"]):
            if one[column] != name:
                store.update(SET, one["id"], {column: name})


def _of(store: Store, column: str, number: object) -> list[Row]:
    return store.select(SET, where=equal(column, str(number))) if number else []


def _of_contact(store: Store, contact_number: object, *, number: object) -> Mapping[str, object]:
    if not contact_number:
        raise _missing("Contact No.", number)
    contact = find(store, "contacts", "number", str(contact_number))
    if contact is None:
        raise errors.unrelated(field="contactNumber", table="Contact", value=str(contact_number))
    company = find(store, "contacts", "number", str(contact["companyNumber"])) if contact["companyNumber"] else None
    return {
        "contactNumber": contact["number"],
        "contactName": contact["displayName"],
        "contactCompanyNumber": contact["companyNumber"],
        "contactCompanyName": company["displayName"] if company else "",
    }


def _missing(caption: str, number: object) -> errors.RefusedError:
    return errors.dialog(f"{caption} must have a value in Opportunity: No.={number}. It cannot be zero or empty.")
