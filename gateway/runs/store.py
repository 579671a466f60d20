"""Where runs are kept: SQLite or PostgreSQL, the same statements."""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Mapping as ReadOnly
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Select, delete, func, insert, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.couplings.coupling import Mapping
from gateway.couplings.store import storable, translated
from gateway.errors import ErrorCode
from gateway.noted import Change, note
from gateway.records import Backend
from gateway.runs.plans import Plans
from gateway.runs.run import Run, RunError, RunKind, RunState, Tally
from gateway.runs.table import synchronization_errors, synchronization_places, synchronization_runs
from gateway.runs.told import Told

_GENERATION = "GENERATION"
"""In the place of a side: which generation the places of a mapping are."""

_AT_ONCE = 500
"""Runs that are read in one statement."""

_TEXTS = ("message", "hint", "bc_number", "bc_name", "crm_number", "crm_name")


class RunStore:
    """Every method raises DatabaseError when the database cannot be used."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.told = Told(engine)
        self.plans = Plans(engine)
        self.listeners: list[Callable[[UUID], None]] = []
        """Who is told, with its id, that this process has changed a run. What other processes write they do not hear of."""

    async def add(self, run: Run) -> None:
        values = {name: getattr(run, name) for name in Run.__dataclass_fields__} | _storable(run)
        with translated():
            async with self._engine.begin() as connection:
                await connection.execute(insert(synchronization_runs).values(values))
        note(_noted(run))

    async def add_each(self, added: Sequence[Run]) -> bool:
        """All of them, or none: False when there is a run with one of their ids already."""
        rows = [{**{name: getattr(run, name) for name in Run.__dataclass_fields__}, **_storable(run)} for run in added]
        with translated():
            try:
                async with self._engine.begin() as connection:
                    await connection.execute(insert(synchronization_runs), rows)
            except IntegrityError:
                return False
        note(*map(_noted, added))
        return True

    async def last(self, company_id: UUID, kind: RunKind) -> dict[Mapping, Run]:
        """The newest run of this kind of each mapping that has one."""
        table = synchronization_runs.c
        of_these = (table.company_id == company_id, table.kind == kind)
        newest = select(table.mapping, func.max(table.created_at)).where(*of_these).group_by(table.mapping)
        wanted = select(synchronization_runs).where(*of_these, tuple_(table.mapping, table.created_at).in_(newest))
        return {each.mapping: each for each in map(_run, await self._rows(wanted))}

    async def get(self, run_id: UUID) -> Run | None:
        rows = await self._rows(select(synchronization_runs).where(synchronization_runs.c.id == run_id))
        return _run(rows[0]) if rows else None

    async def get_many(self, run_ids: Sequence[UUID]) -> dict[UUID, Run]:
        """Those that are there, by id."""
        found: dict[UUID, Run] = {}
        for start in range(0, len(run_ids), _AT_ONCE):
            wanted = synchronization_runs.c.id.in_(run_ids[start : start + _AT_ONCE])
            found |= {row["id"]: _run(row) for row in await self._rows(select(synchronization_runs).where(wanted))}
        return found

    async def lively(self, company_id: UUID, *, since: datetime, limit: int) -> list[Run]:
        """The runs of a company that are under way, or ended since then; the newest so many of them, oldest first."""
        table = synchronization_runs.c
        is_lively = or_(table.state.in_((RunState.WAITING, RunState.RUNNING)), table.finished_at >= since)
        statement = select(synchronization_runs).where(table.company_id == company_id, is_lively)
        statement = statement.order_by(table.created_at.desc(), table.id.desc()).limit(limit)
        return list(map(_run, reversed(await self._rows(statement))))

    async def newest(
        self, company_id: UUID, *, mapping: Mapping | None, before: tuple[datetime, UUID] | None, limit: int
    ) -> list[Run]:
        """The runs of a company, newest first, from behind a place in that order."""
        table = synchronization_runs.c
        statement = select(synchronization_runs).where(table.company_id == company_id)
        if mapping is not None:
            statement = statement.where(table.mapping == mapping)
        if before is not None:
            statement = statement.where(tuple_(table.created_at, table.id) < before)
        statement = statement.order_by(table.created_at.desc(), table.id.desc()).limit(limit)
        return list(map(_run, await self._rows(statement)))

    async def unfinished(self) -> list[Run]:
        """Those that are not at their end: a job is at work on each, or should be."""
        states = (RunState.WAITING, RunState.RUNNING)
        return list(
            map(_run, await self._rows(select(synchronization_runs).where(synchronization_runs.c.state.in_(states))))
        )

    async def waiting(self, mapping: Mapping, company_id: UUID, kind: RunKind) -> Run | None:
        """One that waits for its turn, if there is one: whatever changed until now it will see."""
        table = synchronization_runs.c
        statement = select(synchronization_runs).where(
            table.mapping == mapping,
            table.company_id == company_id,
            table.kind == kind,
            table.state == RunState.WAITING,
        )
        rows = await self._rows(statement.order_by(table.created_at).limit(1))
        return _run(rows[0]) if rows else None

    async def begin(self, run_id: UUID, at: datetime) -> None:
        """It runs from now on; one that was begun already keeps its beginning."""
        table = synchronization_runs.c
        statement = update(synchronization_runs).where(table.id == run_id, table.state == RunState.WAITING)
        await self._write(run_id, statement.values(state=RunState.RUNNING, started_at=at, progressed_at=at))

    async def count(self, run_id: UUID, tally: Tally) -> None:
        """What became of the records so far."""
        statement = update(synchronization_runs).where(synchronization_runs.c.id == run_id)
        await self._write(run_id, statement.values(tally=tally.as_json(), progressed_at=datetime.now(UTC)))

    async def end(
        self, run_id: UUID, state: RunState, at: datetime, *, code: str | None = None, message: str | None = None
    ) -> None:
        """It is at its end; one that ended before stays as it was."""
        table = synchronization_runs.c
        open_states = (RunState.WAITING, RunState.RUNNING)
        statement = update(synchronization_runs).where(table.id == run_id, table.state.in_(open_states))
        text = storable(message) if message is not None else None
        await self._write(run_id, statement.values(state=state, finished_at=at, error_code=code, message=text))

    async def note(self, run_id: UUID, first: int, errors: Sequence[RunError]) -> None:
        """Errors of a page, numbered from ``first``; what an earlier attempt at this page or later ones noted goes."""
        table = synchronization_errors.c
        with translated():
            async with self._engine.begin() as connection:
                await connection.execute(
                    delete(synchronization_errors).where(table.run_id == run_id, table.number >= first)
                )
                if errors:
                    await connection.execute(insert(synchronization_errors), list(map(_row, errors)))

    async def errors(self, run_id: UUID, *, after: int, limit: int) -> list[RunError]:
        """A page of a run's errors by number."""
        table = synchronization_errors.c
        statement = select(synchronization_errors).where(table.run_id == run_id, table.number > after)
        return list(map(run_error, await self._rows(statement.order_by(table.number).limit(limit))))

    async def noted(self, run_id: UUID, coupling_ids: Iterable[UUID], *, up_to: int) -> set[UUID]:
        """Those of these couplings that are among the first errors of a run."""
        table, wanted = synchronization_errors.c, list(coupling_ids)
        statement = select(table.coupling_id).where(
            table.run_id == run_id, table.number <= up_to, table.coupling_id.in_(wanted)
        )
        return {row["coupling_id"] for row in await self._rows(statement)} if wanted else set()

    async def tried(self, run_id: UUID, side: Backend, ids: Iterable[UUID], *, up_to: int) -> set[UUID]:
        """Those of these records that are among the first errors of a run, without a coupling."""
        table, wanted = synchronization_errors.c, list(ids)
        record = _record(side)
        statement = select(record.label("id")).where(
            table.run_id == run_id, table.number <= up_to, table.coupling_id.is_(None), record.in_(wanted)
        )
        return {row["id"] for row in await self._rows(statement)} if wanted else set()

    async def unmade(self, run: Run, side: Backend, *, after: UUID | None, limit: int) -> list[UUID]:
        """Records of a side for which runs since the last one over changes that came to its end made no partner, by their ids.

        That one tried those of before again; a full run need not have. Without those that seem to have a partner already: that
        does not pass by itself.
        """
        runs, errors, record = synchronization_runs.c, synchronization_errors.c, _record(side)
        kinds = (RunKind.MODIFIED, RunKind.FULL)
        earlier = (
            runs.mapping == run.mapping,
            runs.company_id == run.company_id,
            runs.kind.in_(kinds),
            runs.id != run.id,
        )
        last = (
            select(func.max(runs.started_at))
            .where(*earlier, runs.kind == RunKind.MODIFIED, runs.state == RunState.SUCCEEDED)
            .scalar_subquery()
        )
        # by when they were carried out: a full run may have waited for others
        since = select(runs.id).where(*earlier, or_(last.is_(None), runs.started_at >= last))
        to = Backend.DATAVERSE if side is Backend.BUSINESS_CENTRAL else Backend.BUSINESS_CENTRAL
        statement = (
            select(record.label("id"))
            .distinct()
            .where(
                errors.run_id.in_(since),
                errors.coupling_id.is_(None),
                errors.code != ErrorCode.POSSIBLE_DUPLICATE,
                errors.to == to,
                record.is_not(None),
            )
        )
        if after is not None:
            statement = statement.where(record > after)
        return [row["id"] for row in await self._rows(statement.order_by(record).limit(limit))]

    async def count_errors(self, run_id: UUID) -> int:
        table = synchronization_errors.c
        (row,) = await self._rows(
            select(func.count().label("n")).select_from(synchronization_errors).where(table.run_id == run_id)
        )
        return int(row["n"])

    async def newest_errors(self, coupling_ids: Sequence[UUID]) -> dict[UUID, RunError]:
        """The last error of each of these couplings that has one."""
        table = synchronization_errors.c
        rank = func.row_number().over(partition_by=table.coupling_id, order_by=(table.at.desc(), table.number.desc()))
        of_these = table.coupling_id.in_(list(coupling_ids))
        ranked = select(synchronization_errors, rank.label("rank")).where(of_these).subquery()
        rows = await self._rows(select(ranked).where(ranked.c.rank == 1))
        found = [run_error({name: value for name, value in row.items() if name != "rank"}) for row in rows]
        return {each.coupling_id: each for each in found if each.coupling_id is not None}

    async def places(self, mapping: Mapping, company_id: UUID) -> dict[Backend, str]:
        """Up to where changes were looked at, by side; a side that never was is not in it."""
        table = synchronization_places.c
        statement = select(synchronization_places).where(table.mapping == mapping, table.company_id == company_id)
        rows = await self._rows(statement.where(table.backend != _GENERATION))
        return {Backend(row["backend"]): row["place"] for row in rows}

    async def generation(self, mapping: Mapping, company_id: UUID) -> str:
        """What the places of a mapping go by: another one after they were forgotten, because its filter was changed."""
        table = synchronization_places.c
        key = (table.mapping == mapping, table.company_id == company_id, table.backend == _GENERATION)
        new = {"mapping": mapping, "company_id": company_id, "backend": _GENERATION, "place": uuid4().hex}
        with translated(), suppress(IntegrityError):  # there is one
            async with self._engine.begin() as connection:
                await connection.execute(insert(synchronization_places), [new | {"at": datetime.now(UTC)}])
        (row,) = await self._rows(select(table.place).where(*key))
        return str(row["place"])

    async def keep_places(
        self, mapping: Mapping, company_id: UUID, places: ReadOnly[Backend, str], *, generation: str
    ) -> None:
        """Up to where changes were looked at; not when places were forgotten since: the next run then begins anew."""
        table = synchronization_places.c
        key = {"mapping": mapping, "company_id": company_id}
        rows = [
            {**key, "backend": backend, "place": place, "at": datetime.now(UTC)} for backend, place in places.items()
        ]
        with translated():
            async with self._engine.begin() as connection:
                of_mapping = (table.mapping == mapping, table.company_id == company_id)
                same = update(synchronization_places).where(
                    *of_mapping, table.backend == _GENERATION, table.place == generation
                )  # nobody forgets them until this is done
                if not (await connection.execute(same.values(at=datetime.now(UTC)))).rowcount:
                    return
                await connection.execute(
                    delete(synchronization_places).where(*of_mapping, table.backend.in_(list(places)))
                )
                if rows:
                    await connection.execute(insert(synchronization_places), rows)

    async def _write(self, run_id: UUID, statement: Any) -> None:
        with translated():
            async with self._engine.begin() as connection:
                await connection.execute(statement)
        for tell in self.listeners:
            tell(run_id)

    async def _rows(self, statement: Select[Any]) -> list[dict[str, Any]]:
        with translated():
            async with self._engine.connect() as connection:
                return [dict(row._mapping) for row in await connection.execute(statement)]


