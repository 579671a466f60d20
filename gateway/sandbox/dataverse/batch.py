"""`$batch`: many requests in one call, in order, each answered as if it had come alone.

The first failure ends a batch, and its status is that of the whole batch; what came before it stays done. With
`Prefer: odata.continue-on-error` everything runs and the batch answers 200. A change set is one transaction: when one of
its requests fails, nothing of it happened, and that failure is the single answer of the change set. Later requests of a
change set name rows written by earlier ones as `$` and their Content-ID, in addresses and in references.

Source: Dataverse, Execute batch operations using the Web API; OASIS, OData Protocol 4.0, section 11.7 Batch Requests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from gateway.sandbox.dataverse.batch_address import read_url
from gateway.sandbox.dataverse.batch_answer import ChangeSetAnswer, PartAnswer, write_batch
from gateway.sandbox.dataverse.batch_request import ChangeSet, PartRequest, read_batch
from gateway.sandbox.dataverse.errors import DataverseError, invalid_payload, method_not_allowed
from gateway.sandbox.dataverse.multipart import MalformedError
from gateway.sandbox.dataverse.operation import Answer, Operation, Request
from gateway.sandbox.dataverse.preferences import parse_preferences

Respond = Callable[[Operation], Answer]
_NOTHING: Mapping[str, str] = MappingProxyType({})


class _UndoneError(Exception):
    """Leaves the transaction of a change set, so that it is rolled back."""


def answer_batch(operation: Operation, respond: Respond) -> Answer:
    """Answer `POST $batch`; `respond` answers one request, its errors included.

    Raises:
        DataverseError: the batch is malformed; nothing of it was carried out.
    """
    if operation.request.method != "POST":
        raise method_not_allowed(operation.request.method)
    try:
        items = read_batch(operation.header("content-type") or "", operation.request.body)
    except MalformedError as error:
        raise invalid_payload(str(error)) from error
    answers: list[PartAnswer | ChangeSetAnswer] = []
    for item in items:
        if isinstance(item, ChangeSet):
            answered = _change_set(operation, item, respond)
        else:
            answered = _part(operation, item, respond, written=_NOTHING)
        answers.append(answered)
        if answered.failed and not operation.preferences.continue_on_error:
            return write_batch(answers, status=answered.status)
    return write_batch(answers, status=200)


def _change_set(operation: Operation, change_set: ChangeSet, respond: Respond) -> PartAnswer | ChangeSetAnswer:
    answers: list[PartAnswer] = []
    written: dict[str, str] = {}
    try:
        with operation.store.transaction():
            for request in change_set.requests:
                answered = _part(operation, request, respond, written=written)
                answers.append(answered)
                if answered.failed:
                    raise _UndoneError
                if request.content_id is not None and answered.answer.written is not None:
                    written[request.content_id] = answered.answer.written
    except _UndoneError:
        return answers[-1]
    return ChangeSetAnswer(answers)


def _part(operation: Operation, part: PartRequest, respond: Respond, *, written: Mapping[str, str]) -> PartAnswer:
    """Answer one request; the headers of the batch, its preferences among them, do not reach it."""
    try:
        path, query = read_url(part.url, root=operation.root, written=written)
    except DataverseError as error:
        return PartAnswer(Answer(error.status, error.body()), part.content_id)
    own = replace(
        operation,
        request=Request(part.method, path, query, part.headers, part.body),
        preferences=parse_preferences(part.headers.get("prefer", "")),
        written=written,
    )
    return PartAnswer(respond(own), part.content_id)
