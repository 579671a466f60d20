"""What reading asks of couplings: who is whose partner, by ids and by natural keys as last seen."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import UUID

from gateway.errors import DatabaseError, GatewayError
from gateway.odata.query import Value
from gateway.reading.lookup import Asking, match_key
from gateway.reading.need import Source
from gateway.reading.row import Failure, Row
from gateway.records import Backend, Values
from gateway.telemetry import log

T = TypeVar("T")

_CORRECTION_SECONDS = 1.0


class Pair(Protocol):
    """What reading must know of a coupling."""

    @property
    def company_id(self) -> UUID: ...
    @property
    def bc_id(self) -> UUID: ...
    @property
    def crm_id(self) -> UUID: ...
    @property
    def bc_key(self) -> str | None: ...
    @property
    def crm_key(self) -> str | None: ...


class Pairs(Protocol):
    """Where couplings are found, by the record of one backend."""

    async def by_id(
        self, mapping: str, company: UUID, backend: Backend, ids: Iterable[UUID]
    ) -> Mapping[UUID, Pair]: ...

    async def by_natural_key(
        self, mapping: str, company: UUID, backend: Backend, keys: Iterable[str]
    ) -> Mapping[str, Pair]:
        """By :func:`~gateway.reading.lookup.match_key` of the key; ambiguous ones left out."""
        ...

    async def everywhere(self, mapping: str, ids: Iterable[UUID]) -> Mapping[UUID, Sequence[Pair]]:
        """Of rows of CRM, in all companies, by the row's id; one that has none may be left out."""
        ...

    async def correct_keys(self, seen: Sequence[tuple[Pair, str]], backend: Backend) -> None:
        """Remember under which natural keys records were just seen."""
        ...

    def values(self, pair: Pair) -> Values:
        """The coupling as a row's values."""
        ...


@dataclass(frozen=True, slots=True)
class Guess:
    """A branch that was started before its rows were there: the pairs it took, by key, and their partners to come."""

    pairs: Mapping[str, Pair]
    partners: "asyncio.Task[dict[str, Row] | Failure] | None"


class Partners:
    """The couplings of one company."""

    def __init__(self, pairs: Pairs, asking: Asking, company: UUID) -> None:
        self._pairs = pairs
        self._asking = asking
        self._company = company

    async def of_keys(self, mapping: str, source: Source, column: str, keys: Sequence[Value]) -> Mapping[str, Pair]:
        """Pairs by :func:`~gateway.reading.lookup.match_key`, from ids, or from natural keys as last seen (a guess)."""
        if column == source.key:
            by_id = await self._in_time(
                self._pairs.by_id(mapping, self._company, source.backend, [UUID(str(key)) for key in keys])
            )
            return {match_key(record_id): pair for record_id, pair in by_id.items()}
        return await self._in_time(
            self._pairs.by_natural_key(mapping, self._company, source.backend, [str(key) for key in keys])
        )

    async def of_partners(self, mapping: str, backend: Backend, partner_ids: Sequence[UUID]) -> dict[UUID, UUID]:
        """The ids, at ``backend``, of the records whose partners at the other one these are, by the partner's."""
        pairs = await self._in_time(
            self._pairs.by_id(mapping, self._company, other(backend), list(dict.fromkeys(partner_ids)))
        )
        return {partner_id: id_of(pair, backend) for partner_id, pair in pairs.items()}

    async def everywhere(self, rows: Sequence[Row], mapping: str) -> dict[Row, Sequence[Pair]]:
        """The pairs of rows of CRM in all companies, not only in this one."""
        ids = {row: own for row in rows if (own := _own_id(row)) is not None}
        if not ids:
            return {}
        found = await self._in_time(self._pairs.everywhere(mapping, set(ids.values())))
        return {row: found.get(own, ()) for row, own in ids.items()}

    async def of_rows(
        self, rows: Sequence[Row], mapping: str, guess: Guess | None
    ) -> tuple[dict[Row, Pair], dict[Row, Pair]]:
        """The rows' pairs: those the guess already had, confirmed by the record's id, and those found only now.

        A record that was found under another natural key than its coupling remembers puts that right.
        """
        source = rows[0].source
        guessed = {id_of(pair, source.backend): pair for pair in guess.pairs.values()} if guess else {}
        ids = {row: own for row in rows if (own := _own_id(row)) is not None}
        confirmed = {row: guessed[own] for row, own in ids.items() if own in guessed}
        missing = {own for own in ids.values() if own not in guessed}
        if not missing:
            return confirmed, {}
        found = await self._in_time(self._pairs.by_id(mapping, self._company, source.backend, missing))
        late = {row: found[own] for row, own in ids.items() if own in found}
        await self._correct(late)
        return confirmed, late

    async def _correct(self, late: Mapping[Row, Pair]) -> None:
        """A remembered key is a help, not a duty: when it cannot be put right at once, the answer does not wait for it."""
        seen = {}
        for row, pair in late.items():
            natural = row.key(row.source.natural_key) if row.source.natural_key else None
            if isinstance(natural, str) and natural != natural_key_of(pair, row.source.backend):
                seen[id_of(pair, row.source.backend)] = (pair, natural)
        if not seen:
            return
        try:
            async with asyncio.timeout(_CORRECTION_SECONDS):
                await self._pairs.correct_keys(list(seen.values()), next(iter(late)).source.backend)
        except (TimeoutError, GatewayError) as error:
            log.warning(
                "natural keys of couplings were not put right", couplings=len(seen), reason=type(error).__name__
            )

    async def _in_time(self, finding: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(max(0.0, self._asking.deadline.remaining)):
                return await finding
        except TimeoutError as error:
            raise DatabaseError("The couplings could not be read within the time this request may take.") from error

    def values(self, pair: Pair) -> Values:
        """The coupling as a row's values."""
        return self._pairs.values(pair)

    def known_rows(self, source: Source, guesses: Mapping[str, Guess], failure: Failure) -> dict[str, Row]:
        """Rows whose backend failed, as far as their couplings know them: their keys as last seen."""
        rows: dict[str, Row] = {}
        for guess in guesses.values():
            for name, pair in guess.pairs.items():
                known = {source.key: str(id_of(pair, source.backend))}
                natural = natural_key_of(pair, source.backend)
                if source.natural_key is not None and natural is not None:
                    known[source.natural_key] = natural
                rows.setdefault(name, Row(source, self._company, failure, known=known))
        return rows


def other(backend: Backend) -> Backend:
    """The other of the two systems."""
    return Backend.DATAVERSE if backend is Backend.BUSINESS_CENTRAL else Backend.BUSINESS_CENTRAL


def id_of(pair: Pair, backend: Backend) -> UUID:
    """The pair's record at this backend."""
    return pair.bc_id if backend is Backend.BUSINESS_CENTRAL else pair.crm_id


def natural_key_of(pair: Pair, backend: Backend) -> str | None:
    """That record's natural key, as last seen."""
    return pair.bc_key if backend is Backend.BUSINESS_CENTRAL else pair.crm_key


def _own_id(row: Row) -> UUID | None:
    value = row.link_value(row.source.key, row.source, row.source.key)
    return value if isinstance(value, UUID) else None
