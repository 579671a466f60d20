"""What one GraphQL selection needs of the two backends, as data. Pure.

A :class:`Need` is one level: an entity set, the columns wanted of it, and branches to further levels. The schema builds it
from the selection before anything is fetched; :mod:`gateway.reading.levels` carries it out, one backend request per level.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from uuid import UUID

from gateway.odata.choice import Choice
from gateway.odata.query import Expand, Filter, Value
from gateway.reading.paging import Sort, Window
from gateway.records import Backend


@dataclass(frozen=True, slots=True)
class Source:
    """An entity set as we read it.

    ``key`` is its primary key, always a GUID. ``natural_key`` is what people call a row by (a number, a code), if it has one.
    ``unique`` orders rows that are otherwise equal; it must be comparable with ``gt`` at the backend. ``guids`` are further
    properties whose literals are GUIDs. A ``reference`` set is small and changes rarely: its rows are fetched whole and kept.
    ``api`` is the route of the Business Central API that has it, None for the standard one; a tenant may do without the
    others. ``mapping`` names the couplings that know a record's number. ``choice`` is the column whose options these are; they
    are no table.
    """

    backend: Backend
    name: str
    key: str
    natural_key: str | None = None
    unique: Sort = field(default_factory=lambda: Sort("id", "guid"))
    guids: frozenset[str] = frozenset()
    in_company: bool = True
    reference: bool = False
    api: str | None = None
    mapping: str | None = None
    choice: Choice | None = None

    def key_value(self, name: str, value: object) -> Value:
        """A raw value as the literal that this property is compared with.

        Raises:
            ValueError: it should be a GUID and is none.
        """
        return UUID(str(value)) if name == self.key or name in self.guids else str(value)


@dataclass(frozen=True, slots=True)
class ByKey:
    """To the row of another set whose ``target`` property equals this row's ``column``.

    With ``when``, only for rows whose property has one of these values.
    """

    column: str
    target: str
    when: tuple[str, frozenset[str]] | None = None


@dataclass(frozen=True, slots=True)
class Coupled:
    """To the partner in the other system, through the coupling of this mapping."""

    mapping: str


@dataclass(frozen=True, slots=True)
class CouplingOf:
    """To the coupling itself."""

    mapping: str


@dataclass(frozen=True, slots=True)
class CouplingsOf:
    """To the couplings of a row of CRM in all companies: it may have one in each."""

    mapping: str


@dataclass(frozen=True, slots=True)
class Expanded:
    """Inside the same backend, by ``$expand``: no request of its own."""

    navigation: str


@dataclass(frozen=True, slots=True)
class Many:
    """To the rows of another set whose ``target`` equals this row's ``column``: a page of them."""

    column: str
    target: str


@dataclass(frozen=True, slots=True)
class LocalCurrency:
    """To the code of the company's local currency, in which Business Central keeps the amounts of master data."""


@dataclass(frozen=True, slots=True)
class BaseCurrency:
    """To the code of CRM's base currency, in which it keeps a twin of every amount (``…_base``)."""


@dataclass(frozen=True, slots=True)
class RowsOf:
    """All rows of a set whose ``target`` equals this row's ``column``, unpaged: what a figure is made of.

    With ``newest``, of each only the one that comes last in that order.
    """

    source: Source
    column: str
    target: str
    select: frozenset[str]
    where: Filter | None = None
    newest: Sort | None = None
    expand: tuple[Expand, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """To the rows of the first of these sources that the tenant has; they all begin at the same column."""

    options: tuple[RowsOf, ...]

    @property
    def column(self) -> str:
        return self.options[0].column


@dataclass(frozen=True, slots=True)
class RowsOfYear:
    """To rows that depend on the company's fiscal year: ``build`` makes the link from the first day of one."""

    column: str
    build: Callable[[date], Rows]


@dataclass(frozen=True, slots=True)
class FiscalYearStart:
    """To the first day of some fiscal year of the company."""


@dataclass(frozen=True, slots=True)
class LocationNames:
    """To the names of all the company's locations; ``wanted`` codes may be new among them."""

    wanted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InCompany:
    """To the record of another company that is coupled to the same partner."""

    mapping: str
    company: UUID


Link = (
    ByKey
    | Coupled
    | CouplingOf
    | CouplingsOf
    | Expanded
    | Many
    | LocalCurrency
    | BaseCurrency
    | Rows
    | RowsOfYear
    | FiscalYearStart
    | LocationNames
    | InCompany
)


@dataclass(frozen=True)
class Need:
    """One level of a question."""

    source: Source
    columns: frozenset[str] = frozenset()
    branches: tuple["Branch", ...] = ()

    @cached_property
    def select(self) -> frozenset[str]:
        """The columns wanted, the keys, and the columns the links start from."""
        keys = {self.source.key, self.source.natural_key or self.source.key}
        return self.columns | keys | frozenset(_link_columns(self.branches))

    @cached_property
    def expand(self) -> tuple[Expand, ...]:
        """The navigations to bring along; branches over the same navigation share one."""
        navigations: dict[str, list[Need]] = {}
        for branch in self.branches:
            if isinstance(branch.link, Expanded):
                navigations.setdefault(branch.link.navigation, []).append(branch.need)
        return tuple(_expand(name, needs) for name, needs in sorted(navigations.items()))


@dataclass(frozen=True, slots=True)
class Branch:
    """A link with what is wanted behind it; ``name`` tells it from the level's other branches (the response key)."""

    name: str
    link: Link
    need: Need
    window: Window | None = None


def _link_columns(branches: Iterable[Branch]) -> Iterable[str]:
    for branch in branches:
        if isinstance(branch.link, ByKey | Many | Rows | RowsOfYear):
            yield branch.link.column
            if isinstance(branch.link, ByKey) and branch.link.when:
                yield branch.link.when[0]


def _expand(navigation: str, needs: list[Need]) -> Expand:
    merged = Need(
        needs[0].source,
        frozenset().union(*(need.columns for need in needs)),
        tuple(branch for need in needs for branch in need.branches),
    )
    return Expand(navigation, tuple(sorted(merged.select)), merged.expand)
