"""Carries out a :class:`~gateway.reading.need.Need`: level by level, branches side by side.

One reader serves one GraphQL request. A level is one look-up for all its rows; what does not wait for a row starts with it:
when a row's key is known and the coupling store knows its partner, both backends are asked at once. The guess is checked
against the record's id when it arrives, so that an outdated natural key costs a request and shows no wrong partner. Only
where the record's own backend is away can it not be checked; then the partner shown is the one last seen under that key.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from gateway.errors import GatewayError, InvalidInputError
from gateway.odata.query import Compare, Filter, Value, unique
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
from gateway.reading.partners import Guess, Pair, Pairs, Partners, id_of, other
from gateway.reading.row import Failure, Outcome, Row, RowPage
from gateway.records import Backend

T = TypeVar("T")


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
        self._partners = Partners(pairs, asking, company)
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
        own_id = await self._partners.of_partner(mapping, need.source.backend, partner_id)
        return await self.one(need, need.source.key, own_id) if own_id is not None else None

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
        guessing = _outcome(self._guess(need, column, keys, after=after))
        found, guessed = await asyncio.gather(_outcome(looking), guessing)
        guesses = (
            {} if isinstance(guessed, Failure) else guessed
        )  # without a guess the branch asks, and fails, by itself
        if isinstance(found, Failure):
            rows = self._partners.known_rows(source, guesses, found) if partial else {}
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
            pairs = await self._partners.of_keys(mapping, source, column, keys)
            for branch in need.branches:
                if isinstance(branch.link, Coupled) and branch.link.mapping == mapping:
                    task = self._start_partners(branch, pairs, source, after) if pairs else None
                    guesses[branch.name] = Guess(pairs, task)
                elif isinstance(branch.link, CouplingOf) and branch.link.mapping == mapping:
                    guesses[branch.name] = Guess(pairs, None)
        return guesses

    def _start_partners(
        self, branch: Branch, pairs: Mapping[str, Pair], source: Source, after: int
    ) -> "asyncio.Task[dict[str, Row] | Failure]":
        ids = [id_of(pair, other(source.backend)) for pair in pairs.values()]
        return asyncio.ensure_future(_outcome(self._by_key(branch.need, branch.need.source.key, ids, after=after)))

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
        wanted = [row for row in rows if link.when is None or row.key(link.when[0]) == link.when[1]]
        values = {row: row.link_value(link.column, source, link.target) for row in wanted}
        sought = {row: value for row, value in values.items() if value is not None}
        found = await self._by_key(branch.need, link.target, unique(sought.values()), after=after) if sought else {}
        _link(rows, branch, {row: found.get(match_key(key)) for row, key in sought.items()})

    async def _follow_coupling(
        self, rows: Sequence[Row], branch: Branch, link: Coupled, *, after: int, guess: Guess | None
    ) -> None:
        backend = other(rows[0].source.backend)
        confirmed, late = await self._partners.of_rows(rows, link.mapping, guess)
        guessed = await guess.partners if guess is not None and guess.partners is not None else {}
        if isinstance(guessed, Failure):
            if confirmed:
                raise guessed.error
            guessed = {}  # nobody's partner: the guess was wrong, so is its failure
        links: dict[Row, Outcome] = {
            row: guessed.get(match_key(id_of(pair, backend))) for row, pair in confirmed.items()
        }
        if late:
            ids = unique(id_of(pair, backend) for pair in late.values())
            found = await self._by_key(branch.need, branch.need.source.key, ids, after=after)
            links |= {row: found.get(match_key(id_of(pair, backend))) for row, pair in late.items()}
        _link(rows, branch, links)

    async def _show_coupling(
        self, rows: Sequence[Row], branch: Branch, link: CouplingOf, *, after: int, guess: Guess | None
    ) -> None:
        confirmed, late = await self._partners.of_rows(rows, link.mapping, guess)
        shown = {
            row: Row(self._coupling_source, self.company, self._partners.values(pair))
            for row, pair in (confirmed | late).items()
        }
        _link(rows, branch, dict(shown))
        await self._follow(list(shown.values()), branch.need, after=after)

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
        values = {row: row.link_value(link.column, source, link.target) for row in rows}
        asked = [row for row, value in values.items() if value is not None]
        window = branch.window or Window(first=10)
        if not asked:
            _link(rows, branch, {})
            return
        wheres = [Compare(link.target, "eq", values[row]) for row in asked]
        sort = source.unique
        pages, depth = await self._pages.read(self._asking, branch.need, wheres, sort, window, after=after)
        _link(rows, branch, dict(zip(asked, pages, strict=True)))
        children = [child for page in pages if isinstance(page, RowPage) for child in page.rows]
        await self._follow(children, branch.need, after=depth)


def _link(rows: Sequence[Row], branch: Branch, links: Mapping[Row, Outcome]) -> None:
    """Every row gets the branch, so that "nothing there" and "not read" stay two things."""
    for row in rows:
        row.links[branch.name] = links.get(row)


async def _outcome(reading: Awaitable[T]) -> T | Failure:
    try:
        return await reading
    except GatewayError as error:
        return Failure(error)


async def _settle(guesses: Mapping[str, Guess]) -> None:
    """Let started branches end whose rows turned out not to exist: what they asked is asked, and is told."""
    await asyncio.gather(*(guess.partners for guess in guesses.values() if guess.partners is not None))
