"""A write to a backend as a change that is noted: which record, and which fields; not what they hold. Pure."""

import re
from collections.abc import Iterator, Sequence
from uuid import UUID

from gateway.errors import BackendError
from gateway.noted import Change
from gateway.odata.batch import Part
from gateway.odata.write import Asked, ChangeSet, Request
from gateway.records import Backend

_EVENTS = {"POST": "CREATED", "PATCH": "UPDATED", "PUT": "UPDATED", "DELETE": "DELETED"}
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def written(backend: Backend, asked: Sequence[Asked], parts: Sequence[Part] | None = None) -> Iterator[Change]:
    """The writes among what was asked; with ``parts``, those that were answered well."""
    for index, each in enumerate(asked):
        if parts is None or (index < len(parts) and not parts[index].failed):
            yield from (_change(backend, request, {}) for request in _writes(each))


def perhaps_written(backend: Backend, asked: Sequence[Asked], error: BackendError) -> Iterator[Change]:
    """Those that may have been carried out all the same, though their answer was lost."""
    if error.unsettled:
        yield from (_change(backend, request, {"uncertain": True}) for each in asked for request in _writes(each))


def writes(asked: Asked) -> bool:
    """Whether any of it writes."""
    return next(_writes(asked), None) is not None


def _writes(asked: Asked) -> Iterator[Request]:
    requests = asked.requests if isinstance(asked, ChangeSet) else (asked,)
    return (each for each in requests if each.method in _EVENTS)


def _change(backend: Backend, request: Request, more: dict[str, object]) -> Change:
    path, body = request.url.partition("?")[0], request.body or {}
    fields = sorted(name.partition("@")[0] for name in body)
    ids = [UUID(each) for each in _GUID.findall(path.rpartition("/")[2] or path)]
    ids += [each for each in body.values() if isinstance(each, UUID)]
    after = {"fields": fields} if fields else None
    what = {"system": backend.name, "path": path} | more
    return Change("RECORD", _EVENTS[request.method], what, after=after, records=tuple(dict.fromkeys(ids)))
