"""Writes, and what a refusal after a repeat means.

When an answer is lost, the write is sent again, and the backend may refuse what it has done already: a create finds its
own row, an update an ETag that its own first attempt changed, a deletion nothing to delete. Then the row is read again
before anybody is told of a conflict. An error whose ``unsettled`` is true leaves open whether the write was carried out.
"""

from collections.abc import Iterator, Sequence

from gateway.clients.call import Call
from gateway.clients.noted_writes import written
from gateway.clients.retry import may_have_happened
from gateway.clients.wire import Wire
from gateway.errors import (
    BackendError,
    InvalidInputError,
    NotFoundError,
    PreconditionFailedError,
    ProtocolError,
    RecordExistsError,
)
from gateway.json_text import dumps
from gateway.noted import note
from gateway.odata.batch import Part
from gateway.odata.response import read_object, to_record
from gateway.odata.write import (
    Asked,
    ChangeSet,
    Create,
    CreateWith,
    Delete,
    Request,
    Revise,
    Update,
    Upsert,
    Write,
    by_key,
    holds,
    row,
    size,
)
from gateway.records import Record

Outcome = Record | BackendError | InvalidInputError | None
"""The row as it is now, None after a deletion, or why the write was not carried out."""

_REFUSALS = (PreconditionFailedError, RecordExistsError, NotFoundError)
"""How a backend may answer a write that it has carried out already."""


async def write_one(wire: Wire, write: Write, *, call: Call) -> Record | None:
    """Carry out one write. Raises: BackendError, InvalidInputError."""
    request = _request(wire, write)
    if isinstance(request, InvalidInputError):
        raise request
    if call.dry_run:
        return None
    if isinstance(request, ChangeSet):  # which only a batch can carry
        (outcome,) = await write_each(wire, [write], call=call)
        return _or_raise(outcome)
    try:
        response = await wire.send(request, call=call)
    except BackendError as error:
        (outcome,) = await _settled(wire, [write], [error], call=call)
        return _or_raise(outcome)
    if not response.content:
        return None
    try:
        return read_object(response.content, backend=wire.vendor.backend, normalize=wire.vendor.normalize)
    except ProtocolError as error:
        error.unsettled = True
        raise


async def write_each(wire: Wire, writes: Sequence[Write], *, call: Call) -> list[Outcome]:
    """Carry out independent writes, batch after batch.

    A write that cannot be asked for fails alone, a batch that gets no answer fails each of its writes.
    """
    requests = [_request(wire, write) for write in writes]
    outcomes: list[Outcome] = [request if isinstance(request, InvalidInputError) else None for request in requests]
    if call.dry_run:
        return outcomes
    askable = [(index, request) for index, request in enumerate(requests) if isinstance(request, Request | ChangeSet)]
    for chunk in _batches(askable, wire.vendor.batches.most_parts):
        told = await _batch(wire, [writes[index] for index, _ in chunk], [request for _, request in chunk], call=call)
        for (index, _), outcome in zip(chunk, told, strict=True):
            outcomes[index] = outcome
    return outcomes


_Place = tuple[int, Asked]


def _batches(askable: Sequence[_Place], most: int) -> Iterator[list[_Place]]:
    """As many as a batch takes at a time; what is carried out together stays together."""
    batch: list[_Place] = []
    for each in askable:
        if batch and sum(size(asked) for _, asked in batch) + size(each[1]) > most:
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch


async def _batch(wire: Wire, writes: Sequence[Write], requests: Sequence[Asked], *, call: Call) -> list[Outcome]:
    try:
        parts, unsettled = await wire.batch(requests, call=call)
    except BackendError as error:
        return [error.again() for _ in writes]
    return await _settled(wire, writes, [_outcome(wire, part, unsettled=unsettled) for part in parts], call=call)


async def write_together(wire: Wire, writes: Sequence[Write], *, call: Call) -> list[Record | None]:
    """Carry out writes as one. Raises: BackendError, InvalidInputError."""
    if not writes:
        return []
    if len(writes) > wire.vendor.batches.most_parts:
        raise InvalidInputError(f"No more than {wire.vendor.batches.most_parts} writes can be carried out together.")
    requests: list[Request] = []
    for write in writes:
        request = _request(wire, write)
        if isinstance(request, InvalidInputError):
            raise request
        if isinstance(request, ChangeSet):
            raise InvalidInputError("A row with rows below it is written on its own.")
        requests.append(request)
    if call.dry_run:
        return [None for _ in writes]
    try:
        parts, unsettled = await wire.batch(requests, call=call, together=True)
    except _REFUSALS as refusal:  # of the whole
        return await _settled_together(wire, writes, refusal, call=call)
    failed = next((part for part in parts if part.failed), None)
    if failed is None:
        return [_or_raise(_outcome(wire, part, unsettled=False)) for part in parts]
    return await _settled_together(wire, writes, _refusal(wire, failed, unsettled=unsettled), call=call)


