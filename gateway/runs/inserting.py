"""Partners are made for records that nobody coupled: a page of them at a time, in batches.

A page that is carried out again finds what it made: the new record's id and its coupling's follow from the run and the record.

Source: Business Central, codeunit CRM Integration Table Synch., "Synch. Only Coupled Records" off. The look for doubles is ours.
"""

from collections.abc import Sequence
from uuid import UUID, uuid5

from gateway.couplings.coupling import Coupling
from gateway.errors import GatewayError
from gateway.pairing.creating import Unsettled, create_each, made_id
from gateway.pairing.matches.duplicates import possible_duplicates
from gateway.records import Backend
from gateway.runs.applied import Applied, Problem, Step, held
from gateway.runs.applying import synchronize_page
from gateway.runs.planning import BC, CRM, Action, Reason
from gateway.runs.reading import has_moved
from gateway.runs.setting import Setting
from gateway.sync.records import Found


def seed_of(run: UUID, part: str) -> UUID:
    """What the ids of the records and couplings that a part of a run makes follow from."""
    return uuid5(run, part)


def made_here(seed: UUID, record: Found, coupling: Coupling) -> bool:
    """Whether an earlier attempt at this page made, or began to make, the record's partner; nobody changed it since."""
    mine = coupling.id == made_id(seed, record.id)
    return mine and (coupling.base is None or not has_moved(coupling, record))


async def make_partners(
    setting: Setting, origin: Backend, records: Sequence[Found], begun: Sequence[Found], *, seed: UUID
) -> Applied:
    """New records on the other side, coupled with these; what keeps one from being made keeps no other.

    ``begun`` are those of an earlier attempt: they are not looked for on the other side, where their new record may be.
    Failures have no coupling, unless nobody knows whether the record was created.

    Raises:
        BackendError: a system could not be read; nothing was written.
    """
    applied = Applied()
    desk, mapping, to = setting.desk, setting.mapping, BC if origin is CRM else CRM
    doubles = await possible_duplicates(desk, mapping, to, records)
    sources = [*begun, *(each for each in records if each.id not in doubles)]
    made = await create_each(desk, mapping, to, sources, job=setting.run, seed=seed) if sources else {}
    adopted: list[Coupling] = []
    for each in (*sources, *(each for each in records if each.id in doubles)):
        outcome = doubles.get(each.id) or made[each.id]
        if isinstance(outcome, Coupling):
            adopted += [outcome] if outcome.base is None else []
            applied.count(to=[to], coupled=1, inserted=int(outcome.base is not None))
            applied.steps.append(
                Step(Action.COUPLE, Reason.SAME_KEY, records={origin: each}, made=outcome)
                if outcome.base is None
                else Step(
                    Action.INSERT, Reason.NOT_COUPLED, records={origin: each}, write={to: held(outcome)}, made=outcome
                )
            )
            continue
        unsettled = isinstance(outcome, Unsettled)
        coupling, error = (outcome.coupling, outcome.error) if isinstance(outcome, Unsettled) else (None, outcome)
        assert isinstance(error, GatewayError)  # noqa: S101 - one of the three
        applied.count(to=[to], failed=1)
        applied.problems.append(Problem(error, coupling, {origin: each}, to=to, unsettled=unsettled))
    if adopted:  # the other side had it by its natural key: it is brought up to date
        applied.add(await synchronize_page(setting, adopted, {origin: {each.id: each for each in sources}}))
    return applied
