"""The ETag of a row: base64 of `'19;{19 digits}1;00;'`, as current services send it.

Clients must treat it as opaque; the token is a one-to-one scramble of the row's version, so that neighbouring versions
look unrelated.

Source: Business Central, "Concurrency control in API" (the header), recorded responses (the recipe).
"""

import base64
import binascii
import re

from gateway.sandbox.store import Row

_SPAN = 9 * 10**18
_SCRAMBLE = 6364136223846793007
_SHAPE = re.compile(r'(?:W/)?"(?P<text>[A-Za-z0-9+/]+=*)"')
_CONTENT = re.compile(rb"'\d+;\d+;00;'")


def etag(row: Row) -> str:
    """`W/"…"` of one row in its current version."""
    token = str(10**18 + row.version * _SCRAMBLE % _SPAN)
    content = f"'{len(token)};{token}1;00;'"
    return f'W/"{base64.b64encode(content.encode()).decode()}"'


def is_etag(text: str) -> bool:
    """Whether a header can be an ETag of this service at all."""
    match = _SHAPE.fullmatch(text.strip())
    if match is None:
        return False
    try:
        return _CONTENT.fullmatch(base64.b64decode(match["text"], validate=True)) is not None
    except binascii.Error:
        return False
