"""The root fields that change couplings, a few lines each."""

from collections.abc import Sequence
from typing import Annotated, Any

import strawberry
from strawberry import Info

from gateway.couplings.coupling import Cause, Coupling
from gateway.errors import ErrorCode, InvalidInputError, RefusalError
from gateway.pairing.couple import Wish, couple
from gateway.pairing.create import create
from gateway.pairing.uncouple import uncouple
from gateway.pairing.uncouple_jobs import UNCOUPLE
from gateway.reading.need import Need
from gateway.reading.row import Row
from gateway.reading.sources import COUPLINGS
from schema.context import Context
from schema.coupling_pages import values_of
from schema.fields import ADMINISTRATORS, READERS, declared, show
from schema.ids import parse_id
from schema.selection import selection_of
from schema.types.couple_records import (
    CoupleRecordsInput,
    CoupleRecordsPayload,
    CoupleRecordsSuccess,
    CouplingJob,
    UncoupleMappingInput,
    UncoupleMappingPayload,
    UncoupleMappingSuccess,
    UncoupleRecordsInput,
    UncoupleRecordsPayload,
    UncoupleRecordsSuccess,
    UncoupleResult,
    named,
)
from schema.types.user_error import UserError

Ask = Info[Context, Any]

_MOST_COUPLINGS = 200


@strawberry.type
class CouplingMutations:
    @strawberry.field(
        description="Couple a record of Business Central with a row of CRM, or create the one that is missing. Both are "
        "looked at on both sides at that moment: they exist, meet the filter of their mapping, and have no other partner.",
        metadata=declared(READERS),
    )
    async def couple_records(
        self, info: Ask, input: Annotated[CoupleRecordsInput, strawberry.argument(description="Which two.")]
    ) -> CoupleRecordsPayload | None:
        need = selection_of(info).inside("CoupleRecordsSuccess", "coupling")
        desk = info.context.desk(input.company)
        try:
            bc, crm = named(input.business_central, "businessCentral"), named(input.dataverse, "dataverse")
            wish = Wish(await desk.mapping(input.mapping), bc, crm, input.synchronize, input.move)
            coupled = await (create(desk, wish) if bc.create or crm.create else couple(desk, wish))
        except (InvalidInputError, RefusalError) as error:
            return UserError.of(error)
        return CoupleRecordsSuccess.of(coupled, await shown(info, coupled.coupling, need))

    @strawberry.field(
        description="End couplings. The mark of the company on CRM's row is blanked; with a customer or a vendor "
        "its contacts are uncoupled and the account's row of statistics in CRM is deleted. No other record is deleted.",
        metadata=declared(READERS),
    )
    async def uncouple_records(
        self, info: Ask, input: Annotated[UncoupleRecordsInput, strawberry.argument(description="Which couplings.")]
    ) -> UncoupleRecordsPayload | None:
        selection_of(info)
        try:
            couplings = await _couplings(info, input)
            results = await uncouple(info.context.desk(couplings[0].company_id), couplings, Cause.MANUAL)
        except (InvalidInputError, RefusalError) as error:
            return UserError.of(error)
        if len(results) == 1 and results[0].problem is not None:
            raise results[0].problem
        told = list(map(UncoupleResult.of, results))
        return UncoupleRecordsSuccess(
            uncoupled_id=next((each.coupling_id for each in told if each.uncoupled), None), results=told
        )

    @strawberry.field(
        description="End all couplings of a mapping in one company, as a job: see `couplingJob`. CRM is changed as by "
        "`uncoupleRecords`.",
        metadata=declared(ADMINISTRATORS),
    )
    async def uncouple_mapping(
        self, info: Ask, input: Annotated[UncoupleMappingInput, strawberry.argument(description="Which.")]
    ) -> UncoupleMappingPayload | None:
        selection_of(info)
        services, company = info.context.services, input.company or info.context.services.company
        try:
            services.require_filled(input.mapping)
        except InvalidInputError as error:
            return UserError.of(error)
        job, count = await services.uncouple_jobs.start(input.mapping, company, info.context.caller.name)
        status = await services.jobs.status(job)
        assert status is not None  # noqa: S101 - it was begun just now
        return UncoupleMappingSuccess(scheduled=count, job=CouplingJob.of(status))


@strawberry.type
class CouplingJobQueries:
    @strawberry.field(description="A job on many couplings.", metadata=declared(ADMINISTRATORS))
    async def coupling_job(
        self, info: Ask, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
    ) -> CouplingJob | None:
        selection_of(info)
        status = await info.context.services.jobs.status(id) if id.startswith(UNCOUPLE) else None
        return CouplingJob.of(status) if status is not None else None


async def _couplings(info: Ask, input: UncoupleRecordsInput) -> Sequence[Coupling]:
    """As :func:`couplings_named`."""
    given = [*([input.coupling_id] if input.coupling_id else []), *(input.coupling_ids or [])]
    return await couplings_named(info, given, argument="couplingId")


async def couplings_named(info: Ask, given: Sequence[str], *, argument: str) -> Sequence[Coupling]:
    """The couplings with these global ids, of one company, in their order.

    Raises:
        InvalidInputError: none or too many are named, or couplings of several companies at once.
        RefusalError: one does not exist.
    """
    ids = [parse_id(each) for each in dict.fromkeys(given)]
    if not 1 <= len(ids) <= _MOST_COUPLINGS:
        raise InvalidInputError(f"Name between 1 and {_MOST_COUPLINGS} couplings.", argument="couplingIds")
    if wrong := next((each for each in ids if each.type_name != "Coupling"), None):
        raise InvalidInputError(f"This is the id of a {wrong.type_name}, not of a coupling.", argument=argument)
    found = await info.context.services.couplings.get_many(each.key for each in ids)
    if any(each.key not in found for each in ids):
        raise RefusalError(
            ErrorCode.NOT_COUPLED,
            "There is no such coupling: it has ended.",
            hint="Look at `couplings`, or at `couplingHistory` for who ended it.",
            argument=argument,
        )
    couplings = [found[each.key] for each in ids]
    if len({each.company_id for each in couplings}) > 1:
        raise InvalidInputError("Couplings of one company at a time.", argument="couplingIds")
    return couplings


async def shown(info: Ask, coupling: Coupling, need: Need | None) -> Any:
    """A coupling as the schema shows it, with what is selected behind it."""
    row = Row(COUPLINGS, coupling.company_id, values_of(coupling))
    if need is not None:
        context = info.context
        await context.reader(coupling.company_id).follow([row], need, after=context.trace.round_trips)
    return show(row)
