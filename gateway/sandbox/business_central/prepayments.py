"""What was invoiced of an order line before it ships: posting the line takes it off the invoice again.

Source: Business Central, "Invoice prepayments"; table Sales Line, Prepmt. Amt. Inv.
"""

from decimal import Decimal

from gateway.sandbox.business_central.amounts import number, rounded
from gateway.sandbox.store import Row

_NAMES = ("prepaymentInvoiced", "prepaymentTaxInvoiced")


def deducted(line: Row, quantity: Decimal) -> dict[str, Decimal]:
    """The share of an order line's prepayment, and of its VAT, that falls on a quantity which is invoiced now."""
    left = number(line["quantity"]) - number(line["invoicedQuantity"])
    return {name: rounded(number(line[name]) * quantity / left) if left else Decimal(0) for name in _NAMES}


def left(line: Row, quantity: Decimal) -> dict[str, Decimal]:
    """What remains of a prepayment when a quantity was invoiced."""
    return {name: number(line[name]) - amount for name, amount in deducted(line, quantity).items()}


def deduction(line: Row, quantity: Decimal, *, sequence: int) -> dict[str, object] | None:
    """The line of an invoice that takes off the prepayment; None when there was none."""
    net = deducted(line, quantity)["prepaymentInvoiced"]
    if not net:
        return None
    return {
        "sequence": sequence,
        "lineType": "Account",
        "description": "Prepayment",
        "quantity": Decimal(-1),
        "unitPrice": net,
        "taxCode": line["taxCode"],
        "taxPercent": line["taxPercent"],
        "discountAmount": Decimal(0),
    }
