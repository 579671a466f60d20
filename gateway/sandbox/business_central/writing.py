"""POST, PATCH and DELETE, each in one transaction: check, complete, write, bring totals up to date.

A PATCH needs `If-Match`; a DELETE looks at it only when it is sent. A stale ETag is a conflict, 409.

Source: Business Central, "Endpoints for the APIs", "Concurrency control in API".
"""

from collections.abc import Mapping

from gateway.sandbox.business_central import (
    contacts,
    documents,
    errors,
    inventory,
    opportunities,
    query,
    renaming,
    rules,
    units,
)
from gateway.sandbox.business_central.address import Target
from gateway.sandbox.business_central.etags import etag, is_etag
from gateway.sandbox.business_central.exchange import Environment, Request, Response
from gateway.sandbox.business_central.reading import existing_within, one
from gateway.sandbox.business_central.representation import Shape
from gateway.sandbox.business_central.values import Values, accept, body_object
from gateway.sandbox.model import EntitySet
from gateway.sandbox.store import DuplicateKeyError, Row, Store


def create(environment: Environment, request: Request, target: Target) -> Response:
    """Answer a POST to a set."""
    if target.key is not None or "C" not in str(target.entity_set.extra["allows"]):
        raise errors.method_not_allowed()
    store = environment.store
    asked = query.parse(query.options(request.query), target.entity_set, store.model)
    body = dict(body_object(request.body))
    if target.within is not None:
        body[target.within[0]] = target.within[1]
    with store.transaction():
        row = _insert(environment, target.entity_set, body)
    scope = target.context.partition("/")[0]
    context = f"{scope}/{target.entity_set.public_name}"
    location = {"Location": f"{request.root}/{context}({row['id']})"}
    if request.prefers("return-no-content"):
        return Response(204, None, {**location, "Preference-Applied": "return-no-content"})
    shown = Target(target.entity_set, context)
    response = one(store, request, shown, row, Shape(asked.select, asked.expand), status=201)
    return Response(201, response.body, {**response.headers, **location})


def _insert(
    environment: Environment, entity_set: EntitySet, body: Mapping[str, object], *, nested_in: EntitySet | None = None
) -> Row:
    """Insert a row with what is nested in it; lines that come with their document leave its totals to the document."""
    store = environment.store
    values, nested = accept(entity_set, body)
    rules.check_new(entity_set, values)
    rules.relate(store, entity_set, values)
    if kind := documents.BY_HEADERS.get(entity_set.name):
        documents.complete_header(store, kind, values, today=f"{environment.now():%Y-%m-%d}")
    elif kind := documents.BY_LINES.get(entity_set.name):
        documents.complete_line(store, kind, values)
    elif entity_set.name == "items":
        inventory.refuse_on_insert(values)
    if not values.get("number") and (number := rules.next_number(store, entity_set)):
        values["number"] = number
    if entity_set.name == "contacts":
        contacts.complete(store, values)
    elif entity_set.name == opportunities.SET:
        opportunities.complete(environment, values)
    row_id = str(values.setdefault("id", environment.new_id()))
    rules.check_unique(store, entity_set, row_id, values)
    _stamp(environment, entity_set, values)
    try:
        store.insert(entity_set.name, values)
    except DuplicateKeyError as error:
        identification = f"SystemId='{{{row_id.upper()}}}'"
        raise errors.exists_already(str(entity_set.extra["table"]), identification) from error
    if entity_set.name in contacts.LINKS:
        contacts.open_company(environment, entity_set.name, values)
    for name, children in nested.items():
        navigation = entity_set.navigations[name]
        for child in children:
            linked = dict(body_object(child)) | {navigation.target_property: row_id}
            _insert(environment, store.model.sets[navigation.target], linked, nested_in=entity_set)
    if nested_in is None or entity_set.name not in documents.BY_LINES:
        _follow_up(environment, entity_set, row_id, values)
    return _row(store, entity_set, row_id)


def change(environment: Environment, request: Request, target: Target) -> Response:
    """Answer a PATCH of one row."""
    entity_set, store = target.entity_set, environment.store
    if target.key is None or "U" not in str(entity_set.extra["allows"]):
        raise errors.method_not_allowed()
    asked = query.parse(query.options(request.query), entity_set, store.model)
    expected = request.headers.get("if-match", "")
    if expected.strip() != "*" and not is_etag(expected):
        raise errors.invalid_token()
    with store.transaction():
        row = existing_within(store, target)
        check_etag(row, expected)
        values, nested = accept(entity_set, body_object(request.body))
        if nested:
            raise errors.bad_request("Deep update of nested navigation properties is not supported.")
        rules.check_change(entity_set, row, values)
        rules.relate(store, entity_set, values)
        rules.check_unique(store, entity_set, target.key, row.values | values if values else {})
        if kind := documents.BY_LINES.get(entity_set.name):
            documents.change_line(store, kind, row, values)
        elif kind := documents.BY_HEADERS.get(entity_set.name):
            documents.check_not_posted(kind, row)
        elif entity_set.name == "items":
            inventory.adjust(store, row, values, today=f"{environment.now():%Y-%m-%d}")
        elif entity_set.name == "contacts":
            contacts.change(store, row, values)
        elif entity_set.name == opportunities.SET:
            opportunities.change(store, row, values)
        if "number" in values:
            renaming.rename(store, entity_set, row, values["number"])
        _stamp(environment, entity_set, values)
        store.update(entity_set.name, target.key, values)
        _follow_up(environment, entity_set, target.key, row.values | values)
        changed = _row(store, entity_set, target.key)
    if request.prefers("return-no-content"):
        return Response(204, None, {"Preference-Applied": "return-no-content", "ETag": etag(changed)})
    return one(store, request, target, changed, Shape(asked.select, asked.expand))


