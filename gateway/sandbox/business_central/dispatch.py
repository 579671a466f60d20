"""One request to one answer, synchronously: what stands at the root of an API, actions, and the four methods on rows.

Source: Business Central, "Endpoints for the APIs".
"""

from urllib.parse import unquote

from gateway.sandbox.business_central import actions, errors, query, reports
from gateway.sandbox.business_central.address import locate
from gateway.sandbox.business_central.exchange import Environment, Request, Response
from gateway.sandbox.business_central.reading import read
from gateway.sandbox.business_central.roots import root_handler
from gateway.sandbox.business_central.writing import change, create, remove
from gateway.sandbox.expression import ExpressionError


def answer(environment: Environment, request: Request) -> Response:
    """Answer a request about sets and rows; a refusal becomes its error body."""
    try:
        return _answer(environment, request)
    except errors.RefusedError as refusal:
        return refused(environment, refusal)
    except ExpressionError as error:
        return refused(environment, errors.bad_request(str(error)))
    except ArithmeticError:
        return refused(environment, errors.bad_request("An amount is too large."))


def refused(environment: Environment, refusal: errors.RefusedError) -> Response:
    return Response(refusal.status, refusal.body(environment.new_id()))


def _answer(environment: Environment, request: Request) -> Response:
    if (handler := root_handler(request.path)) is not None:
        return handler(environment, request)
    if request.method != "GET" and request.headers.get("data-access-intent", "").lower() == "readonly":
        raise errors.bad_request("A request with read-only data access intent must not change data.")
    given = query.options(request.query)
    company = given.get("company") or unquote(request.headers.get("company", "")) or None
    path, action = actions.split(request.path)
    target = locate(path, company=company, store=environment.store, api=request.api)
    if action is not None:
        return actions.act(environment, request, target, action)
    match request.method:
        case "GET":
            with reports.prepared(environment, request, target) as served:
                return read(served, request, target)
        case "POST" if not target.count:
            return create(environment, request, target)
        case "PATCH" if not target.count:
            return change(environment, request, target)
        case "DELETE" if not target.count:
            return remove(environment, request, target)
        case _:
            raise errors.method_not_allowed()
