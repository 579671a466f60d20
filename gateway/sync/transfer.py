"""What is written when one coupled record is synchronized, or a new one is made of it on the other side.

Deciding is pure; what it needs of the backends is read for a whole page at once.

Source: Business Central, codeunit Integration Record Synch., "TransferFields"; table Integration Field Mapping.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from gateway.errors import ProtocolError, RefusalError
from gateway.records import Backend, Values
from gateway.sync import refusals
from gateway.sync.amounts import currency_of, is_foreign, is_local, read_places
from gateway.sync.comparison import Places, agree, canonical, remembered
from gateway.sync.computed import computed
from gateway.sync.creation import OWNER, UNIT_GROUP, Addition, Units, additions, base_units, bind, company_mark
from gateway.sync.desk import Desk
from gateway.sync.line_changes import MARK, Document, LineChanges, LineWrite, digest_of, line_changes
from gateway.sync.lines import NewLine, NewLines, new_lines
from gateway.sync.mapping import FieldMapping, Kind, TableMapping
from gateway.sync.mappings import TableMappings
from gateway.sync.names import split
from gateway.sync.records import COMPANY, Found
from gateway.sync.references import References, Referred, read_references, same_reference, says_something
from gateway.sync.tables.contact import NAME_PART_ROOM

LINES: Final = "lines"
"""Beside the fields that are written: the rows below the row."""

_MIDNIGHT: Final = "T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is to be written of one record.

    ``values`` are as the write names them; where there is a record already, only what differs. ``base`` is what both sides hold
    afterwards, by field name as canonical text, ``""`` for a blank; a field that stays different is not in it. ``then`` are
    updates that a new row needs besides, in their order; ``lines`` are made with a new row, or it is not made. ``below`` is what
    is done to the lines of a row that is there. ``fields`` names what is written as people know it: mapped fields by their name,
    others by their column.
    """

    values: Values
    base: Mapping[str, str | None]
    then: tuple[Values, ...] = ()
    lines: tuple[NewLine, ...] = ()
    below: tuple[LineWrite, ...] = ()
    fields: frozenset[str] = frozenset()

    @property
    def writes(self) -> bool:
        """Whether there is anything to be written."""
        return bool(self.values or self.below)


@dataclass(frozen=True, slots=True)
class Pair:
    """A record, and the one of the other side that is to be like it; None where a new one is to be made.

    ``only`` names the mapped fields that may be written; None: all of them. What differs besides stays as it is on both sides.
    ``digest`` is what is known of the lines that were written last, see :class:`gateway.sync.line_changes.Document`.
    """

    source: Found
    target: Found | None
    only: frozenset[str] | None = None
    digest: str | None = None

    def leaves(self, field: FieldMapping) -> bool:
        """Whether the field is not to be written, although it differs."""
        return self.only is not None and field.name not in self.only


async def prepare_each(
    desk: Desk,
    mapping: TableMapping,
    *,
    to: Backend,
    pairs: Sequence[Pair],
    references: References | None = None,
) -> list[Prepared | RefusalError]:
    """What is to be written of each record, or why it cannot be; nothing is written here.

    A record that holds what cannot be so is refused by itself. ``references`` are those of all these records, if somebody has
    read them already.

    Raises:
        BackendError: what the records refer to could not be looked up.
    """
    if not mapping.direction.goes_to(to):
        return [refusals.wrong_way(mapping, to) for _ in pairs]
    fields = [each for each in mapping.fields if each.is_written_to(to)]
    records = [record for pair in pairs for record in (pair.source, pair.target) if record is not None]
    references = references or await read_references(desk, fields, records)
    money = [each for each in fields if each.money is not None and to is Backend.DATAVERSE]
    places = await read_places(desk, money)
    mark = await _mark(desk, mapping, to, pairs)
    setting = _Setting(fields, to, references, mark, places, currency_of(fields), desk.tables)
    fresh = [pair.source for pair in pairs if pair.target is None]
    units = await base_units(desk, mapping, _groups(setting, pairs))
    added = iter(await additions(desk, mapping, to=to, sources=fresh) if fresh else ())
    below = iter(await new_lines(desk, mapping, to=to, sources=fresh))
    known = [(pair.source, pair.target) for pair in pairs if pair.target is not None]
    worked_out = iter(await computed(desk, mapping, to=to, pairs=known))
    besides = [next(added) if pair.target is None else _as_addition(next(worked_out)) for pair in pairs]
    prepared = [_prepared(setting, pair, more, units) for pair, more in zip(pairs, besides, strict=True)]
    documents = [Document(pair.source, pair.target, pair.digest) for pair in pairs if pair.target is not None]
    changed = iter(await line_changes(desk, mapping, to=to, documents=documents))
    follow = mapping.lines is not None and mapping.lines.follow
    return [
        _with_lines(each, next(below), follow=follow) if pair.target is None else _with_changes(each, next(changed))
        for pair, each in zip(pairs, prepared, strict=True)
    ]


