"""What becomes of a quote: an order or a draft invoice with the same lines, and the quote is gone.

Source: Business Central, "SalesQuote resource type", makeOrder and makeInvoice.
"""

from collections.abc import Collection

from gateway.sandbox.business_central import documents, rules
from gateway.sandbox.business_central.documents import INVOICE, ORDER, QUOTE, DocumentType
from gateway.sandbox.business_central.exchange import Environment
from gateway.sandbox.store import Row

_OF_THE_QUOTE = frozenset({"id", "number", "status", "postingDate", "dueDate", "documentId"})


def make_order(environment: Environment, quote: Row) -> tuple[str, str]:
    """Turn a quote into an order; gives the order."""
    return _make(environment, quote, ORDER)


def make_invoice(environment: Environment, quote: Row) -> tuple[str, str]:
    """Turn a quote into a draft invoice; gives the invoice."""
    return _make(environment, quote, INVOICE)


def _make(environment: Environment, quote: Row, kind: DocumentType) -> tuple[str, str]:
    store, key = environment.store, environment.new_id()
    headers = store.model.sets[kind.headers]
    values = _shared(quote, headers.properties.keys()) | {"id": key}
    values["number"] = rules.next_number(store, headers)
    documents.complete_header(store, kind, values, today=f"{environment.now():%Y-%m-%d}")
    store.insert(kind.headers, values)
    for line in documents.lines_of(store, QUOTE, str(quote["id"])):
        shared = _shared(line, store.model.sets[kind.lines].properties.keys())
        shared |= {"id": environment.new_id(), "documentId": key}
        documents.complete_line(store, kind, shared)
        store.insert(kind.lines, shared)
    documents.recalculate(store, kind, key, now=environment.moment())
    documents.delete_lines(store, QUOTE, str(quote["id"]))
    store.delete(QUOTE.headers, quote["id"])
    return kind.headers, key


def _shared(row: Row, names: Collection[str]) -> dict[str, object]:
    return {name: value for name, value in row.values.items() if name in names and name not in _OF_THE_QUOTE}
