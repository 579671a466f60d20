"""Why a record is not written: the sentences, each with the records in the way and what to do about them. Pure."""

from gateway.couplings.coupling import Mapping
from gateway.errors import BackendError, ErrorCode, NamedRecord, RefusalError
from gateway.records import Backend
from gateway.sync.mapping import FieldMapping, TableMapping
from gateway.sync.records import Found, capital


def wrong_way(mapping: TableMapping, to: Backend) -> RefusalError:
    """The mapping does not go there."""
    return RefusalError(
        ErrorCode.DIRECTION_NOT_ALLOWED,
        f"The mapping {mapping.name} does not write to {to.label}: its data comes from there.",
        hint=f"Change the {mapping.table(to).noun} in {to.label} itself, or synchronize the other way.",
    )


def cannot_be_set(field: FieldMapping, source: Found, *, to: Backend) -> RefusalError:
    """The other system shows the field, and its API takes no value for it."""
    when = "" if to is Backend.BUSINESS_CENTRAL else " once the row is there"
    return RefusalError(
        ErrorCode.DIRECTION_NOT_ALLOWED,
        f"{field.label} of {source.named} cannot be written: the API of {to.label} does not let it be set{when}.",
        hint=f"Set it in {to.label}, or let the field go the other way only.",
        records=[source.named],
    )


def too_long(field: FieldMapping, source: Found, *, to: Backend, length: int, room: int) -> RefusalError:
    """A text that the other system has no room for. The code is what that system's own refusal would have had."""
    return RefusalError(
        ErrorCode.BACKEND_REJECTED,
        f"{field.label} of {source.named} has {length} characters, {to.label} takes {room}.",
        hint=f"Shorten it in {_other(to).label}.",
        records=[source.named],
    )


def not_coupled(field: FieldMapping, source: Found, referred: NamedRecord, *, to: Backend) -> RefusalError:
    """What the record refers to has no partner on the other side.

    Source: Business Central, "must be coupled to a … row", codeunit CRM Int. Table. Subscriber.
    """
    other = (ErrorCode.LOOKUP_NOT_COUPLED, f"its counterpart in {to.label}", _COUPLE)
    code, partner, hint = _LOOKUPS.get((field.lookup, to), other)
    message = f"{capital(referred)} must be coupled to {partner}, because {source.named} refers to it."
    return RefusalError(code, message, hint=hint, records=[referred, source.named])


_COUPLE = "Couple it with coupleRecords, then synchronize again."
_LOOKUPS: dict[tuple[Mapping | None, Backend], tuple[ErrorCode, str, str]] = {
    (Mapping.SALESPERSON, Backend.DATAVERSE): (
        ErrorCode.SALESPERSON_NOT_COUPLED,
        "a user of Dynamics 365 Sales",
        "Couple the salesperson with coupleSalespersons, then synchronize again.",
    ),
    (Mapping.SALESPERSON, Backend.BUSINESS_CENTRAL): (
        ErrorCode.OWNER_NOT_COUPLED,
        "a salesperson of Business Central",
        "Couple the user with coupleSalespersons, or give the row to an owner who is, then synchronize again.",
    ),
}


def item_not_coupled(item: NamedRecord, source: Found, *, line: str) -> RefusalError:
    """What a line of a document is about has no partner: the document is not made without it.

    Source: Business Central, "Integrating with Dynamics 365 Sales", invoices: all items of the lines must be coupled.
    """
    message = f"{capital(item)} must be coupled to a product, because {line} of {source.named} is about it."
    return RefusalError(ErrorCode.LOOKUP_NOT_COUPLED, message, hint=_COUPLE, records=[item, source.named])


def unit_missing(item: NamedRecord, source: Found, *, line: str, unit: str) -> RefusalError:
    """CRM counts a product in the units of its unit group only."""
    return RefusalError(
        ErrorCode.LOOKUP_NOT_COUPLED,
        f"The product of {item} has no unit {unit}, in which {line} of {source.named} is counted.",
        hint=f"Add the unit {unit} to the unit group of the product in Dynamics 365 Sales, then synchronize again.",
        records=[item, source.named],
    )


def vanished(source: Found) -> RefusalError:
    """A document that was there a moment ago; nothing is made of it without its lines."""
    return RefusalError(
        ErrorCode.RECORD_NOT_VISIBLE,
        f"The lines of {source.named} could not be read: it is no longer there.",
        hint="Synchronize again.",
        records=[source.named],
    )


def no_partner(record: NamedRecord, source: Found, *, noun: str) -> RefusalError:
    """What a new record has to belong to is not coupled."""
    message = f"{capital(record)} must be coupled to {noun}, because {source.named} belongs to it."
    return RefusalError(ErrorCode.LOOKUP_NOT_COUPLED, message, hint=_COUPLE, records=[record, source.named])


def lacking(source: Found, what: str, *, hint: str) -> RefusalError:
    """A new record cannot be made of this one; ``what`` completes the sentence."""
    return RefusalError(
        ErrorCode.LOOKUP_NOT_COUPLED, f"{capital(source.named)} {what}.", hint=hint, records=[source.named]
    )


def no_rate(source: Found, code: str, *, relation: str | None, is_base: bool) -> RefusalError:
    """A currency's exchange rate cannot be told: ``code`` lacks one, or has it in ``relation`` to a third currency."""
    hint = "Enter an exchange rate in Business Central, page Currency Exchange Rates."
    if relation is not None:
        hint = f"Enter its exchange rate in relation to the local currency, page Currency Exchange Rates, not to {relation}."
    of = f"Currency {code}, the base currency of CRM," if is_base else capital(source.named)
    what = f"has an exchange rate in relation to {relation} only" if relation is not None else "has no exchange rate"
    end = f"so none can be worked out for {source.named}" if is_base else "which CRM insists on"
    if relation is not None and not is_base:
        end = "so the one that CRM insists on cannot be worked out"
    message = f"{of} {what}, {end}."
    return RefusalError(ErrorCode.LOOKUP_NOT_COUPLED, message, hint=hint, records=[source.named])


def unreadable(source: Found, target: Found | None, error: BackendError) -> RefusalError:
    """One of the two records holds something that cannot be so; the others of its page are none the worse for it."""
    return RefusalError(
        error.code,
        f"{capital(source.named)} cannot be synchronized. {error.message}",
        hint="Look at the record itself, then synchronize again. If it looks right there, tell the gateway's administrator.",
        records=[each.named for each in (source, target) if each is not None],
    )


def fixed_currency(source: Found, target: Found) -> RefusalError:
    """The amounts of the row are in another currency, and its price list is tied to that.

    Source: Dataverse, "Opportunity table", ``pricelevelid``.
    """
    return RefusalError(
        ErrorCode.DIRECTION_NOT_ALLOWED,
        f"{capital(source.named)} has amounts in local currency, and {target.named} is in another, tied to its price list.",
        hint="Choose a price list in the local currency in Dynamics 365 Sales, or none, then synchronize again.",
        records=[source.named, target.named],
    )


def _other(backend: Backend) -> Backend:
    return Backend.DATAVERSE if backend is Backend.BUSINESS_CENTRAL else Backend.BUSINESS_CENTRAL
