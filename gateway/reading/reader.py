"""Carries out a :class:`~gateway.reading.need.Need`: level by level, branches side by side.

One reader serves one GraphQL request. A level is one look-up for all its rows; what does not wait for a row starts with it:
when a row's key is known and the coupling store knows its partner, both backends are asked at once. The guess is checked
against the record's id when it arrives, so that an outdated natural key costs a request and never shows a wrong partner.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar
from uuid import UUID

from gateway.errors import GatewayError, InvalidInputError
from gateway.odata.query import Compare, Filter, Order, Value, both, unique
from gateway.reading.local_currency import LocalCurrencies
from gateway.reading.lookup import Asking, Lookups, match_key
from gateway.reading.need import (
    Branch,
    ByKey,
    Coupled,
    CouplingOf,
    Expanded,
    LocalCurrency,
    Many,
    Need,
    Source,
)
from gateway.reading.pages import Pages
from gateway.reading.paging import Sort, Window
from gateway.reading.row import Failure, Outcome, Row, RowPage
from gateway.records import Backend, Values

T = TypeVar("T")


class Pair(Protocol):
    """What reading must know of a coupling."""

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

    async def correct_key(self, pair: Pair, backend: Backend, key: str) -> None:
        """Remember under which natural key the record was just seen."""
        ...

    def values(self, pair: Pair) -> Values:
        """The coupling as a row's values."""
        ...


@dataclass(frozen=True, slots=True)
class Guess:
    """A branch that was started before its rows were there: the pairs it took, by key, and their partners to come."""

    pairs: Mapping[str, Pair]
    partners: "asyncio.Task[dict[str, Row] | Failure] | None"


