"""Which pages of other origins may ask here from a browser: a list of exact origins and of patterns for one name. Pure.

Sources: RFC 6454, 6.2 (serialization); WHATWG, "Fetch", 3.3 (CORS protocol).
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_HOST = rf"(?:{_LABEL}\.)*{_LABEL}|\[[0-9a-f:.]+\]"
_ORIGIN = re.compile(rf"https?://(?:{_HOST})(?::\d{{1,5}})?")
_PATTERN = re.compile(rf"https://\*(?:\.{_LABEL}){{2,}}(?::\d{{1,5}})?")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def checked_origin(text: str) -> str:
    """An origin as browsers send it, or a pattern such as ``https://*.crm4.dynamics.com``, whose star is one name.

    Raises:
        ValueError: it is neither, or a page of it would not come over https.
    """
    origin = text.strip().lower()
    if _PATTERN.fullmatch(origin):
        return origin.removesuffix(":443")
    if not _ORIGIN.fullmatch(origin):
        raise ValueError(
            "must be origins such as https://contoso.example or https://*.crm4.dynamics.com, without a path or a last slash"
        )
    parts = urlsplit(origin)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError("must be https: callers' tokens are in those pages (http is allowed to this machine only)")
    return origin.removesuffix(":443" if parts.scheme == "https" else ":80")


class Origins:
    """Those that may."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        """To be called with what ``checked_origin`` let through."""
        given = list(allowed)
        self._exact = frozenset(each for each in given if "*" not in each)
        patterns = (re.escape(each).replace(r"\*", _LABEL) for each in given if "*" in each)
        self._patterns = [re.compile(each) for each in patterns]

    def allows(self, origin: str) -> bool:
        """Whether pages of this origin may; the text is what a browser says of itself."""
        return origin in self._exact or any(each.fullmatch(origin) for each in self._patterns)
