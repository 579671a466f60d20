"""How many records of each mapping nobody coupled, on both sides: counted by the systems, a batch for each of them."""

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.clients.client import ODataClient
from gateway.clients.dataverse import COUNT_LIMIT
from gateway.couplings.coupling import Coupling, Mapping
from gateway.couplings.store import CouplingFilter
from gateway.errors import BackendError
from gateway.odata.query import AnyOf, Query, both, chunks
from gateway.odata.response import Page
from gateway.records import Backend
from gateway.runs.reading import id_of
from gateway.runs.review import Facts, Uncoupled
from gateway.runs.run import Run
from gateway.sync.desk import Desk, all_of
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Records

_EXACT = 2_000
"""Of so many couplings it is asked which lead to records outside the filter."""

_SPARE = 100
"""Characters of a query string that join its parts."""


@dataclass(frozen=True, slots=True)
class _Coupled:
    """How many couplings a mapping has; ``known`` are all of them, or none where they are too many."""

    number: int
    known: Sequence[Coupling]


@dataclass(frozen=True, slots=True)
class _Question:
    """How many of a side are within the filter, or how many of those are coupled."""

    mapping: Mapping
    of_coupled: bool
    client: ODataClient
    path: str
    query: Query


async def facts_of(desk: Desk, mappings: Sequence[TableMapping], last: ReadOnly[Mapping, Run]) -> list[Facts]:
    """Each mapping as it stands; a count that cannot be had says why. ``last`` are the last full runs."""
    coupled = {each.mapping: await _coupled(desk, each.mapping) for each in mappings}
    sides = dict(zip(Backend, await all_of(*(_side(desk, mappings, each, coupled) for each in Backend)), strict=True))
    return [
        Facts(
            each,
            last[each.mapping].state if each.mapping in last else None,
            coupled[each.mapping].number,
            {side: sides[side][each.mapping] for side in Backend},
        )
        for each in mappings
    ]


async def _coupled(desk: Desk, mapping: Mapping) -> _Coupled:
    couplings, wanted = desk.books.couplings, CouplingFilter(mapping=mapping, company_id=desk.company)
    number = await couplings.count(wanted)
    return _Coupled(number, await couplings.page(wanted, after=None, limit=_EXACT) if 0 < number <= _EXACT else ())


async def _side(
    desk: Desk, mappings: Sequence[TableMapping], side: Backend, coupled: ReadOnly[Mapping, _Coupled]
) -> dict[Mapping, Uncoupled]:
    try:
        questions = [one for each in mappings for one in await _questions(desk, each, side, coupled[each.mapping])]
    except BackendError as error:  # what marks the company's rows could not be read
        return {each.mapping: Uncoupled(None, reason=error.message) for each in mappings}
    told: dict[Mapping, list[tuple[_Question, Page | BackendError]]] = {each.mapping: [] for each in mappings}
    clients = {id(each.client): each.client for each in questions}
    for key, client in clients.items():
        mine = [each for each in questions if id(each.client) == key]
        for question, answer in zip(mine, await _asked(desk, client, mine), strict=True):
            told[question.mapping].append((question, answer))
    return {mapping: _uncoupled(side, answers, coupled[mapping]) for mapping, answers in told.items()}


async def _asked(desk: Desk, client: ODataClient, questions: Sequence[_Question]) -> Sequence[Page | BackendError]:
    try:
        with desk.calling() as call:
            return await client.page_each([(each.path, each.query) for each in questions], call=call)
    except BackendError as error:
        return [error for _ in questions]


async def _questions(desk: Desk, mapping: TableMapping, side: Backend, coupled: _Coupled) -> list[_Question]:
    """One for all, and as many as it takes to name those that are coupled."""
    table = mapping.table(side)
    client, path = desk.client(table.source), desk.path(table.source)
    rules = both(*(rule.condition for rule in await Records(desk, mapping, side).rules()))
    query = Query(select=(table.source.key,), filter=rules, top=1, count=True)
    questions = [_Question(mapping.mapping, False, client, path, query)]
    ids = tuple(id_of(each, side) for each in coupled.known)
    if not ids:
        return questions
    room = client.vendor.query_room - len(query.encode(client.vendor.dialect)) - _SPARE
    for part in chunks(AnyOf(table.source.key, ids), client.vendor.dialect, room=room):
        named = Query(select=query.select, filter=both(rules, part), top=1, count=True)
        questions.append(_Question(mapping.mapping, True, client, path, named))
    return questions


def _uncoupled(side: Backend, answers: Sequence[tuple[_Question, Page | BackendError]], coupled: _Coupled) -> Uncoupled:
    inside = taken = 0
    for question, answer in answers:
        if isinstance(answer, BackendError):
            return Uncoupled(None, reason=answer.message)
        if answer.count is None:
            return Uncoupled(None, reason=f"{side.label} did not count.")
        if question.of_coupled:
            taken += answer.count
        elif side is Backend.DATAVERSE and answer.count >= COUNT_LIMIT:
            return Uncoupled(None, reason=f"Dataverse counts no further than {COUNT_LIMIT}; there may be more.")
        else:
            inside = answer.count
    exact = coupled.number == len(coupled.known)
    return Uncoupled(max(0, inside - (taken if exact else coupled.number)), exact)
