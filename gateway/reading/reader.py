"""What the schema asks for: a row by any of its keys, many rows, a page; each with what is wanted behind it.

One reader serves one GraphQL request.
"""

from collections.abc import Sequence
from uuid import UUID

from gateway.errors import GatewayError, InvalidInputError
from gateway.odata.query import Compare, Filter, Value
from gateway.reading.budget import Budget
from gateway.reading.estimate import Estimate
from gateway.reading.levels import Levels, Reading
from gateway.reading.lookup import Asking, match_key
from gateway.reading.need import (
    Branch,
    Coupled,
    Need,
    Source,
)
from gateway.reading.paging import Sort, Window
from gateway.reading.partners import other
from gateway.reading.row import Failure, Row, RowPage
from gateway.records import Backend


class Reader:
    """Answers one GraphQL request in one company. Each method raises QueryTooExpensiveError before it asks for too much."""

    def __init__(self, reading: Reading, asking: Asking, company: UUID, budget: Budget | None = None) -> None:
        self.company = company
        self._budget = budget or Budget()
        self._asking = asking
        self._pages = reading.pages
        self._levels = Levels(reading, asking, company)
        self._partners = self._levels.partners
        self._sight = reading.sight

    async def one(self, need: Need, column: str, key: Value) -> Row | None:
        """The row with this key. If only its own backend fails, what the other has of it arrives all the same.

        Raises:
            BackendError: the backend failed and nothing is known of the row.
        """
        await self._take(need, column, 1)
        rows, failures = await self._levels.read(need, column, [key], after=0)
        for failure in failures.values():
            raise failure.error
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
        """The row whose partner in the other system is this one; None when there is no such coupling, or it is hidden."""
        if await self._hidden(mapping, need.source.backend, [partner_id]):
            return None
        own_id = (await self._partners.of_partners(mapping, need.source.backend, [partner_id])).get(partner_id)
        return await self.one(need, need.source.key, own_id) if own_id is not None else None

    async def by_partner_ids(self, need: Need, mapping: str, partner_ids: Sequence[UUID]) -> dict[UUID, Row | Failure]:
        """The rows whose partners in the other system are these, by the partner; those not coupled are left out.

        Raises:
            DatabaseError: the couplings could not be read.
            BackendError: whether the caller may see the partners is not known.
        """
        hidden = await self._hidden(mapping, need.source.backend, partner_ids)
        partner_ids = [each for each in partner_ids if each not in hidden]
        own_ids = await self._partners.of_partners(mapping, need.source.backend, partner_ids)
        rows = await self.many(need, need.source.key, list(own_ids.values())) if own_ids else {}
        found = {partner: rows.get(match_key(own_id)) for partner, own_id in own_ids.items()}
        return {partner: row for partner, row in found.items() if row is not None}

    async def _hidden(self, mapping: str, backend: Backend, partner_ids: Sequence[UUID]) -> set[UUID]:
        return await self._sight.hidden(self._asking, mapping, other(backend), partner_ids, after=0)

    async def by_partner(self, need: Need, mapping: str, partner: Source, column: str, key: str) -> Row | None:
        """The row whose partner in the other system has this natural key; None when that one is not there or not coupled.

        Raises:
            InvalidInputError: several partners have the key.
            BackendError: the partner, or the row behind it, could not be had.
        """
        through = _through(partner, mapping, need)
        if partner.backend is Backend.BUSINESS_CENTRAL:
            row = await self.one(through, column, key)
        else:
            row = await self.only(through, column, key)
        outcome = row.links.get("partner") if row is not None else None
        if isinstance(outcome, Failure):
            raise outcome.error
        return outcome if isinstance(outcome, Row) else None

    async def by_partners(
        self, need: Need, mapping: str, partner: Source, column: str, keys: Sequence[Value]
    ) -> dict[str, Row | Failure]:
        """As :meth:`by_partner` for many, by :func:`match_key` of the key."""
        through = await self.many(_through(partner, mapping, need), column, keys)
        found: dict[str, Row | Failure] = {}
        for name, row in through.items():
            outcome = row if isinstance(row, Failure) else row.links.get("partner")
            if isinstance(row, Row) and isinstance(row.values, Failure):
                outcome = row.values  # that it still has this key cannot be checked
            if isinstance(outcome, Row | Failure):
                found[name] = outcome
        return found

    async def many(self, need: Need, column: str, keys: Sequence[Value]) -> dict[str, Row | Failure]:
        """The rows with these keys, by :func:`~gateway.reading.lookup.match_key`; a key without a row is left out.

        A failure stands for a key whose row could not be had while nothing is known of it, and for one that several rows have.
        """
        await self._take(need, column, len(keys))
        try:
            rows, failures = await self._levels.read(need, column, keys, after=0)
        except GatewayError as error:
            return dict.fromkeys(map(match_key, keys), Failure(error))
        return {**failures, **rows}

    async def page(self, need: Need, *, where: Filter | None, sort: Sort, window: Window) -> RowPage:
        """A page of a set, filter, order and position left to the backend.

        Raises:
            BackendError: it could not be had.
            InvalidInputError: the cursor is not one of this list's.
        """
        estimate = Estimate()
        estimate.page(need, 1, window, need.source.name)
        await self._budget.take(estimate)
        (page,), depth = await self._pages.read(self._asking, need, [where], sort, window, after=0)
        if isinstance(page, Failure):
            raise page.error
        await self._levels.follow(page.rows, need, after=depth)
        return page

    async def follow(self, rows: Sequence[Row], need: Need, *, after: int = 0) -> None:
        """Read what is wanted behind rows that are there already (couplings), when so many round trips have passed."""
        estimate = Estimate()
        estimate.behind(rows, need, need.source.name)
        await self._budget.take(estimate)
        await self._levels.follow(rows, need, after=after)

    async def _take(self, need: Need, column: str, count: int) -> None:
        """Raises: QueryTooExpensiveError."""
        estimate = Estimate()
        estimate.look_up(need, column, count, need.source.name)
        await self._budget.take(estimate)


def _through(partner: Source, mapping: str, need: Need) -> Need:
    """A partner, with what is wanted of the record behind it."""
    return Need(partner, branches=(Branch("partner", Coupled(mapping), need),))
