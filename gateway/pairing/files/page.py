"""One page of an imported file, rows of one mapping in one company: each is decided on, and what was decided is done."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import uuid4

from gateway.couplings.coupling import Coupling, Doing
from gateway.errors import ErrorCode
from gateway.pairing.files import rows as csv_rows
from gateway.pairing.files.claims import Claims
from gateway.pairing.files.draft import BC, CRM, SIDES, Draft, Way, draft_of, new_coupling, renewed
from gateway.pairing.files.records import Check, find_by_numbers, look_up, refuse_taken
from gateway.pairing.files.rows import RowOutcome, RowResult
from gateway.pairing.files.shapes import Entry
from gateway.sync.desk import Desk
from gateway.sync.mapping import TableMapping

_LOOKS = 3
"""How often a coupling is looked at that others keep writing."""


@dataclass(frozen=True, slots=True)
class Page:
    """``doing`` is the import; the same for all its pages."""

    desk: Desk
    mapping: TableMapping
    claims: Claims
    doing: Doing
    check: Check = Check.EXISTENCE
    update: bool = False
    dry_run: bool = False

    async def results(self, entries: Iterable[Entry]) -> list[RowResult]:
        """What each row comes to; where it is said to be added or updated, it is.

        Raises:
            BackendError: a record could not be looked up; nothing of this page was done.
            DatabaseError: our own couplings could not be read or written.
        """
        drafts = [draft_of(self.mapping, entry) for entry in entries]
        await find_by_numbers(self.desk, self.mapping, drafts)
        await self._compare(drafts)
        await look_up(self.desk, self.mapping, drafts, self.check)
        self._claim(drafts)
        await self._update([each for each in drafts if each.result is None and each.was is not None])
        await self._add([each for each in drafts if each.is_new])
        return [draft.result for draft in drafts if draft.result is not None]

    async def _compare(self, drafts: Iterable[Draft]) -> None:
        """What our own couplings say of the records: coupled with each other, with others, or free."""
        waiting = [each for each in drafts if each.result is None]
        store, tables, company = self.desk.books.couplings, self.mapping.mapping, self.desk.company
        found = {side: await store.find(tables, company, side, [each.ids[side] for each in waiting]) for side in SIDES}
        for draft in waiting:
            ways = [Way(side, found[side][id]) for side, id in draft.ids.items() if id in found[side]]
            # on both sides: somebody may have coupled the two between the two questions
            pair = draft.ids[BC], draft.ids[CRM]
            same = [each.coupling for each in ways if (each.coupling.bc_id, each.coupling.crm_id) == pair]
            draft.was = same[0] if same else None
            draft.way = ways[0] if ways and not same else None

    def _claim(self, drafts: Iterable[Draft]) -> None:
        """Of two rows for one record the first has it."""
        for draft in drafts:
            if draft.result is None:
                ids = draft.ids[BC], draft.ids[CRM]
                claim = self.claims.claim(self.mapping.mapping, self.desk.company, *ids, draft.line)
                if claim is not None:
                    draft.result = csv_rows.claimed(draft.line, draft.pair, claim)

    async def _update(self, drafts: Sequence[Draft]) -> None:
        """What was written since it was looked at is looked at again: it may be newer than the file by now."""
        for _ in range(_LOOKS):
            late = await self._update_seen(drafts)
            if not late:
                return
            await self._compare(late)
            refuse_taken(late, {BC: {}, CRM: {}})
            drafts = [each for each in late if each.result is None and each.was is not None]
            for draft in late:
                if draft.is_new:
                    draft.result = _changed_meanwhile(draft)
        for draft in drafts:
            draft.result = _changed_meanwhile(draft)

    async def _update_seen(self, drafts: Iterable[Draft]) -> list[Draft]:
        """Those that are not as they were seen any more; the others are decided on."""
        changed: list[tuple[Draft, Coupling, Coupling]] = []
        for draft in drafts:
            now = renewed(draft.was, draft.entry) if self.update and draft.was is not None else None
            draft.result = RowResult(draft.line, RowOutcome.UPDATED if now else RowOutcome.UNCHANGED)
            if draft.was is not None and now is not None:
                changed.append((draft, draft.was, now))
        if self.dry_run or not changed:
            return []
        updated = await self.desk.books.changes.update_seen([(was, now) for _, was, now in changed])
        late = [draft for draft, was, _ in changed if was.id not in updated]
        for draft in late:
            draft.result = None
        return late

    async def _add(self, drafts: Sequence[Draft]) -> None:
        for draft in drafts:
            draft.result = RowResult(draft.line, RowOutcome.ADDED)
        if self.dry_run:
            return
        couplings = await self._couplings(drafts)
        added = await self.desk.books.changes.add_free(couplings, self.doing)
        late = [draft for draft, coupling in zip(drafts, couplings, strict=True) if coupling.id not in added]
        await self._look_again(late)

    async def _couplings(self, drafts: Sequence[Draft]) -> list[Coupling]:
        """Each under the id it has in the file, as long as that is free."""
        wanted = [each.entry.id for each in drafts if each.entry.id is not None]
        used = set(await self.desk.books.couplings.get_many(wanted))
        couplings: list[Coupling] = []
        for draft in drafts:
            given = draft.entry.id
            id = given if given is not None and given not in used else uuid4()
            used.add(id)
            couplings.append(new_coupling(draft, id, self.desk.company, self.doing))
        return couplings

    async def _look_again(self, late: Sequence[Draft]) -> None:
        """Somebody else coupled one of the two between our look and our writing."""
        for draft in late:
            draft.result = None
        await self._compare(late)
        refuse_taken(late, {BC: {}, CRM: {}})
        for draft in late:
            if draft.was is not None:
                draft.result = RowResult(draft.line, RowOutcome.UNCHANGED)
            elif draft.result is None:
                draft.result = _changed_meanwhile(draft)


def _changed_meanwhile(draft: Draft) -> RowResult:
    pair = draft.pair
    message = f"Somebody else is changing the couplings of {pair.bc} and {pair.crm}."
    return csv_rows.refused(draft.line, ErrorCode.COUPLING_CHANGED, message, "Import the file again.")
