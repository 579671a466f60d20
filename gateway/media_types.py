"""Which media type an answer has, and which a request has to have. Pure.

Sources: GraphQL over HTTP, "Media Types", "Body" and "Legacy watershed"; RFC 9110, 8.3 (Content-Type) and 12.5.1 (Accept).
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

JSON: Final = "application/json"
GRAPHQL_RESPONSE: Final = "application/graphql-response+json"
EVENT_STREAM: Final = "text/event-stream"

_UTF_8 = ("", "utf-8", "utf8")


class _Range(NamedTuple):
    """One member of an Accept header."""

    main: str
    sub: str
    quality: float
    place: int

    def closeness(self, media_type: str) -> int:
        """How exactly it names the type; 0: not at all."""
        main, _, sub = media_type.partition("/")
        if (self.main, self.sub) == (main, sub):
            return 3
        if self.sub != "*":
            return 0
        return 2 if self.main == main else 1 if self.main == "*" else 0


@lru_cache(maxsize=256)
def preferred(accept: str, offered: Sequence[str]) -> str | None:
    """The offered type that the header wants most; None: it takes none of them.

    What is named exactly goes before what a wildcard lets in, then what is named earlier, then what is offered earlier.
    """
    ranges = list(_ranges(accept))
    found = [(rank, each) for each in offered if (rank := _rank(each, ranges)) is not None]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _rank(media_type: str, ranges: Sequence[_Range]) -> tuple[float, int, int] | None:
    """The closest range decides how much a type is wanted, so that ``*/*, application/json;q=0`` wants no JSON."""
    closest = max(ranges, key=lambda each: (each.closeness(media_type), -each.place), default=None)
    if closest is None or not closest.closeness(media_type) or not closest.quality:
        return None
    return closest.quality, closest.closeness(media_type), -closest.place


def _ranges(accept: str) -> Iterator[_Range]:
    """What cannot be read is passed over, and so is another encoding than ours."""
    for place, member in enumerate(accept.split(",")):
        name, parameters = _taken_apart(member)
        main, slash, sub = name.partition("/")
        quality = _quality(parameters.get("q", "1"))
        if slash and quality is not None and parameters.get("charset", "") in _UTF_8:
            yield _Range(main, sub, quality, place)


def _quality(text: str) -> float | None:
    try:
        quality = float(text)
    except ValueError:
        return None
    return quality if 0 <= quality <= 1 else None


def is_json(content_type: str) -> bool:
    """Whether a body of this type is JSON in UTF-8, which is what a request's body has to be."""
    name, parameters = _taken_apart(content_type)
    return name == JSON and parameters.get("charset", "") in _UTF_8


def _taken_apart(text: str) -> tuple[str, dict[str, str]]:
    """The name and its parameters, all in lower case."""
    name, *rest = (part.strip() for part in text.lower().split(";"))
    pairs = (part.partition("=") for part in rest)
    return name, {key.strip(): value.strip().strip('"') for key, _, value in pairs}
