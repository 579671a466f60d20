"""Couplings go into a CSV file, page by page, in the order of their numbers in Business Central."""

from collections.abc import AsyncIterator, Iterable

from gateway.couplings.coupling import Coupling
from gateway.couplings.store import CouplingFilter, CouplingStore, Position, position
from gateway.pairing.files.shapes import Shape, coupling_cells, header_cells
from gateway.pairing.files.text import joined
from gateway.sync.mapping import TableMapping
from gateway.sync.mappings import TABLE_MAPPINGS, TableMappings

_PAGE = 1_000


def header_line(shape: Shape) -> str:
    return joined(header_cells(shape))


def of_shape(couplings: Iterable[Coupling], shape: Shape, tables: TableMappings) -> list[Coupling]:
    """Those that a file of that shape has: options of choices are in no table 5331, Business Central keeps them in 5334.

    Neither are tables of an installation's own whose number nobody said.
    """
    if shape is Shape.OWN:
        return list(couplings)
    return [each for each in couplings if _is_in_5331(tables.described(each.mapping))]


def _is_in_5331(mapping: TableMapping) -> bool:
    return mapping.crm.source.choice is None and mapping.table_no > 0


def coupling_lines(couplings: Iterable[Coupling], shape: Shape, tables: TableMappings = TABLE_MAPPINGS) -> str:
    """A line for each; text may go over several."""
    return "".join(joined(coupling_cells(each, shape, tables)) for each in couplings)


async def export(
    store: CouplingStore, wanted: CouplingFilter, shape: Shape, tables: TableMappings
) -> AsyncIterator[tuple[str, int]]:
    """The file in parts, the header first, each with the number of couplings in it. Raises: DatabaseError."""
    yield header_line(shape), 0
    after: Position | None = None
    while page := await store.page(wanted, after=after, limit=_PAGE):
        shown = of_shape(page, shape, tables)
        yield coupling_lines(shown, shape, tables), len(shown)
        after = position(page[-1])
