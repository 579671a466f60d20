"""How the two records of a pairing are named, and how they are found."""

from dataclasses import dataclass
from uuid import UUID

from gateway.errors import ErrorCode, InvalidInputError, RefusalError
from gateway.reading.lookup import match_key
from gateway.sync.records import Found, Records


@dataclass(frozen=True, slots=True)
class Named:
    """One record by exactly one of these; ``create`` means a new one, made from the other side."""

    id: UUID | None = None
    number: str | None = None
    name: str | None = None
    create: bool = False


async def find(records: Records, named: Named, *, argument: str) -> Found:
    """The one record that is meant, whether or not it meets its mapping's filter.

    Raises:
        RefusalError: there is none, or several have that number or name.
        BackendError: the backend did not say.
    """
    if named.id is not None:
        found = list((await records.by_id([named.id])).values())
        wanted = f"id {named.id}"
    elif named.number is not None:
        alike = await records.by_numbers([named.number])
        found = [each for each in alike if each.number is None or match_key(each.number) == match_key(named.number)]
        wanted = f"number {named.number}"
    elif named.name is not None:
        # CRM overlooks accents and blanks at the end: who is called like that is not the one that was named
        found = [each for each in await records.by_name(named.name) if match_key(each.name) == match_key(named.name)]
        wanted = f"name {named.name}"
    else:
        raise InvalidInputError("Name the record by its id, its number or its name.", argument=argument)
    if len(found) == 1:
        return found[0]
    noun, system = records.table.noun, records.backend.label
    if not found:
        raise RefusalError(
            ErrorCode.RECORD_NOT_FOUND,
            f"There is no {noun} with the {wanted} in {system}.",
            hint="Check it there; a record that was just created may need a moment to be found.",
            argument=argument,
        )
    raise RefusalError(
        ErrorCode.INVALID_INPUT,
        f"{len(found)} records of {system} ({noun}) have the {wanted}.",
        hint="Name the one that is meant by its id.",
        records=[each.named for each in found[:10]],
        argument=argument,
    )
