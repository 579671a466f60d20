"""What customers bought: sales of invoices and credit memos, in local currency and without VAT, by posting date.

    customerSales?$filter=customerNumber eq 'C00210' and dateFilter_FilterOnly ge 2026-01-01

There is a row for every customer, also for one without sales. Conditions on `dateFilter_FilterOnly` hold for the ledger
entries that are added up; the property itself carries no data.

Source: Business Central, "CustomerSale resource type"; Microsoft's AL source of the query "APIV2 - Customer Sales".
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from gateway.sandbox.business_central import errors, query
from gateway.sandbox.business_central.exchange import Environment
from gateway.sandbox.columns import text_number
from gateway.sandbox.expression import Comparison, Expression, In, Literal, Logical, Path
from gateway.sandbox.functions import Term
from gateway.sandbox.sql import Scope, condition
from gateway.sandbox.store import Store

_LEDGER: Final = "$customerLedgerEntries"
_COUNTED: Final = In(
    Path(("documentType",)), (Literal("Invoice", "Edm.String"), Literal("Credit_x0020_Memo", "Edm.String"))
)


def sales_of_customers(environment: Environment, asked: query.Query) -> Iterator[dict[str, object]]:
    """One row per customer, of those that a filter by number leaves."""
    store = environment.store
    named = [one for one in query.conjuncts(asked.where) if set(query.fields(one)) == {"customernumber"}]
    sales = _sales(store, [*asked.given, *named])
    where = _all([_over(one, {"customerNumber": "number"}) for one in named])
    for customer in store.select("customers", where=where, order=query.default_order(store.model.sets["customers"])):
        amount = sales.get(str(customer["number"]), Decimal(0))
        who = {"customerId": customer["id"], "customerNumber": customer["number"], "name": customer["displayName"]}
        yield who | {"totalSalesAmount": amount}


def _sales(store: Store, conditions: list[Expression]) -> dict[str, Decimal]:
    """Sums by customer of the ledger entries that fit."""
    columns = {"customerNumber": "customerNo", "dateFilter_FilterOnly": "postingDate"}
    scope = Scope.root(store.model, _LEDGER)
    fits = condition(scope, Logical("and", (_COUNTED, *(_over(one, columns) for one in conditions), _ANY)))
    customer, amount = f"{scope.alias}.customerNo", f"{scope.alias}.salesLCY"
    sql = f"SELECT {customer}, sum_number({amount}) FROM {scope.source} WHERE {fits.sql} GROUP BY {customer}"  # noqa: S608
    return {str(number): text_number(str(total)) for number, total in store.run(Term(sql, fits.parameters))}


_ANY: Final = Comparison("ge", Path(("entryNo",)), Literal(0, "Edm.Int32"))
"""Holds for every entry; a conjunction has two operands at least."""


def _over(expression: Expression, columns: Mapping[str, str]) -> Expression:
    """The same condition over the columns of another table."""
    match expression:
        case Path(names=(name,)):
            return Path((columns[name],))
        case Literal():
            return expression
        case Comparison(op=op, left=left, right=right):
            return Comparison(op, _over(left, columns), _over(right, columns))
        case In(left=left, values=values):
            return In(_over(left, columns), values)
        case Logical(op=op, operands=operands):
            return Logical(op, tuple(_over(one, columns) for one in operands))
        case _:
            raise errors.not_implemented("This condition is not supported on an OData filter.")


def _all(conditions: list[Expression]) -> Expression | None:
    return Logical("and", tuple(conditions)) if len(conditions) > 1 else next(iter(conditions), None)
