"""Figures copied to CRM as runs over all coupled records: customer statistics, and stock.

Business Central's own jobs go by what was posted since the last time, and so miss what changes otherwise: an invoice that becomes
overdue by time passing, a credit limit, sales to a customer who is billed elsewhere. Here each figure is calculated anew and
compared with what CRM holds; what differs is written, nothing else.

A record that cannot be copied is told in the job log and no more: its coupling does not fail for that, nor is it skipped. In
Business Central a failure puts the coupling on the skip list, and with it all synchronization of the customer.

Source: Business Central, codeunits CRM Statistics Job and CRM Item Availability Job.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from gateway.answers.plan import Setting as Moment
from gateway.couplings.coupling import Coupling
from gateway.couplings.store import CouplingFilter, position
from gateway.errors import ErrorCode, GatewayError, RefusalError
from gateway.pairing.presence import side_of
from gateway.reading.lookup import match_key
from gateway.reading.need import Need
from gateway.reading.reader import Reader
from gateway.reading.row import Failure, Row
from gateway.reading.sources import ACCOUNTS
from gateway.records import Backend
from gateway.runs.applied import Applied, Problem
from gateway.runs.parts import Done, Part
from gateway.runs.run import Run
from gateway.runs.setting import Setting
from gateway.sync import account_statistics, product_stock
from gateway.sync.desk import Desk
from gateway.sync.push import Pushed, PushOutcome, Writer

PAGE = 200
"""Records that are copied together."""

_COUNTED = {
    PushOutcome.CREATED: "inserted",
    PushOutcome.UPDATED: "modified",
    PushOutcome.UNCHANGED: "unchanged",
    PushOutcome.FAILED: "failed",
}
"""Everything else counts as skipped."""

_HINT = "It is copied in the next run in which it can be; nothing else of the record waits for that."

Rows = Sequence[Row | GatewayError | None]


@dataclass(frozen=True, slots=True)
class Pushing:
    """``moment`` gives what of the settings and of the moment figures depend on."""

    moment: Callable[[], Moment]

    async def statistics(self, setting: Setting, run: Run, _: Part, place: list[str] | None) -> Done:
        """A page of customers. Raises: DatabaseError."""
        desk, moment = setting.desk, self.moment()
        couplings = await _couplings(desk, run, place)
        rows = await _read(desk, account_statistics.need(moment), couplings)
        places = account_statistics.Places(desk.reading, desk.asking, desk.company)
        pushed = await account_statistics.push_account_statistics(rows, moment, places, _writer(desk))
        return _done(setting, run, couplings, pushed, place)

    async def stock(self, setting: Setting, run: Run, _: Part, place: list[str] | None) -> Done:
        """A page of items. Raises: DatabaseError."""
        desk, moment = setting.desk, self.moment()
        couplings = await _couplings(desk, run, place)
        rows = await _read(desk, product_stock.need(moment), couplings)
        pushed = await product_stock.push_product_stock(rows, moment, _writer(desk))
        return _done(setting, run, couplings, pushed, place)


async def _couplings(desk: Desk, run: Run, place: list[str] | None) -> list[Coupling]:
    wanted = CouplingFilter(mapping=run.mapping, company_id=run.company_id)
    after = (place[0], UUID(place[1])) if place is not None else None
    return await desk.books.couplings.page(wanted, after=after, limit=PAGE)


async def _read(desk: Desk, need: Need, couplings: Sequence[Coupling]) -> Rows:
    """The records of Business Central with what is wanted behind them; None where there is none."""
    if not couplings:
        return []
    reader = Reader(desk.reading, desk.asking, desk.company)
    rows = await reader.many(need, need.source.key, [each.bc_id for each in couplings])
    found = [rows.get(match_key(each.bc_id)) for each in couplings]
    return [each.error if isinstance(each, Failure) else each for each in found]


def _writer(desk: Desk) -> Writer:
    call = desk.asking.call()
    return Writer(desk.client(ACCOUNTS), call, desk.asking.trace)


def _done(
    setting: Setting, run: Run, couplings: Sequence[Coupling], pushed: Sequence[Pushed], place: list[str] | None
) -> Done:
    """What came of a page. That figures have no source here is told once: it is the same for all records.

    Raises:
        RefusalError: all of a whole page failed, and for the same reason; it will not be another one for the next page.
    """
    failed = {each.code for each in pushed if each.outcome is PushOutcome.FAILED}
    is_telling = len(pushed) == PAGE or (place is None and len(pushed) > 1)
    if is_telling and len(failed) == 1 and all(each.outcome is PushOutcome.FAILED for each in pushed):
        raise _error(setting, couplings[0], pushed[0])
    applied = Applied()
    told = place is not None and place[2] == _TOLD
    for coupling, each in zip(couplings, pushed, strict=True):
        applied.count(to=[Backend.DATAVERSE], **{_COUNTED.get(each.outcome, "skipped"): 1})
        lacks = each.outcome is PushOutcome.INCOMPLETE
        if each.outcome is PushOutcome.FAILED or (lacks and not told):
            applied.problems.append(_problem(setting, coupling, each))
            told = told or lacks
    key, id = position(couplings[-1]) if couplings else ("", run.id)
    return Done(applied, [key, str(id), _TOLD if told else ""], is_last=len(couplings) < PAGE)


_TOLD = "told"


def _problem(setting: Setting, coupling: Coupling, pushed: Pushed) -> Problem:
    return Problem(_error(setting, coupling, pushed), coupling, to=Backend.DATAVERSE)


def _error(setting: Setting, coupling: Coupling, pushed: Pushed) -> RefusalError:
    record = side_of(setting.mapping, coupling, Backend.BUSINESS_CENTRAL)
    code = pushed.code or ErrorCode.BACKEND_NOT_FOUND  # a figure that has no source here
    return RefusalError(code, pushed.message or "It could not be copied.", hint=_HINT, records=[record])
