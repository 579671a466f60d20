"""The addresses of documents (data): where goods go, and who pays."""

from gateway.sync.mapping import Direction, FieldMapping, Kind

_PARTS = (
    ("AddressLine1", "Address", "line1", Kind.TEXT, (100, 250)),
    ("AddressLine2", "Address 2", "line2", Kind.TEXT, (50, 250)),
    ("City", "City", "city", Kind.TEXT, (30, 80)),
    ("Country", "Country/Region Code", "country", Kind.CODE, (10, 80)),
    ("PostCode", "Post Code", "postalcode", Kind.CODE, (20, 20)),
    ("State", "County", "stateorprovince", Kind.TEXT, (30, 50)),
)


def ship_to(direction: Direction) -> tuple[FieldMapping, ...]:
    return _address("shipTo", "Ship-to", "shipto", direction)


def bill_to(direction: Direction) -> tuple[FieldMapping, ...]:
    return _address("billTo", "Bill-to", "billto", direction)


def _address(bc: str, label: str, crm: str, direction: Direction) -> tuple[FieldMapping, ...]:
    """Business Central's API takes no bill-to address: it shows the customer's."""
    name = FieldMapping(f"{bc}Name", f"{label} Name", f"{bc}Name", f"{crm}_name", direction, longest=(100, 200))
    parts = (
        FieldMapping(
            f"{bc}{part}", f"{label} {caption}", f"{bc}{part}", f"{crm}_{column}", direction, kind, longest=room
        )
        for part, caption, column, kind, room in _PARTS
    )
    return (name, *parts)
