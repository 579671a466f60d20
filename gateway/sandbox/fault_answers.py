"""What a fault answers with, in the manner of the vendor or of a proxy in front of it.

Source: Business Central, "HTTP status error codes"; Dataverse, Compose HTTP requests and handle errors. The pages of the
proxies are ours, in their style.
"""

import base64
import re
from collections.abc import Mapping
from uuid import uuid4

from starlette.responses import JSONResponse, Response
from starlette.types import Message

from gateway.sandbox.business_central import limits as business_central
from gateway.sandbox.dataverse import limits as dataverse
from gateway.sandbox.dataverse.errors import expired_token
from gateway.sandbox.faults import Rule

_CONCURRENT = 52
_MILLISECONDS = 1_200_000
_REQUESTS = 6000
_WINDOW_SECONDS = 300
_TITLES = {502: "502 Bad Gateway", 503: "503 Service Temporarily Unavailable", 504: "504 Gateway Time-out"}
_JSON = "application/json; odata.metadata=minimal"
_IN_BODY = re.compile(rb'("@odata\.etag":\s*"W/\\")([^"\\]+)(\\")')
_IN_HEADER = re.compile(rb'(W/")([^"]+)(")')


def answer(rule: Rule, backend: str) -> Response:
    """The whole answer of a fault of kind `status`, `html` or `expired-delta`."""
    if rule.kind == "html":
        return _page(rule.status or 502)
    if rule.kind == "expired-delta":
        gone = expired_token()
        return vendor_answer(gone.status, gone.body())
    status = rule.status or 429
    headers = {} if rule.retry_after is None else {"Retry-After": str(rule.retry_after)}
    refusal = _business_central(status) if backend == "business-central" else _dataverse(status, rule.measure)
    return _page(status, headers) if refusal is None else vendor_answer(status, refusal, headers)


def vendor_answer(status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Response:
    """An error object as both services send it."""
    return JSONResponse(body, status, {"OData-Version": "4.0", **(headers or {})}, media_type=_JSON)


def with_older_etags(start: Message, body: bytes, backend: str) -> tuple[Message, bytes]:
    """The same answer, but its rows seem to be of an earlier version: well formed, and never the current one."""
    older = _older_token if backend == "business-central" else _older_version

    def swap(match: re.Match[bytes]) -> bytes:
        return match[1] + older(match[2]) + match[3]

    headers = [
        (name, _IN_HEADER.sub(swap, value) if name.lower() == b"etag" else value) for name, value in start["headers"]
    ]
    return {**start, "headers": headers}, _IN_BODY.sub(swap, body)


def _business_central(status: int) -> Mapping[str, object] | None:
    """An error of the service itself, or None where a proxy answers for it."""
    match status:
        case 429:
            return business_central.TooManyRequestsError(101, 100).body(str(uuid4()))
        case 408:
            return business_central.operation_timeout().body(str(uuid4()))
        case 500:
            return business_central.server_error().body(str(uuid4()))
        case 503:
            return business_central.unavailable().body(str(uuid4()))
    return None


def _dataverse(status: int, measure: str | None) -> Mapping[str, object] | None:
    match status, measure:
        case 429, "time":
            return dataverse.too_much_time(_MILLISECONDS, _WINDOW_SECONDS).body()
        case 429, "concurrent":
            return dataverse.too_many_at_once(_CONCURRENT).body()
        case 429, _:
            return dataverse.too_many_requests(_REQUESTS, _WINDOW_SECONDS).body()
        case 500, _:
            return dataverse.server_error().body()
    return None


def _page(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """What a proxy or a sign-in page says; never JSON."""
    title = _TITLES.get(status, "Sign in" if status == 200 else f"{status} Error")
    html = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        "<hr><center>Gateway</center>\r\n</body>\r\n</html>\r\n"
    )
    return Response(html, status, dict(headers or {}), media_type="text/html")


def _older_token(token: bytes) -> bytes:
    """Business Central: the digits inside are turned round by nine, so that none stays."""
    try:
        content = base64.b64decode(token, validate=True)
    except ValueError:
        return token
    length, number, *rest = content.split(b";")
    changed = number.translate(bytes.maketrans(b"0123456789", b"1234567890"))
    return base64.b64encode(b";".join([length, changed, *rest]))


def _older_version(version: bytes) -> bytes:
    """Dataverse: the version before."""
    return b"%d" % (int(version) - 1) if version.isdigit() else version
