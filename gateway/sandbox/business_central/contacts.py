"""Contacts: companies and the persons at them, and which of the companies are customers or vendors.

A new customer or vendor gets a contact, its company. A person takes over what it lacks from its company: address, country,
telephone, e-mail and website. Business relations are those of the company, for its persons too.

Source: Business Central, tables Contact and Contact Business Relation, codeunits CustCont-Update and
VendCont-Update; "Set up contacts", which says that setup decides about both. It is that of Microsoft's demonstration company.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from gateway.sandbox.business_central import errors, opportunities
from gateway.sandbox.business_central.exchange import Environment
from gateway.sandbox.business_central.rules import equal, find, next_number
from gateway.sandbox.business_central.values import Values
from gateway.sandbox.store import Row, Store

RELATIONS: Final = "$contactBusinessRelations"
LINKS: Final[Mapping[str, str]] = {"customers": "Customer", "vendors": "Vendor"}
"""What a company may be, by set: as its business relation says it."""
_COMPANY: Final = "Company"
_PERSON: Final = "Person"
_ADDRESS: Final = ("addressLine1", "addressLine2", "city", "state", "postalCode")
_COMMUNICATION: Final = ("phoneNumber", "mobilePhoneNumber", "email", "website")
_OF_PARTY: Final = (*_ADDRESS, "displayName", "country", "phoneNumber", "email", "website", "taxRegistrationNumber")


def complete(store: Store, values: Values) -> None:
    """Fill in a new contact, whose number is known.

    Raises:
        RefusedError: a company at a company, or a company number that names no company.
    """
    number, name = values["number"], values["displayName"]
    if values.get("type", _COMPANY) == _COMPANY:
        if values.get("companyNumber") not in (None, "", number):
            raise _not_a_person(number)
        values |= {"companyNumber": number, "companyName": name}
    else:
        _join(store, values, values)
    values.setdefault("searchName", str(name).upper())
    values["contactBusinessRelation"] = _relation(store, values.get("companyNumber"))


def change(store: Store, row: Row, changes: Values) -> None:
    """What else changes with a contact.

    Raises:
        RefusedError: as for a new one, or a company with persons that is to be one.
    """
    kind = changes.get("type", row["type"])
    if kind != row["type"]:
        _change_type(store, row, changes, kind=kind)
    elif changes.get("companyNumber", row["companyNumber"]) != row["companyNumber"]:
        if kind != _PERSON:
            raise _not_a_person(row["number"])
        _join(store, changes, row.values | changes)
        changes["contactBusinessRelation"] = _relation(store, changes["companyNumber"])
        opportunities.leave(store, row, company=changes["companyNumber"])
    if "displayName" in changes and kind == _COMPANY:
        changes["companyName"] = changes["displayName"]
    if "displayName" in changes and row["searchName"] in ("", str(row["displayName"]).upper()):
        changes.setdefault("searchName", str(changes["displayName"]).upper())


def _change_type(store: Store, row: Row, changes: Values, *, kind: object) -> None:
    if any(_persons(store, row)):
        raise errors.dialog(
            "Type cannot be changed because there are one or more related people linked to the contact."
        )
    number = changes.get("number", row["number"])
    changes["companyNumber"] = number if kind == _COMPANY else ""
    changes["companyName"] = changes.get("displayName", row["displayName"]) if kind == _COMPANY else ""


def follow(environment: Environment, row_id: str) -> None:
    """Let persons and opportunities show the name a contact has now."""
    store = environment.store
    row = store.get("contacts", row_id)
    if row is None:
        return
    for person in _persons(store, row):
        if person["companyName"] != row["displayName"]:
            shown = {"companyName": row["displayName"], "lastModifiedDateTime": environment.moment()}
            store.update("contacts", person["id"], shown)
    opportunities.show_names(store, row)


def open_company(environment: Environment, set_name: str, party: Mapping[str, object]) -> None:
    """The contact of a new customer or vendor."""
    store = environment.store
    entity_set = store.model.sets["contacts"]
    taken = {name: party[name] for name in _OF_PARTY if party.get(name)}
    values = {"displayName": "", **taken} | {
        "id": environment.new_id(),
        "type": _COMPANY,
        "number": next_number(store, entity_set),
    }
    relation = {"id": environment.new_id(), "contactNo": values["number"], "linkToTable": LINKS[set_name]}
    store.insert(RELATIONS, relation | {"no": party["number"]})
    complete(store, values)
    store.insert("contacts", values | {"lastModifiedDateTime": environment.moment()})


def rename_company(environment: Environment, set_name: str, party: Row) -> None:
    """Give the company of a customer or vendor that one's new name."""
    store, name = environment.store, party["displayName"]
    for relation in _links_to(store, set_name, party):
        company = find(store, "contacts", "number", str(relation["contactNo"]))
        if company is not None and company["displayName"] != name:
            changes: Values = {"displayName": name, "lastModifiedDateTime": environment.moment()}
            change(store, company, changes)
            store.update("contacts", company["id"], changes)
            follow(environment, str(company["id"]))


