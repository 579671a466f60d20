"""What the label of an option may be that is named after a code of Business Central.

Business Central reads labels of a choice back as codes of ten characters: two that begin alike would be one code there, and a
comma would end the label.

Source: Business Central, "Handle Missing Option Values".
"""

from collections.abc import Sequence
from uuid import UUID

from gateway.errors import ErrorCode, NamedRecord, RefusalError
from gateway.keys import fold
from gateway.records import Backend
from gateway.sync.desk import Desk
from gateway.sync.mapping import TableMapping
from gateway.sync.records import Found, Records, capital

_TOLD_APART_BY = 10
"""Characters."""


async def label_problems(
    desk: Desk, mapping: TableMapping, wanted: Sequence[tuple[Found, UUID | None]]
) -> list[RefusalError | None]:
    """For each record, and the option that is to be called like its code (None: a new one), why that cannot be.

    One request, whatever the number of records.

    Raises:
        BackendError: the options could not be read.
    """
    options = [each async for page in Records(desk, mapping, Backend.DATAVERSE).pages() for each in page]
    taken: dict[str, tuple[UUID | None, NamedRecord]] = {
        _beginning(each.name): (each.id, each.named) for each in options
    }
    problems: list[RefusalError | None] = []
    for source, option in wanted:
        owner, named = taken.setdefault(_beginning(source.number), (option, source.named))
        clash = named if owner != option or (option is None and named != source.named) else None
        problems.append(_problem(source, clash))
    return problems


def _beginning(label: str | None) -> str:
    return fold((label or "")[:_TOLD_APART_BY])


def _problem(source: Found, clash: NamedRecord | None) -> RefusalError | None:
    if "," in (source.number or ""):
        return RefusalError(
            ErrorCode.INVALID_INPUT,
            f"The code of {source.named} holds a comma, which the label of an option must not.",
            hint="Give it a code without a comma in Business Central.",
            records=[source.named],
        )
    if clash is None:
        return None
    return RefusalError(
        ErrorCode.RECORD_EXISTS,
        f"{capital(clash)} begins with the same {_TOLD_APART_BY} characters as the code of {source.named}, so the two could "
        "not be told apart.",
        hint=f"Couple {source.named} with it, or give one of them another name.",
        records=[source.named, clash],
    )
