"""In which mapped fields two coupled records differ now, and which side moved since they were synchronized.

Source: Business Central, page CRM Coupling Record, which compares the fields of both sides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from gateway.couplings.coupling import Coupling
from gateway.errors import ProtocolError
from gateway.records import Backend
from gateway.sync.amounts import currency_of, is_foreign, read_places
from gateway.sync.comparison import AT_MOST, Places, agree, alike, canonical, recalled, text_of, value_of
from gateway.sync.desk import Desk
from gateway.sync.mapping import Direction, FieldMapping, Kind, TableMapping
from gateway.sync.records import Found
from gateway.sync.references import References, Referred, read_references, same_reference, says_something


class CouplingSide(StrEnum):
    """Which of the two records."""

    BUSINESS_CENTRAL = "BUSINESS_CENTRAL"
    DATAVERSE = "DATAVERSE"
    BOTH = "BOTH"


@dataclass(frozen=True, slots=True)
class Pairing:
    """A coupling with both its records as they were just read."""

    coupling: Coupling
    bc: Found
    crm: Found


@dataclass(frozen=True, slots=True)
class Difference:
    """One field. Values are texts, None for a blank; ``synchronized`` is what both sides held, None for a blank or not known."""

    field: FieldMapping
    business_central: str | None
    dataverse: str | None
    synchronized: str | None
    changed_side: CouplingSide | None
    direction: Direction


async def read_differences(
    desk: Desk, mapping: TableMapping, pairings: Sequence[Pairing]
) -> list[list[Difference] | ProtocolError]:
    """The differences of each pair, or what of it cannot be so; their look-ups are translated together.

    Raises:
        BackendError: a look-up could not be made.
        DatabaseError: our own database cannot be used.
    """
    records = [record for each in pairings for record in (each.bc, each.crm)]
    references = await read_references(desk, mapping.fields, records)
    places = await read_places(desk, mapping.fields)
    found: list[list[Difference] | ProtocolError] = []
    for each in pairings:
        try:
            found.append(list(differences_of(mapping, each, references, places)))
        except ProtocolError as error:
            found.append(error)
    return found


def differences_of(
    mapping: TableMapping, pairing: Pairing, references: References, places: Places = AT_MOST
) -> Iterator[Difference]:
    """Raises: ProtocolError."""
    moved = _moved(pairing)
    foreign = is_foreign(currency_of(mapping.fields), references, pairing.bc.values)
    for field in mapping.fields:
        if (foreign and field.money is not None) or _goes_alone(field, mapping, pairing):
            continue
        texts = _referred(field, pairing, references) if field.kind is Kind.LOOKUP else _values(field, pairing, places)
        if texts is None or _stays_blank(field, mapping, *texts):
            continue
        known = _known(field, recalled(field, pairing.coupling.base or {}), places)
        yield Difference(
            field=field,
            business_central=_shown(field, pairing, Backend.BUSINESS_CENTRAL, texts[0]),
            dataverse=_shown(field, pairing, Backend.DATAVERSE, texts[1]),
            synchronized=known or None,
            changed_side=moved if known is None else _changed(field, known, *texts),
            direction=direction_of(mapping, field),
        )


def _known(field: FieldMapping, base: str | None, places: Places) -> str | None:
    """What both sides held, with the decimals of today."""
    if field.money is None or not base:
        return base
    return text_of(field.kind, places.rounded(field.money, Decimal(base)))


def _goes_alone(field: FieldMapping, mapping: TableMapping, pairing: Pairing) -> bool:
    """Whether the field that this one goes along with is a blank that is never written."""
    along = mapping.field(field.along) if field.along is not None else None
    if along is None:
        return False
    return _stays_blank(along, mapping, canonical(along, Backend.BUSINESS_CENTRAL, pairing.bc.values), "")


def _values(field: FieldMapping, pairing: Pairing, places: Places) -> tuple[str, str] | None:
    """Both sides, when they differ."""
    bc = canonical(field, Backend.BUSINESS_CENTRAL, pairing.bc.values, places)
    crm = canonical(field, Backend.DATAVERSE, pairing.crm.values, places)
    return None if agree(field, bc, crm) else (bc, crm)


def _referred(field: FieldMapping, pairing: Pairing, references: References) -> tuple[str, str] | None:
    bc = references.of(field, Backend.BUSINESS_CENTRAL, pairing.bc.values)
    crm = references.of(field, Backend.DATAVERSE, pairing.crm.values)
    if same_reference(field, bc, crm) or (
        field.optional and not says_something(bc, crm) and not says_something(crm, bc)
    ):
        return None
    return _text(bc), _text(crm)


def _text(referred: Referred) -> str:
    return referred.text


def _stays_blank(field: FieldMapping, mapping: TableMapping, bc: str, crm: str) -> bool:
    """A blank that goes one way only and is never written (Not Null) is no difference: nothing would ever come of it."""
    if not field.not_null:
        return False
    match direction_of(mapping, field):
        case Direction.TO_INTEGRATION_TABLE:
            return field.arriving(Backend.DATAVERSE, bc) in ("", "0")
        case Direction.FROM_INTEGRATION_TABLE:
            return field.arriving(Backend.BUSINESS_CENTRAL, crm) in ("", "0")
    return False


def _shown(field: FieldMapping, pairing: Pairing, backend: Backend, text: str) -> str | None:
    """The value as that side keeps it: a number it does not have is none, one below 0 is not 0."""
    if field.kind is not Kind.DECIMAL:
        return text or None
    found = pairing.bc if backend is Backend.BUSINESS_CENTRAL else pairing.crm
    value = value_of(field, backend, found.values)
    return text_of(field.kind, value) if value is not None else None


def direction_of(mapping: TableMapping, field: FieldMapping) -> Direction:
    """A mapping that goes one way forces its fields to go that way.

    Source: Business Central, table Integration Field Mapping.
    """
    return field.direction if mapping.direction is Direction.BIDIRECTIONAL else mapping.direction


def changed_side(kind: Kind, synchronized: str, bc: str, crm: str) -> CouplingSide | None:
    """Which side is no longer as it was synchronized."""
    fold = Kind.CODE if kind is Kind.LOOKUP else kind  # look-ups are texts of codes
    return _side(bc=not alike(fold, synchronized, bc), crm=not alike(fold, synchronized, crm))


def _changed(field: FieldMapping, synchronized: str, bc: str, crm: str) -> CouplingSide | None:
    """As :func:`changed_side`; what was synchronized is Business Central's text."""
    if field.meaning is None:
        return changed_side(field.kind, synchronized, bc, crm)
    return _side(bc=not alike(field.kind, synchronized, bc), crm=not agree(field, synchronized, crm))


def _moved(pairing: Pairing) -> CouplingSide | None:
    """Which record changed since the last synchronization, by its own moment of change."""
    coupling = pairing.coupling
    return _side(
        bc=_is_later(pairing.bc.modified_at, coupling.bc_modified_at),
        crm=_is_later(pairing.crm.modified_at, coupling.crm_modified_at),
    )


def _is_later(now: datetime | None, then: datetime | None) -> bool:
    return now is not None and then is not None and now > then


def _side(*, bc: bool, crm: bool) -> CouplingSide | None:
    if bc and crm:
        return CouplingSide.BOTH
    return CouplingSide.BUSINESS_CENTRAL if bc else CouplingSide.DATAVERSE if crm else None
