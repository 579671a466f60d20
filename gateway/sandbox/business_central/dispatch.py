"""One request to one answer, synchronously: the service document, `$batch`, and the four methods on rows.

Source: Business Central, "Endpoints for the APIs".
"""

from urllib.parse import unquote

from gateway.sandbox.business_central import errors, query
from gateway.sandbox.business_central.address import Target, locate
from gateway.sandbox.business_central.exchange import Environment, Request, Response
from gateway.sandbox.business_central.reading import read
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


def refused(environment: Environment, refusal: errors.RefusedError) -> Response:
    return Response(refusal.status, refusal.body(environment.new_id()))


def _answer(environment: Environment, request: Request) -> Response:
    if not request.path.strip("/"):
        return _service_document(environment, request)
    if request.method != "GET" and request.headers.get("data-access-intent", "").lower() == "readonly":
        raise errors.bad_request("A request with read-only data access intent must not change data.")
    given = query.options(request.query)
    company = given.get("company") or unquote(request.headers.get("company", "")) or None
    target: Target = locate(request.path, company=company, store=environment.store)
    match request.method:
        case "GET":
            return read(environment, request, target)
        case "POST" if not target.count:
            return create(environment, request, target)
        case "PATCH" if not target.count:
            return change(environment, request, target)
        case "DELETE" if not target.count:
            return remove(environment, request, target)
        case _:
            raise errors.method_not_allowed()


def _service_document(environment: Environment, request: Request) -> Response:
    if request.method != "GET":
        raise errors.method_not_allowed()
    names = [entity_set.name for entity_set in environment.store.model.sets.values() if not entity_set.internal]
    value = [{"name": name, "kind": "EntitySet", "url": name} for name in names]
    return Response(200, {"@odata.context": f"{request.root}/$metadata", "value": value})
