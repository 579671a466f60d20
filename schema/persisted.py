"""Documents that callers name instead of sending them: of the manifest, or sent once before by anybody.

What is sent once is kept only when it was found to be a query that can be answered, and only while there is room.

Sources: GraphQL over HTTP, appendix "Persisted Documents"; Apollo, "Automatic Persisted Queries" (protocol and messages).
"""

import re
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

from aiocache.base import BaseCache

from gateway.errors import ConfigError, ErrorCode, InvalidInputError, PersistedQueryError, QueryNotTrustedError
from gateway.manifest import Documents
from gateway.reading.cache import BoundedMemoryCache
from gateway.redis_server import AWAY
from gateway.telemetry import log

LONGEST: Final = 20_000
"""Characters of a document that is kept because it was sent once."""

MOST_IN_MEMORY: Final = 1_000
MOST_IN_AN_HOUR: Final = 2_000
"""Documents kept anew in an hour by all processes together; each lasts a day."""

_DAY: Final = 86_400
_HOUR: Final = 3_600
_DOCUMENT_ID: Final = "documentId"
_HASH: Final = re.compile("[0-9a-f]{64}")


class PersistedDocuments:
    """Lives as long as the application."""

    def __init__(
        self,
        manifest: Mapping[str, str],
        mode: Documents,
        shared: BaseCache | None = None,
        *,
        clock: Callable[[], float] = time.time,
        most_in_an_hour: int = MOST_IN_AN_HOUR,
    ) -> None:
        self._trusted = dict(manifest) | {hash_of(text): text for text in manifest.values()}
        self._texts = frozenset(manifest.values())
        self._mode = mode
        self._memory = BoundedMemoryCache(most_entries=MOST_IN_MEMORY)
        self._shared = shared
        self._clock = clock
        self._most_in_an_hour = most_in_an_hour
        self._warned = False

    async def text(self, query: str | None, extensions: Mapping[str, Any]) -> str | None:
        """The document that is meant; None when none was named.

        Raises:
            QueryNotTrustedError, PersistedQueryError, InvalidInputError: it may not be carried out, or is not known.
        """
        named = _named(extensions)
        if named is None or query:
            if query and named is not None and named.hashed and hash_of(query) != named.id:
                raise PersistedQueryError(ErrorCode.PERSISTED_QUERY_MISMATCH, "provided sha does not match query")
            return self._allowed(query)
        return self._trusted.get(named.id) or await self._sent_before(named)

    def _allowed(self, query: str | None) -> str | None:
        if query and self._mode is Documents.TRUSTED and query not in self._texts:
            raise QueryNotTrustedError(
                "Only documents of this gateway's manifest are carried out. This is none of them."
            )
        return query

    async def _sent_before(self, named: "_Name") -> str:
        if self._mode is Documents.TRUSTED or not named.supported:
            raise PersistedQueryError(ErrorCode.PERSISTED_QUERY_NOT_SUPPORTED, "PersistedQueryNotSupported")
        text = await self._kept(named.id) if named.hashed else None
        if text is None:
            raise PersistedQueryError(ErrorCode.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")
        return text

    async def _kept(self, id: str) -> str | None:
        found = await self._memory.get(id)
        if found is None and self._shared is not None:
            try:
                found = await self._shared.get(f"document:{id}")
            except AWAY as error:
                self._warn(error)
            if found is not None and hash_of(found) != id:  # somebody else writes there
                found = None
            if found is not None:
                await self._memory.set(id, found)
        return found if isinstance(found, str) else None

    async def keep(self, query: str, extensions: Mapping[str, Any]) -> None:
        """Remember a document that came with its hash, and was found to be one that can be answered."""
        named = _named(extensions)
        if named is None or not named.hashed or self._mode is Documents.TRUSTED or len(query) > LONGEST:
            return
        if named.id in self._trusted or await self._memory.exists(named.id):
            return
        await self._memory.set(named.id, query)
        if self._shared is not None:
            try:
                await self._share(named.id, query)
            except AWAY as error:
                self._warn(error)

    async def _share(self, id: str, query: str) -> None:
        assert self._shared is not None  # noqa: S101 - the caller looked
        hour = f"documents-kept:{int(self._clock()) // _HOUR}"
        if await self._shared.exists(f"document:{id}"):
            return
        if await self._shared.increment(hour, 1) <= self._most_in_an_hour:
            await self._shared.set(f"document:{id}", query, ttl=_DAY)
        await self._shared.expire(hour, 2 * _HOUR)

    def _warn(self, error: BaseException) -> None:
        if not self._warned:
            self._warned = True
            log.warning(
                "Redis does not answer: documents sent by hash are known to this process only", error=str(error)
            )


class _Name:
    """How a document was named: by a hash of Apollo's protocol, or by an id."""

    __slots__ = ("hashed", "id", "supported")

    def __init__(self, id: str, *, hashed: bool, supported: bool = True) -> None:
        self.id, self.hashed, self.supported = id, hashed, supported


def _named(extensions: Mapping[str, Any]) -> _Name | None:
    """Raises: InvalidInputError: it is named in no way that is known."""
    persisted, id = extensions.get("persistedQuery"), extensions.get(_DOCUMENT_ID)
    if isinstance(id, str):
        digest = id.removeprefix("sha256:")
        return _Name(_hash(digest, _DOCUMENT_ID), hashed=True) if digest != id else _Name(id, hashed=False)
    if persisted is None:
        return None
    given = persisted.get("sha256Hash") if isinstance(persisted, Mapping) else None
    if not isinstance(given, str):
        raise InvalidInputError("persistedQuery has to have a sha256Hash.", argument="extensions")
    return _Name(_hash(given, "extensions"), hashed=True, supported=persisted.get("version") == 1)


def _hash(given: str, argument: str) -> str:
    """It becomes a part of a key. Raises: InvalidInputError: it is none."""
    if not _HASH.fullmatch(given.lower()):
        raise InvalidInputError("A SHA-256 hash is written in 64 hexadecimal digits.", argument=argument)
    return given.lower()


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def checked_manifest(manifest: Mapping[str, str], problem_of: Callable[[str], str | None]) -> Mapping[str, str]:
    """The manifest, when every document of it can be carried out.

    Raises:
        ConfigError: naming each that cannot.
    """
    problems = [f"document {id!r} of the manifest: {why}" for id, text in manifest.items() if (why := problem_of(text))]
    if problems:
        raise ConfigError(*problems)
    return manifest
