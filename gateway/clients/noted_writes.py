"""A write to a backend as a change that is noted: which record, and which fields; not what they hold. Pure."""

import re
from collections.abc import Iterator, Sequence
from uuid import UUID

from gateway.errors import BackendError
from gateway.noted import Change
from gateway.odata.batch import Part
from gateway.odata.write import Request
from gateway.records import Backend

_EVENTS = {"POST": "CREATED", "PATCH": "UPDATED", "PUT": "UPDATED", "DELETE": "DELETED"}
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def written(backend: Backend, requests: Sequence[Request], parts: Sequence[Part] | None = None) -> Iterator[Change]:
    """The writes among these requests; with ``parts``, those that were answered well."""
    for index, request in enumerate(requests):
        failed = parts is not None and (index >= len(parts) or parts[index].failed)
        if request.method in _EVENTS and not failed:
            yield _change(backend, request, {})


def perhaps_written(backend: Backend, requests: Sequence[Request], error: BackendError) -> Iterator[Change]:
    """Those that may have been carried out all the same, though their answer was lost."""
    if error.unsettled:
        for request in requests:
            if request.method in _EVENTS:
                yield _change(backend, request, {"uncertain": True})


def _change(backend: Backend, request: Request, more: dict[str, object]) -> Change:
    path, body = request.url.partition("?")[0], request.body or {}
    fields = sorted(name.partition("@")[0] for name in body)
    ids = [UUID(each) for each in _GUID.findall(path.rpartition("/")[2] or path)]
    ids += [each for each in body.values() if isinstance(each, UUID)]
    after = {"fields": fields} if fields else None
    what = {"system": backend.name, "path": path} | more
    return Change("RECORD", _EVENTS[request.method], what, after=after, records=tuple(dict.fromkeys(ids)))
