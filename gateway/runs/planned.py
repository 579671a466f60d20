"""What a run would do with one pair or record, as a dry run keeps it and people read it. Pure."""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from gateway.couplings.coupling import Coupling, Mapping
from gateway.errors import ErrorCode
from gateway.records import Backend
from gateway.runs.applied import Applied, Problem, Step
from gateway.runs.hints import hint_of
from gateway.runs.planning import BC, CRM, Action, Reason
from gateway.sync.differences import CouplingSide, Difference
from gateway.sync.mapping import Direction, Kind, TableMapping
from gateway.sync.records import Found

_REASONS = {ErrorCode.UPDATE_CONFLICT: Reason.CONFLICT, ErrorCode.DELETION_CONFLICT: Reason.PARTNER_DELETED}


@dataclass(frozen=True, slots=True)
class PlannedField:
    """A field as both sides hold it: as :class:`gateway.sync.differences.Difference`, without the mapping around it.

    ``is_lookup``: the values are what people call other records by.
    """

    field: str
    label: str
    business_central: str | None
    dataverse: str | None
    synchronized: str | None
    changed_side: CouplingSide | None
    direction: Direction
    enabled: bool
    is_lookup: bool = False

    @classmethod
    def of(cls, difference: Difference) -> "PlannedField":
        field = difference.field
        return cls(
            field.name,
            field.label,
            difference.business_central,
            difference.dataverse,
            difference.synchronized,
            difference.changed_side,
            difference.direction,
            field.enabled,
            field.kind is Kind.LOOKUP,
        )

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in PlannedField.__dataclass_fields__}

    @classmethod
    def of_json(cls, said: ReadOnly[str, Any]) -> "PlannedField":
        side = CouplingSide(said["changed_side"]) if said["changed_side"] is not None else None
        return cls(**{**said, "changed_side": side, "direction": Direction(said["direction"])})


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of a plan.

    ``to_bc`` and ``to_crm`` name the fields that each side would get; ``fields`` are those of them that differ now, or those that
    are in conflict. ``partner_id`` is an id for the record that would be made: the plans that come after this one go by it.
    """

    mapping: Mapping
    action: Action
    reason: Reason
    coupling_id: UUID | None = None
    bc_id: UUID | None = None
    bc_number: str | None = None
    bc_name: str | None = None
    crm_id: UUID | None = None
    crm_number: str | None = None
    crm_name: str | None = None
    to_bc: tuple[str, ...] = ()
    to_crm: tuple[str, ...] = ()
    moved: frozenset[Backend] = frozenset()
    fields: tuple[PlannedField, ...] = ()
    code: str | None = None
    message: str | None = None
    hint: str | None = None
    field: str | None = None
    partner_id: UUID | None = None


def planned_steps(mapping: TableMapping, applied: Applied) -> list[PlannedStep]:
    """What became of a page in a dry run, what fails last."""
    return [*(_of_step(mapping, each) for each in applied.steps), *_of_problems(mapping, applied.problems)]


def _of_step(mapping: TableMapping, step: Step) -> PlannedStep:
    names = {name for each in step.write.values() for name in each}
    error, is_child = step.error, step.reason is Reason.ACCOUNT_UNCOUPLED
    return PlannedStep(
        Mapping.CONTACT if is_child else mapping.mapping,
        step.action,
        step.reason,
        step.coupling.id if step.coupling is not None else None,
        **_records(step.records, step.coupling or (step.made if step.action is Action.COUPLE else None)),
        to_bc=tuple(sorted(step.write.get(BC, ()))),
        to_crm=tuple(sorted(step.write.get(CRM, ()))),
        moved=step.moved,
        fields=tuple(PlannedField.of(each) for each in step.differences if each.field.name in names),
        code=str(error.code) if error is not None else None,
        message=error.message if error is not None else None,
        hint=hint_of(error) if error is not None else None,
        partner_id=_new_partner(step),
    )


def _new_partner(step: Step) -> UUID | None:
    if step.made is None or step.action is Action.COUPLE:
        return None
    return step.made.crm_id if BC in step.records else step.made.bc_id


def _of_problems(mapping: TableMapping, problems: Sequence[Problem]) -> Iterator[PlannedStep]:
    for each in problems:
        yield PlannedStep(
            mapping.mapping,
            Action.FAIL,
            _REASONS.get(each.error.code, Reason.NOT_POSSIBLE),
            each.coupling.id if each.coupling is not None else None,
            **_records(each.records, each.coupling),
            moved=each.moved,
            fields=tuple(map(PlannedField.of, each.conflicts)),
            code=str(each.error.code),
            message=each.error.message,
            hint=hint_of(each.error),
            field=each.field,
        )


def _records(records: ReadOnly[Backend, Found], coupling: Coupling | None) -> dict[str, Any]:
    """Both records by name, as far as they are known."""
    bc, crm = records.get(BC), records.get(CRM)
    return {
        "bc_id": bc.id if bc else coupling.bc_id if coupling else None,
        "bc_number": bc.number if bc else coupling.bc_key if coupling else None,
        "bc_name": bc.name if bc else None,
        "crm_id": crm.id if crm else coupling.crm_id if coupling else None,
        "crm_number": crm.number if crm else coupling.crm_key if coupling else None,
        "crm_name": crm.name if crm else None,
    }