async def _settled_together(
    wire: Wire, writes: Sequence[Write], refusal: BackendError, *, call: Call
) -> list[Record | None]:
    """A lost attempt may have been carried out as a whole: then every single write has been. Raises: BackendError."""
    if not refusal.unsettled:
        raise refusal
    found = await _settled(wire, writes, [_own_refusal(write, refusal) for write in writes], call=call)
    failures = [outcome for outcome in found if isinstance(outcome, BackendError)]
    if failures:  # a row is not as we wrote it; or could not be read, which is no conflict
        raise next((failure for failure in failures if not isinstance(failure, _REFUSALS)), refusal)
    return [_or_raise(outcome) for outcome in found]


def _request(wire: Wire, write: Write) -> Asked | InvalidInputError:
    """What to send, or why it cannot be sent: found out before anything is, so that no outcome is lost over it."""
    try:
        request = wire.vendor.writes.request(write)
        if size(request) > wire.vendor.batches.most_parts:
            message = f"{wire.vendor.backend.label} writes no more than {wire.vendor.batches.most_parts} rows together."
            return InvalidInputError(message, argument="values")
        for each in request.requests if isinstance(request, ChangeSet) else (request,):
            dumps(each.body).encode()
    except InvalidInputError as error:
        return error
    except ValueError:  # a number that is none, a moment without a time zone, half a character
        return InvalidInputError("A record holds a value that cannot be written.", argument="values")
    return request


def _own_refusal(write: Write, error: BackendError) -> BackendError:
    """The refusal this write would have met, had the lost attempt been carried out."""
    kinds: dict[type, type[BackendError]] = {
        Create: RecordExistsError,
        CreateWith: RecordExistsError,
        Delete: NotFoundError,
    }
    refusal = kinds.get(type(write), PreconditionFailedError)(error.message, backend=error.backend)
    refusal.unsettled = True
    return refusal


def _outcome(wire: Wire, part: Part, *, unsettled: bool) -> Outcome:
    if part.failed:
        return _refusal(wire, part, unsettled=unsettled)
    return _record(wire, part) if isinstance(part.document, dict) else None


def _record(wire: Wire, part: Part) -> Record | ProtocolError:
    backend = wire.vendor.backend
    try:
        if isinstance(part.document, dict):
            return to_record(part.document, backend=backend, normalize=wire.vendor.normalize)
        error = ProtocolError(f"{backend.label} sent no row.", backend=backend)
    except ProtocolError as failure:
        error = failure
    error.unsettled = True
    return error


def _refusal(wire: Wire, part: Part, *, unsettled: bool) -> BackendError:
    error = wire.error(part)
    error.place = part.place
    error.unsettled = unsettled or may_have_happened(part.status)
    return error


def _or_raise(outcome: Outcome) -> Record | None:
    if isinstance(outcome, BackendError | InvalidInputError):
        raise outcome
    return outcome


async def _settled(wire: Wire, writes: Sequence[Write], outcomes: Sequence[Outcome], *, call: Call) -> list[Outcome]:
    """The outcomes, those of writes that seem to have met their own earlier attempt decided by reading the rows."""
    doubtful = [index for index, outcome in enumerate(outcomes) if _may_be_ours(writes[index], outcome)]
    settled = list(outcomes)
    most = wire.vendor.batches.most_parts
    for start in range(0, len(doubtful), most):
        chunk = doubtful[start : start + most]
        decided = await _decisions(wire, [(writes[index], outcomes[index]) for index in chunk], call=call)
        for index, outcome in zip(chunk, decided, strict=True):
            settled[index] = outcome
            if not isinstance(outcome, BackendError | InvalidInputError):
                note(*written(wire.vendor.backend, [wire.vendor.writes.request(writes[index])]))
    return settled


async def _decisions(wire: Wire, doubts: Sequence[tuple[Write, Outcome]], *, call: Call) -> list[Outcome]:
    try:
        parts, _ = await wire.batch([Request("GET", _address(write)) for write, _ in doubts], call=call)
    except BackendError as error:
        error.unsettled = True
        return [error.again() for _ in doubts]
    return [_decided(wire, write, outcome, part) for (write, outcome), part in zip(doubts, parts, strict=True)]


def _may_be_ours(write: Write, outcome: Outcome) -> bool:
    match write:
        case Create() | CreateWith():
            return isinstance(outcome, RecordExistsError | PreconditionFailedError)
        case Update() | Upsert():
            return isinstance(outcome, PreconditionFailedError) and outcome.unsettled
        case Delete():
            return isinstance(outcome, NotFoundError) and outcome.unsettled
        case Revise():  # the row alone does not tell whether those below it are as written: it counts as changed
            return False


def _address(write: Write) -> str:
    if isinstance(write, Upsert):
        return by_key(write.entity_set, write.key)
    single = write.head if isinstance(write, CreateWith | Revise) else write
    return row(single.entity_set, single.id)


def _decided(wire: Wire, write: Write, outcome: Outcome, part: Part) -> Outcome:
    if part.status == 404:
        return None if isinstance(write, Delete) else outcome
    if part.failed:
        return _refusal(wire, part, unsettled=True)
    found = _record(wire, part)
    if isinstance(found, ProtocolError):
        return found
    match write:
        case Create() | CreateWith():
            return found
        case Update() | Upsert() if holds(found.values, write.values):
            return found
        case _:
            return outcome
