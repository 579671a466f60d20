"""The paging cookie inside `$skiptoken`: where the last page ended, as XML inside XML.

    <cookie pagenumber="2" pagingcookie="{inner}" istracking="False" />
    inner, encoded twice:
    <cookie page="1"><name last="B" first="A" /><accountid last="{GUID}" first="{GUID}" /></cookie>

The columns a query is ordered by come before the primary key; GUIDs are upper case in braces. A cookie names the
last row by its values, so rows inserted meanwhile neither repeat nor hide others. `istracking` is true on the pages of a
request that tracks changes.

Source: Dataverse, Page results using OData.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from urllib.parse import quote, unquote
from xml.sax.saxutils import quoteattr

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OUTER = re.compile(r"""\s*<cookie\s+pagenumber="(\d+)"\s+pagingcookie="([^"]*)"\s+istracking="(True|False)"\s*/>\s*""")
_INNER = re.compile(r"""<cookie page="(\d+)">((?:<[^<>]*/>)*)</cookie>""")
_COLUMN = re.compile(r"""<([\w.]+) (last|lastnull)=("[^"]*"|'[^']*')[^<>]*/>""")
_ESCAPE = re.compile(r"%[0-9A-F]{2}")


class CookieError(ValueError):
    """The skip token is not one of ours."""


@dataclass(frozen=True)
class Cookie:
    """The page to serve next and, column by column, the values of the row the page before ended with."""

    page: int
    last: Mapping[str, str | None]
    tracking: bool = False


def write_cookie(
    page: int, *, first: Mapping[str, str | None], last: Mapping[str, str | None], tracking: bool = False
) -> str:
    """The `$skiptoken` text, ready for a URL, that leads to `page`; the names in `first` and `last` are the same."""
    twice = _twice(page, first, last)
    start = f"%3Ccookie%20pagenumber=%22{page}%22%20pagingcookie=%22{twice}%22"
    return f"{start}%20istracking=%22{tracking}%22%20/%3E"


def fetch_cookie(page: int, *, first: Mapping[str, str | None], last: Mapping[str, str | None]) -> str:
    """The cookie of a FetchXML answer, XML with the inner cookie encoded twice, that leads to `page`."""
    return f'<cookie pagenumber="{page}" pagingcookie="{_twice(page, first, last)}" istracking="False" />'


def read_cookie(text: str) -> Cookie:
    """Read a skip token that the URL layer decoded once. Raises: CookieError."""
    outer = _OUTER.fullmatch(text)
    if not outer:
        raise CookieError("Invalid paging cookie.")
    return Cookie(int(outer[1]), read_inner(unquote(outer[2])).last, tracking=outer[3] == "True")


def read_inner(text: str) -> Cookie:
    """Read an inner cookie, decoded, as clients send it back in FetchXML. Raises: CookieError."""
    inner = _INNER.fullmatch(text.strip())
    if not inner:
        raise CookieError("Invalid paging cookie.")
    last: dict[str, str | None] = {}
    for name, kind, quoted in _COLUMN.findall(inner[2]):
        last[name] = None if kind == "lastnull" else _plain(unescape(quoted[1:-1]))
    return Cookie(int(inner[1]) + 1, last)


def _twice(page: int, first: Mapping[str, str | None], last: Mapping[str, str | None]) -> str:
    columns = "".join(_column(name, first[name], last[name]) for name in last)
    inner = f'<cookie page="{page - 1}">{columns}</cookie>'
    once = _ESCAPE.sub(lambda escape: escape[0].lower(), quote(inner, safe=""))
    return once.replace("%", "%25")


def _column(name: str, first: str | None, last: str | None) -> str:
    return f"<{name} {_end('last', last)} {_end('first', first)} />"


def _end(name: str, value: str | None) -> str:
    if value is None:
        return f'{name}null="1"'
    return f"{name}={quoteattr(f'{{{value.upper()}}}' if _GUID.fullmatch(value) else value)}"


def _plain(value: str) -> str:
    guid = value[1:-1].lower()
    return guid if value == f"{{{guid.upper()}}}" and _GUID.fullmatch(guid) else value