def _with_lines(prepared: Prepared | RefusalError, lines: NewLines, *, follow: bool) -> Prepared | RefusalError:
    if isinstance(prepared, RefusalError):
        return prepared
    if isinstance(lines, RefusalError):
        return lines
    base = {**prepared.base, MARK: digest_of(lines)} if follow else prepared.base
    return replace(prepared, lines=lines, base=base)


def _with_changes(prepared: Prepared | RefusalError, lines: LineChanges | RefusalError) -> Prepared | RefusalError:
    if isinstance(prepared, RefusalError):
        return prepared
    if isinstance(lines, RefusalError):
        return lines
    base = {**prepared.base, MARK: lines.digest} if lines.digest is not None else prepared.base
    fields = prepared.fields | {LINES} if lines.writes else prepared.fields
    return replace(prepared, below=lines.writes, base=base, fields=fields)


def _as_addition(values: Values | RefusalError) -> Addition | RefusalError:
    return values if isinstance(values, RefusalError) else Addition(values)


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
    places: Places
    currency: FieldMapping | None
    tables: TableMappings

    def text(self, field: FieldMapping, backend: Backend, values: Values) -> str:
        """As :func:`canonical`, with the decimals that CRM keeps. Raises: ProtocolError."""
        return canonical(field, backend, values, self.places)

    def leaves_out(self, field: FieldMapping, text: str) -> bool:
        """Whether that is a blank that is never written."""
        return field.not_null and _is_blank(field, text)


def _is_blank(field: FieldMapping, text: str) -> bool:
    return (
        text == "" or (field.kind is Kind.DECIMAL and text == "0") or (field.kind is Kind.BOOLEAN and text == "false")
    )


@dataclass(slots=True)
class _Draft:
    """One record while it is decided on."""

    pair: Pair
    values: dict[str, object] = field(default_factory=dict)
    base: dict[str, str | None] = field(default_factory=dict)
    fields: set[str] = field(default_factory=set)

    def write(self, field: FieldMapping, values: Values) -> None:
        """What the field is written as; nothing: it is not written."""
        self.values |= values
        if values:
            self.fields.add(field.name)


def _groups(setting: _Setting, pairs: Sequence[Pair]) -> list[Referred]:
    """The unit groups that products are about to get: their base units come with them."""
    units = [each for each in setting.fields if each.crm == UNIT_GROUP]
    if setting.to is Backend.BUSINESS_CENTRAL:
        return []
    wanted: list[Referred] = []
    for each in units:
        for pair in pairs:
            try:
                new, old = _both(setting, each, pair)
            except ProtocolError:  # the record is refused when its turn comes
                continue
            if old is None or not same_reference(each, new, old):
                wanted.append(new)
    return wanted


def _both(setting: _Setting, field: FieldMapping, pair: Pair) -> tuple[Referred, Referred | None]:
    """What a look-up of the record, and of its partner, leads to."""
    source, target = pair.source, pair.target
    new = setting.references.of(field, source.table.source.backend, source.values)
    return new, setting.references.of(field, setting.to, target.values) if target is not None else None


def _prepared(setting: _Setting, pair: Pair, besides: Addition | RefusalError, units: Units) -> Prepared | RefusalError:
    """``besides`` the mapped fields."""
    if isinstance(besides, RefusalError):
        return besides
    draft = _Draft(pair)
    try:
        for record in (pair.source, pair.target):
            _ = record and record.modified_at  # the coupling will remember it
        for each in setting.fields:
            if each.new_only and pair.target is not None:
                continue
            if each.kind is Kind.LOOKUP:
                _transfer_reference(setting, each, draft, units)
            else:
                _transfer_value(setting, each, draft)
    except RefusalError as refusal:
        return refusal
    except ProtocolError as error:
        return refusals.unreadable(pair.source, pair.target, error)
    mark = setting.mark if pair.target is None or _is_unmarked(pair.target) else {}
    more = {**besides.values, **mark}
    return Prepared(
        {**more, **draft.values},
        {**draft.base, **besides.base},
        besides.then,
        fields=frozenset(draft.fields | set(map(column_written, more))),
    )


def column_written(name: str) -> str:
    """A column by its name, which a write gives otherwise where it binds a look-up."""
    return name.removesuffix("@odata.bind")