class Reader:
    """Reads on behalf of one GraphQL request in one company."""

    def __init__(
        self,
        *,
        asking: Asking,
        company: UUID,
        lookups: Lookups,
        pages: Pages,
        pairs: Pairs,
        currencies: LocalCurrencies,
        coupling_source: Source,
    ) -> None:
        self.company = company
        self._asking = asking
        self._lookups = lookups
        self._pages = pages
        self._pairs = pairs
        self._currencies = currencies
        self._coupling_source = coupling_source

    # -- what the schema asks for ---------------------------------------------------------------------------------

    async def one(self, need: Need, column: str, key: Value) -> Row | None:
        """The row with this key. If only its own backend fails, what the other has of it arrives all the same.

        Raises:
            BackendError: the backend failed and nothing is known of the row.
        """
        rows = await self._by_key(need, column, [key], after=0, partial=True)
        return rows.get(match_key(key))

    async def only(self, need: Need, column: str, key: str) -> Row | None:
        """The row with this natural key, where the backend does not promise that there is only one.

        Raises:
            InvalidInputError: several rows have it.
            BackendError: it could not be had.
        """
        where = Compare(column, "eq", key)
        page = await self.page(need, where=where, sort=need.source.unique, window=Window(first=1))
        if page.has_next:
            raise InvalidInputError(f"More than one of {need.source.name} has {column} {key!r}.", argument="by")
        return page.rows[0] if page.rows else None

    async def by_partner_id(self, need: Need, mapping: str, partner_id: UUID) -> Row | None:
        """The row whose partner in the other system is this one; None when there is no such coupling."""
        backend = need.source.backend
        pairs = await self._pairs.by_id(mapping, self.company, _other(backend), [partner_id])
        pair = pairs.get(partner_id)
        return await self.one(need, need.source.key, _id(pair, backend)) if pair else None

    async def by_partner(self, need: Need, mapping: str, partner: Source, column: str, key: str) -> Row | None:
        """The row whose partner in the other system has this natural key; None when that one is not there or not coupled.

        Raises:
            InvalidInputError: several partners have the key.
            BackendError: the partner, or the row behind it, could not be had.
        """
        through = Need(partner, branches=(Branch("partner", Coupled(mapping), need),))
        if partner.backend is Backend.BUSINESS_CENTRAL:
            row = await self.one(through, column, key)
        else:
            row = await self.only(through, column, key)
        outcome = row.links.get("partner") if row is not None else None
        if isinstance(outcome, Failure):
            raise outcome.error
        return outcome if isinstance(outcome, Row) else None

    async def many(self, need: Need, column: str, keys: Sequence[Value]) -> dict[str, Row]:
        """The rows with these keys, by :func:`~gateway.reading.lookup.match_key`."""
        return await self._by_key(need, column, keys, after=0)

    async def page(self, need: Need, *, where: Filter | None, sort: Sort, window: Window) -> RowPage:
        """A page of a set, filter, order and position left to the backend.

        Raises:
            BackendError: it could not be had.
            InvalidInputError: the cursor is not one of this list's.
        """
        (page,), depth = await self._pages.read(self._asking, need, [where], sort, window, after=0)
        if isinstance(page, Failure):
            raise page.error
        await self._follow(page.rows, need, after=depth)
        return page

    async def follow(self, rows: Sequence[Row], need: Need) -> None:
        """Read what is wanted behind rows that are there already (couplings)."""
        await self._follow(rows, need, after=0)

    # -- one level ------------------------------------------------------------------------------------------------

    async def _by_key(
        self, need: Need, column: str, keys: Sequence[Value], *, after: int, partial: bool = False
    ) -> dict[str, Row]:
        source = need.source
        looking = self._lookups.by_key(
            self._asking, source, column, keys, select=need.select, expand=need.expand, after=after
        )
        guessing = self._guess(need, column, keys, after=after)
        found, guesses = await asyncio.gather(_outcome(looking), guessing)
        if isinstance(found, Failure):
            rows = self._known_rows(source, guesses, found) if partial else {}
            if not rows:
                await _settle(guesses)
                raise found.error
            depth = after
        else:
            records, depth = found
            rows = {name: Row(source, self.company, record.values) for name, record in records.items()}
        await self._follow(list(rows.values()), need, after=depth, guesses=guesses)
        return rows

    async def _guess(self, need: Need, column: str, keys: Sequence[Value], *, after: int) -> dict[str, Guess]:
        """Start the branches that lead through a coupling, if ``column`` is a key that couplings know."""
        source = need.source
        mappings = {branch.link.mapping for branch in need.branches if isinstance(branch.link, Coupled | CouplingOf)}
        if not mappings or column not in (source.key, source.natural_key):
            return {}
        guesses: dict[str, Guess] = {}
        for mapping in sorted(mappings):
            pairs = await self._pairs_of(mapping, source, column, keys)
            for branch in need.branches:
                if isinstance(branch.link, Coupled) and branch.link.mapping == mapping:
                    task = self._start_partners(branch, pairs, source, after) if pairs else None
                    guesses[branch.name] = Guess(pairs, task)
                elif isinstance(branch.link, CouplingOf) and branch.link.mapping == mapping:
                    guesses[branch.name] = Guess(pairs, None)
        return guesses

    async def _pairs_of(self, mapping: str, source: Source, column: str, keys: Sequence[Value]) -> Mapping[str, Pair]:
        if column == source.key:
            ids = [UUID(str(key)) for key in keys]
            by_id = await self._pairs.by_id(mapping, self.company, source.backend, ids)
            return {match_key(record_id): pair for record_id, pair in by_id.items()}
        return await self._pairs.by_natural_key(mapping, self.company, source.backend, [str(key) for key in keys])

    def _start_partners(
        self, branch: Branch, pairs: Mapping[str, Pair], source: Source, after: int
    ) -> "asyncio.Task[dict[str, Row] | Failure]":
        other = _other(source.backend)
        ids = [_id(pair, other) for pair in pairs.values()]
        return asyncio.ensure_future(_outcome(self._by_key(branch.need, branch.need.source.key, ids, after=after)))

    def _known_rows(self, source: Source, guesses: Mapping[str, Guess], failure: Failure) -> dict[str, Row]:
        """Rows whose backend failed, as far as their couplings know them."""
        rows: dict[str, Row] = {}
        failure = Failure(failure.error, of_record=True)
        for guess in guesses.values():
            for name, pair in guess.pairs.items():
                known = {source.key: str(_id(pair, source.backend))}
                natural = pair.bc_key if source.backend is Backend.BUSINESS_CENTRAL else pair.crm_key
                if source.natural_key is not None and natural is not None:
                    known[source.natural_key] = natural
                rows.setdefault(name, Row(source, self.company, failure, known=known))
        return rows

    # -- the branches behind rows -----------------------------------------------------------------------------------

    async def _follow(
        self, rows: Sequence[Row], need: Need, *, after: int, guesses: Mapping[str, Guess] | None = None
    ) -> None:
        """Fill ``links`` of the rows, all branches side by side. A branch that fails is a Failure of its own."""
        guesses = guesses or {}
        if not rows:
            await _settle(guesses)
            return
        if need.branches:
            await asyncio.gather(
                *(self._branch(rows, branch, after=after, guess=guesses.get(branch.name)) for branch in need.branches)
            )

    async def _branch(self, rows: Sequence[Row], branch: Branch, *, after: int, guess: Guess | None) -> None:
        try:
            match branch.link:
                case ByKey():
                    await self._follow_key(rows, branch, branch.link, after=after)
                case Coupled():
                    await self._follow_coupling(rows, branch, branch.link, after=after, guess=guess)
                case CouplingOf():
                    await self._show_coupling(rows, branch, branch.link, after=after, guess=guess)
                case Expanded():
                    await self._follow_expanded(rows, branch, branch.link, after=after)
                case Many():
                    await self._follow_many(rows, branch, branch.link, after=after)
                case LocalCurrency():
                    currency = await self._currencies.of(self.company, self._asking, after=after)
                    _link(rows, branch, dict.fromkeys(rows, currency))
        except GatewayError as error:
            failure = Failure(error)
            _link(rows, branch, dict.fromkeys(rows, failure))

    async def _follow_key(self, rows: Sequence[Row], branch: Branch, link: ByKey, *, after: int) -> None:
        source = branch.need.source
        sought: dict[Row, Value] = {}
        for row in rows:
            value = row.key(link.column)
            if value is not None and (link.when is None or row.key(link.when[0]) == link.when[1]):
                sought[row] = source.key_value(link.target, value)
        found = await self._by_key(branch.need, link.target, unique(sought.values()), after=after) if sought else {}
        _link(rows, branch, {row: found.get(match_key(key)) for row, key in sought.items()})

    async def _follow_coupling(
        self, rows: Sequence[Row], branch: Branch, link: Coupled, *, after: int, guess: Guess | None
    ) -> None:
        source, other = rows[0].source, _other(rows[0].source.backend)
        confirmed, open_rows = await self._confirm(rows, source, link.mapping, guess)
        partners: Mapping[str, Row] = {}
        if guess is not None and guess.partners is not None:
            outcome = await guess.partners
            if isinstance(outcome, Failure):
                raise outcome.error
            partners = outcome
        late = await self._pairs_by_row(open_rows, source, link.mapping)
        links: dict[Row, Outcome] = {row: partners.get(match_key(_id(pair, other))) for row, pair in confirmed.items()}
        if late:
            ids = unique(_id(pair, other) for pair in late.values())
            found = await self._by_key(branch.need, branch.need.source.key, ids, after=after)
            links |= {row: found.get(match_key(_id(pair, other))) for row, pair in late.items()}
        _link(rows, branch, links)

    async def _show_coupling(
        self, rows: Sequence[Row], branch: Branch, link: CouplingOf, *, after: int, guess: Guess | None
    ) -> None:
        source = rows[0].source
        pairs, open_rows = await self._confirm(rows, source, link.mapping, guess)
        pairs |= await self._pairs_by_row(open_rows, source, link.mapping)
        shown = {row: Row(self._coupling_source, self.company, self._pairs.values(pair)) for row, pair in pairs.items()}
        _link(rows, branch, dict(shown))
        await self._follow(list(shown.values()), branch.need, after=after)

    async def _confirm(
        self, rows: Sequence[Row], source: Source, mapping: str, guess: Guess | None
    ) -> tuple[dict[Row, Pair], list[Row]]:
        """The rows whose guessed pair is really theirs, and the others."""
        by_id = {_id(pair, source.backend): pair for pair in guess.pairs.values()} if guess else {}
        confirmed = {row: by_id[own] for row in rows if (own := _own_id(row)) is not None and own in by_id}
        return confirmed, [row for row in rows if row not in confirmed]

    async def _pairs_by_row(self, rows: Sequence[Row], source: Source, mapping: str) -> dict[Row, Pair]:
        """The couplings of rows that no guess covered; their natural keys are put right on the way."""
        ids = {own: row for row in rows if (own := _own_id(row)) is not None}
        if not ids:
            return {}
        found = await self._pairs.by_id(mapping, self.company, source.backend, ids)
        for own, pair in found.items():
            seen = ids[own].key(source.natural_key) if source.natural_key else None
            known = pair.bc_key if source.backend is Backend.BUSINESS_CENTRAL else pair.crm_key
            if isinstance(seen, str) and seen != known:
                await self._pairs.correct_key(pair, source.backend, seen)
        return {ids[own]: pair for own, pair in found.items()}

    async def _follow_expanded(self, rows: Sequence[Row], branch: Branch, link: Expanded, *, after: int) -> None:
        links: dict[Row, Outcome] = {}
        children: list[Row] = []
        for row in rows:
            value = row.key(link.navigation)
            if isinstance(value, Mapping):
                child = Row(branch.need.source, self.company, value)
                children.append(child)
                links[row] = child
            elif isinstance(value, list):
                listed = [Row(branch.need.source, self.company, item) for item in value if isinstance(item, Mapping)]
                children += listed
                links[row] = listed
            elif isinstance(row.values, Failure):
                links[row] = row.values
        _link(rows, branch, links)
        await self._follow(children, branch.need, after=after)

    async def _follow_many(self, rows: Sequence[Row], branch: Branch, link: Many, *, after: int) -> None:
        source = branch.need.source
        asked = [row for row in rows if row.key(link.column) is not None]
        window = branch.window or Window(first=10)
        order = branch.order or Order(source.unique.property)
        sort = replace(source.unique, property=order.property, descending=order.descending)
        wheres = [
            both(Compare(link.target, "eq", source.key_value(link.target, row.key(link.column))), branch.where)
            for row in asked
        ]
        if not asked:
            _link(rows, branch, {})
            return
        pages, depth = await self._pages.read(self._asking, branch.need, wheres, sort, window, after=after)
        _link(rows, branch, dict(zip(asked, pages, strict=True)))
        children = [child for page in pages if isinstance(page, RowPage) for child in page.rows]
        await self._follow(children, branch.need, after=depth)


def _link(rows: Sequence[Row], branch: Branch, links: Mapping[Row, Outcome]) -> None:
    """Every row gets the branch, so that "nothing there" and "not read" stay two things."""
    for row in rows:
        row.links[branch.name] = links.get(row)


def _other(backend: Backend) -> Backend:
    return Backend.DATAVERSE if backend is Backend.BUSINESS_CENTRAL else Backend.BUSINESS_CENTRAL


def _id(pair: Pair, backend: Backend) -> UUID:
    return pair.bc_id if backend is Backend.BUSINESS_CENTRAL else pair.crm_id


def _own_id(row: Row) -> UUID | None:
    value = row.key(row.source.key)
    return UUID(str(value)) if value is not None else None


async def _outcome(reading: Awaitable[T]) -> T | Failure:
    try:
        return await reading
    except GatewayError as error:
        return Failure(error)


async def _settle(guesses: Mapping[str, Guess]) -> None:
    """Let started branches end whose rows turned out not to exist."""
    for guess in guesses.values():
        if guess.partners is not None:
            guess.partners.cancel()
    tasks = [guess.partners for guess in guesses.values() if guess.partners is not None]
    await asyncio.gather(*tasks, return_exceptions=True)
