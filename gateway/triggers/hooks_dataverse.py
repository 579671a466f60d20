"""Our registrations at Dataverse: one service endpoint, and for each table three steps, Create, Update and Delete.

All of them have ids of our choice, so that registering again finds what is there. The secret travels in a header, where no log of
addresses keeps it.

Sources: Dataverse, "Register a webhook", "Use webhooks"; ServiceEndpoint and SdkMessageProcessingStep table reference.
"""

import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4, uuid5

from pydantic import SecretStr

from gateway.clients.call import Call
from gateway.clients.dataverse import DataverseClient
from gateway.errors import GatewayError, PreconditionFailedError, ProtocolError, RecordExistsError
from gateway.odata.query import All, AnyOf, Compare, Expand, Filter, Query
from gateway.odata.write import Create, Delete, Request, Update, Write, row
from gateway.quiet import quietly
from gateway.records import Backend, Record
from gateway.triggers.hook_store import HookStore, Registration, hash_of

HEADER = "x-gateway-key"
"""What Dataverse sends its secret in."""

_ENDPOINTS, _STEPS, _FILTERS = "serviceendpoints", "sdkmessageprocessingsteps", "sdkmessagefilters"
_MESSAGES = ("Create", "Update", "Delete")
_WEBHOOK, _HTTP_HEADER = 8, 5
_NORMAL, _JSON = 1, 2
_ASYNCHRONOUS, _POST_OPERATION = 1, 40
_SERVER_ONLY = 0


@dataclass(frozen=True, slots=True)
class _Step:
    """A step as it should be."""

    id: UUID
    message: str
    table: str
    attributes: str

    @property
    def on(self) -> tuple[str, str]:
        return self.message, self.table


@dataclass(frozen=True, slots=True)
class DataverseHooks:
    """``root`` is the address below which we are told, with a solidus at its end."""

    client: DataverseClient
    store: HookStore
    root: str

    async def look(self, wanted: Mapping[str, Iterable[str]], *, call: Call) -> None:
        """Make registrations as they should be; ``wanted`` are columns by table.

        Raises:
            BackendError: the first one that was met.
        """
        remembered = await self.store.of(Backend.DATAVERSE)
        known = [each for each in remembered if each.url.startswith(self.root)] if wanted else []
        endpoints = await self._ours(remembered, call)
        keep = next((each for each in known if each.id in endpoints), None)
        steps = await self._steps(endpoints, call)
        if keep is None and wanted:
            await self._delete(endpoints.values(), steps.values(), call)
            keep = await self._made(call)
            steps = {}
        else:
            others = [each for id, each in endpoints.items() if keep is None or id != keep.id]
            await self._delete(
                others, [each for each in steps.values() if keep is None or _owner(each) != keep.id], call
            )
        for each in remembered:
            if keep is None or each.resource != keep.resource:
                await self.store.remove(each.id)
        if keep is not None:
            if keep.remote_id is None:
                await self.store.save(replace(keep, remote_id=str(keep.id)))
            mine = {id: each for id, each in steps.items() if _owner(each) == keep.id}
            await self._make_steps(keep, _wanted(keep.id, wanted), mine, call)

    async def _ours(self, remembered: Iterable[Registration], call: Call) -> dict[UUID, Record]:
        """Endpoints that lead to us, by id."""
        query = Query(select=("serviceendpointid", "url"), filter=Compare("contract", "eq", _WEBHOOK))
        ids = {each.id for each in remembered}
        found = {
            _key(each, "serviceendpointid"): each for each in await self.client.everything(_ENDPOINTS, query, call=call)
        }
        return {
            id: each for id, each in found.items() if id in ids or str(each.values.get("url")).startswith(self.root)
        }

    async def _steps(self, endpoints: Iterable[UUID], call: Call) -> dict[UUID, Record]:
        ids = tuple(endpoints)
        if not ids:
            return {}
        columns = ("sdkmessageprocessingstepid", "_eventhandler_value", "filteringattributes")
        query = Query(select=columns, filter=AnyOf("_eventhandler_value", ids))
        rows = await self.client.everything(_STEPS, query, call=call)
        return {_key(each, "sdkmessageprocessingstepid"): each for each in rows}

    async def _delete(self, endpoints: Iterable[Record], steps: Iterable[Record], call: Call) -> None:
        """Steps first: an endpoint that is used cannot be deleted."""
        for path, key, rows in (
            (_STEPS, "sdkmessageprocessingstepid", list(steps)),
            (_ENDPOINTS, "serviceendpointid", list(endpoints)),
        ):
            if rows:
                writes = [Delete(path, _key(each, key), _etag(each)) for each in rows]
                _check(await self.client.write_each(writes, call=call))

    async def _made(self, call: Call) -> Registration:
        """A new endpoint. It is ours before the backend knows of it, and its secret is nowhere but there."""
        id, secret = uuid4(), SecretStr(secrets.token_urlsafe(32))
        who = await self.client.who_am_i(call=call)
        registration = Registration(
            id,
            Backend.DATAVERSE,
            _ENDPOINTS,
            f"{self.root}{id}",
            hash_of(secret.get_secret_value()),
            actor_id=who.user_id,
        )
        await self.store.save(registration)
        with suppress(PreconditionFailedError, RecordExistsError):  # the answer to an earlier attempt was lost
            await quietly(self._make_endpoint(registration, secret, call), secret)
        return registration

    async def _make_endpoint(self, registration: Registration, secret: SecretStr, call: Call) -> None:
        values = {
            "name": f"Dynamics gateway {registration.id}",
            "contract": _WEBHOOK,
            "connectionmode": _NORMAL,
            "messageformat": _JSON,
            "url": registration.url,
            "authtype": _HTTP_HEADER,
            "authvalue": f'<settings><setting name="{HEADER}" value="{secret.get_secret_value()}" /></settings>',
        }
        # no representation is asked for: the secret can be written and not read
        request = Request("PATCH", row(_ENDPOINTS, registration.id), {"If-None-Match": "*"}, values)
        await self.client.wire.send(request, call=call)

    async def _make_steps(
        self, endpoint: Registration, wanted: Mapping[UUID, _Step], there: Mapping[UUID, Record], call: Call
    ) -> None:
        writes: list[Write] = [Delete(_STEPS, id, _etag(each)) for id, each in there.items() if id not in wanted]
        for id, each in there.items():
            if id in wanted and (each.values.get("filteringattributes") or "") != wanted[id].attributes:
                writes.append(Update(_STEPS, id, {"filteringattributes": wanted[id].attributes}, _etag(each)))
        missing = [each for id, each in wanted.items() if id not in there]
        filters = await self._filters({each.table for each in missing}, call) if missing else {}
        writes += [_create(each, endpoint.id, *filters[each.on]) for each in missing if each.on in filters]
        if writes:
            _check(await self.client.write_each(writes, call=call))
        untold = sorted({each.table for each in missing if each.on not in filters})
        if untold:
            raise ProtocolError(
                f"Dataverse does not tell of changes of {', '.join(untold)}.", backend=Backend.DATAVERSE
            )

    async def _filters(self, tables: Iterable[str], call: Call) -> dict[tuple[str, str], tuple[UUID, UUID]]:
        """By message and table: the row that stands for both, and the message's."""
        some: Filter = AnyOf("primaryobjecttypecode", tuple(sorted(tables)))
        allowed = Compare("iscustomprocessingstepallowed", "eq", True)
        query = Query(
            select=("sdkmessagefilterid", "primaryobjecttypecode"),
            expand=(Expand("sdkmessageid", ("sdkmessageid", "name")),),
            filter=All((some, allowed)),
        )
        found: dict[tuple[str, str], tuple[UUID, UUID]] = {}
        for each in await self.client.everything(_FILTERS, query, call=call):
            message = each.values.get("sdkmessageid")
            if isinstance(message, Mapping) and message.get("name") in _MESSAGES:
                key = (str(message["name"]), str(each.values.get("primaryobjecttypecode")))
                found[key] = (_key(each, "sdkmessagefilterid"), UUID(str(message.get("sdkmessageid"))))
        return found


