"""`$batch` in JSON: up to a hundred operations in one call, in order, each answered as if it had come alone.

The envelope is 200 even when parts fail. By default the first failure ends the batch and the answers so far come back;
`Prefer: odata.continue-on-error` runs everything. With `Isolation: snapshot` a failure undoes all of it, although parts
before the failure still report their success, as the real service does. An operation whose `dependsOn` names a failed
one is answered 424. Unless JSON is accepted, the answer is `multipart/mixed`.

Source: Business Central, "OData batch requests"; OASIS, OData JSON Format 4.01, chapter 19.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.parse import unquote

from gateway.sandbox import json_text
from gateway.sandbox.business_central import errors
from gateway.sandbox.business_central.dispatch import answer, refused
from gateway.sandbox.business_central.exchange import Environment, Request, Response
from gateway.sandbox.business_central.values import body_object

MAX_OPERATIONS = 100
Json = dict[str, object]


class _UndoneError(Exception):
    """Leaves the transaction of a snapshot batch so that it is rolled back."""


def run(environment: Environment, request: Request) -> Response:
    """Answer `POST $batch`."""
    if request.method != "POST":
        raise errors.method_not_allowed()
    operations = body_object(request.body).get("requests")
    if not isinstance(operations, list):
        raise errors.bad_request("The batch must hold an array 'requests'.")
    if len(operations) > MAX_OPERATIONS:
        raise errors.too_many_operations(MAX_OPERATIONS)
    ordered = _ordered([_operation(operation) for operation in operations])
    going_on = request.prefers("odata.continue-on-error")
    answers: list[Json] = []
    if request.headers.get("isolation", "").lower() == "snapshot":
        _check_isolated([_request(request, operation) for operation in ordered])
        try:
            with environment.store.transaction():
                answers = _run_all(environment, request, ordered, going_on=going_on)
                if any(_failed(part) for part in answers):
                    raise _UndoneError
        except _UndoneError:
            pass
    else:
        answers = _run_all(environment, request, ordered, going_on=going_on)
    if "application/json" in request.headers.get("accept", ""):
        return Response(200, {"responses": answers})
    return _multipart(answers, boundary=f"batchresponse_{environment.new_id()}")


def _check_isolated(requests: Sequence[Request]) -> None:
    """A receiver that is asked while the store is locked, and calls us before it answers, would wait for ever."""
    for request in requests:
        if request.method in ("POST", "PATCH") and request.path.strip("/").lower().startswith("subscriptions"):
            raise errors.bad_request("A subscription cannot be created or renewed within a snapshot.")


def _operation(given: object) -> Mapping[str, object]:
    operation = body_object(given)
    names = [operation.get("id"), *_dependencies(operation)]
    if not all(name is None or isinstance(name, (str, int)) for name in names):
        raise errors.bad_request("The 'id' and 'dependsOn' of a batch operation must be text.")
    return operation


def _ordered(operations: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """Operations after all they depend on, otherwise as sent."""
    waiting, ordered, done = list(operations), list[Mapping[str, object]](), set[object]()
    while waiting:
        ready = next((operation for operation in waiting if done.issuperset(_dependencies(operation))), None)
        if ready is None:
            raise errors.bad_request(
                "The 'dependsOn' of a batch operation names an operation that cannot come before it."
            )
        waiting.remove(ready)
        ordered.append(ready)
        done.add(ready.get("id"))
    return ordered


def _dependencies(operation: Mapping[str, object]) -> list[object]:
    found = operation.get("dependsOn", [])
    return found if isinstance(found, list) else [found]


def _run_all(
    environment: Environment, request: Request, operations: Sequence[Mapping[str, object]], *, going_on: bool
) -> list[Json]:
    answers: list[Json] = []
    failed: set[object] = set()
    for operation in operations:
        if failed.intersection(_dependencies(operation)):
            refusal = errors.RefusedError(424, "BadRequest", "An operation this one depends on has failed.")
            response = refused(environment, refusal)
        else:
            response = answer(environment, _request(request, operation))
        part = _part(operation, response)
        answers.append(part)
        if _failed(part):
            failed.add(operation.get("id"))
            if not going_on:
                break
    return answers


def _failed(part: Json) -> bool:
    return int(str(part["status"])) >= 400


def _request(envelope: Request, operation: Mapping[str, object]) -> Request:
    url = str(operation.get("url", "")).removeprefix(envelope.root).lstrip("/")
    path, _, query = url.partition("?")
    path = unquote(path)
    headers = operation.get("headers")
    given = headers if isinstance(headers, Mapping) else {}
    return Request(
        method=str(operation.get("method", "")).upper(),
        path=path,
        query=query,
        root=envelope.root,
        headers={str(name).lower(): str(value) for name, value in given.items()},
        body=operation.get("body"),
        api=envelope.api,
        user_id=envelope.user_id,
    )


def _part(operation: Mapping[str, object], response: Response) -> Json:
    headers: Json = {"odata-version": "4.0", **{name.lower(): value for name, value in response.headers.items()}}
    part: Json = {"id": operation.get("id"), "status": response.status, "headers": headers}
    if response.body is not None:
        headers.setdefault("content-type", "application/json; odata.metadata=minimal")
        part["body"] = response.body
    return part


def _multipart(answers: Sequence[Json], *, boundary: str) -> Response:
    lines = []
    for part in answers:
        status = int(str(part["status"]))
        lines += [f"--{boundary}", "Content-Type: application/http", "Content-Transfer-Encoding: binary", ""]
        lines.append(f"HTTP/1.1 {status} {HTTPStatus(status).phrase}")
        headers = part["headers"]
        lines += [f"{name}: {value}" for name, value in headers.items()] if isinstance(headers, dict) else []
        body = part.get("body", "")
        lines += ["", body if isinstance(body, str) else json_text.dumps(body)]
    text = "\r\n".join([*lines, f"--{boundary}--", ""])
    return Response(200, text, {"Content-Type": f"multipart/mixed; boundary={boundary}"})
