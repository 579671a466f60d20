"""What is written when one coupled record is synchronized, or a new one is made of it on the other side.

Deciding is pure; what it needs of the backends is read for a whole page at once.

Source: Business Central, codeunit Integration Record Synch., "TransferFields"; table Integration Field Mapping.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from gateway.errors import RefusalError
from gateway.records import Backend, Values
from gateway.sync import refusals
from gateway.sync.comparison import alike, canonical
from gateway.sync.creation import OWNER, UNIT_GROUP, Addition, Units, additions, base_units, bind, company_mark
from gateway.sync.desk import Desk
from gateway.sync.mapping import FieldMapping, Kind, TableMapping
from gateway.sync.names import split
from gateway.sync.records import COMPANY, Found
from gateway.sync.references import References, Referred, read_references, same_reference
from gateway.sync.tables.contact import NAME_PART_ROOM


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is to be written of one record.

    ``values`` are as the write names them; where there is a record already, only what differs. ``base`` is what both sides hold
    afterwards, by field name as canonical text, ``""`` for a blank; a field that stays different is not in it. ``then`` are
    updates that a new row needs besides, in their order.
    """

    values: Values
    base: Mapping[str, str | None]
    then: tuple[Values, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """A record, and the one of the other side that is to be like it; None where a new one is to be made."""

    source: Found
    target: Found | None


async def prepare_each(
    desk: Desk, mapping: TableMapping, *, to: Backend, pairs: Sequence[Pair]
) -> list[Prepared | RefusalError]:
    """What is to be written of each record, or why it cannot be; nothing is written here.

    Raises:
        BackendError: what the records refer to could not be looked up.
    """
    if not mapping.direction.goes_to(to):
        return [refusals.wrong_way(mapping, to) for _ in pairs]
    fields = [each for each in mapping.fields if each.is_written_to(to)]
    records = [record for pair in pairs for record in (pair.source, pair.target) if record is not None]
    references = await read_references(desk, fields, records)
    setting = _Setting(fields, to, references, await _mark(desk, mapping, to, pairs))
    fresh = [pair.source for pair in pairs if pair.target is None]
    units = await base_units(desk, mapping, _groups(setting, pairs))
    added = iter(await additions(desk, mapping, to=to, sources=fresh) if fresh else ())
    return [_prepared(setting, pair, next(added) if pair.target is None else None, units) for pair in pairs]


async def _mark(desk: Desk, mapping: TableMapping, to: Backend, pairs: Sequence[Pair]) -> Values:
    """What marks a row of CRM as the company's; asked for when there is a row that lacks it."""
    lacking = any(pair.target is None or _is_unmarked(pair.target) for pair in pairs)
    return await company_mark(desk, mapping) if to is Backend.DATAVERSE and mapping.in_company and lacking else {}


def _is_unmarked(row: Found) -> bool:
    return COMPANY in row.values and row.values[COMPANY] is None


@dataclass(frozen=True, slots=True)
class _Setting:
    """What is the same for all records of a page."""

    fields: Sequence[FieldMapping]
    to: Backend
    references: References
    mark: Values


@dataclass(slots=True)
class _Draft:
    """One record while it is decided on."""

    pair: Pair
    values: dict[str, object] = field(default_factory=dict)
    base: dict[str, str | None] = field(default_factory=dict)


def _groups(setting: _Setting, pairs: Sequence[Pair]) -> list[Referred]:
    """The unit groups that products are about to get: their base units come with them."""
    units = [each for each in setting.fields if each.crm == UNIT_GROUP]
    if setting.to is Backend.BUSINESS_CENTRAL:
        return []
    wanted: list[Referred] = []
    for each in units:
        for pair in pairs:
            new, old = _both(setting, each, pair)
            if old is None or not same_reference(each, new, old):
                wanted.append(new)
    return wanted


def _both(setting: _Setting, field: FieldMapping, pair: Pair) -> tuple[Referred, Referred | None]:
    """What a look-up of the record, and of its partner, leads to."""
    source, target = pair.source, pair.target
    new = setting.references.of(field, source.table.source.backend, source.values)
    return new, setting.references.of(field, setting.to, target.values) if target is not None else None


def _prepared(
    setting: _Setting, pair: Pair, addition: Addition | RefusalError | None, units: Units
) -> Prepared | RefusalError:
    if isinstance(addition, RefusalError):
        return addition
    draft = _Draft(pair)
    try:
        for each in setting.fields:
            if each.kind is Kind.LOOKUP:
                _transfer_reference(setting, each, draft, units)
            else:
                _transfer_value(setting, each, draft)
    except RefusalError as refusal:
        return refusal
    if addition is not None:
        return Prepared(
            {**addition.values, **setting.mark, **draft.values}, {**draft.base, **addition.base}, addition.then
        )
    if pair.target is not None and _is_unmarked(pair.target):
        draft.values |= setting.mark
    return Prepared(draft.values, draft.base)


def _transfer_value(setting: _Setting, field: FieldMapping, draft: _Draft) -> None:
    """Raises: RefusalError, ProtocolError."""
    pair, to = draft.pair, setting.to
    text = canonical(field, pair.source.table.source.backend, pair.source.values)
    is_blank = text == "" or (field.kind is Kind.DECIMAL and text == "0")
    if field.not_null and is_blank:
        return
    there = pair.target  # a new record has nothing there
    if not (is_blank if there is None else alike(field.kind, text, canonical(field, to, there.values))):
        _check(field, pair, to, text)
        draft.values |= _written(field, to, text)
    draft.base[field.name] = text


def _check(field: FieldMapping, pair: Pair, to: Backend, text: str) -> None:
    """Raises: RefusalError, when the other system would not take it."""
    if field.given_by_bc if to is Backend.BUSINESS_CENTRAL else field.once and pair.target is not None:
        raise refusals.cannot_be_set(field, pair.source, to=to)
    room, longest = field.room(to), len(text)
    if to is Backend.DATAVERSE and field.parts:
        room, longest = NAME_PART_ROOM, max(map(len, split(text)))
    if room is not None and longest > room:
        raise refusals.too_long(field, pair.source, to=to, length=longest, room=room)


def _written(field: FieldMapping, to: Backend, text: str) -> Values:
    """A value as the write names it; a blank text is null in CRM and ``""`` in Business Central."""
    if to is Backend.DATAVERSE and field.parts:
        parts = dict(zip(field.parts, split(text), strict=True))
        return {name: part or None for name, part in parts.items()}
    name = field.bc if to is Backend.BUSINESS_CENTRAL else field.crm
    if field.kind is Kind.DECIMAL:
        return {name: Decimal(text)}
    if to is Backend.DATAVERSE or field.kind is Kind.DATE:
        return {name: text or None}
    return {name: text}


def _transfer_reference(setting: _Setting, field: FieldMapping, draft: _Draft, units: Units) -> None:
    """Raises: RefusalError, when what the record refers to is not coupled."""
    pair, to = draft.pair, setting.to
    new, old = _both(setting, field, pair)
    if old is not None and same_reference(field, *_sides(to, new, old)):
        draft.base[field.name] = new.text
        return
    blank = new.record is None and new.crm is None
    if blank and old is None:  # a new record has nothing there, and a new row of CRM belongs to a team
        draft.base[field.name] = ""
    if blank and (field.not_null or field.crm == OWNER or old is None):
        return  # who owns a row stays its owner
    if new.complete or not field.clear_on_failed:
        draft.base[field.name] = new.text
    elif old is None:
        return
    draft.values |= _reference(field, pair, to, new, units)


def _sides(to: Backend, new: Referred, old: Referred) -> tuple[Referred, Referred]:
    """Business Central's side and CRM's."""
    return (new, old) if to is Backend.DATAVERSE else (old, new)


def _reference(field: FieldMapping, pair: Pair, to: Backend, new: Referred, units: Units) -> Values:
    """Raises: RefusalError."""
    if not new.complete and not field.clear_on_failed:
        assert new.record is not None  # noqa: S101 - a blank is complete
        raise refusals.not_coupled(field, pair.source, new.record, to=to)
    if to is Backend.BUSINESS_CENTRAL:
        if field.given_by_bc:
            raise refusals.cannot_be_set(field, pair.source, to=to)
        known = new if new.complete else Referred()
        return {field.bc: (known.code or "") if field.by_code else known.bc and str(known.bc)}
    return bind(field, new.crm if new.complete else None) | units.of(field, new)
