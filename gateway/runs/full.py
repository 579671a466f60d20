"""Full runs: every record of a mapping, or of all mappings one after the other in the order in which they depend on each other.

The runs of one call are a chain: each names the one before, the one behind, and those of the mappings that it refers to. The next
one begins when one ended, whatever came of it; one that refers to a mapping whose run did not succeed ends at once. Pure.

Source: Business Central, page CRM Full Synch. Review; table CRM Full Synch. Review Line, "Dependency Filter".
"""

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as ReadOnly
from datetime import datetime
from uuid import UUID, uuid5

from gateway.couplings.coupling import Mapping
from gateway.errors import ErrorCode, RefusalError
from gateway.records import Backend
from gateway.runs.planning import Wanted
from gateway.runs.run import Run, RunKind, RunState
from gateway.sync.mapping import TableMapping


def chain(
    mappings: Sequence[TableMapping],
    company: UUID,
    by: str,
    *,
    ids: ReadOnly[Mapping, UUID],
    now: datetime,
    wanted: Wanted,
    only_coupled: bool | None,
    dry_run: bool = False,
) -> list[Run]:
    """The runs of one call, in their order, under these ids.

    ``only_coupled`` None: as each mapping is configured. A mapping that does not write to the side that is ``wanted`` to be
    overwritten is merged. A dry run knows those before it, whose partners it takes for made.
    """
    order = [ids[each.mapping] for each in mappings]
    kind = RunKind.DRY_RUN if dry_run else RunKind.FULL
    runs: list[Run] = []
    for place, each in enumerate(mappings):
        asked = {
            "wanted": wanted if wanted.to is None or each.direction.goes_to(wanted.to) else Wanted.MERGE,
            "onlyCoupled": only_coupled,
            "previous": str(order[place - 1]) if place else None,
            "next": str(order[place + 1]) if place + 1 < len(order) else None,
            "dependencies": [str(ids[one]) for one in each.depends_on if one in ids],
        }
        if dry_run:
            asked |= {"of": RunKind.FULL, "before": list(map(str, order[:place]))}
        runs.append(Run(ids[each.mapping], each.mapping, company, kind, asked, RunState.WAITING, now, by))
    return runs


def ids_of(
    mappings: Sequence[TableMapping], company: UUID, last: ReadOnly[Mapping, Run], now: datetime
) -> dict[Mapping, UUID]:
    """Ids that follow from the ``last`` full runs, so that of two callers at once only one can save theirs."""
    return {each.mapping: _id(each.mapping, company, last.get(each.mapping), now) for each in mappings}


def _id(mapping: Mapping, company: UUID, last: Run | None, now: datetime) -> UUID:
    """Where the log was emptied the hour takes the place of the last run, whose id may be known to the jobs still."""
    return uuid5(
        last.id if last is not None else company, f"full {mapping} {'' if last else now.strftime('%Y-%m-%d %H')}"
    )


def parts_of(run: Run, mapping: TableMapping, *, makes_partners: bool) -> list[str]:
    """What a full run consists of: every coupling, the skip list, then records that nobody coupled."""
    pairs = ["couplings", "skipped"] if run.asked["wanted"] == Wanted.MERGE else ["couplings"]
    if not is_to_make_partners(run, configured=makes_partners):
        return pairs
    origins = [each for each in Backend if mapping.direction.goes_to(_other(each))]
    return [*pairs, *(f"new {each}" for each in origins)]


def is_to_make_partners(run: Run, *, configured: bool) -> bool:
    """Whether the run makes partners for records that nobody coupled: as it was asked, or as the mapping is configured."""
    only_coupled = run.asked.get("onlyCoupled")
    return configured if only_coupled is None else not only_coupled


def _other(backend: Backend) -> Backend:
    return Backend.DATAVERSE if backend is Backend.BUSINESS_CENTRAL else Backend.BUSINESS_CENTRAL


def under_way(run: Run) -> RefusalError:
    """Another full run of a mapping is asked for."""
    return RefusalError(
        ErrorCode.FULL_SYNCHRONIZATION_UNDER_WAY,
        f"A full run of {run.mapping} is under way: {run.id}.",
        hint="Wait for it, or end it with cancelSynchronization.",
        argument="mapping",
    )


def unsatisfied(dependencies: Iterable[Run]) -> str | None:
    """Why a run cannot begin: those it refers to that did not succeed."""
    failed = [str(each.mapping) for each in dependencies if each.state is not RunState.SUCCEEDED]
    return f"The full run of {' and '.join(failed)} did not succeed; nothing was done." if failed else None
