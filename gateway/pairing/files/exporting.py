"""Couplings go into a CSV file, page by page, in the order of their numbers in Business Central."""

from collections.abc import AsyncIterator, Iterable

from gateway.couplings.coupling import Coupling
from gateway.couplings.store import CouplingFilter, CouplingStore, Position, position
from gateway.pairing.files.shapes import Shape, coupling_cells, header_cells
from gateway.pairing.files.text import joined

_PAGE = 1_000


def header_line(shape: Shape) -> str:
    return joined(header_cells(shape))


def coupling_lines(couplings: Iterable[Coupling], shape: Shape) -> str:
    """A line for each; text may go over several."""
    return "".join(joined(coupling_cells(each, shape)) for each in couplings)


async def export(store: CouplingStore, wanted: CouplingFilter, shape: Shape) -> AsyncIterator[tuple[str, int]]:
    """The file in parts, the header first, each with the number of couplings in it. Raises: DatabaseError."""
    yield header_line(shape), 0
    after: Position | None = None
    while page := await store.page(wanted, after=after, limit=_PAGE):
        yield coupling_lines(page, shape), len(page)
        after = position(page[-1])