def _record(side: Backend) -> Any:
    table = synchronization_errors.c
    return table.bc_id if side is Backend.BUSINESS_CENTRAL else table.crm_id


def _storable(run: Run) -> dict[str, Any]:
    return {"created_by": storable(run.created_by, 250), "tally": run.tally.as_json()}


def _run(row: ReadOnly[str, Any]) -> Run:
    said = {"mapping": Mapping(row["mapping"]), "kind": RunKind(row["kind"]), "state": RunState(row["state"])}
    return Run(**{**row, **said, "tally": Tally.of_json(row["tally"])})


def _row(error: RunError) -> dict[str, Any]:
    values = {name: getattr(error, name) for name in RunError.__dataclass_fields__}
    return {name: storable(value) if name in _TEXTS and value is not None else value for name, value in values.items()}


def run_error(row: ReadOnly[str, Any]) -> RunError:
    """A row of the table of errors."""
    to = Backend(row["to"]) if row["to"] is not None else None
    return RunError(**{**row, "mapping": Mapping(row["mapping"]), "to": to})


def _noted(run: Run) -> Change:
    """A run that was asked for, with what is to be done in it: choices of a conflict hold what both sides had before."""
    what = {"id": run.id, "kind": run.kind, "mapping": run.mapping, "company": run.company_id}
    return Change("RUN", "ASKED_FOR", what, after=dict(run.asked), records=(run.id,))
