"""A conflict is looked at before a person's choices are carried out: are they about what is there now, and do they settle it?"""

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.couplings.coupling import Coupling
from gateway.errors import ErrorCode, InvalidInputError, RefusalError
from gateway.pairing.presence import side_of
from gateway.records import Backend
from gateway.runs import refusals
from gateway.runs.choices import Choice, Use, choose, token_of
from gateway.runs.configured import Configured
from gateway.runs.planning import BOTH, Seen, decide
from gateway.runs.policy import DEFAULT
from gateway.runs.reading import read_page
from gateway.sync.amounts import read_places
from gateway.sync.desk import Desk
from gateway.sync.differences import Difference
from gateway.sync.mapping import TableMapping


@dataclass(frozen=True, slots=True)
class Wish:
    """What both sides of a field are to hold, as a person says it."""

    field: str
    use: Use
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """What the person looked at is no longer so: this is."""

    differences: Sequence[Difference]


async def chosen(
    desk: Desk, configured: Configured, coupling: Coupling, token: str, wishes: Sequence[Wish]
) -> ReadOnly[str, Choice] | Moved:
    """The choices, if they are about what is there now; nothing is written.

    Args:
        token: :func:`gateway.runs.choices.token_of` what the person looked at.

    Raises:
        InvalidInputError: a field is named twice, is in no conflict, or gets a value that one side cannot take.
        RefusalError: a field in conflict is not named, or the two cannot be synchronized at all.
        BackendError: a system could not be read.
    """
    page = await read_page(desk, configured.mapping, [replace(coupling, skipped=False)], {})
    for _, error in page.unreadable:
        raise error
    (both,) = page.pairs
    if both.seen.there != BOTH:
        raise _deleted(configured.mapping, desk.told(coupling), both.seen)
    differences = both.seen.differences
    if token_of(differences) != token:
        return Moved(differences)
    places = await read_places(desk, configured.mapping.fields)
    conflicts = {each.field.name: each for each in _conflicts(both.seen, configured.mapping)}
    open_ones = decide(both.seen, configured.policy, configured.mapping.direction).conflicts
    if not conflicts:
        raise RefusalError(
            ErrorCode.INVALID_INPUT,
            f"{both.records[Backend.BUSINESS_CENTRAL].named} and {both.records[Backend.DATAVERSE].named} are in no conflict.",
            hint="Synchronize them with synchronizeRecords.",
            records=[each.named for each in both.records.values()],
        )
    choices: dict[str, Choice] = {}
    for each in wishes:
        if each.field in choices:
            raise InvalidInputError(f"The field {each.field} is named twice.", argument="fields")
        if each.field not in conflicts:
            known = ", ".join(conflicts)
            raise InvalidInputError(f"{each.field} is in no conflict; in conflict are {known}.", argument="fields")
        choices[each.field] = choose(conflicts[each.field], each.use, each.value, places)
    if left := [each for each in open_ones if each.field.name not in choices]:
        raise refusals.not_all_chosen(both.records, left)
    return choices


def _conflicts(seen: Seen, mapping: TableMapping) -> Sequence[Difference]:
    """What is in conflict, also where a policy would resolve it."""
    return decide(seen, DEFAULT, mapping.direction).conflicts


def _deleted(mapping: TableMapping, coupling: Coupling, seen: Seen) -> RefusalError:
    gone = [side_of(mapping, coupling, each) for each in Backend if each not in seen.there]
    names = " and ".join(map(str, gone))
    return RefusalError(
        ErrorCode.DELETION_CONFLICT,
        f"There is nothing to choose between: {names} was deleted.",
        hint="Make it anew with restoreRecord, or end the coupling with uncoupleRecords.",
        records=gone,
    )