def _transfer_value(setting: _Setting, field: FieldMapping, draft: _Draft) -> None:
    """Raises: RefusalError, ProtocolError."""
    pair, to = draft.pair, setting.to
    if field.money is not None and is_foreign(setting.currency, setting.references, pair.source.values):
        if pair.leaves(field):
            return
        draft.write(field, _foreign(setting, field, pair))
        return
    text = setting.text(field, pair.source.table.source.backend, pair.source.values)
    new = field.arriving(to, text)
    if setting.leaves_out(field, new):
        return
    there = pair.target  # a new record has nothing there
    old = setting.text(field, to, there.values) if there is not None else ""
    held = text if to is Backend.DATAVERSE else old
    if not (_is_blank(field, new) if there is None else agree(field, *_ordered(to, text, old))):
        if pair.leaves(field):
            return
        _check(field, pair, to, new)
        draft.write(field, _written(field, to, new))
        held = text if to is Backend.DATAVERSE else new
    draft.base |= remembered(field, held)


def _ordered(to: Backend, source: str, target: str) -> tuple[str, str]:
    """Business Central's text and CRM's."""
    return (source, target) if to is Backend.DATAVERSE else (target, source)


def _foreign(setting: _Setting, field: FieldMapping, pair: Pair) -> Values:
    """An amount in local currency is not written where the row is in another one; what the row had before it was, goes.

    Raises:
        ProtocolError: the row holds what cannot be so.
    """
    there = pair.target
    if there is None or setting.currency is None or not is_local(setting.currency, setting.references, there.values):
        return {}
    return {} if _is_blank(field, setting.text(field, setting.to, there.values)) else {field.crm: None}


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
    if field.kind is Kind.BOOLEAN:
        return {name: text == "true"}
    if to is Backend.DATAVERSE or field.kind is Kind.DATE:
        return {name: (f"{text}{_MIDNIGHT}" if text and field.at_midnight else text) or None}
    return {name: text}


def _transfer_reference(setting: _Setting, field: FieldMapping, draft: _Draft, units: Units) -> None:
    """
    Raises:
        RefusalError: what the record refers to is not coupled.
        ProtocolError: a record holds what is no look-up.
    """
    pair, to = draft.pair, setting.to
    if pair.target is not None and _goes_alone(setting, field, pair.source):
        return
    new, old = _both(setting, field, pair)
    if old is not None and same_reference(field, *_sides(to, new, old)):
        draft.base |= remembered(field, new.text)
        return
    if pair.leaves(field):
        return
    blank = new.record is None and new.crm is None
    if blank and old is None:  # a new record has nothing there, and a new row of CRM belongs to a team
        draft.base |= remembered(field, "")
    if blank and (field.not_null or field.crm == OWNER or old is None):
        return  # who owns a row stays its owner
    if field.optional and not says_something(new, old):
        return
    if new.complete or not field.clear_on_failed:
        draft.base |= remembered(field, new.text)
    elif old is None:
        return
    if pair.target is not None and field.once:
        raise refusals.cannot_be_set(field, pair.source, to=to)
    if pair.target is not None and field.fixed_by and pair.target.values.get(field.fixed_by) is not None:
        raise refusals.fixed_currency(pair.source, pair.target)
    draft.write(field, _reference(setting, field, pair, new, units))


def _goes_alone(setting: _Setting, field: FieldMapping, source: Found) -> bool:
    """Whether the field that this one goes along with is not written. Raises: ProtocolError."""
    others = [each for each in setting.fields if each.name == field.along]
    backend = source.table.source.backend
    return any(setting.leaves_out(each, setting.text(each, backend, source.values)) for each in others)


def _sides(to: Backend, new: Referred, old: Referred) -> tuple[Referred, Referred]:
    """Business Central's side and CRM's."""
    return (new, old) if to is Backend.DATAVERSE else (old, new)


def _reference(setting: _Setting, field: FieldMapping, pair: Pair, new: Referred, units: Units) -> Values:
    """Raises: RefusalError."""
    to = setting.to
    if not new.complete and not field.clear_on_failed:
        assert new.record is not None  # noqa: S101 - a blank is complete
        raise refusals.not_coupled(field, pair.source, new.record, to=to)
    if to is Backend.BUSINESS_CENTRAL:
        if field.given_by_bc:
            raise refusals.cannot_be_set(field, pair.source, to=to)
        known = new if new.complete else Referred()
        return {field.bc: (known.code or "") if field.by_code else known.bc and str(known.bc)}
    return bind(field, new.crm if new.complete else None, setting.tables) | units.of(field, new)
