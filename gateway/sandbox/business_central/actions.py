"""Bound actions: `POST …/salesOrders({id})/Microsoft.NAV.shipAndInvoice`, which do something with one row.

An action's name matches without regard to case; `If-Match` is looked at only when it is sent. The answer is 204 with the
address of what came of it.

Source: Business Central, "SalesOrder resource type", bound actions; "Creating and interacting with an OData V4 bound action".
"""

from collections.abc import Callable, Mapping
from typing import Final

from gateway.sandbox.business_central import errors, posting, quotes
from gateway.sandbox.business_central.address import Target
from gateway.sandbox.business_central.exchange import Environment, Request, Response
from gateway.sandbox.business_central.metadata import actions_of
from gateway.sandbox.business_central.reading import existing_within
from gateway.sandbox.business_central.writing import check_etag
from gateway.sandbox.store import Row

_NAMESPACE = "microsoft.nav."

Action = Callable[[Environment, Row], tuple[str, str]]
"""Does its work on a row within a transaction; gives the set and the id of the result."""

_ACTIONS: Final[Mapping[tuple[str, str], Action]] = {
    ("salesOrders", "shipandinvoice"): posting.ship_and_invoice,
    ("salesInvoices", "post"): posting.post_invoice,
    ("salesQuotes", "makeorder"): quotes.make_order,
    ("salesQuotes", "makeinvoice"): quotes.make_invoice,
}


def split(path: str) -> tuple[str, str | None]:
    """The address of a row and the action after it, if there is one."""
    row, _, last = path.rstrip("/").rpartition("/")
    return (row, last[len(_NAMESPACE) :]) if last.lower().startswith(_NAMESPACE) else (path, None)


def act(environment: Environment, request: Request, target: Target, name: str) -> Response:
    """Answer a request for an action on the row that `target` names.

    Raises:
        RefusedError: no such action, another method than POST, a stale ETag, or what the action says.
    """
    known = {action.lower() for action in actions_of(target.entity_set)}
    if target.key is None or target.count or name.lower() not in known:
        raise errors.unknown_segment(f"Microsoft.NAV.{name}")
    if request.method != "POST":
        raise errors.method_not_allowed()
    with environment.store.transaction():
        row = existing_within(environment.store, target)
        if "if-match" in request.headers:
            check_etag(row, request.headers["if-match"])
        set_name, key = _ACTIONS[target.entity_set.name, name.lower()](environment, row)
    scope = target.context.partition("/")[0]
    return Response(204, None, {"Location": f"{request.root}/{scope}/{set_name}({key})"})
