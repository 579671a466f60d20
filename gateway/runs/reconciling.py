"""Deletions that nobody tells: of all couplings of a mapping, those whose record is not there any more.

Business Central's API has no feed of deletions, only webhooks, which may be missed; Dataverse's ends with a delta link that grew
too old. So the coupled ids are asked for, many in one request, and what is missing is decided on as in any run: the system itself
has to say that the record is gone, and the mapping's policy says what becomes of the coupling.

The ids of a whole set could be read instead, in fewer requests; but GUIDs have another order there than here, so that a whole
set would have to be held, and most of a large set may not be coupled at all.

Source: Business Central, "Working with webhooks"; Dataverse, "Use change tracking to synchronize data", expired tokens.
"""

from collections.abc import Sequence
from uuid import UUID

from gateway.couplings.coupling import Coupling, Mapping
from gateway.couplings.store import CouplingFilter, position
from gateway.pairing.presence import none_seen
from gateway.records import Backend
from gateway.runs.applying import synchronize_page
from gateway.runs.parts import Done, Part
from gateway.runs.reading import EMPTIED_FROM, id_of
from gateway.runs.run import Run
from gateway.runs.setting import Setting
from gateway.sync.desk import side_by_side
from gateway.sync.records import Records

PAGE = 1_000
"""Couplings that are looked at together."""

_AT_ONCE = 200
"""Couplings that are decided on together."""


async def reconcile(setting: Setting, run: Run, _: Part, place: list[str] | None) -> Done:
    """A page of couplings; those that are whole count as unchanged. What is being created, or on the skip list, is left alone.

    Raises:
        BackendError: a system could not be read.
        RefusalError: not one of a page can be seen on one side; nothing ends for that.
    """
    store = setting.desk.books.couplings
    wanted = CouplingFilter(mapping=run.mapping, company_id=run.company_id, skipped=False)
    after = (place[0], UUID(place[1])) if place is not None else None
    couplings = await store.page(wanted, after=after, limit=PAGE)
    making = await setting.desk.books.intents.of(each.id for each in couplings)
    whole = [each for each in couplings if each.id not in making]
    missing = await _missing(setting, whole)
    applied = await synchronize_page(setting, missing[:_AT_ONCE], are_missing=True)
    for start in range(_AT_ONCE, len(missing), _AT_ONCE):
        more = await synchronize_page(setting, missing[start : start + _AT_ONCE], are_missing=True)
        applied.tally += more.tally
        applied.problems += more.problems
    applied.count(unchanged=len(whole) - len(missing))
    key, id = position(couplings[-1]) if couplings else ("", run.id)
    return Done(applied, [key, str(id)], is_last=len(couplings) < PAGE)


async def _missing(setting: Setting, couplings: Sequence[Coupling]) -> list[Coupling]:
    """Those of which a record is not among what can be read. Raises: BackendError, RefusalError."""
    if not couplings:
        return []
    bc, crm = await side_by_side(*(_there(setting, each, couplings) for each in Backend))
    return [each for each in couplings if each.bc_id not in bc or each.crm_id not in crm]


async def _there(setting: Setting, backend: Backend, couplings: Sequence[Coupling]) -> set[UUID]:
    records = Records(setting.desk, setting.mapping, backend)
    wanted = {id_of(each, backend) for each in couplings}
    found = set(await records.by_id(wanted, columns=()))
    if not found and len(wanted) >= EMPTIED_FROM and not (_come_to_an_end(setting) and await records.any()):
        raise none_seen(setting.mapping.table(backend))
    return found


def _come_to_an_end(setting: Setting) -> bool:
    """Whether records are gone in the ordinary course of things, as orders are once they are invoiced."""
    return setting.mapping.mapping is Mapping.SALES_ORDER
