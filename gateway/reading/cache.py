"""What may be kept, for how long: one table, one key function, aiocache behind it.

A key holds everything the answer depends on: whose rights asked, the company, the set, the columns, the key.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from aiocache import SimpleMemoryCache

from gateway.records import Record

MARKED_TABLES = ("account", "contact", "product", "opportunity", "invoice")
"""Tables of CRM that Business Central's solutions add lookups to."""

LIFETIMES: Mapping[str, timedelta] = {
    "salespeoplePurchasers": timedelta(minutes=5),
    "systemusers": timedelta(minutes=5),
    "paymentTerms": timedelta(minutes=5),
    "shipmentMethods": timedelta(minutes=5),
    "transactioncurrencies": timedelta(hours=1),
    "companyInformation": timedelta(hours=1),
    "locations": timedelta(minutes=5),
    "organizations": timedelta(hours=1),
    "companies": timedelta(hours=1),
    "bcbi_companies": timedelta(hours=1),
    **{f"EntityDefinitions(LogicalName='{each}')/ManyToOneRelationships": timedelta(hours=1) for each in MARKED_TABLES},
}
"""Reference sets: small, changed rarely, and looked up by almost every question. Everything else is always read anew."""

ABSENCE = timedelta(seconds=5)
"""How long a record of a reference set is taken not to exist: a new one should not stay invisible."""


class BoundedMemoryCache(SimpleMemoryCache):  # type: ignore[misc]  # aiocache ships no types
    """aiocache's memory cache with an end: the entry unused for longest goes first.

    The original grows without limit and keeps a timer for every entry that ends.
    """

    def __init__(self, *, most_entries: int) -> None:
        super().__init__(timeout=None)
        self._cache: OrderedDict[str, Any] = OrderedDict()
        self._most_entries = most_entries

    async def _get(self, key: str, encoding: str = "utf-8", _conn: object = None) -> Any:
        if key in self._cache:
            self._cache.move_to_end(key)
        return self._cache.get(key)

    async def _set(
        self, key: str, value: Any, ttl: object = None, _cas_token: object = None, _conn: object = None
    ) -> bool:
        self._cache[key] = value
        self._cache.move_to_end(key)
        while len(self._cache) > self._most_entries:
            self._cache.popitem(last=False)
        return True


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry: what was found (None: there is no such record) and when it is to be asked for again."""

    record: Record | None
    until: float


class RecordCache:
    """Records of reference sets by key."""

    def __init__(self, *, most_entries: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._cache = BoundedMemoryCache(most_entries=most_entries)
        self._clock = clock

    async def get(self, prefix: str, keys: Iterable[str]) -> dict[str, Record | None]:
        """What is kept of these; a key whose value is None is known not to exist."""
        now = self._clock()
        found: dict[str, Record | None] = {}
        for key in keys:
            kept = await self._cache.get(prefix + key)
            if isinstance(kept, Kept) and now < kept.until:
                found[key] = kept.record
        return found

    async def put(self, prefix: str, records: Mapping[str, Record | None], *, lifetime: timedelta) -> None:
        until = self._clock() + lifetime.total_seconds()
        for key, record in records.items():
            await self._cache.set(prefix + key, Kept(record, until))


def prefix(
    *, identity: str, company: UUID | None, entity_set: str, column: str, select: Iterable[str], expand: object
) -> str:
    """The part of a cache key that all records of one kind of look-up share."""
    return "\x1f".join((identity, str(company), entity_set, column, ",".join(sorted(select)), str(expand), ""))
