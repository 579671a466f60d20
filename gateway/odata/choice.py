"""A choice column of Dataverse, whose options are looked at as if they were rows of a table. Pure.

An option has a number, unique in its column, and a label, but no GUID. Everything that pairs records goes by GUIDs, so an option
gets one that says all there is to say: which column, and which number. It can be told from the option and the option from it,
in every installation alike, without asking anybody.

Sources: Dataverse, "PicklistAttributeMetadata", "OptionMetadata"; RFC 9562, 5.8 UUID Version 8.
"""

from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

KEY, VALUE, LABEL = "optionid", "value", "label"
"""An option as a row: its id, its number as text, what people read."""

_VALUE_BITS = 32
_VALUES = (1 << _VALUE_BITS) - 1
_FIRST, _ROOM = 100_000_000, 900_000_000
"""Where options lie that a publisher adds: its prefix of five digits before four digits of counting.

Source: Dataverse, "Publisher", ``customizationoptionvalueprefix``.
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """A column by its table's and its own logical name, such as ``account`` and ``paymenttermscode``."""

    table: str
    column: str

    def option_id(self, value: int) -> UUID:
        """The id of the option with this number. Raises: ValueError, for a number that no option has."""
        if not 0 <= value <= _VALUES:
            raise ValueError(f"{value} is the number of no option")
        return UUID(int=self._column_bits | value)

    def value_of(self, id: UUID) -> int | None:
        """The number of the option with this id; None when the id is of no option of this column."""
        value = id.int & _VALUES
        return value if self._column_bits | value == id.int else None

    def new_option_id(self, seed: UUID) -> UUID:
        """The id of an option that is still to be created; the same for the same seed.

        So a creation that broke off is found by whoever takes it up, as with rows whose ids are chosen in advance. That two seeds
        meet in one of 900 million numbers is as good as impossible among the few options of a column; then Dataverse refuses.
        """
        return self.option_id(_FIRST + seed.int % _ROOM)

    @property
    def _column_bits(self) -> int:
        """The GUID of option 0 as a number: version 8, variant 10, the column's name in what is left."""
        bits = int.from_bytes(sha256(f"dataverse choice {self.table}.{self.column}".encode()).digest()[:16])
        bits = bits & ~(0xF << 76) | 8 << 76
        bits = bits & ~(0b11 << 62) | 0b10 << 62
        return bits & ~_VALUES
