"""`subscriptions`: who wants to be told of changes. Made and renewed for three days, each time after a handshake.

    POST subscriptions              {"notificationUrl": "https://…", "resource": "/api/v2.0/companies({id})/customers",
                                     "clientState": "…"}
    PATCH subscriptions('{id}')     renews it; If-Match
    DELETE subscriptions('{id}')    If-Match

The handshake asks the receiver, with `?validationToken=…` behind its address, to answer 200 and the token. It is done
before anything is locked: the receiver may call us while it answers.

Source: Business Central, "Working with webhooks in Dynamics 365 Business Central", "subscriptions resource type".
"""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import httpx
from anyio import from_thread

from gateway.sandbox.business_central import errors
from gateway.sandbox.business_central.address import Target, existing
from gateway.sandbox.business_central.etags import etag, is_etag
from gateway.sandbox.business_central.exchange import Environment, Request, Response
from gateway.sandbox.business_central.reading import one, read
from gateway.sandbox.business_central.representation import Shape
from gateway.sandbox.business_central.subscription import SET, instant, remove_expired
from gateway.sandbox.business_central.values import Values, accept, body_object
from gateway.sandbox.business_central.webhook_resources import checked_resource
from gateway.sandbox.model import EntitySet
from gateway.sandbox.store import Row
from gateway.sandbox.webhooks.delivery import Post, Sender, is_web_address

MOST: Final = 200
LIFETIME: Final = timedelta(days=3)
_LONGEST_CLIENT_STATE = 2048
_PATH = re.compile(r"subscriptions(?:\('(?P<key>(?:[^']|'')*)'\))?(?P<count>/\$count)?", re.IGNORECASE)


def handshake_over(sender: Sender, seconds: Callable[[], float]) -> Callable[[str, str], bool]:
    """The question whether the owner of an address wants to be told; `seconds` is how long it may think."""

    def shake(url: str, token: str) -> bool:
        address = str(httpx.URL(url).copy_add_param("validationToken", token))
        post = Post("business-central", address, target=SET, subscription="handshake", seconds=seconds())
        reply = from_thread.run(sender.ask, post)
        return reply.status == 200 and reply.content == token.encode()

    return shake


def answer_subscriptions(environment: Environment, request: Request) -> Response:
    """Answer a request about subscriptions, at the root of any API.

    Raises:
        RefusedError: a request that makes no sense, or a receiver that does not want it.
    """
    remove_expired(environment.store, environment.now())
    key, count = _address(request.path)
    entity_set = environment.store.model.sets[SET]
    match request.method:
        case "GET":
            return read(environment, request, Target(entity_set, SET, key=key, count=count))
        case "POST" if key is None and not count:
            return _create(environment, request, entity_set)
        case "PATCH" if key is not None and not count:
            return _renew(environment, request, entity_set, key)
        case "DELETE" if key is not None and not count:
            return _delete(environment, request, entity_set, key)
        case _:
            raise errors.method_not_allowed()


def _address(path: str) -> tuple[str | None, bool]:
    match = _PATH.fullmatch(path.strip("/"))
    if match is None:
        raise errors.bad_request(f"The request URI is not valid at '{path}': the key is a string in single quotes.")
    key = match["key"]
    return (None if key is None else key.replace("''", "'")), match["count"] is not None


def _create(environment: Environment, request: Request, entity_set: EntitySet) -> Response:
    store = environment.store
    values = _checked(environment, request, entity_set, {})
    _shake_hands(environment, str(values["notificationUrl"]))
    values |= {"subscriptionId": environment.new_id().replace("-", ""), "userId": request.user_id}
    with store.transaction():
        if store.count(SET) >= MOST:
            raise errors.bad_request(f"The environment has {MOST} webhook subscriptions, which is the maximum.")
        row = store.insert(SET, values | _in_force(environment))
    key = str(row["subscriptionId"])
    shown = one(store, request, Target(entity_set, SET, key=key), row, Shape(), status=201)
    return Response(201, shown.body, {**shown.headers, "Location": f"{request.root}/{SET}('{key}')"})


def _renew(environment: Environment, request: Request, entity_set: EntitySet, key: str) -> Response:
    store = environment.store
    row = _as_seen(environment, request, entity_set, key)
    values = _checked(environment, request, entity_set, row.values)
    _shake_hands(environment, str(values.get("notificationUrl") or row["notificationUrl"]))
    with store.transaction():
        _as_seen(environment, request, entity_set, key)
        renewed = store.update(SET, key, values | _in_force(environment))
    return one(store, request, Target(entity_set, SET, key=key), renewed, Shape())


def _delete(environment: Environment, request: Request, entity_set: EntitySet, key: str) -> Response:
    with environment.store.transaction():
        _as_seen(environment, request, entity_set, key)
        environment.store.delete(SET, key)
    return Response(204)


def _as_seen(environment: Environment, request: Request, entity_set: EntitySet, key: str) -> Row:
    """The subscription in the version the caller names, which it must."""
    expected = request.headers.get("if-match", "").strip()
    if expected != "*" and not is_etag(expected):
        raise errors.invalid_token()
    row = existing(environment.store, entity_set, key)
    if expected not in ("*", etag(row)):
        raise errors.changed()
    return row


def _checked(environment: Environment, request: Request, entity_set: EntitySet, current: Values) -> Values:
    """The properties of a body, if a subscription with them could work; `current` are those it has."""
    body = dict(body_object(request.body))
    if len(str(body.get("clientState") or "")) > _LONGEST_CLIENT_STATE:
        raise errors.bad_request(f"The clientState is longer than {_LONGEST_CLIENT_STATE} characters.")
    values, _ = accept(entity_set, body)
    for name in values:
        if entity_set.properties[name].read_only:
            raise errors.read_only(name)
    after = current | values
    for name in ("notificationUrl", "resource"):
        if not after.get(name):
            raise errors.bad_request(f"The {name} must be provided.")
    if not is_web_address(str(after["notificationUrl"])):
        raise errors.bad_request(
            "The notificationUrl must be an absolute address that begins with http:// or https://."
        )
    checked_resource(str(after["resource"]), request.api, environment.store)
    return values


def _shake_hands(environment: Environment, url: str) -> None:
    if not environment.handshake(url, environment.new_id()):
        raise errors.bad_request(
            "The notificationUrl did not answer the validation request with status 200 and the validation token in time."
        )


def _in_force(environment: Environment) -> Values:
    now = environment.now()
    return {"lastModifiedDateTime": instant(now), "expirationDateTime": instant(now + LIFETIME)}
