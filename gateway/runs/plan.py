"""What synchronizing chosen couplings would do, found out while a request waits."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from gateway.couplings.coupling import Coupling
from gateway.runs.applied import forgiven
from gateway.runs.applying import synchronize_page
from gateway.runs.configured import Configured
from gateway.runs.dry_run import dry
from gateway.runs.planned import PlannedStep, planned_steps
from gateway.runs.planning import Wanted
from gateway.runs.setting import Setting
from gateway.sync.desk import Desk


async def planned(
    desk: Desk, configured: Configured, couplings: Sequence[Coupling], wanted: Wanted
) -> list[PlannedStep]:
    """In the order of the couplings; behind them others that would end with them.

    Raises:
        BackendError: a side could not be read.
        RefusalError: the mapping is switched off, or a whole side is empty.
    """
    configured.require_enabled()
    setting = Setting(dry(desk), configured, uuid4(), wanted)
    applied = await synchronize_page(setting, list(map(forgiven, couplings)))
    places: dict[UUID | None, int] = {each.id: place for place, each in enumerate(couplings)}
    steps = planned_steps(configured.mapping, applied)
    return sorted(steps, key=lambda each: places.get(each.coupling_id, len(places)))
