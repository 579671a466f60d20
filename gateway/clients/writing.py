"""Writes, and what a refusal after a repeat means.

When an answer is lost, the write is sent again, and the backend may refuse what it has done already: a create finds its
own row, an update an ETag that its own first attempt changed, a deletion nothing to delete. Then the row is read again
before anybody is told of a conflict.
"""

from collections.abc import Sequence

from gateway.clients.call import Call
from gateway.clients.wire import Wire
from gateway.errors import (
    BackendError,
    InvalidInputError,
    NotFoundError,
    PreconditionFailedError,
    ProtocolError,
    RecordExistsError,
)
from gateway.odata.batch import Part
from gateway.odata.response import read_object, to_record
from gateway.odata.write import Create, Delete, Request, Update, Write, holds, row
from gateway.records import Record

Outcome = Record | BackendError | None
"""The row as it is now, None after a deletion, or why the write was not carried out."""


async def write_one(wire: Wire, write: Write, *, call: Call) -> Record | None:
    """Carry out one write. Raises: BackendError."""
    try:
        response = await wire.send(wire.vendor.writes.request(write), call=call)
    except BackendError as error:
        (outcome,) = await _settled(wire, [write], [error], call=call)
        return _or_raise(outcome)
    if not response.content:
        return None
    return read_object(response.content, backend=wire.vendor.backend, normalize=wire.vendor.normalize)


async def write_each(wire: Wire, writes: Sequence[Write], *, call: Call) -> list[Outcome]:
    """Carry out independent writes, batch after batch. A batch that gets no answer fails each of its writes."""
    outcomes: list[Outcome] = []
    most = wire.vendor.batches.most_parts
    for start in range(0, len(writes), most):
        chunk = writes[start : start + most]
        requests = [wire.vendor.writes.request(write) for write in chunk]
        try:
            parts, unsettled = await wire.batch(requests, call=call)
        except BackendError as error:
            outcomes += [error.again() for _ in chunk]
            continue
        answered = [_outcome(wire, part, unsettled=unsettled) for part in parts]
        outcomes += await _settled(wire, chunk, answered, call=call)
    return outcomes


async def write_together(wire: Wire, writes: Sequence[Write], *, call: Call) -> list[Record | None]:
    """Carry out writes as one. Raises: BackendError, InvalidInputError."""
    if len(writes) > wire.vendor.batches.most_parts:
        raise InvalidInputError(f"No more than {wire.vendor.batches.most_parts} writes can be carried out together.")
    requests = [wire.vendor.writes.request(write) for write in writes]
    parts, unsettled = await wire.batch(requests, call=call, together=True)
    failed = next((part for part in parts if part.failed), None)
    if failed is None:
        return [_or_raise(_outcome(wire, part, unsettled=False)) for part in parts]
    error = _refusal(wire, failed, unsettled=unsettled)
    if unsettled:  # the lost attempt may have been carried out as a whole: then every single write has been
        error.unsettled = True
        found = await _settled(wire, writes, [_own_refusal(write, error) for write in writes], call=call)
        if not any(isinstance(outcome, BackendError) for outcome in found):
            return [_or_raise(outcome) for outcome in found]
    raise error


def _own_refusal(write: Write, error: BackendError) -> BackendError:
    """The refusal this write would have met, had the lost attempt been carried out."""
    kinds: dict[type, type[BackendError]] = {Create: RecordExistsError, Delete: NotFoundError}
    refusal = kinds.get(type(write), PreconditionFailedError)(error.message, backend=error.backend)
    refusal.unsettled = True
    return refusal


def _outcome(wire: Wire, part: Part, *, unsettled: bool) -> Outcome:
    if part.failed:
        return _refusal(wire, part, unsettled=unsettled)
    if isinstance(part.document, dict):
        return to_record(part.document, wire.vendor.normalize)
    return None


def _refusal(wire: Wire, part: Part, *, unsettled: bool) -> BackendError:
    error = wire.error(part)
    error.unsettled = unsettled
    return error


def _or_raise(outcome: Outcome) -> Record | None:
    if isinstance(outcome, BackendError):
        raise outcome
    return outcome


async def _settled(wire: Wire, writes: Sequence[Write], outcomes: Sequence[Outcome], *, call: Call) -> list[Outcome]:
    """The outcomes, those of writes that seem to have met their own earlier attempt decided by reading the rows."""
    doubtful = [index for index, outcome in enumerate(outcomes) if _may_be_ours(writes[index], outcome)]
    settled = list(outcomes)
    most = wire.vendor.batches.most_parts
    for start in range(0, len(doubtful), most):
        chunk = doubtful[start : start + most]
        parts, _ = await wire.batch([Request("GET", _address(writes[index])) for index in chunk], call=call)
        for index, part in zip(chunk, parts, strict=True):
            settled[index] = _decided(wire, writes[index], outcomes[index], part)
    return settled


def _may_be_ours(write: Write, outcome: Outcome) -> bool:
    match write:
        case Create():
            return isinstance(outcome, RecordExistsError | PreconditionFailedError)
        case Update():
            return isinstance(outcome, PreconditionFailedError) and outcome.unsettled
        case Delete():
            return isinstance(outcome, NotFoundError) and outcome.unsettled
        case _:
            return False


def _address(write: Write) -> str:
    assert isinstance(write, Create | Update | Delete)  # noqa: S101 - an upsert is never in doubt
    return row(write.entity_set, write.id)


def _decided(wire: Wire, write: Write, outcome: Outcome, part: Part) -> Outcome:
    if part.status == 404:
        return None if isinstance(write, Delete) else outcome
    if part.failed or not isinstance(part.document, dict):
        return wire.error(part) if part.failed else ProtocolError("no row", backend=wire.vendor.backend)
    found = to_record(part.document, wire.vendor.normalize)
    match write:
        case Create():
            return found
        case Update() if holds(found.values, write.values):
            return found
        case _:
            return outcome
