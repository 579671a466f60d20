"""Whether the records of a page of couplings still exist: a request or two for each table and side, and only when it is asked."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from gateway.couplings.coupling import Coupling, Mapping
from gateway.records import Backend
from gateway.runs.reading import id_of
from gateway.sync.desk import Desk
from gateway.sync.records import Records


class Existence:
    """Of one page of one company; each table and side is looked at once, whoever asks first."""

    def __init__(self, desk: Desk, couplings: Sequence[Coupling]) -> None:
        self._desk, self._couplings = desk, couplings
        self._looks: dict[tuple[Mapping, Backend], asyncio.Task[dict[UUID, bool]]] = {}

    async def of(self, coupling: Coupling, backend: Backend) -> bool | None:
        """None: it cannot be seen, and its system does not say that it was deleted.

        Raises:
            BackendError: its system could not be asked.
        """
        key = (coupling.mapping, backend)
        if key not in self._looks:
            self._looks[key] = asyncio.create_task(self._look(*key))
        return (await asyncio.shield(self._looks[key])).get(id_of(coupling, backend))

    async def _look(self, mapping: Mapping, backend: Backend) -> dict[UUID, bool]:
        records = Records(self._desk, self._desk.tables[mapping], backend)
        wanted = {id_of(each, backend) for each in self._couplings if each.mapping is mapping}
        there = (await records.by_id(wanted, columns=())).keys()
        missing = wanted - there
        gone = await records.deleted(missing) if missing else set()
        return dict.fromkeys(there, True) | dict.fromkeys(gone, False)
