"""What the lines of a document come to in CRM is what the document comes to in Business Central."""

from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RefusalError
from gateway.records import Values
from gateway.sandbox.dataverse.pricing import Money, PricingError, document_totals, line_amounts
from gateway.sync.lines import NewLine, Products, document_lines
from gateway.sync.records import Found
from gateway.sync.tables.sales_invoice import SALES_INVOICE

NOTHING = Products({}, {}, {})
CENT = Decimal("0.01")


def amounts(places: int, most: int = 10**6) -> st.SearchStrategy[Decimal]:
    return st.integers(0, most * 10**places).map(lambda number: Decimal(number).scaleb(-places))


@st.composite
def sold(draw: st.DrawFn) -> Values:
    """A line as Business Central shows it, with amounts that need not be what CRM would make of them."""
    quantity = draw(amounts(3, 1000)) * draw(st.sampled_from([1, -1]))
    return {
        "sequence": draw(st.integers(1, 99)) * 10_000,
        "description": "Freight",
        "quantity": quantity or Decimal(1),
        "unitPrice": draw(amounts(5, 1000)),
        "discountAmount": draw(amounts(2, 100)) * draw(st.sampled_from([0, 1, -1])),
        "taxPercent": Decimal(draw(st.sampled_from([0, 9, 21]))),
        "amountExcludingTax": draw(amounts(2)),
        "netTaxAmount": draw(amounts(2, 100)),
    }


def made(source: Values, rows: list[Values], places: int = 2) -> tuple[NewLine, ...]:
    found = Found(SALES_INVOICE.bc, UUID(int=1), source, None)
    lines = document_lines(found, rows, NOTHING, places)
    assert not isinstance(lines, RefusalError)
    return lines


def in_crm(lines: tuple[NewLine, ...], discount: Decimal) -> dict[str, object]:
    """The totals that CRM adds up: the price engine of the simulator, which knows nothing of us."""
    money, rows = Money(2), []
    for each in lines:
        price = each.values["priceperunit"]
        assert isinstance(price, Decimal)
        rows.append({**each.values, **line_amounts(each.values, price=price, error=PricingError.NONE, money=money)})
    return document_totals({"discountamount": discount}, rows, money=money)


@given(
    rows=st.lists(sold(), max_size=6),
    net=amounts(2),
    tax=amounts(2),
    discount=amounts(2, 100),
    with_tax=st.booleans(),
    places=st.integers(0, 4),
)
def test_totals_are_those_of_business_central(
    rows: list[Values], net: Decimal, tax: Decimal, discount: Decimal, with_tax: bool, places: int
) -> None:
    source = {"totalAmountExcludingTax": net, "totalTaxAmount": tax, "discountAmount": discount}
    lines = made({**source, "pricesIncludeTax": with_tax}, rows, places)
    totals = in_crm(lines, discount)
    assert (totals["totalamountlessfreight"], totals["totaltax"], totals["totalamount"]) == (net, tax, net + tax)
    for each in lines:
        discounted = each.values.get("manualdiscountamount", Decimal(0))
        assert isinstance(discounted, Decimal)
        assert discounted >= 0, "CRM takes no other"


@given(rows=st.lists(sold(), min_size=1, max_size=6))
def test_nothing_is_made_up_where_nothing_is_lost(rows: list[Values]) -> None:
    """Prices of cents and amounts as Business Central calculates them need no line for rounding."""
    exact: list[Values] = []
    for row in rows:
        quantity, price = abs(Decimal(str(row["quantity"]))), Decimal(str(row["unitPrice"])).quantize(CENT)
        net = (quantity * price).quantize(CENT, ROUND_HALF_UP)
        exact.append({**row, "quantity": quantity, "unitPrice": price, "discountAmount": Decimal(0), "net": net})
    net = sum((Decimal(str(row["net"])) for row in exact), Decimal(0))
    tax = sum((Decimal(str(row["netTaxAmount"])) for row in exact), Decimal(0))
    lines = made({"totalAmountExcludingTax": net, "totalTaxAmount": tax}, exact)
    assert [each.number for each in lines] == [row["sequence"] for row in exact]
