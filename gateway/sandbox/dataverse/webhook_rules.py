"""What may be registered: rules for `serviceendpoints` and `sdkmessageprocessingsteps`, and where a secret is kept.

The value a receiver is to recognise us by (`authvalue`) can be written and never read: it is moved out of the row
before that is stored, into a table no address leads to.

    WebhookKey        the key, sent as `?code=…`
    HttpHeader        <settings><setting name="x-key" value="…"/></settings>, sent as headers
    HttpQueryString   the same, sent as query options

Source: Dataverse, Register a webhook; Use webhooks; SdkMessageProcessingStep table reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Final

from gateway.sandbox.dataverse.errors import INVALID_ARGUMENT, DataverseError, method_not_allowed
from gateway.sandbox.dataverse.operation import Operation
from gateway.sandbox.model import EntitySet
from gateway.sandbox.store import Row, Store
from gateway.sandbox.webhooks.delivery import is_web_address

Values = Mapping[str, object]

WEBHOOK_KEY: Final = 4
HTTP_HEADER: Final = 5
HTTP_QUERY_STRING: Final = 6
_SECRETS = "serviceendpointsecrets"
_ASYNCHRONOUS, _POST_OPERATION = 1, 40
_READ_ONLY = frozenset({"sdkmessages", "sdkmessagefilters", "asyncoperations"})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


def check_registration(operation: Operation, entity_set: EntitySet, after: Values, changes: Values) -> Values:
    """The columns to store otherwise than asked for; `after` is the row as it would be. For other tables nothing.

    Raises:
        DataverseError: 400 for a registration that could not work or is not simulated.
    """
    if entity_set.name in _READ_ONLY:
        raise method_not_allowed(operation.request.method)
    if entity_set.name == "serviceendpoints":
        return _check_endpoint(operation.store, after, changes)
    if entity_set.name == "sdkmessageprocessingsteps":
        _check_step(operation.store, after)
    return {}


def forget_registration(store: Store, entity_set: EntitySet, row: Row) -> None:
    """A row is about to be deleted: the secret of an endpoint goes with it.

    Raises:
        DataverseError: 405, the catalogue of messages is the platform's.
    """
    if entity_set.name in ("sdkmessages", "sdkmessagefilters"):
        raise method_not_allowed("DELETE")
    if entity_set.name == "serviceendpoints" and store.get(_SECRETS, row[entity_set.key]):
        store.delete(_SECRETS, row[entity_set.key])


def secret_of(store: Store, endpoint_id: object) -> str:
    row = store.get(_SECRETS, endpoint_id)
    return str(row["authvalue"]) if row else ""


def settings_in(authvalue: str) -> list[tuple[str, str]]:
    """The pairs of `<setting name="…" value="…"/>` in a text, in order."""
    reader = _SettingsReader()
    reader.feed(authvalue)
    reader.close()
    return reader.pairs


class _SettingsReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pairs: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "setting" and given.get("name"):
            self.pairs.append((str(given["name"]), given.get("value") or ""))


def _check_endpoint(store: Store, after: Values, changes: Values) -> Values:
    if not is_web_address(str(after["url"])):
        raise _refused("The URL of a webhook must be an absolute address that begins with http:// or https://.")
    if "authvalue" not in changes:
        if not after.get("isauthvalueset") or "authtype" in changes:
            raise _refused("A webhook needs an authvalue that fits its authtype.")
        return {}
    secret = str(changes["authvalue"] or "")
    _check_secret(after["authtype"], secret)
    key = after["serviceendpointid"]
    if store.get(_SECRETS, key):
        store.update(_SECRETS, key, {"authvalue": secret})
    else:
        store.insert(_SECRETS, {"serviceendpointid": key, "authvalue": secret})
    return {"authvalue": None, "isauthvalueset": True}


def _check_secret(authtype: object, secret: str) -> None:
    pairs = settings_in(secret)
    if not secret or (authtype != WEBHOOK_KEY and not pairs):
        raise _refused("A webhook needs an authvalue that fits its authtype.")
    if authtype == HTTP_HEADER and not all(_HEADER_NAME.fullmatch(n) and _HEADER_VALUE.fullmatch(v) for n, v in pairs):
        raise _refused("The authvalue holds a header that cannot be sent.")


def _check_step(store: Store, after: Values) -> None:
    if after["mode"] != _ASYNCHRONOUS:
        raise _refused("Synchronous steps are not simulated. Register the step with mode 1 (asynchronous).")
    if after["stage"] != _POST_OPERATION:
        raise _refused("An asynchronous step can only be registered in stage 40 (post-operation).")
    if after.get("_eventhandler_value") is None or after.get("_sdkmessageid_value") is None:
        raise _refused("A step needs an event handler and a message.")
    chosen = after.get("_sdkmessagefilterid_value")
    found = store.get("sdkmessagefilters", chosen) if chosen else None
    if found is not None and found["_sdkmessageid_value"] != after["_sdkmessageid_value"]:
        raise _refused("The message filter belongs to another message.")
    if attributes := attribute_names(after.get("filteringattributes")):
        _check_attributes(store, after, found, attributes)


def _check_attributes(store: Store, after: Values, found: Row | None, attributes: frozenset[str]) -> None:
    message = store.get("sdkmessages", after["_sdkmessageid_value"])
    if found is None or message is None or message["name"] != "Update":
        raise _refused("Filtering attributes belong to the message Update of one table.")
    entity = str(found["primaryobjecttypecode"])
    known = next(
        {logical_name(name) for name in each.properties} for each in store.model.sets.values() if each.entity == entity
    )
    if unknown := attributes - known:
        raise _refused(f"The table {entity} has no attribute '{min(unknown)}'.")


def attribute_names(text: object) -> frozenset[str]:
    """`"name, telephone1"` as names; none for an empty text."""
    return frozenset(name.strip().lower() for name in str(text or "").split(",")) - {""}


def logical_name(column: str) -> str:
    """What the platform calls a column that the Web API may call `_…_value`."""
    return column[1:-6] if column.startswith("_") and column.endswith("_value") else column


def _refused(message: str) -> DataverseError:
    return DataverseError(400, INVALID_ARGUMENT, message)
