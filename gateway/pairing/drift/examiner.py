"""A page of couplings looked at: both sides read by id, with what else their kinds of drift need.

Whatever is wrong, a page costs one request at Business Central (a batch) and one or two at CRM; the salespersons and users that
the owner rule needs are read once for all pages.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from gateway.couplings.coupling import Coupling
from gateway.pairing.drift.duplicates import KEYED, bc_key_column, beside
from gateway.pairing.drift.kinds import KINDS, LOOKED_AT, DriftKind, Finding, Seen, findings
from gateway.pairing.salespersons.owners import OWNED, Gaps, gaps, seller_column
from gateway.pairing.salespersons.people import read_people
from gateway.records import Backend
from gateway.sync.creation import OWNER
from gateway.sync.desk import Desk, side_by_side
from gateway.sync.mapping import Rule, TableMapping
from gateway.sync.records import Found, both_sides


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about a mapping."""

    mapping: TableMapping
    kinds: frozenset[DriftKind]

    @classmethod
    def of(cls, mapping: TableMapping, kinds: Collection[DriftKind] | None) -> "Question":
        return cls(mapping, frozenset(KINDS if kinds is None else kinds))

    def asks(self, *kinds: DriftKind) -> bool:
        return not self.kinds.isdisjoint(kinds)

    @property
    def asks_for_owners(self) -> bool:
        return self.asks(DriftKind.UNOWNED) and self.mapping.mapping in OWNED

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
        mapping, wanted = self.question.mapping, self.question.kinds
        seen = await self._see(couplings)
        return [[each for each in findings(mapping, one, self.rules) if each.kind in wanted] for one in seen]

    async def _see(self, couplings: Sequence[Coupling]) -> list[Seen]:
        intents = await self.desk.books.intents.of(each.id for each in couplings)
        if not self.question.asks(*LOOKED_AT) and not intents:
            return [Seen(each) for each in couplings]
        looked = couplings if self.question.asks(*LOOKED_AT) else [each for each in couplings if each.id in intents]
        records, rows = await self._read(looked)
        pairs = {each.id: (records.get(each.bc_id), rows.get(each.crm_id)) for each in looked}
        asks_for_keys = self.question.asks_for_keys
        same = await beside(self.desk, self.question.mapping, _triples(pairs)) if asks_for_keys else {}
        mapping, before = self.question.mapping, self.desk.broken_off_before
        return [
            Seen(
                each,
                *pairs.get(each.id, (None, None)),
                looked=each.id in pairs,
                intent=intents.get(each.id),
                stuck=each.id in intents and intents[each.id].created_at < before,
                same=same.get(each.id),
                gaps=self.gaps.in_pair(mapping, *pairs[each.id]) if self.question.asks_for_owners else (),
            )
            for each in couplings
        ]

    async def _read(self, couplings: Sequence[Coupling]) -> tuple[Mapping[UUID, Found], Mapping[UUID, Found]]:
        mapping = self.question.mapping
        records, rows = await both_sides(mapping, self.desk)
        bc = {each for each in (seller_column(mapping), bc_key_column(mapping)) if each is not None}
        crm = {OWNER} if self.question.asks_for_owners else set()
        return await side_by_side(
            records.by_id((each.bc_id for each in couplings), columns=bc),
            rows.by_id((each.crm_id for each in couplings), columns=crm),
        )


def _triples(
    pairs: Mapping[UUID, tuple[Found | None, Found | None]],
) -> list[tuple[UUID, Found | None, Found | None]]:
    return [(id, record, row) for id, (record, row) in pairs.items()]
