"""The keys a single record may be asked for by, and how each is looked up."""

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import strawberry

from gateway.errors import GatewayError, InvalidInputError
from gateway.odata.query import Value
from gateway.reading.lookup import match_key
from gateway.reading.need import Need, Source
from gateway.reading.reader import Reader
from gateway.reading.row import Failure, Row
from gateway.reading.sources import ACCOUNTS, CUSTOMERS, ITEMS, PRODUCTS, SALESPERSONS, SYSTEM_USERS, VENDORS
from gateway.reading.values import usable
from schema.enums import Mapping

_KEY = "key"
_LONGEST_KEY = 250


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """How a key finds its row.

    ``OWN``: a property that is unique in the row's own set; ``OWN_NATURAL``: one the backend does not promise to be unique;
    ``PARTNER``: the partner's primary key, through the coupling; ``PARTNER_NATURAL``: the partner's natural key.
    """

    kind: Literal["OWN", "OWN_NATURAL", "PARTNER", "PARTNER_NATURAL"]
    column: str
    mapping: str = ""
    partner: Source | None = None


def _by(key: Key, description: str) -> Any:
    return strawberry.field(default=strawberry.UNSET, description=description, metadata={_KEY: key})


def _own(column: str, description: str) -> Any:
    return _by(Key("OWN", column), description)


def _natural(column: str, description: str) -> Any:
    return _by(Key("OWN_NATURAL", column), description)


def _partner(mapping: str, partner: Source, description: str) -> Any:
    return _by(Key("PARTNER", partner.key, mapping, partner), description)


def _partner_natural(mapping: str, partner: Source, description: str) -> Any:
    return _by(Key("PARTNER_NATURAL", partner.natural_key or "", mapping, partner), description)


@strawberry.input(one_of=True, description="One key of a customer.")
class CustomerBy:
    number: str | None = _own("number", "Customer number.")
    system_id: UUID | None = _own("id", "Business Central SystemId.")
    account_id: UUID | None = _partner("CUSTOMER", ACCOUNTS, "Dataverse id of the coupled account.")
    account_number: str | None = _partner_natural("CUSTOMER", ACCOUNTS, "Number of the coupled account.")


@strawberry.input(one_of=True, description="One key of a vendor.")
class VendorBy:
    number: str | None = _own("number", "Vendor number.")
    system_id: UUID | None = _own("id", "Business Central SystemId.")
    account_id: UUID | None = _partner("VENDOR", ACCOUNTS, "Dataverse id of the coupled account.")
    account_number: str | None = _partner_natural("VENDOR", ACCOUNTS, "Number of the coupled account.")


@strawberry.input(one_of=True, description="One key of an item.")
class ItemBy:
    number: str | None = _own("number", "Item number.")
    system_id: UUID | None = _own("id", "Business Central SystemId.")
    product_id: UUID | None = _partner("ITEM", PRODUCTS, "Dataverse id of the coupled product.")
    product_number: str | None = _partner_natural("ITEM", PRODUCTS, "Number of the coupled product.")


@strawberry.input(one_of=True, description="One key of a salesperson.")
class SalespersonBy:
    code: str | None = _own("code", "Salesperson code.")
    system_id: UUID | None = _own("id", "Business Central SystemId.")
    user_id: UUID | None = _partner("SALESPERSON", SYSTEM_USERS, "Dataverse id of the coupled user.")
    user_email: str | None = _partner_natural("SALESPERSON", SYSTEM_USERS, "Primary e-mail of the coupled user.")


@strawberry.input(one_of=True, description="One key of an account.")
class AccountBy:
    account_id: UUID | None = _own("accountid", "Primary key in Dataverse.")
    account_number: str | None = _natural("accountnumber", "Account number.")
    customer_number: str | None = _partner_natural("CUSTOMER", CUSTOMERS, "Number of the coupled customer.")
    customer_system_id: UUID | None = _partner("CUSTOMER", CUSTOMERS, "SystemId of the coupled customer.")
    vendor_number: str | None = _partner_natural("VENDOR", VENDORS, "Number of the coupled vendor.")
    vendor_system_id: UUID | None = _partner("VENDOR", VENDORS, "SystemId of the coupled vendor.")


@strawberry.input(one_of=True, description="One key of a product.")
class ProductBy:
    product_id: UUID | None = _own("productid", "Primary key in Dataverse.")
    product_number: str | None = _natural("productnumber", "Product number.")
    item_number: str | None = _partner_natural("ITEM", ITEMS, "Number of the coupled item.")
    item_system_id: UUID | None = _partner("ITEM", ITEMS, "SystemId of the coupled item.")


