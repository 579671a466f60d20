"""What customers owe: customer ledger entries, and the balances that follow from them.

Source: Business Central, table Cust. Ledger Entry; "CustomerFinancialDetail resource type".
"""

from decimal import Decimal

from gateway.sandbox.business_central.amounts import number, rounded
from gateway.sandbox.business_central.rules import find
from gateway.sandbox.expression import OrderItem, Path
from gateway.sandbox.model import ZERO_GUID
from gateway.sandbox.store import Row, Store


def open_entry(store: Store, invoice: Row, *, cost: Decimal, today: str) -> str:
    """Open the entry of an invoice at its bill-to customer; gives the number of the posted invoice."""
    last = store.select("$customerLedgerEntries", order=[OrderItem(Path(("entryNo",)), descending=True)], limit=1)
    entry_number = int(str(last[0]["entryNo"])) + 1 if last else 1
    document, customer = f"PSI{entry_number:06d}", str(invoice["billToCustomerNumber"])
    foreign = invoice["currencyId"] != ZERO_GUID
    code = str(invoice["currencyCode"]) if foreign else ""
    amount = number(invoice["totalAmountIncludingTax"])
    owed, sales = (_local(store, value, code) for value in (amount, number(invoice["totalAmountExcludingTax"])))
    entry = {
        "entryNo": entry_number,
        "customerNo": customer,
        "postingDate": today,
        "dueDate": invoice["dueDate"],
        "documentType": "Invoice",
        "documentNo": document,
        "description": f"Invoice {document}",
        "currencyCode": code,
        "amount": amount,
        "remainingAmount": amount,
        "amountLCY": owed,
        "remainingAmountLCY": owed,
        "salesLCY": sales,
        "profitLCY": sales - rounded(cost),
        "salespersonCode": invoice["salesperson"],
        "open": bool(amount),
        "positive": amount > 0,
    }
    store.insert("$customerLedgerEntries", entry)
    _raise_balance(store, customer, owed=owed, sales=sales)
    return document


def _local(store: Store, amount: Decimal, currency_code: str) -> Decimal:
    rate = find(store, "currencyExchangeRates", "currencyCode", currency_code) if currency_code else None
    return rounded(amount / number(rate["exchangeRateAmount"])) if rate else amount


def _raise_balance(store: Store, customer_number: str, *, owed: Decimal, sales: Decimal) -> None:
    customer = find(store, "customers", "number", customer_number)
    if customer is None:
        return
    store.update("customers", customer["id"], {"balanceDue": number(customer["balanceDue"]) + owed})
    details = store.get("customerFinancialDetails", customer["id"])
    if details is not None:
        figures = {
            "balance": number(details["balance"]) + owed,
            "totalSalesExcludingTax": number(details["totalSalesExcludingTax"]) + sales,
        }
        store.update("customerFinancialDetails", customer["id"], figures)
