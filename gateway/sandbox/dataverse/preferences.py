"""The `Prefer` request header: what a caller would like, and which wishes were honoured.

Source: Dataverse, Compose HTTP requests and handle errors, section Prefer headers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

MAX_PAGE_SIZE = 5000
_SIZE = re.compile(r"0*[1-9][0-9]{0,8}")
_ITEM = re.compile(r"""\s*([^=,\s]+)\s*(?:=\s*("[^"]*"|[^,\s]*))?\s*(?:,|$)""")


@dataclass(frozen=True)
class Preferences:
    """Wishes of one request; `annotations` holds the patterns as asked, such as `*` or `-OData.*`.

    `honoured` holds the wishes for `Preference-Applied`, as asked; that of a batch to go on is not one of them, and that
    to track changes is named by the answers which do.
    """

    representation: bool = False
    page_size: int | None = None
    annotations: tuple[str, ...] = ()
    honoured: tuple[str, ...] = ()
    continue_on_error: bool = False
    track_changes: bool = False

    def applied_to(self, method: str) -> str:
        """The value of `Preference-Applied`: pages are for reading, the choice of an answer is for writing."""
        foreign = "return=" if method == "GET" else "odata.maxpagesize="
        return ",".join(wish for wish in self.honoured if not wish.startswith(foreign))

    def wants(self, annotation: str) -> bool:
        """Whether an annotation is asked for: by name, by a pattern ending in `*`, and not excluded by a minus."""
        wanted = False
        for pattern in self.annotations:
            if fnmatchcase(annotation, pattern.removeprefix("-")):
                wanted = not pattern.startswith("-")
        return wanted


def parse_preferences(header: str) -> Preferences:
    """Read a `Prefer` header; wishes that are unknown or malformed are ignored, as the protocol asks."""
    representation, page_size, continue_on_error, track_changes = False, None, False, False
    annotations: tuple[str, ...] = ()
    applied: list[str] = []
    for name, quoted in _ITEM.findall(header):
        value = quoted.strip('"')
        match name.lower():
            case "return" if value == "representation":
                representation = True
            case "odata.maxpagesize" if _SIZE.fullmatch(value):
                page_size = min(int(value), MAX_PAGE_SIZE)
            case "odata.include-annotations":
                annotations = tuple(part.strip() for part in value.split(",") if part.strip())
            case "odata.continue-on-error":
                continue_on_error = value.lower() != "false"
                continue
            case "odata.track-changes":
                track_changes = True
                continue
            case _:
                continue
        applied.append(f"{name}={quoted}")
    return Preferences(representation, page_size, annotations, tuple(applied), continue_on_error, track_changes)
