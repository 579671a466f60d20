"""A page of couplings looked at: both sides read by id, with what else their kinds of drift need.

Whatever is wrong, a page costs one request at Business Central (a batch) and one or two at CRM; where a side is missing, one more
round of batches asks whether it was deleted. The salespersons and users that the owner rule needs are read once for all pages.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from gateway.couplings.coupling import Coupling, Intent
from gateway.pairing.drift.duplicates import KEYED, bc_key_column, beside
from gateway.pairing.drift.kinds import KINDS, LOOKED_AT, DriftKind, Finding, Seen, findings
from gateway.pairing.salespersons.owners import Gaps, gaps, may_fail, seller_column
from gateway.pairing.salespersons.people import read_people
from gateway.records import Backend
from gateway.sync.creation import OWNER
from gateway.sync.desk import Desk, side_by_side
from gateway.sync.mapping import Rule, TableMapping
from gateway.sync.records import Found, both_sides

_Pair = tuple[Found | None, Found | None]
"""Business Central's record and CRM's row, as far as they were read."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about a mapping. ``for_repair``: what cannot be seen is told, too."""

    mapping: TableMapping
    kinds: frozenset[DriftKind]
    for_repair: bool = False

    @classmethod
    def of(cls, mapping: TableMapping, kinds: Collection[DriftKind] | None, *, for_repair: bool = False) -> "Question":
        return cls(mapping, frozenset(KINDS if kinds is None else kinds), for_repair)

    def tells(self, finding: Finding) -> bool:
        return finding.kind in self.kinds and (self.for_repair or finding.unseen is None)

    def asks(self, *kinds: DriftKind) -> bool:
        return not self.kinds.isdisjoint(kinds)

    @property
    def asks_for_owners(self) -> bool:
        return self.asks(DriftKind.UNOWNED) and any(may_fail(self.mapping, each) for each in Backend)

    @property
    def asks_for_keys(self) -> bool:
        return self.asks(DriftKind.DUPLICATE) and self.mapping.mapping in KEYED


@dataclass(frozen=True, slots=True)
class Examiner:
    """Looks at couplings of one mapping; what is the same for all of them is read once."""

    desk: Desk
    question: Question
    rules: Mapping[Backend, Sequence[Rule]]
    gaps: Gaps

    @classmethod
    async def of(cls, desk: Desk, question: Question) -> "Examiner":
        """
        Raises:
            BackendError: the salespersons or the users could not be read.
        """
        rules: Mapping[Backend, Sequence[Rule]] = {}
        if question.asks(*LOOKED_AT):
            rules = {each.backend: await each.rules() for each in await both_sides(question.mapping, desk)}
        known = Gaps.of(gaps(await read_people(desk))) if question.asks_for_owners else Gaps({}, {})
        return cls(desk, question, rules, known)

    async def examine(self, couplings: Sequence[Coupling]) -> list[list[Finding]]:
        """What is wrong with each, of the kinds that are asked for.

        Raises:
            BackendError: a side could not be read.
        """
        seen, mapping = await self._see(couplings), self.question.mapping
        shown = list(map(self._shown, seen))
        return [[each for each in findings(mapping, one, self.rules) if self.question.tells(each)] for one in shown]

    def _shown(self, seen: Seen) -> Seen:
        """What the caller may be told of it: an error names both records."""
        told = self.desk.told(seen.coupling)
        hidden = frozenset(each for each in filter(self.desk.asking.is_personal, Backend) if _is_veiled(seen, each))
        return replace(seen, coupling=replace(told, error_message=None) if hidden else told, veiled=hidden)

    async def _see(self, couplings: Sequence[Coupling]) -> list[Seen]:
        intents = await self.desk.books.intents.of(each.id for each in couplings)
        if not self.question.asks(*LOOKED_AT) and not intents:
            return [Seen(each) for each in couplings]
        looked = couplings if self.question.asks(*LOOKED_AT) else [each for each in couplings if each.id in intents]
        records, rows = await self._read(looked)
        pairs = {each.id: (records.get(each.bc_id), rows.get(each.crm_id)) for each in looked}
        deleted = await self._deleted(looked, pairs, intents)
        asks_for_keys = self.question.asks_for_keys
        same = await beside(self.desk, self.question.mapping, _triples(pairs)) if asks_for_keys else {}
        mapping = self.question.mapping
        return [
            Seen(
                each,
                *pairs.get(each.id, (None, None)),
                looked=each.id in pairs,
                deleted=deleted.get(each.id, frozenset()),
                intent=intents.get(each.id),
                stuck=each.id in intents and self.desk.is_broken_off(intents[each.id]),
                same=same.get(each.id),
                gaps=self.gaps.in_pair(mapping, *pairs[each.id]) if self.question.asks_for_owners else (),
            )
            for each in couplings
        ]

    async def _deleted(
        self, looked: Sequence[Coupling], pairs: Mapping[UUID, _Pair], intents: Mapping[UUID, Intent]
    ) -> dict[UUID, frozenset[Backend]]:
        """The sides that were deleted, by coupling: asked for where one is missing and it matters to what is asked."""
        records, rows = await both_sides(self.question.mapping, self.desk)
        missing = [(each, set(self._missing(pairs[each.id], intents.get(each.id)))) for each in looked]
        in_bc, in_crm = await side_by_side(
            records.deleted(each.bc_id for each, sides in missing if Backend.BUSINESS_CENTRAL in sides),
            rows.deleted(each.crm_id for each, sides in missing if Backend.DATAVERSE in sides),
        )
        found: dict[UUID, frozenset[Backend]] = {}
        for each, sides in missing:
            gone = {Backend.BUSINESS_CENTRAL: each.bc_id in in_bc, Backend.DATAVERSE: each.crm_id in in_crm}
            found[each.id] = frozenset(side for side in sides if gone[side])
        return found

    def _missing(self, pair: _Pair, intent: Intent | None) -> Iterable[Backend]:
        """Of a creation only its source matters: the other side is missing until it is done."""
        sides = dict(zip((Backend.BUSINESS_CENTRAL, Backend.DATAVERSE), pair, strict=True))
        if intent is not None:
            origin = Backend.BUSINESS_CENTRAL if intent.to_crm else Backend.DATAVERSE
            return [origin] if sides[origin] is None and self.question.asks(DriftKind.UNFINISHED) else []
        if not self.question.asks(DriftKind.BROKEN_BUSINESS_CENTRAL, DriftKind.BROKEN_DATAVERSE):
            return []
        return [side for side, found in sides.items() if found is None]

    async def _read(self, couplings: Sequence[Coupling]) -> tuple[Mapping[UUID, Found], Mapping[UUID, Found]]:
        mapping = self.question.mapping
        records, rows = await both_sides(mapping, self.desk)
        bc = {each for each in (seller_column(mapping), bc_key_column(mapping)) if each is not None}
        crm = {OWNER} if self.question.asks_for_owners else set()
        return await side_by_side(
            records.by_id((each.bc_id for each in couplings), columns=bc),
            rows.by_id((each.crm_id for each in couplings), columns=crm),
        )


def _is_veiled(seen: Seen, backend: Backend) -> bool:
    """A side that is still to be created is hidden from nobody."""
    made = seen.intent is not None and seen.intent.to_crm == (backend is Backend.DATAVERSE)
    return seen.side(backend) is None and backend not in seen.deleted and not made


def _triples(pairs: Mapping[UUID, _Pair]) -> list[tuple[UUID, Found | None, Found | None]]:
    return [(id, record, row) for id, (record, row) in pairs.items()]