def _wanted(endpoint: UUID, columns: Mapping[str, Iterable[str]]) -> dict[UUID, _Step]:
    steps = [
        _Step(
            uuid5(endpoint, f"{message} {table}"),
            message,
            table,
            ",".join(sorted(names)) if message == "Update" else "",
        )
        for table, names in columns.items()
        for message in _MESSAGES
    ]
    return {each.id: each for each in steps}


def _create(step: _Step, endpoint: UUID, filter_id: UUID, message_id: UUID) -> Create:
    values: dict[str, Any] = {
        "name": f"Dynamics gateway: {step.message} of {step.table}",
        "mode": _ASYNCHRONOUS,
        "stage": _POST_OPERATION,
        "rank": 1,
        "supporteddeployment": _SERVER_ONLY,
        "asyncautodelete": True,  # what succeeded leaves no row behind
        "sdkmessageid@odata.bind": f"/sdkmessages({message_id})",
        "sdkmessagefilterid@odata.bind": f"/{_FILTERS}({filter_id})",
        "eventhandler_serviceendpoint@odata.bind": f"/{_ENDPOINTS}({endpoint})",
    }
    if step.attributes:
        values["filteringattributes"] = step.attributes
    return Create(_STEPS, step.id, values)


def _check(outcomes: Iterable[object]) -> None:
    """Raises: BackendError, InvalidInputError: the first one that was met."""
    for each in outcomes:
        if isinstance(each, GatewayError):
            raise each


def _owner(step: Record) -> UUID:
    return _key(step, "_eventhandler_value")


def _key(record: Record, name: str) -> UUID:
    try:
        return UUID(str(record.values.get(name)))
    except ValueError as error:
        raise ProtocolError("Dataverse sent a row whose key is no GUID.", backend=Backend.DATAVERSE) from error


def _etag(record: Record) -> str:
    if record.etag is None:
        raise ProtocolError("Dataverse sent a row without its version.", backend=Backend.DATAVERSE)
    return record.etag
