"""Amounts of document lines and their sums, in the document's currency, rounded to cents.

`discountAmount` of a line belongs to the line; `discountAmount` of the document is an invoice discount, spread over the
lines in proportion. Net amounts are after both.

Source: Business Central, "SalesOrderLine resource type", "SalesOrder resource type".
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

_CENT = Decimal("0.01")


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, rounding=ROUND_HALF_UP)


def number(value: object) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value or 0))


def line_discount(line: Mapping[str, object], changed: Mapping[str, object]) -> dict[str, object]:
    """Discount as amount and percentage; what was changed leads, otherwise the percentage."""
    gross = number(line["quantity"]) * number(line["unitPrice"])
    if "discountAmount" in changed and "discountPercent" not in changed:
        amount = rounded(number(changed["discountAmount"]))
        percent = (amount * 100 / gross).quantize(Decimal("0.00001")) if gross else Decimal(0)
    else:
        percent = number(line["discountPercent"])
        amount = rounded(gross * percent / 100)
    return {"discountAmount": amount, "discountPercent": percent}


def line_amounts(line: Mapping[str, object], *, allocation: Decimal = Decimal(0)) -> dict[str, object]:
    """The amount properties of one line with its share of the invoice discount."""
    tax = number(line["taxPercent"]) / 100
    amount = rounded(number(line["quantity"]) * number(line["unitPrice"])) - number(line["discountAmount"])
    net = amount - allocation
    return {
        "amountExcludingTax": amount,
        "totalTaxAmount": rounded(amount * tax),
        "amountIncludingTax": amount + rounded(amount * tax),
        "invoiceDiscountAllocation": allocation,
        "netAmount": net,
        "netTaxAmount": rounded(net * tax),
        "netAmountIncludingTax": net + rounded(net * tax),
    }


def document_amounts(
    lines: Sequence[Mapping[str, object]], *, discount: Decimal
) -> tuple[list[dict[str, object]], dict[str, object]]:
    """Amounts of every line, and the totals of their document."""
    plain = [number(line_amounts(line)["amountExcludingTax"]) for line in lines]
    shares = _spread(discount, plain)
    amounts = [line_amounts(line, allocation=share) for line, share in zip(lines, shares, strict=True)]
    net = sum((number(amount["netAmount"]) for amount in amounts), Decimal(0))
    tax = sum((number(amount["netTaxAmount"]) for amount in amounts), Decimal(0))
    totals: dict[str, object] = {
        "totalAmountExcludingTax": net,
        "totalTaxAmount": tax,
        "totalAmountIncludingTax": net + tax,
    }
    return amounts, totals


def _spread(discount: Decimal, amounts: Sequence[Decimal]) -> list[Decimal]:
    total = sum(amounts, Decimal(0))
    if not discount or not total:
        return [Decimal(0) for _ in amounts]
    shares = [rounded(discount * amount / total) for amount in amounts]
    shares[-1] += discount - sum(shares, Decimal(0))
    return shares
