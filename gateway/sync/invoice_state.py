"""What a posted sales invoice is in CRM, by what is still to be paid of it. Pure.

| Business Central | CRM |
|---|---|
| Canceled | Canceled |
| nothing remains to be paid | Paid: Complete |
| less remains than it came to | Paid: Partial |
| all of it remains | Active: Billed |

Source: Business Central, codeunit CRM Statistics Job, "UpdateInvoiceStatus"; Dataverse, "Invoice table", ``statuscode``.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gateway.errors import ProtocolError
from gateway.reading import values as convert
from gateway.records import Backend, Values
from gateway.sync.records import Found


@dataclass(frozen=True, slots=True)
class InvoiceState:
    """State and status reason of an invoice in CRM."""

    state: int
    reason: int

    @property
    def columns(self) -> Values:
        return {"statecode": self.state, "statuscode": self.reason}

    @property
    def is_closed(self) -> bool:
        return self != BILLED


BILLED: Final = InvoiceState(0, 4)
COMPLETE: Final = InvoiceState(2, 100001)
PARTIAL: Final = InvoiceState(2, 100002)
CANCELED: Final = InvoiceState(3, 100003)


def state_of(invoice: Found) -> InvoiceState:
    """Raises: ProtocolError, when an amount is none."""
    if invoice.values.get("status") == "Canceled":
        return CANCELED
    remaining, total = _amount(invoice, "remainingAmount"), _amount(invoice, "totalAmountIncludingTax")
    if not remaining:
        return COMPLETE
    return BILLED if remaining == total else PARTIAL


def _amount(invoice: Found, name: str) -> Decimal:
    value = invoice.values.get(name)
    try:
        return convert.decimal(value) if value is not None else Decimal(0)
    except TypeError as error:
        message = f"Business Central sent a value of an unknown kind for {name}."
        raise ProtocolError(message, backend=Backend.BUSINESS_CENTRAL) from error
