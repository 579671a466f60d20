"""Global ids: which type, in which company, which row. Opaque to callers."""

import base64
import binascii
from dataclasses import dataclass
from uuid import UUID

from gateway.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class GlobalId:
    """``company`` is the one the row was seen from; a Dataverse row means the same in all of them."""

    type_name: str
    company: UUID
    key: UUID

    def __str__(self) -> str:
        text = f"{self.type_name}:{self.company}:{self.key}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parse_id(text: str) -> GlobalId:
    """Take an id apart again.

    Raises:
        InvalidInputError: it is none of ours.
    """
    try:
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        type_name, company, key = decoded.split(":")
        return GlobalId(type_name, UUID(company), UUID(key))
    except (ValueError, binascii.Error) as error:
        raise InvalidInputError("This is not an id this API has given out.", argument="id") from error