@strawberry.input(one_of=True, description="One key of a user.")
class SystemUserBy:
    user_id: UUID | None = _own("systemuserid", "Primary key in Dataverse.")
    email: str | None = _natural("internalemailaddress", "Primary e-mail address.")
    salesperson_code: str | None = _partner_natural("SALESPERSON", SALESPERSONS, "Code of the coupled salesperson.")
    salesperson_system_id: UUID | None = _partner("SALESPERSON", SALESPERSONS, "SystemId of the coupled salesperson.")


@strawberry.input(one_of=True, description="One key of an opportunity.")
class OpportunityBy:
    opportunity_id: UUID | None = _own("opportunityid", "Primary key in Dataverse.")


@strawberry.input(description="A record of a coupling.")
class CoupledRecord:
    mapping: Mapping = strawberry.field(description="Which tables.")
    id: UUID = strawberry.field(description="SystemId in Business Central, or primary key in Dataverse.")


@strawberry.input(one_of=True, description="One key of a coupling.")
class CouplingBy:
    id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="Global id of the coupling.")
    business_central: CoupledRecord | None = strawberry.field(
        default=strawberry.UNSET, description="Its Business Central record."
    )
    dataverse: CoupledRecord | None = strawberry.field(default=strawberry.UNSET, description="Its Dataverse row.")


def key_of(by: Any) -> tuple[Key, Value]:
    """The key that ``by`` names, and its value.

    Raises:
        InvalidInputError: it is blank or too long.
    """
    for field in dataclasses.fields(by):
        value = getattr(by, field.name)
        if value is strawberry.UNSET:
            continue
        if value is None or value == "":
            raise InvalidInputError("A key must not be blank.", argument="by")
        if isinstance(value, str):
            usable(value, "by")
            if len(value) > _LONGEST_KEY:
                raise InvalidInputError(f"No key is longer than {_LONGEST_KEY} characters.", argument="by")
        return field.metadata[_KEY], value
    raise InvalidInputError("by must name one of its fields.", argument="by")


async def look_up(by: Any, reader: Reader, need: Need) -> Row | None:
    """The row that ``by`` names.

    Raises:
        InvalidInputError: the key is blank, or several rows have it.
        BackendError: it could not be had.
    """
    key, value = key_of(by)
    return await _find(key, value, reader, need)


async def look_up_each(bys: Sequence[Any], reader: Reader, need: Need) -> list[Row | GatewayError | Failure | None]:
    """The rows that many ``by`` name, in their order: one look-up for each kind of key, side by side.

    What one of them means wrong is its own error; a backend that fails is a failure the keys of its kind share.
    """
    wanted = [_key_or_error(by) for by in bys]
    groups: dict[Key, list[Value]] = {}
    for each in wanted:
        if not isinstance(each, InvalidInputError):
            groups.setdefault(each[0], []).append(each[1])
    read = await asyncio.gather(*(_find_all(key, values, reader, need) for key, values in groups.items()))
    found = dict(zip(groups, read, strict=True))

    def outcome(each: tuple[Key, Value] | InvalidInputError) -> Row | GatewayError | Failure | None:
        if isinstance(each, InvalidInputError):
            return each
        return found[each[0]].get(match_key(each[1]))

    return [outcome(each) for each in wanted]


def _key_or_error(by: Any) -> tuple[Key, Value] | InvalidInputError:
    try:
        return key_of(by)
    except InvalidInputError as error:
        return error


async def _find_all(key: Key, values: Sequence[Value], reader: Reader, need: Need) -> dict[str, Row | Failure]:
    """By :func:`match_key` of the value."""
    match key.kind:
        case "OWN" | "OWN_NATURAL":
            return await reader.many(need, key.column, values)
        case "PARTNER":
            try:
                rows = await reader.by_partner_ids(need, key.mapping, [UUID(str(value)) for value in values])
            except GatewayError as error:
                return dict.fromkeys(map(match_key, values), Failure(error))
            return {match_key(partner): row for partner, row in rows.items()}
        case "PARTNER_NATURAL":
            assert key.partner is not None  # noqa: S101 - partner keys name one
            return await reader.by_partners(need, key.mapping, key.partner, key.column, values)


async def _find(key: Key, value: Any, reader: Reader, need: Need) -> Row | None:
    match key.kind:
        case "OWN":
            return await reader.one(need, key.column, value)
        case "OWN_NATURAL":
            return await reader.only(need, key.column, value)
        case "PARTNER":
            return await reader.by_partner_id(need, key.mapping, value)
        case "PARTNER_NATURAL":
            assert key.partner is not None  # noqa: S101 - partner keys name one
            return await reader.by_partner(need, key.mapping, key.partner, key.column, value)