def remove(environment: Environment, request: Request, target: Target) -> Response:
    """Answer a DELETE of one row."""
    entity_set, store = target.entity_set, environment.store
    if target.key is None or "D" not in str(entity_set.extra["allows"]):
        raise errors.method_not_allowed()
    with store.transaction():
        row = existing_within(store, target)
        if "if-match" in request.headers:
            check_etag(row, request.headers["if-match"])
        _check_unused(store, entity_set, row)
        if entity_set.name in contacts.LINKS:
            contacts.part(environment, entity_set.name, row)
            if entity_set.name == "customers" and store.get("customerFinancialDetails", target.key):
                store.delete("customerFinancialDetails", target.key)
        elif entity_set.name == "contacts":
            contacts.forget(store, row)
        elif entity_set.name == opportunities.SET:
            opportunities.check_inactive(row)
        elif entity_set.name == "items":
            units.forget(store, row)
        elif kind := documents.BY_HEADERS.get(entity_set.name):
            documents.check_not_posted(kind, row)
            documents.delete_lines(store, kind, target.key)
        elif kind := documents.BY_LINES.get(entity_set.name):
            documents.change_line(store, kind, row, {})
            documents.release_stock(store, row)
        store.delete(entity_set.name, target.key)
        if kind := documents.BY_LINES.get(entity_set.name):
            documents.recalculate(store, kind, str(row["documentId"]), now=environment.moment())
    return Response(204)


def check_etag(row: Row, expected: str) -> None:
    """Refuse a header that is not the ETag of the row as it is now, nor `*`."""
    if expected.strip() != "*" and not is_etag(expected):
        raise errors.invalid_token()
    if expected.strip() not in ("*", etag(row)):
        raise errors.changed()


def _check_unused(store: Store, entity_set: EntitySet, row: Row) -> None:
    """Refuse to delete a customer, a vendor or an item that orders or ledger entries name."""
    number = str(row["number"]) if "number" in entity_set.properties else ""
    which = f"{entity_set.extra['table']} {number}"
    match entity_set.name:
        case "customers":
            outstanding = store.count("salesOrders", where=rules.equal("customerId", str(row["id"]), "Edm.Guid"))
            reason, ledger, name = "for this customer", "$customerLedgerEntries", "customerNo"
        case "items":
            outstanding = store.count("salesOrderLines", where=rules.equal("itemId", str(row["id"]), "Edm.Guid"))
            reason, ledger, name = "that includes this item", "$itemLedgerEntries", "itemNo"
        case "vendors":
            if store.count("$purchaseLines", where=rules.equal("buyFromVendorNo", number)):
                raise errors.dialog(
                    f"You cannot delete {which} because there is at least one outstanding Purchase Order for this vendor."
                )
            return
        case _:
            return
    if outstanding:
        raise errors.dialog(
            f"You cannot delete {which} because there is at least one outstanding Sales Order {reason}."
        )
    if store.count(ledger, where=rules.equal(name, number)):
        raise errors.dialog(
            f"You cannot delete {which} because it has ledger entries in a fiscal year that has not been closed yet."
        )


def _stamp(environment: Environment, entity_set: EntitySet, values: Values) -> None:
    if "lastModifiedDateTime" in entity_set.properties:
        values["lastModifiedDateTime"] = environment.moment()


def _follow_up(environment: Environment, entity_set: EntitySet, row_id: str, values: Mapping[str, object]) -> None:
    """What else a write changes: totals of the document, the unit of an item, details of a customer, shown names."""
    store, now = environment.store, environment.moment()
    if kind := documents.BY_HEADERS.get(entity_set.name):
        documents.recalculate(store, kind, row_id, now=now)
    elif kind := documents.BY_LINES.get(entity_set.name):
        documents.recalculate(store, kind, str(values["documentId"]), now=now)
    elif entity_set.name == "items":
        units.keep_base(store, _row(store, entity_set, row_id))
    elif entity_set.name == "contacts":
        contacts.follow(environment, row_id)
    elif entity_set.name == "vendors":
        contacts.rename_company(environment, entity_set.name, _row(store, entity_set, row_id))
    elif entity_set.name == "customers":
        contacts.rename_company(environment, entity_set.name, _row(store, entity_set, row_id))
        details = {"number": values["number"], "lastModifiedDateTime": now}
        if store.get("customerFinancialDetails", row_id):
            store.update("customerFinancialDetails", row_id, details)
        else:
            store.insert("customerFinancialDetails", {"id": row_id} | details)


def _row(store: Store, entity_set: EntitySet, row_id: str) -> Row:
    row = store.get(entity_set.name, row_id)
    if row is None:
        raise errors.unknown_row(str(entity_set.extra["table"]), row_id)
    return row
