"""Sets that are computed when they are read, over a temporary table of their own.

What a filter says about some properties is what to compute for, not which rows to show.

Source: Business Central, "AgedAccountsReceivable resource type", "CustomerSale resource type".
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Final

from gateway.sandbox.business_central import aging, customer_sales, query
from gateway.sandbox.business_central.address import Target
from gateway.sandbox.business_central.exchange import Environment, Request
from gateway.sandbox.model import Model
from gateway.sandbox.store import Store

Report = Callable[[Environment, query.Query], Iterator[dict[str, object]]]

_REPORTS: Final[Mapping[str, Report]] = {
    "agedAccountsReceivables": aging.aged_receivables,
    "customerSales": customer_sales.sales_of_customers,
}


@contextmanager
def prepared(environment: Environment, request: Request, target: Target) -> Iterator[Environment]:
    """What to read a set from: the environment itself, or one whose store holds the report that was asked for."""
    entity_set = target.entity_set
    report = _REPORTS.get(entity_set.name)
    if report is None:
        yield environment
        return
    asked = query.parse(query.options(request.query), entity_set, environment.store.model)
    with closing(Store(Model({entity_set.name: entity_set}, nulls=False), None)) as store:
        store.seed(entity_set.name, report(environment, asked))
        yield replace(environment, store=store)
