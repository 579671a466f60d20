"""Carries out a :class:`~gateway.reading.need.Need`: level by level, branches side by side.

A level is one look-up for all its rows; what does not wait for a row starts with it:
when a row's key is known and the coupling store knows its partner, both backends are asked at once. The guess is checked
against the record's id when it arrives, so that an outdated natural key costs a request and shows no wrong partner. Only
where the record's own backend is away can it not be checked; then the partner shown is the one last seen under that key.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

from gateway.errors import GatewayError, InvalidInputError
from gateway.odata.query import Compare, Value, unique
from gateway.reading.company_facts import CompanyFacts
from gateway.reading.feeds import Fed, Feeds
from gateway.reading.lookup import Asking, Lookups, match_key
from gateway.reading.need import (
    BaseCurrency,
    Branch,
    ByKey,
    Coupled,
    CouplingOf,
    CouplingsOf,
    Expanded,
    FiscalYearStart,
    InCompany,
    LocalCurrency,
    LocationNames,
    Many,
    Need,
    Rows,
    RowsOfYear,
    Source,
)
from gateway.reading.pages import Pages
from gateway.reading.paging import Window
from gateway.reading.partners import Guess, Pair, Pairs, Partners, id_of, other
from gateway.reading.row import Failure, Outcome, Row, RowPage
from gateway.reading.sight import Sight
from gateway.reading.starts import Early, Started, mappings_started, starting_values
from gateway.records import Backend, Record

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading:
    """What readers share: it lives as long as the process."""

    lookups: Lookups
    pages: Pages
    pairs: Pairs
    facts: CompanyFacts
    feeds: Feeds
    coupling_source: Source
    sight: Sight


class Levels:
    """Reads on behalf of one GraphQL request in one company."""

    def __init__(self, reading: Reading, asking: Asking, company: UUID) -> None:
        self.company = company
        self.partners = Partners(reading.pairs, asking, company)
        self._reading = reading
        self._asking = asking
        self._facts = reading.facts

    def of_company(self, company: UUID) -> "Levels":
        """The same request in another company."""
        scope = replace(self._asking.scope, company=company)
        return Levels(self._reading, replace(self._asking, scope=scope), company)

    # -- one level ------------------------------------------------------------------------------------------------

    async def _by_key(self, need: Need, column: str, keys: Sequence[Value], *, after: int) -> dict[str, Row]:
        """Raises: BackendError, when they could not be had."""
        rows, _ = await self.read(need, column, keys, after=after, partial=False)
        return rows

    async def read(
        self, need: Need, column: str, keys: Sequence[Value], *, after: int, partial: bool = True
    ) -> tuple[dict[str, Row], dict[str, Failure]]:
        """The rows by key; ``partial``: and what became of the others, if the couplings know some whose backend fails.

        Raises:
            BackendError: they could not be had, and nothing is known of any.
        """
        source = need.source
        looking = self._records(need, column, keys, after=after)
        started = Started()
        failures: dict[str, Failure] = {}
        try:
            # without a start the branches ask, and fail, by themselves
            starting = _outcome(self._start(started, need, column, keys, after=after))
            found, _ = await asyncio.gather(_outcome(looking), starting)
            if isinstance(found, Failure):
                missed = Failure(found.error, of_record=True)
                shared = partial and not self._asking.is_personal(
                    source.backend
                )  # else its rights decide, and it did not say
                rows = self.partners.known_rows(source, started.guesses, missed) if shared else {}
                if not rows:
                    await started.settle()
                    raise found.error
                failures = dict.fromkeys(set(map(match_key, keys)) - rows.keys(), missed)
                depth = after
            else:
                records, depth = found
                failures = {name: _ambiguous(source, column, same) for name, same in records.items() if len(same) > 1}
                rows = {
                    name: Row(source, self.company, same[-1].values, etag=same[-1].etag)
                    for name, same in records.items()
                    if not (partial and name in failures)
                }
            await self.follow(list(rows.values()), need, after=depth, started=started)
        finally:
            started.drop()
        return rows, failures

    async def _records(
        self, need: Need, column: str, keys: Sequence[Value], *, after: int
    ) -> tuple[dict[str, Sequence[Record]], int]:
        """By key. Business Central promises one for each; Dataverse does so of ids only."""
        source, ask = need.source, self._reading.lookups
        if source.backend is Backend.DATAVERSE and column == source.natural_key:
            several, depth = await ask.all_by_key(
                self._asking, source, column, keys, select=need.select, expand=need.expand, after=after
            )
            return dict(several), depth
        found, depth = await ask.by_key(
            self._asking, source, column, keys, select=need.select, expand=need.expand, after=after
        )
        return {name: [record] for name, record in found.items()}, depth

    async def _start(self, started: Started, need: Need, column: str, keys: Sequence[Value], *, after: int) -> None:
        """Begin the branches that need not wait for their rows: through a coupling, or from a key that is known already."""
        source = need.source
        pairs: dict[str, Mapping[str, Pair]] = {}
        if column in (source.key, source.natural_key):
            for mapping in sorted(mappings_started(need, column)):
                pairs[mapping] = await self.partners.of_keys(mapping, source, column, keys)
        for branch in need.branches:
            match branch.link:
                case Coupled(mapping) if mapping in pairs:
                    task = self._start_partners(branch, pairs[mapping], source, after) if pairs[mapping] else None
                    started.guesses[branch.name] = Guess(pairs[mapping], task)
                case CouplingOf(mapping) if mapping in pairs:
                    started.guesses[branch.name] = Guess(pairs[mapping], None)
                case Rows() | RowsOfYear():
                    known = pairs.get(source.mapping or "", {})
                    if values := starting_values(source, branch.link.column, column, keys, known):
                        fed = asyncio.ensure_future(_outcome(self._feed(branch.link, values.values(), after=after)))
                        started.early[branch.name] = Early(values, fed)
                case LocationNames() | FiscalYearStart():
                    started.facts[branch.name] = asyncio.ensure_future(self._fact(branch.link, after=after))

    def _start_partners(
        self, branch: Branch, pairs: Mapping[str, Pair], source: Source, after: int
    ) -> "asyncio.Task[dict[str, Row] | Failure]":
        ids = [id_of(pair, other(source.backend)) for pair in pairs.values()]
        return asyncio.ensure_future(_outcome(self._by_key(branch.need, branch.need.source.key, ids, after=after)))

    # -- the branches behind rows -----------------------------------------------------------------------------------

    async def follow(self, rows: Sequence[Row], need: Need, *, after: int, started: Started | None = None) -> None:
        """Fill ``links`` of the rows, all branches side by side. A branch that fails is a Failure of its own."""
        started = started or Started()
        if not rows:
            await started.settle()
            return
        branches = [self._branch(rows, branch, after=after, started=started) for branch in need.branches]
        if rows[0].source == self._reading.coupling_source:
            branches.append(self._reading.sight.veil(self._asking, rows, after=after))
        if branches:
            await asyncio.gather(*branches)

    async def _branch(self, rows: Sequence[Row], branch: Branch, *, after: int, started: Started) -> None:
        guess = started.guesses.get(branch.name)
        try:
            match branch.link:
                case ByKey():
                    await self._follow_key(rows, branch, branch.link, after=after)
                case Coupled():
                    await self._follow_coupling(rows, branch, branch.link, after=after, guess=guess)
                case CouplingOf():
                    await self._show_coupling(rows, branch, branch.link, after=after, guess=guess)
                case CouplingsOf():
                    await self._show_couplings(rows, branch, branch.link, after=after)
                case Expanded():
                    await self._follow_expanded(rows, branch, branch.link, after=after)
                case Many():
                    await self._follow_many(rows, branch, branch.link, after=after)
                case LocalCurrency():
                    currency = await self._facts.currency(self.company, self._asking, after=after)
                    _link(rows, branch, dict.fromkeys(rows, currency))
                case BaseCurrency():
                    currency = await self._facts.base_currency(self._asking, after=after)
                    _link(rows, branch, dict.fromkeys(rows, currency))
                case Rows() | RowsOfYear():
                    await self._follow_rows(rows, branch, branch.link, after, started.early.get(branch.name))
                case LocationNames() | FiscalYearStart():
                    begun = started.facts.get(branch.name)
                    fact = await (begun if begun is not None else self._fact(branch.link, after=after))
                    _link(rows, branch, dict.fromkeys(rows, fact))
                case InCompany():
                    await self._follow_company(rows, branch, branch.link, after=after)
        except GatewayError as error:
            failure = Failure(error)
            _link(rows, branch, dict.fromkeys(rows, failure))

    # -- what figures are made of -----------------------------------------------------------------------------------

    async def _fact(self, link: LocationNames | FiscalYearStart, *, after: int) -> Outcome:
        try:
            if isinstance(link, LocationNames):
                return await self._facts.locations(self.company, self._asking, after=after, wanted=link.wanted)
            return (await self._facts.fiscal_year_start(self.company, self._asking, after=after))[0]
        except GatewayError as error:
            return Failure(error)

    async def _feed(self, link: Rows | RowsOfYear, values: Iterable[Value], *, after: int) -> dict[str, Fed]:
        """The rows of each starting value, by :func:`match_key`; a value without rows has an empty feed."""
        if isinstance(link, RowsOfYear):
            start, after = await self._facts.fiscal_year_start(self.company, self._asking, after=after)
            if start is None:
                return {match_key(value): None for value in values}
            link = link.build(start)
        return await self._reading.feeds.read(self._asking, link, unique(values), after=after)

    async def _follow_rows(
        self, rows: Sequence[Row], branch: Branch, link: Rows | RowsOfYear, after: int, early: Early | None
    ) -> None:
        """What was begun early counts for the rows that turned out to have that value; the others ask now."""
        wanted = {row: row.link_value(link.column, row.source, link.column) for row in rows}
        names = {row: match_key(value) for row, value in wanted.items() if value is not None}
        begun = await early.fed if early is not None else {}
        known = early.values if early is not None else {}
        links: dict[Row, Outcome] = {}
        late: list[Row] = []
        for row, name in names.items():
            if name not in known:
                late.append(row)
            else:
                links[row] = begun if isinstance(begun, Failure) else begun.get(name)
        if late:
            fed = await self._feed(link, [wanted[row] for row in late], after=after)
            links |= {row: fed.get(names[row]) for row in late}
        _link(rows, branch, links)

    async def _follow_company(self, rows: Sequence[Row], branch: Branch, link: InCompany, *, after: int) -> None:
        """Through the partner in the other system: its coupling in the other company leads to the record there."""
        source = branch.need.source
        if link.company == self.company:
            ids = {row: row.link_value(source.key, source, source.key) for row in rows}
            levels = self
        else:
            found = await self.partners.of_rows(rows, link.mapping, None)
            partners = {row: id_of(pair, other(source.backend)) for part in found for row, pair in part.items()}
            levels = self.of_company(link.company)
            own = await levels.partners.of_partners(link.mapping, source.backend, list(partners.values()))
            ids = {row: own.get(partner) for row, partner in partners.items()}
        keys = unique(value for value in ids.values() if value is not None)
        records = await levels._by_key(branch.need, source.key, keys, after=after) if keys else {}
        _link(rows, branch, {row: records.get(match_key(key)) for row, key in ids.items() if key is not None})

    async def _follow_key(self, rows: Sequence[Row], branch: Branch, link: ByKey, *, after: int) -> None:
        source = branch.need.source
        wanted = [row for row in rows if link.when is None or row.key(link.when[0]) in link.when[1]]
        values = {row: row.link_value(link.column, source, link.target) for row in wanted}
        sought = {row: value for row, value in values.items() if value is not None}
        found = await self._by_key(branch.need, link.target, unique(sought.values()), after=after) if sought else {}
        _link(rows, branch, {row: found.get(match_key(key)) for row, key in sought.items()})

    async def _follow_coupling(
        self, rows: Sequence[Row], branch: Branch, link: Coupled, *, after: int, guess: Guess | None
    ) -> None:
        backend = other(rows[0].source.backend)
        confirmed, late = await self.partners.of_rows(rows, link.mapping, guess)
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
        confirmed, late = await self.partners.of_rows(rows, link.mapping, guess)
        shown = {
            row: Row(self._reading.coupling_source, self.company, self.partners.values(pair))
            for row, pair in (confirmed | late).items()
        }
        _link(rows, branch, dict(shown))
        await self.follow(list(shown.values()), branch.need, after=after)

    async def _show_couplings(self, rows: Sequence[Row], branch: Branch, link: CouplingsOf, *, after: int) -> None:
        """One question to our own table; what hangs on a coupling is read in the company it holds in."""
        source, found = self._reading.coupling_source, await self.partners.everywhere(rows, link.mapping)
        shown = {
            row: [Row(source, pair.company_id, self.partners.values(pair)) for pair in pairs]
            for row, pairs in found.items()
        }
        _link(rows, branch, dict(shown))
        by_company: dict[UUID, list[Row]] = {}
        for coupling in (each for listed in shown.values() for each in listed):
            by_company.setdefault(coupling.company or self.company, []).append(coupling)
        await asyncio.gather(
            *(
                self.of_company(company).follow(couplings, branch.need, after=after)
                for company, couplings in by_company.items()
            )
        )

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
        await self.follow(children, branch.need, after=after)

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
        pages, depth = await self._reading.pages.read(self._asking, branch.need, wheres, sort, window, after=after)
        _link(rows, branch, dict(zip(asked, pages, strict=True)))
        children = [child for page in pages if isinstance(page, RowPage) for child in page.rows]
        await self.follow(children, branch.need, after=depth)


def _ambiguous(source: Source, column: str, same: Sequence[Record]) -> Failure:
    message = f"More than one of {source.name} has {column} {same[0].values.get(column)!r}."
    return Failure(InvalidInputError(message, argument="by"))


def _link(rows: Sequence[Row], branch: Branch, links: Mapping[Row, Outcome]) -> None:
    """Every row gets the branch, so that "nothing there" and "not read" stay two things."""
    for row in rows:
        row.links[branch.name] = links.get(row)


async def _outcome(reading: Awaitable[T]) -> T | Failure:
    try:
        return await reading
    except GatewayError as error:
        return Failure(error)
