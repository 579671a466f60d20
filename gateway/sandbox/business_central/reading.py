"""GET: one row, a page of rows, or a number.

A page holds at most what the server allows, 20,000 rows online, or fewer if `Prefer: odata.maxpagesize` asks for it.
When more follow, `@odata.nextLink` is the same address with `aid=FIN&$skiptoken={id of the last row}`, and with `$top`
reduced to what is still wanted. The token names a row, so rows inserted between two pages neither repeat nor hide others.

Source: Business Central, "Server-driven paging in OData web services".
"""

import re
from collections.abc import Sequence
from urllib.parse import unquote_plus

from gateway.sandbox.business_central import errors, query
from gateway.sandbox.business_central.address import Target, existing
from gateway.sandbox.business_central.etags import etag
from gateway.sandbox.business_central.exchange import Environment, Request, Response
from gateway.sandbox.business_central.representation import Json, Shape, show
from gateway.sandbox.expression import Comparison, Expression, In, Literal, Logical, OrderItem, Path
from gateway.sandbox.ordering import Position
from gateway.sandbox.store import Row, Store

_SIZE = re.compile(r"0*[1-9][0-9]{0,8}")


def read(environment: Environment, request: Request, target: Target) -> Response:
    """Answer a GET."""
    store = environment.store
    asked = query.parse(query.options(request.query), target.entity_set, store.model)
    if target.count:
        count = store.count(target.entity_set.name, where=_where(target, asked))
        return Response(200, str(count), {"Content-Type": "text/plain"})
    if target.key is not None:
        _check_parent(target, None)
        return one(store, request, target, existing_within(store, target), Shape(asked.select, asked.expand))
    if target.single:
        return Response(204)
    return _page(environment, request, target, asked)


def one(store: Store, request: Request, target: Target, row: Row, shape: Shape, *, status: int = 200) -> Response:
    """A single row with its context and ETag."""
    context = {"@odata.context": f"{request.root}/$metadata#{target.context}/$entity"}
    body = show(store, target.entity_set, [row], shape)[0]
    return Response(status, context | body, {"ETag": etag(row)})


def existing_within(store: Store, target: Target) -> Row:
    """The row an address names, which must belong to the parent row the address passes.

    Raises:
        RefusedError: there is none.
    """
    key = target.key or ""
    row = existing(store, target.entity_set, key)
    if target.within is not None and row[target.within[0]] != target.within[1]:
        raise errors.unknown_row(str(target.entity_set.extra["table"]), key)
    return row


def _page(environment: Environment, request: Request, target: Target, asked: query.Query) -> Response:
    store = environment.store
    where = _where(target, asked)
    order = asked.order or query.default_order(target.entity_set)
    size = min(_preferred(request) or environment.max_page, environment.max_page)
    wanted = size if asked.top is None else min(size, asked.top)
    after = _position(store, target, asked, order)
    offset = 0 if after is not None else asked.skip
    name = target.entity_set.name
    rows = store.select(name, where=where, order=order, limit=wanted + 1, offset=offset, after=after)
    body: Json = {"@odata.context": f"{request.root}/$metadata#{target.context}"}
    if asked.count:
        body["@odata.count"] = store.count(name, where=where)
    more = len(rows) > wanted and wanted > 0 and (asked.top is None or asked.top > wanted)
    rows = rows[:wanted]
    body["value"] = show(store, target.entity_set, rows, Shape(asked.select, asked.expand))
    if more:
        body["@odata.nextLink"] = _next_link(
            request, str(rows[-1][target.entity_set.key]), asked.top and asked.top - wanted
        )
    applied = {"Preference-Applied": f"odata.maxpagesize={size}"} if _preferred(request) else {}
    return Response(200, body, applied)


def _where(target: Target, asked: query.Query) -> Expression | None:
    given = (target.condition, asked.where, _check_parent(target, asked.where))
    conditions = [condition for condition in given if condition is not None]
    return Logical("and", tuple(conditions)) if len(conditions) > 1 else next(iter(conditions), None)


def _check_parent(target: Target, where: Expression | None) -> Expression | None:
    """Refuse rows of a temporary table whose parent is not named; gives what else must hold for them.

    Where a parent may be of several types, its id says nothing without the type, which is the blank one unless it is
    named, and the key of a row alone does not do.
    """
    parent = target.entity_set.extra.get("parent")
    if not isinstance(parent, dict) or target.within is not None:
        return None
    kind = parent.get("type")
    if target.key is not None and kind is None:
        return None
    if not _names_parent(where, parent["property"]):
        raise errors.dialog(str(parent["message"]))
    if kind is None or kind.lower() in {name for one in query.conjuncts(where) for name in query.fields(one)}:
        return None
    return Comparison("eq", Path((kind,)), Literal(str(target.entity_set.properties[kind].empty), "Edm.String"))


def _names_parent(where: Expression | None, name: str) -> bool:
    match where:
        case Logical(op="and", operands=operands):
            return any(_names_parent(operand, name) for operand in operands)
        case Comparison(op="eq", left=Path(names=(found,))) | In(left=Path(names=(found,))):
            return found in (name, "id")
        case _:
            return False


def _preferred(request: Request) -> int | None:
    text = request.preferences().get("odata.maxpagesize", "")
    return int(text) if _SIZE.fullmatch(text) else None


def _position(store: Store, target: Target, asked: query.Query, order: Sequence[OrderItem]) -> Position | None:
    if asked.skip_token is None:
        return None
    try:
        position = store.position(target.entity_set.name, asked.skip_token, order=order)
    except ValueError:
        position = None
    if position is None:
        raise errors.stale_skip_token()
    return position


def _next_link(request: Request, last: str, remaining: int | None) -> str:
    kept = []
    for part in request.query.split("&"):
        name = unquote_plus(part.partition("=")[0]).lower()
        if part and name not in ("aid", "$skiptoken", "$skip"):
            kept.append(f"$top={remaining}" if name == "$top" else part)
    return f"{request.root}/{request.path}?{'&'.join([*kept, 'aid=FIN', f'$skiptoken={last}'])}"