def part(environment: Environment, set_name: str, party: Row) -> None:
    """Forget that a company was this customer or vendor; the contacts stay."""
    store = environment.store
    for relation in _links_to(store, set_name, party):
        store.delete(RELATIONS, relation["id"])
        number = str(relation["contactNo"])
        for contact in store.select("contacts", where=equal("companyNumber", number)):
            left = {"contactBusinessRelation": _relation(store, number), "lastModifiedDateTime": environment.moment()}
            store.update("contacts", contact["id"], left)


def forget(store: Store, row: Row) -> None:
    """What goes with a contact that is deleted: its relations, and the persons of a company.

    Raises:
        RefusedError: an opportunity of one of them is still open.
    """
    opportunities.check_none_open(store, row)
    for relation in _relations_of(store, "contactNo", row["number"]):
        store.delete(RELATIONS, relation["id"])
    for person in list(_persons(store, row)):
        forget(store, person)
        store.delete("contacts", person["id"])
    opportunities.lose_contact(store, row)


def _join(store: Store, values: Values, person: Mapping[str, object]) -> None:
    """Fill `values` with what a person, as it would be, takes over from its company."""
    number = person.get("companyNumber")
    if not number:
        values["companyName"] = ""
        return
    company = find(store, "contacts", "number", str(number))
    if company is None or company["type"] != _COMPANY:
        raise errors.unrelated(field="companyNumber", table="Contact", value=str(number))
    values |= {"companyNumber": company["number"], "companyName": company["displayName"]}
    lacking = [name for name in ("country", *_COMMUNICATION) if not person.get(name)]
    if not any(person.get(name) for name in _ADDRESS):
        lacking += _ADDRESS
    values |= {name: company[name] for name in lacking}


def _relation(store: Store, company_number: object) -> str:
    """What a company is, and its persons with it."""
    found = {str(one["linkToTable"]) for one in _relations_of(store, "contactNo", company_number)}
    return "Multiple" if len(found) > 1 else next(iter(found), "None")


def _relations_of(store: Store, name: str, number: object) -> list[Row]:
    return store.select(RELATIONS, where=equal(name, str(number))) if number else []


def _links_to(store: Store, set_name: str, party: Row) -> list[Row]:
    """A customer and a vendor may have the same number."""
    found = _relations_of(store, "no", party["number"])
    return [relation for relation in found if relation["linkToTable"] == LINKS[set_name]]


def _persons(store: Store, company: Row) -> Iterator[Row]:
    """Those at a company; none at a person."""
    number = str(company["number"])
    for contact in store.select("contacts", where=equal("companyNumber", number)) if number else ():
        if contact["id"] != company["id"] and contact["type"] == _PERSON:
            yield contact


def _not_a_person(number: object) -> errors.RefusedError:
    return errors.dialog(f"Type must be equal to 'Person' in Contact: No.={number}. Current value is 'Company'.")
