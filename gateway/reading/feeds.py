"""The rows figures are made of: of the first source a tenant has, for many records in one request."""

from collections.abc import Sequence

from gateway.errors import GatewayError
from gateway.odata.query import Compare, Value, both
from gateway.reading.capabilities import Capabilities, Found, verdict
from gateway.reading.lookup import Asking, Lookups, match_key
from gateway.reading.need import Need, Rows, RowsOf
from gateway.reading.pages import Pages
from gateway.reading.paging import Window
from gateway.reading.row import Failure, Feed, NotInstalled, RowPage

Fed = Feed | NotInstalled | Failure | None
"""What one record's rows came to; None when what they depend on is not known."""


class Feeds:
    """Lives as long as the process."""

    def __init__(self, lookups: Lookups, pages: Pages, capabilities: Capabilities) -> None:
        self._lookups = lookups
        self._pages = pages
        self._capabilities = capabilities

    async def read(self, asking: Asking, link: Rows, values: Sequence[Value], *, after: int) -> dict[str, Fed]:
        """The rows of each value, by :func:`match_key`. A source the tenant lacks costs its first asker one round trip.

        Raises:
            BackendError: they could not be had.
        """
        lacking = NotInstalled(link.options[0].source)
        for option in link.options:
            optional = option.source.api is not None
            found = self._capabilities.of(asking.scope, option.source)
            if found in (Found.NOT_INSTALLED, Found.NOT_PERMITTED):
                lacking = NotInstalled(option.source, permitted=found is Found.NOT_INSTALLED)
                continue
            try:
                fed = await (self._newest if option.newest else self._all)(asking, option, values, after)
            except GatewayError as error:
                said = verdict(error) if optional else None
                if said is None:
                    raise
                self._capabilities.note(asking.scope, option.source, said)
                lacking = NotInstalled(option.source, permitted=said is Found.NOT_INSTALLED)
                after += 1  # the refusal was an exchange of its own
                continue
            if optional:
                self._capabilities.note(asking.scope, option.source, Found.INSTALLED)
            return fed
        return {match_key(value): lacking for value in values}

    async def _all(self, asking: Asking, option: RowsOf, values: Sequence[Value], after: int) -> dict[str, Fed]:
        found, _ = await self._lookups.all_by_key(
            asking,
            option.source,
            option.target,
            values,
            select=option.select,
            expand=option.expand,
            where=option.where,
            after=after,
        )
        return {
            name: Feed(option.source, [record.values for record in found.get(name, ())])
            for name in map(match_key, values)
        }

    async def _newest(self, asking: Asking, option: RowsOf, values: Sequence[Value], after: int) -> dict[str, Fed]:
        """One query for each value, all in one exchange."""
        assert option.newest is not None  # noqa: S101 - the caller looked
        need = Need(option.source, option.select)
        wheres = [both(Compare(option.target, "eq", value), option.where) for value in values]
        pages, _ = await self._pages.read(asking, need, wheres, option.newest, Window(first=1), after=after)
        fed: dict[str, Fed] = {}
        for value, page in zip(values, pages, strict=True):
            if isinstance(page, Failure) and verdict(page.error) is not None:
                raise page.error
            rows = [row.values for row in page.rows] if isinstance(page, RowPage) else []
            known = [values for values in rows if not isinstance(values, Failure)]
            fed[match_key(value)] = page if isinstance(page, Failure) else Feed(option.source, known)
        return fed
